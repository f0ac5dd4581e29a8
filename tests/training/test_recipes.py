"""Recipes: stages with names of their own that find each other's results, and settings that are checked."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ferret.errors import TrainingError
from training import recipes
from training.cli import app
from training.detector import DetectorTask
from training.looking import LookTask
from training.loop import LoopSettings
from training.recipes import RECIPES, Stage, changed, run_recipe
from training.segmenter import SegmentTask
from training.speaking import SpeakTask

SETTINGS = LoopSettings(100, batch=8, learning_rate=0.001)
TASKS = {"nano-look": LookTask, "nano-speak": SpeakTask, "detector": DetectorTask, "sam": SegmentTask}


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, LoopSettings, Path, dict[str, str]]]:
    """What the loop is asked to train, instead of training it."""
    asked: list[tuple[Any, LoopSettings, Path, dict[str, str]]] = []
    monkeypatch.setattr(recipes, "train", lambda *arguments: asked.append(arguments))
    return asked


@pytest.mark.parametrize("name", RECIPES)
def test_stages_have_names_of_their_own_and_sound_settings(name: str) -> None:
    stages = RECIPES[name]
    assert len({stage.name for stage in stages}) == len(stages) > 0
    for stage in stages:
        settings = stage.settings
        assert stage.name == Path(stage.name).name
        assert 0 < settings.warmup < settings.steps
        assert settings.batch % settings.processes == 0
        assert 0 < settings.learning_rate < 0.1
        assert 0 < settings.decay < 1
        assert 0 < settings.average < 1


def test_embedded_is_everything_that_ships() -> None:
    assert set(RECIPES["embedded"]) == {stage for stages in RECIPES.values() for stage in stages}


@pytest.mark.parametrize("stage", RECIPES["embedded"], ids=lambda stage: stage.name)
def test_a_stage_makes_its_task(stage: Stage, tmp_path: Path) -> None:
    task = stage.task(tmp_path)
    assert type(task) is TASKS[stage.name]
    assert list(tmp_path.iterdir()) == []  # nothing happens before it is set up


def test_speaking_starts_from_what_looking_leaves(tmp_path: Path) -> None:
    look, speak = (stage.task(tmp_path) for stage in RECIPES["nano"])
    assert isinstance(look, LookTask)
    assert isinstance(speak, SpeakTask)
    assert speak.start == look.output
    assert look.output.is_relative_to(tmp_path / RECIPES["nano"][0].name)


def test_stages_run_in_order_in_folders_of_their_own(
    trained: list[tuple[Any, LoopSettings, Path, dict[str, str]]], tmp_path: Path
) -> None:
    run_recipe("embedded", tmp_path, {"steps": "7", "learning_rate": "0.5"})
    assert [folder for _, _, folder, _ in trained] == [tmp_path / stage.name for stage in RECIPES["embedded"]]
    for (task, settings, _, facts), stage in zip(trained, RECIPES["embedded"], strict=True):
        assert type(task) is TASKS[stage.name]
        assert settings == replace(stage.settings, steps=7, learning_rate=0.5)
        assert facts == {"recipe": "embedded"}


def test_an_unknown_recipe_is_refused(trained: list[Any], tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no recipe 'nanoo': choose one of nano, detector, sam, embedded"):
        run_recipe("nanoo", tmp_path, {})
    assert trained == []


def test_changes_take_the_type_of_the_setting() -> None:
    new = changed(SETTINGS, {"steps": "20", "learning_rate": "1e-4", "clip": "3", "save_seconds": "0"})
    assert new == replace(SETTINGS, steps=20, learning_rate=1e-4, clip=3.0, save_seconds=0.0)
    assert isinstance(new.steps, int)
    assert isinstance(new.clip, float)
    assert changed(SETTINGS, {}) == SETTINGS


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"step": "20"}, "no setting 'step': choose one of steps, batch, learning_rate"),
        ({"": "20"}, "no setting ''"),
        ({"steps": "many"}, "setting 'steps' must be a int, not 'many'"),
        ({"steps": "2.5"}, "setting 'steps' must be a int, not '2.5'"),
        ({"batch": ""}, "setting 'batch' must be a int, not ''"),
        ({"learning_rate": "fast"}, "setting 'learning_rate' must be a float, not 'fast'"),
    ],
)
def test_changes_that_do_not_fit_are_refused(changes: dict[str, str], message: str) -> None:
    with pytest.raises(TrainingError, match=message):
        changed(SETTINGS, changes)


def test_the_command_hands_over_its_settings(trained: list[Any], tmp_path: Path) -> None:
    asked = ["train", "sam", "--runs", str(tmp_path), "--set", "steps=20", "--set", " batch = 4 "]
    result = CliRunner().invoke(app, asked)
    assert result.exit_code == 0, result.output
    ((task, settings, folder, _),) = trained
    assert isinstance(task, SegmentTask)
    assert (settings.steps, settings.batch) == (20, 4)
    assert folder == tmp_path / "sam"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["everything"], "no recipe 'everything'"),
        (["sam", "--set", "steps"], "'steps' is not KEY=VALUE"),
        (["sam", "--set", "steps=fast"], "setting 'steps'"),
    ],
)
def test_the_command_says_what_is_wrong(trained: list[Any], words: list[str], message: str) -> None:
    result = CliRunner().invoke(app, ["train", *words])
    assert isinstance(result.exception, TrainingError)
    assert message in str(result.exception)
    assert trained == []
