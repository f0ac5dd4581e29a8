"""How a question refers back to the turns before it."""

from typing import Any

import pytest

from agent.memory import recall, remembered

FIRST = {"kind": "box", "image": 0, "numbers": [1.0, 1.0, 2.0, 2.0]}
SECOND = {"kind": "box", "image": 0, "numbers": [3.0, 3.0, 4.0, 4.0]}
MEMORY = {"images": ["a"], "pointed": [], "found": [FIRST, SECOND]}


@pytest.mark.parametrize(
    ("question", "asked", "regions"),
    [
        ("And the second one?", "What is <region1>?", [SECOND]),
        ("What about the last one?", "What is <region1>?", [SECOND]),
        ("Segment the first one.", "Segment <region1>.", [FIRST]),
        ("Is the other one an apple?", "Is <region1> an apple?", [SECOND]),
        ("What is it?", "What is <region1>?", [FIRST]),
        ("What about that one?", "What is <region1>?", [FIRST]),
        ("Segment them.", "Segment <region1> and <region2>.", [FIRST, SECOND]),
        ("What is <region2>?", "What is <region2>?", [FIRST, SECOND]),
        ("And the dog?", "And the dog?", []),
        ("And the fifth one?", "And the fifth one?", []),
        ("Is it true that there is a dog?", "Is it true that there is a dog?", []),
    ],
)
def test_recall(question: str, asked: str, regions: list[Any]) -> None:
    assert recall(question, ["a"], MEMORY) == (asked, regions)


def test_nothing_is_recalled_about_other_pictures_or_without_memory() -> None:
    assert recall("And the second one?", ["b"], MEMORY) == ("And the second one?", [])
    assert recall("And the second one?", ["a"], None) == ("And the second one?", [])


def test_regions_that_were_pointed_at_are_named_before_those_found() -> None:
    assert recall("What is <region1>?", ["a"], MEMORY | {"pointed": [SECOND]})[1] == [SECOND]


def test_an_empty_turn_about_the_same_pictures_forgets_nothing() -> None:
    assert remembered(["a"], [], [], MEMORY) == MEMORY
    assert remembered(["b"], [], [], MEMORY) == {"images": ["b"], "pointed": [], "found": []}
    found = [{"image": 0, "box": [5.0, 5.0, 6.0, 6.0], "label": "dog"}]
    assert remembered(["a"], [FIRST], found, MEMORY) == {
        "images": ["a"],
        "pointed": [FIRST],
        "found": [{"kind": "box", "image": 0, "numbers": [5.0, 5.0, 6.0, 6.0]}],
    }
