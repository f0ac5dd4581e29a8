"""How the released training turns annotated objects into regions of a question (ferret-spec 3): points or boxes.

One flip of a coin decides for all objects of a question. A point is, of up to a thousand pixels of the object's mask,
the one nearest to the middle of its box; without a mask it is drawn around that middle. Either is cut, when its pixels
are sampled, to the mask, or a point without mask to the box (ferret-spec 1.4).
"""

from collections.abc import Sequence

import numpy as np

from ferret.regions import Box, Mask, Point, Region

MAX_PIXELS = 1000
"""Pixels of a mask among which the nearest to the middle is looked for."""

SPREAD = 0.15
"""Standard deviation of a point without mask, as a share of the box's sides."""


def point_or_box(
    boxes: Sequence[Box], masks: Sequence[Mask | None], size: tuple[int, int], rng: np.random.Generator
) -> tuple[tuple[Region, ...], tuple[Region | None, ...]]:
    """Regions for objects of one question, and what each is cut to (see `Turn.within`).

    Args:
        boxes: the objects' boxes, on the picture.
        masks: the objects' masks, which share pixels with their boxes, or None where there is none.
        size: (width, height) of the picture.
        rng: decides between points and boxes, and where the points lie.
    """
    if rng.random() < 0.5:
        return tuple(boxes), tuple(masks)
    points = tuple(sample_point(box, mask, size, rng) for box, mask in zip(boxes, masks, strict=True))
    return points, tuple(box if mask is None else mask for box, mask in zip(boxes, masks, strict=True))


def sample_point(box: Box, mask: Mask | None, size: tuple[int, int], rng: np.random.Generator) -> Point:
    """A point on an object, by the released rule `segment_mask|center` or, without mask, around the box's middle.

    The point of a mask is the whole-numbered index of its pixel, and the middle is that of the box pulled onto
    [0, size - 1]: both as released, so that prompts come out the same to the bin.
    """
    if mask is not None:
        right, bottom = min(box.x2, size[0] - 1.0), min(box.y2, size[1] - 1.0)
        middle = np.array([(box.x1 + right) / 2, (box.y1 + bottom) / 2])
        pixels = np.argwhere(mask.array.T)  # [N, 2], (x, y), columns first
        if len(pixels) > MAX_PIXELS:
            pixels = pixels[np.sort(rng.choice(len(pixels), MAX_PIXELS, replace=False))]
        x, y = pixels[np.argmin(((pixels - middle) ** 2).sum(1))].tolist()
        return Point(float(x), float(y))
    while True:  # the true middle: drawn around a pulled one, a sliver at the border might never be hit
        x, y = (
            (low + high) / 2 + SPREAD * (high - low) * float(rng.standard_normal())
            for low, high in ((box.x1, box.x2), (box.y1, box.y2))
        )
        if box.x1 <= x <= box.x2 and box.y1 <= y <= box.y2:
            return Point(x, y)
