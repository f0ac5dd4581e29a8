"""What is written: in a region, in the whole picture, whether certain words are, and that nothing is."""

from training.experts.exchange import Asker, Exchange, quoted
from training.experts.wordings import UNWRITTEN
from training.instructions import join_and

_MOST_LINES = 12


def read_line(asker: Asker) -> Exchange | None:
    """A line of text, marked."""
    lines = asker.facts.lines
    if not lines:
        return None
    line = asker.one(lines)
    if asker.facts.lines_on(line.box) != (line,):
        return None
    draft = asker.draft()
    question = asker.word("read", r=draft.region(line))
    return draft.exchange("read", question, f"it says {draft.mention(quoted(line), [line])}.")


def read_thing(asker: Asker) -> Exchange | None:
    """What stands on a thing, or that nothing does."""
    facts = asker.facts
    known = [(thing, lines) for thing in facts.things if (lines := facts.lines_on(thing.box)) is not None]
    if not known:
        return None
    with_text = [(thing, lines) for thing, lines in known if lines]
    thing, lines = asker.one(with_text if with_text and asker.chance(0.8) else known)
    draft = asker.draft()
    question = asker.word("read", r=draft.region(thing))
    if not lines:
        return draft.exchange("read", question, "There is no text on it.", negative=True)
    text = join_and([draft.mention(quoted(line), [line]) for line in lines])
    return draft.exchange("read", question, f"it says {text}.")


def read_all(asker: Asker) -> Exchange | None:
    """All text of the picture, or that there is none."""
    facts = asker.facts
    if facts.lines is None or not facts.all_text or len(facts.lines) > _MOST_LINES:
        return None
    draft = asker.draft()
    question = asker.word("read_all")
    if not facts.lines:
        return draft.exchange("read", question, "There is no text in the picture.", negative=True)
    text = ", ".join(draft.mention(quoted(line), [line]) for line in facts.lines)
    return draft.exchange("read", question, f"the text reads: {text}.")


def check_text(asker: Asker) -> Exchange | None:
    """ "Does it say "SALE" anywhere?", half of the time with words that are nowhere."""
    facts = asker.facts
    if facts.lines is None or not facts.all_text:
        return None
    draft = asker.draft()
    if facts.lines and asker.chance(0.5):
        line = asker.one(facts.lines)
        question = asker.word("read_check", text=quoted(line))
        return draft.exchange("read", question, f"Yes, it says {draft.mention(quoted(line), [line])}.")
    said = "".join("".join(line.text.split()).casefold() for line in facts.lines)
    words = [word for word in UNWRITTEN if "".join(word.split()).casefold() not in said]
    if not words:
        return None
    text = f'"{asker.one(words)}"'
    question = asker.word("read_check", text=text)
    return draft.exchange("read", question, f"No, it does not say {text}.", negative=True)
