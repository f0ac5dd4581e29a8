"""Turns: placeholders that must fit, answers written as bins, regions cut to what they lie on."""

import numpy as np
import pytest

from ferret.errors import TrainingError
from ferret.parsing import parse_answer
from ferret.prompts import place_regions
from ferret.regions import Box, Mask, Point, Region
from training.readers import Turn
from training.readers.sample import source_text

BOX = Box(20, 10, 40, 30)


@pytest.mark.parametrize(
    ("question", "answer", "regions", "within", "boxes"),
    [
        ("<region1>", "a", (), (), ()),
        ("<region0>", "a", (BOX,), (), ()),
        ("<region2>", "a", (BOX,), (), ()),
        ("q", "a <box1>", (BOX,), (), ()),
        ("q", "a <box0>", (), (), (BOX,)),
        ("q", "a", (BOX,), (BOX, BOX), ()),
    ],
)
def test_placeholders_must_fit(
    question: str,
    answer: str,
    regions: tuple[Region, ...],
    within: tuple[Region | None, ...],
    boxes: tuple[Box, ...],
) -> None:
    with pytest.raises(TrainingError):
        Turn(question, answer, regions, within, boxes)


@pytest.mark.parametrize(
    ("box", "released", "text"),
    [
        (Box(0, 0, 70, 50), False, "[0, 0, 999, 999]"),
        (Box(0, 0, 70, 50), True, "[0, 0, 985, 980]"),  # pulled onto the last pixel first
        (Box(20, 15, 40, 35), False, "[285, 300, 571, 700]"),
        (Box(20, 15, 40, 35), True, "[285, 300, 571, 700]"),
    ],
)
def test_answers_are_written_in_bins(box: Box, released: bool, text: str) -> None:
    turn = Turn("Where?", "a dog <box1> and <box1>.", boxes=(box,))
    assert turn.answer_text(70, 50, released=released) == f"a dog {text} and {text}."


def test_a_written_answer_is_read_back_as_the_phrases_and_boxes_it_was_made_of() -> None:
    turn = Turn("Where?", "A dog <box1> and two cats <box2> <box3>.", boxes=(BOX, Box(0, 0, 10, 10), BOX))
    parsed = parse_answer(turn.answer_text(100, 100), 100, 100)
    assert [(span.text, span.boxes) for span in parsed.spans] == [("dog", (0,)), ("two cats", (1, 2))]


def test_questions_go_through_the_prompt_builder() -> None:
    turn = Turn("What is <region1>?", "a dog", (Point(10, 20),))
    assert place_regions(turn.question, turn.regions, [(100, 100)]).text == "What is [100, 200] <region_fea>?"


@pytest.mark.parametrize("released", [False, True])
def test_regions_are_cut_to_what_they_lie_on(released: bool) -> None:
    shape = np.zeros((50, 70), dtype=np.bool_)
    shape[10:30, 20:30] = True
    regions = (BOX, Point(20, 10), BOX)
    turn = Turn("<region1><region2><region3>", "a", regions, (Mask(shape), Mask(shape), None))
    cut = [turn.region_mask(index, 70, 50, released=released) for index in range(3)]
    assert [int(mask.sum()) for mask in cut[:2]] == [200, 36]
    assert not any((mask & ~shape).any() for mask in cut[:2])
    assert cut[2].sum() == (441 if released else 400)  # the released box takes in both its corner pixels


def test_regions_without_limits_keep_all_their_pixels() -> None:
    assert Turn("q", "a", (BOX,)).region_mask(0, 70, 50).sum() == 400


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("", ""),
        ("a < b > c", "a < b > c"),
        ("<image>", "image"),
        ("end</s> now", "ends now"),
        ("<region1> and <box2>", "region1 and box2"),
        ("<<region1>> <bo<s>x2>", "region1 <bosx2>"),
        ("<region_fea><|eot_id|>", "region_feaeot_id"),
    ],
)
def test_text_of_files_cannot_open_or_end_anything(text: str, safe: str) -> None:
    assert source_text(text) == safe
