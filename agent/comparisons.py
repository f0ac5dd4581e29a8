"""What is said of relations and comparisons: how things lie to each other, which is larger, what is the same kind."""

from collections.abc import Sequence

from agent.answers import Status
from agent.choosing import distance, holds
from agent.findings import Group
from agent.inflection import indefinite, is_plural, plural
from agent.intents import Aspect, Relation, asks_what_lies_so
from agent.prose import Prose, capital, linked_list
from agent.sightings import Sighting, part_of_picture, relation_between
from agent.telling import Telling, Verdict, amount, certain, form, list_all, mean, missing, relation_words, together
from ferret.words import same_name

SAME_DISTANCE = 0.02
"""Distances that differ by less than this share of the picture's diagonal are about the same."""


def relate(prose: Prose, telling: Telling) -> Verdict:
    groups, step = telling.finding.groups, telling.step
    absent = [group for group in groups if not group.sightings]
    if absent:
        return together([missing(prose.sentence(), telling, group) for group in absent])
    if not groups:
        return list_all(prose, telling)
    names = _subjects(groups)
    first = _place_of(groups[0])
    if step.relation is not None and asks_what_lies_so(step):
        others = groups[1:]
        if not others:
            prose.say(f"{'No, nothing' if step.yes_no else 'Nothing'} that I know is {step.relation.value} ")
            prose.link(names[0], groups[0].sightings).say(".")
            return "not_found", groups[0].score
        place = _place_words(step.relation)
        prose.say(f"Yes, {place} " if step.yes_no else f"{capital(place)} ")
        prose.link(names[0], groups[0].sightings).say(" I see ")
        linked_list(prose, [(amount(group), group.sightings) for group in others]).say(".")
        return "answered", mean([group.score for group in groups])
    confidence = mean([group.score for group in groups])
    status: Status = "answered" if all(certain(group, telling) for group in groups) else "unsure"
    if len(groups) == 1:
        place = part_of_picture(first.region, telling.sizes[first.image])
        if step.relation is not None:
            right = step.relation.value.split()[0] in _half(first, telling.sizes[first.image])
            prose.say("Yes, " if right else "No, ").link(names[0], groups[0].sightings).say(
                f" is {place} of the picture."
            )
        else:
            prose.link(capital(names[0]), groups[0].sightings).say(f" is {place} of the picture.")
        return status, confidence
    second = _place_of(groups[1])
    if first.image != second.image:
        prose.link(capital(names[0]), groups[0].sightings).say(" and ").link(names[1], groups[1].sightings).say(
            " are in different pictures."
        )
        return "unsure", confidence
    seen = relation_words(relation_between(first.region, second.region))
    verb = "are" if is_plural(groups[0].name) and groups[0].region is None else "is"
    if step.relation is not None:
        right = holds(step.relation, first, second, telling.sizes[first.image])
        said = step.relation.value if right else seen
        prose.say("Yes, " if right else "No, ").link(names[0], groups[0].sightings).say(f" {verb} {said} ").link(
            names[1], groups[1].sightings
        ).say(".")
        return ("unsure" if step.relation in {Relation.FRONT, Relation.BEHIND} else status), confidence
    prose.link(capital(names[0]), groups[0].sightings).say(f" {verb} {seen} ").link(names[1], groups[1].sightings).say(
        "."
    )
    return status, confidence


def compare(prose: Prose, telling: Telling) -> Verdict:
    groups, step = [group for group in telling.finding.groups if group.sightings], telling.step
    absent = [group for group in telling.finding.groups if not group.sightings]
    if absent and (step.aspect not in {Aspect.MORE, Aspect.FEWER}):
        return together([missing(prose.sentence(), telling, group) for group in absent])
    if not groups:
        return list_all(prose, telling)
    confidence = mean([group.score for group in groups])
    status: Status = "answered" if all(certain(group, telling) for group in groups) else "unsure"
    if step.aspect in {Aspect.MORE, Aspect.FEWER}:
        return _compare_numbers(prose, telling, confidence)
    if step.aspect in {Aspect.LARGER, Aspect.SMALLER}:
        return _compare_sizes(prose, telling, groups, confidence)
    if step.aspect in {Aspect.NEARER, Aspect.FARTHER} and len(groups) > 2:
        return _compare_distances(prose, telling, groups, status, confidence)
    names = _subjects(groups)
    kinds = [group.name for group in groups]
    if len(groups) < 2:
        prose.say("I see only ").link(indefinite(kinds[0]), groups[0].sightings).say(" to compare.")
        return "unsure", confidence
    if nameless := [subject for subject, kind in zip(names, kinds, strict=True) if not kind]:
        for group in groups:
            prose.region(group.sightings[0])
        prose.say(f"I cannot tell what {' and '.join(nameless)} {'is' if len(nameless) == 1 else 'are'}.")
        return "unsure", confidence
    if all(same_name(kinds[0], kind) for kind in kinds[1:]):
        both = "they are all " if len(kinds) > 2 else "both are "
        prose.say(f"Yes, {both}" if step.yes_no else capital(both))
        prose.link(plural(kinds[0]), [group.sightings[0] for group in groups]).say(".")
        return status, confidence
    negated = step.yes_no and step.aspect is Aspect.KIND
    prose.say("No: " if negated else "")
    for index, group in enumerate(groups):
        prose.say(" and " if index == len(groups) - 1 and index else ", " if index else "")
        subject = names[index] if group.region is not None else "one"
        subject = subject if index or negated else capital(subject)
        prose.say(f"{subject} is ").link(indefinite(group.name), group.sightings)
    prose.say(".")
    return status, confidence


def _compare_sizes(prose: Prose, telling: Telling, groups: Sequence[Group], confidence: float) -> Verdict:
    """By the area of boxes; whose picture is larger counts as much as the box, so sizes are shares of their
    pictures.
    """
    larger = telling.step.aspect is Aspect.LARGER
    things = [
        (group, thing)
        for group in groups
        for thing in ([_place_of(group)] if group.region is not None or telling.step.operands else group.sightings)
    ]

    def share(thing: Sighting) -> float:
        width, height = telling.sizes[thing.image]
        return thing.region.area / (width * height)

    ranked = sorted(things, key=lambda pair: -share(pair[1]) if larger else share(pair[1]))
    names = dict(zip([id(group) for group in groups], _subjects(groups), strict=True))
    winner, thing = ranked[0]
    what = names[id(winner)] if winner.region is not None or telling.step.operands else f"the {winner.name}"
    if len(ranked) > 1:
        sizes = sorted((share(ranked[0][1]), share(ranked[1][1])))
        if sizes[1] < telling.thresholds.bigger * sizes[0] and telling.step.operands:
            other = ranked[1][0]
            _first(prose, telling, what, thing, right=False).say(" and ").link(names[id(other)], [ranked[1][1]])
            prose.say(" are about the same size.")
            return "answered", confidence
    degree = (
        ("larger" if larger else "smaller")
        if len(ranked) == 2 and telling.step.operands
        else ("largest" if larger else "smallest")
    )
    article = "" if degree in {"larger", "smaller"} else "the "
    _first(prose, telling, what, thing, right=winner is groups[0]).say(f" is {article}{degree}.")
    return "answered", confidence


def _first(prose: Prose, telling: Telling, name: str, thing: Sighting, *, right: bool) -> Prose:
    """Begins with the one that is ahead, behind the "yes" or "no" of who asked for one."""
    if not telling.step.yes_no:
        return prose.link(capital(name), [thing])
    return prose.say("Yes, " if right else "No, ").link(name, [thing])


def _compare_distances(
    prose: Prose, telling: Telling, groups: Sequence[Group], status: Status, confidence: float
) -> Verdict:
    """By the gap between boxes; the last group is what distances are measured to."""
    nearer = telling.step.aspect is Aspect.NEARER
    *compared, to = groups
    anchor, names = _place_of(to), _subjects(groups)
    if {_place_of(group).image for group in compared} != {anchor.image}:
        prose.say("They are in different pictures.")
        return "unsure", confidence
    gaps = [distance(_place_of(group), anchor) for group in compared]
    order = sorted(range(len(compared)), key=lambda index: gaps[index] if nearer else -gaps[index])
    first, second = order[0], order[1]
    width, height = telling.sizes[anchor.image]
    if abs(gaps[first] - gaps[second]) < SAME_DISTANCE * (width**2 + height**2) ** 0.5:
        one, other = sorted((first, second))
        _first(prose, telling, names[one], _place_of(compared[one]), right=False)
        prose.say(" and ").link(names[other], [_place_of(compared[other])])
        prose.say(" are about as near to ").link(names[-1], [anchor]).say(".")
        return status, confidence
    degree = ("closer to" if nearer else "farther from") if len(compared) == 2 else (
        "the closest to" if nearer else "the farthest from"
    )
    _first(prose, telling, names[first], _place_of(compared[first]), right=first == 0)
    prose.say(f" is {degree} ").link(names[-1], [anchor]).say(".")
    return status, confidence


def _compare_numbers(prose: Prose, telling: Telling, confidence: float) -> Verdict:
    more = telling.step.aspect is Aspect.MORE
    groups = sorted(telling.finding.groups, key=lambda g: -len(g.sightings) if more else len(g.sightings))
    counts = [len(group.sightings) for group in groups]
    yes_no, first = telling.step.yes_no, telling.finding.groups[0]
    if len(groups) > 1 and counts[0] == counts[1]:
        prose.say("No, there are as many " if yes_no else "There are as many ")
        prose.link(form(groups[0], 2), groups[0].sightings).say(" as ")
        prose.link(form(groups[1], 2), groups[1].sightings).say(f": {counts[0]} of each.")
        return "answered", confidence
    there = "There" if not yes_no else "Yes, there" if groups[0] is first else "No, there"
    prose.say(f"{there} are {'more' if more else 'fewer'} ").link(form(groups[0], 2), groups[0].sightings)
    if len(groups) > 1:
        prose.say(" than ").link(form(groups[1], 2), groups[1].sightings).say(f": {counts[0]} and {counts[1]}.")
    else:
        prose.say(f": {counts[0]}.")
    return "answered", confidence


def _subjects(groups: Sequence[Group]) -> list[str]:
    """How operands are called: "the dog", or "region 1 (a dog)" when that was pointed at."""
    names = []
    for group in groups:
        if group.region is None:
            names.append(f"the {form(group, 1)}")
        else:
            kind = f" ({indefinite(group.name)})" if group.name else ""
            names.append(f"region {group.region + 1}{kind}")
    return names


def _place_of(group: Group) -> Sighting:
    """Where a thing is: of a given point or stroke, the place of the thing that it lies on."""
    return group.sightings[-1] if group.region is not None else group.sightings[0]


def _place_words(relation: Relation) -> str:
    return f"to the {relation.value}" if relation in {Relation.LEFT, Relation.RIGHT} else relation.value


def _half(thing: Sighting, size: tuple[int, int]) -> str:
    """The halves of the picture that a thing lies in, as the words that relations begin with."""
    box = thing.region
    across = "left" if (box.x1 + box.x2) / 2 < size[0] / 2 else "right"
    down = "above" if (box.y1 + box.y2) / 2 < size[1] / 2 else "below"
    return f"{across} {down}"
