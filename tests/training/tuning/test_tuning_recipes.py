"""Recipes of tuned runs, the mixtures that users write, and the command that takes them."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ferret.errors import TrainingError
from training.catalogue import EMBEDDED, TUNED
from training.cli import app
from training.recipes import RECIPES as EMBEDDED_RECIPES
from training.tuning import task
from training.tuning.recipes import RECIPES, read_mixture, recipe_settings
from training.tuning.settings import Adapter, Optimizer, Part, Precision, Sharding, TuneSettings

sys.path.insert(0, str(Path(__file__).parent))
from tiny_ferret import write_checkpoint, write_data


@pytest.fixture
def mixture(tmp_path: Path) -> Path:
    """A mixture file whose data is there."""
    return write_data(tmp_path / "data")


def test_the_catalogue_has_every_recipe() -> None:
    assert set(TUNED) == set(RECIPES)
    assert set(EMBEDDED) == set(EMBEDDED_RECIPES)


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_is_sound(recipe: str, mixture: Path) -> None:
    settings = recipe_settings(recipe, "ferret-nano", mixture, {})
    assert settings.model == "ferret-nano"
    assert settings.sources[0].path == mixture.parent / "data.json"
    assert 0 < settings.learning_rate <= 1e-3


def test_the_released_recipe_is_the_papers(mixture: Path) -> None:
    settings = recipe_settings("ferret-v1", "m", mixture, {})
    assert (settings.learning_rate, settings.warmup, settings.weight_decay) == (2e-5, 0.03, 0.0)
    assert (settings.epochs, settings.batch, settings.length) == (3.0, 128, 2048)
    assert (settings.precision, settings.optimizer) == (Precision.BF16, Optimizer.ADAMW)
    assert settings.checkpointing
    assert settings.sharding is Sharding.FULL
    assert set(settings.parts) == set(Part) - {Part.VISION}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"learning_rate": "1e-4", "batch": "8"}, {"learning_rate": 1e-4, "batch": 8}),
        ({"parts": "projector, sampler"}, {"parts": (Part.PROJECTOR, Part.SAMPLER)}),
        ({"steps": "20"}, {"steps": 20}),
        ({"steps": "none"}, {"steps": None}),
        ({"checkpointing": "false", "pack": "no"}, {"checkpointing": False, "pack": False}),
        ({"adapter": "qlora", "sharding": "none"}, {"adapter": Adapter.QLORA}),
        ({"optimizer": "adamw8bit", "precision": "fp32"}, {"optimizer": Optimizer.ADAMW_8BIT}),
    ],
)
def test_changes_take_the_type_of_the_setting(mixture: Path, changes: dict[str, str], expected: dict[str, Any]) -> None:
    settings = recipe_settings("ferret-v1", "m", mixture, changes)
    assert {name: getattr(settings, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"step": "20"}, "there is no setting 'step': choose one of parts, adapter"),
        ({"model": "x"}, "there is no setting 'model'"),
        ({"batch": "many"}, "recipe 'stage-1': setting 'batch': .*integer.*, not 'many'"),
        ({"learning_rate": "-1"}, "setting 'learning_rate': .*greater than 0, not '-1'"),
        ({"parts": "head"}, "setting 'parts.0': .*'vision', 'projector'.*, not 'head'"),
        ({"adapter": "lora"}, "recipe 'stage-1': an adapter needs the language model among the parts"),
        ({"batch": "8", "processes": "3"}, "3 processes cannot share a batch of 8"),
        ({"parts": "language", "adapter": "qlora", "sharding": "full-shard"}, "4-bit weights cannot be divided"),
    ],
)
def test_changes_that_do_not_fit_are_refused(mixture: Path, changes: dict[str, str], message: str) -> None:
    with pytest.raises(TrainingError, match=message):
        recipe_settings("stage-1", "m", mixture, changes)


GOOD = {"reader": "ferret", "path": "data.json", "images": "images"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not JSON"),
        ("{}", "must be a list of sources"),
        ("[]", "must be a list of sources, with at least one"),
        (json.dumps([GOOD, 5]), "entry 2 of .*mixture.json': .*dictionary.*not 5"),
        (json.dumps([{"reader": "ferret"}]), "entry 1 of .*: field 'path': Field required$"),
        (json.dumps([{**GOOD, "weight": 0}]), "entry 1 of .*: field 'weight': .*greater than 0, not 0"),
        (json.dumps([{**GOOD, "wieght": 1}]), "entry 1 of .*: field 'wieght': Extra inputs"),
        (json.dumps([{**GOOD, "reader": "grit"}]), "there is no reader 'grit': choose one of ferret"),
        (json.dumps([GOOD, {**GOOD, "path": "no.json"}]), "entry 2 of .*: there is no file .*no.json'"),
        (json.dumps([{**GOOD, "images": "data.json"}]), "there is no folder of pictures .*data.json'"),
    ],
)
def test_a_mixture_that_cannot_be_used_is_told_by_its_entry(mixture: Path, text: str, message: str) -> None:
    mixture.write_text(text)
    with pytest.raises(TrainingError, match=message):
        read_mixture(mixture)


def test_a_mixture_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"cannot read the mixture .*: No such file"):
        read_mixture(tmp_path / "mixture.json")


def test_paths_of_a_mixture_may_be_absolute(mixture: Path, tmp_path: Path) -> None:
    source = {name: str(mixture.parent / value) if name != "reader" else value for name, value in GOOD.items()}
    other = tmp_path / "elsewhere.json"
    other.write_text(json.dumps([{**source, "weight": 2.5}]))
    (found,) = read_mixture(other)
    assert found.path == mixture.parent / "data.json"
    assert found.weight == 2.5


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[TuneSettings, Path, Path, dict[str, str]]]:
    """What the command asks to tune, instead of tuning it."""
    calls: list[tuple[TuneSettings, Path, Path, dict[str, str]]] = []
    monkeypatch.setattr(task, "tune", lambda *arguments: calls.append(arguments))
    return calls


@pytest.mark.parametrize(
    ("flags", "sharding"),
    [([], Sharding.NONE), (["--shard-grad-op"], Sharding.GRAD_OP), (["--full-shard"], Sharding.FULL)],
)
def test_the_command_hands_over_what_it_was_given(
    asked: list[Any], mixture: Path, tmp_path: Path, flags: list[str], sharding: Sharding
) -> None:
    words = ["train", "stage-2", "--model", "m", "--data", str(mixture), "--runs", str(tmp_path), "--set", "steps=7"]
    result = CliRunner().invoke(app, [*words, *flags])
    assert result.exit_code == 0, result.output
    ((settings, folder, stores, facts),) = asked
    assert (settings.model, settings.steps, settings.sharding) == ("m", 7, sharding)
    assert (folder, stores) == (tmp_path / "stage-2", tmp_path / "stores")
    assert facts == {"recipe": "stage-2"}


def test_the_command_lists_the_recipes() -> None:
    result = CliRunner().invoke(app, ["train", "--list"])
    assert [line.split()[0] for line in result.output.splitlines()] == [*EMBEDDED, *TUNED]
    shown = CliRunner().invoke(app, ["train", "--help"]).output
    assert all(re.search(rf"^ *{name}  +\S", shown, re.MULTILINE) for name in (*EMBEDDED, *TUNED))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "name a recipe"),
        (["stage-1"], "stage-1 tunes a checkpoint on data of yours: give --model and --data"),
        (["stage-1", "--model", "m"], "give --model and --data"),
        (["sam", "--model", "m"], "are for recipes that tune a checkpoint"),
        (["sam", "--plan"], "are for recipes that tune a checkpoint"),
        (["stage-1", "--full-shard", "--shard-grad-op"], "exclude each other"),
        (["stage-9"], "there is no recipe 'stage-9': choose one of .*stage-1"),
    ],
)
def test_the_command_says_what_is_wrong(asked: list[Any], words: list[str], message: str) -> None:
    result = CliRunner().invoke(app, ["train", *words])
    assert isinstance(result.exception, TrainingError)
    assert re.search(message, str(result.exception))
    assert asked == []


def test_the_command_plans_without_training(asked: list[Any], mixture: Path, tmp_path: Path) -> None:
    start = write_checkpoint(tmp_path / "start")
    words = ["train", "stage-1", "--model", str(start), "--data", str(mixture), "--plan", "--set", "length=200"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.exception
    assert re.search(r"[KMG]i?B", result.output)
    assert asked == []


@pytest.mark.slow
def test_the_command_tunes(mixture: Path, tmp_path: Path) -> None:
    start = write_checkpoint(tmp_path / "start")
    words = ["train", "stage-3-lora", "--model", str(start), "--data", str(mixture), "--runs", str(tmp_path / "runs")]
    for change in ("batch=4", "steps=2", "length=200", "log_every=1"):
        words += ["--set", change]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.exception
    assert {"model", "adapters", "run.json", "log.jsonl", "finished"} <= {
        path.name for path in (tmp_path / "runs" / "stage-3-lora").iterdir()
    }
