"""`ferret evaluate`: every benchmark through the command line, on a small file of its real format, with ferret-nano."""

import hashlib
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from agent import cli as front
from ferret.engine import Engine, Generation, Prompt
from training import cli
from training.protocols.ferret_bench import judge_prompt, read_ferret_bench
from training.protocols.runs import RunResult
from training.readers.report import Report

Write = Callable[[str, Path], list[str]]

# Benchmark and options -> questions, the metric that papers print first, and the splits of the result.
BENCHMARKS = {
    ("lvis", "--kind", "point"): (3, "accuracy", "point"),
    ("lvis",): (3, "accuracy", "box"),
    ("lvis", "--kind", "free-form"): (3, "accuracy", "free-form"),
    ("refcoco",): (3, "acc@0.5", "testA"),
    ("flickr30k",): (2, "R@1", "val"),
    ("pope",): (4, "accuracy", "random"),
    ("vqa",): (2, "accuracy", "val2014"),
    ("captions",): (2, "CIDEr-D", "val2014"),
    ("mme",): (28, "perception", "all"),
}


@pytest.fixture
def invoke(nano: Engine, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """`invoke("pope", ...)`: the command in this process, with the model loaded already."""
    monkeypatch.setattr(Engine, "load", classmethod(lambda _cls, name: nano if name == "ferret-nano" else None))

    def run(*words: str, app: Any = cli.app) -> Result:
        return CliRunner().invoke(app, ["evaluate", *words], env={"COLUMNS": "200"})

    return run


def lines(path: Path) -> list[dict[str, Any]]:
    """The answers of a file, less the time they took."""
    return [json.loads(line) | {"seconds": 0} for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("asked", BENCHMARKS, ids=" ".join)
def test_a_benchmark_end_to_end(
    asked: tuple[str, ...], invoke: Callable[..., Result], write_benchmark: Write, tmp_path: Path
) -> None:
    name, *options = asked
    count, metric, split = BENCHMARKS[asked]
    words = [*write_benchmark(name, tmp_path), *options, "--out", str(tmp_path / "run")]
    done = invoke(*words, "--batch", "8")
    assert done.exit_code == 0, done.output
    result = RunResult.read(tmp_path / "run")
    assert (result.benchmark.split("2")[0].rstrip("v"), result.split) == (name.split("2")[0], split)
    assert (result.questions, result.answered, result.malformed, result.unasked) == (count, count, 0, [])
    assert result.metrics[0].name == metric
    assert result.weights == "ferret-nano"
    data = [Path(word) for word in words[1:] if word.endswith((".json", ".jsonl"))]
    if data:
        assert result.data == {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in data}
    assert result.command.startswith(f"ferret evaluate {name} {words[1]}")
    assert "--model ferret-nano" in result.command
    answers = lines(tmp_path / "run" / "answers.jsonl")
    assert sorted(answer["id"] for answer in answers) == list(range(count))
    assert any(answer["answer"] for answer in answers)
    assert f"| {result.benchmark} | {split} | {metric} | " in done.stdout
    again = invoke(*words)
    assert again.exit_code == 0
    assert again.stdout == done.stdout
    assert RunResult.read(tmp_path / "run") == result


def test_the_command_in_the_result_gives_the_same_run(
    invoke: Callable[..., Result], write_benchmark: Write, tmp_path: Path
) -> None:
    folder = tmp_path / "with blank"
    folder.mkdir()
    words = write_benchmark("lvis", folder)
    invoke(*words, "--kind", "point", "--out", str(tmp_path / "run"))
    first = RunResult.read(tmp_path / "run")
    ferret, evaluate, *rest = shlex.split(first.command)
    assert (ferret, evaluate) == ("ferret", "evaluate")
    assert invoke(*rest).exit_code == 0
    assert RunResult.read(tmp_path / "run") == first


class KilledError(Exception):
    """Stands for the end of the process."""


def test_killed_at_any_batch_it_goes_on_to_the_same_answers(
    invoke: Callable[..., Result], nano: Engine, write_benchmark: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = write_benchmark("pope", tmp_path)
    assert invoke(*words, "--out", str(tmp_path / "whole"), "--batch", "1").exit_code == 0
    answer_each, left = nano.answer_each, [0]

    def mortal(images: Sequence[Image.Image], prompts: Sequence[Prompt], max_new_tokens: int = 256) -> list[Generation]:
        if not left[0]:
            raise KilledError
        left[0] -= 1
        return answer_each(images, prompts, max_new_tokens)

    path = tmp_path / "parts" / "answers.jsonl"
    with monkeypatch.context() as patched:
        patched.setattr(nano, "answer_each", mortal)
        for round_ in range(4):
            left[0] = 1
            stopped = invoke(*words, "--out", str(path.parent), "--batch", "1")
            assert isinstance(stopped.exception, KilledError) == (round_ < 3)
            if round_ == 1:  # the end came while a line was written
                path.write_bytes(path.read_bytes()[:-7])
                left[0] = 1
                assert isinstance(invoke(*words, "--out", str(path.parent), "--batch", "1").exception, KilledError)
            assert (path.parent / "result.json").exists() == (round_ == 3)
    assert lines(path) == lines(tmp_path / "whole" / "answers.jsonl")
    parts, whole = (RunResult.read(folder) for folder in (path.parent, tmp_path / "whole"))
    assert parts.metrics == whole.metrics
    assert parts.parsing_faults == whole.parsing_faults


@pytest.mark.slow
def test_a_process_that_is_really_killed_is_gone_on_with(
    write_benchmark: Write, tmp_path: Path, repo_root: Path
) -> None:
    words = [*write_benchmark("mme", tmp_path), "--out", str(tmp_path / "run"), "--batch", "1"]
    command = [sys.executable, "-m", "training.cli", "evaluate", *words]
    path = tmp_path / "run" / "answers.jsonl"
    with subprocess.Popen(command, cwd=repo_root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None and not (path.exists() and path.read_bytes().count(b"\n") >= 3):
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
    before = path.read_bytes()
    kept = before[: before.rfind(b"\n") + 1]
    assert 3 <= kept.count(b"\n") < 28
    subprocess.run(command, cwd=repo_root, check=True, capture_output=True, timeout=240)
    assert path.read_bytes().startswith(kept)
    assert RunResult.read(path.parent).answered == 28


def test_changed_data_and_other_weights_are_refused_in_one_line(
    invoke: Callable[..., Result], write_benchmark: Write, tmp_path: Path
) -> None:
    words = write_benchmark("pope", tmp_path)
    assert invoke(*words, "--out", str(tmp_path / "run")).exit_code == 0
    other = tmp_path / "ferret-nano"
    other.mkdir()
    (other / "config.json").write_text("{}", encoding="utf-8")
    refused = invoke(*words, "--out", str(tmp_path / "run"), "--model", str(other), app=front.app)
    assert refused.exit_code == 2
    assert "holds another run, with weights_mark" in refused.stderr
    data = Path(words[1])
    data.write_text(data.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    refused = invoke(*words, "--out", str(tmp_path / "run"), app=front.app)
    assert refused.exit_code == 2
    assert "holds another run, with data coco_pope_random.json" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_what_cannot_be_asked_is_counted_and_listed(
    invoke: Callable[..., Result], write_benchmark: Write, tmp_path: Path
) -> None:
    words = write_benchmark("refcoco", tmp_path)
    data = Path(words[1])
    content = json.loads(data.read_text(encoding="utf-8"))
    content["images"][1]["file_name"] = "gone.jpg"
    content["images"].append({"id": 9})
    data.write_text(json.dumps(content), encoding="utf-8")
    done = invoke(*words, "--out", str(tmp_path / "run"))
    assert done.exit_code == 0, done.output
    result = RunResult.read(tmp_path / "run")
    assert (result.questions, result.answered, result.malformed) == (3, 2, 1)
    assert [row.where for row in result.unasked] == [f"{data.name}, images[3]", "question 1"]
    assert result.metrics[0].count == 3, "it counts, as an answer without a box"
    assert "2 record(s) could not be asked, the first is" in done.stderr
    assert "counts as an answer without a box: it is wrong" in done.stderr
    assert "2 of 4 |" in done.stdout


def test_ferret_bench_is_answered_first_and_judged_later(
    invoke: Callable[..., Result], write_benchmark: Write, pictures: Path, tmp_path: Path
) -> None:
    words = [*write_benchmark("ferret-bench", tmp_path), "--out", str(tmp_path / "run")]
    done = invoke(*words)
    assert done.exit_code == 0, done.output
    assert "3 answers are kept" in done.stderr
    assert not (tmp_path / "run" / "result.json").exists()
    benchmark = read_ferret_bench(Path(words[1]), images=pictures, report=Report())
    said = {answer["id"]: answer["answer"] for answer in lines(tmp_path / "run" / "answers.jsonl")}
    replies = ["8 4\nGood.", "10 10", "no scores"]
    reviews = tmp_path / "given.jsonl"
    reviews.write_text(
        "".join(
            json.dumps({"prompt": judge_prompt(question, said[number]), "review": replies[number]}) + "\n"
            for number, question in enumerate(benchmark.questions)
        ),
        encoding="utf-8",
    )
    failed = invoke(*words, "--reviews", str(reviews), app=front.app)
    assert failed.exit_code == 1
    assert "gave the references of 'ground_conv' -1 in all" in failed.stderr
    reviews.write_text(reviews.read_text(encoding="utf-8").replace("no scores", "10 9"), encoding="utf-8")
    done = invoke(*words, "--reviews", str(reviews))
    assert done.exit_code == 0, done.output
    result = RunResult.read(tmp_path / "run")
    assert {metric.name: metric.value for metric in result.metrics} == pytest.approx(
        {"average": 80.0, "refer_desc": 50, "refer_reason": 100, "ground_conv": 90, "unreadable": 0}
    )
    assert result.judge is not None
    assert result.judge.startswith("reviews recorded in given.jsonl")
    assert f"--reviews {reviews}" in result.command


def test_the_judge_is_taken_from_the_environment(
    invoke: Callable[..., Result], write_benchmark: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FERRET_JUDGE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("FERRET_JUDGE_MODEL", "some-judge")
    monkeypatch.setenv("FERRET_JUDGE_KEY", "secret")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    words = [*write_benchmark("ferret-bench", tmp_path), "--out", str(tmp_path / "run")]
    failed = invoke(*words, app=front.app)
    assert failed.exit_code == 1
    assert "the judge at http://127.0.0.1:9/v1/chat/completions gave no reply" in failed.stderr
    assert "secret" not in failed.output
    assert len(lines(tmp_path / "run" / "answers.jsonl")) == 3


def test_one_table_over_runs(invoke: Callable[..., Result], write_benchmark: Write, tmp_path: Path) -> None:
    runs = []
    for name in ("refcoco", "pope"):
        runs.append(str(tmp_path / name))
        assert invoke(*write_benchmark(name, tmp_path), "--out", runs[-1]).exit_code == 0
    done = invoke("leaderboard", *runs, "--out", str(tmp_path / "table"))
    assert done.exit_code == 0, done.output
    assert done.stdout == (tmp_path / "table" / "leaderboard.md").read_text(encoding="utf-8")
    assert done.stdout.index("| pope | random | accuracy |") < done.stdout.index("| refcoco | testA | acc@0.5 |")
    assert "Ferret 7B 91.35, Ferret 13B 92.41" in done.stdout
    refused = invoke("leaderboard", str(tmp_path / "none"), app=front.app)
    assert refused.exit_code == 2


def test_a_run_does_not_lie_in_its_data(invoke: Callable[..., Result], write_benchmark: Write, tmp_path: Path) -> None:
    words = write_benchmark("mme", tmp_path)
    refused = invoke(*words, "--out", f"{words[1]}/run", app=front.app)
    assert refused.exit_code == 2
    assert "lies in the data" in refused.stderr


@pytest.mark.parametrize("name", ["lvis", "refcoco", "flickr30k", "pope", "vqa", "captions", "mme", "ferret-bench"])
def test_help_names_what_is_taken_and_what_is_mended(name: str, invoke: Callable[..., Result]) -> None:
    shown = " ".join(invoke(name, "--help").output.split())
    for option in ("--images", "--model", "--out", "--batch"):
        assert option in shown
    assert ("Mended faults" in shown) == (name in {"refcoco", "flickr30k", "pope", "vqa", "ferret-bench"})
