"""Attention that is told where to look: right targets, and a loss that falls with what it sees there."""

from math import log

import pytest
import torch

from training.gazing import gaze_loss, gaze_targets, name_loss, name_targets, token_objects
from training.question_packs import SEARCH, Gaze


def test_a_token_shows_what_fills_a_quarter_of_it() -> None:
    cells = torch.zeros(2, 4, 4, dtype=torch.long)
    cells[0, 0, 0] = 1  # a quarter of the first token
    cells[0, 2:, 2:] = 2
    cells[0, 3, 3] = 3  # a quarter of what the second object nearly fills
    cells[1, :2, :2] = torch.tensor([[3, 2], [2, 1]])
    shown = token_objects(cells, 2, 3)
    assert shown.shape == (2, 4, 4)
    assert shown[0].int().tolist() == [[1, 1, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0], [0, 0, 1, 1]]
    assert shown[1, 0].tolist() == [False, True, True, True]


def test_a_small_object_is_shown_by_the_token_that_has_most_of_it() -> None:
    cells = torch.zeros(1, 8, 8, dtype=torch.long)
    cells[0, 3, 3] = cells[0, 4, 4] = cells[0, 4, 5] = 1
    assert token_objects(cells, 4, 2)[0, :, 1:].int().tolist() == [[0, 0], [0, 0], [0, 0], [1, 0]]


def test_targets_name_rows_and_objects() -> None:
    where, objects = gaze_targets([[Gaze(7, 2, (1,)), Gaze(9, SEARCH, (1, 3))], [], [Gaze(4, SEARCH, ())]], 3)
    assert where.tolist() == [[0, 7, 2], [0, 9, SEARCH], [2, 4, SEARCH]]
    assert objects.int().tolist() == [[0, 1, 0, 0], [0, 1, 0, 1], [1, 0, 0, 0]]
    nowhere, none = gaze_targets([[], []], 3)
    assert nowhere.shape == (0, 3)
    assert none.shape == (0, 4)


FIRST = 1  # one token before the four of the image
SHOWN = torch.tensor([[[0, 1, 0], [0, 1, 0], [1, 0, 0], [0, 0, 1]]], dtype=torch.bool)


@pytest.mark.parametrize(
    ("gaze", "layer", "head", "seen"),
    [
        (Gaze(6, 0, (1,)), -1, 0, {1: 0.3, 2: 0.4}),
        (Gaze(6, 3, (2,)), -1, 3, {4: 0.8}),
        (Gaze(6, SEARCH, (2, 1)), -2, 0, {1: 0.1, 2: 0.2, 4: 0.5}),
        (Gaze(6, SEARCH, ()), -2, 0, {0: 0.6}),
    ],
)
def test_only_attention_on_what_is_to_be_looked_at_counts(
    gaze: Gaze, layer: int, head: int, seen: dict[int, float]
) -> None:
    attentions = [torch.full((1, 4, 7, 7), 1e-9) for _ in range(3)]
    for token, share in seen.items():
        attentions[layer][0, head, 6, token] = share
    attentions[layer][0, head, 6, 3] = 1 - sum(seen.values())  # the rest goes astray
    where, wanted = gaze_targets([[gaze]], 2)
    loss, mean = gaze_loss(attentions, where, wanted, SHOWN, FIRST)
    assert mean == pytest.approx(sum(seen.values()), abs=1e-6)
    assert loss.item() == pytest.approx(-log(mean), abs=1e-5)
    elsewhere = [attention.roll(1, 1) for attention in attentions]  # another head saw it
    assert gaze_loss(elsewhere, where, wanted, SHOWN, FIRST)[0] > 5


def test_what_no_token_shows_is_not_asked_for() -> None:
    attentions = [torch.rand(1, 4, 7, 7, requires_grad=True).softmax(-1) for _ in range(2)]
    where, wanted = gaze_targets([[Gaze(6, 0, (2,))]], 2)
    hidden = SHOWN.clone()
    hidden[..., 2] = False
    loss, mean = gaze_loss(attentions, where, wanted, hidden, FIRST)
    assert (loss.item(), mean) == (0.0, 0.0)
    loss.backward()  # and yet there is something to go back through


def test_every_head_of_the_second_layer_has_to_see_the_name() -> None:
    names = name_targets([[], [Gaze(6, 0, (1,), (2, 3)), Gaze(5, 1, (1,)), Gaze(5, SEARCH, (), (4,))]])
    assert names.tolist() == [[1, 6, 2], [1, 6, 3], [1, 5, 4]]
    attentions = [torch.zeros(2, 2, 7, 7) for _ in range(3)]
    for head, (first, second, alone) in enumerate([(0.5, 0.25, 1.0), (0.1, 0.2, 0.5)]):
        attentions[1][1, head, 6, 2:4] = torch.tensor([first, second])
        attentions[1][1, head, 5, 4] = alone
    expected = -sum(map(log, (0.75, 0.3, 1.0, 0.5))) / 4
    assert name_loss(attentions, names).item() == pytest.approx(expected)
    assert name_loss(attentions, name_targets([[], []])).item() == 0
