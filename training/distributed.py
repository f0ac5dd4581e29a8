"""Processes of a run: how they are started and find each other, and how a model is divided over them.

Three ways lead into a run. A launcher (`torchrun`, `accelerate launch`) has started the processes, on one node or on
several; or there is one GPU, or one process is asked for, and this process is the run; or it is to run on a CPU in
several processes, which are started here. On a CPU each is single-threaded: on a shared machine two processes beat two
threads by far.

Sharding is PyTorch's own FSDP2, `fully_shard`, block by block. What is divided is told by its usual names:
`shard-grad-op` keeps the weights of a block whole between forward and backward pass (ZeRO-2), `full-shard` gathers them
anew for each (ZeRO-3).
"""

import atexit
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
import torch.distributed as dist
from accelerate import Accelerator, PartialState
from accelerate.state import AcceleratorState
from accelerate.utils import DistributedDataParallelKwargs
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor

from ferret.errors import TrainingError
from training.tuning.settings import Precision, Sharding

_PATIENCE = timedelta(hours=2)
"""How long processes wait for each other: while one reads the data or writes what ships, the others stand still."""


@runtime_checkable
class Blocks(Protocol):
    """A module that can be sharded."""

    def blocks(self) -> Sequence[nn.Module]:
        """What is gathered and let go one after the other, in the order of the forward pass: the layers."""


def launched() -> bool:
    """Whether a launcher has started this process as one of several."""
    return "RANK" in os.environ and int(os.environ.get("WORLD_SIZE", "1")) > 1


def process_count(asked: int) -> int:
    """How many processes a run has for which `asked` are asked for."""
    if launched():
        return int(os.environ["WORLD_SIZE"])
    return 1 if torch.cuda.is_available() else asked


@contextmanager
def first_process_first() -> Iterator[None]:
    """Inside, process 0 of each node comes first and the others after it: for files that are made once."""
    if not launched():
        yield
        return
    with _state().local_main_process_first():
        yield


def join(precision: Precision) -> Accelerator:
    """The Accelerator of this process, which has then met the others."""
    AcceleratorState._reset_state()  # of a run before this one, which may have had another precision
    if launched():
        _state()
    # Which parameters take part in a step depends on the data. Told so, DDP also leaves its buckets in the order of the
    # parameters, so that a run that goes on adds its gradients up in the order in which it did before.
    return Accelerator(
        mixed_precision="bf16" if precision is Precision.BF16 else "no",
        cpu=not torch.cuda.is_available(),
        kwargs_handlers=[DistributedDataParallelKwargs(find_unused_parameters=True, gradient_as_bucket_view=True)],
    )


def run_processes(worker: Callable[..., None], arguments: tuple[Any, ...], processes: int, folder: Path) -> None:
    """Call `worker(*arguments)` in as many processes as there are to be: here, or in new ones on the CPU.

    Args:
        worker: a function of a module.
        arguments: pickled for new processes.
        processes: from `process_count`.
        folder: for the file by which new processes find each other.
    """
    if processes == 1 or launched():
        with nullcontext() if torch.cuda.is_available() else _plain_cpu():
            worker(*arguments)
        return
    rendezvous = folder / f".rendezvous-{os.getpid()}"
    rendezvous.unlink(missing_ok=True)
    os.environ["OMP_NUM_THREADS"] = "1"
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # DDP warns where a task happens to use all parameters
    try:
        torch.multiprocessing.spawn(  # type: ignore[attr-defined,no-untyped-call]
            _started, (worker, arguments, processes, str(rendezvous)), processes
        )
    finally:
        rendezvous.unlink(missing_ok=True)


@contextmanager
def _plain_cpu() -> Iterator[None]:
    """Inside, one thread computes, and numbers too small to matter are nought; who called computes on as before."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.set_flush_denormal(False)


def _started(rank: int, worker: Callable[..., None], arguments: tuple[Any, ...], ranks: int, rendezvous: str) -> None:
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    places = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": ranks, "LOCAL_WORLD_SIZE": ranks}
    os.environ |= {name: str(value) for name, value in places.items()}
    dist.init_process_group(
        "gloo", init_method=f"file://{rendezvous}", rank=rank, world_size=ranks, timeout=_PATIENCE
    )
    worker(*arguments)
    dist.destroy_process_group()


def _state() -> PartialState:
    """The processes that the launcher has started, met."""
    if dist.is_initialized():
        return PartialState(cpu=not torch.cuda.is_available())
    atexit.register(dist.destroy_process_group)
    return PartialState(cpu=not torch.cuda.is_available(), timeout=_PATIENCE)


def shard(module: nn.Module, sharding: Sharding, precision: Precision, accelerator: Accelerator) -> nn.Module:
    """Divide a module over all processes, in place.

    Gradients are summed up in float32 whatever the precision; inputs keep theirs, for coordinates in bfloat16 would
    be rounded to a few pixels.

    Raises:
        TrainingError: there is one process only, or the module does not say what its blocks are.
    """
    if accelerator.num_processes == 1:
        raise TrainingError(
            f"{sharding.value} divides nothing over one process: start several, for example with "
            "'torchrun --nproc-per-node 8 -m training.cli train ...', or set sharding=none"
        )
    if not isinstance(module, Blocks):
        raise TrainingError(f"a {type(module).__name__} cannot be sharded: set sharding=none")
    mesh = init_device_mesh(accelerator.device.type, (accelerator.num_processes,))
    lower = torch.bfloat16 if precision is Precision.BF16 else None
    policy = MixedPrecisionPolicy(param_dtype=lower, reduce_dtype=torch.float32, cast_forward_inputs=False)
    again = sharding is Sharding.FULL
    for block in module.blocks():
        fully_shard(block, mesh=mesh, mp_policy=policy, reshard_after_forward=again)
    fully_shard(module, mesh=mesh, mp_policy=policy, reshard_after_forward=again)
    return module


def local(tensor: Tensor) -> Tensor:
    """This process's part of a tensor, in the same memory: all of it, if it is not sharded."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def whole(tensor: Tensor) -> Tensor:
    """The whole of a tensor on the CPU. Called by all processes together if it is sharded."""
    if isinstance(tensor, DTensor):
        tensor = tensor.full_tensor()
    return tensor.detach().cpu()


def clip_sharded(parameters: Sequence[Tensor], longest: float) -> Tensor:
    """Clip gradients of which every process holds a part of its own; returns their norm over all processes."""
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    square = nn.utils.get_total_norm(gradients).float().square()
    dist.all_reduce(square)
    norm = square.sqrt()
    nn.utils.clip_grads_with_norm_(parameters, longest, norm)
    return norm
