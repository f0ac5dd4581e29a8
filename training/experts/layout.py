"""How certain things lie in the picture and to each other, in words that people would agree on."""

from ferret.regions import Box
from training.experts.certainty import Thing
from training.instructions import relation
from training.scenes import SceneObject

LARGER = 1.5
"""A thing is called larger than another from this ratio of their areas on."""
_MIDDLE = (0.38, 0.62)
"""Where the middle of a side begins and ends, as shares of it ..."""
_CLEAR = 0.04
"""... and how far from there a box's centre has to be for its place to be clear."""
_WIDE = 0.7
"""A box longer than this share of a side lies nowhere in particular along it."""


def relation_of(first: Box, second: Box) -> str | None:
    """How the first box lies to the second, one of `training.instructions.RELATIONS`; None where people disagree."""
    return relation(_as_object(first), _as_object(second))


def _as_object(box: Box) -> SceneObject:
    return SceneObject("", 0, box.coordinates, 1.0, "")


def place_of(box: Box, size: tuple[int, int]) -> str | None:
    """Where in a picture of `size` (width, height) a box lies, after "in the": "upper left", "middle", "lower part".

    None where it is too large, or too near the border between two places, to be called either.
    """
    center = box.center
    across = _third(center.x / size[0], (box.x2 - box.x1) / size[0])
    down = _third(center.y / size[1], (box.y2 - box.y1) / size[1])
    if across is None or down is None:
        return None
    row, column = ("upper", "", "lower")[down], ("left", "", "right")[across]
    if row and column:
        return f"{row} {column}"
    if row or column:
        return f"{row or column} part"
    return "middle"


def _third(center: float, length: float) -> int | None:
    """Which part of a side a span lies in: 0 before, 1 about and 2 behind its middle."""
    low, high = _MIDDLE
    if length > _WIDE or min(abs(center - low), abs(center - high)) < _CLEAR:
        return None
    return int(center > low) + int(center > high)


def larger(first: Thing, second: Thing) -> Thing | None:
    """The clearly larger of two things, by their boxes and, where both have one, by their masks as well; else None."""
    measures = [(first.box.area, second.box.area)]
    if first.area is not None and second.area is not None:
        measures.append((float(first.area), float(second.area)))
    if all(a >= LARGER * b for a, b in measures):
        return first
    if all(b >= LARGER * a for a, b in measures):
        return second
    return None
