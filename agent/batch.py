"""Many questions from one file to another: one JSON object a line, written as it is answered.

A bad line becomes an error line and the work goes on. Started again, ids that the output holds already are skipped, and
a last line that was cut off when the process was killed is written anew.
"""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from pydantic import BaseModel, ConfigDict, ValidationError

from agent.answers import Answer, checked_picture_path
from ferret.errors import RequestError

Id = str | int
# How every record that is written begins.
_BEGINS = b'{"id": '


class BatchLine(BaseModel):
    """One line of the input. Fields beyond these are left alone, so that a file may carry notes of its own."""

    model_config = ConfigDict(extra="ignore", strict=True)

    id: Id
    question: str
    images: list[str] = []
    regions: list[str] = []
    model: str | None = None
    thread: str | None = None
    save: str | None = None


class Answerer(Protocol):
    """What answers a line: `VisionAgent.ask`, looked up by the line's model (None: the one that was started with)."""

    def __call__(self, line: BatchLine) -> Answer: ...


@dataclass(slots=True)
class BatchReport:
    """How many lines were answered, failed, and skipped because they were done."""

    total: int
    answered: int = 0
    failed: int = 0
    skipped: int = 0
    done: set[str] = field(default_factory=set, repr=False)

    @property
    def seen(self) -> int:
        """Lines dealt with so far."""
        return self.answered + self.failed + self.skipped


def run_batch(
    source: str | Path, target: str | Path, ask: Answerer, report: Callable[[BatchReport], None] = lambda _: None
) -> BatchReport:
    """Answers every line of `source` into `target`, each written and flushed as soon as it is known.

    `report` is called after every line. Raises `RequestError` when a file cannot be read or written, or when `target`
    holds something else than the output of an earlier run.
    """
    source, target = Path(source), Path(target)
    lines = _read_lines(source)
    if target.exists() and target.samefile(source):
        raise RequestError(f"{str(target)!r} is the input itself; name another file with --out")
    progress = BatchReport(total=len(lines))
    with _open_output(target) as output:
        progress.done = _done_ids(output, target)
        for number, raw in lines:
            mark = _mark(_id_of(raw), number)
            if mark in progress.done:
                progress.skipped += 1
            else:
                record = _answered(raw, number, source.parent, ask)
                output.write(_written(record) + b"\n")
                output.flush()
                progress.done.add(mark)
                if "error" in record:
                    progress.failed += 1
                else:
                    progress.answered += 1
            report(progress)
    return progress


def _answered(raw: bytes, number: int, folder: Path, ask: Answerer) -> dict[str, Any]:
    """The output record of one line; whatever goes wrong becomes its error."""
    identity = _id_of(raw)
    head: dict[str, Any] = {"id": identity} if identity is not None else {"id": None, "line": number}
    try:
        line = _parsed(raw, number)
        line.images = [_found(image, folder) for image in line.images]
        line.regions = [_found_mask(region, folder) for region in line.regions]
        if line.save is not None:
            checked_picture_path(line.save)
        answer = ask(line)
        if line.save is not None:
            answer.save(line.save)
        return head | answer.model_dump(mode="json")
    except Exception as error:
        return head | {"error": {"type": type(error).__name__, "message": str(error) or repr(error)}}


def _written(record: dict[str, Any]) -> bytes:
    try:
        return json.dumps(record, ensure_ascii=False).encode()
    except UnicodeEncodeError:  # an id may hold half a surrogate pair, which only an escape can write
        return json.dumps(record).encode()


def _parsed(raw: bytes, number: int) -> BatchLine:
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise RequestError(f"line {number} is not JSON ({error}); write one object a line") from None
    if not isinstance(value, dict):
        raise RequestError(f"line {number} is not a JSON object; write fields such as id, question and images")
    for name in value.keys() - BatchLine.model_fields.keys():  # a region that is not read would be a wrong answer
        meant = next((known for known in BatchLine.model_fields if _bare(known) == _bare(name)), None)
        if meant:
            raise RequestError(f"line {number}: there is no field {name!r}: write {meant!r}")
    try:
        return BatchLine.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][:1])
        raise RequestError(f"line {number}: field {where!r}: {first['msg'].lower()}") from None


def _bare(name: str) -> str:
    """A field's name without what is easily got wrong: case, and one or many."""
    return name.strip().lower().removesuffix("s")


def _id_of(raw: bytes) -> Id | None:
    """The id of a line, also of one that is wrong otherwise."""
    with suppress(ValueError, RecursionError):
        value = json.loads(raw)
        identity = value.get("id") if isinstance(value, dict) else None
        if isinstance(identity, str | int) and not isinstance(identity, bool):
            return identity
    return None


def _mark(identity: Id | None, number: int) -> str:
    """What tells lines apart: their id, else their number."""
    return json.dumps(identity) if identity is not None else f"line {number}"


def _found(path: str, folder: Path) -> str:
    """A relative path is taken from the input's own folder when the file is there, else from the working directory."""
    with suppress(OSError, ValueError):
        if not Path(path).is_absolute() and (folder / path).exists():
            return str(folder / path)
    return path


def _found_mask(spec: str, folder: Path) -> str:
    kind, colon, rest = spec.partition(":")
    if kind.strip().lower() != "mask":
        return spec
    path, at, image = rest.rpartition("@")
    if at and image.isdigit():
        return f"{kind}{colon}{_found(path, folder)}@{image}"
    return f"{kind}{colon}{_found(rest, folder)}"


def _read_lines(source: Path) -> list[tuple[int, bytes]]:
    """The lines that hold anything, each with its number counted from 1."""
    try:
        data = source.read_bytes()
    except FileNotFoundError:
        raise RequestError(f"{str(source)!r} does not exist; give a file with one JSON object a line") from None
    except OSError as error:
        raise RequestError(
            f"cannot read {str(source)!r} ({error.strerror}); give a file with one JSON object a line"
        ) from None
    return [(number, line) for number, line in enumerate(data.split(b"\n"), 1) if line.strip()]


def _open_output(target: Path) -> BinaryIO:
    try:
        target.touch()
        return target.open("r+b")
    except OSError as error:
        raise RequestError(
            f"cannot write {str(target)!r} ({error.strerror}); name a file that can be written"
        ) from None


def _done_ids(output: BinaryIO, target: Path) -> set[str]:
    """Ids that the output holds; leaves the file cut after its last whole line and ready for more."""
    done: set[str] = set()
    whole = 0
    for number, line in enumerate(output, 1):
        record: Any = None
        with suppress(ValueError, RecursionError):
            record = json.loads(line)
        ours = isinstance(record, dict) and "id" in record and ("status" in record or "error" in record)
        if ours and line.endswith(b"\n"):
            done.add(_mark(record["id"], record.get("line", 0)))
            whole += len(line)
            continue
        begun = record is None and line[: len(_BEGINS)] == _BEGINS[: len(line)]
        if line.endswith(b"\n") or not (ours or begun):  # what others wrote is neither read as done nor cut away
            raise RequestError(
                f"line {number} of {str(target)!r} is not the output of a batch; name another file with --out"
            )
    output.seek(whole)
    output.truncate()
    return done
