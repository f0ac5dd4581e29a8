"""The released Ferret's own format, in which GRIT is written (ferret-spec 3).

    [{"id": 0, "image": "a.jpg", "image_w": 640, "image_h": 480,
      "conversations": [{"from": "human", "value": "<image>\\nWhat is <bbox_location0>?"},
                        {"from": "gpt", "value": "A dog <bbox_location0>."}],
      "box_x1y1x2y2": [[[20, 15, 40, 35]], [[20, 15, 40, 35]]],
      "masks": [[{"size": [480, 640], "counts": "..."}], [...]]}]

Boxes and masks are listed by message and counted anew in each. In a question they become points or boxes by the
released rule, in an answer always boxes.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from pydantic import Field

from ferret.errors import TrainingError
from ferret.regions import Box
from training.readers.conversations import Message, exchanges
from training.readers.pointing_rules import point_or_box
from training.readers.records import Four, PicturePath, Record, Side, box_on_image, read_records, record_rng
from training.readers.report import MALFORMED, Report
from training.readers.sample import Sample, Turn, source_text
from training.readers.segmentations import RunLengths, object_mask

NAME = "ferret"

_LOCATION = re.compile(r"<bbox_location(\d{1,4})>")


class FerretRecord(Record):
    """A record of the file; `masks` may be missing, or null for a single object."""

    id: int | str | None = None
    image: PicturePath
    image_w: Side
    image_h: Side
    conversations: list[Message] = Field(min_length=1)
    box_x1y1x2y2: list[list[Four]]
    masks: list[list[RunLengths | None]] | None = None


def read_ferret(path: Path, *, images: Path, report: Report, seed: int) -> Iterator[Sample]:
    """A JSON array, or one record a line in `.jsonl`; `seed` decides between points and boxes, and where points lie.

    Raises:
        TrainingError: the file cannot be read.
    """
    for number, where, raw in read_records(path, report):
        try:
            record = FerretRecord.model_validate(raw)
            turns = _turns(record, record_rng(seed, number))
        except MALFORMED as error:
            report.refuse(path, where, error)
            continue
        report.use()
        identity = where if record.id is None else str(record.id)
        yield Sample(NAME, identity, images / record.image, (record.image_w, record.image_h), turns)


def _turns(record: FerretRecord, rng: np.random.Generator) -> tuple[Turn, ...]:
    pairs = exchanges(record.conversations)
    size = (record.image_w, record.image_h)
    messages = len(record.conversations)
    if len(record.box_x1y1x2y2) != messages:
        raise TrainingError(f"box_x1y1x2y2 has {len(record.box_x1y1x2y2)} list(s) for {messages} messages")
    boxes = [[box_on_image(box, size) for box in message] for message in record.box_x1y1x2y2]
    lists = record.masks if record.masks is not None else [[None] * len(message) for message in boxes]
    if [len(message) for message in lists] != [len(message) for message in boxes]:
        raise TrainingError("masks are not nested as box_x1y1x2y2 is")
    turns = []
    for number, (question, answer) in enumerate(pairs):
        asked, told = boxes[2 * number], boxes[2 * number + 1]
        masks = [object_mask(mask, box, size) for mask, box in zip(lists[2 * number], asked, strict=True)]
        regions, within = point_or_box(asked, masks, size, rng) if asked else ((), ())
        turns.append(
            Turn(
                _placed(question, asked, "region", 2 * number),
                _placed(answer, told, "box", 2 * number + 1),
                regions,
                within,
                tuple(told),
            )
        )
    return tuple(turns)


def _placed(text: str, boxes: Sequence[Box], kind: str, message: int) -> str:
    """The text with `<bbox_locationN>` written as `<kindN+1>`.

    Raises:
        TrainingError: the text names a box that is not listed, or a listed one is not named.
    """
    named: set[int] = set()

    def write(match: re.Match[str]) -> str:
        named.add(int(match[1]))
        return f"<{kind}{int(match[1]) + 1}>"

    placed = _LOCATION.sub(write, source_text(text))
    if named != set(range(len(boxes))):
        raise TrainingError(f"message {message} names the boxes {sorted(named)} but lists {len(boxes)}, counted from 0")
    return placed
