"""The tools as a model's agent calls them: plain JSON in, plain JSON out, mistakes as messages."""

import asyncio
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from langchain_core.tools import StructuredTool, ToolException

from agent.answers import Answer
from agent.assistant import VisionAgent
from agent.langchain_tools import langchain_tools
from ferret.regions import decode_rle


@pytest.fixture
def tools(agent: VisionAgent) -> dict[str, StructuredTool]:
    return {tool.name: tool for tool in langchain_tools(agent)}


def called(tool: StructuredTool, **arguments: Any) -> Any:
    """What a model gets that calls the tool."""
    return tool.invoke({"type": "tool_call", "id": "1", "name": tool.name, "args": arguments})


def test_every_tool_tells_a_model_what_it_takes(tools: dict[str, StructuredTool]) -> None:
    assert list(tools) == ["detect", "read_text", "segment", "refer", "ground", "ask"]
    for tool in tools.values():
        assert len(tool.description) > 40
        assert {"image", "images"} & tool.args.keys()


def test_the_detector(tools: dict[str, StructuredTool], scene_file: Path) -> None:
    message = called(tools["detect"], image=str(scene_file))
    objects = json.loads(message.content)["objects"]
    assert message.status == "success"
    assert objects[0] == {"label": "apple", "score": 0.95, "box": [90.0, 20.0, 120.0, 50.0]}
    assert len(objects) == 6
    few = tools["detect"].invoke({"image": str(scene_file), "min_score": 0.92})
    assert [one["label"] for one in few["objects"]] == ["apple"]


def test_the_reader(tools: dict[str, StructuredTool], scene_file: Path) -> None:
    (line,) = tools["read_text"].invoke({"image": str(scene_file)})["lines"]
    assert (line["text"], line["box"]) == ("OPEN 24h", [22.0, 12.0, 73.0, 38.0])
    there = tools["read_text"].invoke({"image": str(scene_file), "region": "polygon:90,20,120,20,120,50"})
    assert there == {"lines": []}


def test_the_segmenter(tools: dict[str, StructuredTool], scene_file: Path) -> None:
    message = called(tools["segment"], image=str(scene_file), regions=["point:40,90", "box:90,20,120,50"])
    first, second = json.loads(message.content)["segments"]
    mask = decode_rle(first["mask"])
    assert mask.shape == (180, 240)
    assert np.argwhere(mask).min(axis=0).tolist() == [60, 10]
    assert second["box"] == [90.0, 20.0, 120.0, 50.0]


def test_ferret_itself(tools: dict[str, StructuredTool], scene_file: Path) -> None:
    refer = tools["refer"].invoke({"image": str(scene_file), "region": "point:40,90"})
    assert refer == {"text": "a dog", "confidence": 0.95, "boxes": []}
    ground = tools["ground"].invoke({"image": str(scene_file), "thing": "apple"})
    assert [[round(number) for number in box] for box in ground["boxes"]] == [[90, 20, 120, 50], [150, 20, 180, 50]]


def test_the_whole_assistant(tools: dict[str, StructuredTool], scene_file: Path) -> None:
    message = called(tools["ask"], question="What is this?", images=[str(scene_file)], regions=["box:10,60,70,130"])
    assert Answer.model_validate(json.loads(message.content)).text == "This is a dog."


def test_a_stored_picture_is_named_by_its_id(
    tools: dict[str, StructuredTool], agent: VisionAgent, scene_file: Path
) -> None:
    thread = agent.thread("t")
    thread.ask("Where is the dog?", scene_file)
    (key,) = thread.memory()["images"]
    assert len(tools["detect"].invoke({"image": key})["objects"]) == 6
    assert tools["ask"].invoke({"question": "Is there a dog?", "images": [key]})["status"] == "answered"


def test_an_event_loop_can_call_them(tools: dict[str, StructuredTool], scene_file: Path) -> None:
    assert asyncio.run(tools["refer"].ainvoke({"image": str(scene_file), "region": "point:40,90"}))["text"] == "a dog"


@pytest.mark.parametrize(
    ("name", "arguments", "says"),
    [
        ("detect", {"image": "nowhere.png"}, "nowhere.png"),
        ("detect", {"image": f"image-{'0' * 64}"}, "is gone"),
        ("segment", {"image": "{}", "regions": ["box:1,2,3"]}, "takes 4"),
        ("segment", {"image": "{}", "regions": ["point:1,2@2"]}, "only 1 picture"),
        ("refer", {"image": "{}", "region": "point:999,2"}, "outside"),
        ("read_text", {"image": "https://example.org/a.png"}, "is a URL"),
        ("ask", {"question": " ", "images": ["{}"]}, "empty"),
    ],
)
def test_a_wrong_call_says_what_is_wrong(
    tools: dict[str, StructuredTool], scene_file: Path, name: str, arguments: dict[str, Any], says: str
) -> None:
    filled = json.loads(json.dumps(arguments).replace("{}", str(scene_file)))
    message = called(tools[name], **filled)
    assert message.status == "error"
    assert says in message.content
    with pytest.raises(ToolException, match=says):
        tools[name].func(**filled)  # type: ignore[misc]


def test_a_broken_instrument_is_said(tools: dict[str, StructuredTool], world: Any, scene_file: Path) -> None:
    world.broken.add("sam")
    message = called(tools["segment"], image=str(scene_file), regions=["point:40,90"])
    assert (message.status, message.content) == ("error", "sam is out of order")


@pytest.mark.parametrize(
    "arguments", [{}, {"image": 7}, {"image": "a.png", "min_score": 2}, {"image": "a.png", "colour": "red"}]
)
def test_wrong_arguments_are_named(tools: dict[str, StructuredTool], arguments: dict[str, Any]) -> None:
    message = called(tools["detect"], **arguments)
    assert message.status == "error"
    assert message.content.startswith("the call is wrong: ")
