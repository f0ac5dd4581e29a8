"""The questions of `ferret evaluate scenes`: one of each kind a scene, with the truth beside it.

Scenes come from seeds that training never draws, wordings from the held-out third of wordings.py. A scene gives at most
one question of a kind, so that the questions of a kind are independent and their standard error is plain.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ferret.errors import TrainingError
from ferret.regions import Box, Region
from training.instructions import RELATIONS, Asker, pick_index, relation
from training.pointing import REGION_KINDS
from training.scene_scores import SCORERS, Truth
from training.scenes import Scene, SceneMaker, SceneSettings
from training.wordings import pick

FIRST_SEED = 1 << 40
"""Scenes of evaluation count up from here; training draws its seeds below."""

KINDS: tuple[str, ...] = tuple(SCORERS)
SIGN_KINDS = frozenset({"read"})
"""Kinds asked about scenes that all hold a sign, which few scenes do by themselves."""
_SIGN_SEED_OFFSET = 1 << 32
_MAX_SCENES_PER_QUESTION = 40


@dataclass(frozen=True, slots=True)
class Question:
    """One question about the scene of `seed`. `id` names it within one kind of art."""

    id: str
    kind: str
    seed: int
    text: str
    regions: tuple[Region, ...]
    truth: Truth


def evaluation_scenes(
    maker: SceneMaker, count: int, kinds: Sequence[str] = KINDS, first_seed: int = FIRST_SEED
) -> Iterator[tuple[Scene, list[Question]]]:
    """Scenes with their questions, until every kind has been asked `count` times. Deterministic.

    Raises:
        TrainingError: a kind is unknown, or the scenes of `maker` hardly ever allow one.
    """
    unknown = sorted(set(kinds) - set(KINDS))
    if unknown:
        raise TrainingError(f"unknown kinds of questions {unknown!r}; choose from {list(KINDS)!r}")
    plain = [kind for kind in kinds if kind not in SIGN_KINDS]
    signs = [kind for kind in kinds if kind in SIGN_KINDS]
    yield from _ask_about(maker, maker.settings, count, plain, first_seed)
    yield from _ask_about(maker, replace(maker.settings, sign=1.0), count, signs, first_seed + _SIGN_SEED_OFFSET)


def _ask_about(
    maker: SceneMaker, settings: SceneSettings, count: int, kinds: Sequence[str], seed: int
) -> Iterator[tuple[Scene, list[Question]]]:
    open_kinds = dict.fromkeys(kinds, count) if count > 0 else {}
    last = seed + _MAX_SCENES_PER_QUESTION * count + 100
    while open_kinds:
        if seed == last:
            raise TrainingError(
                f"the scenes give too few questions of the kinds {sorted(open_kinds)!r}; widen the scene settings"
            )
        scene = maker.make(seed, settings)
        questions = questions_about(scene, list(open_kinds))
        for question in questions:
            open_kinds[question.kind] -= 1
            if not open_kinds[question.kind]:
                del open_kinds[question.kind]
        if questions:
            yield scene, questions
        seed += 1


def questions_about(scene: Scene, kinds: Sequence[str]) -> list[Question]:
    """One question of each of `kinds` that the scene allows; what one kind asks does not depend on the others."""
    made = []
    for kind in kinds:
        asker = Asker(scene, np.random.default_rng([scene.seed, KINDS.index(kind)]), "heldout")
        drawn = _MAKERS[kind](asker)
        if drawn is not None:
            text, regions, truth = drawn
            made.append(Question(f"{kind}-{scene.seed}", kind, scene.seed, text, regions, truth))
    return made


# --- one question a kind: (text, regions, truth), or None where the scene does not allow it --------------------------

_Drawn = tuple[str, tuple[Region, ...], Truth] | None


def _boxes(asker: Asker, indices: Sequence[int]) -> tuple[Box, ...]:
    return tuple(Box(*asker.object(i).box) for i in indices)


def _refer(kind: str) -> Callable[[Asker], _Drawn]:
    def draw(asker: Asker) -> _Drawn:
        if not asker.clear:
            return None
        index = pick_index(asker.clear, asker.rng)
        family = f"refer_{kind}" if asker.rng.random() < 0.25 else "refer"
        region = asker.pointer.region(index, kind)
        return asker.word(family, regions=1), (region,), Truth(name=asker.object(index).name)

    return draw


def _ground_one(asker: Asker) -> _Drawn:
    if not asker.single:
        return None
    name = pick(asker.single, asker.rng)
    return asker.word("ground_one", name), (), Truth(name=name, boxes=_boxes(asker, asker.by_name[name]))


def _ground_all(asker: Asker) -> _Drawn:
    several = [name for name in asker.certain if len(asker.by_name[name]) > 1]
    if not several:
        return None
    name = pick(several, asker.rng)
    return asker.word("ground_all", name), (), Truth(name=name, boxes=_boxes(asker, asker.by_name[name]))


def _absent(asker: Asker) -> _Drawn:
    name = asker.absent_name()
    family = "ground_one" if asker.rng.random() < 0.6 else "ground_all"
    return asker.word(family, name), (), Truth(name=name, present=False)


def _exist(asker: Asker) -> _Drawn:
    """Half of the scenes are asked about something absent, by the parity of the seed."""
    present = asker.scene.seed % 2 == 0
    if present and not asker.certain:
        return None
    name = pick(asker.certain, asker.rng) if present else asker.absent_name()
    return asker.word("exist", name), (), Truth(name=name, present=present)


def _count(asker: Asker) -> _Drawn:
    """A fifth none, otherwise any name, with a preference for those that occur more than once."""
    if asker.rng.random() < 0.2 or not asker.certain:
        name = asker.absent_name()
        return asker.word("count", name), (), Truth(name=name, present=False)
    several = [name for name in asker.certain if len(asker.by_name[name]) > 1]
    name = pick(several if several and asker.rng.random() < 0.6 else asker.certain, asker.rng)
    return asker.word("count", name), (), Truth(name=name, boxes=_boxes(asker, asker.by_name[name]))


def _all_objects(family: str) -> Callable[[Asker], _Drawn]:
    def draw(asker: Asker) -> _Drawn:
        if not asker.clear:
            return None
        labels = tuple(asker.object(i).name for i in asker.clear)
        return asker.word(family), (), Truth(boxes=_boxes(asker, asker.clear), labels=labels)

    return draw


def _segment(asker: Asker) -> _Drawn:
    if not asker.single:
        return None
    name = pick(asker.single, asker.rng)
    index = asker.by_name[name][0]
    truth = Truth(name=name, boxes=_boxes(asker, [index]), mask=asker.scene.mask(index))
    return asker.word("segment", name), (), truth


def _relate(asker: Asker) -> _Drawn:
    related = [
        (a, b, how)
        for a in asker.clear
        for b in asker.clear
        if a != b and (how := relation(asker.object(a), asker.object(b))) is not None
    ]
    if not related:
        return None
    # The rare relations are asked about as often as the common ones.
    wanted = RELATIONS[int(asker.rng.random() * len(RELATIONS))]
    related = [pair for pair in related if pair[2] == wanted] or related
    a, b, how = related[int(asker.rng.random() * len(related))]
    regions = (asker.pointer.region(a, "box"), asker.pointer.region(b, "box"))
    return asker.word("relate", regions=2), regions, Truth(text=how)


def _read(asker: Asker) -> _Drawn:
    signs = [i for i in asker.clear if asker.object(i).text]
    if not signs:
        return None
    index = pick_index(signs, asker.rng)
    region = asker.pointer.region(index, pick(("point", "box", "mask"), asker.rng))
    return (
        asker.word("read", regions=1),
        (region,),
        Truth(name=asker.object(index).name, text=str(asker.object(index).text)),
    )


_MAKERS: Mapping[str, Callable[[Asker], _Drawn]] = {
    **{f"refer_{kind}": _refer(kind) for kind in REGION_KINDS},
    "ground_one": _ground_one,
    "ground_all": _ground_all,
    "absent": _absent,
    "exist": _exist,
    "count": _count,
    "list": _all_objects("list"),
    "dense_detect": _all_objects("dense_detect"),
    "segment": _segment,
    "relate": _relate,
    "read": _read,
}
