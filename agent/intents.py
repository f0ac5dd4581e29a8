"""What a question asks for, as data: a plan is a short, closed list of typed steps.

A plan is made from words alone and is fixed before any pixel is read; nothing that stands in a picture can add to it.
The models refuse what no planner may write: unknown intents, negative indices, endless lists.
"""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

# The bounds of a plan. A question that names more than this is cut, never refused.
MAX_STEPS = 8
MAX_TARGETS = 32
MAX_REGIONS = 256
MAX_FILTERS = 16
MAX_NTH = 20
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
    NEARER = "nearer"
    """Which is nearer to the last operand, which is not compared itself."""
    FARTHER = "farther"


RegionIndex = Annotated[int, Field(ge=0)]
NounPhrase = Annotated[str, Field(min_length=1, max_length=300)]
Text = Annotated[str, Field(min_length=1, max_length=300)]
Operand = RegionIndex | NounPhrase
# "one": a single thing, the most likely; "all": every one; a number: so many of them.
Quantity = Literal["one", "all"] | Annotated[int, Field(ge=2, le=MAX_NUMBER)]


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Granularity(StrEnum):
    """How much of what lies under a point is meant."""

    PART = "part"
    WHOLE = "whole"
    GROUP = "group"


class Order(StrEnum):
    """By what things are put in order, so that the first, or the n-th, of them is meant."""

    LARGEST = "largest"
    SMALLEST = "smallest"
    LEFTMOST = "leftmost"
    RIGHTMOST = "rightmost"
    HIGHEST = "highest"
    LOWEST = "lowest"
    NEAREST = "nearest"
    FARTHEST = "farthest"


class Colour(StrEnum):
    """The basic colour terms of English (Berlin and Kay)."""

    RED = "red"
    ORANGE = "orange"
    YELLOW = "yellow"
    GREEN = "green"
    BLUE = "blue"
    PURPLE = "purple"
    PINK = "pink"
    BROWN = "brown"
    BLACK = "black"
    WHITE = "white"
    GREY = "grey"


# Relations that mean a half of the picture when nothing else is named: "the apples on the left".
HALVES = frozenset({Relation.LEFT, Relation.RIGHT, Relation.ABOVE, Relation.BELOW})


class Filter(_Closed):
    """Which of the things that a phrase names are meant: by how they lie, by an order, by their colour, by what stands
    on them, or all others.

    `of` is the phrase that it narrows: a target or an operand of the step as it stands there, or the anchor of another
    filter of the step ("the sign nearest the dog that is left of the tree"). Exactly one of these is set:

    - `relation`: those that lie so to the `anchor`, a noun phrase or a region index; left, right, above and below
      without an anchor mean that half of the picture. `negated`: those that do not.
    - `order`: the `nth` in that order, or as many from there on as the quantity of the step says. Nearest and farthest
      are measured from the `anchor`.
    - `colour`: those that are mostly of that colour. `negated`: those that are not.
    - `text`: those that say so, in words of the question; case, spaces and marks do not matter. `negated`: those that
      do not, whatever else stands on them.
    - `others`: those that are something else than the `anchor`; all of them where there is no such thing.
    """

    of: NounPhrase
    relation: Relation | None = None
    order: Order | None = None
    colour: Colour | None = None
    text: Text | None = None
    others: bool = False
    anchor: Operand | None = None
    nth: Annotated[int, Field(ge=1, le=MAX_NTH)] = 1
    negated: bool = False

    @model_validator(mode="after")
    def _one_way(self) -> "Filter":
        if sum(way is not None for way in (self.relation, self.order, self.colour, self.text)) + self.others != 1:
            raise ValueError("a filter has exactly one of relation, order, colour, text and others")
        if self.order in {Order.NEAREST, Order.FARTHEST} and self.anchor is None:
            raise ValueError(f"{self.order} of what? name its anchor")
        if self.relation is not None and self.relation not in HALVES and self.anchor is None:
            raise ValueError(f"{self.relation} what? name its anchor")
        if self.others and self.anchor is None:
            raise ValueError("others than what? name the anchor")
        alone = self.colour is not None or self.text is not None
        if self.anchor is not None and (alone or self.order not in {None, Order.NEAREST, Order.FARTHEST}):
            raise ValueError("only a relation, nearest, farthest and others have an anchor")
        if self.nth > 1 and self.order is None:
            raise ValueError("only an order has an n-th")
        if self.negated and (self.order is not None or self.others):
            raise ValueError("an order cannot be negated, nor can others")
        if self.anchor == self.of:
            raise ValueError("a thing cannot be its own anchor")
        return self


class Step(_Closed):
    """One thing to do.

    `targets` are noun phrases as the question has them, without article and number word ("red apple", "t rex"); a
    lexicon gives them names. `regions` are 0-based indices into the regions given with the question: what is asked
    about, or where to look. `operands` (relate and compare only) are the things set against each other in the order of
    the question, each a noun phrase or a region index:

    - relate, no relation: how do the operands lie to each other; one operand: where is it in the picture;
    - relate, relation, two operands: is the first so to the second;
    - relate, relation, one operand: what is so to it ("What is left of the dog?"), with `yes_no` whether anything is
      ("Is anything near the dog?"); but with left, right, above or below, whether it is in that part of the picture
      ("Is the dog on the left?");
    - compare, no operands: which of all things (or of all `targets`) is the extreme one in `aspect`;
    - compare, nearer or farther: the last operand is what the others are nearer to, or farther from.

    `text` (read only) is what is looked for: whether it stands there (`yes_no`), or where; case, spaces and marks do
    not matter.

    `granularity` (points and strokes only) first makes the region that is meant of a mark: a part, the whole thing or a
    group, as the segmenter sees it. `filters` narrow what targets, operands and anchors name, those of one phrase in
    their order. A target in general, "object" or "thing", stands for whatever is there. `image` is the 0-based picture
    that the step is about; None: every picture.
    """

    intent: Intent
    targets: Annotated[tuple[NounPhrase, ...], Field(max_length=MAX_TARGETS)] = ()
    regions: Annotated[tuple[RegionIndex, ...], Field(max_length=MAX_REGIONS)] = ()
    operands: Annotated[tuple[Operand, ...], Field(max_length=MAX_TARGETS)] = ()
    relation: Relation | None = None
    aspect: Aspect | None = None
    text: Text | None = None
    quantity: Quantity = "one"
    yes_no: bool = False
    wants_coordinates: bool = False
    image: Annotated[int, Field(ge=0)] | None = 0
    granularity: Granularity | None = None
    filters: Annotated[tuple[Filter, ...], Field(max_length=MAX_FILTERS)] = ()

    @model_validator(mode="after")
    def _filters_narrow_something(self) -> "Step":
        phrases = {*self.targets, *self.operands, *(one.anchor for one in self.filters)}
        for one in self.filters:
            if one.of not in phrases:
                raise ValueError(f"a filter narrows {one.of!r}, which is no target, operand or anchor of the step")
        if self.text is not None and self.intent is not Intent.READ:
            raise ValueError("only what is read is looked for as a text")
        return self

    def filters_of(self, phrase: Operand) -> tuple[Filter, ...]:
        """The filters that narrow a phrase, in order."""
        return tuple(one for one in self.filters if one.of == phrase)

    @property
    def tells_by_text(self) -> bool:
        """Whether a filter tells things by what stands on them, which somebody has to read."""
        return any(one.text is not None for one in self.filters)


def asks_what_lies_so(step: Step) -> bool:
    """Whether a step that relates asks what, or whether anything, lies so to its one operand; not where that is."""
    lies = step.intent is Intent.RELATE and step.relation is not None and len(step.operands) == 1
    return lies and not (step.yes_no and step.relation in HALVES)


class Plan(_Closed):
    """The question and the steps that answer it, in order; `reasons` says of each why it is there."""

    question: str
    steps: Annotated[tuple[Step, ...], Field(min_length=1, max_length=MAX_STEPS)]
    reasons: Annotated[tuple[str, ...], Field(max_length=MAX_STEPS)] = ()

    @property
    def intents(self) -> tuple[Intent, ...]:
        """The intents of the steps, in order."""
        return tuple(step.intent for step in self.steps)
