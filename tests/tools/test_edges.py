"""Outlines drawn along the picture's edges."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tools.edges import follow_edges


def disc(side: int, x: float, y: float, radius: float) -> NDArray[np.bool_]:
    rows, columns = np.mgrid[:side, :side]
    return np.asarray((columns - x) ** 2 + (rows - y) ** 2 <= radius**2)


def painted(mask: NDArray[np.bool_], seed: int = 0) -> NDArray[np.uint8]:
    """A reddish thing on bluish ground, with some noise."""
    picture = np.where(mask[..., None], (200, 60, 40), (40, 80, 190)) + np.random.default_rng(seed).normal(
        0, 8, (*mask.shape, 3)
    )
    return picture.clip(0, 255).astype(np.uint8)


def iou(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    return float((one & other).sum() / (one | other).sum())


@pytest.mark.parametrize(("side", "radius"), [(60, 14), (200, 50), (900, 200)])
def test_a_coarse_outline_finds_the_edge(side: int, radius: float) -> None:
    true = disc(side, 0.45 * side, 0.5 * side, radius)
    step = max(4, side // 14)
    coarse = cv2.resize(true[::step, ::step].astype(np.uint8), (side, side), interpolation=cv2.INTER_NEAREST) > 0
    better = follow_edges(painted(true), coarse)
    assert better.dtype == np.bool_
    assert better.shape == true.shape
    assert iou(better, true) > max(0.9, iou(coarse, true) + 0.02)


def test_the_same_is_found_again() -> None:
    true = disc(120, 60, 60, 30)
    first = follow_edges(painted(true), disc(120, 63, 58, 30))
    np.random.default_rng(1)
    cv2.setRNGSeed(7)
    assert (first == follow_edges(painted(true), disc(120, 63, 58, 30))).all()


@pytest.mark.parametrize(
    "mask",
    [
        np.zeros((40, 50), dtype=np.bool_),
        np.ones((40, 50), dtype=np.bool_),
        np.eye(40, 50, dtype=np.bool_),  # too thin to have an inside
        np.pad(np.ones((1, 1), dtype=np.bool_), ((0, 39), (0, 49))),
    ],
    ids=["nothing", "everything", "a line", "a pixel"],
)
def test_what_has_no_inside_or_no_outside_stays(mask: NDArray[np.bool_]) -> None:
    assert (follow_edges(painted(mask), mask) == mask).all()


def test_a_plain_picture_changes_little() -> None:
    mask = disc(80, 40, 40, 20)
    assert iou(follow_edges(np.full((80, 80, 3), 128, np.uint8), mask), mask) > 0.7


def test_what_is_far_from_the_outline_stays() -> None:
    true = disc(200, 100, 100, 60)
    picture = painted(true)
    picture[95:105, 95:105] = (40, 80, 190)  # a hole in its colour, not in the thing
    picture[5:15, 5:15] = (200, 60, 40)
    found = follow_edges(picture, disc(200, 102, 99, 58))
    assert found[95:105, 95:105].all()
    assert not found[5:15, 5:15].any()
