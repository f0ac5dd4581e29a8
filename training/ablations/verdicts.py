"""The rule by which a claim reproduces or does not.

Two arms are compared by the difference d of their means over seeds, with the half-width w of its 95 % interval:
Student's t for two groups with a pooled variance. With `bar` the difference claimed to be exceeded (0, as a rule),

    reproduces          d - w > bar             better by more than chance
    does not reproduce  d + w < bar + 0.01      whatever there is to gain is less than a point
    undecided           otherwise, and always with fewer than two seeds of an arm

The interval is over seeds, which vary the weights that an arm begins with and the data that it sees. All arms answer
the same held-out questions, so that the choice of these weighs little in a difference.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

MARGIN = 0.01
"""A gain below this is none: one percentage point."""


class Verdict(StrEnum):
    """What became of a claim."""

    REPRODUCES = "reproduces"
    FAILS = "does not reproduce"
    UNDECIDED = "undecided at this size"


@dataclass(frozen=True)
class Spread:
    """A mean over `seeds` runs, with their standard deviation; `half` is the half-width of the mean's 95 % interval.

    Both are 0 for a single run, which says nothing about spread.
    """

    mean: float
    deviation: float
    half: float
    seeds: int

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """The spread of at least one value."""
        count = len(values)
        mean = math.fsum(values) / count
        if count == 1:
            return cls(mean, 0.0, 0.0, 1)
        deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (count - 1))
        return cls(mean, deviation, quantile(count - 1) * deviation / math.sqrt(count), count)


@dataclass(frozen=True)
class Difference:
    """Of two means; `half` is the half-width of its 95 % interval, infinite if one of them has fewer than two runs."""

    mean: float
    half: float

    @classmethod
    def of(cls, first: Spread, second: Spread) -> "Difference":
        """First minus second, the variance pooled over both."""
        mean = first.mean - second.mean
        if min(first.seeds, second.seeds) < 2:
            return cls(mean, math.inf)
        freedom = first.seeds + second.seeds - 2
        squares = (first.seeds - 1) * first.deviation**2 + (second.seeds - 1) * second.deviation**2
        error = math.sqrt(squares / freedom * (1 / first.seeds + 1 / second.seeds))
        return cls(mean, quantile(freedom) * error)


def judge_difference(difference: Difference, bar: float = 0.0) -> Verdict:
    """The rule above."""
    if difference.mean - difference.half > bar:
        return Verdict.REPRODUCES
    if difference.mean + difference.half < bar + MARGIN:
        return Verdict.FAILS
    return Verdict.UNDECIDED


def quantile(freedom: int) -> float:
    """The 97.5 % quantile of Student's t with that many degrees of freedom."""
    from scipy.special import stdtrit  # type: ignore[import-untyped]

    return float(stdtrit(freedom, 0.975))
