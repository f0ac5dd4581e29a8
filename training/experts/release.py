"""Instructions on disk: the released Ferret's JSON in shards, resumable, with counts of what is in them.

    instructions/00000.json   an array of records (ferret-spec 3), as `training.readers.ferret_json` reads them
    progress/00000.json       what the shard was made of, and its counts

A record is the raw sample of the released format. Its further fields (task, intents, hints, coordinates, negative,
twin) say how it was made; readers of the format leave them alone. A shard is written whole and then given its name, and
its progress after it: started again, a shard is made anew unless its progress says that it would come out the same.
"""

import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from ferret.errors import TrainingError
from ferret.prompts import IMAGE_TOKEN
from training.experts.certainty import Picture
from training.experts.exchange import Marked
from training.experts.labelling import Progress, labelled_picture
from training.experts.labels import Expert, Failure, LabelStore, MaskLabel, ObjectLabel, Outcome, TextLabel
from training.experts.pictures import Pictures
from training.experts.processes import each_in_processes
from training.experts.writing import Instruction, WritingSettings, write_instructions

SHARDS, PROGRESS = "instructions", "progress"
PICTURES_A_SHARD = 500
_FORM = 1
"""Counted on when the same labels and settings give other instructions than before."""

_PLACEHOLDER = re.compile(r"<(?:region|box)(\d+)>")
AnyLabel = TypeVar("AnyLabel", ObjectLabel, TextLabel, MaskLabel)
Counts = dict[str, Counter[str]]
"""Heading -> what is counted -> how often; see `count`."""


def record_of(instruction: Instruction) -> dict[str, Any]:
    """An instruction as a raw sample of the released format, with boxes in pixels and masks as run lengths."""
    messages, boxes, masks = [], [], []
    for number, turn in enumerate(instruction.turns):
        question = f"{IMAGE_TOKEN}\n{turn.question}" if number == 0 else turn.question
        for speaker, text, marks in (("human", question, turn.regions), ("gpt", turn.answer, turn.boxes)):
            messages.append({"from": speaker, "value": _PLACEHOLDER.sub(_released, text)})
            boxes.append([list(mark.box.coordinates) for mark in marks])
            masks.append([mark.mask for mark in marks])
    width, height = instruction.picture.size
    record: dict[str, Any] = {
        "id": instruction.id,
        "image": instruction.picture.name,
        "image_w": width,
        "image_h": height,
        "conversations": messages,
        "box_x1y1x2y2": boxes,
    }
    if any(mask is not None for message in masks for mask in message):
        record["masks"] = masks
    return record | {
        "task": instruction.task,
        "intents": list(instruction.intents),
        "hints": instruction.hints,
        "coordinates": instruction.coordinates,
        "negative": instruction.negative,
        "twin": instruction.twin,
    }


def _released(placeholder: re.Match[str]) -> str:
    """The format counts boxes from 0 and calls them alike in questions and answers."""
    return f"<bbox_location{int(placeholder[1]) - 1}>"


def count(instructions: Iterable[Instruction], rejected: Mapping[str, int]) -> Counts:
    """What there is to count about the instructions of a picture."""
    counts: Counts = {
        name: Counter()
        for name in (
            "pictures",
            "instructions",
            "intents",
            "tasks",
            "hints",
            "coordinates",
            "answers",
            "rejected labels",
        )
    }
    asked = 0
    for instruction in instructions:
        asked += 1
        counts["instructions"]["all"] += 1
        counts["instructions"]["questions repeated without their hints"] += instruction.twin
        counts["instructions"]["turns"] += len(instruction.turns)
        counts["intents"].update(instruction.intents)
        counts["tasks"][instruction.task] += 1
        counts["hints"][instruction.hints] += 1
        counts["coordinates"][instruction.coordinates] += 1
        for turn in instruction.turns:
            counts["answers"]["about what is absent, or not so" if turn.negative else "about what is so"] += 1
            counts["answers"]["boxes"] += len(turn.boxes)
            counts["answers"]["masks"] += _masks(turn.boxes)
    counts["pictures"]["with instructions" if asked else "with nothing certain enough to ask about"] += 1
    counts["rejected labels"].update(rejected)
    return counts


def _masks(marks: Sequence[Marked]) -> int:
    return sum(mark.mask is not None for mark in marks)


def add(total: Counts, more: Mapping[str, Mapping[str, int]]) -> None:
    """Add counts to others."""
    for heading, values in more.items():
        total.setdefault(heading, Counter()).update(values)


@dataclass(frozen=True)
class Release:
    """What all shards of a release share.

    Attributes:
        out: folder of the release.
        store: file with the labels.
        experts: whose labels are used: detector, text reader, segmenter.
        settings: how instructions are written.
    """

    out: Path
    store: Path
    experts: tuple[Expert, ...]
    settings: WritingSettings

    @property
    def mark(self) -> str:
        """A text that differs when any label or picture would be dealt with differently."""
        return json.dumps([_FORM, asdict(self.settings), [asdict(expert) for expert in self.experts]], sort_keys=True)


@dataclass(frozen=True)
class Shard:
    """A part of a release: its number, and the names and hashes of its pictures in order."""

    number: int
    pictures: tuple[tuple[str, str], ...]


@dataclass(slots=True)
class ReleaseReport:
    """What was written.

    Attributes:
        shards: how many there are.
        kept: how many of them were there already.
        same: names of pictures left out because another file holds the same picture.
        counts: totals over all shards.
    """

    shards: int
    kept: int = 0
    same: list[str] = field(default_factory=list)
    counts: Counts = field(default_factory=dict)


def write_release(
    release: Release, pictures: Pictures, *, processes: int = 1, progress: Progress | None = None
) -> ReleaseReport:
    """Write the instructions over all pictures that are labelled, as shards below `release.out`.

    Args:
        release: what, and where to.
        pictures: in the order of the release. Of several files with one picture the first is used.
        processes: how many shards are written at once; the result does not depend on it.
        progress: called with the number of shards that are done, and of all.

    Raises:
        TrainingError: the folder cannot be written, or labels are damaged.
    """
    report = ReleaseReport(0)
    shards = _shards(release, pictures, report)
    report.shards = len(shards)
    try:
        for folder in (SHARDS, PROGRESS):
            (release.out / folder).mkdir(parents=True, exist_ok=True)
            for path in (release.out / folder).glob("*.json"):
                if path.stem.isdigit() and int(path.stem) >= len(shards):  # of an earlier run over more pictures
                    path.unlink()
    except OSError as error:
        raise TrainingError(f"cannot write into {str(release.out)!r}: {error.strerror or error}") from None
    written = each_in_processes(partial(_write_shard, release), shards, min(processes, len(shards)))
    for done, (shard, counted) in enumerate(written, 1):
        if counted is None:
            raise TrainingError(
                f"the process that wrote shard {shard.number} ended by itself, most likely for lack of memory: "
                "start again with fewer processes"
            )
        counts, kept = counted
        add(report.counts, counts)
        report.kept += kept
        if progress is not None:
            progress(done, len(shards))
    return report


def _shards(release: Release, pictures: Pictures, report: ReleaseReport) -> list[Shard]:
    """The labelled pictures in parts of `PICTURES_A_SHARD`, every picture once."""
    seen: set[str] = set()
    once: list[tuple[str, str]] = []
    with LabelStore(release.store) as store:
        for name in pictures.names:
            picture = labelled_picture(store, pictures.root / name)
            if picture is None:
                continue  # unreadable: the labelling has reported it
            if picture in seen:
                report.same.append(name)
                continue
            seen.add(picture)
            once.append((name, picture))
    starts = range(0, len(once), PICTURES_A_SHARD)
    return [Shard(number, tuple(once[start : start + PICTURES_A_SHARD])) for number, start in enumerate(starts)]


def _write_shard(release: Release, shard: Shard) -> tuple[Mapping[str, Mapping[str, int]], bool]:
    """The counts of a shard, and whether it was there already."""
    path = release.out / SHARDS / f"{shard.number:05d}.json"
    progress = release.out / PROGRESS / path.name
    with LabelStore(release.store) as store:
        numbers = [store.register(expert) for expert in release.experts]
        key = _key(release, shard, store, numbers)
        known = _known(progress, path, key)
        if known is not None:
            return known, True
        counts: Counts = {}
        unnamed = path.with_suffix(".part")
        try:
            with unnamed.open("w", encoding="utf-8") as file:
                first = True
                for name, picture in shard.pictures:
                    written = write_instructions(
                        read_picture(store, name, picture, numbers), release.experts[0].names, release.settings
                    )
                    for instruction in written.instructions:
                        file.write("[\n" if first else ",\n")
                        file.write(json.dumps(record_of(instruction)))
                        first = False
                    add(counts, count(written.instructions, written.rejected))
                file.write("[]\n" if first else "\n]\n")
                file.flush()
                os.fsync(file.fileno())
            unnamed.replace(path)
            unnamed = progress.with_suffix(".part")
            unnamed.write_text(
                json.dumps({"key": key, "bytes": path.stat().st_size, "counts": counts}), encoding="utf-8"
            )
            unnamed.replace(progress)
        except OSError as error:
            raise TrainingError(f"cannot write {str(path)!r}: {error.strerror or error}") from None
    return counts, False


def read_picture(store: LabelStore, name: str, picture: str, numbers: Sequence[int]) -> Picture:
    """A picture with all of its labels; `numbers` are those of detector, text reader and segmenter.

    Raises:
        TrainingError: it was never labelled, or its labels are damaged.
    """
    size = store.size(picture)
    if size is None:
        raise TrainingError(f"picture {name!r} has no labels in {str(store.path)!r}: label it first")
    objects, lines, masks = (store.outcome(picture, number) for number in numbers)
    return Picture(
        name, picture, size,
        _only(ObjectLabel, objects), _only(TextLabel, lines), _only(MaskLabel, masks) or (),
    )  # fmt: skip


def _only(kind: type[AnyLabel], outcome: Outcome | None) -> tuple[AnyLabel, ...] | None:
    """The labels, which are of that kind; None where their expert failed."""
    if outcome is None or isinstance(outcome, Failure):
        return None
    return tuple(label for label in outcome if isinstance(label, kind))


def _key(release: Release, shard: Shard, store: LabelStore, numbers: Sequence[int]) -> str:
    """What the shard is made of, in a hash: the settings, the pictures, and which of them have which labels."""
    digest = hashlib.sha256(release.mark.encode())
    for name, picture in shard.pictures:
        failed = sorted(number for number, reason in store.done(picture, numbers).items() if reason)
        digest.update(json.dumps([name, picture, [numbers.index(number) for number in failed]]).encode())
    return digest.hexdigest()


def _known(progress: Path, shard: Path, key: str) -> Mapping[str, Mapping[str, int]] | None:
    """The counts of a shard that is there and would come out the same, else None."""
    try:
        value = json.loads(progress.read_text(encoding="utf-8"))
        if value["key"] == key and value["bytes"] == shard.stat().st_size:
            return dict(value["counts"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return None
