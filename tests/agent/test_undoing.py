"""A turn taken back leaves a thread as if it had never been asked."""

from typing import Any

import pytest
from PIL import Image

from agent.assistant import VisionAgent
from ferret.errors import ToolError

TURNS = [
    ("Where are the apples?", []),
    ("What is this?", ["box:10,60,70,130"]),
    ("Is <region1> a dog?", []),
    ("And the second one?", []),
    ("Where is the owl?", []),
]


@pytest.mark.parametrize("count", range(1, len(TURNS) + 1))
def test_the_thread_is_as_before_the_turn(agent: VisionAgent, scene: Image.Image, count: int) -> None:
    chat, other = agent.thread("t"), agent.thread("other")
    memories: list[dict[str, Any]] = [chat.memory()]
    for question, regions in TURNS[:count]:
        chat.ask(question, *([] if chat.memory() else [scene]), regions=regions)
        memories.append(chat.memory())
    other.ask("Where is the dog?", scene)
    for left in reversed(range(count)):
        undone = chat.undo()
        assert undone is not None
        assert (undone.number, undone.question) == (left + 1, TURNS[left][0])
        assert chat.memory() == memories[left]
        assert [turn.question for turn in chat.turns()] == [question for question, _ in TURNS[:left]]
    assert chat.undo() is None
    assert agent.threads.names() == ["other"]
    assert len(other.turns()) == 1


def test_the_conversation_goes_on_from_there(agent: VisionAgent, scene: Image.Image) -> None:
    chat = agent.thread("t")
    chat.ask("Where are the apples?", scene)
    chat.ask("Where is the dog?")
    chat.undo()
    agent.threads.close()
    again = VisionAgent(instruments=agent.instruments, folder=agent.threads.folder).thread("t")
    assert again.resume() is None
    assert again.ask("And the second one?").text == "This is an apple."
    assert [(turn.number, turn.question) for turn in again.turns()] == [
        (1, "Where are the apples?"),
        (2, "And the second one?"),
    ]


def test_an_empty_thread_has_nothing_to_take_back(agent: VisionAgent) -> None:
    assert agent.thread("t").undo() is None


@pytest.mark.parametrize("mended", [True, False])
def test_a_turn_that_was_cut_off_is_taken_back_too(
    agent: VisionAgent, scene: Image.Image, world: Any, mended: bool
) -> None:
    chat = agent.thread("t")
    chat.ask("Where are the apples?", scene)
    keeper, run = chat._keeper(), chat._runner(False)
    opening = keeper.open(run)
    request = chat._request(opening, "Where is the dog?", [], [])
    world.broken.add("ferret")
    with pytest.raises(ToolError):  # and nobody takes the turn back, as when a process dies
        list(run(request, {"thread_id": "t", "turn": 2}, request["images"]))
    opening.lock.release()
    if mended:
        world.broken.clear()
    undone = chat.undo()
    assert undone is not None
    assert undone.question == "Where is the dog?"
    assert (undone.answer is not None) is mended
    world.broken.clear()
    assert chat.ask("And the second one?").text == "This is an apple."
