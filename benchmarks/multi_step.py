"""Questions of several steps on held-out scenes, whole answers judged: python benchmarks/multi_step.py --scenes 150

Each scene is asked what its truth can answer without doubt: a question is left out where moving every box by a
twentieth of its size could change what is right. An answer is right as a whole or not at all: the right number of
regions, each over its thing by an IoU of 0.5, the right count, text or yes and no.
"""

import argparse
import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from PIL import Image

from agent import VisionAgent
from agent.answers import Answer
from agent.choosing import gap_between, holds
from agent.inflection import plural
from agent.intents import Relation
from agent.sightings import Sighting
from ferret.regions import Box, box_iou
from training.art import load_art
from training.scenes import SIGN, Scene, SceneMaker, SceneObject, SceneSettings

FIRST_SEED = 7_700_000_000  # of scenes that nothing is trained or tuned on
CALM = SceneSettings(
    objects=(3, 7), scale=(0.16, 0.33), side=(320, 640), min_visible=0.7, repeat=0.6, sign=0.4, restyle=0.2
)
"""Ordinary pictures: few objects, hardly covered, some of a kind."""
JITTER = 0.05
"""How much of its size a box may be off before a question counts as doubtful."""
RELATIONS = {Relation.LEFT: "left of", Relation.RIGHT: "right of", Relation.ABOVE: "above", Relation.BELOW: "below"}

Judge = Callable[[Answer], bool]


@dataclass(frozen=True)
class Question:
    """A question and how its answer is judged."""

    kind: str
    text: str
    judge: Judge
    regions: tuple[str, ...] = ()


def questions(scene: Scene, rng: random.Random) -> Iterator[Question]:
    """Everything that this scene is asked."""
    by_name: dict[str, list[SceneObject]] = defaultdict(list)
    for item in scene.objects:
        by_name[item.name].append(item)
    several = [name for name, items in by_name.items() if len(items) > 1 and name != SIGN]
    single = [name for name, items in by_name.items() if len(items) == 1 and name != SIGN]
    size = (scene.image.shape[1], scene.image.shape[0])
    for name in several:
        items = by_name[name]
        yield from _orders(name, items)
        if not single:
            continue
        anchor = by_name[rng.choice(single)][0]
        relation = rng.choice(list(RELATIONS))
        there = [_surely(relation, item, anchor, size) for item in items]
        if None not in there:
            inside = [item for item, lies in zip(items, there, strict=True) if lies]
            outside = [item for item, lies in zip(items, there, strict=True) if not lies]
            where = f"{RELATIONS[relation]} the {anchor.name}"
            yield Question("count, by place", f"How many {plural(name)} are {where}?", _are(inside, count=True))
            if outside:
                yield Question("segment, not there", f"Outline every {name} that is not {where}.", _cut(outside))
        ranked = sorted(items, key=lambda item: _gap(item, anchor))
        if _gap(ranked[1], anchor) - _gap(ranked[0], anchor) > 0.1 * max(size):
            yield Question("nearest", f"Where is the {name} nearest the {anchor.name}?", _are(ranked[:1]))
        yield Question(
            "count, and find", f"How many {plural(name)} are there, and where is the {anchor.name}?",
            _are([*items, anchor]),
        )  # fmt: skip
    signs = by_name.get(SIGN, [])
    if len(signs) == 1 and single and signs[0].text:
        anchor = by_name[rng.choice(single)][0]
        yield Question("read, nearest", f"What is written on the sign nearest the {anchor.name}?", _says(signs[0].text))
    if len(scene.objects) > 1:
        one, other = rng.sample(list(scene.objects), 2)
        marks = tuple(f"box:{','.join(f'{value:g}' for value in item.box)}" for item in (one, other))
        same = one.name == other.name
        yield Question("same kind", "Is the thing I marked first the same kind as <region2>?", _yes(same), marks)


def _orders(name: str, items: list[SceneObject]) -> Iterator[Question]:
    by_area = sorted(items, key=lambda item: -_area(item))
    if _area(by_area[0]) > 1.35 * _area(by_area[1]):
        yield Question("largest", f"Where is the largest {name}?", _are(by_area[:1]))
        yield Question("largest, cut out", f"Find the largest {name} and cut it out.", _cut(by_area[:1], also=True))
    across = sorted(items, key=_middle)
    if all(_middle(b) - _middle(a) > 2 * JITTER * (b.box[2] - b.box[0]) for a, b in pairwise(across)):
        yield Question("n-th", f"Where is the second {name} from the left?", _are(across[1:2]))


def _area(item: SceneObject) -> float:
    return (item.box[2] - item.box[0]) * (item.box[3] - item.box[1])


def _middle(item: SceneObject) -> float:
    return (item.box[0] + item.box[2]) / 2


def _gap(item: SceneObject, other: SceneObject) -> float:
    return gap_between(_seen(item).region, _seen(other).region)


def _seen(item: SceneObject, dx: float = 0.0, dy: float = 0.0) -> Sighting:
    x1, y1, x2, y2 = item.box
    return Sighting(item.name, 0, (x1 + dx, y1 + dy, x2 + dx, y2 + dy), 1.0, "detector")


def _surely(relation: Relation, item: SceneObject, anchor: SceneObject, size: tuple[int, int]) -> bool | None:
    """Whether a thing lies so to another; None where a little to either side would change it."""
    dx, dy = JITTER * (item.box[2] - item.box[0]), JITTER * (item.box[3] - item.box[1])
    moves = [(0.0, 0.0), (dx, dy), (-dx, dy), (dx, -dy), (-dx, -dy)]
    found = {holds(relation, _seen(item, *move), _seen(anchor), size) for move in moves}
    return found.pop() if len(found) == 1 else None


def _covers(answer: Answer, wanted: list[SceneObject]) -> bool:
    """Whether the regions of an answer are these things, each once or oftener, and nothing else."""
    boxes = [region.box for region in answer.regions if region.source != "user"]
    matched = set()
    for box in boxes:
        fits = [index for index, item in enumerate(wanted) if box_iou(Box(*box), Box(*item.box)) >= 0.5]
        if not fits:
            return False
        matched.update(fits[:1])
    return len(matched) == len(wanted)


def _are(wanted: list[SceneObject], *, count: bool = False) -> Judge:
    def judge(answer: Answer) -> bool:
        counted = not count or f" {len(wanted)} " in answer.text
        return counted and _covers(answer, wanted)

    return judge


def _cut(wanted: list[SceneObject], *, also: bool = False) -> Judge:
    def judge(answer: Answer) -> bool:
        masks = [region for region in answer.regions if region.mask]
        return len(masks) == len(wanted) and (also or len(answer.regions) == len(masks)) and _covers(answer, wanted)

    return judge


def _says(text: str) -> Judge:
    return lambda answer: any((region.text or "").split() == text.split() for region in answer.regions)


def _yes(same: bool) -> Judge:
    return lambda answer: answer.text.lower().startswith("yes" if same else "no")


def main() -> None:
    """Ask, judge and print a line a kind."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--scenes", type=int, default=150)
    options.add_argument("--art", choices=("train", "test"), default="train")
    options.add_argument("--wrong", action="store_true", help="show what was answered wrongly")
    chosen = options.parse_args()
    maker, agent = SceneMaker(load_art(chosen.art), CALM), VisionAgent()
    scores: dict[str, list[bool]] = defaultdict(list)
    for index in range(chosen.scenes):
        scene = maker.make(FIRST_SEED + index)
        picture = Image.fromarray(scene.image)
        for question in questions(scene, random.Random(index)):
            answer = agent.ask(question.text, picture, regions=question.regions)
            right = question.judge(answer)
            scores[question.kind].append(right)
            if chosen.wrong and not right:
                print(f"{question.kind} {FIRST_SEED + index}: {question.text} -> {answer.text}", flush=True)
    every = [right for rights in scores.values() for right in rights]
    print("| kind | questions | whole answer right |\n|---|---|---|")
    for kind, rights in sorted(scores.items()):
        print(f"| {kind} | {len(rights)} | {sum(rights) / len(rights):.2f} |")
    print(f"| all | {len(every)} | {sum(every) / len(every):.2f} |")


if __name__ == "__main__":
    main()
