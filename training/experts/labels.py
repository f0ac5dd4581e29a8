"""What the experts saw, kept on disk: for every picture and expert its labels, or why there are none.

A picture is known by the hash of its pixels, an expert by its tool, the mark of its weights and its arguments, so that
labels outlive renamed files and are never taken for those of other weights. The store is one SQLite file. A picture's
labels are written in one transaction; several processes, and several runs, may write side by side, and a process that
is killed leaves either all of a picture's labels or none.

    with LabelStore(Path("labels.sqlite")) as store:
        number = store.register(Expert("detector", "ab12", "{}", ("dog", "cat")))
        store.put("5e1f...", (640, 480), {number: (ObjectLabel("dog", 0.9, (1.0, 2.0, 30.0, 40.0)),)})
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, TypeAlias

from pydantic import TypeAdapter, ValidationError

from ferret.errors import TrainingError
from ferret.masks import Rle

Corners: TypeAlias = tuple[float, float, float, float]
"""A box's left, top, right and bottom edge in pixels of the upright picture."""

Tool = Literal["detector", "ocr", "sam"]

_SCHEMA_VERSION = 1
_BUSY_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class ObjectLabel:
    """An object that the detector saw: name, score in 0..1, box, and the next best names with their scores."""

    name: str
    score: float
    box: Corners
    others: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class TextLabel:
    """A line of text that was read: its words, score in 0..1 and upright box."""

    text: str
    score: float
    box: Corners


@dataclass(frozen=True, slots=True)
class MaskLabel:
    """The mask of a detected object: COCO run lengths, the segmenter's own estimate of its IoU, box and area in pixels.

    `of` is the object's place in the detector's labels of the picture, `size` the picture's (height, width).
    """

    of: int
    size: tuple[int, int]
    counts: str
    score: float
    box: Corners
    area: int

    @property
    def rle(self) -> Rle:
        """The run lengths as files hold them."""
        return {"size": list(self.size), "counts": self.counts}


AnyLabels: TypeAlias = tuple[ObjectLabel, ...] | tuple[TextLabel, ...] | tuple[MaskLabel, ...]

_ADAPTERS: Mapping[str, TypeAdapter[AnyLabels]] = {
    "detector": TypeAdapter(tuple[ObjectLabel, ...]),
    "ocr": TypeAdapter(tuple[TextLabel, ...]),
    "sam": TypeAdapter(tuple[MaskLabel, ...]),
}


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an expert has no labels for a picture, in a line."""

    reason: str


Outcome: TypeAlias = AnyLabels | Failure


@dataclass(frozen=True, slots=True)
class Expert:
    """A tool with certain weights and arguments; any difference makes it another expert.

    Attributes:
        tool: which kind of labels it gives.
        weights: what tells its weights apart.
        arguments: everything else that its labels depend on, as JSON text.
        names: every name that it could have given, which is what can be said to be absent; empty if it names nothing.
            Not part of the key, since the weights decide it.
    """

    tool: Tool
    weights: str
    arguments: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A picture's file as it was found: length in bytes, time of change, and its picture's hash or why it has none."""

    length: int
    changed: int
    picture: str | None
    reason: str = ""


class LabelStore:
    """The labels of any number of pictures in one SQLite file, made if missing. One process opens it once for itself.

    Raises:
        TrainingError: the file cannot be opened, is no database, or is one of something else.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._base = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
        except (OSError, sqlite3.Error) as error:
            raise TrainingError(f"cannot open the label store {str(path)!r}: {error}") from None
        try:
            self._base.execute("PRAGMA journal_mode=WAL")
            self._claim()
        except sqlite3.DatabaseError as error:
            self._base.close()
            raise TrainingError(f"{str(path)!r} is no label store ({error}): give another file") from None
        except TrainingError:
            self._base.close()
            raise

    def __enter__(self) -> "LabelStore":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._base.close()

    # -- experts -----------------------------------------------------------------------------------------------------

    def register(self, expert: Expert) -> int:
        """The number under which the labels of this expert are kept in this store."""
        key = (expert.tool, expert.weights, expert.arguments)
        with self._transaction():
            self._base.execute(
                "INSERT INTO experts (tool, weights, arguments) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", key
            )
            row = self._base.execute(
                "SELECT number FROM experts WHERE tool = ? AND weights = ? AND arguments = ?", key
            ).fetchone()
        return int(row[0])

    # -- files -------------------------------------------------------------------------------------------------------

    def file(self, path: Path) -> FileRecord | None:
        """What is known of a file, by its absolute path; whether it has changed since is for the caller to see."""
        row = self._base.execute(
            "SELECT length, changed, picture, reason FROM files WHERE path = ?", (str(path),)
        ).fetchone()
        return None if row is None else FileRecord(*row)

    def put_file(self, path: Path, record: FileRecord) -> None:
        """Note what was found in a file, in place of what was noted before."""
        with self._transaction():
            self._base.execute(
                "INSERT OR REPLACE INTO files (path, length, changed, picture, reason) VALUES (?, ?, ?, ?, ?)",
                (str(path), record.length, record.changed, record.picture, record.reason),
            )

    # -- labels ------------------------------------------------------------------------------------------------------

    def put(self, picture: str, size: tuple[int, int], outcomes: Mapping[int, Outcome]) -> None:
        """Keep what experts, by their numbers, made of a picture of `size` (width, height): all of it or nothing.

        What is there already stays: the first to finish a picture has labelled it.
        """
        rows: list[tuple[str, int, str | None, str]] = []
        for number, outcome in outcomes.items():
            if isinstance(outcome, Failure):
                rows.append((picture, number, None, outcome.reason))
            else:
                rows.append((picture, number, _ADAPTERS[self._tool(number)].dump_json(outcome).decode(), ""))
        with self._transaction():
            self._base.execute("INSERT INTO pictures VALUES (?, ?, ?) ON CONFLICT DO NOTHING", (picture, *size))
            self._base.executemany("INSERT INTO labels VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", rows)

    def done(self, picture: str, experts: Sequence[int]) -> dict[int, str]:
        """Those of the experts that have dealt with a picture, each with its reason for having no labels, or ""."""
        marks = ", ".join("?" * len(experts))
        rows = self._base.execute(
            f"SELECT expert, reason FROM labels WHERE picture = ? AND expert IN ({marks})", (picture, *experts)
        )
        return {int(number): str(reason) for number, reason in rows}

    def size(self, picture: str) -> tuple[int, int] | None:
        """(width, height) of a picture in pixels, or None if it was never labelled."""
        row = self._base.execute("SELECT width, height FROM pictures WHERE hash = ?", (picture,)).fetchone()
        return None if row is None else (int(row[0]), int(row[1]))

    def outcome(self, picture: str, expert: int) -> Outcome | None:
        """What an expert made of a picture, or None if it has not dealt with it.

        Raises:
            TrainingError: the labels are damaged.
        """
        row = self._base.execute(
            "SELECT labels, reason FROM labels WHERE picture = ? AND expert = ?", (picture, expert)
        ).fetchone()
        if row is None:
            return None
        if row[0] is None:
            return Failure(str(row[1]))
        try:
            return _ADAPTERS[self._tool(expert)].validate_json(row[0])
        except ValidationError as error:
            raise TrainingError(
                f"the labels of picture {picture} in {str(self.path)!r} are damaged ({error.error_count()} fault(s)): "
                "remove the store and label again"
            ) from None

    def forget_failures(self, experts: Sequence[int]) -> int:
        """Forget that these experts failed on pictures, and that files were unreadable; says how many there were."""
        marks = ", ".join("?" * len(experts))
        with self._transaction():
            forgotten = self._base.execute(
                f"DELETE FROM labels WHERE labels IS NULL AND expert IN ({marks})", tuple(experts)
            ).rowcount
            return forgotten + self._base.execute("DELETE FROM files WHERE picture IS NULL").rowcount

    # ----------------------------------------------------------------------------------------------------------------

    def _tool(self, number: int) -> str:
        row = self._base.execute("SELECT tool FROM experts WHERE number = ?", (number,)).fetchone()
        if row is None:
            raise TrainingError(f"{str(self.path)!r} knows no expert {number}: register it first")
        return str(row[0])

    def _claim(self) -> None:
        with self._transaction():
            version = self._base.execute("PRAGMA user_version").fetchone()[0]
            tables = self._base.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            if version == _SCHEMA_VERSION:
                return
            if version or tables:
                raise TrainingError(f"{str(self.path)!r} is a database, but no label store of ours: give another file")
            for statement in _SCHEMA:
                self._base.execute(statement)
            self._base.execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._base.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._base.execute("ROLLBACK")
            raise
        self._base.execute("COMMIT")


_SCHEMA = (
    """CREATE TABLE experts (
        number INTEGER PRIMARY KEY, tool TEXT NOT NULL, weights TEXT NOT NULL, arguments TEXT NOT NULL,
        UNIQUE (tool, weights, arguments))""",
    """CREATE TABLE files (
        path TEXT PRIMARY KEY, length INTEGER NOT NULL, changed INTEGER NOT NULL, picture TEXT, reason TEXT NOT NULL)
        WITHOUT ROWID""",
    "CREATE TABLE pictures (hash TEXT PRIMARY KEY, width INTEGER NOT NULL, height INTEGER NOT NULL) WITHOUT ROWID",
    """CREATE TABLE labels (
        picture TEXT NOT NULL, expert INTEGER NOT NULL REFERENCES experts, labels TEXT, reason TEXT NOT NULL,
        PRIMARY KEY (picture, expert)) WITHOUT ROWID""",
)
