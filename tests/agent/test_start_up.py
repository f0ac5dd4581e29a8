"""A cold `ferret ask`: what it does not spend time on, and what it still owes to whoever waits for it."""

import gc
import json
import os
import resource
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from agent.start_up import THREADS, single_answer

# Libraries that other questions or commands need, and this one does not.
UNUSED = "easyocr matplotlib onnxruntime pandas peft rapidocr segment_anything sklearn supervision tensorboard training"
REFER = ["What is this?", "--region", "box:158,282,274,376"]


@pytest.mark.parametrize("collecting", [True, False])
@pytest.mark.parametrize(
    ("small", "given", "inside"), [(True, None, "1"), (True, "3", "3"), (False, None, None), (False, "3", "3")]
)
def test_collector_and_threads_are_as_before_afterwards(
    monkeypatch: pytest.MonkeyPatch, collecting: bool, small: bool, given: str | None, inside: str | None
) -> None:
    monkeypatch.delenv(THREADS, raising=False)
    if given is not None:
        monkeypatch.setenv(THREADS, given)
    (gc.enable if collecting else gc.disable)()
    try:
        with suppress(ZeroDivisionError), single_answer(small):
            assert not gc.isenabled()
            assert os.environ.get(THREADS) == inside
            raise ZeroDivisionError
        assert gc.isenabled() is collecting
        assert os.environ.get(THREADS) == given
    finally:
        gc.enable()


def run(code: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs code in a new process whose environment leaves the threads open."""
    everything = {name: value for name, value in os.environ.items() if name != THREADS} | environment
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=everything)


def test_the_end_is_orderly() -> None:
    code = """
import atexit, sys
from agent.start_up import end_process
atexit.register(lambda: sys.stdout.write(" cleaned up"))
sys.stdout.write("answered")
sys.stderr.write("told")
try:
    end_process()
finally:
    sys.stdout.write(" went on")
"""
    done = run(code)
    assert (done.returncode, done.stdout, done.stderr) == (0, "answered cleaned up", "told")


def test_what_cannot_be_written_is_no_success() -> None:
    code = "import sys\nfrom agent.start_up import end_process\nsys.stdout.write('answered')\nend_process()"
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([sys.executable, "-c", code], stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode != 0
    assert b"No space left" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("as_json", [False, True])
def test_a_cold_question_loads_what_it_needs_and_no_more(demo_picture: Path, as_json: bool) -> None:
    code = f"""
import atexit, gc, json, sys
def tell():
    import torch
    facts = {{"full": gc.get_stats()[2]["collections"], "threads": torch.get_num_threads()}}
    facts["unused"] = sorted(set({UNUSED.split()!r}) & sys.modules.keys())
    print(json.dumps(facts), file=sys.stderr)
atexit.register(tell)
from agent.cli import main
main()
sys.stderr.write("went on")
"""
    done = run(code, "ask", REFER[0], str(demo_picture), *REFER[1:], *(["--json"] if as_json else []))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stderr.splitlines()[-1]) == {"full": 0, "threads": 1, "unused": []}
    text = json.loads(done.stdout)["text"] if as_json else done.stdout.splitlines()[0]
    assert "dog" in text


@pytest.mark.slow
def test_a_thread_asked_in_processes_of_its_own_is_kept_and_closed(demo_picture: Path, tmp_path: Path) -> None:
    code = "from agent.cli import main\nmain()"
    first = run(code, "ask", "Where is the dog?", str(demo_picture), "--thread", "walk", FERRET_HOME=str(tmp_path))
    assert first.returncode == 0, first.stderr
    assert [path.name for path in tmp_path.glob("threads.sqlite*")] == ["threads.sqlite"]
    second = run(code, "ask", "And the bicycle?", "--thread", "walk", FERRET_HOME=str(tmp_path))
    assert second.returncode == 0, second.stderr
    assert "bicycle" in second.stdout


def processor_seconds(*command: str) -> float:
    """Seconds of processor time that a command takes, which depend little on what else the machine does."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


@pytest.mark.slow
def test_a_cold_question_takes_at_most_four_times_the_import_of_torch(demo_picture: Path) -> None:
    ask = [sys.executable, "-m", "agent.cli", "ask", REFER[0], str(demo_picture), *REFER[1:]]
    pairs = [(processor_seconds(*ask), processor_seconds(sys.executable, "-c", "import torch")) for _ in range(3)]
    asked, imported = (min(seconds) for seconds in zip(*pairs, strict=True))
    assert asked <= 4 * imported, f"{asked:.2f} s against {imported:.2f} s"
