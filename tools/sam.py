"""The segmenter: from a box, a point or a free-form region to the mask of what lies there. Segment Anything.

    Segmenter().segment(image, [Box(10, 20, 90, 120), Point(40, 60)])      # the embedded weights
    Segmenter("sam_vit_b_01ec64.pth")                                      # a released checkpoint, by its file name

A box is a box prompt. A point asks for what lies under it: of the three masks that the model proposes, the one that it
trusts most, or the largest or smallest. Any other region asks with its box and with a point well inside, and takes of
the answers the one that agrees best with what was drawn. An image is encoded once and its embedding kept by content
hash; all boxes, and all points, of one image are decoded as one batch.

A small model sees a small object poorly, so weights may ask for a second look: an object that fills little of the
picture is cut out with its surroundings, enlarged, and segmented again, and every outline is drawn again along the
picture's edges (edges.py).
"""

from __future__ import annotations

import json
import os
import re
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ferret.errors import WeightsError
from ferret.images import image_hash
from ferret.regions import Box, Point, Region, Scribble
from tools.base import WEIGHTS_FOLDER, Instrument, Segment, ToolStatus, pick_device, weights_path

if TYPE_CHECKING:
    from segment_anything import SamPredictor
    from segment_anything.modeling import Sam
    from torch import Tensor


EMBEDDED = WEIGHTS_FOLDER / "sam.safetensors"
SUFFIXES = (".safetensors", ".pth", ".pt")
RELEASED = re.compile(r"sam_(vit_[blh])_?[^/]*\.(pth|pt|safetensors)\Z")
Granularity = Literal["best", "largest", "smallest"]

CACHED_IMAGES = 8
_PROMPTS_AT_ONCE = 64
_PIXELS_AT_ONCE = 32_000_000
"""Mask logits that are brought to full size at once; bounds the memory that many regions on a large image take."""
SMALL_ZOOM = 2.0
"""The second look of small models whose JSON says nothing of it."""
_ZOOM_BELOW = 0.5
"""Objects whose longer side is below this share of the picture's longer side get a second look."""


@dataclass(frozen=True, eq=False)
class Prompt:
    """One region as SAM takes it, in pixels of the image: a box, a point inside, or both for a free-form region."""

    box: tuple[float, float, float, float] | None
    point: tuple[float, float] | None
    drawn: NDArray[np.bool_] | None = None
    """What was drawn, bool [H, W], where the region is free-form."""
    stroke: bool = False
    """Whether `drawn` runs across the object, rather than covering it."""

    def within(self, left: int, top: int, right: int, bottom: int) -> Prompt:
        """The same prompt on a window of the image."""
        return Prompt(
            None
            if self.box is None
            else (self.box[0] - left, self.box[1] - top, self.box[2] - left, self.box[3] - top),
            None if self.point is None else (self.point[0] - left, self.point[1] - top),
            None if self.drawn is None else self.drawn[top:bottom, left:right],
            self.stroke,
        )


@dataclass
class LoadedSam:
    """A model with its predictor, and what its weights ask for."""

    predictor: SamPredictor
    zoom: float
    """Side of the window of a second look, in sides of the object; 0 for none."""


@dataclass(frozen=True)
class _Embedded:
    """What `SamPredictor` knows of an encoded image."""

    features: Tensor
    input_size: tuple[int, int]
    original_size: tuple[int, int]


class Segmenter(Instrument[LoadedSam]):
    """Outlines what a region points at.

    Args:
        weights: None for the embedded weights; else a `.safetensors` with its `.json` beside it (as training writes
            them) or a released checkpoint named `sam_vit_b*`, `sam_vit_l*` or `sam_vit_h*`.
        device: torch device, by default a GPU where there is one.
        zoom: None as the weights' JSON says (`SMALL_ZOOM` if it does not, none for released checkpoints), 0 gives
            the network's masks as they are, 2.0 takes a second look through a window of twice the object's size and
            draws outlines again along the picture's edges.

    Raises:
        WeightsError: no such file, or a name that does not tell which SAM it is.
    """

    name = "sam"

    def __init__(
        self, weights: str | os.PathLike[str] | None = None, *, device: str | None = None, zoom: float | None = None
    ) -> None:
        super().__init__()
        self.path = EMBEDDED if weights is None else weights_path(weights, SUFFIXES, "SAM")
        self._released = RELEASED.search(self.path.name)
        if weights is not None and self._released is None and not self.path.with_suffix(".json").is_file():
            raise WeightsError(
                f"{str(weights)!r} does not tell which SAM it is: name it sam_vit_b.pth (or _l, _h), "
                f"or put {self.path.with_suffix('.json').name} beside it"
            )
        self.device = device
        self._zoom = zoom
        self._cache: OrderedDict[str, _Embedded] = OrderedDict()

    def segment(
        self, image: Image.Image, regions: Sequence[Region], *, granularity: Granularity = "best"
    ) -> list[Segment]:
        """One mask per region, in the order given.

        Args:
            image: any size, RGB.
            regions: on this image, in its pixels; their `image` numbers are not looked at.
            granularity: which of its proposals answers a point.

        Raises:
            RegionError: a region is not on the image.
            ToolError: the weights cannot be loaded or the network fails.
        """
        rgb = image.convert("RGB")
        prompts = [to_prompt(region.checked(rgb.width, rgb.height), rgb.width, rgb.height) for region in regions]
        if not prompts:
            return []
        return self._run(lambda loaded: self._segment(loaded, rgb, prompts, granularity))

    def describe(self) -> ToolStatus:
        shown = "embedded" if self.path == EMBEDDED else str(self.path)
        remedy = "run 'ferret train sam', or give the path of a released sam_vit_b, sam_vit_l or sam_vit_h checkpoint"
        needed = [self.path] if self._released else [self.path, self.path.with_suffix(".json")]
        absent = [path.name for path in needed if not path.is_file()]
        if absent:
            return ToolStatus(self.name, False, shown, "", f"{' and '.join(absent)} in {self.path.parent}", remedy)
        kind = self._released.group(1) if self._released else "small"
        return ToolStatus(self.name, True, shown, f"outlines what a box, a point or any region shows ({kind} SAM)")

    def unload(self) -> None:
        with self._lock:
            super().unload()
            self._cache.clear()

    def _load(self) -> LoadedSam:
        from segment_anything import SamPredictor

        sam, zoom = _load_released(self.path, self._released.group(1)) if self._released else _load_ours(self.path)
        sam.to(pick_device(self.device)).eval()
        return LoadedSam(SamPredictor(sam), zoom if self._zoom is None else self._zoom)

    def _segment(
        self, loaded: LoadedSam, image: Image.Image, prompts: Sequence[Prompt], granularity: Granularity
    ) -> list[Segment]:
        from tools.edges import follow_edges

        pixels = np.asarray(image, dtype=np.uint8)
        self._use(loaded.predictor, image_hash(image), pixels)
        masks, scores = predict(loaded.predictor, prompts, granularity)
        segments = []
        for prompt, mask, score in zip(prompts, masks, scores, strict=True):
            if loaded.zoom > 0:
                mask, score = _look_again(loaded, pixels, prompt, mask, score, granularity)
                mask = follow_edges(pixels, mask)
            segments.append(_to_segment(prompt, mask, score, image.width, image.height))
        return segments

    def _use(self, predictor: SamPredictor, key: str, pixels: NDArray[np.uint8]) -> None:
        """Make `pixels` the predictor's image, from the cache where it is known."""
        known = self._cache.get(key)
        if known is None:
            predictor.set_image(pixels)
            known = _Embedded(predictor.features, predictor.input_size, predictor.original_size)
            self._cache[key] = known
            if len(self._cache) > CACHED_IMAGES:
                self._cache.popitem(last=False)
        self._cache.move_to_end(key)
        predictor.reset_image()
        predictor.features, predictor.input_size, predictor.original_size = (
            known.features,
            known.input_size,
            known.original_size,
        )
        predictor.is_image_set = True


def to_prompt(region: Region, width: int, height: int) -> Prompt:
    """What to ask SAM for a region: its point, its box, or both the box and the innermost point of a free-form one."""
    if isinstance(region, Point):
        return Prompt(None, (region.x, region.y))
    if isinstance(region, Box):
        return Prompt(region.coordinates, None)
    mask = region.to_mask(width, height)
    box = region.bounds(width, height).coordinates
    return Prompt(box, innermost_point(mask), mask, isinstance(region, Scribble))


def innermost_point(mask: NDArray[np.bool_]) -> tuple[float, float]:
    """The centre (x, y) of the pixel that lies farthest from the outside of a mask, bool [H, W], not empty."""
    import cv2

    padded = np.pad(mask.astype(np.uint8), 1)
    depth = cv2.distanceTransform(padded, cv2.DIST_L2, 5)[1:-1, 1:-1]
    y, x = np.unravel_index(int(np.argmax(depth)), depth.shape)
    return float(x) + 0.5, float(y) + 0.5


def predict(
    predictor: SamPredictor, prompts: Sequence[Prompt], granularity: Granularity
) -> tuple[list[NDArray[np.bool_]], list[float]]:
    """Masks bool [H, W] and predicted IoU for prompts on the predictor's image."""
    height, width = predictor.original_size
    at_once = int(np.clip(_PIXELS_AT_ONCE // max(1, height * width), 1, _PROMPTS_AT_ONCE))
    masks: list[NDArray[np.bool_]] = []
    scores: list[float] = []
    for start in range(0, len(prompts), at_once):
        found, sure = _predict_batch(predictor, prompts[start : start + at_once], granularity)
        masks.extend(found)
        scores.extend(float(score) for score in sure)
    return masks, scores


def _predict_batch(
    predictor: SamPredictor, prompts: Sequence[Prompt], granularity: Granularity
) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """One batch of prompts: masks bool [N, H, W], predicted IoU float32 [N]."""
    import torch

    model, size = predictor.model, predictor.original_size
    answers: list[list[tuple[Tensor, Tensor]]] = [[] for _ in prompts]
    with_box = [index for index, prompt in enumerate(prompts) if prompt.box is not None]
    with_point = [index for index, prompt in enumerate(prompts) if prompt.point is not None]
    if with_box:
        corners = np.array([prompts[index].box for index in with_box], dtype=np.float32)
        boxes = torch.as_tensor(predictor.transform.apply_boxes(corners, size)).float().to(model.device)
        _, sure, low = predictor.predict_torch(None, None, boxes, multimask_output=False)
        for row, index in enumerate(with_box):
            answers[index].append((low[row], sure[row]))
    if with_point:
        spots = np.array([[prompts[index].point] for index in with_point], dtype=np.float32)  # [N, 1, 2]
        points = torch.as_tensor(predictor.transform.apply_coords(spots, size)).float().to(model.device)
        labels = torch.ones(points.shape[:2], dtype=torch.int32, device=model.device)
        _, sure, low = predictor.predict_torch(points, labels, multimask_output=True)
        for row, index in enumerate(with_point):
            answers[index].append((low[row], sure[row]))
    chosen, scores = [], []
    for prompt, given in zip(prompts, answers, strict=True):
        logits, trust = torch.cat([low for low, _ in given]), torch.cat([sure for _, sure in given])  # [M, h, w], [M]
        found = (logits > model.mask_threshold).cpu().numpy()
        pick = choose(
            found, trust.float().cpu().numpy(), _seen(prompt, predictor, found.shape[1:]), prompt, granularity
        )
        chosen.append(logits[pick])
        scores.append(float(trust[pick]))
    full = model.postprocess_masks(torch.stack(chosen)[:, None], predictor.input_size, size)
    return (full[:, 0] > model.mask_threshold).cpu().numpy(), np.array(scores, dtype=np.float32)


def _seen(prompt: Prompt, predictor: SamPredictor, grid: tuple[int, ...]) -> NDArray[np.float32] | None:
    """What was drawn, as the share of it in each cell of the mask grid [h, w]."""
    import cv2

    if prompt.drawn is None:
        return None
    side = predictor.model.image_encoder.img_size
    height, width = (
        max(1, round(length * cells / side)) for length, cells in zip(predictor.input_size, grid, strict=True)
    )
    canvas = np.zeros(grid, dtype=np.float32)
    canvas[:height, :width] = cv2.resize(prompt.drawn.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
    return canvas


def choose(
    found: NDArray[np.bool_],
    trust: NDArray[np.float32],
    drawn: NDArray[np.float32] | None,
    prompt: Prompt,
    granularity: Granularity,
) -> int:
    """Which of a prompt's answers, bool [M, h, w] with predicted IoU [M], is the one: an empty one only if all are.

    For a free-form region the one that agrees with what was drawn, float [h, w]: by IoU with an area, by the share of a
    stroke that it covers times its predicted IoU. For a point by granularity.
    """
    areas = found.sum(axis=(1, 2))
    if drawn is not None:
        common = (found * drawn).sum(axis=(1, 2))
        total = drawn.sum()
        worth = common / max(total, 1e-9) * trust.clip(1e-3) if prompt.stroke else common / (areas + total - common)
    elif granularity == "best" or prompt.point is None:
        worth = trust
    else:
        worth = areas if granularity == "largest" else -areas
    return int(np.argmax(np.where(areas > 0, worth, -np.inf)))


def _look_again(
    loaded: LoadedSam,
    pixels: NDArray[np.uint8],
    prompt: Prompt,
    mask: NDArray[np.bool_],
    score: float,
    granularity: Granularity,
) -> tuple[NDArray[np.bool_], float]:
    """Segment a small object again on an enlarged cut-out; the first answer stays where it is large, or nothing
    better."""
    height, width = pixels.shape[:2]
    target = prompt.box
    if prompt.point is not None:  # the object may be larger than what was drawn on it
        if not mask.any():
            return mask, score
        seen = _box_of(mask)
        drawn = prompt.box or seen
        target = (min(seen[0], drawn[0]), min(seen[1], drawn[1]), max(seen[2], drawn[2]), max(seen[3], drawn[3]))
    assert target is not None  # a prompt has a box or a point
    side = max(target[2] - target[0], target[3] - target[1])
    if side >= _ZOOM_BELOW * max(height, width):
        return mask, score
    window = zoom_window(target, loaded.zoom, width, height)
    left, top, right, bottom = window
    predictor = loaded.predictor
    predictor.set_image(np.ascontiguousarray(pixels[top:bottom, left:right]))
    (near,), (sure,) = predict(predictor, [prompt.within(*window)], granularity)
    if not near.any():
        return mask, score
    whole = np.zeros((height, width), dtype=np.bool_)
    whole[top:bottom, left:right] = near
    return whole, sure


def zoom_window(
    target: tuple[float, float, float, float], factor: float, width: int, height: int
) -> tuple[int, int, int, int]:
    """A window `factor` times the longer side of `target` around its middle, moved to lie on the image: whole
    pixels."""
    side = max(32.0, factor * max(target[2] - target[0], target[3] - target[1]))
    spans = []
    for low, high, limit in ((target[0], target[2], width), (target[1], target[3], height)):
        length = min(limit, int(np.ceil(side)))
        start = int(np.clip(round((low + high) / 2 - length / 2), 0, limit - length))
        spans.append((start, start + length))
    (left, right), (top, bottom) = spans
    return left, top, right, bottom


def _to_segment(prompt: Prompt, mask: NDArray[np.bool_], score: float, width: int, height: int) -> Segment:
    if mask.any():
        return Segment(mask, float(np.clip(score, 0.0, 1.0)), Box(*_box_of(mask)))
    if prompt.box is not None:
        return Segment(mask, 0.0, Box(*prompt.box))
    assert prompt.point is not None  # a prompt has one or the other
    return Segment(mask, 0.0, Point(*prompt.point).bounds(width, height))


def _box_of(mask: NDArray[np.bool_]) -> tuple[float, float, float, float]:
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)


def _load_ours(path: Path) -> tuple[Sam, float]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from tools.sam_model import SamShape, build_sam

    source = path.with_suffix(".json")
    try:
        values: dict[str, Any] = json.loads(source.read_text())
        zoom = float(values.get("zoom", SMALL_ZOOM))
        sam = build_sam(SamShape.from_dict(values))
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise WeightsError(f"{source} does not describe a SAM: {error}") from error
    try:
        sam.load_state_dict(load_file(path))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise WeightsError(f"{path} does not hold the SAM that its JSON describes: {error}") from error
    return sam, zoom


def _load_released(path: Path, kind: str) -> tuple[Sam, float]:
    """A released checkpoint by its kind; `weights_only`, hence tensors and no code."""
    import torch
    from safetensors.torch import load_file
    from segment_anything import sam_model_registry

    try:
        state = (
            load_file(path)
            if path.suffix == ".safetensors"
            else torch.load(path, map_location="cpu", weights_only=True)
        )
        sam: Sam = sam_model_registry[kind]()
        sam.load_state_dict(state)
    except Exception as error:  # the unpickler raises whatever a crafted file makes it raise
        raise WeightsError(f"{path} is no checkpoint of SAM {kind}: {error}") from error
    return sam, 0.0
