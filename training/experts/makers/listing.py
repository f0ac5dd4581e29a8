"""What is there: everything, everything with its place, and which of some things that somebody names."""

from training.experts.exchange import Asker, Exchange, an
from training.instructions import join_and


def list_all(asker: Asker) -> Exchange | None:
    """Every name with its number, in alphabetical order, where nothing that was seen is in doubt."""
    facts = asker.facts
    if not facts.things or not facts.all_things:
        return None
    draft = asker.draft()
    parts = [draft.mention(an(name, len(found)), found) for name, found in facts.by_name.items()]
    return draft.exchange("list", asker.word("list"), f"{join_and(parts)}.")


def list_places(asker: Asker) -> Exchange | None:
    """The dense detection of Ferret-v2 in raster order (ferret-spec 5)."""
    facts = asker.facts
    draft = asker.draft(boxes=True)
    if not facts.things or not facts.all_things or not draft.boxes_wanted:
        return None
    found = ", ".join(f"{number}: {draft.mention(thing.name, [thing])}" for number, thing in enumerate(facts.things, 1))
    return draft.exchange("list", asker.word("list_places"), f"The objects are: {found}.")


def list_which(asker: Asker) -> Exchange | None:
    """Which of two to five names are there; some or all of them are not."""
    facts = asker.facts
    present = asker.some(facts.settled, 0, 3) if facts.settled else []
    absent: list[str] = []
    for _ in range(int(asker.rng.integers(1, 4))):
        name = asker.absent(accept=lambda name: name not in absent)
        if name is not None:
            absent.append(name)
    asked = asker.some([*present, *absent], 2, 5)
    here, missing = [name for name in asked if name in present], [name for name in asked if name in absent]
    if len(asked) < 2:
        return None
    draft = asker.draft()
    parts = [draft.mention(an(name, len(facts.by_name[name])), facts.by_name[name]) for name in here]
    question = asker.word("list_which", names=f"{', '.join(an(name) for name in asked[:-1])} or {an(asked[-1])}")
    return draft.exchange("list", question, f"{join_and(parts) if parts else 'none of them'}.", absent=missing)
