"""Coordinate spaces: every pair of converters undoes itself, and the released rule is kept to the number."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferret.coordinates import (
    BINS,
    View,
    bin_to_pixel,
    bins_to_box,
    bins_to_point,
    box_to_bins,
    crop_view,
    letterbox_view,
    pixel_to_bin,
    pixel_to_relative,
    point_to_bins,
    relative_to_pixel,
    released_bin_to_pixel,
    released_bins_to_box,
    released_box_to_bins,
    released_pixel_to_bin,
    released_point_to_bins,
    resized_view,
    tile_view,
)
from ferret.regions import Box, Point, Polygon, Scribble

sides = st.integers(1, 10_000)


@st.composite
def boxes(draw: st.DrawFn) -> tuple[Box, int, int]:
    """A legal box and the size of its image."""
    width, height = draw(sides), draw(sides)
    x1, x2 = sorted(draw(st.lists(st.floats(0, width), min_size=2, max_size=2, unique=True)))
    y1, y2 = sorted(draw(st.lists(st.floats(0, height), min_size=2, max_size=2, unique=True)))
    return Box(x1, y1, x2, y2, image=2), width, height


@given(size=sides, share=st.floats(0, 1))
def test_a_round_trip_through_bins_errs_by_half_a_bin_at_most(size: int, share: float) -> None:
    value = share * size
    index = pixel_to_bin(value, size)
    assert 0 <= index < BINS
    assert abs(bin_to_pixel(index, size) - value) <= size / (2 * BINS) * (1 + 1e-9)


@given(size=sides, index=st.integers(0, BINS - 1))
def test_a_bins_centre_falls_into_the_bin(size: int, index: int) -> None:
    assert pixel_to_bin(bin_to_pixel(index, size), size) == index


@given(boxes())
def test_a_box_survives_bins_to_within_half_a_bin(case: tuple[Box, int, int]) -> None:
    box, width, height = case
    back = bins_to_box(box_to_bins(box, width, height), width, height, image=2)
    for before, after, size in zip(box.coordinates, back.coordinates, (width, height) * 2, strict=True):
        assert abs(before - after) <= size / BINS * (1 + 1e-9)  # half a bin, a whole one if both edges share a bin
    assert back.checked(width, height) == back


@pytest.mark.parametrize("value", [-5.0, 640.0, 700.0, 1e30])
def test_pixels_outside_are_pulled_onto_the_grid(value: float) -> None:
    assert pixel_to_bin(value, 640) == (0 if value < 0 else 999)


def test_a_box_inside_one_bin_is_that_bin() -> None:
    assert bins_to_box((5, 7, 5, 8), 1000, 500) == Box(5.0, 3.75, 6.0, 4.25)


def test_points() -> None:
    assert point_to_bins(Point(320, 427), 640, 427) == (500, 999)
    assert bins_to_point((500, 999), 640, 427, image=1) == Point(320.32, pytest.approx(426.7865), image=1)


@pytest.mark.parametrize(
    ("value", "size", "expected"),
    [(0, 640, 0), (639, 640, 998), (640, 640, 998), (75, 70, 985), (-3, 70, 0), (20, 70, 285), (35, 50, 700)],
)
def test_the_released_rule_truncates_after_pulling_onto_the_last_pixel(value: float, size: int, expected: int) -> None:
    assert released_pixel_to_bin(value, size) == expected


@pytest.mark.parametrize(("value", "size", "expected"), [(999, 640, 639), (200, 427, 85), (1, 640, 0), (0, 5, 0)])
def test_the_released_rule_decodes_to_whole_pixels(value: int, size: int, expected: int) -> None:
    assert released_bin_to_pixel(value, size) == expected


def test_released_shapes() -> None:
    assert released_box_to_bins(Box(50, 5, 75, 15), 70, 50) == (714, 100, 985, 300)
    assert released_bins_to_box((100, 200, 300, 400), 640, 427) == Box(64, 85, 192, 170)
    assert released_point_to_bins(Point(70, 25), 70, 50) == (985, 500)


@given(size=st.integers(2, 10_000), share=st.floats(0, 1))
def test_the_released_rule_never_moves_right(size: int, share: float) -> None:
    value = share * (size - 1)
    assert value - size / BINS - 1 <= released_bin_to_pixel(released_pixel_to_bin(value, size), size) <= value


VIEWS = [
    View(1.0, 1.0),
    resized_view((640, 427), (336, 336)),
    letterbox_view((640, 427), (512, 512)),
    letterbox_view((30, 4000), (512, 256)),
    tile_view((1170, 2532), (1, 3), (336, 336), 0, 2),
    tile_view((640, 427), (2, 2), (336, 336), 1, 0),
    crop_view(Box(10.5, 20, 300, 400)),
]


@pytest.mark.parametrize("view", VIEWS)
@given(case=boxes())
def test_a_view_undoes_itself(view: View, case: tuple[Box, int, int]) -> None:
    box, width, height = case
    back = view.to_original(view.to_view(box))
    assert back.coordinates == pytest.approx(box.coordinates, abs=1e-6 * max(width, height, 1000))
    assert back.image == 2


@pytest.mark.parametrize(
    "shape", [Point(3, 4, image=1), Box(1, 2, 3, 4), Polygon(((1, 2), (3, 4))), Scribble(((5, 6),))]
)
def test_every_shape_maps(shape: Point | Box | Polygon | Scribble) -> None:
    view = View(2.0, 4.0, 10.0, -8.0)
    assert view.to_original(view.to_view(shape)) == shape
    assert relative_to_pixel(pixel_to_relative(shape, 8, 16), 8, 16) == shape


def test_where_views_put_things() -> None:
    whole = Box(0, 0, 640, 320)
    assert resized_view((640, 320), (336, 336)).to_view(whole) == Box(0, 0, 336, 336)
    assert letterbox_view((640, 320), (320, 320)).to_view(whole) == Box(0, 80, 320, 240)
    assert tile_view((640, 320), (2, 1), (320, 320), 1, 0).to_view(whole) == Box(-320, 0, 320, 320)
    assert crop_view(Box(40, 20, 60, 50)).to_view(Point(50, 30)) == Point(10, 10)
    assert pixel_to_relative(Box(160, 80, 640, 320), 640, 320) == Box(0.25, 0.25, 1, 1)
