"""Closer looks: where they go, and what they settle."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from agent.artifacts import ArtifactStore
from agent.context import Context
from agent.instruments import Instruments
from agent.intents import Intent, Plan, Step
from agent.perception import Observed, looks_for, take_looks
from agent.settings import Limits, Thresholds
from agent.sightings import Corners, Sighting
from agent.zooming import MARGIN, SURROUNDINGS, UNSEEN, Closer, places_to_zoom, with_closer
from ferret.errors import ToolError
from ferret.regions import Box
from tools.base import Detection

SIZE = (1000, 800)
LIMITS = Thresholds(floor=0.1, small=0.2, settled=0.7)


def seen(box: Corners, score: float = 0.4, label: str = "apple") -> Sighting:
    return Sighting(label, 0, box, score, "detector", ((label, score), ("key", score / 2)))


SMALL = (500.0, 400.0, 540.0, 430.0)


@pytest.mark.parametrize(
    ("sightings", "most", "places"),
    [
        ([], 8, 0),
        ([seen(SMALL)], 0, 0),
        ([seen(SMALL)], 8, 1),
        ([seen(SMALL, 0.09)], 8, 0),  # noise
        ([seen(SMALL, 0.7)], 8, 0),  # settled
        ([seen((100, 100, 300, 200))], 8, 0),  # large
        ([seen((100, 100, 299, 200))], 8, 1),
        ([seen(SMALL), seen((560, 400, 600, 430), 0.3)], 8, 1),  # the first look shows both
        ([seen(SMALL), seen((560, 400, 568, 406), 0.3)], 8, 2),  # but the second as a few pixels
        ([seen(SMALL), seen((100, 100, 130, 130), 0.3)], 8, 2),
        ([seen(SMALL), seen((100, 100, 130, 130), 0.3)], 1, 1),
    ],
)
def test_what_is_small_and_in_doubt_is_looked_at(sightings: list[Sighting], most: int, places: int) -> None:
    assert len(places_to_zoom(sightings, SIZE, LIMITS, most)) == places


def test_the_surest_comes_first() -> None:
    (part,) = places_to_zoom([seen((100, 100, 130, 130), 0.3), seen(SMALL, 0.5)], SIZE, LIMITS, 1)
    assert part[0] < SMALL[0] < SMALL[2] < part[2]


@given(
    st.tuples(st.integers(20, 2000), st.integers(20, 2000)),
    st.tuples(*[st.floats(0, 1)] * 4),
)
def test_a_part_is_whole_pixels_of_the_picture_around_its_thing(
    size: tuple[int, int], numbers: tuple[float, float, float, float]
) -> None:
    (x1, x2), (y1, y2) = sorted(numbers[:2]), sorted(numbers[2:])
    box = (x1 * size[0], y1 * size[1], x2 * size[0], y2 * size[1])
    side = max(box[2] - box[0], box[3] - box[1])
    for part in places_to_zoom([seen(box)], size, replace(LIMITS, small=1.0), 1):
        assert all(value == int(value) for value in part)
        for low, high in ((0, 2), (1, 3)):
            assert 0 <= part[low] <= box[low] + 1
            assert box[high] - 1 <= part[high] <= size[low]
        assert part[2] - part[0] == pytest.approx(min(SURROUNDINGS * side, size[0]), abs=2)
        assert part[3] - part[1] == pytest.approx(min(SURROUNDINGS * side, size[1]), abs=2)


WITHIN = (430.0, 325.0, 610.0, 505.0)
EDGE = 180 * MARGIN


def together(first: list[Sighting], *found: Sighting) -> list[tuple[str, Corners, float]]:
    both = with_closer(first, [Closer(WITHIN, found)], SIZE)
    return [(one.label, one.box, round(one.score, 3)) for one in both]


@pytest.mark.parametrize(
    ("first", "found", "expected"),
    [
        ([], [], []),
        # Found again: the closer look's name, place and probability.
        ([seen(SMALL)], [seen((501, 401, 539, 430), 0.9, "pear")], [("pear", (501, 401, 539, 430), 0.9)]),
        # Not found again: hardly anything is left.
        ([seen(SMALL)], [], [("apple", SMALL, round(0.4 * UNSEEN, 3))]),
        # What lies elsewhere does not stand for it, but is there too.
        (
            [seen(SMALL)],
            [seen((560, 400, 600, 430), 0.9)],
            [("apple", SMALL, round(0.4 * UNSEEN, 3)), ("apple", (560, 400, 600, 430), 0.9)],
        ),
        # What goes beyond the part is not judged by it, nor taken from it.
        ([seen((600, 400, 650, 430))], [seen((600, 400, 610, 430), 0.9)], [("apple", (600, 400, 650, 430), 0.4)]),
        ([], [seen((WITHIN[0] + EDGE - 1, 400, 480, 430), 0.9)], []),
        # Neither is what fills most of it.
        ([seen((440, 340, 600, 495))], [], [("apple", (440, 340, 600, 495), 0.4)]),
        ([seen((10, 10, 40, 40))], [], [("apple", (10, 10, 40, 40), 0.4)]),
    ],
)
def test_a_closer_look_settles_what_it_shows_whole(
    first: list[Sighting], found: list[Sighting], expected: list[tuple[str, Corners, float]]
) -> None:
    assert together(first, *found) == expected


def test_what_is_left_of_a_thing_not_found_again_holds_for_all_its_names() -> None:
    (left,) = with_closer([seen(SMALL)], [Closer(WITHIN, ())], SIZE)
    assert left.probability("key") == pytest.approx(0.2 * UNSEEN)


def test_at_an_edge_of_the_picture_nothing_goes_on() -> None:
    corner = seen((0, 0, 40, 30))
    found = seen((0, 0, 41, 30), 0.9)
    assert with_closer([corner], [Closer((0.0, 0.0, 180.0, 180.0), (found,))], SIZE) == [found]


class Shortsighted:
    """A detector that takes small red things for apples from afar and knows them for keys from close by."""

    labels = ("apple", "key")

    def __init__(self, fails: Callable[[Image.Image], bool] = lambda image: False) -> None:
        self.sizes: list[tuple[int, int]] = []
        self.fails = fails

    def detect(self, image: Image.Image) -> list[Detection]:
        self.sizes.append(image.size)
        if self.fails(image):
            raise ToolError("the detector is out of order")
        box = image.getchannel("R").point(lambda value: 255 * (value > 200)).getbbox()
        if box is None:
            return []
        near = max(box[2] - box[0], box[3] - box[1]) > 0.1 * max(image.size)
        label, score = ("key", 0.95) if near else ("apple", 0.3)
        return [Detection(label, score, Box(*map(float, box)), ((label, score),))]


@pytest.fixture
def picture() -> Image.Image:
    image = Image.new("RGB", SIZE, (20, 40, 60))
    image.paste((250, 0, 0), (700, 300, 740, 330))
    return image


def look(context: Context, picture: Image.Image) -> list[dict[str, Any]]:
    plan = Plan(question="q", steps=(Step(intent=Intent.LIST),))
    (first,) = looks_for(plan, [context.artifacts.put_image(picture)], [])
    return take_looks(first, context)


def test_from_close_by_a_thing_is_what_it_is(picture: Image.Image) -> None:
    detector = Shortsighted()
    context = Context(Instruments(loaders={"detector": lambda: detector}), ArtifactStore())
    observed = Observed(look(context, picture), context.artifacts)
    (thing,) = observed.detections(0)
    assert (thing.label, thing.box, thing.score) == ("key", (700, 300, 740, 330), 0.95)
    assert [one.label for one in observed.detections(0, closer=False)] == ["apple"]
    assert detector.sizes == [SIZE, (180, 180)]
    assert [one["summary"] for one in observed.evidence()] == ["1 object after a closer look at 1 place", "1 object"]
    look(context, picture)
    assert len(detector.sizes) == 2  # each look is taken once


@pytest.mark.parametrize(
    ("limits", "fails"),
    [(Limits(max_zooms=0), False), (Limits(), True)],
)
def test_without_a_closer_look_the_first_one_stands(picture: Image.Image, limits: Limits, fails: bool) -> None:
    detector = Shortsighted(lambda image: fails and image.size != SIZE)
    context = Context(Instruments(loaders={"detector": lambda: detector}), ArtifactStore(), limits=limits)
    observed = Observed(look(context, picture), context.artifacts)
    assert [(one.label, one.score) for one in observed.detections(0)] == [("apple", 0.3)]
    assert [one["error"] for one in look(context, picture)] == [None]
