"""What a benchmark gave: metrics with the number of cases they rest on, beside the published figures.

    result["acc@0.5"].value, result["acc@0.5"].count, result["acc@0.5"].published

Values are in the unit in which papers print them: percent, and for MME its points.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ferret.errors import TrainingError


@dataclass(frozen=True, slots=True)
class Published:
    """A figure that a paper gives: whose, how much, and where it stands."""

    model: str
    value: float
    source: str


@dataclass(frozen=True, slots=True)
class Metric:
    """One number of a result. `count` is the number of cases that it is taken over, `detail` keeps it out of tables."""

    name: str
    value: float
    count: int
    published: tuple[Published, ...] = ()
    detail: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """The metrics of one benchmark and split, the one that papers print first."""

    benchmark: str
    split: str
    metrics: tuple[Metric, ...]

    def __getitem__(self, name: str) -> Metric:
        """The metric of that name.

        Raises:
            KeyError: there is none.
        """
        for metric in self.metrics:
            if metric.name == name:
                return metric
        raise KeyError(f"{self.benchmark} {self.split} has no metric {name!r}, only {[m.name for m in self.metrics]}")


def percent(scores: Sequence[float]) -> float:
    """The mean of scores from 0 to 1, in percent.

    Raises:
        TrainingError: there is no score.
    """
    if not scores:
        raise TrainingError("there is nothing to average: the benchmark holds no such case")
    return 100 * sum(scores) / len(scores)


def ratio(part: float, whole: float) -> float:
    """`part` of `whole` in percent; 0 where there is no whole, as a precision without a single claim."""
    return 100 * part / whole if whole else 0.0
