"""A chat model that says what it is told to, for the tests of planning; and the question that it is mostly asked."""

import json
from itertools import chain, repeat
from typing import Any

from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, BaseMessage
from pydantic import Field

from agent.chat_planner import ChatPlanner
from agent.intents import Plan
from agent.lexicon import Lexicon

NAMES = Lexicon(("dog", "apple", "sign", "tree"))
QUESTION = "Where is the dog, and what is <region1>?"
GOOD: dict[str, Any] = {
    "steps": [{"intent": "ground", "targets": ["dog"]}, {"intent": "refer", "regions": [0]}],
    "reasons": ["It asks where the dog is.", "It asks what the region shows."],
}


class Scripted(GenericFakeChatModel):
    """Says what it is told to, raises what is an exception, calls what is a function, and keeps what it was asked."""

    asked: list[list[BaseMessage]] = Field(default_factory=list)

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> Any:
        self.asked.append(messages)
        said = next(self.messages)
        if callable(said):
            said = said()
        if isinstance(said, BaseException):
            raise said
        self.messages = chain([said], self.messages)
        return super()._generate(messages, *args, **kwargs)


def scripted(*says: Any, forever: bool = False) -> Any:
    """A chat model of these replies; `forever` repeats the last of them."""
    return Scripted(messages=chain(says, repeat(says[-1])) if forever else iter(says))


def plan_by(model: Any, question: str = QUESTION, regions: int = 1, images: int = 1, seconds: float = 5.0) -> Plan:
    return ChatPlanner(model, seconds=seconds).plan(question, regions, images, NAMES)


def steps(*fields: dict[str, Any]) -> str:
    return json.dumps({"steps": list(fields)})


def call(name: str, args: Any) -> AIMessage:
    return AIMessage("", tool_calls=[{"name": name, "args": args, "id": "1", "type": "tool_call"}])


class CodedError(Exception):
    """An error as the clients of servers raise them, with everything in it that must not be passed on."""

    status_code = 401

    def __str__(self) -> str:
        return "Incorrect API key provided: sk-secret at http://10.0.0.7"
