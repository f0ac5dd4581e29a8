"""What happens while a question is answered, as typed events: `VisionAgent.stream` yields them in order.

    plan, then tool_started / tool_finished, token and region as they come, then text piece by piece, then answer

`Token` is what Ferret says, while it says it: its replies to the questions that the plan and the checks ask,
coordinates included. They are what the answer is made from, not the answer: a reply that fails the checks never gets
into it. The prose of the answer is composed after the checks, all at once; `TextPiece` hands it out phrase by phrase
with the regions of each, so that it can be shown in colour as it comes. The last event of a turn is `AnswerReady`; of
one in which the person has to choose, `ChoiceNeeded`, and the turn goes on with the reply.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from agent.answers import Answer, Source


class _Event(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PlanReady(_Event):
    """The question is understood: the steps that answer it, as JSON of `agent.intents.Step`, and why each is there."""

    kind: Literal["plan"] = "plan"
    steps: list[dict[str, Any]]
    reasons: list[str] = []


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


class Token(_Event):
    """The next piece of one of Ferret's replies, as it is generated; several may grow side by side.

    `image` and `question` are what Ferret was asked, `boxes` the boxes (pixels) around the regions of that question, or
    around what a point is taken to mean; together they tell which reply the piece belongs to. Coordinates are as Ferret
    wrote them, of what it was shown: the picture, or what lies around a small region. Only `stream` and `astream`
    listen for these.
    """

    kind: Literal["token"] = "token"
    image: int
    question: str
    boxes: list[list[float]]
    text: str


class RegionFound(_Event):
    """A thing that passed the checks. `box` is in pixels of the original."""

    kind: Literal["region"] = "region"
    image: int
    label: str
    box: list[float]
    score: float
    source: Source


class TextPiece(_Event):
    """The next piece of the answer's prose; `regions` are the ids of the answer's regions that it names, if any.

    The pieces joined are `Answer.text`.
    """

    kind: Literal["text"] = "text"
    text: str
    regions: list[int] = []


class ChoiceNeeded(_Event):
    """The person has to say which one is meant: the turn waits for `AgentThread.reply`.

    `choice.text` asks, its regions are the choices, labelled with their numbers from 1 on; `choice.save` draws them.
    `note` says what was wrong with the reply before, if one was.
    """

    kind: Literal["choice"] = "choice"
    choice: Answer
    note: str | None = None


class AnswerReady(_Event):
    """The answer."""

    kind: Literal["answer"] = "answer"
    answer: Answer


Event = PlanReady | ToolStarted | ToolFinished | Token | RegionFound | TextPiece | ChoiceNeeded | AnswerReady

_READER: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="kind")])


def read_event(value: Any) -> Event:
    """The event that a node of the graph wrote as JSON."""
    return _READER.validate_python(value)


def text_pieces(answer: Answer) -> Iterator[TextPiece]:
    """The prose of an answer cut where its spans begin and end."""
    cuts = sorted({0, len(answer.text), *(edge for span in answer.spans for edge in (span.start, span.end))})
    for start, end in pairwise(cuts):
        named = [span.regions for span in answer.spans if span.start <= start and end <= span.end]
        regions = list(dict.fromkeys(region for regions in named for region in regions))
        yield TextPiece(text=answer.text[start:end], regions=regions)
