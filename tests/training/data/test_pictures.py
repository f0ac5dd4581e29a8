"""Pictures of a draw: prepared as the checkpoint's processor does it, once each; what cannot be read says so."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image

from ferret.errors import ImageError
from ferret.processing import FerretProcessor
from training.data.pictures import Pictures


def test_pixels_are_those_of_the_processor(released: FerretProcessor, picture: Callable[..., Path]) -> None:
    path = picture("a.png", 90, 33)
    pictures = Pictures(released.image_processor)
    assert pictures.size(path) == (90, 33)
    assert torch.equal(pictures.pixels(path), released(images=path)["pixel_values"][0])


def test_a_turned_photograph_is_upright(released: FerretProcessor, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # lies on its side
    Image.new("RGB", (30, 20), "red").save(tmp_path / "a.jpg", exif=exif)
    assert Pictures(released.image_processor).size(tmp_path / "a.jpg") == (20, 30)


def test_each_is_read_once_until_cleared(released: FerretProcessor, picture: Callable[..., Path]) -> None:
    path = picture()
    pictures = Pictures(released.image_processor)
    pixels = pictures.pixels(path)
    path.unlink()
    assert pictures.pixels(path) is pixels
    pictures.clear()
    with pytest.raises(ImageError, match="does not exist"):
        pictures.pixels(path)


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_picture(released: FerretProcessor, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(ImageError):
        Pictures(released.image_processor).size(tmp_path / "a.png")
