"""Processes die in the middle of turns; the threads that they leave behind end as if nothing had happened."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

DRIVER = Path(__file__).with_name("dying.py")
ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="module")
def dying() -> ModuleType:
    """The driver as a module, for its conversations."""
    spec = importlib.util.spec_from_file_location("dying", DRIVER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def check(dying: ModuleType, tmp_path: Path, database: str | None, **plan: Any) -> int:
    """Lets processes die, and compares every thread with an undisturbed one; returns how many died."""
    told = {"folder": str(tmp_path / "state"), "database": database, "seed": 7, "at_once": 3, "longest": 0.6}
    (tmp_path / "plan.json").write_text(json.dumps(told | plan))
    command: list[str | Path] = [sys.executable, DRIVER, tmp_path / "plan.json"]
    ran = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)})
    assert ran.returncode == 0, ran.stderr
    result = json.loads(ran.stdout.splitlines()[-1])
    for number in range(result["threads"]):
        conversation = dying.Conversation(number)
        undisturbed, disturbed = (
            conversation.agent(folder, where)
            for folder, where in ((tmp_path / "calm", None), (tmp_path / "state", database))
        )
        conversation.go_on(undisturbed)
        expected = dying.told(undisturbed.thread(conversation.name).turns())
        assert [turn[1] for turn in expected] == conversation.questions
        assert dying.told(disturbed.thread(conversation.name).turns()) == expected
        assert disturbed.thread(conversation.name).resume() is None
        undisturbed.threads.close()
        disturbed.threads.close()
    return int(result["killed"])


def test_a_turn_cut_off_at_a_random_moment_is_finished(
    dying: ModuleType, tmp_path: Path, database: str | None
) -> None:
    assert check(dying, tmp_path, database, lives=8, threads=2, at_once=2, at_writes=False) == 8


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_two_hundred_turns_cut_off_at_random_moments_are_finished(
    dying: ModuleType, tmp_path: Path, database: str | None
) -> None:
    assert check(dying, tmp_path, database, lives=200, threads=6, at_writes=False) == 200


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_a_turn_cut_off_at_any_write_is_finished(dying: ModuleType, tmp_path: Path, database: str | None) -> None:
    """Before and after every write of a turn, and of one that was cut off before, each three times over."""
    assert check(dying, tmp_path, database, lives=96, threads=1, at_once=1, at_writes=True) == 96
