"""Verdicts: what each step of a plan comes to, from what passed the checks."""

import math
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from functools import partial

from agent.checking import Checker
from agent.findings import Finding, Group
from agent.inflection import singular
from agent.intents import Intent, Relation, Step
from agent.lexicon import MatchKind, normalise
from agent.perception import pictures_of, pointed_at
from agent.sightings import Sighting, covered, relation_between, without_duplicates
from ferret.regions import Box, Region

# What people call text and what carries it; when no such thing was seen, the text itself answers for it.
_TEXT_WORDS = re.compile(
    r"\b(?:sign|board|text|word|letter|label|writing|inscription|plate|poster|banner|caption|print)s?\b"
)
_LEFT, _RIGHT = re.compile(r"\bleft"), re.compile(r"\bright")
_TOP, _BOTTOM = re.compile(r"\b(?:top|upper)"), re.compile(r"\b(?:bottom|lower)")
_LARGE = re.compile(r"\b(?:largest|biggest)\b")
_SMALL = re.compile(r"\b(?:smallest|tiniest)\b")


def findings_of(checker: Checker, outside: Collection[int] = ()) -> list[Finding]:
    """One finding per step of the plan, in order; in the pictures `outside` what the weights know nothing is named."""
    found = []
    for step in checker.plan.steps:
        strange = tuple(i for i in pictures_of(step, len(checker.pictures), checker.marks) if i in outside)
        # Text is read in any picture.
        known = step.intent is Intent.READ or not strange
        found.append(_finding(step, checker) if known else _unnamed(step, checker, strange))
    return found


def _unnamed(step: Step, checker: Checker, outside: tuple[int, ...]) -> Finding:
    """What is left of a step about pictures that nobody here knows: the regions that were pointed at, without names."""
    pointed = pointed_at(step, len(checker.regions))
    groups = [Group(None, "", (checker.given(index),), 0.0, region=index) for index in pointed]
    return Finding(tuple(groups), tuple(pictures_of(step, len(checker.pictures), checker.marks)), outside)


def _finding(step: Step, checker: Checker) -> Finding:
    images = pictures_of(step, len(checker.pictures), checker.marks)
    given = [index for index in step.regions if index < len(checker.regions)]
    match step.intent:
        case Intent.REFER:
            groups = [_region(checker, index) for index in given] or _everything(checker, images, [])
        case Intent.RELATE | Intent.COMPARE:
            groups = _operands(checker, step, images, given)
        case Intent.READ:
            groups = _texts(checker, step, images, given)
        case Intent.DESCRIBE if given and not step.targets:
            groups = [_region(checker, index) for index in given]
        case Intent.SEGMENT if given and not step.targets:
            groups = [_to_cut(checker, index) for index in given]
        case Intent.DESCRIBE if not step.targets and (told := _told(checker, images)):
            groups = told
        case Intent.LIST if step.targets:
            groups = _listed(checker, step, images, given)
        case _ if step.targets:
            groups = [_target(checker, step, phrase, images, given) for phrase in step.targets]
        case _:
            groups = _everything(checker, images, given)
    return Finding(tuple(groups), tuple(images))


def _region(checker: Checker, index: int) -> Group:
    """A given region with its name; of a point or a stroke, the thing that it lies on comes second."""
    shown, match = checker.named(index)
    small = match is not None and shown.region.area < 0.5 * match.region.area
    sightings = (shown, match) if match is not None and small else (shown,)
    return Group(None, shown.label, sightings, shown.score, region=index, prose=checker.prose(index))


def _to_cut(checker: Checker, index: int) -> Group:
    """A given region to be cut out, which needs no name: a mere guess at one is left out."""
    group = _region(checker, index)
    if group.score >= checker.limits.sure:
        return group
    nameless = tuple(replace(sighting, label="region") for sighting in group.sightings)
    return replace(group, name="region", sightings=nameless)


def _told(checker: Checker, images: Sequence[int]) -> list[Group]:
    """Ferret's own description of each picture, where it was asked for one."""
    told = [description for image in images if (description := checker.description(image)) is not None]
    return [Group(None, "", tuple(things), score, prose=text) for text, things, score in told]


def _target(checker: Checker, step: Step, phrase: str, images: Sequence[int], given: Sequence[int]) -> Group:
    """What a phrase names, on all pictures of the step, within its regions where it has any."""
    found: list[Sighting] = []
    for image in images:
        found += checker.present(phrase, image)
    found = _within(found, [checker.regions[index] for index in given], checker)
    match = checker.lexicon.match(phrase)
    found = _placed(found, match.modifiers, step, checker)
    found = _as_many(sorted(found, key=lambda s: -s.score), step, checker)
    if found:
        score = sum(sighting.score for sighting in found) / len(found)
    else:
        score = min(checker.absence(phrase, image) for image in images)
    return Group(phrase, spoken_name(phrase, checker), tuple(found), score, known=match.known or checker.speaks_freely)


def spoken_name(phrase: str, checker: Checker) -> str:
    """How an answer calls what a phrase names: in the asker's own word, save for slips and for what was not checked."""
    match = checker.lexicon.match(phrase)
    own = singular(normalise(phrase)) or phrase
    if match.name is None:
        return own if not match.modifiers else singular(own.removeprefix(" ".join(match.modifiers)).strip() or own)
    return own if match.kind in {MatchKind.EXACT, MatchKind.VARIANT} and not match.modifiers else match.name


def _everything(checker: Checker, images: Sequence[int], given: Sequence[int]) -> list[Group]:
    found = [sighting for image in images for sighting in checker.everything(image)]
    found = _within(found, [checker.regions[index] for index in given], checker)
    return _by_name(found)


def _listed(checker: Checker, step: Step, images: Sequence[int], given: Sequence[int]) -> list[Group]:
    """Everything of the kinds that the targets name, by its own name: "animals" gives dogs and cats."""
    found: list[Sighting] = []
    missing: list[Group] = []
    for phrase in step.targets:
        group = _target(checker, step.model_copy(update={"quantity": "all"}), phrase, images, given)
        if group.sightings:
            found += group.sightings
        else:
            missing.append(group)
    return _by_name(without_duplicates(found, checker.limits.duplicate)) + missing


def _by_name(found: Iterable[Sighting]) -> list[Group]:
    """Groups by label, the most numerous first, then by name."""
    by_label: dict[str, list[Sighting]] = {}
    for sighting in found:
        by_label.setdefault(sighting.label, []).append(sighting)
    ordered = sorted(by_label.items(), key=lambda pair: (-len(pair[1]), pair[0]))
    return [
        Group(None, label, tuple(sorted(members, key=lambda s: -s.score)), sum(s.score for s in members) / len(members))
        for label, members in ordered
    ]


# --- operands of a relation or a comparison ---------------------------------------------------------------------------


def _operands(checker: Checker, step: Step, images: Sequence[int], given: Sequence[int]) -> list[Group]:
    operands = step.operands or given or step.targets
    if not operands:
        return _everything(checker, images, [])
    groups = []
    for operand in operands:
        if isinstance(operand, int):
            if operand < len(checker.regions):
                groups.append(_region(checker, operand))
        else:
            # How many there are is asked of all of them; how they lie, of the likeliest.
            every = step.intent is Intent.COMPARE and step.aspect is not None and step.aspect.value in {"more", "fewer"}
            one = step.model_copy(update={"quantity": "all" if every else "one"})
            groups.append(_target(checker, one, operand, images, []))
    alone = step.intent is Intent.RELATE and step.relation is not None and len(groups) == 1
    if alone and not step.yes_no and step.relation is not None and groups[0].sightings:
        anchor = groups[0].sightings[0]
        near = [s for s in checker.everything(anchor.image) if _lies(s, anchor, step.relation, checker)]
        groups += _by_name(near)
    return groups


def _lies(one: Sighting, anchor: Sighting, relation: Relation, checker: Checker) -> bool:
    """Whether a thing lies so to the anchor; the anchor itself does not."""
    if covered(one.region, anchor.region) > 0.8 and covered(anchor.region, one.region) > 0.8:
        return False
    return holds(relation, one, anchor, checker.pictures[anchor.image].size)


def holds(relation: Relation, a: Sighting, b: Sighting, size: tuple[int, int]) -> bool:
    """Whether `a` lies so to `b`, by their boxes in a picture of (width, height). Depth cannot be told from boxes."""
    if a.image != b.image:
        return False
    seen = relation_between(a.region, b.region)
    apart = seen not in {"overlapping", "inside", "around"}
    across = (a.box[0] + a.box[2] - b.box[0] - b.box[2]) / 2
    down = (a.box[1] + a.box[3] - b.box[1] - b.box[3]) / 2
    match relation:
        case Relation.LEFT:
            return seen == "left of" or (apart and across < 0 and abs(across) >= 0.5 * abs(down))
        case Relation.RIGHT:
            return seen == "right of" or (apart and across > 0 and abs(across) >= 0.5 * abs(down))
        case Relation.ABOVE:
            return seen == "above" or (apart and down < 0 and abs(down) >= 0.5 * abs(across))
        case Relation.BELOW:
            return seen == "below" or (apart and down > 0 and abs(down) >= 0.5 * abs(across))
        case Relation.INSIDE:
            return covered(a.region, b.region) >= 0.9 and a.region.area < b.region.area
        case Relation.NEAR:
            return gap_between(a.region, b.region) <= 0.12 * math.hypot(*size)
        case Relation.ON:
            return seen in {"overlapping", "inside"} or (seen == "above" and gap_between(a.region, b.region) <= 4.0)
        case _:
            return seen in {"overlapping", "inside", "around"}


def gap_between(a: Box, b: Box) -> float:
    """Pixels between two boxes; 0 when they touch."""
    across = max(a.x1 - b.x2, b.x1 - a.x2, 0.0)
    down = max(a.y1 - b.y2, b.y1 - a.y2, 0.0)
    return math.hypot(across, down)


# --- text -------------------------------------------------------------------------------------------------------------


def _texts(checker: Checker, step: Step, images: Sequence[int], given: Sequence[int]) -> list[Group]:
    if given and not step.targets:
        return [_text_in(checker, index) for index in given]
    if step.targets:
        return [_text_on(checker, step, phrase, images, given) for phrase in step.targets]
    lines = [line for image in images for line in _lines(checker, image)]
    return [_text_group(None, lines)]


def _text_in(checker: Checker, index: int) -> Group:
    """What stands in a given region, read as one text."""
    region = checker.regions[index]
    size = checker.pictures[region.image].size
    bounds = region.bounds(*size)
    lines = [line for line in _lines(checker, region.image) if covered(line.region, bounds) >= checker.limits.inside]
    text = joined(lines)
    score = sum(line.score for line in lines) / len(lines) if lines else 0.5
    place = Sighting("text", region.image, bounds.coordinates, score, "ocr", text=text, given=index)
    return Group(None, "text", (place,) if text else (), score, region=index)


def _text_on(checker: Checker, step: Step, phrase: str, images: Sequence[int], given: Sequence[int]) -> Group:
    """What stands on the things that a phrase names; the look at the whole picture may be followed by a closer one."""
    group = _target(checker, step, phrase, images, given)
    lines = [line for image in images for line in _lines(checker, image)]
    if not group.sightings:
        if lines and (_TEXT_WORDS.search(phrase.lower()) or not group.known):
            return _text_group(phrase, lines)
        return group
    with_text = [
        replace(thing, text=joined([line for line in lines if _carries(thing, line, checker)]) or None)
        for thing in group.sightings
    ]
    return replace(group, sightings=tuple(with_text))


def _carries(thing: Sighting, line: Sighting, checker: Checker) -> bool:
    return thing.image == line.image and covered(line.region, thing.region) >= checker.limits.inside


def _text_group(phrase: str | None, lines: Sequence[Sighting]) -> Group:
    score = sum(line.score for line in lines) / len(lines) if lines else 0.8
    return Group(phrase, "text", tuple(lines), score)


def _lines(checker: Checker, image: int) -> list[Sighting]:
    return [line for line in checker.observed.lines(image) if line.score >= checker.limits.reading and line.text]


def joined(lines: Sequence[Sighting]) -> str:
    """Lines that stand together as one text."""
    return " ".join(" ".join((line.text or "").split()) for line in lines)


# --- choosing among what was found ------------------------------------------------------------------------------------


def _within(found: Sequence[Sighting], regions: Sequence[Region], checker: Checker) -> list[Sighting]:
    """Those that lie mostly in one of the regions; all when there are none."""
    if not regions:
        return list(found)
    boxes = [region.bounds(*checker.pictures[region.image].size) for region in regions]
    return [
        one
        for one in found
        if any(box.image == one.image and covered(one.region, box) >= checker.limits.inside for box in boxes)
    ]


def _placed(found: list[Sighting], modifiers: Sequence[str], step: Step, checker: Checker) -> list[Sighting]:
    """Those that a word of place or size in the question means: one is the outermost, several lie in that half."""
    words = " ".join(modifiers)
    if len(found) < 2 or not words:
        return found
    if _LARGE.search(words):
        return [max(found, key=lambda s: s.region.area)]
    if _SMALL.search(words):
        return [min(found, key=lambda s: s.region.area)]
    for pattern, axis, sign in ((_LEFT, 0, 1), (_RIGHT, 0, -1), (_TOP, 1, 1), (_BOTTOM, 1, -1)):
        if not pattern.search(words):
            continue
        if step.quantity == "one":
            found = [min(found, key=partial(_outwards, axis=axis, sign=sign))]
        else:
            found = [s for s in found if sign * (_middle(s, axis) - checker.pictures[s.image].size[axis] / 2) < 0]
    return found


def _outwards(sighting: Sighting, axis: int, sign: int) -> float:
    return sign * _middle(sighting, axis)


def _middle(sighting: Sighting, axis: int) -> float:
    return (sighting.box[axis] + sighting.box[axis + 2]) / 2


def _as_many(found: list[Sighting], step: Step, checker: Checker) -> list[Sighting]:
    """As many as the question speaks of: for one, the clear winner, or all where there is none. The best come first."""
    if step.intent in {Intent.EXIST, Intent.COUNT, Intent.LIST, Intent.READ}:
        return found
    if step.quantity == "one" and len(found) > 1 and found[0].score >= checker.limits.clear_winner * found[1].score:
        return found[:1]
    if step.intent in {Intent.RELATE, Intent.COMPARE} and step.quantity == "one":
        return found[:1]
    return found[: step.quantity] if isinstance(step.quantity, int) else found
