"""Samples as lines of JSON and back, every region to the bit: how a store keeps them.

Coordinates are written as Python prints them, which reads back as the same number; masks as COCO run lengths.
"""

import json
from pathlib import Path
from typing import Any

from ferret.errors import TrainingError
from ferret.regions import Box, Mask, Point, Polygon, Region, Scribble
from training.readers.sample import Sample, Turn


def sample_to_line(sample: Sample) -> bytes:
    """A sample as ASCII without line breaks; its `source` is left out, since a store has one for all."""
    turns = [
        [
            turn.question,
            turn.answer,
            [_region_to_json(region) for region in turn.regions],
            [None if limit is None else _region_to_json(limit) for limit in turn.within],
            [_region_to_json(box) for box in turn.boxes],
        ]
        for turn in sample.turns
    ]
    return json.dumps([sample.id, str(sample.image), sample.size, turns], separators=(",", ":")).encode("ascii")


def sample_from_line(line: bytes, source: str, images: Path) -> Sample:
    """Undoes `sample_to_line`.

    Args:
        line: what that made.
        source: name of the reader.
        images: folder that the picture's path starts from.

    Raises:
        TrainingError: the line is damaged.
    """
    try:
        identity, image, size, turns = json.loads(line)
        return Sample(
            source, identity, images / image, None if size is None else (size[0], size[1]),
            tuple(_turn(*turn) for turn in turns),
        )  # fmt: skip
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise TrainingError(f"a stored sample is damaged: {error}") from error


def _turn(question: str, answer: str, regions: list[Any], within: list[Any], boxes: list[Any]) -> Turn:
    found = tuple(_region_from_json(box) for box in boxes)
    return Turn(
        question,
        answer,
        tuple(_region_from_json(region) for region in regions),
        tuple(None if limit is None else _region_from_json(limit) for limit in within),
        tuple(box for box in found if isinstance(box, Box)),
    )


def _region_to_json(region: Region) -> list[Any]:
    """`[kind, image, what it is made of]`."""
    if isinstance(region, Mask):
        return ["mask", region.image, region.to_rle()]
    if isinstance(region, Box):
        return ["box", region.image, [_number(value) for value in region.coordinates]]
    if isinstance(region, Point):
        return ["point", region.image, [_number(region.x), _number(region.y)]]
    kind = "polygon" if isinstance(region, Polygon) else "scribble"
    return [kind, region.image, [[_number(x), _number(y)] for x, y in region.points]]


def _region_from_json(entry: list[Any]) -> Region:
    kind, image, values = entry
    if kind == "mask":
        return Mask.from_rle(values, image=image)
    if kind == "box":
        return Box(*values, image=image)
    if kind == "point":
        return Point(*values, image=image)
    if kind not in ("polygon", "scribble"):
        raise ValueError(f"no region is a {kind!r}")
    points = tuple((x, y) for x, y in values)
    return Polygon(points, image=image) if kind == "polygon" else Scribble(points, image=image)


def _number(value: float) -> float:
    """A number as JSON writes it; numpy's come to Python's own of the same value."""
    return value if isinstance(value, int) else float(value)
