"""RefCOCO, RefCOCO+ and RefCOCOg: where is what the phrase names? acc@0.5 (ferret-spec 4).

    benchmark = read_refcoco(Path("finetune_refcoco+_testA.json"), images=Path("train2014"))
    score_refcoco(benchmark, answers)["acc@0.5"]

Reads the files that MDETR made of the three. The first box of an answer counts; an answer without a box is wrong.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ferret.errors import TrainingError
from ferret.parsing import released_boxes
from ferret.regions import Box, box_iou
from training.protocols.published import published
from training.protocols.questions import (
    Benchmark,
    CaptionedImage,
    Question,
    Record,
    named_split,
    picture_path,
    read_json,
)
from training.protocols.result import Metric, Result, percent

IOU_THRESHOLD = 0.5
_FILE = re.compile(r"finetune_(refcoco[+g]?)_(val|testA|testB|test)\.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class RefcocoQuestion(Question):
    """A question for one phrase: the box that it names and the size of the picture, in pixels."""

    box: Box
    width: int
    height: int


class _Annotation(Record):
    """A true box, (left, top, width, height) in pixels."""

    image_id: int
    bbox: tuple[float, float, float, float]


class _File(Record):
    images: list[CaptionedImage]
    annotations: list[_Annotation]


def read_refcoco(path: Path, *, images: Path) -> Benchmark[RefcocoQuestion]:
    """The questions of a file in the order of their image ids; which benchmark and split it is, its name says.

    Raises:
        TrainingError: the file cannot be read, has another name or format, or an entry has not just one box.
    """
    named = named_split(path, _FILE, "RefCOCO", "a file like finetune_refcoco+_testA.json")
    content = read_json(path, _File)
    boxes: dict[int, list[Box]] = {}
    for annotation in content.annotations:
        x, y, width, height = annotation.bbox
        boxes.setdefault(annotation.image_id, []).append(Box(x, y, x + width, y + height))
    questions = []
    for entry in sorted(content.images, key=lambda entry: entry.id):
        where = f"{path}, image {entry.id}"
        found = boxes.pop(entry.id, [])
        if len(found) != 1:
            raise TrainingError(f"{where}: {len(found)} boxes stand in annotations where one phrase has one")
        phrase = entry.caption.replace(",", "").strip()
        questions.append(
            RefcocoQuestion(
                image=picture_path(images, entry.file_name, where),
                text=f"What is the location of {phrase} in the image?",
                box=found[0],
                width=entry.width,
                height=entry.height,
            )
        )
    if boxes:
        raise TrainingError(f"{path}: annotations name image {min(boxes)}, which is not among the images")
    return Benchmark(named[1], named[2], tuple(questions))


def score_refcoco(benchmark: Benchmark[RefcocoQuestion], answers: Sequence[str]) -> Result:
    """acc@0.5 of the first box; beside it that of the mean of all boxes, and of the best of them.

    Raises:
        TrainingError: there is not one answer for each question.
    """
    first, mean, best = [], [], []
    for question, answer in benchmark.answered(answers):
        boxes = [box for _, box in released_boxes(answer, question.width, question.height)]
        hits = [box_iou(box, question.box) >= IOU_THRESHOLD for box in boxes]
        first.append(bool(hits and hits[0]))
        mean.append(bool(boxes) and box_iou(_mean(boxes), question.box) >= IOU_THRESHOLD)
        best.append(any(hits))
    figures = published(benchmark.name, benchmark.split, "acc@0.5")
    return Result(
        benchmark.name,
        benchmark.split,
        (
            Metric("acc@0.5", percent(first), len(first), figures),
            Metric("acc@0.5, mean box", percent(mean), len(mean)),
            Metric("acc@0.5, any box", percent(best), len(best)),
        ),
    )


def _mean(boxes: Sequence[Box]) -> Box:
    x1, y1, x2, y2 = np.mean([box.coordinates for box in boxes], axis=0).tolist()
    return Box(x1, y1, x2, y2)
