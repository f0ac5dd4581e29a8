"""Stores: built once from a file, by number ever after; whole or not there; another file is another store."""

import json
import threading
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ferret.errors import TrainingError
from training.data import store as store_module
from training.data.store import SampleStore, build_store, data_hash
from training.readers import READERS, Report
from training.tuning.settings import Source


def record(number: int = 0, **changes: Any) -> dict[str, Any]:
    return {
        "id": number, "image": f"{number}.png", "image_w": 70, "image_h": 50,
        "conversations": [
            {"from": "human", "value": "<image>\nWhat is <bbox_location0>?"},
            {"from": "gpt", "value": "A dog <bbox_location0>."},
        ],
        "box_x1y1x2y2": [[[20, 15, 40.25, 35]], [[20, 15, 40, 35]]],
        "masks": [[{"size": [50, 70], "counts": "QP11]18J4M2N2O0O2O00000O20N1000001N101N2N3L6He\\1"}], [None]],
    } | changes  # fmt: skip


@pytest.fixture
def source(tmp_path: Path) -> Callable[..., Source]:
    """`source([record(), ...])`: a file that holds these, and the folder of its pictures."""

    def write(content: Any, name: str = "grit.json", reader: str = "ferret") -> Source:
        path = tmp_path / name
        path.write_text(json.dumps(content))
        return Source(reader=reader, path=path, images=Path("/pictures"))

    return write


def test_a_store_holds_what_the_reader_gives(source: Callable[..., Source], tmp_path: Path) -> None:
    bad = record(7, box_x1y1x2y2=[])
    given = source([record(0), bad, record(1), record(2, image="deep/2.png")])
    store = build_store(given, tmp_path / "stores", seed=4)
    report = Report()
    expected = list(READERS["ferret"].read(given.path, images=given.images, report=report, seed=4))
    assert len(store) == 3
    assert [store[index] for index in range(3)] == expected
    assert [store[index] for index in (2, 0, 2)] == [expected[2], expected[0], expected[2]]
    assert store.report == report
    assert (report.used, report.malformed, report.examples[0].where) == (3, 1, "[1]")


def test_it_is_built_once(source: Callable[..., Source], tmp_path: Path) -> None:
    given = source([record()])
    first = build_store(given, tmp_path / "stores", seed=0)
    written = (first.folder / "samples.jsonl").stat()
    second = build_store(given, tmp_path / "stores", seed=0)
    assert (second.folder / "samples.jsonl").stat().st_ino == written.st_ino
    assert first.data_hash == second.data_hash == data_hash(given, seed=0)
    assert first.data_hash.startswith(first.folder.name.split("-")[-1])
    assert len(first.data_hash) == 64


def test_pictures_may_be_moved(source: Callable[..., Source], tmp_path: Path) -> None:
    given = source([record()])
    build_store(given, tmp_path / "stores", seed=0)
    moved = given.model_copy(update={"images": Path("/elsewhere")})
    assert data_hash(moved, seed=0) == data_hash(given, seed=0)
    assert build_store(moved, tmp_path / "stores", seed=0)[0].image == Path("/elsewhere/0.png")


def test_whatever_samples_depend_on_makes_another_store(
    source: Callable[..., Source], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "stores"
    conversations = [record(number) for number in range(2)]
    given = source(conversations)
    stores = [build_store(given, folder, seed=0), build_store(given, folder, seed=1)]
    stores.append(build_store(source(conversations, reader="llava"), folder, seed=0))
    stores.append(build_store(source([record(number) for number in range(3)]), folder, seed=0))
    assert [len(store) for store in stores] == [2, 2, 2, 3]
    monkeypatch.setattr(store_module, "FORMAT", store_module.FORMAT + 1)
    stores.append(build_store(source(conversations), folder, seed=0))
    assert len({store.data_hash for store in stores}) == len({store.folder for store in stores}) == 5


def test_a_second_file_that_a_format_comes_in_counts_as_well(tmp_path: Path) -> None:
    questions, answers = (tmp_path / f"v2_{name}.json" for name in (
        "OpenEnded_mscoco_train2014_questions", "mscoco_train2014_annotations",
    ))  # fmt: skip
    questions.write_text(json.dumps({"questions": [{"question_id": 1, "image_id": 1, "question": "What?"}]}))
    given = Source(reader="vqa", path=questions, images=Path("i"))
    found = []
    for answer in ("a dog", "a cat"):
        entry = {"question_id": 1, "image_id": 1, "multiple_choice_answer": answer}
        answers.write_text(json.dumps({"annotations": [entry]}))
        found.append(build_store(given, tmp_path / "stores", seed=0)[0].turns[0].answer)
    assert found == ["a dog", "a cat"]

    regions, pictures = tmp_path / "region_descriptions.json", tmp_path / "image_data.json"
    regions.write_text("[]")
    given = Source(reader="vg-regions", path=regions, images=Path("i"))
    hashes = []
    for content in ("[]", "[ ]"):
        pictures.write_text(content)
        hashes.append(data_hash(given, seed=0))
    assert hashes[0] != hashes[1]


def test_a_store_of_nothing(source: Callable[..., Source], tmp_path: Path) -> None:
    store = build_store(source([]), tmp_path / "stores", seed=0)
    assert len(store) == 0
    assert list(store) == []  # type: ignore[call-overload]  # by number until there is none


@pytest.mark.parametrize("index", [-1, 1, 10**9])
def test_there_are_no_samples_beyond_the_ends(source: Callable[..., Source], tmp_path: Path, index: int) -> None:
    store = build_store(source([record()]), tmp_path / "stores", seed=0)
    with pytest.raises(IndexError):
        store[index]


def test_what_fails_leaves_nothing_behind(source: Callable[..., Source], tmp_path: Path) -> None:
    given = source([record()])
    given.path.write_text('[{"id": 1')
    with pytest.raises(TrainingError, match="not JSON"):
        build_store(given, tmp_path / "stores", seed=0)
    assert [path for path in (tmp_path / "stores").iterdir() if path.suffix != ".lock"] == []
    given.path.write_text(json.dumps([record()]))
    assert len(build_store(given, tmp_path / "stores", seed=0)) == 1


@pytest.mark.parametrize(
    ("change", "seed", "message"),
    [
        ({"reader": "grit"}, 0, "unknown reader 'grit': choose one of ferret"),
        ({"path": Path("missing.json")}, 0, "cannot read 'missing.json'"),
        ({}, -1, "seed must be 0 or more"),
    ],
)
def test_sources_that_cannot_be_read(
    source: Callable[..., Source], tmp_path: Path, change: dict[str, Any], seed: int, message: str
) -> None:
    with pytest.raises(TrainingError, match=message):
        build_store(source([record()]).model_copy(update=change), tmp_path / "stores", seed=seed)


def test_a_folder_that_cannot_be_written(source: Callable[..., Source], tmp_path: Path) -> None:
    (tmp_path / "stores").write_text("in the way")
    with pytest.raises(TrainingError, match="cannot write a store"):
        build_store(source([record()]), tmp_path / "stores", seed=0)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("about.json", None), ("about.json", b"{"), ("about.json", b"{}"), ("about.json", b"[]"),
        ("offsets.npy", None), ("offsets.npy", b""), ("offsets.npy", b"numbers"),
        ("samples.jsonl", None), ("samples.jsonl", b""), ("samples.jsonl", b"short"),
    ],
)  # fmt: skip
def test_a_damaged_store_says_so(
    source: Callable[..., Source], tmp_path: Path, name: str, content: bytes | None
) -> None:
    given = source([record()])
    path = build_store(given, tmp_path / "stores", seed=0).folder / name
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    with pytest.raises(TrainingError, match="damaged: remove it"):
        build_store(given, tmp_path / "stores", seed=0)


def test_a_damaged_sample_says_so(source: Callable[..., Source], tmp_path: Path) -> None:
    store = build_store(source([record()]), tmp_path / "stores", seed=0)
    path = store.folder / "samples.jsonl"
    path.write_bytes(path.read_bytes().replace(b'["box"', b'["bix"'))
    with pytest.raises(TrainingError, match="damaged: remove it"):
        SampleStore(store.folder, store.images)[0]


def test_several_that_need_it_at_once_get_the_same(source: Callable[..., Source], tmp_path: Path) -> None:
    given = source([record(number) for number in range(200)])
    stores: list[SampleStore] = []
    threads = [
        threading.Thread(target=lambda: stores.append(build_store(given, tmp_path / "stores", seed=0)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [len(store) for store in stores] == [200] * 4
    assert len({store.folder for store in stores}) == 1
    assert len([path for path in (tmp_path / "stores").iterdir() if path.is_dir()]) == 1


def test_many_samples_need_no_memory(source: Callable[..., Source], tmp_path: Path) -> None:
    folder = build_store(source([record(number) for number in range(1500)]), tmp_path / "stores", seed=0).folder
    assert (folder / "samples.jsonl").stat().st_size > 300_000
    tracemalloc.start()
    store = SampleStore(folder, Path())
    taken = [store[int(index)].id for index in np.random.default_rng(0).integers(0, 1500, 50)]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(set(taken)) > 40
    assert peak < 150_000
