"""How a question refers back to the turns before it: "the second one", "that sign", "apple 2", "the other picture".

Everything that is recalled becomes a region with a number, as if it had been pointed at: the planner need not know that
there is a thread.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from agent.inflection import ORDINAL, parse_ordinal, plural, singular
from agent.intents import MAX_FILTERS, Intent
from agent.lexicon import normalise
from agent.planning import plan_question
from agent.pointing import DID
from agent.state import Json
from ferret.errors import RequestError

_ORDINAL = rf"{ORDINAL}|last"
_WHICH = rf"{_ORDINAL}|other|next"
_PICTURE = r"(?:image|picture|photo|photograph|pic|scene|drawing)"
_MARK = r"(?:mark|region|box|point|scribble|spot|selection|mask|polygon|area|outline)"
_DID = rf"{DID}(?:\s+(?:at|to|out|on|over|around|you))*"
_BEFORE = r"(?:before|earlier|previously|a moment ago|just now|at the (?:beginning|start)|first|last|at first)"
_FLAGS = re.IGNORECASE

_ONE = re.compile(rf"\b(?:the\s+)?(?P<which>{_WHICH})\s+one\b(?!\s+from\b)", _FLAGS)
# "What else is there?": what is none of those that were found or pointed at.
_ELSE = re.compile(
    r"\b(?:(?P<what>what|who|(?:any|some|every)(?:thing|one|body))\s+else|other\s+(?P<things>things|objects|items)"
    r"(?!\s+than))\b(?P<rest>[^.?!;]*)",
    _FLAGS,
)
_LEAVES_OUT = re.compile(r"\b(?:except|excluding|other\s+than|apart\s+from|aside\s+from|besides|but|than)\b", _FLAGS)
# All of a kind but those that were found: "the other one", "any others", "the rest".
_OTHERS = re.compile(
    r"\b(?P<det>the|any|all\s+the|another|all)\s+(?:(?:(?<=another\s)|(?:other|remaining)\s+)"
    r"(?P<label>[a-z][\w'-]*(?:\s+[a-z][\w'-]*){0,2})|(?P<bare>others|rest|remaining)(?:\s+of\s+(?:them|these|those))?"
    r"(?=\s*[?.!]*$))",
    _FLAGS,
)
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
_BARE_OTHERS = re.compile(
    rf"{_LEAD}(?P<what>(?:the|any|another|all)\s+[\w' -]+ other than (?:<region\d+>(?:\s+and\s+)?)+)\s*[?.!]*", _FLAGS
)
# "Is the other one bigger?": than the one that was found.
_BIGGER = re.compile(
    r"(?P<asked>(?:is|are)\s.* other than (?P<found><region\d+>)\s+(?:bigger|larger|smaller|taller|shorter))\s*[?.!]*",
    _FLAGS,
)
# What is asked of the others when it is not said: the same as before.
_AGAIN = {Intent.SEGMENT: "Outline", Intent.READ: "Read", Intent.DESCRIBE: "Describe"}
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
    here = [thing for thing in found if thing["picture"] in images]
    question = recalled.put(question, _OTHERS, lambda match: _known(match, here), lambda match: _of_all(match, here))
    question = recalled.put(question, _ONE, lambda match: _chosen(match["which"].lower(), found))
    known = _told(memory, images)
    question = recalled.put(
        question,
        _ELSE,
        lambda match: [] if _spoken_of(question, match) or _LEAVES_OUT.search(match["rest"]) else known,
        lambda match: f"{match['what'] or match['things']}{match['rest']} other than ",
    )
    if not recalled.regions:
        question = recalled.put(question, _IT, lambda match: [] if _spoken_of(question, match) else found[:1])
        question = recalled.put(question, _THEM, lambda match: [] if _spoken_of(question, match) else found)
    return _asked(question, len(recalled.regions), memory), recalled.regions


class _Recalled:
    """The regions that a question refers back to, numbered as they are met."""

    def __init__(self, images: Sequence[str]) -> None:
        self.images = images
        self.regions: list[Json] = []

    def put(self, question: str, pattern: re.Pattern[str], meant: Any, lead: Any = lambda _: "") -> str:
        """The question with every match as the regions that `meant` gives for it, behind the words that `lead` gives;
        untouched where it gives none.
        """

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
            return f"{lead(match)}{said}{_unused(match, meant(match))}"

        return pattern.sub(replaced, question)


def _unused(match: re.Match[str], things: Sequence[Json]) -> str:
    """What of the words that were tried as a label is none: "sign say" is the sign, and "say"."""
    words = (match.groupdict().get("label") or "").split()
    if not words:
        return ""
    used = 1 if words[0].lower() in {"one", "ones"} else len(things[0]["label"].split())
    return " " + " ".join(words[used:]) if words[used:] else ""


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


def _known(match: re.Match[str], here: Sequence[Json]) -> list[Json]:
    """What the others are told from: all that was found last, where it is of one kind and more of it is asked for."""
    if len({thing["label"] for thing in here}) != 1:
        return []
    many, words = _several(match), (match["label"] or "ones").split()
    label = here[0]["label"].split()
    own = words[:1] in (["one"], ["ones"]) or [singular(one) for one in words[: len(label)]] == [*map(singular, label)]
    one_of_several = len(here) > 1 and not many and re.match(r"the\s+other\b", match[0], _FLAGS) is not None
    return [] if not own or one_of_several else list(here)


def _told(memory: Mapping[str, Any], images: Sequence[str]) -> list[Json]:
    """What was found and what was pointed at last on these pictures; nothing where a plan cannot leave out so much."""
    told: list[Json] = []
    for entry in (*memory["found"], *memory["pointed"]):
        if entry["picture"] in images and all(entry["region"] != one["region"] for one in told):
            told.append(entry)
    return told if len(told) <= MAX_FILTERS else []


def _several(match: re.Match[str]) -> bool:
    """Whether the others are spoken of in the plural."""
    words = (match["label"] or "ones").split()
    return match["bare"] is not None or words[0].lower() == "ones" or singular(words[0]) != words[0]


def _of_all(match: re.Match[str], here: Sequence[Json]) -> str:
    """ "the apples other than "."""
    label = here[0]["label"]
    return f"{match['det'].lower()} {plural(label) if _several(match) else label} other than "


def _chosen(which: str, found: Sequence[Json]) -> list[Json]:
    if which == "last":
        return list(found[-1:])
    index = 1 if which in {"other", "next"} else parse_ordinal(which)
    return list(found[index : index + 1]) if index is not None else []


def _spoken_of(question: str, match: re.Match[str]) -> bool:
    """Whether the question itself has named before what "it" stands for."""
    return _ANTECEDENT.search(question, 0, match.start()) is not None


def _asked(question: str, count: int, memory: Mapping[str, Any]) -> str:
    """A question that only points becomes one that asks what is there, or the same as before of the others."""
    if (others := _BARE_OTHERS.fullmatch(question.strip())) is not None:
        try:
            asked = plan_question(str(memory["question"]), len(memory["pointed"]), len(memory["images"])).steps[-1]
        except RequestError:
            return f"Find {others['what']}."
        return f"{_AGAIN.get(asked.intent, 'Find')} {others['what']}."
    if (bigger := _BIGGER.fullmatch(question.strip())) is not None:
        return f"{bigger['asked']} than {bigger['found']}?"
    bare = _BARE.fullmatch(question.strip())
    if bare is None:
        return question
    return f"What is {bare[1].strip()}?" if count == 1 else f"What are {bare[1].strip()}?"
