"""Outlines: the model answers with a box, and the mask that belongs to it travels beside the answer."""

from training.experts.exchange import Asker, Exchange, an, the, there_is_no


def segment_name(asker: Asker) -> Exchange | None:
    """ "Segment the dog.", or all dogs, where every one has a mask."""
    facts = asker.facts
    names = [
        name
        for name in facts.settled
        if all(thing.mask for thing in facts.by_name[name]) and (name in facts.single or name in facts.countable)
    ]
    draft = asker.draft(boxes=True)
    if not names or not draft.boxes_wanted:
        return None
    name = asker.one(names)
    found = facts.by_name[name]
    question = asker.word("segment" if len(found) == 1 else "segment_all", name)
    return draft.exchange("segment", question, f"{draft.mention(the(name, len(found)), found)}.")


def segment_region(asker: Asker) -> Exchange | None:
    """ "Segment <region1>.", answered with what it is."""
    things = [thing for thing in asker.facts.things if thing.mask]
    draft = asker.draft(boxes=True)
    if not things or not draft.boxes_wanted:
        return None
    thing = asker.one(things)
    question = asker.word("segment_region", r=draft.region(thing))
    return draft.exchange("segment", question, f"{draft.mention(an(thing.name), [thing])}.")


def segment_absent(asker: Asker) -> Exchange | None:
    """ "Segment the cat." where there is none."""
    name = asker.absent()
    if name is None or asker.coordinates == "refused":
        return None
    answer = f"{there_is_no(name)} to segment."
    return asker.draft().exchange("segment", asker.word("segment", name), answer, absent=[name])
