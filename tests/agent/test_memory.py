"""What a thread remembers."""

from typing import Any

import hypothesis.strategies as st
from hypothesis import given

from agent.memory import MOST_MARKED, MOST_THINGS, nameable, remembered

REGION = {"kind": "box", "image": 0, "numbers": [1.0, 1.0, 2.0, 2.0]}


def found(label: str, x: float, image: int = 0) -> dict[str, Any]:
    return {"image": image, "box": [x, 0.0, x + 10, 10.0], "label": label}


def names(memory: Any, of: str = "found") -> list[str]:
    return [thing["name"] for thing in memory[of]]


def test_the_first_turn() -> None:
    memory = remembered("Where?", ["a"], [REGION], [found("dog", 5)], None)
    assert (memory["question"], memory["images"], memory["pictures"]) == ("Where?", ["a"], ["a"])
    assert memory["pointed"] == memory["marked"] == [
        {"picture": "a", "region": {"kind": "box", "numbers": [1.0, 1.0, 2.0, 2.0]}}
    ]
    assert memory["found"] == memory["things"]
    assert memory["found"][0]["region"] == {"kind": "box", "numbers": [5.0, 0.0, 15.0, 10.0]}
    assert nameable(memory) == 1
    assert nameable(None) == 0


def test_an_empty_turn_about_the_same_pictures_forgets_nothing_but_its_question() -> None:
    first = remembered("Where?", ["a"], [REGION], [found("dog", 5)], None)
    assert remembered("And?", ["a"], [], [], first) == first | {"question": "And?"}


def test_other_pictures_forget_what_was_meant_and_keep_what_has_a_name() -> None:
    first = remembered("Where?", ["a"], [REGION], [found("dog", 5)], None)
    second = remembered("Where?", ["b"], [], [], first)
    assert (second["pointed"], second["found"]) == ([], [])
    assert second["pictures"] == ["a", "b"]
    assert (second["marked"], second["things"]) == (first["marked"], first["things"])


def test_names_last() -> None:
    """A thing found again keeps its name; another of its kind gets the next number, in whatever picture it is."""
    memory = remembered("?", ["a"], [], [found("apple", 0), found("apple", 50), found("dog", 80)], None)
    assert names(memory) == ["apple 1", "apple 2", "dog 1"]
    memory = remembered("?", ["a"], [], [found("apple", 51), found("apple", 20)], memory)
    assert names(memory) == ["apple 2", "apple 3"]
    memory = remembered("?", ["b"], [], [found("apple", 50)], memory)
    assert names(memory) == ["apple 4"]
    assert names(memory, "things") == ["apple 1", "apple 2", "dog 1", "apple 3", "apple 4"]


@given(st.lists(st.lists(st.tuples(st.sampled_from(["apple", "dog"]), st.integers(0, 40)), max_size=40), max_size=9))
def test_memory_is_bounded_and_names_are_never_given_twice(turns: list[list[tuple[str, int]]]) -> None:
    memory: Any = None
    for index, turn in enumerate(turns):
        pointed = [{**REGION, "numbers": [float(x), 0.0, x + 1.0, 1.0]} for _, x in turn]
        memory = remembered("?", [f"p{index % 3}"], pointed, [found(label, 20.0 * x) for label, x in turn], memory)
        assert len(memory["things"]) <= MOST_THINGS
        assert len(memory["marked"]) <= MOST_MARKED
        assert len(set(names(memory, "things"))) == len(memory["things"])
