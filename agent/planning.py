"""The offline planner: a question in plain English to a plan, by rules alone.

`plan_question` is deterministic and needs no model. A question is cleaned and cut into clauses (`agent.wording`); each
clause is tried against the rules of `agent.rules` in their order, and the first that fits makes its step. The rules
speak of intents; what is asked about is read by `agent.noun_phrases`, which leans on the lexicon only to protect names
from being taken apart. A clause that fits no rule is answered by what it points at or names, and at last by a
description.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

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
from agent.narrowing import Narrowing
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
from agent.rules.segmenting import segment
from agent.wording import MARK, Clause, clean, prepare, trim

# Far beyond any real question; what follows is not read.
_LONGEST = 1500
# "and and and ...": said over and over, a word or two mean no more than once, and would only cost the rules time.
_STUTTER = re.compile(r"\b(\w{1,20}(?: \w{1,20})?)(?: \1\b){2,}", re.IGNORECASE)


def plan_question(question: str, region_count: int, image_count: int = 1, lexicon: Lexicon | None = None) -> Plan:
    """The steps that answer a question.

    Args:
        question: in English; `<region1>` names the first region given.
        region_count: how many regions were given with it. Those that no clause points at belong to every step.
        image_count: how many pictures it is about.
        lexicon: the names that the loaded weights know, so that "watch", "hot dog" or "locked" are read as names.

    Raises `RequestError` when the question is empty or names a region or a picture that was not given. Anything else,
    odd as it may be, gives a plan of 1 to `MAX_STEPS` steps.
    """
    known = lexicon if lexicon is not None else Lexicon(())
    asked = clean(question)
    parts = [trim(part) for part in prepare(_STUTTER.sub(r"\1", asked[:_LONGEST]), region_count, image_count)]
    image: int | None = 0 if image_count == 1 else None
    coordinates: bool | None = None
    topic = ""
    steps: list[Step] = []
    pointed: list[bool] = []
    for index, clause in enumerate(parts):
        if clause is None:
            continue
        image = clause.image if clause.image is not None else image
        if not clause.text:  # "In the second picture, ...", "... Include the coordinates."
            coordinates = clause.coordinates if clause.coordinates is not None else coordinates
            continue
        if len(steps) == MAX_STEPS:
            break
        if (about := _TOPIC.match(clause.text)) and any(later and later.text for later in parts[index + 1 :]):
            topic = about["mark"] or topic  # "<region1>: is it a dog?", "In <region1>, what do you see?"
            continue
        spoken_of = steps[-1:] if "<it>" in clause.text or clause.text.lower() in _BARE else []
        clause = _with_antecedent(clause, steps, topic, region_count)
        draft = _draft(clause, known, region_count)
        step, points = _step(draft, clause, region_count, image)
        step = _narrowed_as_before(step, spoken_of)
        if step in steps:  # "I can't find the key. Where is it?"
            continue
        steps.append(step)
        pointed.append(points or (clause.whole and not _needs_region(step)))
    if not steps:
        intent = (
            Intent.REFER if region_count and not any(clause and clause.whole for clause in parts) else Intent.DESCRIBE
        )
        steps, pointed = [Step(intent=intent, image=image)], [intent is Intent.DESCRIBE and region_count > 0]
    if coordinates is not None:
        steps = [step.model_copy(update={"wants_coordinates": coordinates}) for step in steps]
    if not any(pointed):
        everywhere = tuple(range(min(region_count, MAX_REGIONS)))
        steps = [step.model_copy(update={"regions": everywhere}) for step in steps]
    return Plan(question=asked, steps=tuple(steps))


Rule = Callable[[str, Lexicon], Draft | None]
_RULES: tuple[Rule, ...] = (
    read, compare, relate, segment, count, describe, refer, list_things, exist, ground,
)  # fmt: skip


def _draft(clause: Clause, lexicon: Lexicon, region_count: int) -> Draft:
    text = _without_slips(clause.text, lexicon)
    for rule in _RULES:
        if draft := rule(text, lexicon):
            return draft
    return by_what_it_names(text, lexicon, region_count)


# Words that a question turns on; a slip in one of them is mended before the rules look.
_KEYWORDS = (
    "what", "where", "which", "how", "many", "there", "find", "locate", "detect", "describe", "list", "count",
    "segment", "outline", "read", "point", "show", "name", "identify", "objects", "things", "number", "written",
    "between", "bigger", "larger", "smaller", "left", "right", "above", "below", "relative", "compare", "everything",
    "does", "every",
)  # fmt: skip
_SWAPS = {word[:i] + word[i + 1] + word[i] + word[i + 2 :]: word for word in _KEYWORDS for i in range(len(word) - 1)}
_DROPS = {word[:i] + word[i + 1 :]: word for word in _KEYWORDS if len(word) > 3 for i in range(1, len(word))}
_DOUBLES = {word[:i] + word[i] + word[i:]: word for word in _KEYWORDS for i in range(len(word))}
_REAL = frozenset(
    """
    how who hat wat lit list lis rad red ned point pint name nam dos doe do sow shw show hem her here three were we
    wee cont cot on no form from felt let eve ever very thing thins object sing night light ht wit with find fin fid
    lost lots rea ea many may man mane any was saw aw war ware wart woh mint lst less lets ovary right rit rigt blow
    bellow belo bow
    """.split()
)
_SLIPS = {
    slip: word
    for table in (_DROPS, _DOUBLES, _SWAPS)
    for slip, word in table.items()
    if slip not in _REAL and slip not in _KEYWORDS and len(slip) > 2
}


def _without_slips(text: str, lexicon: Lexicon) -> str:
    """`text` with slips in its first words mended ("wher is", "how mnay"); names are left alone."""
    words = text.split()
    for index, word in enumerate(words[:4]):
        mended = _SLIPS.get(word.lower())
        if (
            mended
            and not lexicon.knows(word)
            and not (index and re.fullmatch(r"the|an?|every|all", words[index - 1], re.I))
        ):
            words[index] = mended
    return " ".join(words)


_TOPIC = re.compile(
    rf"^(?:(?:in|inside|at|within|on|for|regarding|concerning|about|as for) )?(?P<mark>{MARK})$|^count$", re.IGNORECASE
)


_BARE = frozenset({"where", "how many", "where exactly"})


def _narrowed_as_before(step: Step, before: Sequence[Step]) -> Step:
    """ "Find the sign nearest the dog and read it": what "it" stands for stays narrowed as it was."""
    phrases = {*step.targets, *step.operands, *(one.anchor for one in step.filters)}
    filters = list(step.filters)
    for one in (one for earlier in before for one in earlier.filters):
        if one.of in phrases and one not in filters:
            filters.append(one)
            phrases.add(one.anchor)
    return step.model_copy(update={"filters": tuple(filters[:MAX_FILTERS])})


def _with_antecedent(clause: Clause, steps: list[Step], topic: str, region_count: int) -> Clause:
    """The clause with "it" and "them" replaced by what was named before, else by a region, else it stays."""
    text = clause.text
    if topic and not steps and not re.search(MARK, text):
        return replace(clause, text=f"{text} in {topic}")
    if steps and text.lower() in _BARE:  # "There is a bus. Where?"
        text = f"{text} is <it>" if text.lower().startswith("where") else f"{text} <it>"
    if "<it>" not in text:
        return clause
    if steps and steps[-1].targets:
        stands_for = " and ".join(f"the {target}" for target in steps[-1].targets)
    elif steps and steps[-1].regions:
        stands_for = " and ".join(f"<r{index}>" for index in steps[-1].regions)
    elif topic:
        stands_for = topic
    elif region_count:
        stands_for = "<r_>" if region_count == 1 else "<r*>"
    else:
        return clause
    return replace(clause, text=text.replace("<it>", stands_for))


_EXTREMES = {Aspect.LARGER, Aspect.SMALLER}


def _needs_region(step: Step) -> bool:
    """Whether the step is about nothing unless it is about regions."""
    return step.intent is Intent.REFER or (step.intent in {Intent.READ, Intent.SEGMENT} and not step.targets)


def _step(draft: Draft, clause: Clause, region_count: int, image: int | None) -> tuple[Step, bool]:
    """(the finished step, whether it points at regions by itself)."""
    marks = draft.named.marks
    anchors = [one.anchor for _, one in draft.named.filters if re.fullmatch(MARK, one.anchor)]
    indices = _indices((*marks, *anchors), region_count)
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
    filters = _filters(draft.named.filters, {*targets, *shown}, indices)
    regions = tuple(index for index in regions if not any(one.anchor == index for one in filters))
    step = Step(
        intent=draft.intent,
        targets=targets,
        regions=regions,
        operands=shown,
        relation=draft.relation,
        aspect=draft.aspect,
        quantity="all" if draft.named.everything and not draft.named.targets else draft.named.quantity,
        yes_no=draft.yes_no,
        wants_coordinates=coordinates,
        image=image,
        filters=filters,
    )
    return step, bool(regions) or any(isinstance(one.anchor, int) for one in filters)


def _filters(
    named: Sequence[tuple[NounPhrase, Narrowing]], phrases: set[Operand], indices: Mapping[str, tuple[int, ...]]
) -> tuple[Filter, ...]:
    """The filters of a step whose targets and operands are `phrases`, marks of regions led to their indices."""
    made: list[Filter] = []

    def add(of: NounPhrase, one: Narrowing) -> None:
        anchor: Operand | None = one.anchor or None
        if isinstance(anchor, str) and re.fullmatch(MARK, anchor):
            if anchor not in indices:
                return
            anchor = indices[anchor][0]
        elif isinstance(anchor, str) and anchor.lower() == of.lower():
            anchor = f"other {anchor}"  # "the apple nearest an apple"
        made.append(Filter(of=of, relation=one.relation, order=one.order, colour=one.colour, anchor=anchor,
                           nth=one.nth, negated=one.negated))  # fmt: skip
        for inner in one.inner:
            if isinstance(anchor, str):
                add(anchor, inner)

    for phrase, one in named:
        if phrase in phrases:
            add(phrase, one)
    return tuple(dict.fromkeys(made))[:MAX_FILTERS]


def _indices(marks: tuple[str, ...], region_count: int) -> dict[str, tuple[int, ...]]:
    """The regions that each mark stands for: "this" is what the other marks leave over, else all that were given."""
    numbered = [int(mark[2:-1]) for mark in marks if mark[2:-1].isdigit()]
    rest = tuple(index for index in range(region_count) if index not in numbered)
    everything = tuple(range(region_count))
    found: dict[str, tuple[int, ...]] = {}
    for mark in marks:
        if mark[2:-1].isdigit():
            found[mark] = (int(mark[2:-1]),)
        elif mark == "<r_>" and numbered and rest:
            found[mark] = rest
        elif mark in {"<r_>", "<r*>"}:
            found[mark] = everything
    return found
