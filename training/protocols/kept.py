"""Files that a run keeps: lines that are added as they come, and small files that are whole or not there.

A process may be killed at any moment. What it was writing then is the last line, without its end; it is cut off before
anything is added. Small files are written beside their place and moved there.
"""

from collections.abc import Iterable
from pathlib import Path

from ferret.errors import TrainingError


def whole_lines(path: Path) -> list[str]:
    """The lines of a file; one without its end is taken out of it. No file has none.

    Raises:
        TrainingError: the file cannot be read, or is not text in UTF-8.
    """
    try:
        content = path.read_bytes() if path.exists() else b""
        end = content.rfind(b"\n") + 1
        if end < len(content):
            with path.open("r+b") as file:
                file.truncate(end)
        return content[:end].decode("utf-8").split("\n")[:-1]
    except OSError as error:
        raise TrainingError(f"cannot read {str(path)!r}: {error.strerror or error}") from None
    except ValueError as error:
        raise TrainingError(f"{str(path)!r} is not text in UTF-8 ({error}): give another folder with --out") from None


def add_lines(path: Path, lines: Iterable[str]) -> None:
    """Append lines at once.

    Raises:
        TrainingError: the file cannot be written.
    """
    try:
        with path.open("ab") as file:
            file.write("".join(f"{line}\n" for line in lines).encode())
    except OSError as error:
        raise TrainingError(f"cannot write {str(path)!r}: {error.strerror or error}") from None


def write_whole(path: Path, text: str) -> None:
    """Write a small file so that whoever reads it finds the old content or the new.

    Raises:
        TrainingError: the file cannot be written.
    """
    beside = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        raise TrainingError(f"cannot write {str(path)!r}: {error.strerror or error}") from None
