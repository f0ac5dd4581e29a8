"""Releases: what is written is what the reader of the released format reads, once, however often it is stopped."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ferret.errors import TrainingError
from ferret.regions import Box
from training.experts import release as module
from training.experts.certainty import Picture
from training.experts.labels import Expert, Failure, FileRecord, LabelStore, Outcome
from training.experts.pictures import Pictures
from training.experts.release import Release, count, record_of, write_release
from training.experts.writing import WritingSettings, write_instructions
from training.readers import READERS, Report, Sample

MakePicture = Callable[..., Picture]
VOCABULARY = ("dog", "wolf", "fox", "cat", "key", "owl", "sign", "hammer")
EXPERTS = (Expert("detector", "d", "{}", VOCABULARY), Expert("ocr", "o", "{}"), Expert("sam", "s", "{}"))
SETTINGS = WritingSettings(per_picture=6)


@pytest.fixture
def rich(make_picture: MakePicture) -> Picture:
    return make_picture(
        ("dog", (0, 0, 40, 20)), ("key", (0.5, 80, 20, 100)), ("key", (90, 84, 110.3, 100)),
        ("sign", (130, 0, 200, 30)),
        text=[('"SALE" & more', (140, 5, 190, 25))], masks=True, name="some/a.png",
    )  # fmt: skip


def read(path: Path, seed: int = 0) -> tuple[list[Sample], Report]:
    report = Report()
    return list(READERS["ferret"].read(path, images=Path("images"), report=report, seed=seed)), report


def test_every_instruction_comes_back_from_the_reader(rich: Picture, tmp_path: Path) -> None:
    instructions = write_instructions(rich, VOCABULARY, replace(SETTINGS, per_picture=40)).instructions
    path = tmp_path / "all.json"
    path.write_text(json.dumps([record_of(instruction) for instruction in instructions]))
    expected = [instruction.sample(Path("images")) for instruction in instructions]
    boxed = 0
    for seed in range(4):  # the reader's coin turns the boxes of a question into points, or leaves them
        samples, report = read(path, seed)
        assert (report.malformed, report.used) == (0, len(instructions))
        for sample, known in zip(samples, expected, strict=True):
            assert (sample.id, sample.image, sample.size) == (known.id, known.image, known.size)
            for turn, was in zip(sample.turns, known.turns, strict=True):
                assert (turn.question, turn.answer, turn.boxes) == (was.question, was.answer, was.boxes)
                if turn.regions and all(isinstance(region, Box) for region in turn.regions):
                    assert turn == was
                    boxed += 1
    assert boxed > 10


def test_a_record_is_the_raw_sample_of_the_format(rich: Picture) -> None:
    for instruction in write_instructions(rich, VOCABULARY, replace(SETTINGS, per_picture=40)).instructions:
        record = record_of(instruction)
        assert (record["image"], record["image_w"], record["image_h"]) == ("some/a.png", 200, 100)
        messages = record["conversations"]
        assert [message["from"] for message in messages] == ["human", "gpt"] * len(instruction.turns)
        assert messages[0]["value"].startswith("<image>\n")
        assert sum(message["value"].count("<image>") for message in messages) == 1
        for message, boxes in zip(messages, record["box_x1y1x2y2"], strict=True):
            assert all(f"<bbox_location{number}>" in message["value"] for number in range(len(boxes)))
        if instruction.task == "segment_region":
            assert record["masks"][1][0]["size"] == [100, 200]
        assert record["intents"]
    masked = [
        record_of(each) for each in write_instructions(replace(rich, masks=()), VOCABULARY, SETTINGS).instructions
    ]
    assert not any("masks" in record for record in masked)


# -- on disk -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def ready(rich: Picture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Release, Pictures]:
    """Seven files with six different pictures, one of them unreadable, in shards of two pictures."""
    monkeypatch.setattr(module, "PICTURES_A_SHARD", 2)
    release = Release(tmp_path / "out", tmp_path / "labels.sqlite", EXPERTS, SETTINGS)
    names = tuple(f"{letter}.png" for letter in "abcdefg")
    with LabelStore(release.store) as store:
        numbers = [store.register(expert) for expert in EXPERTS]
        for place, name in enumerate(names):
            (tmp_path / name).write_text(name)
            stamp = (tmp_path / name).stat()
            digest = f"{max(place, 1):x}".ljust(64, "0")  # a and b are the same picture
            picture = None if name == "g.png" else digest
            store.put_file(
                tmp_path / name, FileRecord(stamp.st_size, stamp.st_mtime_ns, picture, "" if picture else "bad")
            )
            if picture:
                labels: list[Outcome] = [rich.objects or (), rich.lines or (), rich.masks]
                store.put(picture, rich.size, dict(zip(numbers, labels, strict=True)))
    return release, Pictures(tmp_path, names)


def shards(release: Release) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((release.out / "instructions").iterdir())}


def test_a_release_has_every_picture_once(ready: tuple[Release, Pictures]) -> None:
    release, pictures = ready
    report = write_release(release, pictures)
    assert list(shards(release)) == ["00000.json", "00001.json", "00002.json"]
    assert (report.shards, report.kept, report.same) == (3, 0, ["b.png"])
    records = [record for content in shards(release).values() for record in json.loads(content)]
    assert {record["image"] for record in records} == {"a.png", "c.png", "d.png", "e.png", "f.png"}
    assert len({record["id"] for record in records}) == len(records) == report.counts["instructions"]["all"]
    assert report.counts["pictures"] == {"with instructions": 5}
    samples, read_report = read(release.out / "instructions" / "00000.json")
    assert read_report.malformed == 0
    assert samples


def test_counts_are_those_of_the_records(ready: tuple[Release, Pictures]) -> None:
    release, pictures = ready
    counts = write_release(release, pictures).counts
    records = [record for content in shards(release).values() for record in json.loads(content)]
    assert sum(counts["tasks"].values()) == len(records)
    assert counts["hints"]["wrong"] == sum(record["hints"] == "wrong" for record in records)
    assert counts["intents"]["read"] == sum(record["intents"].count("read") for record in records)
    boxes = sum(len(answer) for record in records for answer in record["box_x1y1x2y2"][1::2])
    masks = sum(mask is not None for record in records for answer in record.get("masks", [])[1::2] for mask in answer)
    assert (counts["answers"]["boxes"], counts["answers"]["masks"]) == (boxes, masks)


def test_started_again_nothing_is_written_anew(ready: tuple[Release, Pictures]) -> None:
    release, pictures = ready
    first = write_release(release, pictures)
    files = {path: path.stat().st_mtime_ns for path in (release.out / "instructions").iterdir()}
    again = write_release(release, pictures)
    assert again.kept == again.shards == 3
    assert again.counts == first.counts
    assert {path: path.stat().st_mtime_ns for path in (release.out / "instructions").iterdir()} == files


@pytest.mark.parametrize("harm", ["missing", "cut", "no progress", "rubbish progress", "left over"])
def test_a_shard_that_was_stopped_or_harmed_is_made_again(harm: str, ready: tuple[Release, Pictures]) -> None:
    release, pictures = ready
    report = write_release(release, pictures)
    before = shards(release)
    shard, progress = release.out / "instructions" / "00001.json", release.out / "progress" / "00001.json"
    if harm == "missing":
        shard.unlink()
    elif harm == "cut":
        shard.write_bytes(shard.read_bytes()[:-7])
    elif harm == "no progress":
        progress.unlink()
    elif harm == "rubbish progress":
        progress.write_text('{"key": ')
    else:
        shard.with_suffix(".part").write_text("[half")
        shard.unlink()
    again = write_release(release, pictures)
    assert shards(release) == before
    assert again.kept == 2
    assert again.counts == report.counts


def test_other_labels_make_another_shard(ready: tuple[Release, Pictures]) -> None:
    release, pictures = ready
    write_release(release, pictures)
    before = shards(release)
    with LabelStore(release.store) as store:
        other = store.register(Expert("ocr", "other", "{}"))
        for name in pictures.names[:-1]:
            known = store.file(pictures.root / name)
            assert known is not None
            assert known.picture is not None
            store.put(known.picture, (200, 100), {other: Failure("broke") if name == "c.png" else ()})
    report = write_release(replace(release, experts=(EXPERTS[0], Expert("ocr", "other", "{}"), EXPERTS[2])), pictures)
    assert report.kept == 0
    assert shards(release) != before
    assert b"SALE" not in b"".join(shards(release).values())


def test_fewer_pictures_leave_no_shard_behind(ready: tuple[Release, Pictures]) -> None:
    release, pictures = ready
    write_release(release, pictures)
    report = write_release(release, replace(pictures, names=pictures.names[:2]))
    assert list(shards(release)) == ["00000.json"]
    assert [path.name for path in (release.out / "progress").iterdir()] == ["00000.json"]
    assert report.counts["pictures"] == {"with instructions": 1}


def test_nothing_readable_makes_no_shard(ready: tuple[Release, Pictures]) -> None:
    release, pictures = ready
    report = write_release(release, replace(pictures, names=("g.png",)))
    assert (report.shards, shards(release)) == (0, {})


def test_pictures_with_nothing_to_ask_make_an_empty_array(ready: tuple[Release, Pictures]) -> None:
    release, pictures = ready
    failed = tuple(Expert(expert.tool, "broken", "{}") for expert in EXPERTS)
    with LabelStore(release.store) as store:
        for expert in failed:
            store.put("1".ljust(64, "0"), (200, 100), {store.register(expert): Failure("broke")})
    report = write_release(replace(release, experts=failed), replace(pictures, names=("a.png",)))
    assert json.loads(shards(release)["00000.json"]) == []
    assert report.counts["pictures"] == {"with nothing certain enough to ask about": 1}


@pytest.mark.slow
def test_two_processes_write_the_same(ready: tuple[Release, Pictures], tmp_path: Path) -> None:
    release, pictures = ready
    write_release(release, pictures)
    other = replace(release, out=tmp_path / "other")
    assert write_release(other, pictures, processes=2).counts == write_release(release, pictures).counts
    assert shards(other) == shards(release)


def test_a_folder_that_cannot_be_written(ready: tuple[Release, Pictures], tmp_path: Path) -> None:
    release, pictures = ready
    (tmp_path / "file").write_text("")
    with pytest.raises(TrainingError, match="cannot write"):
        write_release(replace(release, out=tmp_path / "file"), pictures)


def test_counts_of_nothing() -> None:
    assert count([], {})["pictures"] == {"with nothing certain enough to ask about": 1}
