"""The masks of objects as COCO and those who follow it write them: polygons, run lengths, packed run lengths."""

from typing import Annotated, TypeAlias

import numpy as np
from pydantic import Field

from ferret.errors import TrainingError
from ferret.masks import BoolMask, decode_rle
from ferret.regions import Box, Mask, Polygon
from training.readers.records import Record


class RunLengths(Record):
    """Run lengths of a mask [height, width]: packed, or as plain numbers down the columns, zeros first."""

    size: list[int] = Field(min_length=2, max_length=2)
    counts: str | list[Annotated[int, Field(ge=0)]]


Polygons: TypeAlias = list[Annotated[list[float], Field(min_length=6)]]
"""Parts of one object, each `[x1, y1, x2, y2, ...]` in pixels."""


def object_mask(shape: Polygons | RunLengths | None, box: Box, size: tuple[int, int]) -> Mask | None:
    """The mask of an object, or None where the file has none (no segmentation, or one of no parts).

    Args:
        shape: what the file has; corners outside the picture are pulled onto its border.
        box: the object's box, on the picture.
        size: (width, height) of the picture.

    Raises:
        TrainingError: half a corner, run lengths for another size or too few of them, or a mask that has no pixel in
            common with the box.
        RegionError: packed run lengths are damaged, or the mask is empty.
    """
    if not shape:
        return None
    mask = Mask(_unrolled(shape, size) if isinstance(shape, RunLengths) else _filled(shape, size)).checked(*size)
    if not (mask.array & box.to_mask(*size)).any():
        raise TrainingError(f"mask lies outside its box {list(box.coordinates)}")
    return mask


def _filled(shape: Polygons, size: tuple[int, int]) -> BoolMask:
    if any(len(flat) % 2 for flat in shape):
        raise TrainingError("segmentation has a polygon with an odd count of numbers")
    corners = (np.clip(np.reshape(flat, (-1, 2)), 0, size).tolist() for flat in shape)
    parts = [Polygon(tuple((x, y) for x, y in part)).to_mask(*size) for part in corners]
    return np.asarray(np.logical_or.reduce(parts), dtype=np.bool_)


def _unrolled(runs: RunLengths, size: tuple[int, int]) -> BoolMask:
    width, height = size
    if runs.size != [height, width]:  # before anything of that size is made
        raise TrainingError(f"run lengths are of size {runs.size} but the picture is {height} high and {width} wide")
    if isinstance(runs.counts, str):
        return decode_rle({"size": runs.size, "counts": runs.counts})
    if sum(runs.counts) != height * width:
        raise TrainingError(f"run lengths cover {sum(runs.counts)} pixels but the picture has {height * width}")
    inside = np.arange(len(runs.counts)) % 2 == 1
    return np.repeat(inside, runs.counts).reshape((height, width), order="F")
