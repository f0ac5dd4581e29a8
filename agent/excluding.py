"""What a request leaves out: "everything except the dog", "all animals but the cats", "animals that are not dogs"."""

import re
from collections.abc import Callable
from dataclasses import replace

from agent.inflection import is_plural, singular
from agent.intents import Intent
from agent.lexicon import Lexicon
from agent.narrowing import Narrowing, is_colour
from agent.noun_phrases import named
from agent.pointing import MARK
from agent.relation_words import RELATION_WORDS
from agent.rules.common import Draft

_EXCEPT = (
    r"(?:(?:and |but )?not (?:counting|including)|except(?:ing)?(?: for)?|excluding|other than|apart from|aside from|"
    r"with the exception of|leaving out|ignoring|minus)"
)
_AFTER_ALL = r"(?:but(?: for| not)?|save(?: for)?|without)"
_LEFT_OUT = r"(?P<left_out>(?:(?:the|an?|any|my|our|this|that|these|those|every|all) )?\S.*)$"
_SAID = re.compile(rf"^(?P<rest>.+?),? (?:{_EXCEPT}) {_LEFT_OUT}", re.IGNORECASE)
_BUT = re.compile(
    r"^(?P<rest>(?:.* )?(?:all|every|each|any|no|everything|anything|everyone|whatever)\b(?: [^\s,]+){0,6}?),? "
    rf"(?:{_AFTER_ALL}) (?!(?:not|also|then|only|no|for|the (?:bounding|coordinates?|boxes)|coordinates?|boxes)\b)"
    rf"{_LEFT_OUT}",
    re.IGNORECASE,
)
# "beside", unless something is counted up.
_BESIDES = re.compile(
    rf"^(?P<rest>.*\b(?:there|else|see|find|here|anything|everything|something|visible|other [\w-]+|(?!is\b)"
    rf"[\w-]+s)),? besides {_LEFT_OUT}",
    re.IGNORECASE,
)
_ARE_NOT = re.compile(
    rf"^(?P<rest>.+?) (?:that|which|who) (?:is|are) not "
    rf"(?!(?:{RELATION_WORDS}|the same|the only)\b)(?P<left_out>.+)$",
    re.IGNORECASE,
)
_WHICH_ARE_NOT = re.compile(
    rf"^(?P<rest>(?:which|what|how many)(?: of)?(?: [\w-]+){{1,4}}?|what|which) (?P<be>is|are) not "
    rf"(?!(?:{RELATION_WORDS}|the same|the only)\b)(?P<left_out>.+)$",
    re.IGNORECASE,
)
# What is narrowed is left to `agent.narrowing`: "except the red ones", "except the ones near the tree".
_ONES = re.compile(
    r"^(?:the )?(?:ones?|those)\b(?! (?:(?:that|which) (?:is|are) )?(?:the )?(?:nearest|closest|farthest|furthest)\b)",
    re.IGNORECASE,
)
_ALL = re.compile(
    r"^(?:(?:all|each|every)(?: of)?(?: (?:it|them|<it>|those|these|things?))?|everything|anything|(?:all )?(?:the )?"
    r"(?:things|objects|items))(?: else)?(?: (?:that is |that are )?(?:there|here|visible))?$",
    re.IGNORECASE,
)
# More is said behind what is left out: `agent.narrowing` reads it.
_MORE = re.compile(rf"^{MARK} (?!(?:and|or)\b)|\bthan\b", re.IGNORECASE)
# "Is there nothing but trees?" turns yes and no round.
_NOTHING = re.compile(r"\b(?:nothing|nobody|no one)\b", re.IGNORECASE)
_DONE = re.compile(r" (?P<done>segmented|masked|outlined|cut out|isolated)$", re.IGNORECASE)
_WHAT_ELSE = re.compile(r"^(?:(?P<what>what)|who) else\b", re.IGNORECASE)
_LEAVES_OUT = {
    Intent.LIST, Intent.GROUND, Intent.COUNT, Intent.EXIST, Intent.SEGMENT, Intent.DESCRIBE, Intent.READ,
}  # fmt: skip
_ORDER_ALONE = re.compile(
    r"^(?P<order>the (?:.* )?(?:largest|biggest|smallest|tallest|\w+most|highest|lowest|left|right|top|bottom|first|"
    r"second|third|fourth|fifth|last))(?: ones?)?$",
    re.IGNORECASE,
)
_BACKGROUND = re.compile(r"^(?:the )?(?:background|sky|surroundings|rest|scenery)$", re.IGNORECASE)


def all_but(text: str, read: Callable[[str], Draft | None], lexicon: Lexicon) -> Draft | None:
    """What a clause asks for of all but what it leaves out; None when it leaves nothing out, or asks for nothing.

    `read` makes a draft of the clause without that.
    """
    if (found := exclusion(text, lexicon)) is None:
        return None
    rest, left_out = found
    draft = read(rest)
    if draft is None:
        named_alone = named(rest, lexicon)
        if not named_alone.targets or not all(lexicon.names_something(one) for one in named_alone.targets):
            return None
        draft = Draft(Intent.LIST, named_alone)
    if draft.intent not in _LEAVES_OUT or draft.text is not None:
        return None
    targets, intent = draft.named.targets, draft.intent
    if not targets:
        if draft.named.marks or (intent is Intent.DESCRIBE and not draft.named.everything and "every" not in rest):
            return None
        targets = ("things",)
        intent = Intent.LIST if intent in {Intent.GROUND, Intent.DESCRIBE} else intent
    if (alone := _ORDER_ALONE.match(left_out)) and not lexicon.names_something(left_out):
        left_out = f"{alone['order']} {singular(targets[-1])}"  # "except the largest one"
    left_out = re.sub(r"^(?:the )?one\b", f"the {singular(targets[-1])}", left_out, flags=re.IGNORECASE)
    if _BACKGROUND.match(left_out) and not lexicon.names_something(left_out):  # which is no thing
        return replace(draft, intent=intent)
    apart = named(left_out, lexicon)
    if not apart.operands:
        return None
    filters = list(draft.named.filters)
    for operand in apart.operands:
        inner = tuple(one for of, one in apart.filters if of == operand)
        one = Narrowing(others=True, anchor=operand, inner=inner, words=left_out)
        filters += [(target, one) for target in targets]
    quantity = "all" if targets == ("things",) else draft.named.quantity
    read_as = replace(draft.named, targets=targets, operands=targets, filters=tuple(filters), quantity=quantity)
    return replace(draft, intent=intent, named=replace(read_as, everything=False), stated=False)


def exclusion(text: str, lexicon: Lexicon) -> tuple[str, str] | None:
    """(the clause without what it leaves out, the words for that), when it leaves something out at its end."""
    for pattern in (_SAID, _BUT, _BESIDES, _ARE_NOT, _WHICH_ARE_NOT):
        match = pattern.match(text)
        if match is None or lexicon.knows(text):
            continue
        rest, left_out = match["rest"].strip(" ,"), match["left_out"].strip(" ,.?!")
        if _MORE.search(left_out):
            continue
        if not left_out or _NOTHING.search(rest) or _ONES.match(left_out) or is_colour(left_out):
            continue
        if pattern in {_ARE_NOT, _WHICH_ARE_NOT, _BUT} and not _names(left_out, lexicon):
            continue
        if pattern is _WHICH_ARE_NOT:
            rest = f"{rest} {match['be']} there"
        if done := _DONE.search(left_out):  # "I want everything except the dog outlined"
            rest, left_out = f"{rest} {done['done']}", left_out[: done.start()]
        rest = _WHAT_ELSE.sub("what", rest)
        return ("list everything" if _ALL.match(rest) else rest), left_out
    return None


def _names(words: str, lexicon: Lexicon) -> bool:
    """Whether words begin with a determiner, point at something or name something known."""
    plain = re.sub(r"^(?:an?|any|one of the|one) ", "", words, flags=re.IGNORECASE)
    first = re.split(r",| and | or ", plain)[0]
    return re.match(rf"(?:the|my|our|this|that|these|those) |{MARK}", plain, re.I) is not None or (
        lexicon.names_something(first) or bool(lexicon.find(first)) or is_plural(first)
    )
