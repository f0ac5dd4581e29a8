"""How a question refers back to the turns before it: "the second one", "that sign", "apple 2", "the other picture".

Everything that is recalled becomes a region with a number, as if it had been pointed at: the planner need not know that
there is a thread.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from agent.inflection import parse_ordinal, singular
from agent.lexicon import normalise
from agent.state import Json

_ORDINAL = r"first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|\d{1,3}(?:st|nd|rd|th)|last"
_WHICH = rf"{_ORDINAL}|other|next"
_PICTURE = r"(?:image|picture|photo|photograph|pic|scene|drawing)"
_MARK = r"(?:mark|region|box|point|scribble|spot|selection|mask|polygon|area|outline)"
_DID = (
    r"(?:marked|pointed (?:at|to|out)|showed(?: you)?|selected|circled|drew|boxed|outlined|clicked(?: on)?|"
    r"gave(?: you)?)"
)
_BEFORE = r"(?:before|earlier|previously|a moment ago|just now|at the (?:beginning|start)|first|last|at first)"
_FLAGS = re.IGNORECASE

_ONE = re.compile(rf"\b(?:the\s+)?(?P<which>{_WHICH})\s+one\b(?!\s+from\b)", _FLAGS)
_IT = re.compile(r"\b(?:that|this)\s+one\b|\bit\b(?!\s+(?:true|possible|there)\b)", _FLAGS)
_THEM = re.compile(r"\bthem\b|\bthose(?:\s+ones)?\b(?!\s+\w)", _FLAGS)
_NAMED = re.compile(r"<\s*region\s*(\d+)\s*>", _FLAGS)
_THAT = re.compile(
    r"\b(?P<det>that|this|those|these|the same)\s+(?P<label>[a-z][\w'-]*(?:\s+[a-z][\w'-]*){0,2})", _FLAGS
)
_I_MARKED = re.compile(
    rf"\b(?:what|the\s+(?:(?P<which>{_ORDINAL})\s+)?(?P<noun>ones?|things?|objects?|{_MARK}s?)"
    rf"(?:\s+(?:that|which))?)\s+I\s+(?:had\s+|have\s+)?{_DID}\s+(?P<when>{_BEFORE})\b"
    rf"|\bmy\s+(?P<nth>{_ORDINAL}|previous|earlier)\s+{_MARK}\b",
    _FLAGS,
)
# What is left of a question that says nothing but which thing: "And the second one?", "What about it?".
_LEAD = (
    r"(?:(?:and|or|so|then|now|what|how|ok|okay|but|please|same|again|do|the same)[\s,]+)*"
    r"(?:(?:about|for|on|in|with|to)\s+)?"
)
_BARE = re.compile(rf"{_LEAD}((?:<region\d+>(?:\s+and\s+)?)+)\s*[?.!]*", _FLAGS)
# Something named before in the same question, which "it" then stands for.
_ANTECEDENT = re.compile(r"\b(?:the|an?|every|each|all|any|my)\s+\w+(?!\s+(?:of|to|from)\b)\w*", _FLAGS)
_OTHER_PICTURE = re.compile(
    rf"\bthe\s+(?:(?P<which>other|previous|earlier|{_ORDINAL})\s+{_PICTURE}|{_PICTURE}\s+before)\b", _FLAGS
)
_ALL_PICTURES = re.compile(rf"\b(?:both|all)(?:\s+(?:of\s+)?the)?\s+{_PICTURE}s\b", _FLAGS)
_ONLY_PICTURE = re.compile(rf"{_LEAD}the\s+picture\s*[?.!]*", _FLAGS)


def turned_to(question: str, memory: Mapping[str, Any] | None) -> tuple[str, list[str]]:
    """(the question as it is asked of the pictures that it turns to, their artifact ids; none when it names no others).

    "Now the other picture" asks the last question again. A picture is counted among those of the last turn as long as
    it had several; else among all of the thread.
    """
    if not memory:
        return question, []
    images, pictures = list(memory["images"]), list(memory["pictures"])
    if _ALL_PICTURES.search(question) and len(pictures) > len(images):
        return question, pictures
    match = _OTHER_PICTURE.search(question)
    if match is None:
        return question, []
    which = (match["which"] or "previous").lower()
    chosen: str | None = None
    others = [picture for picture in pictures if picture not in images]
    if which in {"other", "previous", "earlier"}:
        chosen = others[-1] if others else None
    elif len(images) == 1:
        place = len(pictures) - 1 if which == "last" else parse_ordinal(which)
        chosen = pictures[place] if place is not None and place < len(pictures) else None
    if chosen is None:
        return question, []
    asked = question[: match.start()] + "the picture" + question[match.end() :]
    return (str(memory["question"]) if _ONLY_PICTURE.fullmatch(asked.strip()) else asked), [chosen]


def recall(question: str, images: Sequence[str], memory: Mapping[str, Any] | None) -> tuple[str, list[Json]]:
    """The question with what it refers back to as `<regionK>`, and those regions; as it is when it refers to nothing.

    Only for a question that brings no regions of its own. `images` are the artifact ids of the pictures that it is
    about, `memory` is that of the turn before (`agent.memory`), if there was one.
    """
    if not memory:
        return question, []
    if _NAMED.search(question):
        return question, _shown(memory["pointed"] or memory["found"], images)
    recalled = _Recalled(images)
    for name, thing in {thing["name"]: thing for thing in memory["things"]}.items():
        label, _, number = name.rpartition(" ")
        pattern = re.compile(rf"\b(?:the\s+)?{re.escape(label)}\s+(?:#\s*|no\.?\s*|number\s+)?{number}\b", _FLAGS)
        question = recalled.put(question, pattern, lambda _, thing=thing: [thing])
    question = recalled.put(question, _I_MARKED, lambda match: _marked(match, memory["marked"], images))
    found = memory["found"]
    question = recalled.put(question, _THAT, lambda match: _of_label(match, found))
    question = recalled.put(question, _ONE, lambda match: _chosen(match["which"].lower(), found))
    if not recalled.regions:
        question = recalled.put(question, _IT, lambda match: [] if _spoken_of(question, match) else found[:1])
        question = recalled.put(question, _THEM, lambda match: [] if _spoken_of(question, match) else found)
    return _asked(question, len(recalled.regions)), recalled.regions


class _Recalled:
    """The regions that a question refers back to, numbered as they are met."""

    def __init__(self, images: Sequence[str]) -> None:
        self.images = images
        self.regions: list[Json] = []

    def put(self, question: str, pattern: re.Pattern[str], meant: Any) -> str:
        """The question with every match as the regions that `meant` gives for it; untouched where it gives none."""

        def replaced(match: re.Match[str]) -> str:
            regions = _shown(meant(match), self.images)
            if not regions:
                return match[0]
            numbers = []
            for region in regions:
                if region not in self.regions:
                    self.regions.append(region)
                numbers.append(self.regions.index(region) + 1)
            said = " and ".join(f"<region{number}>" for number in dict.fromkeys(numbers))
            return said + _unused(match, meant(match))

        return pattern.sub(replaced, question)


def _unused(match: re.Match[str], things: Sequence[Json]) -> str:
    """What of the words that were tried as a label is none: "sign say" is the sign, and "say"."""
    words = match.groupdict().get("label")
    if not words:
        return ""
    rest = words.split()[len(things[0]["label"].split()) :]
    return " " + " ".join(rest) if rest else ""


def _shown(entries: Sequence[Json], images: Sequence[str]) -> list[Json]:
    """Remembered regions as regions of pictures that the question is about."""
    return [
        {**entry["region"], "image": list(images).index(entry["picture"])}
        for entry in entries
        if entry["picture"] in images
    ]


def _of_label(match: re.Match[str], found: Sequence[Json]) -> list[Json]:
    words = match["label"].split()
    for count in range(len(words), 0, -1):
        said = normalise(" ".join(words[:count]))
        things = [thing for thing in found if thing["label"].lower() in {said, singular(said)}]
        if things:
            several = match["det"].lower() in {"those", "these"}
            return things if several else things[:1]
    return []


def _marked(match: re.Match[str], marked: Sequence[Json], images: Sequence[str]) -> list[Json]:
    here = [mark for mark in marked if mark["picture"] in images]
    if not here:
        return []
    which = (match["which"] or match["nth"] or match["when"] or "").lower()
    if (match["noun"] or "").lower().endswith("s"):
        return here
    place = parse_ordinal(which)
    if place is not None:
        return here[place : place + 1]
    return here[:1] if which.startswith("at ") else here[-1:]


def _chosen(which: str, found: Sequence[Json]) -> list[Json]:
    if which == "last":
        return list(found[-1:])
    index = 1 if which in {"other", "next"} else parse_ordinal(which)
    return list(found[index : index + 1]) if index is not None else []


def _spoken_of(question: str, match: re.Match[str]) -> bool:
    """Whether the question itself has named before what "it" stands for."""
    return _ANTECEDENT.search(question, 0, match.start()) is not None


def _asked(question: str, count: int) -> str:
    """A question that only points becomes one that asks what is there."""
    bare = _BARE.fullmatch(question.strip())
    if bare is None:
        return question
    return f"What is {bare[1].strip()}?" if count == 1 else f"What are {bare[1].strip()}?"
