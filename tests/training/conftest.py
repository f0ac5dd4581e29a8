"""Scenes drawn by hand: rectangles with names, so that every truth can be read off the test."""

from collections.abc import Callable

import numpy as np
import pytest

from training.scenes import Scene, SceneObject

Thing = tuple[str, tuple[int, int, int, int]] | tuple[str, tuple[int, int, int, int], str]
DrawScene = Callable[..., Scene]


@pytest.fixture
def draw_scene() -> DrawScene:
    """`draw_scene(("dog", (10, 20, 60, 80)), ("sign", (0, 0, 40, 20), "SALE"), width=200, height=100, seed=3)`."""

    def draw(*things: Thing, width: int = 200, height: int = 100, seed: int = 0) -> Scene:
        ids = np.zeros((height, width), np.uint8)
        for number, (_, (x1, y1, x2, y2), *_) in enumerate(things, 1):
            ids[y1:y2, x1:x2] = number
        objects = []
        for number, (name, (x1, y1, x2, y2), *text) in enumerate(things, 1):
            rows, columns = np.nonzero(ids == number)
            box = (float(columns.min()), float(rows.min()), columns.max() + 1.0, rows.max() + 1.0)
            visible = len(rows) / ((x2 - x1) * (y2 - y1))
            objects.append(SceneObject(name, 0, box, visible, "drawn", text[0] if text else None))
        image = np.repeat(ids[..., None] * 25, 3, 2).astype(np.uint8)
        return Scene(image, tuple(objects), ids, seed)

    return draw
