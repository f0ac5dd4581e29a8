"""How things lie, in words: certain cases, doubtful ones, and relations that hold both ways."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferret.regions import Box
from training.experts.certainty import Thing
from training.experts.layout import larger, place_of, relation_of

OPPOSITE = {
    "left of": "right of",
    "right of": "left of",
    "above": "below",
    "below": "above",
    "overlapping": "overlapping",
}
SIZE = (100, 100)


@st.composite
def boxes(draw: st.DrawFn) -> Box:
    x1, y1 = draw(st.integers(0, 90)), draw(st.integers(0, 90))
    return Box(float(x1), float(y1), float(draw(st.integers(x1 + 1, 100))), float(draw(st.integers(y1 + 1, 100))))


@pytest.mark.parametrize(
    ("first", "second", "how"),
    [
        (Box(0, 0, 10, 10), Box(50, 0, 60, 10), "left of"),
        (Box(50, 0, 60, 10), Box(0, 5, 10, 15), "right of"),
        (Box(0, 0, 10, 10), Box(5, 50, 15, 60), "above"),
        (Box(0, 0, 10, 10), Box(20, 20, 30, 30), None),  # as much left as above
        (Box(0, 0, 50, 50), Box(10, 10, 20, 20), "overlapping"),
        (Box(0, 0, 10, 10), Box(9, 0, 19, 10), None),  # a little of both
        (Box(0, 0, 10, 10), Box(0, 0, 10, 10), "overlapping"),
    ],
)
def test_relations(first: Box, second: Box, how: str | None) -> None:
    assert relation_of(first, second) == how


@given(boxes(), boxes())
def test_a_relation_holds_the_other_way_round(first: Box, second: Box) -> None:
    how, back = relation_of(first, second), relation_of(second, first)
    assert back == (None if how is None else OPPOSITE[how])
    if how == "left of":
        assert first.center.x < second.center.x
    if how == "above":
        assert first.center.y < second.center.y


@pytest.mark.parametrize(
    ("box", "place"),
    [
        (Box(0, 0, 20, 20), "upper left"),
        (Box(40, 0, 60, 20), "upper part"),
        (Box(80, 40, 100, 60), "right part"),
        (Box(45, 45, 55, 55), "middle"),
        (Box(80, 80, 100, 100), "lower right"),
        (Box(0, 0, 100, 20), None),  # nowhere in particular
        (Box(30, 45, 46, 55), None),  # on the border of left and middle
    ],
)
def test_places(box: Box, place: str | None) -> None:
    assert place_of(box, SIZE) == place


@given(boxes())
def test_a_place_is_on_its_side(box: Box) -> None:
    place = place_of(box, SIZE) or ""
    assert ("left" not in place) or box.center.x < 38
    assert ("right" not in place) or box.center.x > 62
    assert ("upper" not in place) or box.center.y < 38
    assert ("lower" not in place) or box.center.y > 62


SMALL, LARGE = Box(0, 0, 10, 10), Box(0, 0, 20, 20)


@pytest.mark.parametrize(
    ("areas", "first_is_larger"),
    [((None, None), True), ((300, 50), True), ((300, None), True), ((50, 300), None), ((60, 50), None)],
)
def test_larger_by_every_measure(areas: tuple[int | None, int | None], first_is_larger: bool | None) -> None:
    large, small = Thing("a", LARGE, None, areas[0]), Thing("b", SMALL, None, areas[1])
    expected = large if first_is_larger else None
    assert larger(large, small) is expected
    assert larger(small, large) is expected


def test_nearly_alike_is_not_larger() -> None:
    assert larger(Thing("a", Box(0, 0, 10, 10)), Thing("b", Box(0, 0, 12, 10))) is None
