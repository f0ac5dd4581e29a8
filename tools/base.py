"""What all instruments share: the shapes of what they see, and how they load, lock and describe themselves.

An instrument is created without loading anything. Its model is loaded at the first use, under a lock, so that
threads may share one instrument; whatever goes wrong inside becomes a `ToolError`, which the agent answers around.
"""

from __future__ import annotations

import hashlib
import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from ferret.errors import FerretError, ImageError, RegionError, ToolError, WeightsError
from ferret.regions import Box

WEIGHTS_FOLDER = Path(__file__).parent / "weights"
"""Where the weights that travel with the package lie."""

ModelT = TypeVar("ModelT")
ResultT = TypeVar("ResultT")


@dataclass(frozen=True)
class Detection:
    """One object that a detector saw: its name, score in 0..1 and box in pixels of the original image."""

    label: str
    score: float
    box: Box
    scores: tuple[tuple[str, float], ...] = ()
    """The most probable names with their scores, best first; the first is `label`. Empty where the model tells only
    one."""


@dataclass(frozen=True)
class TextLine:
    """One line of text: what was read, score in 0..1, upright box and the line's four corners in pixels of the
    original.

    The corners run clockwise from where the text begins at its top, so that they follow rotated text.
    """

    text: str
    score: float
    box: Box
    polygon: tuple[tuple[float, float], ...]


@dataclass(frozen=True, eq=False)
class Segment:
    """One mask, bool [H, W] of the original image, the model's own estimate of its IoU, and the box around it.

    An empty mask has the box of the prompt and score 0.
    """

    mask: NDArray[np.bool_]
    score: float
    box: Box


@dataclass(frozen=True)
class ToolStatus:
    """What `ferret doctor` tells about one instrument."""

    name: str
    available: bool
    weights: str
    """Which weights are in use, in words."""
    ability: str
    """What it can do with them, in words."""
    missing: str = ""
    """What is missing, empty when nothing is."""
    remedy: str = ""
    """How to get what is missing."""


class Instrument(ABC, Generic[ModelT]):
    """A perception tool around one model that is loaded at the first use and shared between threads."""

    name: str

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._model: ModelT | None = None

    @abstractmethod
    def describe(self) -> ToolStatus:
        """The instrument's state, found out without loading the model."""

    @abstractmethod
    def _load(self) -> ModelT:
        """Load the model; called once, under the lock."""

    def available(self) -> bool:
        """Whether everything that the instrument needs is in place; nothing is loaded."""
        return self.describe().available

    def load(self) -> None:
        """Load the model now instead of at the first use.

        Raises:
            ToolError: it cannot be loaded.
        """
        self._run(lambda _: None)

    def unload(self) -> None:
        """Free the model; the next use loads it again."""
        with self._lock:
            self._model = None

    def _run(self, work: Callable[[ModelT], ResultT]) -> ResultT:
        """Run `work` on the loaded model, one thread at a time, with every failure as a `ToolError`.

        Errors of the image and of regions on it pass through: they are the caller's.
        """
        with self._lock:
            try:
                if self._model is None:
                    self._model = self._load()
            except ToolError:
                raise
            except Exception as error:
                raise ToolError(f"{self.name} cannot be loaded: {_one_line(error)}") from error
            try:
                return work(self._model)
            except (ToolError, RegionError, ImageError):
                raise
            except Exception as error:
                raise ToolError(f"{self.name} failed: {_one_line(error)}") from error


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split())[:300]
    if not text:
        return repr(error)
    return text if isinstance(error, FerretError) else f"{type(error).__name__}: {text}"


def weights_path(weights: str | os.PathLike[str], suffixes: tuple[str, ...], tool: str) -> Path:
    """The file of weights that a user named.

    Raises:
        WeightsError: there is no such file, or it is of a kind that `tool` does not read.
    """
    path = Path(weights).expanduser()
    if path.suffix.lower() not in suffixes:
        known = ", ".join(suffixes)
        raise WeightsError(f"{tool} weights {str(weights)!r} are of an unknown kind: give a file ending in {known}")
    if not path.is_file():
        raise WeightsError(f"there are no {tool} weights at {str(weights)!r}: give the path of an existing file")
    return path


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def pick_device(device: str | None) -> str:
    """The torch device to use: the one asked for, else the first GPU, else the CPU."""
    if device is not None:
        return device
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"
