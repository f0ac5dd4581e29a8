"""Benchmarks: questions that there are, one answer for each, and names of files that tell the split."""

import re
from pathlib import Path

import pytest

from ferret.errors import TrainingError
from training.protocols.questions import Benchmark, Question, gathered, named_split
from training.readers.report import Report

ASKED = (Question(Path("a.png"), "What?"), Question(Path("b.png"), "Where?"))


def test_a_benchmark_without_questions_is_none() -> None:
    with pytest.raises(TrainingError, match="pope random holds no questions"):
        Benchmark("pope", "random", ())
    with pytest.raises(TrainingError, match="pope random holds no questions"):
        gathered("pope", "random", (), Report())


def test_why_nothing_can_be_asked_is_said() -> None:
    report = Report()
    report.refuse(Path("a.json"), "line 1", "broken")
    report.refuse(Path("a.json"), "line 2", "broken as well")
    with pytest.raises(TrainingError, match=r"none of the 2 records of pope random .* a\.json, line 1: broken$"):
        gathered("pope", "random", (), report)
    assert gathered("pope", "random", ASKED, report).questions == ASKED


@pytest.mark.parametrize("answers", [[], ["one"], ["one", "two", "three"]])
def test_every_question_has_one_answer(answers: list[str]) -> None:
    with pytest.raises(TrainingError, match=rf"2 question\(s\) but {len(answers)} answer"):
        Benchmark("pope", "random", ASKED).answered(answers)


def test_answers_go_with_questions_in_order() -> None:
    assert Benchmark("pope", "random", ASKED).answered(["", "here"]) == [(ASKED[0], ""), (ASKED[1], "here")]


def test_a_file_name_tells_the_split_or_is_refused() -> None:
    pattern = re.compile(r"pope_(\w+)\.json")
    assert named_split(Path("data/pope_random.json"), pattern, "POPE", "another")[1] == "random"
    with pytest.raises(TrainingError, match=r"'pope_random\.json\.gz' names no split of POPE: give another"):
        named_split(Path("pope_random.json.gz"), pattern, "POPE", "another")
