"""Overlays: readable at any size, with labels that cover neither the things nor each other."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from agent.answers import Answer, AnswerRegion, Rle, Span
from agent.overlay import LARGEST, SMALLEST, draw_overlay, label_text, place_labels, region_color
from ferret.errors import RequestError
from ferret.regions import encode_rle


def region(index: int, box: list[float], label: str = "dog", **more: object) -> AnswerRegion:
    return AnswerRegion(id=index, label=label, box=box, score=0.9, source="detector", **more)  # type: ignore[arg-type]


def answer(*regions: AnswerRegion, text: str = "I see things.", spans: tuple[Span, ...] = ()) -> Answer:
    return Answer(
        question="What is there?",
        text=text,
        status="answered",
        confidence=0.9,
        seconds=0.1,
        regions=list(regions),
        spans=list(spans),
    )


corner = st.integers(0, 900)
extent = st.integers(5, 500)
rectangles = st.builds(
    lambda x, y, w, h: (x, y, min(x + w, 1000), min(y + h, 800)), corner, st.integers(0, 700), extent, extent
)


def overlap(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


@settings(max_examples=60)
@given(st.lists(rectangles, min_size=1, max_size=25))
def test_labels_cover_neither_things_nor_each_other(boxes: list[tuple[float, float, float, float]]) -> None:
    regions = [region(index, [0, 0, 1, 1], f"thing {index}") for index in range(len(boxes))]
    places = dict(enumerate(boxes))
    labels = place_labels(regions, places, (1000, 800), text_size=30, gap=8)
    assert len(labels) == len(regions)
    for index, label in enumerate(labels):
        assert not any(overlap(label.rectangle, box) for box in boxes)
        assert not any(overlap(label.rectangle, other.rectangle) for other in labels[:index])
        assert label.rectangle[0] >= 0
        assert label.rectangle[1] >= 0


def test_a_label_without_a_free_place_goes_to_the_margin() -> None:
    (label,) = place_labels([region(0, [0, 0, 1, 1])], {0: (0, 0, 1000, 800)}, (1000, 800), text_size=30, gap=8)
    assert label.joined
    assert label.rectangle[0] >= 1000
    drawn = draw_overlay(answer(region(0, [0, 0, 90, 90])), [Image.new("RGB", (90, 90), "white")])
    assert drawn.width > SMALLEST


@pytest.mark.parametrize("size", [(1, 1), (7, 300), (300, 7), (64, 48), (900, 600), (5000, 400)])
def test_any_size_is_drawn(size: tuple[int, int]) -> None:
    whole = region(0, [0, 0, float(size[0]), float(size[1])])
    drawn = draw_overlay(answer(whole), [Image.new("RGB", size, "gray")])
    assert max(drawn.size) >= SMALLEST
    assert drawn.width <= 2 * LARGEST


def test_regions_are_drawn_in_their_colours_where_they_are() -> None:
    picture = Image.new("RGB", (90, 90), "white")
    drawn = np.asarray(draw_overlay(answer(region(0, [30, 30, 60, 60], ""), region(1, [5, 5, 15, 15], "")), [picture]))
    scale = SMALLEST / 90
    edge = drawn[int(45 * scale), int(30 * scale) : int(30 * scale) + 6].astype(int)
    assert np.abs(edge - region_color(0)).sum(axis=1).min() < 60
    assert tuple(drawn[int(45 * scale), int(45 * scale)]) == (255, 255, 255)


def test_a_mask_is_half_transparent() -> None:
    pixels = np.zeros((90, 90, 3), dtype=np.uint8)
    pixels[:, 45:] = 255
    mask = np.zeros((90, 90), dtype=bool)
    mask[20:70, 20:70] = True
    drawn = draw_overlay(
        answer(region(0, [20, 20, 70, 70], "", mask=Rle(**encode_rle(mask)))), [Image.fromarray(pixels)]
    )
    left, right = np.asarray(drawn)[450, 300], np.asarray(drawn)[450, 600]
    assert (left.astype(int) < right).all()
    assert tuple(left) != (0, 0, 0)
    assert tuple(right) != (255, 255, 255)
    outside = np.asarray(drawn)[100, 300]
    assert tuple(outside) == (0, 0, 0)


def test_colours_are_distinct() -> None:
    colors = [region_color(index) for index in range(36)]
    assert len(set(colors)) == 36


def test_what_was_read_stands_on_the_label() -> None:
    assert label_text(region(0, [0, 0, 1, 1], "sign", text="OPEN\n24h")) == "sign \u201cOPEN 24h\u201d"
    assert len(label_text(region(0, [0, 0, 1, 1], "sign", text="x" * 100))) == 32
    assert label_text(region(0, [0, 0, 1, 1], "")) == ""


def test_pictures_stand_side_by_side() -> None:
    pictures = [Image.new("RGB", (100, 100), "red"), Image.new("RGB", (100, 100), "blue")]
    second = AnswerRegion(id=0, image=1, label="dog", box=[1, 1, 9, 9], score=0.5, source="user")
    one, two = draw_overlay(answer(), pictures[:1]), draw_overlay(answer(second), pictures)
    assert two.width > 2 * one.width
    with pytest.raises(RequestError, match="more pictures"):
        draw_overlay(answer(second), pictures[:1])


def test_the_answer_stands_below_in_the_colours_of_its_regions() -> None:
    picture = Image.new("RGB", (90, 90), "white")
    linked = Span(text="dog", start=6, end=9, regions=[0])
    drawn = draw_overlay(answer(region(0, [5, 5, 20, 20]), text="I see dogs.", spans=(linked,)), [picture])
    caption = np.asarray(drawn)[SMALLEST:].astype(int)
    assert (np.abs(caption - region_color(0)).sum(axis=2) < 30).any()
    longer = draw_overlay(answer(text="word " * 200), [picture])
    assert longer.height > drawn.height


def test_the_same_answer_gives_the_same_picture() -> None:
    given_answer = answer(region(0, [5, 5, 20, 20]), region(1, [30, 30, 60, 60]))
    one, two = (draw_overlay(given_answer, [Image.new("RGB", (90, 90), "white")]) for _ in range(2))
    assert one.tobytes() == two.tobytes()
