"""Captioning: the questions of a file of captions, and CIDEr in percent."""

import json
from pathlib import Path
from typing import Any

import pytest

from ferret.errors import TrainingError
from training.protocols.captions import CaptionQuestion, read_captions, score_captions
from training.protocols.questions import Benchmark
from training.readers.report import Report

IMAGES = [
    {"id": 391895, "file_name": "COCO_val2014_000000391895.jpg", "width": 640, "height": 360},
    {"id": 5, "file_name": "COCO_val2014_000000000005.jpg"},
]
ANNOTATIONS = [
    {"image_id": 5, "id": 1, "caption": "A cat sleeps on a bed."},
    {"image_id": 391895, "id": 2, "caption": "A man rides a motorcycle."},
]


def write(folder: Path, name: str = "captions_val2014.json", **changes: Any) -> Path:
    file = folder / name
    file.write_text(json.dumps({"images": IMAGES, "annotations": ANNOTATIONS} | changes), encoding="utf-8")
    return file


def read(path: Path, images: Path, report: Report | None = None) -> Benchmark[CaptionQuestion]:
    return read_captions(path, images=images, report=report or Report())


def test_every_picture_is_asked_about_once(tmp_path: Path) -> None:
    more = [*ANNOTATIONS, {"image_id": 5, "id": 3, "caption": "A sleeping cat."}]
    benchmark = read(write(tmp_path, annotations=more), Path("val2014"))
    assert (benchmark.name, benchmark.split) == ("captions", "val2014")
    assert [question.image.name for question in benchmark.questions] == [entry["file_name"] for entry in IMAGES]
    assert benchmark.questions[1].references == ("A cat sleeps on a bed.", "A sleeping cat.")


@pytest.mark.parametrize(
    ("answers", "value"),
    [
        (["", ""], 0),
        (["a man rides a motorcycle", "a cat sleeps on a bed"], 1000),
        (["A man [1, 2, 3, 4] rides a motorcycle [5, 6, 7, 8].", "A cat sleeps on a bed."], 1000),
        (["A man rides a motorcycle.", ""], 500),
    ],
)
def test_cider_is_given_in_percent(tmp_path: Path, answers: list[str], value: float) -> None:
    result = score_captions(read(write(tmp_path), tmp_path), answers)
    assert [metric.value for metric in result.metrics] == pytest.approx([value, value])
    assert result["CIDEr-D"].count == 2


@pytest.mark.parametrize(
    ("changes", "where", "reason"),
    [
        ({"annotations": ANNOTATIONS[:1]}, "images, id 391895", "no caption stands"),
        ({"images": IMAGES[:1]}, "annotations[0]", "refers to 5 of images"),
        ({"annotations": [*ANNOTATIONS, {"image_id": 5, "caption": " "}]}, "annotations[2]", "caption: String should"),
        ({"images": [*IMAGES, {"id": 7, "file_name": "../a.jpg"}]}, "images[2]", "not a path inside the folder"),
    ],
)
def test_what_breaks_the_format_is_reported_and_the_rest_is_asked(
    tmp_path: Path, changes: dict[str, Any], where: str, reason: str
) -> None:
    report = Report()
    benchmark = read(write(tmp_path, **changes), tmp_path, report)
    assert len(benchmark.questions) == report.used >= 1
    (example,) = report.examples
    assert example.where == where
    assert reason in example.reason


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("dataset_coco.json", {}, "names no split of captions"),
        ("captions_val2014.json", {"images": [], "annotations": []}, "holds no questions"),
        ("captions_val2014.json", {"images": []}, r"none of the 2 records .* the first is .*annotations\[0\]"),
        ("captions_val2014.json", {"annotations": {}}, "an array 'annotations'"),
    ],
)
def test_a_file_that_holds_nothing_to_ask_is_refused(
    tmp_path: Path, name: str, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(TrainingError, match=message):
        read(write(tmp_path, name, **changes), tmp_path)
