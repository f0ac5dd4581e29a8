"""Captioning: one sentence about a picture, judged by CIDEr against what people wrote.

    benchmark = read_captions(Path("captions_val2014.json"), images=Path("val2014"), report=Report())
    score_captions(benchmark, answers)["CIDEr-D"]

Reads captions as COCO lays them out. Coordinates in an answer are taken out before it is compared.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from training.protocols.answers import without_boxes
from training.protocols.cider import cider_scores
from training.protocols.questions import Benchmark, Protocol, Question, gathered, named_split
from training.protocols.result import Metric, Result
from training.readers.records import PicturePath, Record, Words, checked_rows, indexed_rows, load_tables
from training.readers.report import Report

PROMPT = "Describe the image in one sentence."
_FILE = re.compile(r"captions_(\w+)\.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptionQuestion(Question):
    """A picture to describe, and what people wrote about it."""

    references: tuple[str, ...]


class _Image(Record):
    id: int
    file_name: PicturePath


class _Annotation(Record):
    image_id: int
    caption: Words


def read_captions(path: Path, *, images: Path, report: Report) -> Benchmark[CaptionQuestion]:
    """One question for each picture of a file; which split it is, its name says.

    Malformed too: a picture without a caption, a caption without its picture.

    Raises:
        TrainingError: the file cannot be read, has another name, or nothing in it can be asked.
    """
    named = named_split(path, _FILE, "captions", "a file like captions_val2014.json")
    rows, sentences = load_tables(path, "images", "annotations")
    pictures = indexed_rows(path, "images", rows, _Image, report)
    references: dict[int, list[str]] = {number: [] for number in pictures}
    for where, annotation in checked_rows(path, "annotations", sentences, _Annotation, report):
        if annotation.image_id in references:
            references[annotation.image_id].append(annotation.caption)
        else:
            report.refuse(path, where, f"refers to {annotation.image_id} of images, where there is no sound entry")
    questions = []
    for number, picture in pictures.items():
        if not references[number]:
            report.refuse(path, f"images, id {number}", "no caption stands in annotations")
            continue
        report.use()
        questions.append(
            CaptionQuestion(image=images / picture.file_name, text=PROMPT, references=tuple(references[number]))
        )
    return gathered("captions", named[1], questions, report)


def score_captions(benchmark: Benchmark[CaptionQuestion], answers: Sequence[str]) -> Result:
    """CIDEr-D, which papers print as CIDEr, and CIDEr without its corrections; both in percent, so up to 1000.

    Raises:
        TrainingError: there is not one answer for each question, or the benchmark has fewer than two pictures.
    """
    pairs = benchmark.answered(answers)
    scores = cider_scores(
        [without_boxes(answer) for _, answer in pairs], [question.references for question, _ in pairs]
    )
    count = len(scores)
    return Result(
        benchmark.name,
        benchmark.split,
        (
            Metric("CIDEr-D", 100 * sum(score.cider_d for score in scores) / count, count),
            Metric("CIDEr", 100 * sum(score.cider for score in scores) / count, count),
        ),
    )


CAPTIONS = Protocol(
    score_captions,
    unasked="left out, with its references: a sequence's rarity is counted over the pictures that were asked about",
    unasked_counts=False,
)
