"""What is said for each intent. Every function adds its sentences to the prose and returns (status, confidence).

The wording is plain and the same every time, so that scripts can rely on it; coordinates never stand in it.
"""

from collections.abc import Callable

from agent.comparisons import compare, relate
from agent.findings import Group
from agent.inflection import indefinite, is_plural, number_word
from agent.intents import Intent
from agent.prose import Prose, capital, linked_list
from agent.sightings import part_of_picture, relation_between
from agent.telling import (
    Telling,
    Verdict,
    amount,
    certain,
    form,
    list_all,
    mean,
    missing,
    outside,
    relation_words,
    singular_start,
    together,
)
from agent.texts import tell_text


def tell(prose: Prose, telling: Telling) -> Verdict:
    """The sentences of one step."""
    if telling.finding.outside:
        return outside(prose, telling)
    if lacking := [group for group in telling.finding.groups if group.lacking]:
        return together([missing(prose.sentence(), telling, group) for group in lacking])
    return _TELLERS[telling.step.intent](prose, telling)


# --- naming -----------------------------------------------------------------------------------------------------------


def _refer(prose: Prose, telling: Telling) -> Verdict:
    groups = telling.finding.groups
    if not groups or groups[0].region is None:
        return list_all(prose, telling)
    verdicts = []
    for group in groups:
        subject = "this" if len(groups) == 1 else f"region {(group.region or 0) + 1}"
        verdicts.append(_name_region(prose.sentence(), telling, group, subject))
    return together(verdicts)


def _name_region(prose: Prose, telling: Telling, group: Group, subject: str) -> Verdict:
    sure = group.score >= telling.thresholds.sure
    if not group.name:
        prose.say(f"I cannot tell what {subject} is.")
        for sighting in group.sightings:
            prose.region(sighting)
        return "unsure", 0.0
    if group.prose is not None:
        prose.link(group.prose, group.sightings)
        return ("answered" if sure else "unsure"), group.score
    verb = "are" if is_plural(group.name) else "is"
    these = "these" if subject == "this" and verb == "are" else subject
    if telling.step.targets and sure:
        right = any(telling.covers(phrase, group.name) for phrase in telling.step.targets)
        prose.say(f"{'Yes' if right else 'No'}, {these} {verb} ").link(indefinite(group.name), group.sightings).say(".")
        return "answered", group.score
    if not sure:
        prose.say(f"I am not sure: {these} may be ").link(indefinite(group.name), group.sightings).say(".")
        return "unsure", group.score
    prose.say(f"{capital(these)} {verb} ").link(indefinite(group.name), group.sightings).say(".")
    return "answered", group.score


# --- finding, existence, number ---------------------------------------------------------------------------------------


def _ground(prose: Prose, telling: Telling) -> Verdict:
    if not telling.step.targets:
        return list_all(prose, telling)
    verdicts = []
    for group in telling.finding.groups:
        prose.sentence()
        many = len(group.sightings)
        if not many:
            verdicts.append(missing(prose, telling, group))
            continue
        if not certain(group, telling):
            prose.say("I am not sure, but ").link(f"the {form(group, many)}", group.sightings).say(" may be here.")
            verdicts.append(("unsure", group.score))
            continue
        verb = "is" if many == 1 and not is_plural(group.name) else "are"
        count = f"{number_word(many)} " if many > 1 and telling.step.quantity != "one" else ""
        prose.say("The ").link(f"{count}{form(group, many)}", group.sightings).say(f" {verb} here.")
        verdicts.append(("answered", group.score))
    return together(verdicts)


def _exist(prose: Prose, telling: Telling) -> Verdict:
    if not telling.step.targets:
        return list_all(prose, telling)
    verdicts = []
    for group in telling.finding.groups:
        prose.sentence()
        many = len(group.sightings)
        if not many:
            verdicts.append(
                missing(prose, telling, group, "No, there is no" if not is_plural(group.name) else "No, there are no")
            )
            continue
        doubt = not certain(group, telling)
        prose.say(
            "I am not sure, but there may be "
            if doubt
            else "Yes, there are "
            if many > 1 or is_plural(group.name)
            else "Yes, there is "
        )
        prose.link(amount(group), group.sightings).say(f" {telling.where}.")
        verdicts.append(("unsure" if doubt else "answered", group.score))
    return together(verdicts)


def _count(prose: Prose, telling: Telling) -> Verdict:
    groups = telling.finding.groups
    if not telling.step.targets:
        seen = [sighting for group in groups for sighting in group.sightings]
        verb, noun = ("is", "object") if len(seen) == 1 else ("are", "objects")
        prose.say(f"There {verb} ").link(f"{len(seen)} {noun}", seen).say(f" {telling.where}.")
        return ("answered" if seen else "not_found"), mean([one.score for one in seen], 0.5)
    verdicts = []
    for group in groups:
        prose.sentence()
        many = len(group.sightings)
        if not many and not group.known:
            verdicts.append(missing(prose, telling, group))
            continue
        verb = "is" if many == 1 and not is_plural(group.name) else "are"
        prose.say(f"There {verb} ").link(f"{many} {form(group, many)}", group.sightings).say(f" {telling.where}.")
        verdicts.append(("answered" if many else "not_found", group.score))
    return together(verdicts)


# --- everything -------------------------------------------------------------------------------------------------------


def _describe(prose: Prose, telling: Telling) -> Verdict:
    told = [group for group in telling.finding.groups if group.prose is not None and group.region is None]
    if told:
        for group in told:
            prose.sentence().quote(group.prose or "", group.sightings)
        return "answered", mean([group.score for group in told])
    groups = [group for group in telling.finding.groups if group.sightings]
    if groups and groups[0].region is not None:
        verdicts = []
        for group in groups:
            subject = "this" if len(groups) == 1 else f"region {(group.region or 0) + 1}"
            verdicts.append(_name_region(prose.sentence(), telling, group, subject))
            thing = group.sightings[0]
            place = part_of_picture(thing.region, telling.sizes[thing.image])
            prose.say(
                f" It is {place} of the picture."
                if place != "in the middle"
                else " It is in the middle of the picture."
            )
        return together(verdicts)
    if not groups:
        return list_all(prose, telling)
    prose.say(f"There {'is' if singular_start(groups) else 'are'} ")
    linked_list(prose, [(amount(group), group.sightings) for group in groups]).say(f" {telling.where}.")
    for group in [group for group in groups if len(group.sightings) == 1][:4]:
        thing = group.sightings[0]
        verb = "are" if is_plural(group.name) else "is"
        place = part_of_picture(thing.region, telling.sizes[thing.image])
        prose.say(" The ").link(form(group, 1), [thing]).say(f" {verb} {place}.")
    single = [group for group in groups if len(group.sightings) == 1][:2]
    if len(single) == 2 and single[0].sightings[0].image == single[1].sightings[0].image:
        first, second = (group.sightings[0] for group in single)
        verb = "are" if is_plural(single[0].name) else "is"
        how = relation_words(relation_between(first.region, second.region))
        prose.say(f" The {single[0].name} {verb} {how} the {single[1].name}.")
    return "answered", mean([group.score for group in groups])


# --- masks ---------------------------------------------------------------------------------------------------


def _segment(prose: Prose, telling: Telling) -> Verdict:
    found = [group for group in telling.finding.groups if group.sightings]
    verdicts = [missing(prose.sentence(), telling, group) for group in telling.finding.groups if not group.sightings]
    if not telling.finding.groups:
        return list_all(prose, telling)
    cut = [group for group in found if any(sighting.mask for sighting in group.sightings)]
    if cut:
        many = sum(len(group.sightings) for group in cut)
        prose.sentence().say(f"Here {'is the outline' if many == 1 else 'are the outlines'} of ")
        parts = []
        for group in cut:
            count = len(group.sightings)
            amount_of = f"the {form(group, 1)}" if count == 1 else f"the {number_word(count)} {form(group, count)}"
            parts.append((amount_of, group.sightings))
        linked_list(prose, parts).say(".")
        verdicts += [("answered" if certain(group, telling) else "unsure", group.score) for group in cut]
    for group in found:
        if group not in cut:
            verb = "is" if len(group.sightings) == 1 and not is_plural(group.name) else "are"
            prose.sentence().link(f"The {form(group, len(group.sightings))}", group.sightings)
            prose.say(f" {verb} here, but I could not outline {'it' if verb == 'is' else 'them'}.")
            verdicts.append(("unsure", group.score))
    return together(verdicts)


_TELLERS: dict[Intent, Callable[[Prose, Telling], Verdict]] = {
    Intent.REFER: _refer,
    Intent.GROUND: _ground,
    Intent.EXIST: _exist,
    Intent.COUNT: _count,
    Intent.LIST: list_all,
    Intent.DESCRIBE: _describe,
    Intent.RELATE: relate,
    Intent.COMPARE: compare,
    Intent.READ: tell_text,
    Intent.SEGMENT: _segment,
}
