"""Where threads are kept: langgraph's checkpoints and the record of turns in one database, and a lock for each thread.

SQLite in a file is the default (`agent.sqlite`); PostgreSQL comes in by its URL (`agent.postgres`). What they share is
here: the statements, which both understand, and the lock. Whoever runs a turn holds its thread's lock, in whatever
thread or process, so turns of one thread come one after another; the lock of a process that dies is let go by the
operating system or the database server.

A thread between two turns is one checkpoint and a row per turn: `record` writes the row of a turn that has ended and
drops the checkpoints before its last in one transaction. A turn that was cut off is what lies behind that checkpoint.
"""

import json
import time
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ferret.errors import RequestError

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver
    from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

# How long one process waits while another writes, in seconds.
PATIENCE = 30.0
# How long a question waits for the one before it in its thread, in seconds.
BUSY = 60.0

Statement = tuple[str, Sequence[Any]]

TURNS = """CREATE TABLE IF NOT EXISTS ferret_turns (
    thread_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    turn TEXT NOT NULL,
    PRIMARY KEY (thread_id, number)
)"""


class ThreadLock:
    """The right to run turns of one thread, until `release`; given back too when nobody holds this object any more."""

    def __init__(self, give_back: Callable[[], None]) -> None:
        self._finalizer = weakref.finalize(self, give_back)

    def release(self) -> None:
        """Gives the right back; a second time does nothing."""
        self._finalizer()


class Database(ABC):
    """One open database. Safe to use from several threads; several processes may have it open at once.

    `saver` is langgraph's checkpointer over it. Queries mark their values with `?`.
    """

    saver: "BaseCheckpointSaver[Any]"
    # The tables that hold what belongs to a checkpoint.
    writes: str
    # What else is to be done in the transaction that has deleted checkpoints of a thread.
    aftermath: tuple[str, ...] = ()

    @abstractmethod
    def read(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """The rows of a query."""

    @abstractmethod
    def change(self, statements: Sequence[Statement]) -> None:
        """Runs statements as one transaction, which lasts (even a loss of power) when this returns."""

    @abstractmethod
    def close(self) -> None:
        """Closes the database, and with it gives back every lock."""

    @abstractmethod
    def contents(self) -> Iterator[bytes]:
        """Everything that is kept of all threads, in pieces, as it is stored: for finding the ids of artifacts in."""

    @abstractmethod
    def _try_lock(self, name: str) -> Callable[[], None] | None:
        """What gives a thread's lock back; None when somebody else has it."""

    def lock(self, name: str, patience: float = BUSY) -> ThreadLock:
        """Waits for the right to run turns of a thread.

        Raises:
            RequestError: another turn has been running for `patience` seconds.
        """
        until, pause = time.monotonic() + patience, 0.001
        while (give_back := self._try_lock(name)) is None:
            if time.monotonic() > until:
                raise RequestError(
                    f"thread {name!r} is busy with another question; ask again when that one is answered"
                )
            time.sleep(pause)
            pause = min(2 * pause, 0.05)
        return ThreadLock(give_back)

    def names(self) -> list[str]:
        """The ids of all threads, in alphabetical order."""
        return sorted(row[0] for row in self.read("SELECT DISTINCT thread_id FROM checkpoints"))

    def last_turn(self, name: str) -> int:
        """The number of the last turn that has ended, counted from 1; 0 when there is none."""
        ((number,),) = self.read("SELECT COALESCE(MAX(number), 0) FROM ferret_turns WHERE thread_id = ?", name)
        return int(number)

    def turns(self, name: str) -> list[tuple[int, dict[str, Any]]]:
        """The turns of a thread that have ended, in order, each as its number and JSON."""
        rows = self.read("SELECT number, turn FROM ferret_turns WHERE thread_id = ? ORDER BY number", name)
        return [(int(number), json.loads(turn)) for number, turn in rows]

    def record(self, name: str, number: int, turn: dict[str, Any], checkpoint: str) -> None:
        """Keeps a turn that has ended, once, and of its thread's checkpoints the last alone."""
        self.change([_kept(name, number, turn), *self._without(name, "checkpoint_id < ?", checkpoint)])

    def record_failure(self, name: str, number: int, turn: dict[str, Any], before: str) -> None:
        """Keeps a turn that cannot be finished, and drops its checkpoints: all behind that called `before`."""
        self.change([_kept(name, number, turn), *self._without(name, "checkpoint_id > ?", before)])

    def discard(self, name: str, before: str) -> None:
        """Drops the checkpoints of a turn: all behind that called `before` ("" for a thread without any)."""
        self.change(self._without(name, "checkpoint_id > ?", before))

    def drop_turn(self, name: str, number: int) -> None:
        """Forgets a turn that has ended, as if it had never been asked."""
        self.change([("DELETE FROM ferret_turns WHERE thread_id = ? AND number = ?", (name, number))])

    def delete(self, name: str) -> None:
        """Drops a thread altogether; its lock is to be held."""
        turns = ("DELETE FROM ferret_turns WHERE thread_id = ?", (name,))
        self.change([turns, *self._without(name, "checkpoint_id > ?", "")])

    def _without(self, name: str, condition: str, checkpoint: str) -> list[Statement]:
        return [
            (f"DELETE FROM checkpoints WHERE thread_id = ? AND {condition}", (name, checkpoint)),
            (f"DELETE FROM {self.writes} WHERE thread_id = ? AND {condition}", (name, checkpoint)),
            *((statement, (name,)) for statement in self.aftermath),
        ]


def _kept(name: str, number: int, turn: dict[str, Any]) -> Statement:
    told = json.dumps(turn, separators=(",", ":"), ensure_ascii=False)
    statement = "INSERT INTO ferret_turns (thread_id, number, turn) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
    return statement, (name, number, told)


def plain_data() -> "JsonPlusSerializer":
    """langgraph's serializer, which then revives plain data alone, whatever a checkpoint says."""
    from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

    return JsonPlusSerializer(allowed_msgpack_modules=[])
