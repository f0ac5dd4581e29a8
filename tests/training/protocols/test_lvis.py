"""LVIS referring: questions by point, box and free form, and the score by names."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ferret.errors import TrainingError
from ferret.prompts import place_regions
from ferret.regions import Box, Mask, Point
from training.protocols.lvis import Kind, LvisQuestion, read_lvis, score_lvis, spoken_names
from training.protocols.questions import Benchmark
from training.readers.report import Report

WIDTH, HEIGHT = 8, 4


def row(**changes: Any) -> dict[str, Any]:
    shape = [[0] * HEIGHT for _ in range(WIDTH)]  # [W][H]
    shape[2][1] = shape[5][3] = 1
    return {
        "id": 1,
        "image_path": "somewhere/else/000000000001.jpg",
        "width": WIDTH,
        "height": HEIGHT,
        "sample_point": [3, 2],
        "bbox": [2, 1, 4, 2],
        "bbox_norm": [0.25, 0.25, 0.75, 0.75],
        "name": "bow_(weapon)",
        "synonyms": ["bow_(weapon)", "longbow"],
        "neg_class": "cat",
        "free_shape_bbox_raw": [2.5, 1.2, 4.0, 2.0],
        "free_shape_segment_mask": shape,
    } | changes


@pytest.fixture
def write(tmp_path: Path) -> Path:
    file = tmp_path / "lvis_eval.jsonl"
    file.write_text("".join(json.dumps(row(id=index)) + "\n" for index in range(3)), encoding="utf-8")
    return file


def read(path: Path, kind: Kind, report: Report | None = None) -> Benchmark[LvisQuestion]:
    return read_lvis(path, images=Path("val2017"), kind=kind, report=report or Report())


def test_the_true_class_comes_first_in_every_other_question(write: Path) -> None:
    benchmark = read(write, "point")
    assert [question.text for question in benchmark.questions] == [
        "Is the object <region1> of the image a bow_(weapon) or a cat?",
        "Is the object <region1> of the image a cat or a bow_(weapon)?",
        "Is the object <region1> of the image a bow_(weapon) or a cat?",
    ]
    assert {question.image for question in benchmark.questions} == {Path("val2017/000000000001.jpg")}
    assert {question.names for question in benchmark.questions} == {("bow", "weapon", "longbow")}


def test_regions_are_pixels_of_the_picture(write: Path) -> None:
    def region(kind: Kind) -> object:
        (found,) = read(write, kind).questions[0].regions
        return found

    assert region("point") == Point(3, 2)
    assert region("box") == Box(2, 1, 6, 3)
    only = np.zeros((HEIGHT, WIDTH), np.bool_)
    only[1, 2] = True  # the other pixel of the shape lies outside its box
    assert region("free-form") == Mask(only)


def test_a_box_is_written_as_the_released_bins(write: Path) -> None:
    question = read(write, "box").questions[0]
    text = place_regions(question.text, question.regions, [(WIDTH, HEIGHT)], released=True).text
    assert text == "Is the object [250, 250, 750, 750] <region_fea> of the image a bow_(weapon) or a cat?"


@pytest.mark.parametrize(
    ("kind", "changes", "message"),
    [
        ("point", {"sample_point": [9, 2]}, "point reaches"),
        ("box", {"bbox_norm": [0.5, 0.5, 0.5, 0.7]}, "has no area"),
        ("free-form", {"free_shape_segment_mask": None}, "are needed for free forms"),
        ("free-form", {"free_shape_segment_mask": [[1, 0], [1]]}, "numbers in [width][height]"),
        ("free-form", {"free_shape_segment_mask": [[1] * WIDTH] * HEIGHT}, "shape (4, 8): its picture asks for (8"),
        ("free-form", {"free_shape_bbox_raw": [7, 0, 7, 0]}, "mask is empty"),
        ("point", {"width": 0}, "width: Input should be greater than 0"),
        ("point", {"name": ""}, "name: String should have at least 1"),
        ("point", {"image_path": "a/.."}, "not a path inside the folder"),
    ],
)
def test_a_row_that_breaks_the_format_is_reported_and_changes_no_other_question(
    tmp_path: Path, kind: Kind, changes: dict[str, Any], message: str
) -> None:
    file = tmp_path / "lvis_eval.jsonl"
    file.write_text("".join(json.dumps(entry) + "\n" for entry in (row(**changes), row(), row())), encoding="utf-8")
    report = Report()
    questions = read(file, kind, report).questions
    assert [question.text.endswith("a cat or a bow_(weapon)?") for question in questions] == [True, False]
    assert (report.used, report.malformed, report.examples[0].where) == (2, 1, "line 1")
    assert message in report.examples[0].reason


def test_a_file_without_a_sound_row_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "lvis_eval.jsonl"
    file.write_text("{}\n", encoding="utf-8")
    with pytest.raises(TrainingError, match=r"none of the 1 records of lvis box can be asked, the first is .*line 1"):
        read(file, "box")


@pytest.mark.parametrize(
    ("name", "spoken"),
    [
        ("cat", ("cat",)),
        ("street_sign", ("street sign",)),
        ("bow_(weapon)", ("bow", "weapon")),
        ("ball_(for_games)", ("ball", "for games")),
        ("bow(weapon)", ("bow", "weapon")),
        ("()", ()),
    ],
)
def test_spoken_names(name: str, spoken: tuple[str, ...]) -> None:
    assert spoken_names(name) == spoken


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ("", False),
        ("It is a bow.", True),
        ("A weapon", True),
        ("A Bow.", False),  # letter case counts
        ("It is not a bow, it is a cat.", False),
        ("It is not a cat, it is a longbow.", True),
        ("A rainbow.", True),  # parts of words count
    ],
)
def test_an_answer_is_right_if_it_names_the_true_class(write: Path, answer: str, right: bool) -> None:
    benchmark = read(write, "box")
    metric = score_lvis(benchmark, [answer, "cat", "cat"])["accuracy"]
    assert metric.value == pytest.approx(100 / 3 if right else 0)
    assert metric.count == 3
    assert metric.published[0].value == 79.42
