"""POPE: is there a THING in the image? Yes or no, about things that are there and things that are not (ferret-spec 4).

    benchmark = read_pope(Path("coco_pope_adversarial.json"), images=Path("val2014"), report=Report())
    score_pope(benchmark, answers)["accuracy"]

Li et al. 2023 (arXiv:2305.10355). An answer without a negation counts as a yes, whatever it says, as it did for the
published figures; the metric "neither" says how many of them held neither a yes nor a negation.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from training.protocols.answers import NEITHER, YesNo, says_either, yes_or_no
from training.protocols.published import published
from training.protocols.questions import Benchmark, Protocol, Question, gathered, named_split
from training.protocols.result import Metric, Result, percent, ratio
from training.readers.records import PicturePath, Record, Words, checked_lines
from training.readers.report import Report

_FILE = re.compile(r"coco_pope_(random|popular|adversarial)\.jsonl?")


@dataclass(frozen=True, slots=True, kw_only=True)
class PopeQuestion(Question):
    """A question and its right answer."""

    label: YesNo


class _Row(Record):
    image: PicturePath
    text: Words
    label: YesNo


def read_pope(path: Path, *, images: Path, report: Report) -> Benchmark[PopeQuestion]:
    """The questions of a file of JSON lines; which split it is, its name says.

    Raises:
        TrainingError: the file cannot be read, has another name, or nothing in it can be asked.
    """
    named = named_split(path, _FILE, "POPE", "a file like coco_pope_random.json")
    questions = []
    for _, _, row in checked_lines(path, _Row, report):
        report.use()
        questions.append(PopeQuestion(image=images / row.image, text=row.text, label=row.label))
    return gathered("pope", named[1], questions, report)


def score_pope(benchmark: Benchmark[PopeQuestion], answers: Sequence[str]) -> Result:
    """Accuracy, and precision, recall and F1 of "yes", the share of "yes", and of answers that say neither.

    Raises:
        TrainingError: there is not one answer for each question.
    """
    pairs = [(question.label, yes_or_no(answer)) for question, answer in benchmark.answered(answers)]
    count = len(pairs)
    hits = pairs.count(("yes", "yes"))
    claimed = sum(said == "yes" for _, said in pairs)
    there = sum(label == "yes" for label, _ in pairs)
    values = {
        "accuracy": (percent([label == said for label, said in pairs]), count),
        "precision": (ratio(hits, claimed), claimed),
        "recall": (ratio(hits, there), there),
        "F1": (ratio(2 * hits, claimed + there), count),
        "yes": (ratio(claimed, count), count),
        "neither": (percent([not says_either(answer) for answer in answers]), count),
    }
    return Result(
        benchmark.name,
        benchmark.split,
        tuple(
            Metric(name, value, cases, published(benchmark.name, benchmark.split, name), detail=name == "neither")
            for name, (value, cases) in values.items()
        ),
    )


POPE = Protocol(
    score_pope,
    unasked="left out: an empty answer would count as a yes",
    unasked_counts=False,
    fault=lambda _question, answer: None if says_either(answer) else NEITHER,
)
