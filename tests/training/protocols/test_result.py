"""Results and published figures."""

import pytest

from ferret.errors import TrainingError
from training.protocols.published import published
from training.protocols.result import Metric, Result, percent, ratio


def test_metrics_are_found_by_name() -> None:
    result = Result("pope", "random", (Metric("accuracy", 50.0, 2),))
    assert result["accuracy"].value == 50
    with pytest.raises(KeyError, match="no metric 'F2', only"):
        result["F2"]


def test_the_mean_of_nothing_is_refused() -> None:
    with pytest.raises(TrainingError, match="nothing to average"):
        percent([])
    assert percent([True, False, 0.5, 0.5]) == 50


def test_a_share_of_nothing_is_nothing() -> None:
    assert ratio(0, 0) == 0
    assert ratio(1, 4) == 25


@pytest.mark.parametrize(
    ("key", "figures"),
    [
        (("refcoco", "testA", "acc@0.5"), {"Ferret 7B": 91.35, "Ferret 13B": 92.41, "Ferret-v2 7B": 94.68,
                                          "Ferret-v2 13B": 94.95}),
        (("mme", "all", "perception"), {"Ferret-v2 7B": 1510.3, "Ferret-v2 13B": 1521.4}),
        (("pope", "random", "accuracy"), {"Ferret": 90.24}),
        (("pope", "adversarial", "accuracy"), {}),
        (("refcoco", "testA", "acc@0.5, any box"), {}),
    ],
)  # fmt: skip
def test_published_figures(key: tuple[str, str, str], figures: dict[str, float]) -> None:
    found = published(*key)
    assert {figure.model: figure.value for figure in found} == figures
    assert all("arXiv" in figure.source for figure in found)
