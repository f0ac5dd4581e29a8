"""What the benchmarks share: two things timed in turn within one run, and a line for docs/history.md.

Seconds are a property of the machine and of its mood; the ratio of two things measured alternately on it is not, or
much less so. Nothing is asserted here: a benchmark measures, the reader judges.
"""

import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True)
class Ratio:
    """Median seconds of two things, and the median over the rounds of first over second."""

    first: float
    second: float
    ratio: float
    lowest: float
    highest: float


def compare(first: Callable[[], object], second: Callable[[], object], rounds: int) -> Ratio:
    """Run both once unmeasured, then in turn for `rounds` rounds; whatever slows the machine down slows both."""
    first(), second()
    pairs = [(seconds(first), seconds(second)) for _ in range(rounds)]
    ratios = sorted(one / other for one, other in pairs)
    return Ratio(
        first=statistics.median(one for one, _ in pairs),
        second=statistics.median(other for _, other in pairs),
        ratio=statistics.median(ratios),
        lowest=ratios[0],
        highest=ratios[-1],
    )


def seconds(call: Callable[[], object]) -> float:
    """Wall-clock seconds of one call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def hardware() -> str:
    """The processor and how many of its cores this process may use."""
    name = platform.processor() or platform.machine()
    described = Path("/proc/cpuinfo")  # Linux; platform.processor() is empty there
    if described.exists():
        lines = described.read_text(encoding="utf-8").splitlines()
        name = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), name)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{name}, {cores} cores"


def report(command: str, figures: str) -> None:
    """Print one line of the speed table of docs/history.md."""
    print(f"| {datetime.now(UTC).date()} | {hardware()} | `{command}` | {figures} |", flush=True)
