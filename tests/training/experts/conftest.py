"""Pictures with labels made by hand, so that every truth can be read off the test."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ferret.images import load_image
from ferret.masks import encode_rle
from training.art import load_art
from training.experts.certainty import Picture
from training.experts.labelling import LabellingReport, label_pictures
from training.experts.labels import Corners, MaskLabel, ObjectLabel, TextLabel
from training.experts.panel import ExpertSettings
from training.experts.pictures import find_pictures
from training.scenes import SceneMaker, SceneSettings

Thing = tuple[str, Corners] | tuple[str, Corners, float]
MakePicture = Callable[..., Picture]


def mask_of(index: int, box: Corners, size: tuple[int, int]) -> MaskLabel:
    """A mask of all pixels of a box with whole-numbered edges."""
    array = np.zeros((size[1], size[0]), np.bool_)
    array[int(box[1]) : int(box[3]), int(box[0]) : int(box[2])] = True
    rle = encode_rle(array)
    return MaskLabel(index, (size[1], size[0]), rle["counts"], 0.9, box, int(array.sum()))


@pytest.fixture
def make_picture() -> MakePicture:
    """`make_picture(("dog", (10, 20, 60, 80)), ("cat", (...), 0.3), text=[("SALE", (...))], size=(200, 100))`.

    Scores are 0.9 unless given; with `masks` every thing has one.
    """

    def make(
        *things: Thing,
        text: Sequence[Thing] = (),
        size: tuple[int, int] = (200, 100),
        masks: bool = False,
        name: str = "a.png",
    ) -> Picture:
        objects = tuple(ObjectLabel(thing[0], thing[2] if len(thing) > 2 else 0.9, thing[1]) for thing in things)
        lines = tuple(TextLabel(line[0], line[2] if len(line) > 2 else 0.99, line[1]) for line in text)
        outlines = tuple(mask_of(index, label.box, size) for index, label in enumerate(objects)) if masks else ()
        digest = hashlib.sha256(repr((things, text, size)).encode()).hexdigest()
        return Picture(name, digest, size, objects, lines, outlines)

    return make


@pytest.fixture(scope="session")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of three scenes with few, large objects and signs, one of them twice, and a file that is no picture."""
    folder = tmp_path_factory.mktemp("scenes")
    maker = SceneMaker(load_art("train"), SceneSettings(objects=(3, 3), scale=(0.3, 0.45), side=(192, 192), sign=1.0))
    for seed in (1, 2, 3):
        Image.fromarray(maker.make(seed).image).save(folder / f"{seed}.png")
    load_image(folder / "1.png").save(folder / "same as 1.bmp")
    (folder / "broken.png").write_bytes(b"not a picture")
    (folder / "notes.txt").write_text("notes")
    return folder


@pytest.fixture(scope="session")
def labelled(scenes: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, LabellingReport]:
    """A store with the labels of the scenes, and the report of their labelling; not to be written to."""
    store = tmp_path_factory.mktemp("labels") / "labels.sqlite"
    return store, label_pictures(find_pictures(scenes), store, ExpertSettings())
