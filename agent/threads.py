"""Threads: conversations that last, in a database beside the artifacts that they speak of.

One `ThreadStore` owns one folder: `threads.sqlite` with langgraph's checkpoints and the record of turns, and
`artifacts/` with pictures and masks by content hash. Or it owns a PostgreSQL database and a folder of artifacts for
it. Several processes may use it at once.
"""

import re
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.artifacts import ArtifactStore, Swept
from agent.settings import database_url, state_folder
from ferret.errors import RequestError

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver

    from agent.checkpoints import Database

# No control characters, and no halves of surrogate pairs, which no database can keep.
_NAME = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]{1,200}")
# Artifacts younger than this may belong to a turn that has only begun, in seconds.
YOUNG = 3600.0


class ThreadStore:
    """The threads in one folder (default: `agent.settings.state_folder()`), opened on first use.

    `database` is the URL of a PostgreSQL database to keep them in (default: `agent.settings.database_url()`, and
    without one a SQLite file in the folder). Their artifacts are in the folder in any case, in a part of its own for
    each database.

    Raises `RequestError` when `database` is something else; other errors of the database come at the first use.
    """

    def __init__(self, folder: str | Path | None = None, database: str | None = None) -> None:
        self.folder = Path(folder) if folder is not None else state_folder()
        self._url = database if database is not None else database_url()
        part = "artifacts"
        if self._url:
            from agent.postgres import identity, is_postgres

            if not is_postgres(self._url):
                raise RequestError(
                    "the database of threads is named by a URL such as postgresql://user@host/name; "
                    "leave it out for a file"
                )
            part = f"artifacts-{identity(self._url)}"
        self.artifacts = ArtifactStore(self.folder / part)
        self._lock = threading.Lock()
        self._database: Database | None = None

    @property
    def database(self) -> "Database":
        """The open database. Raises `RequestError` when it cannot be opened."""
        with self._lock:
            if self._database is None:
                self._database = self._open()
            return self._database

    def checkpointer(self) -> "BaseCheckpointSaver[Any]":
        """langgraph's checkpointer over the database, which revives plain data alone (strict msgpack)."""
        return self.database.saver

    def names(self) -> list[str]:
        """The ids of all threads, in alphabetical order."""
        return self.database.names()

    def delete(self, name: str) -> None:
        """Forgets a thread, after the turn that may be under way; `collect` then frees what it alone needed.

        Raises `RequestError` when there is no such thread.
        """
        if checked_thread_id(name) not in self.names():
            raise RequestError(f"there is no thread {name!r}; there are {', '.join(self.names()[:5]) or 'none'}")
        lock = self.database.lock(name)
        try:
            self.database.delete(name)
        finally:
            lock.release()

    def collect(self, young: float = YOUNG) -> Swept:
        """Removes the artifacts that no thread needs: neither its turns, nor its memory, nor a turn under way.

        Safe beside other processes: what was kept or used within the last `young` seconds stays, for its turn may not
        have reached the database yet.
        """
        return self.artifacts.sweep(self.database.contents, young)

    def close(self) -> None:
        """Closes the database; the store opens it again when it is needed."""
        with self._lock:
            if self._database is not None:
                self._database.close()
            self._database = None

    def _open(self) -> "Database":
        if self._url:
            from agent.postgres import PostgresDatabase

            return PostgresDatabase(self._url)
        from agent.sqlite import SqliteDatabase

        return SqliteDatabase(self.folder)


def checked_thread_id(name: str) -> str:
    """The id of a thread as given; `RequestError` when it is empty, longer than 200 characters or has control
    characters.
    """
    if not _NAME.fullmatch(name) or not name.strip():
        raise RequestError(f"{name!r} cannot name a thread; use 1 to 200 printable characters")
    return name
