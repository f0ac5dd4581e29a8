"""The segmenter: prompts, batches, the second look, the cache, the kinds of weights, and refusals."""

import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from PIL import Image

from ferret.errors import RegionError, ToolError, WeightsError
from ferret.regions import Box, Mask, Point, Polygon, Region, Scribble
from tools.sam import (
    CACHED_IMAGES,
    SMALL_ZOOM,
    Granularity,
    Prompt,
    Segmenter,
    choose,
    innermost_point,
    to_prompt,
    zoom_window,
)

RING = np.zeros((20, 30), np.bool_)
RING[2:18, 4:26] = True
RING[5:15, 8:20] = False


@given(arrays(np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 12))).filter(lambda mask: bool(mask.any())))
def test_the_innermost_point_is_inside(mask: NDArray[np.bool_]) -> None:
    x, y = innermost_point(mask)
    assert mask[int(y), int(x)]


def test_the_innermost_point_is_far_from_the_outline() -> None:
    assert innermost_point(np.ones((9, 21), np.bool_))[1] == 4.5
    x, _ = innermost_point(RING)
    assert x > 20  # the ring is widest on its right


@pytest.mark.parametrize(
    ("region", "box", "has_point"),
    [
        (Point(3, 4), None, True),
        (Box(1, 2, 3, 4), (1, 2, 3, 4), False),
        (Polygon(((2, 2), (12, 2), (12, 10))), (2, 2, 12, 10), True),
        (Mask(RING), (4, 2, 26, 18), True),
    ],
)
def test_prompts(region: Region, box: tuple[float, ...] | None, has_point: bool) -> None:
    prompt = to_prompt(region, 30, 20)
    assert prompt.box == box
    assert (prompt.point is not None) == has_point
    if prompt.point is not None:
        assert region.to_mask(30, 20)[int(prompt.point[1]), int(prompt.point[0])]


@given(
    width=st.integers(1, 400),
    height=st.integers(1, 400),
    corners=st.tuples(*[st.floats(0, 1)] * 4),
    factor=st.floats(1.0, 4.0),
)
def test_the_second_look_sees_the_object(
    width: int, height: int, corners: tuple[float, float, float, float], factor: float
) -> None:
    x1, x2 = sorted((corners[0] * width, corners[2] * width))
    y1, y2 = sorted((corners[1] * height, corners[3] * height))
    left, top, right, bottom = zoom_window((x1, y1, x2, y2), factor, width, height)
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height
    assert left - 1 <= x1
    assert x2 <= right + 1
    assert top - 1 <= y1
    assert y2 <= bottom + 1
    assert right - left >= min(width, factor * max(x2 - x1, y2 - y1))


AREA, STROKE = np.zeros((2, 6, 6), np.float32)
AREA[1:4, 1:4] = 1
STROKE[2, 1:5] = 1


@pytest.mark.parametrize(
    ("prompt", "drawn", "granularity", "expected"),
    [
        (Prompt((0, 0, 1, 1), None), None, "smallest", 2),  # a box has one answer, granularity is for points
        (Prompt(None, (1, 1)), None, "best", 2),
        (Prompt(None, (1, 1)), None, "largest", 3),
        (Prompt(None, (1, 1)), None, "smallest", 1),  # the empty one is none
        (Prompt((0, 0, 1, 1), (1, 1)), AREA, "best", 1),
        (Prompt((0, 0, 1, 1), (1, 1), stroke=True), STROKE, "best", 2),
        (Prompt((0, 0, 1, 1), (1, 1), stroke=True), STROKE, "largest", 2),
    ],
)
def test_which_answer_is_taken(
    prompt: Prompt, drawn: NDArray[np.float32] | None, granularity: Granularity, expected: int
) -> None:
    found = np.zeros((4, 6, 6), np.bool_)  # nothing, what AREA shows but a corner, most of STROKE, everything
    found[1] = AREA > 0
    found[1, 1, 1] = False
    found[2, 1:5, 1:5] = True
    found[3] = True
    trust = np.array([0.9, 0.3, 0.8, 0.2], np.float32)
    assert choose(found, trust, drawn, prompt, granularity) == expected
    assert choose(found[:1], trust[:1], drawn, prompt, granularity) == 0


def test_one_mask_per_region_in_order(sam_weights: Path, picture: Image.Image) -> None:
    mask = np.zeros((60, 90), np.bool_)
    mask[10:30, 40:80] = True
    regions: list[Region] = [
        Box(5, 5, 60, 50),
        Point(45, 30),
        Scribble(((10, 10), (50, 40))),
        Mask(mask),
        Box(5, 5, 60, 50, image=1),
    ]
    segmenter = Segmenter(sam_weights, device="cpu", zoom=0.0)
    assert segmenter.available()
    found = segmenter.segment(picture, regions)
    assert len(found) == 5
    for segment in found:
        assert segment.mask.shape == (60, 90)
        assert segment.mask.dtype == np.bool_
        assert 0.0 <= segment.score <= 1.0
        segment.box.checked(90, 60)
        if segment.mask.any():
            assert segment.box == Mask(segment.mask).bounds(90, 60)
    assert np.array_equal(found[0].mask, found[4].mask)
    for region, segment in zip(regions, found, strict=True):  # a batch changes nothing
        (alone,) = segmenter.segment(picture, [region])
        assert np.array_equal(alone.mask, segment.mask)
    assert segmenter.segment(picture, []) == []


def test_a_box_is_answered_as_by_the_released_predictor(sam_weights: Path, picture: Image.Image) -> None:
    segmenter = Segmenter(sam_weights, device="cpu", zoom=0.0)
    (box,) = segmenter.segment(picture, [Box(5, 5, 60, 50)])
    assert segmenter._model is not None
    predictor = segmenter._model.predictor
    predictor.set_image(np.asarray(picture))
    masks, scores, _ = predictor.predict(box=np.array([5, 5, 60, 50]), multimask_output=False)
    assert np.array_equal(box.mask, masks[0])
    assert box.score == pytest.approx(float(np.clip(scores[0], 0, 1)), abs=1e-6)
    masks, scores, _ = predictor.predict(np.array([[45, 30]]), np.array([1]), multimask_output=True)
    (best,) = segmenter.segment(picture, [Point(45, 30)])
    assert np.array_equal(best.mask, masks[scores.argmax()])
    (largest,) = segmenter.segment(picture, [Point(45, 30)], granularity="largest")
    (smallest,) = segmenter.segment(picture, [Point(45, 30)], granularity="smallest")
    assert smallest.mask.sum() <= best.mask.sum() <= largest.mask.sum()


def test_a_small_object_is_looked_at_again(sam_weights: Path) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    image, box = Image.fromarray(pixels), Box(200, 100, 240, 130)
    segmenter = Segmenter(sam_weights, device="cpu")
    (near,) = segmenter.segment(image, [box])
    window = zoom_window(box.coordinates, SMALL_ZOOM, 400, 300)
    (cut,) = Segmenter(sam_weights, device="cpu", zoom=0.0).segment(
        image.crop(window), [Box(200 - window[0], 100 - window[1], 240 - window[0], 130 - window[1])]
    )
    expected = np.zeros((300, 400), np.bool_)
    expected[window[1] : window[3], window[0] : window[2]] = cut.mask
    assert cut.mask.any()
    assert np.array_equal(near.mask, expected)


def test_images_are_encoded_once(sam_weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    segmenter = Segmenter(sam_weights, device="cpu", zoom=0.0)
    segmenter.load()
    assert segmenter._model is not None
    predictor, encoded = segmenter._model.predictor, []
    real = predictor.set_image
    monkeypatch.setattr(predictor, "set_image", lambda pixels: (encoded.append(pixels.shape), real(pixels)))
    red, blue = Image.new("RGB", (90, 60), "red"), Image.new("RGB", (40, 80), "blue")
    first = segmenter.segment(red, [Box(5, 5, 60, 50)])[0]
    segmenter.segment(blue, [Point(3, 3)])
    again = segmenter.segment(red.copy(), [Box(5, 5, 60, 50)])[0]
    assert encoded == [(60, 90, 3), (80, 40, 3)]
    assert np.array_equal(first.mask, again.mask)
    for shade in range(CACHED_IMAGES):
        segmenter.segment(Image.new("RGB", (20, 20), (shade, 0, 0)), [Point(3, 3)])
    segmenter.segment(red, [Point(3, 3)])  # forgotten by now
    assert len(encoded) == 2 + CACHED_IMAGES + 1
    segmenter.unload()
    assert segmenter._model is None
    assert not segmenter._cache


@pytest.mark.parametrize("size", [(1, 1), (1, 90), (200, 3)])
def test_odd_sizes(sam_weights: Path, size: tuple[int, int]) -> None:
    width, height = size
    for segment in Segmenter(sam_weights, device="cpu").segment(
        Image.new("RGB", size, "teal"), [Box(0, 0, width, height), Point(width / 2, height / 2)]
    ):
        assert segment.mask.shape == (height, width)


def test_threads_share_one_segmenter(sam_weights: Path) -> None:
    segmenter = Segmenter(sam_weights, device="cpu")
    rng = np.random.default_rng(2)
    images = [Image.fromarray(rng.integers(0, 256, (60, 90, 3), dtype=np.uint8)) for _ in range(4)]
    expected = [Segmenter(sam_weights, device="cpu").segment(image, [Box(5, 5, 60, 50)])[0].mask for image in images]
    right: list[bool] = []

    def work(number: int) -> None:
        mask = segmenter.segment(images[number], [Box(5, 5, 60, 50)])[0].mask
        right.append(bool(np.array_equal(mask, expected[number])))

    threads = [threading.Thread(target=work, args=(number % 4,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert right == [True] * 12


@pytest.mark.parametrize("region", [Point(90.5, 3), Box(0, 0, 91, 60), Mask(np.ones((3, 3), np.bool_))])
def test_regions_off_the_image_are_refused(sam_weights: Path, picture: Image.Image, region: Region) -> None:
    with pytest.raises(RegionError):
        Segmenter(sam_weights, device="cpu").segment(picture, [region])


@pytest.fixture
def small_vit_b(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes 'vit_b' small: the real one takes 375 MB."""
    import segment_anything

    from tools.sam_model import SamShape, build_sam

    shape = SamShape(image_size=64, patch=16, encoder_dim=32, depth=1, heads=2, prompt_dim=32)
    monkeypatch.setitem(segment_anything.sam_model_registry, "vit_b", lambda: build_sam(shape))


@pytest.mark.usefixtures("small_vit_b")
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_released_checkpoints_by_their_names(suffix: str, tmp_path: Path, picture: Image.Image) -> None:
    from safetensors.torch import save_file
    from segment_anything import sam_model_registry

    state = sam_model_registry["vit_b"]().state_dict()
    path = tmp_path / f"sam_vit_b_01ec64{suffix}"
    (torch.save if suffix == ".pth" else save_file)(state, path)
    segmenter = Segmenter(path, device="cpu")
    assert "vit_b" in segmenter.describe().ability
    assert segmenter.segment(picture, [Point(3, 3)])[0].mask.shape == (60, 90)
    assert segmenter._model is not None
    assert segmenter._model.zoom == 0.0


class Bomb:
    """Makes a folder when unpickled by an unrestricted unpickler."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[str]]:
        import os

        return os.mkdir, (str(self.target),)


def test_a_crafted_checkpoint_runs_nothing(tmp_path: Path, picture: Image.Image) -> None:
    torch.save({"image_encoder.pos_embed": Bomb(tmp_path / "ran")}, tmp_path / "sam_vit_b.pth")
    with pytest.raises(ToolError, match="no checkpoint of SAM vit_b"):
        Segmenter(tmp_path / "sam_vit_b.pth", device="cpu").segment(picture, [Point(3, 3)])
    assert not (tmp_path / "ran").exists()


@pytest.mark.usefixtures("small_vit_b")
def test_another_models_checkpoint_is_refused(tmp_path: Path, picture: Image.Image) -> None:
    torch.save({"conv.weight": torch.zeros(3)}, tmp_path / "sam_vit_b.pth")
    with pytest.raises(ToolError, match="no checkpoint of SAM vit_b"):
        Segmenter(tmp_path / "sam_vit_b.pth", device="cpu").segment(picture, [Point(3, 3)])


def test_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no SAM weights at"):
        Segmenter(tmp_path / "sam_vit_b.pth")
    (tmp_path / "model.pth").write_bytes(b"x")
    with pytest.raises(WeightsError, match=r"does not tell which SAM it is.*sam_vit_b\.pth"):
        Segmenter(tmp_path / "model.pth")


@pytest.mark.parametrize(
    ("description", "message"),
    [
        ("{", "does not describe a SAM"),
        ("[]", "does not describe a SAM"),
        ('{"image_size": 100, "patch": 16}', "not a multiple of patch"),
        ('{"image_size": "big"}', "does not describe a SAM"),
        ('{"image_size": 64}', "does not hold the SAM"),
    ],
)
def test_damaged_descriptions(
    description: str, message: str, tmp_path: Path, sam_weights: Path, picture: Image.Image
) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(sam_weights.read_bytes())
    path.with_suffix(".json").write_text(description)
    with pytest.raises(ToolError, match=message):
        Segmenter(path, device="cpu").segment(picture, [Point(3, 3)])


def test_what_is_missing_is_told(tmp_path: Path, sam_weights: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(sam_weights.read_bytes())
    path.with_suffix(".json").write_text(sam_weights.with_suffix(".json").read_text())
    segmenter = Segmenter(path)
    path.unlink()
    status = segmenter.describe()
    assert not status.available
    assert "model.safetensors" in status.missing
    assert "ferret train sam" in status.remedy
