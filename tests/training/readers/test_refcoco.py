"""RefCOCO as MDETR's JSON: one expression, one box, in the released words."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ferret.regions import Box
from training.readers import Report, Sample

Write = Callable[[str, Any], Path]
Read = Callable[..., tuple[list[Sample], Report]]


def expression(number: int, caption: Any = "the lady, in red", **more: Any) -> dict[str, Any]:
    return {
        "file_name": "COCO_train2014_000000581857.jpg", "height": 427, "width": 640, "id": number,
        "original_id": 581857, "caption": caption, "dataset_name": "refcoco", "tokens_negative": [[0, 4]],
    } | more  # fmt: skip


def target(image: int, bbox: Any = (103.9, 299.9, 134.2, 122.4), **more: Any) -> dict[str, Any]:
    return {
        "area": 12666.0, "iscrowd": 0, "image_id": image, "category_id": 16, "id": image, "bbox": list(bbox),
        "original_id": 1719310, "tokens_positive": [[4, 8]],
    } | more  # fmt: skip


def refcoco(images: list[Any], annotations: list[Any]) -> dict[str, Any]:
    return {"info": {}, "licenses": [], "images": images, "annotations": annotations, "categories": []}


def test_an_expression_is_asked_for_and_boxed(write: Write, read: Read) -> None:
    content = refcoco([expression(0), expression(1, " left one ")], [target(0), target(1, (600, 400, 41, 30))])
    samples, report = read("refcoco", write("finetune_refcoco_val.json", content))
    assert [sample.id for sample in samples] == ["0", "1"]
    assert (samples[0].image, samples[0].size) == (Path("images/COCO_train2014_000000581857.jpg"), (640, 427))
    (turn,) = samples[0].turns
    assert turn.question == "What is the location of the lady in red in the image?"  # no comma: ferret-spec 4
    assert turn.answer == "the lady in red <box1>"
    assert turn.boxes[0].coordinates == pytest.approx((103.9, 299.9, 238.1, 422.3))
    assert samples[1].turns[0].boxes == (Box(600, 400, 640, 427),)
    assert (report.used, report.seen) == (2, 2)


@pytest.mark.parametrize(
    ("images", "annotations", "places", "used"),
    [
        ([expression(0)], [], ["images, id 0"], 0),
        ([], [target(0)], ["annotations[0]"], 0),
        ([expression(0)], [target(0), target(0)], ["annotations[1]"], 1),
        ([expression(0)], [target(0, (0, 0, 0, 0)), target(0)], ["annotations[0]", "annotations[1]"], 0),
        ([expression(0, " ")], [target(0)], ["images[0]", "annotations[0]"], 0),
        ([expression(0, ",")], [target(0)], ["annotations[0]"], 0),
        ([expression(0, width=None), expression(1)], [target(1)], ["images[0]"], 1),
        ([expression(0), 3], [target(0), "x"], ["images[1]", "annotations[1]"], 1),
    ],
    ids=["no box", "no expression", "two boxes", "no area", "blank", "a comma", "no width", "no records"],
)
def test_malformed_records_are_reported(
    images: list[Any], annotations: list[Any], places: list[str], used: int, write: Write, read: Read
) -> None:
    samples, report = read("refcoco", write("a.json", refcoco(images, annotations)))
    assert [example.where for example in report.examples] == places
    assert len(samples) == report.used == used


def test_an_expression_cannot_name_regions_of_ours(write: Write, read: Read) -> None:
    content = refcoco([expression(0, "cat <region1> <box2></s>")], [target(0)])
    (sample,), _ = read("refcoco", write("a.json", content))
    assert sample.turns[0].answer == "cat region1 box2s <box1>"
