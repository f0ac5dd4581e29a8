"""The released format: the recorded case of the released loader to the id, sampling rules, every way to be wrong."""

import copy
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file

from ferret.prompts import IMAGE_TOKEN, get_template, place_regions
from ferret.regions import Box, Mask, Point
from ferret.tokenization import load_released_tokenizer
from training.readers import READERS, Report, Sample, Turn
from training.readers.pointing_rules import point_or_box, sample_point

PARITY = Path(__file__).parents[2] / "fixtures" / "parity" / "misc"
GOLDEN = json.loads((PARITY / "dataset.json").read_text())
RESULTS = {result["case"]: result for result in GOLDEN["results"]}
SIZE = (70, 50)

Write = Callable[[str, Any], Path]
Read = Callable[..., tuple[list[Sample], Report]]


def raw(*, masks: bool = True) -> dict[str, Any]:
    record: dict[str, Any] = copy.deepcopy(GOLDEN["sample"])
    if not masks:
        del record["masks"]
    return record


def prompt(turn: Turn) -> str:
    """The conversation as the released template writes it."""
    question = place_regions(turn.question, turn.regions, [SIZE], released=True).text
    answer = turn.answer_text(*SIZE, released=True)
    return get_template("ferret_v1").render([f"{IMAGE_TOKEN}\n{question}", answer])


def of_kind(kind: type[Box] | type[Point], masks: bool, write: Write, read: Read) -> Turn:
    """The turn of the recorded sample, read with the first seed whose coin says points, or boxes."""
    path = write("grit.json", [raw(masks=masks)])
    for seed in range(20):
        turn = read("ferret", path, seed=seed)[0][0].turns[0]
        if isinstance(turn.regions[0], kind):
            return turn
    raise AssertionError("the coin always falls on one side")


def golden_mask(case: str, index: int) -> np.ndarray[Any, Any]:
    return load_file(PARITY / "dataset_masks.safetensors")[f"{case}_region{index}_wh"].T != 0


# -- parity with the released code -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("case", "kind", "masks"), [("mask_s0", Box, True), ("mask_s1", Point, True), ("nomask_s0", Box, False)]
)
def test_recorded_cases_to_the_id_and_the_pixel(
    case: str, kind: type[Box] | type[Point], masks: bool, write: Write, read: Read
) -> None:
    turn = of_kind(kind, masks, write, read)
    for index in range(2):
        assert (turn.region_mask(index, *SIZE, released=True) == golden_mask(case, index)).all()
    expected = RESULTS[case]["input_ids"]
    tokenizer = load_released_tokenizer(PARITY / "tokenizer")
    before, after = prompt(turn).split(IMAGE_TOKEN)
    ids = [tokenizer(part, add_special_tokens=False)["input_ids"] for part in (before.removeprefix("<s>"), after)]
    # The released loader writes -200 for the image and the token that begins a text in front.
    image = expected.index(-200)
    assert [ids[0], ids[1]] == [expected[1:image], expected[image + 1 :]]


def test_the_recorded_points_without_masks_are_cut_to_their_boxes() -> None:
    # Their text is `[462, 530]` and `[886, 247]`; where they were drawn is another generator's affair.
    boxes = (Box(20, 15, 40, 35), Box(50, 5, 70, 15))
    turn = Turn("<region1> <region2>", "a", (Point(32.4, 26.52), Point(62.05, 12.36)), boxes)
    placed = place_regions(turn.question, turn.regions, [SIZE], released=True).text
    assert placed == "[462, 530] <region_fea> [886, 247] <region_fea>"
    for index in range(2):
        assert (turn.region_mask(index, *SIZE, released=True) == golden_mask("nomask_s2", index)).all()


# -- reading -----------------------------------------------------------------------------------------------------------


def test_a_sample_has_picture_size_turns_and_id(write: Write, read: Read) -> None:
    samples, report = read("ferret", write("grit.json", [raw()]))
    (sample,) = samples
    assert (sample.source, sample.id, sample.image, sample.size) == (
        "ferret", "0", Path("images/dataset_image.png"), SIZE,
    )  # fmt: skip
    (turn,) = sample.turns
    assert turn.question == "What is <region1> and <region2>?"
    assert turn.answer == "A dog <box1> next to a cat <box2>."
    assert turn.boxes == (Box(20, 15, 40, 35), Box(50, 5, 70, 15))  # cut at the border
    assert (report.used, report.seen) == (1, 1)


def test_every_turn_counts_its_boxes_anew_and_may_have_none(write: Write, read: Read) -> None:
    record = raw(masks=False)
    record["conversations"] += [
        {"from": "human", "value": "Why?"},
        {"from": "gpt", "value": "It <bbox_location0> is </s> asleep."},
    ]
    record["box_x1y1x2y2"] += [[], [[0, 0, 5, 5]]]
    turns = read("ferret", write("grit.jsonl", json.dumps(record)))[0][0].turns
    assert [len(turn.regions) for turn in turns] == [2, 0]
    assert turns[1].answer == "It <box1> is s asleep."  # a token that would end the turn lost its brackets
    assert turns[1].boxes == (Box(0, 0, 5, 5),)


def test_the_coin_is_fair_and_thrown_once_a_turn(write: Write, read: Read) -> None:
    samples, _ = read("ferret", write("grit.json", [raw() for _ in range(400)]))
    kinds = [{type(region) for region in sample.turns[0].regions} for sample in samples]
    assert all(len(kind) == 1 for kind in kinds)
    assert 0.4 < sum(kind == {Point} for kind in kinds) / len(kinds) < 0.6


def test_the_seed_decides_and_neighbours_do_not(write: Write, read: Read) -> None:
    path = write("grit.json", [raw(masks=False) for _ in range(20)])
    spoiled = write("spoiled.json", [{}] * 10 + [raw(masks=False) for _ in range(10)])
    first = read("ferret", path, seed=3)[0]
    assert first == read("ferret", path, seed=3)[0]
    assert first != read("ferret", path, seed=4)[0]
    assert first[10:] == read("ferret", spoiled, seed=3)[0]


def spoil(**changes: Any) -> dict[str, Any]:
    return raw() | changes


HUMAN, GPT = GOLDEN["sample"]["conversations"]
BOXES, MASKS = GOLDEN["sample"]["box_x1y1x2y2"], GOLDEN["sample"]["masks"]
DAMAGED = {"size": [50, 70], "counts": "QP11"}


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (None, "valid dictionary"),
        ({}, "image: Field required"),
        (spoil(image="../up.png"), "inside the folder"),
        (spoil(image_w=0), "image_w"),
        (spoil(image_w=70.5), "image_w"),
        (spoil(conversations=[]), "conversations"),
        (spoil(conversations=[HUMAN]), "every question needs an answer"),
        (spoil(conversations=[GPT, HUMAN]), "the turn of 'human'"),
        (spoil(conversations=[HUMAN, {"from": "system", "value": "x"}]), "conversations.1.from"),
        (spoil(conversations=[HUMAN, GPT | {"value": " "}]), "empty"),
        (spoil(conversations=[HUMAN, GPT | {"value": "<image> x"}]), "image token"),
        (spoil(conversations=[HUMAN | {"value": "What?"}, GPT]), "names the boxes"),
        (spoil(conversations=[HUMAN, GPT | {"value": "A <bbox_location0> and <bbox_location2>"}]), "names the boxes"),
        (spoil(conversations=[HUMAN | {"value": f"<bbox_location{'9' * 5000}>"}, GPT]), "names the boxes"),
        (spoil(box_x1y1x2y2=BOXES[:1]), "box_x1y1x2y2 has 1 list(s)"),
        (spoil(box_x1y1x2y2=[[[20, 15, 40]], BOXES[1]]), "box_x1y1x2y2.0.0"),
        (spoil(box_x1y1x2y2=[[["20", 15, 40, 35]], BOXES[1]]), "box_x1y1x2y2.0.0.0"),
        (spoil(box_x1y1x2y2=[[[float("nan"), 15, 40, 35], BOXES[0][1]], BOXES[1]]), "finite"),
        (spoil(box_x1y1x2y2=[[[40, 15, 20, 35], BOXES[0][1]], BOXES[1]]), "inverted"),
        (spoil(box_x1y1x2y2=[[[70, 15, 90, 35], BOXES[0][1]], BOXES[1]]), "covers nothing"),
        (spoil(masks=MASKS[:1]), "nested"),
        (spoil(masks=[MASKS[0][:1], MASKS[1]]), "nested"),
        (spoil(masks=[[DAMAGED, MASKS[0][1]], MASKS[1]]), "run lengths"),
        (spoil(masks=[[MASKS[0][0] | {"size": [70, 50]}, MASKS[0][1]], MASKS[1]]), "run lengths are of size"),
        (spoil(masks=[[MASKS[0][1], MASKS[0][0]], MASKS[1]]), "outside its box"),
        (spoil(masks=[[{"size": [50, 70], "counts": [3500]}, MASKS[0][1]], MASKS[1]]), "mask is empty"),
    ],
)
def test_malformed_records_are_reported_and_the_next_is_read(
    record: Any, reason: str, write: Write, read: Read
) -> None:
    path = write("grit.json", [record, raw()])
    samples, report = read("ferret", path)
    assert len(samples) == report.used == report.malformed == 1
    (example,) = report.examples
    assert (example.file, example.where) == (path, "[0]")
    assert reason in example.reason


def test_single_objects_may_lack_a_mask(write: Write, read: Read) -> None:
    record = spoil(masks=[[None, MASKS[0][1]], [None, None]])
    assert read("ferret", write("grit.json", [record]))[1].used == 1


anything = st.recursive(
    st.none() | st.integers() | st.floats() | st.text(max_size=3), lambda s: st.lists(s, max_size=3)
)


@settings(max_examples=30)
@given(st.lists(st.tuples(st.sampled_from(sorted(GOLDEN["sample"])), anything), max_size=6))
def test_nothing_vanishes_whatever_a_record_holds(changes: list[tuple[str, Any]]) -> None:
    records = [raw() | {key: value} for key, value in changes]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.jsonl"
        path.write_text("".join(json.dumps(record) + "\n" for record in records))
        report = Report()
        made = list(READERS["ferret"].read(path, images=Path(), report=report, seed=0))
    assert len(made) == report.used
    assert report.seen == len(records)


# -- points ------------------------------------------------------------------------------------------------------------


def test_a_point_is_the_pixel_of_the_mask_nearest_to_the_middle() -> None:
    ring = np.zeros((50, 70), dtype=np.bool_)
    ring[10:31, 20:41] = True
    ring[11:30, 21:40] = False
    ring[20, 24] = True
    rng = np.random.default_rng(0)
    assert sample_point(Box(20, 10, 41, 31), Mask(ring), SIZE, rng) == Point(24, 20)


def test_of_a_large_mask_some_pixel_near_the_middle_will_do() -> None:
    full = Mask(np.ones((400, 400), dtype=np.bool_))
    box = Box(0, 0, 400, 400)
    points = {sample_point(box, full, (400, 400), np.random.default_rng(seed)) for seed in range(20)}
    assert len(points) > 1
    assert all(abs(point.x - 200) < 40 and abs(point.y - 200) < 40 for point in points)


@given(st.integers(0, 60), st.integers(0, 40), st.floats(0.01, 10), st.floats(0.01, 10), st.integers(0, 99))
def test_a_point_without_mask_lies_in_its_box(x: int, y: int, width: float, height: float, seed: int) -> None:
    box = Box(x, y, x + width, y + height)
    point = sample_point(box, None, SIZE, np.random.default_rng(seed))
    assert box.x1 <= point.x <= box.x2
    assert box.y1 <= point.y <= box.y2


def test_a_sliver_at_the_border_gets_its_point() -> None:
    point = sample_point(Box(69.99, 49.99, 70, 50), None, SIZE, np.random.default_rng(0))
    assert point.checked(*SIZE).x >= 69.99


def test_points_without_masks_spread_over_15_percent_of_the_sides() -> None:
    box = Box(100, 100, 300, 200)
    points = [sample_point(box, None, (1000, 1000), np.random.default_rng(seed)) for seed in range(500)]
    assert np.std([point.x for point in points]) == pytest.approx(30, rel=0.1)
    assert np.std([point.y for point in points]) == pytest.approx(15, rel=0.1)


def test_regions_and_limits_pair_up() -> None:
    masks = [Mask(np.ones((50, 70), dtype=np.bool_)), None]
    boxes = [Box(20, 15, 40, 35), Box(0, 0, 5, 5)]
    for seed in range(10):
        regions, within = point_or_box(boxes, masks, SIZE, np.random.default_rng(seed))
        expected = (masks[0], boxes[1]) if isinstance(regions[0], Point) else (masks[0], None)
        assert within == expected
