"""Whether something is there; as many answers are no as are yes."""

from training.experts.exchange import Asker, Exchange, an, there_is_no, verb


def exist_yes(asker: Asker) -> Exchange | None:
    """ "Is there a dog?" where there is."""
    if not asker.facts.settled:
        return None
    name = asker.one(asker.facts.settled)
    found = asker.facts.by_name[name]
    draft = asker.draft()
    answer = f"Yes, there {verb(name, len(found))} {draft.mention(an(name, len(found)), found)}."
    return draft.exchange("exist", asker.word("exist", name), answer)


def exist_no(asker: Asker) -> Exchange | None:
    """ "Is there a cat?" where there is none."""
    name = asker.absent()
    if name is None:
        return None
    return asker.draft().exchange("exist", asker.word("exist", name), f"No, {there_is_no(name)}.", absent=[name])
