"""Verdicts: what each step of a plan comes to, from what passed the checks."""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from agent.checking import Checker
from agent.choosing import as_many, described, lies, narrowed, within
from agent.findings import Finding, Group
from agent.general import is_general
from agent.inflection import singular
from agent.inscriptions import by_themselves, joined, lines_of, says, text_on
from agent.intents import MAX_FILTERS, Intent, Step, asks_what_lies_so
from agent.lexicon import MatchKind, normalise
from agent.perception import pictures_of, pointed_at
from agent.sightings import Sighting, covered, without_duplicates

# What people call text and what carries it; when no such thing was seen, the text itself answers for it.
_TEXT_WORDS = re.compile(
    r"\b(?:sign|board|text|word|letter|label|writing|inscription|plate|poster|banner|caption|print)s?\b"
)


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
    found = _called(checker, step, phrase, images)
    found = within(found, [checker.regions[index] for index in given], checker)
    known = checker.knows(phrase) or checker.speaks_freely
    filters = step.filters_of(phrase)
    if not found:
        score = min(checker.absence(phrase, image) for image in images)
        return Group(phrase, spoken_name(phrase, checker), (), score, known=known)
    chosen = narrowed(found, filters, step, checker, lambda anchor: all_of(checker, step, anchor, images))
    if chosen.lacking:
        rest = tuple(one for one in step.filters if one.of != phrase)
        missing = _target(checker, step.model_copy(update={"filters": rest}), chosen.lacking, images, ())
        return replace(missing, phrase=phrase, sightings=(), lacking=True)
    kept = as_many(sorted(chosen.found, key=lambda s: -s.score), step, checker)
    ordered = chosen.found if any(one.order is not None for one in filters) else kept
    score = sum(sighting.score for sighting in kept or found) / len(kept or found) * chosen.certainty
    before, after = described(filters, step)
    texts = bool(ordered) and all(sighting.label == "text" for sighting in ordered)
    name = "text" if texts else spoken_name(phrase, checker)
    return Group(phrase, name, tuple(ordered), score, known=known or texts, before=before, after=after)


def _called(checker: Checker, step: Step, phrase: str, images: Sequence[int]) -> list[Sighting]:
    """All that a phrase names, not yet narrowed. Where it is told by a text that stands on none of these, but was read,
    the text itself answers for the sign that was not seen.
    """
    found = [sighting for image in images for sighting in checker.present(phrase, image)]
    wanted = next((one.text for one in step.filters_of(phrase) if one.text is not None and not one.negated), None)
    carries_text = _TEXT_WORDS.search(phrase.lower()) is not None or not checker.knows(phrase)
    if wanted is None or not carries_text or any(says(one, wanted, checker) for one in found):
        return found
    return [*found, *by_themselves(wanted, found, images, checker)]


def all_of(checker: Checker, step: Step, phrase: str, images: Sequence[int], depth: int = 0) -> list[Sighting]:
    """All that an anchor names on some pictures, narrowed by filters of its own; `depth` is how deep it is nested."""
    found = _called(checker, step, phrase, images)
    if depth > MAX_FILTERS or not found:
        return found

    def deeper(anchor: str) -> list[Sighting]:
        return all_of(checker, step, anchor, images, depth + 1)

    one = step.model_copy(update={"quantity": "one"})
    return narrowed(found, step.filters_of(phrase), one, checker, deeper).found


def spoken_name(phrase: str, checker: Checker) -> str:
    """How an answer calls what a phrase names: in the asker's own word, save for slips and for what was not checked."""
    if is_general(phrase):
        return singular(normalise(phrase).split()[-1])
    match = checker.lexicon.match(phrase)
    own = singular(normalise(phrase)) or phrase
    if match.name is None:
        return own if not match.modifiers else singular(own.removeprefix(" ".join(match.modifiers)).strip() or own)
    return own if match.kind in {MatchKind.EXACT, MatchKind.VARIANT} and not match.modifiers else match.name


def _everything(checker: Checker, images: Sequence[int], given: Sequence[int]) -> list[Group]:
    found = [sighting for image in images for sighting in checker.everything(image)]
    found = within(found, [checker.regions[index] for index in given], checker)
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
    if asks_what_lies_so(step) and step.relation is not None and len(groups) == 1 and groups[0].sightings:
        anchor = groups[0].sightings[0]
        near = [s for s in checker.everything(anchor.image) if lies(s, anchor, step.relation, checker)]
        groups += _by_name(near)
    return groups


# --- text -------------------------------------------------------------------------------------------------------------


def _texts(checker: Checker, step: Step, images: Sequence[int], given: Sequence[int]) -> list[Group]:
    if given and not step.targets:
        return [_text_in(checker, index) for index in given]
    if step.targets:
        return [_text_on(checker, step, phrase, images, given) for phrase in step.targets]
    return [_text_group(None, [line for image in images for line in lines_of(checker, image)])]


def _text_in(checker: Checker, index: int) -> Group:
    """What stands in a given region, read as one text."""
    region = checker.regions[index]
    size = checker.pictures[region.image].size
    bounds = region.bounds(*size)
    lines = [line for line in lines_of(checker, region.image) if covered(line.region, bounds) >= checker.limits.inside]
    text = joined(lines)
    score = sum(line.score for line in lines) / len(lines) if lines else 0.5
    place = Sighting("text", region.image, bounds.coordinates, score, "ocr", text=text, given=index)
    return Group(None, "text", (place,) if text else (), score, region=index)


def _text_on(checker: Checker, step: Step, phrase: str, images: Sequence[int], given: Sequence[int]) -> Group:
    """What stands on the things that a phrase names; the look at the whole picture may be followed by a closer one."""
    group = _target(checker, step, phrase, images, given)
    lines = [line for image in images for line in lines_of(checker, image)]
    if not group.sightings:
        filters = step.filters_of(phrase)
        if lines and filters and not group.before + group.after and _TEXT_WORDS.search(phrase.lower()):
            # No sign was seen, but its text was: the text is what is chosen by its place.
            chosen = narrowed(lines, filters, step, checker, lambda anchor: all_of(checker, step, anchor, images))
            return _text_group(phrase, chosen.found) if not chosen.lacking else group
        if not filters and lines and (_TEXT_WORDS.search(phrase.lower()) or not group.known):
            return _text_group(phrase, lines)
        return group
    with_text = [replace(thing, text=text_on(thing, checker) or None) for thing in group.sightings]
    return replace(group, sightings=tuple(with_text))


def _text_group(phrase: str | None, lines: Sequence[Sighting]) -> Group:
    score = sum(line.score for line in lines) / len(lines) if lines else 0.8
    return Group(phrase, "text", tuple(lines), score)
