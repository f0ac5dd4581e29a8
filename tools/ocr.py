"""The text reader: which words are written where. PP-OCR through rapidocr, or EasyOCR where its models are present.

    TextReader().read(image)                             # the whole picture
    TextReader().read(image, region=Box(10, 20, 90, 60)) # one sign

A backend finds quadrilaterals that hold text and reads upright strips. Everything around it is here: pictures and signs
are enlarged until small letters have the height that the networks were trained on, strips are cut along the rotated
text, words of one line are joined, lines come in reading order, and what looks like text but is only a shape is
dropped.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ferret.regions import Box
from tools.base import Instrument, TextLine, ToolStatus
from tools.ocr_backends import BACKENDS, Backend, easyocr_folder, missing_easyocr, missing_rapidocr, open_backend
from tools.ocr_lines import Word, join_lines, reading_order

__all__ = ["TextReader"]

_WHOLE_SHORT_SIDES = (320, 640)
"""Shorter sides at which a whole picture is searched. Large letters are found in the small view, small ones in the
large; measured on signs with letters of 9 to 60 px, each alone misses twice what both miss, and enlarging further
finds less."""
_LARGE_PICTURE = 1000
"""Pictures whose shorter side is larger than this are also searched at `_FULL_SHORT_SIDE`."""
_FULL_SHORT_SIDE = 1280
_MORE_SHORT_SIDES = (480, 960)
"""Where to look next when nothing was found."""
_FEW_WORDS = 6
"""With up to so many words on a picture, the surroundings of each are looked at again from close by."""
_REGION_SHORT_SIDES = (160, 320, 80)
"""Shorter sides at which a cut-out sign is looked at, the next only while the reading is doubtful."""
_MOST_PIXELS = 2_400_000
"""No pass looks at more pixels than this."""
_LARGEST_SCALE = 10.0
_BORDER = 24
"""Pixels of repeated edge around what is read: letters that touch the border are found less well."""
_STRIP = 48
"""Height of a strip, as the recognisers take it."""
_LONGEST_STRIP = 2400
_DOUBTFUL = 0.95
"""Below this score a strip is also read upside down; sound readings lie above .98, those of turned strips up to .9."""
_POOR = 0.8
"""Below this score a sign is also looked at in another size."""
_SHAPES = frozenset("oO0QDCcGUuVvLlIi1JjTtXx口日田回一二三十丨")
"""Letters that discs, frames, strokes and corners are taken for."""


class TextReader(Instrument[Backend]):
    """Reads text in pictures.

    Args:
        backend: `rapidocr` (bundled models), `easyocr` (models that lie in a folder), or `auto`: the first that is
        there. easyocr_models: folder with EasyOCR's `craft_mlt_25k.pth` and `english_g2.pth`; by default EasyOCR's own.
        min_score: lines that the backend trusts less are dropped, 0..1.

    Raises:
        ValueError: no such backend.
    """

    name = "ocr"

    def __init__(
        self,
        backend: str = "auto",
        *,
        easyocr_models: str | os.PathLike[str] | None = None,
        min_score: float = 0.5,
    ) -> None:
        super().__init__()
        if backend not in BACKENDS:
            raise ValueError(f"no text reader {backend!r}: choose one of {', '.join(BACKENDS)}")
        self.backend = backend
        self.folder = easyocr_folder() if easyocr_models is None else Path(easyocr_models).expanduser()
        self.min_score = min_score

    def read(self, image: Image.Image, region: Box | None = None) -> list[TextLine]:
        """Lines of text in reading order: top to bottom, within a row left to right.

        Args:
            image: any size, RGB.
            region: read only what lies in this box, in pixels of the image; it is looked at enlarged and with a
                margin, and small text is read better than from the whole picture.

        Raises:
            RegionError: the region is not on the image.
            ToolError: the backend is missing or fails.
        """
        pixels = np.asarray(image.convert("RGB"), dtype=np.uint8)
        if region is not None:
            region = region.checked(image.width, image.height)
            return self._run(lambda backend: self._read_region(backend, pixels, region))
        return self._run(lambda backend: self._read_whole(backend, pixels))

    def describe(self) -> ToolStatus:
        rapid, easy = missing_rapidocr(), missing_easyocr(self.folder)
        ability = "reads printed text"
        if self.backend != "easyocr" and not rapid:
            return ToolStatus(self.name, True, "rapidocr, PP-OCR as bundled", ability)
        if self.backend != "rapidocr" and not easy:
            return ToolStatus(self.name, True, f"easyocr, models in {self.folder}", ability)
        if self.backend == "easyocr":
            remedy = f"put EasyOCR's craft_mlt_25k.pth and english_g2.pth into {self.folder}"
            return ToolStatus(self.name, False, f"easyocr, models in {self.folder}", "", easy, remedy)
        return ToolStatus(self.name, False, "rapidocr", "", rapid, "pip install 'rapidocr>=3.10' onnxruntime")

    def _load(self) -> Backend:
        return open_backend(self.backend, self.folder)

    def _read_whole(self, backend: Backend, pixels: NDArray[np.uint8]) -> list[TextLine]:
        height, width = pixels.shape[:2]
        sides = [*_WHOLE_SHORT_SIDES, _FULL_SHORT_SIDE] if min(height, width) > _LARGE_PICTURE else _WHOLE_SHORT_SIDES
        quads: list[NDArray[np.float64]] = []
        words: list[Word] = []
        for views in (sides, _MORE_SHORT_SIDES):
            scales = sorted({_fitting(pixels, side / min(height, width)) for side in views})
            quads += [quad for scale in scales for quad in _find(backend, pixels, scale)]
            words = self._read_quads(backend, pixels, quads)
            if words:
                break
        # Where a word was found its neighbours may have been missed: look around it from close by.
        for around in _surroundings(words, width, height):
            left, top, right, bottom = around
            part = pixels[top:bottom, left:right]
            found = _find(backend, part, _fitting(part, _REGION_SHORT_SIDES[0] / min(part.shape[:2])))
            quads += [quad + np.array([left, top]) for quad in found]
        return _finish(self._read_quads(backend, pixels, quads) if words else [], width, height)

    def _read_region(self, backend: Backend, pixels: NDArray[np.uint8], region: Box) -> list[TextLine]:
        height, width = pixels.shape[:2]
        margin = 2 + 0.06 * max(region.x2 - region.x1, region.y2 - region.y1)
        left, top = max(0, math.floor(region.x1 - margin)), max(0, math.floor(region.y1 - margin))
        right, bottom = min(width, math.ceil(region.x2 + margin)), min(height, math.ceil(region.y2 + margin))
        part = pixels[top:bottom, left:right]
        inside = Box(region.x1 - left, region.y1 - top, region.x2 - left, region.y2 - top)
        quads: list[NDArray[np.float64]] = []
        words: list[Word] = []
        for side in _REGION_SHORT_SIDES:
            quads += _find(backend, part, _fitting(part, side / min(part.shape[:2])))
            words = [word for word in self._read_quads(backend, part, quads) if _centred_in(word, inside)]
            if words and min(word.score for word in words) >= _POOR:
                break
        return _finish([word.moved(left, top) for word in words], width, height)

    def _read_quads(
        self, backend: Backend, pixels: NDArray[np.uint8], quads: Sequence[NDArray[np.float64]]
    ) -> list[Word]:
        """Read what lies under quadrilaterals [4, 2], and keep of overlapping readings the fullest and surest."""
        corners = [_along_text(quad) for quad in quads]
        strips = [_cut(pixels, each) for each in corners]
        read = backend.read(strips)
        doubtful = [index for index, (_, score) in enumerate(read) if score < _DOUBTFUL]
        again = backend.read([np.ascontiguousarray(strips[index][::-1, ::-1]) for index in doubtful])
        for index, (text, score) in zip(doubtful, again, strict=True):  # a sign may hang upside down
            if score > read[index][1] + 0.05:
                read[index] = (text, score)
                corners[index] = np.roll(corners[index], 2, axis=0)
        words = [
            Word(" ".join(text.split()), score, each)
            for each, (text, score) in zip(corners, read, strict=True)
            if score >= self.min_score and _is_text(text, score)
        ]
        kept: list[Word] = []
        for word in sorted(words, key=_trust, reverse=True):
            if all(_overlap(word.corners, other.corners) < 0.4 for other in kept):
                kept.append(word)
        return kept


def _surroundings(words: Sequence[Word], width: int, height: int) -> list[tuple[int, int, int, int]]:
    """Windows around words, wide enough for the next word and the next line; none where there is much text."""
    if len(words) > _FEW_WORDS:
        return []
    windows: list[tuple[int, int, int, int]] = []
    for word in words:
        low, high = word.corners.min(axis=0), word.corners.max(axis=0)
        reach = np.array([max(3.0 * word.height, 0.6 * (high - low)[0]), 2.5 * word.height])
        (x1, y1), (x2, y2) = np.floor(low - reach), np.ceil(high + reach)
        window = max(0, int(x1)), max(0, int(y1)), min(width, int(x2)), min(height, int(y2))
        middle = word.corners.mean(axis=0)
        seen = any(a <= middle[0] <= c and b <= middle[1] <= d for a, b, c, d in windows)
        if not seen and window[2] > window[0] and window[3] > window[1]:
            windows.append(window)
    return windows


def _find(backend: Backend, pixels: NDArray[np.uint8], scale: float) -> list[NDArray[np.float64]]:
    """Find text in the picture enlarged or shrunk by `scale`; corners [4, 2] come back in its own pixels."""
    import cv2

    height, width = pixels.shape[:2]
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    method = cv2.INTER_LINEAR if scale > 1 else cv2.INTER_AREA
    view = cv2.resize(pixels, size, interpolation=method) if size != (width, height) else pixels
    view = np.asarray(
        cv2.copyMakeBorder(view, _BORDER, _BORDER, _BORDER, _BORDER, cv2.BORDER_REPLICATE), dtype=np.uint8
    )
    ratio = np.array([size[0] / width, size[1] / height])
    return [(quad - _BORDER) / ratio for quad in backend.find(view)]


def _fitting(pixels: NDArray[np.uint8], scale: float) -> float:
    """A scale no larger than asked for, at which the picture and its border stay below `_MOST_PIXELS`."""
    height, width = pixels.shape[:2]
    area, edges = height * width, 2 * _BORDER * (height + width)  # border counts most on a picture that is all edge
    most = (math.sqrt(edges**2 + 4 * area * (_MOST_PIXELS - 4 * _BORDER**2)) - edges) / (2 * area)
    return float(min(scale, _LARGEST_SCALE, most))


def _sides(corners: NDArray[np.float64]) -> tuple[float, float]:
    """Width and height of a quadrilateral whose corners run clockwise from its top left."""
    width = max(np.linalg.norm(corners[0] - corners[1]), np.linalg.norm(corners[3] - corners[2]))
    height = max(np.linalg.norm(corners[0] - corners[3]), np.linalg.norm(corners[1] - corners[2]))
    return float(width), float(height)


def _along_text(quad: NDArray[np.float64]) -> NDArray[np.float64]:
    """Corners [4, 2] from the top left of the text clockwise; a quadrilateral taller than wide is read from below
    up."""
    width, height = _sides(quad)
    return np.roll(quad, 1, axis=0) if height >= 1.5 * width else quad


def _cut(pixels: NDArray[np.uint8], corners: NDArray[np.float64]) -> NDArray[np.uint8]:
    """The upright strip uint8 [`_STRIP`, w, 3] under a quadrilateral, read along its first side."""
    import cv2

    width, height = _sides(corners)
    length = int(np.clip(round(_STRIP * width / max(height, 1.0)), 8, _LONGEST_STRIP))
    # Corners are edges; OpenCV counts from the middle of the first pixel.
    target = np.array([[0, 0], [length, 0], [length, _STRIP], [0, _STRIP]], dtype=np.float32) - 0.5
    if height > 2 * _STRIP:  # average first: the warp looks at 4 x 4 pixels and would skip over the others
        factor = _STRIP / height
        size = (max(1, round(pixels.shape[1] * factor)), max(1, round(pixels.shape[0] * factor)))
        corners = corners * (np.array(size) / pixels.shape[1::-1])
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    matrix = cv2.getPerspectiveTransform((corners - 0.5).astype(np.float32), target)
    strip = cv2.warpPerspective(
        pixels, matrix, (length, _STRIP), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(strip, dtype=np.uint8)


def _is_text(text: str, score: float) -> bool:
    """Whether a reading may be words: letters or digits, not lone shapes, a single one only when certain."""
    letters = [character for character in text if character.isalnum()]
    if all(letter in _SHAPES for letter in letters):
        return len(letters) > 1 and score >= 0.95
    return len(letters) > 1 or score >= 0.95


def _centred_in(word: Word, box: Box) -> bool:
    x, y = word.corners.mean(axis=0)
    return bool(box.x1 <= x <= box.x2 and box.y1 <= y <= box.y2)


def _trust(word: Word) -> float:
    """How much was read, and how surely: characters weighted by the square of the score."""
    return len(word.text) * word.score**2


def _overlap(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Common area of two convex quadrilaterals as a share of the smaller one."""
    import cv2

    a, b = first.astype(np.float32), second.astype(np.float32)
    smaller = min(abs(cv2.contourArea(a)), abs(cv2.contourArea(b)))
    return float(cv2.intersectConvexConvex(a, b)[0] / smaller) if smaller > 0 else 1.0


def _finish(words: Sequence[Word], width: int, height: int) -> list[TextLine]:
    lines = []
    for word in reading_order(join_lines(words)):
        corners = np.clip(word.corners, 0, [width, height])
        (x1, y1), (x2, y2) = corners.min(axis=0), corners.max(axis=0)
        polygon = tuple((float(x), float(y)) for x, y in corners)
        lines.append(TextLine(word.text, float(word.score), Box(float(x1), float(y1), float(x2), float(y2)), polygon))
    return lines
