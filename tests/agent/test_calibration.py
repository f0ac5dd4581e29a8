"""Confidence that was measured is told as such, for the weights and thresholds that it was measured with alone."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.calibration import Calibration, load_calibration
from agent.context import Context
from agent.instruments import Instruments
from agent.intents import Intent
from agent.settings import Thresholds
from ferret.errors import WeightsError
from tools.marks import embedded_marks

MARKS = {"ferret": "a" * 12, "tools": "b" * 12}
CURVES = Calibration({"refer/answered": ((0.2, 0.6), (0.5, 0.9)), "count/answered": ((0.5,), (0.7,))})


@pytest.mark.parametrize(
    ("intent", "status", "score", "probability"),
    [
        (Intent.REFER, "answered", 0.0, 0.5),
        (Intent.REFER, "answered", 0.2, 0.5),
        (Intent.REFER, "answered", 0.4, 0.7),
        (Intent.REFER, "answered", 0.6, 0.9),
        (Intent.REFER, "answered", 1.0, 0.9),
        (Intent.COUNT, "answered", 0.0, 0.7),
        (Intent.COUNT, "answered", 1.0, 0.7),
        (Intent.REFER, "unsure", 0.4, None),
        (Intent.COMPARE, "answered", 0.4, None),
    ],
)
def test_a_score_is_worth_what_its_curve_says(intent: Intent, status: Any, score: float, probability: Any) -> None:
    assert CURVES.probability(intent, status, score) == pytest.approx(probability)


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_better_score_is_never_less_probable(one: float, other: float) -> None:
    low, high = sorted((one, other))
    first, second = (CURVES.probability(Intent.REFER, "answered", score) for score in (low, high))
    assert first is not None
    assert second is not None
    assert 0.0 <= first <= second <= 1.0


@pytest.fixture
def stored() -> dict[str, Any]:
    """A file's content."""
    curve = {"scores": [0.2, 0.6], "probabilities": [0.5, 0.9], "count": 100}
    return {"weights": MARKS, "curves": {"refer/answered": curve}}


def written(folder: Path, value: Any) -> Path:
    path = folder / "calibration.json"
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return path


def test_curves_are_read_for_their_own_weights_alone(stored: dict[str, Any], tmp_path: Path) -> None:
    path = written(tmp_path, stored)
    found = load_calibration(path, MARKS)
    assert found is not None
    assert found.probability(Intent.REFER, "answered", 0.4) == pytest.approx(0.7)
    assert load_calibration(path, MARKS | {"tools": "c" * 12}) is None
    assert load_calibration(tmp_path / "none.json", MARKS) is None


@pytest.mark.parametrize(
    "curve",
    [
        {"scores": [], "probabilities": [], "count": 1},
        {"scores": [0.1], "probabilities": [0.2, 0.3], "count": 1},
        {"scores": [0.3, 0.1], "probabilities": [0.2, 0.3], "count": 1},
        {"scores": [0.1, 0.1], "probabilities": [0.2, 0.3], "count": 1},
        {"scores": [0.1, 0.3], "probabilities": [0.3, 0.2], "count": 1},
        {"scores": [0.1, 1.3], "probabilities": [0.2, 0.3], "count": 1},
        {"scores": [0.1], "probabilities": [0.2], "count": 0},
        {"scores": [0.1], "probabilities": [0.2]},
    ],
)
def test_a_damaged_curve_is_refused(stored: dict[str, Any], curve: dict[str, Any], tmp_path: Path) -> None:
    path = written(tmp_path, stored | {"curves": {"refer/answered": curve}})
    with pytest.raises(WeightsError, match="fit it anew"):
        load_calibration(path, MARKS)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"curves": {}}'])
def test_a_file_that_is_no_calibration_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="fit it anew"):
        load_calibration(written(tmp_path, text), MARKS)


def test_the_shipped_curves_belong_to_the_shipped_weights() -> None:
    found = load_calibration()
    assert found is not None, "the weights have changed: measure and fit anew"
    assert {"refer/answered", "ground/answered", "ground/not_found", "exist/answered"} <= found.curves.keys()


def test_only_embedded_weights_with_the_usual_thresholds_are_calibrated(agent: Any, loaders: Any) -> None:
    usual = Instruments()
    assert usual.embedded
    assert Context(usual, agent.threads.artifacts).calibration() is not None
    other = replace(Thresholds(), sure=0.3)
    assert Context(usual, agent.threads.artifacts, other).calibration() is None
    for instruments in (Instruments(loaders=loaders), Instruments("some-folder")):
        assert not instruments.embedded
        assert instruments.calibration() is None
        assert instruments.world() is None


class Measured(Instruments):
    """Stand-ins for which a calibration was measured."""

    def calibration(self) -> Calibration:
        return CURVES


def test_an_answer_tells_what_its_confidence_rests_on(agent: Any, loaders: Any, scene: Any) -> None:
    # The stand-ins are believed with thresholds of their own; calibration asks for the usual ones.
    agent.instruments = Measured(loaders=loaders)
    agent.thresholds = Thresholds()
    dog, plain = agent.ask("What is this?", scene, regions=["box:10,60,70,130"]), agent.ask("Where is the dog?", scene)
    assert dog.basis.intents == ["refer"]
    assert dog.basis.calibrated
    assert dog.confidence == pytest.approx(CURVES.probability(Intent.REFER, "answered", dog.basis.score))
    assert plain.basis.intents == ["ground"]
    assert not plain.basis.calibrated
    assert plain.confidence == plain.basis.score


def test_other_weights_say_that_nobody_measured_them(agent: Any, scene: Any) -> None:
    answer = agent.ask("How many apples are there, and where is the dog?", scene)
    assert answer.basis.intents == ["count", "ground"]
    assert not answer.basis.calibrated
    assert answer.confidence == answer.basis.score


def test_the_marks_are_those_of_files() -> None:
    assert set(embedded_marks()) == {"ferret", "tools"}
    assert all(len(mark) == 12 for mark in embedded_marks().values())
