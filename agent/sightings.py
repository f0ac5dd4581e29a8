"""Sightings: what is believed to be where, as the nodes of the graph pass it on, and the geometry between them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agent.answers import Source
from ferret.regions import Box, Mask, Point, Polygon, Region, Scribble, box_iou

Corners = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Sighting:
    """One thing on one picture. `box` is in pixels of the original; `score` is how probable it is to be there and so
    named.

    `scores` are the detector's best names for it; `mask` is an artifact id; `text` is what was read on it; `given` is
    the index of the user's region that it stands for.
    """

    label: str
    image: int
    box: Corners
    score: float
    source: Source
    scores: tuple[tuple[str, float], ...] = ()
    mask: str | None = None
    text: str | None = None
    given: int | None = None

    @property
    def region(self) -> Box:
        """The box as a region."""
        return Box(*self.box, image=self.image)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON for the state."""
        # By hand: `asdict` copies every number of it, which took a tenth of a turn of the controller.
        return {
            "label": self.label, "image": self.image, "box": list(self.box), "score": self.score,
            "source": self.source, "scores": [list(pair) for pair in self.scores], "mask": self.mask,
            "text": self.text, "given": self.given,
        }  # fmt: skip

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Sighting":
        """The sighting that `to_json` wrote."""
        scores = tuple((str(name), float(score)) for name, score in value["scores"])
        x1, y1, x2, y2 = (float(number) for number in value["box"])
        return cls(**{**value, "box": (x1, y1, x2, y2), "scores": scores})

    def probability(self, name: str) -> float:
        """The detector's probability that this is a `name`."""
        if name == self.label:
            return self.score
        return max((score for label, score in self.scores if label == name), default=0.0)


def corners(box: Box) -> Corners:
    """The four numbers of a box."""
    return box.coordinates


def shifted(box: Box, corner: tuple[float, float]) -> Corners:
    """The four numbers, in a picture, of a box in a part of it whose left upper corner lies at `corner`."""
    left, top = corner
    return box.x1 + left, box.y1 + top, box.x2 + left, box.y2 + top


PART = 0.85
"""A weaker sighting of which this much lies in a far stronger one of the same name is a part of it."""
NESTED = 0.95
"""Of two sightings of one name, the smaller lying this much in the other, the more probable one is meant."""


def without_duplicates(sightings: Iterable[Sighting], overlap: float) -> list[Sighting]:
    """The best first; left out is what names the same thing a second time.

    That is one of less probability that overlaps one of the same name by more than `overlap` (IoU), that lies within
    one twice as probable (half of a sign is seen as a sign, too), or that lies in it, or around it, altogether.
    """
    kept: list[Sighting] = []
    for one in sorted(sightings, key=lambda s: (-s.score, s.image, s.box)):
        same = [k for k in kept if one.label == k.label and one.image == k.image]
        if not any(
            box_iou(one.region, k.region) > overlap
            or covered(one.region, k.region) > (PART if 2 * one.score < k.score else NESTED)
            or covered(k.region, one.region) > NESTED
            for k in same
        ):
            kept.append(one)
    return kept


def how_well(region: Region, sighting: Sighting, mask: NDArray[np.bool_] | None) -> float:
    """How well a detected box fits what was pointed at, in 0..1.

    A box is compared by IoU. A point or a stroke (by its middle) fits the box that holds it, and the better the nearer
    it is to the box's centre for the box's size. A free-form region (`mask`,
    bool [H, W]) is compared by the IoU of its own bounding box, and by how much of it the box holds.
    """
    if region.image != sighting.image:
        return 0.0
    box = sighting.region
    match region:
        case Box():
            return box_iou(region, box)
        case Point():
            return _centred(region.x, region.y, box)
        case Scribble():
            held = sum(box.x1 <= x <= box.x2 and box.y1 <= y <= box.y2 for x, y in region.points) / len(region.points)
            x, y = (sum(values) / len(region.points) for values in zip(*region.points, strict=True))
            return held * _centred(x, y, box)
        case _:
            assert mask is not None
            rows, columns = np.nonzero(mask)
            if not len(rows):
                return 0.0
            bounds = Box(float(columns.min()), float(rows.min()), float(columns.max() + 1), float(rows.max() + 1))
            inside = (
                (columns + 0.5 >= box.x1) & (columns + 0.5 <= box.x2) & (rows + 0.5 >= box.y1) & (rows + 0.5 <= box.y2)
            )
            return box_iou(replace(bounds, image=box.image), box) * float(inside.mean())


def fits_of(region: Region, sightings: Sequence[Sighting], size: tuple[int, int]) -> list[float]:
    """How well each sighting's box fits a region of a picture of (width, height) `size`, in 0..1."""
    mask = region.to_mask(*size) if isinstance(region, Mask | Polygon) else None
    return [how_well(region, one, mask) for one in sightings]


def _centred(x: float, y: float, box: Box) -> float:
    """1 at the middle of a box, 0.4 at its edges, 0 outside."""
    if not (box.x1 <= x <= box.x2 and box.y1 <= y <= box.y2) or box.area <= 0:
        return 0.0
    across = abs(2 * x - box.x1 - box.x2) / (box.x2 - box.x1)
    down = abs(2 * y - box.y1 - box.y2) / (box.y2 - box.y1)
    return 1.0 - 0.6 * max(across, down)


def covered(inner: Box, outer: Box) -> float:
    """The share of `inner` that lies in `outer`, in 0..1."""
    width = min(inner.x2, outer.x2) - max(inner.x1, outer.x1)
    height = min(inner.y2, outer.y2) - max(inner.y1, outer.y1)
    return max(width, 0.0) * max(height, 0.0) / inner.area if inner.area > 0 else 0.0


OVERLAP = 0.2
"""Boxes overlap notably from this IoU on."""
ON = 0.5
"""A box lies on another when so much of it does."""


def overlaps(one: Box, other: Box) -> bool:
    """Whether two boxes overlap so much that they may be of one thing: by their IoU, or because one lies on the
    other.
    """
    return box_iou(one, other) > OVERLAP or covered(one, other) > ON or covered(other, one) > ON


def relation_between(a: Box, b: Box) -> str:
    """How `a` lies to `b`: "inside", "around", "overlapping", "left of", "right of", "above" or "below".

    Boxes that share at least 30 % of the smaller one overlap, and one lies inside the other from 90 % on when it is
    much smaller; else the direction of the longer side of the way between their centres decides.
    """
    smaller = min(a.area, b.area)
    shared = covered(a, b) * a.area
    if smaller > 0 and shared / smaller >= 0.3:
        if shared / smaller >= 0.9 and smaller <= 0.5 * max(a.area, b.area):
            return "inside" if a.area < b.area else "around"
        return "overlapping"
    across = (a.x1 + a.x2 - b.x1 - b.x2) / 2
    down = (a.y1 + a.y2 - b.y1 - b.y2) / 2
    if abs(across) >= abs(down):
        return "left of" if across < 0 else "right of"
    return "above" if down < 0 else "below"


def part_of_picture(box: Box, size: tuple[int, int]) -> str:
    """Where a box lies in a picture of (width, height), in words: "at the top left", "in the middle", ..."""
    column = min(int((box.x1 + box.x2) / 2 / size[0] * 3), 2)
    row = min(int((box.y1 + box.y2) / 2 / size[1] * 3), 2)
    across = ("left", "", "right")[column]
    down = ("top", "", "bottom")[row]
    if not across and not down:
        return "in the middle"
    if down:
        return f"at the {down} {across}".rstrip()
    return f"on the {across}"
