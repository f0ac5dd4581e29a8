"""How people point at an object of a scene: a click, a box drawn by hand, a mask, a stroke.

Regions are in pixels of the scene. Drawn from the visible pixels, so that a region never lies on what hides the object.
"""

import numpy as np
from numpy.typing import NDArray

from ferret.errors import TrainingError
from ferret.regions import Box, Mask, Point, Region, Scribble
from training.scenes import Scene

REGION_KINDS: tuple[str, ...] = ("point", "box", "mask", "scribble")

_STROKE_POINTS = 4


class Pointer:
    """Makes regions for the objects of one scene; each object's pixels and mask are made once and shared."""

    def __init__(self, scene: Scene, rng: np.random.Generator) -> None:
        self.scene, self.rng = scene, rng
        self.height, self.width = scene.ids.shape
        self._pixels: dict[int, NDArray[np.int64]] = {}
        self._masks: dict[int, Mask] = {}

    def region(self, index: int, kind: str) -> Region:
        """A region of `kind` (one of `REGION_KINDS`) that marks object `index`.

        Raises:
            TrainingError: there is no such kind.
        """
        if kind == "point":
            return self.point(index)
        if kind == "box":
            return self.box(index)
        if kind == "mask":
            return self.mask(index)
        if kind == "scribble":
            return self.scribble(index)
        raise TrainingError(f"there is no region kind {kind!r}; choose one of {list(REGION_KINDS)!r}")

    def point(self, index: int) -> Point:
        """The centre of a visible pixel, in half of the cases drawn towards the middle, as people click."""
        pixels = self._visible(index)
        tries = pixels[(self.rng.random(3 if self.rng.random() < 0.5 else 1) * len(pixels)).astype(np.int64)]
        x1, y1, x2, y2 = self.scene.objects[index].box
        x, y = min(tries.tolist(), key=lambda p: abs(p[0] - (x1 + x2) / 2) + abs(p[1] - (y1 + y2) / 2))
        return Point(x + 0.5, y + 0.5)

    def box(self, index: int) -> Box:
        """The visible box, in half of the cases off by a few per cent of its size, as boxes drawn by hand are."""
        x1, y1, x2, y2 = self.scene.objects[index].box
        if self.rng.random() < 0.5:
            dx, dy = 0.05 * (x2 - x1), 0.05 * (y2 - y1)
            shift = self.rng.normal(0, 1, 4).clip(-2, 2)
            x1, x2 = max(0.0, x1 + dx * shift[0]), min(float(self.width), x2 + dx * shift[1])
            y1, y2 = max(0.0, y1 + dy * shift[2]), min(float(self.height), y2 + dy * shift[3])
        return Box(round(float(x1), 1), round(float(y1), 1), round(float(x2), 1), round(float(y2), 1))

    def mask(self, index: int) -> Mask:
        """The visible pixels."""
        if index not in self._masks:
            self._masks[index] = Mask(self.scene.mask(index))
        return self._masks[index]

    def scribble(self, index: int) -> Scribble:
        """A short stroke of two to four points which, like the middles between them, lie on the object."""
        pixels, ids = self._visible(index), self.scene.ids
        x, y = pixels[int(self.rng.random() * len(pixels))].tolist()
        stroke = [(x + 0.5, y + 0.5)]
        for far_x, far_y in pixels[(self.rng.random(8) * len(pixels)).astype(np.int64)].tolist():
            # Half way to a random pixel of the object, so that the stroke is short.
            next_x, next_y = (x + far_x) // 2, (y + far_y) // 2
            middle = ids[(y + next_y) // 2, (x + next_x) // 2]
            if (next_x, next_y) != (x, y) and ids[next_y, next_x] == middle == index + 1:
                stroke.append((next_x + 0.5, next_y + 0.5))
                x, y = next_x, next_y
                if len(stroke) == _STROKE_POINTS:
                    break
        if len(stroke) == 1:
            stroke.append((x + 1.0, y + 0.5))
        return Scribble(tuple(stroke))

    def _visible(self, index: int) -> NDArray[np.int64]:
        """The visible pixels of an object as (x, y), [N, 2], N >= 1."""
        if index not in self._pixels:
            x1, y1, x2, y2 = (int(edge) for edge in self.scene.objects[index].box)
            rows, columns = np.nonzero(self.scene.ids[y1:y2, x1:x2] == index + 1)
            self._pixels[index] = np.stack([columns + x1, rows + y1], 1)
        return self._pixels[index]
