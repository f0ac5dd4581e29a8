"""The rule by which a claim reproduces or does not."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.ablations.verdicts import Difference, Spread, Verdict, judge_difference, quantile

YES, NO, OPEN = Verdict.REPRODUCES, Verdict.FAILS, Verdict.UNDECIDED


@pytest.mark.parametrize(
    ("mean", "half", "bar", "verdict"),
    [
        (0.0, math.inf, 0.0, OPEN),  # one seed
        (0.9, math.inf, 0.0, OPEN),
        (-0.9, math.inf, 0.0, OPEN),
        (0.0, 0.0, 0.0, NO),
        (0.02, 0.02, 0.0, OPEN),  # touches zero
        (0.021, 0.02, 0.0, YES),
        (0.005, 0.004, 0.0, YES),  # little, but certain
        (0.005, 0.0049, 0.0, YES),
        (0.005, 0.006, 0.0, OPEN),  # could be nothing, could be more than a point
        (0.003, 0.006, 0.0, NO),  # nothing, or less than a point
        (-0.05, 0.02, 0.0, NO),
        (-0.05, 0.07, 0.0, OPEN),
        (-0.005, 0.01, -0.02, YES),  # "costs less than two points"
        (-0.015, 0.02, -0.02, OPEN),
        (-0.05, 0.02, -0.02, NO),
    ],
)
def test_the_rule(mean: float, half: float, bar: float, verdict: Verdict) -> None:
    assert judge_difference(Difference(mean, half), bar) is verdict


@pytest.mark.parametrize(
    ("values", "mean", "deviation", "half"),
    [
        ([0.4], 0.4, 0.0, 0.0),
        ([0.4, 0.4, 0.4], 0.4, 0.0, 0.0),
        ([0.3, 0.5], 0.4, math.sqrt(0.02), 12.7062 * 0.1),
        ([0.1, 0.2, 0.3], 0.2, 0.1, 4.30265 * 0.1 / math.sqrt(3)),
    ],
)
def test_spread(values: list[float], mean: float, deviation: float, half: float) -> None:
    spread = Spread.of(values)
    assert spread.seeds == len(values)
    assert (spread.mean, spread.deviation, spread.half) == pytest.approx((mean, deviation, half), rel=1e-4, abs=1e-12)


@pytest.mark.parametrize(
    ("freedom", "expected"), [(1, 12.7062), (2, 4.30265), (4, 2.77645), (10, 2.22814), (1000, 1.96234)]
)
def test_quantiles_are_those_of_the_tables(freedom: int, expected: float) -> None:
    assert quantile(freedom) == pytest.approx(expected, rel=1e-5)


def test_the_difference_pools_the_variance_of_both_arms() -> None:
    first, second = Spread.of([0.5, 0.6, 0.7]), Spread.of([0.2, 0.4])
    variance = (2 * 0.01 + 1 * 0.02) / 3
    found = Difference.of(first, second)
    assert found.mean == pytest.approx(0.3)
    assert found.half == pytest.approx(3.182446 * math.sqrt(variance * (1 / 3 + 1 / 2)), rel=1e-5)


@pytest.mark.parametrize(("first", "second"), [([0.5], [0.1]), ([0.5], [0.1, 0.2]), ([0.5, 0.6], [0.1])])
def test_one_seed_decides_nothing(first: list[float], second: list[float]) -> None:
    difference = Difference.of(Spread.of(first), Spread.of(second))
    assert difference.half == math.inf
    assert judge_difference(difference) is OPEN


shares = st.lists(st.floats(0, 1), min_size=2, max_size=6)


@given(shares, shares)
def test_a_claim_and_its_opposite_never_both_reproduce(first: list[float], second: list[float]) -> None:
    one, other = Spread.of(first), Spread.of(second)
    forth, back = Difference.of(one, other), Difference.of(other, one)
    assert forth.mean == -back.mean
    assert forth.half == pytest.approx(back.half)
    verdicts = {judge_difference(forth), judge_difference(back)}
    assert verdicts != {YES}
    if YES in verdicts:
        assert verdicts == {YES, NO}
