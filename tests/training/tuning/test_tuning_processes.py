"""Tuning in several processes and through crashes: as in one process, and to the bit."""

import json
import random
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from training.tuning.settings import TuneSettings
from training.tuning.task import tune

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))
import processes
from test_distributed import same_to_the_bit
from tiny_ferret import tiny_settings, write_checkpoint, write_data

pytestmark = [
    pytest.mark.slow, pytest.mark.skipif(torch.cuda.is_available(), reason="processes here meet over gloo")
]  # fmt: skip

CASES: dict[str, dict[str, Any]] = {
    "ddp": {},
    "shard-grad-op": {"sharding": "shard-grad-op"},
    "full-shard": {"sharding": "full-shard"},
    "full-shard, encoder too": {
        "sharding": "full-shard", "checkpointing": True,
        "parts": ["vision", "projector", "sampler", "language", "embeddings"],
    },
    "full-shard, adapters": {"sharding": "full-shard", "parts": ["language", "projector"], "adapter": "lora"},
    "full-shard, bfloat16": {"sharding": "full-shard", "precision": "bf16", "parts": ["language", "projector"]},
    "ddp, projector": {"parts": ["projector"], "micro_batch": 1},
}  # fmt: skip


def tune_all(folder: Path, cases: dict[str, TuneSettings]) -> None:
    """In a process: every case in a folder of its own."""
    for name, settings in cases.items():
        tune(settings, folder / name, folder / "stores")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a checkpoint and data, where all cases were run by two processes."""
    folder = tmp_path_factory.mktemp("together")
    write_checkpoint(folder / "start")
    write_data(folder / "data")
    cases = {name: tiny_settings(folder / "start", folder / "data", **changes) for name, changes in CASES.items()}
    processes.finish(processes.start(__file__, "tune_all", (folder, cases), ranks=2))
    return folder


@pytest.mark.parametrize("name", CASES)
def test_two_processes_tune_as_one_does(place: Path, tmp_path: Path, name: str) -> None:
    settings = tiny_settings(place / "start", place / "data", **{**CASES[name], "sharding": "none"})
    tune(settings, tmp_path, place / "stores")
    one = load_file(tmp_path / "model" / "model.safetensors")
    two = load_file(place / name / "model" / "model.safetensors")
    assert one.keys() == two.keys()
    rough = settings.precision == "bf16"
    for key, value in one.items():
        torch.testing.assert_close(two[key], value, atol=2e-2 if rough else 5e-4, rtol=1e-1 if rough else 1e-3)
    logs = [[json.loads(line) for line in (f / "log.jsonl").read_text().splitlines()] for f in (tmp_path, place / name)]
    for first, second in zip(*logs, strict=True):
        assert first["loss"] == pytest.approx(second["loss"], rel=2e-2 if rough else 1e-4)


@pytest.mark.parametrize(
    ("ranks", "changes"),
    [(1, {"adapter": "lora", "dropout": 0.3, "parts": ["language", "projector"], "precision": "bf16"}),
     (2, {"adapter": "lora", "dropout": 0.3, "parts": ["language", "sampler"]}),
     (2, {"sharding": "full-shard", "checkpointing": True})],
    ids=["one", "two", "sharded"],
)  # fmt: skip
def test_a_tuned_run_that_is_killed_goes_on_to_the_bit(tmp_path: Path, ranks: int, changes: dict[str, Any]) -> None:
    write_checkpoint(tmp_path / "start")
    write_data(tmp_path / "data")
    settings = tiny_settings(tmp_path / "start", tmp_path / "data", steps=16, save_seconds=1e-9, **changes)
    processes.finish(processes.start(__file__, "tune_all", (tmp_path, {"whole": settings}), ranks))
    rng, kills = random.Random(ranks), 0
    for _ in range(3):
        running = processes.start(__file__, "tune_all", (tmp_path, {"killed": settings}), ranks)
        kills += processes.killed(running, tmp_path / "killed" / "log.jsonl", rng)
    assert kills >= 2
    processes.finish(processes.start(__file__, "tune_all", (tmp_path, {"killed": settings}), ranks))
    same_to_the_bit(tmp_path / "whole", tmp_path / "killed")
