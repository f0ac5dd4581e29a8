"""Questions whether, and where, a certain text stands: 'Does any sign say "open"?', "Where does it say exit?"."""

import re

from agent.intents import Intent
from agent.lexicon import Lexicon
from agent.narrowing import says_so
from agent.noun_phrases import Named, named
from agent.quotations import QUOTED, SAYS, WORDS
from agent.rules.common import BE, WRITTEN, Draft, pattern
from agent.rules.reading import readable

_THERE = (
    rf"{BE} there|(?:do|can|could|did) (?:you|we|i|one)(?: \w+ly)? (?:see|find|spot|notice|read|make out)|"
    r"(?:got|any)(?= )|there (?:is|are)"
)
_YES_NO = pattern(rf"^(?:(?P<there>{_THERE})|(?P<does>do(?:es)?|did|has|have)|(?P<is>{BE}))\b")
_WHERE = pattern(
    rf"^(?:where(?:abouts)?(?: (?:exactly|else))?(?: (?:(?:can|could|do) (?:i|you|we|one) (?:see|find|read|spot)|{BE}|"
    r"do(?:es)?|did))?|(?:find|locate|spot|highlight|mark|box|circle|list|name|read|identify|(?:look|search) for|"
    r"point(?: me)? (?:to|at|out)|show(?: me)?(?: where)?|give me|i (?:want|need|am looking for)|looking for)|"
    r"how many|which(?: ones?)?|what)\b"
)
_SAYING = pattern(
    rf"\s*(?:\b(?:(?:that|which|who) )?(?:(?:do|does|did|{BE}) )?{SAYS}\b(?: (?:something like|(?:the )?{WORDS}))?|"
    rf"\b(?:with|has|have|having|that has|carrying|bearing|showing|that shows)(?: (?:the|a))?(?: {WORDS})?|"
    rf"\b(?:<it> )?{WRITTEN}|\b(?:labell?ed|marked)(?: with)?|\b(?:the )?(?:single |exact )?{WORDS})[:,]?$"
)
_FILLER = pattern(
    rf"^(?:(?:{BE}|{WRITTEN}|visible|shown|there|here|anywhere|somewhere|at all|displayed|appears?|stands?|to be "
    r"(?:seen|found)|present|(?:on|upon|in|across) (?:it|<it>|them)(?! \w))(?: |$))+"
)
_ON = pattern(r"^(?:on|upon|in|inside|across|at)(?= (?:the|an?|any|one|each|every|this|that|my)\b| <)\s*")
# "The sign says stop."
_STATED = pattern(r"^(?:(?:the|an?|my|this|that|any|some|every|one|each) (?:[\w-]+ ){0,3}[\w-]+|(?:an?other )?ones?)?$")
# "What is next to the sign that says exit?"
_OTHER = pattern(rf"(?:^|(?<!that )(?<!which )(?<!who )\b)(?:{BE}|do|does|not)\b")
# "Where is the dog relative to the sign that says exit?"
_MEASURED = pattern(r"\b(?:relative|relation|respect|compared|to|from|than)\b")
_HOW_MANY = pattern(r"^how many\b")
_JOINED = pattern(r"^(?:,|and\b|or\b)")
_RELATIVE = pattern(r"^\s*(?:that|which|who|with|saying|reading|labell?ed|marked|carrying|bearing|showing)\b")
_NOBODY = re.compile(r"^(?:it|<it>|they|one|ones)?$", re.IGNORECASE)


def _alone(carrier: str, text: str, lexicon: Lexicon) -> bool:
    """Whether in "<carrier> that says <text>" one noun is named, and that says it: not so in "the dog near the sign",
    "the dog and the sign".
    """
    targets = named(carrier, lexicon).targets
    return len(targets) < 2 and not any(map(_MEASURED.search, targets)) and says_so(carrier, text, lexicon)


def search(text: str, lexicon: Lexicon) -> Draft | None:
    """READ with the text that is looked for, when the clause holds one and only asks whether or where it stands."""
    held = re.search(QUOTED, text)
    head = _YES_NO.match(text) or _WHERE.match(text)
    if held is None or (head is not None and head.end() > held.start()):
        return None
    before = text[head.end() if head else 0 : held.start()].strip()
    saying = _SAYING.search(before)
    said = saying is not None
    before = before[: saying.start()] if saying is not None else before
    rest = text[held.end() :].strip()
    after = _FILLER.sub("", rest)
    yes_no = head is not None and head.re is _YES_NO
    carrier = before.strip(" ,:")
    if head is None and (after or not (said or text == held[0]) or not _STATED.match(carrier)):
        return None
    if _OTHER.search(carrier) or (_HOW_MANY.match(text) and _OTHER.match(rest)):
        return None
    relative = saying is not None and _RELATIVE.match(saying[0]) is not None
    tells = relative and carrier and not _NOBODY.match(carrier)
    if tells and (_JOINED.match(after) or not _alone(carrier, held[0], lexicon)):
        return None  # what says so is told from others by that, and more is asked
    of_one = yes_no and head is not None and (head["is"] or (head["does"] and relative))
    if of_one and (after if carrier else not _ON.match(after) and after):
        return None  # more is asked of the one that says so: "Is the sign that says exit red?"
    if _NOBODY.match(carrier) and (on := _ON.match(after)):
        carrier, after = after[on.end() :], ""
    found = readable(f"{carrier} {after}".strip(), lexicon)
    found = found if carrier else Named()
    if tells and any(narrow.order is not None for _, narrow in found.filters):
        return None  # the largest of those that say so
    stated = head is None
    return Draft(Intent.READ, found, yes_no=yes_no, text=held[0], coordinates=not yes_no, stated=stated)
