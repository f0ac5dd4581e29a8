"""Learning to look: labels that agree with the picture, and losses that fall when they should."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file
from torch import Tensor

from training.looking import BLOCKS, Looker, LookTask, box_losses, cell_labels, region_points, token_labels
from training.loop import Draw
from training.nano import CELLS, MERGE, new_nano, plural_tokens
from training.scenes import Scene, SceneSettings

BACKGROUND = 9
CPU = torch.device("cpu")


@pytest.fixture
def scene(draw_scene: Callable[..., Scene]) -> Scene:
    """Kinds 1, 2 and 3; the second hides part of the first, the third is a single pixel in the corner."""
    drawn = draw_scene(("dog", (0, 0, 100, 100)), ("owl", (50, 20, 150, 60)), ("cat", (199, 99, 200, 100)))
    objects = tuple(replace(item, category=kind) for kind, item in enumerate(drawn.objects, 1))
    return replace(drawn, objects=objects)


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> LookTask:
    torch.manual_seed(0)
    few = SceneSettings(objects=(3, 5), side=(128, 128), scale=(0.2, 0.4))
    task = LookTask(output=tmp_path_factory.mktemp("look") / "new" / "look.safetensors", early=few, late=few)
    task.setup(CPU)
    return task


# --- labels ----------------------------------------------------------------------------------------------------------


def test_cells_are_labelled_by_what_lies_under_their_centre(scene: Scene) -> None:
    names, boxes = cell_labels(scene, BACKGROUND)
    assert names.shape == (CELLS, CELLS)
    assert names.dtype == np.int64
    assert boxes.shape == (CELLS, CELLS, 4)
    assert boxes.dtype == np.float32
    for row in range(CELLS):
        for column in range(CELLS):
            number = scene.ids[int((row + 0.5) / CELLS * 100), int((column + 0.5) / CELLS * 200)]
            if number == 0:
                assert names[row, column] == BACKGROUND
                assert not boxes[row, column].any()
            else:
                item = scene.objects[number - 1]
                assert names[row, column] == item.category
                assert boxes[row, column] * [200, 100, 200, 100] == pytest.approx(item.box, abs=1e-4)
    assert set(np.unique(names)) == {1, 2, BACKGROUND}  # no centre falls on the single pixel


def test_an_empty_picture_is_background(draw_scene: Callable[..., Scene]) -> None:
    names, boxes = cell_labels(draw_scene(), BACKGROUND)
    assert (names == BACKGROUND).all()
    assert not boxes.any()


def test_points_of_a_region_lie_on_its_object(scene: Scene) -> None:
    rng = np.random.default_rng(0)
    for number, item in enumerate(scene.objects):
        x1, y1, x2, y2 = item.box
        on_object = []
        for _ in range(80):
            points = region_points(scene, number, rng)
            assert points.shape == (128, 2)
            assert points.dtype == np.float32
            pixels = np.rint(points * [200, 100]).astype(int)
            assert np.abs(points * [200, 100] - pixels).max() < 1e-3  # whole pixels, as the sampler counts them
            reach = round(5 * 200 / 224)
            assert (pixels >= np.maximum([x1 - reach, y1 - reach], 0)).all()
            assert (pixels <= np.minimum([x2 - 1 + reach, y2 - 1 + reach], [199, 99])).all()
            on_object.append(scene.mask(number)[pixels[:, 1], pixels[:, 0]].mean())
        # A mask lies on its object altogether, a box or a click near an edge takes in something else.
        assert sum(share == 1 for share in on_object) > 20
        assert min(on_object) > 0
    assert min(on_object) < 1


def blocks_of(names: np.ndarray, boxes: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    return token_labels(torch.from_numpy(names)[None], torch.from_numpy(boxes)[None], BACKGROUND)


def test_a_token_is_labelled_by_the_shares_of_its_cells(scene: Scene) -> None:
    names, boxes = cell_labels(scene, BACKGROUND)
    share, target = blocks_of(names, boxes)
    assert share.shape == (1, BLOCKS**2, BACKGROUND + 1)
    assert target.shape == (1, BLOCKS**2, 4)
    torch.testing.assert_close(share.sum(-1), torch.ones(1, BLOCKS**2))
    for token in range(BLOCKS**2):
        row, column = MERGE * (token // BLOCKS), MERGE * (token % BLOCKS)
        mine = names[row : row + MERGE, column : column + MERGE]
        for kind in range(BACKGROUND + 1):
            assert share[0, token, kind].item() == pytest.approx((mine == kind).mean())
        things = share[0, token, :-1]
        if things.max() > 0:
            box = scene.objects[int(things.argmax()) - 1].box
            assert (target[0, token] * torch.tensor([200, 100, 200, 100])).tolist() == pytest.approx(box, abs=1e-4)


@settings(max_examples=30)
@given(st.integers(0, 10**6))
def test_shares_of_any_map_sum_to_one(seed: int) -> None:
    rng = np.random.default_rng(seed)
    names = rng.integers(0, BACKGROUND + 1, (CELLS, CELLS))
    boxes = names[..., None] / np.full(4, BACKGROUND + 1, np.float32)
    share, target = blocks_of(names, boxes.astype(np.float32))
    torch.testing.assert_close(share.sum(-1), torch.ones(1, BLOCKS**2))
    commonest = share[..., :-1].argmax(-1)
    torch.testing.assert_close(target[..., 0], commonest / (BACKGROUND + 1))


# --- losses ----------------------------------------------------------------------------------------------------------


def test_perfect_boxes_cost_nothing() -> None:
    target = torch.tensor([[0.1, 0.2, 0.5, 0.9], [0.45, 0.45, 0.55, 0.55]])
    loss, iou = box_losses(target.logit(), target)
    assert loss.item() == pytest.approx(0, abs=1e-3)
    assert iou == pytest.approx(1, abs=1e-3)


def test_worse_boxes_cost_more() -> None:
    target = torch.tensor([[0.4, 0.4, 0.6, 0.6]])
    losses = []
    for shift in (0.0, 0.05, 0.1, 0.2, 0.3, 0.39):
        loss, iou = box_losses((target + shift).logit(), target)
        losses.append(loss.item())
        assert iou == pytest.approx(max(0, 0.2 - shift) ** 2 / (0.08 - max(0, 0.2 - shift) ** 2), abs=1e-3)
    assert losses == sorted(losses)
    assert losses[-1] > losses[-2] + 0.05  # even far boxes are drawn nearer


@pytest.mark.parametrize("box", [(0.6, 0.6, 0.4, 0.4), (0.5, 0.5, 0.5, 0.5), (1e-9, 1e-9, 1 - 1e-7, 1 - 1e-7)])
def test_strange_boxes_have_a_finite_loss_and_gradient(box: tuple[float, ...]) -> None:
    logits = torch.tensor([box]).logit().requires_grad_()
    loss, iou = box_losses(logits, torch.tensor([[0.4, 0.4, 0.6, 0.6]]))
    loss.backward()
    assert loss.isfinite()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()
    assert 0 <= iou <= 1


def test_no_boxes_cost_nothing() -> None:
    logits = torch.zeros(0, 4, requires_grad=True)
    loss, iou = box_losses(logits, torch.zeros(0, 4))
    loss.backward()
    assert (loss.item(), iou) == (0, 0)


# --- the task --------------------------------------------------------------------------------------------------------


def test_names_are_unit_vectors_and_the_background_is_last(task: LookTask) -> None:
    names = task._looker.names()
    assert names.shape == (366, 256)
    torch.testing.assert_close(names.norm(dim=-1), torch.ones(366))
    embeddings = task._looker.model.get_input_embeddings().weight
    word = task._looker.name_ids[0][task._looker.name_weights[0] > 0]
    expected = torch.nn.functional.normalize(embeddings[word].mean(0), dim=0)
    torch.testing.assert_close(names[0], expected)


def test_a_batch_holds_every_label_and_depends_on_its_seed(task: LookTask) -> None:
    batch, again, other = task.batch(Draw(3, 2, 0.0)), task.batch(Draw(3, 2, 0.0)), task.batch(Draw(4, 2, 0.0))
    assert batch["pixels"].shape == (2, 3, 224, 224)
    assert batch["names"].shape == (2, CELLS, CELLS)
    assert batch["boxes"].shape == (2, CELLS, CELLS, 4)
    regions = len(batch["index"])
    assert batch["points"].shape == (regions, 128, 2)
    assert batch["categories"].shape == (regions,)
    assert set(batch["index"].tolist()) == {0, 1}
    assert 0 <= batch["boxes"].min() <= batch["boxes"].max() <= 1
    for image in (0, 1):  # every kind under a cell is pointed at as well
        kinds = set(batch["names"][image].unique().tolist()) - {365}
        assert kinds <= set(batch["categories"][batch["index"] == image].tolist())
    assert all(torch.equal(value, again[name]) for name, value in batch.items())
    assert not torch.equal(batch["pixels"], other["pixels"])


def test_scenes_change_on_the_way(task: LookTask) -> None:
    other = LookTask(early=task.early, late=replace(task.late, objects=(1, 1), sign=0.0))
    other._maker, other._background = task._maker, task._background
    assert len(other.batch(Draw(0, 3, 0.99))["index"]) == 3
    assert len(other.batch(Draw(0, 3, 0.0))["index"]) > 6


def test_a_few_steps_on_one_batch_lower_the_loss(task: LookTask) -> None:
    torch.manual_seed(1)
    looker = Looker(new_nano()).train()
    mine = LookTask()
    mine._looker, mine._device, mine._background = looker, CPU, 365
    parameters = [parameter for name, parameter in looker.named_parameters() if mine.learning_rate(name) > 0]
    optimizer = torch.optim.AdamW(parameters, lr=1e-3)
    batch = task.batch(Draw(0, 2, 0.0))
    losses = []
    for _ in range(6):
        optimizer.zero_grad()
        loss, figures = mine.loss(batch, 0.0)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.75 * losses[0]
    assert {"cell", "token", "region", "cell_iou", "token_iou"} <= figures.keys()
    assert all(0 <= figures[name] <= 1 for name in ("cell", "token", "region", "cell_iou", "token_iou"))
    # All that sees has been taught: the encoder, the projector, the sampler and the heads.
    taught = {name for name, parameter in looker.named_parameters() if parameter.grad is not None}
    parts = ("vision_tower", "projector.layers", "projector.box", "region_sampler", "embed_tokens", "cell_box")
    for part in (*parts, "background"):
        assert any(part in name for name in taught), part
    assert not any(part in name for name in taught for part in ("self_attn", "mlp.gate"))


def test_the_language_model_waits_and_its_words_only_drift(task: LookTask) -> None:
    rates = {name: task.learning_rate(name) for name, _ in task._looker.named_parameters()}
    assert {rate for name, rate in rates.items() if "language_model.layers" in name} == {0.0}
    assert {rate for name, rate in rates.items() if "embed_tokens" in name} == {0.05}
    assert {rate for name, rate in rates.items() if "language_model" not in name} == {1.0}


def test_the_heads_are_thrown_away(task: LookTask, tmp_path: Path) -> None:
    task.finish(task._looker, tmp_path)
    state = load_file(task.output)
    model = new_nano()
    left = model.load_state_dict(state, strict=False)
    untrained = [name for name in left.missing_keys if name != "lm_head.weight"]  # which is the embedding
    assert untrained
    assert all(".language_model." in name and "embed_tokens" not in name for name in untrained)
    assert left.unexpected_keys == []
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items() if name in state)
    assert list(tmp_path.iterdir()) == []


def test_plurals_begin_near_what_they_are_of(task: LookTask, tmp_path: Path) -> None:
    task = replace(task, output=tmp_path / "look.safetensors")
    looker = Looker(new_nano())
    task.finish(looker, tmp_path)
    many, one = torch.tensor(plural_tokens()).T
    before: Tensor = looker.model.get_input_embeddings().weight.detach()
    after = load_file(tmp_path / "look.safetensors")["model.language_model.embed_tokens.weight"]
    likeness = torch.cosine_similarity(after[many], before[one])
    assert likeness.min() > 0.8
    assert torch.equal(after[one], before[one])
    assert not torch.equal(after[many], before[one])
