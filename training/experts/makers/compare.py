"""How things differ: in kind, in size, in number."""

from ferret.words import plural
from training.experts.certainty import Thing
from training.experts.exchange import Asker, Exchange, an, verb
from training.experts.layout import larger
from training.experts.names import countable, may_be_same

_TRIES = 6


def compare_kind(asker: Asker) -> Exchange | None:
    """Whether two regions show the same kind of thing; half of the time they do, if the picture has such a pair."""
    facts = asker.facts
    several = [name for name, found in facts.by_name.items() if len(found) > 1 and countable(name)]
    draft = asker.draft()
    if several and asker.chance(0.5):
        first, second = asker.some(facts.by_name[asker.one(several)], 2, 2)
        question = asker.word("compare_kind", r=draft.region(first), r2=draft.region(second))
        pair = f"{draft.mention(an(first.name), [first])} and {draft.mention(f'another {second.name}', [second])}"
        return draft.exchange("compare", question, f"Yes: {pair}.")
    for _ in range(_TRIES if len(facts.things) > 1 else 0):
        first, second = asker.some(facts.things, 2, 2)
        if not may_be_same(first.name, second.name):
            question = asker.word("compare_kind", r=draft.region(first), r2=draft.region(second))
            pair = f"{draft.mention(an(first.name), [first])} and {draft.mention(an(second.name), [second])}"
            return draft.exchange("compare", question, f"No: {pair}.", negative=True)
    return None


def compare_size(asker: Asker) -> Exchange | None:
    """Which of two things is larger, or smaller, in the picture: marked, or named where there is one of each."""
    facts = asker.facts
    marked = asker.chance(0.5)
    things = list(facts.things) if marked else [thing for name in facts.single for thing in facts.by_name[name]]
    pair = _unequal(asker, things)
    if pair is None:
        return None
    large, small = pair
    draft = asker.draft()
    asked, other, size, room = large, small, "larger", "more"
    if asker.chance(0.5):
        asked, other, size, room = small, large, "smaller", "less"
    order = [asked, other] if asker.chance(0.5) else [other, asked]
    first, second = (draft.region(thing) if marked else f"the {thing.name}" for thing in order)
    question = asker.word("compare_size", r=first, r2=second, size=size, room=room)
    one, two = f"the {asked.name}", f"the {other.name}"
    if asked.name == other.name:  # told apart by the order of the question
        place, rest = ("first", "second") if order[0] is asked else ("second", "first")
        one, two = f"the {place} {asked.name}", f"the {rest} {other.name}"
    bigger = f"{draft.mention(one, [asked])} {verb(asked.name)} {size} than {draft.mention(two, [other])}."
    return draft.exchange("compare", question, bigger)


def compare_number(asker: Asker) -> Exchange | None:
    """Of which of two names there are more; there may be none of one."""
    facts = asker.facts
    if not facts.countable:
        return None
    names = asker.some(facts.countable, 2, 2)
    absent = asker.absent(names[0], countable) if len(names) < 2 or asker.chance(0.2) else None
    if absent is not None:
        names = [names[0], absent]
    if len(names) < 2:
        return None
    first, second = asker.some(names, 2, 2)
    draft = asker.draft()
    one, two = len(facts.by_name.get(first, ())), len(facts.by_name.get(second, ()))
    numbers = f"there {'is' if one == 1 else 'are'} {asker.number(draft, first)} and {asker.number(draft, second)}"
    result = "as many of the one as of the other" if one == two else f"more {plural(first if one > two else second)}"
    question = asker.word("compare_number", first, n2=second, ns2=plural(second))
    return draft.exchange("compare", question, f"{numbers}, so {result}.", absent=[absent] if absent else [])


def _unequal(asker: Asker, things: list[Thing]) -> tuple[Thing, Thing] | None:
    """Two things, the first of which is clearly larger."""
    for _ in range(_TRIES if len(things) > 1 else 0):
        first, second = asker.some(things, 2, 2)
        large = larger(first, second)
        if large is not None:
            return (first, second) if large is first else (second, first)
    return None
