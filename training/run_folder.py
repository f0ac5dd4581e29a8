"""What a run leaves in its folder for people: what it was, how it went, and how far it is.

    run.json        everything needed to repeat it: settings, data, versions, commit, hardware, command line
    log.jsonl       one line every `log_every` steps: losses, rates, speed
    tensorboard/    the same as events: `tensorboard --logdir runs`
"""

import json
import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Mapping
from datetime import datetime, timedelta
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.table import Column
from rich.text import Text

from training.progress import standard_error

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

RUN = "run.json"
LOG = "log.jsonl"
EVENTS = "tensorboard"
_SOURCE = Path(__file__).resolve().parents[1]


def start_facts() -> dict[str, Any]:
    """When, how and on what this process was started, in plain JSON types."""
    gpus = [torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count())]
    return {
        "started": datetime.now().astimezone().isoformat(timespec="seconds"),
        "command": shlex.join(sys.orig_argv),
        "commit": _commit(),
        "hardware": {
            "machine": platform.platform(),
            "cores": os.cpu_count(),
            "gpus": [f"{gpu.name}, {gpu.total_memory / 2**30:.1f} GiB" for gpu in gpus],
        },
        "versions": {"python": platform.python_version()}
        | {item.metadata["Name"]: item.version for item in sorted(metadata.distributions(), key=_name)},
    }


class RunFolder:
    """The files of one run, written by its process 0.

    Args:
        path: the folder; it exists.
        facts: what the run is, in plain JSON types. A run that goes on keeps those of its beginning, and adds these to
            its list `resumed`.
        step: the step at which it goes on; what was logged after it is dropped, for it will be logged again.
    """

    def __init__(self, path: Path, facts: Mapping[str, Any], step: int) -> None:
        self.path = path
        self._step = step
        self._writer: SummaryWriter | None = None
        self._note(facts)
        log = path / LOG
        if log.exists():
            lines = [line for line in log.read_text(encoding="utf-8").splitlines() if _step_of(line) <= step]
            replace_text(log, "".join(f"{line}\n" for line in lines))

    def log(self, step: int, line: Mapping[str, float]) -> None:
        """Append a line of figures."""
        if self._writer is None:
            from torch.utils.tensorboard import SummaryWriter

            # Events of steps that are made again are hidden from the reader.
            self._writer = SummaryWriter(str(self.path / EVENTS), purge_step=self._step + 1)
        figures = {name: float(f"{value:.7g}") for name, value in line.items()}
        with (self.path / LOG).open("a", encoding="utf-8") as log:
            log.write(json.dumps({"step": step, **figures}) + "\n")
        for name, value in figures.items():
            self._writer.add_scalar(name, value, step)
        self._writer.flush()

    def close(self) -> None:
        """Finish the event file."""
        if self._writer is not None:
            self._writer.close()

    def _note(self, facts: Mapping[str, Any]) -> None:
        path = self.path / RUN
        run: dict[str, Any] = {**facts, "resumed": []}
        if self._step > 0 and path.exists():
            run = json.loads(path.read_text(encoding="utf-8"))
            run["resumed"].append({"step": self._step, **facts})
        replace_json(path, run)


class _Speed(ProgressColumn):
    """Samples a second, and the time of day at which the run will end."""

    def render(self, task: Task) -> Text:
        speed = task.fields["speed"]
        if not speed:
            return Text("")
        left = (task.remaining or 0) * task.fields["samples"] / speed
        end = datetime.now() + timedelta(seconds=left)
        return Text(f"{speed:.1f}/s, ends {end:%a %H:%M}")


class RunBar:
    """Progress on standard error: steps, speed, expected end, loss, and the last losses by source.

    Use as a context; `visible=False` shows nothing.
    """

    def __init__(self, name: str, steps: int, samples: int, done: int, visible: bool) -> None:
        speed = _Speed(table_column=Column(no_wrap=True))
        columns = (TextColumn("{task.description}"), BarColumn(20), MofNCompleteColumn(), speed)
        text = TextColumn("{task.fields[loss]}")
        self._bar = Progress(*columns, TimeRemainingColumn(), text, console=standard_error(), disable=not visible)
        self._line = self._bar.add_task(name, total=steps, completed=done, loss="", samples=samples, speed=0.0)

    def __enter__(self) -> "RunBar":
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def show(self, step: int, speed: float, loss: float, parts: Mapping[str, float]) -> None:
        """Step `step` was made; `speed` is in samples a second, `parts` are losses by source."""
        text = " ".join([f"loss {loss:.3f}", *(f"{name} {value:.2f}" for name, value in parts.items())])
        self._bar.update(self._line, completed=step, loss=text, speed=speed)


def replace_text(path: Path, text: str) -> None:
    """Write a text file; a crash leaves either the old one or the new one."""
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


def replace_json(path: Path, value: Any) -> None:
    """Write a JSON file; a crash leaves either the old one or the new one."""
    replace_text(path, json.dumps(value, indent=1) + "\n")


def _name(item: metadata.Distribution) -> str:
    return str(item.metadata["Name"]).lower()


def _step_of(line: str) -> float:
    """The step of a line of the log; a line that a crash cut short belongs to none that was kept."""
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return float("inf")


def _commit() -> str | None:
    """The commit of these sources, with a "+" if they were changed since; None outside a checkout."""

    def git(*words: str) -> str:
        command = ["git", "-C", str(_SOURCE), *words]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout.strip()

    try:
        if Path(git("rev-parse", "--show-toplevel")) != _SOURCE:
            return None
        return git("rev-parse", "HEAD") + ("+" if git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.SubprocessError):
        return None
