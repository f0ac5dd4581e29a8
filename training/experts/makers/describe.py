"""Prose: about the whole picture, and about one region with what it lies next to."""

from itertools import combinations

from training.experts.certainty import Thing
from training.experts.exchange import Asker, Draft, Exchange, an, it_is, quoted, sentence, verb
from training.experts.layout import place_of, relation_of
from training.instructions import join_and

MOST_NAMES = 5
MOST_RELATIONS = 2
MOST_LINES = 3


def describe_picture(asker: Asker) -> Exchange | None:
    """The names that take most room, how those that occur once lie to each other, and what can be read."""
    facts = asker.facts
    names = sorted(facts.settled, key=lambda name: (-sum(thing.box.area for thing in facts.by_name[name]), name))
    names = names[:MOST_NAMES]
    if not names or (len(facts.things) < 2 and not facts.all_things):
        return None  # one thing among many that are in doubt is no description
    draft = asker.draft()
    shown = join_and([draft.mention(an(name, len(facts.by_name[name])), facts.by_name[name]) for name in names])
    sentences = [f"The picture shows {shown}."]
    for first, second in combinations([name for name in names if name in facts.single], 2):
        how = relation_of(facts.by_name[first][0].box, facts.by_name[second][0].box)
        if how is not None and len(sentences) <= MOST_RELATIONS:
            sentences.append(f"The {first} {verb(first)} {how} the {second}.")
    lines = list(facts.lines or ())[:MOST_LINES]
    if lines:
        sentences.append(f"One can read {join_and([draft.mention(quoted(line), [line]) for line in lines])}.")
    return draft.exchange("describe", asker.word("describe"), " ".join(sentences))


def describe_region(asker: Asker) -> Exchange | None:
    """What a region shows, where it lies in the picture and to another thing, and what is written on it."""
    facts = asker.facts
    if not facts.things:
        return None
    thing = asker.one(facts.things)
    draft = asker.draft()
    question = asker.word("describe_region", r=draft.region(thing))
    place = place_of(thing.box, facts.size)
    told = f"{it_is(thing.name)} {draft.mention(an(thing.name), [thing])}"
    sentences = [f"{told} in the {place} of the picture." if place is not None else f"{told}."]
    beside = _beside(asker, thing)
    if beside is not None:
        other, how = beside
        sentences.append(sentence(f"{it_is(thing.name)} {how} {draft.mention(f'the {other.name}', [other])}."))
    sentences += _written(draft, asker, thing)
    if len(sentences) == 1 and place is None:
        return None  # a name alone is no description
    return draft.exchange("describe", question, " ".join(sentences))


def _beside(asker: Asker, thing: Thing) -> tuple[Thing, str] | None:
    """A thing that is the only one of its name, and how `thing` lies to it."""
    found = []
    for name in asker.facts.single:
        (other,) = asker.facts.by_name[name]
        how = relation_of(thing.box, other.box) if name != thing.name else None
        if how is not None:
            found.append((other, how))
    return asker.one(found) if found else None


def _written(draft: Draft, asker: Asker, thing: Thing) -> list[str]:
    lines = asker.facts.lines_on(thing.box)
    if not lines:
        return []
    return [f"One can read {join_and([draft.mention(quoted(line), [line]) for line in lines])}."]
