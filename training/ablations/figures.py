"""What an arm leaves behind: its measures, and once it is finished a small file with all that the report needs."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ferret.errors import TrainingError
from training.protocols.kept import write_whole

FIGURES = "figures.json"
RESULT = "result.json"


@dataclass(frozen=True)
class Measured:
    """A mean over `count` things that were asked, each scored 0 to 1."""

    mean: float
    count: int

    @classmethod
    def of(cls, scores: Sequence[float]) -> "Measured":
        """The mean of at least one score."""
        return cls(math.fsum(scores) / len(scores), len(scores))


@dataclass(frozen=True)
class Finished:
    """An arm that has run with one seed; `cpu_seconds` is None if it did not run in one go."""

    arm: str
    seed: int
    steps: int
    cpu_seconds: float | None
    figures: dict[str, Measured]


def write_figures(folder: Path, figures: Mapping[str, Measured]) -> None:
    """Write the measures of an arm into its folder, whole or not at all."""
    write_whole(folder / FIGURES, json.dumps({name: asdict(value) for name, value in figures.items()}, indent=1) + "\n")


def read_figures(folder: Path) -> dict[str, Measured]:
    """What `write_figures` wrote.

    Raises:
        TrainingError: there is none, or it is not what was written.
    """
    path = folder / FIGURES
    try:
        return {name: Measured(**value) for name, value in json.loads(path.read_text(encoding="utf-8")).items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise TrainingError(f"{str(path)!r} holds no measures of an arm ({error}): remove its folder") from None


def write_finished(folder: Path, finished: Finished) -> None:
    """Note that the arm of a folder is finished."""
    write_whole(folder / RESULT, json.dumps(asdict(finished), indent=1) + "\n")


def read_finished(arms: Path) -> list[Finished]:
    """What `write_finished` wrote into the folders inside `arms`, by arm and seed.

    Raises:
        TrainingError: one of them is not what was written.
    """
    found = []
    for path in sorted(arms.glob(f"*/{RESULT}")):
        try:
            told = json.loads(path.read_text(encoding="utf-8"))
            figures = {name: Measured(**value) for name, value in told.pop("figures").items()}
            found.append(Finished(figures=figures, **told))
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise TrainingError(f"{str(path)!r} is not the result of an arm ({error}): remove its folder") from None
    return sorted(found, key=lambda one: (one.arm, one.seed))
