"""The whole path with the embedded weights, about the picture that the demo shows: nothing is a stand-in here."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agent import VisionAgent
from agent.answers import Answer
from ferret.regions import Box, box_iou

DOG = Box(158, 282, 274, 376)
HOUSE = Box(480, 146, 640, 304)


@pytest.fixture(scope="module")
def embedded() -> VisionAgent:
    """One assistant for all tests here: its models are loaded once."""
    return VisionAgent()


def without_times(answer: Answer) -> dict[str, Any]:
    told = answer.model_dump()
    return told | {"seconds": 0, "evidence": [one | {"seconds": 0} for one in told["evidence"]]}


def test_a_region_is_named(embedded: VisionAgent, demo_picture: Path) -> None:
    answer = embedded.ask("What is this?", demo_picture, regions=[DOG])
    assert answer.status == "answered"
    assert "dog" in answer.text


def test_a_thing_is_found_and_cut_out(embedded: VisionAgent, demo_picture: Path) -> None:
    (found,) = embedded.ask("Where is the house?", demo_picture).regions[:1]
    assert box_iou(Box(*found.box), HOUSE) > 0.5
    (cut,) = embedded.ask("Outline the house.", demo_picture).regions[:1]
    assert cut.mask is not None
    assert cut.mask.size == [480, 720]


def test_what_is_not_there_is_not_found(embedded: VisionAgent, demo_picture: Path) -> None:
    absent = [
        embedded.ask(f"Is there a {name}?", demo_picture).status for name in ("whale", "guitar", "pizza", "rocket")
    ]
    assert absent.count("not_found") >= 3


def test_a_sign_is_read(embedded: VisionAgent, demo_picture: Path) -> None:
    answer = embedded.ask("What does the sign say?", demo_picture)
    assert '"FRESH FRUIT"' in answer.text
    assert "FRESH FRUIT" in [region.text for region in answer.regions]
    assert {region.source for region in answer.regions} == {"ocr"}


@pytest.mark.parametrize("question", ["What is in the picture?", "Describe the picture.", "Where are the apples?"])
def test_the_same_request_gives_the_same_answer(embedded: VisionAgent, demo_picture: Path, question: str) -> None:
    first = without_times(embedded.ask(question, demo_picture))
    assert without_times(VisionAgent().ask(question, demo_picture)) == first


def test_noise_is_not_named_with_certainty(embedded: VisionAgent) -> None:
    import numpy as np

    noise = np.random.default_rng(0).integers(0, 256, (240, 320, 3), dtype=np.uint8)
    assert embedded.ask("What is in the picture?", noise).status == "unsure"


@pytest.mark.slow
def test_the_command_prints_one_object(demo_picture: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "agent.cli", "ask", "What is <region1>?", str(demo_picture), "--json"]
    command += ["--region", "box:158,282,274,376", "--save", str(tmp_path / "overlay.png")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert Answer.model_validate(json.loads(done.stdout)).regions[0].source == "user"
    assert (tmp_path / "overlay.png").stat().st_size > 0
