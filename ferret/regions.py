"""Regions: what a person can point at, on one image, in pixels of the original.

The origin is the top left corner of the image, x runs right, y runs down, fractions are allowed, and a box is given by
its two corners: its edges, not its pixels. So `Box(0, 0, width, height)` is the whole image, and a mask covers exactly
the pixels whose centres lie inside. Everything here is numpy; nothing needs torch.

    Point(x, y)   Box(x1, y1, x2, y2)   Polygon(points)   Scribble(points)   Mask(array)

Every kind offers `checked` (validation), `to_mask` and `bounds`; `parse_region` reads the textual form that the command
line takes. Point windows follow the released Ferret (ferret-spec 1.4): a square of 5 px to each side.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np

from ferret.errors import ImageError, RegionError
from ferret.masks import (
    BoolMask,
    Rle,
    covered_pixels,
    decode_rle,
    encode_rle,
    fill_polygon,
    fill_stroke,
    mask_iou,
)

__all__ = [
    "Box",
    "Mask",
    "Point",
    "Polygon",
    "Region",
    "Rle",
    "Scribble",
    "box_iou",
    "decode_rle",
    "encode_rle",
    "mask_iou",
    "parse_region",
]

POINT_REACH = 5
"""Pixels to each side of a point that its mask covers: a window of 11 x 11, cut at the image border."""

STROKE_SHARE = 0.02
"""Width of a scribble's stroke as a share of the image's size (the geometric mean of its sides)."""

MIN_STROKE = 3.0
"""Narrowest stroke of a scribble, in pixels."""

Coordinates: TypeAlias = tuple[tuple[float, float], ...]


@dataclass(frozen=True, kw_only=True)
class _OnImage:
    """What all regions share: the image they lie on, counted from 0 in the order in which images were given."""

    image: int = 0

    def _check_image(self) -> None:
        if not isinstance(self.image, int | np.integer) or isinstance(self.image, bool) or self.image < 0:
            raise RegionError(f"region names image {self.image!r}: give the image's position, counted from 0")


@dataclass(frozen=True)
class Point(_OnImage):
    """A single spot, in pixels."""

    x: float
    y: float

    def checked(self, width: int, height: int) -> Point:
        """The same point with plain floats.

        Raises:
            RegionError: a coordinate is not a finite number or lies outside the image (its border is inside).
        """
        self._check_image()
        ((x, y),) = _numbers("point", ((self.x, self.y),))
        _inside("point", ((x, y),), width, height)
        return Point(x, y, image=int(self.image))

    def to_mask(self, width: int, height: int) -> BoolMask:
        """Window of `POINT_REACH` pixels to each side, cut at the border: bool [height, width], never empty."""
        mask = np.zeros((height, width), dtype=np.bool_)
        x, y = min(float(self.x), width - 1.0), min(float(self.y), height - 1.0)
        left, top = max(int(x - POINT_REACH), 0), max(int(y - POINT_REACH), 0)
        mask[top : int(y + POINT_REACH + 1), left : int(x + POINT_REACH + 1)] = True
        return mask

    def bounds(self, width: int, height: int) -> Box:
        """The box of the point's window."""
        return _mask_bounds(self.to_mask(width, height), self.image)


@dataclass(frozen=True)
class Box(_OnImage):
    """An upright rectangle by its left, top, right and bottom edges, in pixels."""

    x1: float
    y1: float
    x2: float
    y2: float

    @property
    def coordinates(self) -> tuple[float, float, float, float]:
        """`(x1, y1, x2, y2)`."""
        return self.x1, self.y1, self.x2, self.y2

    @property
    def area(self) -> float:
        """Area in square pixels; 0 for a box that is inverted or has no extent."""
        return max(self.x2 - self.x1, 0.0) * max(self.y2 - self.y1, 0.0)

    @property
    def center(self) -> Point:
        """The middle of the box."""
        return Point((self.x1 + self.x2) / 2, (self.y1 + self.y2) / 2, image=self.image)

    def checked(self, width: int, height: int) -> Box:
        """The same box with plain floats.

        Raises:
            RegionError: a coordinate is not a finite number or lies outside the image, or the corners are swapped or
                enclose nothing. An edge may lie exactly on the image's border.
        """
        self._check_image()
        (x1, y1), (x2, y2) = _numbers("box", ((self.x1, self.y1), (self.x2, self.y2)))
        if x2 < x1 or y2 < y1:
            raise RegionError(
                f"box {_show(x1, y1, x2, y2)} is inverted: give the top left corner first, "
                f"{_show(min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2))}"
            )
        if x2 == x1 or y2 == y1:
            raise RegionError(f"box {_show(x1, y1, x2, y2)} has no area: its corners must differ in x and in y")
        _inside("box", ((x1, y1), (x2, y2)), width, height)
        return Box(x1, y1, x2, y2, image=int(self.image))

    def clipped(self, width: int, height: int) -> Box:
        """The part of the box that lies on the image (may be empty); for boxes that a model or a tool made."""
        return replace(
            self,
            x1=min(max(self.x1, 0.0), float(width)),
            y1=min(max(self.y1, 0.0), float(height)),
            x2=min(max(self.x2, 0.0), float(width)),
            y2=min(max(self.y2, 0.0), float(height)),
        )

    def to_mask(self, width: int, height: int) -> BoolMask:
        """Pixels whose centres lie in the box, at least one: bool [height, width]."""
        mask = np.zeros((height, width), dtype=np.bool_)
        mask[covered_pixels(self.y1, self.y2, height), covered_pixels(self.x1, self.x2, width)] = True
        return mask

    def bounds(self, width: int, height: int) -> Box:
        """The part of the box that lies on the image."""
        return self.clipped(width, height)


@dataclass(frozen=True)
class Polygon(_OnImage):
    """A closed shape by its corners in order, in pixels; the last corner joins the first by itself."""

    points: Coordinates

    def checked(self, width: int, height: int) -> Polygon:
        """The same polygon with plain floats.

        Raises:
            RegionError: fewer than three corners, a coordinate that is not a finite number or lies outside the image,
                or corners that all lie on one line.
        """
        self._check_image()
        points = _numbers("polygon", self.points)
        if len(points) < 3:
            raise RegionError(f"polygon has {len(points)} corner(s): give at least three, as x,y pairs")
        _inside("polygon", points, width, height)
        corners = np.asarray(points, dtype=np.float64)  # [N, 2]
        if np.linalg.matrix_rank(corners - corners[0]) < 2:
            raise RegionError("polygon encloses nothing: its corners all lie on one line; move one of them off it")
        return Polygon(points, image=int(self.image))

    def to_mask(self, width: int, height: int) -> BoolMask:
        """Pixels whose centres lie inside by the even-odd rule, else those along the outline: bool [height, width]."""
        mask = fill_polygon(np.asarray(self.points, dtype=np.float64), width, height)
        return mask if mask.any() else fill_stroke((*self.points, self.points[0]), 1.0, width, height)

    def bounds(self, width: int, height: int) -> Box:
        """The box around the corners."""
        xs, ys = zip(*self.points, strict=True)
        around = Box(float(min(xs)), float(min(ys)), float(max(xs)), float(max(ys)), image=self.image)
        return around.clipped(width, height)


@dataclass(frozen=True)
class Scribble(_OnImage):
    """A stroke through points, in pixels, drawn as with a round brush whose width follows the image's size."""

    points: Coordinates

    def checked(self, width: int, height: int) -> Scribble:
        """The same scribble with plain floats.

        Raises:
            RegionError: fewer than two points, or a coordinate that is not a finite number or lies outside the image.
        """
        self._check_image()
        points = _numbers("scribble", self.points)
        if len(points) < 2:
            raise RegionError(f"scribble has {len(points)} point(s): give at least two x,y pairs, or a point instead")
        _inside("scribble", points, width, height)
        return Scribble(points, image=int(self.image))

    def to_mask(self, width: int, height: int) -> BoolMask:
        """Pixels under the stroke, at least one: bool [height, width]."""
        return fill_stroke(self.points, max(MIN_STROKE, STROKE_SHARE * math.sqrt(width * height)), width, height)

    def bounds(self, width: int, height: int) -> Box:
        """The box around the stroke."""
        return _mask_bounds(self.to_mask(width, height), self.image)


@dataclass(frozen=True, eq=False)
class Mask(_OnImage):
    """A free-form region: bool [height, width] of its image's size, True inside. The array is kept read-only.

    Raises:
        RegionError: the array has not two dimensions, or holds NaN.
    """

    array: BoolMask = field(repr=False)

    def __post_init__(self) -> None:
        array = np.asarray(self.array)
        if array.ndim != 2:
            raise RegionError(f"mask has shape {array.shape!r}: give two dimensions, height and width")
        if array.dtype.kind not in "biuf":
            raise RegionError(f"mask has entries of type {array.dtype!s}: give booleans or numbers")
        if array.dtype.kind == "f" and np.isnan(array).any():
            raise RegionError("mask holds NaN: give booleans, or numbers that are non-zero inside")
        frozen = array.astype(np.bool_, copy=True)
        frozen.flags.writeable = False
        object.__setattr__(self, "array", frozen)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Mask) and self.image == other.image and np.array_equal(self.array, other.array)

    def __hash__(self) -> int:
        return hash((self.image, self.array.shape, self.array.tobytes()))

    @classmethod
    def from_rle(cls, rle: Mapping[str, Any], *, image: int = 0) -> Mask:
        """The mask that COCO compressed run lengths describe; see `decode_rle` for what it refuses."""
        return cls(decode_rle(rle), image=image)

    def to_rle(self) -> Rle:
        """The mask as COCO compressed run lengths."""
        return encode_rle(self.array)

    def checked(self, width: int, height: int) -> Mask:
        """The same mask.

        Raises:
            RegionError: its size is not that of the image, or it is empty.
        """
        self._check_image()
        rows, columns = self.array.shape
        if (columns, rows) != (width, height):
            raise RegionError(f"mask is {columns}x{rows} but its image is {width}x{height}: give a mask of that size")
        if not self.array.any():
            raise RegionError("mask is empty: at least one pixel must be non-zero")
        return self

    def to_mask(self, width: int, height: int) -> BoolMask:
        """The array itself, read-only: bool [height, width]."""
        return self.checked(width, height).array

    def bounds(self, width: int, height: int) -> Box:
        """The tight box around the pixels that are set."""
        return _mask_bounds(self.to_mask(width, height), self.image)


Region: TypeAlias = Point | Box | Polygon | Scribble | Mask
"""Anything that can be pointed at."""


# ---------------------------------------------------------------------------------------------------------------------
# Reading a region from text

_SUFFIX = re.compile(r"@([^@,:/\\.]*)\Z")
_FORMS = {
    "point": "point:X,Y",
    "box": "box:X1,Y1,X2,Y2",
    "polygon": "polygon:X1,Y1,X2,Y2,X3,Y3,...",
    "scribble": "scribble:X1,Y1,X2,Y2,...",
    "mask": "mask:FILE.png",
}


def parse_region(spec: str) -> Region:
    """Read a region from its textual form: `point:X,Y`, `box:X1,Y1,X2,Y2`, `polygon:...`, `scribble:...`, `mask:FILE`.

    A suffix `@2` puts the region on the second image. Coordinates are not compared with an image here: `checked` does.

    Raises:
        RegionError: the text is no such form, a number is malformed or not finite, or the mask file cannot be read.
    """
    if not isinstance(spec, str):
        raise RegionError(f"region {spec!r} is not text: write it as {', '.join(_FORMS.values())}")
    kind, colon, rest = spec.strip().partition(":")
    kind = kind.strip().lower()
    if not colon or kind not in _FORMS:
        raise RegionError(f"region {spec!r} has an unknown form: use one of {', '.join(_FORMS.values())}")
    rest, image = _split_image(spec, rest)
    if kind == "mask":
        return Mask(_read_mask(rest.strip()), image=image)
    numbers = _read_numbers(spec, kind, rest)
    expected = {"point": 2, "box": 4}.get(kind)
    if expected is not None and len(numbers) != expected:
        raise RegionError(f"region {spec!r} has {len(numbers)} number(s): a {kind} takes {expected}, {_FORMS[kind]}")
    if kind == "point":
        return Point(*numbers, image=image)
    if kind == "box":
        return Box(*numbers, image=image)
    if len(numbers) % 2:
        raise RegionError(f"region {spec!r} has {len(numbers)} numbers: a {kind} takes x,y pairs, {_FORMS[kind]}")
    fewest = 3 if kind == "polygon" else 2
    points = tuple(zip(numbers[::2], numbers[1::2], strict=True))
    if len(points) < fewest:
        raise RegionError(f"region {spec!r} has {len(points)} point(s): a {kind} takes at least {fewest}")
    return Polygon(points, image=image) if kind == "polygon" else Scribble(points, image=image)


def _split_image(spec: str, rest: str) -> tuple[str, int]:
    """Cut the suffix `@N` off: the rest, and the image counted from 0."""
    found = _SUFFIX.search(rest)
    if not found:
        return rest, 0
    digits = found[1].strip()
    if not (digits.isascii() and digits.isdigit()) or int(digits[:9]) == 0 or len(digits) > 9:
        raise RegionError(f"region {spec!r} names image {found[1]!r}: images are counted from 1, as in @2")
    return rest[: found.start()], int(digits) - 1


def _read_numbers(spec: str, kind: str, text: str) -> tuple[float, ...]:
    numbers = []
    for part in text.split(","):
        try:
            if not part.isascii() or "_" in part:  # float() takes "1_0" and digits of other scripts
                raise ValueError(part)
            number = float(part)
        except ValueError:
            raise RegionError(f"region {spec!r}: {part.strip()!r} is not a number; write {_FORMS[kind]}") from None
        if not math.isfinite(number):
            raise RegionError(f"region {spec!r}: {part.strip()!r} is not a finite number; give pixels of the image")
        numbers.append(number)
    return tuple(numbers)


def _read_mask(path: str) -> BoolMask:
    """Pixels of an image file that are non-zero (in a palette file: the index) and not transparent."""
    from ferret.images import open_checked  # keeps Pillow out of programs that never read a mask

    if not path:
        raise RegionError("region 'mask:' names no file: write mask:FILE.png")
    try:
        image = open_checked(path)
    except ImageError as error:
        raise RegionError(f"mask file: {error}") from error
    values = np.asarray(image)
    if values.ndim == 2:
        return np.asarray(values != 0, dtype=np.bool_)
    if image.mode in ("LA", "RGBA", "La", "RGBa"):
        visible = (values[..., :-1] != 0).any(axis=-1) & (values[..., -1] != 0)
        return np.asarray(visible, dtype=np.bool_)
    return np.asarray((values != 0).any(axis=-1), dtype=np.bool_)


# ---------------------------------------------------------------------------------------------------------------------
# Geometry


def box_iou(a: Box, b: Box) -> float:
    """Intersection over union of two boxes, 0 to 1; whether they lie on the same image is the caller's concern."""
    width = min(a.x2, b.x2) - max(a.x1, b.x1)
    height = min(a.y2, b.y2) - max(a.y1, b.y1)
    shared = max(width, 0.0) * max(height, 0.0)
    union = a.area + b.area - shared
    return float(shared / union) if union > 0 else 0.0


def _mask_bounds(mask: BoolMask, image: int) -> Box:
    """Tight edges of the pixels that are set in a mask [H, W] that is not empty."""
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    return Box(float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1), image=image)


def _numbers(kind: str, points: Any) -> Coordinates:
    """Pairs of finite floats, or a RegionError."""
    try:
        pairs = tuple((float(x), float(y)) for x, y in points)
    except (TypeError, ValueError):
        raise RegionError(f"{kind} has coordinates {points!r}: give numbers, as x,y pairs") from None
    for x, y in pairs:
        if not (math.isfinite(x) and math.isfinite(y)):
            raise RegionError(f"{kind} has a coordinate {_show(x, y)} that is not a finite number: give pixels")
    return pairs


def _inside(kind: str, points: Coordinates, width: int, height: int) -> None:
    for x, y in points:
        if not (0 <= x <= width and 0 <= y <= height):
            raise RegionError(
                f"{kind} reaches {_show(x, y)}, outside its image of {width}x{height} pixels: "
                f"keep x within 0..{width} and y within 0..{height}"
            )


def _show(*numbers: float) -> str:
    return "(" + ", ".join(f"{number:g}" for number in numbers) + ")"
