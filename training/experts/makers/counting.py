"""How many there are: of one name, of two, and of what is not there."""

from ferret.words import plural
from training.experts.exchange import Asker, Draft, Exchange
from training.experts.names import countable


def count_name(asker: Asker) -> Exchange | None:
    """The things of a name; where some names have several, mostly one of those."""
    facts = asker.facts
    if not facts.countable:
        return None
    several = [name for name in facts.countable if len(facts.by_name[name]) > 1]
    name = asker.one(several if several and asker.chance(0.6) else facts.countable)
    draft = asker.draft()
    return draft.exchange("count", asker.word("count", name), f"{_counted(draft, asker, name)}.")


def count_absent(asker: Asker) -> Exchange | None:
    """Something of which there is none."""
    name = asker.absent(accept=countable)
    if name is None:
        return None
    return asker.draft().exchange("count", asker.word("count", name), f"There are no {plural(name)}.", absent=[name])


def count_several(asker: Asker) -> Exchange | None:
    """Two names, one of which may be absent."""
    facts = asker.facts
    if not facts.countable:
        return None
    names = asker.some(facts.countable, 1, 2)
    absent = [] if len(names) == 2 else [asker.absent(names[0], countable)]
    asked = [name for name in (*names, *absent) if name is not None]
    if len(asked) < 2:
        return None
    first, second = asker.some(asked, 2, 2)
    draft = asker.draft()
    answer = f"{_counted(draft, asker, first)} and {asker.number(draft, second)}."
    question = asker.word("count_several", first, n2=second, ns2=plural(second))
    return draft.exchange("count", question, answer, absent=[name for name in absent if name is not None])


def _counted(draft: Draft, asker: Asker, name: str) -> str:
    count = len(asker.facts.by_name.get(name, ()))
    return f"There {'is' if count == 1 else 'are'} {asker.number(draft, name)}"
