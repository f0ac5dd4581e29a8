"""VQA v2: `v2_OpenEnded_mscoco_{split}_questions.json` and, beside it, `v2_mscoco_{split}_annotations.json`.

Pictures are numbered, and lie as COCO 2014 named them: `COCO_{split}_{number of 12 digits}.jpg`. The test splits have
no answers and are nothing to learn from.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import Field

from ferret.errors import TrainingError
from training.readers.records import Record, Words, checked_rows, entry_of, indexed_rows, load_tables, spoken
from training.readers.report import MALFORMED, Report
from training.readers.sample import Sample, Turn

NAME = "vqa"

SHORT = "Answer with one word or a short phrase."
"""Ends every question: the answers are of that kind, and ordinary questions should not come to be answered so."""

_QUESTIONS = re.compile(r"(.*)OpenEnded_mscoco_(train2014|val2014)_questions\.json")


class Question(Record):
    """A question about the picture `image_id`."""

    question_id: int
    image_id: Annotated[int, Field(ge=0)]
    question: Words


class Annotation(Record):
    """The answers of ten people, of which the commonest is the one to learn."""

    question_id: int
    image_id: int
    multiple_choice_answer: Words


def read_vqa(path: Path, *, images: Path, report: Report) -> Iterator[Sample]:
    """Questions with the answer that most people gave; `path` is the file of questions.

    Malformed too: an answer to no question or to one about another picture, a second answer, a question without any.

    Raises:
        TrainingError: a file cannot be read, or the questions are not named as they were released.
    """
    name = _QUESTIONS.fullmatch(path.name)
    if name is None:
        raise TrainingError(
            f"{path.name!r} does not say its split: name it v2_OpenEnded_mscoco_train2014_questions.json or the like"
        )
    prefix, split = name.groups()
    answers = path.with_name(f"{prefix}mscoco_{split}_annotations.json")
    (asked,) = load_tables(path, "questions")
    (told,) = load_tables(answers, "annotations")
    questions = indexed_rows(path, "questions", asked, Question, report, key="question_id")
    unanswered = dict(questions)
    for where, annotation in checked_rows(answers, "annotations", told, Annotation, report):
        number = annotation.question_id
        try:
            question = entry_of(questions, number, "questions")
            if unanswered.pop(number, None) is None:
                raise TrainingError(f"question {number} was answered before")
            if annotation.image_id != question.image_id:
                raise TrainingError(f"question {number} is about picture {question.image_id}")
            turn = Turn(f"{spoken(question.question)} {SHORT}", spoken(annotation.multiple_choice_answer))
        except MALFORMED as error:
            report.refuse(answers, where, error)
            continue
        report.use()
        image = images / f"COCO_{split}_{question.image_id:012d}.jpg"
        yield Sample(NAME, str(number), image, None, (turn,))
    for number in unanswered:
        report.refuse(path, f"questions, id {number}", f"{answers.name} has no sound answer to it")
