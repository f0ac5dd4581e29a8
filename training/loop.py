"""The loop that trains every model: one process or many, one GPU or none, exact resume, a log one can plot.

A `Task` says what is learned: it owns the module, draws the batch of a step and computes its loss. The loop does the
rest, on accelerate: bfloat16, several processes on one node or many (DDP, or sharded), accumulation, clipping, the
optimizer and its schedule. Every process draws its own share of every batch from `(seed, step, rank)`, and whatever is
drawn at random in a step begins at a seed of that step. Because all depends on the step alone, a run that was stopped,
at whatever moment, goes on as if it had not been.

Files in the run folder: those of `training.run_folder`, the checkpoint (`training.checkpointing`: what trains, its
moving average, the optimizer's moments, the step and the settings), and at last `finished`.
"""

import json
import math
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
import torch.distributed as dist
from accelerate import Accelerator
from accelerate.utils import gather_object, set_seed
from torch import Tensor, nn

from ferret.errors import TrainingError
from training import checkpointing
from training.distributed import clip_sharded, join, local, process_count, run_processes, shard, whole
from training.optimizers import adamw, load_state, saved_state
from training.run_folder import RunBar, RunFolder, start_facts
from training.tuning.settings import Optimizer, Precision, Sharding

FINISHED = "finished"
"""The file that says after how many steps a run wrote the weights that ship."""

Figure = float | tuple[float, float]
"""A figure for the log, of which the mean is logged; or its total and the number of what it was added up over."""


@dataclass(frozen=True)
class LoopSettings:
    """How long and how fast to train. `batch` is the number of samples a step over all processes.

    Attributes:
        steps: of the optimizer.
        batch: samples a step.
        learning_rate: at its height.
        warmup: steps over which the rate rises.
        floor: the share of the rate that is left at the last step.
        weight_decay: of matrices.
        clip: largest norm of the gradient.
        decay: of the second moments (Adam's beta 2).
        average: of the moving average of the weights, which is what ships; 0 for none.
        precision, optimizer, sharding: see those.
        processes: started here on a CPU, when no launcher has started them.
        seed: of everything drawn.
        log_every: steps between lines of the log.
        save_seconds: seconds between checkpoints.

    Raises:
        TrainingError: a number that must be positive is not, or settings do not go together.
    """

    steps: int
    batch: int
    learning_rate: float
    warmup: int = 100
    floor: float = 0.01
    weight_decay: float = 0.05
    clip: float = 1.0
    decay: float = 0.99
    average: float = 0.999
    precision: Precision = Precision.BF16
    optimizer: Optimizer = Optimizer.ADAMW
    sharding: Sharding = Sharding.NONE
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
        if not 0 <= self.average < 1:
            raise TrainingError(f"average must be from 0 to less than 1, not {self.average}")
        if self.average and self.sharding is not Sharding.NONE:
            raise TrainingError("a sharded run keeps no moving average of its weights: set average=0")


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


@dataclass(frozen=True)
class Parts:
    """A batch that goes through the model part by part; the gradients add up to those of one large batch.

    Attributes:
        parts: what `Task.loss` is called with, one after the other.
        weights: how much each counts, for example its number of answer tokens. The loss of a step is the weighted mean
            of its parts' losses, over all processes.
        filler: run with no weight where other processes have more parts. It must use all that trains.
    """

    parts: Sequence[Any]
    weights: Sequence[float]
    filler: Any


class Task(Protocol):
    """What is learned. Pickled into each process, which then calls `setup`; `progress` always runs from 0 to 1."""

    def setup(self, device: torch.device) -> nn.Module:
        """Build the module to train, with its initial weights, on `device`."""

    def batch(self, draw: Draw) -> Any:
        """Draw samples, on the CPU; nothing but `draw` may decide which. May be `Parts`."""

    def loss(self, batch: Any, progress: float) -> tuple[Tensor, Mapping[str, Figure]]:
        """The loss to minimise and figures for the log."""

    def learning_rate(self, name: str) -> float:
        """A factor on the learning rate of parameter `name`; 0 freezes it."""

    def finish(self, module: nn.Module, folder: Path) -> None:
        """Write the weights that ship from the averaged module. Called by one process."""


def schedule(step: int, settings: LoopSettings) -> float:
    """Learning-rate factor: linear warm-up, then a cosine down to the floor at the last step."""
    if step < settings.warmup:
        return (step + 1) / settings.warmup
    progress = (step - settings.warmup) / max(1, settings.steps - settings.warmup)
    return settings.floor + (1 - settings.floor) * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))


def train(task: Task, settings: LoopSettings, folder: Path, facts: Mapping[str, Any] | None = None) -> None:
    """Train `task` in `folder`, going on from its checkpoint if there is one.

    The number of steps may be changed on the way; a run that has made them all is left as it is, what it wrote too.

    Args:
        task: what is learned.
        settings: how.
        folder: of the run; of several nodes, all see the same one.
        facts: more about the run for `run.json`, in plain JSON types.

    Raises:
        TrainingError: the folder holds another run, or the settings do not fit the processes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    ranks = process_count(settings.processes)
    if settings.batch % ranks:
        raise TrainingError(f"{ranks} processes cannot share a batch of {settings.batch}: choose a multiple")
    _check_folder(folder, settings, ranks)  # here and not in the processes, whose errors come back as text
    finished = folder / FINISHED
    if finished.exists() and int(finished.read_text()) >= settings.steps:
        return
    known = {**(facts or {}), "task": repr(task), "settings": asdict(settings), "processes": ranks, **start_facts()}
    run_processes(_run, (task, settings, folder, known), ranks, folder)


def _run(task: Task, settings: LoopSettings, folder: Path, facts: Mapping[str, Any]) -> None:
    accelerator = join(settings.precision)
    torch.manual_seed(settings.seed)
    _Run(task, settings, folder, accelerator).go(facts)
    accelerator.wait_for_everyone()  # nobody leaves before what ships is written


class _Learner(nn.Module):
    """The module with its task's loss as the forward pass, which is where DDP and autocast take hold."""

    def __init__(self, module: nn.Module, task: Task) -> None:
        super().__init__()
        self.module = module
        self.task = task

    def forward(self, batch: Any, progress: float) -> tuple[Tensor, Mapping[str, Figure]]:
        return self.task.loss(batch, progress)


@dataclass(frozen=True)
class _Round:
    """What the processes agreed on before a step: the weight of all their parts, how often this one runs the model,
    and whether a checkpoint follows."""

    weight: float
    runs: int
    save: bool


class _Run:
    """One process's share of a run."""

    def __init__(self, task: Task, settings: LoopSettings, folder: Path, accelerator: Accelerator) -> None:
        self.task, self.settings, self.folder, self.accelerator = task, settings, folder, accelerator
        self.rank: int = accelerator.process_index
        self.ranks: int = accelerator.num_processes
        self.device: torch.device = accelerator.device
        self.sharded = settings.sharding is not Sharding.NONE
        module = task.setup(torch.device("cpu") if self.sharded else self.device)
        for name, parameter in module.named_parameters():
            parameter.requires_grad_(task.learning_rate(name) > 0)
        if not any(parameter.requires_grad for parameter in module.parameters()):
            raise TrainingError("nothing trains: every parameter is frozen")
        self.module = shard(module, settings.sharding, settings.precision, accelerator) if self.sharded else module
        self.trained = {name: p for name, p in self.module.named_parameters() if p.requires_grad}
        # The optimizer works on each process's own part of the weights, which for it are parameters like others.
        self.parameters = {
            name: nn.Parameter(local(p.detach())) if self.sharded else p for name, p in self.trained.items()
        }
        groups: dict[tuple[float, bool], list[nn.Parameter]] = {}
        for name, parameter in self.parameters.items():
            groups.setdefault((task.learning_rate(name), parameter.ndim >= 2), []).append(parameter)
        self.factors = [factor for factor, _ in groups]
        self.optimizer = adamw(
            settings.optimizer,
            [{"params": ps, "weight_decay": settings.weight_decay * decays} for (_, decays), ps in groups.items()],
            settings.learning_rate, (0.9, settings.decay),
        )  # fmt: skip
        kept = self.module.state_dict().keys()
        buffers = {name: value for name, value in self.module.named_buffers() if name in kept}
        self.values = {**self.parameters, **buffers}  # what a step changes
        self.average = {name: v.detach().clone() for name, v in self.values.items()} if settings.average else {}
        self.step = self.skipped = 0
        self.saved = time.monotonic()
        self.window: dict[str, tuple[float, float]] = {}  # totals and weights since the last line of the log
        self._resume()
        learner = _Learner(self.module, task)
        # A sharded module averages its gradients itself.
        self.learner: nn.Module = learner if self.sharded else accelerator.prepare_model(learner)
        self.ahead: tuple[int, Future[Any]] | None = None
        self.drawer = ThreadPoolExecutor(1) if self.device.type == "cuda" else None

    def go(self, facts: Mapping[str, Any]) -> None:
        """Run to the last step, then let the task write what ships."""
        settings, first = self.settings, self.step
        own = getattr(self.task, "facts", None)
        files = RunFolder(self.folder, {**facts, **(own() if own else {})}, first) if self.rank == 0 else None
        started = time.monotonic()
        parts: dict[str, float] = {}
        with RunBar(self.folder.name, settings.steps, settings.batch, first, files is not None) as bar:
            while self.step < settings.steps:
                batch = self._batch()
                plan = self._agree(batch)
                loss = self._update(batch, plan)
                speed = (self.step - first) / (time.monotonic() - started)
                bar.show(self.step, speed * settings.batch, loss, parts)
                if self.step % settings.log_every == 0:
                    figures = self._gathered()
                    parts = {name[5:]: value for name, value in figures.items() if name.startswith("loss/")}
                    if files is not None:
                        files.log(self.step, self._line(figures, speed))
                if plan.save:
                    self.save()
        self.save()
        self._finish()
        if files is not None:
            files.close()

    def _batch(self) -> Any:
        """This process's share of the step's batch; on a GPU, drawn while it was still at the step before."""
        step, ready = self.step, self.ahead
        if self.drawer is None:
            return self._draw(step)
        batch = ready[1].result() if ready is not None and ready[0] == step else self._draw(step)
        if step + 1 < self.settings.steps:
            self.ahead = (step + 1, self.drawer.submit(self._draw, step + 1))
        return batch

    def _draw(self, step: int) -> Any:
        """The share of a step's batch, a function of seed, step and rank alone."""
        size = self.settings.batch // self.ranks
        first = step * self.settings.batch + self.rank * size
        return self.task.batch(Draw(self._seed(step), size, step / self.settings.steps, first))

    def _seed(self, step: int) -> int:
        return (self.settings.seed * 1_000_003 + step) * self.ranks + self.rank

    def _agree(self, batch: Any) -> _Round:
        weight = math.fsum(batch.weights) if isinstance(batch, Parts) else 1.0
        count = len(batch.parts) if isinstance(batch, Parts) else 1
        due = time.monotonic() - self.saved > self.settings.save_seconds
        if self.ranks == 1:
            return _Round(weight, count, due)
        mine = torch.tensor([weight, count, due], dtype=torch.float64, device=self.device)
        everyones = [torch.empty_like(mine) for _ in range(self.ranks)]
        dist.all_gather(everyones, mine)
        table = torch.stack(everyones).tolist()
        most = max(int(row[1]) for row in table)
        # Sharded, every process has to take part in every pass; otherwise only in the last one of each.
        runs = most if self.sharded else max(1, count) if most else 0
        return _Round(math.fsum(row[0] for row in table), runs, bool(table[0][2]))

    def _update(self, batch: Any, plan: _Round) -> float:
        """One step: this process's loss. A step that cannot be made is counted and leaves the weights as they are."""
        settings, progress = self.settings, self.step / self.settings.steps
        rate = settings.learning_rate * schedule(self.step, settings)
        for group, factor in zip(self.optimizer.param_groups, self.factors, strict=True):
            group["lr"] = rate * factor
        for parameter in (*self.trained.values(), *self.parameters.values()):
            parameter.grad = None
        set_seed(self._seed(self.step) % 2**32)
        parts, weights = (batch.parts, batch.weights) if isinstance(batch, Parts) else ([batch], [1.0])
        figures: dict[str, tuple[float, float]] = {}
        for run in range(plan.runs if plan.weight else 0):
            part, weight = (parts[run], weights[run]) if run < len(parts) else (batch.filler, 0.0)
            wait = self.ranks > 1 and not self.sharded and run + 1 < plan.runs
            with self.accelerator.no_sync(self.learner) if wait else nullcontext():
                with self.accelerator.autocast():
                    loss, found = self.learner(part, progress)
                share = weight * self.ranks / plan.weight  # gradients are averaged over processes
                self.accelerator.backward(loss if share == 1 else loss * share)
            if weight:
                _add(figures, {"loss": (float(loss.detach()) * weight, weight), **found})
        self.step += 1
        norm = self._clip()
        total, of = figures.get("loss", (0.0, 0.0))
        if plan.weight and math.isfinite(norm):
            self.optimizer.step()
            self._follow()
            _add(self.window, {**figures, "norm": norm})
        else:  # one bad batch must not spoil the run
            self.skipped += 1
        return total / of if of else 0.0

    def _clip(self) -> float:
        """Clip the gradients; returns how long they were before."""
        if self.sharded:
            for name, parameter in self.parameters.items():
                gradient = self.trained[name].grad
                parameter.grad = None if gradient is None else local(gradient)
            return float(clip_sharded(list(self.parameters.values()), self.settings.clip))
        return float(self.accelerator.clip_grad_norm_(self.parameters.values(), self.settings.clip))

    @torch.no_grad()
    def _follow(self) -> None:
        """Move the average towards the weights; young averages move faster, and whole numbers are copied."""
        if not self.average:
            return
        keep = min(self.settings.average, (1 + self.step) / (10 + self.step))
        floats = [name for name, value in self.values.items() if value.is_floating_point()]
        torch._foreach_lerp_([self.average[n] for n in floats], [self.values[n].detach() for n in floats], 1 - keep)
        for name, value in self.values.items():
            if not value.is_floating_point():
                self.average[name].copy_(value)

    def _gathered(self) -> dict[str, float]:
        """The means over all processes since the last line of the log; begins anew."""
        together: dict[str, tuple[float, float]] = {}
        for window in self._windows():
            _add(together, window)
        self.window = {}
        return {name: total / of for name, (total, of) in together.items() if of}

    def _windows(self) -> list[dict[str, tuple[float, float]]]:
        """What every process has to log, in their order."""
        if self.ranks == 1:
            return [self.window]
        windows: list[dict[str, tuple[float, float]]] = gather_object([self.window])
        return windows

    def _line(self, figures: Mapping[str, float], speed: float) -> dict[str, float]:
        left = (self.settings.steps - self.step) / speed if speed else 0.0
        line: dict[str, float] = {"of": self.settings.steps}
        line |= {"pictures_per_second": round(speed * self.settings.batch, 1), "minutes_left": round(left / 60, 1)}
        line |= {"rate": self.settings.learning_rate * schedule(self.step - 1, self.settings), **figures}
        return line | ({"skipped": self.skipped} if self.skipped else {})

    def save(self) -> None:
        """Write the checkpoint; a crash leaves either the old one or the new one. Called by all processes."""
        windows = self._windows()
        metadata = {"step": str(self.step), "settings": json.dumps(asdict(self.settings)), "ranks": str(self.ranks)}
        metadata |= {"skipped": str(self.skipped), "windows": json.dumps(windows)}
        if self.sharded or self.rank == 0:
            tensors = {f"model.{name}": value for name, value in self.values.items()}
            tensors |= {f"average.{name}": value for name, value in self.average.items()}
            tensors |= {f"optimizer.{n}": value for n, value in saved_state(self.optimizer, self.parameters).items()}
            if self.sharded:
                wait = self.accelerator.wait_for_everyone
                checkpointing.write_share(self.folder, self.step, tensors, metadata, self.rank, self.ranks, wait)
            else:
                checkpointing.write_whole(self.folder, tensors, metadata)
        self.saved = time.monotonic()

    def _resume(self) -> None:
        path = checkpointing.newest(self.folder, self.rank, self.ranks)
        if path is None:
            return
        saved = checkpointing.Saved(path)
        for name, value in self.values.items():
            saved.restore(f"model.{name}", value)
        for name, value in self.average.items():
            saved.restore(f"average.{name}", value)
        load_state(self.optimizer, self.parameters, saved, "optimizer.")
        self.step, self.skipped = int(saved.metadata["step"]), int(saved.metadata.get("skipped", 0))
        windows = json.loads(saved.metadata.get("windows", "[]"))
        if len(windows) == self.ranks:
            self.window = {name: (total, of) for name, (total, of) in windows[self.rank].items()}

    def _finish(self) -> None:
        """Let the task write what ships, from the average if there is one."""
        if self.sharded:  # a module that is whole again, on the CPU of process 0, for which all give their parts
            tensors = {name: whole(value) for name, value in self.trained.items()}
            tensors |= {name: self.values[name].cpu() for name in self.values.keys() - tensors.keys()}
            module = self.task.setup(torch.device("cpu")) if self.rank == 0 else self.module
        else:
            tensors, module = self.average, self.module
        if self.rank == 0:
            if tensors:
                module.load_state_dict(tensors, strict=False)  # frozen ones are as they were set up
            module.eval()
            self.task.finish(module, self.folder)
            (self.folder / FINISHED).write_text(f"{self.step}\n")


def _add(sums: dict[str, tuple[float, float]], figures: Mapping[str, Figure]) -> None:
    """Add figures to totals and weights."""
    for name, figure in figures.items():
        total, of = figure if isinstance(figure, tuple) else (figure, 1.0)
        before, weight = sums.get(name, (0.0, 0.0))
        sums[name] = (before + total, weight + of)


def _check_folder(folder: Path, settings: LoopSettings, ranks: int) -> None:
    """Refuse to go on with a run that drew other data."""
    path = checkpointing.newest(folder, 0, ranks)
    if path is None:
        return
    saved = checkpointing.Saved(path)
    now, before = asdict(settings), json.loads(saved.metadata["settings"])
    # Settings that a checkpoint of an earlier format lacks were at their defaults then.
    names = ("batch", "seed", "processes", "sharding", "optimizer")
    changed = [name for name in names if before.get(name, LoopSettings.__dataclass_fields__[name].default) != now[name]]
    if changed:
        raise TrainingError(
            f"{folder} holds a run with another {', '.join(changed)}: use those settings or another folder"
        )
    if (then := int(saved.metadata.get("ranks", ranks))) != ranks:
        raise TrainingError(f"{folder} holds a run of {then} processes, not {ranks}: start as many as before")
