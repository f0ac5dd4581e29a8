"""Labelling with the embedded experts: everything is dealt with, once, and nothing stops it for good."""

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ferret.errors import ToolError, TrainingError
from training.experts import labelling, processes
from training.experts.labelling import LabellingReport, label_pictures, labelled_picture
from training.experts.labels import Failure, LabelStore, TextLabel
from training.experts.panel import ExpertSettings, Panel
from training.experts.pictures import Pictures, find_pictures

EXPERTS = ExpertSettings()


@pytest.fixture
def one(scenes: Path, tmp_path: Path) -> Pictures:
    """A folder of its own with one small picture."""
    (tmp_path / "one").mkdir()
    with Image.open(scenes / "1.png") as image:
        image.resize((64, 48)).save(tmp_path / "one" / "a.png")
    return find_pictures(tmp_path / "one")


@pytest.fixture
def unread(monkeypatch: pytest.MonkeyPatch) -> None:
    """No text is looked for, and models are loaded when they are needed: most of the time goes into both."""

    def read(panel: Panel, image: Image.Image) -> tuple[TextLabel, ...]:
        del panel, image
        return ()

    monkeypatch.setattr(Panel, "read", read)
    monkeypatch.setattr(Panel, "load", _nothing)


def _nothing(panel: Panel) -> None:
    del panel


def rows(store: Path) -> list[tuple[Any, ...]]:
    """All labels of a store."""
    base = sqlite3.connect(store)
    try:
        return base.execute(
            "SELECT picture, tool, labels, reason FROM labels JOIN experts ON number = expert ORDER BY picture, tool"
        ).fetchall()
    finally:
        base.close()


def test_every_picture_is_labelled_once_and_what_is_none_is_named(
    labelled: tuple[Path, LabellingReport], scenes: Path
) -> None:
    store, report = labelled
    assert (report.total, report.known) == (5, 0)
    assert [name for name, _ in report.unreadable] == ["broken.png"]
    assert "not an image" in report.unreadable[0][1]
    assert report.failures == []
    assert len(rows(store)) == 3 * 3  # three pictures, three experts
    with LabelStore(store) as labels:
        numbers = [labels.register(expert) for expert in report.experts]
        pictures = {name: labelled_picture(labels, scenes / name) for name in find_pictures(scenes).names}
        assert pictures["1.png"] == pictures["same as 1.bmp"]
        assert pictures["broken.png"] is None
        for name in ("1.png", "2.png", "3.png"):
            picture = pictures[name]
            assert picture is not None
            with Image.open(scenes / name) as image:
                assert labels.size(picture) == image.size
            assert labels.done(picture, numbers) == dict.fromkeys(numbers, "")
        assert any(labels.outcome(picture, numbers[0]) for picture in pictures.values() if picture)
        assert any(labels.outcome(picture, numbers[1]) for picture in pictures.values() if picture)


def test_started_again_it_has_nothing_to_do(
    labelled: tuple[Path, LabellingReport], scenes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, report = labelled
    before = rows(store)
    monkeypatch.setattr(labelling, "load_image", lambda path: pytest.fail(f"{path} is looked at again"))
    told: list[tuple[int, int]] = []
    again = label_pictures(find_pictures(scenes), store, EXPERTS, progress=lambda *numbers: told.append(numbers))
    assert told == [(5, 5)]
    assert (again.known, again.unreadable, again.experts) == (5, report.unreadable, report.experts)
    assert rows(store) == before


class _StopError(Exception):
    pass


@pytest.mark.usefixtures("unread")
def test_stopped_it_goes_on_where_it_was(labelled: tuple[Path, LabellingReport], scenes: Path, tmp_path: Path) -> None:
    def stop(seen: int, total: int) -> None:
        del total
        if seen == 2:
            raise _StopError

    store = tmp_path / "labels.sqlite"
    pictures = find_pictures(scenes)
    with pytest.raises(_StopError):
        label_pictures(pictures, store, EXPERTS, progress=stop)
    assert len(rows(store)) == 2 * 3
    report = label_pictures(pictures, store, EXPERTS)
    assert report.known == 2
    assert len(rows(store)) == 3 * 3
    assert [row for row in rows(store) if row[1] != "ocr"] == [row for row in rows(labelled[0]) if row[1] != "ocr"]


def test_moved_pictures_are_known_by_their_pixels(
    labelled: tuple[Path, LabellingReport], scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "labels.sqlite"
    shutil.copy(labelled[0], store)
    before = rows(store)
    (tmp_path / "moved").mkdir()
    shutil.copy(scenes / "1.png", tmp_path / "moved" / "new name.png")

    def fail(panel: Panel, image: Image.Image) -> None:
        del panel, image
        pytest.fail("it is labelled already")

    monkeypatch.setattr(Panel, "load", _nothing)
    monkeypatch.setattr(Panel, "detect", fail)
    report = label_pictures(find_pictures(tmp_path / "moved"), store, EXPERTS)
    assert (report.known, report.failures) == (0, [])
    assert rows(store) == before


@pytest.mark.usefixtures("unread")
def test_a_file_that_changed_is_looked_at_again(one: Pictures, tmp_path: Path) -> None:
    store, path = tmp_path / "labels.sqlite", one.root / "a.png"
    sound = path.read_bytes()
    path.write_bytes(b"damaged")
    assert [name for name, _ in label_pictures(one, store, EXPERTS).unreadable] == ["a.png"]
    path.write_bytes(sound)
    report = label_pictures(one, store, EXPERTS)
    assert (report.known, report.unreadable) == (0, [])
    path.unlink()
    assert "does not exist" in label_pictures(one, store, EXPERTS).unreadable[0][1]


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """A detector that fails, whatever it looks at."""

    def fail(panel: Panel, image: Image.Image) -> None:
        del panel
        raise ToolError(f"no idea of {image.width} pixels")

    with monkeypatch.context() as patch:
        patch.setattr(Panel, "detect", fail)
        yield patch


@pytest.mark.usefixtures("unread")
def test_a_failure_is_noted_and_passed_over_until_it_is_retried(
    one: Pictures, tmp_path: Path, failing: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "labels.sqlite"
    expected = [
        ("a.png", "detector", "no idea of 64 pixels"),
        ("a.png", "sam", "there are no boxes to outline: the detector failed"),
    ]
    assert label_pictures(one, store, EXPERTS).failures == expected
    failing.undo()
    again = label_pictures(one, store, EXPERTS)
    assert (again.known, again.failures) == (1, expected)
    healed = label_pictures(one, store, EXPERTS, retry_failed=True)
    assert (healed.known, healed.failures) == (0, [])
    assert [reason for *_, reason in rows(store)] == ["", "", ""]


def test_faults_that_are_not_ours_are_noted_too(one: Pictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(panel: Panel, image: Image.Image) -> float:
        del panel, image
        return 1 / 0

    monkeypatch.setattr(Panel, "load", _nothing)
    monkeypatch.setattr(Panel, "read", fail)
    report = label_pictures(one, tmp_path / "labels.sqlite", EXPERTS)
    assert report.failures == [("a.png", "ocr", "ZeroDivisionError: division by zero")]
    with LabelStore(tmp_path / "labels.sqlite") as store:
        picture = labelled_picture(store, one.root / "a.png")
        assert picture is not None
        assert isinstance(store.outcome(picture, store.register(report.experts[1])), Failure)


def test_models_that_cannot_be_loaded_stop_it_at_once(
    one: Pictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(panel: Panel) -> None:
        del panel
        raise ToolError("detector cannot be loaded")

    monkeypatch.setattr(Panel, "load", fail)
    with pytest.raises(ToolError, match="cannot be loaded"):
        label_pictures(one, tmp_path / "labels.sqlite", EXPERTS)
    assert rows(tmp_path / "labels.sqlite") == []


@pytest.mark.usefixtures("unread")
def test_a_picture_that_ended_its_process_is_noted(
    one: Pictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(work: object, items: list[str], workers: int) -> list[tuple[str, None]]:
        del work, workers
        return [(items[0], None)]

    with monkeypatch.context() as patch:
        patch.setattr(processes, "each_in_processes", die)
        report = label_pictures(one, tmp_path / "labels.sqlite", EXPERTS, processes=2)
    assert report.unreadable[0][0] == "a.png"
    assert "out of memory" in report.unreadable[0][1]
    assert label_pictures(one, tmp_path / "labels.sqlite", EXPERTS).known == 1
    assert label_pictures(one, tmp_path / "labels.sqlite", EXPERTS, retry_failed=True).unreadable == []


def test_no_process_is_too_few(one: Pictures, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="0 processes"):
        label_pictures(one, tmp_path / "labels.sqlite", EXPERTS, processes=0)


@pytest.mark.slow
def test_two_processes_see_what_one_sees(labelled: tuple[Path, LabellingReport], scenes: Path, tmp_path: Path) -> None:
    store = tmp_path / "labels.sqlite"
    report = label_pictures(find_pictures(scenes), store, EXPERTS, processes=2)
    assert report.unreadable == labelled[1].unreadable
    assert rows(store) == rows(labelled[0])
