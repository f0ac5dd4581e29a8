"""From labels to facts: what is certain enough to be asked about, and what is not and why.

Labels are opinions. A thing may be asked about when its detector is sure of it, no other label contradicts it and it is
large enough to be seen. Whatever the detector saw at all, however faintly, casts doubt: a name is only counted, or
called absent, when nothing that could be meant by it is in doubt.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ferret.masks import Rle
from ferret.regions import Box, box_iou
from training.experts.labels import MaskLabel, ObjectLabel, TextLabel
from training.experts.names import alike, countable, may_be_same
from training.readers.sample import source_text

MIN_SIDE = 10.0
"""A thing is asked about when both sides of its box are at least so many pixels long ..."""
MIN_SHARE = 0.015
"""... and at least this share of the picture's longer side."""
RIVAL = 0.5
"""A label is contradicted by another name or box for the same thing from this share of its score on; weaker ones are
explained by it."""
DISMISSED = 0.25
"""Below this share of its score another name for a thing is out of the question, though it came to mind."""
SAME_PLACE = 0.5
"""Boxes with at least this IoU lie on one thing ..."""
INSIDE = 0.85
"""... and so do boxes of one name of which the smaller lies inside the larger by this share."""
MASK_FITS = 0.6
"""A mask is used when its own box agrees with the thing's by this IoU."""
_NEAR_MISS = 0.7


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture with everything that its experts said.

    Attributes:
        name: path below the folder of pictures.
        hash: of its pixels.
        size: (width, height) in pixels.
        objects: the detector's labels, or None if it failed.
        lines: the text reader's labels, or None if it failed.
        masks: the segmenter's labels of those objects.
    """

    name: str
    hash: str
    size: tuple[int, int]
    objects: tuple[ObjectLabel, ...] | None
    lines: tuple[TextLabel, ...] | None
    masks: tuple[MaskLabel, ...] = ()


@dataclass(frozen=True, slots=True)
class Sureness:
    """From which scores on labels may be asked about: objects, lines of text, masks; each 0..1."""

    objects: float = 0.6
    text: float = 0.9
    masks: float = 0.7


@dataclass(frozen=True, slots=True)
class Thing:
    """An object that is certain: name, box in pixels, mask where there is a good one, area of the mask in pixels."""

    name: str
    box: Box
    mask: Rle | None = None
    area: int | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text that is certain, and its box in pixels."""

    text: str
    box: Box


@dataclass(frozen=True)
class Facts:
    """What is certain about a picture.

    Attributes:
        size: (width, height) in pixels.
        things: in raster order, by their top left corners.
        lines: in reading order; None where nothing is known about text.
        doubted: every name that something in the picture may have without being among the things.
        all_things: whether everything that the detector saw is among `things`.
        all_text: whether everything that was read is among `lines`.
        unread: boxes of text that is not certain.
        near: for names of things other names that came to the detector's mind and are out of the question.
        vocabulary: every name that the detector knows.
        rejected: how many labels are not asked about, by reason.
    """

    size: tuple[int, int]
    things: tuple[Thing, ...]
    lines: tuple[Line, ...] | None
    doubted: frozenset[str]
    all_things: bool
    all_text: bool
    unread: tuple[Box, ...]
    near: Mapping[str, tuple[str, ...]]
    vocabulary: tuple[str, ...]
    rejected: Counter[str] = field(default_factory=Counter)

    @cached_property
    def by_name(self) -> Mapping[str, tuple[Thing, ...]]:
        """The things of every name from left to right; names in alphabetical order."""
        names = sorted({thing.name for thing in self.things})
        return {
            name: tuple(
                sorted((thing for thing in self.things if thing.name == name), key=lambda thing: thing.box.coordinates)
            )
            for name in names
        }

    @cached_property
    def settled(self) -> tuple[str, ...]:
        """Names of which all things are known: nothing else that was seen could be meant by them."""
        names = list(self.by_name)
        return tuple(
            name
            for name in names
            if not any(may_be_same(name, other) for other in self.doubted)
            and not any(other != name and may_be_same(name, other) for other in names)
        )

    @cached_property
    def single(self) -> tuple[str, ...]:
        """Settled names of exactly one thing: "the dog" says which."""
        return tuple(name for name in self.settled if len(self.by_name[name]) == 1)

    @cached_property
    def countable(self) -> tuple[str, ...]:
        """Settled names whose things can be counted."""
        return tuple(name for name in self.settled if countable(name))

    @cached_property
    def absentees(self) -> Mapping[str, None]:
        """The names of the vocabulary, in its order, that mean nothing which was seen, however faintly."""
        seen = {*self.by_name, *self.doubted}
        return {name: None for name in self.vocabulary if not any(may_be_same(name, other) for other in seen)}

    def absent(self, rng: np.random.Generator, of: str | None = None) -> str | None:
        """A name of the vocabulary that nothing in the picture has; mostly one like something that is there.

        `of`: the name that it should be like. None where no name was found.
        """
        if self.things and rng.random() < _NEAR_MISS:
            base = of if of is not None else self.things[int(rng.random() * len(self.things))].name
            near = dict.fromkeys((*self.near.get(base, ()), *alike(base, self.vocabulary)))
            close = [name for name in near if name in self.absentees]
            if close:
                return close[int(rng.random() * len(close))]
        names = list(self.absentees)
        return names[int(rng.random() * len(names))] if names else None

    def lines_on(self, box: Box) -> tuple[Line, ...] | None:
        """The lines whose middle lies in a box, in reading order; None if it also holds some that are not certain."""
        if self.lines is None or any(shared_area(box, other) > 0 for other in self.unread):
            return None
        touched = [line for line in self.lines if shared_area(box, line.box) > 0]
        inside = tuple(line for line in touched if _holds(box, line.box))
        return inside if len(inside) == len(touched) else None


def find_facts(picture: Picture, vocabulary: Sequence[str], sure: Sureness) -> Facts:
    """What the labels of a picture come to."""
    rejected: Counter[str] = Counter()
    objects = picture.objects or ()
    kept: list[int] = []
    faults: dict[int, str] = {}
    for index in range(len(objects)):
        fault = _fault(index, objects, picture.size, sure)
        if fault:
            faults[index] = fault
        else:
            kept.append(index)
    masks = {mask.of: mask for mask in picture.masks}
    things = [_thing(objects[index], masks.get(index), sure, rejected) for index in kept]
    doubted: set[str] = set()
    near: dict[str, tuple[str, ...]] = {}
    for index in kept:
        label = objects[index]
        possible = _names(label)
        doubted |= {name for name in possible if name != label.name}
        near[label.name] = tuple(name for name, _ in label.others if name not in possible)
    unexplained = 0
    for index, fault in faults.items():
        label = objects[index]
        explained = next((objects[other].name for other in kept if _explains(objects[other], label)), None)
        if explained is not None:
            rejected["object: weaker label of a thing"] += 1
            doubted |= {name for name in _names(label) if name != explained}
        else:
            rejected[fault] += 1
            unexplained += 1
            doubted |= {label.name, *(name for name, _ in label.others)}
    lines, unread = _read_lines(picture.lines or (), sure, rejected)
    return Facts(
        size=picture.size,
        things=tuple(sorted(things, key=lambda thing: (thing.box.y1, thing.box.x1, thing.box.coordinates, thing.name))),
        lines=None if picture.lines is None else lines,
        doubted=frozenset(doubted),
        all_things=picture.objects is not None and not unexplained,
        all_text=picture.lines is not None and not unread,
        unread=unread,
        near=near,
        vocabulary=tuple(vocabulary) if picture.objects is not None else (),
        rejected=rejected,
    )


def _fault(index: int, labels: Sequence[ObjectLabel], size: tuple[int, int], sure: Sureness) -> str:
    """Why a label is not certain; empty if it is."""
    label, box = labels[index], Box(*labels[index].box)
    rivals = [other for place, other in enumerate(labels) if place != index and other.score >= RIVAL * label.score]
    if label.score < sure.objects:
        return "object: score too low"
    if min(box.x2 - box.x1, box.y2 - box.y1) < max(MIN_SIDE, MIN_SHARE * max(size)):
        return "object: too small"
    if any(score >= RIVAL * label.score and name != label.name for name, score in label.others):
        return "object: two names for one box"
    if any(_one_place(label, other) for other in rivals):
        return "object: two boxes for one thing"
    if not _sayable(label.name):
        return "object: a name that data cannot hold"
    return ""


def _names(label: ObjectLabel) -> set[str]:
    """The names that a label may mean."""
    return {label.name, *(name for name, score in label.others if score >= DISMISSED * label.score)}


def _explains(sure: ObjectLabel, other: ObjectLabel) -> bool:
    """Whether a label is a weaker opinion on a thing that is certain."""
    return other.score < RIVAL * sure.score and _one_place(sure, other)


def _one_place(first: ObjectLabel, second: ObjectLabel) -> bool:
    """Whether two labels are about one thing: their boxes agree, or for one name the smaller lies in the larger."""
    a, b = Box(*first.box), Box(*second.box)
    if box_iou(a, b) >= SAME_PLACE:
        return True
    return first.name == second.name and shared_area(a, b) >= INSIDE * min(a.area, b.area)


def _thing(label: ObjectLabel, mask: MaskLabel | None, sure: Sureness, rejected: Counter[str]) -> Thing:
    box = Box(*label.box)
    if mask is None:
        return Thing(label.name, box)
    if mask.score < sure.masks or box_iou(Box(*mask.box), box) < MASK_FITS:
        rejected["mask: poor, or beside its box"] += 1
        return Thing(label.name, box)
    return Thing(label.name, box, mask.rle, mask.area)


def _read_lines(
    labels: Sequence[TextLabel], sure: Sureness, rejected: Counter[str]
) -> tuple[tuple[Line, ...], tuple[Box, ...]]:
    lines, unread = [], []
    for place, label in enumerate(labels):
        box = Box(*label.box)
        if label.score < sure.text:
            reason = "text: score too low"
        elif not _sayable(label.text) or sum(character.isalnum() for character in label.text) < 2:
            reason = "text: too short, or with signs that data cannot hold"
        elif any(
            shared_area(box, Box(*other.box)) > SAME_PLACE * min(box.area, Box(*other.box).area)
            for number, other in enumerate(labels)
            if number != place
        ):
            reason = "text: two lines in one place"
        else:
            lines.append(Line(" ".join(label.text.split()), box))
            continue
        rejected[reason] += 1
        unread.append(box)
    return tuple(lines), tuple(unread)


def _sayable(text: str) -> bool:
    """Whether a text stands in data as it is: printable, and nothing that could be taken for a placeholder or token."""
    return bool(text.strip()) and text.isprintable() and not set("<>|") & set(text) and source_text(text) == text


def shared_area(first: Box, second: Box) -> float:
    """Square pixels that two boxes have in common."""
    across = min(first.x2, second.x2) - max(first.x1, second.x1)
    down = min(first.y2, second.y2) - max(first.y1, second.y1)
    return max(across, 0.0) * max(down, 0.0)


def _holds(outer: Box, inner: Box) -> bool:
    middle = inner.center
    return outer.x1 <= middle.x <= outer.x2 and outer.y1 <= middle.y <= outer.y2
