"""What all sentences share: the verdict of a step, how things are counted and called, and what is said of nothing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from agent.answers import Status
from agent.findings import Finding, Group, with_verbs
from agent.inflection import indefinite, is_plural, number_word, ordinal, plural
from agent.intents import Intent, Step
from agent.prose import Prose, linked_list
from agent.settings import Thresholds

Verdict = tuple[Status, float]
# Intents whose words are looked for in the whole picture, although regions are given.
_LOOKS_BEYOND = frozenset({Intent.REFER, Intent.RELATE, Intent.COMPARE})


@dataclass(frozen=True, slots=True)
class Telling:
    """What the sentences are made of: the step, its finding, the sizes (width, height) of all pictures."""

    step: Step
    finding: Finding
    sizes: Sequence[tuple[int, int]]
    thresholds: Thresholds
    covers: Callable[[str, str], bool]

    @property
    def where(self) -> str:
        """ "in the picture", or which one; "in the region" when the step looks nowhere else."""
        if self.step.regions and self.step.intent not in _LOOKS_BEYOND:
            return "in the region" if len(self.step.regions) == 1 else "in the regions"
        if len(self.sizes) == 1:
            return "in the picture"
        if len(self.finding.images) == 1:
            return f"in the {ordinal(self.finding.images[0])} picture"
        return "in the pictures"


def missing(prose: Prose, telling: Telling, group: Group, start: str = "") -> Verdict:
    """Nothing of the kind was found; for a word that no loaded model knows, nobody can say so for certain."""
    if not group.known:
        prose.say(
            f"I do not know what {indefinite(group.name)} looks like, "
            f"so I cannot say whether there is one {telling.where}."
        )
        return "unsure", round(min(group.score, 0.5), 4)
    start = start or ("There are no" if is_plural(group.name) else "There is no")
    prose.say(f"{start} {form(group, 1)} {telling.where}.")
    return "not_found", group.score


def outside(prose: Prose, telling: Telling) -> Verdict:
    """Nothing is named in a picture unlike all that the weights have learnt from; what was pointed at stays linked."""
    strange = telling.finding.outside
    which = "this picture looks"
    if len(telling.sizes) > 1:
        numbers = [ordinal(image) for image in strange]
        one = len(strange) == 1
        which = f"the {' and the '.join(numbers)} picture{' looks' if one else 's look'}"
    prose.say(f"I am not sure: {which} unlike the illustrated scenes that I know, so that any name would be a guess.")
    for group in telling.finding.groups:
        for sighting in group.sightings:
            prose.region(sighting)
    return "unsure", 0.0


def list_all(prose: Prose, telling: Telling) -> Verdict:
    found = [group for group in telling.finding.groups if group.sightings]
    absent = [group for group in telling.finding.groups if not group.sightings]
    if not found and absent:
        return together([missing(prose.sentence(), telling, group) for group in absent])
    if not found:
        prose.say(f"I see nothing that I know {telling.where}.")
        return "unsure", 0.3
    parts = [(amount(group), group.sightings) for group in sorted(found, key=lambda g: g.name)]
    linked_list(prose.say("I see "), parts).say(".")
    return "answered", mean([group.score for group in found])


def together(verdicts: Sequence[Verdict]) -> Verdict:
    """The verdict of several: found if anything was found, unsure if nothing was and anything is in doubt."""
    statuses = [status for status, _ in verdicts]
    for status in ("answered", "unsure", "not_found"):
        if status in statuses:
            return status, mean([confidence for one, confidence in verdicts if one == status])
    return "unsure", 0.0


def certain(group: Group, telling: Telling) -> bool:
    """A word that no model knows is never certain, nor is a guess."""
    return group.known and group.score >= telling.thresholds.sure


def mean(scores: Sequence[float], otherwise: float = 0.0) -> float:
    return sum(scores) / len(scores) if scores else otherwise


def form(group: Group, many: int) -> str:
    """The name for so many, with what narrowed it: "largest key", "apples left of the tree"."""
    name = group.name if many == 1 else plural(group.name)
    return f"{group.before}{name}{with_verbs(group.after, many=many != 1 or is_plural(group.name))}"


def amount(group: Group) -> str:
    """ "a dog", "two apples"."""
    many = len(group.sightings)
    if many == 1:
        one = form(group, 1)
        return f"an{one}" if one.startswith("other ") else indefinite(one)
    return f"{number_word(many)} {form(group, many)}"


def singular_start(groups: Sequence[Group]) -> bool:
    return len(groups[0].sightings) == 1 and not is_plural(groups[0].name)


def relation_words(relation: str) -> str:
    return {"around": "overlapping (it surrounds)", "inside": "overlapping (it lies inside)"}.get(relation, relation)
