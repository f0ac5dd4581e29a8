"""Put every question of a benchmark to a model, several at once, and keep each answer as it comes.

    taken = ask_all(benchmark.questions, Path("run/answers.jsonl"), load=lambda: Engine.load("ferret-nano"), batch=16)
    taken.answers[0].answer

Questions about one picture are asked together, so that it is encoded once. The answers that the file holds already are
not asked for again. Which questions share a batch does not depend on where a run was stopped: a batch that was written
in part is asked as a whole, and what is missing of it is written, so that a stopped run ends as one that was not.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from PIL import Image
from pydantic import TypeAdapter, ValidationError

from ferret.errors import ImageError, RequestError, ToolError, TrainingError
from ferret.images import load_image
from training.protocols.kept import add_lines, whole_lines
from training.protocols.questions import Question, SizedQuestion
from training.readers.report import reason_of

if TYPE_CHECKING:
    from ferret.engine import Generation, Prompt

MAX_NEW_TOKENS = 1024
"""The longest an answer may get, as in the released evaluation (ferret-spec 1.7)."""

Progress = Callable[[int, int], None]
"""Told how many questions are done with, and of how many."""


class Model(Protocol):
    """The part of `ferret.engine.Engine` that is asked."""

    def answer_each(
        self, images: Sequence[Image.Image], prompts: "Sequence[Prompt]", max_new_tokens: int = ...
    ) -> "list[Generation]":
        """One generation for each prompt, about its picture."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A line of `answers.jsonl`.

    Attributes:
        id: position of the question in the benchmark, from 0.
        image: file name of the picture.
        question: as it was asked.
        answer: what the model wrote.
        confidence: geometric mean of the probabilities of its tokens.
        complete: whether the model ended it, and not the limit on tokens.
        seconds: its share of the time that its batch took.
    """

    id: int
    image: str
    question: str
    answer: str
    confidence: float
    complete: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of asking: answers by the position of their question, and why the others have none."""

    answers: Mapping[int, Answer]
    unasked: Mapping[int, str]


_ANSWER = TypeAdapter(Answer)


def ask_all(
    questions: Sequence[Question],
    path: Path,
    load: Callable[[], Model],
    *,
    batch: int,
    progress: Progress | None = None,
) -> Taken:
    """Ask what the file has no answer to.

    A question is left unasked whose picture cannot be read or has another size than the data says, or whose regions or
    length the model refuses; it is tried again the next time.

    Args:
        questions: all of a benchmark.
        path: the file of answers; made if missing.
        load: gives the model; called only if something has to be asked.
        batch: how many questions are run together.
        progress: called after each batch.

    Raises:
        TrainingError: the file holds something else than answers to these questions, cannot be written, or not one of
            the pictures is there.
        ToolError: the batch does not fit into the accelerator's memory.
    """
    answers = read_answers(path, questions)
    if not any(question.image.is_file() for question in questions):
        raise TrainingError(
            f"none of the pictures is there, the first is {str(questions[0].image)!r}: give their folder with --images"
        )
    unasked: dict[int, str] = {}
    model: Model | None = None
    order = _by_picture(questions)
    if progress is not None:
        progress(len(answers), len(questions))
    for first in range(0, len(order), batch):
        together = order[first : first + batch]
        if all(number in answers for number in together):
            continue
        pictures, refused = _pictures(questions, together)
        asked = [number for number in together if number in pictures]
        if any(number not in answers for number in asked):
            if model is None:
                model = load()
            start = time.perf_counter()
            said, more = _ask(model, questions, pictures, asked)
            refused |= more
            seconds = round((time.perf_counter() - start) / len(asked), 4)
            fresh = [
                _answer(number, questions[number], generation, seconds)
                for number, generation in said.items()
                if number not in answers
            ]
            add_lines(path, (dumps(asdict(answer), ensure_ascii=False) for answer in fresh))
            answers |= {answer.id: answer for answer in fresh}
        unasked |= {number: reason for number, reason in refused.items() if number not in answers}
        if progress is not None:
            progress(len(answers) + len(unasked), len(questions))
    return Taken(dict(sorted(answers.items())), dict(sorted(unasked.items())))


def read_answers(path: Path, questions: Sequence[Question]) -> dict[int, Answer]:
    """The answers that a file holds, by the position of their question.

    Raises:
        TrainingError: a line is no answer, or one to another question.
    """
    answers: dict[int, Answer] = {}
    for number, line in enumerate(whole_lines(path), 1):
        where = f"{str(path)!r}, line {number}"
        try:
            answer = _ANSWER.validate_json(line)
        except ValidationError as error:
            raise TrainingError(f"{where} is no answer ({reason_of(error)}): remove the line") from None
        asked = questions[answer.id] if 0 <= answer.id < len(questions) else None
        if asked is None or (asked.text, asked.image.name) != (answer.question, answer.image):
            raise TrainingError(f"{where} answers another question than this benchmark has: give another --out")
        answers[answer.id] = answer
    return answers


def _by_picture(questions: Sequence[Question]) -> list[int]:
    """The positions of all questions, those about one picture side by side, else in order."""
    groups: dict[Path, list[int]] = {}
    for number, question in enumerate(questions):
        groups.setdefault(question.image, []).append(number)
    return [number for group in groups.values() for number in group]


def _pictures(questions: Sequence[Question], numbers: Sequence[int]) -> tuple[dict[int, Image.Image], dict[int, str]]:
    """The picture of each question, one object for all about it, and why some have none."""
    loaded: dict[Path, Image.Image | str] = {}
    pictures: dict[int, Image.Image] = {}
    refused: dict[int, str] = {}
    for number in numbers:
        question = questions[number]
        if question.image not in loaded:
            try:
                loaded[question.image] = load_image(question.image)
            except ImageError as error:
                loaded[question.image] = str(error)
        picture = loaded[question.image]
        if isinstance(picture, str):
            refused[number] = picture
        elif isinstance(question, SizedQuestion) and picture.size != (question.width, question.height):
            told = f"{question.width}x{question.height}"
            refused[number] = f"{question.image.name!r} is {picture.width}x{picture.height}, the data says {told}"
        else:
            pictures[number] = picture
    return pictures, refused


def _ask(
    model: Model, questions: Sequence[Question], pictures: Mapping[int, Image.Image], numbers: Sequence[int]
) -> "tuple[dict[int, Generation], dict[int, str]]":
    """What the model says to a batch; where it refuses, each question is asked alone, to find those that it refuses."""
    import torch

    from ferret.engine import Prompt

    prompts = [Prompt(questions[number].text, questions[number].regions) for number in numbers]
    try:
        said = model.answer_each([pictures[number] for number in numbers], prompts, max_new_tokens=MAX_NEW_TOKENS)
        return dict(zip(numbers, said, strict=True)), {}
    except RequestError as error:
        if len(numbers) == 1:
            return {}, {numbers[0]: str(error)}
    except torch.OutOfMemoryError:
        raise ToolError(
            f"{len(numbers)} question(s) at once are too many for the accelerator's memory: give a smaller --batch; "
            "answers so far are kept"
        ) from None
    answered: dict[int, Generation] = {}
    refused: dict[int, str] = {}
    for number in numbers:
        alone, fault = _ask(model, questions, pictures, [number])
        answered |= alone
        refused |= fault
    return answered, refused


def _answer(number: int, question: Question, generation: "Generation", seconds: float) -> Answer:
    return Answer(
        id=number,
        image=question.image.name,
        question=question.text,
        answer=generation.text,
        confidence=round(generation.confidence, 4),
        complete=generation.complete,
        seconds=seconds,
    )
