"""How a question is put to the model: conversation templates and regions written into text.

A template says how the turns of a conversation become one string; the released ones are functional constants (a
checkpoint answers well only to the form it was trained on; ferret-spec 1.7 and 6). A region is written as its bins and
the region token, `[x, y] <region_fea>` for a point and `[x1, y1, x2, y2] <region_fea>` for everything else, whose
bounding box it is. In a question `<region1>` stands for the first region given.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType

from ferret.coordinates import box_to_bins, point_to_bins, released_box_to_bins, released_point_to_bins
from ferret.errors import RegionError, RequestError
from ferret.regions import Point, Region

IMAGE_TOKEN = "<image>"
"""Where the image stands in a prompt."""

REGION_TOKEN = "<region_fea>"
"""Where the features of a region stand in a prompt."""

BOS_TOKEN = "<s>"
EOS_TOKEN = "</s>"
PAD_TOKEN = "<pad>"
UNK_TOKEN = "<unk>"

_SYSTEM = (
    "A chat between a human and an AI that understands visuals. In images, [x, y] denotes points: top-left [0, 0], "
    "bottom-right [width-1, height-1]. Increasing x moves right; y moves down. Bounding box: [x1, y1, x2, y2]. "
    "Image size: 1000x1000. Follow instructions."
)


@dataclass(frozen=True)
class ConversationTemplate:
    """How turns become text: `begin`, then for every exchange `user` + question, `assistant` + answer.

    Attributes:
        name: what configurations call it.
        begin: everything before the first turn.
        user: text before and after a question.
        assistant: what opens the model's turn; an open prompt ends with it.
        answer: text before and after a finished answer.
        stop: what ends an answer when it is generated.
        released_coordinates: whether regions are written by the released rule (see `ferret.coordinates`).
    """

    name: str
    begin: str
    user: tuple[str, str]
    assistant: str
    answer: tuple[str, str]
    stop: str
    released_coordinates: bool

    def render(self, turns: Sequence[str | None]) -> str:
        """Write a conversation: question, answer, question, ...; an answer of None leaves the prompt open.

        Raises:
            ValueError: a question is None, or a turn follows an open answer.
        """
        text = self.begin
        for index, turn in enumerate(turns):
            if index % 2 == 0:
                if turn is None:
                    raise ValueError(f"turn {index} is a question and cannot be None")
                text += self.user[0] + turn + self.user[1]
            elif turn is not None:
                text += self.assistant + self.answer[0] + turn + self.answer[1]
            elif index != len(turns) - 1:
                raise ValueError(f"turn {index} is open, but a turn follows it")
            else:
                text += self.assistant
        return text

    def prompt(self, question: str, *, images: int = 1) -> str:
        """An open prompt of one question about images, which stand before it."""
        return self.render([f"{IMAGE_TOKEN}\n" * images + question, None])


def _vicuna(name: str, begin: str, *, released: bool) -> ConversationTemplate:
    return ConversationTemplate(
        name=name,
        begin=begin,
        user=("USER: ", " "),
        assistant="ASSISTANT:",
        answer=(" ", EOS_TOKEN),
        stop=EOS_TOKEN,
        released_coordinates=released,
    )


TEMPLATES = MappingProxyType(
    {
        template.name: template
        for template in (
            # The blank that ends the released system text is real: two stand before the first USER.
            _vicuna("ferret_v1", _SYSTEM + "  ", released=True),
            _vicuna("ferret_vicuna_v1", _SYSTEM + " ", released=True),
            _vicuna("ferret_nano", "", released=False),
            ConversationTemplate(
                name="ferret_llama_3",
                begin=f"<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\n{_SYSTEM}<|eot_id|>",
                user=("<|start_header_id|>user<|end_header_id|>\n\n", "<|eot_id|>"),
                assistant="<|start_header_id|>assistant<|end_header_id|>\n\n",
                answer=("", "<|eot_id|>"),
                stop="<|eot_id|>",
                released_coordinates=True,
            ),
            ConversationTemplate(
                name="ferret_gemma_instruct",
                begin=_SYSTEM,
                user=("<start_of_turn>user\n", "<end_of_turn>\n"),
                assistant="<start_of_turn>model\n",
                answer=("", "<end_of_turn>\n<eos>"),
                stop="<end_of_turn>",
                released_coordinates=True,
            ),
        )
    }
)
"""The templates by name: two of Ferret v1 and Ferret-UI over Vicuna, ours, and Ferret-UI over Llama 3 and Gemma."""


def get_template(name: str) -> ConversationTemplate:
    """The template of that name.

    Raises:
        RequestError: there is none.
    """
    try:
        return TEMPLATES[name]
    except KeyError:
        raise RequestError(f"unknown conversation template {name!r}: choose one of {', '.join(TEMPLATES)}") from None


@dataclass(frozen=True)
class ReferringText:
    """A question with its regions written in.

    `order` lists, for every region token from left to right, the position of its region among those given.
    """

    text: str
    order: tuple[int, ...]


_PLACEHOLDER = re.compile(r"<region(\d+)>")
_CONTROL = re.compile(r"<(/?s|pad|unk|bos|eos|image|region_fea|start_of_turn|end_of_turn)>|<\|(\w+)\|>")


def plain_text(text: str) -> str:
    """Text of a person with the brackets of control tokens taken off, so that it cannot open an image or end a turn.

    Brackets within brackets go as well: what is left of "<<s>>" must not be "<s>".
    """
    while (plain := _CONTROL.sub(lambda match: (match[1] or match[2]).strip("/"), text)) != text:
        text = plain
    return text


def region_text(region: Region, width: int, height: int, *, released: bool = False) -> str:
    """A region as it stands in a prompt: its bins and the region token, in an image of width x height pixels."""
    if isinstance(region, Point):
        bins: tuple[int, ...] = (released_point_to_bins if released else point_to_bins)(region, width, height)
    else:
        bounds = region.bounds(width, height)
        bins = (released_box_to_bins if released else box_to_bins)(bounds, width, height)
    return f"[{', '.join(map(str, bins))}] {REGION_TOKEN}"


def place_regions(
    question: str,
    regions: Sequence[Region],
    sizes: Sequence[tuple[int, int]],
    *,
    released: bool = False,
) -> ReferringText:
    """Write regions into a question: `<regionK>` becomes the K-th, those not named are appended in order.

    Args:
        question: the words of a person; control tokens in them lose their effect.
        regions: the regions given.
        sizes: (width, height) of each image that a region's `image` may name.
        released: write bins by the released rule.

    Raises:
        RegionError: the question names a region that was not given, or a region an image that was not.
    """
    written = []
    for number, region in enumerate(regions, start=1):
        if not 0 <= region.image < len(sizes):
            raise RegionError(
                f"region {number} lies on image {region.image + 1} but {len(sizes)} image(s) were given: "
                "give that image or another region"
            )
        written.append(region_text(region, *sizes[region.image], released=released))
    order: list[int] = []

    def place(match: re.Match[str]) -> str:
        number = int(match[1])
        if not 1 <= number <= len(regions):
            raise RegionError(
                f"the question names {match[0]} but {len(regions)} region(s) were given: "
                "regions are counted from 1; give that region or change the question"
            )
        order.append(number - 1)
        return written[number - 1]

    text = _PLACEHOLDER.sub(place, plain_text(question))
    for index, words in enumerate(written):
        if index not in order:
            text = f"{text} {words}" if text else words
            order.append(index)
    return ReferringText(text, tuple(order))
