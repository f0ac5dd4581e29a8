"""Several processes learn what one learns, however the work falls between them; and runs survive being killed."""

import json
import random
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ferret.errors import TrainingError
from training.loop import Draw, LoopSettings, Parts, train
from training.tuning.settings import Optimizer, Precision, Sharding

sys.path.insert(0, str(Path(__file__).parent))  # for processes that are started here, too
import processes

SETTINGS = LoopSettings(
    6, batch=8, learning_rate=0.02, warmup=2, average=0.0, precision=Precision.FP32, processes=1, log_every=1,
    save_seconds=1e9, weight_decay=0.1,
)  # fmt: skip
pytestmark = pytest.mark.skipif(torch.cuda.is_available(), reason="processes here meet over gloo")


class Net(nn.Module):
    """A small network of layers that can be sharded, whose sizes no number of processes divides."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Linear(2, 7)
        self.layers = nn.ModuleList([nn.Linear(7, 7) for _ in range(2)])
        self.leave = nn.Linear(7, 1)
        self.seldom = nn.Linear(7, 1)  # takes part where a batch asks for it
        self.dropout = nn.Dropout(0.0)

    def blocks(self) -> list[nn.Module]:
        return list(self.layers)

    def forward(self, x: Tensor, seldom: bool) -> Tensor:
        hidden = self.dropout(self.enter(x).tanh())
        for layer in self.layers:
            hidden = hidden + layer(hidden).tanh()
        values: Tensor = (self.leave(hidden) + (self.seldom(hidden) if seldom else 0)).squeeze(-1)
        return values


@dataclass
class NetTask:
    """Points by their place in the order of the run, so that one process draws what several do together.

    Attributes:
        parts: points a part; uneven, so that processes have different numbers of them.
        unusable: places of points that are left out.
        seldom: places of points that make their part use all of the network; None for all.
        spoiled: place of a point with an infinite value.
        dropout: probability.
    """

    parts: tuple[int, ...] = (8,)
    unusable: tuple[int, ...] = ()
    seldom: tuple[int, ...] | None = None
    spoiled: int = -1
    dropout: float = 0.0

    def setup(self, device: torch.device) -> nn.Module:
        torch.manual_seed(0)
        self.module = Net().to(device)
        self.module.dropout.p = self.dropout
        return self.module

    def batch(self, draw: Draw) -> Parts:
        places = [place for place in range(draw.first, draw.first + draw.size) if place not in self.unusable]
        chunks: list[list[int]] = []
        while places:
            size = self.parts[len(chunks) % len(self.parts)]
            chunks.append(places[:size])
            places = places[size:]
        return Parts(chunks, [float(len(chunk)) for chunk in chunks], [])

    def loss(self, batch: Any, progress: float) -> tuple[Tensor, dict[str, tuple[float, float]]]:
        del progress
        rows = [torch.randn(2, generator=torch.Generator().manual_seed(place)) for place in batch]
        x = torch.stack(rows) if rows else torch.zeros(0, 2)
        if self.spoiled in batch:
            x = x * torch.inf
        seldom = self.seldom is None or any(place in self.seldom for place in batch)
        errors = (self.module(x, seldom) - x.sum(-1) ** 2).square()
        return errors.sum() / max(1, len(rows)), {"loss/points": (float(errors.detach().sum()), len(rows))}

    def learning_rate(self, name: str) -> float:
        return 0.5 if "leave" in name else 1.0

    def finish(self, module: nn.Module, folder: Path) -> None:
        save_file({name: value.contiguous() for name, value in module.state_dict().items()}, folder / "net.safetensors")


def train_all(folder: Path, cases: dict[str, tuple[NetTask, LoopSettings]]) -> None:
    """In a process: every case in a folder of its own."""
    for name, (task, settings) in cases.items():
        train(task, settings, folder / name)


def lines(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


FULL, GRAD_OP = replace(SETTINGS, sharding=Sharding.FULL), replace(SETTINGS, sharding=Sharding.GRAD_OP)
CASES: dict[str, tuple[NetTask, LoopSettings]] = {
    "one part": (NetTask(), SETTINGS),
    "uneven parts": (NetTask(parts=(1, 3, 2)), SETTINGS),
    "uneven shares": (NetTask(parts=(2,), unusable=(0, 1, 2, 13, 30, 31)), SETTINGS),
    "an empty share": (NetTask(parts=(2,), unusable=(0, 1, 2, 3, 20, 21, 22, 23)), SETTINGS),
    "an empty step": (NetTask(unusable=tuple(range(16, 24))), SETTINGS),
    "used by one process": (NetTask(parts=(2,), seldom=(0, 9, 19, 30)), SETTINGS),
    "used by none": (NetTask(parts=(2,), seldom=()), SETTINGS),
    "spoiled for one": (NetTask(parts=(2,), spoiled=18), SETTINGS),
    "bfloat16": (NetTask(parts=(2,)), replace(SETTINGS, precision=Precision.BF16)),
    "8 bits": (NetTask(parts=(2,)), replace(SETTINGS, optimizer=Optimizer.ADAMW_8BIT)),
    "averaged": (NetTask(), replace(SETTINGS, average=0.9)),
    "full": (NetTask(parts=(1, 3, 2)), FULL),
    "grad-op": (NetTask(parts=(1, 3, 2)), GRAD_OP),
    "full, an empty share": (NetTask(parts=(2,), unusable=(0, 1, 2, 3, 20, 21, 22, 23)), FULL),
    "full, spoiled": (NetTask(parts=(2,), spoiled=18), FULL),
    "full, bfloat16": (NetTask(parts=(2,)), replace(FULL, precision=Precision.BF16)),
    "grad-op, 8 bits": (NetTask(parts=(2,)), replace(GRAD_OP, optimizer=Optimizer.ADAMW_8BIT)),
}


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of all cases, trained by two processes."""
    folder = tmp_path_factory.mktemp("together")
    processes.finish(processes.start(__file__, "train_all", (folder, CASES), ranks=2))
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_two_processes_learn_what_one_learns(together: Path, tmp_path: Path, name: str) -> None:
    task, settings = CASES[name]
    train(task, replace(settings, sharding=Sharding.NONE), tmp_path)
    one, two = load_file(tmp_path / "net.safetensors"), load_file(together / name / "net.safetensors")
    assert one.keys() == two.keys()
    rough = settings.precision is Precision.BF16
    for key, value in one.items():
        torch.testing.assert_close(two[key], value, atol=5e-3 if rough else 1e-5, rtol=5e-2 if rough else 1e-4)
    for first, second in zip(lines(tmp_path), lines(together / name), strict=True):
        assert first.keys() == second.keys()
        for key in {"loss", "loss/points", "norm", "skipped"} & first.keys():
            assert first[key] == pytest.approx(second[key], rel=3e-2 if rough else 1e-4)


@pytest.mark.slow
def test_what_no_process_used_does_not_decay(together: Path) -> None:
    torch.manual_seed(0)
    start, found = Net(), load_file(together / "used by none" / "net.safetensors")
    assert torch.equal(found["seldom.weight"], start.seldom.weight)
    assert not torch.equal(found["leave.weight"], start.leave.weight)


@pytest.mark.slow
def test_a_sharded_checkpoint_is_one_folder_of_shares(together: Path) -> None:
    (place,) = (together / "full").glob("checkpoint*")
    assert place.name == "checkpoint-00000006"
    assert sorted(path.name for path in place.iterdir()) == ["rank-0-of-2.safetensors", "rank-1-of-2.safetensors"]
    shares = [load_file(path) for path in sorted(place.iterdir())]
    assert [len(share["model.enter.weight"]) for share in shares] == [4, 3]
    whole = load_file(together / "full" / "net.safetensors")
    assert torch.equal(torch.cat([share["model.enter.weight"] for share in shares]), whole["enter.weight"])


@pytest.mark.slow
def test_processes_that_the_loop_starts_itself_learn_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import importlib

    monkeypatch.syspath_prepend(Path(__file__).parent)
    tasks = importlib.import_module(Path(__file__).stem)  # by this name the processes find the task as well
    train(tasks.NetTask(parts=(1, 3, 2)), replace(SETTINGS, processes=2), tmp_path / "two")
    train(NetTask(parts=(1, 3, 2)), SETTINGS, tmp_path / "one")
    one, two = load_file(tmp_path / "one" / "net.safetensors"), load_file(tmp_path / "two" / "net.safetensors")
    for key, value in one.items():
        torch.testing.assert_close(two[key], value, atol=1e-5, rtol=1e-4)
    assert not list((tmp_path / "two").glob(".rendezvous*"))
    assert json.loads((tmp_path / "two" / "run.json").read_text())["processes"] == 2


KILLED = replace(SETTINGS, steps=40, log_every=3, save_seconds=0.0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("ranks", "settings"),
    [(1, replace(KILLED, average=0.9)), (1, replace(KILLED, optimizer=Optimizer.ADAMW_8BIT)), (2, KILLED),
     (2, replace(KILLED, sharding=Sharding.FULL))],
    ids=["one", "8 bits", "two", "sharded"],
)  # fmt: skip
def test_a_run_that_is_killed_goes_on_to_the_bit(tmp_path: Path, ranks: int, settings: LoopSettings) -> None:
    task = NetTask(parts=(1, 3), dropout=0.3)
    processes.finish(processes.start(__file__, "train_all", (tmp_path, {"whole": (task, settings)}), ranks))
    rng, kills = random.Random(ranks), 0
    for _ in range(5):
        running = processes.start(__file__, "train_all", (tmp_path, {"killed": (task, settings)}), ranks)
        kills += processes.killed(running, tmp_path / "killed" / "log.jsonl", rng)
    assert kills >= 2
    processes.finish(processes.start(__file__, "train_all", (tmp_path, {"killed": (task, settings)}), ranks))
    same_to_the_bit(tmp_path / "whole", tmp_path / "killed")
    assert len(json.loads((tmp_path / "killed" / "run.json").read_text())["resumed"]) >= 1


def same_to_the_bit(whole: Path, killed: Path) -> None:
    """Checkpoints, what ships, and the log but for its times, are the same; and nothing is left lying about."""
    files = [sorted(path.relative_to(folder) for path in folder.rglob("*.safetensors")) for folder in (whole, killed)]
    assert files[0] == files[1]
    for name in files[0]:
        one, other = load_file(whole / name), load_file(killed / name)
        assert one.keys() == other.keys()
        for key, value in one.items():
            assert torch.equal(value, other[key]), f"{name}: {key}"
    for name in files[0]:
        if name.name.startswith(("checkpoint", "rank")):
            with safe_open(whole / name, "pt") as first, safe_open(killed / name, "pt") as second:
                assert first.metadata() == second.metadata()
    timed = {"pictures_per_second", "minutes_left"}
    logs = [[{k: v for k, v in line.items() if k not in timed} for line in lines(folder)] for folder in (whole, killed)]
    assert logs[0] == logs[1]
    assert not list(killed.glob("*.partial"))


@pytest.mark.slow
def test_another_number_of_processes_is_refused(together: Path) -> None:
    refusals = {"full": "a run sharded over 2 processes, not 1: start 2", "one part": "a run of 2 processes, not 1"}
    for name, message in refusals.items():
        task, settings = CASES[name]
        with pytest.raises(TrainingError, match=message):
            train(task, replace(settings, steps=9), together / name)
