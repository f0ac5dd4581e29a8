"""Questions and answers about scenes: the instruction data that the embedded model is taught with and tested on.

Every task has one exact form of answer, so that a small model can learn it, and many wordings of its question
(wordings.py). A question carries `<region1>` placeholders; an answer carries boxes as `[x1, y1, x2, y2]` in 0..999 bins
(ferret-spec.md 1.6). Dense referring and dense detection follow Ferret-v2 (section 5).

    make_instructions(scene, np.random.default_rng(0), 10, DEFAULT_WEIGHTS)
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

import numpy as np

from ferret.coordinates import pixel_to_bin
from ferret.errors import TrainingError
from ferret.regions import Region
from ferret.words import counted, is_or_are, plural, with_article
from training.art import load_categories
from training.pointing import REGION_KINDS, Pointer
from training.scenes import SIGN, Scene, SceneObject
from training.signs import random_text
from training.wordings import (
    COORDINATES_WANTED,
    HINT,
    OCR,
    WordingSplit,
    pick,
    question_vocabulary,
    word_question,
    words_of,
)

MIN_VISIBLE = 0.4
"""An object is asked about when at least this much of it can be seen ..."""
MIN_SIDE = 10.0
"""... and both sides of its visible box are at least this many pixels long."""

RELATIONS: tuple[str, ...] = ("left of", "right of", "above", "below", "overlapping")
ABSENT = "There is no {}."
_ONCE = frozenset({"list", "dense_detect", "describe"})
_MAX_DENSE = 6


@dataclass(frozen=True, slots=True)
class Instruction:
    """One question with its regions (pixels of the scene) and the one right answer."""

    task: str
    question: str
    regions: tuple[Region, ...]
    answer: str


@dataclass(frozen=True, slots=True)
class Task:
    """A kind of instruction: its share of the default mixture and what it is, in a line."""

    name: str
    weight: float
    summary: str


TASKS: tuple[Task, ...] = (
    Task("refer_point", 1.6, "name what a point lies on"),
    Task("refer_box", 1.2, "name what a box holds"),
    Task("refer_mask", 1.0, "name what a mask covers"),
    Task("refer_scribble", 0.6, "name what a short stroke lies on"),
    Task("refer_hint", 0.8, "name a region, given another tool's opinion, which is mostly right"),
    Task("ground_one", 1.4, "box the one object of a name"),
    Task("ground_all", 1.0, "box every object of a name, left to right"),
    Task("ground_absent", 1.96, "say that an object asked for is not there (45 % of the grounding questions)"),
    Task("exist", 1.6, "say whether there is one, and where; half of the answers are no"),
    Task("count", 1.2, "count the objects of a name and box them; a fifth of the counts are zero"),
    Task("list", 0.6, "list the names in the picture with their counts, in alphabetical order"),
    Task("dense_detect", 0.8, "name and box every object in raster order"),
    Task("dense_refer", 0.7, "name several regions at once"),
    Task("describe", 0.5, "two or three sentences with boxes and relations"),
    Task("relate", 0.7, "the spatial relation of two regions"),
    Task("read", 0.7, "quote a sign, given all lines that OCR read in the picture"),
)
TASK_NAMES: tuple[str, ...] = tuple(task.name for task in TASKS)
DEFAULT_WEIGHTS: Mapping[str, float] = {task.name: task.weight for task in TASKS}


def make_instructions(
    scene: Scene,
    rng: np.random.Generator,
    count: int,
    weights: Mapping[str, float] = DEFAULT_WEIGHTS,
    split: WordingSplit = "train",
) -> list[Instruction]:
    """Up to `count` instructions about `scene`, tasks drawn by `weights`; fewer when the scene offers too little.

    A task that the scene cannot serve (reading without a sign) is left out. Tasks over the whole picture come at most
    once a scene. Deterministic in the state of `rng`.

    Raises:
        TrainingError: a task is unknown, a weight is negative, or all are zero.
    """
    unknown = sorted(set(weights) - set(TASK_NAMES))
    if unknown:
        raise TrainingError(f"unknown tasks {unknown!r} in the weights; choose from {list(TASK_NAMES)!r}")
    wanted = {name: float(weight) for name, weight in weights.items() if weight != 0}
    if not wanted or min(wanted.values()) < 0:
        raise TrainingError(
            f"task weights must be positive for at least one task, and never negative; got {dict(weights)!r}"
        )
    asker = Asker(scene, rng, split)
    made: list[Instruction] = []
    names, bounds = _cumulative(wanted)
    while len(made) < count and names:
        name = names[min(bisect_right(bounds, rng.random() * bounds[-1]), len(names) - 1)]
        instruction = asker.ask(name)
        if instruction is not None:
            made.append(instruction)
        if instruction is None or name in _ONCE:
            del wanted[name]
            names, bounds = _cumulative(wanted)
    return made


def _cumulative(weights: Mapping[str, float]) -> tuple[list[str], list[float]]:
    return list(weights), list(accumulate(weights.values()))


def count_tasks(instructions: Iterable[Instruction]) -> dict[str, int]:
    """How many instructions there are of each task, in the order of `TASKS`; tasks without any are left out."""
    counts = Counter(instruction.task for instruction in instructions)
    return {name: counts[name] for name in TASK_NAMES if counts[name]}


def answer_vocabulary(names: Iterable[str] | None = None) -> frozenset[str]:
    """Every word, digit and mark that questions and answers over these names may use, except the words of signs.

    By default the names of all categories. Words stand in every case in which they may occur; numbers are given as
    digits, since coordinates take every value of 0..999.
    """
    names = object_names() if names is None else tuple(names)
    words = set(question_vocabulary(names))
    fixed = (
        "The objects are: Here are the categories: There is no . Yes, a No, there is no . The picture shows and . "
        f'The is are. nothing {" ".join(RELATIONS)} [ ] , "'
    )
    words.update(words_of(fixed))
    return frozenset(words)


# --- one scene ------------------------------------------------------------------------------------------------------


class Asker:
    """Asks about one scene: knows which objects are clear enough to ask about, and points at them."""

    def __init__(self, scene: Scene, rng: np.random.Generator, split: WordingSplit = "train") -> None:
        self.scene, self.rng, self.split = scene, rng, split
        self.height, self.width = scene.ids.shape
        self.clear: list[int] = [i for i, item in enumerate(scene.objects) if is_clear(item)]
        """Indices of the objects that may be asked about."""
        self.by_name: dict[str, list[int]] = {}
        for index in self.clear:
            self.by_name.setdefault(scene.objects[index].name, []).append(index)
        for indices in self.by_name.values():
            indices.sort(key=lambda i: scene.objects[i].box)
        clear, present = set(self.clear), {item.name for item in scene.objects}
        self.present = present
        """Names of all objects, clear or not: none of these is ever called absent."""
        unclear = {item.name for i, item in enumerate(scene.objects) if i not in clear}
        self.certain = [name for name in self.by_name if name not in unclear]
        """Names all of whose objects are clear, so that "all" and "how many" have one answer."""
        self.single = [name for name in self.certain if len(self.by_name[name]) == 1]
        self.pointer = Pointer(scene, rng)

    def ask(self, task: str) -> Instruction | None:
        """An instruction of `task`, or None when this scene cannot serve it."""
        made = _MAKERS[task](self)
        if made is None:
            return None
        question, regions, answer = made
        return Instruction(task, question, regions, answer)

    def word(self, family: str, name: str = "", regions: int = 0) -> str:
        return word_question(family, self.split, self.rng, name=name, regions=regions)

    def object(self, index: int) -> SceneObject:
        return self.scene.objects[index]

    def any_clear(self) -> int:
        return self.clear[int(self.rng.random() * len(self.clear))]

    def boxes(self, indices: Sequence[int]) -> str:
        """The boxes of objects as text, one space between them."""
        return " ".join(self.box(i) for i in indices)

    def box(self, index: int) -> str:
        return box_text(self.object(index).box, self.width, self.height)

    def absent_name(self) -> str:
        """A name that no object has: half of the time a relative of one that is there, otherwise any."""
        if self.present and self.rng.random() < 0.5:
            relatives = _relatives(pick(sorted(self.present), self.rng))
            for _ in range(3 if relatives else 0):
                name = pick(relatives, self.rng)
                if name not in self.present:
                    return name
        while True:
            name = pick(object_names(), self.rng)
            if name not in self.present:
                return name


def is_clear(item: SceneObject) -> bool:
    """Whether an object is visible enough to be asked about (`MIN_VISIBLE`, `MIN_SIDE`)."""
    x1, y1, x2, y2 = item.box
    return item.visible >= MIN_VISIBLE and x2 - x1 >= MIN_SIDE and y2 - y1 >= MIN_SIDE


def box_text(box: tuple[float, float, float, float], width: int, height: int) -> str:
    """A box in pixels as Ferret writes it: `[x1, y1, x2, y2]`, each int(pixel * 1000 / size), at most 999."""
    x1, y1, x2, y2 = box
    left, right = pixel_to_bin(x1, width), pixel_to_bin(x2, width)
    return f"[{left}, {pixel_to_bin(y1, height)}, {right}, {pixel_to_bin(y2, height)}]"


def relation(first: SceneObject, second: SceneObject) -> str | None:
    """How the first object lies to the second, one of `RELATIONS`, or None where people would disagree.

    Boxes that share at least 30 % of the smaller one overlap; those that touch less than 5 % lie in the direction that
    dominates the vector between their centres by half as much again.
    """
    ax1, ay1, ax2, ay2 = first.box
    bx1, by1, bx2, by2 = second.box
    shared = max(0.0, min(ax2, bx2) - max(ax1, bx1)) * max(0.0, min(ay2, by2) - max(ay1, by1))
    part = shared / max(1e-9, min((ax2 - ax1) * (ay2 - ay1), (bx2 - bx1) * (by2 - by1)))
    if part >= 0.3:
        return "overlapping"
    if part >= 0.05:
        return None
    dx, dy = (ax1 + ax2 - bx1 - bx2) / 2, (ay1 + ay2 - by1 - by2) / 2
    if abs(dx) >= 1.5 * abs(dy) and dx != 0:
        return "left of" if dx < 0 else "right of"
    if abs(dy) >= 1.5 * abs(dx) and dy != 0:
        return "above" if dy < 0 else "below"
    return None


@lru_cache(maxsize=1)
def _groups() -> Mapping[str, str]:
    return {category.name: category.group for category in load_categories()} | {SIGN: SIGN}


@lru_cache(maxsize=1)
def object_names() -> tuple[str, ...]:
    """The names of everything that a scene can hold, by category number; `sign` is last."""
    return tuple(_groups())


@lru_cache(maxsize=512)
def _relatives(name: str) -> tuple[str, ...]:
    """The other names of a name's group."""
    group = _groups().get(name)
    return tuple(other for other, its in _groups().items() if its == group and other != name)


# --- the tasks: each gives (question, regions, answer), or None where the scene has nothing to ask about --------------

_Made = tuple[str, tuple[Region, ...], str] | None


def _refer(kind: str) -> Callable[[Asker], _Made]:
    def make(asker: Asker) -> _Made:
        if not asker.clear:
            return None
        index = asker.any_clear()
        family = f"refer_{kind}" if asker.rng.random() < 0.25 else "refer"
        answer = with_article(asker.object(index).name)
        return asker.word(family, regions=1), (asker.pointer.region(index, kind),), answer

    return make


def _refer_hint(asker: Asker) -> _Made:
    if not asker.clear:
        return None
    index, rng = asker.any_clear(), asker.rng
    hint = name = asker.object(index).name
    if rng.random() >= 0.85:
        others = [other for other in asker.by_name if other != name]
        hint = pick(others, rng) if others and rng.random() < 0.5 else asker.absent_name()
    kind = REGION_KINDS[int(rng.random() * len(REGION_KINDS))]
    question = asker.word("refer", regions=1) + HINT.format(hint)
    return question, (asker.pointer.region(index, kind),), with_article(name)


def _ground_one(asker: Asker) -> _Made:
    if not asker.single:
        return None
    name = pick(asker.single, asker.rng)
    return _ask_where(asker, "ground_one", name), (), f"{name} {asker.box(asker.by_name[name][0])}"


def _ground_all(asker: Asker) -> _Made:
    if not asker.certain:
        return None
    several = [name for name in asker.certain if len(asker.by_name[name]) > 1]
    name = pick(several if several and asker.rng.random() < 0.75 else asker.certain, asker.rng)
    found = asker.by_name[name]
    what = name if len(found) == 1 else plural(name)
    return _ask_where(asker, "ground_all", name), (), f"{what} {asker.boxes(found)}"


def _ground_absent(asker: Asker) -> _Made:
    name = asker.absent_name()
    family = "ground_one" if asker.rng.random() < 0.58 else "ground_all"
    return _ask_where(asker, family, name), (), ABSENT.format(name)


def _ask_where(asker: Asker, family: str, name: str) -> str:
    if family == "ground_one" and asker.rng.random() < 0.12:
        family = "segment"  # the model grounds, an instrument outlines
    question = asker.word(family, name)
    if question[-1] in ".?" and asker.rng.random() < 0.06:
        question += pick(COORDINATES_WANTED, asker.rng)
    return question


def _exist(asker: Asker) -> _Made:
    if asker.rng.random() < 0.5 or not asker.certain:
        name = asker.absent_name()
        return asker.word("exist", name), (), f"No, there is no {name}."
    name = pick(asker.certain, asker.rng)
    found = asker.by_name[name]
    what = with_article(name) if len(found) == 1 else plural(name)
    return asker.word("exist", name), (), f"Yes, {what} {asker.boxes(found)}."


def _count(asker: Asker) -> _Made:
    if asker.rng.random() < 0.2 or not asker.certain:
        name = asker.absent_name()
        return asker.word("count", name), (), counted(0, name)
    several = [name for name in asker.certain if len(asker.by_name[name]) > 1]
    name = pick(several if several and asker.rng.random() < 0.6 else asker.certain, asker.rng)
    found = asker.by_name[name]
    return asker.word("count", name), (), f"{counted(len(found), name)} {asker.boxes(found)}"


def _list(asker: Asker) -> _Made:
    if not asker.clear:
        return None
    return asker.word("list"), (), name_list({name: len(found) for name, found in asker.by_name.items()})


def name_list(counts: Mapping[str, int]) -> str:
    """Names with their counts as prose, in alphabetical order: "2 apples, a dog and a key"; "nothing" if empty."""
    parts = [with_article(name) if counts[name] == 1 else counted(counts[name], name) for name in sorted(counts)]
    return join_and(parts) if parts else "nothing"


def join_and(parts: Sequence[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    return f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else parts[0]


def _dense_detect(asker: Asker) -> _Made:
    if not asker.clear:
        return None
    order = sorted(asker.clear, key=lambda i: (asker.object(i).box[1], asker.object(i).box[0]))
    found = ", ".join(f"{n}: {asker.object(i).name} {asker.box(i)}" for n, i in enumerate(order, 1))
    return asker.word("dense_detect"), (), f"The objects are: {found}"


def _dense_refer(asker: Asker) -> _Made:
    if len(asker.clear) < 2:
        return None
    rng = asker.rng
    wanted = 2 + int(rng.random() * (min(len(asker.clear), _MAX_DENSE) - 1))
    order = rng.permutation(len(asker.clear))[:wanted].tolist()
    kind = pick(("box", "box", "box", "point", "point", "mask"), rng)
    chosen = [asker.clear[i] for i in order]
    regions = tuple(asker.pointer.region(i, kind) for i in chosen)
    names = ", ".join(f"{n}: {asker.object(i).name}" for n, i in enumerate(chosen, 1))
    return asker.word("dense_refer", regions=len(chosen)), regions, f"Here are the categories: {names}"


def _describe(asker: Asker) -> _Made:
    """The four names that take most room, largest first, then up to two relations between those that occur once."""
    if not asker.clear:
        return None

    def area(name: str) -> float:
        boxes = [asker.object(i).box for i in asker.by_name[name]]
        return sum((x2 - x1) * (y2 - y1) for x1, y1, x2, y2 in boxes)

    names = sorted(asker.by_name, key=lambda name: (-area(name), name))[:4]
    parts = []
    for name in names:
        found = asker.by_name[name]
        what = with_article(name) if len(found) == 1 else counted(len(found), name)
        parts.append(f"{what} {asker.boxes(found)}")
    sentences = [f"The picture shows {join_and(parts)}."]
    single = [name for name in names if len(asker.by_name[name]) == 1]
    for first, second in [(a, b) for n, a in enumerate(single) for b in single[n + 1 :]]:
        how = relation(asker.object(asker.by_name[first][0]), asker.object(asker.by_name[second][0]))
        if how is not None and len(sentences) < 3:
            sentences.append(f"The {first} {is_or_are(first)} {how} the {second}.")
    return asker.word("describe"), (), " ".join(sentences)


def _relate(asker: Asker) -> _Made:
    if len(asker.clear) < 2:
        return None
    rng = asker.rng
    for _ in range(6):
        first, second = rng.permutation(len(asker.clear))[:2].tolist()
        a, b = asker.clear[first], asker.clear[second]
        how = relation(asker.object(a), asker.object(b))
        if how is not None:
            kind = pick(("box", "box", "point", "mask"), rng)
            # A point says little about where a large object that overlaps another one lies.
            kind = "box" if how == "overlapping" else kind
            return asker.word("relate", regions=2), (asker.pointer.region(a, kind), asker.pointer.region(b, kind)), how
    return None


def _read(asker: Asker) -> _Made:
    signs = [i for i in asker.clear if asker.object(i).text]
    if not signs:
        return None
    rng = asker.rng
    index = pick_index(signs, rng)
    hint = ocr_hint(asker, rng)
    kind = pick(("box", "box", "point", "mask"), rng)
    question = asker.word("read", regions=1) + OCR.format(hint)
    return question, (asker.pointer.region(index, kind),), f'"{asker.object(index).text}"'


def pick_index(options: Sequence[int], rng: np.random.Generator) -> int:
    """One of `options`, all equally likely."""
    return options[int(rng.random() * len(options))]


def ocr_hint(asker: Asker, rng: np.random.Generator) -> str:
    """The lines of text in the scene as an OCR engine would report them, with boxes: `"SALE" [..], "OPEN" [..]`.

    A sign of several words is one line or one a word; some hints hold a line that no sign has.
    """
    lines: list[str] = []
    for item in asker.scene.objects:
        if not item.text:
            continue
        words = item.text.split(" ")
        parts = words if len(words) > 1 and rng.random() < 0.3 else [item.text]
        x1, y1, x2, y2 = item.box
        # Letters fill the middle of their board.
        left, right = x1 + (x2 - x1) * (0.05 + 0.15 * rng.random()), x2 - (x2 - x1) * (0.05 + 0.15 * rng.random())
        top, bottom = y1 + (y2 - y1) * (0.05 + 0.2 * rng.random()), y2 - (y2 - y1) * (0.05 + 0.2 * rng.random())
        step = (bottom - top) / len(parts)
        for row, part in enumerate(parts):
            box = (left, top + row * step, right, top + (row + 1) * step)
            lines.append(f'"{part}" {box_text(box, asker.width, asker.height)}')
    if rng.random() < (0.5 if len(lines) == 1 else 0.25):
        side = min(asker.width, asker.height)
        x, y, size = (rng.random(3) * [asker.width * 0.7, asker.height * 0.9, 0.3 * side]).tolist()
        stray = box_text((x, y, x + 8 + size, y + 6 + size / 4), asker.width, asker.height)
        lines.insert(int(rng.random() * (len(lines) + 1)), f'"{random_text(rng)}" {stray}')
    return ", ".join(lines)


_MAKERS: Mapping[str, Callable[[Asker], _Made]] = {
    **{f"refer_{kind}": _refer(kind) for kind in REGION_KINDS},
    "refer_hint": _refer_hint,
    "ground_one": _ground_one,
    "ground_all": _ground_all,
    "ground_absent": _ground_absent,
    "exist": _exist,
    "count": _count,
    "list": _list,
    "dense_detect": _dense_detect,
    "dense_refer": _dense_refer,
    "describe": _describe,
    "relate": _relate,
    "read": _read,
}
