"""LVIS referring: is the region a this or a that? By a point, a box or a free form (ferret-spec 4).

    benchmark = read_lvis(Path("lvis_eval.jsonl"), images=Path("val2017"), kind="box", report=Report())
    score_lvis(benchmark, answers)["accuracy"]

An answer is right if it holds the name of the true class or one of its synonyms once denied clauses are taken out. The
true class is named first in every other question, so that a model that takes the first gets half of them.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from ferret.errors import RegionError, RequestError
from ferret.masks import BoolMask
from ferret.regions import Box, Mask, Point, Region
from training.protocols.answers import without_denials
from training.protocols.published import published
from training.protocols.questions import Benchmark, Protocol, SizedQuestion, gathered
from training.protocols.result import Metric, Result, percent
from training.readers.records import Four, Record, Side, checked_lines, inside_folder
from training.readers.report import Report

Kind = Literal["point", "box", "free-form"]

_ALIAS = re.compile(r"_?\(([^()]*)\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class LvisQuestion(SizedQuestion):
    """A question about one region. `names` are all names of its class, as they may stand in an answer."""

    names: tuple[str, ...]


class _Row(Record):
    """A line of `lvis_eval.jsonl`. Points and free-form boxes are in pixels, `bbox_norm` in shares of the sides.

    The mask is [width][height], non-zero inside, and is only looked at where free forms are asked for.
    """

    image_path: str
    width: Side
    height: Side
    sample_point: Annotated[list[float], Field(min_length=2, max_length=2)]
    bbox_norm: Four
    name: str = Field(min_length=1)
    synonyms: list[str]
    neg_class: str = Field(min_length=1)
    free_shape_bbox_raw: Four | None = None
    free_shape_segment_mask: Any = None


def read_lvis(path: Path, *, images: Path, kind: Kind, report: Report) -> Benchmark[LvisQuestion]:
    """The questions of a file, with regions of one kind; pictures are looked for in `images` by their bare file name.

    Malformed too: a region outside its picture. Which class is named first, the number of the line decides, so that a
    malformed line changes no other question.

    Raises:
        TrainingError: the file cannot be read, or nothing in it can be asked.
    """
    questions = []
    for number, where, row in checked_lines(path, _Row, report):
        try:
            region = _region(row, kind)
            image = images / inside_folder(row.image_path.split("/")[-1])
        except RequestError as error:
            report.refuse(path, where, error)
            continue
        report.use()
        first, second = (row.name, row.neg_class) if number % 2 == 1 else (row.neg_class, row.name)
        questions.append(
            LvisQuestion(
                image=image,
                text=f"Is the object <region1> of the image a {first} or a {second}?",
                regions=(region,),
                width=row.width,
                height=row.height,
                names=tuple(dict.fromkeys(name for entry in (row.name, *row.synonyms) for name in spoken_names(entry))),
            )
        )
    return gathered("lvis", kind, questions, report)


def spoken_names(name: str) -> tuple[str, ...]:
    """The names in a name of LVIS: underscores are blanks, and `bow_(weapon)` is a "bow" and a "weapon"."""
    parts = (_ALIAS.sub("", name), *_ALIAS.findall(name))
    return tuple(words for part in parts if (words := part.replace("_", " ").strip()))


def score_lvis(benchmark: Benchmark[LvisQuestion], answers: Sequence[str]) -> Result:
    """The share of answers that name the true class.

    Raises:
        TrainingError: there is not one answer for each question.
    """
    right = [
        any(name in said for name in question.names)  # a match in the middle of a word counts, as it did for the papers
        for question, said in ((question, without_denials(answer)) for question, answer in benchmark.answered(answers))
    ]
    figures = published(benchmark.name, benchmark.split, "accuracy")
    return Result(benchmark.name, benchmark.split, (Metric("accuracy", percent(right), len(right), figures),))


def _region(row: _Row, kind: Kind) -> Region:
    width, height = row.width, row.height
    if kind == "point":
        return Point(*row.sample_point).checked(width, height)
    if kind == "box":
        x1, y1, x2, y2 = row.bbox_norm
        return Box(x1 * width, y1 * height, x2 * width, y2 * height).clipped(width, height).checked(width, height)
    if row.free_shape_bbox_raw is None or row.free_shape_segment_mask is None:
        raise RegionError("free_shape_bbox_raw and free_shape_segment_mask are needed for free forms")
    return Mask(_free_form(row.free_shape_segment_mask, row.free_shape_bbox_raw, width, height)).checked(width, height)


def _free_form(raw: Any, box: list[float], width: int, height: int) -> BoolMask:
    """The shape inside its box, both last pixels included (ferret-spec 1.4): bool [height, width]."""
    try:
        shape = np.asarray(raw, dtype=np.float64).T  # [W, H] -> [H, W]
    except (TypeError, ValueError):
        raise RegionError("free_shape_segment_mask must be numbers in [width][height]") from None
    if shape.shape != (height, width):
        raise RegionError(
            f"free_shape_segment_mask has shape {shape.T.shape!r}: its picture asks for {(width, height)!r}"
        )
    x1, y1, x2, y2 = (max(int(value), 0) for value in box)
    inside = np.zeros((height, width), dtype=np.bool_)
    inside[y1 : y2 + 1, x1 : x2 + 1] = True
    return np.asarray(inside & (shape != 0), dtype=np.bool_)


LVIS = Protocol(
    score_lvis, unasked="counts as an answer that does not name the class: it is wrong", unasked_counts=True
)
