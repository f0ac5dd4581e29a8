"""Regions: validation, masks, bounds, and the textual form."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ferret.errors import RegionError
from ferret.regions import Box, Mask, Point, Polygon, Region, Scribble, box_iou, parse_region

NAN, INF = math.nan, math.inf
TRIANGLE = ((2.0, 2.0), (8.0, 2.0), (2.0, 8.0))


@pytest.mark.parametrize(
    "region",
    [
        Point(0, 0),
        Point(20, 10),
        Box(0, 0, 20, 10),
        Box(19, 9, 20, 10),
        Box(3.2, 3.2, 3.3, 3.3),
        Polygon(((0, 0), (20, 0), (20, 10))),
        Scribble(((0, 0), (20, 10))),
        Scribble(((5, 5), (5, 5))),
        Mask(np.eye(10, 20)),
    ],
)
def test_regions_up_to_the_border_are_legal_and_cover_something(region: Region) -> None:
    checked = region.checked(20, 10)
    mask = checked.to_mask(20, 10)
    assert mask.shape == (10, 20)
    assert mask.dtype == np.bool_
    assert mask.any()
    bounds = checked.bounds(20, 10)
    assert 0 <= bounds.x1 <= bounds.x2 <= 20
    assert 0 <= bounds.y1 <= bounds.y2 <= 10


@pytest.mark.parametrize(
    ("region", "words"),
    [
        (Point(NAN, 1), "not a finite number"),
        (Point(1, INF), "not a finite number"),
        (Point(-0.1, 1), "outside its image of 20x10"),
        (Point(20.1, 1), "keep x within 0..20"),
        (Point(1, 10.5), "y within 0..10"),
        (Point("here", 1), "give numbers"),  # type: ignore[arg-type]
        (Point(None, 1), "give numbers"),  # type: ignore[arg-type]
        (Box(5, 5, 5, 8), "no area"),
        (Box(5, 5, 8, 5), "no area"),
        (Box(8, 1, 5, 4), r"inverted.*\(5, 1, 8, 4\)"),
        (Box(1, 8, 5, 4), "inverted"),
        (Box(0, 0, NAN, 4), "not a finite number"),
        (Box(0, 0, 21, 4), "outside"),
        (Box(-5, 0, 2, 4), "outside"),
        (Box(30, 30, 40, 40), "outside"),
        (Polygon(((0, 0), (5, 5))), "at least three"),
        (Polygon(()), "at least three"),
        (Polygon(((0, 0), (5, 5), (9, 9))), "one line"),
        (Polygon(((3, 3), (3, 3), (3, 3))), "one line"),
        (Polygon(((0, 0), (5, 5), (1, 30))), "outside"),
        (Polygon(((0, 0), (5, NAN), (1, 3))), "not a finite number"),
        (Polygon(((0, 0, 1), (5, 2), (1, 3))), "x,y pairs"),  # type: ignore[arg-type]
        (Scribble(((1, 1),)), "at least two"),
        (Scribble(((1, 1), (1, 11))), "outside"),
        (Mask(np.zeros((10, 20))), "empty"),
        (Mask(np.ones((20, 10))), "mask is 10x20 but its image is 20x10"),
        (Point(1, 1, image=-1), "counted from 0"),
        (Box(1, 1, 2, 2, image=True), "counted from 0"),
    ],
)
def test_bad_regions_say_what_is_wrong_in_one_line(region: Region, words: str) -> None:
    with pytest.raises(RegionError, match=words) as caught:
        region.checked(20, 10)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros(5), "two dimensions"),
        (np.zeros((2, 2, 3)), "two dimensions"),
        (np.array([[NAN, 1.0]]), "NaN"),
        (np.array([["a"]]), "give booleans"),
    ],
)
def test_a_mask_refuses_what_is_no_mask(array: np.ndarray, words: str) -> None:
    with pytest.raises(RegionError, match=words):
        Mask(array)


def test_a_mask_is_a_value() -> None:
    array = np.eye(3)
    mask = Mask(array)
    array[:] = 0
    assert mask == Mask(np.eye(3))
    assert hash(mask) == hash(Mask(np.eye(3)))
    assert mask != Mask(np.eye(3), image=1)
    assert mask != "mask"
    with pytest.raises(ValueError, match="read-only"):
        mask.array[0, 0] = False
    assert Mask.from_rle(mask.to_rle()) == mask
    assert mask.bounds(3, 3) == Box(0, 0, 3, 3)


@pytest.mark.parametrize(
    ("point", "columns", "rows"),
    [
        (Point(50, 40), (45, 56), (35, 46)),  # 11 x 11, as the released window
        (Point(50.9, 40.9), (45, 56), (35, 46)),  # fractions are cut off
        (Point(0, 0), (0, 6), (0, 6)),
        (Point(100, 80), (94, 100), (74, 80)),  # the far border counts as the last pixel
    ],
)
def test_a_point_covers_its_window(point: Point, columns: tuple[int, int], rows: tuple[int, int]) -> None:
    expected = np.zeros((80, 100), dtype=bool)
    expected[slice(*rows), slice(*columns)] = True
    assert np.array_equal(point.to_mask(100, 80), expected)


def test_a_point_on_a_single_pixel() -> None:
    assert Point(1, 1).checked(1, 1).to_mask(1, 1).tolist() == [[True]]


@pytest.mark.parametrize(
    ("box", "columns", "rows"),
    [
        (Box(0, 0, 20, 10), (0, 20), (0, 10)),
        (Box(3, 2, 5, 4), (3, 5), (2, 4)),  # edges, not pixels: two by two
        (Box(3.4, 2.6, 5.4, 4.6), (3, 5), (3, 5)),  # centres decide
        (Box(3.6, 2, 3.9, 4), (3, 4), (2, 4)),  # thinner than a pixel: the one that holds it
        (Box(19.9, 9.9, 20, 10), (19, 20), (9, 10)),
    ],
)
def test_a_box_covers_the_pixels_whose_centres_it_holds(
    box: Box, columns: tuple[int, int], rows: tuple[int, int]
) -> None:
    expected = np.zeros((10, 20), dtype=bool)
    expected[slice(*rows), slice(*columns)] = True
    assert np.array_equal(box.to_mask(20, 10), expected)


def test_a_polygon_covers_the_pixels_inside() -> None:
    mask = Polygon(TRIANGLE).to_mask(10, 10)
    rows, columns = np.mgrid[0:10, 0:10] + 0.5
    inside = (columns > 2) & (rows > 2) & (columns + rows < 10)
    on_edge = columns + rows == 10  # centres exactly on the slanted edge belong to neither side for certain
    assert np.array_equal(mask[~on_edge], inside[~on_edge])
    assert Polygon(TRIANGLE).bounds(10, 10) == Box(2, 2, 8, 8)


def test_a_polygon_that_crosses_itself_follows_the_even_odd_rule() -> None:
    bow_tie = Polygon(((0, 0), (10, 10), (10, 0), (0, 10)))
    mask = bow_tie.checked(10, 10).to_mask(10, 10)
    assert mask[5, 1]
    assert mask[5, 8]
    assert not mask[1, 5]
    assert not mask[8, 5]


def test_a_polygon_too_thin_for_any_centre_covers_its_outline() -> None:
    sliver = Polygon(((1.0, 1.1), (9.0, 1.1), (9.0, 1.2)))
    mask = sliver.checked(10, 10).to_mask(10, 10)
    assert mask.any()
    assert not mask[3:].any()


@given(
    x1=st.integers(0, 30),
    y1=st.integers(0, 20),
    width=st.integers(1, 10),
    height=st.integers(1, 10),
    turn=st.booleans(),
)
def test_a_rectangle_is_the_same_as_box_and_as_polygon(x1: int, y1: int, width: int, height: int, turn: bool) -> None:
    box = Box(x1, y1, x1 + width, y1 + height)
    corners = ((box.x1, box.y1), (box.x2, box.y1), (box.x2, box.y2), (box.x1, box.y2))
    polygon = Polygon(corners[::-1] if turn else corners)
    mask = box.to_mask(40, 30)
    assert np.array_equal(polygon.to_mask(40, 30), mask)
    assert mask.sum() == width * height
    assert Mask(mask).bounds(40, 30) == box


@given(points=st.lists(st.tuples(st.floats(0, 40), st.floats(0, 30)), min_size=2, max_size=6))
def test_a_scribble_covers_what_is_near_its_line(points: list[tuple[float, float]]) -> None:
    mask = Scribble(tuple(points)).checked(40, 30).to_mask(40, 30)
    centres = np.stack(np.meshgrid(np.arange(40) + 0.5, np.arange(30) + 0.5), axis=-1)  # [30, 40, 2]
    distance = np.full((30, 40), np.inf)
    for start, end in zip(np.array(points), np.array(points)[1:], strict=False):
        along = end - start
        length = float(along @ along)
        share = np.clip(((centres - start) @ along) / length, 0, 1) if length > 1e-12 else np.zeros((30, 40))
        distance = np.minimum(distance, np.linalg.norm(centres - (start + share[..., None] * along), axis=-1))
    radius = 1.5
    assert mask[distance < radius * 0.99].all()
    under_points = np.zeros((30, 40), dtype=bool)
    for x, y in points:
        under_points[min(int(y), 29), min(int(x), 39)] = True
    assert not mask[(distance > radius * 1.01) & ~under_points].any()


def test_a_scribble_is_wider_on_a_larger_image() -> None:
    stroke = Scribble(((100.0, 500.0), (900.0, 500.0)))
    assert stroke.to_mask(1000, 1000)[:, 500].sum() == 20


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("point:1,2", Point(1, 2)),
        ("point:1.5,-2e0", Point(1.5, -2)),
        (" Box: 1, 2 ,3,4 ", Box(1, 2, 3, 4)),
        ("box:1,2,3,4@2", Box(1, 2, 3, 4, image=1)),
        ("box:4,3,2,1@1", Box(4, 3, 2, 1)),  # corners are judged together with the image
        ("polygon:0,0,5,0,5,5", Polygon(((0, 0), (5, 0), (5, 5)))),
        ("scribble:0,0,5,0@12", Scribble(((0, 0), (5, 0)), image=11)),
    ],
)
def test_the_textual_form_is_read(spec: str, expected: Region) -> None:
    assert parse_region(spec) == expected


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("", "unknown form"),
        ("box", "unknown form"),
        ("circle:1,2,3", "unknown form"),
        ("1,2,3,4", "unknown form"),
        ("box:", "not a number"),
        ("box:1,2,3", r"has 3 number\(s\).*takes 4"),
        ("box:1,2,3,4,5", "has 5"),
        ("box:1,2,3,x", "'x' is not a number"),
        ("box:1;2;3;4", "not a number"),
        ("box:nan,2,3,4", "not a finite number"),
        ("point:1,inf", "not a finite number"),
        ("point:1_0,2", "'1_0' is not a number"),
        ("point:\u0663,2", "is not a number"),
        ("point:1", "takes 2"),
        ("polygon:1,2,3", "pairs"),
        ("polygon:1,2,3,4", "at least 3"),
        ("scribble:1,2", "at least 2"),
        ("point:1,2@0", "counted from 1"),
        ("point:1,2@-1", "counted from 1"),
        ("point:1,2@", "counted from 1"),
        ("point:1,2@two", "counted from 1"),
        ("point:1,2@99999999999999999999", "counted from 1"),
        ("mask:", "names no file"),
        ("mask:nowhere/at-all.png", "does not exist"),
        ("mask:https://example.org/mask.png", "network is off"),
    ],
)
def test_a_bad_textual_form_says_what_to_write(spec: str, words: str) -> None:
    with pytest.raises(RegionError, match=words) as caught:
        parse_region(spec)
    assert "\n" not in str(caught.value)


def test_a_region_must_be_text() -> None:
    with pytest.raises(RegionError, match="not text"):
        parse_region(5)  # type: ignore[arg-type]


@given(st.text(max_size=40))
def test_any_text_is_a_region_or_a_region_error(text: str) -> None:
    for spec in (text, f"box:{text}", f"point:{text}", f"polygon:{text}"):
        try:
            parse_region(spec)
        except RegionError:
            continue


@pytest.mark.parametrize("mode", ["1", "L", "P", "I;16", "RGB", "RGBA", "LA"])
def test_a_mask_file_is_non_zero_inside(tmp_path: Path, mode: str) -> None:
    inside = np.zeros((6, 9), dtype=bool)
    inside[2:4, 3:8] = True
    if mode == "P":
        image = Image.fromarray(inside.astype(np.uint8), mode="L").convert("P")
        image = Image.frombytes("P", (9, 6), inside.astype(np.uint8).tobytes())
        image.putpalette([200, 200, 200, 0, 0, 0])  # the index counts, not its colour
    elif mode == "I;16":
        image = Image.fromarray(inside.astype(np.uint16) * 3)
    elif mode in ("RGBA", "LA"):
        image = Image.new(mode, (9, 6), (255,) * (len(mode) - 1) + (0,))
        image.paste((255,) * len(mode), (3, 2, 8, 4))
    else:
        image = Image.fromarray(inside.astype(np.uint8) * 255).convert(mode)
    path = tmp_path / "mask@old.png"
    image.save(path)
    region = parse_region(f"mask:{path}@3")
    assert isinstance(region, Mask)
    assert region.image == 2
    assert np.array_equal(region.array, inside)


def test_a_broken_mask_file_is_a_region_error(tmp_path: Path) -> None:
    path = tmp_path / "mask.png"
    path.write_bytes(b"no picture")
    with pytest.raises(RegionError, match="not an image"):
        parse_region(f"mask:{path}")


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (Box(0, 0, 4, 4), Box(0, 0, 4, 4), 1.0),
        (Box(0, 0, 4, 4), Box(4, 0, 8, 4), 0.0),
        (Box(0, 0, 4, 4), Box(2, 0, 6, 4), 1 / 3),
        (Box(0, 0, 4, 4), Box(9, 9, 12, 12), 0.0),
        (Box(1, 1, 1, 1), Box(1, 1, 1, 1), 0.0),
        (Box(4, 4, 0, 0), Box(0, 0, 4, 4), 0.0),
    ],
)
def test_box_iou(a: Box, b: Box, expected: float) -> None:
    assert box_iou(a, b) == pytest.approx(expected)
    assert box_iou(b, a) == pytest.approx(expected)


def test_box_helpers() -> None:
    box = Box(-2, 3, 30, 5, image=1)
    assert box.clipped(20, 10) == Box(0, 3, 20, 5, image=1)
    assert box.coordinates == (-2, 3, 30, 5)
    assert Box(0, 0, 4, 2).center == Point(2, 1)
    assert Box(0, 0, 4, 2).area == 8
