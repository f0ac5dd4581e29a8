"""Converters between coordinate spaces, in pairs: what one does, the other undoes.

Everything outside the model speaks pixels of the original image (edges, not pixels; see `ferret.regions`). The model
writes coordinates as whole numbers 0..999, the bins of a grid of 1000 x 1000 over the image. Two codecs exist:

- ours: a pixel falls into its bin, and a bin is read back as its centre, so a round trip errs by half a bin at most;
- the released one (ferret-spec 1.6): edges are first pulled onto the last pixel, and a bin is read back as its lower
  edge, truncated to a whole pixel. Prompts for released weights are written by it, and their scores are computed by it.

Images that a model or a tool sees resized, letterboxed or cut into tiles are `View`s of the original.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

from ferret.regions import Box, Point, Polygon, Scribble

BINS = 1000
"""Bins along each side of an image, numbered from 0."""

Bins4 = tuple[int, int, int, int]


# ---------------------------------------------------------------------------------------------------------------------
# Pixels and bins, ours


def pixel_to_bin(value: float, size: int) -> int:
    """The bin, 0..999, into which a pixel coordinate falls on a side of `size` pixels; values outside are pulled in."""
    return min(max(int(value * BINS / size), 0), BINS - 1)


def bin_to_pixel(value: float, size: int) -> float:
    """The pixel coordinate of a bin's centre; undoes `pixel_to_bin` to within half a bin (`size / 2000` pixels)."""
    return (value + 0.5) * size / BINS


def point_to_bins(point: Point, width: int, height: int) -> tuple[int, int]:
    """A point as the bins `(x, y)` of an image of width x height pixels."""
    return pixel_to_bin(point.x, width), pixel_to_bin(point.y, height)


def bins_to_point(bins: tuple[float, float], width: int, height: int, *, image: int = 0) -> Point:
    """The point at the centre of bins `(x, y)`."""
    return Point(bin_to_pixel(bins[0], width), bin_to_pixel(bins[1], height), image=image)


def box_to_bins(box: Box, width: int, height: int) -> Bins4:
    """A box as the bins `(x1, y1, x2, y2)` of its corners."""
    return (
        pixel_to_bin(box.x1, width),
        pixel_to_bin(box.y1, height),
        pixel_to_bin(box.x2, width),
        pixel_to_bin(box.y2, height),
    )


def bins_to_box(bins: tuple[float, float, float, float], width: int, height: int, *, image: int = 0) -> Box:
    """The box between the centres of two corner bins; along a side where both are one bin, that whole bin."""
    x1, y1, x2, y2 = bins
    left, right = _span(x1, x2, width)
    top, bottom = _span(y1, y2, height)
    return Box(left, top, right, bottom, image=image)


def _span(low: float, high: float, size: int) -> tuple[float, float]:
    if low == high:
        return low * size / BINS, (low + 1) * size / BINS
    return bin_to_pixel(low, size), bin_to_pixel(high, size)


# ---------------------------------------------------------------------------------------------------------------------
# Pixels and bins, as the released weights were trained and scored (ferret-spec 1.6)


def released_pixel_to_bin(value: float, size: int) -> int:
    """The bin of a pixel coordinate after it is pulled into [0, size - 1], truncated."""
    return int(min(max(value, 0), size - 1) * BINS / size)


def released_bin_to_pixel(value: float, size: int) -> int:
    """The whole pixel at or below a bin's lower edge: up and to the left of where it came from by up to a bin."""
    return int(value * size / BINS)


def released_point_to_bins(point: Point, width: int, height: int) -> tuple[int, int]:
    """As `point_to_bins`, by the released rule."""
    return released_pixel_to_bin(point.x, width), released_pixel_to_bin(point.y, height)


def released_box_to_bins(box: Box, width: int, height: int) -> Bins4:
    """As `box_to_bins`, by the released rule."""
    return (
        released_pixel_to_bin(box.x1, width),
        released_pixel_to_bin(box.y1, height),
        released_pixel_to_bin(box.x2, width),
        released_pixel_to_bin(box.y2, height),
    )


def released_bins_to_box(bins: tuple[float, float, float, float], width: int, height: int) -> Box:
    """As `bins_to_box`, by the released rule; a small box may have no area."""
    x1, y1, x2, y2 = bins
    return Box(
        released_bin_to_pixel(x1, width),
        released_bin_to_pixel(y1, height),
        released_bin_to_pixel(x2, width),
        released_bin_to_pixel(y2, height),
    )


# ---------------------------------------------------------------------------------------------------------------------
# Pixels and views

Shape = TypeVar("Shape", Point, Box, Polygon, Scribble)


@dataclass(frozen=True)
class View:
    """How the original image appears in another one: scaled, then shifted, each axis for itself.

    `x_view = x * scale_x + shift_x`, and the same for y; everything in pixels.
    """

    scale_x: float
    scale_y: float
    shift_x: float = 0.0
    shift_y: float = 0.0

    def to_view(self, region: Shape) -> Shape:
        """A region of the original as it lies in the view (it may reach beyond the view's border)."""
        return _mapped(region, self.scale_x, self.scale_y, self.shift_x, self.shift_y)

    def to_original(self, region: Shape) -> Shape:
        """A region of the view as it lies in the original; undoes `to_view`."""
        return _mapped(
            region, 1 / self.scale_x, 1 / self.scale_y, -self.shift_x / self.scale_x, -self.shift_y / self.scale_y
        )


def resized_view(original: tuple[int, int], resized: tuple[int, int]) -> View:
    """The view of an image that was warped from `original` to `resized`, both (width, height)."""
    return View(resized[0] / original[0], resized[1] / original[1])


def letterbox_view(original: tuple[int, int], target: tuple[int, int]) -> View:
    """The view of an image scaled to fit into `target` with its proportions kept and centred there; (width, height)."""
    scale = min(target[0] / original[0], target[1] / original[1])
    return View(scale, scale, (target[0] - original[0] * scale) / 2, (target[1] - original[1] * scale) / 2)


def tile_view(original: tuple[int, int], grid: tuple[int, int], tile: tuple[int, int], column: int, row: int) -> View:
    """The view of one tile of an image that was warped to cover a grid of tiles.

    Args:
        original: (width, height) of the image.
        grid: tiles (across, down).
        tile: (width, height) of one tile.
        column: position of the tile from the left, from 0.
        row: position of the tile from the top, from 0.
    """
    return View(
        grid[0] * tile[0] / original[0],
        grid[1] * tile[1] / original[1],
        -float(column * tile[0]),
        -float(row * tile[1]),
    )


def crop_view(crop: Box) -> View:
    """The view of the part of an image inside a box, cut out without scaling."""
    return View(1.0, 1.0, -crop.x1, -crop.y1)


def pixel_to_relative(region: Shape, width: int, height: int) -> Shape:
    """A region in pixels as shares of the image's sides, 0 to 1."""
    return _mapped(region, 1 / width, 1 / height, 0.0, 0.0)


def relative_to_pixel(region: Shape, width: int, height: int) -> Shape:
    """A region in shares of the image's sides as pixels; undoes `pixel_to_relative`."""
    return _mapped(region, float(width), float(height), 0.0, 0.0)


def _mapped(region: Shape, scale_x: float, scale_y: float, shift_x: float, shift_y: float) -> Shape:
    if isinstance(region, Point):
        return replace(region, x=region.x * scale_x + shift_x, y=region.y * scale_y + shift_y)
    if isinstance(region, Box):
        return replace(
            region,
            x1=region.x1 * scale_x + shift_x,
            y1=region.y1 * scale_y + shift_y,
            x2=region.x2 * scale_x + shift_x,
            y2=region.y2 * scale_y + shift_y,
        )
    return replace(region, points=tuple((x * scale_x + shift_x, y * scale_y + shift_y) for x, y in region.points))
