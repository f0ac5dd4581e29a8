"""The pictures of the notebooks are what the script beside them draws, and all of them are told of."""

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

PICTURES = Path(__file__).resolve().parents[2] / "examples" / "pictures"


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    return runpy.run_path(str(PICTURES / "draw.py"))


@pytest.mark.parametrize("name", ["farm", "market", "orchard", "park", "beach"])
def test_the_script_draws_the_picture(script: dict[str, Any], name: str) -> None:
    from training.art import load_art

    drawn = np.asarray(script["drawn"](script["PICTURES"][name], load_art("train")), dtype=np.int16)
    stored = np.asarray(Image.open(PICTURES / f"{name}.png"), dtype=np.int16)
    assert drawn.shape == stored.shape
    # Letters may differ by their edges where another FreeType draws them.
    assert np.mean(np.abs(drawn - stored)) < 0.5


def test_every_picture_is_told_of(script: dict[str, Any]) -> None:
    told = (PICTURES / "README.md").read_text(encoding="utf-8")
    stored = {path.stem for path in PICTURES.glob("*.png")}
    assert stored == {*script["PICTURES"], "scene"}
    assert [name for name in stored if f"`{name}.png`" not in told] == []
