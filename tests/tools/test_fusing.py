"""Several looks at one picture, fused."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from tools.fusing import Boxes, fuse

Thing = tuple[tuple[float, float, float, float], tuple[float, float]]


def look(*things: Thing) -> tuple[Boxes, Boxes]:
    boxes = np.array([box for box, _ in things], np.float32).reshape(-1, 4)
    return boxes, np.array([scores for _, scores in things], np.float32).reshape(-1, 2)


HERE, NEARLY, AWAY = (0.0, 0.0, 10.0, 10.0), (0.0, 0.0, 10.0, 12.0), (50.0, 50.0, 60.0, 60.0)


@pytest.mark.parametrize(
    ("looks", "boxes", "scores"),
    [
        ([look(), look()], [], []),
        ([look((HERE, (0.8, 0.1))), look()], [HERE], [(0.4, 0.05)]),
        ([look((HERE, (0.8, 0.0))), look((HERE, (0.6, 0.2)))], [HERE], [(0.7, 0.1)]),
        # The surer look says more about where it is: 10 * .75 + 12 * .25.
        ([look((HERE, (0.6, 0.0))), look((NEARLY, (0.0, 0.2)))], [(0, 0, 10, 10.5)], [(0.3, 0.1)]),
        ([look((HERE, (0.2, 0.0))), look((AWAY, (0.6, 0.0)))], [AWAY, HERE], [(0.3, 0.0), (0.1, 0.0)]),
        # Two things of one look are two things, however they lie.
        ([look((HERE, (0.8, 0.0)), (HERE, (0.0, 0.6)))], [HERE, HERE], [(0.8, 0.0), (0.0, 0.6)]),
    ],
    ids=["nothing", "one look alone", "agreement", "weighted", "apart", "one look, twice"],
)
def test_fuse(looks: list[tuple[Boxes, Boxes]], boxes: list[Boxes], scores: list[Boxes]) -> None:
    fused_boxes, fused_scores = fuse(looks)
    assert fused_boxes.shape == (len(boxes), 4)
    assert fused_scores.shape == (len(boxes), 2)
    assert np.allclose(fused_boxes, np.array(boxes).reshape(-1, 4), atol=1e-4)
    assert np.allclose(fused_scores, np.array(scores).reshape(-1, 2), atol=1e-6)


numbers = st.floats(0.0625, 1, width=32)
things = st.lists(st.tuples(st.integers(0, 9), numbers), max_size=9, unique_by=lambda thing: thing[0])


@given(st.lists(things, min_size=1, max_size=3))
def test_scores_are_shared_out_and_places_stay_where_they_were(found: list[list[tuple[int, float]]]) -> None:
    looks = [look(*(((20.0 * x, 0, 20.0 * x + 10, 10), (score, 0.0)) for x, score in one)) for one in found]
    boxes, scores = fuse(looks)
    assert sorted(boxes[:, 0]) == pytest.approx(sorted({20.0 * x for one in found for x, _ in one}), abs=1e-3)
    assert scores.sum() * len(looks) == pytest.approx(sum(score for one in found for _, score in one), abs=1e-4)
