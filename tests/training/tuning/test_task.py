"""Tuning a checkpoint: it learns what it is to learn, with every switch, and leaves weights that the engine loads."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from ferret.checkpoints import load_model
from ferret.engine import Engine, Prompt
from ferret.errors import TrainingError, WeightsError
from ferret.regions import Box
from training.tuning.task import loop_settings, step_count, tune

sys.path.insert(0, str(Path(__file__).parent))
from tiny_ferret import NAMES, tiny_settings, write_checkpoint, write_data


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint to start from."""
    return write_checkpoint(tmp_path_factory.mktemp("start"))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of data."""
    folder: Path = tmp_path_factory.mktemp("data") / "of regions"
    write_data(folder)
    return folder


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


def lines(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def run(start: Path, data: Path, folder: Path, **changes: Any) -> dict[str, torch.Tensor]:
    """Tune, and the weights that come out."""
    tune(tiny_settings(start, data, **changes), folder, data / "stores")
    return weights(folder / "model")


def answers(folder: Path, data: Path, *regions: Box) -> list[str]:
    engine = Engine.load(folder)
    prompt = Prompt("What is <region1>?" if regions else "What is this?", regions)
    pictures = [Image.open(data / "images" / f"{number}.png") for number in range(len(NAMES))]
    return [engine.answer(picture, [prompt], 8)[0].text for picture in pictures]


def test_it_learns_its_data_by_heart(start: Path, tmp_path: Path) -> None:
    write_data(data := tmp_path / "data", regions=False)
    before = answers(start, data)
    run(start, data, tmp_path / "run", steps=60, learning_rate=1e-2, warmup=0.1, micro_batch=8, log_every=10)
    losses = [line["loss"] for line in lines(tmp_path / "run")]
    assert losses[-1] < 0.1 < 3 < losses[0]
    assert answers(tmp_path / "run" / "model", data) == [f"A {name}." for name in NAMES] != before


def test_it_learns_of_regions(start: Path, data: Path, tmp_path: Path) -> None:
    run(start, data, tmp_path, steps=20, learning_rate=1e-2, micro_batch=8)
    losses = [line["loss"] for line in lines(tmp_path)]
    assert losses[-1] < 2.5 < 3.5 < losses[0]
    assert all(answer.startswith("A") for answer in answers(tmp_path / "model", data, Box(5, 5, 30, 30)))


@pytest.mark.parametrize(
    ("parts", "moved"),
    [
        (["projector"], {"model.projector."}),
        (["projector", "sampler"], {"model.projector.", "model.region_sampler."}),
        (["vision"], {"model.vision_tower."}),
        (["embeddings"], {"lm_head.", "model.language_model.embed_tokens."}),
        (["language"], {"model.language_model.layers.", "model.language_model.norm."}),
    ],
)
def test_only_what_is_named_trains(start: Path, data: Path, tmp_path: Path, parts: list[str], moved: set[str]) -> None:
    before, after = weights(start), run(start, data, tmp_path, parts=parts, steps=1)
    changed = {name for name, value in after.items() if not torch.equal(value, before[name])}
    assert changed
    assert all(name.startswith(tuple(moved)) for name in changed)
    assert all(any(name.startswith(prefix) for name in changed) for prefix in moved)


@pytest.mark.parametrize(
    "changes",
    [
        {"micro_batch": 1}, {"micro_batch": 8}, {"pack": False}, {"pack": False, "micro_batch": 3},
        {"checkpointing": True},
    ],
    ids=str,
)  # fmt: skip
def test_how_the_batch_goes_through_changes_nothing(
    start: Path, data: Path, tmp_path: Path, changes: dict[str, Any]
) -> None:
    parts = ["vision", "projector", "sampler", "language", "embeddings"]
    plain = run(start, data, tmp_path / "plain", parts=parts)
    other = run(start, data, tmp_path / "other", parts=parts, **changes)
    for name, value in plain.items():
        torch.testing.assert_close(other[name], value, atol=2e-4, rtol=1e-3)
    for one, two in zip(lines(tmp_path / "plain"), lines(tmp_path / "other"), strict=True):
        assert one["loss"] == pytest.approx(two["loss"], rel=1e-4)
        assert one["loss/ferret"] == pytest.approx(one["loss"], rel=1e-5)


def test_adapters_learn_and_nothing_else_moves(start: Path, data: Path, tmp_path: Path) -> None:
    run(start, data, tmp_path, parts=["language"], adapter="lora", steps=30, learning_rate=2e-2, dropout=0.1)
    losses = [line["loss"] for line in lines(tmp_path)]
    assert losses[-1] < 0.8 * losses[0]
    saved = load_file(tmp_path / "checkpoint.safetensors")
    assert all("lora_" in name for name in saved)
    before, after = weights(start), weights(tmp_path / "model")
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert before.keys() == after.keys()
    # Every linear layer of the language model, and nothing else: not the head, nor layers called alike elsewhere.
    assert changed == {name for name in before if ".language_model.layers." in name and "_proj." in name}


def test_parts_train_whole_beside_adapters(start: Path, data: Path, tmp_path: Path) -> None:
    run(start, data, tmp_path, parts=["projector", "sampler", "language"], adapter="lora")
    before, after = weights(start), weights(tmp_path / "model")
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert any(name.startswith("model.projector.") for name in changed)
    assert any(name.startswith("model.region_sampler.") for name in changed)
    assert not any(name.startswith(("model.vision_tower.", "lm_head.")) for name in changed)


def test_adapters_beside_4_bit_weights_learn(start: Path, data: Path, tmp_path: Path) -> None:
    pytest.importorskip("bitsandbytes")
    run(start, data, tmp_path, parts=["language"], adapter="qlora", precision="bf16", learning_rate=2e-2)
    losses = [line["loss"] for line in lines(tmp_path)]
    assert losses[-1] < losses[0]
    before, after = weights(start), weights(tmp_path / "model")
    assert {value.dtype for value in after.values()} == {torch.float32}
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {name for name in before if ".language_model.layers." in name and "_proj." in name}
    assert len(answers(tmp_path / "model", data, Box(5, 5, 30, 30))) == 8


def test_moments_of_8_bits_learn_alike(start: Path, data: Path, tmp_path: Path) -> None:
    pytest.importorskip("bitsandbytes")
    run(start, data, tmp_path / "32")
    run(start, data, tmp_path / "8", optimizer="adamw8bit")
    saved = load_file(tmp_path / "8" / "checkpoint.safetensors")
    assert {value.dtype for name, value in saved.items() if ".state1." in name} == {torch.uint8, torch.float32}
    for one, two in zip(lines(tmp_path / "32"), lines(tmp_path / "8"), strict=True):
        assert one["loss"] == pytest.approx(two["loss"], rel=0.05)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_weights_come_out_as_they_were_kept(data: Path, tmp_path: Path, dtype: torch.dtype) -> None:
    start = write_checkpoint(tmp_path / "start", dtype)
    after = run(start, data, tmp_path / "run", precision="bf16")
    assert {value.dtype for value in after.values()} == {dtype}
    assert load_model(tmp_path / "run" / "model").dtype == dtype
    saved = load_file(tmp_path / "run" / "checkpoint.safetensors")
    assert {value.dtype for value in saved.values()} == {torch.float32}  # what trains is held exactly


def test_pictures_without_regions_leave_the_sampler_in_step(start: Path, tmp_path: Path) -> None:
    write_data(tmp_path / "data", regions=False)
    after = run(start, tmp_path / "data", tmp_path / "run")
    before = weights(start)
    assert all(torch.equal(after[name], before[name]) for name in before if "region_sampler" in name)
    assert not torch.equal(after["lm_head.weight"], before["lm_head.weight"])


def test_a_run_whose_data_cannot_be_drawn_stands_still(start: Path, tmp_path: Path) -> None:
    write_data(tmp_path / "data")
    for number in range(1, 8):
        (tmp_path / "data" / "images" / f"{number}.png").unlink()
    after = run(start, tmp_path / "data", tmp_path / "run", batch=1, micro_batch=1, steps=8)
    assert lines(tmp_path / "run")[-1]["skipped"] == 7
    assert not torch.equal(after["lm_head.weight"], weights(start)["lm_head.weight"])
    report = json.loads((tmp_path / "run" / "data.json").read_text())
    assert report["drawn"]["encoded"] == 1


def test_the_run_folder_tells_settings_and_data(start: Path, data: Path, tmp_path: Path) -> None:
    run(start, data, tmp_path)
    facts = json.loads((tmp_path / "run.json").read_text())
    assert facts["tuning"]["model"] == str(start)
    assert facts["tuning"]["sources"][0]["reader"] == "ferret"
    assert len(facts["data"]["ferret"]) == 64
    assert facts["sources"]["ferret"]["used"] == 8


def test_a_finished_run_is_left_as_it_is(start: Path, data: Path, tmp_path: Path) -> None:
    run(start, data, tmp_path)
    (tmp_path / "model" / "model.safetensors").write_bytes(b"mine")
    tune(tiny_settings(start, data), tmp_path, data / "stores")
    assert (tmp_path / "model" / "model.safetensors").read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("changes", "steps"),
    [({}, 3), ({"steps": None, "batch": 3}, 3), ({"steps": None, "epochs": 2.5}, 3), ({"steps": None}, 1)],
)
def test_steps_follow_from_the_data(start: Path, data: Path, changes: dict[str, Any], steps: int) -> None:
    assert step_count(tiny_settings(start, data, **changes), data / "stores") == steps


def test_the_schedule_is_that_of_the_released_training(start: Path, data: Path) -> None:
    settings = loop_settings(tiny_settings(start, data, warmup=0.03), 1000)
    assert (settings.warmup, settings.floor, settings.average, settings.decay) == (30, 0.0, 0.0, 0.999)


def test_what_cannot_be_tuned_is_refused(start: Path, data: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="unknown model 'ferret-giga'"):
        tune(tiny_settings(Path("ferret-giga"), data), tmp_path, data / "stores")
    run(start, data, tmp_path / "run")
    with pytest.raises(TrainingError, match="holds a run with another batch"):
        tune(tiny_settings(start, data, batch=4, steps=9), tmp_path / "run", data / "stores")
