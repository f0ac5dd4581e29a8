"""The geometry between things: symmetric where it should be, and right at its edges."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.sightings import (
    Sighting,
    covered,
    how_well,
    overlaps,
    part_of_picture,
    relation_between,
    without_duplicates,
)
from ferret.regions import Box, Mask, Point, Scribble

OPPOSITE = {"left of": "right of", "above": "below", "inside": "around", "overlapping": "overlapping"}
OPPOSITE |= {other: one for one, other in OPPOSITE.items()}

side = st.integers(1, 100)
boxes = st.builds(lambda x, y, w, h: Box(x, y, x + w, y + h), st.integers(0, 200), st.integers(0, 200), side, side)


def seen(label: str, box: tuple[float, float, float, float], score: float = 0.9, image: int = 0) -> Sighting:
    return Sighting(label, image, box, score, "detector")


@given(boxes, boxes)
def test_relations_are_each_others_opposite(a: Box, b: Box) -> None:
    if (a.x1 + a.x2, a.y1 + a.y2) != (b.x1 + b.x2, b.y1 + b.y2) and a.area != b.area:
        assert OPPOSITE[relation_between(a, b)] == relation_between(b, a)


@pytest.mark.parametrize(
    ("a", "b", "relation"),
    [
        (Box(0, 0, 10, 10), Box(20, 0, 30, 10), "left of"),
        (Box(20, 0, 30, 10), Box(0, 0, 10, 10), "right of"),
        (Box(0, 0, 10, 10), Box(0, 20, 10, 30), "above"),
        (Box(0, 20, 10, 30), Box(0, 0, 10, 10), "below"),
        (Box(0, 0, 10, 10), Box(5, 0, 15, 10), "overlapping"),
        (Box(0, 0, 10, 10), Box(9, 0, 19, 10), "left of"),
        (Box(2, 2, 5, 5), Box(0, 0, 10, 10), "inside"),
        (Box(0, 0, 10, 10), Box(2, 2, 5, 5), "around"),
        (Box(0, 0, 10, 10), Box(0, 0, 10, 10), "overlapping"),
    ],
)
def test_relations(a: Box, b: Box, relation: str) -> None:
    assert relation_between(a, b) == relation


@given(boxes, boxes)
def test_covered_is_a_share(a: Box, b: Box) -> None:
    assert 0.0 <= covered(a, b) <= 1.0
    assert covered(a, a) == 1.0


@pytest.mark.parametrize(
    ("box", "words"),
    [
        (Box(0, 0, 10, 10), "at the top left"),
        (Box(45, 45, 55, 55), "in the middle"),
        (Box(90, 45, 100, 55), "on the right"),
        (Box(45, 90, 55, 100), "at the bottom"),
        (Box(0, 0, 100, 100), "in the middle"),
        (Box(99, 99, 100, 100), "at the bottom right"),
    ],
)
def test_places_in_words(box: Box, words: str) -> None:
    assert part_of_picture(box, (100, 100)) == words


def test_of_two_boxes_around_a_point_the_better_centred_fits_better() -> None:
    small, large = seen("key", (40, 40, 60, 60)), seen("tree", (0, 0, 70, 70))
    assert how_well(Point(50, 50), small, None) > how_well(Point(50, 50), large, None)
    assert how_well(Point(90, 90), small, None) == 0.0


def test_a_region_fits_only_on_its_own_picture() -> None:
    assert how_well(Box(0, 0, 10, 10, image=1), seen("dog", (0, 0, 10, 10)), None) == 0.0
    assert how_well(Box(0, 0, 10, 10), seen("dog", (0, 0, 10, 10)), None) == 1.0


def test_a_mask_fits_the_box_around_it() -> None:
    mask = np.zeros((100, 100), dtype=bool)
    mask[20:40, 20:40] = True
    tight, loose = seen("dog", (20, 20, 40, 40)), seen("tree", (0, 0, 100, 100))
    assert how_well(Mask(mask), tight, mask) == 1.0
    assert how_well(Mask(mask), loose, mask) == pytest.approx(0.04)


def test_a_stroke_fits_by_all_its_points() -> None:
    stroke = Scribble(((45, 50), (55, 50)))
    assert how_well(stroke, seen("key", (40, 40, 60, 60)), None) > how_well(stroke, seen("tree", (0, 0, 70, 70)), None)


def test_one_thing_seen_twice_stays_once() -> None:
    best, twice, other = (
        seen("dog", (0, 0, 10, 10), 0.9),
        seen("dog", (0, 0, 10, 11), 0.5),
        seen("cat", (0, 0, 10, 10), 0.7),
    )
    assert without_duplicates([twice, other, best], 0.7) == [best, other]
    assert len(without_duplicates([best, seen("dog", (0, 0, 10, 10), image=1)], 0.7)) == 2


def test_a_part_is_not_another_one() -> None:
    whole, half = seen("sign", (0, 0, 100, 20), 0.7), seen("sign", (50, 0, 100, 20), 0.2)
    assert without_duplicates([half, whole], 0.7) == [whole]
    sure = seen("sign", (60, 0, 110, 20), 0.5)  # a fifth of it lies outside
    assert without_duplicates([sure, whole], 0.7) == [whole, sure]


@pytest.mark.parametrize(("inner", "outer"), [(0.5, 0.7), (0.7, 0.5)])
def test_of_one_in_another_the_more_probable_is_meant(inner: float, outer: float) -> None:
    small, large = seen("car", (10, 10, 50, 50), inner), seen("car", (5, 5, 80, 80), outer)
    assert without_duplicates([small, large], 0.7) == [max(small, large, key=lambda one: one.score)]
    other = seen("bus", (10, 10, 50, 50), inner)
    assert len(without_duplicates([other, large], 0.7)) == 2


def test_sightings_survive_json() -> None:
    thing = Sighting("dog", 1, (1.0, 2.0, 3.0, 4.5), 0.5, "ferret", (("dog", 0.5), ("wolf", 0.25)), "mask-1", "A", 2)
    assert Sighting.from_json(json.loads(json.dumps(thing.to_json()))) == thing
    assert thing.probability("wolf") == 0.25
    assert thing.probability("cat") == 0.0


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (Box(0, 0, 10, 10), True),
        (Box(9, 0, 19, 10), False),
        (Box(6, 0, 16, 10), True),  # IoU 4 / 16
        (Box(7, 0, 17, 10), False),  # IoU 3 / 17
        (Box(0, 0, 2, 2), True),  # within
        (Box(9, 9, 11, 11), False),
        (Box(20, 0, 30, 10), False),
    ],
)
def test_boxes_that_may_be_of_one_thing(other: Box, expected: bool) -> None:
    assert overlaps(Box(0, 0, 10, 10), other) is overlaps(other, Box(0, 0, 10, 10)) is expected
