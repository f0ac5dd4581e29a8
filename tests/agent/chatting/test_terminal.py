"""The conversation in a real (pseudo-)terminal: keys, completion, history, Ctrl-C."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pexpect
import pytest

UP, TAB, CTRL_D = "\x1b[A", "\t", "\x04"
# What the prompt sends when it waits: keys that arrive earlier would be echoed by the terminal itself.
READY = r"\x1b\[\?2004h"
# What a loop over the prompt does with lines, without any model behind it.
ECHO = """
from pathlib import Path
from agent.chatting.lines import line_reader
read = line_reader(["image", "regions", "save"], lambda: ["walk"], Path({folder!r}))
while True:
    try:
        print("<" + read() + ">")
    except KeyboardInterrupt:
        print("interrupted")
    except EOFError:
        break
print("ended")
"""


def spawned(command: list[str], timeout: float = 30, **environment: str) -> Any:
    """The command in a terminal of 100 columns that answers no questions about itself."""
    own = {"TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1", "COLUMNS": "100"}
    return pexpect.spawn(
        command[0], command[1:], env={**os.environ, **own, **environment}, encoding="utf-8", dimensions=(40, 100),
        timeout=timeout,
    )  # fmt: skip


@pytest.fixture
def echo(tmp_path: Path) -> Iterator[Any]:
    child = spawned([sys.executable, "-c", ECHO.format(folder=str(tmp_path))])
    yield child
    child.close(force=True)


def test_keys_complete_repeat_and_interrupt(echo: Any) -> None:
    echo.expect(READY)
    echo.send("/im" + TAB)
    echo.expect("age")
    echo.send(" x.png\r")
    echo.expect("</image x.png>")
    echo.expect(READY)
    echo.send("half a line\x03")
    echo.expect("interrupted")
    echo.expect(READY)
    echo.send(UP + "\r")
    echo.expect("</image x.png>")
    echo.expect(READY)
    echo.send(CTRL_D)
    echo.expect("ended")
    echo.expect(pexpect.EOF)


def test_what_was_typed_before_comes_back_in_another_process(echo: Any, tmp_path: Path) -> None:
    echo.expect(READY)
    echo.send("Where is the dog?\r")
    echo.expect("<Where is the dog.>")
    echo.expect(READY)
    echo.send(CTRL_D)
    echo.expect(pexpect.EOF)
    again = spawned([sys.executable, "-c", ECHO.format(folder=str(tmp_path))])
    again.expect(READY)
    again.send(UP + "\r")
    again.expect("<Where is the dog.>")
    again.expect(READY)
    again.send(CTRL_D)
    again.expect("ended")
    again.close(force=True)


@pytest.mark.slow
def test_a_conversation_with_the_embedded_weights(demo_picture: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "agent.cli", "chat", str(demo_picture), "--thread", "walk"]
    chat = spawned(command, timeout=100, FERRET_HOME=str(tmp_path))
    try:
        chat.expect("thread walk")
        chat.expect(READY)
        chat.send("Where is the house?\r")
        chat.expect("looking|looks|loading|ground")  # the models are still being loaded
        chat.sendintr()
        chat.expect("stopped")
        chat.expect(READY)
        chat.send("Is there a dog in the picture?\r")
        chat.expect("Yes, there is a .*dog")
        chat.expect(READY)
        chat.send("What does the sign say?\r")
        chat.expect("FRESH FRUIT")
        chat.expect(READY)
        chat.send("/un" + TAB)
        chat.expect("do")
        chat.send("\r")
        chat.expect("taken back: What does the sign say.")
        chat.expect(READY)
        chat.send("/show\r")
        chat.expect("written: ")
        chat.expect(READY)
        chat.send("/threads wa" + TAB)
        chat.expect("lk")
        chat.send("\r")
        chat.expect("thread walk")
        chat.expect(READY)
        chat.send(CTRL_D)
        chat.expect("ferret chat --thread walk")
        chat.expect(pexpect.EOF)
    finally:
        chat.close(force=True)
    assert chat.exitstatus == 0
    assert (tmp_path / "overlays" / "walk.png").is_file()
    again = spawned([*command[:4], "--thread", "walk"], timeout=100, FERRET_HOME=str(tmp_path))
    try:
        again.expect("> Is there a dog in the picture.")  # neither the stopped question nor the one taken back
        again.expect(READY)
        again.send("/quit\r")
        again.expect(pexpect.EOF)
    finally:
        again.close(force=True)
