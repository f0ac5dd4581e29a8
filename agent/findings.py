"""Findings: what a step of the plan comes to after the checks, before it is put into words."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agent.sightings import Sighting


@dataclass(frozen=True, slots=True)
class Group:
    """One thing asked about and what was found for it.

    `phrase` is how the question calls it (None: nobody named it), `name` how it is said in prose ("" when unknown),
    `region` the index of the given region that it is. `score` is how sure the finding is, that nothing was found
    included. `known` is False for a word that no loaded model has a name for. `prose` are Ferret's own words, when they
    are more than a name. `before` and `after` say what narrowed it, around its name: "largest ", " left of the tree";
    their verbs are left open (`with_verbs`). `lacking` tells that this is not what was asked about, but what others
    were to be chosen by, and that it is not there.
    """

    phrase: str | None
    name: str
    sightings: tuple[Sighting, ...]
    score: float
    region: int | None = None
    known: bool = True
    prose: str | None = None
    before: str = ""
    after: str = ""
    lacking: bool = False

    def to_json(self) -> dict[str, Any]:
        """Plain JSON for the state."""
        return {
            "phrase": self.phrase, "name": self.name, "score": self.score, "region": self.region, "known": self.known,
            "prose": self.prose, "before": self.before, "after": self.after, "lacking": self.lacking,
            "sightings": [sighting.to_json() for sighting in self.sightings],
        }  # fmt: skip

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Group":
        """The group that `to_json` wrote."""
        return cls(**{**value, "sightings": tuple(Sighting.from_json(one) for one in value["sightings"])})


_VERBS = {"{be}": ("is", "are"), "{do}": ("does", "do"), "{say}": ("says", "say")}
_OPEN = re.compile(rf'"[^"]*"|{"|".join(map(re.escape, _VERBS))}')


def with_verbs(words: str, *, many: bool) -> str:
    """What narrows a thing, "{be}", "{do}" and "{say}" made verbs of one or of several; quotations stay as they are."""
    return _OPEN.sub(lambda match: _VERBS[match[0]][many] if match[0] in _VERBS else match[0], words)


@dataclass(frozen=True, slots=True)
class Finding:
    """What one step found: its targets, operands and regions in the order of the question, or all things by name.

    `images` are the pictures that it looked at, `outside` those of them that lie outside what the weights know; where
    there is one, nothing is named.
    """

    groups: tuple[Group, ...]
    images: tuple[int, ...] = field(default=(0,))
    outside: tuple[int, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain JSON for the state."""
        groups = [group.to_json() for group in self.groups]
        return {"groups": groups, "images": list(self.images), "outside": list(self.outside)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Finding":
        """The finding that `to_json` wrote."""
        groups = tuple(Group.from_json(one) for one in value["groups"])
        return cls(groups, tuple(value["images"]), tuple(value["outside"]))

    @property
    def sightings(self) -> tuple[Sighting, ...]:
        """All sightings of all groups."""
        return tuple(sighting for group in self.groups for sighting in group.sightings)
