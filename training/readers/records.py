"""From a file to its records: JSON arrays, JSON lines, COCO tables, and the checks that every format shares.

Readers of training data and of benchmarks stand on it alike. A file that cannot be read at all raises; a record that
breaks its format is reported, and reading goes on. JSON lines are streamed; a JSON array or object is loaded whole, as
its format demands.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, TypeVar

import numpy as np
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)

from ferret.errors import TrainingError
from ferret.regions import Box
from training.readers.report import MALFORMED, Report, reason_of
from training.readers.sample import source_text


class Record(BaseModel):
    """Base of the records: types are taken at their word, fields that no reader needs are left alone."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True, allow_inf_nan=False)


def _whole(value: object) -> object:
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value


Side = Annotated[int, Field(gt=0, le=65_535), BeforeValidator(_whole)]
"""Pixels along a side of a picture, at most what a JPEG can have; files that came from XML write it as text."""


def inside_folder(name: str) -> str:
    """The path of a picture, relative to the folder of pictures; with `/` between its parts.

    Raises:
        TrainingError: the name is empty, or leads out of the folder.
    """
    path = PurePosixPath(name.strip())
    if not path.parts or path.is_absolute() or ".." in path.parts or "\0" in name:
        raise TrainingError(f"picture {name!r} is not a path inside the folder of pictures")
    return str(path)


def end_of_url(url: str) -> str:
    """Folder and name of the picture that a URL of a public set ends in: `train2017/000000391895.jpg`.

    Raises:
        TrainingError: the URL ends otherwise.
    """
    return inside_folder("/".join(url.split("/")[-2:]))


PicturePath = Annotated[str, AfterValidator(inside_folder)]
UrlPath = Annotated[str, AfterValidator(end_of_url)]
Four = Annotated[list[float], Field(min_length=4, max_length=4)]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]

AnyRecord = TypeVar("AnyRecord", bound=Record)
Entry = TypeVar("Entry")


def read_text(path: Path) -> str:
    """The text of a file.

    Raises:
        TrainingError: the file cannot be read or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise TrainingError(f"cannot read {str(path)!r}: {error.strerror or error}") from None
    except ValueError as error:
        raise TrainingError(f"{str(path)!r} is not JSON or text in UTF-8: {error}") from None


def load_json(path: Path) -> Any:
    """The content of a JSON file.

    Raises:
        TrainingError: the file cannot be read or is not JSON in UTF-8.
    """
    text = read_text(path)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise TrainingError(f"{str(path)!r} is not JSON in UTF-8: {error}") from None


def load_record(path: Path, model: type[AnyRecord]) -> AnyRecord:
    """The one record that a JSON file holds.

    Raises:
        TrainingError: the file cannot be read, is not JSON, or does not fit the model.
    """
    try:
        return model.model_validate(load_json(path))
    except ValidationError as error:
        raise TrainingError(f"{path}: {reason_of(error)}") from None


def read_records(path: Path, report: Report) -> Iterator[tuple[int, str, Any]]:
    """Every entry of a JSON array, or every line of a `.jsonl` file that is not blank: number, place, entry.

    A line that is not JSON is reported and passed over.

    Raises:
        TrainingError: the file cannot be read, or is neither.
    """
    if path.suffix != ".jsonl":
        content = load_json(path)
        if not isinstance(content, list):
            raise TrainingError(f"{str(path)!r} must hold a JSON array of records, or lines if it is named .jsonl")
        for index, entry in enumerate(content):
            yield index, f"[{index}]", entry
        return
    yield from read_lines(path, report)


def read_lines(path: Path, report: Report) -> Iterator[tuple[int, str, Any]]:
    """Every line of a file that is not blank, whatever the file is called: its number from 1, its place, its entry.

    A line that is not JSON is reported and passed over.

    Raises:
        TrainingError: the file cannot be read.
    """
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                try:
                    entry = json.loads(line.decode("utf-8-sig"))
                except (ValueError, RecursionError) as error:
                    report.refuse(path, f"line {number}", f"not JSON in UTF-8: {error}")
                    continue
                yield number, f"line {number}", entry
    except OSError as error:
        raise TrainingError(f"cannot read {str(path)!r}: {error.strerror or error}") from None


def load_tables(path: Path, *names: str) -> tuple[list[Any], ...]:
    """The named arrays of a JSON object, as COCO and those who follow it lay files out.

    Raises:
        TrainingError: the file cannot be read, or an array is missing.
    """
    content = load_json(path)
    for name in names:
        if not isinstance(content, dict) or not isinstance(content.get(name), list):
            raise TrainingError(f"{str(path)!r} must hold a JSON object with an array {name!r}")
    return tuple(content[name] for name in names)


def checked_rows(
    path: Path, table: str, rows: list[Any], model: type[AnyRecord], report: Report
) -> Iterator[tuple[str, AnyRecord]]:
    """The rows of a table that fit the model, with their places; the others are reported."""
    for index, raw in enumerate(rows):
        where = f"{table}[{index}]"
        row = fitting(path, where, raw, model, report)
        if row is not None:
            yield where, row


def checked_lines(path: Path, model: type[AnyRecord], report: Report) -> Iterator[tuple[int, str, AnyRecord]]:
    """The lines of a file that fit the model: number, place, record; the others are reported.

    Raises:
        TrainingError: the file cannot be read.
    """
    for number, where, raw in read_lines(path, report):
        row = fitting(path, where, raw, model, report)
        if row is not None:
            yield number, where, row


def fitting(path: Path, where: str, raw: object, model: type[AnyRecord], report: Report) -> AnyRecord | None:
    """An entry as the model has it; one that does not fit is reported, and None."""
    try:
        return model.model_validate(raw)
    except MALFORMED as error:
        report.refuse(path, where, error)
        return None


def indexed_rows(
    path: Path, table: str, rows: list[Any], model: type[AnyRecord], report: Report, key: str = "id"
) -> dict[int, AnyRecord]:
    """The rows of a table by their `key`, in order; one that does not fit the model or repeats a key is reported."""
    found: dict[int, AnyRecord] = {}
    for where, row in checked_rows(path, table, rows, model, report):
        number: int = getattr(row, key)
        if number in found:
            report.refuse(path, where, f"{key} {number} is there already")
            continue
        found[number] = row
    return found


def entry_of(rows: Mapping[int, Entry], number: int, table: str) -> Entry:
    """The row that another one refers to.

    Raises:
        TrainingError: there is none, or it was malformed itself.
    """
    try:
        return rows[number]
    except KeyError:
        raise TrainingError(f"refers to {number} of {table}, where there is no sound entry of that number") from None


def box_on_image(corners: Sequence[float], size: tuple[int, int]) -> Box:
    """A box by its corners [x1, y1, x2, y2] in pixels, cut at the border of a picture of `size` (width, height).

    Boxes of the public sets reach beyond their pictures by a little; the released code pulls them in as well
    (ferret-spec 1.6).

    Raises:
        TrainingError: the corners are swapped, or no part of the box lies on the picture.
    """
    x1, y1, x2, y2 = corners
    if x2 < x1 or y2 < y1:
        raise TrainingError(f"box {list(corners)} is inverted")
    box = Box(x1, y1, x2, y2).clipped(*size)
    if not box.area:
        raise TrainingError(f"box {list(corners)} covers nothing of its picture of {size[0]}x{size[1]} pixels")
    return box


def sides_on_image(sides: Sequence[float], size: tuple[int, int]) -> Box:
    """As `box_on_image`, for a box as COCO and Visual Genome write it: [x, y, width, height] in pixels."""
    x, y, width, height = sides
    return box_on_image((x, y, x + width, y + height), size)


def spoken(text: str) -> str:
    """Words of a record on one line, without effect on a prompt.

    Raises:
        TrainingError: none are left.
    """
    words = " ".join(source_text(text).split())
    if not words:
        raise TrainingError("text is empty")
    return words


def record_rng(seed: int, index: int) -> np.random.Generator:
    """The generator of the record at `index`: what it draws does not depend on the records before it."""
    return np.random.default_rng([seed, index])
