"""Captioning: one sentence about a picture, judged by CIDEr against what people wrote.

    benchmark = read_captions(Path("captions_val2014.json"), images=Path("val2014"))
    score_captions(benchmark, answers)["CIDEr-D"]

Reads captions as COCO lays them out. Coordinates in an answer are taken out before it is compared.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from ferret.errors import TrainingError
from training.protocols.answers import without_boxes
from training.protocols.cider import cider_scores
from training.protocols.questions import Benchmark, Question, Record, named_split, picture_path, read_json
from training.protocols.result import Metric, Result

PROMPT = "Describe the image in one sentence."
_FILE = re.compile(r"captions_(\w+)\.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptionQuestion(Question):
    """A picture to describe, and what people wrote about it."""

    references: tuple[str, ...]


class _Image(Record):
    id: int
    file_name: str


class _Annotation(Record):
    image_id: int
    caption: str = Field(min_length=1)


class _File(Record):
    images: list[_Image]
    annotations: list[_Annotation]


def read_captions(path: Path, *, images: Path) -> Benchmark[CaptionQuestion]:
    """One question for each picture of a file; which split it is, its name says.

    Raises:
        TrainingError: the file cannot be read, has another name or format, or a picture has no caption.
    """
    named = named_split(path, _FILE, "captions", "a file like captions_val2014.json")
    content = read_json(path, _File)
    captions: dict[int, list[str]] = {}
    for annotation in content.annotations:
        captions.setdefault(annotation.image_id, []).append(annotation.caption)
    questions = []
    for entry in content.images:
        where = f"{path}, image {entry.id}"
        references = captions.pop(entry.id, [])
        if not references:
            raise TrainingError(f"{where}: no caption stands in annotations")
        picture = picture_path(images, entry.file_name, where)
        questions.append(CaptionQuestion(image=picture, text=PROMPT, references=tuple(references)))
    if captions:
        raise TrainingError(f"{path}: annotations name image {min(captions)}, which is not among the images")
    return Benchmark("captions", named[1], tuple(questions))


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
