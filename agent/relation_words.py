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
            r"(?:right )?(?:next to|beside|besides|near(?: to|by)?|close to|adjacent to|by|alongside|around|by "
            r"the side of|close by|closest to|nearest(?: to)?)"
        ),
    ),
    (Relation.ON, r"(?:on top of|atop|upon|on)"),
    (Relation.OVERLAPPING, r"(?:overlapping(?: with)?|touching|in contact with|covering|hiding)"),
    (Relation.INSIDE, r"(?:inside(?: of)?|within|into|contained in|enclosed by|surrounded by|in)"),
)
ANY_RELATION = "|".join(f"(?P<{relation.name}>{words})" for relation, words in RELATIONS)


def relation_in(match: re.Match[str]) -> Relation | None:
    """The relation whose words a pattern that holds `ANY_RELATION` has matched."""
    groups = match.groupdict()
    return next((relation for relation, _ in RELATIONS if groups.get(relation.name)), None)
