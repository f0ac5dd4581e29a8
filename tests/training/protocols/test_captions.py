"""Captioning: the questions of a file of captions, and CIDEr in percent."""

import json
from pathlib import Path
from typing import Any

import pytest

from ferret.errors import TrainingError
from training.protocols.captions import read_captions, score_captions

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


def test_every_picture_is_asked_about_once(tmp_path: Path) -> None:
    more = [*ANNOTATIONS, {"image_id": 5, "id": 3, "caption": "A sleeping cat."}]
    benchmark = read_captions(write(tmp_path, annotations=more), images=Path("val2014"))
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
    result = score_captions(read_captions(write(tmp_path), images=tmp_path), answers)
    assert [metric.value for metric in result.metrics] == pytest.approx([value, value])
    assert result["CIDEr-D"].count == 2


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("dataset_coco.json", {}, "names no split of captions"),
        ("captions_val2014.json", {"annotations": ANNOTATIONS[:1]}, "image 391895: no caption"),
        ("captions_val2014.json", {"images": IMAGES[:1]}, "name image 5, which is not"),
        ("captions_val2014.json", {"images": [], "annotations": []}, "holds no questions"),
        ("captions_val2014.json", {"annotations": [{"image_id": 5, "caption": ""}]}, "caption: String should have"),
    ],
)
def test_a_file_that_does_not_hold_together_is_refused(
    tmp_path: Path, name: str, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(TrainingError, match=message):
        read_captions(write(tmp_path, name, **changes), images=tmp_path)
