"""What a request leaves out: "everything except the dog", "all animals but the cats", "animals that are not dogs"."""

import re
from collections.abc import Callable
from dataclasses import replace

from agent.inflection import SEVERAL, is_plural, singular
from agent.intents import Colour, Intent
from agent.lexicon import Lexicon
from agent.narrowing import Narrowing, is_colour
from agent.noun_phrases import named
from agent.pointing import MARK
from agent.quotations import QUOTED, WORDS
from agent.relation_words import RELATION_WORDS
from agent.rules.common import Draft, things_lying
from ferret.errors import RequestError

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
# "What is in the water besides the dog?" asks for what is in the water.
_LYING_BESIDES = re.compile(
    rf"^(?P<rest>(?:(?:what|who)(?: else)?|(?:is|are) (?:there )?any(?:thing|one|body)(?: else)?)(?: (?:is|are|lies|"
    rf"stands|sits))? (?:{RELATION_WORDS}) .+?),? besides {_LEFT_OUT}",
    re.IGNORECASE,
)
# "What besides the dog is in the water?"
_IN_FRONT = re.compile(
    rf"^(?P<what>what|who)(?: else)?,? (?:{_EXCEPT}|besides|but(?: for)?) (?P<left_out>.+?),? "
    r"(?P<asked>(?:is|are|lies|stands|sits|(?:do|can) (?:you|i|we) see|can be seen)\b.*)$",
    re.IGNORECASE,
)
# "Is anything but the dog in the water?" asks for what is in the water.
_ANYTHING = re.compile(
    r"^(?:is|are) (?:there )?(?:any|some)(?:thing|one|body)?(?: (?:things?|objects?|items?))?(?: else)?$", re.IGNORECASE
)
_LYING = re.compile(
    rf"^(?P<left_out>(?:(?!(?:that|which|who)\b)\S+ )+?)(?P<lying>(?:not )?(?:(?:{RELATION_WORDS}) (?:the|an?|my|this|"
    rf"that|<).+|(?:on|at|to|in) the (?:left|right|top|bottom)\b.*|{'|'.join(Colour)}))$",
    re.IGNORECASE,
)
_WHAT_IS = re.compile(r"^(?:what|who) (?P<be>is|are)$", re.IGNORECASE)
_NUMBER = rf"(?:{SEVERAL}|one|\d{{1,3}}|some|several|a few|a couple)"
# "all but one apple", not "all but one near the tree"
_UNSAID = re.compile(
    rf"\b(?:all|every(?:thing|one|body)?|each|(?:the|these|those|my) [\w-]+s)\b(?: [\w-]+){{0,4}}?,? "
    rf"(?:{_EXCEPT}|{_AFTER_ALL}|besides) (?:(?:just|only|any|exactly|for) )*(?P<number>{_NUMBER})"
    rf"(?! (?:(?:that|which|who)\b|(?:{RELATION_WORDS}) ))(?: [\w-]+){{0,6}}$",
    re.IGNORECASE,
)
_OF_EVERYTHING = re.compile(
    rf"^(?:is|are) (?:every(?:thing|one|body)|all(?: the| of the)? [\w-]+s) (?:{_EXCEPT}|{_AFTER_ALL}) \S+ \S+ \S",
    re.IGNORECASE,
)
LEAVING_OUT = re.compile(rf"^(?:{_EXCEPT}|besides) (?!(?:that|this|these|those|it|<it>)$)\S", re.IGNORECASE)
"""A clause that only says what the next one leaves out: "Apart from the dog, what is there?"."""

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
_ANYTHING_LIES = re.compile(r"^(?:is|are) (?:there )?(?:(?:any|some)(?:thing|one|body)?\b|things )", re.IGNORECASE)
# "all signs without the word exit"
_WITHOUT_TEXT = re.compile(rf"^(?:(?:the|any) )?(?:{WORDS}[:,]? )?{QUOTED}", re.IGNORECASE)
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

    Raises `RequestError` when nobody can tell what is left out ("all but one apple"), or when it asks whether something
    is so of everything else.
    """
    if (unsaid := _UNSAID.search(text)) is not None and not lexicon.knows(text):
        raise RequestError(
            f"the question leaves out {unsaid['number']} of several and does not say which; say it, as in 'Find all "
            "apples except the largest', or point at it"
        )
    if _OF_EVERYTHING.match(text):
        raise RequestError(
            "I cannot tell whether something is so of everything but some things; ask which things are so, as in 'What "
            "is in the water besides the dog?'"
        )
    if (found := exclusion(text, lexicon)) is None:
        return None
    rest, left_out = found
    draft = read(rest)
    if draft is None:
        named_alone = named(rest, lexicon)
        if not named_alone.targets or not all(lexicon.names_something(one) for one in named_alone.targets):
            return None
        draft = Draft(Intent.LIST, named_alone)
    lying = draft.relation if draft.intent is Intent.RELATE and len(draft.named.operands) == 1 else None
    if lying is not None and (_ANYTHING_LIES.match(rest) or not draft.yes_no):
        intent = Intent.EXIST if draft.yes_no else Intent.LIST
        draft = replace(draft, intent=intent, named=things_lying(lying, draft.named), relation=None)
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
    if (front := _IN_FRONT.match(text)) and not lexicon.knows(text) and _names(front["left_out"], lexicon):
        return f"what {front['asked']}", front["left_out"]
    for pattern in (_SAID, _BUT, _BESIDES, _LYING_BESIDES, _ARE_NOT, _WHICH_ARE_NOT):
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
        if _WITHOUT_TEXT.match(left_out):
            continue
        if _ANYTHING.match(rest) and (lying := _LYING.match(left_out)) and not lexicon.knows(left_out):
            rest, left_out = f"are there things that are {lying['lying']}", lying["left_out"].strip()
        rest = _WHAT_IS.sub(r"what \g<be> there", _WHAT_ELSE.sub("what", rest))
        return ("list everything" if _ALL.match(rest) else rest), left_out
    return None


def _names(words: str, lexicon: Lexicon) -> bool:
    """Whether words begin with a determiner, point at something or name something known."""
    plain = re.sub(r"^(?:an?|any|one of the|one) ", "", words, flags=re.IGNORECASE)
    first = re.split(r",| and | or ", plain)[0]
    return re.match(rf"(?:the|my|our|this|that|these|those) |{MARK}", plain, re.I) is not None or (
        lexicon.names_something(first) or bool(lexicon.find(first)) or is_plural(first)
    )
