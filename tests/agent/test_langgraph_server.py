"""What LangGraph's own server does with `langgraph.json`: loads the graph by its file, and runs it on plain JSON."""

import asyncio
import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.pregel import Pregel

import agent.context
from agent.answers import Answer
from agent.artifacts import ArtifactStore
from agent.assistant import VisionAgent
from agent.context import Context


@pytest.fixture
def served(repo_root: Path, agent: VisionAgent, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The graph that langgraph.json names, loaded as the server loads it, over the stand-ins."""
    context = Context(agent.instruments, ArtifactStore(), agent.thresholds)
    monkeypatch.setattr("agent.context.default_context", lambda: context)
    described = json.loads((repo_root / "langgraph.json").read_text(encoding="utf-8"))
    path, _, name = described["graphs"]["agent"].partition(":")
    spec = importlib.util.spec_from_file_location("served_graph", repo_root / path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, name)


def test_the_description_names_what_is_there(repo_root: Path, served: Any) -> None:
    described = json.loads((repo_root / "langgraph.json").read_text(encoding="utf-8"))
    assert all((repo_root / folder / "pyproject.toml").is_file() for folder in described["dependencies"])
    assert isinstance(served, Pregel)
    assert served.checkpointer is None  # the server brings its own


@pytest.mark.parametrize("context", [None, {}])  # the server sends an empty one
def test_plain_json_goes_in_and_comes_out(served: Any, scene_file: Path, context: dict[str, Any] | None) -> None:
    given = json.dumps({"question": "What is this?", "images": [str(scene_file)], "regions": ["box:10,60,70,130"]})
    out = asyncio.run(served.ainvoke(json.loads(given), context=context))
    assert Answer.model_validate(json.loads(json.dumps(out))["answer"]).text == "This is a dog."


def test_events_stream_as_json(served: Any, scene_file: Path) -> None:
    async def events() -> list[dict[str, Any]]:
        given = {"question": "Where is the dog?", "images": [str(scene_file)]}
        return [event async for event in served.astream(given, stream_mode="custom")]

    told = asyncio.run(events())
    assert [one["kind"] for one in json.loads(json.dumps(told))] == [
        "plan", "tool_started", "tool_finished", "tool_started", "tool_finished", "region", "text", "text", "text",
    ]  # fmt: skip


def test_its_threads_remember(served: Any, scene_file: Path) -> None:
    kept = served.copy(update={"checkpointer": InMemorySaver()})
    config = {"configurable": {"thread_id": "t"}}
    kept.invoke({"question": "Where are the apples?", "images": [str(scene_file)]}, config)
    out = kept.invoke({"question": "And the second one?"}, config)
    assert out["answer"]["text"] == "This is an apple."


def test_the_default_context_is_the_embedded_assistant(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FERRET_HOME", str(tmp_path))
    agent.context.default_context.cache_clear()
    try:
        context = agent.context.default_context()
    finally:
        agent.context.default_context.cache_clear()
    assert context.instruments.embedded
    assert context.artifacts.folder == tmp_path / "artifacts"
