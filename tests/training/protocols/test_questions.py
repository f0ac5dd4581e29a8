"""Reading benchmark files: whole, or with a message that names file and place."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ferret.errors import TrainingError
from training.protocols.questions import Benchmark, Question, Record, picture_path, read_json, read_lines

ASKED = (Question(Path("a.png"), "What?"), Question(Path("b.png"), "Where?"))


class Row(Record):
    name: str
    width: int


def test_a_benchmark_without_questions_is_none() -> None:
    with pytest.raises(TrainingError, match="pope random holds no questions"):
        Benchmark("pope", "random", ())


@pytest.mark.parametrize("answers", [[], ["one"], ["one", "two", "three"]])
def test_every_question_has_one_answer(answers: list[str]) -> None:
    with pytest.raises(TrainingError, match=rf"2 question\(s\) but {len(answers)} answer"):
        Benchmark("pope", "random", ASKED).answered(answers)


def test_answers_go_with_questions_in_order() -> None:
    assert Benchmark("pope", "random", ASKED).answered(["", "here"]) == [(ASKED[0], ""), (ASKED[1], "here")]


def test_lines_are_records_with_their_places(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text('\ufeff{"name": "a", "width": "500", "more": 1}\n\n{"name": "b", "width": 2}\n', encoding="utf-8")
    assert [(where.rpartition(", ")[2], row.name, row.width) for where, row in read_lines(file, Row)] == [
        ("line 1", "a", 500),
        ("line 3", "b", 2),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "line 1: not JSON"),
        (b"\xff", "line 1: not JSON in UTF-8"),
        (b'{"name": "a", "width": 1}\n[]', "line 2: Input should be a valid dict"),
        (b'{"name": "a"}', "line 1: width: Field required"),
        (b'{"name": "a", "width": "wide"}', "line 1: width: Input should be a valid integer"),
        (b"[" * 100_000, "line 1: not JSON"),
    ],
)
def test_a_malformed_line_stops_the_reading(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_bytes(content)
    with pytest.raises(TrainingError, match=message):
        list(read_lines(file, Row))


@pytest.mark.parametrize("read", [lambda path: read_json(path, Row), lambda path: list(read_lines(path, Row))])
def test_a_missing_file_is_said_to_be(tmp_path: Path, read: Callable[[Path], object]) -> None:
    with pytest.raises(TrainingError, match=r"cannot read .*none\.json"):
        read(tmp_path / "none.json")


@pytest.mark.parametrize("name", ["", " ", "/etc/passwd", "../a.png", "a/../../b.png", "a\0.png"])
def test_pictures_stay_in_their_folder(name: str) -> None:
    with pytest.raises(TrainingError, match="here: picture"):
        picture_path(Path("images"), name, "here")


def test_pictures_may_lie_in_folders_of_the_folder() -> None:
    assert picture_path(Path("images"), "val/a.png", "here") == Path("images/val/a.png")
