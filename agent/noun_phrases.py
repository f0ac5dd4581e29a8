"""What a stretch of a clause names: noun phrases, how many, what narrows them, and the regions that it points at."""

import re
from dataclasses import dataclass

from agent.general import names_nothing
from agent.inflection import is_plural, parse_number, singular
from agent.intents import MAX_NUMBER, MAX_TARGETS, NounPhrase, Quantity
from agent.lexicon import Lexicon
from agent.narrowing import HELD, Narrowing, narrowings, take_out
from agent.pointing import MARK
from agent.relation_words import RELATION_WORDS

_JOIN = re.compile(
    r"\s*(?:,|;|&|\+|\bas well as\b|\balong with\b|\btogether with\b|\band\b|\bor\b|\bplus\b|\bnor\b|"
    r"\bbut(?= not (?:the|an?|my)\b))\s*",
    re.I,
)
_MARK = re.compile(
    rf"(?:\b(?:in|inside|within|at|on|of|under|below|near|around|from|by|for|with|to|into|covered by|enclosed by|"
    rf"that is|"
    rf"which is|located|found|as|about|over) )*({MARK})(?:\s*'s?(?=\s|$))?"
)
_ALL = re.compile(
    r"^(?:(?:each|every)(?: (?:one|single(?: one)?))?(?: of)?|all(?: of)?|any(?: of)?|both(?: of)?|"
    r"(?:some|several|many|multiple|various|numerous|a few|few|lots of|a lot of|so many|too many|that many|loads of|"
    r"tons of|plenty of|a bunch of|more|most)(?: of)?) "
)
_ONE = re.compile(r"^(?:an?|one|another|a single|exactly one|only one|at least one|a certain|some kind of) ", re.I)
_THE = re.compile(
    r"^(?:the|this|that|these|those|my|your|our|its|their|his|her|no|not(?! (?:red|orange|yellow|green|blue|purple|"
    r"pink|brown|black|white|gr[ae]y)\b)|only|really|just|actually|also|perhaps|"
    r"maybe|please|"
    r"me|us|out|for|of|to|at|on|where|up|really|exactly|precisely|about|possibly|different|various|distinct) ",
    re.I,
)
_COUNT = re.compile(
    r"^(?:(?:exactly|precisely|at least|at most|about|around|only|just|more than) )?"
    r"(\d{1,4}|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|a couple of|a pair of|a dozen) (?=\S)",
    re.I,
)
_KINDS = re.compile(
    r"^(?:different |possible |individual |single )*(?:instances?|occurrences?|examples?|copies|copy|kinds?|"
    r"types?|sorts?|pieces?|"
    r"pictures?|photos?|photographs?|images?|drawings?|groups?|sets?|presence|appearances?|exact locations?|"
    r"locations?|positions?|"
    r"specimens?|whereabouts|members?|signs?|traces?|bounding box(?:es)?) of |^such (?:a )?things? as |^(?:phrase|"
    r"expression|term|noun|"
    r"object|thing|word|description)\s*:\s*",
    re.I,
)
_TRAILING = re.compile(
    r" (?:(?:that|which) (?:you (?:can )?(?:see|find|spot|notice)|(?:is|are)(?: (?:there|here|visible|present|"
    r"shown))?|"
    r"exists?|appears?|can be (?:seen|found))|you (?:can )?(?:see|find|spot|notice|make out|detect)|there|here|"
    r"visible|present|"
    r"shown|depicted|please|anywhere|somewhere|located|hiding|hidden|at all|in (?:it|here|total|all|view|sight)|"
    r"in there|"
    r"to be (?:seen|found)|(?:is|are)(?: (?:there|located|at|in|hiding|visible|present|placed|positioned|shown))?|"
    r"around|exactly|now|too|instances?|individually|separately|one by one|standing|lying|sitting|out|"
    r"can be (?:seen|found)|appears?|occurs?|exists?|or so|in|out there|for me)$",
    re.I,
)
# "what is next to the boat"
_WHATEVER = re.compile(
    rf"^what(?:ever)? (?:(?:is|are|lies?|stands?|sits?|you see) )?(?=(?:not )?(?:{RELATION_WORDS}) )", re.IGNORECASE
)
_PAIR = re.compile(
    r"^(?:an?|one) pair of (?=(?:\w+ ){0,2}(?:scissors|(?:eye|sun)?glasses|spectacles|jeans|trousers|"
    r"pants|shorts|"
    r"binoculars|tweezers|pliers|tongs|headphones|goggles|tights)$)",
    re.IGNORECASE,
)
_NOT_THAT = re.compile(r"^\s*(?:but )?not (?:the|an?|my|any|this|that) ", re.IGNORECASE)
_EMPTY = re.compile(r"^[\W_]*$")


@dataclass(frozen=True)
class Named:
    """What a stretch of words names.

    `targets` are noun phrases as written, without determiners; `marks` are the marks of regions; `operands` are both in
    the order of the text; `quantity` says how many are meant; `everything` whether it speaks of things in general;
    `definite` whether an article makes it a certain thing. `filters` are what narrows a target, with that target.
    """

    targets: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    operands: tuple[str, ...] = ()
    quantity: Quantity = "one"
    everything: bool = False
    definite: bool = False
    filters: tuple[tuple[NounPhrase, Narrowing], ...] = ()


def named(text: str, lexicon: Lexicon, *, plural_hint: bool = False) -> Named:
    """Reads noun phrases joined by commas, "and", "or" from a stretch of a clause.

    `plural_hint` tells that the words around it are in the plural ("where are the fish").
    """
    text = re.sub(r"<pic\d*>", "image", text).strip(" ,;:?!.\"'")
    text = _WHATEVER.sub("thing ", text)
    held: list[tuple[Narrowing, ...]] = []
    if not lexicon.knows(text):
        text, held = take_out(text, lexicon)
    pieces = [text] if lexicon.knows(text) else [piece for piece in _JOIN.split(text) if piece]
    operands: list[str] = []
    targets: list[str] = []
    quantities: list[Quantity | None] = []
    filters: list[tuple[NounPhrase, Narrowing]] = []
    everything = definite = False
    for piece in pieces:
        if len(pieces) > 1 and _NOT_THAT.match(piece):  # "the key, not the lock"
            continue
        phrase, marks, quantity, the = _piece(HELD.sub(" ", piece), lexicon)
        after = tuple(one for number in HELD.findall(piece) for one in held[int(number)])
        phrase, narrow = narrowings(phrase, after, quantity, lexicon) if phrase else (phrase, ())
        definite |= the
        operands += [mark for mark in marks if mark not in operands]
        if phrase and (narrow or not names_nothing(phrase, lexicon)):
            if narrow and phrase.lower() in (of.lower() for of, _ in filters) and not _same(phrase, narrow, filters):
                phrase = f"other {phrase}"  # "the sign on the left and the sign on the right"
            filters += [(phrase[:300], one) for one in narrow or _others(phrase, targets, filters)]
            if phrase.lower() not in (target.lower() for target in targets):
                targets.append(phrase[:300])
                if not marks:  # "this dog" is set against others as what is pointed at
                    operands.append(phrase[:300])
            quantities.append(quantity)
        elif not marks:
            everything = True
            quantities.append(quantity)
    return Named(
        targets=tuple(targets[:MAX_TARGETS]),
        marks=tuple(operand for operand in operands if re.fullmatch(MARK, operand)),
        operands=tuple(operands[:MAX_TARGETS]),
        quantity=_together(quantities, plural_hint),
        everything=everything,
        definite=definite,
        filters=tuple(filters),
    )


def _others(phrase: str, targets: list[str], filters: list[tuple[NounPhrase, Narrowing]]) -> tuple[Narrowing, ...]:
    """What "the other sign" means after a certain sign: "the sign on the left and the other sign"."""
    if not phrase.lower().startswith("other "):
        return ()
    noun = singular(phrase.lower().removeprefix("other "))
    certain = [
        target
        for target in targets
        if singular(target.lower()).endswith(noun)
        and (singular(target.lower()) != noun or any(of == target for of, _ in filters))
    ]
    return tuple(Narrowing(others=True, anchor=target, words=phrase) for target in certain)


def _same(phrase: str, narrow: tuple[Narrowing, ...], filters: list[tuple[NounPhrase, Narrowing]]) -> bool:
    """Whether a phrase that was named before is narrowed in the same way again."""
    return [one for of, one in filters if of.lower() == phrase.lower()] == list(narrow)


def _together(quantities: list[Quantity | None], plural_hint: bool) -> Quantity:
    if "all" in quantities:
        return "all"
    numbers = [quantity for quantity in quantities if isinstance(quantity, int)]
    if numbers:
        return max(numbers)
    return "all" if plural_hint and quantities else "one"


def _piece(piece: str, lexicon: Lexicon) -> tuple[NounPhrase, list[str], Quantity | None, bool]:
    """(noun phrase, marks, quantity, whether an article makes it definite) of one member of a list."""
    marks = [match[1] for match in _MARK.finditer(piece)]
    text = " ".join(_MARK.sub(" ", piece).split()).strip(" ,;:?!.\"'-")
    quantity: Quantity | None = None
    definite = False
    before = None
    while before != text:
        before = text
        if lexicon.knows(text) and not re.match(
            r"^(?:an?|the|any|some|every|each|all|this|that|these|those|my|your|its|our|their|his|her|one|another)\s",
            text,
            re.I,
        ):
            break
        if one_pair := _PAIR.match(text):  # "a pair of scissors" is one thing
            quantity, text = quantity or "one", text[one_pair.end() :]
        elif counted := _COUNT.match(text):
            number = parse_number(" ".join(counted[1].split()))
            more = "more than" in counted[0].lower()
            if number is not None:
                number += more
                if number >= 2:
                    quantity = min(number, MAX_NUMBER)
            text = text[counted.end() :]
        elif one := _ONE.match(text):
            quantity, text = quantity or "one", text[one.end() :]
        elif match := _ALL.match(text.lower()):
            quantity, text = "all", text[match.end() :]
        elif the := _THE.match(text):
            definite |= the[0].strip().lower() in {"the", "this", "that", "these", "those", "my"}
            text = text[the.end() :]
        elif kinds := _KINDS.match(text):
            if quantity is None and re.search(r"s of $", kinds[0]):
                quantity = "all"
            text = text[kinds.end() :]
        elif (trailing := _TRAILING.search(text)) and not _EMPTY.match(text[: trailing.start()]):
            text = text[: trailing.start()]
        text = text.strip(" ,;:?!.\"'-")
    if _EMPTY.match(text):
        return "", marks, quantity, definite
    if quantity is None and is_plural(text) and not text.lower().startswith("pair of "):
        quantity = "all"
    return text, marks, quantity, definite
