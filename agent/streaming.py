"""A turn beside whoever waits for it: the synchronous stream of events in a thread of its own.

The models block, and so does the database of threads; an event loop must not wait for them, and a terminal must be able
to hear Ctrl-C meanwhile. Nothing can stop a model in the middle of a step, so a turn that is given up ends at its next
event; whoever gives it up waits for that, and so knows that nothing of it goes on.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor

from agent.events import Event


def in_thread(start: Callable[[], Iterator[Event]]) -> Generator[Event, None, None]:
    """The events of the turn that `start` begins, which runs in a thread of its own.

    `KeyboardInterrupt` is raised here at once; closing the generator then returns when the turn has ended.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="turn") as worker:
        turn = worker.submit(lambda: iter(start())).result()
        try:
            while (event := worker.submit(next, turn, None).result()) is not None:
                yield event
        finally:
            worker.submit(_close, turn)


async def in_background(start: Callable[[], Iterator[Event]]) -> AsyncIterator[Event]:
    """The same for an event loop, which goes on meanwhile. A task that is cancelled here ends when the turn has."""
    loop = asyncio.get_running_loop()
    worker = ThreadPoolExecutor(1, thread_name_prefix="turn")
    turn: Iterator[Event] = iter(())
    try:
        turn = await loop.run_in_executor(worker, lambda: iter(start()))
        while (event := await loop.run_in_executor(worker, next, turn, None)) is not None:
            yield event
    finally:
        # One worker does one thing after another: this waits for the event that is under way.
        closing = loop.run_in_executor(worker, _close, turn)
        worker.shutdown(wait=False)
        await closing


def _close(turn: Iterator[Event]) -> None:
    if isinstance(turn, Generator):
        turn.close()
