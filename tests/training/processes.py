"""Processes for tests: forked from a server that has imported what is heavy once, met as by a launcher, and killed.

What they run is named by a test file and a function in it, for the names of test modules mean nothing elsewhere.
"""

import importlib
import multiprocessing
import os
import random
import socket
import sys
import time
from collections.abc import Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload(["training.loop", "training.tuning.task", "training.tuning.saving"])
_DEADLINE = 240.0


def start(file: str, function: str, arguments: Sequence[Any], ranks: int = 1) -> list[BaseProcess]:
    """Call `function(*arguments)` of a test file in `ranks` processes that a launcher seems to have started."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    found: list[BaseProcess] = []
    for rank in range(ranks):
        process = _SERVER.Process(target=_enter, args=(file, function, tuple(arguments), rank, ranks, port))
        process.start()
        found.append(process)
    return found


def finish(processes: Sequence[BaseProcess]) -> None:
    """Wait for processes to end well."""
    for process in processes:
        process.join(_DEADLINE)
    codes = [process.exitcode for process in processes]
    for process in processes:
        process.kill()
    assert codes == [0] * len(codes), f"exit codes {codes}"


def killed(processes: Sequence[BaseProcess], grown: Path, rng: random.Random) -> bool:
    """Kill processes at a random moment after a file has grown; False if they ended by themselves before."""
    before = grown.stat().st_mtime_ns if grown.exists() else 0
    limit = time.monotonic() + _DEADLINE
    while time.monotonic() < limit and all(process.is_alive() for process in processes):
        if grown.exists() and grown.stat().st_mtime_ns != before:
            break
        time.sleep(0.002)
    time.sleep(rng.uniform(0, 0.2))
    order = list(processes)
    rng.shuffle(order)
    for process in order:
        process.kill()
        time.sleep(rng.uniform(0, 0.02))
    for process in processes:
        process.join()
    return any(process.exitcode != 0 for process in processes)


def _enter(file: str, function: str, arguments: tuple[Any, ...], rank: int, ranks: int, port: int) -> None:
    import torch

    torch.set_num_threads(1)
    os.environ["OMP_NUM_THREADS"] = "1"
    if ranks > 1:
        os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(ranks)}
        os.environ |= {"LOCAL_WORLD_SIZE": str(ranks), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    sys.path.insert(0, str(Path(file).parent))
    getattr(importlib.import_module(Path(file).stem), function)(*arguments)
