"""In pictures unlike all that the embedded weights know nothing is named; reading, and other weights, are not affected.

The embedded weights judge here; nothing is a stand-in.
"""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from agent import VisionAgent
from ferret.regions import Box, Polygon

UNLIKE = "unlike the illustrated scenes that I know"


@pytest.fixture(scope="module")
def embedded() -> VisionAgent:
    """One assistant for all tests here: its models are loaded once."""
    return VisionAgent()


@pytest.fixture(scope="module")
def noise() -> Image.Image:
    """What no camera and nobody's pen has made."""
    return Image.fromarray(np.random.default_rng(5).integers(0, 256, (240, 320, 3), dtype=np.uint8))


@pytest.mark.parametrize(
    ("question", "regions"),
    [
        ("What is this?", [Box(40, 40, 200, 180)]),
        ("What is this?", ["point:100,100"]),
        ("What is in the picture?", []),
        ("Describe the picture.", []),
        ("Where is the dog?", []),
        ("Is there a dog?", []),
        ("How many apples are there?", []),
        ("Which is larger, <region1> or <region2>?", [Box(0, 0, 90, 90), Box(100, 100, 300, 200)]),
    ],
)
def test_noise_is_not_named(embedded: VisionAgent, noise: Image.Image, question: str, regions: list[Box | str]) -> None:
    answer = embedded.ask(question, noise, regions=regions)
    assert answer.status == "unsure"
    assert UNLIKE in answer.text
    assert answer.confidence == 0.0
    # What was pointed at stays linked, and nothing else is.
    assert [(region.label, region.source) for region in answer.regions] == [("region", "user")] * len(regions)
    assert "world" in [one.tool for one in answer.evidence]


def test_what_is_pointed_at_is_cut_out_all_the_same(embedded: VisionAgent, noise: Image.Image) -> None:
    answer = embedded.ask("Cut this out.", noise, regions=[Polygon(((60, 60), (200, 60), (130, 180)))])
    assert answer.status == "unsure"
    assert answer.regions[0].mask is not None


def test_a_scene_is_answered(embedded: VisionAgent, demo_picture: Path) -> None:
    answer = embedded.ask("What is this?", demo_picture, regions=[Box(158, 282, 274, 376)])
    assert answer.status == "answered"
    assert ("world", "like the scenes that the weights know") in [(o.tool, o.summary) for o in answer.evidence]


def test_of_several_pictures_the_strange_one_is_told(
    embedded: VisionAgent, noise: Image.Image, demo_picture: Path
) -> None:
    answer = embedded.ask("Where is the dog?", demo_picture, noise)
    assert answer.status == "unsure"
    assert f"the second picture looks {UNLIKE}" in answer.text
    assert embedded.ask("Where is the dog in the first picture?", demo_picture, noise).status == "answered"


def test_text_is_read_in_any_picture(embedded: VisionAgent, noise: Image.Image) -> None:
    page = Image.blend(noise.resize((640, 240)), Image.new("RGB", (640, 240), "white"), 0.9)
    ImageDraw.Draw(page).text((40, 80), "Open on Sunday", "black", ImageFont.load_default(60))
    answer = embedded.ask("What does it say?", page)
    assert "open on sunday" in answer.text.lower()
    assert answer.status == "answered"
    assert "world" not in [one.tool for one in answer.evidence]
