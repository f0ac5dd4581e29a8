"""What a benchmark asks, and by which rules its answers are read.

    report = Report()
    benchmark = read_pope(Path("coco_pope_random.json"), images=Path("val2014"), report=report)
    for question in benchmark.questions:
        question.image, question.text, question.regions
    POPE.score(benchmark, answers)

Files are read by `training.readers.records`: one that cannot be read at all raises, a record that breaks its format is
reported. It is left out of the score, for it has no truth to be measured by, and the result of a run lists it: a score
over fewer questions than the benchmark has must not pass for one over all.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from ferret.errors import TrainingError
from ferret.regions import Region
from training.protocols.result import Result
from training.readers.report import Report


@dataclass(frozen=True, slots=True)
class Question:
    """What is put to the model: a picture, words in which `<regionK>` stands for the K-th region, and the regions.

    Regions are in pixels of the picture. Benchmarks extend this by what is right.
    """

    image: Path
    text: str
    regions: tuple[Region, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SizedQuestion(Question):
    """A question whose data says how large the picture is, in pixels; truths and regions are of that size."""

    width: int
    height: int


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


def gathered(name: str, split: str, questions: Sequence[AnyQuestion], report: Report) -> Benchmark[AnyQuestion]:
    """The benchmark of what could be read.

    Raises:
        TrainingError: that is nothing; says what the first record lacks.
    """
    if not questions and report.examples:
        raise TrainingError(
            f"none of the {report.malformed} records of {name} {split} can be asked, the first is {report.examples[0]}"
        )
    return Benchmark(name, split, tuple(questions))


def _sound(_question: Question, _answer: str) -> None:
    """No form is asked for, so none is missed."""


@dataclass(frozen=True)
class Protocol(Generic[AnyQuestion]):
    """By which rules the answers to a benchmark are read.

    Attributes:
        score: a benchmark and one answer for each of its questions, in order, to the result.
        unasked: what becomes of a sound question that could not be put to the model, as when its picture is missing;
            in words, for the result.
        unasked_counts: whether it stays in the score with an empty answer, or is left out.
        fault: what an answer lacks in form, in words by which answers can be counted; None for a sound one.
    """

    score: Callable[[Benchmark[AnyQuestion], Sequence[str]], Result]
    unasked: str
    unasked_counts: bool
    fault: Callable[[AnyQuestion, str], str | None] = _sound


def named_split(path: Path, pattern: re.Pattern[str], benchmark: str, remedy: str) -> re.Match[str]:
    """What the name of a benchmark's file says, `pattern` matched against the whole of it.

    Raises:
        TrainingError: the name says nothing; `remedy` tells which file to give.
    """
    named = pattern.fullmatch(path.name)
    if named is None:
        raise TrainingError(f"{path.name!r} names no split of {benchmark}: give {remedy}")
    return named
