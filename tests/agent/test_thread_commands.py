"""The command `ferret threads`."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner

from agent.assistant import VisionAgent
from agent.cli import app
from agent.instruments import Instruments
from agent.threads import ThreadStore


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the command looks into."""
    monkeypatch.setenv("FERRET_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("FERRET_DATABASE", raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path / "home"


@pytest.fixture
def kept(home: Path, loaders: dict[str, Callable[[], Any]], scene: Image.Image) -> ThreadStore:
    """Two conversations, of two turns and of one."""
    agent = VisionAgent(instruments=Instruments(loaders=loaders), folder=home)
    agent.thread("walk").ask("Where is the dog?", scene)
    agent.thread("walk").ask("How many apples are there?")
    agent.thread("sea [/side]").ask("Is there an owl?", scene)
    agent.threads.close()
    return agent.threads


def run(*arguments: str, **options: Any) -> Any:
    return CliRunner().invoke(app, ["threads", *arguments], **options)


@pytest.mark.usefixtures("home")
def test_nothing_is_kept_at_first() -> None:
    assert "no thread is kept" in run().stdout
    assert json.loads(run("--json").stdout) == {"threads": []}


@pytest.mark.usefixtures("kept")
def test_threads_are_listed_with_turns_and_last_question() -> None:
    lines = [line.split() for line in run().stdout.splitlines()]
    assert ["walk", "2", "How", "many", "apples", "are", "there?"] in lines
    assert ["sea", "[/side]", "1", "Is", "there", "an", "owl?"] in lines


@pytest.mark.usefixtures("kept")
def test_the_list_as_json() -> None:
    result = run("--json")
    assert result.stdout.count("\n") == 1
    assert json.loads(result.stdout) == {
        "threads": [
            {"name": "sea [/side]", "turns": 1, "last_question": "Is there an owl?"},
            {"name": "walk", "turns": 2, "last_question": "How many apples are there?"},
        ]
    }


@pytest.mark.usefixtures("home")
def test_a_thread_whose_question_is_under_way_is_listed(
    loaders: dict[str, Callable[[], Any]], world: Any, thing: Any
) -> None:
    two = world.paint([thing("dog", (10.0, 20.0, 60.0, 90.0)), thing("dog", (150.0, 30.0, 200.0, 110.0))])
    agent = VisionAgent(instruments=Instruments(loaders=loaders))
    for _ in agent.thread("open").stream("Where is the dog?", two, asks_back=True):
        pass
    agent.threads.close()
    assert json.loads(run("--json").stdout)["threads"] == [{"name": "open", "turns": 0, "last_question": None}]
    assert "(not answered yet)" in run().stdout
    assert "not answered yet" in run("show", "open").stdout


@pytest.mark.usefixtures("kept")
def test_a_thread_is_shown() -> None:
    assert run("show", "walk").stdout.splitlines() == [
        "1  Where is the dog?", "   The dog is here.",
        "2  How many apples are there?", "   There are 2 apples in the picture.",
    ]  # fmt: skip
    told = json.loads(run("show", "walk", "--json").stdout)
    assert told["name"] == "walk"
    assert [(turn["number"], turn["answer"]["status"]) for turn in told["turns"]] == [(1, "answered"), (2, "answered")]


def test_words_of_a_thread_do_not_steer_the_terminal(kept: ThreadStore) -> None:
    kept.database.record("sea [/side]", 2, {"question": "a\x1b[31m?", "answer": None, "error": "b\x1b[0m"}, "")
    kept.close()
    assert "\x1b" not in run().stdout + run("show", "sea [/side]").stdout
    assert "(not answered: b\ufffd[0m)" in run("show", "sea [/side]").stdout


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize("command", ["show", "delete"])
def test_a_thread_that_is_not_there_exits_with_2(command: str) -> None:
    result = run(command, "beach", *(["--yes"] if command == "delete" else []))
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "ferret: there is no thread 'beach'; ferret threads lists them\n"


@pytest.mark.parametrize(
    ("arguments", "said", "left"),
    [
        (["--yes"], "", ["sea [/side]"]), (["-y"], "", ["sea [/side]"]), ([], "y\n", ["sea [/side]"]),
        ([], "n\n", ["sea [/side]", "walk"]), ([], "\n", ["sea [/side]", "walk"]), ([], "", ["sea [/side]", "walk"]),
    ],
)  # fmt: skip
def test_deleting_asks_first(kept: ThreadStore, arguments: list[str], said: str, left: list[str]) -> None:
    result = run("delete", "walk", *arguments, input=said)
    assert result.exit_code == (0 if left == ["sea [/side]"] else 1)
    assert "deleted" not in result.stdout  # where the runner echoes what is typed
    assert ("with its 2 turns?" in result.stderr) == (not arguments)
    assert kept.names() == left
    kept.close()


def test_collecting_removes_what_no_thread_needs(kept: ThreadStore, monkeypatch: pytest.MonkeyPatch) -> None:
    young = json.loads(run("collect", "--json").stdout)
    assert young["removed"] == 0
    assert young["kept"] > 0
    swept = kept.collect
    monkeypatch.setattr(ThreadStore, "collect", lambda _: swept(young=-1.0))
    assert run("delete", "walk", "--yes").exit_code == 0
    assert run("delete", "sea [/side]", "--yes").exit_code == 0
    told = run("collect").stdout
    assert told.startswith(f"removed {young['kept']} files (")
    assert ", kept 0 (0 bytes)" in told
    kept.close()


@pytest.mark.usefixtures("home")
def test_listing_needs_no_model_library() -> None:
    code = (
        "import sys\n"
        "from agent.cli import app\n"
        "try:\n"
        "    app(['threads', '--json'])\n"
        "except SystemExit as done:\n"
        "    assert not done.code\n"
        "assert 'torch' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, '{"threads": []}\n'), done.stderr
