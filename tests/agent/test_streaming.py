"""Events as they happen: what Ferret says, the prose in pieces, and turns beside an event loop."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import ferret.engine
from agent.answers import Answer, AnswerRegion, Span
from agent.assistant import AgentThread, VisionAgent
from agent.events import AnswerReady, Event, PlanReady, TextPiece, Token, ToolStarted, text_pieces
from agent.streaming import in_background, in_thread
from ferret.errors import RequestError


class Speaking:
    """Makes the stand-in for Ferret say its answers word by word, as the engine does when somebody listens."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, engine: Any) -> None:
        self.heard = 0
        answer = type(engine).answer

        def speak(
            own: Any, image: Image.Image, prompts: Sequence[ferret.engine.Prompt], max_new_tokens: int = 9
        ) -> Any:
            said = answer(own, image, prompts, max_new_tokens)
            listener = ferret.engine._LISTENER.get()
            for prompt, generation in zip(prompts, said, strict=True):
                for index, word in enumerate(generation.text.split(" ")):
                    if listener is not None:
                        self.heard += 1
                        listener(image, prompt, word if index == 0 else f" {word}")
            return said

        monkeypatch.setattr(type(engine), "answer", speak)


@pytest.fixture
def speaking(agent: VisionAgent, monkeypatch: pytest.MonkeyPatch) -> Speaking:
    return Speaking(monkeypatch, agent.instruments.engine)


def test_what_ferret_says_is_heard_while_it_says_it(agent: VisionAgent, scene: Image.Image, speaking: Speaking) -> None:
    tokens = [event for event in agent.stream("Where is the dog?", scene) if isinstance(event, Token)]
    assert [token.text for token in tokens] == ["dog", " [41,", " 333,", " 291,", " 722]"]
    assert {(token.image, token.question, str(token.boxes)) for token in tokens} == {(0, "Where is the dog?", "[]")}
    asked = agent.stream("What is this?", scene, regions=["box:10,60,70,130"])
    tokens = [event for event in asked if isinstance(event, Token)]
    assert "".join(token.text for token in tokens) == "a dog"
    assert tokens[0].boxes == [[10.0, 60.0, 70.0, 130.0]]
    assert speaking.heard == 7


def test_what_ferret_says_of_a_part_is_told_of_the_picture(
    agent: VisionAgent, scene: Image.Image, speaking: Speaking
) -> None:
    agent.thresholds = replace(agent.thresholds, near=0.5)
    pictures = [Image.new("RGB", (50, 50)), scene]
    events = agent.stream("What is this?", *pictures, regions=["box:10,60,70,130@2", "point:105,35@2"])
    told: dict[str, str] = {}
    for token in [event for event in events if isinstance(event, Token)]:
        assert token.image == 1
        told[str(token.boxes)] = told.get(str(token.boxes), "") + token.text
    assert told == {
        "[[10.0, 60.0, 70.0, 130.0]]": "a tree",  # a stand-in does not know the part
        "[[100.0, 30.0, 111.0, 41.0]]": "an apple",
        "[[90.0, 20.0, 120.0, 50.0]]": "a tree",  # the point once more, with the thing that it lies on
    }
    assert speaking.heard == 6


def test_nobody_listens_to_a_question_that_is_only_answered(
    agent: VisionAgent, scene: Image.Image, speaking: Speaking
) -> None:
    assert agent.ask("Where is the dog?", scene).text == "The dog is here."
    assert asyncio.run(agent.aask("Where is the dog?", scene)).text == "The dog is here."
    assert speaking.heard == 0


def test_the_prose_comes_in_pieces_before_the_answer(agent: VisionAgent, scene: Image.Image) -> None:
    *events, last = agent.stream("What do you see?", scene)
    assert isinstance(last, AnswerReady)
    pieces = [event for event in events if isinstance(event, TextPiece)]
    assert events[-len(pieces) :] == pieces
    assert "".join(piece.text for piece in pieces) == last.answer.text
    assert [(piece.text, piece.regions) for piece in pieces if piece.regions] == [
        (span.text, span.regions) for span in last.answer.spans
    ]


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=30), st.data())
def test_pieces_joined_are_the_text_and_name_what_its_spans_name(text: str, data: st.DataObject) -> None:
    edges = st.tuples(st.integers(0, len(text) - 1), st.integers(1, len(text))).filter(lambda pair: pair[0] < pair[1])
    spans = [
        Span(text=text[start:end], start=start, end=end, regions=data.draw(st.lists(st.integers(0, 2), unique=True)))
        for start, end in data.draw(st.lists(edges, max_size=4))
    ]
    regions = [AnswerRegion(id=i, label="a", box=[0, 0, 1, 1], score=1, source="ferret") for i in range(3)]
    answer = Answer(
        question="q", text=text, status="answered", confidence=1, spans=spans, regions=regions, seconds=0
    )
    place = 0
    for piece in text_pieces(answer):
        for index in range(place, place + len(piece.text)):
            named = {region for span in spans if span.start <= index < span.end for region in span.regions}
            assert set(piece.regions) == named
        assert piece.text == text[place : place + len(piece.text)] != ""
        place += len(piece.text)
    assert place == len(text)


def test_an_empty_text_has_no_pieces() -> None:
    assert not list(text_pieces(Answer(question="q", text="", status="unsure", confidence=0, seconds=0)))


# --- beside an event loop --------------------------------------------------------------------------------------------


@pytest.fixture(params=["agent", "thread"])
def asker(agent: VisionAgent, request: pytest.FixtureRequest) -> VisionAgent | AgentThread:
    return agent if request.param == "agent" else agent.thread("t")


async def listed(events: AsyncIterator[Event]) -> list[Event]:
    return [event async for event in events]


def test_the_twins_do_the_same(asker: VisionAgent | AgentThread, scene: Image.Image) -> None:
    told = asyncio.run(listed(asker.astream("Where is the dog?", scene)))
    assert [type(event) for event in told] == [type(event) for event in asker.stream("Where is the dog?", scene)]
    assert asyncio.run(asker.aask("Where is the dog?", [scene])).text == "The dog is here."


def test_a_wrong_request_is_raised_there_too(asker: VisionAgent | AgentThread, scene: Image.Image) -> None:
    with pytest.raises(RequestError, match="outside"):
        asyncio.run(asker.aask("What is this?", scene, regions=["point:999,3"]))
    with pytest.raises(RequestError, match="outside"):
        asyncio.run(listed(asker.astream("What is this?", scene, regions=["point:999,3"])))


def test_the_loop_goes_on_meanwhile(
    asker: VisionAgent | AgentThread, scene: Image.Image, world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world, "use", lambda _: time.sleep(0.3))

    async def both() -> int:
        ticks = 0
        task = asyncio.create_task(asker.aask("Where is the dog?", scene))
        while not task.done():
            await asyncio.sleep(0.01)
            ticks += 1
        assert (await task).text == "The dog is here."
        return ticks

    assert asyncio.run(both()) > 15


def test_a_thread_is_resumed_beside_a_loop(agent: VisionAgent) -> None:
    assert asyncio.run(agent.thread("t").aresume()) is None


def test_a_cancelled_task_ends_its_turn_and_leaves_the_thread_as_it_was(
    agent: VisionAgent, scene: Image.Image, world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = agent.thread("t")
    chat.ask("Where are the apples?", scene)
    before, used = chat.memory(), type(world).use
    working, go_on = threading.Event(), threading.Event()

    def slowly(own: Any, tool: str) -> None:
        working.set()
        go_on.wait(10)
        used(own, tool)

    monkeypatch.setattr(type(world), "use", slowly)
    world.calls.clear()

    async def cancelled() -> None:
        task = asyncio.create_task(chat.aask("Where is the dog?"))
        await asyncio.to_thread(working.wait, 10)
        task.cancel()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        # The turn has ended with its task: what was at work is done, and nothing else begins.
        assert len(world.calls) == 1

    asyncio.run(cancelled())
    assert chat.memory() == before
    monkeypatch.setattr(type(world), "use", used)
    assert chat.ask("And the second one?").text == "This is an apple."
    assert len(chat.turns()) == 2


def test_events_that_nobody_takes_any_more_end_the_turn(agent: VisionAgent, scene: Image.Image, world: Any) -> None:
    async def first() -> Event:
        async with aclosing(agent.thread("t").astream("Where is the dog?", scene)) as events:  # type: ignore[type-var]
            return await anext(events)

    assert isinstance(asyncio.run(first()), PlanReady)
    assert "ferret" not in world.calls
    assert agent.thread("t").turns() == []


def test_a_turn_in_a_thread_ends_when_it_is_closed(agent: VisionAgent, scene: Image.Image, world: Any) -> None:
    with closing(in_thread(lambda: agent.stream("Where is the dog?", scene))) as events:
        assert any(isinstance(event, ToolStarted) for event in events)
    assert "ferret" not in world.calls
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("turn")]


def test_what_goes_wrong_in_a_turn_is_raised_where_its_events_are_taken(scene_file: Path) -> None:
    def broken() -> Any:
        yield PlanReady(steps=[])
        raise ZeroDivisionError(str(scene_file))

    with pytest.raises(ZeroDivisionError):
        list(in_thread(broken))
    with pytest.raises(ZeroDivisionError):
        asyncio.run(listed(in_background(broken)))
    with pytest.raises(ZeroDivisionError):
        list(in_thread(lambda: 1 / 0))  # type: ignore[arg-type, return-value]
