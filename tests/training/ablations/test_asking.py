"""What the language arms are asked: held-out scenes and wordings, judged by what is right."""

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from PIL import Image

from ferret import engine
from ferret.engine import Generation, Prompt
from training.ablations import asking
from training.ablations.asking import measure, without_hint
from training.ablations.instructing import SCENES
from training.art import load_art
from training.nano import new_nano
from training.scene_questions import FIRST_SEED
from training.scenes import SceneMaker
from training.wordings import HINT, OCR


@pytest.mark.parametrize(
    ("question", "bare"),
    [
        ("", ""),
        ("What is this?", "What is this?"),
        ("What is <region1>? Hint: dog.", "What is <region1>?"),
        ('Read <region1>. OCR: "SALE" [1, 2, 3, 4], "OPEN" [5, 6, 7, 8].', "Read <region1>."),
        ('Read this. OCR: "A Hint: b" [1, 2, 3, 4].', "Read this."),
        ("Give a Hint: please", "Give a"),
    ],
)
def test_hints_stand_at_the_end(question: str, bare: str) -> None:
    assert without_hint(question) == bare


class Pupil:
    """Answers like a model that believes every hint and every line of OCR, and otherwise says that it is a dog."""

    def __init__(self, *_: Any) -> None:
        self.asked: list[Prompt] = []

    def answer_each(self, images: Sequence[Image.Image], prompts: Sequence[Prompt], _longest: int) -> list[Generation]:
        assert len(images) == len(prompts) <= asking.TOGETHER
        said = []
        for prompt in prompts:
            self.asked.append(prompt)
            hint = prompt.question.partition(HINT.partition("{}")[0])[2].rstrip(".")
            line = prompt.question.partition(OCR.partition("{}")[0])[2].split('"')[1:2]
            said.append(f'"{line[0]}"' if line else f"a {hint or 'dog'}")
        return [Generation(text, (), (), 1.0) for text in said]


@pytest.fixture
def pupil(monkeypatch: pytest.MonkeyPatch) -> Pupil:
    one = Pupil()
    monkeypatch.setattr(engine, "Engine", lambda *_: one)
    return one


def test_a_pupil_that_believes_hints_is_found_out(pupil: Pupil) -> None:
    found = measure(new_nano(), SceneMaker(load_art("train"), SCENES), ("hints",), 30)
    assert found["refer, hint"].count == found["refer, no hint"].count == found["read, OCR lines"].count == 30
    wrong = found["refer, wrong hint"]
    assert wrong.mean == 0
    assert found["refer, hint"].mean == pytest.approx(1 - wrong.count / 30)
    assert 0 < wrong.count < 12
    assert found["refer, no hint"].mean < 0.2
    assert 0 < found["read, OCR lines"].mean < 1
    bare = [prompt for prompt in pupil.asked if not any(mark in prompt.question for mark in (" Hint: ", " OCR: "))]
    assert len(bare) == 30
    assert all(prompt.regions for prompt in pupil.asked)


def test_referring_is_asked_by_point_box_and_mask_and_grounding_by_name(pupil: Pupil) -> None:
    found = measure(new_nano(), SceneMaker(load_art("train"), SCENES), ("refer", "ground"), 11)
    assert {name: one.count for name, one in found.items()} == {"refer": 33, "ground": 11}
    assert found["ground"].mean == 0  # it gives no box
    kinds = [type(prompt.regions[0]).__name__ if prompt.regions else "" for prompt in pupil.asked]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {"Point": 11, "Box": 11, "Mask": 11, "": 11}


def test_nothing_asked_is_nothing_measured(pupil: Pupil) -> None:
    assert measure(new_nano(), SceneMaker(load_art("train"), SCENES), (), 5) == {}
    assert pupil.asked == []


def test_scenes_asked_about_are_held_out(pupil: Pupil, monkeypatch: pytest.MonkeyPatch) -> None:
    seeds: list[int] = []
    make = SceneMaker.make
    monkeypatch.setattr(SceneMaker, "make", lambda self, seed, *rest: seeds.append(seed) or make(self, seed, *rest))  # type: ignore[func-returns-value]
    measure(new_nano(), SceneMaker(load_art("train"), SCENES), ("refer", "ground", "hints"), 3)
    assert seeds
    assert min(seeds) >= FIRST_SEED
    assert pupil.asked


def test_an_untaught_model_is_asked_for_real() -> None:
    torch.manual_seed(0)
    found = measure(new_nano().eval(), SceneMaker(load_art("train"), SCENES), ("refer",), 2)  # type: ignore[no-untyped-call]
    assert found["refer"].count == 6
    assert found["refer"].mean < 0.5
