"""MME: both layouts of its folders, acc, acc+ and the sums."""

from pathlib import Path

import pytest

from ferret.errors import TrainingError
from training.protocols.mme import COGNITION, PERCEPTION, MmeQuestion, read_mme, score_mme
from training.protocols.questions import Benchmark
from training.readers.report import Report

SPLIT = {"artwork", "celebrity", "landmark", "posters", "scene"}
TWO = "Is it? Please answer yes or no.\tYes\nIs it not? Please answer yes or no.\tNo\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two pictures of every kind, in the layout that the kind has."""
    for kind in (*PERCEPTION, *COGNITION):
        texts = tmp_path / kind / ("questions_answers_YN" if kind in SPLIT else "")
        pictures = tmp_path / kind / ("images" if kind in SPLIT else "")
        for place in (texts, pictures):
            place.mkdir(parents=True, exist_ok=True)
        for stem, end in (("0001", ".jpg"), ("0002", ".png")):
            (texts / f"{stem}.txt").write_text(TWO, encoding="utf-8")
            (pictures / f"{stem}{end}").touch()
    return tmp_path


def read(folder: Path, report: Report | None = None) -> Benchmark[MmeQuestion]:
    return read_mme(folder, images=folder, report=report or Report())


def answers(benchmark: Benchmark[MmeQuestion], **changes: list[str]) -> list[str]:
    """The right answers, but for the first ones of the kinds named."""
    said: list[str] = []
    for kind in (*PERCEPTION, *COGNITION):
        right: list[str] = [question.label for question in benchmark.questions if question.kind == kind]
        given = changes.get(kind, [])
        said += given + right[len(given) :]
    return said


def test_all_fourteen_kinds_are_read(folder: Path) -> None:
    benchmark = read(folder)
    assert len(benchmark.questions) == 14 * 4
    assert benchmark.questions[0] == MmeQuestion(
        folder / "existence" / "0001.jpg", "Is it? Please answer yes or no.", kind="existence", label="yes"
    )
    scene = [question for question in benchmark.questions if question.kind == "scene"]
    assert [question.image for question in scene[1:3]] == [
        folder / "scene" / "images" / name for name in ("0001.jpg", "0002.png")
    ]
    assert [question.label for question in scene] == ["yes", "no", "yes", "no"]


def test_all_right(folder: Path) -> None:
    benchmark = read(folder)
    result = score_mme(benchmark, answers(benchmark))
    assert [metric.value for metric in result.metrics[:3]] == [2000, 800, 2800]
    assert [metric.count for metric in result.metrics[:3]] == [40, 16, 56]
    assert result["perception"].published[0].value == 1510.3
    assert len(result.metrics) == 3 + 14 * 3 + 1


@pytest.mark.parametrize(
    ("said", "accuracy", "both", "neither"),
    [
        (["yes", "yes"], 75, 50, 0),
        (["yes", "yes", "yes", "yes"], 50, 0, 0),
        (["no", "no", "no", "yes"], 25, 0, 0),
        (["maybe", ""], 50, 50, 100 * 2 / 56),  # neither is wrong whatever was asked
        (["Yes, it is.", "No."], 100, 100, 0),
    ],
)
def test_a_picture_counts_for_the_plus_when_both_answers_are_right(
    folder: Path, said: list[str], accuracy: float, both: float, neither: float
) -> None:
    benchmark = read(folder)
    result = score_mme(benchmark, answers(benchmark, color=said, code_reasoning=[]))
    assert (result["color acc"].value, result["color acc"].count) == (accuracy, 4)
    assert (result["color acc+"].value, result["color acc+"].count) == (both, 2)
    assert result["color score"].value == accuracy + both
    assert result["perception"].value == 1800 + accuracy + both
    assert result["cognition"].value == 800
    assert result["neither"].value == pytest.approx(neither)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds 0 question"),
        ("Is it?\tYes\n", "holds 1 question"),
        ("Is it?\tYes\n\nWas it?\tYes\n", "one a yes and one a no"),
        (TWO + "Was it?\tNo\n", "holds 3 question"),
        ("Is it? Yes\n", "line 1 is not a question, a tab"),
        ("Is it?\tMaybe\n", "line 1 is not a question, a tab"),
        ("\tYes\n", "line 1 is not a question, a tab"),
    ],
)
def test_a_file_of_questions_that_is_none_is_reported(folder: Path, text: str, message: str) -> None:
    (folder / "OCR" / "0002.txt").write_text(text, encoding="utf-8")
    report = Report()
    assert len(read(folder, report).questions) == 14 * 4 - 2
    (example,) = report.examples
    assert (example.file, example.where) == (folder / "OCR" / "0002.txt", "OCR")
    assert message in example.reason


def test_pictures_may_be_kept_apart(folder: Path) -> None:
    apart = folder.parent / "apart"
    for kind in ("count", "scene"):
        (folder / kind).joinpath("images" if kind in SPLIT else "").mkdir(exist_ok=True)
        (apart / kind).mkdir(parents=True)
        (apart / kind / "0001.png").touch()
    benchmark = read_mme(folder, images=apart, report=Report())
    firsts = {question.kind: question.image for question in reversed(benchmark.questions)}
    assert firsts["count"] == apart / "count" / "0001.png"
    assert firsts["scene"] == apart / "scene" / "0001.png"
    assert firsts["color"] == apart / "color" / "0001.jpg", "it is not there, which shows when it is opened"


def test_a_missing_kind_is_said_to_be(folder: Path) -> None:
    for file in (folder / "existence").iterdir():
        file.unlink()
    with pytest.raises(TrainingError, match="existence' holds no questions"):
        read(folder)
