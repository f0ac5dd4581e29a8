"""The doctor tells what is there and how to mend what is not, and never fails itself."""

import json
from typing import Any

import pytest

from agent import doctor


def test_it_looks_at_everything_without_loading_a_model() -> None:
    checks = doctor.examine()
    assert {check.group for check in checks} == {"system", "packages", "devices", "weights"}
    names = {check.name for check in checks}
    assert {"python", "torch", "langgraph", "cpu", "ferret", "detector", "sam", "ocr"} <= names


def test_what_is_missing_comes_with_a_remedy() -> None:
    checks = doctor.examine("no-such-model")
    (ferret,) = [check for check in checks if check.name == "ferret"]
    assert not ferret.good
    assert "no-such-model" in ferret.detail
    assert ferret.remedy
    assert all(check.remedy for check in checks if not check.good)


def test_as_json_is_one_object() -> None:
    told = json.loads(
        doctor.as_json([doctor.Check("system", "python", True, "3.11"), doctor.Check("weights", "x", False, "", "y")])
    )
    assert told["ready"] is False
    assert told["checks"][0] == {"group": "system", "name": "python", "good": True, "detail": "3.11", "remedy": ""}


def test_a_failing_look_is_a_check_that_is_not_good(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Any:
        raise OSError("disk on fire")

    monkeypatch.setattr(doctor, "_packages", broken)
    (failed,) = [check for check in doctor.examine() if check.name == "doctor"]
    assert "disk on fire" in failed.detail
