"""`ferret evaluate ablations`: what the command hands over, and what it refuses."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ferret.errors import TrainingError
from training.ablations import running
from training.ablations.claims import CLAIMS, Claim, Size
from training.ablations.cli import app

Asked = list[tuple[list[str], list[int], Path, Size]]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """What is to be run, instead of running it."""
    found: Asked = []

    def run(claims: Sequence[Claim], seeds: list[int], out: Path, size: Size) -> None:
        found.append(([claim.name for claim in claims], seeds, out, size))
        out.mkdir(parents=True, exist_ok=True)
        (out / "ablations.md").write_text("# Ablations\n")

    monkeypatch.setattr(running, "run_ablations", run)
    return found


@pytest.mark.parametrize(
    ("words", "claims", "seeds", "size"),
    [
        ([], list(CLAIMS), [0, 1, 2], Size()),
        (["--claims", "axes"], ["axes"], [0, 1, 2], Size()),
        (["--claims", "joint, axes,"], ["axes", "joint"], [0, 1, 2], Size()),
        (["--seeds", "4", "--steps-scale", "0.5"], list(CLAIMS), [4], Size().scaled(0.5)),
        (["--seeds", "0, 7"], list(CLAIMS), [0, 7], Size()),
    ],
)
def test_the_command_hands_over_what_is_asked(
    words: list[str], claims: list[str], seeds: list[int], size: Size, asked: Asked, tmp_path: Path
) -> None:
    result = CliRunner().invoke(app, ["--out", str(tmp_path / "runs"), *words])
    assert result.exit_code == 0, result.output
    assert asked == [(claims, seeds, tmp_path / "runs", size)]
    assert result.stdout == "# Ablations\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--claims", "samplers"], "no claim 'samplers'"),
        (["--seeds", ""], "'' is not a list of seeds"),
        (["--seeds", "0,x"], "'0,x' is not a list of seeds"),
        (["--steps-scale", "0"], "larger --steps-scale"),
    ],
)
def test_the_command_says_what_is_wrong(words: list[str], message: str, asked: Asked) -> None:
    result = CliRunner().invoke(app, words)
    assert isinstance(result.exception, TrainingError)
    assert message in str(result.exception)
    assert asked == []
