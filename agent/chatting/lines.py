"""Where a conversation's lines come from: a prompt with history and completion where people type, else plain lines."""

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from prompt_toolkit.completion import CompleteEvent, Completer, Completion, PathCompleter
from prompt_toolkit.document import Document

if TYPE_CHECKING:
    from prompt_toolkit.history import History

KINDS = ("point:", "box:", "polygon:", "scribble:", "mask:")


def line_reader(commands: Sequence[str], names: Callable[[], list[str]], folder: Path) -> Callable[[], str]:
    """What gives the next line, and raises `EOFError` at the end.

    Where people type, Tab completes `commands`, file names and `names` of threads, and the history is kept in `folder`;
    Ctrl-C raises `KeyboardInterrupt`.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return _plain_line
    from prompt_toolkit import PromptSession
    from prompt_toolkit.formatted_text import FormattedText

    session: PromptSession[str] = PromptSession(
        FormattedText([("bold", "> ")]),
        completer=ChatCompleter(commands, names),
        complete_while_typing=False,
        history=_history(folder),
        enable_history_search=True,
    )
    return session.prompt


class ChatCompleter(Completer):
    """Completes a command's name, and then what that command takes: a file, a region or the name of a thread."""

    def __init__(self, commands: Sequence[str], names: Callable[[], list[str]]) -> None:
        self._commands = commands
        self._names = names
        self._files = PathCompleter(expanduser=True)

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        """The completions at the cursor."""
        line = document.text_before_cursor
        if not line.startswith("/"):
            return
        name, space, rest = line[1:].partition(" ")
        if not space:
            yield from _beginning(name, self._commands)
        elif name in {"image", "save"}:
            yield from self._files.get_completions(Document(rest), complete_event)
        elif name == "region":
            kind, colon, file = rest.partition(":")
            if not colon:
                yield from _beginning(rest, KINDS)
            elif kind == "mask":
                yield from self._files.get_completions(Document(file), complete_event)
        elif name == "threads":
            yield from _beginning(rest, self._names())


def _beginning(typed: str, words: Iterable[str]) -> Iterable[Completion]:
    return (Completion(word, start_position=-len(typed)) for word in words if word.startswith(typed))


def _plain_line() -> str:
    try:
        line = sys.stdin.readline()
    except KeyboardInterrupt:
        raise EOFError from None
    if not line:
        raise EOFError
    return line


def _history(folder: Path) -> "History":
    """The lines typed before, in a file for its owner's eyes alone; in memory where no file can be written."""
    from prompt_toolkit.history import FileHistory, InMemoryHistory

    path = folder / "chat_history"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
    except OSError:
        return InMemoryHistory()
    return FileHistory(path)
