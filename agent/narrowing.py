"""What narrows a noun phrase: "apples left of the tree", "the largest key", 'the sign that says "open"'.

What follows the noun is taken out of the words and read here, before they are cut at commas and "and"; adjectives of
order and colour stay in the phrase, which the lexicon can read with them. What is not understood is left where it
stands: the phrase is then unknown, and an unknown phrase is better than a wrong answer.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from agent.inflection import ORDINAL, is_plural, parse_number, parse_ordinal, singular
from agent.intents import MAX_NTH, Colour, Order, Quantity, Relation
from agent.lexicon import Lexicon, normalise
from agent.pointing import MARK
from agent.quotations import CARRIERS, QUOTED, SAYING, SAYING_BEGINS
from agent.relation_words import ANY_RELATION, LIES, NOT_SO, RELATION_WORDS, relation_in
from agent.synonyms import ADJECTIVES


@dataclass(frozen=True)
class Narrowing:
    """A filter in the making (see `agent.intents.Filter`): its anchor is a noun phrase or the mark of a region.

    `side` is a side of the picture, which means the outermost thing or that half, as one or several are meant. `others`
    are all but the anchor. `text` is the mark of a text (`agent.quotations`). `inner` narrow the anchor. `words` are
    those that it was read from.
    """

    relation: Relation | None = None
    order: Order | None = None
    colour: Colour | None = None
    side: Relation | None = None
    text: str = ""
    others: bool = False
    anchor: str = ""
    nth: int = 1
    negated: bool = False
    inner: tuple["Narrowing", ...] = ()
    words: str = field(default="", compare=False)


_COLOURS = {colour.value: colour for colour in Colour} | {
    "gray": Colour.GREY, "violet": Colour.PURPLE, "golden": Colour.YELLOW,
}  # fmt: skip
_COLOUR = rf"(?:{'|'.join(_COLOURS)})"
_IS_COLOUR = re.compile(rf"^(?:the )?{_COLOUR}(?: ones?)?$", re.IGNORECASE)
_SIDES = {"left": Relation.LEFT, "right": Relation.RIGHT, "top": Relation.ABOVE, "upper": Relation.ABOVE,
          "bottom": Relation.BELOW, "lower": Relation.BELOW}  # fmt: skip
_OUTERMOST = {Relation.LEFT: Order.LEFTMOST, Relation.RIGHT: Order.RIGHTMOST, Relation.ABOVE: Order.HIGHEST,
              Relation.BELOW: Order.LOWEST}  # fmt: skip
_OPPOSITE = {
    Order.LEFTMOST: Order.RIGHTMOST, Order.RIGHTMOST: Order.LEFTMOST, Order.HIGHEST: Order.LOWEST,
    Order.LOWEST: Order.HIGHEST,
}  # fmt: skip
_ORDERS = {
    **dict.fromkeys("largest biggest tallest widest longest greatest bigger larger".split(), Order.LARGEST),
    **dict.fromkeys("smallest tiniest littlest shortest smaller".split(), Order.SMALLEST),
    "leftmost": Order.LEFTMOST, "rightmost": Order.RIGHTMOST,
    **dict.fromkeys("topmost uppermost highest".split(), Order.HIGHEST),
    **dict.fromkeys("bottommost lowermost lowest".split(), Order.LOWEST),
}  # fmt: skip
_NEAREST = {"nearest", "closest"}
_FARTHEST = {"farthest", "furthest"}

_BE = r"(?:is|are|was|were|lies?|stands?|sits?|appears?)"
_WHICH = rf"(?:(?:that|which|who)(?: {_BE})? |{_BE} )?(?:(?:do|does|did) (?=not ))?"
_NOT = r"(?P<not>(?:not|never|neither|nowhere) )?"
_STOP = (
    rf"(?:that|which|who|and|or|nor|but|except|excluding|besides|nearest|closest|farthest|furthest|{_BE}|outside|"
    rf"touch(?:es)?|overlaps?|from (?:the )?(?:left|right|top|bottom)|(?:first|second|third|fourth|fifth|last) from|"
    rf"{SAYING_BEGINS}|(?:not )?(?:{RELATION_WORDS}) )"
)
_ANCHOR = rf"(?P<anchor>{MARK}|(?!{_STOP})[\w'-]+(?: (?!{_STOP})[\w'-]+){{0,6}})"
_END = r"(?=$|[ ,;.!?])"
_ORDINAL = rf"(?:{ORDINAL}|last)"
_SIDE = r"(?P<side>left|right|top|bottom|upper|lower)"
_OF_PICTURE = r"(?: of (?:the )?(?:picture|image|photo|scene))?"

_Reader = Callable[[re.Match[str]], Narrowing | None]


def _pattern(source: str) -> re.Pattern[str]:
    return re.compile(source + _END, re.IGNORECASE)


def _distance(match: re.Match[str]) -> Narrowing:
    order = Order.NEAREST if match["how"].lower() in {*_NEAREST, "closer", "nearer"} else Order.FARTHEST
    return Narrowing(order=order, anchor=match["anchor"], nth=_place(match["nth"]))


def _side(match: re.Match[str]) -> Narrowing:
    first, second = _SIDES[match["side"].lower()], match["second"]
    # "at the top left" is both of it, whatever the number.
    inner = (Narrowing(relation=_SIDES[second.lower()]),) if second else ()
    return Narrowing(relation=first, inner=inner) if second else Narrowing(side=first, negated=bool(match["not"]))


def _from_side(match: re.Match[str]) -> Narrowing:
    order, nth = _OUTERMOST[_SIDES[match["side"].lower()]], match["nth"] or match["number"]
    if (nth or "").lower() == "last":
        return Narrowing(order=_OPPOSITE[order])
    return Narrowing(order=order, nth=_place(nth))


def _to_side(match: re.Match[str]) -> Narrowing:
    order = _OUTERMOST[_SIDES[match["side"].lower()]]
    return Narrowing(order=_OPPOSITE[order] if match["from"] else order)


def _place(word: str | None) -> int:
    """The place that an ordinal or a number names, counted from 1; 1 without one or beyond the bound."""
    if word is None:
        return 1
    index, number = parse_ordinal(word), parse_number(word)
    place = index + 1 if index is not None else number if number is not None else 1
    return place if 1 <= place <= MAX_NTH else 1


def _order(match: re.Match[str]) -> Narrowing:
    return Narrowing(order=_ORDERS[match["order"].lower()], nth=_place(match["nth"]))


def _colour(match: re.Match[str]) -> Narrowing:
    return Narrowing(colour=_COLOURS[match["colour"].lower()], negated=bool(match["not"]))


def _relation(match: re.Match[str]) -> Narrowing | None:
    relation = relation_in(match)
    return Narrowing(relation=relation, anchor=match["anchor"], negated=bool(match["not"])) if relation else None


def _touching(match: re.Match[str]) -> Narrowing:
    return Narrowing(relation=Relation.OVERLAPPING, anchor=match["anchor"], negated=bool(match["not"]))


def _away(match: re.Match[str]) -> Narrowing:
    relation = Relation.INSIDE if match["how"].lower().startswith("outside") else Relation.NEAR
    return Narrowing(relation=relation, anchor=match["anchor"], negated=not match["not"])


def _text(match: re.Match[str]) -> Narrowing:
    return Narrowing(text=match["text"], negated=bool(match["not"]))


def _but(match: re.Match[str]) -> Narrowing:
    return Narrowing(others=True, anchor=match["anchor"])


_FOLLOWING: tuple[tuple[re.Pattern[str], _Reader], ...] = (
    (_pattern(rf"{_WHICH}{LIES}(?:the )?(?:nearest|closest|(?:farthest|furthest|most)(?P<from> from)?)(?: to)? "
              r"(?:the )?(?P<side>left|right|top|bottom)(?: (?:edge|side|end|border))?" + _OF_PICTURE), _to_side),
    (_pattern(rf"{_WHICH}{LIES}(?:the )?(?:(?P<nth>{_ORDINAL}) )?(?P<how>nearest|closest|farthest|furthest|"
              r"closer(?= to)|nearer(?= to)|farther(?= (?:away )?from)|further(?= (?:away )?from))"
              rf"(?: away)?(?: to| from)? {_ANCHOR}(?! than\b)"), _distance),
    (_pattern(rf"{_WHICH}{LIES}(?:the )?(?:number (?P<number>\d{{1,2}}|one|two|three|four|five|six|seven) |"
              rf"(?P<nth>{_ORDINAL})(?: one)?,? )?(?:(?:when |if )?(?:you )?(?:counting|counted|count|starting|seen) )?"
              r"from (?:the )?(?:far |very )?(?P<side>left|right|top|bottom)(?:[- ]?hand)?(?: side| end| edge)?"
              + _OF_PICTURE), _from_side),
    (_pattern(rf"{_WHICH}{_NOT}{LIES}(?:on|at|to|in|towards?|near|by|along|close to) (?:the )?(?:far |very )?"
              rf"{_SIDE}(?:[- ](?P<second>left|right))?(?:[- ]?hand)?"
              rf"(?: (?:side|half|part|edge|corner|end|area|quarter))?{_OF_PICTURE}"
              r"(?! (?:of|from|side)\b)"), _side),
    (_pattern(rf"(?:(?:that|which|who) {_BE} |{_BE} (?=not )){_NOT}(?:mostly |mainly |completely |all )?"
              rf"(?P<colour>{_COLOUR})"
              r"(?: in colou?r|[ -]colou?red)?"), _colour),
    (_pattern(rf"{_WHICH}{_NOT}(?:colou?red |painted |of (?:the )?colou?r )(?P<colour>{_COLOUR})"), _colour),
    (_pattern(rf"(?:that|which|who) {_BE} (?:the )?(?:(?P<nth>{_ORDINAL}) )?(?P<order>{'|'.join(_ORDERS)})"
              r"(?: of all| of them all| one)?"), _order),
    (_pattern(rf"{_WHICH}{_NOT}{LIES}(?P<how>{NOT_SO}) {_ANCHOR}"), _away),
    (_pattern(rf"(?:(?:that|which|who) )?(?:(?:do|does|did|is|are) (?=not ))?{_NOT}"
              rf"(?:touch|overlap|intersect|cover|hide)(?:es|s|ing|ping)?(?: with)? {_ANCHOR}"), _touching),
    (_pattern(rf"{_WHICH}{_NOT}{LIES}(?:{ANY_RELATION}) {_ANCHOR}"), _relation),
    (_pattern(rf"(?:other than|except(?: for)?|apart from|aside from) (?P<anchor>{MARK})"), _but),
    *((_pattern(saying), _text) for saying in SAYING),
)  # fmt: skip
_BARE_COLOUR = _pattern(rf" {_NOT}(?P<colour>{_COLOUR})")
_EXCEPT = re.compile(
    r"(?:,? ?)(?:(?:all |anything |everything )?except|excluding|other than|apart from|aside from|besides|but not|but|"
    r"and not|save|without|leaving out|ignoring|not (?:counting|including))(?: for)? (?:the )?"
    rf"(?:(?:ones?|those)(?= )|(?P<colour>{_COLOUR}) ones?{_END})",
    re.IGNORECASE,
)
_AND = re.compile(
    r"(?:,? and|,? but|,? (?P<nor>nor|or)|,) "
    r"(?=(?:(?:that|which|who|not|neither|outside|touching|nearest|closest|away|far|(?:is|are|do|does) not)\b|(?:"
    + RELATION_WORDS + rf") |{_COLOUR}{_END}))",
    re.IGNORECASE,
)
_OR_ANCHOR = _pattern(rf" (?:or|nor) (?=(?:the|an?|this|that|my) |<){_ANCHOR}")
_TO = _pattern(rf"(?:to|from) {_ANCHOR}")
_HAS_DISTANCE = re.compile(r"\b(?:nearest|closest|farthest|furthest)\b", re.IGNORECASE)
# Words that are no place to measure from: what follows them says something else.
_NO_ANCHOR = re.compile(
    r"^(?:(?:the|this|that|a|an|any|my|your) )?(?:it|them|there|here|picture|image|photo|scene|view|sight|total|all|"
    r"front|back|background|foreground|detail|question|general|particular|fact|order|row|line|least|most|once|"
    r"middle|cent(?:er|re)|corner|edge|side|each other|one another|first|same|<it>|left|right|top|bottom|colou?r)$",
    re.IGNORECASE,
)
_DETERMINER = re.compile(r"^(?:the|an?|this|that|these|those|my|your|our|any|some|every|each|all)\s+", re.IGNORECASE)
_UNFINISHED = re.compile(
    r"(?:^|\s)(?:the|an?|this|that|these|those|my|your|our|any|some|no|every|each|all|of|and|or|nor|not|me|us|do|does|"
    r"first|second|third|fourth|fifth|next|next to|two|three|four|five|is|are|was|were|than|non)$",
    re.IGNORECASE,
)
_LONGEST_WORDS = 12  # of these, with the space before them
# "the third from the left bird", "the leftmost three birds"
_NTH_BEFORE = re.compile(
    rf"\b({_ORDINAL})[- ]from[- ](?:the[- ])?(left|right|top|bottom) (?=(?!(?:side|end|edge|corner|of|and|or|in|on|"
    rf"to)\b)\w)"
    r"((?:\w+ )*?\w+)(?=$|[,.;?!]| (?:of|in|on|to|and|or|that|which|near|left|right|above|below|under)\b)",
    re.IGNORECASE,
)
_COUNT_LATER = re.compile(
    rf"\b(?P<order>{'|'.join(_ORDERS)}|nearest|closest|farthest|furthest) "
    r"(?P<count>two|three|four|five|six|seven|eight|nine|ten|\d{1,2}) (?=\w)",
    re.IGNORECASE,
)
# "the largest of the apples"
_FIRST_OF = re.compile(
    rf"\b(?P<order>(?:{'|'.join(_ORDERS)}))(?: ones?)? of (?:all )?(?:of )?(?:the|these|those|my) "
    rf"(?P<noun>(?!{_STOP}|(?:of|to|in|on|two|three|four|five|\d)\b)[\w-]+(?: (?!{_STOP}|(?:of|to|in|"
    rf"on)\b)[\w-]+){{0,3}})",
    re.IGNORECASE,
)
# "the biggest and the smallest fish": each of the two with the noun. "the red or green one" is told alike.
_KIND = (
    rf"(?:(?:second|third|fourth|fifth) )?"
    rf"(?:{'|'.join(_ORDERS)}|{_COLOUR}|left|right|top|bottom|nearest|closest|farthest)"
)
_TWO_KINDS = re.compile(
    rf"\b(?P<first>{_KIND}),? (?P<joint>and|or) (?P<the>the )?(?P<other>{_KIND}) (?P<noun>(?!{_STOP}|(?:of|to|in|"
    rf"on)\b)[\w-]+"
    rf"(?: (?!{_STOP}|(?:of|to|in|on|with|please)\b)[\w-]+){{0,3}}?)(?=$|[,.;?!]| (?:{_STOP}|(?:of|to|in|on|with)\b))",
    re.IGNORECASE,
)


def _both_kinds(match: re.Match[str]) -> str:
    return f"{match['first']} {match['noun']} {match['joint']} {match['the'] or ''}{match['other']} {match['noun']}"


HELD = re.compile("\x0e(\\d+)\x0f")
"""Where something was taken out of the words: the number of what it was."""


def take_out(text: str, lexicon: Lexicon) -> tuple[str, list[tuple[Narrowing, ...]]]:
    """The words with everything that narrows a noun taken out, a mark of `HELD` in its place, and what it was."""
    text = _NTH_BEFORE.sub(r"\1 \3 from the \2", text)
    text = _FIRST_OF.sub(lambda match: f"{match['order']} {singular(match['noun'])}", text)
    text = _TWO_KINDS.sub(_both_kinds, text)
    text = _COUNT_LATER.sub(r"\g<count> \g<order> ", text)
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
        if _UNFINISHED.search(text, max(at - _LONGEST_WORDS, 0), at):
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
            if found is None and chain[-1].colour and (match := _BARE_COLOUR.match(text, joined.end() - 1)):
                found = match.end(), _colour(match)
            if found is not None and joined["nor"]:
                if joined["nor"].lower() == "or" and not chain[-1].negated:
                    break  # either of two is no narrowing
                found = found[0], replace(found[1], negated=found[1].negated or chain[-1].negated)
        if found is None and chain and chain[-1].negated and (match := _OR_ANCHOR.match(text, end)):
            # "not near the tree or the house"
            found = match.end(), replace(chain[-1], anchor=_anchor(match["anchor"]), inner=(), words="")
            joined = match
        if found is None:
            break
        narrowing = replace(found[1], words=found[1].words or text[end : found[0]].strip(" ,"))
        end = found[0]
        follows = joined is None and bool(chain and chain[-1].anchor) and not re.fullmatch(MARK, chain[-1].anchor)
        if follows and not (narrowing.text and _CARRIES.search(text, 0, at) and not _CARRIES.search(chain[-1].anchor)):
            chain[-1] = replace(chain[-1], inner=(*chain[-1].inner, narrowing))  # it follows the anchor
        else:
            chain.append(narrowing)
    flat = tuple(part for one in chain for part in _spread(_with_adjectives(one, lexicon)))
    return (end, flat) if flat else None


# What texts stand on: "the sign near the dog that says exit" says so, and not the dog.
_CARRIES = re.compile(rf"\b{CARRIERS}(?: {HELD.pattern})*$", re.IGNORECASE)


def says_so(carrier: str, text: str, lexicon: Lexicon) -> bool:
    """Whether in "<carrier> that says <text>", `text` being a mark, the first noun of the carrier says it; not what
    that noun is told by: "the dog near the sign".
    """
    _, held = take_out(f"{carrier} that says {text}", lexicon)
    return any(one.text == text and not one.negated for chain in held for one in chain)


def without_narrowing_texts(text: str, lexicon: Lexicon) -> list[int]:
    """The numbers of the texts in a clause that narrow no noun in it."""
    return [int(number) for number in re.findall(QUOTED, take_out(text, lexicon)[0])]


def _with_adjectives(one: Narrowing, lexicon: Lexicon) -> Narrowing:
    """What the words of its anchor say narrows the anchor."""
    if not one.anchor or re.fullmatch(MARK, one.anchor):
        return one
    inner = tuple(part for narrowing in one.inner for part in _spread(_with_adjectives(narrowing, lexicon)))
    anchor, led = narrowings(one.anchor, inner, None, lexicon)
    return replace(one, anchor=anchor, inner=tuple(narrow for narrow in led if narrow.anchor or not _far(narrow)))


def _far(one: Narrowing) -> bool:
    return one.order in {Order.NEAREST, Order.FARTHEST}


def _spread(one: Narrowing) -> Iterator[Narrowing]:
    """A corner is two sides, each narrowing the same noun."""
    yield replace(one, inner=()) if one.inner and not one.anchor else one
    if one.inner and not one.anchor:
        yield from (replace(inner, words=one.words) for inner in one.inner)


def _one(text: str, at: int, *, distance: bool) -> tuple[int, Narrowing] | None:
    """What narrows the noun that ends at `at`, and where it ends."""
    if excepted := _EXCEPT.match(text, at):
        if excepted["colour"]:
            return excepted.end(), Narrowing(colour=_COLOURS[excepted["colour"].lower()], negated=True)
        inner = _one(text, excepted.end(), distance=False)
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


def narrowings(
    phrase: str, held: tuple[Narrowing, ...], quantity: Quantity | None, lexicon: Lexicon
) -> tuple[str, tuple[Narrowing, ...]]:
    """(the phrase, all that narrows it): what was taken out after it, and what its adjectives say.

    An ordinal that counts from a side ("second bird from the left") goes out of the phrase with it.
    """
    one = quantity in {None, "one"} and not is_plural(phrase)
    ordered = any(narrowing.order for narrowing in _adjectives(phrase, False, lexicon))
    if not lexicon.knows(phrase) and (negated := _NON.match(phrase)):
        colour = Narrowing(colour=_COLOURS[negated["colour"].lower()], negated=True, words=negated[0].strip())
        held, phrase = (*held, colour), phrase[negated.end() :]
    before = list(_adjectives(phrase, one, lexicon))
    after = [_sided(narrowing, one and not ordered) for narrowing in held]  # "the largest bird on the left"
    after.sort(key=lambda narrowing: narrowing.text != "")  # "the second sign that says stop from the left"
    led = bool(before) and before[0].order is not None
    if before and _far(before[0]):
        # "nearest sign to the dog": the order stands before the noun, the anchor behind it.
        if after and after[0].order is Order.NEAREST:
            words = f"{before[0].words} ... {after[0].words}"
            after[0] = replace(after[0], order=before[0].order, nth=before[0].nth, words=words)
        before = before[1:]
    first, _, rest = phrase.partition(" ")
    counted = parse_ordinal(first)
    if rest and after and after[0].order is not None and not led:
        if counted is not None and counted < MAX_NTH and after[0].nth == 1:
            after[0], phrase = replace(after[0], nth=counted + 1, words=f"{first} ... {after[0].words}"), rest
        elif first.lower() == "last" and after[0].order in _OPPOSITE:
            # "last from the left" is the rightmost, "last on the left" the leftmost.
            order = _OPPOSITE[after[0].order] if held[0].side is None else after[0].order
            after[0], phrase = replace(after[0], order=order, words=f"{first} ... {after[0].words}"), rest
    # An order chooses among what the others leave.
    every = [*after, *before]
    return phrase, tuple(sorted(every, key=lambda narrowing: narrowing.order is not None))


_NON = re.compile(rf"^(?:non|not)[- ](?P<colour>{_COLOUR})(?:[- ]colou?red)? (?=\w)", re.IGNORECASE)


def _sided(narrowing: Narrowing, one: bool) -> Narrowing:
    if narrowing.side is None:
        return narrowing
    if one and not narrowing.negated:
        return Narrowing(order=_OUTERMOST[narrowing.side], words=narrowing.words)
    return Narrowing(relation=narrowing.side, negated=narrowing.negated, words=narrowing.words)


# "the grey-haired man" is not grey.
_COMPOUND = re.compile(rf"\b{_COLOUR}-(?!colou?red\b)\w+", re.IGNORECASE)


def _adjectives(phrase: str, one: bool, lexicon: Lexicon) -> Iterator[Narrowing]:
    """What the adjectives before the noun say; those of a name ("red apple") belong to it."""
    words = normalise(_COMPOUND.sub("compound", phrase)).split()
    nth, said, corner = 1, "", False
    for index, word in enumerate(words[:-1]):
        if lexicon.knows(" ".join(words[index:])):
            return
        if (place := parse_ordinal(word)) is not None and place < MAX_NTH:
            nth, said = place + 1, f"{word} "
        elif word in _ORDERS:
            yield Narrowing(order=_ORDERS[word], nth=nth, words=said + word)
        elif word in _NEAREST | _FARTHEST:
            yield Narrowing(order=Order.NEAREST if word in _NEAREST else Order.FARTHEST, nth=nth, words=said + word)
        elif word in _SIDES:
            # "the top left star" stands in both halves, as it does "at the top left".
            pair = corner or (words[index + 1] in {"left", "right"} and word not in {"left", "right"})
            corner = pair and not corner
            yield Narrowing(relation=_SIDES[word], words=word) if pair else _sided(
                Narrowing(side=_SIDES[word], words=word), one
            )
        elif word in _COLOURS:
            yield Narrowing(colour=_COLOURS[word], words=word)
        elif word not in ADJECTIVES:
            return


def is_scope(text: str, lexicon: Lexicon) -> bool:
    """Whether words only say where: "on the left", "under the table"; not "on the other hand"."""
    if _IDIOM.search(text):
        return False
    found, held = take_out(f"thing {text}", lexicon)
    if not HELD.fullmatch(found.removeprefix("thing ").strip()):
        return False
    definite = re.search(r"\b(?:the|this|that|an?|my) \w", text, re.IGNORECASE) is not None
    return all(not one.anchor or (definite and one.relation is not None) or lexicon.names_something(one.anchor)
               for one in held[0])


_IDIOM = re.compile(
    r"^by the way|\b(?:hand|meantime|meanwhile|whole|contrary|end|beginning|place|note|thought|interest|hope|name|"
    r"event|"
    r"case|spirit|mood|morning|evening|afternoon|night|day|week|weekend|moment|hurry|process|future|past|run|internet|phone|"
    r"road|home|word|words|sentence|total|time|minute|opinion|mind|view|game|story|language|english)$",
    re.IGNORECASE,
)


def is_colour(words: str) -> bool:
    """Whether words are no more than a colour: "red", "the red ones"."""
    return _IS_COLOUR.match(words) is not None
