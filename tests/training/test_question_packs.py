"""Questions in one sequence: each as if it were asked alone, and each coordinate followed to its object."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from ferret.modeling import FerretForConditionalGeneration
from ferret.regions import Box
from ferret.sampler import sample_points
from training.instructions import DEFAULT_WEIGHTS, TASK_NAMES, Instruction, make_instructions
from training.nano import nano_tokenizer, new_nano, to_model_size, to_pixels
from training.question_packs import SEARCH, SEARCHING, Packed, object_boxes, pack_questions, packed_mask
from training.scenes import Scene

SIZE = (200, 100)
START = 3 + 49  # `<s> USER :` and the picture


@pytest.fixture(scope="module")
def model() -> FerretForConditionalGeneration:
    torch.manual_seed(0)
    return new_nano().eval()


@pytest.fixture
def zoo(draw_scene: Callable[..., Scene]) -> Scene:
    return draw_scene(
        ("dog", (5, 10, 60, 70)),
        ("dog", (70, 40, 110, 95)),
        ("owl", (90, 5, 130, 45)),
        ("sign", (140, 10, 195, 35), "BEST BREAD"),
        ("cat", (140, 50, 190, 90)),
    )


def words(ids: np.ndarray) -> list[str]:
    tokens: list[str] = nano_tokenizer().convert_ids_to_tokens(ids.tolist())
    return tokens


def logits_of(model: FerretForConditionalGeneration, scene: Scene, packed: Packed, mask: Tensor) -> Tensor:
    """Logits [L, V] of a packed row under an attention mask [1, 1, L, L]."""
    points = torch.stack(packed.points) if packed.points else None
    with torch.inference_mode():
        output = model(
            input_ids=torch.from_numpy(packed.ids)[None],
            pixel_values=to_pixels([to_model_size(scene.image)]),
            attention_mask=mask,
            position_ids=torch.from_numpy(packed.positions)[None],
            region_points=points,
            region_image_index=None if points is None else torch.zeros(len(points), dtype=torch.long),
        )
    logits: Tensor = output.logits[0]
    return logits


# --- where answers speak of which object -----------------------------------------------------------------------------


BOXES = {(1, 20, 300, 999): 1, (5, 6, 7, 8): 2}


@pytest.mark.parametrize(
    ("task", "answer", "coordinates", "found"),
    [
        ("refer_box", "a dog", [], None),
        ("ground_one", "dog [1, 20, 300, 999]", [1, 1, 1, 1], (1,)),
        ("ground_all", "2 dogs [5, 6, 7, 8] [1, 20, 300, 999]", [2, 2, 2, 2, 1, 1, 1, 1], (2, 1)),
        ("ground_absent", "There is no dog.", [], ()),
        ("exist", "No, there is no dog.", [], ()),
        ("exist", "Yes, a dog [5, 6, 7, 8].", [2, 2, 2, 2], (2,)),
        ("count", "0 dogs", [], ()),
        # A box of nothing in the scene is not followed, and what was searched is then not all known.
        ("ground_all", "2 dogs [5, 6, 7, 8] [9, 9, 9, 9]", [2, 2, 2, 2], None),
        ("dense_detect", "The objects are: 1: dog [5, 6, 7, 8], 2: owl [9, 9, 9, 9]", [2, 2, 2, 2], None),
        ("describe", "The picture shows a dog [5, 6, 7, 8].", [2, 2, 2, 2], None),
    ],
)
def test_coordinates_look_at_their_object_and_answers_at_what_they_find(
    task: str, answer: str, coordinates: list[int], found: tuple[int, ...] | None
) -> None:
    question = "Where is the dog near [5, 6, 7, 8]?"
    packed = pack_questions([Instruction("list", "What?", (), "a dog"), Instruction(task, question, (), answer)],
                            SIZE, 250, BOXES)  # fmt: skip
    placing = [gaze for gaze in packed.gazes if gaze.coordinate != SEARCH]
    assert [gaze.objects for gaze in placing] == [(number,) for number in coordinates]
    assert [gaze.coordinate for gaze in placing] == [0, 1, 2, 3] * (len(coordinates) // 4)
    for gaze in placing:  # the token before a coordinate
        assert words(packed.ids[gaze.position : gaze.position + 1])[0] in ("[", ",")
        assert packed.soft[gaze.position + 1]
        assert packed.segments[gaze.position] == 2
    searching = [gaze for gaze in packed.gazes if gaze.coordinate == SEARCH]
    assert (searching == []) == (found is None) or task not in SEARCHING
    if found is not None:
        first = int(np.flatnonzero((packed.labels != -100) & (packed.segments == 2))[0])
        assert [(gaze.position, gaze.objects) for gaze in searching] == [(first - 1, found)]


@pytest.mark.parametrize(
    ("task", "question", "answer", "names"),
    [
        ("ground_one", "Where is the fire engine?", "fire engine [5, 6, 7, 8]", ["fire engine"] * 5),
        ("ground_all", "Where are the dogs?", "2 dogs [5, 6, 7, 8] [1, 20, 300, 999]", ["dogs"] * 9),
        ("ground_absent", "Where is the dog?", "There is no dog.", ["dog"]),
        ("exist", "Is there a dog?", "Yes, a dog [5, 6, 7, 8].", ["dog"] * 5),
        ("count", "How many dogs are there?", "1 dog [5, 6, 7, 8]", ["dog"] * 4 + [""]),  # another word was asked for
        ("dense_detect", "What is there?", "The objects are: 1: dog [5, 6, 7, 8], 2: owl [1, 20, 300, 999]",
         ["dog"] * 4 + ["owl"] * 4),
    ],
)  # fmt: skip
def test_what_looks_for_something_looks_at_its_name(task: str, question: str, answer: str, names: list[str]) -> None:
    first = Instruction("list", "What?", (), "an owl")
    packed = pack_questions([first, Instruction(task, question, (), answer)], SIZE, 250, BOXES)
    assert [" ".join(words(packed.ids[list(gaze.names)])) for gaze in packed.gazes] == names
    for gaze in packed.gazes:
        assert all(word < gaze.position or packed.ids[word] == packed.ids[gaze.position] for word in gaze.names)
        assert (packed.segments[list(gaze.names)] == 2).all()


@pytest.mark.parametrize("task", TASK_NAMES)
def test_every_coordinate_that_is_learned_belongs_to_an_object(zoo: Scene, task: str) -> None:
    items = make_instructions(zoo, np.random.default_rng(4), 6, {task: 1.0})
    packed = pack_questions(items, SIZE, 2000, object_boxes(zoo))
    before = {gaze.position + 1 for gaze in packed.gazes if gaze.coordinate != SEARCH}
    assert before == set(np.flatnonzero(packed.soft).tolist())
    assert sum(gaze.coordinate == SEARCH for gaze in packed.gazes) == sum(item.task in SEARCHING for item in items)


# --- packing ---------------------------------------------------------------------------------------------------------


def test_a_token_sees_the_picture_and_its_own_question_so_far() -> None:
    mask = packed_mask(torch.tensor([[0, 0, 1, 1, 2, 2], [0, 1, 1, 2, -1, -1]]))
    assert mask.shape == (2, 1, 6, 6)
    assert mask.dtype == torch.bool
    assert mask[0, 0].int().tolist() == [
        [1, 0, 0, 0, 0, 0],
        [1, 1, 0, 0, 0, 0],
        [1, 1, 1, 0, 0, 0],
        [1, 1, 1, 1, 0, 0],
        [1, 1, 0, 0, 1, 0],
        [1, 1, 0, 0, 1, 1],
    ]
    # Nothing that counts looks at the padding, and the padding looks at something, so that its softmax is finite.
    assert not mask[1, 0, :4, 4:].any()
    assert mask[1, 0].any(-1).all()


def test_questions_stand_one_behind_the_other() -> None:
    first = Instruction("list", "What is there?", (), "a dog")
    second = Instruction("ground_one", "Where is the dog?", (), "dog [1, 20, 300, 999]")
    packed = pack_questions([first, second], SIZE, 250)
    assert words(packed.ids[:START]) == ["<s>", "USER", ":", *["<image>"] * 49]
    one = ["What", "is", "there", "?", "ASSISTANT", ":", "a", "dog", "</s>"]
    two = "Where is the dog ? ASSISTANT : dog [ 1 , 20 , 300 , 999 ] </s>".split()
    assert words(packed.ids[START:]) == one + two
    assert packed.segments.tolist() == [0] * START + [1] * len(one) + [2] * len(two)
    assert packed.positions.tolist() == [
        *range(START + len(one)),
        *range(START, START + len(two)),
    ]
    assert packed.tasks == ["list", "ground_one"]
    learned = packed.labels != -100
    assert words(packed.ids[learned]) == one[6:] + two[7:]
    assert (packed.labels[learned] == packed.ids[learned]).all()


def test_an_answer_weighs_as_the_root_of_its_length() -> None:
    long = Instruction("ground_one", "Where is the dog?", (), "dog [1, 20, 300, 999]")
    packed = pack_questions([Instruction("list", "What?", (), "a dog"), long], SIZE, 250)
    assert packed.weights[packed.labels == -100].sum() == 0
    for segment, length in ((1, 3), (2, 11)):
        mine = packed.weights[(packed.segments == segment) & (packed.labels != -100)]
        assert len(mine) == length
        assert mine.sum() == pytest.approx(length**0.5)
        assert np.ptp(mine) == 0


@pytest.mark.parametrize(
    ("answer", "soft"),
    [
        ("a dog", []),
        ("2 dogs", []),
        ("dog [1, 20, 300, 999]", ["1", "20", "300", "999"]),
        ("2 dogs [5, 6, 7, 8] [0, 0, 9, 9]", ["5", "6", "7", "8", "0", "0", "9", "9"]),
        ("The objects are: 1: dog [4, 3, 2, 1], 2: owl [9, 9, 9, 9]", ["4", "3", "2", "1", "9", "9", "9", "9"]),
        ('"BEST 42"', []),
    ],
)
def test_only_numbers_in_brackets_of_answers_are_soft(answer: str, soft: list[str]) -> None:
    question = "Where is the dog near [1, 2, 3, 4]?"
    packed = pack_questions([Instruction("any", question, (), answer)], SIZE, 250)
    assert words(packed.ids[packed.soft]) == soft
    assert (packed.labels[packed.soft] != -100).all()


def test_what_does_not_fit_is_left_out() -> None:
    short = Instruction("list", "What?", (), "a dog")  # 7 tokens
    long = Instruction("describe", "Describe the picture.", (), "The picture shows " + "a dog and " * 30 + "an owl.")
    one = len(pack_questions([short], SIZE, 250).ids) - START
    for length, tasks in ((2 * one, ["list", "list"]), (2 * one - 1, ["list"]), (one, ["list"]), (one - 1, [])):
        packed = pack_questions([short, long, short], SIZE, length)
        assert packed.tasks == tasks
        assert len(packed.ids) == START + one * len(tasks)
        assert max(packed.segments) == len(tasks)


def test_no_question_leaves_the_picture_alone() -> None:
    packed = pack_questions([], SIZE, 250)
    assert len(packed.ids) == START
    assert packed.tasks == packed.points == []


def test_regions_come_in_the_order_in_which_they_are_named() -> None:
    left, right = Box(0, 0, 50, 50), Box(120, 10, 200, 90)
    packed = pack_questions([Instruction("relate", "Is <region2> near <region1>?", (left, right), "above")], SIZE, 250)
    for points, region in zip(packed.points, (right, left), strict=True):
        assert torch.equal(points, sample_points(region.to_mask(*SIZE), 128))
    assert words(packed.ids).count("<region_fea>") == 2


def test_asked_together_is_asked_alone(model: FerretForConditionalGeneration, zoo: Scene) -> None:
    items = make_instructions(zoo, np.random.default_rng(2), 12, {**DEFAULT_WEIGHTS, "dense_refer": 5.0, "relate": 5.0})
    assert sum(len(item.regions) for item in items) >= 8  # read from the cells, where one alone is read point by point
    packed = pack_questions(items, SIZE, 2000)
    assert len(packed.tasks) == len(items)
    segments = torch.from_numpy(packed.segments)
    together = logits_of(model, zoo, packed, packed_mask(segments[None]))
    worst = 0.0
    for number, item in enumerate(items, 1):
        single = pack_questions([item], SIZE, 2000)
        length = len(single.ids)
        alone = logits_of(model, zoo, single, torch.ones(1, 1, length, length, dtype=torch.bool).tril())
        mine = together[segments == number]
        torch.testing.assert_close(mine, alone[START:], atol=1e-4, rtol=0)
        worst = max(worst, float(alone[START:].std()))
    assert worst > 0.1  # the numbers compared are not all alike
    # Without the mask the questions do disturb each other.
    causal = torch.ones(1, 1, len(segments), len(segments), dtype=torch.bool).tril()
    disturbed = logits_of(model, zoo, packed, causal)[segments == len(items)]
    assert (disturbed - together[segments == len(items)]).abs().max() > 1e-2


def test_a_plain_causal_model_gives_the_same(model: FerretForConditionalGeneration, zoo: Scene) -> None:
    (item,) = make_instructions(zoo, np.random.default_rng(3), 1, {"dense_refer": 1.0})
    packed = pack_questions([item], SIZE, 500)
    masked = logits_of(model, zoo, packed, packed_mask(torch.from_numpy(packed.segments)[None]))
    with torch.inference_mode():
        plain = model(
            input_ids=torch.from_numpy(packed.ids)[None],
            pixel_values=to_pixels([to_model_size(zoo.image)]),
            region_points=torch.stack(packed.points),
        ).logits[0]
    torch.testing.assert_close(masked, plain, atol=1e-4, rtol=0)
