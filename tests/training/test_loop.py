"""The training loop: it learns, goes on exactly where it stopped, and averages what several processes found."""

import importlib.metadata
import json
import math
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ferret.errors import TrainingError
from training import checkpointing, loop
from training.distributed import join
from training.loop import Draw, Figure, LoopSettings, Parts, schedule, train
from training.tuning.settings import Sharding

TRUE_WEIGHT = (2.0, -1.0)
TRUE_OFFSET = 0.5
SHORT = LoopSettings(8, batch=4, learning_rate=0.02, warmup=2, average=0.9, processes=1, log_every=1, save_seconds=0.0)
CPU = torch.device("cpu")


class Line(nn.Module):
    """y = a x + b, with a parameter that has to stay as it is and a whole number that counts."""

    def __init__(self) -> None:
        super().__init__()
        self.line = nn.Linear(2, 1)
        self.frozen = nn.Parameter(torch.full((2, 2), 3.0))
        self.register_buffer("seen", torch.zeros((), dtype=torch.long))


@dataclass
class LineTask:
    """Fits a line to points that are drawn from the seed."""

    stop_at: int = -1  # the step at which drawing the batch fails
    spoil: tuple[tuple[int, float], ...] = ()  # factors on the loss of some steps
    joined: bool = False  # draw what two processes draw, in one batch

    def setup(self, device: torch.device) -> nn.Module:
        self.device = device
        self.asked: list[tuple[int, int, float]] = []
        self.module: nn.Module = Line().to(device)
        return self.module

    def batch(self, draw: Draw) -> Any:
        seed, size = draw.seed, draw.size
        if seed == self.stop_at:
            raise KeyboardInterrupt
        self.asked.append((seed, size, draw.progress))
        if self.joined:
            return torch.cat([self.draw(2 * seed, size // 2), self.draw(2 * seed + 1, size // 2)])
        return self.draw(seed, size)

    def draw(self, seed: int, size: int) -> Tensor:
        return torch.randn(size, 2, generator=torch.Generator().manual_seed(seed))

    def loss(self, batch: Any, progress: float) -> tuple[Tensor, Mapping[str, Figure]]:
        x = batch.to(self.device)
        self.module.seen.add_(1)  # type: ignore[operator]
        with torch.autocast(x.device.type, enabled=False):
            error = self.predict(x) - (x @ torch.tensor(TRUE_WEIGHT, device=x.device) + TRUE_OFFSET)
        step = len(self.asked) - 1
        factor = dict(self.spoil).get(step, 1.0)
        return error.square().mean() * factor, {"progress": progress}

    def predict(self, x: Tensor) -> Tensor:
        assert isinstance(self.module, Line)
        values: Tensor = self.module.line(x).squeeze(-1) + (self.module.frozen.sum() - 12)
        return values

    def learning_rate(self, name: str) -> float:
        return 0.0 if name == "frozen" else 0.5 if name == "line.bias" else 1.0

    def finish(self, module: nn.Module, folder: Path) -> None:
        assert not module.training
        state = {name: value.cpu().contiguous() for name, value in module.state_dict().items()}
        save_file(state, folder / "line.safetensors")


@dataclass
class FilterTask(LineTask):
    """The same through a convolution, whose weights lie in memory one way or the other."""

    layout: torch.memory_format = torch.contiguous_format
    pixels: torch.memory_format = torch.contiguous_format

    def setup(self, device: torch.device) -> nn.Module:
        super().setup(device)
        self.module = nn.Sequential(nn.Conv2d(2, 3, 3, padding=1), nn.Conv2d(3, 1, 2))
        self.module.register_buffer("seen", torch.zeros((), dtype=torch.long))
        return self.module.to(device, memory_format=self.layout)  # type: ignore[call-overload, no-any-return]

    def predict(self, x: Tensor) -> Tensor:
        picture = x[:, :, None, None] * torch.linspace(-1, 1, 16, device=x.device).view(1, 1, 4, 4)
        values: Tensor = self.module(picture.contiguous(memory_format=self.pixels)).mean((1, 2, 3))
        return values


def checkpoint(folder: Path) -> tuple[dict[str, Tensor], int]:
    path = folder / "checkpoint.safetensors"
    with safe_open(path, "pt") as file:
        step = int(file.metadata()["step"])
    return load_file(path), step


def log(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def untimed(folder: Path) -> list[dict[str, float]]:
    """The log without what depends on the machine's mood."""
    return [{k: v for k, v in line.items() if k not in {"pictures_per_second", "minutes_left"}} for line in log(folder)]


def test_schedule_warms_up_and_then_falls_to_a_hundredth() -> None:
    settings = LoopSettings(104, batch=2, learning_rate=1, warmup=4)
    factors = [schedule(step, settings) for step in range(105)]
    assert factors[:5] == [0.25, 0.5, 0.75, 1.0, 1.0]
    assert factors[4:] == sorted(factors[4:], reverse=True)
    assert factors[54] == pytest.approx(0.505)
    assert factors[104] == pytest.approx(0.01)
    assert schedule(1000, settings) == pytest.approx(0.01)


@pytest.mark.parametrize(("steps", "warmup"), [(1, 0), (1, 1), (5, 100)])
def test_schedule_of_very_short_runs(steps: int, warmup: int) -> None:
    settings = LoopSettings(steps, batch=2, learning_rate=1, warmup=warmup)
    assert all(0 < schedule(step, settings) <= 1 for step in range(steps + 1))


def test_it_learns_a_line(tmp_path: Path) -> None:
    task = LineTask()
    long = replace(SHORT, steps=150, batch=16, learning_rate=0.1, weight_decay=0.0, log_every=10, save_seconds=60)
    train(task, long, tmp_path / "run")
    found = load_file(tmp_path / "run" / "line.safetensors")
    assert found["line.weight"].tolist()[0] == pytest.approx(TRUE_WEIGHT, abs=0.03)
    assert found["line.bias"].item() == pytest.approx(TRUE_OFFSET, abs=0.03)
    lines = log(tmp_path / "run")
    assert lines[-1]["loss"] < 0.01 < lines[0]["loss"]


def test_who_trains_computes_on_as_before(tmp_path: Path) -> None:
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        train(LineTask(), SHORT, tmp_path)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)
    assert (torch.tensor(1e-40) * 0.5).item() > 0  # a number that a run takes for nought


def test_what_ships_is_the_average(tmp_path: Path) -> None:
    train(LineTask(), SHORT, tmp_path)
    tensors, step = checkpoint(tmp_path)
    assert step == SHORT.steps
    for name, value in load_file(tmp_path / "line.safetensors").items():
        assert torch.equal(value, tensors.get(f"average.{name}", torch.full((2, 2), 3.0)))
    assert not torch.equal(tensors["model.line.weight"], tensors["average.line.weight"])
    assert tensors["average.seen"] == tensors["model.seen"] == SHORT.steps


def test_the_average_follows_the_weights_quickly_at_first(tmp_path: Path) -> None:
    task = LineTask()
    train(task, replace(SHORT, steps=1, warmup=0, average=0.999), tmp_path)
    tensors, _ = checkpoint(tmp_path)
    torch.manual_seed(SHORT.seed)
    start = Line().line.weight.detach()
    # After one step: 2 parts of 11 old, the rest new.
    expected = start + (tensors["model.line.weight"] - start) * (1 - 2 / 11)
    torch.testing.assert_close(tensors["average.line.weight"], expected)


def test_batches_depend_on_the_step_alone(tmp_path: Path) -> None:
    task = LineTask()
    train(task, SHORT, tmp_path / "first")
    assert task.asked == [(step, 4, step / 8) for step in range(8)]
    train(task, replace(SHORT, seed=1), tmp_path / "second")
    assert len({seed for seed, _, _ in task.asked} - set(range(8))) == 8


def test_frozen_parameters_stay(tmp_path: Path) -> None:
    train(LineTask(), replace(SHORT, weight_decay=0.5), tmp_path)
    tensors, _ = checkpoint(tmp_path)
    assert (load_file(tmp_path / "line.safetensors")["frozen"] == 3).all()
    assert not any("frozen" in name for name in tensors)  # it is as it was set up


def test_learning_rates_are_scaled_by_name(tmp_path: Path) -> None:
    train(LineTask(), replace(SHORT, steps=1, warmup=0, weight_decay=0.0), tmp_path)
    tensors, _ = checkpoint(tmp_path)
    torch.manual_seed(SHORT.seed)
    start = Line().line
    # Adam's first step is as long as the rate.
    moved = [(tensors[f"model.line.{name}"] - getattr(start, name)).abs().max().item() for name in ("weight", "bias")]
    assert moved == pytest.approx([SHORT.learning_rate, 0.5 * SHORT.learning_rate], rel=1e-3)


def test_only_matrices_decay(tmp_path: Path) -> None:
    nothing = tuple((step, 0.0) for step in range(8))  # no gradient: all that is left is the decay
    train(LineTask(spoil=nothing), replace(SHORT, weight_decay=5.0), tmp_path)
    tensors, _ = checkpoint(tmp_path)
    torch.manual_seed(SHORT.seed)
    start = Line().line
    assert (tensors["model.line.weight"].abs() < start.weight.abs()).all()
    assert torch.equal(tensors["model.line.bias"], start.bias.detach())


@pytest.mark.parametrize("kind", [LineTask, FilterTask])
def test_a_stopped_run_goes_on_exactly(tmp_path: Path, kind: type[LineTask]) -> None:
    train(kind(), SHORT, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        train(kind(stop_at=5), SHORT, tmp_path / "parts")
    assert checkpoint(tmp_path / "parts")[1] == 5
    task = kind()
    train(task, SHORT, tmp_path / "parts")
    assert [seed for seed, _, _ in task.asked] == [5, 6, 7]
    (whole, last), (parts, step) = checkpoint(tmp_path / "whole"), checkpoint(tmp_path / "parts")
    assert last == step == 8
    assert whole.keys() == parts.keys()
    for name, value in whole.items():
        assert torch.equal(value, parts[name]), name
    shipped = [load_file(tmp_path / part / "line.safetensors") for part in ("whole", "parts")]
    assert all(torch.equal(value, shipped[1][name]) for name, value in shipped[0].items())
    assert [line["step"] for line in log(tmp_path / "parts")] == list(range(1, 9))


def test_a_finished_run_is_left_as_it_is(tmp_path: Path) -> None:
    train(LineTask(), SHORT, tmp_path)
    before = checkpoint(tmp_path)[0]
    (tmp_path / "line.safetensors").write_bytes(b"newer")
    for settings in (SHORT, replace(SHORT, steps=SHORT.steps - 1)):
        train(LineTask(stop_at=0), settings, tmp_path)
    assert (tmp_path / "line.safetensors").read_bytes() == b"newer"
    assert all(torch.equal(value, before[name]) for name, value in checkpoint(tmp_path)[0].items())


def test_a_run_that_died_before_its_end_was_written_ends_again(tmp_path: Path) -> None:
    train(LineTask(), SHORT, tmp_path)
    before = checkpoint(tmp_path)[0]
    (tmp_path / "line.safetensors").unlink()
    (tmp_path / loop.FINISHED).unlink()
    task = LineTask()
    train(task, SHORT, tmp_path)
    assert task.asked == []
    assert (tmp_path / "line.safetensors").is_file()
    assert all(torch.equal(value, before[name]) for name, value in checkpoint(tmp_path)[0].items())


def test_a_run_may_be_made_longer(tmp_path: Path) -> None:
    train(LineTask(), SHORT, tmp_path)
    task = LineTask()
    train(task, replace(SHORT, steps=10), tmp_path)
    assert [(seed, progress) for seed, _, progress in task.asked] == [(8, 0.8), (9, 0.9)]
    assert checkpoint(tmp_path)[1] == 10


@pytest.mark.parametrize("change", [{"batch": 8}, {"seed": 1}, {"processes": 2}, {"batch": 2, "seed": 3}])
def test_a_folder_of_another_run_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    train(LineTask(), SHORT, tmp_path)
    before = (tmp_path / "checkpoint.safetensors").read_bytes()
    with pytest.raises(TrainingError, match=f"holds a run with another {', '.join(change)}: use those settings or"):
        train(LineTask(), replace(SHORT, **change), tmp_path)
    assert (tmp_path / "checkpoint.safetensors").read_bytes() == before


@pytest.mark.parametrize(
    "wrong",
    [
        {"steps": 0}, {"batch": 0}, {"learning_rate": -1.0}, {"processes": 0}, {"processes": 3}, {"log_every": 0},
        {"average": 1.0}, {"average": -0.1}, {"average": 0.9, "sharding": Sharding.FULL},
    ],
)
def test_settings_that_train_nothing_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(TrainingError, match=next(iter(wrong))):
        replace(SHORT, **wrong)


@pytest.mark.parametrize("factor", [math.nan, math.inf])
def test_a_step_that_is_not_finite_is_skipped(tmp_path: Path, factor: float) -> None:
    train(LineTask(stop_at=-1), replace(SHORT, steps=3), tmp_path / "before")
    train(LineTask(spoil=((3, factor),)), replace(SHORT, steps=4, log_every=1), tmp_path / "spoiled")
    spoiled, step = checkpoint(tmp_path / "spoiled")
    assert step == 4
    assert all(value.isfinite().all() for value in spoiled.values())
    assert spoiled["optimizer.step.line.weight"] == 3
    lines = log(tmp_path / "spoiled")
    assert [line.get("skipped") for line in lines] == [None, None, None, 1.0]
    assert [("norm" in line) for line in lines] == [True, True, True, False]
    assert all(math.isfinite(value) for line in lines for value in line.values())
    # The steps after it go on learning.
    train(LineTask(spoil=((3, factor),)), replace(SHORT, steps=8), tmp_path / "on")
    assert checkpoint(tmp_path / "on")[0]["optimizer.step.line.weight"] == 7


def test_long_gradients_are_clipped(tmp_path: Path) -> None:
    settings = replace(SHORT, steps=2, clip=0.001)
    train(LineTask(spoil=((0, 1e6),)), settings, tmp_path)
    tensors, _ = checkpoint(tmp_path)
    moments = torch.cat([tensors[f"optimizer.exp_avg.line.{name}"].flatten() for name in ("weight", "bias")])
    assert moments.norm() < 0.001
    assert log(tmp_path)[0]["norm"] > 1e5  # what it was before


def test_the_log_has_a_line_every_so_often(tmp_path: Path) -> None:
    train(LineTask(), replace(SHORT, steps=7, log_every=3), tmp_path)
    lines = log(tmp_path)
    assert [line["step"] for line in lines] == [3, 6]
    assert lines[0]["progress"] == pytest.approx((0 + 1 + 2) / 3 / 7, abs=1e-4)  # a mean over its steps
    assert {"of", "pictures_per_second", "minutes_left", "loss", "norm"} <= lines[1].keys()
    assert lines[1]["of"] == 7


def test_a_failed_save_leaves_the_checkpoint_before_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(LineTask(stop_at=4), SHORT, tmp_path / "run")
    before = (tmp_path / "run" / "checkpoint.safetensors").read_bytes()

    def full_disk(_: dict[str, Tensor], path: Path, __: dict[str, str]) -> None:
        path.write_bytes(b"half of it")
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(checkpointing, "save_file", full_disk)
        with pytest.raises(OSError, match="no space"):
            train(LineTask(), SHORT, tmp_path / "run")
    assert (tmp_path / "run" / "checkpoint.safetensors").read_bytes() == before
    train(LineTask(), SHORT, tmp_path / "run")
    train(LineTask(), SHORT, tmp_path / "whole")
    whole = checkpoint(tmp_path / "whole")[0]
    assert all(torch.equal(value, whole[name]) for name, value in checkpoint(tmp_path / "run")[0].items())


@pytest.mark.parametrize("resumed", [False, True])
def test_the_memory_layout_of_parameters_changes_nothing(tmp_path: Path, resumed: bool) -> None:
    # The fused optimizer walks through parameter, gradient and moments by address: they must lie in memory alike.
    found = []
    plain, last = torch.contiguous_format, torch.channels_last
    for layout, pixels in ((plain, plain), (plain, last), (last, last), (last, plain)):
        torch.manual_seed(0)
        (folder := tmp_path / f"{layout} {pixels}").mkdir()
        run = loop._Run(FilterTask(layout=layout, pixels=pixels), SHORT, folder, join(SHORT.precision))
        for step in range(4):
            if resumed and step == 2:
                run.save()
                run = loop._Run(FilterTask(layout=layout, pixels=pixels), SHORT, folder, join(SHORT.precision))
            batch = run._batch()
            run._update(batch, run._agree(batch))
        first = run.module.get_parameter("0.weight")
        assert first.is_contiguous(memory_format=layout)
        assert first.grad is not None
        assert first.grad.stride() == first.stride()
        found.append({name: value.contiguous() for name, value in run.module.state_dict().items()})
    for other in found[1:]:
        for name, value in found[0].items():
            torch.testing.assert_close(other[name], value, atol=1e-5, rtol=1e-5, msg=name)


@dataclass
class PartsTask(LineTask):
    """The line in parts of uneven size, each with a loss that is the mean over its points."""

    cuts: tuple[int, ...] = (1, 4)
    noise: float = 0.0  # as of dropout

    def batch(self, draw: Draw) -> Parts:
        points = super().batch(draw)
        parts = [part for part in torch.tensor_split(points, self.cuts) if len(part)]
        return Parts(parts, [float(len(part)) for part in parts], points[:0])

    def loss(self, batch: Any, progress: float) -> tuple[Tensor, Mapping[str, Figure]]:
        del progress
        with torch.autocast(batch.device.type, enabled=False):
            batch = batch + self.noise * torch.randn_like(batch)
            errors = (self.predict(batch) - (batch @ torch.tensor(TRUE_WEIGHT) + TRUE_OFFSET)).square()
        return errors.sum() / max(1, len(errors)), {"squares": (float(errors.detach().sum()), len(errors))}


@pytest.mark.parametrize("cuts", [(), (0,), (1,), (1, 4), (1, 2, 3, 4, 5)])
def test_parts_add_up_to_one_large_batch(tmp_path: Path, cuts: tuple[int, ...]) -> None:
    settings = replace(SHORT, batch=6, steps=4)
    train(PartsTask(cuts=()), settings, tmp_path / "whole")
    train(PartsTask(cuts=cuts), settings, tmp_path / "parts")
    whole, parts = checkpoint(tmp_path / "whole")[0], checkpoint(tmp_path / "parts")[0]
    for name, value in whole.items():
        torch.testing.assert_close(parts[name], value, atol=1e-6, rtol=1e-5)
    for one, other in zip(log(tmp_path / "whole"), log(tmp_path / "parts"), strict=True):
        assert one["loss"] == pytest.approx(other["loss"], rel=1e-5)
        assert one["squares"] == pytest.approx(one["loss"], rel=1e-6)


@dataclass
class IdleTask(PartsTask):
    """Draws nothing that can be used in some steps."""

    idle: tuple[int, ...] = (1, 3)

    def batch(self, draw: Draw) -> Parts:
        parts = super().batch(draw)
        return Parts([], [], parts.filler) if draw.seed in self.idle else parts


def test_a_step_without_anything_to_learn_is_skipped_and_counted(tmp_path: Path) -> None:
    train(IdleTask(), SHORT, tmp_path)
    tensors, step = checkpoint(tmp_path)
    assert step == 8
    assert tensors["optimizer.step.line.weight"] == 6
    assert [line.get("skipped") for line in log(tmp_path)] == [None, 1, 1, 2, 2, 2, 2, 2]
    assert ["loss" in line for line in log(tmp_path)] == [True, False, True, False, True, True, True, True]


@pytest.mark.parametrize("stop", [1, 4, 5, 7])
def test_what_is_drawn_at_random_and_logged_goes_on_exactly(tmp_path: Path, stop: int) -> None:
    settings = replace(SHORT, log_every=3)
    train(PartsTask(noise=0.5), settings, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        train(PartsTask(noise=0.5, stop_at=stop), settings, tmp_path / "parts")
    torch.rand(3)  # somebody else draws in between
    train(PartsTask(noise=0.5), settings, tmp_path / "parts")
    whole, parts = checkpoint(tmp_path / "whole")[0], checkpoint(tmp_path / "parts")[0]
    assert all(torch.equal(value, parts[name]) for name, value in whole.items())
    assert untimed(tmp_path / "parts") == (lines := untimed(tmp_path / "whole"))
    assert [line["step"] for line in lines] == [3, 6]


def test_lines_of_steps_that_are_made_again_are_dropped(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(LineTask(stop_at=5), replace(SHORT, save_seconds=60.0), tmp_path)  # no checkpoint: killed before one
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write('{"step": 6, "lo')  # cut short by the crash
    train(LineTask(), SHORT, tmp_path)
    assert [line["step"] for line in log(tmp_path)] == list(range(1, 9))


def test_without_an_average_the_last_weights_ship(tmp_path: Path) -> None:
    train(LineTask(), replace(SHORT, average=0.0), tmp_path)
    tensors, _ = checkpoint(tmp_path)
    assert not [name for name in tensors if name.startswith("average.")]
    shipped = load_file(tmp_path / "line.safetensors")
    assert torch.equal(shipped["line.weight"], tensors["model.line.weight"])
    assert (shipped["frozen"] == 3).all()


def test_the_run_folder_tells_how_to_repeat_the_run(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(LineTask(stop_at=5), SHORT, tmp_path, {"recipe": "line"})
    first = json.loads((tmp_path / "run.json").read_text())
    assert first["recipe"] == "line"
    assert first["task"].startswith("LineTask(stop_at=5")
    assert first["settings"]["learning_rate"] == SHORT.learning_rate
    assert first["settings"]["precision"] == "bf16"
    assert first["processes"] == 1
    assert first["versions"]["torch"] == importlib.metadata.version("torch")
    assert {"started", "command", "commit", "hardware"} <= first.keys()
    assert first["resumed"] == []
    train(LineTask(), SHORT, tmp_path, {"recipe": "line"})
    again = json.loads((tmp_path / "run.json").read_text())
    assert again["task"] == first["task"]
    assert [item["step"] for item in again["resumed"]] == [5]


def test_events_are_written_for_tensorboard(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import (  # type: ignore[import-untyped]
        EventAccumulator,
    )

    with pytest.raises(KeyboardInterrupt):
        train(LineTask(stop_at=5), SHORT, tmp_path)
    train(LineTask(), SHORT, tmp_path)
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    values = [(event.step, event.value) for event in events.Scalars("loss")]
    assert [step for step, _ in values] == list(range(1, 9))
    assert [value for _, value in values] == pytest.approx([line["loss"] for line in log(tmp_path)], rel=1e-6)


def test_a_checkpoint_of_another_model_is_refused(tmp_path: Path) -> None:
    train(LineTask(), SHORT, tmp_path)
    with pytest.raises(TrainingError, match=r"lacks 'model.0.weight': it is of another model, use another folder"):
        train(FilterTask(), replace(SHORT, steps=9), tmp_path)


def test_a_damaged_checkpoint_is_reported(tmp_path: Path) -> None:
    train(LineTask(), SHORT, tmp_path)
    (tmp_path / "checkpoint.safetensors").write_bytes(b"half of it")
    with pytest.raises(TrainingError, match=r"checkpoint.safetensors cannot be read .*: remove it to begin anew"):
        train(LineTask(), replace(SHORT, steps=9), tmp_path)


def test_a_task_that_freezes_everything_is_refused(tmp_path: Path) -> None:
    class Frozen(LineTask):
        def learning_rate(self, name: str) -> float:
            del name
            return 0.0

    with pytest.raises(TrainingError, match="nothing trains"):
        train(Frozen(), SHORT, tmp_path)


@pytest.mark.parametrize("sharding", [Sharding.FULL, Sharding.GRAD_OP])
def test_one_process_cannot_be_sharded(tmp_path: Path, sharding: Sharding) -> None:
    with pytest.raises(TrainingError, match=f"{sharding.value} divides nothing over one process: start several"):
        train(LineTask(), replace(SHORT, average=0.0, sharding=sharding), tmp_path)


def test_batches_that_are_drawn_ahead_are_the_same(tmp_path: Path) -> None:
    task = LineTask()
    run = loop._Run(task, SHORT, tmp_path, join(SHORT.precision))
    run.drawer = ThreadPoolExecutor(1)  # as on a GPU
    for step in range(SHORT.steps):
        batch = run._batch()
        assert torch.equal(batch, task.draw(step, SHORT.batch))
        run._update(batch, run._agree(batch))
    assert [seed for seed, _, _ in task.asked] == list(range(SHORT.steps))
