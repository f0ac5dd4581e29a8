"""The world that the embedded weights know, told from all other pictures.

The embedded weights know illustrated scenes: drawn things before drawn backgrounds, in any style of drawing. Whether a
picture is one is judged by three kinds of features together: how the encoder of the embedded Ferret sees it, what the
embedded detector found in it, and the statistics of its pixels (photographs are rough wherever one looks, drawings have
calm surfaces and sharp edges). A logistic regression weighs them; `training.world` fits it and stores it as
`weights/world.json`. It belongs to those weights (`tools.marks`) and judges for no others.

    world = load_world()
    world.probability(picture_features(engine, image, detections)) >= world.threshold
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ferret.errors import WeightsError
from tools.base import WEIGHTS_FOLDER
from tools.marks import embedded_marks

if TYPE_CHECKING:
    from PIL import Image

    from ferret.engine import Engine

WORLD = WEIGHTS_FOLDER / "world.json"
DETECTION_FLOOR = 0.04
"""Detections weaker than this say nothing."""
PIXELS = 384
"""Longer side, in pixels, to which a larger picture is shrunk before its pixels are looked at."""
SCALES = 3
"""How often the pixels are looked at, each time at half the size."""
CLIP = 5.0
"""Features further from their mean than so many deviations count as that far."""

Vector = NDArray[np.float32]
Pixels = NDArray[np.uint8]
# Borders of histograms of differences between neighbouring pixels, in grey levels, about evenly spaced for the eye.
_STEPS = np.array([0.25, 0.75, 1.5, 2.5, 4, 6, 9, 14, 22, 36, 60], np.float32)
_HUES, _SATURATIONS = [0, 15, 30, 45, 75, 105, 135, 165, 181], [0, 40, 110, 256]
# From this range (largest less smallest of 5 x 5 pixels) on there is an edge.
_EDGE = 24


def picture_features(engine: "Engine", image: "Image.Image", detections: Sequence[Sequence[float]]) -> Vector:
    """All features of a picture, float32 [F]: the encoder's, the detections', the pixels', and the squares of the last
    ones, as what is too rough lies outside as well as what is too calm.

    `detections` are the scores (0..1) of the names of each thing that the detector found, best first.
    """
    pixels = pixel_features(np.asarray(image.convert("RGB"), dtype=np.uint8))
    parts = [encoder_features(engine, image), detection_features(detections), pixels, pixels**2]
    return np.concatenate(parts).astype(np.float32)


def encoder_features(engine: "Engine", image: "Image.Image") -> Vector:
    """How the engine's encoder sees a picture as a whole: mean, deviation, largest and smallest value over the cells
    of its map for each of C channels, float32 [4 C]."""
    import torch

    with torch.inference_mode():
        cells = engine.feature_map(image)[0].float()  # [T, C]
        pooled = torch.cat([cells.mean(0), cells.std(0), cells.amax(0), cells.amin(0)])
    return np.asarray(pooled.cpu().numpy(), dtype=np.float32)


def detection_features(detections: Sequence[Sequence[float]]) -> Vector:
    """How sure a detector is of what it found: float32 [9].

    The best score, how many things there are in all and above three scores, the sum, the second best, and how near the
    second name comes to the first: on average, and for the best thing.
    """
    seen = [scores for scores in detections if scores and scores[0] >= DETECTION_FLOOR]
    best = sorted((scores[0] for scores in seen), reverse=True)
    doubts = [scores[1] / scores[0] if len(scores) > 1 else 0.0 for scores in seen]
    surest = max(range(len(seen)), key=lambda index: seen[index][0], default=None)
    return np.array(
        [
            best[0] if best else 0.0,
            len(best),
            *(sum(score > limit for score in best) for limit in (0.1, 0.3, 0.6)),
            sum(best),
            best[1] if len(best) > 1 else 0.0,
            sum(doubts) / len(doubts) if doubts else 1.0,
            1.0 if surest is None else doubts[surest],
        ],
        dtype=np.float32,
    )


def pixel_features(pixels: Pixels) -> Vector:
    """What the pixels of uint8 [H, W, 3] (RGB) are like, at `SCALES` sizes, and how they are coloured; float32 [217].

    At each size: how rough the picture is (brightness against its neighbourhood), how steep, how rough in colour, how
    wide the range of 5 x 5 pixels is; how sharp its edges are (steepness for their height) and how many; how calm its
    calm parts are. Then hue, saturation, brightness, and how few colours make up most of it.
    """
    import cv2

    height, width = pixels.shape[:2]
    if (shrink := PIXELS / max(height, width)) < 1:
        size = max(8, round(width * shrink)), max(8, round(height * shrink))
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    found = []
    level: NDArray[Any] = cv2.cvtColor(pixels, cv2.COLOR_RGB2YCrCb).astype(np.float32)
    for _ in range(SCALES):
        if min(level.shape[:2]) < 8:
            level = cv2.resize(level, (max(8, level.shape[1]), max(8, level.shape[0])))
        grey, colour = np.ascontiguousarray(level[..., 0]), np.ascontiguousarray(level[..., 1])
        steep = np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)) / 4
        brush = np.ones((5, 5), np.uint8)
        spread = cv2.dilate(grey, brush) - cv2.erode(grey, brush)
        edge = spread > _EDGE
        sharp = np.clip(2 * steep[edge] / spread[edge], 0, 1.19) if edge.any() else np.zeros(1)
        found += [
            _histogram(np.abs(grey - cv2.blur(grey, (3, 3))) * 2),
            _histogram(steep),
            _histogram(np.abs(colour - cv2.blur(colour, (3, 3))) * 4)[:8],
            _histogram(spread / 2),
            np.histogram(sharp, bins=8, range=(0, 1.2))[0] / sharp.size,
            np.array([edge.mean()]),
            np.log1p(np.percentile(spread, (5, 10, 20, 35, 50, 70, 90))),
        ]
        half = max(8, level.shape[1] // 2), max(8, level.shape[0] // 2)
        level = cv2.resize(level, half, interpolation=cv2.INTER_AREA)
    return np.concatenate([*found, *_colours(pixels)]).astype(np.float32)


def _histogram(values: NDArray[Any]) -> NDArray[np.float64]:
    """The share of values between any two of the steps: [12]."""
    places = np.searchsorted(_STEPS, values.ravel())
    return np.bincount(places, minlength=len(_STEPS) + 1) / values.size


def _colours(pixels: Pixels) -> list[NDArray[np.float64]]:
    import cv2

    hsv = cv2.cvtColor(pixels, cv2.COLOR_RGB2HSV).reshape(-1, 3)
    tints = np.histogram2d(hsv[:, 0], hsv[:, 1], bins=[_HUES, _SATURATIONS])[0].ravel()
    light = np.histogram(hsv[:, 2], bins=6, range=(0, 256))[0]
    red, green, blue = ((pixels >> 4).astype(np.int32).reshape(-1, 3)).T
    shares = np.sort(np.bincount(red << 8 | green << 4 | blue, minlength=4096))[::-1] / len(hsv)
    needed = np.searchsorted(np.cumsum(shares), (0.3, 0.5, 0.7, 0.9, 0.97))
    return [np.sqrt(tints / len(hsv)), np.sqrt(light / len(hsv)), np.concatenate([np.log1p(needed), shares[:2]])]


@dataclass(frozen=True, eq=False)
class World:
    """A logistic regression: features [F] less `mean` [F], times `scale` [F], clipped, weighed by `weights` [F].

    From `threshold` (0..1) on a picture counts as outside.
    """

    mean: Vector
    scale: Vector
    weights: Vector
    bias: float
    threshold: float

    def probability(self, features: Vector) -> float:
        """How probable it is that a picture with these features [F] lies outside what the weights know, in 0..1."""
        standard = np.clip((features - self.mean) * self.scale, -CLIP, CLIP).astype(np.float64)
        odds = float(standard @ self.weights.astype(np.float64)) + self.bias
        return 0.5 * (1.0 + math.tanh(odds / 2))


def load_world(path: Path = WORLD, marks: Mapping[str, str] | None = None) -> World | None:
    """What a file holds, or None when there is no file or it was fitted with other weights.

    `marks` are those of the weights in use (`tools.marks`), by default the embedded ones.

    Raises:
        WeightsError: the file is damaged.
    """
    if not path.is_file():
        return None
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        vectors = [np.asarray(stored[name], dtype=np.float32) for name in ("mean", "scale", "weights")]
        bias, threshold = float(stored["bias"]), float(stored["threshold"])
        if any(v.ndim != 1 or v.shape != vectors[0].shape or not np.isfinite(v).all() for v in vectors):
            raise ValueError("mean, scale and weights must be finite and equally long")
        if not math.isfinite(bias) or not 0 <= threshold <= 1:
            raise ValueError("bias must be finite, threshold lie in 0..1")
        belongs = stored["for"] == dict(embedded_marks() if marks is None else marks)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(
            f"{str(path)!r} does not describe a world ({error!r}): fit it anew with 'python -m training.world fit'"
        ) from error
    return World(vectors[0], vectors[1], vectors[2], bias, threshold) if belongs else None
