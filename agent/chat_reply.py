"""What a chat model replied, read as a plan, or refused with everything that is wrong with it.

Nothing is guessed and nothing is cut to fit: a reply is one JSON object that the plan's own models accept strictly,
that speaks of the given regions and pictures alone, and whose phrases are plain words, or it is no plan.
"""

import json
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import pydantic_core
from pydantic import ValidationError

from agent.chat_prompt import SCHEMA_NAME
from agent.intents import Aspect, Intent, Plan, Step

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

# Far beyond the longest plan: what is longer is not even parsed.
_LONGEST = 60_000
_LONGEST_REASON = 300
# Faults of one reply that are told, and how much of each.
_MOST_FAULTS = 8
_LONGEST_FAULT = 200
# Brackets and signs that stand in no noun phrase, but in control tokens, markup and the roles of a conversation.
_NO_WORDS = re.compile(r"[<>\[\]{}|\\`:]")
_THOUGHTS = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)
_OPERATED = frozenset({Intent.RELATE, Intent.COMPARE})


class TroubleKind(StrEnum):
    """Why a chat model's plan was not usable."""

    FAILED = "the model could not be asked"
    LATE = "there was no plan in time"
    NO_REPLY = "the model replied nothing or refused"
    NO_JSON = "the reply was no JSON object"
    OTHER_TOOL = "the model called a tool that does not exist"
    NO_PLAN = "the reply was no plan"
    NOT_GIVEN = "the plan was about regions or pictures that were not given"


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why there is no plan: its kind, and in `faults` what is wrong in detail, for the model to mend.

    `said` is the reply. `detail` is a short word for people and never anything that an error of a library said, which
    may hold an address or a key.
    """

    kind: TroubleKind
    faults: tuple[str, ...] = ()
    said: str = ""
    detail: str = ""

    def __str__(self) -> str:
        detail = self.detail or next(iter(self.faults), "")
        return f"{self.kind.value} ({detail})" if detail else self.kind.value


def read_reply(message: "BaseMessage", question: str, region_count: int, image_count: int) -> Plan | Trouble:
    """The plan that a reply holds; its question is always `question`."""
    calls = [*getattr(message, "tool_calls", ()), *getattr(message, "invalid_tool_calls", ())]
    text = _THOUGHTS.sub("", str(message.text)).strip()
    if calls:
        said = json.dumps(calls, default=repr)
        others = [str(call.get("name"))[:60] for call in calls if call.get("name") != SCHEMA_NAME]
        if others:
            fault = f"there are no tools; you called {', '.join(map(repr, others[:_MOST_FAULTS]))}"
            return Trouble(TroubleKind.OTHER_TOOL, (fault,), said)
        if len(calls) > 1:
            return Trouble(TroubleKind.NO_PLAN, (f"there are {len(calls)} plans; give one",), said)
        given = calls[0].get("args")
        text = given if isinstance(given, str) else _written(given)
    if not text:
        refusal = str(message.additional_kwargs.get("refusal") or "")
        return Trouble(TroubleKind.NO_REPLY, ("the reply is empty",), refusal)
    if len(text) > _LONGEST:
        fault = f"the reply has {len(text)} characters; a plan has far fewer"
        return Trouble(TroubleKind.NO_PLAN, (fault,), text[:_LONGEST])
    value = _object_in(text)
    if value is None:
        return Trouble(TroubleKind.NO_JSON, ("the reply is not one JSON object",), text)
    return _checked(value, text, question, region_count, image_count)


def _written(value: Any) -> str:
    try:
        return json.dumps(value)
    except (TypeError, ValueError, RecursionError):
        return ""


def _object_in(text: str) -> dict[str, Any] | None:
    """The one JSON object of a text: all of it, or what stands between its first and its last brace."""
    start, end = text.find("{"), text.rfind("}")
    for candidate in (text, text[start : end + 1] if 0 <= start < end else ""):
        try:
            value = pydantic_core.from_json(candidate, allow_inf_nan=False)
        except ValueError:
            continue
        if isinstance(value, dict):
            return value
    return None


def _checked(value: dict[str, Any], text: str, question: str, region_count: int, image_count: int) -> Plan | Trouble:
    own = value.pop("question", question)
    if not isinstance(own, str) or " ".join(own.split()) != " ".join(question.split()):
        return Trouble(TroubleKind.NO_PLAN, ("`question` is not yours to change; leave it out",), text)
    try:
        # From JSON once more: there alone a strict reading takes names for the members of an enumeration.
        plan = Plan.model_validate_json(json.dumps({**value, "question": question}), strict=True)
    except ValidationError as error:
        return Trouble(TroubleKind.NO_PLAN, tuple(_faults(error)), text)
    if absent := [*_not_given(plan, region_count, image_count)]:
        return Trouble(TroubleKind.NOT_GIVEN, _first(absent), text)
    if wrong := [*_senseless(plan)]:
        return Trouble(TroubleKind.NO_PLAN, _first(wrong), text)
    reasons = plan.reasons or tuple(f"The chat model planned to {step.intent.value}." for step in plan.steps)
    return plan.model_copy(update={"reasons": reasons})


def _faults(error: ValidationError) -> Iterator[str]:
    """What pydantic found, without the values that it found it in."""
    details = error.errors(include_url=False, include_input=False, include_context=False)
    for detail in details[:_MOST_FAULTS]:
        parts = [str(part)[:60] for part in detail["loc"]]
        place = ".".join(part if part.isprintable() else ascii(part) for part in parts)
        yield f"{place}: {detail['msg']}"[:_LONGEST_FAULT]
    if len(details) > _MOST_FAULTS:
        yield f"and {len(details) - _MOST_FAULTS} more"


def _first(faults: list[str]) -> tuple[str, ...]:
    more = [f"and {len(faults) - _MOST_FAULTS} more"] if len(faults) > _MOST_FAULTS else []
    return tuple([fault[:_LONGEST_FAULT] for fault in faults[:_MOST_FAULTS]] + more)


def _not_given(plan: Plan, region_count: int, image_count: int) -> Iterator[str]:
    for number, step in enumerate(plan.steps):
        anchors = [one.anchor for one in step.filters]
        indices = [*step.regions, *(one for one in [*step.operands, *anchors] if isinstance(one, int))]
        for index in dict.fromkeys(indices):
            if index >= region_count:
                yield f"steps.{number} names region {index}, but {_given(region_count, 'region')}"
        if step.image is not None and step.image >= image_count:
            yield f"steps.{number} names picture {step.image}, but {_given(image_count, 'picture')}"


def _given(count: int, noun: str) -> str:
    if count < 2:
        return f"there is {noun} 0 alone" if count else f"there is no {noun}"
    return f"there are {count} {noun}s, counted from 0"


def _senseless(plan: Plan) -> Iterator[str]:
    """What the models let pass, but nobody could carry out."""
    for number, step in enumerate(plan.steps):
        for phrase in _phrases(step):
            if not _is_phrase(phrase):
                yield f"steps.{number}: {ascii(phrase)[:80]} is no noun phrase; use plain words of the question"
        if step.intent is Intent.REFER and not step.regions:
            yield f"steps.{number}: refer is about given regions; name them, or use ground, describe or list"
        if step.intent in {Intent.GROUND, Intent.EXIST} and not step.targets:
            yield f"steps.{number}: {step.intent.value} needs targets"
        if step.intent is Intent.RELATE and not (step.operands or step.regions):
            yield f"steps.{number}: relate needs operands"
        for text in (step.text, *(one.text for one in step.filters)):
            if text is not None and not (text.strip() and _is_printed(text)):
                yield f"steps.{number}: {ascii(text)[:80]} is no text to look for"
        if step.aspect in {Aspect.NEARER, Aspect.FARTHER} and len(step.operands) < 3:
            yield f"steps.{number}: {step.aspect.value} needs two operands or more, and last the one that they lie to"
        if step.intent is Intent.COMPARE and step.aspect is None:
            yield f"steps.{number}: compare needs an aspect"
        if step.operands and step.intent not in _OPERATED:
            yield f"steps.{number}: only relate and compare have operands; use targets"
        if step.relation is not None and step.intent is not Intent.RELATE:
            yield f"steps.{number}: only relate has a relation; use filters to narrow a target"
        if step.aspect is not None and step.intent is not Intent.COMPARE:
            yield f"steps.{number}: only compare has an aspect"
    if len(plan.reasons) not in {0, len(plan.steps)}:
        yield f"there are {len(plan.reasons)} reasons for {len(plan.steps)} steps; give one for each"
    for number, reason in enumerate(plan.reasons):
        if not reason.strip() or len(reason) > _LONGEST_REASON or not _is_printed(reason):
            yield f"reasons.{number} is no short sentence"


def _phrases(step: Step) -> Iterator[str]:
    yield from step.targets
    yield from (one for one in step.operands if isinstance(one, str))
    yield from (one.anchor for one in step.filters if isinstance(one.anchor, str))


def _is_phrase(text: str) -> bool:
    words = any(character.isalpha() for character in text)
    return words and text == text.strip() and _is_printed(text) and not _NO_WORDS.search(text)


def _is_printed(text: str) -> bool:
    """Whether there is nothing in it that cannot be seen: control and format characters, private ones, line ends."""
    return not any(unicodedata.category(one)[0] == "C" or unicodedata.category(one) in {"Zl", "Zp"} for one in text)
