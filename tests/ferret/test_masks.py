"""Run lengths and the overlap of masks, against the reference codec."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pycocotools import mask as coco

from ferret.errors import RegionError
from ferret.masks import decode_rle, encode_rle, mask_iou

masks = st.tuples(st.integers(1, 12), st.integers(1, 12)).flatmap(lambda shape: arrays(np.bool_, shape))


@given(masks)
def test_run_lengths_agree_with_the_reference_both_ways(mask: np.ndarray) -> None:
    reference = coco.encode(np.asfortranarray(mask.astype(np.uint8)))
    ours = encode_rle(mask)
    assert ours == {"size": list(mask.shape), "counts": reference["counts"].decode()}
    assert np.array_equal(decode_rle(ours), mask)
    assert np.array_equal(decode_rle(reference), mask)  # bytes are read as well


@pytest.mark.parametrize("mask", [np.zeros((300, 200)), np.ones((300, 200)), np.tri(300, 200), 1 - np.eye(300, 200)])
def test_long_runs(mask: np.ndarray) -> None:
    assert encode_rle(mask)["counts"] == coco.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"].decode()
    assert np.array_equal(decode_rle(encode_rle(mask)), mask != 0)


GOOD = encode_rle(np.eye(5))


@pytest.mark.parametrize(
    "rle",
    [
        {},
        {"size": [5, 5]},
        {"counts": "5"},
        {"size": [5], "counts": "5"},
        {"size": "55", "counts": GOOD["counts"][:-1]},
        {"size": [0, 5], "counts": ""},
        {"size": [-5, -5], "counts": "i0"},
        {"size": [1 << 20, 1 << 20], "counts": ""},
        {"size": [5, 5], "counts": [1, 2, 3]},
        {"size": [5, 5], "counts": ""},
        {"size": [5, 5], "counts": GOOD["counts"] + "1"},
        {"size": [5, 5], "counts": "\x00\x01"},
        {"size": [5, 5], "counts": "é"},
        {"size": [5, 5], "counts": "o" * 50},  # a number that never ends
        {"size": [5, 5], "counts": "o"},  # ends in the middle of a number
        {"size": [5, 5], "counts": "N9"},  # a negative run
        {"size": None, "counts": "5"},
    ],
)
def test_damaged_run_lengths_are_refused(rle: dict[str, Any]) -> None:
    with pytest.raises(RegionError, match="run lengths"):
        decode_rle(rle)


@given(st.text(alphabet=[chr(code) for code in range(48, 112)], max_size=12))
def test_any_characters_are_a_mask_or_a_region_error(counts: str) -> None:
    try:
        mask = decode_rle({"size": [4, 6], "counts": counts})
    except RegionError:
        return
    assert mask.shape == (4, 6)


def test_only_two_dimensions_are_packed() -> None:
    with pytest.raises(RegionError, match="two dimensions"):
        encode_rle(np.zeros((2, 2, 2)))


def test_mask_iou() -> None:
    left = np.zeros((4, 8), dtype=bool)
    left[:, :4] = True
    middle = np.roll(left, 2, axis=1)
    assert mask_iou(left, left) == 1.0
    assert mask_iou(left, ~left) == 0.0
    assert mask_iou(left, middle) == pytest.approx(1 / 3)
    assert mask_iou(np.zeros((2, 2)), np.zeros((2, 2))) == 0.0
    with pytest.raises(RegionError, match="cannot be compared"):
        mask_iou(left, left.T)
