"""Ferret-Bench: describe a region, reason about one, and talk with boxes; a judge compares with reference answers.

    benchmark = read_ferret_bench(Path("ferret_gpt4_data"), images=Path("val2017"), report=Report())
    reviews = review_answers(benchmark, answers, judge)
    score_ferret_bench(benchmark, reviews)["average"]

Protocol and data are Ferret's (You et al. 2023, section 4; ferret-spec 4): 40 questions of each of three categories.
The judge is told what is in the picture and reads the reference answer first, the model's second. A category scores
what the model got of what the references got, in percent to one decimal.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field

from ferret.errors import ImageError, RegionError, ToolError, TrainingError
from ferret.images import open_checked
from ferret.regions import Box
from training.protocols.answers import judge_scores, with_relative_boxes, without_boxes
from training.protocols.judge import Judge
from training.protocols.published import published
from training.protocols.questions import Benchmark, Protocol, Question, gathered
from training.protocols.result import Metric, Result
from training.readers.records import PicturePath, Record, checked_lines, load_record
from training.readers.report import Report

Category = Literal["refer_desc", "refer_reason", "ground_conv"]
FOLDERS: dict[Category, str] = {
    "refer_desc": "refer_caption",
    "refer_reason": "refer_reason",
    "ground_conv": "ground_conv",
}
UNREADABLE = (-1.0, -1.0)
"""The scores that a review counts as whose first line is not two numbers, as in the published figures."""

# Boxes of the data are shares of the sides with three decimals; a few reach 0.002 beyond their picture.
_BOX = re.compile(r"\[(\d\.\d{3}), (\d\.\d{3}), (\d\.\d{3}), (\d\.\d{3})\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchQuestion(Question):
    """A question with what the judge needs: the words as the data has them, the scene, the reference, the rule."""

    category: Category
    asked: str
    scene: str
    reference: str
    role: str
    rule: str


@dataclass(frozen=True, slots=True)
class Review:
    """What the judge was asked and replied, and the scores of reference and model in it; worth keeping."""

    category: Category
    prompt: str
    reply: str
    scores: tuple[float, float]


class _Row(Record):
    question_id: int
    image: PicturePath
    category: Category
    text: str = Field(min_length=1)


class _Rule(Record):
    role: str
    prompt: str


class _Rules(Record):
    """`rule.json`: what the judge is told to do, for each category."""

    refer_desc: _Rule
    refer_reason: _Rule
    ground_conv: _Rule


def read_ferret_bench(folder: Path, *, images: Path, report: Report) -> Benchmark[BenchQuestion]:
    """The questions of all three categories, from the folder that holds theirs and `rule.json`.

    Boxes in a question become `<regionK>`; for that the sizes of those pictures are read. Malformed too: a question
    without context or reference, and one whose regions lie on no picture, because that cannot be read or is too small.

    Raises:
        TrainingError: a file cannot be read, `rule.json` breaks its format, or nothing can be asked.
    """
    rules = load_record(folder / "rule.json", _Rules)
    questions = []
    for category, name in FOLDERS.items():
        scenes, references = (_texts(folder / name / file, report) for file in ("context.jsonl", "answer.jsonl"))
        rule: _Rule = getattr(rules, category)
        file = folder / name / "question.jsonl"
        for _, where, row in checked_lines(file, _Row, report):
            if row.category != category or row.question_id not in scenes or row.question_id not in references:
                missing = f"question {row.question_id} of {row.category!r} has no context or answer in {name!r}"
                report.refuse(file, where, missing)
                continue
            image = images / row.image
            try:
                text, regions = _placed(row.text, image)
            except (ImageError, RegionError) as error:
                report.refuse(file, where, error)
                continue
            report.use()
            questions.append(
                BenchQuestion(
                    image=image,
                    text=text,
                    regions=regions,
                    category=category,
                    asked=row.text,
                    scene=scenes[row.question_id],
                    reference=references[row.question_id],
                    role=rule.role,
                    rule=rule.prompt,
                )
            )
    return gathered("ferret-bench", "all", questions, report)


def judge_prompt(question: BenchQuestion, answer: str) -> str:
    """What the judge is asked about a raw answer of the model.

    An answer about a region is judged without its boxes; in a conversation with boxes they are rewritten in the form
    that scene and reference have, as shares of the sides.
    """
    said = with_relative_boxes(answer) if question.category == "ground_conv" else without_boxes(answer)
    parts = [f"[Context]\n{question.scene}", f"[Question]\n{question.asked}"]
    for number, text in enumerate((question.reference, said), 1):
        name = f"{question.role} {number}"
        parts.append(f"[{name}]\n{text}\n\n[End of {name}]")
    return "\n\n".join([*parts, f"[System]\n{question.rule}"])


def review_answers(benchmark: Benchmark[BenchQuestion], answers: Sequence[str], judge: Judge) -> list[Review]:
    """The judge's reviews of all answers, in order.

    Raises:
        TrainingError: there is not one answer for each question.
        ToolError: the judge does not reply.
    """
    reviews = []
    for question, answer in benchmark.answered(answers):
        prompt = judge_prompt(question, answer)
        reply = judge.review(prompt)
        try:
            scores = judge_scores(reply)
        except ToolError:
            scores = UNREADABLE
        reviews.append(Review(question.category, prompt, reply, scores))
    return reviews


def score_ferret_bench(benchmark: Benchmark[BenchQuestion], reviews: Sequence[Review]) -> Result:
    """The score of each category and their average, in percent, and the share of reviews that could not be read.

    Raises:
        TrainingError: there is not one review for each question.
        ToolError: the references of a category got nothing, as when no review of it can be read.
    """
    if [review.category for review in reviews] != [question.category for question in benchmark.questions]:
        raise TrainingError(f"the {len(reviews)} review(s) are not those of the {len(benchmark.questions)} questions")
    metrics = []
    for category in FOLDERS:
        scores = [review.scores for review in reviews if review.category == category]
        if not scores:
            raise TrainingError(f"the benchmark holds no question of {category!r}: give all three categories")
        reference, model = (sum(column) for column in zip(*scores, strict=True))
        if reference <= 0:
            raise ToolError(f"the judge gave the references of {category!r} {reference:g} in all: look at its replies")
        metrics.append(_metric(benchmark, category, round(100 * model / reference, 1), len(scores)))
    average = round(sum(metric.value for metric in metrics) / len(metrics), 1)
    unreadable = 100 * sum(review.scores == UNREADABLE for review in reviews) / len(reviews)
    return Result(
        benchmark.name,
        benchmark.split,
        (
            _metric(benchmark, "average", average, len(reviews)),
            *metrics,
            Metric("unreadable", unreadable, len(reviews), detail=True),
        ),
    )


def judged_by(judge: Judge) -> Protocol[BenchQuestion]:
    """The protocol with a judge at hand; one that keeps its replies (`KeptJudge`) is asked about an answer once."""

    def score(benchmark: Benchmark[BenchQuestion], answers: Sequence[str]) -> Result:
        return score_ferret_bench(benchmark, review_answers(benchmark, answers, judge))

    def fault(question: BenchQuestion, answer: str) -> str | None:
        try:
            judge_scores(judge.review(judge_prompt(question, answer)))
        except ToolError:
            return "a review without two scores"
        return None

    return Protocol(
        score, unasked="left out: there is nothing that a judge could read", unasked_counts=False, fault=fault
    )


def _metric(benchmark: Benchmark[BenchQuestion], name: str, value: float, count: int) -> Metric:
    return Metric(name, value, count, published(benchmark.name, benchmark.split, name))


def _texts(path: Path, report: Report) -> dict[int, str]:
    return {row.question_id: row.text for _, _, row in checked_lines(path, _Row, report)}


def _placed(text: str, image: Path) -> tuple[str, tuple[Box, ...]]:
    """The question with `<regionK>` for each box, and the boxes in pixels of the picture."""
    found = _BOX.findall(text)
    if not found:
        return text, ()
    width, height = open_checked(image).size
    boxes = []
    for numbers in found:
        x1, y1, x2, y2 = (float(number) for number in numbers)
        box = Box(x1 * width, y1 * height, x2 * width, y2 * height).clipped(width, height)
        boxes.append(box.checked(width, height))
    for number in range(1, len(boxes) + 1):
        text = _BOX.sub(f"<region{number}>", text, count=1)
    return text, tuple(boxes)
