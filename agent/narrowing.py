"""What narrows a noun phrase: "apples left of the tree", "the largest key", "birds that are not in the water".

What follows the noun is taken out of the words and read here, before they are cut at commas and "and"; adjectives of
order and colour stay in the phrase, which the lexicon can read with them. What is not understood is left where it
stands: the phrase is then unknown, and an unknown phrase is better than a wrong answer.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from agent.inflection import is_plural, parse_ordinal
from agent.intents import MAX_NTH, Colour, Order, Quantity, Relation
from agent.lexicon import Lexicon, normalise
from agent.relation_words import ANY_RELATION, relation_in
from agent.synonyms import ADJECTIVES
from agent.wording import MARK


@dataclass(frozen=True)
class Narrowing:
    """A filter in the making (see `agent.intents.Filter`): its anchor is a noun phrase or the mark of a region.

    `side` is a side of the picture, which means the outermost thing or that half, as one or several are meant. `inner`
    narrow the anchor.
    """

    relation: Relation | None = None
    order: Order | None = None
    colour: Colour | None = None
    side: Relation | None = None
    anchor: str = ""
    nth: int = 1
    negated: bool = False
    inner: tuple["Narrowing", ...] = ()


_COLOURS = {colour.value: colour for colour in Colour} | {
    "gray": Colour.GREY, "violet": Colour.PURPLE, "golden": Colour.YELLOW,
}  # fmt: skip
_COLOUR = rf"(?:{'|'.join(_COLOURS)})"
_SIDES = {"left": Relation.LEFT, "right": Relation.RIGHT, "top": Relation.ABOVE, "upper": Relation.ABOVE,
          "bottom": Relation.BELOW, "lower": Relation.BELOW}  # fmt: skip
_OUTERMOST = {Relation.LEFT: Order.LEFTMOST, Relation.RIGHT: Order.RIGHTMOST, Relation.ABOVE: Order.HIGHEST,
              Relation.BELOW: Order.LOWEST}  # fmt: skip
_ORDERS = {
    "largest": Order.LARGEST, "biggest": Order.LARGEST, "smallest": Order.SMALLEST, "tiniest": Order.SMALLEST,
    "littlest": Order.SMALLEST, "leftmost": Order.LEFTMOST, "rightmost": Order.RIGHTMOST, "topmost": Order.HIGHEST,
    "uppermost": Order.HIGHEST, "highest": Order.HIGHEST, "bottommost": Order.LOWEST, "lowermost": Order.LOWEST,
    "lowest": Order.LOWEST,
}  # fmt: skip
_NEAREST = {"nearest", "closest"}
_FARTHEST = {"farthest", "furthest"}

_ANY_RELATION = re.sub(r"\?P<\w+>", "?:", ANY_RELATION)
_BE = r"(?:is|are|was|were|lies?|stands?|sits?|appears?)"
_WHICH = rf"(?:(?:that|which|who)(?: {_BE})? |{_BE} )?"
_NOT = r"(?P<not>not )?"
_LIES = r"(?:(?:located|positioned|placed|situated|standing|sitting|lying|resting|found|directly|just|right|also) )*"
_STOP = (
    rf"(?:that|which|who|and|or|but|except|excluding|nearest|closest|farthest|furthest|{_BE}|"
    rf"(?:not )?(?:{_ANY_RELATION}) )"
)
_ANCHOR = rf"(?P<anchor>{MARK}|(?!{_STOP})[\w'-]+(?: (?!{_STOP})[\w'-]+){{0,6}})"
_END = r"(?=$|[ ,;.!?])"

_Reader = Callable[[re.Match[str]], Narrowing | None]


def _pattern(source: str) -> re.Pattern[str]:
    return re.compile(source + _END, re.IGNORECASE)


def _distance(match: re.Match[str]) -> Narrowing:
    order = Order.NEAREST if match["how"].lower() in _NEAREST else Order.FARTHEST
    return Narrowing(order=order, anchor=match["anchor"])


def _side(match: re.Match[str]) -> Narrowing:
    first, second = _SIDES[match["side"].lower()], match["second"]
    # "at the top left" is both of it, whatever the number.
    inner = (Narrowing(relation=_SIDES[second.lower()]),) if second else ()
    return Narrowing(relation=first, inner=inner) if second else Narrowing(side=first, negated=bool(match["not"]))


def _from_side(match: re.Match[str]) -> Narrowing:
    return Narrowing(order=_OUTERMOST[_SIDES[match["side"].lower()]])


def _colour(match: re.Match[str]) -> Narrowing:
    return Narrowing(colour=_COLOURS[match["colour"].lower()], negated=bool(match["not"]))


def _relation(match: re.Match[str]) -> Narrowing | None:
    relation = relation_in(match)
    return Narrowing(relation=relation, anchor=match["anchor"], negated=bool(match["not"])) if relation else None


_FOLLOWING: tuple[tuple[re.Pattern[str], _Reader], ...] = (
    (_pattern(rf"{_WHICH}{_LIES}(?:the )?(?P<how>nearest|closest|farthest|furthest)(?: away)?(?: to| from)? "
              rf"{_ANCHOR}"), _distance),
    (_pattern(r"(?:counting |counted |starting |if you count )?from (?:the )?(?P<side>left|right|top|bottom)"
              r"(?:[- ]hand)?(?: side| end)?"), _from_side),
    (_pattern(rf"{_WHICH}{_NOT}{_LIES}(?:on|at|to|in|towards?) (?:the )?(?:far |very )?"
              r"(?P<side>left|right|top|bottom|upper|lower)(?:[- ](?P<second>left|right))?(?:[- ]hand)?"
              r"(?: (?:side|half|part|edge|corner|end))?(?: of (?:the )?(?:picture|image|photo|scene))?"
              r"(?! (?:of|from|side)\b)"), _side),
    (_pattern(rf"(?:that|which|who) {_BE} {_NOT}(?:mostly |mainly )?(?P<colour>{_COLOUR})"), _colour),
    (_pattern(rf"{_WHICH}{_NOT}{_LIES}(?:{ANY_RELATION}) {_ANCHOR}"), _relation),
)  # fmt: skip
_EXCEPT = re.compile(
    r"(?:,? ?)(?:except|excluding|other than|apart from|but not|but|save|without)(?: for)? (?:the )?"
    rf"(?:(?:ones?|those)(?: (?:that|which|who))?(?: {_BE})? |(?P<colour>{_COLOUR}) ones?{_END})",
    re.IGNORECASE,
)
_AND = re.compile(r"(?:,? and|,? but|,) (?=(?:(?:that|which|who|not)\b|(?:" + _ANY_RELATION + r") ))", re.IGNORECASE)
_TO = _pattern(rf"(?:to|from) {_ANCHOR}")
_HAS_DISTANCE = re.compile(r"\b(?:nearest|closest|farthest|furthest)\b", re.IGNORECASE)
# Words that are no place to measure from: what follows them says something else.
_NO_ANCHOR = re.compile(
    r"^(?:(?:the|this|that|a|an|any|my|your) )?(?:it|them|there|here|picture|image|photo|scene|view|sight|total|all|"
    r"front|back|background|foreground|detail|question|general|particular|fact|order|row|line|least|most|once|"
    r"middle|cent(?:er|re)|corner|edge|side|each other|one another|first|same|<it>|left|right|top|bottom)$",
    re.IGNORECASE,
)
_DETERMINER = re.compile(r"^(?:the|an?|this|that|these|those|my|your|our|any|some|every|each|all)\s+", re.IGNORECASE)
_UNFINISHED = re.compile(
    r"(?:^|\s)(?:the|an?|this|that|these|those|my|your|our|any|some|no|every|each|all|of|and|or|not|me|us|"
    r"first|second|third|fourth|fifth|next|next to|two|three|four|five)$",
    re.IGNORECASE,
)
HELD = re.compile("\x0e(\\d+)\x0f")
"""Where something was taken out of the words: the number of what it was."""


def take_out(text: str, lexicon: Lexicon) -> tuple[str, list[tuple[Narrowing, ...]]]:
    """The words with everything that narrows a noun taken out, a mark of `HELD` in its place, and what it was."""
    held: list[tuple[Narrowing, ...]] = []
    start = 0
    while match := _next(text, start, lexicon):
        begin, end, chain = match
        if lexicon.knows(text[:end]):  # a name that reads like more
            start = end
            continue
        mark = f"\x0e{len(held)}\x0f"
        held.append(chain)
        text = f"{text[:begin].rstrip(' ,')} {mark}{text[end:]}"
        start = begin + len(mark)
    return text, held


def _next(text: str, start: int, lexicon: Lexicon) -> tuple[int, int, tuple[Narrowing, ...]] | None:
    """Where the next chain begins and ends, and what it says; it follows a word."""
    for space in re.finditer(r"(?<=[\w>])[ ,]", text[start:]):
        at = start + space.start()
        if _UNFINISHED.search(text, 0, at):
            continue
        if (found := _chain(text, at, lexicon)) is not None:
            end, chain = found
            return at, end, chain
    return None


def _chain(text: str, at: int, lexicon: Lexicon) -> tuple[int, tuple[Narrowing, ...]] | None:
    """All that narrows the noun that ends at `at`: one thing after the other, joined by "and" or not."""
    chain: list[Narrowing] = []
    end = at
    while True:
        found = _one(text, end, distance=_HAS_DISTANCE.search(text[:at]) is not None and not chain)
        joined = _AND.match(text, end) if chain and found is None else None
        if joined is not None:
            found = _one(text, joined.end() - 1, distance=False)
        if found is None:
            break
        end, narrowing = found
        if joined is None and chain and chain[-1].anchor and not re.fullmatch(MARK, chain[-1].anchor):
            chain[-1] = replace(chain[-1], inner=(*chain[-1].inner, narrowing))  # it follows the anchor
        else:
            chain.append(narrowing)
    flat = tuple(part for one in chain for part in _spread(_with_adjectives(one, lexicon)))
    return (end, flat) if flat else None


def _with_adjectives(one: Narrowing, lexicon: Lexicon) -> Narrowing:
    """What the adjectives of its anchor say narrows the anchor."""
    if not one.anchor or re.fullmatch(MARK, one.anchor):
        return one
    single = not is_plural(one.anchor)
    inner = tuple(_sided(_with_adjectives(narrowing, lexicon), single) for narrowing in one.inner)
    near = {Order.NEAREST, Order.FARTHEST}
    led = (narrowing for narrowing in _adjectives(one.anchor, True, lexicon) if narrowing.order not in near)
    return replace(one, inner=(*inner, *led))


def _spread(one: Narrowing) -> Iterator[Narrowing]:
    """A corner is two sides, each narrowing the same noun."""
    yield replace(one, inner=()) if one.inner and not one.anchor else one
    if one.inner and not one.anchor:
        yield from one.inner


def _one(text: str, at: int, *, distance: bool) -> tuple[int, Narrowing] | None:
    """What narrows the noun that ends at `at`, and where it ends."""
    if excepted := _EXCEPT.match(text, at):
        if excepted["colour"]:
            return excepted.end(), Narrowing(colour=_COLOURS[excepted["colour"].lower()], negated=True)
        inner = _one(text, excepted.end() - 1, distance=False)
        return (inner[0], replace(inner[1], negated=True)) if inner and inner[1].order is None else None
    if text[at : at + 1] != " ":
        return None
    if distance and (match := _TO.match(text, at + 1)) and not _NO_ANCHOR.match(match["anchor"]):
        return match.end(), Narrowing(order=Order.NEAREST, anchor=_anchor(match["anchor"]))  # its order stands before
    for pattern, reader in _FOLLOWING:
        match = pattern.match(text, at + 1)
        narrowing = reader(match) if match else None
        if match is None or narrowing is None:
            continue
        if narrowing.anchor:
            anchor = _anchor(narrowing.anchor)
            if not anchor or _NO_ANCHOR.match(anchor):
                continue
            scope = re.fullmatch(MARK, anchor) and narrowing.relation in {Relation.INSIDE, Relation.ON}
            if scope and not narrowing.negated:
                continue  # "in <region>" says where to look
            narrowing = replace(narrowing, anchor=anchor)
        return match.end(), narrowing
    return None


def _anchor(words: str) -> str:
    before = None
    while before != words:
        before, words = words, _DETERMINER.sub("", words).strip(" ,;")
    return words


_LED = re.compile(r"^(?:(?P<nth>\w+?)[ -])?(?P<word>[\w-]+?) ", re.IGNORECASE)


def narrowings(
    phrase: str, held: tuple[Narrowing, ...], quantity: Quantity | None, lexicon: Lexicon
) -> tuple[str, tuple[Narrowing, ...]]:
    """(the phrase, all that narrows it): what was taken out after it, and what its adjectives say.

    An ordinal that counts from a side ("second bird from the left") goes out of the phrase with it.
    """
    one = quantity in {None, "one"} and not is_plural(phrase)
    before = list(_adjectives(phrase, one, lexicon))
    after = [_sided(narrowing, one) for narrowing in held]
    if before and before[0].order in {Order.NEAREST, Order.FARTHEST}:
        # "nearest sign to the dog": the order stands before the noun, the anchor behind it.
        if not after or after[0].order is not Order.NEAREST:
            before = before[1:]
        else:
            after[0] = replace(after[0], order=before[0].order, nth=before[0].nth)
            before = before[1:]
    first, _, rest = phrase.partition(" ")
    counted = parse_ordinal(first)
    if rest and after and after[0].order is not None and (counted is not None or first.lower() == "last"):
        if counted is not None and counted < MAX_NTH:
            after[0], phrase = replace(after[0], nth=counted + 1), rest
        elif first.lower() == "last" and after[0].order in _OPPOSITE:
            after[0], phrase = replace(after[0], order=_OPPOSITE[after[0].order]), rest
    # An order chooses among what the others leave.
    every = [*after, *before]
    return phrase, tuple(sorted(every, key=lambda narrowing: narrowing.order is not None))


_OPPOSITE = {
    Order.LEFTMOST: Order.RIGHTMOST, Order.RIGHTMOST: Order.LEFTMOST, Order.HIGHEST: Order.LOWEST,
    Order.LOWEST: Order.HIGHEST,
}  # fmt: skip


def _sided(narrowing: Narrowing, one: bool) -> Narrowing:
    if narrowing.side is None:
        return narrowing
    if one and not narrowing.negated:
        return Narrowing(order=_OUTERMOST[narrowing.side])
    return Narrowing(relation=narrowing.side, negated=narrowing.negated)


def _adjectives(phrase: str, one: bool, lexicon: Lexicon) -> Iterator[Narrowing]:
    """What the adjectives before the noun say; those of a name ("red apple") belong to it."""
    words = normalise(phrase).split()
    nth = 1
    for index, word in enumerate(words[:-1]):
        if lexicon.knows(" ".join(words[index:])):
            return
        if (place := parse_ordinal(word)) is not None and place < MAX_NTH:
            nth = place + 1
        elif word in _ORDERS:
            yield Narrowing(order=_ORDERS[word], nth=nth)
        elif word in _NEAREST | _FARTHEST:
            yield Narrowing(order=Order.NEAREST if word in _NEAREST else Order.FARTHEST, nth=nth)
        elif word in _SIDES:
            yield _sided(Narrowing(side=_SIDES[word]), one)
        elif word in _COLOURS:
            yield Narrowing(colour=_COLOURS[word])
        elif word not in ADJECTIVES:
            return


_GENERAL = re.compile(r"^(?:objects?|things?|items?|ones?|stuff|something|anything|everything)$")


def is_general(phrase: str) -> bool:
    """Whether a phrase names no kind of thing, only things: "object", "largest thing", "red ones"."""
    words = normalise(phrase).split()
    return bool(words) and _GENERAL.match(words[-1]) is not None and all(
        word in ADJECTIVES or parse_ordinal(word) is not None for word in words[:-1]
    )
