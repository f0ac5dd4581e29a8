"""Running arms: each once, in its folder, and what was stopped goes on as if it had not been."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ferret.errors import TrainingError
from training.ablations import running
from training.ablations.claims import ARMS, CLAIMS, Size, chosen
from training.ablations.figures import (
    FIGURES,
    RESULT,
    Finished,
    Measured,
    read_figures,
    read_finished,
    write_figures,
    write_finished,
)
from training.ablations.naming import NamingTask
from training.ablations.running import folder_of, run_ablations, settings_of
from training.checkpointing import WHOLE
from training.loop import Draw, LoopSettings

SIZE = Size(naming=3, dense=2, instruct=2, batch=2, scenes=2)
AXES = chosen(["axes"])


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("ablations")
    run_ablations(AXES, [0, 1], out, SIZE)
    return out


def no_training(*_: Any) -> None:
    raise AssertionError("a finished arm was trained again")


def test_every_arm_and_seed_has_run_and_is_reported(done: Path) -> None:
    assert {path.name for path in (done / "arms").iterdir()} == {
        f"{arm}-seed{seed}" for arm in ("sampler", "transposed") for seed in (0, 1)
    }
    for folder in (done / "arms").iterdir():
        assert not (folder / WHOLE).exists()  # hundreds of megabytes over all arms
        assert {FIGURES, RESULT, "run.json", "finished"} <= {path.name for path in folder.iterdir()}
    results = json.loads((done / "results.json").read_text())
    assert [(one["arm"], one["seed"], one["steps"]) for one in results["arms"]] == [
        ("sampler", 0, 3), ("sampler", 1, 3), ("transposed", 0, 3), ("transposed", 1, 3),
    ]  # fmt: skip
    assert all(one["cpu_seconds"] > 0 for one in results["arms"])
    assert {one["measure"] for one in results["claims"]["axes"]} >= {"mask", "box", "point"}
    assert "| sampler | spatial-aware sampler | 3 | 0, 1 |" in (done / "ablations.md").read_text()
    assert (done / "ablations.png").read_bytes().startswith(b"\x89PNG")


def test_finished_arms_are_not_run_again(done: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (done / "results.json").read_text()
    monkeypatch.setattr(running, "train", no_training)
    assert len(run_ablations(AXES, [1, 0, 1], done, SIZE)) == 4
    assert (done / "results.json").read_text() == before


@pytest.mark.parametrize("fault", ["size", "weights"])
def test_a_folder_of_other_arms_is_refused(fault: str, done: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "train", no_training)
    size = replace(SIZE, naming=4) if fault == "size" else SIZE
    if fault == "weights":
        monkeypatch.setattr(running, "content_mark", lambda _: "0" * 12)
    with pytest.raises(TrainingError, match="another size or of other weights"):
        run_ablations(AXES, [0], done, size)


@pytest.mark.parametrize(
    ("claims", "seeds", "message"),
    [([], [0], "nothing to run"), (["axes"], [], "nothing to run"), (["axes"], [0, -1], "no seed -1")],
)
def test_nothing_to_run_is_refused(claims: list[str], seeds: list[int], message: str, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=message):
        run_ablations([CLAIMS[name] for name in claims], seeds, tmp_path, SIZE)
    assert list(tmp_path.iterdir()) == []


class StopsError(Exception):
    """What a stopped process looks like from inside."""


def test_an_arm_that_was_stopped_goes_on_to_the_same_result(
    done: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped before the third step, and once more before the arm is noted as finished."""
    monkeypatch.setattr(running, "settings_of", lambda *given: replace(settings_of(*given), save_seconds=0.0))
    batch = NamingTask.batch

    def stops(task: NamingTask, draw: Draw) -> Any:
        if draw.progress > 0.5:
            raise StopsError
        return batch(task, draw)

    with monkeypatch.context() as patch:
        patch.setattr(NamingTask, "batch", stops)
        with pytest.raises(StopsError):
            run_ablations(AXES, [1], tmp_path, SIZE)
    assert (folder_of(tmp_path, "sampler", 1) / WHOLE).exists()
    assert not (folder_of(tmp_path, "sampler", 1) / RESULT).exists()
    assert not (tmp_path / "ablations.png").exists()

    def stopped(*_: Any) -> None:
        raise StopsError

    with monkeypatch.context() as patch:
        patch.setattr(running, "write_finished", stopped)
        with pytest.raises(StopsError):
            run_ablations(AXES, [1], tmp_path, SIZE)
    with monkeypatch.context() as patch:
        names: list[str] = []

        def written(folder: Path, one: Finished) -> None:
            names.append(one.arm)
            write_finished(folder, one)

        patch.setattr(running, "write_finished", written)
        finished = run_ablations(AXES, [1], tmp_path, SIZE)
    assert names == ["sampler", "transposed"]
    assert [(one.arm, one.seed) for one in finished] == [("sampler", 1), ("transposed", 1)]
    assert finished[0].cpu_seconds is None  # it did not run in one go
    straight = {one.arm: one.figures for one in read_finished(done / "arms") if one.seed == 1}
    assert {one.arm: one.figures for one in finished} == straight


def test_seeds_differ_in_first_weights_and_in_data(done: Path) -> None:
    logs = [(done / "arms" / f"sampler-seed{seed}" / "run.json").read_text() for seed in (0, 1)]
    assert [json.loads(log)["settings"]["seed"] for log in logs] == [0, 1]
    arm = ARMS["sampler"]
    for size in (SIZE, Size()):
        one, other = settings_of(arm, size, 0), settings_of(arm, size, 1)
        assert replace(one, seed=1) == other


@pytest.mark.parametrize("name", ARMS)
@pytest.mark.parametrize("size", [SIZE, Size(), Size().scaled(0.01)], ids=["tiny", "whole", "hundredth"])
def test_settings_of_every_arm_are_sound(name: str, size: Size) -> None:
    settings = settings_of(ARMS[name], size, 3)
    assert isinstance(settings, LoopSettings)
    assert 0 < settings.warmup <= settings.steps
    assert settings.processes == 1
    assert settings.seed == 3
    assert settings.steps == ARMS[name].steps(size)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"mask": 3}', '{"mask": {"mean": 0.5}}'])
def test_measures_that_are_none_are_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / FIGURES).write_text(content)
    with pytest.raises(TrainingError, match="holds no measures of an arm"):
        read_figures(tmp_path)
    (tmp_path / "arms" / "sampler-seed0").mkdir(parents=True)
    (tmp_path / "arms" / "sampler-seed0" / RESULT).write_text(content)
    with pytest.raises(TrainingError, match="is not the result of an arm"):
        read_finished(tmp_path / "arms")


def test_measures_come_back_as_they_were(tmp_path: Path) -> None:
    figures = {"mask, overlapped": Measured.of([1, 0, 0.5]), "box": Measured(0.1, 7)}
    write_figures(tmp_path, figures)
    assert read_figures(tmp_path) == figures == {"mask, overlapped": Measured(0.5, 3), "box": Measured(0.1, 7)}


@pytest.mark.slow
def test_language_arms_run_one_after_the_other(tmp_path: Path) -> None:
    finished = run_ablations(chosen(["dense"]), [0], tmp_path, SIZE)
    assert {one.arm: one.steps for one in finished} == {"dense": 2, "joint": 2, "no-dense": 3}
    report = (tmp_path / "ablations.md").read_text()
    assert "dense labels first help referring: undecided at this size" in report.lower()
