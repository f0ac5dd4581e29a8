"""RefCOCO: questions from MDETR's files and acc@0.5."""

import json
from pathlib import Path
from typing import Any

import pytest

from ferret.errors import TrainingError
from ferret.regions import Box
from training.protocols.questions import Benchmark
from training.protocols.refcoco import RefcocoQuestion, read_refcoco, score_refcoco
from training.readers.report import Report

IMAGES = [
    {"id": 9, "file_name": "COCO_train2014_000000000002.jpg", "width": 1000, "height": 1000,
     "caption": "man, left, in red", "dataset_name": "refcoco", "original_id": 2, "tokens_negative": [[0, 17]]},
    {"id": 3, "file_name": "COCO_train2014_000000000001.jpg", "width": 500, "height": 1000, "caption": "the dog"},
]  # fmt: skip
ANNOTATIONS = [
    {"image_id": 9, "bbox": [100, 100, 200, 200], "tokens_positive": [[0, 3]], "id": 1},
    {"image_id": 3, "bbox": [0.0, 0.0, 250.0, 500.0], "tokens_positive": [[4, 7]], "id": 2},
]
RIGHT = ["dog [0, 0, 500, 500]", "man [100, 100, 300, 300]"]


def write(folder: Path, name: str = "finetune_refcoco+_testA.json", **changes: Any) -> Path:
    file = folder / name
    file.write_text(json.dumps({"images": IMAGES, "annotations": ANNOTATIONS} | changes), encoding="utf-8")
    return file


@pytest.fixture
def benchmark(tmp_path: Path) -> Benchmark[RefcocoQuestion]:
    return read_refcoco(write(tmp_path), images=Path("train2014"), report=Report())


def test_questions_stand_in_the_order_of_image_ids(benchmark: Benchmark[RefcocoQuestion]) -> None:
    assert (benchmark.name, benchmark.split) == ("refcoco+", "testA")
    assert [question.text for question in benchmark.questions] == [
        "What is the location of the dog in the image?",
        "What is the location of man left in red in the image?",
    ]
    assert benchmark.questions[0].image == Path("train2014/COCO_train2014_000000000001.jpg")
    assert benchmark.questions[0].box == Box(0, 0, 250, 500)


@pytest.mark.parametrize(
    ("answer", "first", "mean", "best"),
    [
        ("", 0, 0, 0),
        ("There is none.", 0, 0, 0),
        ("dog [0, 0, 500, 500]", 1, 1, 1),
        ("dog [0, 0, 500, 250]", 1, 1, 1),  # an IoU of exactly 0.5
        ("dog [0, 0, 500, 249]", 0, 0, 0),
        ("dog [500, 500, 0, 0]", 0, 0, 0),  # swapped corners hold nothing, as in the released scores
        ("dog [9, 9, 9, 9] [0, 0, 500, 500]", 0, 0, 1),
        ("dog [0, 0, 500, 500] [500, 500, 999, 999]", 1, 0, 1),
        ("dog [0, 0, 400, 400] [100, 100, 600, 600]", 1, 1, 1),
        ("dog [1, 2, 3]", 0, 0, 0),
    ],
)
def test_boxes_are_judged_by_their_overlap(
    benchmark: Benchmark[RefcocoQuestion], answer: str, first: int, mean: int, best: int
) -> None:
    result = score_refcoco(benchmark, [answer, ""])
    assert [metric.value for metric in result.metrics] == [50 * first, 50 * mean, 50 * best]
    assert {metric.count for metric in result.metrics} == {2}


def test_all_right_is_a_hundred_beside_the_published_figures(benchmark: Benchmark[RefcocoQuestion]) -> None:
    metric = score_refcoco(benchmark, RIGHT)["acc@0.5"]
    assert metric.value == 100
    assert metric.published[0].value == 87.38


@pytest.mark.parametrize("name", ["refcoco.json", "finetune_refcoco_train.json", "finetune_refcocoz_val.json"])
def test_a_file_of_another_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(TrainingError, match="names no split of RefCOCO"):
        read_refcoco(write(tmp_path, name), images=tmp_path, report=Report())


@pytest.mark.parametrize(
    ("changes", "asked", "places", "reason"),
    [
        ({"annotations": ANNOTATIONS[:1]}, [9], ["images, id 3"], "0 sound boxes"),
        ({"annotations": ANNOTATIONS + ANNOTATIONS[:1]}, [3], ["images, id 9"], "2 sound boxes"),
        ({"images": IMAGES[:1]}, [9], ["annotations[1]"], "refers to 3 of images"),
        ({"images": [IMAGES[0], IMAGES[1] | {"caption": ","}]}, [9], ["images, id 3"], "for ''"),
        ({"images": [IMAGES[0], IMAGES[1] | {"width": 0}]}, [9], ["images[1]", "annotations[1]"], "width: "),
        (
            {"annotations": [ANNOTATIONS[0], {"image_id": 3, "bbox": [1, 2, 3]}]},
            [9],
            ["annotations[1]", "images, id 3"],
            "bbox: List should have at least 4",
        ),
    ],
)
def test_what_breaks_the_format_is_reported_and_the_rest_is_asked(
    tmp_path: Path, changes: dict[str, Any], asked: list[int], places: list[str], reason: str
) -> None:
    report = Report()
    benchmark = read_refcoco(write(tmp_path, **changes), images=tmp_path, report=report)
    assert [question.width for question in benchmark.questions] == [{9: 1000, 3: 500}[number] for number in asked]
    assert [example.where for example in report.examples] == places
    assert reason in report.examples[0].reason


def test_a_file_that_holds_nothing_to_ask_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="holds no questions"):
        read_refcoco(write(tmp_path, images=[], annotations=[]), images=tmp_path, report=Report())
