"""What is installed, which devices and weights are in use, what each can do, what is missing and how to get it.

Looks, but loads no model; torch alone is imported, to see the devices.
"""

import importlib.util
import json
import os
import platform
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from typing import Literal

from agent.instruments import DEFAULT_MODEL
from agent.settings import database_url, planner_settings, state_folder
from ferret.errors import FerretError

PACKAGES = (
    "ferret-agent", "torch", "torchvision", "transformers", "langgraph", "segment-anything", "rapidocr", "onnxruntime",
    "easyocr", "ultralytics-opencv-headless", "pydantic", "typer", "pillow", "numpy",
)  # fmt: skip
# What a first run does without.
OPTIONAL = frozenset({"easyocr", "ferret-agent"})


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at. `remedy` says how to mend what is missing, and is empty when nothing is."""

    group: Literal["system", "packages", "devices", "weights"]
    name: str
    good: bool
    detail: str
    remedy: str = ""


def examine(model: str | None = None) -> list[Check]:
    """Every check, in the order in which they are shown. Never raises: what fails is a check that is not good."""
    checks: list[Check] = []
    chosen = model or DEFAULT_MODEL
    looks = (_system, _packages, _devices, lambda: _ferret(chosen), _instruments, lambda: _measured(chosen))
    for look in looks:
        checks.extend(_safely(look))
    return checks


def as_json(checks: list[Check]) -> str:
    """The checks as one JSON object."""
    ready = all(check.good for check in checks)
    return json.dumps({"ready": ready, "checks": [asdict(check) for check in checks]}, ensure_ascii=False)


def _safely(look: Callable[[], Iterator[Check]]) -> list[Check]:
    found: list[Check] = []
    try:
        found.extend(look())
    except Exception as error:
        found.append(Check("system", "doctor", False, f"{type(error).__name__}: {error}", "run 'make install' again"))
    return found


def _system() -> Iterator[Check]:
    good = sys.version_info >= (3, 11)
    yield Check("system", "python", good, platform.python_version(), "" if good else "install Python 3.11 or newer")
    yield Check(
        "system", "platform", True, f"{platform.system()} {platform.machine()}, {os.cpu_count() or 1} CPU cores"
    )
    folder = state_folder()
    above = next(parent for parent in (folder, *folder.parents) if parent.exists())
    writable = os.access(above, os.W_OK)
    remedy = "" if writable else "set FERRET_HOME to a folder that can be written"
    yield Check("system", "threads", writable, f"kept in {folder}", remedy)
    if url := database_url():
        from agent.postgres import described

        there = importlib.util.find_spec("psycopg") is not None
        remedy = "" if there else "pip install 'ferret-agent[postgres]'"
        yield Check("system", "database", there, f"turns of threads in {described(url)}", remedy)
    settings = planner_settings()
    told = "offline rules"
    if settings.model or settings.url:
        told = " at ".join(part for part in (settings.model or "the chat model", settings.url) if part)
    there = told == "offline rules" or importlib.util.find_spec("langchain") is not None
    yield Check("system", "planner", there, told, "" if there else "pip install 'ferret-agent[planner]'")


def _packages() -> Iterator[Check]:
    for name in PACKAGES:
        try:
            yield Check("packages", name, True, metadata.version(name))
        except metadata.PackageNotFoundError:
            optional = name in OPTIONAL
            yield Check("packages", name, optional, "not installed", f"pip install {name}" if not optional else "")


def _devices() -> Iterator[Check]:
    if importlib.util.find_spec("torch") is None:
        return
    import torch

    yield Check("devices", "cpu", True, f"{torch.get_num_threads()} threads for torch")
    for index in range(torch.cuda.device_count()):
        card = torch.cuda.get_device_properties(index)
        yield Check("devices", f"cuda:{index}", True, f"{card.name}, {card.total_memory / 2**30:.0f} GiB")
    if torch.backends.mps.is_available():
        yield Check("devices", "mps", True, "Apple GPU")


def _ferret(model: str) -> Iterator[Check]:
    from ferret.engine import find_weights

    try:
        folder = find_weights(model)
    except FerretError as error:
        yield Check(
            "weights", "ferret", False, str(error), "train it with 'ferret train nano', or give --model a folder"
        )
        return
    size = sum(file.stat().st_size for file in folder.iterdir() if file.is_file()) / 1e6
    detail = f"{model} ({size:.0f} MB): names, finds and describes what is in a region"
    if model == DEFAULT_MODEL:
        detail += "; knows illustrated scenes with 364 kinds of object"
    yield Check("weights", "ferret", True, detail)


def _measured(model: str) -> Iterator[Check]:
    """What was measured with the weights in use; without it everything works, and answers say that it is missing."""
    from agent.instruments import Instruments

    instruments = Instruments(model)
    calibrated, bounded = instruments.calibration() is not None, instruments.world() is not None
    detail = "a measured probability of being right" if calibrated else "a score of its own scale, never measured"
    remedy = "'ferret evaluate scenes', then 'python -m training.calibration fit runs/scenes'"
    yield Check("weights", "confidence", True, f"{detail} with these weights", "" if calibrated else remedy)
    detail = "pictures unlike what the weights know are told" if bounded else "not told from pictures that are known"
    yield Check("weights", "outside pictures", True, detail, "" if bounded else "'python -m training.world fit'")


def _instruments() -> Iterator[Check]:
    from tools.registry import registry

    for status in registry.describe():
        detail = f"{status.weights}: {status.ability}" if status.available else f"missing: {status.missing}"
        yield Check("weights", status.name, status.available, detail, status.remedy)
