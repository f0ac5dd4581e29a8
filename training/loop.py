"""The loop that trains every embedded model: several plain processes, exact resume, a log one can plot.

A `Task` says what is learned: it owns the module, draws the batch of a step and computes its loss. The loop does the
rest. Each process runs single-threaded (on a shared machine two processes beat two threads by far), draws its own share
of every batch from `(seed, step, rank)`, and gradients are averaged as one flat tensor over gloo. Because data depend
on the step alone, a run that was stopped goes on exactly where its last checkpoint stood.

Files in the run folder: `log.jsonl` (one line every `log_every` steps), `checkpoint.safetensors` (weights, their
moving average, the optimizer's moments, step and settings), which is replaced atomically, and at last `finished`.
"""

import json
import math
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
import torch.distributed as dist
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ferret.errors import TrainingError

FINISHED = "finished"
"""The file that says after how many steps a run wrote the weights that ship."""


@dataclass(frozen=True)
class LoopSettings:
    """How long and how fast to train. `batch` is the number of pictures a step over all processes.

    Raises:
        TrainingError: a number that must be positive is not, or the batch does not divide by the processes.
    """

    steps: int
    batch: int
    learning_rate: float
    warmup: int = 100
    weight_decay: float = 0.05
    clip: float = 1.0
    decay: float = 0.99
    average: float = 0.999
    processes: int = 2
    seed: int = 0
    log_every: int = 20
    save_seconds: float = 240.0

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "learning_rate", "processes", "log_every"):
            if not getattr(self, name) > 0:
                raise TrainingError(f"{name} must be more than 0, not {getattr(self, name)}")
        if self.batch % self.processes:
            raise TrainingError(f"{self.processes} processes cannot share a batch of {self.batch}: choose a multiple")


@dataclass(frozen=True)
class Draw:
    """What one process is asked to draw for one step.

    Attributes:
        seed: differs between all steps and processes of a run, and is the same whenever this share is drawn again.
        size: number of samples.
        progress: how much of the run is done, 0 to 1.
        first: place of the first of these samples in the order of the whole run; the others follow it.
    """

    seed: int
    size: int
    progress: float = 0.0
    first: int = 0


class Task(Protocol):
    """What is learned. Pickled into each process, which then calls `setup`; `progress` always runs from 0 to 1."""

    def setup(self, device: torch.device) -> nn.Module:
        """Build the module to train, with its initial weights, on `device`."""

    def batch(self, draw: Draw) -> Any:
        """Draw samples, on the CPU; nothing but `draw` may decide which."""

    def loss(self, batch: Any, progress: float) -> tuple[Tensor, dict[str, float]]:
        """The loss to minimise and figures for the log."""

    def learning_rate(self, name: str) -> float:
        """A factor on the learning rate of parameter `name`; 0 freezes it."""

    def finish(self, module: nn.Module, folder: Path) -> None:
        """Write the weights that ship from the averaged module."""


def schedule(step: int, settings: LoopSettings) -> float:
    """Learning-rate factor: linear warm-up, then a cosine down to 1 % at the last step."""
    if step < settings.warmup:
        return (step + 1) / settings.warmup
    progress = (step - settings.warmup) / max(1, settings.steps - settings.warmup)
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))


def train(task: Task, settings: LoopSettings, folder: Path) -> None:
    """Train `task` in `folder`, going on from its checkpoint if there is one.

    The number of steps may be changed on the way; a run that has made them all is left as it is, what it wrote too.
    Raises `TrainingError` if the folder holds another run.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _check_folder(folder, settings)  # here and not in the processes, whose errors come back as text
    finished = folder / FINISHED
    if finished.exists() and int(finished.read_text()) >= settings.steps:
        return
    if torch.cuda.is_available() or settings.processes == 1:
        _worker(0, task, settings, folder, 1)
        return
    rendezvous = folder / f".rendezvous-{os.getpid()}"
    rendezvous.unlink(missing_ok=True)
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        torch.multiprocessing.spawn(  # type: ignore[attr-defined,no-untyped-call]
            _worker, (task, settings, folder, settings.processes, str(rendezvous)), settings.processes
        )
    finally:
        rendezvous.unlink(missing_ok=True)


def _worker(rank: int, task: Task, settings: LoopSettings, folder: Path, ranks: int, rendezvous: str = "") -> None:
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device.type == "cpu":
        torch.set_num_threads(1)
        torch.set_flush_denormal(True)
    if ranks > 1:
        dist.init_process_group("gloo", init_method=f"file://{rendezvous}", rank=rank, world_size=ranks)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # a dozen short texts are done before threads are awake
    torch.manual_seed(settings.seed)
    run = _Run(task, settings, folder, device, rank, ranks)
    run.go()
    if ranks > 1:
        dist.destroy_process_group()


class _Run:
    """One process's share of a run."""

    def __init__(
        self, task: Task, settings: LoopSettings, folder: Path, device: torch.device, rank: int, ranks: int
    ) -> None:
        self.task, self.settings, self.folder, self.device = task, settings, folder, device
        self.rank, self.ranks = rank, ranks
        self.module = task.setup(device)
        named = [(name, p) for name, p in self.module.named_parameters() if task.learning_rate(name) > 0]
        for name, parameter in self.module.named_parameters():
            parameter.requires_grad_(task.learning_rate(name) > 0)
        groups: dict[tuple[float, bool], list[nn.Parameter]] = {}
        for name, parameter in named:
            groups.setdefault((task.learning_rate(name), parameter.ndim >= 2), []).append(parameter)
        self.factors = [factor for factor, _ in groups]
        self.optimizer = torch.optim.AdamW(
            [{"params": ps, "weight_decay": settings.weight_decay * decays} for (_, decays), ps in groups.items()],
            lr=settings.learning_rate, betas=(0.9, settings.decay), fused=True,
        )  # fmt: skip
        self.names = {id(parameter): name for name, parameter in named}
        self.parameters = [parameter for _, parameter in named]
        self.average = {name: value.detach().clone() for name, value in self.module.state_dict().items()}
        self.step = 0
        self._resume()

    def go(self) -> None:
        """Run to the last step, then let the task write what ships."""
        started = saved = time.monotonic()
        since: dict[str, list[float]] = {}
        first = self.step
        with _progress_bar(self.rank == 0) as bar:
            line = bar.add_task(self.folder.name, total=self.settings.steps, completed=first, loss="")
            while self.step < self.settings.steps:
                loss, figures = self._update(self._batch())
                for name, value in figures.items():
                    since.setdefault(name, []).append(value)
                if self.rank > 0:
                    continue
                bar.update(line, completed=self.step, loss=f"loss {loss:.3f}")
                if self.step % self.settings.log_every == 0:
                    self._log(since, (self.step - first) / (time.monotonic() - started))
                    since = {}
                if time.monotonic() - saved > self.settings.save_seconds:
                    self.save()
                    saved = time.monotonic()
        if self.rank == 0:
            self.save()
            self.module.load_state_dict(self.average)
            self.module.eval()
            self.task.finish(self.module, self.folder)
            (self.folder / FINISHED).write_text(f"{self.step}\n")

    def _batch(self) -> Any:
        """This process's share of the step's batch, a function of seed, step and rank alone."""
        seed = (self.settings.seed * 1_000_003 + self.step) * self.ranks + self.rank
        size = self.settings.batch // self.ranks
        first = self.step * self.settings.batch + self.rank * size
        return self.task.batch(Draw(seed, size, self.step / self.settings.steps, first))

    def _update(self, batch: Any) -> tuple[float, dict[str, float]]:
        """One step: the loss, and the figures for the log, which a step that was not made leaves out."""
        settings = self.settings
        rate = settings.learning_rate * schedule(self.step, settings)
        for group, factor in zip(self.optimizer.param_groups, self.factors, strict=True):
            group["lr"] = rate * factor
        self.optimizer.zero_grad(set_to_none=True)
        with torch.autocast(self.device.type, torch.bfloat16):
            loss, figures = self.task.loss(batch, self.step / settings.steps)
        loss.backward()
        if self.ranks > 1:
            self._share_gradients()
        norm = float(nn.utils.clip_grad_norm_(self.parameters, settings.clip))
        if not math.isfinite(norm):  # one bad batch must not spoil the run
            self.step += 1
            return float(loss.detach()), {"skipped": 1.0}
        self.optimizer.step()
        self.step += 1
        self._follow()
        value = float(loss.detach())
        return value, {"loss": value, **figures, "norm": norm}

    def _share_gradients(self) -> None:
        """Average the gradients over the processes, as one flat tensor.

        A parameter that no process used keeps no gradient, so that the optimizer leaves it alone. They are copied back
        in place: a gradient must keep the memory layout of its parameter, because the fused optimizer walks through
        both by address.
        """
        used = torch.tensor([parameter.grad is not None for parameter in self.parameters], dtype=torch.uint8)
        dist.all_reduce(used, dist.ReduceOp.MAX)
        for parameter, needed in zip(self.parameters, used.tolist(), strict=True):
            if needed and parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        gradients = [parameter.grad for parameter in self.parameters if parameter.grad is not None]
        flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
        dist.all_reduce(flat)
        flat /= self.ranks
        for gradient, piece in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(piece.view_as(gradient))

    @torch.no_grad()
    def _follow(self) -> None:
        """Move the average towards the weights; young averages move faster, and buffers are copied."""
        keep = min(self.settings.average, (1 + self.step) / (10 + self.step))
        state = self.module.state_dict()
        floats = [name for name, value in state.items() if value.is_floating_point()]
        torch._foreach_lerp_([self.average[n] for n in floats], [state[n].detach() for n in floats], 1 - keep)
        for name, value in state.items():
            if not value.is_floating_point():
                self.average[name].copy_(value)

    def _log(self, since: dict[str, list[float]], rate: float) -> None:
        left = (self.settings.steps - self.step) / rate if rate else 0.0
        line: dict[str, float] = {"step": self.step, "of": self.settings.steps}
        line |= {"pictures_per_second": round(rate * self.settings.batch, 1), "minutes_left": round(left / 60, 1)}
        figures = {name: round(sum(values) / len(values), 4) for name, values in since.items()}
        with (self.folder / "log.jsonl").open("a") as log:
            log.write(json.dumps({**line, **figures}) + "\n")

    def save(self) -> None:
        """Write the checkpoint; a crash leaves either the old one or the new one."""
        tensors = {f"model.{name}": value for name, value in self.module.state_dict().items()}
        tensors |= {f"average.{name}": value for name, value in self.average.items()}
        for parameter, state in self.optimizer.state.items():
            for key, value in state.items():
                tensors[f"optimizer.{key}.{self.names[id(parameter)]}"] = value
        tensors = {name: value.detach().cpu().clone().contiguous() for name, value in tensors.items()}
        metadata = {"step": str(self.step), "settings": json.dumps(asdict(self.settings))}
        partial = self.folder / "checkpoint.partial"
        save_file(tensors, partial, metadata)
        partial.replace(self.folder / "checkpoint.safetensors")

    def _resume(self) -> None:
        path = self.folder / "checkpoint.safetensors"
        if not path.exists():
            return
        tensors = load_file(path, device=str(self.device))
        self.module.load_state_dict(_under("model.", tensors))
        self.average = _under("average.", tensors)
        for parameter in self.parameters:
            name = self.names[id(parameter)]
            keys = [key for key in ("step", "exp_avg", "exp_avg_sq") if f"optimizer.{key}.{name}" in tensors]
            if keys:
                saved = {key: tensors[f"optimizer.{key}.{name}"] for key in keys}
                for key in saved.keys() - {"step"}:  # moments have to lie in memory as their parameter does
                    saved[key] = torch.empty_like(parameter).copy_(saved[key])
                self.optimizer.state[parameter] = saved
        self.step = int(_metadata(path)["step"])


def _check_folder(folder: Path, settings: LoopSettings) -> None:
    """Refuse to go on with a run that drew other data."""
    path = folder / "checkpoint.safetensors"
    if not path.exists():
        return
    before = json.loads(_metadata(path)["settings"])
    changed = [k for k in ("batch", "seed", "processes") if before.get(k) != asdict(settings)[k]]
    if changed:
        raise TrainingError(
            f"{folder} holds a run with another {', '.join(changed)}: use those settings or another folder"
        )


def _metadata(path: Path) -> dict[str, str]:
    with safe_open(path, "pt") as file:
        metadata: dict[str, str] = file.metadata()
    return metadata


def _progress_bar(visible: bool) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[loss]}"))
    return Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), disable=not visible)


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
