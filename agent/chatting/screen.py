"""How a turn is shown while it goes on: what is being done, then the prose in the colours of its regions."""

import re
from collections.abc import Generator
from contextlib import ExitStack, closing

from rich.console import Console
from rich.status import Status
from rich.style import Style
from rich.text import Text

from agent.answers import Answer
from agent.events import (
    AnswerReady,
    ChoiceNeeded,
    Event,
    PlanReady,
    RegionFound,
    TextPiece,
    Token,
    ToolFinished,
    ToolStarted,
    text_pieces,
)
from agent.overlay import region_color

# Text read from a picture must not steer the terminal.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
# How much of what Ferret says is shown while it says it, in characters.
HEARD = 60


def show_turn(console: Console, events: Generator[Event, None, None]) -> AnswerReady | ChoiceNeeded:
    """Shows the events of a turn as they come; returns the last one. Whatever ends this ends the turn."""
    with ExitStack() as stack:
        stack.enter_context(closing(events))
        status = stack.enter_context(console.status("looking")) if console.is_terminal else None
        said: dict[tuple[int, str, str], str] = {}
        found: list[str] = []
        for event in events:
            match event:
                case PlanReady():
                    _update(status, ", ".join(str(step["intent"]) for step in event.steps))
                case ToolStarted():
                    _update(status, f"{event.tool} looks at picture {event.image + 1}")
                case ToolFinished(error=str(error)):
                    console.print(Text(f"{event.tool}: {plain(error)}", style="dim"))
                case ToolFinished():
                    _update(status, f"{event.tool}: {event.summary}")
                case Token():
                    key = event.image, event.question, str(event.boxes)
                    said[key] = said.get(key, "") + event.text
                    _update(status, f"ferret: {said[key][-HEARD:]}")
                case RegionFound():
                    found.append(event.label)
                    _update(status, f"found: {', '.join(found)[-HEARD:]}")
                case TextPiece():
                    if status is not None:
                        status.stop()
                    console.print(_piece(event), end="", soft_wrap=True)
                case AnswerReady():
                    console.print()
                    if event.answer.status == "unsure":
                        console.print(Text(f"not sure: {event.answer.confidence:.0%}", style="dim"))
                    return event
                case ChoiceNeeded():
                    if status is not None:
                        status.stop()
                    show_choice(console, event)
                    return event
    raise RuntimeError("the turn ended without an answer")


def show_choice(console: Console, asked: ChoiceNeeded) -> None:
    """What the person is asked, the choices in their colours."""
    if asked.note is not None:
        console.print(Text(plain(asked.note), style="red"))
    console.print(colored(asked.choice))


def colored(answer: Answer) -> Text:
    """The prose with its linked phrases in the colours that their regions have in the overlay."""
    return Text.assemble(*(_piece(piece) for piece in text_pieces(answer)))


def color_of(region: int) -> Style:
    """The colour that the region with this id has in the overlay."""
    return Style.parse("rgb({},{},{})".format(*region_color(region)))


def plain(text: str) -> str:
    """The text with every character that steers a terminal replaced."""
    return _CONTROL.sub("\ufffd", text)


def _piece(piece: TextPiece) -> Text:
    style = Style(bold=True) + color_of(piece.regions[0]) if piece.regions else Style()
    return Text(plain(piece.text), style=style)


def _update(status: Status | None, told: str) -> None:
    if status is not None:
        status.update(Text(plain(told), no_wrap=True, overflow="ellipsis"))
