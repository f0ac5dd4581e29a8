"""COCO captions: `captions_{split}.json`, five sentences or so about every picture.

Captions that come as conversations, as most pre-training sets do, are read by `training.readers.conversations`.
"""

from collections.abc import Iterator
from pathlib import Path

from training.readers.records import (
    PicturePath,
    Record,
    Side,
    Words,
    entry_of,
    indexed_rows,
    load_tables,
    record_rng,
    spoken,
)
from training.readers.report import MALFORMED, Report
from training.readers.sample import Sample, Turn
from training.wordings import pick

NAME = "captions"

_QUESTIONS = (
    "Describe the image in one sentence.",
    "Write a short caption for the picture.",
    "Give a brief description of the image.",
    "What does the picture show? Answer in one sentence.",
)


class Picture(Record):
    """A picture that captions are about."""

    id: int
    file_name: PicturePath
    width: Side
    height: Side


class Caption(Record):
    """A sentence about the picture `image_id`."""

    id: int
    image_id: int
    caption: Words


def read_captions(path: Path, *, images: Path, report: Report, seed: int) -> Iterator[Sample]:
    """One sample for every caption, in the order of the file; `seed` decides the wording of the request.

    Raises:
        TrainingError: the file cannot be read.
    """
    rows, sentences = load_tables(path, "images", "annotations")
    pictures = indexed_rows(path, "images", rows, Picture, report)
    for index, raw in enumerate(sentences):
        try:
            caption = Caption.model_validate(raw)
            picture = entry_of(pictures, caption.image_id, "images")
            turn = Turn(pick(_QUESTIONS, record_rng(seed, index)), spoken(caption.caption))
        except MALFORMED as error:
            report.refuse(path, f"annotations[{index}]", error)
            continue
        report.use()
        yield Sample(NAME, str(caption.id), images / picture.file_name, (picture.width, picture.height), (turn,))
