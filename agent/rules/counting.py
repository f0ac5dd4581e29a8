"""Questions about numbers: "How many apples are there?"."""

import re

from agent.intents import Colour, Intent
from agent.lexicon import Lexicon
from agent.noun_phrases import Named, named
from agent.pointing import MARK, PICTURE
from agent.relation_words import ANY_RELATION, LYING, NOT_SO
from agent.rules.common import BE, IN, Draft, pattern

_COUNT_MANY = pattern(
    r"^(?:in total\s*,?\s*|exactly |about |roughly |so )?how (?:many|much) (?P<np>(?!(?:is|are|do|does|did|can|were|"
    r"have)\b).+?)(?<! that)(?<! which)(?<! who)(?P<rest> (?:(?:is|"
    r"are|were|was|do|does|did|can|could|would|have|has|appears?|exists?|shows?|occurs?|you|we|i|there|"
    r"visible|show|found|present)\b|(?:in|inside|within|at) <r).*)?$"
)
_COUNT_TIMES = pattern(
    r"^how (?:many times|often|frequently) (?:do|does|can|is|are) (?:you see |i see |we see )?(?P<np>.+?)(?: "
    r"(?:appear|occur|show up|come up|be seen|shown|repeated|drawn|present))?s?(?P<rest> in <r.*)?$"
)
_COUNT_VERB = pattern(
    r"^(?:re)?(?:count|tally|enumerate the number of|add up|sum up|number) (?:up |out |how many "
    r")?(?P<np>.+?)(?: (?:there are|are there|you (?:can )?see))?$"
)
_COUNT_NUMBER = pattern(
    r"^(?:.*?\b)?(?:number|count|amount|quantity|total(?: (?:number|count|amount))?|tally|headcount) of "
    r"(?:all )?(?P<np>.+?)(?: (?:there are|is|are))?$"
)
_COUNT_TOTAL = pattern(r"^(?:the )?(?:grand )?total (?:number of )?(?P<np>\w.*)$")
_COUNT_BARE = pattern(
    r"^(?:(?:what|give me|tell me) (?:is )?(?:the )?(?:total )?(?:count|number|total)|how many|count|"
    r"how many (?:are|is|were) (?:there|here|shown|visible)|how many (?:do|can|did|could) (?:you|we|i|one) (?:see|"
    r"find|count|"
    r"spot|make out))$"
)
_COUNT_LATE = pattern(
    r"^(?:what is |give me |tell me )?(?P<np>.+?)\s*(?:[:,-]|\s)\s*(?:how many(?: (?:are there|of (?:them|those|"
    r"<it>|<r\*>)))?|count|number|"
    r"total)(?: (?:are there|do you see))?$"
)


_COUNT_KINDS = pattern(
    rf"^ {BE} (?!(?:there|in|visible|shown|present|on|at|you|depicted|left|right|to|above|below|near|next|inside|"
    rf"under|"
    rf"behind|hidden|located|drawn|seen|found|contained|displayed|within)\b|<)(?P<np>.+)$"
)
_COUNT_WHERE = pattern(
    rf"^ (?:{BE} )?(?:there )?(?:(?:that|which) {BE} )?"
    rf"(?P<lies>(?:(?:not|neither) )?(?:{LYING} )*(?:(?:{ANY_RELATION}|{NOT_SO}) (?!which|that).+|"
    rf"(?:mostly |mainly )?(?:{'|'.join(Colour)}|gray)\b.*|"
    r"(?:on|at|to|in|near|towards?|closest to|furthest to) the (?:left|right|top|bottom|upper|lower)\b.*|"
    r"(?:the )?(?:nearest|closest|farthest|furthest) .+))$"
)

_COUNT_FILLER = pattern(
    rf"(?:[ ,](?:{BE}|there|visible|shown|present|found|seen|do|does|did|can|could|would|be|have|has|you|we|i|u|"
    rf"{PICTURE}|one|see|show|shows|contains?|includes?|holds?|depicts?|features?|find|spot|count|make|out|in|on|at|it|here|all|total|altogether|together|here|please|appears?|exists?|occurs?|that|which|"
    r"depicted|drawn|displayed|contained|currently|the|really|actually|exactly|about|recogni[sz]e|identify|detect|notice|<it>|got|located|scene|view))*"
)
_COUNT_ACTS = pattern(
    r"^(?P<acts> (?:do|does|did)(?: not)? (?:touch|overlap|intersect|cover|hide|lie|stand|sit|hang|rest|float|appear|"
    r"be|stay|live|say|read|have)"
    r"\b(?! (?:there|here|anywhere)$).+)$"
)
_IN_REGION = pattern(rf"^ (?:{BE} )?(?:there )?(?:{IN} )+{MARK}$")


def _known(words: str, lexicon: Lexicon) -> bool:
    targets = named(words, lexicon).targets
    return bool(targets) and all(lexicon.names_something(target) for target in targets)


def count(text: str, lexicon: Lexicon) -> Draft | None:
    """COUNT, when the clause asks how many there are."""
    if lexicon.knows(text):
        return None
    if _COUNT_BARE.match(text):
        return Draft(Intent.COUNT, Named(everything=True, quantity="all"))
    for rule in (_COUNT_TOTAL, _COUNT_TIMES, _COUNT_MANY, _COUNT_VERB, _COUNT_NUMBER, _COUNT_LATE):
        match = rule.match(text)
        if match is None or (rule is _COUNT_NUMBER and pattern(r"^(?:describe|where|segment|read)\b").match(text)):
            continue
        words = match["np"]
        rest = match.groupdict().get("rest") or ""
        # "How many of the objects are dogs?" asks for dogs.
        kinds = _COUNT_KINDS.match(rest)
        of = pattern(r"^of (?:the|these|those|all) ").match(words) and kinds and _known(kinds["np"], lexicon)
        if kinds and (of or not named(words, lexicon).targets):
            where = " ".join(re.findall(MARK, words))
            return Draft(Intent.COUNT, named(f"{kinds['np']} {where}", lexicon))
        # "How many stars do not touch the moon?"
        if acts := _COUNT_ACTS.match(rest):
            words, rest = f"{words} that{acts['acts']}", ""
        # "How many apples are left of the tree?" asks for apples left of the tree.
        if (lies := _COUNT_WHERE.match(rest)) and not _IN_REGION.match(rest):
            words = f"{words} that are {lies['lies']}"
        elif marks := re.findall(MARK, rest):
            words = f"{words} in {' '.join(marks)}"
        elif rest and not _COUNT_FILLER.fullmatch(rest):
            words += rest  # what is not understood must not be left out
        return Draft(Intent.COUNT, named(words, lexicon))
    return None
