"""Threads in PostgreSQL, for several machines: needs the extra `postgres` (`pip install ferret-agent[postgres]`).

The database holds the conversations; their pictures stay in a folder, which all machines then have to share. A thread's
lock is an advisory lock of the server, held by one connection for the whole process: it is gone with the process.
As in SQLite, a loss of the server's power costs no turn that has ended, but may cost steps of one under way.
"""

import hashlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from agent.checkpoints import PATIENCE, TURNS, Database, Statement, plain_data
from ferret.errors import RequestError

if TYPE_CHECKING:
    from psycopg import Connection

SCHEMES = ("postgresql", "postgres")
# The statements of one thread at a time, and the locks beside them.
_CONNECTIONS = 2
# Under this name stands the lock on making the tables; no thread can be called so.
_SETUP = "\0setup"


class PostgresDatabase(Database):
    """The threads of one PostgreSQL database. Raises `RequestError` when it cannot be reached."""

    writes = "checkpoint_writes"
    # Values are kept apart from the checkpoints, by channel and version, and go with the last that refers to them.
    aftermath = (
        """DELETE FROM checkpoint_blobs AS b WHERE b.thread_id = ? AND NOT EXISTS (
            SELECT 1 FROM checkpoints AS c WHERE c.thread_id = b.thread_id AND c.checkpoint_ns = b.checkpoint_ns
            AND c.checkpoint -> 'channel_versions' ->> b.channel = b.version)""",
    )

    def __init__(self, url: str) -> None:
        try:
            import psycopg
            from langgraph.checkpoint.postgres import PostgresSaver
            from psycopg.rows import dict_row
            from psycopg_pool import ConnectionPool
        except ImportError as error:
            raise RequestError(
                f"PostgreSQL needs packages that are not here ({error}); install them: "
                "pip install 'ferret-agent[postgres]'"
            ) from error

        self._url = url
        self._held: set[str] = set()
        self._guard = threading.RLock()
        self._locks: Connection[tuple[Any, ...]] | None = None
        try:
            with psycopg.connect(url, connect_timeout=10):
                pass
        except psycopg.Error as error:
            told = " ".join(str(error).split())
            raise RequestError(
                f"cannot keep threads in the database {described(url)} ({told}); mend FERRET_DATABASE, "
                "or leave it empty for a file"
            ) from error
        self._pool: ConnectionPool[Any] = ConnectionPool(
            url,
            kwargs={"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row},
            configure=_hurried,
            min_size=1,
            max_size=_CONNECTIONS,
            timeout=PATIENCE,
            open=True,
        )
        self.saver: PostgresSaver = PostgresSaver(self._pool, serde=plain_data())
        try:
            making = self.lock(_SETUP, PATIENCE)
            try:
                self.saver.setup()
                self.change([(TURNS, ())])
            finally:
                making.release()
        except BaseException:
            self.close()
            raise

    def read(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        from psycopg.rows import tuple_row

        with self._pool.connection() as connection, connection.cursor(row_factory=tuple_row) as cursor:
            cursor.execute(_marked(query), values)
            rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows

    def change(self, statements: Sequence[Statement]) -> None:
        with self._pool.connection() as connection, connection.transaction():
            connection.execute("SET LOCAL synchronous_commit TO DEFAULT")
            for statement, values in statements:
                connection.execute(_marked(statement), values)

    def contents(self) -> Iterator[bytes]:
        for query in (
            "SELECT checkpoint::text FROM checkpoints",
            "SELECT blob FROM checkpoint_blobs",
            "SELECT blob FROM checkpoint_writes",
            "SELECT turn FROM ferret_turns",
        ):
            for (piece,) in self.read(query):
                yield piece.encode() if isinstance(piece, str) else bytes(piece or b"")

    def close(self) -> None:
        self._pool.close()
        with self._guard:
            if self._locks is not None:
                self._locks.close()
            self._locks = None

    def _try_lock(self, name: str) -> Callable[[], None] | None:
        key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)
        with self._guard:
            if name in self._held:  # to the server all locks of one connection are its own
                return None
            if not self._asked("SELECT pg_try_advisory_lock(%s)", key):
                return None
            self._held.add(name)

        def give_back() -> None:
            with self._guard:
                self._held.discard(name)
                if self._locks is not None and not self._locks.closed:
                    self._asked("SELECT pg_advisory_unlock(%s)", key)

        return give_back

    def _asked(self, query: str, key: int) -> bool:
        import psycopg

        for attempt in (1, 2):
            if self._locks is None or self._locks.closed:
                self._locks = psycopg.connect(self._url, autocommit=True)
            try:
                row = self._locks.execute(query, (key,)).fetchone()
                return bool(row and row[0])
            except psycopg.OperationalError:  # the server was started anew: its locks are gone, the connection is dead
                self._locks.close()
                if attempt == 2:
                    raise
                time.sleep(0.1)
        return False


def _hurried(connection: "Connection[Any]") -> None:
    """A step within a turn does not wait for the server's disk; the end of a turn does, for all before it as well."""
    connection.execute("SET synchronous_commit TO off")


def is_postgres(url: str) -> bool:
    """Whether this is the URL of a PostgreSQL database."""
    return url.partition("://")[0] in SCHEMES and "://" in url


def identity(url: str) -> str:
    """A short name for the database that a URL leads to, whoever goes there: of its host, port and name."""
    parts = urlsplit(url)
    place = f"{parts.hostname or ''}:{parts.port or 5432}{parts.path}?{parts.query}"
    return hashlib.sha256(place.encode()).hexdigest()[:12]


def described(url: str) -> str:
    """The URL without its password."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or 'localhost'}{parts.path}"


def _marked(query: str) -> str:
    return query.replace("?", "%s")
