"""Outside pictures: every kind at every size, the same for the same seed, and never one plain colour by accident."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.outside import PAINTERS, paint_outside


@pytest.mark.parametrize("kind", PAINTERS)
@pytest.mark.parametrize(("width", "height"), [(8, 8), (9, 64), (64, 9), (120, 90)])
def test_every_kind_is_painted_at_every_size(kind: str, width: int, height: int) -> None:
    image = paint_outside(np.random.default_rng(3), width, height, kind)
    assert image.shape == (height, width, 3)
    assert image.dtype == np.uint8
    assert image.flags.c_contiguous


@pytest.mark.parametrize("kind", PAINTERS)
def test_a_kind_varies_and_shows_something(kind: str) -> None:
    images = [paint_outside(np.random.default_rng(seed), 80, 60, kind) for seed in range(6)]
    assert len({image.tobytes() for image in images}) == 6
    assert sum(image.std() > 2 for image in images) >= 5


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(8, 70), st.integers(8, 70))
def test_a_seed_gives_the_same_picture(seed: int, width: int, height: int) -> None:
    first, second = (paint_outside(np.random.default_rng(seed), width, height) for _ in range(2))
    assert first.shape == (height, width, 3)
    assert (first == second).all()
