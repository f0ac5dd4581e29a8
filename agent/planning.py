"""The offline planner: a question in plain English to a plan, by rules alone.

`plan_question` is deterministic and needs no model. A question is cleaned, its slips of the pen are mended
(`agent.slips`), and it is cut into clauses (`agent.wording`); what a clause leaves to the ones before it is filled in
(`agent.antecedents`). Each clause is then tried against the rules of `agent.rules` in their order, and the first that
fits makes its step. The rules speak of intents; what is asked about is read by `agent.noun_phrases`, which leans on
the lexicon only to protect names from being taken apart. A clause that fits no rule is answered by what it points at or
names, unless another clause asks something: then it is a remark, and only tells what "it" is.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

from agent.antecedents import Resolved, apart_from_before, narrowed_as_before, resolved, with_operands_of
from agent.courtesy import leads_to_a_request, requests_within, speaks_of_people, states
from agent.excluding import LEAVING_OUT, all_but
from agent.granularity import with_granularity
from agent.inflection import is_plural
from agent.intents import (
    MAX_FILTERS,
    MAX_REGIONS,
    MAX_STEPS,
    MAX_TARGETS,
    Aspect,
    Filter,
    Intent,
    NounPhrase,
    Operand,
    Plan,
    Step,
)
from agent.lexicon import Lexicon
from agent.narrowing import Narrowing, is_scope, without_narrowing_texts
from agent.noun_phrases import Named, named
from agent.pointing import MARK, PICTURE
from agent.quotations import QUOTED, hold_texts, put_back, with_texts
from agent.reasons import reason
from agent.rules.common import Draft
from agent.rules.comparing import compare
from agent.rules.counting import count
from agent.rules.describing import describe
from agent.rules.existing import exist
from agent.rules.grounding import ground
from agent.rules.listing import list_things
from agent.rules.reading import read
from agent.rules.referring import by_what_it_names, refer
from agent.rules.relating import relate
from agent.rules.searching import search
from agent.rules.segmenting import segment
from agent.slips import mended
from agent.wording import Clause, clean, prepare, trim

# Far beyond any real question; what follows is not read.
_LONGEST = 1500
# "and and and ...": said over and over, a word or two mean no more than once, and would only cost the rules time.
_STUTTER = re.compile(r"\b(\w{1,20}(?: \w{1,20})?)(?: \1\b){2,}", re.IGNORECASE)


class _Level(IntEnum):
    """How surely a clause asks for something."""

    ASKS = 0
    STATES_THERE_IS = 1
    """"There is a bus": asks whether, when nothing else is asked."""
    NAMES = 2
    """No more than a name: "the dog"."""
    TELLS = 3
    """A statement that names something: "My son loves dogs"."""
    NOTHING = 4
    """Nothing that is known is named."""


@dataclass(frozen=True)
class _Reading:
    """What was made of a clause: `rule` tells whether a rule fitted, `filled_in` what pointed back, with its step."""

    clause: Clause
    draft: Draft
    rule: bool
    level: _Level
    filled_in: Resolved


@dataclass(frozen=True)
class _Made:
    """A reading with its step; `points` tells whether it points at regions by itself."""

    reading: _Reading
    step: Step
    points: bool
    sources: Mapping[Filter, str]


def plan_question(question: str, region_count: int, image_count: int = 1, lexicon: Lexicon | None = None) -> Plan:
    """The steps that answer a question, and for each a sentence that says why it is there.

    Args:
        question: in English; `<region1>` names the first region given.
        region_count: how many regions were given with it. Those that no clause points at belong to every step.
        image_count: how many pictures it is about.
        lexicon: the names that the loaded weights know, so that "watch", "hot dog" or "locked" are read as names.

    Raises `RequestError` when the question is empty, names a region or a picture that was not given, or leaves out what
    it does not name (`agent.excluding`). Anything else, odd as it may be, gives a plan of 1 to `MAX_STEPS` steps.
    """
    known = lexicon if lexicon is not None else Lexicon(())
    asked = clean(question)
    text, texts = hold_texts(asked[:_LONGEST])
    text, slips = mended(_STUTTER.sub(r"\1", text), known)
    parts = [trim(part, end) for part, end in prepare(text, region_count, image_count)]
    parts = [_with_texts(part, texts, known) for part in parts]
    made, coordinates = _made(_fronted(parts, known), known, region_count, image_count)
    told = [with_texts(one.step, one.sources, texts) for one in made]
    steps = [step for step, _ in told]
    pointed = any(one.points for one in made)
    reasons = [
        reason(
            step,
            put_back(one.reading.clause.text, texts),
            rule=one.reading.rule,
            filled_in=_filled_in(one.reading.filled_in, texts),
            slips=slips,
            sources=sources,
        )
        for one, (step, sources) in zip(made, told, strict=True)
    ]
    if not steps:
        whole = any(part is not None and part.whole for part in parts)
        intent = Intent.REFER if region_count and not whole else Intent.DESCRIBE
        image = next((part.image for part in reversed(parts) if part is not None and part.image is not None), None)
        steps = [Step(intent=intent, image=image if image is not None else 0 if image_count == 1 else None)]
        pointed = intent is Intent.DESCRIBE and region_count > 0
        shown = "the regions that were given" if intent is Intent.REFER else "the picture"
        reasons = [f"Nothing certain is asked, so {shown} will be told about."]
    if coordinates is not None:
        steps = [step.model_copy(update={"wants_coordinates": coordinates}) for step in steps]
    if not pointed:
        everywhere = tuple(range(min(region_count, MAX_REGIONS)))
        steps = [step.model_copy(update={"regions": everywhere}) for step in steps]
    return Plan(question=asked, steps=with_granularity(steps, asked), reasons=tuple(reasons))


def _with_texts(part: Clause | None, texts: list[str], lexicon: Lexicon) -> Clause | None:
    """A clause with the texts in it put back, unless it looks for one; those that narrow a noun stay held."""
    if part is None or not re.search(QUOTED, part.text) or search(part.text, lexicon) is not None:
        return part
    return replace(part, text=put_back(part.text, texts, without_narrowing_texts(part.text, lexicon)))


def _filled_in(full: Resolved, texts: list[str]) -> list[tuple[str, str]]:
    return [(full.said, put_back(full.meant, texts))] if full.said else []


def _made(
    parts: Sequence[Clause | None], lexicon: Lexicon, region_count: int, image_count: int
) -> tuple[list[_Made], bool | None]:
    """The steps of the clauses that ask for something, and whether the question wants coordinates for all of them."""
    image: int | None = 0 if image_count == 1 else None
    coordinates: bool | None = None
    topic = ""
    spoken: list[_Made] = []
    said = " ".join(part.text for part in parts if part is not None)
    elsewhere = frozenset(int(mark) for mark in re.findall(r"<r(\d+)>", said))
    for index, clause in enumerate(parts):
        if clause is None:
            continue
        image = clause.image if clause.image is not None else image
        only_shown = re.fullmatch(PICTURE, clause.text) and any(later and later.text for later in parts[index + 1 :])
        if not clause.text or only_shown:  # "In the second picture, ...", "... Include the coordinates."
            coordinates = clause.coordinates if clause.coordinates is not None else coordinates
            continue
        if len(spoken) == 4 * MAX_STEPS:
            break
        if (
            not spoken
            and (about := _TOPIC.match(clause.text))
            and any(later and later.text for later in parts[index + 1 :])
        ):
            topic = about["mark"] or topic  # "<region1>: is it a dog?", "In <region1>, what do you see?"
            continue
        before = [one for one in spoken if one.reading.level is not _Level.NOTHING]
        reading = _read(clause, before, topic, lexicon, region_count)
        spoken.append(_step(reading, region_count, image, elsewhere))
    kept: list[_Made] = []
    for one in _asking(spoken):
        if not any(one.step == other.step for other in kept):  # "I can't find the key. Where is it?"
            kept.append(one)
    return kept[:MAX_STEPS], coordinates


def _asking(spoken: Sequence[_Made]) -> Iterable[_Made]:
    """What asks for something: where one clause does, those that only name or tell something are remarks."""
    best = min((one.reading.level for one in spoken), default=_Level.NOTHING)
    for index, one in enumerate(spoken):
        level = one.reading.level
        after = spoken[index + 1].reading.filled_in if index + 1 < len(spoken) else None
        bare = after is not None and after.bare
        remark = level is _Level.NOTHING and states(one.reading.clause.text)
        if (level is best or (level is _Level.STATES_THERE_IS and bare)) and not remark:
            yield one


Rule = Callable[[str, Lexicon], Draft | None]
_RULES: tuple[Rule, ...] = (
    search, read, compare, relate, segment, count, describe, refer, list_things, exist, ground,
)  # fmt: skip


def _draft(text: str, lexicon: Lexicon) -> Draft | None:
    for rule in _RULES:
        if draft := rule(text, lexicon):
            return draft
    return None


def _read(clause: Clause, before: Sequence[_Made], topic: str, lexicon: Lexicon, region_count: int) -> _Reading:
    """What a clause asks for: by a rule as it stands, as more of what was asked before, or inside a way of speaking."""
    full = resolved(clause.text, [one.step for one in before], topic, region_count, lexicon)
    text = full.text
    clause = replace(clause, text=text)
    asks = not speaks_of_people(text) or _NEEDS.match(text) is not None
    if asks and (others := all_but(text, lambda rest: _draft(rest, lexicon), lexicon)) is not None:
        return _Reading(clause, others, True, _Level.ASKS, full)
    draft = _draft(text, lexicon)
    if before and (more := _more_of_the_same(clause, draft, before[-1].reading, lexicon)):
        return _Reading(clause, more, True, _Level.ASKS, full)
    level = _level(text, draft, clause.end, lexicon)
    if draft is not None and level is _Level.ASKS:
        return _Reading(clause, draft, True, level, full)
    for lead, rest in requests_within(text):
        remark = not leads_to_a_request(lead) and (speaks_of_people(lead) or bool(lexicon.find(lead)))
        if remark or _ASKING.match(lead):
            continue
        inner = trim(rest, clause.end)
        found = _draft(inner.text, lexicon) if inner is not None and inner.text else None
        if inner is not None and found is not None and _level(inner.text, found, clause.end, lexicon) is _Level.ASKS:
            whole, coordinates = clause.whole or inner.whole, clause.coordinates
            coordinates = inner.coordinates if coordinates is None else coordinates
            return _Reading(replace(inner, whole=whole, coordinates=coordinates), found, True, _Level.ASKS, full)
    if draft is not None and level is _Level.NOTHING:
        spoken_of = by_what_it_names(text, lexicon, region_count)
        if any(lexicon.names_something(target) for target in spoken_of.named.targets):
            return _Reading(clause, spoken_of, False, _Level.TELLS if states(text) else _Level.NAMES, full)
    if draft is not None:
        return _Reading(clause, draft, True, level, full)
    if not states(text) and (set_against := _with_verb(text, clause.end, lexicon)) is not None:
        return _Reading(clause, set_against, True, _Level.ASKS, full)
    return _Reading(clause, by_what_it_names(text, lexicon, region_count), False, level, full)


def _with_verb(text: str, end: str, lexicon: Lexicon) -> Draft | None:
    """What a clause without its verb sets against each other: "<region1> same as <region2>?", "fox or wolf bigger"."""
    found = _draft(f"is {text.replace(':', '')}", lexicon)
    if found is None or found.intent not in {Intent.COMPARE, Intent.RELATE} or len(found.named.operands) < 2:
        return None
    if found.intent is Intent.RELATE and found.relation is not None:
        known = all(lexicon.names_something(one) and not is_plural(one) for one in found.named.targets)
        return found if end == "?" and known and not found.named.filters else None
    return found


_NEEDS = re.compile(
    r"^(?:i|we) (?:really |just |also |still )*(?:need|want|would|am (?:looking|searching|hunting|trying)|look|search|"
    r"seek|wish|require|demand)\b",
    re.IGNORECASE,
)


def _level(text: str, draft: Draft | None, end: str, lexicon: Lexicon) -> _Level:
    """How surely a clause asks for something; `draft` is what a rule made of it."""
    read_as = draft.named if draft is not None else named(text, lexicon)
    names = bool(read_as.marks) or any(lexicon.names_something(target) for target in read_as.targets)
    if draft is not None and speaks_of_people(text) and not _NEEDS.match(text):
        return _Level.TELLS if names else _Level.NOTHING
    if draft is not None and (names or not draft.loose):
        return _Level.STATES_THERE_IS if draft.stated and end != "?" else _Level.ASKS
    names = names or bool(lexicon.find(text))
    if states(text):
        return _Level.TELLS if names else _Level.NOTHING
    if names and _ASKING.match(text):
        return _Level.ASKS
    return _Level.NAMES if names else _Level.NOTHING


_ASKING = re.compile(r"^(?:what|where|which|who|whose|how|why|when)\b(?! (?:an?|about)\b)", re.IGNORECASE)


_MORE = {Intent.GROUND, Intent.COUNT, Intent.EXIST, Intent.SEGMENT, Intent.READ, Intent.DESCRIBE, Intent.LIST}
_ONLY_MARKS = re.compile(rf"^(?:(?:in|inside|within|at|on|for|of) )?{MARK}(?: too| as well)?$", re.IGNORECASE)


def _more_of_the_same(clause: Clause, draft: Draft | None, last: _Reading, lexicon: Lexicon) -> Draft | None:
    """ "Where is the dog? And the cat?": the same is asked of another thing or region."""
    if last.level is not _Level.ASKS or clause.coordinates is not None:
        return None
    if _ONLY_MARKS.match(clause.text) and last.draft.named.marks and last.draft.intent in {*_MORE, Intent.REFER}:
        marks = tuple(re.findall(MARK, clause.text))
        earlier = last.draft.named
        return replace(last.draft, named=replace(earlier, marks=marks, operands=(*marks, *earlier.targets)))
    if same := _THE_SAME.match(clause.text):  # "Do the same for <region2>."
        return _more_of_the_same(replace(clause, text=same["of"], more=True), None, last, lexicon)
    if draft is not None and draft.text is not None and draft.stated and last.draft.text is not None and clause.more:
        carrier = draft.named if draft.named.targets or draft.named.marks else last.draft.named
        return replace(last.draft, named=carrier, text=draft.text)  # "And one that says exit?"
    said_so = draft is not None and draft.text is not None and draft.stated  # "And the sign that says exit?"
    if (draft is not None and not said_so) or states(clause.text):
        return None
    two = last.draft.intent is Intent.RELATE and len(last.draft.named.operands) == 2 and last.draft.relation is not None
    if two and clause.more:
        return _with_first_operand(last.draft, named(clause.text, lexicon))
    if last.draft.intent not in _MORE:
        return None
    found = named(clause.text, lexicon)
    short = len(clause.text.split()) <= 6 and not found.marks and not found.everything
    known = all(lexicon.names_something(target) for target in found.targets)
    if short and found.targets and (clause.more or (known and clause.end != "!")):
        text = None if found.targets[0].lower().startswith("other ") else last.draft.text
        return replace(last.draft, named=found, text=text)
    return None


_THE_SAME = re.compile(r"^(?:do |now )?(?:the )?same (?:thing )?(?:for|with|to|goes for) (?P<of>.+)$", re.IGNORECASE)


def _with_first_operand(draft: Draft, found: Named) -> Draft | None:
    """ "Is the dog on the sofa? What about the fox?"."""
    if len(found.operands) != 1:
        return None
    earlier = draft.named
    operands = (found.operands[0], earlier.operands[1])
    second = tuple((of, one) for of, one in earlier.filters if of == operands[1])
    return replace(
        draft,
        named=replace(
            earlier,
            operands=operands,
            targets=tuple(one for one in operands if not re.fullmatch(MARK, one)),
            marks=tuple(one for one in operands if re.fullmatch(MARK, one)),
            filters=(*found.filters, *second),
        ),
    )


def _fronted(parts: Sequence[Clause | None], lexicon: Lexicon) -> list[Clause | None]:
    """The clauses, those that only say where put behind the one that they belong to: "On the left, what is there?"."""
    moved: list[Clause | None] = []
    scope: Clause | None = None
    for part in parts:
        if part is not None and scope is not None and part.text:
            where = scope.text
            among = _AMONG.match(where)
            text = _WHICH.sub(rf"\1 of {among['of']}", part.text, count=1) if among else f"{part.text} {where}"
            moved[-1] = replace(part, text=text, image=part.image if part.image is not None else scope.image)
            scope = None
            continue
        scope = None
        moved.append(part)
        says_where = part is not None and (_AMONG.match(part.text) or is_scope(part.text, lexicon))
        if part is not None and part.text and (says_where or LEAVING_OUT.match(part.text)):
            scope = part
    return moved


_AMONG = re.compile(
    r"^(?:of|among|amongst|out of|from among) (?P<of>(?:all )?(?:of )?(?:the|these|those|all|my) .+)$",
    re.IGNORECASE,
)
_WHICH = re.compile(r"^(which|what|who)(?: ones?| thing)?\b", re.IGNORECASE)

_TOPIC = re.compile(
    rf"^(?:(?:in|inside|at|within|on|for|regarding|concerning|about|as for) )?(?P<mark>{MARK})$|^count$", re.IGNORECASE
)
_EXTREMES = {Aspect.LARGER, Aspect.SMALLER}
_THINGS = re.compile(r"\b(?:objects?|things?|items?|everything|anything|of (?:them )?all)\b", re.IGNORECASE)


def _needs_region(step: Step) -> bool:
    """Whether the step is about nothing unless it is about regions."""
    return step.intent is Intent.REFER or (step.intent in {Intent.READ, Intent.SEGMENT} and not step.targets)


def _step(reading: _Reading, region_count: int, image: int | None, elsewhere: frozenset[int]) -> _Made:
    """The finished step of a reading."""
    draft, clause, before = reading.draft, reading.clause, reading.filled_in.step
    marks = draft.named.marks
    anchors = [one.anchor for _, one in draft.named.filters if re.fullmatch(MARK, one.anchor)]
    indices = _indices((*marks, *anchors), region_count, elsewhere)
    regions = tuple(dict.fromkeys(index for mark in marks for index in indices.get(mark, ())))[:MAX_REGIONS]
    operands: list[Operand] = []
    if draft.intent in {Intent.RELATE, Intent.COMPARE}:
        for operand in draft.named.operands:
            if operand != "<it>":
                operands += indices.get(operand, (operand,))
        if draft.intent is Intent.COMPARE and not operands and region_count > 1 and not clause.whole:
            operands = list(range(region_count))
        if draft.intent is Intent.COMPARE and draft.aspect in _EXTREMES and len(draft.named.operands) == 1:
            # "The largest fruit" is sought among all fruit.
            operands = [operand for operand in operands if isinstance(operand, int)]
        regions = regions or tuple(operand for operand in operands if isinstance(operand, int))
    coordinates = draft.coordinates if clause.coordinates is None else clause.coordinates
    targets, shown = draft.named.targets, tuple(operands[:MAX_TARGETS])
    sources = _filters(draft.named.filters, {*targets, *shown}, indices)
    filters = tuple(sources)[:MAX_FILTERS]
    regions = tuple(index for index in regions if not any(one.anchor == index for one in filters))
    step = Step(
        intent=draft.intent,
        targets=targets,
        regions=regions,
        operands=shown,
        relation=draft.relation,
        aspect=draft.aspect,
        text=draft.text,
        quantity="all" if draft.named.everything and not draft.named.targets else draft.named.quantity,
        yes_no=draft.yes_no,
        wants_coordinates=coordinates,
        image=image,
        filters=filters,
    )
    step = apart_from_before(narrowed_as_before(step, before), reading.filled_in.last)
    if not _THINGS.search(clause.text):
        step = with_operands_of(step, reading.filled_in.last)
    points = bool(step.regions) or any(isinstance(one.anchor, int) for one in step.filters)
    return _Made(reading, step, points or (clause.whole and not _needs_region(step)), sources)


def _filters(
    named: Sequence[tuple[NounPhrase, Narrowing]], phrases: set[Operand], indices: Mapping[str, tuple[int, ...]]
) -> dict[Filter, str]:
    """The filters of a step whose targets and operands are `phrases`, marks of regions led to their indices.

    In their order, each with the words that it was read from.
    """
    made: dict[Filter, str] = {}

    def add(of: NounPhrase, one: Narrowing) -> None:
        anchor: Operand | None = one.anchor or None
        if isinstance(anchor, str) and re.fullmatch(MARK, anchor):
            if anchor not in indices:
                return
            anchor = indices[anchor][0]
        elif isinstance(anchor, str) and anchor.lower() == of.lower():
            anchor = f"other {anchor}"  # "the apple nearest an apple"
        made.setdefault(
            Filter(
                of=of,
                relation=one.relation,
                order=one.order,
                colour=one.colour,
                text=one.text or None,
                others=one.others,
                anchor=anchor,
                nth=one.nth,
                negated=one.negated,
            ),
            one.words,
        )
        for inner in one.inner:
            if isinstance(anchor, str):
                add(anchor, inner)

    for phrase, one in named:
        if phrase in phrases:
            add(phrase, one)
    return made


def _indices(marks: tuple[str, ...], region_count: int, elsewhere: frozenset[int]) -> dict[str, tuple[int, ...]]:
    """The regions that each mark stands for: "this" is what the other marks leave over, else all that were given.

    `elsewhere` are the regions that the question names by number in any clause.
    """
    numbered = [int(mark[2:-1]) for mark in marks if mark[2:-1].isdigit()]
    rest = tuple(index for index in range(region_count) if index not in numbered)
    everything = tuple(range(region_count))
    found: dict[str, tuple[int, ...]] = {}
    for mark in marks:
        if mark[2:-1].isdigit():
            found[mark] = (int(mark[2:-1]),)
        elif mark == "<r_>" and numbered and rest:
            found[mark] = rest
        elif mark == "<r_>" and (others := tuple(index for index in everything if index not in elsewhere)):
            found[mark] = others
        elif mark in {"<r_>", "<r*>"}:
            found[mark] = everything
    return found
