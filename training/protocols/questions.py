"""What a benchmark asks, and how its files are read: whole or not at all.

    benchmark = read_pope(Path("coco_pope_random.json"), images=Path("val2014"))
    for question in benchmark.questions:
        question.image, question.text, question.regions

A record that breaks its format stops the reading: a score over the records that happened to be sound is a score of
another benchmark.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ferret.errors import TrainingError
from ferret.regions import Region


@dataclass(frozen=True, slots=True)
class Question:
    """What is put to the model: a picture, words in which `<regionK>` stands for the K-th region, and the regions.

    Regions are in pixels of the picture. Benchmarks extend this by what is right.
    """

    image: Path
    text: str
    regions: tuple[Region, ...] = ()


AnyQuestion = TypeVar("AnyQuestion", bound=Question)


@dataclass(frozen=True)
class Benchmark(Generic[AnyQuestion]):
    """A benchmark as its file has it: `name` and `split` as results and published figures are filed under.

    Raises:
        TrainingError: there is no question.
    """

    name: str
    split: str
    questions: tuple[AnyQuestion, ...]

    def __post_init__(self) -> None:
        if not self.questions:
            raise TrainingError(f"{self.name} {self.split} holds no questions: give the file of the benchmark")

    def answered(self, answers: Sequence[str]) -> list[tuple[AnyQuestion, str]]:
        """Every question with its answer.

        Raises:
            TrainingError: there are more answers than questions, or fewer.
        """
        if len(answers) != len(self.questions):
            raise TrainingError(
                f"{self.name} {self.split} has {len(self.questions)} question(s) but {len(answers)} answer(s) were "
                "given: give one for each question, in order, an empty text where the model wrote nothing"
            )
        return list(zip(self.questions, answers, strict=True))


class Record(BaseModel):
    """Base of the records of benchmark files; fields that no protocol needs are left alone.

    Numbers may be written as text, as files that came from XML do.
    """

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)


AnyRecord = TypeVar("AnyRecord", bound=Record)


def read_text(path: Path) -> str:
    """The text of a benchmark's file.

    Raises:
        TrainingError: the file cannot be read or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise TrainingError(f"cannot read {str(path)!r}: {error.strerror or error}") from None
    except ValueError as error:
        raise TrainingError(f"{str(path)!r} is not text in UTF-8: {error}") from None


def read_json(path: Path, model: type[AnyRecord]) -> AnyRecord:
    """The one record that a JSON file holds.

    Raises:
        TrainingError: the file cannot be read, is not JSON, or does not fit the model.
    """
    return checked(model, _parsed(read_text(path), str(path)), str(path))


def read_lines(path: Path, model: type[AnyRecord]) -> Iterator[tuple[str, AnyRecord]]:
    """The records of a file of JSON lines, each after its place ("FILE, line N"); lines are read one at a time.

    Raises:
        TrainingError: the file cannot be read, or a line is not JSON or does not fit the model.
    """
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                where = f"{path}, line {number}"
                if line.strip():
                    yield where, checked(model, _parsed(line, where), where)
    except OSError as error:
        raise TrainingError(f"cannot read {str(path)!r}: {error.strerror or error}") from None


def checked(model: type[AnyRecord], raw: object, where: str) -> AnyRecord:
    """A raw record as the model has it.

    Raises:
        TrainingError: it does not fit; the message begins with `where`.
    """
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise TrainingError(f"{where}: {place + ': ' if place else ''}{first['msg']}") from None


class CaptionedImage(Record):
    """An entry of `images` in MDETR's files: a text about a picture, and the picture's size in pixels."""

    id: int
    file_name: str
    width: int = Field(gt=0)
    height: int = Field(gt=0)
    caption: str


def named_split(path: Path, pattern: re.Pattern[str], benchmark: str, remedy: str) -> re.Match[str]:
    """What the name of a benchmark's file says, `pattern` matched against the whole of it.

    Raises:
        TrainingError: the name says nothing; `remedy` tells which file to give.
    """
    named = pattern.fullmatch(path.name)
    if named is None:
        raise TrainingError(f"{path.name!r} names no split of {benchmark}: give {remedy}")
    return named


def picture_path(images: Path, name: str, where: str) -> Path:
    """The path of a picture in the folder `images`.

    Raises:
        TrainingError: the name is empty or leads out of the folder; the message begins with `where`.
    """
    parts = PurePosixPath(name.strip())
    if not parts.parts or parts.is_absolute() or ".." in parts.parts or "\0" in name:
        raise TrainingError(f"{where}: picture {name!r} is not a path inside the folder of pictures")
    return images / parts


def _parsed(text: str | bytes, where: str) -> Any:
    try:
        return json.loads(text if isinstance(text, str) else text.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise TrainingError(f"{where}: not JSON in UTF-8: {error}") from None
