"""The report says what was measured, with how many seeds, and no more than that."""

import json
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from training.ablations.claims import CLAIMS
from training.ablations.figures import Finished, Measured
from training.ablations.report import findings, spread_of, write_report
from training.ablations.verdicts import Verdict


def finished(values: Mapping[str, Mapping[str, Sequence[float]]], cpu: float | None = 10.0) -> list[Finished]:
    """Arms with measures over seeds: {"joint": {"refer": [0.5, 0.6]}}."""
    return [
        Finished(arm, seed, 400, cpu, {name: Measured(found[seed], 1200) for name, found in figures.items()})
        for arm, figures in values.items()
        for seed in range(max(map(len, figures.values())))
    ]


JOINT = {"refer": (0.60, 0.61, 0.62), "ground": (0.30, 0.40, 0.50)}
DENSE = finished({"joint": JOINT, "no-dense": {"refer": (0.20, 0.21, 0.22), "ground": (0.31, 0.38, 0.50)}})


def test_each_statement_gets_its_verdict() -> None:
    refer, ground = findings(DENSE, CLAIMS["dense"])
    assert refer.verdict is Verdict.REPRODUCES
    assert refer.difference.mean == pytest.approx(0.4)
    assert (refer.arm.seeds, refer.other.seeds, refer.questions) == (3, 3, 1200)
    assert ground.verdict is Verdict.UNDECIDED


def test_statements_wait_for_both_arms() -> None:
    assert findings(DENSE, CLAIMS["regions"]) == []
    assert findings(DENSE, CLAIMS["joint"]) == []
    half = finished({"joint": JOINT, "referring": {"refer": (0.5,)}})
    (one,) = findings(half, CLAIMS["joint"])
    assert one.statement.other == "referring"
    assert one.verdict is Verdict.UNDECIDED  # however large the difference
    assert spread_of(half, "referring", "ground") is None


def test_the_table_states_figures_and_seeds(tmp_path: Path) -> None:
    write_report(tmp_path, DENSE)
    text = (tmp_path / "ablations.md").read_text()
    assert "Dense labels first help referring: reproduces (+40.0 ± 2.3 points, 3 seeds)" in text
    assert "dense labels first help grounding: undecided at this size" in text
    assert "| dense | refer | 1200 | joint 61.0 ± 2.5 (3) | no-dense 21.0 ± 2.5 (3) | +40.0 ± 2.3 | +0.8 |" in text
    assert "| joint | referring and grounding | 400 | 0, 1, 2 | 10 |" in text
    widths = {line.count("|") for line in text.splitlines() if line.startswith("|")}
    assert widths == {9, 6}
    results = json.loads((tmp_path / "results.json").read_text())
    assert [one["verdict"] for one in results["claims"]["dense"]] == ["reproduces", "undecided at this size"]
    assert len(results["arms"]) == 6


def test_a_single_seed_shows_no_interval(tmp_path: Path) -> None:
    write_report(tmp_path, finished({"joint": {"refer": (0.6,)}, "no-dense": {"refer": (0.2,)}}, cpu=None))
    text = (tmp_path / "ablations.md").read_text()
    assert "undecided at this size (+40.0 points, 1 seed)" in text
    assert "| joint 60.0 (1) | no-dense 20.0 (1) | +40.0 | +0.8 | undecided at this size |" in text
    assert "| 400 | 0 |  |" in text
    (one,) = json.loads((tmp_path / "results.json").read_text())["claims"]["dense"]
    assert one["half"] is None


def test_unequal_seeds_are_told(tmp_path: Path) -> None:
    write_report(tmp_path, finished({"joint": {"refer": (0.6, 0.6)}, "no-dense": {"refer": (0.2, 0.3, 0.2)}}))
    assert "2 and 3 seeds" in (tmp_path / "ablations.md").read_text()


def test_what_stands_in_the_table_alone_is_not_in_the_sentence(tmp_path: Path) -> None:
    names = {"mask": (0.5, 0.5), "mask, overlapped": (0.4, 0.4)}
    write_report(tmp_path, finished({"sampler": names, "mean-pool": names, "transposed": {"mask": (0.1, 0.1)}}))
    text = (tmp_path / "ablations.md").read_text()
    assert "than the mean: free-form masks of overlapping objects: does not reproduce (+0.0 ± 0.0 points" in text
    assert "all masks" not in text
    assert "| axes | mask | 1200 |" in text
    assert "What decides it has not run yet." in text


def test_without_a_comparison_there_is_no_plot(tmp_path: Path) -> None:
    for given in ([], finished({"joint": JOINT})):
        write_report(tmp_path, given)
        assert "No two arms of a claim are finished yet." in (tmp_path / "ablations.md").read_text()
        assert not (tmp_path / "ablations.png").exists()
        assert json.loads((tmp_path / "results.json").read_text())["claims"] == {}


def test_the_plot_grows_with_the_claims_and_shows_its_marks(tmp_path: Path) -> None:
    heights = []
    names = {"mask": (0.5, 0.6), "mask, overlapped": (0.4, 0.45), "box": (0.5, 0.55)}
    for given in (DENSE, [*DENSE, *finished({"sampler": names, "mean-pool": names, "transposed": names})]):
        write_report(tmp_path, given)
        picture = np.asarray(Image.open(BytesIO((tmp_path / "ablations.png").read_bytes())).convert("RGB"))
        heights.append(picture.shape[0])
        assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 20  # not a blank page
    assert heights[1] > heights[0]
