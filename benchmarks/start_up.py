"""How long a cold `ferret ask` takes, as a multiple of a bare `import torch`: python benchmarks/start_up.py

Every run is a new process. The aim is at most four times; `ferret --help`, which needs no torch, is measured beside it.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from measure import compare, report

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "examples" / "pictures" / "scene.png"
FERRET = Path(sys.executable).with_name("ferret")


def main() -> None:
    """Measure and print the table lines."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=5)
    rounds = options.parse_args().rounds

    with tempfile.TemporaryDirectory() as home:
        environment = os.environ | {"FERRET_HOME": home}

        def run(*words: str | Path) -> None:
            subprocess.run(words, check=True, capture_output=True, env=environment)

        def import_torch() -> None:
            run(sys.executable, "-c", "import torch")

        def ask() -> None:
            run(FERRET, "ask", "What is this?", PICTURE, "--region", "box:158,282,274,376", "--json")

        def show_help() -> None:
            run(FERRET, "--help")

        for name, command in (("ferret ask", ask), ("ferret --help", show_help)):
            took = compare(command, import_torch, rounds)
            report(
                "python benchmarks/start_up.py",
                f"cold `{name}` is {took.ratio:.2f} times `import torch` ({took.lowest:.2f} to {took.highest:.2f} in "
                f"{rounds} rounds; {took.first:.2f} s and {took.second:.2f} s)",
            )


if __name__ == "__main__":
    main()
