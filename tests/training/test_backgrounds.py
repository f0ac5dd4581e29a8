"""Backgrounds: pictures of the size asked for, the same for the same seed, and of every kind."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.backgrounds import PAINTERS, Painter, add_shape, paint_background, random_colour

SIZES = ((32, 32), (256, 160), (47, 301), (1, 1), (3, 40))
EACH = pytest.mark.parametrize("painter", [painter for painter, _ in PAINTERS], ids=lambda painter: painter.__name__)


@EACH
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_every_painter_fills_any_size(painter: Painter, width: int, height: int) -> None:
    for seed in range(6):
        image = painter(np.random.default_rng(seed), width, height)
        assert image.shape == (height, width, 3)
        assert image.dtype == np.uint8


@EACH
def test_painters_are_deterministic_and_varied(painter: Painter) -> None:
    first, again, other = (painter(np.random.default_rng(seed), 60, 40) for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()


def test_only_plain_ones_are_plain() -> None:
    colours = {}
    for painter, _ in PAINTERS:
        images = [painter(np.random.default_rng(seed), 64, 64).astype(int) @ [1, 256, 65536] for seed in range(6)]
        colours[painter.__name__] = np.mean([len(np.unique(image)) for image in images])
    assert colours.pop("plain") == 1
    assert min(colours.values()) > 1.5


@settings(max_examples=60)
@given(st.integers(0, 2**40), st.integers(1, 300), st.integers(1, 300))
def test_a_background_of_any_seed_and_size(seed: int, width: int, height: int) -> None:
    image = paint_background(np.random.default_rng(seed), width, height)
    assert image.shape == (height, width, 3)
    assert image.dtype == np.uint8
    assert image.flags.c_contiguous
    assert image.flags.writeable
    assert (image == paint_background(np.random.default_rng(seed), width, height)).all()


def test_every_painter_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    called = []

    def spy(painter: Painter) -> Painter:
        def paint(_: np.random.Generator, width: int, height: int) -> np.ndarray:
            called.append(painter.__name__)
            return np.zeros((height, width, 3), np.uint8)

        return paint

    monkeypatch.setattr("training.backgrounds.PAINTERS", tuple((spy(painter), weight) for painter, weight in PAINTERS))
    for seed in range(1000):
        paint_background(np.random.default_rng(seed), 4, 4)
    for painter, weight in PAINTERS:
        share = called.count(painter.__name__) / len(called)
        assert share == pytest.approx(weight / sum(weight for _, weight in PAINTERS), abs=0.04)


def test_colours_are_pale_dark_and_vivid() -> None:
    rng = np.random.default_rng(0)
    colours = np.stack([random_colour(rng) for _ in range(500)]).astype(int)
    assert colours.shape == (500, 3)
    spread = colours.max(1) - colours.min(1)
    assert (spread > 150).sum() > 20  # vivid
    assert (colours.min(1) > 200).sum() > 20  # pale
    assert (colours.max(1) < 80).sum() > 20  # dark


def test_shapes_are_drawn_into_the_picture() -> None:
    changed = []
    for seed in range(40):
        image = np.full((80, 120, 3), 7, np.uint8)
        add_shape(np.random.default_rng(seed), image)
        changed.append(float((image != 7).any(-1).mean()))
    assert np.count_nonzero(changed) > 30
    assert max(changed) < 0.6
