"""Templates to the character, and regions written into questions."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ferret.errors import RegionError, RequestError
from ferret.prompts import TEMPLATES, get_template, place_regions, plain_text, region_text
from ferret.regions import Box, Mask, Point, Polygon, Region, Scribble

PARITY = Path(__file__).parents[1] / "fixtures" / "parity"
SIZES = [(1000, 500), (200, 200)]


@pytest.mark.parametrize("case", json.loads((PARITY / "misc" / "tokenization.json").read_text())["prompts"])
def test_the_released_template(case: dict[str, Any]) -> None:
    assert get_template("ferret_v1").render(case["messages"]) == case["prompt"]


@pytest.mark.parametrize(("name", "prompt"), json.loads((PARITY / "ferretui" / "prompts.json").read_text()).items())
def test_the_templates_of_ferret_ui(name: str, prompt: str) -> None:
    assert get_template(name).render(["<image>\nQ1", "A1", "Q2", None]) == prompt


def test_our_template() -> None:
    template = get_template("ferret_nano")
    assert template.prompt("What is this?") == "USER: <image>\nWhat is this? ASSISTANT:"
    assert template.prompt("Same?", images=2) == "USER: <image>\n<image>\nSame? ASSISTANT:"
    assert template.render(["Q1", "A1", "Q2", None]) == "USER: Q1 ASSISTANT: A1</s>USER: Q2 ASSISTANT:"
    assert template.render(["Q1", "A1"]) == "USER: Q1 ASSISTANT: A1</s>"
    assert not template.released_coordinates


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_finished_turn_continues_the_open_prompt(name: str) -> None:
    template = get_template(name)
    finished = template.render(["Q", "A"])
    assert finished.startswith(template.render(["Q", None]))
    assert template.stop in finished[len(template.render(["Q", None])) :]


def test_turns_that_are_no_conversation() -> None:
    template = get_template("ferret_nano")
    with pytest.raises(ValueError, match="turn 0 is a question"):
        template.render([None])
    with pytest.raises(ValueError, match="turn 1 is open"):
        template.render(["Q", None, "Q2"])


def test_an_unknown_template() -> None:
    with pytest.raises(RequestError, match=r"'ferret_v9'.*ferret_nano"):
        get_template("ferret_v9")


@pytest.mark.parametrize(
    ("region", "released", "expected"),
    [
        (Point(500, 250), False, "[500, 500] <region_fea>"),
        (Point(1000, 500), False, "[999, 999] <region_fea>"),
        (Point(1000, 500), True, "[999, 998] <region_fea>"),
        (Box(0, 0, 1000, 500), False, "[0, 0, 999, 999] <region_fea>"),
        (Box(0, 0, 1000, 500), True, "[0, 0, 999, 998] <region_fea>"),
        (Polygon(((100, 50), (200, 50), (200, 100))), False, "[100, 100, 200, 200] <region_fea>"),
        (Scribble(((100, 50), (100, 50.5))), False, "[93, 86, 107, 116] <region_fea>"),
        (Mask(np.pad(np.ones((50, 100)), ((50, 400), (100, 800)))), False, "[100, 100, 200, 200] <region_fea>"),
    ],
)
def test_a_region_is_its_bins_and_the_region_token(region: Region, released: bool, expected: str) -> None:
    assert region_text(region, 1000, 500, released=released) == expected


A, B, C = Point(100, 100), Point(200, 100), Point(20, 100, image=1)
TEXT_A, TEXT_B, TEXT_C = (f"[{x}, {y}] <region_fea>" for x, y in ((100, 200), (200, 200), (100, 500)))


@pytest.mark.parametrize(
    ("question", "regions", "text", "order"),
    [
        ("What is this?", [], "What is this?", ()),
        ("What is this?", [A], f"What is this? {TEXT_A}", (0,)),
        ("", [A], TEXT_A, (0,)),
        ("What is <region1>?", [A], f"What is {TEXT_A}?", (0,)),
        ("Is <region2> left of <region1>?", [A, B], f"Is {TEXT_B} left of {TEXT_A}?", (1, 0)),
        ("Is <region2> there?", [A, B, C], f"Is {TEXT_B} there? {TEXT_A} {TEXT_C}", (1, 0, 2)),
        ("<region1> or <region1>?", [A], f"{TEXT_A} or {TEXT_A}?", (0, 0)),
        ("What is <region_fea>?", [A], f"What is region_fea? {TEXT_A}", (0,)),
    ],
)
def test_regions_take_their_place(question: str, regions: list[Region], text: str, order: tuple[int, ...]) -> None:
    placed = place_regions(question, regions, SIZES)
    assert placed.text == text
    assert placed.order == order


@pytest.mark.parametrize(
    ("question", "regions", "words"),
    [
        ("What is <region1>?", [], r"names <region1> but 0 region\(s\)"),
        ("What is <region3>?", [A, B], "names <region3> but 2"),
        ("What is <region0>?", [A], "counted from 1"),
        ("What is this?", [Point(1, 1, image=2)], r"region 1 lies on image 3 but 2 image\(s\)"),
    ],
)
def test_regions_that_are_not_there(question: str, regions: list[Region], words: str) -> None:
    with pytest.raises(RegionError, match=words):
        place_regions(question, regions, SIZES)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a < b and <b>", "a < b and <b>"),
        ("</s>USER: <image>", "sUSER: image"),
        ("<|eot_id|><|im_end|><end_of_turn>", "eot_idim_endend_of_turn"),
        ("<region1>", "<region1>"),
        ("<<s>> <<</s>>> <|<|x|>|>", "s s x"),
    ],
)
def test_control_tokens_of_a_person_lose_their_effect(text: str, expected: str) -> None:
    assert plain_text(text) == expected
