"""The terminal conversation, with its input and its screen in memory."""

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from rich.console import Console

from agent.chat import Chat, colored
from ferret.errors import ImageError


class Talk:
    """Types lines and keeps what the screen shows."""

    def __init__(self, agent: Any, *lines: str, images: tuple[str, ...] = (), thread: str = "talk") -> None:
        self.screen = io.StringIO()
        self.lines = iter(lines)
        console = Console(file=self.screen, width=100, highlight=False)
        self.chat = Chat(agent.thread(thread), images, console=console, read=self._next)
        self.chat.run()

    def _next(self) -> str:
        try:
            return next(self.lines)
        except StopIteration:
            raise EOFError from None

    @property
    def shown(self) -> str:
        return self.screen.getvalue()


def test_a_conversation_keeps_its_picture(agent: Any, scene_file: Path) -> None:
    talk = Talk(agent, "Where are the apples?", "How many dogs are there?", "/quit", images=(str(scene_file),))
    assert "The two apples are here." in talk.shown
    assert "There is 1 dog in the picture." in talk.shown
    assert "ferret chat --thread talk" in talk.shown


def test_it_goes_on_under_its_thread(agent: Any, scene_file: Path) -> None:
    Talk(agent, "Where is the key?", images=(str(scene_file),))
    assert "Yes, there is a dog" in Talk(agent, "Is there a dog?").shown


def test_commands(agent: Any, scene_file: Path, tmp_path: Path) -> None:
    overlay = tmp_path / "overlay.png"
    talk = Talk(
        agent,
        f"/image {scene_file}",
        "/region box:10,60,70,130",
        "/regions",
        "What is this?",
        "/regions",
        f"/save {overlay}",
        "/help",
    )
    assert "240 x 180 pixels" in talk.shown
    assert "<region1>  box:10,60,70,130" in talk.shown
    assert "This is a dog." in talk.shown
    assert "dog  box:10,60,70,130" in talk.shown
    assert "/image FILE" in talk.shown
    with Image.open(overlay) as saved:
        assert saved.width > 240


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("/fly", "there is no /fly"),
        ("/image nowhere.png", "nowhere.png"),
        ("/region box:1,2", "takes 4"),
        ("/save overlay.png", "nothing to save yet"),
        ("What is this?", "no picture yet"),
    ],
)
def test_what_is_wrong_is_said_and_the_conversation_goes_on(agent: Any, scene_file: Path, line: str, says: str) -> None:
    talk = Talk(agent, line, f"/image {scene_file}", "Is there a dog?")
    assert says in talk.shown
    assert "Yes, there is a dog" in talk.shown


def test_a_wrong_picture_is_said_at_once(agent: Any) -> None:
    with pytest.raises(ImageError):
        Talk(agent, images=("nowhere.png",))


def test_phrases_have_the_colours_of_their_regions(agent: Any, scene: Image.Image) -> None:
    text = colored(agent.ask("Where is the dog?", scene))
    assert text.plain == "The dog is here."
    assert [(span.start, span.end) for span in text.spans] == [(4, 7)]
