"""The benchmark of tuning trains on what it says, and counts the operations that a model makes."""

import json
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from ferret.checkpoints import load_processor
from ferret.configuration import FerretConfig
from training.data.pipeline import DataPipeline
from training.loop import Draw
from training.tuning.model import load_config
from training.tuning.rehearsal import Sequences, build_on_meta
from training.tuning.settings import TuneSettings


@pytest.fixture
def benchmark(repo_root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    monkeypatch.syspath_prepend(str(repo_root / "benchmarks"))
    yield runpy.run_path(str(repo_root / "benchmarks" / "tuning.py"))
    sys.modules.pop("measure", None)


WIDTH, TOKENS, ROWS = 128, 96, 2
CONFIG = FerretConfig(
    vision_config={
        "model_type": "clip_vision_model", "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
        "num_attention_heads": 2, "image_size": 28, "patch_size": 7,
    },
    text_config={
        "model_type": "llama", "hidden_size": WIDTH, "intermediate_size": 352, "num_hidden_layers": 4,
        "num_attention_heads": 2, "vocab_size": 500,
    },
    sampler={"num_points": 16, "stage_points": [8, 4], "neighbors": 4},
    region_token_id=5,
)  # fmt: skip
LOAD = Sequences(rows=ROWS, tokens=TOKENS, images=1, regions=1, learned=40, more=False)


def settings(**changes: Any) -> TuneSettings:
    return TuneSettings.model_validate({"model": "x", "sources": (), "parts": ["language"], **changes})


def test_operations_of_a_step(benchmark: dict[str, Any]) -> None:
    count = benchmark["step_operations"]
    model: Any = build_on_meta(settings(), CONFIG).ferret.model
    weights = sum(p.numel() for p in model.language_model.layers.parameters() if p.ndim == 2)
    tokens, learned = ROWS * TOKENS, ROWS * 40
    # Two operations a weight and token forward, twice as many backward; the frozen head hands gradients on alone.
    least = 6 * weights * tokens + 4 * 500 * WIDTH * learned
    attention = 4 * 2 * TOKENS * TOKENS * WIDTH * ROWS * (1 + 2.5)
    found = count(settings(), CONFIG, LOAD)
    assert least < found < (least + attention) * 1.1  # and a small encoder
    assert count(settings(checkpointing=False), CONFIG, LOAD) == found
    assert count(settings(adapter="lora", rank=1), CONFIG, LOAD) < 0.8 * found


def test_utilisation_of_a_tiny_model(benchmark: dict[str, Any]) -> None:
    taken, operations = benchmark["utilisation"](settings(), CONFIG, LOAD, torch.device("cpu"), steps=1)
    assert 0 < taken < 60
    assert operations == benchmark["step_operations"](settings(), CONFIG, LOAD)


def test_the_data_are_what_both_sides_can_use(benchmark: dict[str, Any], tmp_path: Path) -> None:
    benchmark["prepare"](tmp_path)
    run = benchmark["tune_settings"](tmp_path, 3)
    config = load_config(tmp_path / "checkpoint")
    pipeline = DataPipeline(run, load_processor(tmp_path / "checkpoint", config), config, tmp_path / "stores")
    assert pipeline.epoch_length == benchmark["SAMPLES"]
    batches = pipeline.micro_batches(Draw(seed=0, size=benchmark["SAMPLES"], first=0))
    assert not sum(pipeline.report()["drawn"]["left_out"].values())
    rows = sum(len(batch.input_ids) for batch in batches)
    full = sum(batch.tokens for batch in batches) / (rows * benchmark["LENGTH"])
    assert 0.9 < full <= 1
    regions = sum(len(batch.region_points) for batch in batches)
    assert 0.2 < regions / benchmark["SAMPLES"] < 0.4


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("side", ["ours", "trainer"])
def test_each_side_runs(benchmark: dict[str, Any], side: str, tmp_path: Path) -> None:
    benchmark["prepare"](tmp_path)
    result = benchmark["measured"](side, tmp_path, 3, memory=True)
    assert json.dumps(result)
    assert result["samples_per_second"] > 0
    assert result["peak"] > 50 << 20
