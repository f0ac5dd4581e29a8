"""Closer looks: where they go, and what they settle."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from PIL import Image

from agent.artifacts import ArtifactStore
from agent.asking import ask_ferret, ground, refer
from agent.assistant import VisionAgent
from agent.context import Context
from agent.events import AnswerReady, ToolFinished, ToolStarted
from agent.instruments import Instruments
from agent.intents import Intent, Plan, Step
from agent.perception import Observed, looks_for, take_looks
from agent.settings import Limits, Thresholds
from agent.sightings import Corners, Sighting
from agent.zooming import LEAST, MARGIN, SURROUNDINGS, UNSEEN, Closer, View, places_to_zoom, view_of, with_closer
from ferret.engine import Generation, Prompt
from ferret.errors import RegionError, ToolError
from ferret.regions import Box, Mask, Point, Polygon, Region, Scribble
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
        assert part[2] - part[0] == pytest.approx(min(max(SURROUNDINGS * side, LEAST), size[0]), abs=2)
        assert part[3] - part[1] == pytest.approx(min(max(SURROUNDINGS * side, LEAST), size[1]), abs=2)


WITHIN = (430.0, 325.0, 610.0, 505.0)
EDGE = 180 * MARGIN


def together(first: list[Sighting], *found: Sighting) -> list[tuple[str, Corners, float]]:
    both = with_closer(first, [Closer(WITHIN, found)], SIZE, LIMITS)
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
        # What was sure stays, and alone.
        ([seen(SMALL, 0.7)], [], [("apple", SMALL, 0.7)]),
        ([seen(SMALL, 0.7)], [seen((501, 401, 539, 430), 0.9, "pear")], [("apple", SMALL, 0.7)]),
    ],
)
def test_a_closer_look_settles_what_it_shows_whole(
    first: list[Sighting], found: list[Sighting], expected: list[tuple[str, Corners, float]]
) -> None:
    assert together(first, *found) == expected


def test_what_is_left_of_a_thing_not_found_again_holds_for_all_its_names() -> None:
    (left,) = with_closer([seen(SMALL)], [Closer(WITHIN, ())], SIZE, LIMITS)
    assert left.probability("key") == pytest.approx(0.2 * UNSEEN)


def test_of_several_closer_looks_the_closest_has_the_last_word() -> None:
    tiny, around = seen((516.0, 412.0, 524.0, 418.0)), seen((500.0, 380.0, 580.0, 450.0))
    found = replace(tiny, label="pear", score=0.9)
    near, far = Closer((500.0, 397.0, 536.0, 433.0), (found,)), Closer((360.0, 235.0, 720.0, 595.0), (around,))
    for looks in ([near, far], [far, near]):
        settled = with_closer([tiny, around], looks, SIZE, LIMITS)
        assert [one for one in settled if one.label == "pear"] == [found]


def test_what_is_not_small_is_nothing_for_a_closer_look() -> None:
    """A part around something middling shows a larger thing as well, and might take it for anything."""
    large = seen((300, 300, 500, 400))
    part = Closer((100.0, 50.0, 800.0, 750.0), (seen((410, 300, 500, 400), 0.9, "pear"), replace(large, score=0.1)))
    assert with_closer([large], [part], SIZE, LIMITS) == [large, part.seen[0]]
    assert with_closer([large], [part], SIZE, replace(LIMITS, small=0.05)) == [large]


def test_at_an_edge_of_the_picture_nothing_goes_on() -> None:
    corner = seen((0, 0, 40, 30))
    found = seen((0, 0, 41, 30), 0.9)
    assert with_closer([corner], [Closer((0.0, 0.0, 180.0, 180.0), (found,))], SIZE, LIMITS) == [found]


NEAR = replace(LIMITS, near=0.25)
PLAIN = Image.new("RGB", SIZE)


@pytest.mark.parametrize(
    ("region", "thing", "size"),
    [
        (Box(*SMALL), None, (100, 100)),
        (Box(0, 0, 40, 30), None, (100, 100)),
        (Box(500, 400, 501, 401), None, (LEAST, LEAST)),
        (Box(500, 400, 750, 410), None, SIZE),  # large
        (Box(500, 400, 740, 410), None, (600, 600)),
        (Polygon(((500, 400), (540, 400), (520, 430))), None, (100, 100)),
        (Mask(np.pad(np.ones((30, 40), dtype=bool), ((400, 370), (500, 460)))), None, (100, 100)),
        # A spot alone tells nothing of how large a thing it means.
        (Point(520, 415), None, SIZE),
        (Point(520, 415), Box(*SMALL), (100, 100)),
        (Point(520, 415), Box(100, 100, 900, 700), SIZE),
    ],
)
def test_ferret_sees_small_regions_from_close_by(
    region: Region, thing: Box | None, size: tuple[int, int]
) -> None:
    view = view_of(region, PLAIN, NEAR, thing)
    assert view.image.size == size
    if size == SIZE:
        assert view == View(PLAIN, (region,))
        return
    left, top = (int(value) for value in view.corner)
    there = np.zeros((SIZE[1], SIZE[0]), dtype=bool)
    there[top : top + size[1], left : left + size[0]] = view.regions[0].checked(*size).to_mask(*size)
    assert np.array_equal(there, region.to_mask(*SIZE))


def test_a_stroke_over_a_thing_is_seen_with_all_of_it() -> None:
    view = view_of(Scribble(((515, 410), (525, 415))), PLAIN, NEAR, Box(*SMALL))
    assert view.image.size == (100, 100)
    assert view.regions[0] == Scribble(((45, 45), (55, 50)))


@given(st.tuples(st.integers(40, 900), st.integers(40, 900)), st.tuples(*[st.floats(0, 1)] * 4))
def test_a_view_holds_its_region(size: tuple[int, int], numbers: tuple[float, float, float, float]) -> None:
    (x1, x2), (y1, y2) = sorted(numbers[:2]), sorted(numbers[2:])
    region = Box(x1 * size[0], y1 * size[1], x2 * size[0], y2 * size[1])
    view = view_of(region, Image.new("RGB", size), replace(NEAR, near=1.1))
    assert isinstance(view.regions[0], Box)
    width, height = view.image.size
    assert 0 <= view.regions[0].x1 <= view.regions[0].x2 <= width
    assert 0 <= view.regions[0].y1 <= view.regions[0].y2 <= height
    back = [view.regions[0].x1 + view.corner[0], view.regions[0].y1 + view.corner[1]]
    assert back == pytest.approx([region.x1, region.y1], abs=1.0)


def quarters(low: int, high: int) -> st.SearchStrategy[float]:
    return st.integers(4 * low, 4 * high).map(lambda value: value / 4)


@given(st.data(), st.tuples(st.integers(1, 300), st.integers(1, 300)), st.sampled_from(["alone", "on", "across"]))
def test_a_region_of_any_kind_is_a_good_one_of_its_view(data: st.DataObject, size: tuple[int, int], thing: str) -> None:
    width, height = size
    x, y = data.draw(quarters(0, width)), data.draw(quarters(0, height))  # at every edge, too
    right, down = data.draw(quarters(0, width)), data.draw(quarters(0, height))
    mask = np.zeros((height, width), dtype=bool)
    mask[min(int(y), height - 1) :, min(int(x), width - 1) :] = True
    left, top = min(x, right), min(y, down)
    regions: list[Region] = [
        Point(x, y),
        Box(min(left, width - 0.25), min(top, height - 0.25), max(x, right, 0.25), max(y, down, 0.25)),
        Polygon(((x, y), (right, y), (x, down))),
        Scribble(((x, y), (right, down))),
        Mask(mask),
    ]
    region = data.draw(st.sampled_from(regions))
    try:
        region.checked(*size)
    except RegionError:
        assume(False)
    found = {"alone": None, "on": Box(left, top, left + 20, top + 20), "across": Box(left - 9, top - 9, x + 9, y + 9)}
    view = view_of(region, Image.new("RGB", size), replace(NEAR, near=1.1), found[thing])
    shown = view.regions[0].checked(*view.image.size).bounds(*view.image.size)
    if not isinstance(region, Point | Scribble):  # whose reach is cut by the edges of what is shown
        there = (shown.x1, shown.y1, shown.x2, shown.y2)
        back = [value + view.corner[index % 2] for index, value in enumerate(there)]
        assert back == pytest.approx(region.bounds(*size).coordinates)


class Boxing:
    """A Ferret that answers with a box in what it is shown, and remembers that."""

    processor = SimpleNamespace(conversation=SimpleNamespace(stop="</s>"))

    def __init__(self) -> None:
        self.shown: list[tuple[tuple[int, int], tuple[Region, ...]]] = []

    def answer(self, image: Image.Image, prompts: Sequence[Prompt], max_new_tokens: int = 0) -> list[Generation]:
        assert max_new_tokens
        self.shown += [(image.size, prompt.regions) for prompt in prompts]
        return [Generation("key [0, 0, 500, 500]", (1,), (-0.1,), 0.9) for _ in prompts]


def test_what_ferret_says_from_close_by_lies_in_the_picture() -> None:
    ferret = Boxing()
    instruments = Instruments(loaders={"ferret": lambda: ferret, "detector": Shortsighted})
    context = Context(instruments, ArtifactStore(), NEAR)
    large = Box(100, 100, 900, 700)
    asks = [refer("small", Box(*SMALL)), refer("large", large), ground("where", 0, "key", every=False)]
    replies = ask_ferret(asks, [PLAIN], context)
    assert list(replies) == ["small", "large", "where"]
    (box,) = replies["small"].boxes
    assert box == pytest.approx((470, 365, 520, 415), abs=1)
    assert replies["large"].boxes[0] == replies["where"].boxes[0] == pytest.approx((0, 0, 500, 400), abs=1)
    assert [size for size, _ in ferret.shown] == [(100, 100), SIZE, SIZE]


class Shortsighted:
    """A detector that takes small red things for apples from afar and knows them for keys from close by."""

    labels = ("apple", "key")

    def __init__(self, fails: Callable[[Image.Image], bool] | None = None) -> None:
        self.sizes: list[tuple[int, int]] = []
        self.fails = fails

    def detect(self, image: Image.Image) -> list[Detection]:
        self.sizes.append(image.size)
        if self.fails is not None and self.fails(image):
            raise ToolError("the detector is out of order")
        red = np.asarray(image)[..., 0] > 200
        columns = np.flatnonzero(np.diff(red.any(axis=0).astype(int), prepend=0, append=0)).reshape(-1, 2)
        found = []
        for left, right in columns.tolist():
            rows = np.flatnonzero(red[:, left:right].any(axis=1))
            box = Box(float(left), float(rows[0]), float(right), float(rows[-1] + 1))
            near = max(box.x2 - box.x1, box.y2 - box.y1) > 0.1 * max(image.size)
            label, score = ("key", 0.95) if near else ("apple", 0.3)
            found.append(Detection(label, score, box, ((label, score),)))
        return found


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
    assert [one["summary"] for one in observed.evidence()] == ["1 object", "1 object after a closer look at 1 place"]
    look(context, picture)
    assert len(detector.sizes) == 2  # each look is taken once


def test_without_a_closer_look_the_first_one_stands(picture: Image.Image) -> None:
    context = Context(Instruments(loaders={"detector": Shortsighted}), ArtifactStore(), limits=Limits(max_zooms=0))
    (only,) = look(context, picture)
    observed = Observed([only], context.artifacts)
    assert [(one.label, one.score) for one in observed.detections(0)] == [("apple", 0.3)]


@pytest.mark.parametrize(("works", "labels"), [(0, ["apple"] * 3), (1, ["key", "apple", "apple"])])
def test_a_closer_look_that_fails_is_the_last_and_is_told(works: int, labels: list[str]) -> None:
    picture = Image.new("RGB", SIZE, (20, 40, 60))
    for left in (100, 400, 700):
        picture.paste((250, 0, 0), (left, 300, left + 40, 330))
    detector = Shortsighted(lambda image: image.size != SIZE and len(detector.sizes) > 1 + works)
    context = Context(Instruments(loaders={"detector": lambda: detector}), ArtifactStore())
    observations = look(context, picture)
    observed = Observed(observations, context.artifacts)
    assert [one.label for one in observed.detections(0)] == labels
    assert [one["error"] for one in observations] == [None, None]  # there is an answer of the detector
    told = " after a closer look at 1 place" * works
    _, summary = (one["summary"] for one in observed.evidence())
    assert summary == f"3 objects{told}; a closer look failed: the detector is out of order"
    assert len(detector.sizes) == 2 + works


def test_a_look_is_told_once_with_its_closer_ones(picture: Image.Image) -> None:
    agent = VisionAgent(instruments=Instruments(loaders={"detector": Shortsighted}))
    events = list(agent.stream("What do you see?", picture))
    (started,) = [event for event in events if isinstance(event, ToolStarted)]
    (finished,) = [event for event in events if isinstance(event, ToolFinished)]
    assert events.index(started) < events.index(finished)
    assert finished.summary == "1 object after a closer look at 1 place"
    assert isinstance(events[-1], AnswerReady)
    assert events[-1].answer.text == "I see a key."


class Farsighted(Boxing):
    """A Ferret that takes everything for an apple from afar, and from close by for a key, `sure` of that."""

    def __init__(self, sure: float) -> None:
        super().__init__()
        self.sure = sure

    def answer(self, image: Image.Image, prompts: Sequence[Prompt], max_new_tokens: int = 0) -> list[Generation]:
        super().answer(image, prompts, max_new_tokens)
        said, confidence = ("an apple", 0.6) if image.size == SIZE else ("a key", self.sure)
        return [Generation(said, (1,), (-0.1,), confidence) for _ in prompts]

    def score(self, image: Image.Image, prompt: Prompt, continuations: Sequence[str]) -> list[float]:
        self.shown.append((image.size, prompt.regions))
        said = "an apple</s>" if image.size == SIZE else "a key</s>"
        return [-0.1 if text == said else -3.0 for text in continuations]


@pytest.mark.parametrize(
    ("spot", "sure", "limits", "near", "name"),
    [
        # Nothing was found there: what is surer counts.
        ((200, 200), 0.9, Limits(), 0.25, "key"),
        ((200, 200), 0.6, Limits(), 0.25, "apple"),
        ((0, 800), 0.9, Limits(), 0.25, "key"),  # the corner of the picture
        ((200, 200), 0.9, Limits(max_checks=0), 0.25, "apple"),
        ((200, 200), 0.9, Limits(), 0.0, "apple"),
        # The detector tells how large a thing is meant.
        ((720, 315), 0.5, Limits(), 0.25, "key"),
        ((720, 315), 0.5, Limits(), 0.04, "apple"),
    ],
)
def test_a_point_is_seen_from_afar_then_from_close_by(
    picture: Image.Image, spot: tuple[float, float], sure: float, limits: Limits, near: float, name: str
) -> None:
    ferret = Farsighted(sure)
    agent = VisionAgent(
        instruments=Instruments(loaders={"detector": Blurred, "ferret": lambda: ferret}),
        limits=limits,
        thresholds=Thresholds(near=near, small=0.0),
    )
    answer = agent.ask("What is this?", picture, regions=[Point(*spot)])
    assert name in answer.text
    assert ferret.shown[0] == (SIZE, (Point(*spot),))
    seen_closely = [size for size, _ in ferret.shown if size != SIZE]
    assert bool(seen_closely) == (near > 0.1 and limits.max_checks > 0)
    assert answer.regions[0].box[:2] == pytest.approx(spot, abs=10)


class Blurred(Shortsighted):
    """A detector that is as little sure of one name as of the other."""

    def detect(self, image: Image.Image) -> list[Detection]:
        both = (("apple", 0.3), ("key", 0.3))
        return [Detection("apple", 0.3, found.box, both) for found in super().detect(image)]
