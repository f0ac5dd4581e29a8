"""Masks: shapes drawn to pixels, masks compared, and the COCO run lengths in which masks travel.

A mask is bool [H, W], rows from the top. A shape covers the pixels whose centres lie inside it; the centre of pixel
(row r, column c) is (c + 0.5, r + 0.5). Only numpy is needed.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, TypedDict

import numpy as np
from numpy.typing import NDArray

from ferret.errors import RegionError

BoolMask: TypeAlias = NDArray[np.bool_]


class Rle(TypedDict):
    """A mask as COCO compressed run lengths: `size` is [height, width], `counts` the packed column-major runs."""

    size: list[int]
    counts: str


def encode_rle(mask: NDArray[Any]) -> Rle:
    """Pack a mask [H, W] (non-zero = inside) as COCO compressed run lengths, `{"size": [h, w], "counts": str}`.

    The runs go down the columns and begin with zeros. From the fourth on, each is stored as its difference from the
    run two before; every number takes little-endian groups of five bits, a sixth bit that says "more follows", and 48
    added to make it a printable character.
    """
    array = np.asarray(mask)
    if array.ndim != 2:
        raise RegionError(f"mask has shape {array.shape!r}: give two dimensions, height and width")
    flat = (array != 0).ravel(order="F")
    edges = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    runs = np.diff(np.concatenate(([0], edges, [flat.size]))).tolist()
    if flat.size and flat[0]:
        runs.insert(0, 0)
    characters: list[str] = []
    for index, run in enumerate(runs):
        value = run - runs[index - 2] if index > 2 else run
        while True:
            group = value & 31
            value >>= 5
            more = value != (-1 if group & 16 else 0)
            characters.append(chr(48 + group + (32 if more else 0)))
            if not more:
                break
    return {"size": [int(array.shape[0]), int(array.shape[1])], "counts": "".join(characters)}


def decode_rle(rle: Mapping[str, Any]) -> BoolMask:
    """Unpack COCO compressed run lengths to a mask, bool [H, W].

    Raises:
        RegionError: `size` or `counts` is missing or malformed, or the runs do not fill the image exactly.
    """
    try:
        height, width = (int(side) for side in rle["size"])
        counts = rle["counts"]
    except (KeyError, TypeError, ValueError):
        raise RegionError('mask run lengths must be {"size": [height, width], "counts": "..."}') from None
    if isinstance(counts, bytes):
        counts = counts.decode("ascii", errors="replace")
    if not isinstance(counts, str) or height <= 0 or width <= 0 or height * width > 1 << 31:
        raise RegionError('mask run lengths must be {"size": [height, width], "counts": "..."} of a real image size')
    runs = _unpack_runs(counts)
    if sum(runs) != height * width:
        raise RegionError(f"mask run lengths cover {sum(runs)} pixels but size says {height * width}: they are damaged")
    values = np.zeros(len(runs), dtype=np.bool_)
    values[1::2] = True
    return np.repeat(values, runs).reshape((height, width), order="F")


def _unpack_runs(counts: str) -> list[int]:
    runs: list[int] = []
    value, shift = 0, 0
    for character in counts:
        code = ord(character) - 48
        if not 0 <= code < 64 or shift > 60:
            raise RegionError(f"mask run lengths hold {character!r} out of place: they are damaged")
        value |= (code & 31) << shift
        shift += 5
        if code & 32:
            continue
        if code & 16:
            value -= 1 << shift
        run = value + runs[-2] if len(runs) > 2 else value
        if run < 0:
            raise RegionError("mask run lengths hold a negative run: they are damaged")
        runs.append(run)
        value, shift = 0, 0
    if shift:
        raise RegionError("mask run lengths end in the middle of a number: they are damaged")
    return runs


def mask_iou(a: NDArray[Any], b: NDArray[Any]) -> float:
    """Intersection over union of two masks [H, W] of one size, 0 to 1; two empty masks give 0.

    Raises:
        RegionError: the sizes differ.
    """
    first, second = np.asarray(a) != 0, np.asarray(b) != 0
    if first.shape != second.shape:
        raise RegionError(f"masks of shapes {first.shape!r} and {second.shape!r} cannot be compared: resize one")
    union = int(np.count_nonzero(first | second))
    return int(np.count_nonzero(first & second)) / union if union else 0.0


def covered_pixels(low: float, high: float, size: int) -> slice:
    """Pixels of 0..size-1 whose centres lie in [low, high), or the one that holds the middle if there are none."""
    start, stop = max(math.ceil(low - 0.5), 0), min(math.ceil(high - 0.5), size)
    if stop <= start:
        start = min(max(math.floor((low + high) / 2), 0), size - 1)
        stop = start + 1
    return slice(start, stop)


def fill_polygon(corners: NDArray[np.float64], width: int, height: int) -> BoolMask:
    """Pixels whose centres lie inside a polygon [N, 2] by the even-odd rule: bool [height, width].

    Each edge toggles, on every row whose centre line it crosses, the pixels to the right of the crossing; an exclusive
    or along the rows then turns toggles into the inside.
    """
    toggles = np.zeros((height, width + 1), dtype=np.uint8)
    for (x1, y1), (x2, y2) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if y1 == y2:
            continue
        (top_x, top), (bottom_x, bottom) = ((x1, y1), (x2, y2)) if y1 < y2 else ((x2, y2), (x1, y1))
        rows = np.arange(max(math.ceil(top - 0.5), 0), min(math.ceil(bottom - 0.5), height))
        crossings = top_x + (rows + 0.5 - top) * ((bottom_x - top_x) / (bottom - top))
        columns = np.clip(np.ceil(crossings - 0.5), 0, width).astype(np.int64)
        toggles[rows, columns] ^= 1  # rows are distinct within one edge
    return np.asarray(np.bitwise_xor.accumulate(toggles, axis=1)[:, :width], dtype=np.bool_)


def fill_stroke(points: Sequence[tuple[float, float]], thickness: float, width: int, height: int) -> BoolMask:
    """Pixels whose centres lie within half the thickness of a line through points, and those under its points."""
    mask = np.zeros((height, width), dtype=np.bool_)
    radius = thickness / 2
    angles = np.linspace(0.0, math.pi, 17)  # half a circle in chords: within 0.5 % of round
    for x, y in points:
        mask[min(max(math.floor(y), 0), height - 1), min(max(math.floor(x), 0), width - 1)] = True
    for (x1, y1), (x2, y2) in itertools.pairwise(points):
        turn = math.atan2(y2 - y1, x2 - x1) - math.pi / 2
        far = np.stack([x2 + radius * np.cos(angles + turn), y2 + radius * np.sin(angles + turn)], axis=1)
        near = np.stack([x1 - radius * np.cos(angles + turn), y1 - radius * np.sin(angles + turn)], axis=1)
        capsule = np.concatenate([far, near])  # [34, 2]
        left, top = (max(math.floor(low), 0) for low in capsule.min(axis=0))
        right, bottom = (
            min(math.ceil(high), size) for high, size in zip(capsule.max(axis=0), (width, height), strict=True)
        )
        if right > left and bottom > top:
            mask[top:bottom, left:right] |= fill_polygon(capsule - (left, top), right - left, bottom - top)
    return mask
