"""Plans follow the settings, say what would make a run fit, and are within 15 % of what runs really allocate."""

import json
import subprocess
import sys
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch

from ferret.configuration import FerretConfig
from ferret.errors import TrainingError
from training.tuning.allocations import Kind
from training.tuning.plan import MemoryPlan, as_json, available_bytes, expected_sequences, memory_plan, render
from training.tuning.rehearsal import Rehearsal, Sequences, batch_of, build_on_meta, rehearse
from training.tuning.settings import TuneSettings

GIB = 1 << 30
LAYERS = 2
ALL = ["projector", "sampler", "language", "embeddings"]
CONFIG: dict[str, Any] = {
    "vision_config": {
        "model_type": "clip_vision_model", "hidden_size": 128, "intermediate_size": 256, "num_hidden_layers": 1,
        "num_attention_heads": 2, "image_size": 112, "patch_size": 14,
    },
    "text_config": {
        "model_type": "llama", "hidden_size": 256, "intermediate_size": 688, "num_hidden_layers": LAYERS,
        "num_attention_heads": 4, "vocab_size": 2000,
    },
    "sampler": {"num_points": 64, "stage_points": [16, 8], "neighbors": 4},
    "region_token_id": 5,
}  # fmt: skip
LOAD = Sequences(rows=2, tokens=256, images=1, regions=2, learned=100, more=False)


@cache
def config() -> FerretConfig:
    return FerretConfig(**CONFIG)


def settings(**changes: Any) -> TuneSettings:
    values = {"model": "x", "sources": (), "parts": ALL, "checkpointing": False, "batch": 16, "length": 512}
    return TuneSettings.model_validate(values | changes)


@cache
def _rehearsed(changes: str, load: Sequences, world_size: int) -> Rehearsal:
    return rehearse(settings(**json.loads(changes)), config(), load, world_size)


def rehearsed(load: Sequences = LOAD, world_size: int = 1, **changes: Any) -> Rehearsal:
    return _rehearsed(json.dumps(changes), load, world_size)


def counts() -> dict[str, int]:
    """Parameters of each part."""
    model: Any = build_on_meta(settings(), config()).ferret
    parts = {
        "vision": model.model.vision_tower, "projector": model.model.projector, "sampler": model.model.region_sampler,
        "language": model.model.language_model.layers, "norm": model.model.language_model.norm,
        "embedding": model.get_input_embeddings(), "head": model.lm_head,
    }  # fmt: skip
    return {name: sum(parameter.numel() for parameter in part.parameters()) for name, part in parts.items()}


# -- what the figures are made of --------------------------------------------------------------------------------------


def test_weights_and_moments_of_a_run_that_trains_all_but_the_encoder() -> None:
    found, sizes = rehearsed(), counts()
    trained = sum(sizes.values()) - sizes["vision"]
    assert (found.parameters, found.trained) == (sum(sizes.values()), trained)
    held = found.peak.bytes
    assert held[Kind.WEIGHTS] == pytest.approx(4 * trained + 2 * sizes["vision"], rel=0.001)  # and a few buffers
    assert held[Kind.OPTIMIZER] == pytest.approx(8 * trained, rel=0.001)
    assert held[Kind.GRADIENTS] <= 4 * trained


def test_float32_holds_the_frozen_in_it_too() -> None:
    assert rehearsed(precision="fp32").peak.bytes[Kind.WEIGHTS] == pytest.approx(4 * sum(counts().values()), rel=0.001)
    assert rehearsed(precision="fp32").peak.bytes[Kind.COPIES] == 0


def test_moments_of_eight_bits() -> None:
    trained = rehearsed().trained
    # A byte for each moment, a scale of four bytes for 256 of them; small parameters keep 32 bits.
    held = rehearsed(optimizer="adamw8bit").peak.bytes[Kind.OPTIMIZER]
    assert held == pytest.approx(2 * trained * (1 + 4 / 256), rel=0.02)


def test_what_trains_decides_over_gradients_and_moments() -> None:
    projector = rehearsed(parts=["projector"])
    assert projector.trained == counts()["projector"]
    assert projector.peak.bytes[Kind.OPTIMIZER] == pytest.approx(8 * projector.trained, rel=0.01)
    assert rehearsed(parts=["vision", *ALL]).trained == sum(counts().values())


def test_adapters() -> None:
    lora, qlora = (rehearsed(parts=["language"], adapter=adapter, rank=8) for adapter in ("lora", "qlora"))
    each = 4 * (256 + 256) + 3 * (256 + 688)  # both matrices beside attention's four and the block's three
    assert lora.trained == qlora.trained == LAYERS * 8 * each
    assert lora.parameters == sum(counts().values()) + lora.trained == qlora.parameters
    saved = lora.peak.bytes[Kind.WEIGHTS] - qlora.peak.bytes[Kind.WEIGHTS]
    layers = LAYERS * (4 * 256 * 256 + 3 * 256 * 688)
    assert saved == pytest.approx(layers * (2 - 0.5 - 1 / 64), rel=0.01)
    assert lora.peak.total < rehearsed(parts=["language"]).peak.total


@pytest.mark.parametrize("sharding", ["shard-grad-op", "full-shard"])
@pytest.mark.parametrize("world_size", [2, 8])
def test_sharding_divides(sharding: str, world_size: int) -> None:
    whole = rehearsed().peak.bytes
    divided = rehearsed(world_size=world_size, sharding=sharding).peak.bytes
    for kind in (Kind.WEIGHTS, Kind.OPTIMIZER):
        assert divided[kind] == pytest.approx(whole[kind] / world_size, rel=0.02)


def test_full_shard_gathers_less_than_shard_grad_op() -> None:
    full, partly = (
        rehearsed(world_size=8, sharding=name, parts=["language"]).peak for name in ("full-shard", "shard-grad-op")
    )
    assert full.total < partly.total


DEEP = Sequences(rows=4, tokens=512, images=1, regions=0, learned=50, more=False)


@pytest.mark.parametrize(
    ("less", "more"),
    [
        ({"checkpointing": True, "parts": ["language"]}, {"parts": ["language"]}),
        ({"load": replace(DEEP, rows=1)}, {}),
        ({"load": replace(DEEP, tokens=256)}, {}),
        ({}, {"load": replace(DEEP, regions=8)}),
        ({}, {"load": replace(DEEP, learned=400)}),
        ({}, {"load": replace(DEEP, images=4)}),  # a mask for each pair of tokens
        ({}, {"precision": "fp32"}),
        ({"parts": ["projector"]}, {}),
        ({}, {"world_size": 2}),  # gradients lie in buffers that stay
    ],
)
def test_what_needs_less(less: dict[str, Any], more: dict[str, Any]) -> None:
    first, second = (rehearsed(**({"load": DEEP} | changes)).peak.total for changes in (less, more))
    assert first < second


def test_accumulation_keeps_gradients_through_the_forward_pass() -> None:
    once, more = (rehearsed(load=replace(LOAD, more=more)).peak for more in (False, True))
    assert once.total < more.total <= once.total + 4 * rehearsed().trained


def test_the_released_shape_has_the_released_number_of_parameters() -> None:
    model: Any = build_on_meta(settings(), FerretConfig()).ferret.model
    assert sum(parameter.numel() for parameter in model.region_sampler.parameters()) == 44_069_900  # ferret-spec 1.1


@pytest.mark.slow
@pytest.mark.parametrize(("text", "low", "high"), [({}, 7.0e9, 7.2e9), ({"hidden_size": 5120}, 13.2e9, 13.5e9)])
def test_large_shapes_are_planned_without_their_memory(text: dict[str, Any], low: float, high: float) -> None:
    sizes = {"num_hidden_layers": 40, "num_attention_heads": 40, "intermediate_size": 13824} if text else {}
    large = FerretConfig(text_config={"model_type": "llama", "vocab_size": 32001, **text, **sizes})
    plan = memory_plan(settings(checkpointing=True, length=2048), large, world_size=1, device_bytes=1000 * GIB)
    assert low < plan.rehearsal.parameters < high
    assert plan.total > 16 * plan.rehearsal.trained  # weights, gradients and two moments of 32 bits
    assert plan.fits


# -- what is assumed of the data ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "world_size", "expected"),
    [  # pictures take 64 tokens, samples 320
        ({}, 1, Sequences(4, 512, 1, 2, 223, True)),
        ({"length": 1024}, 1, Sequences(4, 1024, 3, 6, 413, True)),
        ({"length": 1024, "micro_batch": 8}, 1, Sequences(6, 1024, 3, 6, 413, False)),
        ({"length": 1024}, 8, Sequences(1, 640, 2, 4, 254, False)),  # two samples a process fill no sequence
        ({"batch": 1}, 1, Sequences(1, 320, 1, 2, 127, False)),
        ({"length": 100}, 1, Sequences(4, 100, 1, 2, 17, True)),
        ({"pack": False}, 1, Sequences(4, 512, 1, 2, 223, True)),
        ({"pack": False, "length": 2048}, 1, Sequences(4, 576, 1, 2, 255, True)),
    ],
)
def test_expected_sequences(changes: dict[str, Any], world_size: int, expected: Sequences) -> None:
    found = expected_sequences(settings(**changes), config(), world_size)
    assert found == expected
    batch = batch_of(config(), found)
    assert batch.input_ids.shape == (found.rows, found.tokens)
    assert int((batch.input_ids == config().image_token_id).sum()) == found.rows * found.images * 64
    assert len(batch.region_points) == found.rows * found.regions == int((batch.input_ids == 5).sum())
    assert batch.answer_tokens == found.rows * found.learned


@pytest.mark.parametrize(
    ("changes", "world_size", "message"),
    [
        ({"length": 64}, 1, "no room for a picture of 64"),
        ({}, 0, "at least one process"),
        ({"sharding": "full-shard"}, 1, "divides nothing over one process"),
    ],
)
def test_what_cannot_be_planned(changes: dict[str, Any], world_size: int, message: str) -> None:
    with pytest.raises(TrainingError, match=message):
        memory_plan(settings(**changes), config(), world_size=world_size, device_bytes=GIB)


def test_rows_without_room() -> None:
    with pytest.raises(TrainingError, match="no room for 4 picture"):
        batch_of(config(), replace(LOAD, images=4))


# -- whether it fits ---------------------------------------------------------------------------------------------------


def planned(device_bytes: int, world_size: int = 1, **changes: Any) -> MemoryPlan:
    load = replace(LOAD, more=True)
    return memory_plan(settings(**changes), config(), world_size=world_size, device_bytes=device_bytes, sequences=load)


def test_a_run_that_fits_needs_no_options() -> None:
    plan = planned(GIB)
    assert plan.fits
    assert plan.options == ()
    assert "It fits." in render(plan)


def test_some_memory_is_left_for_what_is_not_tensors() -> None:
    total = planned(GIB).total
    assert not planned(total).fits
    assert planned(int(total * 1.07)).fits


def test_the_first_option_that_fits_is_the_last_that_is_named() -> None:
    plan = planned(int(planned(GIB).total * 1.04))
    assert not plan.fits
    assert [option.fits for option in plan.options] in ([True], [False, True], [False, False, True])
    assert plan.options[0].changes == {"checkpointing": "true"}
    assert plan.options[-1].total < plan.total


def test_nothing_fits_into_nothing() -> None:
    plan = planned(1)
    gentle = {"checkpointing": "true", "micro_batch": "1", "optimizer": "adamw8bit"}
    changes = [dict(option.changes) for option in plan.options]
    assert changes == [
        {"checkpointing": "true"}, {"checkpointing": "true", "micro_batch": "1"}, gentle,
        gentle | {"adapter": "lora"}, gentle | {"sharding": "full-shard"},
        gentle | {"adapter": "qlora", "sharding": "none"},
    ]  # fmt: skip
    assert not any(option.fits for option in plan.options)
    assert [option.processes for option in plan.options] == [1, 1, 1, 1, 16, 1]  # as many as the batch has samples
    totals = [option.total for option in plan.options]
    assert totals[1] < totals[0]
    assert max(totals[3:]) < totals[2] < totals[1]


def test_the_least_processes_are_found() -> None:
    full: dict[str, Any] = {"checkpointing": True, "micro_batch": 1, "optimizer": "adamw8bit", "parts": ["language"]}
    enough = rehearsed(load=replace(LOAD, rows=1, more=True), world_size=4, sharding="full-shard", **full).peak.total
    plan = planned(int(enough * 1.07), **full)
    found = next(option for option in plan.options if option.changes.get("sharding") == "full-shard")
    assert (found.processes, found.fits) == (4, True)


def test_options_of_a_run_that_has_them_already() -> None:
    plan = planned(1, checkpointing=True, micro_batch=2, optimizer="adamw8bit", adapter="qlora", parts=["language"])
    assert [dict(option.changes) for option in plan.options] == [{"micro_batch": "1"}]
    plan = planned(1, 2, checkpointing=True, optimizer="adamw8bit", parts=["projector"], micro_batch=1)
    assert [dict(option.changes) for option in plan.options] == [
        {"micro_batch": "1"}, {"micro_batch": "1", "sharding": "shard-grad-op"},
        {"micro_batch": "1", "sharding": "full-shard"},
    ]  # fmt: skip


def test_as_json_and_as_a_table() -> None:
    plan = planned(1 << 20)
    told = json.loads(json.dumps(as_json(plan)))
    assert told["total"] == sum(told["peak"].values()) == plan.total
    assert told["fits"] is False
    assert told["options"][0] == {
        "changes": {"checkpointing": "true"}, "processes": 1, "total": plan.options[0].total, "fits": False,
    }  # fmt: skip
    text = render(plan)
    assert f"{plan.total / GIB:.2f}" in text
    assert "adapter=qlora" in text
    assert max(map(len, text.splitlines())) <= 100


def test_memory_that_is_there() -> None:
    assert 1 << 20 < available_bytes(2) <= available_bytes(1) < 1 << 50


# -- against what runs allocate ----------------------------------------------------------------------------------------

MEASURE = Path(__file__).with_name("measure_steps.py")
RUNS: dict[str, dict[str, Any]] = {
    "plain": {},
    "float32": {"precision": "fp32"},
    "checkpointing": {"checkpointing": True},
    "accumulation": {"parts_of_a_step": 2},
    "lora": {"adapter": "lora", "rank": 16, "parts": ["language"]},
    "qlora": {"adapter": "qlora", "rank": 16, "parts": ["language", "projector"], "checkpointing": True},
    "8-bit moments": {"optimizer": "adamw8bit"},
    "projector alone": {"parts": ["projector"]},
    "everything": {"parts": ["vision", *ALL]},
    "two processes": {"processes": 2, "batch": 2},
    "full shard": {"processes": 2, "batch": 2, "sharding": "full-shard"},
    "gradients sharded": {"processes": 2, "batch": 2, "sharding": "shard-grad-op", "checkpointing": True},
}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_plans_are_within_15_percent_of_what_runs_allocate(tmp_path: Path) -> None:
    runs = {name: run for name, run in RUNS.items() if not (torch.cuda.is_available() and "processes" in run)}
    cases: list[dict[str, Any]] = []
    for run in runs.values():
        changes: dict[str, Any] = {"sources": [], "batch": 1, "parts": ALL, "checkpointing": False} | run
        parts = changes.pop("parts_of_a_step", 1)
        load = Sequences(rows=2, tokens=384, images=2, regions=2, learned=100, more=parts > 1)
        cases.append({"settings": changes, "sequences": asdict(load), "parts": parts})
    script = [sys.executable, "-W", "ignore", str(MEASURE), str(tmp_path)]
    done = subprocess.run(script, input=json.dumps(cases), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout)
    for name, case, measured in zip(runs, cases, told["peaks"], strict=True):
        tuned = TuneSettings.model_validate({**case["settings"], "model": "x"})
        load = Sequences(**case["sequences"])
        found = rehearse(tuned, FerretConfig(**told["config"]), load, tuned.processes).peak.total
        assert found == pytest.approx(measured, rel=0.15), name
