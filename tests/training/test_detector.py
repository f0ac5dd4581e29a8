"""The detector's task: boxes where the objects are, a loss that falls, and files that the instrument loads."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from tools.detector import Detector
from training.art import load_art
from training.detector import LOOK_SIZE, PAD_GREY, DetectorTask, place_on_square
from training.loop import Draw
from training.scenes import Scene, SceneSettings, category_names

CPU = torch.device("cpu")
SIDE = 128
FEW = SceneSettings(objects=(3, 5), side=(64, SIDE), scale=(0.2, 0.4), sign=0.1)


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> DetectorTask:
    torch.manual_seed(0)
    task = DetectorTask(size=SIDE, weights=tmp_path_factory.mktemp("detector") / "new", early=FEW, late=FEW)
    task.setup(CPU)
    return task


@pytest.mark.parametrize(("width", "height"), [(100, 60), (128, 40), (128, 128), (1, 1)])
def test_a_picture_is_placed_on_grey(draw_scene: Callable[..., Scene], width: int, height: int) -> None:
    scene = draw_scene(("dog", (0, 0, width, height)), width=width, height=height)  # one grey value all over
    spots = set()
    for seed in range(20):
        image, (x, y) = place_on_square(scene, SIDE, np.random.default_rng(seed))
        assert image.shape == (SIDE, SIDE, 3)
        assert image.dtype == np.uint8
        assert (image[y : y + height, x : x + width] == scene.image).all()
        assert int((image == PAD_GREY).all(-1).sum()) == SIDE * SIDE - width * height
        spots.add((x, y))
    free = (SIDE - width + 1) * (SIDE - height + 1)
    assert len(spots) == 1 if free == 1 else len(spots) > 10


def test_boxes_move_with_the_picture(draw_scene: Callable[..., Scene]) -> None:
    scene = draw_scene(("dog", (10, 5, 40, 45)), ("owl", (60, 20, 90, 30)), width=100, height=60)
    other = DetectorTask(size=SIDE)

    class Still:
        def make(self, *_: object) -> Scene:
            return scene

    other._maker = Still()  # type: ignore[assignment]
    batch = other.batch(Draw(3, 4, 0.5))
    assert batch["batch_idx"].tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    corners = torch.cat([batch["bboxes"][:, :2] - batch["bboxes"][:, 2:] / 2, batch["bboxes"][:, 2:]], 1) * SIDE
    spots = set()
    for number, (x, y, width, height) in enumerate(corners.tolist()):
        item = scene.objects[number % 2]
        assert (width, height) == pytest.approx((item.box[2] - item.box[0], item.box[3] - item.box[1]), abs=1e-3)
        left, top = round(x - item.box[0]), round(y - item.box[1])
        assert (x - item.box[0], y - item.box[1]) == pytest.approx((left, top), abs=1e-3)
        # In the picture the object stands where its box says.
        image = (batch["img"][number // 2] * 255).round().permute(1, 2, 0).numpy()
        assert (image[top : top + 60, left : left + 100] == scene.image).all()
        spots.add((left, top))
    assert len(spots) == 4


@pytest.mark.parametrize("progress", [0.0, 0.99])
def test_a_batch_is_normalised_and_depends_on_its_seed(task: DetectorTask, progress: float) -> None:
    batch, again, other = (task.batch(Draw(seed, 3, progress)) for seed in (5, 5, 6))
    count = len(batch["cls"])
    assert batch["img"].shape == (3, 3, SIDE, SIDE)
    assert 0 <= batch["img"].min() < batch["img"].max() <= 1
    assert batch["cls"].shape == (count, 1)
    assert batch["bboxes"].shape == (count, 4)
    assert set(batch["batch_idx"].tolist()) == {0, 1, 2}
    centres, sizes = batch["bboxes"][:, :2], batch["bboxes"][:, 2:]
    assert (sizes > 0).all()
    assert (centres - sizes / 2 > -1e-6).all()
    assert (centres + sizes / 2 < 1 + 1e-6).all()
    assert 0 <= batch["cls"].min() <= batch["cls"].max() < 365
    assert all(torch.equal(value, again[name]) for name, value in batch.items())
    assert not torch.equal(batch["img"], other["img"])


def test_a_few_steps_on_one_batch_lower_the_loss(task: DetectorTask) -> None:
    module = task._model.train()
    parameters = [p for name, p in module.named_parameters() if task.learning_rate(name) > 0]
    optimizer = torch.optim.AdamW(parameters, lr=1e-3)
    batch = task.batch(Draw(1, 2, 0.0))
    losses = []
    for _ in range(14):
        optimizer.zero_grad()
        loss, figures = task.loss(batch, 0.0)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        assert figures.keys() == {"box", "class", "dfl"}
        assert loss.item() == pytest.approx(sum(figures.values()), rel=1e-3)
    assert np.isfinite(losses).all()
    assert min(losses) < 0.8 * losses[0]  # fresh weights: which cell answers for which object changes at first


def test_a_step_in_half_precision_is_finite(task: DetectorTask) -> None:
    batch = task.batch(Draw(2, 2, 0.0))
    with torch.autocast("cpu", torch.bfloat16):
        loss, _ = task.loss(batch, 0.0)
    assert loss.isfinite()


def test_a_picture_without_objects_has_a_loss(task: DetectorTask) -> None:
    other = DetectorTask(size=SIDE, early=SceneSettings(objects=(0, 0), side=(SIDE, SIDE)))
    other._maker, other._model, other._device = task._maker, task._model, task._device
    batch = other.batch(Draw(0, 1, 0.0))
    assert batch["bboxes"].shape == (0, 4)
    loss, _ = other.loss(batch, 0.0)
    assert loss.isfinite()


def test_fixed_bins_are_not_learned(task: DetectorTask) -> None:
    frozen = [name for name, _ in task._model.named_parameters() if task.learning_rate(name) == 0]
    assert frozen
    assert all(name.endswith("dfl.conv.weight") for name in frozen)


def test_the_instrument_loads_what_training_writes(task: DetectorTask, tmp_path: Path) -> None:
    module = task._model.eval()
    state = {name: value.clone() for name, value in module.state_dict().items()}
    task.finish(module, tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert {file.name for file in task.weights.iterdir()} == {"detector.safetensors", "detector.json"}
    saved = load_file(task.weights / "detector.safetensors")
    assert saved.keys() == state.keys()
    for name, value in state.items():
        assert torch.equal(saved[name].to(value.dtype), value.half().to(value.dtype) if value.ndim else value), name
    described = json.loads((task.weights / "detector.json").read_text())
    assert described["imgsz"] == LOOK_SIZE
    assert LOOK_SIZE % 32 == 0
    detector = Detector(task.weights / "detector.safetensors", device="cpu", score_threshold=0.0)
    assert detector.labels == category_names(load_art("train"))
    found = detector.detect(Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 120, 3), np.uint8)))
    assert found
    assert {detection.label for detection in found} <= set(detector.labels)
    for detection in found:
        assert 0 <= detection.box.x1 < detection.box.x2 <= 120
        assert 0 <= detection.box.y1 < detection.box.y2 <= 90
