"""Zooming: closer looks at what is small, of the detector and of Ferret.

A network sees a large picture shrunk, and a small thing in it as a few pixels. Where the detector itself has found
something small that it is not sure of, it looks again at the surroundings alone, enlarged. Only there: a place that
nothing but a guess has named is not zoomed into, for out of its context anything can be taken for what was guessed.
And the closer look has to find a thing at the same place: it then says what it is, and where its edges are; what it
does not find there again counts for little.

Ferret, asked about a region, is shown the surroundings of a small one instead of the whole picture, whether the person
has given the region, an instrument has found it or Ferret itself. A point does not tell how large a thing it means:
that takes somebody who says what lies there (`agent.checking`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from agent.settings import Thresholds
from agent.sightings import Corners, Sighting
from ferret.regions import Box, Mask, Point, Polygon, Region, Scribble, box_iou

if TYPE_CHECKING:
    from PIL import Image

SURROUNDINGS = 4.5
"""The side of what the detector looks at, in sides of the thing: about as large a part of it as things are of a
picture."""
NEIGHBOURHOOD = 2.5
"""The same for Ferret, who knows from the region which thing is meant."""
LEAST = 32
"""No part of a picture is smaller than so many pixels, where the picture is not."""
SAME_PLACE = 0.5
"""Two looks have found one thing when their boxes overlap so much (IoU)."""
UNSEEN = 0.15
"""What the first look's word is still worth where the closer look finds nothing."""
MARGIN = 0.03
"""What comes so close to an edge of the closer look, in its sides, may go on beyond it."""


@dataclass(frozen=True, slots=True)
class Closer:
    """One closer look: the part of the picture that was looked at, in its pixels, and what was seen there."""

    within: Corners
    seen: tuple[Sighting, ...]


def places_to_zoom(
    sightings: Sequence[Sighting], size: tuple[int, int], limits: Thresholds, most: int
) -> list[Corners]:
    """The parts of a picture of (width, height) `size` that deserve a closer look, at most `most`: around what is
    small and in doubt, the surest first. What a part holds already gets none of its own.
    """
    parts: list[Box] = []
    for one in sorted(sightings, key=lambda s: (-s.score, s.box)):
        side = _side(one.region)
        doubted = limits.floor <= one.score < limits.settled
        if not doubted or not _is_small(one, size, limits) or len(parts) == most:
            continue
        if any(_shows(part, one.region, size) and side >= 0.5 * _side(part) / SURROUNDINGS for part in parts):
            continue
        parts.append(_around(one.region, size))
    return [part.coordinates for part in parts]


def with_closer(
    first: Sequence[Sighting], closer: Sequence[Closer], size: tuple[int, int], limits: Thresholds
) -> list[Sighting]:
    """What the first look and the closer ones have seen together in a picture of (width, height) `size`.

    What is small and in doubt, and shown whole by a closer look, is what that look says it is, or hardly anything when
    the look does not find it; what is large or sure stays as it was. Small things that a closer look alone has found
    are added, where nothing else is. Of several looks the closest has the last word.
    """
    settled: list[Sighting] = [*first]
    for look in sorted(closer, key=lambda one: -_side(Box(*one.within))):
        part = Box(*look.within)

        def shown(one: Sighting, part: Box = part) -> bool:
            fits = _side(one.region) <= 2 * _side(part) / SURROUNDINGS
            return fits and _shows(part, one.region, size) and _is_small(one, size, limits)

        found = [one for one in look.seen if shown(one)]
        kept: list[Sighting] = []
        for one in settled:
            if one.score >= limits.settled or not shown(one):
                kept.append(one)
            elif not any(box_iou(one.region, other.region) >= SAME_PLACE for other in found):
                kept.append(_faded(one))
        settled = kept + [
            one for one in found if not any(box_iou(one.region, other.region) >= SAME_PLACE for other in kept)
        ]
    return settled


@dataclass(frozen=True, slots=True)
class View:
    """What Ferret is shown for a question: the image, the regions asked about in its pixels, and where the image's left
    upper corner lies in the picture.
    """

    image: "Image.Image"
    regions: tuple[Region, ...]
    corner: tuple[float, float] = (0.0, 0.0)


def view_of(region: Region, image: "Image.Image", limits: Thresholds, thing: Box | None = None) -> View:
    """The neighbourhood of a region of a picture, or all of the picture when the region is large. Both RGB.

    `thing` is what lies at the region, which tells how large a thing a point or a stroke means; a point alone does not.
    """
    bounds = region.bounds(*image.size)
    box = thing or bounds
    spot = isinstance(region, Point) and thing is None
    if spot or not is_near(box, image.size, limits):
        return View(image, (region,))
    around = Box(min(box.x1, bounds.x1), min(box.y1, bounds.y1), max(box.x2, bounds.x2), max(box.y2, bounds.y2))
    around = around.clipped(*image.size)
    part = _around(around, image.size, NEIGHBOURHOOD)
    left, top, right, bottom = (int(value) for value in part.coordinates)
    return View(image.crop((left, top, right, bottom)), (_moved(region, part),), (part.x1, part.y1))


def is_near(box: Box, size: tuple[int, int], limits: Thresholds) -> bool:
    """Whether a thing in a picture of (width, height) `size` is small enough to be shown from close by."""
    return _side(box) < limits.near * max(size)


def _moved(region: Region, part: Box) -> Region:
    """A region of a picture as one of a part of it that holds it."""
    width, height = part.x2 - part.x1, part.y2 - part.y1

    def there(x: float, y: float) -> tuple[float, float]:
        return min(max(x - part.x1, 0.0), width), min(max(y - part.y1, 0.0), height)

    match region:
        case Point():
            return Point(*there(region.x, region.y), image=region.image)
        case Box():
            return Box(*there(region.x1, region.y1), *there(region.x2, region.y2), image=region.image)
        case Polygon() | Scribble():
            return replace(region, points=tuple(there(x, y) for x, y in region.points))
        case Mask():
            rows, columns = slice(int(part.y1), int(part.y2)), slice(int(part.x1), int(part.x2))
            return Mask(region.array[rows, columns], image=region.image)


def _around(box: Box, size: tuple[int, int], sides: float = SURROUNDINGS) -> Box:
    """A square around a box, `sides` of its sides large, or as much of one as the picture has room for, in whole
    pixels."""
    width, height = size
    side = max(sides * _side(box), LEAST)
    across, down = min(side, width), min(side, height)
    left = min(max((box.x1 + box.x2 - across) / 2, 0.0), width - across)
    top = min(max((box.y1 + box.y2 - down) / 2, 0.0), height - down)
    return Box(float(int(left)), float(int(top)), float(round(left + across)), float(round(top + down)))


def _shows(part: Box, box: Box, size: tuple[int, int]) -> bool:
    """Whether a part of the picture shows all of a box, so that it does not reach beyond an edge of the part."""
    edge = MARGIN * _side(part)
    return (
        (part.x1 <= 0 or box.x1 >= part.x1 + edge)
        and (part.y1 <= 0 or box.y1 >= part.y1 + edge)
        and (part.x2 >= size[0] or box.x2 <= part.x2 - edge)
        and (part.y2 >= size[1] or box.y2 <= part.y2 - edge)
    )


def _is_small(one: Sighting, size: tuple[int, int], limits: Thresholds) -> bool:
    return _side(one.region) < limits.small * max(size)


def _faded(one: Sighting) -> Sighting:
    scores = tuple((name, UNSEEN * score) for name, score in one.scores)
    return replace(one, score=UNSEEN * one.score, scores=scores)


def _side(box: Box) -> float:
    return max(box.x2 - box.x1, box.y2 - box.y1)
