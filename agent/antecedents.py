"""What a clause leaves to the ones before it: "it", "both", "the red one", "How many are there?", "And the cat?".

The words that point back are replaced by what they stand for, so that the rules read a clause as if it had been said
in full. What "it" stands for keeps what narrowed it ("Find the sign nearest the dog and read it").
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from agent.general import is_general
from agent.inflection import plural, singular
from agent.intents import MAX_FILTERS, MAX_TARGETS, Aspect, Filter, Intent, Operand, Step
from agent.lexicon import Lexicon
from agent.pointing import MARK
from agent.relation_words import RELATION_WORDS

_BACK = re.compile(
    r"^(?:(?:please )?(?:cut|cut out|segment|outline|mask|describe|find|locate|mark|show|read|count|trace|highlight|"
    r"circle|"
    r"point (?:to|at|out)|name|label|compare|extract|isolate|identify|transcribe|box)(?: me)?) "
    r"(?P<all>(?:both|each|all|every)(?: (?:one|of (?:<it>|these|those)))?|<it> (?:both|all|each)|(?:each|every) one|"
    r"the (?:two|pair|lot)|everyone)(?P<rest> out)?$",
    re.IGNORECASE,
)
_COUNTS = re.compile(
    r"^how many(?P<of> of (?:<it>|those|these|each(?: of <it>| kind| type| sort)?))?(?P<rest>(?: (?:more|exactly|"
    r"then|there(?: (?:are|is))?|in all))?|"
    r" (?:are|is|do|can|did|could|were|have|lie|stand|sit|touch|overlap)\b.*)$",
    re.IGNORECASE,
)
_BARE = re.compile(r"^(?:where(?: exactly)?|how many)$", re.IGNORECASE)
_WHERE = re.compile(r"^where(?: exactly)?$", re.IGNORECASE)
_ONE = re.compile(
    r"\b(?P<before>(?:which|the|that|another|any|every|an?|only|first|second|third|last|largest|biggest|smallest|other|"
    r"leftmost|rightmost|red|orange|yellow|green|blue|purple|pink|brown|black|white|gr[ae]y|bigger|larger|smaller|"
    r"nearest|closest|farthest|left|right|top|bottom) )(?P<one>ones?)\b(?! (?:of|word|sentence))",
    re.IGNORECASE,
)
_IS_THERE = re.compile(
    r"^(?P<asks>(?:is|are) there|(?:do|can) you (?:see|find|spot)) (?P<some>one|any|some|another|another one|more)$",
    re.IGNORECASE,
)
_EACH_ONE = re.compile(r"\b(?:each|every) one\b", re.IGNORECASE)
_WHICH = re.compile(r"^which(?= (?:is|are|lies?|stands?|do|does)\b)", re.IGNORECASE)
_SET_AGAINST = re.compile(
    r"^compare\b|\b(?:same|differ|different|difference|alike|bigger|larger|smaller|biggest|largest|smallest|common|more)\b",
    re.IGNORECASE,
)
# "find the largest star, then the smallest"
_NO_NOUN = re.compile(
    r"\bthe (?:(?:second|third|fourth|fifth|next) )?(?:largest|biggest|smallest|tiniest|leftmost|rightmost|highest|"
    r"lowest|"
    r"topmost|bottommost|red|yellow|green|blue|purple|pink|brown|black|white|gr[ae]y)(?: (?P<one>ones?))?$",
    re.IGNORECASE,
)
_ACTS_ON = re.compile(
    r"^(?:cut|segment|outline|mask|describe|trace|highlight|circle|mark|extract|isolate|read|find|locate|name|identify|count|"
    r"point)\b|^what (?:is|are) <it>$|^what does <it>\b",
    re.IGNORECASE,
)
# "... and tell me its name"
_ITS = re.compile(
    r"\b(?:its|their) (names?|kind|type|colou?rs?|size|shape|position|location|coordinates|bounding box|outline|mask|"
    r"whereabouts|description|age|purpose|material|number)\b",
    re.IGNORECASE,
)
# "the tree and the bird closest to it"
_WITHIN = re.compile(
    r"\b(?:the|an?) (?P<noun>[\w-]+(?: [\w-]+)?)(?P<between>(?:,| and) .*?\b(?:of|to|near|nearest|by|under|below|"
    r"above|over|"
    r"behind|beside|on|in|inside)) <it>",
    re.IGNORECASE,
)
_PAIR = re.compile(r"\bthe (former|latter)\b", re.IGNORECASE)
_REMAINING = re.compile(r"\bremaining\b(?= \w)", re.IGNORECASE)
_THE_REST = re.compile(
    r"\bthe (?:others|remaining|(?:rest|remainder)(?: of (?:<it>|them|these|those))?)(?= ?$|[,.;?!]| (?:in|on|too)\b)",
    re.IGNORECASE,
)
_TELLS_APART = (
    r"(?:(?:other|left|right|top|bottom|upper|lower|small|smaller|smallest|little|big|bigger|biggest|large|larger|"
    r"largest|leftmost|rightmost|topmost|highest|lowest|first|second|third|fourth|last|nearest|closest|farthest|red|"
    r"orange|yellow|green|blue|purple|pink|brown|black|white|gr[ae]y) )"
)
_THE_ONE = re.compile(
    rf"\b(?:(?:the|that|an?|any|my) |(?<=than )|(?<=or )|(?<=and ))(?P<which>{_TELLS_APART}*)(?P<one>ones?)\b"
    r"(?! (?:of|word|by|one)\b)",
    re.IGNORECASE,
)
_LEFT_OUT = re.compile(
    r"\b(?:except|excepting|excluding|other than|(?:apart|aside) from|besides|but|not|counting|including|without|save|"
    r"ignoring|leaving out)(?: for)? $",
    re.IGNORECASE,
)
# "Which one is closer to the tree?", after two things
_WHICH_NEARER = re.compile(
    r"^(?:which|what|who)(?: one| of (?:<it>|the two|these|those|both))? (?:is|lies|stands|sits) (?:the )?"
    r"(?:closer|nearer|closest|nearest|farther|further|farthest|furthest)\b[^,]*$",
    re.IGNORECASE,
)
# "Is the left apple bigger than the one next to it?"
_THAN_BY_IT = re.compile(
    r"^(?P<before>(?:is|are) (?P<first>(?:the|this|that|my) [\w -]+?) (?:much |far |any |a bit )?[\w-]+(?: to the \w+)?"
    r" than (?:the|an?) .+) <it>$",
    re.IGNORECASE,
)
_OTHER_REGION = re.compile(
    r"\bthe (?:(?:other|remaining) (?:(?P<one>one|region|box|thing|object|area|spot|point|mark)|ones|regions|boxes|"
    r"things|objects|areas|spots|points|marks)|others|rest)\b(?! (?:of|that|which|from|in|on|to|left|right|near)\b)",
    re.IGNORECASE,
)
# "What else is there?"
_ELSE = re.compile(
    r"^(?P<lead>(?:(?:is|are|do|does|can|could|did|there|you|we|i|one|also|see|spot|find|name|list|show|tell|me|outline|"
    r"segment|cut|out|count|read|describe|locate|mark|highlight)\b ?)*)"
    r"(?P<what>what|who|(?:any|some|every)(?:thing|one|body)) else\b(?P<rest>.*)$",
    re.IGNORECASE,
)
_OTHER_THINGS = re.compile(
    r"^(?P<lead>(?:\w+ ){0,4}?)other (?P<what>things|objects|items)\b(?P<rest>.*)$", re.IGNORECASE
)
_LEAVES_OUT = re.compile(
    r"\b(?:except|excepting|excluding|other than|apart from|aside from|besides|but|than|not (?:counting|including)|"
    r"with the exception of|leaving out|ignoring)\b",
    re.IGNORECASE,
)
_BIG, _SMALL = re.compile(r"\bthe (?:big|large)(?= )", re.IGNORECASE), re.compile(r"\bthe (?:small|little)(?= )", re.I)
_EXTREMES = {Aspect.LARGER: "largest", Aspect.SMALLER: "smallest"}


@dataclass(frozen=True)
class Resolved:
    """A clause with what it leaves out filled in: `said` are the words that pointed back, `meant` what they stand for.

    Both are empty where nothing pointed back; `step` is then None, else the step that they point to. `last` is the
    step that was spoken of last, whether anything points to it or not. `bare`: the clause is no more than "where" or
    "how many".
    """

    text: str
    said: str = ""
    meant: str = ""
    step: Step | None = None
    last: Step | None = None
    bare: bool = False


def resolved(text: str, before: Sequence[Step], topic: str, region_count: int, lexicon: Lexicon) -> Resolved:
    """The clause `text` in full.

    Args:
        text: one trimmed clause.
        before: what was spoken of so far, in order; a step each.
        topic: the mark of the region that the question speaks of, or "".
        region_count: how many regions were given.
        lexicon: tells which words before "the red one" are nouns that it may stand for.
    """
    last = before[-1] if before else None
    if _SET_AGAINST.search(text):
        last = _together(before)
    text = _other_regions(text, last, region_count)
    text = _ITS.sub(r"the \1 of <it>", text)
    text = _WITHIN.sub(r"the \g<noun>\g<between> the \g<noun>", text)
    text = _THE_REST.sub("the other ones", _REMAINING.sub("other", text))
    text = _THAN_BY_IT.sub(r"\g<before> \g<first>", _big_and_small(_ones_filled(text, last, lexicon)))
    bare = _BARE.match(text) is not None
    if (other := _else_filled(text, before, region_count)) is not None:
        return replace(other, last=last)
    if (against := _set_against(text, before, region_count)) is not None:
        return replace(against, last=against.step)
    return replace(_resolved(text, last, topic, region_count), last=last, bare=bare)


def _else_filled(text: str, before: Sequence[Step], region_count: int) -> Resolved | None:
    """ "Where is the dog? What else is there?": what is not the dog; before anything was spoken of, what is none of the
    regions that were given, or whatever there is.
    """
    match = _ELSE.match(text) or _OTHER_THINGS.match(text)
    if match is None:
        return None
    what = "what" if match["what"].lower() == "who" else match["what"]
    plain = f"{match['lead']}{what}{match['rest']}".strip()
    if _LEAVES_OUT.search(match["rest"]):
        return Resolved(plain) if match.re is _ELSE else None
    things = list(dict.fromkeys(thing for step in before for thing in _things_of(step)))
    if not things and not before and not re.search(MARK, text):
        things = [f"<r{index}>" for index in range(region_count)]
    if not things:
        return Resolved(plain) if match.re is _ELSE and not what.lower().startswith("every") else None
    meant = " and ".join(things[:MAX_FILTERS])
    filters = dict.fromkeys(one for step in before for one in _narrowing(step))
    spoken = before[-1].model_copy(update={"filters": tuple(filters), "text": None}) if before else None
    return Resolved(f"{plain} other than {meant}", "else" if before else "", meant if before else "", spoken)


def _things_of(step: Step) -> list[str]:
    """What a step names or points at, in words and marks; not things in general."""
    every: tuple[Operand, ...] = (*step.targets, *step.operands, *step.regions)
    return [_spoken(one) for one in dict.fromkeys(every) if isinstance(one, int) or not is_general(one)]


def _set_against(text: str, before: Sequence[Step], region_count: int) -> Resolved | None:
    """ "Find the dog and the fox. Which one is closer to the tree?": one of these; else one of the regions given."""
    last = _together(before)
    things = [f"<r{index}>" for index in range(region_count)] if last is None else [
        *map(_spoken, last.targets or last.regions)
    ]
    if not 2 <= len(things) < MAX_TARGETS or not _WHICH_NEARER.match(text):
        return None
    meant = " or ".join(things)
    return Resolved(f"{text}, {meant}", "which" if last else "", meant if last else "", last)


def _resolved(text: str, last: Step | None, topic: str, region_count: int) -> Resolved:
    if topic and last is None and not re.search(MARK, text):
        return Resolved(f"{text} in {topic}")
    if last is not None and (pair := _PAIR.search(text)) and len(last.targets) == 2:
        meant = f"the {last.targets[pair[1].lower() == 'latter']}"
        return Resolved(_PAIR.sub(meant, text), pair[0], meant, last)
    said = "it"
    if last is None and region_count and _WHERE.match(text):
        text = f"{text} is <it>"
    if last is not None and (last.targets or last.regions):
        if _WHERE.match(text):  # "There is a bus. Where?"
            text, said = f"{text} is <it>", text
        elif match := _BACK.match(text):
            said = match["all"].replace("<it>", "them")
            text = f"{text[: match.start('all')]}all of <it>{match['rest'] or ''}"
        elif match := _COUNTS.match(text):
            said = "how many"
            text = f"how many of <it>{match['rest']}"
        elif _EACH_ONE.search(text):
            said, text = "each one", _EACH_ONE.sub("each of <it>", text)
        elif (match := _IS_THERE.match(text)) and len(last.targets) == 1:
            many = match["some"].lower() in {"any", "some", "more"}
            meant = f"any {_noun(last.targets[0], many=True)}" if many else f"a {_noun(last.targets[0], many=False)}"
            return Resolved(f"{match['asks']} {meant}", match["some"], meant)
        elif (match := _ONE.search(text)) and len(last.targets) == 1:
            meant = _noun(last.targets[0], many=match["one"].lower() == "ones")
            return Resolved(f"{text[: match.start('one')]}{meant}{text[match.end('one') :]}", match["one"], meant)
        elif len(last.targets) == 1 and (match := _NO_NOUN.search(text)) and not text.lower().startswith("which"):
            meant = _noun(last.targets[0], many=False)
            return Resolved(f"{text} {meant}", match[0], f"{match[0]} {meant}")
        elif len(last.targets) == 1 and (match := _WHICH.match(text)) and not _SET_AGAINST.search(text):
            meant = _noun(last.targets[0], many=" are" in text.lower()[:9])
            return Resolved(f"which {meant}{text[match.end() :]}", match[0], f"which {meant}")
    if "<it>" not in text:
        return Resolved(text)
    stands_for = _meaning(last, text)
    if not stands_for:
        stands_for = topic or ("" if not region_count else "<r_>" if region_count == 1 else "<r*>")
        return Resolved(text.replace("<it>", stands_for)) if stands_for else Resolved(text)
    if re.match(r"(?:all|each) ", stands_for):
        text = re.sub(r"\b(?:all|each) of <it>", "<it>", text)
    return Resolved(text.replace("<it>", stands_for), said, stands_for, last)


def _other_regions(text: str, last: Step | None, region_count: int) -> str:
    """The clause with the regions that "the other one" means, where one was spoken of and others are given."""
    match = _OTHER_REGION.search(text)
    if match is None or region_count < 2:
        return text
    spoken = [int(index) for index in re.findall(r"<r(\d+)>", text)]
    if not spoken and last is not None and not last.targets:
        spoken = [*last.regions]
    rest = [index for index in range(region_count) if index not in spoken]
    many = match["one"] is None
    if not spoken or not rest or (len(rest) > 1 and not many):
        return text
    return f"{text[: match.start()]}{' and '.join(f'<r{index}>' for index in rest)}{text[match.end() :]}"


def _ones_filled(text: str, last: Step | None, lexicon: Lexicon) -> str:
    """The clause with the noun that "the green one" leaves to a noun before it: "the red apple and the green apple".

    That noun is told from others in the same way, or asked about ("which apple"); any noun will do where nothing was
    spoken of before.
    """
    start = 0
    while match := _THE_ONE.search(text, start):
        noun = _noun_before(text, match, last, lexicon)
        if not noun:
            start = match.end()
            continue
        text = f"{text[: match.start('one')]}{noun}{text[match.end('one') :]}"
        start = match.start("one") + len(noun)
    return text


def _noun_before(text: str, match: re.Match[str], last: Step | None, lexicon: Lexicon) -> str:
    before, at, nouns = text[: match.start()], 0, []
    if _LEFT_OUT.search(before):  # "except the red one" (`agent.narrowing`)
        return ""
    for noun in lexicon.find(before):
        place = before.find(noun, at)
        at = place + len(noun)
        lead, rest = before[:place], before[at:]
        asked = re.search(r"\b(?:which|what) $", lead, re.IGNORECASE) is not None
        told = re.search(rf"\b{_TELLS_APART}$", f"{lead}{noun.partition(' ')[0]} " if " " in noun else lead, re.I)
        told = told or re.search(rf"\b{_TELLS_APART}$", lead, re.IGNORECASE)
        behind = re.match(rf" (?:{RELATION_WORDS}|that|which|closest|farthest)\b", rest, re.IGNORECASE)
        alike = behind if not match["which"] else told or (behind if "other" in match["which"].lower() else None)
        nouns.append((asked, alike is not None, noun))
    fitting = [noun for asked, _, noun in nouns if asked] or [noun for _, alike, noun in nouns if alike]
    if not fitting and (last is None or not last.targets) and len({singular(noun) for _, _, noun in nouns}) == 1:
        fitting = [nouns[-1][2]]
    return _noun(fitting[-1], many=match["one"].lower() == "ones") if fitting else ""


def _big_and_small(text: str) -> str:
    """Of two that are set against each other, the big one is the bigger and the small one the smaller."""
    if _BIG.search(text) and _SMALL.search(text):
        text = _SMALL.sub("the smallest", _BIG.sub("the largest", text))
    return text


def _noun(target: str, *, many: bool) -> str:
    """The noun of a target in the number that is wanted."""
    return _bare(plural(singular(target)) if many else singular(target))


def _together(before: Sequence[Step]) -> Step | None:
    """The last steps as one, where each spoke of one thing: "Find the dog. Find the fox. Which is larger?"."""
    if not before:
        return None
    last = before[-1]
    for step in reversed(before[:-1]):
        single = len(step.targets or step.regions) == 1 and step.quantity == "one" and step.image == last.image
        alike = step.intent is last.intent and bool(step.targets) == bool(last.targets)
        if not alike or not single or last.quantity != "one":
            break
        last = last.model_copy(
            update={
                "targets": tuple(dict.fromkeys((*step.targets, *last.targets))),
                "regions": tuple(dict.fromkeys((*step.regions, *last.regions))),
                "filters": tuple(dict.fromkeys((*_narrowing(step), *last.filters)))[:MAX_FILTERS],
            }
        )
    return last


def _bare(noun: str) -> str:
    """A noun without the words of order and colour that told it from others: "largest key" -> "key"."""
    return re.sub(
        r"^(?:(?:second|third|fourth|fifth|largest|biggest|smallest|tiniest|leftmost|rightmost|highest|lowest|topmost|"
        r"bottommost|uppermost|lowermost|red|orange|yellow|green|blue|purple|pink|brown|black|white|gr[ae]y|left|right|top|"
        r"bottom|upper|lower|nearest|closest|farthest|furthest) )+(?=\w)",
        "",
        noun,
        flags=re.IGNORECASE,
    )


def _meaning(step: Step | None, text: str) -> str:
    """What "it" stands for after a step in the clause `text`, in words and marks."""
    if step is None:
        return ""
    many = "all of <it>" in text or "each of <it>" in text
    marks = " and ".join(f"<r{index}>" for index in step.regions)
    if step.intent is Intent.REFER and marks:  # "Is this a mushroom? If so, cut it out."
        return marks
    if step.intent is Intent.RELATE and step.relation is not None and not step.yes_no and len(step.operands) == 1:
        anchor = step.operands[0]
        if not _ACTS_ON.match(text):
            return _spoken(anchor)
        return f"the thing {step.relation.value} {_spoken(anchor)}"
    if step.intent is Intent.RELATE and step.relation is not None and len(step.operands) > 1:
        return _spoken(step.operands[0])
    if not step.targets and step.aspect in _EXTREMES and not step.operands:
        return f"the {_EXTREMES[step.aspect]} object"
    if not step.targets:
        return marks
    extreme = _EXTREMES.get(step.aspect) if step.aspect and not step.operands and len(step.targets) == 1 else None
    if extreme:
        return f"the {extreme} {step.targets[0]}"
    every = step.quantity == "all" or step.intent in {Intent.COUNT, Intent.LIST} or many
    number = f"{step.quantity} " if isinstance(step.quantity, int) and not many else ""
    if every and len(step.targets) == 1:
        return f"all the {step.targets[0]}"
    return " and ".join(f"the {number}{target}" for target in step.targets)


def _spoken(operand: Operand) -> str:
    return f"<r{operand}>" if isinstance(operand, int) else f"the {operand}"


def _narrowing(step: Step) -> tuple[Filter, ...]:
    """What tells the things that a step names from others; where it looked for a text, that they say so."""
    looked_for = () if step.text is None else tuple(Filter(of=target, text=step.text) for target in step.targets)
    return (*looked_for, *step.filters)


def narrowed_as_before(step: Step, before: Step | None) -> Step:
    """`step` with what narrowed the phrases that it shares with the step that its words point to."""
    if before is None:
        return step
    phrases = {*step.targets, *step.operands, *(one.anchor for one in step.filters)}
    filters = list(step.filters)
    for one in _narrowing(before):
        if one.of in phrases and one not in filters:
            filters.append(one)
            phrases.add(one.anchor)
    return step.model_copy(update={"filters": tuple(filters[:MAX_FILTERS])})


def apart_from_before(step: Step, before: Step | None) -> Step:
    """`step` with "the other sign" told from the sign that was spoken of before, where that was a certain one."""
    if before is None:
        return step
    filters, narrowed = list(step.filters), {one.of for one in step.filters}
    for phrase in dict.fromkeys((*step.targets, *step.operands)):
        if not isinstance(phrase, str) or phrase in narrowed or not phrase.lower().startswith("other "):
            continue
        noun = singular(phrase.lower().removeprefix("other "))
        for target in before.targets:
            certain = before.filters_of(target) or before.text is not None or singular(target.lower()) != noun
            if certain and singular(_bare(target).lower()) == noun and target not in step.targets:
                filters += [Filter(of=phrase, others=True, anchor=target), *_narrowing(before)]
    phrases: set[Operand | None] = {*step.targets, *step.operands, *(one.anchor for one in filters)}
    kept = [one for one in dict.fromkeys(filters) if one.of in phrases]
    return step.model_copy(update={"filters": tuple(kept[:MAX_FILTERS])})


def with_operands_of(step: Step, before: Step | None) -> Step:
    """A comparison that names nothing ("Which is smaller?") between the things that were spoken of before."""
    if before is None or step.operands or step.targets or step.intent is not Intent.COMPARE:
        return step
    named: tuple[Operand, ...] = before.targets or before.regions
    phrases: set[Operand | None] = {*before.targets}
    filters = []
    for one in _narrowing(before):
        if one.of in phrases:
            filters.append(one)
            phrases.add(one.anchor)
    return step.model_copy(
        update={
            "targets": before.targets,
            "operands": named if len(named) > 1 else (),
            "regions": before.regions,
            "filters": tuple(filters),
        }
    )
