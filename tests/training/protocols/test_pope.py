"""POPE: the questions of a file and the five shares of its answers."""

import json
from pathlib import Path

import pytest

from ferret.errors import TrainingError
from training.protocols.pope import PopeQuestion, read_pope, score_pope
from training.protocols.questions import Benchmark
from training.readers.report import Report

LABELS = ["yes", "yes", "no", "no"]


@pytest.fixture
def benchmark(tmp_path: Path) -> Benchmark[PopeQuestion]:
    rows = [
        {"question_id": number, "image": "COCO_val2014_000000310196.jpg", "text": "Is there a snowboard in the image?",
         "label": label}
        for number, label in enumerate(LABELS, 1)
    ]  # fmt: skip
    file = tmp_path / "coco_pope_random.json"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return read_pope(file, images=Path("val2014"), report=Report())


def test_questions_are_asked_as_they_stand(benchmark: Benchmark[PopeQuestion]) -> None:
    assert (benchmark.name, benchmark.split) == ("pope", "random")
    question = benchmark.questions[2]
    assert (question.text, question.label) == ("Is there a snowboard in the image?", "no")
    assert question.image == Path("val2014/COCO_val2014_000000310196.jpg")


@pytest.mark.parametrize(
    ("answers", "accuracy", "precision", "recall", "f1", "yes", "neither"),
    [
        (["yes", "Yes.", "no", "No."], 100, 100, 100, 100, 50, 0),
        (["no", "no", "no", "no"], 50, 0, 0, 0, 0, 0),
        (["yes", "yes", "yes", "yes"], 50, 50, 100, 200 / 3, 100, 0),
        (["", "a dog", "nope", "no"], 75, 200 / 3, 100, 80, 75, 75),  # what says neither counts as a yes
        (["no", "yes", "yes", "no"], 50, 50, 50, 50, 50, 0),
    ],
)
def test_scores(
    benchmark: Benchmark[PopeQuestion],
    answers: list[str],
    accuracy: float,
    precision: float,
    recall: float,
    f1: float,
    yes: float,
    neither: float,
) -> None:
    result = score_pope(benchmark, answers)
    found = {metric.name: metric.value for metric in result.metrics}
    assert found == pytest.approx(
        {"accuracy": accuracy, "precision": precision, "recall": recall, "F1": f1, "yes": yes, "neither": neither}
    )
    assert result["recall"].count == 2
    assert result["accuracy"].published[0].value == 90.24


@pytest.mark.parametrize("name", ["aokvqa_pope_random.json", "coco_pope_odd.json", "pope.json"])
def test_a_file_of_another_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(TrainingError, match="names no split of POPE"):
        read_pope(tmp_path / name, images=tmp_path, report=Report())


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"image": "a.jpg", "text": "Is there?", "label": "maybe"}', "label: Input should be 'yes' or 'no'"),
        ('{"image": "/a.jpg", "text": "Is there?", "label": "no"}', "not a path inside the folder"),
        ('{"image": "a.jpg", "text": " ", "label": "no"}', "text: String should have at least 1 character"),
        ('{"image": "a.jpg", "text": "\\ud800", "label": "no"}', "text: "),
        ('{"image": "a.jpg"', "not JSON"),
        ("[]", "Input should be a valid dictionary"),
    ],
)
def test_a_line_that_breaks_the_format_is_reported(tmp_path: Path, line: str, reason: str) -> None:
    file = tmp_path / "coco_pope_popular.json"
    file.write_text(f'{line}\n{{"image": "a.jpg", "text": "Is there?", "label": "no"}}\n', encoding="utf-8")
    report = Report()
    assert len(read_pope(file, images=tmp_path, report=report).questions) == 1
    assert report.examples[0].where == "line 1"
    assert reason in report.examples[0].reason
