"""Samples on disk, by number: a file is read once, and a run then takes any sample without holding the others.

A store is a folder named by what its samples depend on (the content of the files, the reader, the seed and the format),
so a file that changes has another store. Inside:

    samples.jsonl   one sample a line, behind a line that names the format
    offsets.npy     int64 [N + 1], where in it each sample begins; the last is the end
    about.json      what it was made from, and the reader's report

It is written elsewhere and moved into place, whole or not at all; of several processes that need it, one makes it.
"""

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from array import array
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ferret.errors import TrainingError
from training.data.sample_text import sample_from_line, sample_to_line
from training.readers import visual_genome, vqa
from training.readers.registry import READERS, Reader
from training.readers.report import Malformed, Report
from training.readers.sample import Sample
from training.tuning.settings import Source

FORMAT = 1
"""Raised when stores of before, or what the readers made of the same file, cannot be used any more."""

_HEADER = f'"ferret samples {FORMAT}"\n'.encode()
_SAMPLES, _OFFSETS, _ABOUT = "samples.jsonl", "offsets.npy", "about.json"


class SampleStore:
    """The samples of one source, by number.

    Args:
        folder: what `build_store` made.
        images: folder of the pictures.

    Attributes:
        data_hash: SHA-256 in hex over all that the samples depend on.
        report: what the reader made of the file's records.

    Raises:
        TrainingError: the folder is damaged.
    """

    def __init__(self, folder: Path, images: Path) -> None:
        self.folder, self.images = folder, images
        try:
            about = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
            self.data_hash: str = about["hash"]
            self.report = _report_from_json(about["report"])
            self._source: str = about["reader"]
            self._offsets = np.load(folder / _OFFSETS, mmap_mode="r")
            self._lines = np.memmap(folder / _SAMPLES, dtype=np.uint8, mode="r")
            whole = len(self._offsets) == about["samples"] + 1 and self._offsets[-1] == len(self._lines)
        except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
            raise TrainingError(f"{_damaged(folder)}: {error}") from error
        if not whole:
            raise TrainingError(_damaged(folder))

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def __getitem__(self, index: int) -> Sample:
        """Sample number `index`, from 0, in the order of the file."""
        if not 0 <= index < len(self):
            raise IndexError(f"sample {index} of {len(self)}")
        begin, end = self._offsets[index], self._offsets[index + 1]
        try:
            return sample_from_line(self._lines[begin:end].tobytes(), self._source, self.images)
        except TrainingError as error:
            raise TrainingError(f"{_damaged(self.folder)}: {error}") from error


def build_store(source: Source, folder: Path, *, seed: int) -> SampleStore:
    """The store of a source inside `folder`, which is made now unless it is there already.

    Args:
        source: reader, file and pictures; the weight makes no difference.
        folder: of all stores.
        seed: for what the reader draws, at least 0.

    Raises:
        TrainingError: there is no such reader, the file cannot be read, or the store is damaged or cannot be written.
    """
    if seed < 0:
        raise TrainingError(f"seed must be 0 or more, not {seed}")
    reader = _reader(source)
    key = data_hash(source, seed=seed)
    target = folder / f"{reader.name}-{key[:24]}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder / f".{target.name}.lock"):
            if not target.exists():
                _write(source, reader, seed, key, target)
    except OSError as error:
        raise TrainingError(f"cannot write a store into {str(folder)!r}: {error.strerror or error}") from error
    return SampleStore(target, source.images)


def data_hash(source: Source, *, seed: int) -> str:
    """SHA-256 in hex over what the samples of a source depend on: its files, the reader, the seed and the format.

    Raises:
        TrainingError: there is no such reader, or a file cannot be read.
    """
    digest = hashlib.sha256(f"{FORMAT} {_reader(source).name} {seed}".encode())
    for path in _files(source):
        try:
            with path.open("rb") as file:
                content = hashlib.file_digest(file, "sha256")
        except OSError as error:
            raise TrainingError(f"cannot read {str(path)!r}: {error.strerror or error}") from None
        digest.update(f" {path.name!r} {content.hexdigest()}".encode())
    return digest.hexdigest()


def _reader(source: Source) -> Reader:
    try:
        return READERS[source.reader]
    except KeyError:
        raise TrainingError(f"unknown reader {source.reader!r}: choose one of {', '.join(READERS)}") from None


def _files(source: Source) -> list[Path]:
    """All files that the reader of a source reads: two formats come in two files."""
    if source.reader in (visual_genome.REGIONS, visual_genome.RELATIONS):
        return [source.path, source.path.with_name(visual_genome.IMAGE_DATA)]
    if source.reader == vqa.NAME:
        name = source.path.name.replace("OpenEnded_mscoco_", "mscoco_").replace("_questions.json", "_annotations.json")
        return list(dict.fromkeys([source.path, source.path.with_name(name)]))
    return [source.path]


def _write(source: Source, reader: Reader, seed: int, key: str, target: Path) -> None:
    report = Report()
    offsets = array("q", [len(_HEADER)])
    temporary = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}-"))
    try:
        with (temporary / _SAMPLES).open("wb") as file:
            file.write(_HEADER)
            # Paths are kept relative, so that pictures may be moved; readers only join names to the folder.
            for sample in reader.read(source.path, images=Path(), report=report, seed=seed):
                line = sample_to_line(sample) + b"\n"
                file.write(line)
                offsets.append(offsets[-1] + len(line))
            _settle(file)
        with (temporary / _OFFSETS).open("wb") as file:
            np.save(file, np.frombuffer(offsets, dtype=np.int64))
            _settle(file)
        about = {
            "hash": key, "reader": reader.name, "file": source.path.name, "seed": seed, "format": FORMAT,
            "samples": len(offsets) - 1, "report": _report_to_json(report),
        }  # fmt: skip
        with (temporary / _ABOUT).open("wb") as file:
            file.write(json.dumps(about, indent=1).encode())
            _settle(file)
        temporary.chmod(0o755)  # what mkdtemp makes is for its owner alone
        temporary.rename(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _settle(file: Any) -> None:
    """On the disk and not only on its way there, before the folder gets its name."""
    file.flush()
    os.fsync(file.fileno())


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One process at a time; the lock goes with the process, however that ends."""
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _report_to_json(report: Report) -> dict[str, Any]:
    examples = [[str(example.file), example.where, example.reason] for example in report.examples]
    return {
        "keep": report.keep, "used": report.used, "malformed": report.malformed, "left_out": dict(report.left_out),
        "examples": examples,
    }  # fmt: skip


def _report_from_json(values: dict[str, Any]) -> Report:
    examples = [Malformed(Path(file), where, reason) for file, where, reason in values["examples"]]
    return Report(values["keep"], values["used"], values["malformed"], Counter(values["left_out"]), examples)


def _damaged(folder: Path) -> str:
    return f"the store {str(folder)!r} is damaged: remove it, and it is made again"
