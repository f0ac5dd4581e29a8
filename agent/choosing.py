"""Choosing among what was found: by region, by the filters of the plan, by how many are meant; and saying it."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from agent.checking import Checker
from agent.colours import is_of
from agent.findings import with_verbs
from agent.inflection import ordinal, singular
from agent.inscriptions import says
from agent.intents import Filter, Intent, Order, Relation, Step
from agent.prose import quotable
from agent.sightings import Sighting, covered, fits_of, relation_between
from ferret.regions import Box, Region

Find = Callable[[str], list[Sighting]]
"""All things that a phrase of the step names, narrowed as the plan says."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What filters left, and how sure the places are that they were measured from.

    `lacking` is the anchor that is not there, so that nothing could be chosen by it.
    """

    found: list[Sighting]
    certainty: float = 1.0
    lacking: str = ""


def narrowed(
    found: Sequence[Sighting], filters: Sequence[Filter], step: Step, checker: Checker, find: Find
) -> Chosen:
    """The things that pass all filters of one phrase, in turn."""
    left, certainty = list(found), 1.0
    for one in filters:
        anchors: list[Sighting] = []
        if one.anchor is not None:
            anchors = _anchors(one.anchor, checker, find)
            if one.others:
                left = _others(left, one.anchor, anchors, step, checker)
                continue
            if not anchors:
                return Chosen([], certainty, str(one.anchor))
            certainty *= max(anchor.score for anchor in anchors)
        left = _passing(left, one, anchors, step, checker)
    return Chosen(left, certainty)


def _anchors(anchor: str | int, checker: Checker, find: Find) -> list[Sighting]:
    if isinstance(anchor, int):
        return [checker.given(anchor, score=1.0)] if anchor < len(checker.regions) else []
    return find(anchor)


def _others(
    found: list[Sighting], anchor: str | int, anchors: Sequence[Sighting], step: Step, checker: Checker
) -> list[Sighting]:
    """Those that are something else than the anchor; all of them where there is no such thing."""
    if isinstance(anchor, int):
        if anchor >= len(checker.regions):
            return found
        region = checker.regions[anchor]
        fits = fits_of(region, found, checker.pictures[region.image].size)
        best = max(fits, default=0.0)
        return [one for one, fit in zip(found, fits, strict=True) if fit < max(best, checker.limits.matching)]
    # What is so called is left out by its name too, unless only some of them are meant.
    names = () if step.filters_of(anchor) else checker.names(anchor)
    return [
        one for one in found if one.label not in names and not any(_same_place(one, other) for other in anchors)
    ]


def _passing(
    found: list[Sighting], one: Filter, anchors: list[Sighting], step: Step, checker: Checker
) -> list[Sighting]:
    if one.order is not None:
        near = one.order in {Order.NEAREST, Order.FARTHEST}
        others = [s for s in found if not near or any(_apart(s, anchor) for anchor in anchors)]
        ranked = sorted(others, key=lambda s: _rank(s, one.order, anchors, checker))
        several = step.quantity if isinstance(step.quantity, int) else 1
        return ranked[one.nth - 1 : one.nth - 1 + several]
    if one.colour is not None:
        colour = one.colour
        return [s for s in found if is_of(colour, checker.pictures[s.image], s.region) != one.negated]
    if one.text is not None:
        text = one.text
        return [s for s in found if says(s, text, checker) != one.negated]
    assert one.relation is not None
    relation = one.relation
    if not anchors:
        return [s for s in found if _in_half(s, relation, checker) != one.negated]
    return [s for s in found if any(lies(s, anchor, relation, checker) for anchor in anchors) != one.negated]


def _rank(one: Sighting, order: Order | None, anchors: Sequence[Sighting], checker: Checker) -> float:
    """What things are put in this order by, the first the least."""
    width, height = checker.pictures[one.image].size
    x, y = _middle(one, 0), _middle(one, 1)
    match order:
        case Order.LARGEST:
            return -one.region.area / (width * height)
        case Order.SMALLEST:
            return one.region.area / (width * height)
        case Order.LEFTMOST:
            return x
        case Order.RIGHTMOST:
            return -x
        case Order.HIGHEST:
            return y
        case Order.LOWEST:
            return -y
        case _:
            sign = 1 if order is Order.NEAREST else -1
            here = [anchor for anchor in anchors if anchor.image == one.image]
            return min((sign * distance(one, anchor) for anchor in here), default=math.inf)


def distance(a: Sighting, b: Sighting) -> float:
    """Pixels between two things; of those that touch, the nearer middles count."""
    return gap_between(a.region, b.region) + 1e-3 * math.hypot(
        _middle(a, 0) - _middle(b, 0), _middle(a, 1) - _middle(b, 1)
    )


def _in_half(one: Sighting, half: Relation, checker: Checker) -> bool:
    axis, sign = {Relation.LEFT: (0, 1), Relation.RIGHT: (0, -1), Relation.ABOVE: (1, 1), Relation.BELOW: (1, -1)}[half]
    return sign * (_middle(one, axis) - checker.pictures[one.image].size[axis] / 2) < 0


def _middle(sighting: Sighting, axis: int) -> float:
    return (sighting.box[axis] + sighting.box[axis + 2]) / 2


def _apart(one: Sighting, anchor: Sighting) -> bool:
    """Whether they are two things on one picture and not the same one."""
    return one.image == anchor.image and not _same_place(one, anchor)


def _same_place(a: Sighting, b: Sighting) -> bool:
    return a.image == b.image and covered(a.region, b.region) > 0.8 and covered(b.region, a.region) > 0.8


def lies(one: Sighting, anchor: Sighting, relation: Relation, checker: Checker) -> bool:
    """Whether a thing lies so to the anchor; the anchor itself does not."""
    return _apart(one, anchor) and holds(relation, one, anchor, checker.pictures[anchor.image].size)


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


def within(found: Sequence[Sighting], regions: Sequence[Region], checker: Checker) -> list[Sighting]:
    """Those that lie mostly in one of the regions; all when there are none."""
    if not regions:
        return list(found)
    boxes = [region.bounds(*checker.pictures[region.image].size) for region in regions]
    return [
        one
        for one in found
        if any(box.image == one.image and covered(one.region, box) >= checker.limits.inside for box in boxes)
    ]


def as_many(found: list[Sighting], step: Step, checker: Checker) -> list[Sighting]:
    """As many as the question speaks of: for one, the clear winner, or all where there is none. The best come first."""
    if step.intent in {Intent.EXIST, Intent.COUNT, Intent.LIST, Intent.READ}:
        return found
    if step.quantity == "one" and len(found) > 1 and found[0].score >= checker.limits.clear_winner * found[1].score:
        return found[:1]
    if step.intent in {Intent.RELATE, Intent.COMPARE} and step.quantity == "one":
        return found[:1]
    return found[: step.quantity] if isinstance(step.quantity, int) else found


def described(filters: Sequence[Filter], step: Step) -> tuple[str, str]:
    """How an answer says what narrowed a thing: (before its name, after it), with the verbs of `findings.with_verbs`
    left open. A text stands between quotation marks.
    """
    before, after = "", ""
    for one in filters:
        nth = f"{ordinal(one.nth - 1)} " if one.nth > 1 else ""
        if one.others and isinstance(one.anchor, str) and not _same_noun(one):
            after += f" other than {_anchor_name(one.anchor, step)}"
        elif one.others:
            before = before if before.startswith("other ") else f"other {before}"
        elif one.colour is not None:
            after += f" that {{be}} not {one.colour.value}" if one.negated else ""
            before += "" if one.negated else f"{one.colour.value} "
        elif one.text is not None:
            after += f' that {"{do} not say" if one.negated else "{say}"} "{quotable(one.text)}"'
        elif one.order in _FROM and one.nth > 1:
            before, after = before + nth, after + f" from the {_FROM[one.order]}"
        elif one.order in {Order.NEAREST, Order.FARTHEST}:
            to = "to" if one.order is Order.NEAREST else "from"
            before, after = f"{nth}{one.order.value} {before}", after + f" {to} {_anchor_name(one.anchor, step)}"
        elif one.order is not None:
            before = f"{nth}{one.order.value} {before}"
        elif one.relation is not None:
            half = one.anchor is None
            where = _HALF[one.relation] if half else f"{one.relation.value} {_anchor_name(one.anchor, step)}"
            after += f" that {{be}} not {where}" if one.negated else f" {where}"
    return before, after


def _same_noun(one: Filter) -> bool:
    """Whether its anchor is one of the same: "the other sign", "the signs except the largest sign"."""
    return isinstance(one.anchor, str) and singular(one.of).split()[-1] == singular(one.anchor).split()[-1]


_FROM = {Order.LEFTMOST: "left", Order.RIGHTMOST: "right", Order.HIGHEST: "top", Order.LOWEST: "bottom"}
_HALF = {
    Relation.LEFT: "on the left", Relation.RIGHT: "on the right", Relation.ABOVE: "at the top",
    Relation.BELOW: "at the bottom",
}  # fmt: skip


def _anchor_name(anchor: str | int | None, step: Step) -> str:
    if isinstance(anchor, int):
        return f"region {anchor + 1}"
    # Adjectives stand in the phrase itself already.
    told = [one for one in step.filters_of(anchor or "") if one.anchor is not None or one.text is not None]
    return f"the {anchor}{with_verbs(described(told, step)[1], many=False)}"
