"""The art of the synthetic scenes: one sprite for every category, drawn in several styles.

Nine styles are trained on ("train"); a tenth is kept for measuring how far a model carries over to drawings that it
has never seen ("test") and must never be trained on. The sprites travel with the package as one lossy WebP atlas a
style, beside the table of categories and the licences of the drawings (`art/LICENSES.md`).

`python -m training.art --sources NODE_MODULES --font NotoColorEmoji.ttf` draws the atlases anew.
"""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from ferret.errors import TrainingError

Split = Literal["train", "test"]

ART_FOLDER = Path(__file__).with_name("art")
SPRITE_SIZE = 128
"""Side of a sprite's square cell, in pixels; the drawing is centred and its longer side fills about 124 of them."""

COLUMNS = 28
"""Cells in a row of an atlas; categories fill the rows from the left in the order of the table."""

STYLES: dict[Split, tuple[str, ...]] = {
    "train": ("noto", "twemoji", "emojione", "fluent", "fluentflat", "notov1", "fxemoji", "emojionev1", "streamline"),
    "test": ("openmoji",),
}
"""The drawing styles of each split. No style is in both."""

SHARES = {"noto": 3, "twemoji": 3, "emojione": 2}
"""How often a style is drawn, where that is not 1: the sets that pictures out there are likeliest to hold come most."""


@dataclass(frozen=True)
class Category:
    """One kind of thing that a scene can hold."""

    name: str
    """What we call it, lower case, unique among the categories, e.g. "t shirt"."""

    codepoint: str
    """The emoji that draws it, one character."""

    group: str
    """Unicode's sub-group, e.g. "animal-mammal"."""

    cldr: str
    """Unicode's short name, which some icon sets go by, e.g. "monkey face"."""


@dataclass(frozen=True, eq=False)
class Art:
    """The sprites of one split: S styles times K categories. Arrays are shared between callers and read-only."""

    sprites: npt.NDArray[np.uint8]
    """[S, K, 128, 128, 4] RGBA, colours premultiplied by alpha; all zero where a style does not draw a category."""

    present: npt.NDArray[np.bool_]
    """[S, K], False where a style does not draw a category (one style is older than many emoji)."""

    styles: tuple[str, ...]
    """The S names of the styles."""

    names: tuple[str, ...]
    """The K names of the categories, the same in every split."""


def atlas_path(split: Split, style: str, folder: Path = ART_FOLDER) -> Path:
    """Where the atlas of a style lies."""
    return folder / f"{split}-{style}.webp"


@lru_cache(maxsize=1)
def load_categories() -> tuple[Category, ...]:
    """The K categories in their fixed order; a category's index is its number everywhere in training.

    Raises:
        TrainingError: the table is missing or damaged.
    """
    path = ART_FOLDER / "categories.json"
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(rows, list) or not rows:
            raise ValueError("it is not a list of categories")
        return tuple(
            Category(row["name"], chr(int(row["codepoint"].removeprefix("U+"), 16)), row["group"], row["cldr"])
            for row in rows
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise TrainingError(
            f"the table of categories {str(path)!r} cannot be read ({error}); install the package again"
        ) from error


@lru_cache(maxsize=2)
def load_art(split: Split) -> Art:
    """The sprites of a split, about 24 MB of memory a style, kept for the life of the process.

    Args:
        split: "train" for the styles to learn from, "test" for the style that is never trained on.

    Raises:
        TrainingError: the split is unknown, or an atlas is missing, damaged or of another shape.
    """
    if split not in STYLES:
        raise TrainingError(f"there is no art for the split {split!r}; choose one of {sorted(STYLES)}")
    names = tuple(category.name for category in load_categories())
    styles = STYLES[split]
    sprites = np.empty((len(styles), len(names), SPRITE_SIZE, SPRITE_SIZE, 4), np.uint8)
    # Decoding releases the interpreter's lock, so the atlases are read side by side.
    with ThreadPoolExecutor(len(styles)) as pool:
        list(pool.map(read_atlas, [atlas_path(split, style) for style in styles], sprites))
    present: npt.NDArray[np.bool_] = sprites[..., 3].max(axis=(2, 3)) > 0
    sprites.flags.writeable = False
    present.flags.writeable = False
    return Art(sprites, present, styles, names)


def read_atlas(path: Path, cells: npt.NDArray[np.uint8]) -> None:
    """Reads an atlas into `cells`, [K, 128, 128, 4] uint8 RGBA, premultiplying the colours by alpha.

    Raises:
        TrainingError: the file is missing, not an image with alpha, or has not the size of K cells.
    """
    rows = -(-len(cells) // COLUMNS)
    wanted = (rows * SPRITE_SIZE, COLUMNS * SPRITE_SIZE, 4)
    mend = "draw it anew with `python -m training.art`"
    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        raise TrainingError(f"the atlas {str(path)!r} cannot be read ({error}); {mend}") from error
    # None for what is not an image; OpenCV raises where there are no bytes at all.
    straight = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if data.size else None
    found = None if straight is None else straight.shape
    if straight is None or found != wanted:
        raise TrainingError(f"the atlas {str(path)!r} has the shape {found} instead of {wanted}; {mend}")
    # Both orders of the colours premultiply alike; OpenCV decodes to BGRA.
    pixels = cv2.cvtColor(cv2.cvtColor(straight, cv2.COLOR_RGBA2mRGBA), cv2.COLOR_BGRA2RGBA)
    grid = pixels.reshape(rows, SPRITE_SIZE, COLUMNS, SPRITE_SIZE, 4).swapaxes(1, 2)
    for row, start in enumerate(range(0, len(cells), COLUMNS)):
        part = cells[start : start + COLUMNS]
        part[:] = grid[row, : len(part)]


if __name__ == "__main__":
    # Imported here alone: drawing needs the SVG renderer of the "art" extra, loading does not.
    from training.art_build import main

    sys.exit(main())
