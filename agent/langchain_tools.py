"""Every instrument, Ferret and the whole assistant as LangChain tools, for anybody's agent.

    tools = langchain_tools()                       # detect, read_text, segment, refer, ground, ask
    model.bind_tools(tools)

A picture is a file's path, or the id of one that a thread has stored; regions are specs such as "box:10,20,90,120", in
pixels of the original. Results are JSON: boxes [x1, y1, x2, y2] in pixels, masks as COCO RLE. What is wrong with a call
is a `ToolException` with the message of our own error; a model that made the call gets that message as the result.
Nothing is loaded before a tool is used.
"""

import re
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any

from langchain_core.tools import StructuredTool, ToolException
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agent import asking
from agent.artifacts import ArtifactStore
from agent.asking import Ask, ask_ferret
from agent.assistant import VisionAgent
from agent.context import Context
from agent.request import prepare
from agent.settings import Thresholds
from agent.state import region_from_json
from ferret.errors import FerretError
from ferret.regions import Box, Region, encode_rle

if TYPE_CHECKING:
    from PIL.Image import Image

Json = dict[str, Any]

_STORED = re.compile(r"image-[0-9a-f]{64}")

Picture = Annotated[
    str, Field(description="The picture: the path of a local file, or the id of a stored one (image-...).")
]
Spec = Annotated[
    str,
    Field(
        description="A region in pixels of the original picture, origin at its top left: point:X,Y or box:X1,Y1,X2,Y2 "
        "or polygon:X1,Y1,X2,Y2,X3,Y3,... or scribble:X1,Y1,X2,Y2,... or mask:FILE.png."
    ),
]


class _Arguments(BaseModel):
    model_config = ConfigDict(extra="forbid")


class DetectArguments(_Arguments):
    image: Picture
    min_score: Annotated[float, Field(ge=0.0, le=1.0, description="Leave out what is less certain than this.")] = (
        Thresholds().listed
    )


class ReadArguments(_Arguments):
    image: Picture
    region: Annotated[str | None, Field(description="Read only here (a region such as box:X1,Y1,X2,Y2).")] = None


class SegmentArguments(_Arguments):
    image: Picture
    regions: Annotated[list[Spec], Field(min_length=1, description="What to cut out, one mask for each.")]


class ReferArguments(_Arguments):
    image: Picture
    region: Spec


class GroundArguments(_Arguments):
    image: Picture
    thing: Annotated[str, Field(min_length=1, description="What to look for, in the singular, such as 'red apple'.")]


class AskArguments(_Arguments):
    question: Annotated[str, Field(description="A question; <region1> in it names the first region.")]
    images: Annotated[list[Picture], Field(min_length=1, description="One or more pictures.")]
    regions: Annotated[
        list[Spec], Field(description="Regions that the question is about; @2 at the end: on the second picture.")
    ] = []


def langchain_tools(agent: VisionAgent | None = None) -> list[StructuredTool]:
    """The tools over one agent's models (default: the embedded ones), each loaded when a tool first needs it."""
    return _Tools(agent or VisionAgent()).all()


class _Tools:
    def __init__(self, agent: VisionAgent) -> None:
        self.agent = agent

    def all(self) -> list[StructuredTool]:
        return [
            _tool(self.detect, DetectArguments),
            _tool(self.read_text, ReadArguments),
            _tool(self.segment, SegmentArguments),
            _tool(self.refer, ReferArguments),
            _tool(self.ground, GroundArguments),
            _tool(self.ask, AskArguments),
        ]

    def detect(self, image: str, min_score: float = Thresholds().listed) -> Json:
        """Find the objects in a picture that the detector knows: their names, scores (0 to 1) and boxes."""
        picture, _ = self._open(image)
        found = self.agent.instruments.detector.detect(picture)
        objects = [one for one in found if one.score >= min_score]
        return {
            "objects": [
                {"label": one.label, "score": float(one.score), "box": _corners(one.box)} for one in objects
            ]
        }

    def read_text(self, image: str, region: str | None = None) -> Json:
        """Read the text in a picture, or in one region of it: lines in reading order with scores and boxes."""
        picture, regions = self._open(image, *([region] if region is not None else []))
        where = regions[0].bounds(*picture.size) if regions else None
        lines = self.agent.instruments.reader.read(picture, where)
        return {"lines": [{"text": one.text, "score": float(one.score), "box": _corners(one.box)} for one in lines]}

    def segment(self, image: str, regions: list[str]) -> Json:
        """Cut out what lies at each region: masks as COCO RLE with the box around each and an estimated score."""
        picture, parsed = self._open(image, *regions)
        segments = self.agent.instruments.segmenter.segment(picture, parsed)
        return {
            "segments": [
                {"mask": dict(encode_rle(one.mask)), "box": _corners(one.box), "score": float(one.score)}
                for one in segments
            ]
        }

    def refer(self, image: str, region: str) -> Json:
        """Ask Ferret what is in a region of a picture: its words, and how sure of them it is (0 to 1)."""
        picture, (parsed,) = self._open(image, region)
        return self._said(asking.refer("refer", parsed), picture)

    def ground(self, image: str, thing: str) -> Json:
        """Ask Ferret where all things of a name are: its words with their boxes, and how sure of them it is (0 to 1).

        It is not checked by anything here; `ask` checks what it finds.
        """
        picture, _ = self._open(image)
        return self._said(asking.ground("ground", 0, thing, every=True), picture)

    def ask(self, question: str, images: list[str], regions: list[str] | None = None) -> Json:
        """Ask a question about pictures and get an answer whose phrases are linked to regions, checked by several
        instruments: what something is, where things are, whether there are any, how many, what is written, how things
        lie to one another, their outlines. The answer's status is answered, not_found or unsure.
        """
        answer = self.agent.ask(question, [self._source(image) for image in images], regions=regions or [])
        return answer.model_dump(mode="json")

    def _said(self, ask: Ask, picture: "Image") -> Json:
        context = Context(self.agent.instruments, ArtifactStore(), self.agent.thresholds, self.agent.limits)
        reply = ask_ferret([ask], [picture], context)[ask.key]
        return {"text": reply.text, "confidence": reply.confidence, "boxes": [list(box) for box in reply.boxes]}

    def _open(self, image: str, *specs: str) -> "tuple[Image, list[Region]]":
        """The picture and the regions on it, both checked."""
        artifacts = ArtifactStore()
        request = prepare(asking.DESCRIBE, [self._source(image)], specs, artifacts, self.agent.limits)
        return artifacts.image(request["images"][0]), [
            region_from_json(one, artifacts) for one in request["regions"] if isinstance(one, dict)
        ]

    def _source(self, image: str) -> "Image | str":
        return self.agent.threads.artifacts.image(image) if _STORED.fullmatch(image) else image


def _tool(work: Callable[..., Json], arguments: type[_Arguments]) -> StructuredTool:
    @wraps(work)
    def run(**given: Any) -> Json:
        try:
            return work(**given)
        except FerretError as error:
            raise ToolException(str(error)) from error

    return StructuredTool.from_function(
        run,
        name=work.__name__,
        description=" ".join((work.__doc__ or "").split()),
        args_schema=arguments,
        infer_schema=False,
        handle_tool_error=True,
        handle_validation_error=_explained,
    )


def _explained(error: Any) -> str:
    """What is wrong with the arguments of a call, for the model that made it."""
    if not isinstance(error, ValidationError):
        return str(error)
    wrong = [f"{'.'.join(map(str, one['loc'])) or 'arguments'}: {one['msg']}" for one in error.errors()]
    return f"the call is wrong: {'; '.join(wrong)}"


def _corners(box: Box) -> list[float]:
    return [float(value) for value in box.coordinates]
