"""Curves that rise, errors that are what they are called, and files that say which weights they belong to."""

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from typer.testing import CliRunner

from agent.calibration import load_calibration
from agent.intents import Intent
from ferret.errors import TrainingError
from tools.marks import embedded_marks
from training.calibration import (
    LEAST,
    Curve,
    app,
    apply_curves,
    calibration_error,
    cross_fitted,
    curves_of,
    draw_reliability,
    fit_curve,
    read_evaluations,
    reliabilities,
    table,
    write_calibration,
)
from training.scene_evaluation import Record

MakeRecords = Callable[..., list[Record]]


@pytest.fixture
def make_records() -> MakeRecords:
    """`make_records(400, power=2.0)`: answers whose share of right ones is their score to that power."""

    def make(count: int, power: float = 2.0, intent: str = "refer", seed: int = 0) -> list[Record]:
        rng = np.random.default_rng(seed)
        scores = rng.random(count)
        rights = rng.random(count) < scores**power
        return [
            Record(
                id=f"refer_box-{number}", art="train", column="assistant", kind="refer_box", question="What is this?",
                answer="This is a dog.", status="answered", confidence=float(score), score=float(right), seconds=0.1,
                raw=float(score), intent=intent,
            )
            for number, (score, right) in enumerate(zip(scores, rights, strict=True))
        ]  # fmt: skip

    return make


@pytest.fixture
def evaluation(make_records: MakeRecords, tmp_path: Path) -> Path:
    """A folder as `ferret evaluate scenes` leaves it."""
    folder = tmp_path / "scenes"
    folder.mkdir()
    lines = [json.dumps(asdict(record)) + "\n" for record in make_records(600)]
    (folder / "records.jsonl").write_text("".join(lines))
    (folder / "run.json").write_text(json.dumps({"name": "ferret-nano", "weights": dict(embedded_marks())}))
    return folder


# --- curves -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scores", "rights", "block", "knots", "shares"),
    [
        ([0.4], [1.0], 1, (0.4,), (1.0,)),
        ([0.4], [1.0], 40, (0.4,), (1.0,)),
        ([0.2, 0.8], [0, 1], 1, (0.2, 0.8), (0.0, 1.0)),
        ([0.8, 0.2], [1, 0], 1, (0.2, 0.8), (0.0, 1.0)),  # in any order
        ([0.2, 0.8], [1, 0], 1, (0.5,), (0.5,)),  # what falls is pooled
        ([0.2, 0.4, 0.9], [0, 1, 0], 1, (0.2, 0.65), (0.0, 0.5)),
        ([0.2, 0.2, 0.2, 0.9], [1, 0, 0, 1], 1, (0.2, 0.9), (0.333333, 1.0)),  # equal scores stay together
        ([0.1, 0.3, 0.9], [0, 0, 1], 2, (0.433333,), (0.333333,)),  # what is left over joins the last block
        ([0.1, 0.2, 0.8, 0.9], [0, 0, 1, 0.5], 2, (0.15, 0.85), (0.0, 0.75)),  # shares of what was right
    ],
)
def test_a_curve_by_hand(
    scores: list[float], rights: list[float], block: int, knots: tuple[float, ...], shares: tuple[float, ...]
) -> None:
    assert fit_curve(scores, rights, block) == Curve(knots, shares, len(scores))


@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=60), st.integers(1, 20)
)
def test_a_curve_rises_within_0_and_1_and_keeps_the_mean(answers: list[tuple[float, float]], block: int) -> None:
    scores, rights = [score for score, _ in answers], [right for _, right in answers]
    curve = fit_curve(scores, rights, block)
    assert list(curve.scores) == sorted(curve.scores)
    assert all(later > earlier for earlier, later in zip(curve.probabilities, curve.probabilities[1:], strict=False))
    told = curve(np.linspace(0, 1, 21))
    assert (np.diff(told) >= 0).all()
    assert told.min() >= 0
    assert told.max() <= 1


@pytest.mark.parametrize(
    ("scores", "rights"), [([], []), ([0.5], [1.0, 0.0]), ([1.5], [1.0]), ([0.5], [-1.0]), ([float("nan")], [1.0])]
)
def test_what_is_no_judged_score_is_refused(scores: list[float], rights: list[float]) -> None:
    with pytest.raises(TrainingError):
        fit_curve(scores, rights)


def test_a_curve_finds_what_the_scores_are_worth(make_records: MakeRecords) -> None:
    records = make_records(4000, power=2.0)
    curve = curves_of(records)["refer/answered"]
    assert curve(np.array([0.25, 0.5, 0.75])) == pytest.approx([0.0625, 0.25, 0.5625], abs=0.08)
    assert calibration_error(cross_fitted(records), np.array([record.score for record in records])) < 0.05


def test_too_few_answers_and_those_of_several_steps_get_no_curve(make_records: MakeRecords) -> None:
    few, several = make_records(LEAST - 1, intent="count"), make_records(200, intent="ground+count")
    assert curves_of([*few, *several]) == {}
    assert apply_curves({}, few) == pytest.approx([record.raw for record in few])


def test_held_out_answers_have_no_part_in_their_own_curve(make_records: MakeRecords) -> None:
    # Scores that say nothing: only a curve that saw the answers themselves could tell right from wrong.
    rng = np.random.default_rng(1)
    records = [replace(record, raw=0.5, score=float(rng.random() < 0.5)) for record in make_records(300)]
    confidences = cross_fitted(records)
    assert len(set(confidences)) <= 5
    assert confidences == pytest.approx(0.5, abs=0.1)


# --- measuring --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("confidences", "rights", "error"),
    [
        ([], [], 0.0),
        ([1.0], [1.0], 0.0),
        ([1.0], [0.0], 1.0),
        ([0.0], [1.0], 1.0),
        ([0.5, 0.5], [1.0, 0.0], 0.0),
        ([0.9, 0.9, 0.1, 0.1], [1.0, 0.0, 0.0, 1.0], 0.4),
        ([0.95, 0.35], [0.0, 1.0], 0.8),  # gaps of different bins do not cancel
    ],
)
def test_the_error_by_hand(confidences: list[float], rights: list[float], error: float) -> None:
    assert calibration_error(np.array(confidences), np.array(rights)) == pytest.approx(error)


def test_the_report_has_a_row_for_what_is_right_or_wrong_and_for_every_key(make_records: MakeRecords) -> None:
    records = [*make_records(50), *(replace(r, kind="list", intent="list") for r in make_records(30))]
    rows = {row.name: row for row in reliabilities(records, np.array([record.confidence for record in records]))}
    assert list(rows) == ["right or wrong", "all", "list/answered", "refer/answered"]
    assert (rows["right or wrong"].count, rows["all"].count) == (50, 80)
    assert rows["all"].error == rows["all"].before
    assert len(table(list(rows.values())).splitlines()) == 2 + 4


def test_the_diagram_is_a_picture(make_records: MakeRecords, tmp_path: Path) -> None:
    records = make_records(100)
    draw_reliability(tmp_path / "a.png", records, np.array([record.confidence for record in records]))
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.width > 400
        assert len(picture.convert("L").getcolors(256) or ()) > 10  # something is drawn
    with pytest.raises(TrainingError, match="cannot write"):
        draw_reliability(tmp_path / "none" / "a.png", records, np.ones(100))


# --- files and commands -----------------------------------------------------------------------------------------------


def test_what_is_written_is_what_the_assistant_reads(make_records: MakeRecords, tmp_path: Path) -> None:
    curves = curves_of(make_records(400))
    write_calibration(tmp_path / "calibration.json", curves)
    read = load_calibration(tmp_path / "calibration.json")
    assert read is not None
    for score in (0.0, 0.2, 0.5, 0.77, 1.0):
        expected = float(curves["refer/answered"](np.array([score]))[0])
        assert read.probability(Intent.REFER, "answered", score) == pytest.approx(expected)


def test_only_scored_answers_of_the_weights_in_place_are_taken(evaluation: Path) -> None:
    assert len(read_evaluations([evaluation])) == 600
    told = json.loads((evaluation / "run.json").read_text())
    (evaluation / "run.json").write_text(json.dumps(told | {"weights": {"ferret": "0", "tools": "0"}}))
    with pytest.raises(TrainingError, match="other weights"):
        read_evaluations([evaluation])


@pytest.mark.parametrize("change", [{"column": "model"}, {"raw": None}, {"intent": ""}])
def test_a_folder_without_scores_of_the_assistant_is_refused(evaluation: Path, change: dict[str, object]) -> None:
    lines = (evaluation / "records.jsonl").read_text().splitlines()
    (evaluation / "records.jsonl").write_text("".join(json.dumps(json.loads(x) | change) + "\n" for x in lines))
    with pytest.raises(TrainingError, match="no answers of the assistant"):
        read_evaluations([evaluation])


def test_the_commands_fit_measure_and_draw(evaluation: Path, tmp_path: Path) -> None:
    out, plot = tmp_path / "calibration.json", tmp_path / "plot.png"
    done = CliRunner().invoke(app, ["fit", str(evaluation), "--out", str(out), "--plot", str(plot)])
    assert done.exit_code == 0, done.output
    assert "| refer/answered | 600 |" in done.output
    assert load_calibration(out) is not None
    assert plot.stat().st_size > 0
    done = CliRunner().invoke(app, ["measure", str(evaluation)])
    assert done.exit_code == 0, done.output
