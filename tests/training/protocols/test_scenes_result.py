"""The scenes' result in the form of the others: means first, kinds as details, errors counted."""

import pytest

from ferret.errors import TrainingError
from training.protocols.runs import RunResult, Weights
from training.protocols.scenes import scenes_result
from training.scene_evaluation import ASSISTANT, MODEL, EvaluationSettings, Record

SETTINGS = EvaluationSettings(name="nano", questions=2, arts=("train",))


def record(number: int, column: str, kind: str, score: float, status: str = "answered") -> Record:
    return Record(
        id=str(number), art="train", column=column, kind=kind, question="?", answer="", status=status, confidence=1.0,
        score=score, seconds=0.5,
    )  # fmt: skip


RECORDS = [
    record(1, MODEL, "exist", 1.0),
    record(2, MODEL, "exist", 0.0),
    record(3, MODEL, "count", 1.0),
    record(4, ASSISTANT, "read", 0.25, status="error"),
]


def of(records: list[Record], settings: EvaluationSettings = SETTINGS) -> RunResult:
    weights = Weights("nano", "0123456789ab", lambda: pytest.fail("loaded"))
    return scenes_result(settings, records, weights=weights, device="cpu", command="ferret evaluate scenes")


def test_means_of_kinds_come_first() -> None:
    result = of(RECORDS)
    assert [(metric.name, metric.value, metric.count, metric.detail) for metric in result.metrics] == [
        ("model alone, art of train: mean of 2 kinds", 75, 3, False),
        ("whole assistant, art of train: mean of 1 kinds", 25, 1, False),
        ("model alone, art of train: exist", 50, 2, True),
        ("model alone, art of train: count", 100, 1, True),
        ("whole assistant, art of train: read a sign, exact", 25, 1, True),
    ]
    assert (result.benchmark, result.split, result.questions, result.answered) == ("scenes", "train", 4, 4)
    assert result.seconds == 2
    assert result.parsing_faults["an error and no answer"].first == ["4"]


def test_other_scenes_have_another_hash() -> None:
    other = EvaluationSettings(name="nano", questions=3, arts=("train",))
    assert of(RECORDS).data == of(RECORDS).data != of(RECORDS, other).data


def test_no_record_is_no_result() -> None:
    with pytest.raises(TrainingError, match="nothing was asked"):
        of([])
