"""VQA accuracy: short answers to open questions, judged by ten people's answers.

    benchmark = read_vqa(Path("v2_OpenEnded_mscoco_val2014_questions.json"),
                         Path("v2_mscoco_val2014_annotations.json"), images=Path("val2014"), report=Report())
    score_vqa(benchmark, answers)["accuracy"]

Antol et al. 2015 (arXiv:1505.00468) and https://visualqa.org/evaluation.html: an answer scores min(agreeing people / 3,
1), averaged over every way to leave one of the people out. Both sides are brought to one form first (`plain_answer`).
The official program skips that where all people wrote the same, so that "Yes" misses ten times "yes"; its description
does not, and neither does this.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from training.protocols.questions import Benchmark, Protocol, Question, gathered
from training.protocols.result import Metric, Result, percent
from training.readers.records import Record, Words, checked_rows, indexed_rows, load_record, load_tables
from training.readers.report import Report

ANSWER_SHORTLY = "Answer the question using a single word or phrase."
"""Follows every question: whole sentences never equal an answer. The wording is that of LLaVA 1.5's training data."""

AGREEING = 3
"""How many people must have given an answer for it to be wholly right."""

_NUMBERS = {
    word: str(number)
    for number, word in enumerate("zero one two three four five six seven eight nine ten".split())
} | {"none": "0"}  # fmt: skip
_ARTICLES = frozenset({"a", "an", "the"})
# Words to which a missing apostrophe is restored; of two, one may be missing ("couldnt've", "couldn'tve").
_CONTRACTIONS = (
    "ain't aren't can't could've couldn't couldn't've didn't doesn't don't hadn't hadn't've hasn't haven't he'd "
    "he'd've he's how'd how'll how's isn't it'd it'd've it'll ma'am might've mightn't mightn't've must've mustn't "
    "needn't not've o'clock oughtn't 'ow's'at shan't she'd've should've shouldn't shouldn't've somebody'd "
    "somebody'd've somebody'll somebody's someone'd someone'd've someone'll someone's something'd something'd've "
    "something'll that's there'd there'd've there're there's they'd they'd've they'll they're they've 'twas wasn't "
    "we'd've we've weren't what'll what're what's what've when's where'd where's where've who'd who'd've who'll who's "
    "who've why'll why're why's won't would've wouldn't wouldn't've y'all y'all'd've y'all'll you'd you'd've you'll "
    "you're you've"
).split()
_RESTORED = {
    word[:place] + word[place + 1 :]: word
    for word in _CONTRACTIONS
    for place, character in enumerate(word)
    if character == "'"
}
_PUNCTUATION = ';/[]"{}()=+\\_-><@`,?!'
_THOUSANDS = re.compile(r"\d,\d")
_FULL_STOP = re.compile(r"\.(?!\d)")


@dataclass(frozen=True, slots=True, kw_only=True)
class VqaQuestion(Question):
    """A question, what people answered, and of which type their answers are: "yes/no", "number" or "other"."""

    people: tuple[str, ...]
    answer_type: str


class _Asked(Record):
    question_id: int
    image_id: Annotated[int, Field(ge=0)]
    question: Words


class _Questions(Record):
    """The file of questions; `data_subtype` is part of the pictures' names."""

    data_subtype: Annotated[str, StringConstraints(pattern=r"^\w+$")]
    questions: list[Any]


class _Answer(Record):
    answer: str


class _Annotation(Record):
    question_id: int
    answer_type: str
    answers: list[_Answer] = Field(min_length=2)


def read_vqa(questions: Path, annotations: Path, *, images: Path, report: Report) -> Benchmark[VqaQuestion]:
    """The questions of a split with the answers of people; pictures are named as COCO 2014 names them.

    Malformed too: a question without answers, answers to no question.

    Raises:
        TrainingError: a file cannot be read, or nothing can be asked, as when the two are of different splits.
    """
    asked = load_record(questions, _Questions)
    (rows,) = load_tables(annotations, "annotations")
    answered = indexed_rows(annotations, "annotations", rows, _Annotation, report, key="question_id")
    found = []
    for where, entry in checked_rows(questions, "questions", asked.questions, _Asked, report):
        truth = answered.pop(entry.question_id, None)
        if truth is None:
            missing = f"{annotations.name} has no sound answers to question {entry.question_id}: is it of this split?"
            report.refuse(questions, where, missing)
            continue
        report.use()
        found.append(
            VqaQuestion(
                image=images / f"COCO_{asked.data_subtype}_{entry.image_id:012d}.jpg",
                text=f"{entry.question}\n{ANSWER_SHORTLY}",
                people=tuple(given.answer for given in truth.answers),
                answer_type=truth.answer_type,
            )
        )
    for number in answered:
        report.refuse(annotations, f"annotations, question {number}", f"is not asked in {questions.name}")
    return gathered("vqav2", asked.data_subtype, found, report)


def plain_answer(text: str) -> str:
    """An answer in the form in which answers are compared.

    Lower case; numbers up to ten in digits; no articles; apostrophes restored to contractions; no full stop but a
    decimal point; other marks, except apostrophe and colon, are taken out where a blank stands beside one, or where
    the text holds a comma between digits, and become blanks elsewhere.
    """
    raw = " ".join(text.split())
    plain = raw
    for mark in _PUNCTUATION:
        gone = f"{mark} " in raw or f" {mark}" in raw or _THOUSANDS.search(raw) is not None
        plain = plain.replace(mark, "" if gone else " ")
    words = [_NUMBERS.get(word, word) for word in _FULL_STOP.sub("", plain).lower().split()]
    return " ".join(_RESTORED.get(word, word) for word in words if word not in _ARTICLES)


def vqa_accuracy(answer: str, people: Sequence[str]) -> float:
    """The score of one answer, 0 to 1: the mean, over leaving out each person, of min(agreeing others / 3, 1).

    Raises:
        ValueError: fewer than two people answered.
    """
    if len(people) < 2:
        raise ValueError(f"{len(people)} answer(s) of people: with one left out, none would remain")
    said = plain_answer(answer)
    agrees = [plain_answer(given) == said for given in people]
    agreeing = sum(agrees)
    return sum(min((agreeing - left_out) / AGREEING, 1.0) for left_out in agrees) / len(people)


def score_vqa(benchmark: Benchmark[VqaQuestion], answers: Sequence[str]) -> Result:
    """VQA accuracy over all questions, then over those of each answer type, the most frequent first.

    Raises:
        TrainingError: there is not one answer for each question.
    """
    scores = [
        (question.answer_type, vqa_accuracy(answer, question.people))
        for question, answer in benchmark.answered(answers)
    ]
    metrics = [Metric("accuracy", percent([score for _, score in scores]), len(scores))]
    for kind, count in Counter(kind for kind, _ in scores).most_common():
        of_kind = percent([score for other, score in scores if other == kind])
        metrics.append(Metric(kind, of_kind, count, detail=True))
    return Result(benchmark.name, benchmark.split, tuple(metrics))


VQA = Protocol(score_vqa, unasked="counts as an empty answer", unasked_counts=True)
