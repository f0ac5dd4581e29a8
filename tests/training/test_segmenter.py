"""SAM's task: prompts on the objects, tokens as SAM embeds them, losses in the right order, files that load."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor

from ferret.regions import Box, Point
from tools.sam import Segmenter
from tools.sam_model import SamShape, build_sam
from training.loop import Draw
from training.scenes import Scene, SceneSettings
from training.segmenter import PROMPTS, SegmentTask, draw_prompt, embed_prompts, mask_loss

TINY = SamShape(image_size=64, patch=8, encoder_dim=32, depth=2, heads=2, prompt_dim=32, decoder_mlp=64)
FEW = SceneSettings(objects=(2, 3), side=(40, 64), scale=(0.3, 0.6), sign=0.0)
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> SegmentTask:
    torch.manual_seed(0)
    task = SegmentTask(shape=TINY, weights=tmp_path_factory.mktemp("sam") / "new", settings=FEW, near=FEW)
    task.setup(CPU)
    return task


@pytest.fixture
def scene(draw_scene: Callable[..., Scene]) -> Scene:
    """The second object hides the middle of the first; the third is a single pixel in the corner."""
    return draw_scene(
        ("dog", (0, 0, 50, 40)), ("owl", (20, 10, 40, 30)), ("cat", (63, 47, 64, 48)), width=64, height=48
    )


# --- prompts ---------------------------------------------------------------------------------------------------------


def test_prompts_lie_on_their_object(scene: Scene) -> None:
    rng = np.random.default_rng(0)
    for number, item in enumerate(scene.objects):
        box = np.array(item.box)
        size = np.tile(box[2:] - box[:2], 2)
        kinds = []
        for _ in range(100):
            coordinates, labels = draw_prompt(scene, number, rng)
            assert coordinates.shape == (2, 2)
            kinds.append(labels)
            if labels == (1, -1):
                x, y = coordinates[0].astype(int)
                assert scene.mask(number)[y, x]
            else:
                corners = coordinates.reshape(4)
                assert (np.abs(corners - box) <= 0.1 * size + 1e-9).all()
                assert (corners >= 0).all()
                assert (corners <= [64, 48, 64, 48]).all()
                assert (corners[2:] > corners[:2]).all()
        assert set(kinds) == {(2, 3), (1, -1)}
        assert 40 < kinds.count((2, 3)) < 80


def test_prompts_are_embedded_as_sam_does() -> None:
    sam = build_sam(TINY)
    boxes = torch.tensor([[2.0, 3, 30, 40], [0, 0, 64, 64]])
    clicks = torch.tensor([[5.0, 6], [63, 0], [31.5, 20.25]])
    with torch.inference_mode():
        wanted_boxes, _ = sam.prompt_encoder(points=None, boxes=boxes, masks=None)
        wanted_clicks, _ = sam.prompt_encoder(
            points=(clicks[:, None], torch.ones(3, 1, dtype=torch.int)), boxes=None, masks=None
        )
        coordinates = torch.cat([boxes.view(-1, 2, 2), torch.stack([clicks, torch.zeros_like(clicks)], 1)])
        labels = torch.tensor([[2, 3]] * 2 + [[1, -1]] * 3)
        order = torch.tensor([3, 0, 4, 1, 2])  # both kinds mixed
        found = embed_prompts(sam, coordinates[order], labels[order])
    torch.testing.assert_close(found, torch.cat([wanted_boxes, wanted_clicks])[order])


# --- the loss --------------------------------------------------------------------------------------------------------


def disc(radius: float, x: float = 16.0) -> Tensor:
    rows, columns = torch.meshgrid(torch.arange(32.0), torch.arange(32.0), indexing="ij")
    return (((rows - 16) ** 2 + (columns - x) ** 2) < radius**2).float()


@pytest.mark.parametrize("balanced", [True, False])
@pytest.mark.parametrize("radius", [3.0, 6.0, 14.0])
def test_better_masks_cost_less(balanced: bool, radius: float) -> None:
    target = disc(radius)
    guesses = [
        target,
        disc(radius * 0.85),
        disc(radius, 16 + 0.6 * radius),
        torch.zeros(32, 32),
        1 - target,
    ]
    logits = torch.stack([8 * (2 * guess - 1) for guess in guesses])[None]  # [1, 5, 32, 32]
    losses = mask_loss(logits, target.expand_as(logits), balanced)[0].tolist()
    assert losses[0] == pytest.approx(0, abs=0.05)
    assert losses[0] < losses[1] < losses[2] < losses[4]
    assert losses[1] < losses[3] < losses[4]


@pytest.mark.parametrize("balanced", [True, False])
def test_each_mask_has_its_own_loss(balanced: bool) -> None:
    logits, target = torch.randn(2, 3, 8, 8), (torch.rand(2, 3, 8, 8) > 0.5).float()
    losses = mask_loss(logits, target, balanced)
    assert losses.shape == (2, 3)
    one = mask_loss(logits[1:, 2:], target[1:, 2:], balanced)
    torch.testing.assert_close(losses[1:, 2:], one)


@pytest.mark.parametrize("balanced", [True, False])
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_an_empty_or_full_mask_has_a_finite_loss(balanced: bool, value: float) -> None:
    logits = torch.randn(1, 1, 8, 8, requires_grad=True)
    loss = mask_loss(logits, torch.full((1, 1, 8, 8), value), balanced).sum()
    loss.backward()
    assert loss.isfinite()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


def test_balance_makes_a_small_object_count_as_much_as_its_background() -> None:
    target, blank = disc(3.0)[None, None], torch.full((1, 1, 32, 32), -4.0)
    assert mask_loss(blank, target, True) > 2.5  # "all background" is dear, however small the object


# --- the task --------------------------------------------------------------------------------------------------------


def test_a_batch_holds_prompts_and_masks_of_its_pictures(task: SegmentTask) -> None:
    batch, again, other = (task.batch(Draw(seed, 3, 0.5)) for seed in (5, 5, 6))
    count = 3 * PROMPTS
    assert batch["pixels"].shape == (3, 3, 64, 64)
    assert batch["index"].tolist() == sorted(list(range(3)) * PROMPTS)
    assert batch["coordinates"].shape == (count, 2, 2)
    assert batch["masks"].shape == (count, 32, 32)  # four times the patch grid, as the decoder gives them
    assert batch["masks"].min() >= 0
    assert batch["masks"].max() <= 1
    assert set(map(tuple, batch["labels"].tolist())) <= {(2, 3), (1, -1)}
    for (x, y), kind, mask in zip(
        batch["coordinates"][:, 0].tolist(), batch["labels"][:, 0].tolist(), batch["masks"], strict=True
    ):
        assert mask.any()
        if kind == 1:
            assert mask[int(y) // 2, int(x) // 2] > 0
    for image, (height, width) in zip(batch["pixels"], batch["sizes"].tolist(), strict=True):
        assert 40 <= max(height, width) <= 64
        assert not image[:, height:].any()
        assert not image[:, :, width:].any()
    assert all(torch.equal(value, again[name]) for name, value in batch.items())
    assert not torch.equal(batch["pixels"], other["pixels"])


def test_the_size_of_a_dark_picture_is_its_size(scene: Scene) -> None:
    task = SegmentTask(shape=TINY)
    task._maker = SimpleNamespace(make=lambda *_: scene)  # type: ignore[assignment]
    batch = task.batch(Draw(0, 1, 0.0))
    assert not scene.image[41:47].any()  # black rows and columns are still part of the picture
    assert batch["sizes"].tolist() == [[48, 64]]


def test_padding_is_zero_where_the_network_sees_it(task: SegmentTask, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Tensor] = []
    encoder = task._sam.image_encoder

    def spy(pixels: Tensor) -> Any:
        seen.append(pixels)
        return type(encoder).forward(encoder, pixels)

    monkeypatch.setattr(encoder, "forward", spy)
    batch = task.batch(Draw(4, 2, 0.0))
    task.loss(batch, 0.0)
    for image, pixels, (height, width) in zip(seen[0], batch["pixels"], batch["sizes"].tolist(), strict=True):
        expected = task._sam.preprocess(pixels[:, :height, :width])  # as the released model prepares a picture
        torch.testing.assert_close(image, expected)


@pytest.mark.parametrize("progress", [0.0, 0.9])
def test_a_few_steps_on_one_batch_lower_the_loss(task: SegmentTask, progress: float) -> None:
    torch.manual_seed(1)
    module = task._sam = build_sam(TINY).train()
    parameters = [p for name, p in module.named_parameters() if task.learning_rate(name) > 0]
    optimizer = torch.optim.AdamW(parameters, lr=4e-3)
    batch = task.batch(Draw(1, 2, progress))
    losses = []
    for _ in range(12):
        optimizer.zero_grad()
        loss, figures = task.loss(batch, progress)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        assert figures.keys() == {"box_iou", "point_iou", "quality"}
        assert 0 <= figures["box_iou"] <= 1
        assert 0 <= figures["point_iou"] <= 1
    assert np.isfinite(losses).all()
    assert losses[-1] < 0.95 * losses[0]
    taught = [name for name, p in module.named_parameters() if p.grad is not None and p.grad.any()]
    for part in ("image_encoder", "mask_decoder", "iou_prediction_head", "point_embeddings", "not_a_point_embed"):
        assert any(part in name for name in taught), part


@pytest.mark.parametrize(("kind", "figure"), [((2, 3), "point_iou"), ((1, -1), "box_iou")])
def test_a_batch_of_one_kind_of_prompt_has_a_loss(task: SegmentTask, kind: tuple[int, int], figure: str) -> None:
    batch = task.batch(Draw(2, 1, 0.0))
    keep = (batch["labels"] == torch.tensor(kind)).all(1)
    assert keep.any()
    for name in ("index", "coordinates", "labels", "masks"):
        batch[name] = batch[name][keep]
    loss, figures = task.loss(batch, 0.5)
    assert loss.isfinite()
    assert figures[figure] == 0


def test_only_the_answers_to_its_kind_of_prompt_learn_a_quality(
    task: SegmentTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = task.batch(Draw(3, 1, 0.0))
    keep = (batch["labels"] == torch.tensor((2, 3))).all(1)
    for name in ("index", "coordinates", "labels", "masks"):
        batch[name] = batch[name][keep]
    count = int(keep.sum())
    quality = torch.tensor([[0.0, 50.0, 50.0, 50.0]]).expand(count, -1)  # absurd where a box is not answered
    blank = torch.full((count, 4, 32, 32), -9.0)
    monkeypatch.setattr("training.segmenter.decode_prompts", lambda *_: (blank, quality))
    _, figures = task.loss(batch, 0.5)
    assert figures["quality"] == 0  # an empty mask overlaps nothing, and nothing was promised


def test_the_position_code_is_not_learned(task: SegmentTask) -> None:
    assert task.learning_rate("prompt_encoder.pe_layer.positional_encoding_gaussian_matrix") == 0
    assert task.learning_rate("image_encoder.pos_embed") == 1


def test_the_instrument_loads_what_training_writes(task: SegmentTask, tmp_path: Path) -> None:
    module = task._sam.eval()
    state = {name: value.clone() for name, value in module.state_dict().items()}
    task.finish(module, tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert {file.name for file in task.weights.iterdir()} == {"sam.safetensors", "sam.json"}
    saved = load_file(task.weights / "sam.safetensors")
    assert saved.keys() == state.keys()
    assert all(torch.equal(saved[name], value.half()) for name, value in state.items())
    segmenter = Segmenter(task.weights / "sam.safetensors", device="cpu")
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (48, 80, 3), np.uint8))
    segments = segmenter.segment(picture, [Box(10, 10, 60, 40), Point(20.5, 20.5)])
    assert [segment.mask.shape for segment in segments] == [(48, 80)] * 2
    assert all(0 <= segment.score <= 1 for segment in segments)
