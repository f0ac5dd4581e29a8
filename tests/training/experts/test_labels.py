"""The label store: what goes in comes out, once, whatever is killed or runs beside it."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ferret.errors import TrainingError
from ferret.masks import decode_rle
from training.experts.labels import (
    Expert,
    Failure,
    FileRecord,
    LabelStore,
    MaskLabel,
    ObjectLabel,
    Outcome,
    TextLabel,
)

DETECTOR, READER, SAM = (Expert("detector", "w1", "{}"), Expert("ocr", "w2", "{}"), Expert("sam", "w3", "{}"))
OUTCOMES: dict[str, Outcome] = {
    "detector": (
        ObjectLabel("dog", 0.9, (1.0, 2.5, 30.0, 40.0), (("wolf", 0.1),)),
        ObjectLabel("t rex", 0.1, (0, 0, 9, 9)),
    ),
    "ocr": (TextLabel('say "h\u00e9" \U0001f600', 0.99, (0.0, 0.0, 5.5, 4.0)),),
    "sam": (MaskLabel(0, (2, 3), "06", 0.8, (0.0, 0.0, 3.0, 2.0), 6),),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "labels.sqlite"


@pytest.mark.parametrize("expert", [DETECTOR, READER, SAM], ids=lambda expert: expert.tool)
@pytest.mark.parametrize("empty", [False, True])
def test_labels_come_back_as_they_went_in(expert: Expert, empty: bool, path: Path) -> None:
    outcome: Outcome = () if empty else OUTCOMES[expert.tool]
    with LabelStore(path) as store:
        number = store.register(expert)
        assert store.outcome("p", number) is None
        store.put("p", (3, 2), {number: outcome})
    with LabelStore(path) as store:
        assert store.register(expert) == number
        assert store.outcome("p", number) == outcome
        assert store.size("p") == (3, 2)
        assert store.done("p", [number]) == {number: ""}


def test_a_mask_is_coco_run_lengths() -> None:
    (label,) = OUTCOMES["sam"]  # type: ignore[misc]
    assert isinstance(label, MaskLabel)
    assert decode_rle(label.rle).shape == (2, 3)


@pytest.fixture(scope="module")
def one_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabelStore]:
    with LabelStore(tmp_path_factory.mktemp("store") / "labels.sqlite") as store:
        yield store


@settings(max_examples=30)
@given(text=st.text(max_size=20), score=st.floats(0, 1), number=st.floats(-1e6, 1e6))
def test_any_text_and_number_survives(text: str, score: float, number: float, one_store: LabelStore) -> None:
    label = TextLabel(text.encode("utf-8", "ignore").decode(), score, (number, 0.0, 1.0, 1.0))
    expert = one_store.register(READER)
    picture = repr((text, score, number))
    one_store.put(picture, (1, 1), {expert: (label,)})
    assert one_store.outcome(picture, expert) == (label,)


def test_experts_that_differ_in_anything_keep_their_labels_apart(path: Path) -> None:
    experts = [DETECTOR, Expert("detector", "w9", "{}"), Expert("detector", "w1", '{"a": 1}'), READER]
    with LabelStore(path) as store:
        numbers = [store.register(expert) for expert in experts]
        assert len(set(numbers)) == len(experts)
        store.put("p", (1, 1), {numbers[0]: OUTCOMES["detector"]})
        assert [store.outcome("p", number) for number in numbers[1:]] == [None, None, None]


def test_a_failure_keeps_its_reason_and_can_be_forgotten(path: Path) -> None:
    with LabelStore(path) as store:
        good, bad = store.register(DETECTOR), store.register(READER)
        store.put("p", (1, 1), {good: (), bad: Failure("it broke")})
        store.put_file(Path("/x.png"), FileRecord(1, 2, None, "no image"))
        store.put_file(Path("/p.png"), FileRecord(1, 2, "p"))
        assert store.outcome("p", bad) == Failure("it broke")
        assert store.done("p", [good, bad]) == {good: "", bad: "it broke"}
        assert store.forget_failures([good, bad]) == 2
        assert store.done("p", [good, bad]) == {good: ""}
        assert store.file(Path("/x.png")) is None
        assert store.file(Path("/p.png")) == FileRecord(1, 2, "p")


def test_who_labels_a_picture_first_has_labelled_it(path: Path) -> None:
    with LabelStore(path) as store:
        number = store.register(DETECTOR)
        store.put("p", (1, 1), {number: OUTCOMES["detector"]})
        store.put("p", (1, 1), {number: ()})
        assert store.outcome("p", number) == OUTCOMES["detector"]


def test_a_picture_is_written_whole_or_not_at_all(path: Path) -> None:
    with LabelStore(path) as store:
        number = store.register(DETECTOR)
        with pytest.raises(sqlite3.IntegrityError):
            store.put("p", (1, None), {number: ()})  # type: ignore[arg-type]  # whatever goes wrong on the way
        assert store.size("p") is None
        assert store.done("p", [number]) == {}
        with pytest.raises(TrainingError, match="no expert 99"):
            store.put("p", (1, 1), {number: (), 99: ()})
        assert store.done("p", [number]) == {}


def test_several_writers_at_once(path: Path) -> None:
    def write(start: int) -> None:
        with LabelStore(path) as store:
            number = store.register(DETECTOR)
            for index in range(start, start + 10):
                store.put(str(index), (1, 1), {number: (ObjectLabel(str(start), 0.5, (0, 0, 1, 1)),)})

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, [0, 5, 10, 15]))  # their pictures overlap
    with LabelStore(path) as store:
        assert [len(store.outcome(str(index), 1) or ()) for index in range(25)] == [1] * 25  # type: ignore[arg-type]


WRITER = """
import sys
from pathlib import Path
from training.experts.labels import Expert, LabelStore, ObjectLabel
with LabelStore(Path(sys.argv[1])) as store:
    numbers = [store.register(Expert("detector", str(n), "{}")) for n in range(3)]
    print("ready", flush=True)
    for index in range(10**6):
        store.put(str(index), (1, 1), {n: (ObjectLabel("dog", 0.5, (0, 0, 1, 1)),) * 50 for n in numbers})
        print(index, flush=True)
"""


def test_a_writer_that_is_killed_leaves_whole_pictures(path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        time.sleep(0.3)
        os.kill(writer.pid, signal.SIGKILL)
        said = [int(line) for line in writer.stdout if line.strip()]
    assert said
    with LabelStore(path) as store:
        numbers = [store.register(Expert("detector", str(n), "{}")) for n in range(3)]
        done = [len(store.done(str(index), numbers)) for index in range(said[-1] + 3)]
    assert done[: said[-1] + 1] == [3] * (said[-1] + 1)  # what was said to be written is there
    assert set(done) <= {0, 3}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no database at all, but some text", "no label store"),
        (b"SQLite format 3\0 and then rubbish", "no label store"),
    ],
)
def test_other_files_are_refused(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(content)
    with pytest.raises(TrainingError, match=message):
        LabelStore(path)
    assert path.read_bytes() == content


def test_a_database_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x"
    base = sqlite3.connect(path)
    base.execute("CREATE TABLE t (a)")
    base.close()
    with pytest.raises(TrainingError, match="no label store of ours"):
        LabelStore(path)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="cannot open"):
        LabelStore(tmp_path)


def test_damaged_labels_are_named(path: Path) -> None:
    with LabelStore(path) as store:
        number = store.register(DETECTOR)
        store.put("p", (1, 1), {number: ()})
    base = sqlite3.connect(path)
    base.execute("UPDATE labels SET labels = '[{\"name\": 3}]'")
    base.commit()
    base.close()
    with LabelStore(path) as store, pytest.raises(TrainingError, match="damaged"):
        store.outcome("p", number)
