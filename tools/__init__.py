"""The instruments: a detector, a text reader and a segmenter, each usable alone. Nothing heavy is imported before it
is used.

    from tools import Detector, Segmenter, TextReader

    Detector().detect(image); TextReader().read(image); Segmenter().segment(image, regions)
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tools.base import Detection, Segment, TextLine, ToolStatus
    from tools.detector import Detector
    from tools.ocr import TextReader
    from tools.registry import Registry
    from tools.sam import Segmenter

__all__ = ["Detection", "Detector", "Registry", "Segment", "Segmenter", "TextLine", "TextReader", "ToolStatus"]

_HOMES = {
    "Detection": "base",
    "Detector": "detector",
    "Registry": "registry",
    "Segment": "base",
    "Segmenter": "sam",
    "TextLine": "base",
    "TextReader": "ocr",
    "ToolStatus": "base",
}


def __getattr__(name: str) -> Any:
    """Import a public name's module at its first use."""
    if name not in _HOMES:
        raise AttributeError(f"module 'tools' has no attribute {name!r}")
    return getattr(importlib.import_module(f"tools.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
