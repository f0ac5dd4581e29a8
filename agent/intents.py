"""What a question asks for, as data: a plan is a short, closed list of typed steps.

A plan is made from words alone and is fixed before any pixel is read; nothing that stands in a picture can add to it.
The models refuse what no planner may write: unknown intents, negative indices, endless lists.
"""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

# The bounds of a plan. A question that names more than this is cut, never refused.
MAX_STEPS = 8
MAX_TARGETS = 32
MAX_REGIONS = 256
MAX_NUMBER = 999


class Intent(StrEnum):
    """The kinds of question."""

    REFER = "refer"
    """Regions in, names out: "What is <region1>?". With targets, a yes or no: "Is <region1> a dog?"."""
    GROUND = "ground"
    """Words in, regions out: "Where is the dog?"."""
    DESCRIBE = "describe"
    """Prose about the picture, about regions, or about the things that the targets name."""
    LIST = "list"
    """Every thing that is there, or every thing of the kinds that the targets name ("animals")."""
    COUNT = "count"
    """How many of each target there are; how many things at all when there is no target."""
    EXIST = "exist"
    """Whether each target is there."""
    RELATE = "relate"
    """How two operands lie to each other, or (with a relation) whether they lie so; see `Step.operands`."""
    READ = "read"
    """What text stands in the picture, in regions, or on the things that the targets name."""
    SEGMENT = "segment"
    """Masks of targets, of regions, or of everything."""
    COMPARE = "compare"
    """How operands differ in `Step.aspect`: kind, size, number."""


class Relation(StrEnum):
    """How the first operand lies to the second."""

    LEFT = "left of"
    RIGHT = "right of"
    ABOVE = "above"
    BELOW = "below"
    INSIDE = "inside"
    ON = "on"
    NEAR = "near"
    FRONT = "in front of"
    BEHIND = "behind"
    OVERLAPPING = "overlapping"

    @property
    def inverse(self) -> "Relation | None":
        """What the second operand is to the first; None where language has no single word for it."""
        return _INVERSE.get(self)


_INVERSE = {
    Relation.LEFT: Relation.RIGHT,
    Relation.RIGHT: Relation.LEFT,
    Relation.ABOVE: Relation.BELOW,
    Relation.BELOW: Relation.ABOVE,
    Relation.FRONT: Relation.BEHIND,
    Relation.BEHIND: Relation.FRONT,
    Relation.NEAR: Relation.NEAR,
    Relation.OVERLAPPING: Relation.OVERLAPPING,
    Relation.ON: Relation.BELOW,
}


class Aspect(StrEnum):
    """In what operands are compared."""

    KIND = "kind"
    """Whether they are the same kind of thing."""
    DIFFERENCE = "difference"
    """How, or whether, they differ."""
    LARGER = "larger"
    SMALLER = "smaller"
    MORE = "more"
    FEWER = "fewer"


RegionIndex = Annotated[int, Field(ge=0)]
NounPhrase = Annotated[str, Field(min_length=1, max_length=300)]
Operand = RegionIndex | NounPhrase
# "one": a single thing, the most likely; "all": every one; a number: so many of them.
Quantity = Literal["one", "all"] | Annotated[int, Field(ge=2, le=MAX_NUMBER)]


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Step(_Closed):
    """One thing to do.

    `targets` are noun phrases as the question has them, without article and number word ("red apple", "t rex"); a
    lexicon gives them names. `regions` are 0-based indices into the regions given with the question: what is asked
    about, or where to look. `operands` (relate and compare only) are the things set against each other in the order of
    the question, each a noun phrase or a region index:

    - relate, no relation: how do the operands lie to each other; one operand: where is it in the picture;
    - relate, relation, two operands: is the first so to the second;
    - relate, relation, one operand: what is so to it ("What is left of the dog?"), or, with `yes_no`, is it in that
      part of the picture ("Is the dog on the left?");
    - compare, no operands: which of all things (or of all `targets`) is the extreme one in `aspect`.

    `image` is the 0-based picture that the step is about; None: every picture.
    """

    intent: Intent
    targets: Annotated[tuple[NounPhrase, ...], Field(max_length=MAX_TARGETS)] = ()
    regions: Annotated[tuple[RegionIndex, ...], Field(max_length=MAX_REGIONS)] = ()
    operands: Annotated[tuple[Operand, ...], Field(max_length=MAX_TARGETS)] = ()
    relation: Relation | None = None
    aspect: Aspect | None = None
    quantity: Quantity = "one"
    yes_no: bool = False
    wants_coordinates: bool = False
    image: Annotated[int, Field(ge=0)] | None = 0


class Plan(_Closed):
    """The question and the steps that answer it, in order."""

    question: str
    steps: Annotated[tuple[Step, ...], Field(min_length=1, max_length=MAX_STEPS)]

    @property
    def intents(self) -> tuple[Intent, ...]:
        """The intents of the steps, in order."""
        return tuple(step.intent for step in self.steps)
