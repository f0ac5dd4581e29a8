"""Generated text to prose, phrases and boxes: well formed, malformed, and as the released decoder reads it."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferret.parsing import ParsedAnswer, parse_answer, released_boxes
from ferret.regions import Box

GOLDEN = Path(__file__).parents[1] / "fixtures" / "parity" / "misc" / "eval_parsing.json"
ONE = Box(1.5, 2.5, 3.5, 4.5)  # [1, 2, 3, 4] on 1000 x 1000


def parse(text: str) -> ParsedAnswer:
    return parse_answer(text, 1000, 1000)


def links(answer: ParsedAnswer) -> list[tuple[str, tuple[int, ...]]]:
    return [(span.text, span.boxes) for span in answer.spans]


@pytest.mark.parametrize(
    ("text", "prose", "expected"),
    [
        ("", "", []),
        ("No.", "No.", []),
        ("The dog [1, 2, 3, 4] sleeps.", "The dog sleeps.", [("dog", (0,))]),
        ("The dog is [1, 2, 3, 4].", "The dog is here.", [("dog", (0,))]),
        ("The dog is located at [1, 2, 3, 4].", "The dog is here.", [("dog", (0,))]),
        (
            "The dog [1, 2, 3, 4] and the cats [1, 2, 3, 4] [5, 6, 7, 8].",
            "The dog and the cats.",
            [("dog", (0,)), ("cats", (1, 2))],
        ),
        ("3 apples [1,2,3,4], [1,2,3,4] and [1,2,3,4].", "3 apples.", [("3 apples", (0, 1, 2))]),
        ("Yes, there is a red dog [1,2,3,4] on it.", "Yes, there is a red dog on it.", [("red dog", (0,))]),
        ("I see a bow and arrow [1,2,3,4].", "I see a bow and arrow.", [("bow and arrow", (0,))]),
        ("A man and a dog [1,2,3,4].", "A man and a dog.", [("dog", (0,))]),
        ("a man in a red hat [1,2,3,4]", "a man in a red hat", [("man in a red hat", (0,))]),
        (
            "The objects are: 1: cat [1, 2, 3, 4], 2: t-shirt [1, 2, 3, 4].",
            "The objects are: 1: cat, 2: t-shirt.",
            [("cat", (0,)), ("t-shirt", (1,))],
        ),
        ('The sign [1,2,3,4] says "OPEN".', 'The sign says "OPEN".', [("sign", (0,))]),
        ('It reads "OPEN" [1,2,3,4].', 'It reads "OPEN".', [("OPEN", (0,))]),
        ("[1, 2, 3, 4]", "", []),
        ("[1, 2, 3, 4] is a dog.", "is a dog.", []),
        ("A dog [1,2,3,4]\nA cat [1,2,3,4]", "A dog\nA cat", [("dog", (0,)), ("cat", (1,))]),
        ("A dog [1,2,3,4] (left) sleeps", "A dog (left) sleeps", [("dog", (0,))]),
        ("Ein Hündchen [1,2,3,4]", "Ein Hündchen", [("Ein Hündchen", (0,))]),
        ("dog [1,2,3,4]sleeps", "dog sleeps", [("dog", (0,))]),
        ("It [sic] is a dog [1,2,3,4].", "It [sic] is a dog.", [("dog", (0,))]),
        ("x [a, b, c, d].", "x [a, b, c, d].", []),
        ("the [1] and [...] stay", "the [1] and [...] stay", []),
    ],
)
def test_prose_and_phrases(text: str, prose: str, expected: list[tuple[str, tuple[int, ...]]]) -> None:
    answer = parse(text)
    assert answer.text == prose
    assert links(answer) == expected
    assert answer.malformed == 0


@pytest.mark.parametrize(
    ("text", "prose", "boxes", "malformed"),
    [
        ("dog [1, 2, 3].", "dog.", [], 1),
        ("dog [1, 2].", "dog.", [], 1),
        ("dog [1, 2, 3, 4, 5].", "dog.", [], 1),
        ("dog [1,2,3,4,1,2,3,4].", "dog.", [ONE, ONE], 0),
        ("dog [3, 4, 1, 2].", "dog.", [ONE], 0),
        ("dog [3, 2, 1, 4].", "dog.", [ONE], 0),
        ("dog [1 2 3 4].", "dog.", [ONE], 0),
        ("dog [ 1 ,2,  3 , 4 ].", "dog.", [ONE], 0),
        ("dog [1.0, 2.0, 3.0, 4.0].", "dog.", [ONE], 0),
        ("dogs [[1,2,3,4],[1,2,3,4]].", "dogs.", [ONE, ONE], 0),
        ("dog [-50, 2, 2000, 1000].", "dog.", [Box(0.5, 2.5, 999.5, 999.5)], 0),
        ("dog [1500, 1500, 1600, 1600].", "dog.", [], 1),
        ("dog [-9, -9, -5, -5].", "dog.", [], 1),
        ("dog [5, 6, 5, 6].", "dog.", [Box(5, 6, 6, 7)], 0),
        (f"dog [1, 2, {'9' * 400}, 4].", "dog.", [Box(1.5, 2.5, 999.5, 4.5)], 0),
        ("dog [1, 2, 3, 4", "dog", [ONE], 0),
        ("dog [1, 2, 3, 4 sleeps", "dog sleeps", [ONE], 0),
        ("dog [1, 2, 3, 4. Yes.", "dog. Yes.", [ONE], 0),
        ("dog [1, 2,", "dog", [], 1),
        ("dog [1", "dog", [], 1),
        ("dog [", "dog", [], 1),
        ("a b ] [1, 2, 3, 4].", "a b ].", [ONE], 0),
    ],
)
def test_malformed_coordinates(text: str, prose: str, boxes: list[Box], malformed: int) -> None:
    answer = parse(text)
    assert answer.text == prose
    assert list(answer.boxes) == boxes
    assert answer.malformed == malformed


def test_boxes_are_pixels_of_their_image() -> None:
    answer = parse_answer("dog [0, 500, 499, 999]", 640, 200, image=3)
    (box,) = answer.boxes
    assert box.image == 3
    assert box.coordinates == pytest.approx((0.32, 100.1, 319.68, 199.9))


pieces = st.sampled_from(
    [
        "The dog",
        " and ",
        " the cats",
        "[1, 2, 3, 4]",
        " [900, 5, 100, 7]",
        "[1, 2",
        "[[",
        "]",
        " ",
        "\n",
        ".",
        ", ",
        "is at ",
    ]
)


@given(st.one_of(st.text(max_size=60), st.lists(pieces, max_size=15).map("".join)), st.integers(1, 5000))
def test_any_text_gives_legal_boxes_and_true_offsets(text: str, side: int) -> None:
    answer = parse_answer(text, side, side + 1)
    for box in answer.boxes:
        assert box.checked(side, side + 1) == box
    named = []
    for span in answer.spans:
        assert answer.text[span.start : span.end] == span.text
        assert span.text.strip() == span.text != ""
        named += span.boxes
    assert named == sorted(set(named))
    assert set(named) <= set(range(len(answer.boxes)))
    ends = [0, *(span.end for span in answer.spans)]
    assert all(span.start >= end for span, end in zip(answer.spans, ends, strict=False))


def test_time_is_linear_in_hostile_text() -> None:
    for text in ("[" * 50_000, "[1," * 20_000, "[" + " ,;" * 30_000, "1 " * 50_000, "[1,2,3,4] " * 5_000):
        parse(text)


# Where the released decoder raised or lost a phrase; the right-hand side is what it gives now.
MENDED: dict[str, list[tuple[str, tuple[int, ...]]]] = {
    "The dog [1, 2, 3].": [],  # IndexError
    "x [a, b, c, d].": [],  # ValueError
    "a b ] [1, 2, 3, 4].": [("a b ]", (0, 0, 1, 1))],  # ValueError
    "a man [0, 0, 999, 999] and a dog [1, 1, 2, 2].": [("a man", (0, 0, 639, 426)), ("a dog", (0, 0, 1, 0))],  # lost
}


@pytest.mark.parametrize(
    "case", json.loads(GOLDEN.read_text())["decode_bbox_from_caption"], ids=lambda case: case["text"]
)
def test_the_released_decoder_is_kept_but_for_its_faults(case: dict[str, Any]) -> None:
    found = [(phrase, box.coordinates) for phrase, box in released_boxes(case["text"], case["img_w"], case["img_h"])]
    recorded = None
    if case["error"] is None:
        recorded = [(phrase, tuple(box)) for phrase, box in zip(case["entities"], case["boxes"], strict=True)]
    if case["text"] in MENDED:
        assert found == MENDED[case["text"]]
        assert found != recorded
    else:
        assert found == recorded


@pytest.mark.parametrize("digits", [20, 309, 5000])
def test_a_number_without_end_is_only_far_away(digits: int) -> None:
    text = f"a dog [1, 2, {'9' * digits}, 5]"
    ((phrase, box),) = released_boxes(text, 100, 100)
    assert (phrase, box.x1, box.y1) == ("a dog", 0, 0)
    assert parse_answer(text, 100, 100).boxes[0].x2 <= 100
