"""`make demo` says what it should: answers to all of its questions, and an overlay picture."""

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image


@pytest.mark.slow
def test_the_demo_answers_and_draws(repo_root: Path, demo_picture: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(repo_root / "examples" / "demo.py")],
        cwd=tmp_path, capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    questions = [line for line in done.stdout.splitlines() if line.startswith("> ")]
    statuses = [line for line in done.stdout.splitlines() if line.startswith("  ") and line.endswith(" s]")]
    assert len(questions) == len(statuses) >= 5
    assert sum("[answered" in line for line in statuses) >= len(statuses) - 2
    with Image.open(tmp_path / "overlay.png") as overlay, Image.open(demo_picture) as picture:
        assert overlay.width >= picture.width
        assert overlay.height >= picture.height
