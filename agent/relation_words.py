"""The words by which people say how one thing lies to another."""

import re

from agent.intents import Relation

_SIDE = r"(?:\s*[- ]?hand)?(?: side)?"
RELATIONS: tuple[tuple[Relation, str], ...] = (
    (
        Relation.LEFT,
        (
            rf"(?:(?:to|on|at) )?(?:the |its )?left{_SIDE} (?:of|from)|left of|(?:further|farther|more) (?:to the "
            rf")?left than"
        ),
    ),
    (
        Relation.RIGHT,
        (
            rf"(?:(?:to|on|at) )?(?:the |its )?right{_SIDE} (?:of|from)|right of|(?:further|farther|more) (?:to "
            rf"the )?right than"
        ),
    ),
    (Relation.ABOVE, r"(?:directly |right |just )?(?:above|over)|higher(?: up)? than"),
    (Relation.BELOW, r"(?:directly |right |just )?(?:below|under|underneath|beneath)|lower(?: down)? than"),
    (Relation.FRONT, r"(?:right |directly )?in (?:the )?front of"),
    (Relation.BEHIND, r"(?:right |directly )?(?:behind|at the back of|hidden by|covered by|in back of)"),
    (
        Relation.NEAR,
        (
            r"(?:right )?(?:next to|beside|besides(?! (?:the )?(?:ones?|those)\b)|near(?: to|by)?|close to|"
            r"adjacent to|by|alongside|around|by "
            r"the side of|close by|closest to|nearest(?: to)?)"
        ),
    ),
    (Relation.ON, r"(?:on top of|atop|upon|on)"),
    (
        Relation.OVERLAPPING,
        (
            r"(?:overlapping(?: with)?|touching|in contact with|intersecting(?: with)?|covering|"
            r"hiding(?! (?:behind|under|in|inside|below|near|beneath|on|above|next|between)\b))"
        ),
    ),
    (Relation.INSIDE, r"(?:inside(?: of)?|within|into|contained in|enclosed by|surrounded by|in)"),
)
# How things are where they are: "the bird sitting on the house". Words for what they do, not for what they are.
LYING = (
    r"(?:located|positioned|placed|situated|standing|sitting|lying|resting|found|hiding|hidden|hanging|floating|flying|"
    r"swimming|parked|growing|sleeping|perched|leaning|walking|running|hovering|tucked|crouching|waiting|seated|stuck|"
    r"mounted|shown|seen|visible|put|kept|drawn|painted|lie|stand|sit|appear|rest|be|live|directly|just|right|also|"
    r"immediately|somewhere|still|only)"
)
LIES = rf"(?:{LYING} )*"
# The opposite of inside and of near.
NOT_SO = r"(?:outside(?: of)?|away from|far (?:away )?from)"
ANY_RELATION = "|".join(f"(?P<{relation.name}>{words})" for relation, words in RELATIONS)

RELATION_WORDS = re.sub(r"\?P<\w+>", "?:", ANY_RELATION)
"""The same without groups, for patterns that only need to know where a relation stands."""


def relation_in(match: re.Match[str]) -> Relation | None:
    """The relation whose words a pattern that holds `ANY_RELATION` has matched."""
    groups = match.groupdict()
    return next((relation for relation, _ in RELATIONS if groups.get(relation.name)), None)
