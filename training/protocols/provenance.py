"""Where a number comes from: which weights, which data, on what machine, with which versions."""

import hashlib
import platform
import re
import sys
from importlib import metadata
from pathlib import Path

from ferret.errors import TrainingError

PACKAGES = ("ferret-agent", "torch", "transformers", "numpy", "pillow")
_WEIGHTS = ("*.safetensors", "*.bin", "*.json", "*.model")
_DATA = frozenset({".json", ".jsonl", ".txt"})
_DIGITS = 12


def content_mark(folder: Path) -> str:
    """Twelve hexadecimal digits over the whole content of a model's folder: weights, configuration and tokenizer.

    A frozen part that training left alone must not make two models look the same, so every byte counts; that takes
    about as long as loading them. An encoder in the sub-folder `vision_tower` is part of the model.

    Raises:
        TrainingError: a file cannot be read.
    """
    folders = (folder, folder / "vision_tower")
    found = sorted({path for place in folders for pattern in _WEIGHTS for path in place.glob(pattern)})
    return _hash(folder, found)[:_DIGITS]


def data_hash(path: Path) -> str:
    """SHA-256 in hex of a data file, or of the text files in a folder with their names; pictures do not count.

    Raises:
        TrainingError: there is no such file, or it cannot be read.
    """
    if not path.is_dir():
        return _hash(path.parent, [path])
    return _hash(path, sorted(file for file in path.rglob("*") if file.suffix in _DATA))


def _hash(folder: Path, files: list[Path]) -> str:
    digest = hashlib.sha256()
    try:
        for path in files:
            if len(files) > 1:
                digest.update(f"{path.relative_to(folder).as_posix()} {path.stat().st_size}\n".encode())
            with path.open("rb") as file:
                while block := file.read(1 << 20):
                    digest.update(block)
    except OSError as error:
        raise TrainingError(f"cannot read {str(path)!r}: {error.strerror or error}") from None
    return digest.hexdigest()


def hardware(device: str) -> str:
    """The machine in a line: the accelerator where `device` is one, and the processor; torch names the former."""
    import torch

    card = torch.cuda.get_device_name(torch.device(device)) if device.startswith("cuda") else ""
    return ", ".join(part for part in (card, _processor(), f"{platform.system()} {platform.machine()}") if part)


def _processor() -> str:
    try:
        named = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:  # only Linux has it
        named = None
    return named[1].strip() if named else platform.processor()


def versions() -> dict[str, str]:
    """The versions of what computes a result; what is not installed as a package is left out."""
    found = {"python": ".".join(map(str, sys.version_info[:3]))}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
