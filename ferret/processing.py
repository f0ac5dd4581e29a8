"""The processor: pictures, prompts and regions to what the model takes, and answers back to boxes.

One prompt is text in which `<image>` stands for a picture and every `<region_fea>` for a region (`ferret.prompts`
writes such text). The processor warps the pictures, gives each picture its tokens, and draws from each region's mask
the points at which the sampler reads the picture's features. The draw is seeded per region, so the same region gives
the same points whatever else is in the batch (the released code draws unseeded; ferret-spec 1.2).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from transformers import AutoImageProcessor, AutoProcessor, BatchFeature
from transformers.processing_utils import ProcessorMixin

from ferret.configuration import FerretConfig
from ferret.errors import RegionError, RequestError
from ferret.image_processing import FerretImageProcessor
from ferret.images import ImageSource, load_image
from ferret.masks import BoolMask
from ferret.parsing import ParsedAnswer, parse_answer
from ferret.prompts import IMAGE_TOKEN, REGION_TOKEN, ConversationTemplate, get_template, place_regions
from ferret.regions import Box, Region
from ferret.sampler import sample_points

RELEASED_IMAGE_TOKEN_ID = -200
"""What stands for an image token in the ids of released checkpoints, whose vocabulary has none."""


class FerretProcessor(ProcessorMixin):
    """Image processor and tokenizer as one, for `FerretForConditionalGeneration`.

    Args:
        image_processor: a `FerretImageProcessor`, or any image processor that warps to a fixed size.
        tokenizer: a tokenizer that has `<region_fea>` (see `ferret.tokenization`).
        template: name of the conversation template in `ferret.prompts`.
        num_image_tokens: tokens that a picture takes in the prompt.
        num_region_points: points drawn from each region, P.
        region_seed: seed of that draw, the same for every region.
    """

    def __init__(
        self,
        image_processor: Any = None,
        tokenizer: Any = None,
        template: str = "ferret_v1",
        num_image_tokens: int = 576,
        num_region_points: int = 512,
        region_seed: int = 0,
        chat_template: Any = None,
    ) -> None:
        self.template = get_template(template).name
        self.num_image_tokens = num_image_tokens
        self.num_region_points = num_region_points
        self.region_seed = region_seed
        initialise: Any = super().__init__  # transformers leaves it without annotations
        initialise(image_processor, tokenizer, chat_template=chat_template)
        self.image_token_id = self._id_of(IMAGE_TOKEN, RELEASED_IMAGE_TOKEN_ID)
        self.region_token_id = self._id_of(REGION_TOKEN, None)

    def _id_of(self, token: str, otherwise: int | None) -> int:
        index = self.tokenizer.get_vocab().get(token, otherwise)
        if index is None:
            raise RequestError(
                f"the tokenizer has no {token!r} token: add ferret.tokenization.special_token({token!r})"
            )
        return int(index)

    @property
    def conversation(self) -> ConversationTemplate:
        """The conversation template."""
        return get_template(self.template)

    @property
    def model_input_names(self) -> list[str]:
        """Names of what `__call__` may return."""
        return ["input_ids", "attention_mask", "pixel_values", "region_points", "region_image_index"]

    def __call__(
        self,
        images: ImageSource | Sequence[ImageSource] | Sequence[Sequence[ImageSource]] | None = None,
        text: str | Sequence[str] | None = None,
        regions: Sequence[Region] | Sequence[Sequence[Region]] | None = None,
        sizes: Sequence[tuple[int, int]] | None = None,
        *,
        padding_side: str | None = None,
        return_tensors: str = "pt",
        **kwargs: Any,
    ) -> BatchFeature:
        """Prepare prompts for the model.

        Args:
            images: the pictures in the order of the `<image>` in the prompts; one, a list, or a list for each prompt.
                None if the model already holds their features; then `sizes` is needed for regions.
            text: one prompt or B prompts.
            regions: the regions of the prompt in the order of its `<region_fea>`, for B prompts a list for each; a
                region's `image` counts the images of its own prompt.
            sizes: (width, height) of the original of every picture, if the pictures given have another size than the
                originals that regions speak of.
            padding_side: "left" or "right", otherwise the tokenizer's; generation over prompts of several lengths
                needs "left".
            return_tensors: "pt" for torch tensors, "np" for arrays.
            **kwargs: for the image processor.

        Returns:
            `input_ids` and `attention_mask` int64 [B, L] (a picture takes `num_image_tokens` times `image_token_id`);
            `pixel_values` float32 [N, 3, H, W] of the N pictures; `region_points` float32 [R, P, 2], pixel indices over
            the picture's size, (x / W, y / H); `region_image_index` int64 [R], which of the N pictures. What was not
            given is left out.

        Raises:
            RequestError: nothing was given, or the prompts name another number of pictures than were given.
            RegionError: a prompt names another number of regions than were given, or a region is malformed or lies
                outside its picture.
            ImageError: a picture cannot be read.
        """
        if images is None and text is None:
            raise RequestError("nothing to process: give images, text or both")
        data: dict[str, Any] = {}
        pictures = None if images is None else [load_image(source) for source in _flat(images)]
        if pictures is not None and sizes is None:
            sizes = [picture.size for picture in pictures]
        if text is not None:
            prompts = [text] if isinstance(text, str) else list(text)
            per_prompt = _per_prompt(regions, isinstance(text, str), len(prompts))
            self._check_counts(prompts, per_prompt, None if sizes is None else len(sizes))
            data |= self._pad([self.tokenize(prompt) for prompt in prompts], padding_side)
            if any(per_prompt):
                data |= self._region_inputs(prompts, per_prompt, sizes)
        elif regions is not None:
            raise RegionError("regions were given without text: put them into a prompt, see ferret.prompts")
        if pictures is not None:
            data["pixel_values"] = self.image_processor(pictures, return_tensors="pt", **kwargs)["pixel_values"]
        if return_tensors != "pt":
            data = {name: value.numpy() for name, value in data.items()}
        return BatchFeature(data, tensor_type=return_tensors)

    def tokenize(self, prompt: str) -> list[int]:
        """Ids of one prompt: the text around pictures is tokenised piece by piece (ferret-spec 1.8), led by the
        beginning-of-sequence token where the tokenizer has one, and each picture takes its tokens."""
        ids: list[int] = [] if self.tokenizer.bos_token_id is None else [self.tokenizer.bos_token_id]
        for index, piece in enumerate(prompt.split(IMAGE_TOKEN)):
            if index:
                ids += [self.image_token_id] * self.num_image_tokens
            ids += self.tokenizer(piece, add_special_tokens=False)["input_ids"]
        return ids

    def refer(
        self, question: str, regions: Sequence[Region] = (), sizes: Sequence[tuple[int, int]] = ()
    ) -> tuple[str, tuple[Region, ...]]:
        """Write regions into a question by the template's rule; see `ferret.prompts.place_regions`.

        Returns:
            The question for `conversation.prompt`, and the regions in the order of its region tokens.
        """
        placed = place_regions(question, regions, sizes, released=self.conversation.released_coordinates)
        return placed.text, tuple(regions[index] for index in placed.order)

    def region_points(self, region: Region, width: int, height: int) -> torch.Tensor:
        """The points at which a region's features are read: float32 [P, 2], (x / width, y / height).

        Raises:
            RegionError: the region is malformed or lies outside an image of that size.
        """
        checked = region.checked(width, height)
        released = self.conversation.released_coordinates
        mask = released_mask(checked, width, height) if released else checked.to_mask(width, height)
        generator = torch.Generator().manual_seed(self.region_seed)
        points: torch.Tensor = sample_points(mask, self.num_region_points, generator)
        return points

    def post_process_grounding(self, text: str, size: tuple[int, int], *, image: int = 0) -> ParsedAnswer:
        """Take a generated answer apart: prose, phrases and boxes in pixels of an image of `size` (width, height)."""
        return parse_answer(text, *size, image=image)

    def _check_counts(self, prompts: list[str], regions: list[list[Region]], images: int | None) -> None:
        named = sum(prompt.count(IMAGE_TOKEN) for prompt in prompts)
        if images is not None and named != images:
            raise RequestError(
                f"the text names {named} image(s) by {IMAGE_TOKEN!r} but {images} were given: give one for each"
            )
        for index, (prompt, given) in enumerate(zip(prompts, regions, strict=True)):
            if prompt.count(REGION_TOKEN) != len(given):
                raise RegionError(
                    f"prompt {index} names {prompt.count(REGION_TOKEN)} region(s) by {REGION_TOKEN!r} but {len(given)} "
                    "were given: give one for each, in the same order"
                )

    def _pad(self, rows: list[list[int]], padding_side: str | None) -> dict[str, torch.Tensor]:
        side = padding_side or self.tokenizer.padding_side
        pad = self.tokenizer.pad_token_id if self.tokenizer.pad_token_id is not None else 0
        length = max(map(len, rows), default=0)
        ids = torch.full((len(rows), length), pad, dtype=torch.int64)
        mask = torch.zeros((len(rows), length), dtype=torch.int64)
        for index, row in enumerate(rows):
            place = slice(length - len(row), length) if side == "left" else slice(0, len(row))
            ids[index, place] = torch.tensor(row, dtype=torch.int64)
            mask[index, place] = 1
        return {"input_ids": ids, "attention_mask": mask}

    def _region_inputs(
        self, prompts: list[str], regions: list[list[Region]], sizes: Sequence[tuple[int, int]] | None
    ) -> dict[str, torch.Tensor]:
        if sizes is None:
            raise RegionError("regions were given without images: give the images, or their sizes")
        points, indices = [], []
        first = 0  # position among all pictures of the prompt's first one
        for prompt, given in zip(prompts, regions, strict=True):
            count = prompt.count(IMAGE_TOKEN)
            for region in given:
                if not 0 <= region.image < count:
                    raise RegionError(
                        f"a region lies on image {region.image + 1} but its prompt has {count} image(s): "
                        "give that image or another region"
                    )
                width, height = sizes[first + region.image]
                points.append(self.region_points(region, width, height))
                indices.append(first + region.image)
            first += count
        return {"region_points": torch.stack(points), "region_image_index": torch.tensor(indices, dtype=torch.int64)}


def released_mask(region: Region, width: int, height: int) -> BoolMask:
    """The mask of a region by the released rule, bool [height, width]: a box takes in the pixels of both its corners
    (ferret-spec 1.4), everything else is as `Region.to_mask` has it."""
    if not isinstance(region, Box):
        return region.to_mask(width, height)
    mask = np.zeros((height, width), dtype=np.bool_)
    left, top = min(int(region.x1), width - 1), min(int(region.y1), height - 1)
    mask[top : int(region.y2) + 1, left : int(region.x2) + 1] = True
    return mask


def _flat(images: Any) -> list[ImageSource]:
    """Pictures out of one, a list or a list of lists."""
    if isinstance(images, str | Path | bytes | Image.Image | np.ndarray):
        return [images]
    return [picture for entry in images for picture in _flat(entry)]


def _per_prompt(regions: Any, single: bool, prompts: int) -> list[list[Region]]:
    """The regions of each prompt."""
    if regions is None:
        return [[] for _ in range(prompts)]
    nested = [list(regions)] if single else [list(entry) for entry in regions]
    if len(nested) != prompts:
        raise RegionError(
            f"regions were given for {len(nested)} prompt(s) but there are {prompts}: give a list for each"
        )
    return nested


_auto_processor: Any = AutoProcessor  # its methods have no annotations
AutoImageProcessor.register(FerretConfig, image_processor_classes={"pil": FerretImageProcessor}, exist_ok=True)
_auto_processor.register(FerretConfig, FerretProcessor, exist_ok=True)
