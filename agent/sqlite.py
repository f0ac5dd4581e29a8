"""Threads in SQLite: one file, `threads.sqlite`, and beside it a lock file for each thread.

The file is in write-ahead mode, so readers never wait for the writer. Steps within a turn are safe against the end of
the process (`kill -9`), but not each against a loss of power, which would cost a wait for the disk every time; a turn
that has ended is.
"""

import fcntl
import hashlib
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from agent.checkpoints import PATIENCE, TURNS, Database, Statement, plain_data
from ferret.errors import RequestError

# The write-ahead file is merged when it has this many pages of 4 KiB, so that it stays small beside a small database.
_MERGED_AT = 128


class SqliteDatabase(Database):
    """The threads of one folder. Raises `RequestError` when they cannot be kept there."""

    writes = "writes"

    def __init__(self, folder: Path) -> None:
        from langgraph.checkpoint.sqlite import SqliteSaver

        self._locks = folder / "locks"
        try:
            self._locks.mkdir(parents=True, exist_ok=True)
            # Two that make one database at once would find it locked where they cannot wait.
            with _locked(self._locks / ".opening"):
                self._connection = sqlite3.connect(
                    folder / "threads.sqlite", check_same_thread=False, timeout=PATIENCE
                )
                try:
                    self._connection.execute("PRAGMA journal_mode=WAL")
                    self._connection.execute(f"PRAGMA wal_autocheckpoint={_MERGED_AT}")
                    self._connection.execute(f"PRAGMA journal_size_limit={_MERGED_AT * 4096}")
                    self._connection.execute("PRAGMA synchronous=NORMAL")
                    self.saver: SqliteSaver = SqliteSaver(self._connection, serde=plain_data())
                    self.saver.setup()
                    self._connection.execute(TURNS)
                    self._connection.commit()
                except BaseException:
                    self._connection.close()
                    raise
        except (OSError, sqlite3.Error) as error:
            raise RequestError(
                f"cannot keep threads in {str(folder)!r} ({error}); set FERRET_HOME to another folder"
            ) from error

    def read(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with self.saver.cursor(transaction=False) as cursor:
            return cursor.execute(query, values).fetchall()

    def change(self, statements: Sequence[Statement]) -> None:
        with self.saver.lock:
            self._connection.execute("PRAGMA synchronous=FULL")
            try:
                with self._connection:  # commits, or takes everything back
                    for statement, values in statements:
                        self._connection.execute(statement, values)
            finally:
                self._connection.execute("PRAGMA synchronous=NORMAL")

    def contents(self) -> Iterator[bytes]:
        for query in (
            "SELECT checkpoint FROM checkpoints",
            "SELECT value FROM writes",
            "SELECT CAST(turn AS BLOB) FROM ferret_turns",
        ):
            for (piece,) in self.read(query):
                yield piece or b""

    def delete(self, name: str) -> None:
        super().delete(name)
        self._lock_file(name).unlink(missing_ok=True)

    def close(self) -> None:
        with self.saver.lock:
            self._connection.close()

    def _try_lock(self, name: str) -> Callable[[], None] | None:
        path = self._lock_file(name)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Whoever had it may have deleted the thread, and the file with it.
            if os.path.samestat(path.stat(), os.fstat(handle)):
                return lambda: os.close(handle)
        except (BlockingIOError, FileNotFoundError):
            pass
        os.close(handle)
        return None

    def _lock_file(self, name: str) -> Path:
        return self._locks / hashlib.sha256(name.encode()).hexdigest()[:32]


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
