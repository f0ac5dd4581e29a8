"""Visual Genome: `region_descriptions.json` and `relationships.json`, each beside the `image_data.json` of its release.

The files number pictures; `image_data.json` has their sizes and, as the end of `url`, their folder and name
(`VG_100K/2.jpg`, `VG_100K_2/1.jpg`). Releases differ in little: the picture's number is `image_id` or `id`, the name of
an object `name` or the first of `names`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from pydantic import AliasChoices, Field

from ferret.errors import TrainingError
from ferret.regions import Box
from training.readers.records import (
    Record,
    Side,
    UrlPath,
    Words,
    entry_of,
    indexed_rows,
    load_json,
    read_records,
    record_rng,
    sides_on_image,
    spoken,
)
from training.readers.report import MALFORMED, Report
from training.readers.sample import Sample, Turn
from training.wordings import pick

REGIONS, RELATIONS = "vg-regions", "vg-relations"
IMAGE_DATA = "image_data.json"

_REGION_QUESTIONS = (
    "Describe <region1> in a short phrase.",
    "What does <region1> show?",
    "Give a short description of <region1>.",
    "What can be seen in <region1>?",
)
_RELATION_QUESTIONS = (
    "What is the relation between <region1> and <region2>?",
    "How does <region1> relate to <region2>?",
    "In a short phrase, what has <region1> to do with <region2>?",
)


class Picture(Record):
    """An entry of `image_data.json`."""

    image_id: int = Field(validation_alias=AliasChoices("image_id", "id"))
    width: Side
    height: Side
    file: UrlPath = Field(alias="url")


class Region(Record):
    """A box and a phrase about what it shows."""

    region_id: int
    x: float
    y: float
    width: float
    height: float
    phrase: Words


class Thing(Record):
    """One side of a relationship."""

    x: float
    y: float
    w: float
    h: float
    name: Words | None = None
    names: list[Words] = Field(default=[])

    def called(self) -> str:
        """Its name.

        Raises:
            TrainingError: it has none.
        """
        name = self.name or next(iter(self.names), None)
        if name is None:
            raise TrainingError("an object has neither name nor names")
        return spoken(name)


class Relationship(Record):
    """`subject` does or is `predicate` to `object`."""

    relationship_id: int
    predicate: Words
    subject: Thing
    target: Thing = Field(alias="object")


class RegionList(Record):
    """What `region_descriptions.json` has of one picture."""

    image_id: int = Field(validation_alias=AliasChoices("image_id", "id"))
    entries: list[Any] = Field(alias="regions")


class RelationshipList(Record):
    """What `relationships.json` has of one picture."""

    image_id: int = Field(validation_alias=AliasChoices("image_id", "id"))
    entries: list[Any] = Field(alias="relationships")


EntryList = TypeVar("EntryList", RegionList, RelationshipList)


def read_vg_regions(path: Path, *, images: Path, report: Report, seed: int) -> Iterator[Sample]:
    """Describe a box: one sample for every region; `seed` decides the wording of the questions.

    Raises:
        TrainingError: the file, or `image_data.json` beside it, cannot be read.
    """
    for where, raw, picture, rng in _entries(path, RegionList, "regions", report, seed):
        size = (picture.width, picture.height)
        try:
            region = Region.model_validate(raw)
            box = sides_on_image((region.x, region.y, region.width, region.height), size)
            turn = Turn(pick(_REGION_QUESTIONS, rng), spoken(region.phrase), (box,))
        except MALFORMED as error:
            report.refuse(path, where, error)
            continue
        report.use()
        yield Sample(REGIONS, str(region.region_id), images / picture.file, size, (turn,))


def read_vg_relations(path: Path, *, images: Path, report: Report, seed: int) -> Iterator[Sample]:
    """Relate two boxes: `man wearing hat`, one sample for every relationship; `seed` decides the wording.

    Raises:
        TrainingError: the file, or `image_data.json` beside it, cannot be read.
    """
    for where, raw, picture, rng in _entries(path, RelationshipList, "relationships", report, seed):
        size = (picture.width, picture.height)
        try:
            relation = Relationship.model_validate(raw)
            words = f"{relation.subject.called()} {spoken(relation.predicate).lower()} {relation.target.called()}"
            regions = (_thing_box(relation.subject, size), _thing_box(relation.target, size))
            turn = Turn(pick(_RELATION_QUESTIONS, rng), words, regions)
        except MALFORMED as error:
            report.refuse(path, where, error)
            continue
        report.use()
        yield Sample(RELATIONS, str(relation.relationship_id), images / picture.file, size, (turn,))


def _thing_box(thing: Thing, size: tuple[int, int]) -> Box:
    return sides_on_image((thing.x, thing.y, thing.w, thing.h), size)


def _entries(
    path: Path, model: type[EntryList], table: str, report: Report, seed: int
) -> Iterator[tuple[str, Any, Picture, np.random.Generator]]:
    """Every entry about every picture: its place, itself, the picture, and the picture's generator."""
    data = path.with_name(IMAGE_DATA)
    rows = load_json(data)
    if not isinstance(rows, list):
        raise TrainingError(f"{str(data)!r} must hold a JSON array of pictures")
    pictures = indexed_rows(data, "", rows, Picture, report, key="image_id")
    for index, where, raw in read_records(path, report):
        try:
            about = model.model_validate(raw)
            picture = entry_of(pictures, about.image_id, IMAGE_DATA)
        except MALFORMED as error:
            report.refuse(path, where, error)
            continue
        rng = record_rng(seed, index)
        for number, entry in enumerate(about.entries):
            yield f"{where}.{table}[{number}]", entry, picture, rng
