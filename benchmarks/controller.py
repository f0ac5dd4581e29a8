"""What the controller costs beyond the models, and how one and many threads fare: python benchmarks/controller.py

The controller alone: the instruments and Ferret answer from what they said the first time, so that what is left is the
graph, its checkpoints and the record of turns. Seconds are a property of the machine and of its mood; the processor
time beside them is less so. The threads: the embedded weights at work, each thread on a picture of its own, in a
process of its own for the peak of its memory.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from measure import report
from PIL import Image

from agent.assistant import VisionAgent
from agent.instruments import Instruments
from agent.looks import Looks

PICTURE = Path(__file__).resolve().parent.parent / "examples" / "pictures" / "scene.png"
QUESTIONS = ("Where is the dog?", "How many apples are there?", "Is there a cat?")


class Replay:
    """An instrument that does its work once for each request, and repeats itself from then on. It tells pictures, which
    are parts of one, by their size and a few pixels: to hash them whole would cost a tenth of a turn.
    """

    def __init__(self, real: Any) -> None:
        self._real = real
        self._said: dict[tuple[object, ...], Any] = {}

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._real, name)
        if name not in {"detect", "read", "segment", "answer", "score"}:
            return found

        def say(image: Image.Image, *request: Any, **options: Any) -> Any:
            few = image.resize((12, 12), Image.Resampling.NEAREST).tobytes()
            key = (name, image.size, few, f"{request} {options}")
            if key not in self._said:
                self._said[key] = found(image, *request, **options)
            return self._said[key]

        return say


def percentile(values: Sequence[float], share: float) -> float:
    """The value that this share of them does not exceed."""
    return sorted(values)[min(int(share * len(values)), len(values) - 1)]


def timed(call: Callable[[], object], rounds: int) -> tuple[list[float], float]:
    """Milliseconds of each call, and processor milliseconds of one on average."""
    call()
    taken, processor = [], time.process_time()
    for _ in range(rounds):
        begun = time.perf_counter()
        call()
        taken.append(1000 * (time.perf_counter() - begun))
    return taken, 1000 * (time.process_time() - processor) / rounds


def controller_alone(rounds: int) -> None:
    """The cost of a turn when models and tools take no time."""
    real = Instruments()
    parts = {name: Replay(real.ready(name)) for name in ("ferret", "detector", "ocr", "sam")}
    picture = Image.open(PICTURE).convert("RGB")
    with tempfile.TemporaryDirectory() as folder:
        loaders: dict[str, Callable[[], Any]] = {name: partial(parts.get, name) for name in parts}
        agent = VisionAgent(instruments=Instruments(loaders=loaders), folder=folder)
        agent.looks = Looks(remembered=0)
        chat = agent.thread("one")
        agent.ask(QUESTIONS[0], picture)
        chat.ask(QUESTIONS[0], picture)
        for name, call in (
            ("a turn of a thread in SQLite", lambda: chat.ask(QUESTIONS[0])),
            ("a single question", lambda: agent.ask(QUESTIONS[0], picture)),
        ):
            taken, processor = timed(call, rounds)
            report(
                "python benchmarks/controller.py",
                f"controller alone, {name}: {statistics.median(taken):.1f} ms (p95 {percentile(taken, 0.95):.1f} ms, "
                f"fastest {min(taken):.1f} ms), {processor:.1f} ms of processor time",
            )
        agent.threads.close()


def at_work(threads: int, turns: int) -> dict[str, float]:
    """Latency of turns with the embedded weights, so many threads at once; for a process of its own."""
    whole = Image.open(PICTURE).convert("RGB")
    # Another part of the scene for every turn, so that every turn has to look.
    parts = [(k % 64, k // 64, whole.width - 64 + k % 64, whole.height - 32 + k // 64) for k in range(threads * turns)]
    taken: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        agent = VisionAgent(folder=folder)
        agent.ask(QUESTIONS[0], whole)
        ready = threading.Barrier(threads)

        def talk(number: int) -> None:
            chat = agent.thread(f"thread {number}")
            ready.wait()
            for turn in range(turns):
                begun = time.perf_counter()
                chat.ask(QUESTIONS[turn % len(QUESTIONS)], whole.crop(parts[number * turns + turn]))
                taken.append(time.perf_counter() - begun)

        running = [threading.Thread(target=talk, args=(number,)) for number in range(threads)]
        begun = time.perf_counter()
        for one in running:
            one.start()
        for one in running:
            one.join()
        seconds = time.perf_counter() - begun
        agent.threads.close()
    return {
        "p50": percentile(taken, 0.5),
        "p95": percentile(taken, 0.95),
        "rate": len(taken) / seconds,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "turns": len(taken),
    }


def main() -> None:
    """Measure and print the table lines."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=40)
    options.add_argument("--threads", type=int, nargs="+", default=[1, 32])
    options.add_argument("--turns", type=int, default=6, help="of each thread")
    options.add_argument("--at-work", type=int, help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.at_work:
        print(json.dumps(at_work(chosen.at_work, chosen.turns)))
        return
    controller_alone(chosen.rounds)
    for threads in chosen.threads:
        command = [sys.executable, __file__, "--at-work", str(threads), "--turns", str(chosen.turns)]
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        report(
            "python benchmarks/controller.py",
            f"{threads} thread{'s' * (threads > 1)} with the embedded weights: p50 {found['p50']:.2f} s, "
            f"p95 {found['p95']:.2f} s a turn, {found['rate']:.1f} turns a second, peak memory {found['peak']:.0f} MiB",
        )


if __name__ == "__main__":
    main()
