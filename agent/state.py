"""The graph's state: plain JSON and artifact ids, nothing else, so that every checkpoint of a thread stays small.

Regions travel as JSON (`region_to_json`), pixels and masks as ids of the artifact store. What one turn gathers is reset
when the next begins; what a thread remembers (its pictures, its last answer) simply stays in its channel.
"""

from collections.abc import Sequence
from typing import Annotated, Any

from typing_extensions import TypedDict

from agent.artifacts import ArtifactStore
from ferret.errors import RequestError
from ferret.regions import Box, Mask, Point, Polygon, Region, Scribble

Json = dict[str, Any]


def gathered(old: Sequence[Json] | None, new: Sequence[Json] | None) -> list[Json]:
    """Reducer of what instruments write side by side: appended, and emptied by writing None at the start of a turn."""
    return [] if new is None else [*(old or ()), *new]


class AskInput(TypedDict, total=False):
    """What a caller of the graph gives: a question, pictures, regions.

    `images` are artifact ids or paths (left out: the thread's pictures), `regions` are specs such as "box:10,20,90,120"
    or the JSON of `region_to_json`.
    """

    question: str
    images: list[str]
    regions: list[str | Json]
    # Whether the person may be asked which one is meant (`agent.clarifying`); it takes a thread.
    asks_back: bool


class AskOutput(TypedDict, total=False):
    """What the graph gives back: the answer object as JSON."""

    answer: Json


class State(TypedDict, total=False):
    """Everything between question and answer."""

    question: str
    images: list[str]
    regions: list[Any]
    asks_back: bool
    # What the turns before left to refer back to (`agent.memory`).
    memory: Json
    plan: Json
    # One entry per look of an instrument: {"tool", "image", "key", "summary", "seconds", "artifact", "error"}.
    observations: Annotated[list[Json], gathered]
    # What Ferret said, one entry per question that it was asked.
    replies: list[Json]
    # What the checks left, one entry per step of the plan.
    findings: list[Json]
    started: float
    answer: Json


class Look(TypedDict):
    """One use of one instrument, as `Send` hands it to the perceive node."""

    tool: str
    image: int
    artifact: str
    regions: list[Json]
    key: str


def region_to_json(region: Region, artifacts: ArtifactStore) -> Json:
    """A region as plain JSON; a mask's pixels go to the artifact store."""
    match region:
        case Point():
            return {"kind": "point", "image": region.image, "numbers": [region.x, region.y]}
        case Box():
            return {"kind": "box", "image": region.image, "numbers": [region.x1, region.y1, region.x2, region.y2]}
        case Polygon() | Scribble():
            kind = "polygon" if isinstance(region, Polygon) else "scribble"
            return {
                "kind": kind,
                "image": region.image,
                "numbers": [value for point in region.points for value in point],
            }
        case Mask():
            return {"kind": "mask", "image": region.image, "artifact": artifacts.put_mask(region.array)}


def region_from_json(value: Json, artifacts: ArtifactStore) -> Region:
    """The region that `region_to_json` wrote; `RequestError` when it is none."""
    try:
        kind, image = value["kind"], value["image"]
        if kind == "mask":
            return Mask(artifacts.mask(value["artifact"]), image=image)
        numbers = [float(number) for number in value["numbers"]]
        points = tuple(zip(numbers[::2], numbers[1::2], strict=True))
        if kind == "point":
            return Point(*numbers, image=image)
        if kind == "box":
            return Box(*numbers, image=image)
        if kind == "polygon":
            return Polygon(points, image=image)
        if kind == "scribble":
            return Scribble(points, image=image)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RequestError(f"{value!r} is not a region; give one such as 'box:10,20,90,120'") from error
    raise RequestError(f"{value!r} is a region of unknown kind {kind!r}; use point, box, polygon, scribble or mask")
