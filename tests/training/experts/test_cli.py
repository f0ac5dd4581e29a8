"""`ferret instructions` with the embedded experts: a build, its continuation, and two processes."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ferret.errors import TrainingError, WeightsError
from training.experts.cli import app


@pytest.fixture
def folder(scenes: Path, tmp_path: Path) -> Path:
    (tmp_path / "pictures").mkdir()
    for name in ("1.png", "2.png"):
        shutil.copy(scenes / name, tmp_path / "pictures" / name)
    return tmp_path / "pictures"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def shards(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((out / "instructions").iterdir())}


def test_a_build_and_its_continuation(folder: Path, scenes: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    options = ("--out", out, "--seed", 3, "--per-picture", 4)
    done = run(folder, *options)
    assert done.exit_code == 0, done.output
    assert "| found | 2 |" in done.stdout
    assert {path.name for path in out.iterdir()} >= {"instructions", "labels.sqlite", "report.json", "report.md"}
    first = shards(out)
    records = json.loads(first["00000.json"])
    assert {record["image"] for record in records} == {"1.png", "2.png"}

    assert run(folder, *options).exit_code == 0
    assert shards(out) == first
    shutil.copy(scenes / "3.png", folder / "0.png")  # comes first by its name; the others keep their questions
    (out / "instructions" / "00000.json").unlink()
    assert run(folder, *options).exit_code == 0
    more = json.loads(shards(out)["00000.json"])
    assert [record for record in more if record["image"] != "0.png"] == records
    assert any(record["image"] == "0.png" for record in more)


@pytest.mark.slow
def test_two_processes_build_the_same(folder: Path, tmp_path: Path) -> None:
    assert run(folder, "--out", tmp_path / "one").exit_code == 0
    done = run(folder, "--out", tmp_path / "two", "--processes", 2)
    assert done.exit_code == 0, done.output
    assert shards(tmp_path / "one") == shards(tmp_path / "two")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [(("nowhere", "--out", "out"), TrainingError), ((".", "--out", "out", "--detector", "no.pt"), WeightsError)],
)
def test_mistakes_are_told_as_our_own(
    arguments: tuple[str, ...], error: type[Exception], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    done = run(*arguments)
    assert isinstance(done.exception, error)
    assert done.output == ""  # whoever called says it in one line, and nothing else is there


@pytest.mark.parametrize("arguments", [("--help",), (".",), (".", "--out", "x", "--processes", "0")])
def test_the_command_line_itself(arguments: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert done.exit_code == (0 if arguments == ("--help",) else 2)
