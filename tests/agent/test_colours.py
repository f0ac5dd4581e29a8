"""Colours by their names."""

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from agent.colours import is_of, shares
from agent.intents import Colour
from ferret.regions import Box


@pytest.mark.parametrize(
    ("rgb", "colour"),
    [
        ((0, 0, 0), Colour.BLACK), ((255, 255, 255), Colour.WHITE), ((128, 128, 128), Colour.GREY),
        ((220, 20, 30), Colour.RED), ((139, 10, 20), Colour.RED), ((255, 140, 0), Colour.ORANGE),
        ((255, 220, 40), Colour.YELLOW), ((30, 160, 60), Colour.GREEN), ((150, 220, 120), Colour.GREEN),
        ((30, 80, 220), Colour.BLUE), ((120, 190, 250), Colour.BLUE), ((130, 40, 200), Colour.PURPLE),
        ((255, 105, 180), Colour.PINK), ((255, 182, 193), Colour.PINK), ((139, 69, 19), Colour.BROWN),
        ((101, 67, 33), Colour.BROWN),
    ],
)  # fmt: skip
def test_typical_colours(rgb: tuple[int, int, int], colour: Colour) -> None:
    found = shares(np.array([rgb], np.uint8))
    assert found[colour] == 1.0, max(found, key=lambda name: found[name])


@given(hnp.arrays(np.uint8, (7, 3)))
def test_every_pixel_has_one_colour(pixels: NDArray[np.uint8]) -> None:
    assert sum(shares(pixels).values()) == pytest.approx(1.0)


@pytest.mark.parametrize("box", [Box(40, 40, 80, 80), Box(0, 0, 2, 2), Box(100, 100, 120, 120)])
def test_a_thing_on_another_ground(box: Box) -> None:
    picture = Image.new("RGB", (120, 120), (250, 250, 250))
    ImageDraw.Draw(picture).ellipse(box.coordinates, fill=(30, 160, 60))
    assert is_of(Colour.GREEN, picture, box)
    assert not is_of(Colour.RED, picture, box)
