"""Features of pictures are finite and mean what they are called; a stored world judges for its own weights alone."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ferret.errors import WeightsError
from tools.marks import weights_mark
from tools.world import World, detection_features, load_world, pixel_features

MARKS = {"ferret": "a" * 12, "tools": "b" * 12}


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([], [0, 0, 0, 0, 0, 0, 0, 1, 1]),
        ([[]], [0, 0, 0, 0, 0, 0, 0, 1, 1]),
        ([[0.03]], [0, 0, 0, 0, 0, 0, 0, 1, 1]),  # below the floor
        ([[0.5]], [0.5, 1, 1, 1, 0, 0.5, 0, 0, 0]),
        ([[0.2, 0.1], [0.8, 0.2]], [0.8, 2, 2, 1, 1, 1.0, 0.2, 0.375, 0.25]),
    ],
)
def test_detections_by_hand(scores: list[list[float]], expected: list[float]) -> None:
    assert detection_features(scores) == pytest.approx(expected)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 90), st.integers(1, 90), st.integers(0, 2**32), st.sampled_from(["noise", "plain", "lines"]))
def test_pixels_of_any_size_give_finite_features(width: int, height: int, seed: int, kind: str) -> None:
    rng = np.random.default_rng(seed)
    pixels = np.full((height, width, 3), rng.integers(0, 256, 3), np.uint8)
    if kind == "noise":
        pixels = rng.integers(0, 256, pixels.shape, dtype=np.uint8)
    elif kind == "lines":
        pixels[::2] = 255
    features = pixel_features(pixels)
    assert features.shape == pixel_features(np.zeros((500, 20, 3), np.uint8)).shape
    assert features.dtype == np.float32
    assert np.isfinite(features).all()


def test_noise_is_rough_and_a_plain_picture_is_calm() -> None:
    rng = np.random.default_rng(0)
    noise, plain = pixel_features(rng.integers(0, 256, (90, 90, 3), dtype=np.uint8)), pixel_features(
        np.full((90, 90, 3), 120, np.uint8)
    )
    assert plain[0] == 1.0  # every pixel is like its neighbours
    assert noise[0] < 0.1


def test_a_larger_picture_looks_like_its_smaller_self() -> None:
    rng = np.random.default_rng(0)
    small = np.repeat(np.repeat(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8), 24, 0), 24, 1)
    large = np.repeat(np.repeat(small, 3, 0), 3, 1)
    assert np.abs(pixel_features(small) - pixel_features(large)).max() < 0.25


def test_a_world_weighs_standard_features_and_clips_them() -> None:
    world = World(np.array([1.0, 0.0], "f"), np.array([2.0, 1.0], "f"), np.array([1.0, -1.0], "f"), 0.5, 0.5)
    assert world.probability(np.array([1.0, 0.5], "f")) == pytest.approx(0.5)
    assert world.probability(np.array([1.5, 0.0], "f")) == pytest.approx(1 / (1 + np.exp(-1.5)))
    far, farther = (world.probability(np.array([value, 0.0], "f")) for value in (50.0, 1e6))
    assert far == farther < 1.0


@pytest.fixture
def stored() -> dict[str, Any]:
    """A file's content."""
    return {"for": MARKS, "mean": [0.0], "scale": [1.0], "weights": [2.0], "bias": 0.0, "threshold": 0.7}


def written(folder: Path, value: Any) -> Path:
    path = folder / "world.json"
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return path


def test_a_world_is_read_for_its_own_weights_alone(stored: dict[str, Any], tmp_path: Path) -> None:
    path = written(tmp_path, stored)
    world = load_world(path, MARKS)
    assert world is not None
    assert world.threshold == 0.7
    assert load_world(path, MARKS | {"ferret": "c" * 12}) is None
    assert load_world(tmp_path / "none.json", MARKS) is None


@pytest.mark.parametrize(
    "change",
    [{"mean": [0.0, 1.0]}, {"mean": [[0.0]]}, {"scale": ["x"]}, {"weights": [float("nan")]}, {"bias": None},
     {"bias": float("inf")}, {"threshold": 1.5}, {"threshold": "high"}],
)  # fmt: skip
def test_a_damaged_world_is_refused(stored: dict[str, Any], change: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="fit it anew"):
        load_world(written(tmp_path, stored | change), MARKS)


@pytest.mark.parametrize("text", ["", "[]", "{}", "no JSON"])
def test_a_file_that_is_no_world_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="fit it anew"):
        load_world(written(tmp_path, text), MARKS)


def test_a_mark_changes_with_the_weights_and_how_they_are_used_and_with_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "a.safetensors").write_bytes(b"one")
    first = weights_mark(tmp_path)
    (tmp_path / "settings.json").write_text("{}")
    assert weights_mark(tmp_path) == first
    (tmp_path / "a.json").write_text("{}")  # it says how they are used
    assert weights_mark(tmp_path) != first
    (tmp_path / "a.safetensors").write_bytes(b"two")
    assert weights_mark(tmp_path) != first


def test_the_shipped_world_belongs_to_the_shipped_weights() -> None:
    assert load_world() is not None, "the weights have changed: run 'python -m training.world fit'"
