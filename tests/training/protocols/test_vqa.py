"""VQA accuracy: the form in which answers are compared, the score, and the two files."""

import json
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferret.errors import TrainingError
from training.protocols.questions import Benchmark
from training.protocols.vqa import VqaQuestion, plain_answer, read_vqa, score_vqa, vqa_accuracy
from training.readers.report import Report

TEN = ["2"] * 2 + ["two"] + ["3"] * 7


@pytest.mark.parametrize(
    ("answer", "plain"),
    [
        ("", ""),
        ("the", ""),
        ("Yes", "yes"),
        (" Yes.\n", "yes"),
        ("A red\tcar", "red car"),
        ("the man's hat", "man's hat"),
        ("Two", "2"),
        ("none", "0"),
        ("twenty two", "twenty 2"),
        ("dont", "don't"),
        ("couldnt've", "couldn't've"),
        ("Im", "im"),
        ("2.5", "2.5"),
        ("U.S.", "us"),
        (".5", ".5"),
        ("2:50 pm", "2:50 pm"),
        ("100,978", "100978"),
        ("red,blue", "red blue"),
        ("red, blue", "red blue"),
        ("t-shirt", "t shirt"),
        ("black/white", "black white"),
        ("1,000 t-shirts", "1000 tshirts"),  # a comma between digits closes up every mark of the answer
        ("what?!", "what"),
    ],
)
def test_plain_answers(answer: str, plain: str) -> None:
    assert plain_answer(answer) == plain


@pytest.mark.parametrize(
    ("answer", "people", "score"),
    [
        ("4", TEN, 0.0),
        ("3", TEN, 1.0),
        ("2", TEN, 0.9),  # three agree: 7 times all three are left, 3 times two of them
        ("TWO.", TEN, 0.9),
        ("a", ["a dog"] * 10, 0.0),
        ("cat", ["cat"] + ["dog"] * 9, 0.3),
        ("cat", ["cat"] * 2 + ["dog"] * 8, 0.6),
        ("cat", ["cat"] * 4 + ["dog"] * 6, 1.0),
        ("Yes", ["yes"] * 10, 1.0),
    ],
)
def test_accuracy_of_one_answer(answer: str, people: list[str], score: float) -> None:
    assert vqa_accuracy(answer, people) == pytest.approx(score)


@given(st.lists(st.sampled_from(["cat", "dog"]), min_size=2, max_size=10))
def test_the_score_is_the_mean_over_all_ways_to_leave_one_out(people: list[str]) -> None:
    subsets = list(combinations(people, len(people) - 1))
    mean = sum(min(subset.count("cat") / 3, 1) for subset in subsets) / len(subsets)
    assert vqa_accuracy("cat", people) == pytest.approx(mean)


def test_one_person_is_too_few() -> None:
    with pytest.raises(ValueError, match="none would remain"):
        vqa_accuracy("cat", ["cat"])


def write(folder: Path, **changes: Any) -> tuple[Path, Path]:
    questions = [
        {"image_id": 262148, "question": "How many?", "question_id": 262148000},
        {"image_id": 9, "question": "Is it red?", "question_id": 9001},
    ]
    annotations = [
        {"question_id": 9001, "image_id": 9, "question_type": "is it", "answer_type": "yes/no",
         "multiple_choice_answer": "yes",
         "answers": [{"answer": "yes", "answer_confidence": "yes", "answer_id": n} for n in range(1, 11)]},
        {"question_id": 262148000, "image_id": 262148, "question_type": "how many", "answer_type": "number",
         "answers": [{"answer": answer, "answer_confidence": "maybe", "answer_id": 1} for answer in TEN]},
    ]  # fmt: skip
    tables = {"questions": questions, "annotations": annotations} | changes
    asked, answered = folder / "v2_OpenEnded_mscoco_val2014_questions.json", folder / "annotations.json"
    asked.write_text(json.dumps({"data_subtype": "val2014", "questions": tables["questions"]}), encoding="utf-8")
    answered.write_text(json.dumps({"annotations": tables["annotations"]}), encoding="utf-8")
    return asked, answered


def read(folder: Path, report: Report | None = None, **changes: Any) -> Benchmark[VqaQuestion]:
    return read_vqa(*write(folder, **changes), images=Path("val2014"), report=report or Report())


def test_questions_and_annotations_are_joined(tmp_path: Path) -> None:
    benchmark = read(tmp_path)
    question = benchmark.questions[0]
    assert benchmark.split == "val2014"
    assert question.image == Path("val2014/COCO_val2014_000000262148.jpg")
    assert question.text == "How many?\nAnswer the question using a single word or phrase."
    assert question.people == tuple(TEN)


def test_scores_by_type(tmp_path: Path) -> None:
    result = score_vqa(read(tmp_path), ["two", "no"])
    assert {metric.name: metric.value for metric in result.metrics} == pytest.approx(
        {"accuracy": 45, "number": 90, "yes/no": 0}
    )
    assert [metric.count for metric in result.metrics] == [2, 1, 1]


BAD = {"question_id": 1, "answer_type": "other", "answers": []}
ASKED = {"image_id": 9, "question": "Is it red?", "question_id": 9001}


@pytest.mark.parametrize(
    ("changes", "places", "reason"),
    [
        ({"questions": [ASKED]}, ["annotations, question 262148000"], "is not asked in v2_"),
        ({"questions": [ASKED, ASKED]}, ["questions[1]", "annotations, question 262148000"], "no sound answers to"),
        (
            {"questions": [ASKED | {"image_id": -1}, ASKED]},
            ["questions[0]", "annotations, question 262148000"],
            "image_id",
        ),
    ],
)
def test_what_does_not_go_together_is_reported(
    tmp_path: Path, changes: dict[str, Any], places: list[str], reason: str
) -> None:
    report = Report()
    assert len(read(tmp_path, report, **changes).questions) == 1
    assert [example.where for example in report.examples] == places
    assert reason in report.examples[0].reason


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"annotations": []},
            r"none of the 2 records .*questions\[0\]: annotations.json has no sound answers to question",
        ),
        ({"questions": []}, "question 9001: is not asked"),
        ({"questions": [], "annotations": []}, "holds no questions"),
        ({"annotations": [BAD]}, r"annotations\[0\]: answers: List should have"),
        ({"questions": None}, "questions: Input should be a valid list"),
    ],
)
def test_files_of_different_splits_are_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(TrainingError, match=message):
        read(tmp_path, **changes)
