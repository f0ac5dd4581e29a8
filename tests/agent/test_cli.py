"""The command line: exit statuses, what goes to which stream, and one line for every mistake."""

import json
import os
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner

import agent.assistant
from agent.answers import Answer
from agent.cli import app
from agent.instruments import Instruments
from ferret.errors import WeightsError


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, loaders: dict[str, Callable[[], Any]]) -> Callable[..., Any]:
    """Runs the command over the stand-ins; a model of another name than the default is not known."""

    def instruments(model: str | None = None, device: str | None = None) -> Instruments:
        if model is not None and model != "ferret-nano":
            raise WeightsError(f"unknown model {model!r}: the embedded one is ferret-nano")
        return Instruments(model, device, loaders)

    monkeypatch.setattr(agent.assistant, "Instruments", instruments)
    runner = CliRunner()
    return lambda *arguments, **options: runner.invoke(app, [str(argument) for argument in arguments], **options)


def bomb(path: Path) -> Path:
    """A small PNG that declares 60000 x 60000 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    side = (60000).to_bytes(4, "big")
    header = chunk(b"IHDR", side + side + b"\x08\x02\x00\x00\x00")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b""))
    return path


@pytest.fixture
def bad(tmp_path: Path, scene_file: Path) -> Path:
    """A folder of pictures that cannot be used."""
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "text.png").write_text("not a picture")
    (tmp_path / "cut.png").write_bytes(scene_file.read_bytes()[:120])
    bomb(tmp_path / "bomb.png")
    return tmp_path


BAD_REQUESTS = [
    pytest.param(["What is this?", "{}/missing.png"], id="missing file"),
    pytest.param(["What is this?", "{}/cut.png"], id="truncated file"),
    pytest.param(["What is this?", "{}/empty.png"], id="empty file"),
    pytest.param(["What is this?", "{}/text.png"], id="no image"),
    pytest.param(["What is this?", "{}/bomb.png"], id="bomb"),
    pytest.param(["What is this?", "{}"], id="folder"),
    pytest.param(["What is this?", "https://example.org/scene.png"], id="URL"),
    pytest.param(["What is this?"], id="no picture"),
    pytest.param(["", "{}/scene.png"], id="empty question"),
    pytest.param(["   ", "{}/scene.png"], id="blank question"),
    pytest.param(["What is this?", "{}/scene.png", "--region", "box:1,2,3"], id="malformed region"),
    pytest.param(["What is this?", "{}/scene.png", "--region", "blob:1,2"], id="unknown kind of region"),
    pytest.param(["What is this?", "{}/scene.png", "--region", "box:70,60,10,130"], id="inverted region"),
    pytest.param(["What is this?", "{}/scene.png", "--region", "box:10,60,70,999"], id="region out of image"),
    pytest.param(["What is this?", "{}/scene.png", "--region", "point:nan,5"], id="NaN region"),
    pytest.param(["What is this?", "{}/scene.png", "--region", "point:5,5@2"], id="region on no image"),
    pytest.param(["What is <region2>?", "{}/scene.png", "--region", "point:5,5"], id="region not given"),
    pytest.param(["What is this?", "{}/scene.png", "--region", "mask:{}/missing.png"], id="missing mask"),
    pytest.param(["What is this?", "{}/scene.png", "--model", "no-such-model"], id="unknown model"),
    pytest.param(["What is this?", "{}/scene.png", "--save", "{}/overlay.doc"], id="overlay of no picture format"),
    pytest.param(["What is this?", "{}/scene.png", "--save", "{}/no/overlay.png"], id="overlay in no folder"),
    pytest.param(["What is this?", "{}/scene.png", "--save", "{}/" + "x" * 300 + ".png"], id="overlay of a long name"),
    pytest.param(["What is this?", "{}/scene.png", "--thread", ""], id="empty thread"),
    pytest.param(["What is this?", "{}/scene.png", "--colour"], id="unknown option"),
    pytest.param([], id="nothing at all"),
]


@pytest.mark.parametrize("arguments", BAD_REQUESTS)
@pytest.mark.parametrize("as_json", [False, True])
def test_a_wrong_request_exits_with_2_and_one_line(
    run: Callable[..., Any], bad: Path, arguments: list[str], as_json: bool
) -> None:
    result = run("ask", *[argument.format(bad) for argument in arguments], *(["--json"] if as_json else []))
    assert result.exit_code == 2
    assert result.stdout == ""
    assert len(result.stderr.strip().splitlines()) == 1
    assert result.stderr.startswith("ferret: ")
    assert "Traceback" not in result.output


def test_a_wrong_request_from_a_real_process(bad: Path) -> None:
    command = [sys.executable, "-m", "agent.cli", "ask", "What is this?", str(bad / "bomb.png"), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1
    assert "64 megapixels" in done.stderr


def test_json_is_one_object_and_nothing_else(run: Callable[..., Any], scene_file: Path) -> None:
    result = run("ask", "Where is the dog?", scene_file, "--json")
    assert result.exit_code == 0
    assert Answer.model_validate(json.loads(result.stdout)).text == "The dog is here."
    assert result.stdout.count("\n") == 1


def test_chatter_of_libraries_stays_out_of_standard_output(
    run: Callable[..., Any], loaders: dict[str, Callable[[], Any]], scene_file: Path
) -> None:
    detector = loaders["detector"]

    def noisy() -> Any:
        sys.stdout.write("loading weights...\n")
        return detector()

    loaders["detector"] = noisy
    result = run("ask", "Where is the dog?", scene_file, "--json")
    assert json.loads(result.stdout)["status"] == "answered"
    assert "loading weights" in result.stderr


def test_not_found_is_an_answer(run: Callable[..., Any], scene_file: Path) -> None:
    result = run("ask", "Where is the owl?", scene_file)
    assert result.exit_code == 0
    assert "There is no owl in the picture." in result.stdout


def test_people_see_the_prose_and_the_regions(run: Callable[..., Any], scene_file: Path, tmp_path: Path) -> None:
    result = run("ask", "What is this?", scene_file, "-r", "box:10,60,70,130", "--save", tmp_path / "o.png")
    assert result.stdout.splitlines()[0] == "This is a dog."
    assert "box:10,60,70,130" in result.stdout
    with Image.open(tmp_path / "o.png") as saved:
        assert saved.width > 240


def test_the_plan_is_explained_beside_the_answer(run: Callable[..., Any], scene_file: Path) -> None:
    result = run("ask", "Find teh largest owl and describe it.", scene_file, "--explain")
    assert result.exit_code == 0
    lines = [line.strip() for line in result.stderr.splitlines() if line.startswith("  ")]
    assert [line for line in lines if line[0].isdigit()] == ["1  ground largest owl", "2  describe largest owl"]
    assert '"it" stands for "the largest owl"' in result.stderr
    assert "stands for" not in result.stdout
    quiet = run("ask", "Find the largest owl.", scene_file)
    assert "is read as" not in quiet.stderr + quiet.stdout


def test_the_plan_is_explained_in_json(run: Callable[..., Any], scene_file: Path) -> None:
    plan = json.loads(run("ask", "Where is the owl?", scene_file, "--explain", "--json").stdout)["plan"]
    assert [step["intent"] for step in plan["steps"]] == ["ground"]
    assert len(plan["reasons"]) == 1
    assert "plan" not in json.loads(run("ask", "Where is the owl?", scene_file, "--json").stdout)


def test_a_thread_remembers_between_calls(
    run: Callable[..., Any], scene_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FERRET_HOME", str(tmp_path / "home"))
    assert run("ask", "Where are the apples?", scene_file, "--thread", "t").exit_code == 0
    assert "This is an apple." in run("ask", "And the second one?", "--thread", "t").stdout


def test_batch_answers_a_file(run: Callable[..., Any], scene_file: Path, tmp_path: Path) -> None:
    lines = [
        {"id": "1", "question": "Where is the dog?", "images": [str(scene_file)]},
        {"id": "2", "question": "Where is the dog?", "images": ["missing.png"]},
        {"id": "3", "question": "Where is the dog?", "images": [str(scene_file)], "model": "no-such-model"},
    ]
    (tmp_path / "in.jsonl").write_text("\n".join(map(json.dumps, lines)))
    result = run("batch", tmp_path / "in.jsonl", "--out", tmp_path / "out.jsonl")
    assert result.exit_code == 0
    assert result.stdout == ""
    assert "1 answered, 2 failed" in result.stderr
    records = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [record.get("error", {}).get("type") for record in records] == [None, "ImageError", "WeightsError"]


@pytest.mark.parametrize("arguments", [["batch", "no.jsonl", "--out", "out.jsonl"], ["batch", "in.jsonl"], ["batch"]])
def test_a_wrong_batch_exits_with_2(run: Callable[..., Any], arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert len(result.stderr.strip().splitlines()) == 1


def test_evaluate_without_a_benchmark_exits_with_2(run: Callable[..., Any]) -> None:
    result = run("evaluate")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "ferret evaluate scenes" in result.stderr


def test_chat_reads_standard_input(
    run: Callable[..., Any], scene_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FERRET_HOME", str(tmp_path / "home"))
    lines = "Where is the dog?\n\n/region box:10,60,70,130\nWhat is this?\n/undo\nIs there an owl?"
    result = run("chat", scene_file, "--thread", "talk", input=lines)
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "thread talk; /help lists commands",
        "The dog is here.",
        "<region1> for the next question",
        "This is a dog.",
        "taken back: What is this?",
        "No, there is no owl in the picture.",
        "kept; go on with: ferret chat --thread talk",
    ]


def test_chat_about_no_picture_exits_with_2(run: Callable[..., Any]) -> None:
    result = run("chat", "nowhere.png")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "nowhere.png" in result.stderr


def test_doctor_prints_and_dumps(run: Callable[..., Any]) -> None:
    assert "packages" in run("doctor").stdout
    assert json.loads(run("doctor", "--json").stdout)["checks"]


@pytest.mark.parametrize(
    ("command", "named"), [("train", "stage-3-lora"), ("evaluate", "ablations"), ("instructions", "--processes")]
)
def test_training_is_loaded_by_name(run: Callable[..., Any], command: str, named: str) -> None:
    result = run(command, "--help")
    assert result.exit_code == 0
    assert named in result.stdout


def test_an_internal_error_exits_with_1_and_one_line(
    run: Callable[..., Any], loaders: dict[str, Callable[[], Any]], scene_file: Path
) -> None:
    def broken() -> Any:
        raise ZeroDivisionError("by nothing")

    loaders["ferret"] = broken
    result = run("ask", "Where is the dog?", scene_file)
    assert result.exit_code == 1
    assert result.stderr.strip() == "ferret: ZeroDivisionError: by nothing (set FERRET_DEBUG=1 to see where)"


def test_debugging_shows_where(
    run: Callable[..., Any], loaders: dict[str, Callable[[], Any]], scene_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> Any:
        raise ZeroDivisionError("by nothing")

    loaders["ferret"] = broken
    monkeypatch.setenv("FERRET_DEBUG", "1")
    assert isinstance(run("ask", "Where is the dog?", scene_file).exception, ZeroDivisionError)


def test_help_and_version_need_no_model_library() -> None:
    code = (
        "import sys\n"
        "from agent.cli import app\n"
        "try:\n"
        "    app(['--help'])\n"
        "except SystemExit as done:\n"
        "    assert not done.code\n"
        "heavy = {'torch', 'transformers', 'ultralytics', 'easyocr', 'onnxruntime', 'cv2', 'langgraph'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    environment = os.environ | {"COLUMNS": "120"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    for command in ("ask", "chat", "threads", "batch", "train", "evaluate", "instructions", "doctor"):
        assert command in done.stdout


def test_a_wrong_file_is_said_without_loading_torch(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from agent.cli import app\n"
        "try:\n"
        f"    app(['ask', 'What is this?', {str(tmp_path / 'missing.png')!r}])\n"
        "except SystemExit as done:\n"
        "    assert done.code == 2, done.code\n"
        "assert 'torch' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
