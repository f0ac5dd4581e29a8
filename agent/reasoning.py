"""Reasoning: what Ferret is asked for a plan, beside what the instruments saw, and what it proposes.

All questions that are shown the same picture go to Ferret at once, so the picture is encoded once; a small region is
shown from close by (`agent.zooming`). Ferret is asked for its own, independent opinion: the instruments' words reach it
only in the check, where the two disagree (`agent.checking`).
"""

from collections.abc import Sequence

from agent.asking import Ask, describe, ground, refer
from agent.general import is_general
from agent.instruments import Instruments
from agent.intents import Intent, Plan, Step
from agent.lexicon import Lexicon
from agent.perception import pictures_of, pointed_at
from agent.state import Json
from ferret.regions import Region
from ferret.words import plural, with_article

# Intents for which a region that was pointed at has to be named.
_NAMES_REGIONS = frozenset({Intent.REFER, Intent.DESCRIBE, Intent.RELATE, Intent.COMPARE, Intent.SEGMENT})


def questions_for(
    plan: Plan, regions: Sequence[Region], marks: Sequence[Json], pictures: int, instruments: Instruments
) -> list[Ask]:
    """What to ask Ferret. `regions` are those given, `marks` the same as JSON, `pictures` how many pictures there
    are.
    """
    asks: dict[str, Ask] = {}
    lexicon = instruments.lexicon()
    for step in plan.steps:
        if step.intent in _NAMES_REGIONS:
            for index in pointed_at(step, len(regions)):
                ask = refer(refer_key(index), regions[index])
                asks.setdefault(ask.key, ask)
        whole = step.intent is Intent.DESCRIBE and not phrases_of(step) and not pointed_at(step, len(regions))
        if whole and instruments.speaks_freely():
            for image in pictures_of(step, pictures, marks):
                asks.setdefault(description_key(image), describe(description_key(image), image))
        for phrase in phrases_of(step):
            name = name_of(phrase, lexicon)
            if name is None:
                continue  # a wider word, such as "animals": the detector looks, and Ferret checks what it finds
            for image in pictures_of(step, pictures, marks):
                ask = _target_question(step, image, name)
                asks.setdefault(ask.key, ask)
    return list(asks.values())


def phrases_of(step: Step) -> list[str]:
    """The noun phrases that a step looks for: its targets, operands and anchors in words; not "things" in general."""
    named = () if step.intent is Intent.REFER else step.targets  # "Is <region1> a dog?" compares the name
    every = [*named, *step.operands, *(one.anchor for one in step.filters)]
    return list(dict.fromkeys(one for one in every if isinstance(one, str) and not is_general(one)))


def name_of(phrase: str, lexicon: Lexicon) -> str | None:
    """The one name that a phrase means, the phrase itself when no model knows it, None when it covers several names."""
    match = lexicon.match(phrase)
    if match.name is not None:
        return match.name
    return None if match.known else phrase


def refer_key(index: int) -> str:
    """Under which Ferret's name for a given region is kept."""
    return f"refer:{index}"


def description_key(image: int) -> str:
    """Under which Ferret's description of a picture is kept."""
    return f"describe:{image}"


def target_key(image: int, name: str) -> str:
    """Under which Ferret's word on a target is kept."""
    return f"target:{image}:{name}"


def _target_question(step: Step, image: int, name: str) -> Ask:
    """The question whose trained answer tells most: all of them answer with boxes, or that there is none."""
    key = target_key(image, name)
    if step.intent is Intent.EXIST:
        return Ask(key, image, f"Is there {with_article(name)}?")
    if step.intent is Intent.COUNT:
        return Ask(key, image, f"How many {plural(name)} are there?")
    return ground(key, image, name, every=step.quantity != "one")
