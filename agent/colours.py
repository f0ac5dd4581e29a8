"""Which of the basic colour terms fits a thing: pixels named one by one, by hue, saturation and value."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from agent.intents import Colour
from ferret.regions import Box

if TYPE_CHECKING:
    from PIL import Image

_INNER = 0.7  # of a box, from its middle: what lies nearer to its edges may be background
_ENOUGH = 0.3  # a thing of which so much is of a colour is called by it
_LOOKED_AT = 64  # pixels a side at most: colours need no more

_HUES = (
    (15, Colour.RED), (45, Colour.ORANGE), (70, Colour.YELLOW), (165, Colour.GREEN), (258, Colour.BLUE),
    (295, Colour.PURPLE), (345, Colour.PINK), (360, Colour.RED),
)  # fmt: skip
"""Where each hue ends, in degrees."""
_NAMES = tuple(Colour)


def shares(pixels: NDArray[np.uint8]) -> dict[Colour, float]:
    """The share of each colour among pixels uint8 [N, 3] (sRGB), in 0..1; they add up to 1."""
    rgb = pixels.astype(np.float32) / 255
    value, low = rgb.max(axis=1), rgb.min(axis=1)
    chroma = value - low
    saturation = chroma / np.maximum(value, 1e-6)
    red, green, blue = rgb.T
    safe = np.maximum(chroma, 1e-6)
    sector = np.where(
        value == red,
        (green - blue) / safe % 6,
        np.where(value == green, (blue - red) / safe + 2, (red - green) / safe + 4),
    )
    hue = sector * 60
    names = np.empty(len(pixels), dtype=np.int64)
    start = 0.0
    for end, colour in _HUES:
        names[(hue >= start) & (hue <= end)] = _NAMES.index(colour)
        start = end
    warm = (hue < 45) | (hue > 345)
    names[warm & (hue >= 10) & (hue < 45) & (value < 0.65)] = _NAMES.index(Colour.BROWN)
    names[warm & ~((hue >= 15) & (hue < 45)) & (saturation < 0.55) & (value > 0.7)] = _NAMES.index(Colour.PINK)
    names[(hue > 345) & (value < 0.4)] = _NAMES.index(Colour.BROWN)
    grey = saturation < 0.15
    names[grey] = _NAMES.index(Colour.GREY)
    names[grey & (value > 0.85)] = _NAMES.index(Colour.WHITE)
    names[value < 0.2] = _NAMES.index(Colour.BLACK)
    counts = np.bincount(names, minlength=len(_NAMES))
    return {colour: float(count) / max(len(pixels), 1) for colour, count in zip(_NAMES, counts, strict=True)}


def is_of(colour: Colour, picture: "Image.Image", box: Box) -> bool:
    """Whether the thing in a box, in pixels of the picture, is of a colour: a good part of it, or the largest part."""
    found = shares(_inner(picture, box))
    return found[colour] >= _ENOUGH or (found[colour] > 0 and found[colour] == max(found.values()))


def _inner(picture: "Image.Image", box: Box) -> NDArray[np.uint8]:
    """The pixels uint8 [N, 3] of an ellipse around the middle of a box."""
    left, top, right, bottom = (
        max(0, int(box.x1)), max(0, int(box.y1)), min(picture.width, int(box.x2) + 1),
        min(picture.height, int(box.y2) + 1),
    )  # fmt: skip
    crop = picture.crop((left, top, max(right, left + 1), max(bottom, top + 1))).convert("RGB")
    crop.thumbnail((_LOOKED_AT, _LOOKED_AT))
    pixels = np.asarray(crop, dtype=np.uint8)
    height, width = pixels.shape[:2]
    rows, columns = np.ogrid[:height, :width]
    down = (rows + 0.5 - height / 2) / (height / 2 * _INNER)
    across = (columns + 0.5 - width / 2) / (width / 2 * _INNER)
    inside = down**2 + across**2 <= 1
    return pixels[inside] if inside.any() else pixels.reshape(-1, 3)
