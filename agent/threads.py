"""Threads: conversations that last, in one SQLite file beside the artifacts that they speak of.

One `ThreadStore` owns one folder: `threads.sqlite` with langgraph's checkpoints, and `artifacts/` with pictures and
masks by content hash. Several processes may use the folder at once.
"""

import re
import sqlite3
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from agent.artifacts import ArtifactStore
from agent.settings import state_folder
from ferret.errors import RequestError

if TYPE_CHECKING:
    from langgraph.checkpoint.sqlite import SqliteSaver

# No control characters, and no halves of surrogate pairs, which no database can keep.
_NAME = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]{1,200}")
# How long one process waits while another writes, in seconds.
PATIENCE = 30.0


class ThreadStore:
    """The threads in one folder (default: `agent.settings.state_folder()`), opened on first use."""

    def __init__(self, folder: str | Path | None = None) -> None:
        self.folder = Path(folder) if folder is not None else state_folder()
        self.artifacts = ArtifactStore(self.folder / "artifacts")
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._saver: SqliteSaver | None = None

    def checkpointer(self) -> "SqliteSaver":
        """langgraph's checkpointer over this folder's database, which revives plain data alone (strict msgpack)."""
        from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
        from langgraph.checkpoint.sqlite import SqliteSaver

        with self._lock:
            if self._saver is None:
                self._connection = self._open()
                self._saver = SqliteSaver(self._connection, serde=JsonPlusSerializer(allowed_msgpack_modules=[]))
                self._saver.setup()
            return self._saver

    def names(self) -> list[str]:
        """The ids of all threads, in alphabetical order."""
        saver = self.checkpointer()
        with saver.cursor(transaction=False) as cursor:
            rows = cursor.execute("SELECT DISTINCT thread_id FROM checkpoints ORDER BY thread_id").fetchall()
        return [row[0] for row in rows]

    def close(self) -> None:
        """Closes the database; the store opens it again when it is needed."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
            self._connection = self._saver = None

    def _open(self) -> sqlite3.Connection:
        path = self.folder / "threads.sqlite"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(path, check_same_thread=False, timeout=PATIENCE)
            connection.execute("PRAGMA journal_mode=WAL")
        except (OSError, sqlite3.Error) as error:
            raise RequestError(
                f"cannot keep threads in {str(self.folder)!r} ({error}); set FERRET_HOME to another folder"
            ) from error
        return connection


def checked_thread_id(name: str) -> str:
    """The id of a thread as given; `RequestError` when it is empty, longer than 200 characters or has control
    characters.
    """
    if not _NAME.fullmatch(name) or not name.strip():
        raise RequestError(f"{name!r} cannot name a thread; use 1 to 200 printable characters")
    return name
