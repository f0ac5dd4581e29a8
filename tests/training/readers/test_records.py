"""Files and records: what cannot be read raises, what is malformed is reported with its place."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferret.errors import TrainingError
from training.readers import READERS, Reader, Report, Sample
from training.readers.records import box_on_image, end_of_url, inside_folder, read_records, record_rng

Write = Callable[[str, Any], Path]
Read = Callable[..., tuple[list[Sample], Report]]

# VQA names its files; every other reader takes any name.
FILES = {name: "v2_OpenEnded_mscoco_val2014_questions.json" if name == "vqa" else "file.json" for name in READERS}


def test_every_reader_has_its_name_and_a_summary_of_one_line() -> None:
    assert all(isinstance(reader, Reader) and reader.name == name for name, reader in READERS.items())
    assert all(reader.summary and "\n" not in reader.summary for reader in READERS.values())


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff\xfe{}", b"3", b'"text"', b"null", b'{"images": {}, "annotations": [], "categories": []}'],
    ids=["empty", "cut off", "not UTF-8", "number", "text", "null", "table that is none"],
)
def test_a_file_of_another_kind_is_an_error(name: str, content: bytes, write: Write, read: Read) -> None:
    write("image_data.json", [])
    with pytest.raises(TrainingError, match="JSON"):
        read(name, write(FILES[name], content))


@pytest.mark.parametrize("name", READERS)
def test_a_file_that_is_missing_or_a_folder_is_an_error(name: str, tmp_path: Path, read: Read) -> None:
    with pytest.raises(TrainingError, match="cannot read"):
        read(name, tmp_path / FILES[name])
    (tmp_path / FILES[name]).mkdir()
    with pytest.raises(TrainingError, match="cannot read"):
        read(name, tmp_path / FILES[name])


@pytest.mark.parametrize("name", ["ferret", "llava"])
def test_a_missing_file_of_lines_is_an_error(name: str, tmp_path: Path, read: Read) -> None:
    with pytest.raises(TrainingError, match="cannot read"):
        read(name, tmp_path / "none.jsonl")


def test_lines_are_numbered_from_one_and_bad_ones_are_passed_over(write: Write) -> None:
    path = write("a.jsonl", b'\xef\xbb\xbf{"a": 1}\n\n  \nnot json\n\xff\n[2]\r\n{"a"')
    report = Report()
    assert list(read_records(path, report)) == [(1, "line 1", {"a": 1}), (6, "line 6", [2])]
    assert [(example.where, example.file) for example in report.examples] == [
        (f"line {number}", path) for number in (4, 5, 7)
    ]


def test_lines_are_streamed(write: Write) -> None:
    path = write("a.jsonl", '{"a": 1}\nbroken\n')
    report = Report()
    next(read_records(path, report))
    assert report.seen == 0


def test_nesting_beyond_measure_is_malformed_and_not_a_crash(write: Write) -> None:
    deep = "[" * 200_000 + "]" * 200_000
    report = Report()
    assert list(read_records(write("a.jsonl", f"{deep}\n1\n"), report)) == [(2, "line 2", 1)]
    assert report.malformed == 1
    with pytest.raises(TrainingError):
        list(read_records(write("a.json", deep), report))


@pytest.mark.parametrize("name", ["", " ", "/etc/a.jpg", "../a.jpg", "a/../../b.jpg", "a\0.jpg"])
def test_pictures_stay_inside_their_folder(name: str) -> None:
    with pytest.raises(TrainingError, match="inside the folder"):
        inside_folder(name)


def test_urls_end_in_folder_and_name() -> None:
    assert end_of_url("http://images.cocodataset.org/train2017/000000391895.jpg") == "train2017/000000391895.jpg"
    with pytest.raises(TrainingError):
        end_of_url("http://images.cocodataset.org/../x.jpg")


@pytest.mark.parametrize(
    ("corners", "expected"),
    [
        ((0, 0, 70, 50), (0, 0, 70, 50)),
        ((-3, -3, 1, 1), (0, 0, 1, 1)),
        ((60, 40, 75, 1e308), (60, 40, 70, 50)),
        ((10, 10, 10.5, 10.5), (10, 10, 10.5, 10.5)),
    ],
)
def test_boxes_are_cut_at_the_border(corners: tuple[float, ...], expected: tuple[float, ...]) -> None:
    assert box_on_image(corners, (70, 50)).coordinates == expected


@pytest.mark.parametrize(
    "corners",
    [(10, 10, 10, 20), (10, 10, 20, 10), (20, 10, 10, 20), (10, 20, 20, 10), (70, 0, 80, 10), (-9, -9, 0, 0)],
    ids=["no width", "no height", "swapped x", "swapped y", "right of it", "touches the corner"],
)
def test_boxes_without_a_part_on_the_picture_are_refused(corners: tuple[float, ...]) -> None:
    with pytest.raises(TrainingError, match="box"):
        box_on_image(corners, (70, 50))


@given(st.lists(st.floats(-200, 200), min_size=4, max_size=4), st.integers(1, 100), st.integers(1, 100))
def test_a_box_lies_on_its_picture_or_is_refused(corners: list[float], width: int, height: int) -> None:
    try:
        box = box_on_image(corners, (width, height))
    except TrainingError:
        return
    box.checked(width, height)


def test_what_a_record_draws_depends_on_seed_and_place_alone() -> None:
    draws = {(seed, index): record_rng(seed, index).random() for seed in range(3) for index in range(3)}
    assert len(set(draws.values())) == 9
    assert draws[2, 1] == record_rng(2, 1).random()
