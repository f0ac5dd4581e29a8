"""Instructions about scenes drawn by hand: exact answers, regions on their objects, honest negatives."""

import re
import time
from collections.abc import Callable

import numpy as np
import pytest

from ferret.errors import TrainingError
from ferret.parsing import parse_answer
from ferret.regions import Box, Mask, Point, Scribble, box_iou
from ferret.words import same_name
from training.instructions import (
    DEFAULT_WEIGHTS,
    TASK_NAMES,
    TASKS,
    Asker,
    Instruction,
    answer_vocabulary,
    box_text,
    count_tasks,
    is_clear,
    make_instructions,
    name_list,
    object_names,
    relation,
)
from training.pointing import REGION_KINDS, Pointer
from training.scenes import Scene, SceneObject
from training.wordings import words_of

DrawScene = Callable[..., Scene]


@pytest.fixture
def zoo(draw_scene: DrawScene) -> Scene:
    """Two dogs, an owl, glasses and a sign, none of which touch."""
    return draw_scene(
        ("dog", (10, 10, 40, 40)),
        ("owl", (60, 10, 90, 30)),
        ("dog", (110, 50, 150, 90)),
        ("glasses", (10, 60, 60, 90)),
        ("sign", (140, 10, 190, 30), "BIG SALE"),
        seed=5,
    )


def only(scene: Scene, task: str, count: int = 40) -> list[Instruction]:
    """`count` instructions of one task; several generators, since tasks over the whole picture come once a call."""
    made: list[Instruction] = []
    seed = 0
    while len(made) < count and seed < 200:
        made += make_instructions(scene, np.random.default_rng(seed), count, {task: 1.0})
        seed += 1
    return made[:count]


def answers(scene: Scene, task: str) -> set[str]:
    return {instruction.answer for instruction in only(scene, task)}


DOGS = "[50, 100, 200, 400] [550, 500, 750, 900]"
DENSE = (
    "The objects are: 1: dog [50, 100, 200, 400], 2: owl [300, 100, 450, 300], 3: sign [700, 100, 950, 300], "
    "4: dog [550, 500, 750, 900], 5: glasses [50, 600, 300, 900]"
)
DESCRIPTION = (
    f"The picture shows 2 dogs {DOGS}, glasses [50, 600, 300, 900], a sign [700, 100, 950, 300] and an owl "
    "[300, 100, 450, 300]. The glasses are left of the sign. The sign is right of the owl."
)


@pytest.mark.parametrize(
    ("task", "expected"),
    [
        ("refer_point", {"a dog", "an owl", "glasses", "a sign"}),
        ("refer_hint", {"a dog", "an owl", "glasses", "a sign"}),
        ("ground_one", {"owl [300, 100, 450, 300]", "glasses [50, 600, 300, 900]", "sign [700, 100, 950, 300]"}),
        ("list", {"2 dogs, glasses, an owl and a sign"}),
        ("read", {'"BIG SALE"'}),
        ("dense_detect", {DENSE}),
        ("describe", {DESCRIPTION}),
    ],
)
def test_answers_are_exact(zoo: Scene, task: str, expected: set[str]) -> None:
    assert answers(zoo, task) == expected


def test_grounding_all_lists_every_instance_from_the_left(zoo: Scene) -> None:
    found = answers(zoo, "ground_all")
    assert f"dogs {DOGS}" in found
    assert "owl [300, 100, 450, 300]" in found


def test_counts_are_grounded_and_sometimes_zero(zoo: Scene) -> None:
    found = answers(zoo, "count")
    assert f"2 dogs {DOGS}" in found
    assert "1 owl [300, 100, 450, 300]" in found
    assert any(re.fullmatch(r"0 [a-z ]+", answer) for answer in found)


def test_existence_is_balanced_and_grounded(zoo: Scene) -> None:
    made = only(zoo, "exist", 400)
    yes = [instruction for instruction in made if instruction.answer.startswith("Yes, ")]
    assert 0.4 < len(yes) / len(made) < 0.6
    assert {f"Yes, dogs {DOGS}.", "Yes, an owl [300, 100, 450, 300]."} <= {instruction.answer for instruction in yes}
    for instruction in made:
        if instruction not in yes:
            assert re.fullmatch(r"No, there is no [a-z ]+\.", instruction.answer)


def test_absent_things_are_never_there_and_often_relatives(zoo: Scene) -> None:
    names = [re.fullmatch(r"There is no (.+)\.", item.answer)[1] for item in only(zoo, "ground_absent", 300)]  # type: ignore[index]
    assert not {"dog", "owl", "glasses", "sign"} & set(names)
    assert (
        len(set(names) & {"cat", "wolf", "fox", "eagle", "duck", "swan", "jeans", "sunglasses", "monkey", "lion"}) >= 3
    )


def test_absence_is_45_percent_of_the_grounding_questions() -> None:
    grounding = sum(DEFAULT_WEIGHTS[name] for name in ("ground_one", "ground_all", "ground_absent"))
    assert DEFAULT_WEIGHTS["ground_absent"] / grounding == pytest.approx(0.45, abs=0.005)


@pytest.mark.parametrize("kind", REGION_KINDS)
def test_regions_lie_on_the_object_that_the_answer_names(draw_scene: DrawScene, kind: str) -> None:
    # The owl hides the middle of the dog: no point, stroke or mask of the dog may touch it.
    scene = draw_scene(("dog", (0, 0, 90, 90)), ("owl", (20, 20, 60, 60)), width=120)
    pointer = Pointer(scene, np.random.default_rng(0))
    for index in (0, 1):
        for _ in range(50):
            region = pointer.region(index, kind)
            region.checked(120, 100)
            if isinstance(region, Point):
                assert scene.ids[int(region.y), int(region.x)] == index + 1
            elif isinstance(region, Scribble):
                assert 2 <= len(region.points) <= 4
                assert all(scene.ids[int(y), int(x)] == index + 1 for x, y in region.points)
            elif isinstance(region, Mask):
                assert (region.array == scene.mask(index)).all()
            elif isinstance(region, Box):
                assert box_iou(region, Box(*scene.objects[index].box)) > 0.6


def test_masks_are_shared_within_a_scene(zoo: Scene) -> None:
    pointer = Pointer(zoo, np.random.default_rng(0))
    assert pointer.mask(1) is pointer.mask(1)


def test_an_unknown_region_kind_is_refused(zoo: Scene) -> None:
    with pytest.raises(TrainingError, match="'blob'"):
        Pointer(zoo, np.random.default_rng(0)).region(0, "blob")


def test_hints_are_right_in_about_85_percent(zoo: Scene) -> None:
    made = only(zoo, "refer_hint", 600)
    hints = [re.search(r" Hint: (.+)\.$", instruction.question)[1] for instruction in made]  # type: ignore[index]
    right = sum(same_name(hint, item.answer) for hint, item in zip(hints, made, strict=True))
    assert 0.8 < right / len(made) < 0.9


def test_ocr_hints_hold_the_words_of_the_sign_with_boxes_on_it(zoo: Scene) -> None:
    for instruction in only(zoo, "read", 60):
        hint = instruction.question.split(" OCR: ")[1]
        quoted = " ".join(re.findall(r'"([^"]+)"', hint))
        assert "BIG" in quoted
        assert "SALE" in quoted
        box = Box(140, 10, 190, 30)
        lines = parse_answer(hint, 200, 100)
        on_sign = [
            b for b in lines.boxes if b.x1 >= box.x1 and b.x2 <= box.x2 and b.y1 >= box.y1 - 1 and b.y2 <= box.y2 + 1
        ]
        assert on_sign


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ((0, 0, 10, 10), (50, 0, 60, 10), "left of"),
        ((50, 0, 60, 10), (0, 0, 10, 10), "right of"),
        ((0, 0, 10, 10), (0, 50, 10, 60), "above"),
        ((0, 50, 10, 60), (0, 0, 10, 10), "below"),
        ((0, 0, 10, 10), (5, 0, 15, 10), "overlapping"),
        ((0, 0, 50, 50), (10, 10, 20, 20), "overlapping"),
        ((0, 0, 10, 10), (0, 0, 10, 10), "overlapping"),
        ((0, 0, 10, 10), (40, 40, 50, 50), None),  # diagonal
        ((0, 0, 10, 10), (8, 0, 18, 10), None),  # neither apart nor on top of each other
    ],
)
def test_relations(first: tuple[float, ...], second: tuple[float, ...], expected: str | None) -> None:
    def thing(box: tuple[float, ...]) -> SceneObject:
        return SceneObject("dog", 0, (box[0], box[1], box[2], box[3]), 1.0, "drawn")

    assert relation(thing(first), thing(second)) == expected


def test_relating_two_regions_answers_for_the_first(draw_scene: DrawScene) -> None:
    scene = draw_scene(("dog", (0, 30, 30, 60)), ("owl", (100, 30, 130, 60)))
    for instruction in only(scene, "relate", 20):
        first, second = (region.bounds(200, 100).center.x for region in instruction.regions)
        assert instruction.answer == ("left of" if first < second else "right of")


def test_dense_referring_names_regions_in_the_order_given(zoo: Scene) -> None:
    for instruction in only(zoo, "dense_refer", 30):
        names = re.findall(r"\d+: ([a-z ]+)", instruction.answer.removeprefix("Here are the categories: "))
        assert 2 <= len(names) == len(instruction.regions) <= 6
        for name, region in zip(names, instruction.regions, strict=True):
            on = max(zoo.objects, key=lambda item: box_iou(region.bounds(200, 100), Box(*item.box)))
            assert on.name == name


@pytest.mark.parametrize("task", ["ground_one", "ground_all", "exist", "count", "dense_detect", "describe"])
def test_answers_survive_the_parser(zoo: Scene, task: str) -> None:
    for instruction in only(zoo, task):
        parsed = parse_answer(instruction.answer, 200, 100)
        assert parsed.malformed == 0
        assert len(parsed.boxes) == instruction.answer.count("[")
        for span in parsed.spans:
            for index in span.boxes:
                on = max(zoo.objects, key=lambda item: box_iou(parsed.boxes[index], Box(*item.box)))
                assert box_iou(parsed.boxes[index], Box(*on.box)) > 0.95
                assert same_name(re.sub(r"^\d+ ", "", span.text), on.name)


def test_names_that_end_in_box_survive_the_parser(draw_scene: DrawScene) -> None:
    scene = draw_scene(("bento box", (10, 10, 60, 60)))
    parsed = parse_answer(only(scene, "ground_one", 1)[0].answer, 200, 100)
    assert [span.text for span in parsed.spans] == ["bento box"]


def test_hidden_and_tiny_things_are_neither_named_nor_denied(draw_scene: DrawScene) -> None:
    scene = draw_scene(("dog", (10, 10, 50, 50)), ("owl", (10, 10, 50, 40)), ("cow", (100, 10, 104, 14)))
    assert [is_clear(item) for item in scene.objects] == [False, True, False]
    asker = Asker(scene, np.random.default_rng(0))
    assert asker.certain == ["owl"]
    assert {asker.absent_name() for _ in range(500)}.isdisjoint({"dog", "owl", "cow"})
    assert answers(scene, "list") == {"an owl"}


def test_a_kind_with_an_unclear_member_is_not_counted(draw_scene: DrawScene) -> None:
    scene = draw_scene(("dog", (10, 10, 50, 50)), ("dog", (100, 10, 104, 14)), ("owl", (60, 60, 90, 90)))
    assert Asker(scene, np.random.default_rng(0)).certain == ["owl"]
    assert not any("dog" in answer for answer in answers(scene, "count") if not answer.startswith("0"))


def test_an_empty_scene_still_gives_negatives(draw_scene: DrawScene) -> None:
    made = make_instructions(draw_scene(), np.random.default_rng(0), 30)
    assert len(made) == 30
    assert set(count_tasks(made)) <= {"ground_absent", "exist", "count"}
    assert all(re.match(r"There is no|No, there is no|0 ", instruction.answer) for instruction in made)


def test_tasks_that_a_scene_cannot_serve_are_left_out(draw_scene: DrawScene) -> None:
    scene = draw_scene(("dog", (10, 10, 60, 60)))
    assert (
        make_instructions(scene, np.random.default_rng(0), 10, {"read": 1.0, "relate": 1.0, "dense_refer": 1.0}) == []
    )


def test_tasks_over_the_whole_picture_come_once(zoo: Scene) -> None:
    made = make_instructions(zoo, np.random.default_rng(0), 60)
    counts = count_tasks(made)
    assert len(made) == 60
    assert max(counts.get(task, 0) for task in ("list", "dense_detect", "describe")) == 1


def test_all_tasks_come_up(zoo: Scene) -> None:
    made = [item for seed in range(40) for item in make_instructions(zoo, np.random.default_rng(seed), 15)]
    counts = count_tasks(made)
    assert tuple(counts) == TASK_NAMES
    assert sum(counts.values()) == len(made)
    assert all(task.weight > 0 and task.summary for task in TASKS)


@pytest.mark.parametrize("weights", [{}, {"list": 0.0}, {"list": -1.0}, {"sing": 1.0}])
def test_bad_weights_are_refused(zoo: Scene, weights: dict[str, float]) -> None:
    with pytest.raises(TrainingError):
        make_instructions(zoo, np.random.default_rng(0), 1, weights)


def test_the_same_generator_state_gives_the_same_instructions(zoo: Scene) -> None:
    first = make_instructions(zoo, np.random.default_rng(3), 50)
    assert first == make_instructions(zoo, np.random.default_rng(3), 50)
    assert first != make_instructions(zoo, np.random.default_rng(4), 50)


@pytest.mark.parametrize(
    ("counts", "text"),
    [
        ({}, "nothing"),
        ({"owl": 1}, "an owl"),
        ({"owl": 1, "dog": 2}, "2 dogs and an owl"),
        ({"key": 1, "apple": 2, "dog": 1}, "2 apples, a dog and a key"),
    ],
)
def test_name_list(counts: dict[str, int], text: str) -> None:
    assert name_list(counts) == text


def test_box_text_is_in_bins_and_never_1000() -> None:
    assert box_text((0, 0, 200, 100), 200, 100) == "[0, 0, 999, 999]"
    assert box_text((10, 20, 50, 99.9), 200, 100) == "[50, 200, 250, 999]"


def test_questions_and_answers_stay_inside_the_vocabulary(zoo: Scene) -> None:
    vocabulary = answer_vocabulary()
    assert len(object_names()) == 365
    for seed in range(60):
        for instruction in make_instructions(zoo, np.random.default_rng(seed), 12):
            # Words of signs are open; numbers are spelled digit by digit.
            text = re.sub(r'"[^"]*"|<region\d+>|\d+', " ", f"{instruction.question} {instruction.answer}")
            assert set(words_of(text)) <= vocabulary, set(words_of(text)) - vocabulary


def test_two_thousand_instructions_a_second(zoo: Scene) -> None:
    rng = np.random.default_rng(0)
    start = time.process_time()
    made = sum(len(make_instructions(zoo, rng, 12)) for _ in range(100))
    assert made / (time.process_time() - start) > 2000
