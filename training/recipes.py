"""The recipes of what ships with the package: what is trained, in which order, for how long.

A recipe is a list of stages; a stage is a task for `training.loop` and the settings it was tuned with. `embedded` is
everything that ships with the package. Stages find each other's results in the run folder, so that a recipe that was
stopped goes on with the stage it was in.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from ferret.errors import TrainingError
from training.catalogue import TUNED
from training.loop import LoopSettings, Task, train


@dataclass(frozen=True)
class Stage:
    """One run of the loop: its folder's name, a task made for the folder of all runs, and how it is trained."""

    name: str
    task: Callable[[Path], Task]
    settings: LoopSettings


def _look(runs: Path) -> Task:
    from training.looking import LookTask

    return LookTask(output=runs / "nano-look" / "look.safetensors")


def _speak(runs: Path) -> Task:
    from training.speaking import SpeakTask

    return SpeakTask(start=runs / "nano-look" / "look.safetensors")


def _detector(runs: Path) -> Task:
    from training.detector import DetectorTask

    del runs
    return DetectorTask()


def _sam(runs: Path) -> Task:
    from training.segmenter import SegmentTask

    del runs
    return SegmentTask()


# Small batches want small steps: at three times these rates all of them stalled early.
LOOK = Stage(
    "nano-look", _look,
    LoopSettings(14000, batch=8, learning_rate=5e-4, warmup=100, clip=5.0, weight_decay=0.02, average=0.998),
)  # fmt: skip
SPEAK = Stage(
    "nano-speak", _speak,
    LoopSettings(12000, batch=8, learning_rate=5e-4, warmup=100, weight_decay=0.02, decay=0.98, average=0.998),
)  # fmt: skip
DETECTOR = Stage(
    "detector", _detector, LoopSettings(20000, batch=8, learning_rate=6e-4, warmup=300, clip=10.0, weight_decay=0.01)
)
SAM = Stage("sam", _sam, LoopSettings(8000, batch=8, learning_rate=3e-4, warmup=100, weight_decay=0.01, average=0.997))

RECIPES: Mapping[str, tuple[Stage, ...]] = {
    "nano": (LOOK, SPEAK),
    "detector": (DETECTOR,),
    "sam": (SAM,),
    "embedded": (DETECTOR, SAM, LOOK, SPEAK),
}


def run_recipe(name: str, runs: Path, changes: Mapping[str, str]) -> None:
    """Train every stage of recipe `name` that is not finished, in folders below `runs`.

    `changes` replaces fields of every stage's `LoopSettings`, given as text.

    Raises:
        TrainingError: no such recipe, no such field, or a value that does not fit.
    """
    if name not in RECIPES:
        raise TrainingError(f"there is no recipe {name!r}: choose one of {', '.join((*RECIPES, *TUNED))}")
    for stage in RECIPES[name]:
        train(stage.task(runs), changed(stage.settings, changes), runs / stage.name, {"recipe": name})


def changed(settings: LoopSettings, changes: Mapping[str, str]) -> LoopSettings:
    """`settings` with the fields in `changes` replaced.

    Raises:
        TrainingError: there is no such field, or a value does not fit it.
    """
    known: dict[str, Any] = {field.name: type(getattr(settings, field.name)) for field in fields(settings)}
    values: dict[str, Any] = {}
    for key, text in changes.items():
        if key not in known:
            raise TrainingError(f"there is no setting {key!r}: choose one of {', '.join(known)}")
        try:
            values[key] = known[key](text)
        except ValueError:
            raise TrainingError(f"setting {key!r} must be a {known[key].__name__}, not {text!r}") from None
    return replace(settings, **values)
