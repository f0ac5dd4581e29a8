"""One piece of work after another in several processes; a process that dies takes one piece with it, not the run.

Native code ends a process without a word when memory runs out or an image trips it. Which piece was at fault is found
by trying all that were under way again, each alone in a process of its own.
"""

import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from ferret.errors import ToolError

Item = TypeVar("Item")
Result = TypeVar("Result")

_AHEAD = 2
"""Pieces that are handed out for every process: one under way, one waiting."""

turn = 0
"""In a worker: which of the processes it is, from 0, counted on when one is replaced."""


def each_in_processes(
    work: Callable[[Item], Result], items: Sequence[Item], processes: int
) -> Iterator[tuple[Item, Result | None]]:
    """Every item with what `work` made of it, as they are finished; None for an item on which its process died.

    With one process the work is done right here, and a death is the end of everything. Otherwise `work` and the items
    are pickled, and each worker keeps to its share of the cores.

    Raises:
        ToolError: processes die whatever they work on.
        Exception: whatever `work` raises.
    """
    if processes <= 1:
        for item in items:
            yield item, work(item)
        return
    counter = multiprocessing.get_context("spawn").Value("i", 0)
    waiting = deque(items)
    while waiting:
        suspects: list[Item] = []
        yield from _until_death(work, waiting, suspects, processes, counter)
        if suspects:
            yield from _one_by_one(work, suspects, processes, counter)


def _until_death(
    work: Callable[[Item], Result], waiting: deque[Item], suspects: list[Item], processes: int, counter: Any
) -> Iterator[tuple[Item, Result | None]]:
    """Works off `waiting`; when a process dies, what was under way is left in `suspects`."""
    running: dict[Future[Result], Item] = {}
    pool = _pool(processes, processes, counter)
    broken = False
    try:
        while (waiting or running) and not broken:
            try:
                while waiting and len(running) < _AHEAD * processes:
                    running[pool.submit(work, waiting[0])] = waiting[0]
                    waiting.popleft()
            except BrokenProcessPool:
                broken = True
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            if broken or any(_died(future) for future in finished):
                broken = True
                finished, _ = wait(running)
            for future in finished:
                item = running.pop(future)
                if _died(future):
                    suspects.append(item)
                else:
                    yield item, future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _one_by_one(
    work: Callable[[Item], Result], suspects: Sequence[Item], processes: int, counter: Any
) -> Iterator[tuple[Item, Result | None]]:
    """Each suspect alone; those that end their process again are given back at the end, unless all of several do."""
    dead: list[Item] = []
    for item in suspects:
        pool = _pool(1, processes, counter)
        try:
            yield item, pool.submit(work, item).result()
        except BrokenProcessPool:
            dead.append(item)
        finally:
            pool.shutdown(cancel_futures=True)
    if len(dead) == len(suspects) > 1:
        raise ToolError(
            f"{len(dead)} processes in a row died at their work: most likely memory is short; use fewer processes"
        )
    for item in dead:
        yield item, None


def _died(future: Future[Result]) -> bool:
    return isinstance(future.exception(), BrokenProcessPool)


def _pool(workers: int, processes: int, counter: Any) -> ProcessPoolExecutor:
    threads = max(1, (os.cpu_count() or 1) // processes)
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(workers, mp_context=context, initializer=_begin, initargs=(threads, counter))


def _begin(threads: int, counter: Any) -> None:
    """Runs first in every worker, before a library has read how many threads it may have."""
    global turn
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))
    with counter.get_lock():
        turn = counter.value
        counter.value += 1
