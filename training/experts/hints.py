"""The labels of the whole picture as hints in a question about a part of it.

Most hints are right. Some lack what the question is about and some are wrong about it, so that a model learns to look
before it believes; the answer stays what the labels say.
"""

from typing import Literal

import numpy as np

from ferret.coordinates import box_to_bins
from ferret.regions import Box, box_iou
from ferret.words import with_article
from training.experts.certainty import Facts, Line, Thing
from training.experts.exchange import Exchange, quoted
from training.experts.wordings import HINTS, NO_HINTS, UNWRITTEN
from training.wordings import pick

Kind = Literal["none", "right", "partial", "wrong"]

MOST_ITEMS = 16
"""A crowded picture's hints keep to so many items, those that matter to the question first."""
_ELSEWHERE = 0.3
"""Share of the wrong items about a thing that have the right name in a wrong place ..."""
_BESIDE = 0.3
"""... which agrees with no thing of the name by this IoU."""


def write_hints(facts: Facts, exchange: Exchange, kind: Kind, rng: np.random.Generator) -> str | None:
    """Hints for a question, as a sentence; None where hints of this kind cannot be given.

    "right" says nothing false, and everything that the answer rests on. "partial" leaves out some or all of that.
    "wrong" has at least one false item about it: another name, another place, other words, or something that is not
    there. "none" is no sentence at all.
    """
    if kind == "none":
        return None
    everything: list[Thing | Line] = [*facts.things, *(facts.lines or ())]
    concerned = [what for what in everything if what in exchange.about]
    others = [what for what in everything if what not in exchange.about]
    spoiled: list[str] = []
    if kind == "partial":
        if not concerned:
            return None
        keep = rng.permutation(len(concerned))[: int(rng.random() * len(concerned))].tolist()
        concerned = [what for place, what in enumerate(concerned) if place in keep]
    elif kind == "wrong":
        item = _spoil(facts, exchange, concerned, rng)
        if item is None:
            return None
        spoiled.append(item)
    room = max(0, MOST_ITEMS - len(concerned))
    chosen = sorted(rng.permutation(len(others))[:room].tolist())
    told = [*concerned, *(others[place] for place in chosen)]
    items = [_item(what, facts.size) for what in everything if what in told] + spoiled
    order = rng.permutation(len(items)).tolist() if rng.random() < 0.5 else range(len(items))
    return pick(HINTS, rng).format("; ".join(items[place] for place in order) if items else NO_HINTS)


def _spoil(facts: Facts, exchange: Exchange, concerned: list[Thing | Line], rng: np.random.Generator) -> str | None:
    """A false item about what the question asks for; what it replaces is taken out of `concerned`."""
    if exchange.absent and (not concerned or rng.random() < 0.5):  # what is asked for is claimed to be there
        name = exchange.absent[int(rng.random() * len(exchange.absent))]
        return _written(with_article(name), _some_box(facts.size, rng), facts.size)
    if not concerned:
        return None
    what = concerned[int(rng.random() * len(concerned))]
    phrase: str | None
    if isinstance(what, Line):
        said, box = _other_words(what.text, rng), what.box
        phrase = None if said is None else f'text "{said}"'
    elif rng.random() < _ELSEWHERE:
        box = _away_from(facts, what, rng)
        phrase = with_article(what.name) if _overlap(facts, what, box) < _BESIDE else None
    else:
        other, box = facts.absent(rng, what.name), what.box
        phrase = None if other is None else with_article(other)
    if phrase is None:
        return None
    concerned.remove(what)
    return _written(phrase, box, facts.size)


def _item(what: Thing | Line, size: tuple[int, int]) -> str:
    return _written(with_article(what.name) if isinstance(what, Thing) else f"text {quoted(what)}", what.box, size)


def _written(phrase: str, box: Box, size: tuple[int, int]) -> str:
    """ "a dog [12, 40, 300, 412]", in bins (ferret-spec 1.6)."""
    return f"{phrase} [{', '.join(map(str, box_to_bins(box, *size)))}]"


def _some_box(size: tuple[int, int], rng: np.random.Generator) -> Box:
    width, height = size
    across, down = (0.1 + 0.4 * rng.random(2)).tolist()
    x, y = (rng.random(2) * (1 - across, 1 - down)).tolist()
    return Box(x * width, y * height, (x + across) * width, (y + down) * height)


def _away_from(facts: Facts, thing: Thing, rng: np.random.Generator) -> Box:
    """A box on which there is nothing of the thing's name: the freest of a few."""
    tries = [_some_box(facts.size, rng) for _ in range(8)]
    return min(tries, key=lambda box: _overlap(facts, thing, box))


def _overlap(facts: Facts, thing: Thing, box: Box) -> float:
    """IoU of a box with the nearest thing of that name."""
    return max(box_iou(box, other.box) for other in facts.by_name[thing.name])


def _other_words(text: str, rng: np.random.Generator) -> str | None:
    """A text misread: two letters swapped, one lost, or other words altogether."""
    roll = rng.random()
    if roll < 0.4:
        place = int(rng.random() * (len(text) - 1))
        said = f"{text[:place]}{text[place + 1]}{text[place]}{text[place + 2 :]}"
    elif roll < 0.7 and len(text) > 2:
        place = int(rng.random() * len(text))
        said = " ".join(f"{text[:place]}{text[place + 1 :]}".split())
    else:
        said = pick(UNWRITTEN, rng)
    return said if said.casefold() != text.casefold() else None
