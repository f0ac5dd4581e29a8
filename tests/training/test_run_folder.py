"""The run folder: facts, a log that a crash cannot spoil, and the commit of the sources."""

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from training import run_folder
from training.run_folder import RunBar, RunFolder, replace_json, start_facts


def logged(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def test_lines_are_appended_with_seven_digits(tmp_path: Path) -> None:
    files = RunFolder(tmp_path, {"recipe": "x"}, 0)
    files.log(1, {"loss": 1 / 3})
    files.log(2, {"loss": 123456789.123, "norm": 2})
    files.close()
    assert logged(tmp_path) == [{"step": 1, "loss": 0.3333333}, {"step": 2, "loss": 123456800.0, "norm": 2.0}]
    assert json.loads((tmp_path / "run.json").read_text()) == {"recipe": "x", "resumed": []}
    assert list((tmp_path / "tensorboard").iterdir())


@pytest.mark.parametrize(("step", "kept"), [(0, 0), (1, 1), (2, 2), (9, 3)])
def test_a_run_that_goes_on_drops_what_it_will_log_again(tmp_path: Path, step: int, kept: int) -> None:
    lines = ['{"step": 1}', '{"step": 2}', '{"step": 3}', "null", "[]", '{"step": 4, "lo']
    (tmp_path / "log.jsonl").write_text("\n".join(lines))
    RunFolder(tmp_path, {}, step).close()
    assert [line["step"] for line in logged(tmp_path)] == [1, 2, 3][:kept]


def test_a_run_that_goes_on_keeps_how_it_began(tmp_path: Path) -> None:
    RunFolder(tmp_path, {"seed": 1}, 0)
    RunFolder(tmp_path, {"seed": 1, "started": "later"}, 7)
    RunFolder(tmp_path, {"seed": 1, "started": "last"}, 9)
    assert json.loads((tmp_path / "run.json").read_text()) == {
        "seed": 1,
        "resumed": [{"step": 7, "seed": 1, "started": "later"}, {"step": 9, "seed": 1, "started": "last"}],
    }


def test_a_run_that_begins_anew_says_so(tmp_path: Path) -> None:
    RunFolder(tmp_path, {"seed": 1}, 0)
    RunFolder(tmp_path, {"seed": 2}, 0)
    assert json.loads((tmp_path / "run.json").read_text()) == {"seed": 2, "resumed": []}


def test_facts_are_plain_json() -> None:
    facts = start_facts()
    assert json.loads(json.dumps(facts)) == facts
    assert facts["hardware"]["cores"] >= 1
    assert {"python", "torch", "transformers"} <= facts["versions"].keys()
    assert shlex.split(facts["command"]) == sys.orig_argv


def test_the_commit_marks_changes_and_only_in_a_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_folder, "_SOURCE", tmp_path.resolve())
    assert start_facts()["commit"] is None

    def git(*words: str) -> None:
        subprocess.run(["git", "-C", str(tmp_path), *words], check=True, capture_output=True)

    git("init")
    (tmp_path / "a.py").write_text("1")
    git("add", ".")
    git("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-m", "first")
    commit = start_facts()["commit"]
    assert len(commit) == 40
    (tmp_path / "a.py").write_text("2")
    assert start_facts()["commit"] == f"{commit}+"
    (tmp_path / "inside").mkdir()
    monkeypatch.setattr(run_folder, "_SOURCE", tmp_path.resolve() / "inside")  # installed inside somebody's checkout
    assert start_facts()["commit"] is None


def test_the_bar_shows_speed_end_and_losses(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    with RunBar("tuning", 10, 8, 2, visible=True) as bar:
        bar.show(5, 16.0, 1.25, {"vqa": 0.5, "refcoco": 2.0})
    shown = capsys.readouterr().err
    assert "tuning" in shown
    assert "5/10" in shown
    assert "16.0/s, ends" in shown
    assert "loss 1.250 vqa 0.50 refcoco 2.00" in shown
    with RunBar("quiet", 10, 8, 2, visible=False) as bar:
        bar.show(5, 16.0, 1.25, {})
    assert capsys.readouterr().err.strip() == ""


def test_a_replaced_file_is_never_half_there(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    replace_json(path, {"a": 1})
    with pytest.raises(TypeError):
        replace_json(path, {"a": object()})
    assert json.loads(path.read_text()) == {"a": 1}
    assert [file.name for file in tmp_path.iterdir()] == ["a.json"]
