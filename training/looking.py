"""The first stage of ferret-nano: learning to look, before any word is spoken.

A small language model cannot teach an encoder from scratch: the prototype named nothing after thousands of pictures.
So the encoder first learns from dense labels, and every vector that the language model will later see is already
compared with the *word embeddings* of the names (the language model's own, learned along): each fine cell, each image
token and each pointed-at region has to lie near the mean embedding of its object's name, and cells and image tokens
also have to give away their object's box. What is thrown away afterwards is the head
of the cells; that of the tokens stays in the projector.

Command: `ferret train nano`, whose first stage this is.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from ferret.modeling import FerretForConditionalGeneration
from training.art import load_art
from training.loop import Draw
from training.nano import CELLS, MERGE, WORD_LENGTH, name_tokens, new_nano, plural_tokens, to_model_size, to_pixels
from training.scenes import Scene, SceneMaker, SceneSettings, category_names

SHARPNESS = 8.0 / WORD_LENGTH  # so that features about as long as word embeddings can be certain
BACKGROUND_WEIGHT = 0.05
EASY = 0.8  # the share of the run with large objects, mostly upright and in their own colours: names come first
PLAIN = 0.06 / WORD_LENGTH**2  # how much it costs a vector to hold anything but its name
PLURAL = 0.4  # how much a plural, which nothing was compared with, begins to differ from the word that it is of
BLOCKS = CELLS // MERGE
POINTS = 128


class Looker(nn.Module):
    """ferret-nano and the heads that teach it to look."""

    def __init__(self, model: FerretForConditionalGeneration) -> None:
        super().__init__()
        self.model = model
        config: Any = model.config
        vision, text = config.vision_config.hidden_size, config.text_config.hidden_size
        self.cell_name, self.cell_box = nn.Linear(vision, text), nn.Linear(vision, 4)
        self.background = nn.Parameter(torch.randn(1, text) * 0.06)
        with torch.no_grad():  # features begin about as long as word embeddings, so that nothing is certain yet
            for layer in (self.cell_name, model.model.projector.layers[0], model.model.region_sampler.output):
                layer.weight.mul_(0.1)
        ids, weights = name_tokens()
        self.register_buffer("name_ids", ids, persistent=False)
        self.register_buffer("name_weights", weights, persistent=False)

    def names(self) -> Tensor:
        """Unit vectors of all category names and of the background, float32 [K + 1, D]."""
        names = name_vectors(self.model, cast(Tensor, self.name_ids), cast(Tensor, self.name_weights))
        return torch.cat([names, functional.normalize(self.background.float(), dim=-1)])

    def forward(self, pixels: Tensor, points: Tensor, image_index: Tensor) -> tuple[Tensor, ...]:
        """Name logits and boxes of cells [N, 784, .] and tokens [N, 49, .], name logits of regions [R, K + 1], and the
        length of tokens and regions (see `length`)."""
        model = self.model.model
        cells = model.vision_tower(pixels).last_hidden_state
        tokens = model.projector.project(cells, model.config.feature_grid)
        regions = model.get_region_features(cells, points, image_index)
        names = self.names()
        # Unit names but free features: the length of a feature says how sure it is, and gradients stay strong from the
        # first step on, which a cosine with a bounded temperature does not give.
        cell_names = self.cell_name(cells).float() @ names.T * SHARPNESS
        token_names = tokens.float() @ names.T * SHARPNESS
        region_names = regions.float() @ names[:-1].T * SHARPNESS
        token_boxes = model.projector.box(tokens).float()
        return (
            cell_names, self.cell_box(cells).float(), token_names, token_boxes, region_names,
            length(tokens) + length(regions),
        )  # fmt: skip


@dataclass
class LookTask:
    """A `training.loop.Task`: crowded scenes, every label that they offer."""

    output: Path = Path("runs/nano-look/look.safetensors")
    early: SceneSettings = field(
        default_factory=lambda: SceneSettings(
            objects=(5, 11), side=(224, 240), scale=(0.2, 0.5), sign=0.1, restyle=0.35, turned=0.3
        )
    )
    late: SceneSettings = field(
        default_factory=lambda: SceneSettings(objects=(2, 13), side=(224, 320), scale=(0.09, 0.5), sign=0.15)
    )

    def setup(self, device: torch.device) -> nn.Module:
        self._maker = SceneMaker(load_art("train"))
        self._device = device
        self._background = len(category_names(load_art("train")))
        self._looker = Looker(new_nano()).to(device)
        return self._looker.train()

    def batch(self, draw: Draw) -> dict[str, Tensor]:
        rng = np.random.default_rng(draw.seed)
        settings = self.early if draw.progress < EASY else self.late
        images, names, boxes, points, index, categories = [], [], [], [], [], []
        for i in range(draw.size):
            scene = self._maker.make(int(rng.integers(1 << 40)), settings)
            images.append(to_model_size(scene.image))
            cell_names, cell_boxes = cell_labels(scene, self._background)
            names.append(cell_names)
            boxes.append(cell_boxes)
            for number, item in enumerate(scene.objects):
                points.append(region_points(scene, number, rng))
                index.append(i)
                categories.append(item.category)
        return {
            "pixels": to_pixels(images),
            "names": torch.from_numpy(np.stack(names)),
            "boxes": torch.from_numpy(np.stack(boxes)),
            "points": torch.from_numpy(np.stack(points)),
            "index": torch.tensor(index),
            "categories": torch.tensor(categories),
        }

    def loss(self, batch: Any, progress: float) -> tuple[Tensor, dict[str, float]]:
        del progress
        batch = {name: value.to(self._device, non_blocking=True) for name, value in batch.items()}
        cell_names, cell_boxes, token_names, token_boxes, region_names, long = self._looker(
            batch["pixels"], batch["points"], batch["index"]
        )
        owner, boxes = batch["names"], batch["boxes"]  # [N, 28, 28], [N, 28, 28, 4]
        there = owner.flatten(1) < self._background  # [N, 784]
        weight = torch.where(there, 1.0, BACKGROUND_WEIGHT)
        naming = functional.cross_entropy(cell_names.flatten(0, 1), owner.flatten(), reduction="none")
        cell_loss = (naming * weight.flatten()).sum() / weight.sum()
        box_loss, iou = box_losses(cell_boxes[there], boxes.flatten(1, 2)[there])
        share, token_target = token_labels(owner, boxes, self._background)
        token_weight = 1 - share[..., -1] * (1 - BACKGROUND_WEIGHT)
        token_loss = -(share * token_names.log_softmax(-1)).sum(-1)
        token_loss = (token_loss * token_weight).sum() / token_weight.sum()
        full = share[..., -1] < 0.7
        token_box_loss, token_iou = box_losses(token_boxes[full], token_target[full])
        region_loss = functional.cross_entropy(region_names, batch["categories"])
        loss = cell_loss + box_loss + token_loss + token_box_loss + region_loss + PLAIN * long
        right = (cell_names.argmax(-1) == owner.flatten(1)).float()
        return loss, {
            "cell": float(right[there].mean()),
            "token": float((token_names.argmax(-1) == share.argmax(-1)).float()[full].mean()),
            "region": float((region_names.argmax(-1) == batch["categories"]).float().mean()),
            "cell_iou": iou, "token_iou": token_iou, "region_loss": float(region_loss.detach()),
            "length": float(long.detach()),
        }  # fmt: skip

    def learning_rate(self, name: str) -> float:
        if "embed_tokens" in name:
            return 0.05  # names are what features are compared with: they may only drift
        return 0.0 if "language_model" in name else 1.0

    def finish(self, module: nn.Module, folder: Path) -> None:
        del folder
        assert isinstance(module, Looker)
        # All that has learned: the encoder, the projector, the sampler and the embeddings of words.
        state = {k: v for k, v in module.model.state_dict().items() if ".layers." not in k or "language_model" not in k}
        many, one = torch.tensor(plural_tokens()).T
        for name in [name for name in state if name.endswith("embed_tokens.weight")]:
            state[name] = state[name].clone()
            state[name][many] = state[name][one] + PLURAL * state[name][many]
        self.output.parent.mkdir(parents=True, exist_ok=True)
        save_file({k: v.contiguous() for k, v in state.items() if k != "lm_head.weight"}, self.output)


def name_vectors(model: Any, ids: Tensor, weights: Tensor) -> Tensor:
    """The mean word embedding of each name as a unit vector, float32 [K, D]; `ids` and `weights` of `name_tokens`."""
    words: Tensor = model.get_input_embeddings()(ids).float()  # [K, W, D]
    return functional.normalize((words * weights.unsqueeze(-1)).sum(1), dim=-1)


def length(vectors: Tensor) -> Tensor:
    """The mean squared length of vectors [..., D].

    What does not help to tell a name from the others is only in the way when names are looked for: left alone, the
    vectors of image tokens come out ten times as long as those of words, and hardly a seventh of that is the name.
    """
    return vectors.float().square().sum(-1).mean()


def cell_objects(scene: Scene) -> np.ndarray:
    """Which object lies under each cell's centre, from 1, int64 [28, 28]; 0 is the background."""
    height, width = scene.ids.shape
    centres = (np.arange(CELLS) + 0.5) / CELLS
    under: np.ndarray = scene.ids[(centres * height).astype(int)][:, (centres * width).astype(int)]
    return under.astype(np.int64)


def cell_labels(scene: Scene, background: int) -> tuple[np.ndarray, np.ndarray]:
    """What lies under each cell's centre: categories int64 [28, 28], and its box as fractions float32 [28, 28, 4]."""
    height, width = scene.ids.shape
    objects = cell_objects(scene)
    categories = np.array([background, *(item.category for item in scene.objects)])
    size = np.array([width, height, width, height], np.float32)
    boxes = np.array([(0, 0, 0, 0), *(item.box for item in scene.objects)], np.float32) / size
    return categories[objects], boxes[objects].astype(np.float32)


def region_points(scene: Scene, number: int, rng: np.random.Generator) -> np.ndarray:
    """Points of a mask, a box or a click on object `number`, float32 [128, 2] as the sampler takes them."""
    height, width = scene.ids.shape
    x1, y1, x2, y2 = (int(edge) for edge in scene.objects[number].box)
    kind = rng.random()
    if kind < 0.35:
        xy = np.stack([rng.integers(x1, x2, POINTS), rng.integers(y1, y2, POINTS)], -1)
    else:
        rows, columns = np.nonzero(scene.ids[y1:y2, x1:x2] == number + 1)
        if kind < 0.65:
            picks = rng.integers(0, len(rows), POINTS)
            xy = np.stack([columns[picks] + x1, rows[picks] + y1], -1)
        else:  # the window around a click; pictures of all sizes are clicked on
            pick = int(rng.integers(len(rows)))
            reach = max(1, round(5 * max(width, height) / float(rng.uniform(224, 800))))
            spread = rng.integers(-reach, reach + 1, (POINTS, 2))
            xy = np.clip(np.array([columns[pick] + x1, rows[pick] + y1]) + spread, 0, [width - 1, height - 1])
    points: np.ndarray = (xy / np.array([width, height])).astype(np.float32)
    return points


def box_losses(logits: Tensor, target: Tensor) -> tuple[Tensor, float]:
    """L1 and generalised-IoU loss of boxes given as logits of (x1, y1, x2, y2) fractions [M, 4], and the mean IoU."""
    if not len(logits):
        return logits.sum() * 0, 0.0
    box = logits.sigmoid()
    low, high = torch.maximum(box[:, :2], target[:, :2]), torch.minimum(box[:, 2:], target[:, 2:])
    shared = (high - low).clamp(min=0).prod(-1)
    area = (box[:, 2:] - box[:, :2]).clamp(min=0).prod(-1) + (target[:, 2:] - target[:, :2]).prod(-1)
    union = area - shared + 1e-6
    hull = torch.maximum(box[:, 2:], target[:, 2:]) - torch.minimum(box[:, :2], target[:, :2])
    outer = hull.clamp(min=0).prod(-1) + 1e-6
    iou = shared / union
    loss = (1 - iou + (outer - union) / outer).mean() + 5 * (box - target).abs().mean()
    return loss, float(iou.detach().mean())


def token_shares(owner: Tensor, background: int) -> tuple[Tensor, Tensor]:
    """The share of each name among the cells of an image token [N, 49, K + 1], from [N, 28, 28]; and those cells'
    names, int64 [N, 49, 16]."""
    count = owner.shape[0]
    blocks = owner.view(count, BLOCKS, MERGE, BLOCKS, MERGE).transpose(2, 3).reshape(count, BLOCKS**2, MERGE**2)
    share = torch.zeros(count, BLOCKS**2, background + 1, device=owner.device)
    share.scatter_add_(-1, blocks, torch.full_like(blocks, 1 / MERGE**2, dtype=torch.float32))
    return share, blocks


def token_labels(owner: Tensor, boxes: Tensor, background: int) -> tuple[Tensor, Tensor]:
    """Per image token: the share of each name among its cells [N, 49, K + 1], and the box of its commonest object."""
    share, blocks = token_shares(owner, background)
    count = len(owner)
    cell_boxes = boxes.view(count, BLOCKS, MERGE, BLOCKS, MERGE, 4).transpose(2, 3).reshape(count, BLOCKS**2, -1, 4)
    commonest = share[..., :-1].argmax(-1, keepdim=True)
    mine = (blocks == commonest).float().argmax(-1)  # the first cell of that object
    target = cell_boxes.gather(2, mine[..., None, None].expand(-1, -1, 1, 4)).squeeze(2)
    return share, target
