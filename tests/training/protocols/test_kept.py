"""Files that outlive a kill: the torn last line goes, whole lines stay, small files are old or new."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferret.errors import TrainingError
from training.protocols.kept import add_lines, whole_lines, write_whole


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"", []),
        (b"torn", []),
        (b"\n", [""]),
        (b"one\n", ["one"]),
        (b"one\ntw", ["one"]),
        (b"one\n\xe2\x80", ["one"]),  # torn within a character
        ("one\u2028more\ntwo\n".encode(), ["one\u2028more", "two"]),
    ],
)
def test_a_torn_line_is_cut_off_for_good(tmp_path: Path, content: bytes, lines: list[str]) -> None:
    path = tmp_path / "lines"
    path.write_bytes(content)
    assert whole_lines(path) == lines
    add_lines(path, ["new"])
    assert whole_lines(path) == [*lines, "new"]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n"))), st.integers(0, 200))
def test_of_a_file_cut_anywhere_the_whole_lines_are_left(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], cut: int
) -> None:
    path = tmp_path_factory.mktemp("cut") / "lines"
    add_lines(path, lines)
    left = path.read_bytes()[:cut]
    path.write_bytes(left)
    assert whole_lines(path) == lines[: left.count(b"\n")]


def test_no_file_has_no_lines(tmp_path: Path) -> None:
    assert whole_lines(tmp_path / "none") == []


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bytes").write_bytes(b"\xff\n")
    with pytest.raises(TrainingError, match="not text in UTF-8"):
        whole_lines(tmp_path / "bytes")
    with pytest.raises(TrainingError, match="cannot read"):
        whole_lines(tmp_path)
    with pytest.raises(TrainingError, match="cannot write"):
        add_lines(tmp_path, ["line"])


def test_a_small_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file.json"
    for text in ("one", "two"):
        write_whole(path, text)
        assert [file.name for file in path.parent.iterdir()] == ["file.json"]
        assert path.read_text(encoding="utf-8") == text
    with pytest.raises(TrainingError, match="cannot write"):
        write_whole(path / "below", "text")
