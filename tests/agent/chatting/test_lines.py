"""Where lines come from: completion, history, and pipes."""

import io
import stat
import sys
from pathlib import Path

import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from agent.chatting.lines import ChatCompleter, _history, line_reader

COMMANDS = ["image", "region", "regions", "save", "show", "threads", "quit"]


def completed(typed: str, names: list[str] | None = None) -> list[str]:
    """The lines that Tab offers."""
    completer = ChatCompleter(COMMANDS, lambda: names or [])
    offers = completer.get_completions(Document(typed), CompleteEvent(completion_requested=True))
    return [typed[: len(typed) + offer.start_position] + offer.text for offer in offers]


@pytest.mark.parametrize(
    ("typed", "lines"),
    [
        ("", []),
        ("Where is", []),
        ("image", []),
        ("/", [f"/{command}" for command in COMMANDS]),
        ("/reg", ["/region", "/regions"]),
        ("/s", ["/save", "/show"]),
        ("/fly", []),
        ("/fly a", []),
        ("/quit x", []),
        ("/region p", ["/region point:", "/region polygon:"]),
        ("/region box:1", []),
        ("/threads wa", ["/threads walk", "/threads walk two"]),
        ("/threads walk t", ["/threads walk two"]),
    ],
)
def test_tab_completes(typed: str, lines: list[str]) -> None:
    assert completed(typed, ["other", "walk", "walk two"]) == lines


@pytest.mark.parametrize("command", ["/image ", "/save ", "/region mask:"])
def test_tab_completes_file_names(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "scene one.png").touch()
    (tmp_path / "scenes").mkdir()
    monkeypatch.chdir(tmp_path)
    assert completed(f"{command}sc") == [f"{command}scene one.png", f"{command}scenes"]
    assert completed(f"{command}scene ") == [f"{command}scene one.png"]
    assert completed(f"{command}{tmp_path}/scenes") == [f"{command}{tmp_path}/scenes"]


def test_a_pipe_is_read_line_by_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("one\n\ntwo"))
    read = line_reader(COMMANDS, list, tmp_path / "state")
    assert [read(), read(), read()] == ["one\n", "\n", "two"]
    with pytest.raises(EOFError):
        read()
    assert not (tmp_path / "state").exists()


def test_the_history_is_its_owners_alone(tmp_path: Path) -> None:
    _history(tmp_path / "state").append_string("Where is the dog?")
    path = tmp_path / "state" / "chat_history"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(_history(tmp_path / "state").load_history_strings()) == ["Where is the dog?"]


def test_a_history_that_cannot_be_kept_lasts_as_long_as_the_process(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    history = _history(tmp_path / "file" / "state")
    history.append_string("Where is the dog?")
    assert history.get_strings() == ["Where is the dog?"]
