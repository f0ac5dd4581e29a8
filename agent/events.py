"""What happens while a question is answered, as typed events: `VisionAgent.stream` yields them in order.

The last event of a turn is always `AnswerReady`.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from agent.answers import Answer, Source


class _Event(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PlanReady(_Event):
    """The question is understood: the steps that answer it, as JSON of `agent.intents.Step`."""

    kind: Literal["plan"] = "plan"
    steps: list[dict[str, Any]]


class ToolStarted(_Event):
    """An instrument begins to look at a picture (counted from 0)."""

    kind: Literal["tool_started"] = "tool_started"
    tool: str
    image: int


class ToolFinished(_Event):
    """An instrument has looked: what it saw in a few words, in how many seconds, or why it failed."""

    kind: Literal["tool_finished"] = "tool_finished"
    tool: str
    image: int
    summary: str
    seconds: float
    error: str | None = None


class RegionFound(_Event):
    """A thing that passed the checks. `box` is in pixels of the original."""

    kind: Literal["region"] = "region"
    image: int
    label: str
    box: list[float]
    score: float
    source: Source


class AnswerReady(_Event):
    """The answer."""

    kind: Literal["answer"] = "answer"
    answer: Answer


Event = PlanReady | ToolStarted | ToolFinished | RegionFound | AnswerReady

_READER: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="kind")])


def read_event(value: Any) -> Event:
    """The event that a node of the graph wrote as JSON."""
    return _READER.validate_python(value)
