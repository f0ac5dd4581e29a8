"""Regions in, words out: name one, name several, confirm or deny a name, choose between two."""

from training.experts.exchange import Asker, Exchange, an, it_is
from training.experts.names import may_be_same

MOST_REGIONS = 8


def name_region(asker: Asker) -> Exchange | None:
    """ "What is <region1>?" """
    if not asker.facts.things:
        return None
    thing = asker.one(asker.facts.things)
    draft = asker.draft()
    question = asker.word("refer", r=draft.region(thing))
    return draft.exchange("refer", question, f"{draft.mention(an(thing.name), [thing])}.")


def name_regions(asker: Asker) -> Exchange | None:
    """The dense referring of Ferret-v2 (ferret-spec 5)."""
    if len(asker.facts.things) < 2:
        return None
    things = asker.some(asker.facts.things, 2, MOST_REGIONS)
    draft = asker.draft()
    regions = ", ".join(f"{number}: {draft.region(thing)}" for number, thing in enumerate(things, 1))
    named = ", ".join(f"{number}: {draft.mention(thing.name, [thing])}" for number, thing in enumerate(things, 1))
    return draft.exchange("refer", asker.word("refer_regions", regions=regions), f"Here are the categories: {named}.")


def check_name(asker: Asker) -> Exchange | None:
    """ "Is <region1> a dog?", half of the time with another name, near the right one if there is such a name."""
    if not asker.facts.things:
        return None
    thing = asker.one(asker.facts.things)
    draft = asker.draft()
    region = draft.region(thing)
    if asker.chance(0.5):
        question = asker.word("refer_check", thing.name, r=region)
        return draft.exchange("refer", question, f"Yes, {it_is(thing.name)} {draft.mention(an(thing.name), [thing])}.")
    wrong = _other_name(asker, thing.name)
    if wrong is None:
        return None
    question = asker.word("refer_check", wrong, r=region)
    answer = f"No, {it_is(thing.name)} {draft.mention(an(thing.name), [thing])}, not {an(wrong)}."
    return draft.exchange("refer", question, answer, negative=True)


def choose_name(asker: Asker) -> Exchange | None:
    """The LVIS question of the released evaluation (ferret-spec 4): one of two names is right."""
    if not asker.facts.things:
        return None
    thing = asker.one(asker.facts.things)
    wrong = _other_name(asker, thing.name)
    if wrong is None:
        return None
    draft = asker.draft()
    names = [an(thing.name), an(wrong)]
    if asker.chance(0.5):
        names.reverse()
    question = asker.word("refer_choice", r=draft.region(thing), names=" or ".join(names))
    return draft.exchange("refer", question, f"{draft.mention(an(thing.name), [thing])}.")


def _other_name(asker: Asker, name: str) -> str | None:
    """A name that does not fit a thing called `name`: of something absent, or of something else in the picture."""
    others = [other for other in asker.facts.settled if not may_be_same(name, other)]
    if others and asker.chance(0.3):
        return asker.one(others)
    return asker.absent(name)
