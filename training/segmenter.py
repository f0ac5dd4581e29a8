"""Trains the embedded SAM: segment_anything's own modules, small, on scenes whose masks are exact.

Boxes and clicks are drawn on the objects of each picture and decoded in one batch. At first the loss is balanced
between object and background (plain focal loss answers "all background" for hundreds of steps at this size), later it
is the paper's focal and dice loss. An ambiguous click may be answered by any of three masks; only the best one learns,
and the predicted quality follows the measured one, as in the paper (Kirillov et al. 2023, appendix A).

Command: `ferret train sam`.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from tools.sam_model import SamShape, build_sam, decode_prompts
from training.art import load_art
from training.detector import WEIGHTS
from training.loop import Draw
from training.scenes import Scene, SceneMaker, SceneSettings

PROMPTS = 6  # a picture
WARM_UP = 0.15  # the share of the run with the balanced loss
NEAR = 0.7  # the share of pictures that look as the second, enlarged look at a small object does


@dataclass
class SegmentTask:
    """A `training.loop.Task`; box prompts use the single-mask output, clicks the three others."""

    shape: SamShape = field(default_factory=SamShape)
    weights: Path = WEIGHTS
    settings: SceneSettings = field(
        default_factory=lambda: SceneSettings(objects=(2, 9), side=(256, 256), scale=(0.1, 0.7), sign=0.15)
    )
    near: SceneSettings = field(
        default_factory=lambda: SceneSettings(objects=(1, 4), side=(256, 256), scale=(0.25, 0.65), sign=0.1)
    )

    def setup(self, device: torch.device) -> nn.Module:
        self._maker = SceneMaker(load_art("train"))
        self._device = device
        self._sam: Any = build_sam(self.shape).to(device)
        module: nn.Module = self._sam.train()
        return module

    def batch(self, draw: Draw) -> dict[str, Tensor]:
        rng = np.random.default_rng(draw.seed)
        side = self.shape.image_size
        small = side // self.shape.patch * 4  # what the decoder gives
        images, sizes, index, coordinates, labels, masks = [], [], [], [], [], []
        for i in range(draw.size):
            settings = self.near if rng.random() < NEAR else self.settings
            scene = self._maker.make(int(rng.integers(1 << 40)), settings)
            height, width = scene.ids.shape
            images.append(cv2.copyMakeBorder(scene.image, 0, side - height, 0, side - width, cv2.BORDER_CONSTANT))
            sizes.append((height, width))
            for _ in range(PROMPTS if scene.objects else 0):
                number = int(rng.integers(len(scene.objects)))
                corners, kinds = draw_prompt(scene, number, rng)
                mask = np.zeros((side, side), np.float32)
                mask[:height, :width] = scene.mask(number)
                index.append(i)
                coordinates.append(corners)
                labels.append(kinds)
                masks.append(cv2.resize(mask, (small, small), interpolation=cv2.INTER_AREA))
        pixels = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float()
        return {
            "pixels": pixels, "sizes": torch.tensor(sizes), "index": torch.tensor(index),
            "coordinates": torch.from_numpy(np.array(coordinates, np.float32)),
            "labels": torch.from_numpy(np.array(labels)), "masks": torch.from_numpy(np.stack(masks)),
        }  # fmt: skip

    def loss(self, batch: Any, progress: float) -> tuple[Tensor, dict[str, float]]:
        batch = {name: value.to(self._device, non_blocking=True) for name, value in batch.items()}
        sam = self._sam
        normal = (batch["pixels"] - sam.pixel_mean) / sam.pixel_std
        # The released model normalises before it pads, so its padding is exactly zero.
        side = torch.arange(normal.shape[-1], device=self._device)
        rows, columns = side < batch["sizes"][:, :1], side < batch["sizes"][:, 1:]
        embeddings = sam.image_encoder(normal * (rows[:, None, :, None] & columns[:, None, None, :]))
        sparse = embed_prompts(sam, batch["coordinates"], batch["labels"])
        blank = sam.prompt_encoder.no_mask_embed.weight.reshape(1, -1, 1, 1)
        dense = blank.expand(len(sparse), -1, *embeddings.shape[-2:])
        logits, quality = decode_prompts(sam, embeddings, sparse, dense, batch["index"])
        logits, quality = logits.float(), quality.float()
        target = batch["masks"][:, None].expand_as(logits)
        losses = mask_loss(logits, target, balanced=progress < WARM_UP)  # [N, 4]
        is_box = batch["labels"][:, 0] == 2
        best = torch.where(is_box, 0, 1 + losses[:, 1:].detach().argmin(-1))
        chosen = losses.gather(-1, best[:, None]).squeeze(-1)
        with torch.no_grad():
            hit, truth = logits > 0, target > 0.5
            iou = (hit & truth).flatten(2).sum(-1) / (hit | truth).flatten(2).sum(-1).clamp(min=1)
        single = torch.arange(logits.shape[1], device=self._device) == 0
        answers = (is_box[:, None] == single).float()  # which outputs answer a prompt of this kind
        quality_loss = ((quality - iou).square() * answers).sum() / answers.sum()
        mean = iou.gather(-1, best[:, None]).squeeze(-1)
        return chosen.mean() + quality_loss, {
            "box_iou": float(mean[is_box].mean()) if is_box.any() else 0.0,
            "point_iou": float(mean[~is_box].mean()) if (~is_box).any() else 0.0,
            "quality": float(quality_loss.detach()),
        }

    def learning_rate(self, name: str) -> float:
        return 0.0 if "positional_encoding" in name else 1.0

    def finish(self, module: nn.Module, folder: Path) -> None:
        del folder
        self.weights.mkdir(parents=True, exist_ok=True)
        state = {k: v.half() if v.is_floating_point() else v for k, v in module.state_dict().items()}
        save_file({k: v.cpu().contiguous() for k, v in state.items()}, self.weights / "sam.safetensors")
        (self.weights / "sam.json").write_text(json.dumps(self.shape.to_dict(), indent=1) + "\n")


def draw_prompt(scene: Scene, number: int, rng: np.random.Generator) -> tuple[np.ndarray, tuple[int, int]]:
    """A box (a little off) or a click on object `number`: two coordinates float [2, 2] and their kinds.

    Kinds are SAM's: 2 and 3 for the corners of a box, 1 for a click, -1 for the padding that follows it.
    """
    height, width = scene.ids.shape
    x1, y1, x2, y2 = scene.objects[number].box
    if rng.random() < 0.6:
        size = np.array([x2 - x1, y2 - y1, x2 - x1, y2 - y1])
        box = np.array([x1, y1, x2, y2]) + rng.normal(0, 0.04, 4).clip(-0.1, 0.1) * size * (rng.random() < 0.8)
        return np.clip(box, 0, [width, height, width, height]).reshape(2, 2) + 0.0, (2, 3)
    rows, columns = np.nonzero(scene.mask(number))
    pick = int(rng.integers(len(rows)))
    return np.array([[columns[pick] + 0.5, rows[pick] + 0.5], [0.0, 0.0]]), (1, -1)  # the pixel's middle


def embed_prompts(sam: Any, coordinates: Tensor, labels: Tensor) -> Tensor:
    """Prompt tokens float [N, 2, C] of boxes and clicks mixed in one batch; the same as `sam.prompt_encoder`'s."""
    encoder = sam.prompt_encoder
    embedding = encoder.pe_layer.forward_with_coords(coordinates + 0.5, encoder.input_image_size)
    padding = (labels == -1).unsqueeze(-1)
    embedding = torch.where(padding, encoder.not_a_point_embed.weight.expand_as(embedding), embedding)
    for kind, layer in ((1, 1), (2, 2), (3, 3)):  # click, first corner, second corner
        mine = (labels == kind).unsqueeze(-1)
        embedding = embedding + mine * encoder.point_embeddings[layer].weight
    return embedding  # type: ignore[no-any-return]


def mask_loss(logits: Tensor, target: Tensor, balanced: bool) -> Tensor:
    """Loss per mask [N, M] from logits and soft targets [N, M, h, w]: dice plus balanced or focal cross-entropy."""
    entropy = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    probability = logits.sigmoid()
    if balanced:
        inside = target.flatten(2).mean(-1).clamp(0.005, 0.995)[..., None, None]
        pixel = (entropy * torch.where(target > 0.5, 0.5 / inside, 0.5 / (1 - inside))).flatten(2).mean(-1)
    else:
        missed = (target - probability).abs()
        inside = target.flatten(2).mean(-1).clamp(min=0.005)
        pixel = (entropy * missed.square()).flatten(2).mean(-1) / inside  # focal, as strong for small objects
    shared = 2 * (probability * target).flatten(2).sum(-1) + 1
    dice = 1 - shared / (probability.flatten(2).sum(-1) + target.flatten(2).sum(-1) + 1)
    return pixel + dice
