"""What a thread remembers between its turns, and how a question refers back to it.

A turn leaves behind its pictures, the regions that were pointed at, and where its answer found things. A later question
about the same pictures may say "the second one", "it" or "them", or name `<region1>` again, without pointing anew.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from agent.inflection import parse_ordinal
from agent.state import Json

_WHICH = r"first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|\d{1,3}(?:st|nd|rd|th)|last|other|next"
_ONE = re.compile(rf"\b(?:the\s+)?(?P<which>{_WHICH})\s+one\b", re.IGNORECASE)
_IT = re.compile(r"\b(?:that|this)\s+one\b|\bit\b(?!\s+(?:true|possible|there)\b)", re.IGNORECASE)
_THEM = re.compile(r"\bthem\b|\bthose(?:\s+ones)?\b", re.IGNORECASE)
_NAMED = re.compile(r"<\s*region\s*(\d+)\s*>", re.IGNORECASE)
# What is left of a question that says nothing but which thing: "And the second one?", "What about it?".
_BARE = re.compile(
    r"(?:(?:and|or|so|then|now|what|how)\s+)*(?:about\s+)?((?:<region\d+>(?:\s+and\s+)?)+)\s*[?.!]*", re.IGNORECASE
)


def remembered(
    images: Sequence[str], pointed: Sequence[Json], found: Sequence[Mapping[str, Any]], before: Mapping[str, Any] | None
) -> Json:
    """What a turn leaves behind: artifact ids of its `images`, the regions `pointed` at, the regions of its answer.

    A turn about the same pictures that found or pointed at nothing leaves what was remembered `before`.
    """
    kept = before if before is not None and list(before["images"]) == list(images) else {}
    boxes = [{"kind": "box", "image": region["image"], "numbers": list(region["box"])} for region in found]
    return {
        "images": list(images),
        "pointed": list(pointed) or list(kept.get("pointed", [])),
        "found": boxes or list(kept.get("found", [])),
    }


def recall(question: str, images: Sequence[str], memory: Mapping[str, Any] | None) -> tuple[str, list[Json]]:
    """The question with what it refers back to as `<regionK>`, and those regions; as it is when it refers to nothing.

    Only for a question that brings no regions of its own. `memory` is that of the turn before, if there was one.
    """
    if memory is None or list(memory["images"]) != list(images):
        return question, []
    if _NAMED.search(question):
        return question, list(memory["pointed"] or memory["found"])
    found = list(memory["found"])
    if not found:
        return question, []
    if match := _ONE.search(question):
        chosen = _chosen(match["which"].lower(), found)
        return (_asked(_ONE.sub("<region1>", question, count=1), 1), [chosen]) if chosen else (question, [])
    if _IT.search(question):
        return _asked(_IT.sub("<region1>", question, count=1), 1), found[:1]
    if _THEM.search(question):
        names = " and ".join(f"<region{number}>" for number in range(1, len(found) + 1))
        return _asked(_THEM.sub(names, question, count=1), len(found)), found
    return question, []


def _chosen(which: str, found: Sequence[Json]) -> Json | None:
    if which == "last":
        return found[-1]
    index = 1 if which in {"other", "next"} else parse_ordinal(which)
    return found[index] if index is not None and index < len(found) else None


def _asked(question: str, count: int) -> str:
    """A question that only points becomes one that asks what is there."""
    bare = _BARE.fullmatch(question.strip())
    if bare is None:
        return question
    return f"What is {bare[1].strip()}?" if count == 1 else f"What are {bare[1].strip()}?"
