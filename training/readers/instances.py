"""COCO and LVIS instances as the dense questions of Ferret-v2 (ferret-spec 5, stage II): name regions, or find all.

Both sets have one layout: `images`, `annotations` with `bbox` [x, y, width, height] and `segmentation`, `categories`.
LVIS v1 gives the path of a picture only as the end of `coco_url`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, AliasChoices, Field

from ferret.regions import Box
from training.readers.pointing_rules import point_or_box
from training.readers.records import (
    Four,
    Record,
    Side,
    Words,
    end_of_url,
    entry_of,
    indexed_rows,
    inside_folder,
    load_tables,
    record_rng,
    sides_on_image,
    spoken,
)
from training.readers.report import MALFORMED, Report
from training.readers.sample import Sample, Turn
from training.readers.segmentations import Polygons, RunLengths, object_mask

REFER, DETECT = "instances-refer", "instances-detect"

GROUP = 10
"""Regions of one question, about as many as Ferret-v2 put in one sample."""

MAX_LISTED = 20
"""Objects of a picture that one answer lists at most: each takes some twenty tokens."""


def _file(name: str) -> str:
    return end_of_url(name) if "://" in name else inside_folder(name)


class Annotation(Record):
    """One object, or with `iscrowd` a mass of them that nobody told apart."""

    id: int
    image_id: int
    category_id: int
    bbox: Four
    segmentation: Polygons | RunLengths | None = None
    iscrowd: int = 0


class Picture(Record):
    """A picture; `file` is COCO's `file_name`, or the end of LVIS v1's `coco_url`."""

    id: int
    width: Side
    height: Side
    file: Annotated[str, AfterValidator(_file)] = Field(validation_alias=AliasChoices("file_name", "coco_url"))


class Category(Record):
    """A kind of object."""

    id: int
    name: Words


@dataclass(frozen=True)
class _Object:
    """An annotation in our terms; `where` is its place in the file."""

    where: str
    name: str
    box: Box
    segmentation: Polygons | RunLengths | None


@dataclass
class _Scene:
    """What is known of one picture."""

    picture: Picture
    objects: list[_Object] = field(default_factory=list)
    crowds: int = 0
    malformed: int = 0

    @property
    def size(self) -> tuple[int, int]:
        return self.picture.width, self.picture.height


def read_instance_names(path: Path, *, images: Path, report: Report, seed: int) -> Iterator[Sample]:
    """Name up to `GROUP` marked objects; every sound object is asked about once, in an order that `seed` decides.

    Regions are points or boxes by the released rule. Crowds are left out, and counted.

    Raises:
        TrainingError: the file cannot be read.
    """
    for index, scene in enumerate(_scenes(path, report)):
        report.leave_out("crowd", scene.crowds)
        rng = record_rng(seed, index)
        usable = []
        for item in scene.objects:
            try:
                mask = object_mask(item.segmentation, item.box, scene.size)
            except MALFORMED as error:
                report.refuse(path, item.where, error)
                continue
            usable.append((item, mask))
        order = rng.permutation(len(usable)).tolist()
        for part, start in enumerate(range(0, len(order), GROUP)):
            group = [usable[i] for i in order[start : start + GROUP]]
            regions, within = point_or_box([it.box for it, _ in group], [mask for _, mask in group], scene.size, rng)
            places = ", ".join(f"{n}: <region{n}>" for n in range(1, len(group) + 1))
            names = ", ".join(f"{n}: {item.name}" for n, (item, _) in enumerate(group, 1))
            turn = Turn(
                f"Please classify the objects in the following locations. {places}",
                f"Here are the categories: {names}",
                regions,
                within,
            )
            report.use(len(group))
            yield Sample(REFER, f"{scene.picture.id}/{part}", images / scene.picture.file, scene.size, (turn,))


def read_instance_boxes(path: Path, *, images: Path, report: Report) -> Iterator[Sample]:
    """Name and box every object of a picture in raster order: from the top, then from the left.

    Left out, and counted: the objects of pictures whose list would be too long, or would be short of something, namely
    of a crowd or of a malformed annotation. LVIS marks only some kinds in each picture, so its lists are of these.

    Raises:
        TrainingError: the file cannot be read.
    """
    for scene in _scenes(path, report):
        count = len(scene.objects)
        if scene.crowds or scene.malformed or count > MAX_LISTED:
            report.leave_out("crowd", scene.crowds)
            wanting = "beside a crowd" if scene.crowds else "beside a malformed annotation"
            report.leave_out(wanting if scene.crowds or scene.malformed else f"more than {MAX_LISTED} objects", count)
            continue
        if not count:
            continue
        ordered = sorted(scene.objects, key=lambda item: (item.box.y1, item.box.x1))
        found = ", ".join(f"{n}: {item.name} <box{n}>" for n, item in enumerate(ordered, 1))
        turn = Turn(
            "Please localize visible objects in the image in a raster scan order.",
            f"The objects are: {found}",
            boxes=tuple(item.box for item in ordered),
        )
        report.use(count)
        yield Sample(DETECT, str(scene.picture.id), images / scene.picture.file, scene.size, (turn,))


def _scenes(path: Path, report: Report) -> Iterator[_Scene]:
    """The pictures in the order of the file, each with its objects."""
    pictures, annotations, categories = load_tables(path, "images", "annotations", "categories")
    names = indexed_rows(path, "categories", categories, Category, report)
    scenes = {
        number: _Scene(picture) for number, picture in indexed_rows(path, "images", pictures, Picture, report).items()
    }
    for index, raw in enumerate(annotations):
        where = f"annotations[{index}]"
        try:
            annotation = Annotation.model_validate(raw)
            scene = entry_of(scenes, annotation.image_id, "images")
            if annotation.iscrowd:
                scene.crowds += 1
                continue
            box = sides_on_image(annotation.bbox, scene.size)
            name = _spoken_name(entry_of(names, annotation.category_id, "categories").name)
        except MALFORMED as error:
            report.refuse(path, where, error)
            number = raw.get("image_id") if isinstance(raw, dict) else None
            if isinstance(number, int) and number in scenes:
                scenes[number].malformed += 1
            continue
        scene.objects.append(_Object(where, name, box, annotation.segmentation))
    yield from scenes.values()


def _spoken_name(name: str) -> str:
    """`bass_(horn)` of LVIS is "bass": underscores are blanks, and what tells homonyms apart is not said."""
    return spoken(re.sub(r"[_ ]\(.*?\)", "", name).replace("_", " "))
