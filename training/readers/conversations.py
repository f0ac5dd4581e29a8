"""Conversations as LLaVA writes them, `[{"from": "human", "value": ...}, {"from": "gpt", ...}, ...]`, and their reader.

A file is an array of these records, or has one on every line:

    {"id": "1", "image": "coco/1.jpg", "conversations": [{"from": "human", "value": "<image>\\nWhat is this?"},
                                                         {"from": "gpt", "value": "A dog."}]}
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field

from ferret.errors import TrainingError
from ferret.prompts import IMAGE_TOKEN
from training.readers.records import PicturePath, Record, read_records
from training.readers.report import MALFORMED, Report
from training.readers.sample import Sample, Turn, source_text

NAME = "llava"

# Four fractions: a box as shares of the sides, of the picture or of a padded square; the files do not say of which.
_SHARES = re.compile(r"\[\s*[01]\.\d+(?:\s*,\s*[01]\.\d+){3}\s*\]")


class Message(Record):
    """What one side says."""

    speaker: Literal["human", "gpt"] = Field(alias="from")
    value: str


class Conversation(Record):
    """A record of the file; without `image` it is a conversation about nothing that can be seen."""

    id: int | str | None = None
    image: PicturePath | None = None
    conversations: list[Message] = Field(min_length=1)


def exchanges(messages: Sequence[Message]) -> list[tuple[str, str]]:
    """Questions with their answers; the image token is taken out, since prompts put it in its place by themselves.

    Raises:
        TrainingError: the sides do not take turns, human first, an answer last; a text is empty; the image token stands
            elsewhere than in the first question, or more than once.
    """
    if len(messages) % 2:
        raise TrainingError(f"conversation of {len(messages)} message(s): every question needs an answer")
    texts = []
    for index, message in enumerate(messages):
        expected = "gpt" if index % 2 else "human"
        if message.speaker != expected:
            raise TrainingError(f"message {index} is by {message.speaker!r}, where it is the turn of {expected!r}")
        if message.value.count(IMAGE_TOKEN) > (index == 0):
            raise TrainingError(f"message {index} has an image token too many: one, in the first message, is allowed")
        text = message.value.replace(IMAGE_TOKEN, "").strip()
        if not text:
            raise TrainingError(f"message {index} is empty")
        texts.append(text)
    return list(zip(texts[::2], texts[1::2], strict=True))


def read_conversations(path: Path, *, images: Path, report: Report) -> Iterator[Sample]:
    """LLaVA's instruction and caption files, and what follows them: a JSON array, or one record a line in `.jsonl`.

    Left out, and counted: conversations without a picture, and those that write boxes as shares of the sides, which
    another model's frame decides the meaning of.

    Raises:
        TrainingError: the file cannot be read.
    """
    for _, where, raw in read_records(path, report):
        try:
            record = Conversation.model_validate(raw)
            pairs = exchanges(record.conversations) if record.image is not None else []
        except MALFORMED as error:
            report.refuse(path, where, error)
            continue
        if record.image is None:
            report.leave_out("no picture")
            continue
        if any(_SHARES.search(text) for pair in pairs for text in pair):
            report.leave_out("boxes in shares of an unknown frame")
            continue
        turns = tuple(Turn(source_text(question), source_text(answer)) for question, answer in pairs)
        report.use()
        yield Sample(NAME, where if record.id is None else str(record.id), images / record.image, None, turns)
