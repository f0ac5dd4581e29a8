"""Pixel values: the released recipe to the bit, and other sizes."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoImageProcessor

from ferret.errors import ImageError
from ferret.image_processing import FerretImageProcessor
from ferret.images import warp_image

PARITY = Path(__file__).parents[1] / "fixtures" / "parity" / "misc"
GOLDEN = json.loads((PARITY / "preprocess_336.json").read_text())


@pytest.mark.parametrize("name", GOLDEN)
def test_the_released_recipe_to_the_bit(name: str) -> None:
    (values,) = FerretImageProcessor()(Image.open(PARITY / f"pre_{name}.png"), return_tensors="pt")["pixel_values"]
    assert values.dtype == torch.float32
    assert list(values.shape) == GOLDEN[name]["shape"]
    for channel, row, column, expected in GOLDEN[name]["samples"]:  # says more than a hash where it fails
        assert values[channel, row, column].item() == expected
    assert hashlib.sha256(values.numpy().tobytes()).hexdigest() == GOLDEN[name]["sha256"]


def nano() -> FerretImageProcessor:
    return FerretImageProcessor(size={"height": 24, "width": 32}, image_mean=[0.5, 0.5, 0.5], image_std=[0.5, 0.5, 0.5])


def picture(width: int = 50, height: int = 41) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8))


def test_another_size_and_normalisation() -> None:
    (values,) = nano()(picture(), return_tensors="pt")["pixel_values"]
    levels = np.asarray(warp_image(picture(), 32, 24)).astype(np.float64).transpose(2, 0, 1)
    assert values.shape == (3, 24, 32)
    assert np.allclose(values.numpy(), levels / 127.5 - 1, atol=1e-6)


def test_every_kind_of_input_gives_the_same_pixels(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    picture().save(path)
    array = np.asarray(picture())
    reference = nano()(picture(), return_tensors="pt")["pixel_values"]
    sources: list[Any] = [str(path), array, array.transpose(2, 0, 1), torch.from_numpy(array.transpose(2, 0, 1).copy())]
    for source in sources:
        assert torch.equal(nano()(source, return_tensors="pt")["pixel_values"], reference)
    batch = nano()([picture(), picture(10, 90)], return_tensors="np")["pixel_values"]
    assert batch.shape == (2, 3, 24, 32)
    assert np.array_equal(batch[0], reference[0].numpy())


def test_grey_and_transparent_pictures_become_rgb() -> None:
    grey = nano()(picture().convert("L"), return_tensors="pt")["pixel_values"][0]
    assert torch.equal(grey[0], grey[2])
    clear = nano()(Image.new("RGBA", (9, 9), (0, 0, 0, 0)), return_tensors="pt")["pixel_values"]
    assert torch.equal(clear, torch.ones(1, 3, 24, 32))


def test_a_url_is_refused() -> None:
    with pytest.raises(ImageError, match="network is off"):
        nano()("https://example.org/a.png")


def test_it_survives_saving_and_loads_by_the_auto_class(tmp_path: Path) -> None:
    nano().save_pretrained(tmp_path)
    loaded = AutoImageProcessor.from_pretrained(tmp_path, local_files_only=True)
    assert isinstance(loaded, FerretImageProcessor)
    expected = nano()(picture(), return_tensors="pt")["pixel_values"]
    assert torch.equal(loaded(picture(), return_tensors="pt")["pixel_values"], expected)
