"""What is shown of a turn while it goes on, and in which colours."""

import io
import re
from collections.abc import Generator
from typing import Any

import pytest
from PIL import Image
from rich.console import Console

from agent.answers import Answer, AnswerRegion, Span
from agent.chatting.screen import colored, plain, show_turn
from agent.events import (
    AnswerReady,
    Event,
    PlanReady,
    RegionFound,
    TextPiece,
    Token,
    ToolFinished,
    ToolStarted,
    text_pieces,
)

REGION = AnswerRegion(id=0, label="dog", box=[1, 2, 3, 4], score=1.0, source="detector")
ANSWER = Answer(
    question="Where is the dog?",
    text="The dog is here.",
    status="unsure",
    confidence=0.5,
    spans=[Span(text="dog", start=4, end=7, regions=[0])],
    regions=[REGION],
    seconds=0.1,
)
EVENTS: list[Event] = [
    PlanReady(steps=[{"intent": "ground"}]),
    ToolStarted(tool="detector", image=0),
    ToolFinished(tool="detector", image=0, summary="1 object", seconds=0.1),
    ToolStarted(tool="sam", image=0),
    ToolFinished(tool="sam", image=0, summary="", seconds=0.1, error="sam is\x1b[2J out of order"),
    ToolStarted(tool="ferret", image=0),
    Token(image=0, question="Where is the dog?", boxes=[], text="dog"),
    Token(image=0, question="Where is the dog?", boxes=[], text=" [1, 2"),
    RegionFound(image=0, label="dog", box=[1, 2, 3, 4], score=1.0, source="detector"),
    *text_pieces(ANSWER),
    AnswerReady(answer=ANSWER),
]


def shown(events: list[Event], *, terminal: bool) -> tuple[Answer, str, list[str]]:
    """The answer, what was shown, and that the events were closed."""
    closed: list[str] = []

    def stream() -> Generator[Event, None, None]:
        try:
            yield from events
        finally:
            closed.append("closed")

    screen = io.StringIO()
    console = Console(
        file=screen, width=60, highlight=False, force_terminal=terminal, color_system="truecolor" if terminal else None
    )
    last = show_turn(console, stream())
    assert isinstance(last, AnswerReady)
    return last.answer, screen.getvalue(), closed


def test_a_pipe_gets_the_prose_and_what_failed() -> None:
    answer, text, closed = shown(EVENTS, terminal=False)
    assert answer == ANSWER
    assert text == "sam: sam is\ufffd[2J out of order\nThe dog is here.\nnot sure: 50%\n"
    assert closed == ["closed"]


def test_a_terminal_gets_the_prose_in_colour() -> None:
    _, text, _ = shown(EVENTS, terminal=True)
    assert re.search(r"The \x1b\[1;[0-9;]+mdog\x1b\[0m is here\.", text)
    assert "\x1b[2J" not in text


def test_a_turn_that_ends_without_an_answer_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="without an answer"):
        shown(EVENTS[:4], terminal=False)


def test_whatever_ends_the_showing_ends_the_turn() -> None:
    ended = []

    def stream() -> Generator[Event, None, None]:
        try:
            yield EVENTS[0]
            raise KeyboardInterrupt
        finally:
            ended.append(True)

    with pytest.raises(KeyboardInterrupt):
        show_turn(Console(file=io.StringIO()), stream())
    assert ended == [True]


def test_phrases_have_the_colours_of_their_regions(agent: Any, scene: Image.Image) -> None:
    text = colored(agent.ask("Where is the dog?", scene))
    assert text.plain == "The dog is here."
    assert [(span.start, span.end) for span in text.spans if "color" in repr(span.style)] == [(4, 7)]


@pytest.mark.parametrize(
    ("text", "safe"),
    [("", ""), ("a\tb\nc", "a\tb\nc"), ("\x1b[31m", "\ufffd[31m"), ("\x9b2J\x7f", "\ufffd2J\ufffd"), ("é犬", "é犬")],
)
def test_nothing_steers_the_terminal(text: str, safe: str) -> None:
    assert plain(text) == safe


def test_long_prose_is_wrapped_by_the_terminal_alone() -> None:
    long = ANSWER.model_copy(update={"text": "word " * 40, "spans": []})
    _, text, _ = shown([TextPiece(text=long.text), AnswerReady(answer=long)], terminal=False)
    assert text.splitlines()[0] == long.text
