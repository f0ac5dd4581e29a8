"""Joining words to lines, and the order in which lines are read."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.ocr_lines import Word, join_lines, reading_order


def word(text: str, x: float, y: float, height: float = 10, angle: float = 0, score: float = 1.0) -> Word:
    """A word whose letters are 0.6 heights wide, from (x, y) along `angle` degrees, turned about the origin."""
    width = 0.6 * height * len(text)
    corners = np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]])
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    return Word(text, score, corners @ np.array([[cos, sin], [-sin, cos]]))


def texts(words: list[Word]) -> list[str]:
    return [each.text for each in words]


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        ([], []),
        ([word("OPEN", 0, 0)], ["OPEN"]),
        ([word("FRESH", 0, 0), word("FRUIT", 36, 0)], ["FRESH FRUIT"]),
        ([word("FRUIT", 36, 0), word("FRESH", 0, 1)], ["FRESH FRUIT"]),
        ([word("NO", 0, 0), word("BIKE", 18, 1), word("LANE", 48, 0)], ["NO BIKE LANE"]),
        ([word("FRESH", 0, 0), word("FRUIT", 0, 12)], ["FRESH", "FRUIT"]),  # one below the other
        ([word("FRESH", 0, 0), word("FRUIT", 60, 0)], ["FRESH", "FRUIT"]),  # too far apart
        ([word("FRESH", 0, 0), word("FRUIT", 36, 6)], ["FRESH", "FRUIT"]),  # another base line
        ([word("FRESH", 0, 0), word("FRUIT", 36, -5, height=20)], ["FRESH", "FRUIT"]),  # another size
        ([word("LEFT", 0, 0), word("RIGHT", 30, 0), word("BELOW", 2, 14)], ["LEFT RIGHT", "BELOW"]),
    ],
)
@pytest.mark.parametrize("angle", [0, 12, -25, 90, 180])
def test_lines(words: list[Word], lines: list[str], angle: float) -> None:
    turned = [Word(w.text, w.score, turn(w.corners, angle)) for w in words]
    assert texts(reading_order(join_lines(turned))) == lines


def turn(points: np.ndarray, angle: float) -> np.ndarray:
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    return np.asarray(points @ np.array([[cos, sin], [-sin, cos]]))


def test_a_line_encloses_its_words() -> None:
    first, second = word("FRESH", 0, 0, angle=15, score=1.0), word("FRUIT", 36, 1, angle=15, score=0.5)
    (line,) = join_lines([first, second])
    assert line.score == pytest.approx(0.75)
    assert line.height == pytest.approx(11, abs=0.01)
    assert np.degrees(np.arctan2(line.direction[1], line.direction[0])) == pytest.approx(15)
    for corner in np.vstack([first.corners, second.corners]):
        for a, b in itertools.pairwise([*line.corners, line.corners[0]]):
            assert (b - a)[0] * (corner - a)[1] - (b - a)[1] * (corner - a)[0] >= -1e-6


def test_columns_are_read_row_by_row() -> None:
    words = [word("d", 300, 52), word("a", 0, 0), word("c", 0, 50), word("b", 300, 3)]
    assert texts(reading_order(words)) == ["a", "b", "c", "d"]


WORDS = st.builds(
    word,
    st.sampled_from(["A", "TO", "EXIT", "LIBRARY"]),
    st.integers(0, 200),
    st.integers(0, 200),
    st.integers(5, 40),
    st.sampled_from([0, 5, 90, 180, 270]),
)


@given(st.lists(WORDS, max_size=8))
def test_no_word_is_lost_or_doubled(words: list[Word]) -> None:
    lines = reading_order(join_lines(words))
    assert sorted(" ".join(texts(lines)).split()) == sorted(texts(words))
