"""One sample of training data, whatever file it came from: a picture and what is said about it.

Regions and boxes are in pixels of the original picture, texts hold placeholders: `<region1>` in a question is its first
region (as in `ferret.prompts`), `<box1>` in an answer is the first box, which belongs to the phrase in front of it. How
they are written, in which bins and with which tokens, is decided when a prompt is made.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from ferret.coordinates import box_to_bins, released_box_to_bins
from ferret.errors import TrainingError
from ferret.masks import BoolMask
from ferret.prompts import plain_text
from ferret.regions import Box, Region

_REGION = re.compile(r"<region(\d+)>")
_BOX = re.compile(r"<box(\d+)>")
_PLACEHOLDER = re.compile(r"<((?:region|box)\d+)>")


@dataclass(frozen=True)
class Turn:
    """A question and its answer.

    Attributes:
        question: text with `<region1>`, ...; regions that it does not name are appended when a prompt is made.
        answer: text with `<box1>`, ... behind the phrases that the boxes belong to.
        regions: what the question points at.
        within: for every region what its pixels are cut to in training, or None for nothing (ferret-spec 1.4: a point's
            window is cut to its object, a box to the object's mask). Empty means that no region is cut.
        boxes: what the answer finds.

    Raises:
        TrainingError: a placeholder has no region or box, or `within` is not as long as `regions`.
    """

    question: str
    answer: str
    regions: tuple[Region, ...] = ()
    within: tuple[Region | None, ...] = ()
    boxes: tuple[Box, ...] = ()

    def __post_init__(self) -> None:
        if self.within and len(self.within) != len(self.regions):
            raise TrainingError(f"{len(self.regions)} region(s) cannot be cut to {len(self.within)} shape(s)")
        for pattern, text, given in ((_REGION, self.question, self.regions), (_BOX, self.answer, self.boxes)):
            for match in pattern.finditer(text):
                if not 1 <= int(match[1]) <= len(given):
                    raise TrainingError(f"{match[0]} is named but {len(given)} of its kind are given")

    def answer_text(self, width: int, height: int, *, released: bool = False) -> str:
        """The answer as the model is to write it: every `<boxK>` is `[x1, y1, x2, y2]` in bins (ferret-spec 1.6).

        Args:
            width: pixels across of the picture.
            height: pixels down.
            released: write bins by the released rule.
        """
        to_bins = released_box_to_bins if released else box_to_bins

        def write(match: re.Match[str]) -> str:
            return f"[{', '.join(map(str, to_bins(self.boxes[int(match[1]) - 1], width, height)))}]"

        return _BOX.sub(write, self.answer)

    def region_mask(self, index: int, width: int, height: int, *, released: bool = False) -> BoolMask:
        """The pixels of a region that the sampler may look at: bool [height, width], cut to its `within`.

        Raises:
            RegionError: a mask is not of the picture's size, or is empty.
        """
        limit = self.within[index] if self.within else None
        if released:
            from ferret.processing import released_mask  # brings torch, which reading data does not need

            mask = released_mask(self.regions[index], width, height)
            return mask if limit is None else mask & released_mask(limit, width, height)
        mask = self.regions[index].to_mask(width, height)
        return mask if limit is None else mask & limit.to_mask(width, height)


@dataclass(frozen=True)
class Sample:
    """A picture and the turns of one conversation about it.

    Attributes:
        source: name of the reader, a key of `READERS`.
        id: what the file calls the record, as text; not unique over files.
        image: path of the picture; whether it is there shows when it is opened.
        size: (width, height) in pixels where the file tells it.
        turns: at least one.
    """

    source: str
    id: str
    image: Path
    size: tuple[int, int] | None
    turns: tuple[Turn, ...]


def source_text(text: str) -> str:
    """Text of a data file without effect on a prompt: brackets of control tokens and of our placeholders are gone."""
    while (plain := _PLACEHOLDER.sub(r"\1", plain_text(text))) != text:
        text = plain
    return text
