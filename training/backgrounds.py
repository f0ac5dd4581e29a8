"""Backgrounds of the illustrated world: from plain colour to busy texture, landscapes and clutter.

Every painter takes a random generator and a size and returns an image `uint8 [H, W, 3]` (RGB). They are drawn coarse
and enlarged where that cannot be seen, which keeps them near a tenth of a millisecond each. Clutter matters as much as
texture: shapes that are not objects teach the detector what to leave alone.
"""

from collections.abc import Callable

import cv2
import numpy as np

Array = np.ndarray
Painter = Callable[[np.random.Generator, int, int], Array]


def random_colour(rng: np.random.Generator) -> Array:
    """A colour `uint8 [3]`, drawn in HSV so that pale, dark and vivid ones all occur."""
    hue, saturation, value = rng.integers(0, 180), int(255 * rng.beta(1.2, 1.6)), int(255 * rng.beta(2.2, 1.1))
    pixel = np.array([[[hue, saturation, value]]], np.uint8)
    colour: Array = cv2.cvtColor(pixel, cv2.COLOR_HSV2RGB)[0, 0]
    return colour


def _nearby(rng: np.random.Generator, colour: Array, spread: int) -> Array:
    return np.clip(colour.astype(int) + rng.integers(-spread, spread + 1, 3), 0, 255).astype(np.uint8)


def plain(rng: np.random.Generator, width: int, height: int) -> Array:
    """One colour."""
    return np.broadcast_to(random_colour(rng), (height, width, 3)).copy()


def gradient(rng: np.random.Generator, width: int, height: int) -> Array:
    """A linear blend between the colours of the four corners."""
    corners = np.stack([random_colour(rng) for _ in range(4)]).reshape(2, 2, 3)
    if rng.random() < 0.5:
        corners[:, 1] = corners[:, 0]
    return cv2.resize(corners, (width, height), interpolation=cv2.INTER_LINEAR)


def texture(rng: np.random.Generator, width: int, height: int) -> Array:
    """Noise of a few octaves between two or three colours: stone, cloth, clouds."""
    field = np.zeros((height, width), np.float32)
    amplitude = 1.0
    for octave in range(int(rng.integers(1, 5)), int(rng.integers(5, 8))):
        cells = rng.random((2**octave // 2 + 2, 2**octave // 2 + 2), np.float32)
        field += amplitude * cv2.resize(cells, (width, height), interpolation=cv2.INTER_CUBIC)
        amplitude *= float(rng.uniform(0.4, 0.9))
    table_x = np.linspace(0, 1, 256)
    anchors = np.stack([random_colour(rng) for _ in range(3)]).astype(np.float32)
    if rng.random() < 0.6:  # a calm palette: all three close together
        anchors = anchors[:1] + (anchors - anchors[:1]) * 0.3
    channels = [np.interp(table_x, [0, 0.5, 1], anchors[:, channel]) for channel in range(3)]
    table = np.stack(channels, -1).astype(np.uint8)
    level = cv2.normalize(field, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)  # type: ignore[call-overload]
    return np.ascontiguousarray(table[level])


def stripes(rng: np.random.Generator, width: int, height: int) -> Array:
    """Parallel bands at any angle, or a chequerboard."""
    angle, period = float(rng.uniform(0, np.pi)), float(rng.uniform(8, 80))
    x, y = np.arange(width, dtype=np.float32)[None], np.arange(height, dtype=np.float32)[:, None]
    bands = ((x * np.cos(angle) + y * np.sin(angle)) // period).astype(np.int32) & 1
    if rng.random() < 0.4:
        bands ^= ((y * np.cos(angle) - x * np.sin(angle)) // period).astype(np.int32) & 1
    first = random_colour(rng)
    second = _nearby(rng, first, 50) if rng.random() < 0.6 else random_colour(rng)
    image: Array = np.stack([first, second])[bands]
    return image


def dots(rng: np.random.Generator, width: int, height: int) -> Array:
    """A regular pattern of dots, rings or crosses on one colour."""
    image = plain(rng, width, height)
    colour = [int(value) for value in (_nearby(rng, image[0, 0], 60) if rng.random() < 0.6 else random_colour(rng))]
    step = int(rng.integers(12, 60))
    radius = max(1, int(step * rng.uniform(0.08, 0.35)))
    thickness = -1 if rng.random() < 0.6 else max(1, radius // 3)
    for row, y in enumerate(range(0, height + step, step)):
        for x in range((row % 2) * step // 2, width + step, step):
            cv2.circle(image, (x, y), radius, colour, thickness, cv2.LINE_AA)
    return image


def lines(rng: np.random.Generator, width: int, height: int) -> Array:
    """Ruled, squared or random lines on paper."""
    image = plain(rng, width, height) if rng.random() < 0.5 else gradient(rng, width, height)
    colour = [int(value) for value in random_colour(rng)]
    step = int(rng.integers(10, 48))
    kind = rng.integers(3)
    if kind < 2:
        for y in range(step // 2, height, step):
            cv2.line(image, (0, y), (width, y), colour, 1, cv2.LINE_AA)
    if kind == 1:
        for x in range(step // 2, width, step):
            cv2.line(image, (x, 0), (x, height), colour, 1, cv2.LINE_AA)
    if kind == 2:
        for _ in range(int(rng.integers(3, 14))):
            ends = rng.integers(0, max(width, height), 4)
            thickness = int(rng.integers(1, 4))
            cv2.line(image, (int(ends[0]), int(ends[1])), (int(ends[2]), int(ends[3])), colour, thickness, cv2.LINE_AA)
    return image


def landscape(rng: np.random.Generator, width: int, height: int) -> Array:
    """Sky over hills, sea or a table top, with a horizon somewhere in the middle."""
    image = gradient(rng, width, height)
    x = np.linspace(0, 1, 33)
    base = float(rng.uniform(0.35, 0.8))
    for _ in range(int(rng.integers(1, 4))):
        wave = rng.uniform(0.0, 0.12) * np.sin(2 * np.pi * (x * rng.uniform(0.3, 3) + rng.random()))
        heights = (height * np.clip(base + wave, 0, 1)).astype(np.int32)
        outline = np.stack([(x * width).astype(np.int32), heights], -1)
        polygon = np.concatenate([outline, [[width, height], [0, height]]]).astype(np.int32)
        cv2.fillPoly(image, [polygon], [int(value) for value in random_colour(rng)], cv2.LINE_AA)
        base = min(0.97, base + float(rng.uniform(0.05, 0.25)))
    return image


def clutter(rng: np.random.Generator, width: int, height: int) -> Array:
    """Overlapping ellipses, boxes and polygons: things that are nobody's object."""
    image = gradient(rng, width, height) if rng.random() < 0.5 else texture(rng, width, height)
    for _ in range(int(rng.integers(2, 12))):
        add_shape(rng, image)
    return image


def add_shape(rng: np.random.Generator, image: Array) -> None:
    """Draw one random ellipse, box or polygon into `image` (uint8 [H, W, 3]) in place."""
    height, width = image.shape[:2]
    colour = [int(value) for value in random_colour(rng)]
    centre = np.array([rng.integers(0, width), rng.integers(0, height)])
    size = max(4.0, float(min(width, height) * rng.uniform(0.05, 0.5)))
    thickness = -1 if rng.random() < 0.7 else int(rng.integers(1, 5))
    kind = rng.integers(3)
    if kind == 0:
        axes = (int(size / 2), int(size / 2 * rng.uniform(0.3, 1)))
        place = (int(centre[0]), int(centre[1]))
        cv2.ellipse(image, place, axes, float(rng.uniform(0, 180)), 0, 360, colour, thickness, cv2.LINE_AA)
        return
    corners = 4 if kind == 1 else int(rng.integers(3, 8))
    angles = np.sort(rng.uniform(0, 2 * np.pi, corners)) if kind == 2 else np.pi / 4 + np.arange(4) * np.pi / 2
    offset = np.stack([np.cos(angles), np.sin(angles) * rng.uniform(0.4, 1)], -1) * size / 2
    turn = rng.uniform(0, np.pi) * (rng.random() < 0.5)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    polygon = (centre + offset @ rotation.T).astype(np.int32)
    if thickness < 0:
        cv2.fillPoly(image, [polygon], colour, cv2.LINE_AA)
    else:
        cv2.polylines(image, [polygon], True, colour, thickness, cv2.LINE_AA)


PAINTERS: tuple[tuple[Painter, float], ...] = (
    (plain, 0.16), (gradient, 0.14), (texture, 0.24), (stripes, 0.10), (dots, 0.06), (lines, 0.08), (landscape, 0.12),
    (clutter, 0.10),
)  # fmt: skip
_WEIGHTS = np.cumsum([weight for _, weight in PAINTERS]) / sum(weight for _, weight in PAINTERS)


def paint_background(rng: np.random.Generator, width: int, height: int) -> Array:
    """A background `uint8 [height, width, 3]` of a random kind, often with a little film grain."""
    painter = PAINTERS[int(np.searchsorted(_WEIGHTS, rng.random()))][0]
    image = np.ascontiguousarray(painter(rng, width, height))
    if rng.random() < 0.3:
        grain = rng.normal(0, rng.uniform(2, 10), (height // 2 + 1, width // 2 + 1, 1)).astype(np.float32)
        image = np.clip(image + cv2.resize(grain, (width, height))[..., None], 0, 255).astype(np.uint8)
    return image
