"""The terminal conversation, with its input and its screen in memory."""

import _thread
import io
import re
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from rich.console import Console

from agent.chatting.conversation import Chat
from ferret.errors import ImageError, ToolError

CTRL_C = "\x03"


class Talk:
    """Types lines and keeps what the screen shows."""

    def __init__(
        self, agent: Any, *lines: str, images: tuple[str, ...] = (), thread: str = "talk", terminal: bool = False
    ) -> None:
        self.screen = io.StringIO()
        self.lines = iter(lines)
        console = Console(file=self.screen, width=100, highlight=False, force_terminal=terminal)
        self.chat = Chat(agent.thread(thread), images, console=console, read=self._next)
        self.chat.run()

    def _next(self) -> str:
        try:
            line = next(self.lines)
        except StopIteration:
            raise EOFError from None
        if line == CTRL_C:
            raise KeyboardInterrupt
        return line

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
        ("/threads \x00", "cannot name a thread"),
        ("/image nowhere.png", "nowhere.png"),
        ("/region box:1,2", "takes 4"),
        ("/region box:1,2,999,4", "outside"),
        ("/region box:1,2,3,4@2", "only 1 picture"),
        ("/save overlay.png", "no answer yet"),
        ("/show", "no answer yet"),
        ("/undo", "nothing to take back"),
        (CTRL_C, "Ctrl-D leaves"),
    ],
)
def test_what_is_wrong_is_said_and_the_conversation_goes_on(agent: Any, scene_file: Path, line: str, says: str) -> None:
    talk = Talk(agent, f"/image {scene_file}", line, "/region", "Is there a dog?")
    assert says in " ".join(talk.shown.split())
    assert "Yes, there is a dog" in talk.shown


def test_a_wrong_picture_is_said_at_once(agent: Any) -> None:
    with pytest.raises(ImageError):
        Talk(agent, images=("nowhere.png",))


def test_a_question_without_a_picture_is_refused_and_the_conversation_goes_on(agent: Any, scene_file: Path) -> None:
    talk = Talk(agent, "What is this?", f"/image {scene_file}", "Is there a dog?")
    assert "no picture yet" in talk.shown
    assert "Yes, there is a dog" in talk.shown


def test_undo_takes_a_question_back(agent: Any, scene_file: Path, tmp_path: Path) -> None:
    talk = Talk(
        agent,
        "Where are the apples?",
        "Where is the dog?",
        "/undo",
        "/regions",
        f"/save {tmp_path / 'o.png'}",
        "And the second one?",
        images=(str(scene_file),),
    )
    _, after = talk.shown.split("taken back: Where is the dog?")
    assert after.count("apple  box:") == 2
    assert "by name: apple 1, apple 2" in after  # names that may be used in questions
    assert "This is an apple." in after
    assert [turn.question for turn in agent.thread("talk").turns()] == ["Where are the apples?", "And the second one?"]


def test_undo_of_the_only_question_leaves_nothing(agent: Any, scene_file: Path) -> None:
    talk = Talk(agent, "Where is the dog?", "/undo", "/show", "/undo", images=(str(scene_file),))
    assert "no answer yet" in talk.shown
    assert "nothing to take back" in talk.shown
    assert agent.threads.names() == []


def test_threads_are_listed_and_changed(agent: Any, scene_file: Path) -> None:
    Talk(agent, "Where is the key?", images=(str(scene_file),), thread="keys")
    talk = Talk(agent, "Where is the dog?", "/threads", "/threads keys", "Is there an owl?", images=(str(scene_file),))
    assert "  keys\n* talk\n" in talk.shown
    _, after = talk.shown.split("thread keys\n", 1)
    assert "> Where is the key?" in after
    assert "ferret chat --thread keys" in after
    assert len(agent.thread("keys").turns()) == 2


def test_a_thread_shows_where_it_was_left(agent: Any, scene_file: Path) -> None:
    Talk(agent, "Where is the dog?", images=(str(scene_file),))
    talk = Talk(agent, "/regions")
    assert "> Where is the dog?" in talk.shown
    assert "dog  box:10,60,70,130" in talk.shown


def test_show_writes_a_file_where_the_terminal_shows_no_pictures(agent: Any, scene_file: Path) -> None:
    talk = Talk(agent, "Where is the dog?", "/show", images=(str(scene_file),), thread="a/b")
    (path,) = (agent.threads.folder / "overlays").iterdir()
    assert path.name == "a_b.png"
    assert str(path) in talk.shown.replace("\n", "")
    with Image.open(path) as overlay:
        assert overlay.width > 240


def test_show_shows_where_the_terminal_can(agent: Any, scene_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.environ", {"TERM": "xterm-kitty"})
    talk = Talk(agent, "Where is the dog?", "/show", images=(str(scene_file),), terminal=True)
    assert "\x1b_Ga=T,f=100" in talk.shown
    assert not (agent.threads.folder / "overlays").exists()


def test_a_stopped_question_leaves_the_thread_as_it_was(
    agent: Any, scene_file: Path, world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    Talk(agent, "Where are the apples?", images=(str(scene_file),))
    before = agent.thread("talk").memory()
    use = type(world).use

    def interrupted(self: Any, tool: str) -> None:
        use(self, tool)
        _thread.interrupt_main()  # what Ctrl-C does
        time.sleep(0.2)

    monkeypatch.setattr(type(world), "use", interrupted)
    stopped = Talk(agent, "Where is the dog?", "/regions")
    assert "stopped" in stopped.shown
    assert stopped.shown.count("apple  box:") == 2
    monkeypatch.setattr(type(world), "use", use)
    assert agent.thread("talk").memory() == before
    assert "This is an apple." in Talk(agent, "And the second one?").shown


@pytest.fixture
def cut_off(agent: Any, scene_file: Path, world: Any) -> Any:
    """Leaves a question behind as a process does that dies over it: nobody takes the turn back."""
    thread = agent.thread("talk")
    keeper, run = thread._keeper(), thread._runner(False)
    opening = keeper.open(run)
    request = thread._request(opening, "Where is the dog?", [str(scene_file)], [])
    world.broken.add("ferret")
    with pytest.raises(ToolError):
        list(run(request, {"thread_id": "talk", "turn": 1}, request["images"]))
    opening.lock.release()


@pytest.mark.usefixtures("cut_off")
def test_a_question_that_was_cut_off_is_finished(agent: Any, world: Any) -> None:
    world.broken.clear()
    talk = Talk(agent, "/regions")
    assert "The dog is here." in talk.shown
    assert "dog  box:10,60,70,130" in talk.shown


@pytest.mark.usefixtures("cut_off")
def test_a_question_that_cannot_be_finished_is_said(agent: Any, world: Any, scene_file: Path) -> None:
    talk = Talk(agent, "/undo")
    assert "could not be finished: ferret is out of order" in talk.shown
    assert "taken back: Where is the dog?" in talk.shown
    world.broken.clear()
    assert "Yes, there is a dog" in Talk(agent, "Is there a dog?", images=(str(scene_file),)).shown


@pytest.fixture
def dogs_file(world: Any, thing: Any, tmp_path: Path) -> Path:
    """Two dogs."""
    path = tmp_path / "dogs.png"
    world.paint([thing("dog", (10, 20, 60, 90)), thing("dog", (150, 30, 200, 110), seen=0.85)]).save(path)
    return path


@pytest.mark.parametrize(
    ("reply", "box"),
    [("2", "150,30,200,110"), ("the left one", "10,20,60,90"), ("point:170,60", "150,30,200,110")],
)
def test_which_one_is_meant_is_asked_and_replied(agent: Any, dogs_file: Path, reply: str, box: str) -> None:
    talk = Talk(agent, "Where is the dog?", "/regions", reply, "/regions", images=(str(dogs_file),), terminal=True)
    before, after = plain_text(talk.shown).split("The dog is here.")
    assert "Which dog do you mean: 1 or 2?" in before
    assert before.count("box:") == 2
    assert re.findall(r"box:([\d,]+)", after) == [box]
    assert [turn.question for turn in agent.thread("talk").turns()] == ["Where is the dog?"]


def test_what_is_asked_is_asked_again_in_another_process(agent: Any, dogs_file: Path) -> None:
    Talk(agent, "Where is the dog?", images=(str(dogs_file),), terminal=True)
    talk = Talk(agent, "the purple one", "1", terminal=True)
    assert plain_text(talk.shown).count("Which dog do you mean: 1 or 2?") == 2
    assert "The dog is here." in plain_text(talk.shown)


def test_another_question_or_undo_ends_the_asking(agent: Any, dogs_file: Path) -> None:
    talk = Talk(agent, "Where is the dog?", "Is there a cat?", images=(str(dogs_file),), terminal=True)
    assert "no cat" in plain_text(talk.shown)
    talk = Talk(agent, "Where is the dog?", "/undo", "Is there an owl?", terminal=True)
    assert "taken back: Where is the dog?" in plain_text(talk.shown)
    assert [turn.question for turn in agent.thread("talk").turns()] == [
        "Where is the dog?", "Is there a cat?", "Is there an owl?",
    ]  # fmt: skip


def test_a_pipe_is_not_asked(agent: Any, dogs_file: Path) -> None:
    assert "The dogs are here." in Talk(agent, "Where is the dog?", images=(str(dogs_file),)).shown


def plain_text(shown: str) -> str:
    """What is shown, without colours and other sequences."""
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown)
