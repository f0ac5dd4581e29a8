"""The one owner of loaded models: each is made once, shared by all threads, and let go by `clear`.

    from tools.registry import registry

    registry.detector().detect(image)
    registry.segmenter("sam_vit_b_01ec64.pth")

What is made here is found again under its kind and name, so a thread that comes second does not load a second copy.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast

from tools.base import Instrument, ToolStatus
from tools.detector import Detector
from tools.ocr import TextReader
from tools.sam import Segmenter

if TYPE_CHECKING:
    from ferret.engine import Engine

T = TypeVar("T")


class Registry:
    """Models by kind and name. Thread-safe: two threads that ask for the same one get the same one, made once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._making: dict[tuple[str, str], threading.Lock] = {}
        self._models: dict[tuple[str, str], Any] = {}

    def get(self, kind: str, name: str, make: Callable[[], T]) -> T:
        """The model of that kind and name, made by `make` at the first call; a failed `make` is tried again next
        time."""
        key = (kind, name)
        with self._lock:
            if key in self._models:
                return cast(T, self._models[key])
            making = self._making.setdefault(key, threading.Lock())
        with making:  # held per model, so that a slow load delays only those who want the same
            with self._lock:
                if key in self._models:
                    return cast(T, self._models[key])
            model = make()
            with self._lock:
                self._models[key] = model
            return model

    def detector(self, weights: str | None = None) -> Detector:
        """The detector with those weights, the embedded ones by default."""
        return self.get("detector", weights or "", lambda: Detector(weights))

    def segmenter(self, weights: str | None = None) -> Segmenter:
        """The segmenter with those weights, the embedded ones by default."""
        return self.get("sam", weights or "", lambda: Segmenter(weights))

    def reader(self, backend: str = "auto") -> TextReader:
        """The text reader over that backend: `auto`, `rapidocr` or `easyocr`."""
        return self.get("ocr", backend, lambda: TextReader(backend))

    def engine(self, name: str = "ferret-nano") -> Engine:
        """Ferret itself, by the name of embedded weights or a folder."""

        def make() -> Engine:
            from ferret.engine import Engine

            return Engine.load(name)

        return self.get("engine", name, make)

    def loaded(self) -> tuple[tuple[str, str], ...]:
        """Kind and name of everything that is held now."""
        with self._lock:
            return tuple(self._models)

    def describe(self) -> list[ToolStatus]:
        """The state of the default instruments, for `ferret doctor`; loads nothing."""
        return [self.detector().describe(), self.segmenter().describe(), self.reader().describe()]

    def clear(self) -> None:
        """Let go of everything; instruments that someone still holds free their models and load them again when
        used."""
        with self._lock:
            models, self._models = list(self._models.values()), {}
        for model in models:
            if isinstance(model, Instrument):
                model.unload()


registry = Registry()
"""The process' own registry."""
