"""The weights that travel with the package, on scenes of seeds that training never draws."""

import json
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ferret.regions import Box, Mask, Point, Scribble, box_iou, mask_iou
from tools import Detector, Segmenter, TextReader
from tools.detector import EMBEDDED
from training.art import load_art
from training.scenes import SIGN, Scene, SceneMaker, SceneSettings, category_names

SETTINGS = SceneSettings(objects=(2, 6), side=(260, 420), scale=(0.15, 0.45), sign=0.4)


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    maker = SceneMaker(load_art("train"), SETTINGS)
    return [maker.make((1 << 62) + seed) for seed in range(24)]


def inner_pixel(mask: NDArray[np.bool_]) -> tuple[float, float]:
    """The middle one of a mask's pixels, row by row."""
    rows, columns = np.nonzero(mask)
    return float(columns[len(columns) // 2]) + 0.5, float(rows[len(rows) // 2]) + 0.5


def test_they_are_small_and_complete() -> None:
    for name in ("detector", "sam"):
        path = EMBEDDED.with_name(f"{name}.safetensors")
        assert path.stat().st_size < 12_000_000
        assert path.with_suffix(".json").is_file()
    names = json.loads(EMBEDDED.with_suffix(".json").read_text())["names"]
    assert tuple(names) == category_names(load_art("train"))
    assert Detector().describe().available
    assert Segmenter().describe().available


def test_detector_finds_and_names(scenes: list[Scene]) -> None:
    detector = Detector(device="cpu")
    found = wanted = right = 0
    for scene in scenes:
        detections = detector.detect(Image.fromarray(scene.image))
        left = [item for item in scene.objects if item.visible > 0.5]
        wanted += len(left)
        found += len(detections)
        for detection in detections:
            matches = [o for o in left if o.name == detection.label and box_iou(Box(*o.box), detection.box) >= 0.5]
            if matches:
                left.remove(matches[0])
                right += 1
    # Measured 0.73 when the weights were added; these scenes are restyled and turned as hard as training's.
    assert 2 * right / (found + wanted) >= 0.65, (right, found, wanted)


def prompts(scenes: list[Scene]) -> Iterator[tuple[Scene, NDArray[np.bool_], Box]]:
    for scene in scenes:
        for index, item in enumerate(scene.objects):
            yield scene, scene.mask(index), Box(*item.box)


# Measured 0.83, 0.69, 0.83 and 0.62 when the weights were added.
@pytest.mark.parametrize(("kind", "least"), [("box", 0.78), ("point", 0.60), ("mask", 0.78), ("scribble", 0.54)])
def test_segmenter_outlines(scenes: list[Scene], kind: str, least: float) -> None:
    segmenter = Segmenter(device="cpu")
    ious = []
    for scene, mask, box in prompts(scenes[:12]):
        x, y = inner_pixel(mask)
        region = {
            "box": box,
            "point": Point(x, y),
            "mask": Mask(mask),
            "scribble": Scribble(((x - 4, y), (x, y - 1), (x + 4, y))),
        }[kind]
        (segment,) = segmenter.segment(Image.fromarray(scene.image), [region])
        ious.append(mask_iou(segment.mask, mask))
    assert np.mean(ious) >= least, float(np.mean(ious))


def test_signs_are_found_and_read(scenes: list[Scene]) -> None:
    """Detector, then reader: what the assistant does when it is asked what is written."""
    detector, reader = Detector(device="cpu"), TextReader()
    right = wanted = 0
    for scene in scenes:
        image = Image.fromarray(scene.image)
        for item in scene.objects:
            if item.text is None or item.visible < 0.95 or item.box[3] - item.box[1] < 14:
                continue  # hidden letters, or letters of four pixels, cannot be read by anyone
            wanted += 1
            signs = [d.box for d in detector.detect(image) if d.label == SIGN]
            best = max(signs, key=lambda box: box_iou(box, Box(*item.box)), default=None)
            right += best is not None and " ".join(line.text for line in reader.read(image, best)) == item.text
    assert wanted >= 5
    assert right >= 0.8 * wanted, (right, wanted)
