"""Every tensor's bytes from its making to its end, and where a computation needs the most at once.

`Allocations` watches operations as PyTorch dispatches them. It cannot tell tensors that are computed from tensors that
are only shapes (`FakeTensorMode`), so a step can be measured without being carried out. What a kernel allocates and
frees within itself is not seen.
"""

import weakref
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

import torch
from torch import Tensor
from torch.distributed.tensor import DTensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class Kind(StrEnum):
    """What bytes are for."""

    WEIGHTS = "weights"
    GRADIENTS = "gradients"
    OPTIMIZER = "optimizer"
    COPIES = "copies"
    """Weights once more, in the precision of the arithmetic, gathered from other processes or out of 4 bits."""
    ACTIVATIONS = "activations"
    """What a forward pass keeps for the backward pass."""
    TEMPORARY = "temporary"


@dataclass(frozen=True)
class Peak:
    """The moment at which the most bytes were held: its phase, and the bytes of each kind."""

    phase: str
    bytes: Mapping[Kind, int]

    @property
    def total(self) -> int:
        """Bytes of all kinds."""
        return sum(self.bytes.values())


class Allocations(TorchDispatchMode):
    """A context in which the storages of new tensors are followed until nothing refers to them any more."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._kinds: list[Kind | None] = []  # of each storage; None while it is not known
        self._sizes: list[int] = []  # bytes that each storage has now
        self._events: list[tuple[int, int]] = []  # (storage, change in bytes), in the order of time
        self._phases: list[tuple[int, str]] = []  # (number of events before it, name)

    def phase(self, name: str) -> None:
        """What follows belongs to phase `name`."""
        self._phases.append((len(self._events), name))

    def mark(self, tensors: Iterable[Tensor], kind: Kind) -> None:
        """Say what `tensors` are for, from their making on; what is marked already stays so."""
        for tensor in tensors:
            number = self._follow(_plain(tensor))
            self._kinds[number] = self._kinds[number] or kind

    def mark_rest(self, kind: Kind) -> None:
        """Say what everything is for that exists now and is not marked."""
        for number, size in enumerate(self._sizes):
            if size and self._kinds[number] is None:
                self._kinds[number] = kind

    def peak(self) -> Peak:
        """Where the most bytes were held. What was never marked is temporary."""
        held = highest = 0
        place = -1
        for index, (_, change) in enumerate(self._events):
            held += change
            if held > highest:
                place, highest = index, held
        kinds: Counter[Kind] = Counter()
        for number, change in self._events[: place + 1]:
            kinds[self._kinds[number] or Kind.TEMPORARY] += change
        phases = [name for start, name in self._phases if start <= place]
        return Peak(phases[-1] if phases else "", {kind: kinds[kind] for kind in Kind})

    def __enter__(self) -> Self:
        # Sharding empties and refills the storages of gathered weights, which is no operation on tensors.
        self._resize = resize = torch.UntypedStorage.resize_

        def followed(storage: torch.UntypedStorage, size: int) -> Any:
            result = resize(storage, size)
            number = self._number(storage)
            if number is not None:
                self._kinds[number] = Kind.COPIES
                self._change(number, size - self._sizes[number])
            return result

        torch.UntypedStorage.resize_ = followed  # type: ignore[assignment,method-assign]
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *raised: Any) -> None:
        super().__exit__(*raised)  # type: ignore[no-untyped-call]
        torch.UntypedStorage.resize_ = self._resize  # type: ignore[method-assign]

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if any(issubclass(kind, DTensor) for kind in types):
            return NotImplemented  # what it holds of this process comes here by itself
        if func is torch.ops.prim.device.default and hasattr(args[0], "fake_device"):
            return args[0].fake_device  # three quarters of all calls: a question, not an operation
        result = func(*args, **(kwargs or {}))
        made = [self._follow(value) for value in tree_leaves(result) if isinstance(value, Tensor)]
        if func is torch.ops.aten._to_copy.default:
            source = self._number(args[0].untyped_storage())
            if source is not None and self._kinds[source] in (Kind.WEIGHTS, Kind.COPIES):
                self._kinds[made[0]] = self._kinds[made[0]] or Kind.COPIES
        return result

    def _follow(self, tensor: Tensor) -> int:
        """The number of the tensor's storage."""
        storage: Any = tensor.untyped_storage()  # one Python object as long as the storage lives
        number = self._number(storage)
        if number is None:
            number = len(self._sizes)
            storage._followed = (self, number)
            self._sizes.append(0)
            self._kinds.append(None)
            self._change(number, storage.nbytes())
            weakref.finalize(storage, self._free, number).atexit = False
        return number

    def _number(self, storage: torch.UntypedStorage) -> int | None:
        watcher, number = getattr(storage, "_followed", (None, None))
        return number if watcher is self else None  # it may have been followed before, in another context

    def _change(self, number: int, change: int) -> None:
        self._sizes[number] += change
        self._events.append((number, change))

    def _free(self, number: int) -> None:
        self._change(number, -self._sizes[number])


def _plain(tensor: Tensor) -> Tensor:
    """The tensor that holds this process's data."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor
