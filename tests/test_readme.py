"""What the README shows works: its Python runs, its commands parse, its files and make targets exist."""

import json
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest

README = Path(__file__).resolve().parent.parent / "README.md"
TEXT = README.read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
CONSOLE = [line.removeprefix("$ ") for kind, block in BLOCKS if kind == "console" for line in block.splitlines()]
FERRET_LINES = [line for line in CONSOLE if line.startswith("ferret ")]


@pytest.mark.slow
def test_every_python_block_runs(demo_picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In order and in one namespace, as a reader would type them, next to a picture called scene.png."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FERRET_HOME", str(tmp_path / "home"))
    shutil.copy(demo_picture, "scene.png")
    namespace: dict[str, Any] = {}
    blocks = [block for language, block in BLOCKS if language == "python"]
    assert len(blocks) >= 3
    for block in blocks:
        exec(compile(block, str(README), "exec"), namespace)
    assert namespace["answer"].status in {"answered", "not_found", "unsure"}
    assert (tmp_path / "overlay.png").stat().st_size > 1000


def command_of(words: list[str]) -> tuple[Any, list[str]]:
    """The click command that a command line reaches, and the words left for it."""
    import typer

    import agent.cli
    import training.cli

    app = training.cli.app if words[0] in {"train", "evaluate", "instructions"} else agent.cli.app
    command: Any = typer.main.get_command(app)
    while words and hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    return command, words


@pytest.mark.parametrize("line", FERRET_LINES)
def test_every_command_line_parses(line: str) -> None:
    command, words = command_of(shlex.split(line, comments=True)[1:])
    with command.make_context(line, words) as context:  # an unknown option or a missing argument raises here
        assert context.params


def test_every_command_of_the_table_exists() -> None:
    named = re.findall(r"`ferret (\w+)", TEXT)
    assert {"ask", "chat", "batch", "train", "evaluate", "instructions", "doctor"} <= set(named)
    for name in named:
        command_of([name])


def test_every_make_target_exists(repo_root: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (repo_root / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = set(re.findall(r"^\$? ?make ([a-z-]+)|`make ([a-z-]+)", TEXT, re.MULTILINE))
    used = {name for pair in named for name in pair if name}
    assert {"demo", "test", "help"} <= used <= targets
    assert {"install", "demo", "test", "lint", "types", "check", "evaluate", "train", "clean", "help"} <= targets


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", "docs/architecture.md", "docs/history.md"])
def test_every_link_leads_somewhere(document: str, repo_root: Path) -> None:
    path = repo_root / document
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text(encoding="utf-8")):
        if not target.startswith(("http://", "https://", "#")):
            there = (path.parent / target.partition("#")[0]).exists()
            assert there, f"{document} links to {target!r}, which is not there"


def test_the_answer_shown_is_an_answer() -> None:
    from agent import Answer

    shown = [json.loads(block) for language, block in BLOCKS if language == "json"]
    assert shown
    for value in shown:
        assert Answer.model_validate(value).model_dump(mode="json") == value
