"""Checkpoints of a run: whole or not at all, plain tensors, and written so that a killed process costs only time.

Everything is in safetensors; nothing in a checkpoint can be run. A checkpoint is written beside its place, forced to
the disk and then renamed, so that a crash at any moment leaves either the one before or the new one. There are two
forms, of which a run uses one:

    checkpoint.safetensors                          one process writes all: it holds everything (DDP)
    checkpoint-00000120/rank-0-of-2.safetensors     every process writes its share (FSDP)
                        rank-1-of-2.safetensors
"""

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ferret.errors import TrainingError

WHOLE = "checkpoint.safetensors"
_SHARDED = "checkpoint-"
_PARTIAL = "checkpoint.partial"


def newest(folder: Path, rank: int = 0, ranks: int = 1) -> Path | None:
    """The file of process `rank` in the newest checkpoint of a run folder, or None if there is no checkpoint.

    Raises:
        TrainingError: the newest checkpoint was written by another number of processes.
    """
    if (folder / WHOLE).exists():
        return folder / WHOLE
    places = sorted(path for path in folder.glob(f"{_SHARDED}*") if path.is_dir())
    if not places:
        return None
    path = places[-1] / _share(rank, ranks)
    if not path.exists():
        found = len(list(places[-1].iterdir()))
        raise TrainingError(f"{folder} holds a run sharded over {found} processes, not {ranks}: start {found}")
    return path


def write_whole(folder: Path, tensors: Mapping[str, Tensor], metadata: dict[str, str]) -> None:
    """Replace the checkpoint of a run whose process 0 holds everything. Called by that process alone."""
    partial = folder / _PARTIAL
    _write(partial, tensors, metadata)
    partial.replace(folder / WHOLE)
    _sync(folder)


def write_share(
    folder: Path, step: int, tensors: Mapping[str, Tensor], metadata: dict[str, str], rank: int, ranks: int,
    wait: Callable[[], None],
) -> None:  # fmt: skip
    """Replace the checkpoint of a sharded run. Called by every process with its own share.

    Args:
        folder: of the run, seen by all processes.
        step: steps made so far.
        tensors: this process's share.
        metadata: stored with it.
        rank: this process.
        ranks: number of processes.
        wait: returns once every process has called it.
    """
    partial, place = folder / _PARTIAL, folder / f"{_SHARDED}{step:08d}"
    if rank == 0:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
    wait()
    _write(partial / _share(rank, ranks), tensors, metadata)
    wait()
    if rank == 0:
        _sync(partial)
        shutil.rmtree(place, ignore_errors=True)  # of a run that was set back by hand
        partial.rename(place)
        _sync(folder)
        for old in folder.glob(f"{_SHARDED}*"):
            if old != place:
                shutil.rmtree(old)
    wait()


class Saved:
    """An opened checkpoint file: `metadata`, `names`, and tensors read one at a time.

    Raises:
        TrainingError: the file cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file = safe_open(path, "pt")
            self.metadata: dict[str, str] = dict(self._file.metadata() or {})
            self.names = frozenset(self._file.keys())
        except (OSError, SafetensorError) as error:
            raise TrainingError(f"the checkpoint {path} cannot be read ({error}): remove it to begin anew") from error

    def read(self, name: str) -> Tensor:
        """A tensor on the CPU."""
        tensor: Tensor = self._file.get_tensor(name)
        return tensor

    def restore(self, name: str, into: Tensor) -> None:
        """Copy tensor `name` into the one given, which keeps its memory layout.

        Raises:
            TrainingError: there is no such tensor, or it has another shape.
        """
        if name not in self.names:
            raise TrainingError(f"{self.path} lacks {name!r}: it is of another model, use another folder")
        value = self.read(name)
        if value.shape != into.shape:
            raise TrainingError(
                f"{name!r} in {self.path} is {list(value.shape)}, in the model {list(into.shape)}: use another folder"
            )
        with torch.no_grad():
            into.copy_(value)


def _share(rank: int, ranks: int) -> str:
    return f"rank-{rank}-of-{ranks}.safetensors"


def _write(path: Path, tensors: Mapping[str, Tensor], metadata: dict[str, str]) -> None:
    plain: dict[str, Tensor] = {}
    memory: set[int] = set()
    for name, tensor in tensors.items():
        value = tensor.detach().cpu().contiguous()
        if value.untyped_storage().data_ptr() in memory:  # the format knows no shared memory
            value = value.clone()
        memory.add(value.untyped_storage().data_ptr())
        plain[name] = value
    save_file(plain, path, metadata)
    _sync(path)


def _sync(path: Path) -> None:
    """Force a file, or a folder's names, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
