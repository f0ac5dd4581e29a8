"""RefCOCO, RefCOCO+ and RefCOCOg: where is what the phrase names? acc@0.5 (ferret-spec 4).

    benchmark = read_refcoco(Path("finetune_refcoco+_testA.json"), images=Path("train2014"), report=Report())
    score_refcoco(benchmark, answers)["acc@0.5"]

Reads the files that MDETR made of the three. The first box of an answer counts; an answer without a box is wrong.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ferret.parsing import released_boxes
from ferret.regions import Box, box_iou
from training.protocols.answers import box_fault
from training.protocols.published import published
from training.protocols.questions import Benchmark, Protocol, SizedQuestion, gathered, named_split
from training.protocols.result import Metric, Result, percent
from training.readers.mdetr import Expression, Target, location_question
from training.readers.records import checked_rows, indexed_rows, load_tables
from training.readers.report import Report

IOU_THRESHOLD = 0.5
_FILE = re.compile(r"finetune_(refcoco[+g]?)_(val|testA|testB|test)\.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class RefcocoQuestion(SizedQuestion):
    """A question for one phrase: the box that it names, in pixels."""

    box: Box


def read_refcoco(path: Path, *, images: Path, report: Report) -> Benchmark[RefcocoQuestion]:
    """The questions of a file in the order of their image ids; which benchmark and split it is, its name says.

    Malformed too: a phrase that has not just one box, or no words, and a box of no phrase.

    Raises:
        TrainingError: the file cannot be read, has another name, or nothing in it can be asked.
    """
    named = named_split(path, _FILE, "RefCOCO", "a file like finetune_refcoco+_testA.json")
    rows, targets = load_tables(path, "images", "annotations")
    expressions = indexed_rows(path, "images", rows, Expression, report)
    boxes: dict[int, list[Box]] = {number: [] for number in expressions}
    for where, target in checked_rows(path, "annotations", targets, Target, report):
        if target.image_id not in boxes:
            report.refuse(path, where, f"refers to {target.image_id} of images, where there is no sound entry")
            continue
        x, y, width, height = target.bbox
        boxes[target.image_id].append(Box(x, y, x + width, y + height))
    questions = []
    for number, expression in sorted(expressions.items()):
        phrase = expression.caption.replace(",", "").strip()
        if len(boxes[number]) != 1 or not phrase:
            fault = f"{len(boxes[number])} sound boxes stand in annotations for {phrase!r}, where one phrase has one"
            report.refuse(path, f"images, id {number}", fault)
            continue
        report.use()
        questions.append(
            RefcocoQuestion(
                image=images / expression.file_name,
                text=location_question(phrase),
                box=boxes[number][0],
                width=expression.width,
                height=expression.height,
            )
        )
    return gathered(named[1], named[2], questions, report)


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


REFCOCO = Protocol(
    score_refcoco,
    unasked="counts as an answer without a box: it is wrong",
    unasked_counts=True,
    fault=lambda question, answer: box_fault(answer, question.width, question.height),
)
