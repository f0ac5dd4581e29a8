"""Looks: one use of an instrument at a time, with a deadline, and never the same one twice.

What an instrument sees depends on the picture, on what it is asked for, and on itself: its weights, its settings and
its code. Under a hash of all of these the observation is kept, in memory for every question of an agent, and beside
the pictures of threads for later processes, which then need not even load the model. Failures are not kept.
"""

import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from agent.artifacts import ArtifactStore
from agent.deadlines import Worker
from agent.instruments import Instruments
from agent.state import Json, Look
from tools.base import Instrument, sha256_of

# Observations kept in memory, the most recently used ones.
REMEMBERED = 512
_TOOLS = Path(__file__).parent.parent / "tools"


@dataclass(frozen=True, slots=True)
class _Seen:
    """An observation by itself: sightings as JSON, and the masks that they name."""

    sightings: str
    masks: Mapping[str, Json]


class Looks:
    """The instruments at work for one agent: what they saw before, and who is using them now. For several threads."""

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._remembered = remembered
        self._seen: OrderedDict[str, _Seen] = OrderedDict()
        # By identity; the instruments are held, so that none of them can take over another's place.
        self._workers: dict[int, tuple[object, Worker, str | None]] = {}
        self._lock = threading.Lock()

    def take(
        self,
        look: Look,
        instruments: Instruments,
        use: Callable[[Any], list[Json]],
        seconds: float,
        artifacts: ArtifactStore,
    ) -> list[Json]:
        """What the look's instrument sees, as JSON of `agent.sightings.Sighting` with its masks in `artifacts`.

        `use` asks the instrument, unless the look is known already, and must be done within `seconds`.

        Raises:
            ToolTimeoutError: it is not.
            ToolError: the instrument fails.
        """
        instrument = instruments.made(look["tool"])
        worker, itself = self._known(look["tool"], instrument)
        digest = _digest([itself or f"object {id(instrument)}", look["tool"], look["artifact"], look["regions"]])
        known = self._recalled(digest, artifacts, lasting=itself is not None)
        if known is not None:
            # A picture that is asked about anew may be another of the same pixels at another place.
            return [sighting | {"image": look["image"]} for sighting in known]
        loaded = instruments.ready(look["tool"])
        seen = worker.run(lambda: use(loaded), seconds)
        masks = {one["mask"]: artifacts.mask_rle(one["mask"]) for one in seen if one.get("mask")}
        self._remember(digest, _Seen(json.dumps(seen), masks))
        if itself is not None and artifacts.folder is not None:
            artifacts.put_look(digest, look["artifact"], seen)
        return seen

    def _recalled(self, digest: str, artifacts: ArtifactStore, *, lasting: bool) -> list[Json] | None:
        with self._lock:
            seen = self._seen.get(digest)
            if seen is not None:
                self._seen.move_to_end(digest)
        if seen is not None:
            for rle in seen.masks.values():
                artifacts.put_mask_rle(dict(rle))
            sightings: list[Json] = json.loads(seen.sightings)
            return sightings
        kept = artifacts.look(digest) if lasting and artifacts.folder is not None else None
        if not isinstance(kept, list) or not all(artifacts.holds(one["mask"]) for one in kept if one.get("mask")):
            return None
        return kept

    def _remember(self, digest: str, seen: _Seen) -> None:
        with self._lock:
            self._seen[digest] = seen
            while len(self._seen) > self._remembered:
                self._seen.popitem(last=False)

    def _known(self, tool: str, instrument: object) -> tuple[Worker, str | None]:
        with self._lock:
            if id(instrument) not in self._workers:
                self._workers[id(instrument)] = (instrument, Worker(tool), fingerprint(instrument))
            _, worker, itself = self._workers[id(instrument)]
            return worker, itself


def fingerprint(instrument: object) -> str | None:
    """What an instrument's observations depend on besides the question, the same in every process: its kind and
    settings, the content of its weights, and the code of all instruments. None for one that is not ours to know.
    """
    if not isinstance(instrument, Instrument):
        return None
    # What is unset or empty now may hold a model, or what it saw, later on.
    settings = {name: value for name, value in vars(instrument).items() if value not in (None, {}) and _is_plain(value)}
    weights = {
        name: sha256_of(value) for name, value in settings.items() if isinstance(value, Path) and value.is_file()
    }
    kind = f"{type(instrument).__module__}.{type(instrument).__qualname__}"
    return _digest([kind, {name: str(value) for name, value in settings.items()}, weights, _code()])


@lru_cache(maxsize=1)
def _code() -> str:
    installed = {package: _version(package) for package in ("easyocr", "rapidocr")}
    return _digest([installed, *([file.name, sha256_of(file)] for file in sorted(_TOOLS.glob("*.py")))])


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _is_plain(value: object) -> bool:
    if isinstance(value, dict):
        return all(_is_plain(one) for one in value.values())
    return isinstance(value, str | int | float | Path)


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
