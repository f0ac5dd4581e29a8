"""Asking the person: "the dog", where there are two, has to be chosen; by number, in words, or by pointing.

Only conversations ask (`AgentThread.stream(..., asks_back=True)`): the run stops at the node `clarify`, is kept like
any other step of a thread, and goes on with the reply, in whatever process. Without a reply it goes on with all.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from agent.answers import Answer, AnswerRegion
from agent.checking import Checker
from agent.choosing import narrowed
from agent.findings import Finding, Group
from agent.inflection import join_words, parse_number, parse_ordinal
from agent.inscriptions import says
from agent.intents import Filter, Intent, Plan, Step
from agent.lexicon import Lexicon
from agent.planning import plan_question
from agent.sightings import Sighting, corners, fits_of
from agent.state import Json, region_from_json
from agent.verdicts import all_of
from ferret.errors import RequestError

CHOSEN_AMONG = frozenset({Intent.GROUND, Intent.SEGMENT, Intent.READ, Intent.DESCRIBE})
"""Intents for which it matters which one is meant; to count, or to say that there is one, it does not."""
ALL_OF_THEM: Json = {"all": True}
"""The reply of who does not care. Not empty: langgraph takes an empty mapping for no reply at all."""
MOST_CHOICES = 9
FITS = 0.4
"""How well a region that was pointed at has to fit one of the choices to mean it (`agent.sightings.how_well`)."""
_ALL = re.compile(
    r"^(?:(?:both|all|each|every one|any|either)(?: (?:one|(?:of )?(?:them|these|those|the)\b.*|two|three|four|five))?|"
    r"everything|any ?one|never ?mind|whatever|whichever|no preference|you (?:choose|decide|pick)|"
    r"(?:i )?(?:do not|don'?t) (?:care|mind|know)|(?:it )?(?:does not|doesn'?t) matter|(?:i am |i'm )?not sure)$",
    re.IGNORECASE,
)
_NONE = re.compile(r"^(?:none|neither|no one|nothing|not any|no (?:such )?one)\b", re.I)
_BUT = re.compile(
    r"^(?:not|(?:all|any|anything|every one|everything|both|each)(?: of (?:them|these|those))? (?:but|except)(?: for)?|"
    r"(?:anything|all|any|the ones?|those) other than) (?=\S)",
    re.IGNORECASE,
)
_POLITE = re.compile(
    r"^(?:please|the one|the|that|this|i mean|i meant|it is|take|number|no\.?|#|option|choice|far|very)\s*", re.I
)
_EXTREMES = (
    (re.compile(r"\b(?:small|smaller|little|tiny)\b", re.I), "smallest"),
    (re.compile(r"\b(?:big|bigger|large|larger|huge)\b", re.I), "largest"),
    (re.compile(r"^(?:below|underneath|further down|lower down)$", re.I), "lowest"),
    (re.compile(r"^(?:above|further up|higher up)$", re.I), "highest"),
)
_ONE = re.compile(r"\bones?\b", re.I)
_CENTRE = r"(?:middle|central|cent(?:er|re))"
_MIDDLE = re.compile(rf"^(?:{_CENTRE}(?: one)?|(?:one )?in (?:the )?{_CENTRE})$", re.I)
_FIRST_FEW = re.compile(r"^(?P<end>first|last) (?P<count>two|three|four|five|six|seven|eight|[2-8])(?: ones?)?$", re.I)
# Of a list such as "1 and 3" or "the left and the right one", each part is a reply of its own.
_JOINED = re.compile(r"\s*(?:,|&|\+|\band\b|\bor\b)\s*", re.I)
_SIMPLE = re.compile(r"^(?:(?:the|number|no\.?|#)\s*)*[\w-]+(?: ones?)?$", re.I)
_SAYS = re.compile(
    r"^(?:one )?(?:(?:that|which) )?(?:says?|saying|reads?|reading|with(?: the)?(?: words?| text)?) "
    r"\"?(?P<text>.+?)\"?$",
    re.IGNORECASE,
)
_NUMBER_ONE = re.compile(r"^(?:number |no\.? ?|#|option |choice )?one$", re.I)


def doubtful(plan: Plan, findings: Sequence[Finding]) -> list[tuple[int, int]]:
    """(step, group) of every finding of which one thing was meant and several are there."""
    found = []
    for number, (step, finding) in enumerate(zip(plan.steps, findings, strict=True)):
        if step.intent not in CHOSEN_AMONG or step.quantity != "one" or finding.outside:
            continue
        for index, group in enumerate(finding.groups):
            several = 1 < len(group.sightings) <= MOST_CHOICES and not group.lacking
            if several and group.phrase is not None and _definite(group.phrase, plan.question):
                found.append((number, index))
    return found


def _definite(phrase: str, question: str) -> bool:
    """Whether the question speaks of a certain one: "the dog", not "a dog" or "dogs"."""
    return re.search(rf"\b(?:the|this|that|my)\s+(?:\w+\s+)?{re.escape(phrase)}\b", question, re.IGNORECASE) is not None


def choice_of(group: Group, question: str) -> Answer:
    """What the person is asked, as an answer that can be shown and drawn: its regions are the choices, from 1 on."""
    regions = [
        AnswerRegion(
            id=index,
            image=one.image,
            label=str(index + 1),
            box=list(one.box),
            score=round(one.score, 4),
            source=one.source,
        )
        for index, one in enumerate(group.sightings)
    ]
    numbers = join_words([region.label for region in regions], "or")
    return Answer(
        question=question,
        text=f"Which {group.before}{group.name} do you mean: {numbers}?",
        status="unsure",
        confidence=round(min(max(group.score, 0.0), 1.0), 4),
        regions=regions,
        seconds=0.0,
    )


def checked_reply(reply: Json, group: Group, step: Step, checker: Checker) -> Group:
    """The group with what the reply chooses of it.

    `reply` is {"number": n}, {"words": ...}, {"region": JSON of a region}, or `ALL_OF_THEM`.

    Raises:
        RequestError: it chooses nothing that is there.
    """
    count = len(group.sightings)
    if "region" in reply:
        return _pointed(reply["region"], group, checker)
    if "number" in reply:
        number = int(reply["number"])
        if not 1 <= number <= count:
            raise RequestError(f"there is no choice {number}; choose one of 1 to {count}")
        return replace(group, sightings=group.sightings[number - 1 : number])
    words = str(reply.get("words", "")).strip(" .!?")
    if not words or _ALL.match(words):
        return group
    if _NONE.match(words):
        return replace(group, sightings=(), after=f"{group.after} that you mean")
    chosen = _chosen(words, group, step, checker)
    if not chosen:
        raise RequestError(
            f"I cannot tell which {group.name} {words!r} means; give its number (1 to {count}), say where it is, "
            "or point at it"
        )
    return replace(group, sightings=tuple(chosen))


def _pointed(value: Json, group: Group, checker: Checker) -> Group:
    region = region_from_json(value, checker.context.artifacts)
    if region.image >= len(checker.pictures):
        raise RequestError(f"the region is on picture {region.image + 1}; there are {len(checker.pictures)}")
    size = checker.pictures[region.image].size
    fits = zip(fits_of(region, group.sightings, size), group.sightings, strict=True)
    best, thing = max(fits, key=lambda pair: pair[0])
    if best < FITS:  # something else than was offered: the person knows better
        thing = Sighting(group.name, region.image, corners(region.bounds(*size)), 1.0, "user")
    return replace(group, sightings=(thing,))


def _chosen(words: str, group: Group, step: Step, checker: Checker) -> list[Sighting]:
    """What a reply in words chooses; nothing when it cannot be understood."""
    words = re.sub(r"[\s,]+(?:please|thanks?|thank you)$", "", words, flags=re.I)
    if but := _BUT.match(words):
        left_out = _chosen(words[but.end() :], group, step, checker)
        return [one for one in group.sightings if one not in left_out] if left_out else []
    parts = _JOINED.split(words)
    if len(parts) > 1 and all(map(_SIMPLE.match, parts)):
        each = [_in_words(part, group, step, checker) for part in parts]
        return [one for one in group.sightings if any(one in part for part in each)] if all(each) else []
    return _in_words(words, group, step, checker)


def _in_words(words: str, group: Group, step: Step, checker: Checker) -> list[Sighting]:
    plain, before = words, None
    while before != plain:
        before, plain = plain, _POLITE.sub("", plain).strip()
    things = list(group.sightings)
    if plain.lower() == "one" and not _NUMBER_ONE.match(words):  # "that one"
        return []
    placed = _by_place(re.sub(rf"^{re.escape(group.name)}s? (?=#?\d+$)", "", plain, flags=re.I), things)
    if placed is not None:
        return placed
    for pattern, extreme in _EXTREMES:  # among a few, the small one is the smallest
        plain = pattern.sub(extreme, plain)
    for question in (f"Find the {plain} {group.name}.", f"Find the {_ONE.sub(group.name, plain)}.",
                     f"Find the {group.name} {plain}."):  # fmt: skip
        filters = _filters(question, group, checker.lexicon)
        if filters is None:
            continue
        narrowed_step = step.model_copy(update={"filters": filters, "quantity": "one"})
        first = [one for one in filters if one.of == filters[0].of]
        find = partial(all_of, checker, narrowed_step, images=range(len(checker.pictures)))
        chosen = narrowed(group.sightings, first, narrowed_step, checker, find)
        if 0 < len(chosen.found) < len(group.sightings):
            return chosen.found
    said = _SAYS.match(plain)
    shown = re.sub(rf"\s*\b(?:{re.escape(group.name)}|one)$", "", plain, flags=re.I)  # "the exit sign"
    text = said["text"] if said is not None else shown
    return [one for one in things if says(one, text, checker)]


def _by_place(plain: str, things: list[Sighting]) -> list[Sighting] | None:
    """What a place among the choices means: "2", "the last one", "the first two", "the middle one"; None for others."""
    alone = _ONE.sub("", plain).strip(" #").lower()
    number = parse_number(alone or plain.lower())
    if number is None and (place := parse_ordinal(alone)) is not None:
        number = place + 1
    if alone == "last" or (alone == "latter" and len(things) == 2):
        number = len(things)
    if alone == "former" and len(things) == 2:
        number = 1
    if number is not None:
        return things[number - 1 : number] if number >= 1 else []
    if few := _FIRST_FEW.match(plain):
        count = parse_number(few["count"]) or 0
        return (things[:count] if few["end"].lower() == "first" else things[-count:]) if count <= len(things) else []
    if _MIDDLE.match(plain):
        middles = [((one.box[0] + one.box[2]) / 2, (one.box[1] + one.box[3]) / 2) for one in things]
        spread = [max(values) - min(values) for values in zip(*middles, strict=True)]
        axis = spread.index(max(spread))
        ranked = [one for _, one in sorted(zip(middles, things, strict=True), key=lambda pair: pair[0][axis])]
        return [ranked[len(ranked) // 2]] if len(ranked) % 2 else []
    return None


def _filters(question: str, group: Group, lexicon: Lexicon) -> tuple[Filter, ...] | None:
    """What narrows the group's name in a question made of the reply; None when nothing does."""
    try:
        steps = plan_question(question, 0, 1, lexicon).steps
    except RequestError:
        return None
    found = steps[0]
    named = lexicon.match(group.name).names
    same = found.targets and (group.name in found.targets[0] or lexicon.match(found.targets[0]).names == named)
    return found.filters if len(steps) == 1 and same and found.filters else None
