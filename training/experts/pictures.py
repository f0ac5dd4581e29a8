"""Which pictures are labelled: those of a folder, or a list of them, under names that the released format can hold.

A name is a picture's path below a common folder, with `/` between its parts: what an instruction says about where its
picture lies, whoever reads it and wherever that folder has moved.
"""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ferret.errors import TrainingError
from training.readers.records import inside_folder

SUFFIXES = frozenset(
    ".png .jpg .jpeg .jpe .jfif .webp .gif .bmp .dib .tif .tiff .ppm .pgm .pbm .pnm .ico .avif .jp2 .j2k".split()
)
"""How the names of files end that are taken for pictures, whatever their case."""


@dataclass(frozen=True)
class Pictures:
    """Pictures by their names below `root`, in the order of the names, and how many files were passed over and why."""

    root: Path
    names: tuple[str, ...]
    passed_over: Counter[str] = field(default_factory=Counter)


def find_pictures(images: Path | Sequence[Path]) -> Pictures:
    """The pictures below a folder, those that a text file lists (a path a line), or those given.

    Files of a folder that are not named as pictures, and hidden ones, are passed over and counted; what is listed or
    given is taken at its word. Paths of a text file are taken from its own folder.

    Raises:
        TrainingError: there is no such folder or file, or no picture in it.
    """
    if isinstance(images, Path):
        found = _below(images) if images.is_dir() else _together(_listed(images))
    else:
        found = _together(list(images))
    if not found.names:
        raise TrainingError(f"there are no pictures in {_shown(images)}: give a folder of pictures, or a list of them")
    return found


def _below(folder: Path) -> Pictures:
    names: list[str] = []
    passed_over: Counter[str] = Counter()
    for where, folders, files in os.walk(folder):
        hidden = [name for name in folders if name.startswith(".")]
        passed_over["hidden folder"] += len(hidden)
        folders[:] = [name for name in folders if not name.startswith(".")]
        for file in files:
            if file.startswith("."):
                passed_over["hidden file"] += 1
            elif Path(file).suffix.lower() not in SUFFIXES:
                passed_over["not named as a picture"] += 1
            elif not _speakable(name := Path(where, file).relative_to(folder).as_posix()):
                passed_over["name that data cannot hold"] += 1
            else:
                names.append(name)
    return Pictures(folder.resolve(), tuple(sorted(names)), +passed_over)


def _together(paths: Sequence[Path]) -> Pictures:
    """Paths as names below the folder that all of them lie in."""
    whole = sorted({path.parent.resolve() / path.name for path in paths})  # a picture that is a link keeps its name
    if not whole:
        return Pictures(Path(), ())
    root = Path(os.path.commonpath([path.parent for path in whole]))
    names = [path.relative_to(root).as_posix() for path in whole]
    good = sorted(name for name in names if _speakable(name))
    bad, twice = len(names) - len(good), len(paths) - len(whole)
    return Pictures(root, tuple(good), +Counter({"name that data cannot hold": bad, "listed before": twice}))


def _listed(path: Path) -> list[Path]:
    try:
        text = path.read_text(encoding="utf-8-sig")
        if "\0" in text:
            raise ValueError("no text")
    except OSError as error:
        raise TrainingError(
            f"cannot read {str(path)!r} ({error.strerror or error}): give a folder of pictures, or a text file that "
            "lists them, one a line"
        ) from None
    except ValueError:
        raise TrainingError(
            f"{str(path)!r} is not text in UTF-8: give a folder of pictures, or a text file that lists them, one a line"
        ) from None
    return [path.parent / line.strip() for line in text.splitlines() if line.strip()]


def _speakable(name: str) -> bool:
    """Whether a file of data can hold the name and readers find the picture again."""
    try:
        name.encode()
        return inside_folder(name) == name
    except (UnicodeEncodeError, TrainingError):
        return False


def _shown(images: Path | Sequence[Path]) -> str:
    return repr(str(images)) if isinstance(images, Path) else "the list given"
