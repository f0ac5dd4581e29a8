"""What the rules share: the draft that a rule gives, and the words that many of them look for.

A rule reads one trimmed clause (`agent.wording`), whose spaces are single, and gives a draft or None.
"""

import re
from dataclasses import dataclass, field
from functools import cache

from agent.intents import Aspect, Intent, NounPhrase, Relation
from agent.narrowing import Narrowing
from agent.noun_phrases import Named

BE = r"(?:is|are|was|were)"
TEXT = (
    r"(?:texts?|words?|wordings?|writings?|letters?|lettering|inscriptions?|characters?|message|messages|"
    r"captions?|sentences?|phrase|phrases|headlines?|slogans?|typography|script|handwriting)"
)
TEXT_OR_NUMBER = rf"(?:{TEXT}|numbers?|digits?|title)"
WRITTEN = r"(?:written|printed|inscribed|spelled|spelt|engraved|lettered|typed|painted in letters|spelled out)"
IN = r"(?:on|in|inside|at|within|across|upon|over|from|of|by|under|into|for)"


@cache
def pattern(source: str) -> re.Pattern[str]:
    """A compiled pattern that does not mind the case."""
    return re.compile(source, re.IGNORECASE)


@dataclass(frozen=True)
class Draft:
    """A step in the making: what a rule read from a clause, its regions still marks (see `agent.intents.Step`).

    `loose`: the words of the rule are so common that they count only where something known is named. `stated`: the
    clause says that something is there rather than asking for it. `text` is the mark of the text that is looked for
    (`agent.quotations`).
    """

    intent: Intent
    named: Named = field(default_factory=Named)
    relation: Relation | None = None
    aspect: Aspect | None = None
    text: str | None = None
    yes_no: bool = False
    coordinates: bool = False
    loose: bool = False
    stated: bool = False


def things_lying(relation: Relation, found: Named) -> Named:
    """Things in general that lie so to the one operand that was read: "anything left of the dog"."""
    anchor = found.operands[0]
    inner = tuple(one for of, one in found.filters if of == anchor)
    lying = Narrowing(relation=relation, anchor=anchor, inner=inner, words=f"{relation.value} {anchor}")
    return Named(("things",), (), ("things",), "all", filters=(("things", lying),))


def pointing(
    marks: list[str], targets: tuple[str, ...], filters: tuple[tuple[NounPhrase, Narrowing], ...] = ()
) -> Named:
    """Marks and targets as if they had been read from one stretch of words."""
    found = tuple(dict.fromkeys(marks))
    return Named(targets, found, (*found, *targets), filters=filters)
