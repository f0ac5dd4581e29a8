"""From words on a picture to lines in reading order, whatever way the text is turned.

Two words share a line when they are about as high, run the same way, stand on the same base line and are no further
apart than a wide space. Rows are read from top to bottom along the text's own direction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_MAX_GAP = 1.2
"""Widest space within a line, in heights of its letters."""
_MAX_TURN = 12.0
"""Largest difference in direction within a line, in degrees."""


@dataclass(frozen=True, eq=False)
class Word:
    """A piece of text: what was read, score 0..1, corners float [4, 2] clockwise from the top left of the text."""

    text: str
    score: float
    corners: NDArray[np.float64]

    @property
    def height(self) -> float:
        sides = self.corners[[3, 2]] - self.corners[[0, 1]]
        return float(np.linalg.norm(sides, axis=1).mean())

    @property
    def direction(self) -> NDArray[np.float64]:
        """Unit vector along the text, [2]."""
        along = (self.corners[1] - self.corners[0]) + (self.corners[2] - self.corners[3])
        return np.asarray(along / max(float(np.linalg.norm(along)), 1e-9), dtype=np.float64)

    def moved(self, dx: float, dy: float) -> Word:
        return Word(self.text, self.score, self.corners + np.array([dx, dy]))


def join_lines(words: Sequence[Word]) -> list[Word]:
    """Join words that stand on one line, with a space between them; the others stay as they are."""
    lines = list(words)
    merged = True
    while merged:
        merged = False
        for i in range(len(lines)):
            for j in range(len(lines)):
                if i != j and _follows(lines[i], lines[j]):
                    joined = _join(lines[i], lines[j])
                    lines = [line for k, line in enumerate(lines) if k not in (i, j)] + [joined]
                    merged = True
                    break
            if merged:
                break
    return lines


def _follows(first: Word, second: Word) -> bool:
    """Whether `second` goes on with the line of `first`."""
    low, high = sorted((first.height, second.height))
    if low < 0.6 * high:
        return False
    # Short words have an uncertain direction: the longer one's counts.
    wide = first if _length(first) >= _length(second) else second
    turn = float(np.degrees(np.arccos(np.clip(first.direction @ second.direction, -1, 1))))
    if turn > _turn_allowed(first, second):
        return False
    along = wide.direction
    across = np.array([-along[1], along[0]])
    offset = second.corners.mean(axis=0) - first.corners.mean(axis=0)
    if abs(float(offset @ across)) > 0.45 * high:
        return False
    gap = float((second.corners @ along).min() - (first.corners @ along).max())
    return -0.5 * high <= gap <= _MAX_GAP * high and float(offset @ along) > 0


def _turn_allowed(first: Word, second: Word) -> float:
    """Two letters hardly show which way they run."""
    shortest = min(_length(first) / max(first.height, 1e-9), _length(second) / max(second.height, 1e-9))
    return _MAX_TURN if shortest > 2 else 2 * _MAX_TURN


def _length(word: Word) -> float:
    return float(np.linalg.norm(word.corners[1] - word.corners[0]))


def _join(first: Word, second: Word) -> Word:
    wide = first if _length(first) >= _length(second) else second
    along = wide.direction
    across = np.array([-along[1], along[0]])
    corners = np.vstack([first.corners, second.corners])
    x, y = corners @ along, corners @ across
    frame = np.array([[x.min(), y.min()], [x.max(), y.min()], [x.max(), y.max()], [x.min(), y.max()]])
    letters = len(first.text) + len(second.text)
    score = (len(first.text) * first.score + len(second.text) * second.score) / max(letters, 1)
    return Word(f"{first.text} {second.text}", score, frame @ np.vstack([along, across]))


def reading_order(lines: Sequence[Word]) -> list[Word]:
    """Rows from top to bottom, within a row from left to right, seen along the direction that most text runs."""
    if len(lines) < 2:
        return list(lines)
    weights = np.array([_length(line) for line in lines])
    along = np.average([line.direction for line in lines], axis=0, weights=np.maximum(weights, 1e-9))
    if np.linalg.norm(along) < 0.5:  # text in opposite directions has no common one
        along = np.array([1.0, 0.0])
    along = along / np.linalg.norm(along)
    across = np.array([-along[1], along[0]])
    middles = np.array([line.corners.mean(axis=0) for line in lines])
    down, right = middles @ across, middles @ along
    rows: list[list[int]] = []
    for index in np.argsort(down, kind="stable"):
        near = [row for row in rows if _same_row(lines, down, row, int(index))]
        if near:
            near[-1].append(int(index))
        else:
            rows.append([int(index)])
    return [lines[index] for row in rows for index in sorted(row, key=lambda k: float(right[k]))]


def _same_row(lines: Sequence[Word], down: NDArray[np.float64], row: Sequence[int], index: int) -> bool:
    return all(
        abs(float(down[index] - down[other])) < 0.5 * min(lines[index].height, lines[other].height) for other in row
    )
