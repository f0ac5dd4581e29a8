"""Words in, regions out: where one thing is, all of a name, several names, a text, and what is not there."""

from collections.abc import Sequence

from ferret.words import plural
from training.experts.certainty import Line, Thing
from training.experts.exchange import Asker, Draft, Exchange, sentence, the, there_is_no, verb
from training.experts.layout import place_of
from training.experts.names import countable
from training.instructions import join_and


def find_one(asker: Asker) -> Exchange | None:
    """ "Where is the dog?" where there is exactly one."""
    if not asker.facts.single:
        return None
    name = asker.one(asker.facts.single)
    draft = asker.draft(boxes=True)
    answer = _placed(draft, asker, f"the {name}", verb(name), asker.facts.by_name[name])
    return None if answer is None else draft.exchange("ground", asker.word("ground_one", name), answer)


def find_all(asker: Asker) -> Exchange | None:
    """ "Find all dogs." where there are several."""
    names = [name for name in asker.facts.countable if len(asker.facts.by_name[name]) > 1]
    if not names:
        return None
    name = asker.one(names)
    found = asker.facts.by_name[name]
    draft = asker.draft(boxes=True)
    question = asker.word("ground_all", name)
    if draft.boxes_wanted:
        return draft.exchange("ground", question, f"{draft.mention(the(name, len(found)), found)}.")
    places = [place_of(thing.box, asker.facts.size) for thing in found]
    if None in places or len(set(places)) < len(places):
        return None
    spread = join_and([f"one in the {place}" for place in places])
    return draft.exchange("ground", question, f"{draft.mention(the(name, len(found)), found)} are here: {spread}.")


def find_several(asker: Asker) -> Exchange | None:
    """Two or three names at once, one of which may be absent."""
    if not asker.facts.settled:
        return None
    names = asker.some(asker.facts.settled, 1, 3)
    absent = asker.absent(names[0]) if asker.chance(0.35) else None
    asked = names if absent is None else [*names, absent]
    if len(asked) < 2:
        return None
    asked = asker.some(asked, len(asked), len(asked))
    draft = asker.draft(boxes=True)
    sentences = []
    for name in asked:
        if name == absent:
            sentences.append(f"{sentence(there_is_no(name))}.")
            continue
        found = asker.facts.by_name[name]
        if not draft.boxes_wanted and len(found) > 1:
            return None
        answer = _placed(draft, asker, the(name, len(found)), verb(name, len(found)), found)
        if answer is None:
            return None
        sentences.append(sentence(answer))
    question = asker.word("ground_several", names=join_and([f"the {_called(asker, name)}" for name in asked]))
    return draft.exchange("ground", question, " ".join(sentences), absent=[absent] if absent else [])


def find_absent(asker: Asker) -> Exchange | None:
    """ "Where is the cat?" where there is none."""
    name = asker.absent()
    if name is None:
        return None
    draft = asker.draft()
    if countable(name) and asker.chance(0.35):
        return draft.exchange("ground", asker.word("ground_all", name), f"There are no {plural(name)}.", absent=[name])
    return draft.exchange("ground", asker.word("ground_one", name), f"{there_is_no(name)}.", absent=[name])


def find_text(asker: Asker) -> Exchange | None:
    """ "Where does it say "SALE"?" where one line says so."""
    lines = asker.facts.lines or ()
    said = [line.text.casefold() for line in lines]
    once = [line for line in lines if sum(line.text.casefold() in text for text in said) == 1]
    if not once or not asker.facts.all_text:
        return None
    line = asker.one(once)
    draft = asker.draft(boxes=True)
    answer = _placed(draft, asker, f'the text "{line.text}"', "is", [line])
    question = asker.word("ground_text", text=f'"{line.text}"')
    return None if answer is None else draft.exchange("ground", question, answer)


def _placed(draft: Draft, asker: Asker, phrase: str, is_: str, found: Sequence[Thing | Line]) -> str | None:
    """A phrase with its boxes, or with its place in words; None where a place is wanted and there is no word for it."""
    if draft.boxes_wanted:
        return f"{draft.mention(phrase, found)}."
    place = place_of(found[0].box, asker.facts.size)
    if place is None:
        return None
    return f"{draft.mention(phrase, found)} {is_} in the {place} of the picture."


def _called(asker: Asker, name: str) -> str:
    """The name as somebody asks for it: in the plural where there are several."""
    return plural(name) if len(asker.facts.by_name.get(name, ())) > 1 else name
