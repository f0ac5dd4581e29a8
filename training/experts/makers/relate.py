"""How two things lie to each other: marked by regions, named, and asked for a yes or no."""

from collections.abc import Mapping

from training.experts.certainty import Thing
from training.experts.exchange import Asker, Exchange, verb
from training.experts.layout import relation_of

_TRIES = 6
# What is certainly not so where the one is; what is left may also be a little above.
_OPPOSITE: Mapping[str, str] = {"left of": "right of", "right of": "left of", "above": "below", "below": "above"}


def relate_regions(asker: Asker) -> Exchange | None:
    """ "Where is <region1> relative to <region2>?" """
    pair = _related(asker, list(asker.facts.things))
    if pair is None:
        return None
    first, second, how = pair
    draft = asker.draft()
    question = asker.word("relate", r=draft.region(first), r2=draft.region(second))
    one, other = f"the {first.name}", f"the {second.name}"
    if first.name == second.name:
        one, other = f"the first {first.name}", f"the second {second.name}"
    answer = f"{draft.mention(one, [first])} {verb(first.name)} {how} {draft.mention(other, [second])}."
    return draft.exchange("relate", question, answer)


def relate_names(asker: Asker) -> Exchange | None:
    """ "Where is the dog relative to the key?" where there is one of each."""
    pair = _related(asker, [thing for name in asker.facts.single for thing in asker.facts.by_name[name]])
    if pair is None:
        return None
    first, second, how = pair
    draft = asker.draft()
    question = asker.word("relate_names", first.name, the=f"the {first.name}", the2=f"the {second.name}")
    answer = (
        f"{draft.mention(f'the {first.name}', [first])} {verb(first.name)} {how} "
        f"{draft.mention(f'the {second.name}', [second])}."
    )
    return draft.exchange("relate", question, answer)


def check_relation(asker: Asker) -> Exchange | None:
    """ "Is the dog left of the key?", half of the time with the opposite of what is so."""
    pair = _related(asker, [thing for name in asker.facts.single for thing in asker.facts.by_name[name]])
    if pair is None:
        return None
    first, second, how = pair
    asked, word = how, "Yes"
    if how in _OPPOSITE and asker.chance(0.5):
        asked, word = _OPPOSITE[how], "No"
    draft = asker.draft()
    question = asker.word("relate_check", first.name, the=f"the {first.name}", the2=f"the {second.name}", how=asked)
    answer = (
        f"{word}, {draft.mention(f'the {first.name}', [first])} {verb(first.name)} {how} "
        f"{draft.mention(f'the {second.name}', [second])}."
    )
    return draft.exchange("relate", question, answer, negative=word == "No")


def _related(asker: Asker, things: list[Thing]) -> tuple[Thing, Thing, str] | None:
    """Two things between which there is a clear relation."""
    for _ in range(_TRIES if len(things) > 1 else 0):
        first, second = asker.some(things, 2, 2)
        how = relation_of(first.box, second.box)
        if how is not None:
            return first, second, how
    return None
