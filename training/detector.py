"""Trains the embedded detector: an ultralytics YOLO on scenes that are drawn as they are needed.

ultralytics' own trainer wants folders of files and float32 on a CPU; its model and its loss are used here on an endless
stream of fresh scenes in bfloat16 instead. Command: `ferret train detector`.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import cv2
import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from tools.detector_model import build_detector, model_yaml
from training.art import load_art
from training.loop import Draw
from training.scenes import Scene, SceneMaker, SceneSettings, category_names

WEIGHTS = Path(__file__).parents[1] / "tools" / "weights"
EASY = 0.7  # the share of the run with large objects, mostly upright and in their own colours: names come first
LOOK_SIZE = 288  # pixels in use: a little more than in training finds more of the small objects and loses few others
LOOK_SCALES = (0.9, 1.1)  # of that: two looks, fused, name 2 to 3 in a hundred more of the objects right than one
CLASS_GAIN = 1.5  # three times the usual: places are learned soon, 365 names are not
PAD_GREY = 114  # what the detector sees around a picture that is not square


@dataclass
class DetectorTask:
    """A `training.loop.Task`; pictures of `size` pixels, crowded scenes so that each step carries many labels."""

    size: int = 256
    architecture: str = "yolo11"
    weights: Path = WEIGHTS
    early: SceneSettings = field(
        default_factory=lambda: SceneSettings(objects=(5, 14), scale=(0.14, 0.5), sign=0.1, restyle=0.4, turned=0.35)
    )
    late: SceneSettings = field(default_factory=lambda: SceneSettings(objects=(1, 16), sign=0.15))

    def setup(self, device: torch.device) -> nn.Module:
        self._maker = SceneMaker(load_art("train"))
        self._device = device
        self._yaml = model_yaml(self.architecture, len(category_names(load_art("train"))))
        self._model = cast(Any, build_detector(self._yaml).to(device))  # nn.Module lets no attribute be set
        self._model.args = SimpleNamespace(box=7.5, cls=CLASS_GAIN, dfl=1.5, overlap_mask=True)
        module: nn.Module = self._model.train()
        return module

    def batch(self, draw: Draw) -> dict[str, Tensor]:
        rng = np.random.default_rng(draw.seed)
        settings = self.early if draw.progress < EASY else self.late
        images, index, classes, boxes = [], [], [], []
        for i in range(draw.size):
            scene = self._maker.make(int(rng.integers(1 << 40)), settings)
            image, offset = place_on_square(scene, self.size, rng)
            images.append(image)
            for item in scene.objects:
                x1, y1, x2, y2 = np.add(item.box, (*offset, *offset))
                index.append(i)
                classes.append(item.category)
                boxes.append([(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1])
        pixels = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)
        return {
            "img": pixels.float() / 255,
            "batch_idx": torch.tensor(index, dtype=torch.float32),
            "cls": torch.tensor(classes, dtype=torch.float32).view(-1, 1),
            "bboxes": torch.tensor(np.array(boxes, np.float32).reshape(-1, 4)) / self.size,
        }

    def loss(self, batch: Any, progress: float) -> tuple[Tensor, dict[str, float]]:
        del progress
        batch = {name: value.to(self._device, non_blocking=True) for name, value in batch.items()}
        total, parts = self._model.loss(batch, self._model(batch["img"]))
        box, classification, focal = (float(part) for part in parts.values())
        return total.sum() / len(batch["img"]), {"box": box, "class": classification, "dfl": focal}

    def learning_rate(self, name: str) -> float:
        return 0.0 if ".dfl." in name else 1.0  # the distribution's fixed bins

    def finish(self, module: nn.Module, folder: Path) -> None:
        del folder
        self.weights.mkdir(parents=True, exist_ok=True)
        state = {k: v.half() if v.is_floating_point() else v for k, v in module.state_dict().items()}
        save_file({k: v.cpu().contiguous() for k, v in state.items()}, self.weights / "detector.safetensors")
        names = list(category_names(load_art("train")))
        description = {"yaml": self._yaml, "names": names, "imgsz": LOOK_SIZE, "scales": list(LOOK_SCALES)}
        (self.weights / "detector.json").write_text(json.dumps(description, indent=1) + "\n")


def place_on_square(scene: Scene, size: int, rng: np.random.Generator) -> tuple[np.ndarray, tuple[int, int]]:
    """The scene's picture on a grey square `uint8 [size, size, 3]` at a random spot, and that spot's (x, y).

    Scenes are made at the size at which they are trained on, so nothing is resized here.
    """
    height, width = scene.image.shape[:2]
    x, y = int(rng.integers(0, size - width + 1)), int(rng.integers(0, size - height + 1))
    image = cv2.copyMakeBorder(
        scene.image, y, size - height - y, x, size - width - x, cv2.BORDER_CONSTANT, value=(PAD_GREY,) * 3
    )
    return image, (x, y)
