"""Naming regions with one kind of evidence: the arms of the claims about region features and axis order.

Only the reader of regions learns; encoder and names stay as they ship. A region is named by the name whose word
embedding lies nearest to its vector. Measured on held-out scenes, by how the region is given, and apart for objects
that are not alone in their box, which is what free-form regions are for:

    mask                    all objects, given by their visible pixels (likewise box and point)
    mask, overlapped        other objects cover more than 15 % of the object's box
    mask, centre covered    what lies at the middle of its box is another object
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ferret.regions import Point, Region
from ferret.sampler import sample_points
from training.ablations.evidence import Evidence, RegionReader
from training.ablations.figures import Measured, write_figures
from training.ablations.sight import give_sight
from training.art import load_art
from training.instructions import is_clear
from training.looking import POINTS, name_vectors
from training.loop import Draw
from training.nano import WEIGHTS, name_tokens, new_nano, to_model_size, to_pixels
from training.pointing import Pointer
from training.scene_questions import FIRST_SEED
from training.scenes import Scene, SceneMaker, SceneSettings

KINDS = ("mask", "box", "point")
OVERLAPPED, CENTRE_COVERED = "overlapped", "centre covered"
COVERED = 0.15  # of an object's box, by other objects: it is overlapped
SHARPNESS = 8.0  # so that vectors about as long as names, which have length one, can be certain
TOGETHER = 16  # scenes that are evaluated at once
SCENES = SceneSettings(objects=(3, 9), side=(224, 320), scale=(0.2, 0.55), sign=0.1)
"""Large objects, crowded: about half of them are overlapped, and at an eighth of the centres lies another one."""


class Namer(nn.Module):
    """The frozen encoder and names with a fresh reader between them."""

    names: Tensor  # [K, D], unit vectors

    def __init__(self, evidence: Evidence, weights: Path) -> None:
        super().__init__()
        model = new_nano()
        give_sight(model, weights)
        config: Any = model.config
        self.encoder: nn.Module = model.model.vision_tower.eval()
        self.reader = RegionReader(
            evidence, config.vision_config.hidden_size, config.text_config.hidden_size, config.sampler_shape
        )
        self.register_buffer("names", name_vectors(model, *name_tokens()).detach(), persistent=False)

    def forward(self, pixels: Tensor, points: Tensor, places: Tensor, image_index: Tensor) -> Tensor:
        """Logits of names, float32 [R, K]; arguments as those of `RegionReader`, of pictures float32 [N, 3, S, S]."""
        with torch.no_grad():
            cells = self.encoder(pixels).last_hidden_state
        regions: Tensor = self.reader(cells, points, places, image_index)
        return regions @ self.names.T * SHARPNESS


@dataclass
class NamingTask:
    """A `training.loop.Task`: every object in sight is named, by its mask, by a box and by a point.

    Attributes:
        evidence: what a region tells.
        scenes: on how many held-out scenes it is measured at the end.
        weights: folder of the model whose encoder and words are used.
    """

    evidence: Evidence
    scenes: int
    weights: Path = WEIGHTS

    def setup(self, device: torch.device) -> nn.Module:
        self._maker = SceneMaker(load_art("train"), SCENES)
        self._device = device
        self._namer = Namer(self.evidence, self.weights).to(device)
        return self._namer

    def batch(self, draw: Draw) -> dict[str, Tensor]:
        rng = np.random.default_rng(draw.seed)
        scenes: list[Scene] = []
        while len(scenes) < draw.size:
            scene = self._maker.make(int(rng.integers(FIRST_SEED)))
            if any(map(is_clear, scene.objects)):
                scenes.append(scene)
        regions: list[list[tuple[int, Region]]] = []
        for scene in scenes:
            pointer = Pointer(scene, rng)
            clear = [number for number, item in enumerate(scene.objects) if is_clear(item)]
            regions.append([(number, pointer.region(number, kind)) for number in clear for kind in KINDS])
        return _batched(scenes, regions)

    def loss(self, batch: Any, progress: float) -> tuple[Tensor, dict[str, float]]:
        del progress
        batch = {name: value.to(self._device, non_blocking=True) for name, value in batch.items()}
        logits = self._logits(batch)
        right = (logits.argmax(-1) == batch["categories"]).float()
        return functional.cross_entropy(logits, batch["categories"]), {"named": float(right.mean())}

    def learning_rate(self, name: str) -> float:
        return 0.0 if name.startswith("encoder.") else 1.0

    def finish(self, module: nn.Module, folder: Path) -> None:
        assert module is self._namer
        write_figures(folder, self.measure())

    @torch.no_grad()
    def measure(self) -> dict[str, Measured]:
        """How often objects of held-out scenes are named right, by measure."""
        hits: dict[str, list[bool]] = defaultdict(list)
        for first in range(0, self.scenes, TOGETHER):
            seeds = range(FIRST_SEED + first, FIRST_SEED + min(first + TOGETHER, self.scenes))
            scenes = [scene for seed in seeds if any(map(is_clear, (scene := self._maker.make(seed)).objects))]
            if not scenes:
                continue
            asked = [list(_asked(scene)) for scene in scenes]
            batch = _batched(scenes, [[(number, region) for number, _, region in mine] for mine in asked])
            batch = {name: value.to(self._device) for name, value in batch.items()}
            right = (self._logits(batch).argmax(-1) == batch["categories"]).tolist()
            about = [(scene, *one) for scene, mine in zip(scenes, asked, strict=True) for one in mine]
            for (scene, number, kind, _), hit in zip(about, right, strict=True):
                for measure in measures(scene, number, kind):
                    hits[measure].append(hit)
        return {measure: Measured.of(found) for measure, found in hits.items()}

    def _logits(self, batch: dict[str, Tensor]) -> Tensor:
        logits: Tensor = self._namer(batch["pixels"], batch["points"], batch["places"], batch["index"])
        return logits


def measures(scene: Scene, number: int, kind: str) -> list[str]:
    """The measures to which object `number` of a scene belongs when it is given by a region of `kind`."""
    x1, y1, x2, y2 = (int(edge) for edge in scene.objects[number].box)
    box = scene.ids[y1:y2, x1:x2]
    others = (box != 0) & (box != number + 1)
    found = [kind]
    if others.mean() > COVERED:
        found.append(f"{kind}, {OVERLAPPED}")
    if others[(y2 - y1) // 2, (x2 - x1) // 2]:
        found.append(f"{kind}, {CENTRE_COVERED}")
    return found


def place_of(region: Region, width: int, height: int) -> tuple[float, float, float, float]:
    """What the coordinates in the text say of a region: (centre x, centre y, width, height) as fractions."""
    if isinstance(region, Point):
        return region.x / width, region.y / height, 0.0, 0.0
    box = region.bounds(width, height)
    middle = (box.x1 + box.x2) / 2 / width, (box.y1 + box.y2) / 2 / height
    return *middle, (box.x2 - box.x1) / width, (box.y2 - box.y1) / height


def _asked(scene: Scene) -> Iterator[tuple[int, str, Region]]:
    """A region of every kind for every object that may be asked about, each drawn independently of the others."""
    for number, item in enumerate(scene.objects):
        for kind in KINDS if is_clear(item) else ():
            rng = np.random.default_rng([scene.seed, KINDS.index(kind), number])
            yield number, kind, Pointer(scene, rng).region(number, kind)


def _batched(scenes: list[Scene], regions: list[list[tuple[int, Region]]]) -> dict[str, Tensor]:
    """Scenes with their regions (number of the object, region) as tensors; at least one region."""
    points, places, index, categories = [], [], [], []
    for image, (scene, mine) in enumerate(zip(scenes, regions, strict=True)):
        height, width = scene.ids.shape
        for number, region in mine:
            points.append(sample_points(region.to_mask(width, height), POINTS))
            places.append(place_of(region, width, height))
            index.append(image)
            categories.append(scene.objects[number].category)
    return {
        "pixels": to_pixels([to_model_size(scene.image) for scene in scenes]),
        "points": torch.stack(points),
        "places": torch.tensor(places),
        "index": torch.tensor(index),
        "categories": torch.tensor(categories),
    }
