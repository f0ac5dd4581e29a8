"""The assistant: ask about a picture, point at any part of it, get prose linked to regions.

    from agent import VisionAgent
    answer = VisionAgent().ask("What is this?", "scene.png", regions=["box:10,20,90,120"])

Names are loaded on first use, so that `import agent` costs nothing and needs no model library.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

# Checkpoints are data: with this set before langgraph is imported, its serializer revives no arbitrary Python objects.
os.environ.setdefault("LANGGRAPH_STRICT_MSGPACK", "true")
# Nothing about a question leaves the machine unless its owner asks for that.
os.environ.setdefault("LANGSMITH_TRACING", "false")

if TYPE_CHECKING:
    from agent.answers import Answer
    from agent.assistant import VisionAgent

__all__ = ["Answer", "VisionAgent"]

_HOMES = {"Answer": "agent.answers", "VisionAgent": "agent.assistant"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
