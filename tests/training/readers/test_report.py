"""The report: everything is counted, only so much is kept, and a fault is told in one line."""

from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from ferret.errors import TrainingError
from training.readers import Malformed, Report

FILE = Path("data/a.json")


class Two(BaseModel):
    a: int
    b: list[int]


def test_a_new_report_has_seen_nothing() -> None:
    assert Report().seen == 0


def test_every_record_is_counted_once() -> None:
    report = Report()
    report.use(3)
    report.use()
    report.leave_out("crowd", 2)
    report.leave_out("crowd")
    report.leave_out("no picture", 0)
    report.refuse(FILE, "[4]", "broken")
    assert (report.used, dict(report.left_out), report.malformed, report.seen) == (4, {"crowd": 3}, 1, 8)


@pytest.mark.parametrize("keep", [0, 1, 3])
def test_all_malformed_records_are_counted_and_the_first_are_kept(keep: int) -> None:
    report = Report(keep=keep)
    for number in range(5):
        report.refuse(FILE, f"line {number + 1}", "broken")
    assert report.malformed == 5
    assert [example.where for example in report.examples] == [f"line {number + 1}" for number in range(keep)]


def test_a_malformed_record_is_told_with_file_place_and_reason() -> None:
    assert str(Malformed(FILE, "line 3", "it has no picture")) == "data/a.json, line 3: it has no picture"


def test_faults_become_one_plain_line() -> None:
    report = Report()
    with pytest.raises(ValidationError) as caught:
        Two.model_validate({"a": "x", "b": [1, "y"]})
    for fault in ("half a corner", TrainingError("box is inverted"), caught.value):
        report.refuse(FILE, "[0]", fault)
    reasons = [example.reason for example in report.examples]
    assert reasons[:2] == ["half a corner", "box is inverted"]
    assert reasons[2].startswith("a: Input should be a valid integer")
    assert reasons[2].endswith("(and 1 more)")
    assert "\n" not in reasons[2]
