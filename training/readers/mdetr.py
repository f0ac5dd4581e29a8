"""The JSON that MDETR made of RefCOCO, RefCOCO+, RefCOCOg and Flickr30k Entities, as far as all who read it agree.

Each entry of `images` is a text (`caption`) about one picture, each of `annotations` a box [x, y, width, height] of the
text `image_id`. Readers of training data and the benchmarks' protocols stand on it alike; what they make of a box that
reaches beyond its picture, or of a comma, they decide themselves.
"""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from ferret.errors import TrainingError
from training.readers.records import Four, PicturePath, Record, Side, Words, spoken

Span = tuple[int, int]
"""Where a phrase stands in its sentence: from character, to character."""

SpanList = Annotated[list[int], Field(min_length=2, max_length=2)]


class Captioned(Record):
    """The picture of an entry of `images`; sizes are text in files that were made from a set's XML."""

    id: int
    file_name: PicturePath
    width: Side
    height: Side

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.width, self.height


class Expression(Captioned):
    """What is said of one object."""

    caption: Words


class Sentence(Captioned):
    """A sentence whose phrases have boxes."""

    caption: Annotated[str, Field(min_length=1)]  # as it stands, since spans count its characters


class Target(Record):
    """The box of the expression `image_id`."""

    image_id: int
    bbox: Four


class Entity(Target):
    """A box and the phrases of the sentence `image_id` that it belongs to."""

    tokens_positive: list[SpanList] = Field(min_length=1)


def location_question(expression: str) -> str:
    """How the released model is asked where an expression's object is (ferret-spec 3)."""
    return f"What is the location of {expression} in the image?"


def locations_question(phrases: Sequence[str]) -> str:
    """How the released model is asked for the boxes of all phrases of a sentence (ferret-spec 4)."""
    return f"What are the locations of {', '.join(phrases)}?"


def span_in(caption: str, start: int, end: int) -> Span:
    """The span of a phrase that has words.

    Raises:
        TrainingError: it does not lie in the sentence, or holds no words.
    """
    if not 0 <= start < end <= len(caption):
        raise TrainingError(f"span [{start}, {end}] does not lie in a sentence of {len(caption)} characters")
    spoken(caption[start:end])
    return start, end
