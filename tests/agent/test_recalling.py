"""How a question refers back to the turns before it."""

from typing import Any

import pytest
from PIL import Image

from agent.intents import MAX_FILTERS
from agent.memory import remembered
from agent.recalling import recall, turned_to

FIRST, SECOND, SIGN = [1.0, 1.0, 2.0, 2.0], [30.0, 3.0, 40.0, 4.0], [50.0, 5.0, 60.0, 6.0]
POINT, LATER = [7.0, 8.0], [9.0, 9.0]


def found(label: str, box: list[float]) -> dict[str, Any]:
    return {"image": 0, "box": box, "label": label}


def box(numbers: list[float]) -> dict[str, Any]:
    return {"kind": "box", "numbers": numbers, "image": 0}


def point(numbers: list[float]) -> dict[str, Any]:
    return {"kind": "point", "numbers": numbers, "image": 0}


MARKED = remembered("What is this?", ["a"], [point(POINT)], [], None)
MARKED = remembered("What is this?", ["a"], [point(LATER)], [], MARKED)
THINGS = [found("apple", FIRST), found("apple", SECOND), found("sign", SIGN)]
MEMORY = remembered("What do you see?", ["a"], [], THINGS, MARKED) | {"pointed": []}


@pytest.mark.parametrize(
    ("question", "asked", "regions"),
    [
        ("And the second one?", "What is <region1>?", [box(SECOND)]),
        ("What about the last one?", "What is <region1>?", [box(SIGN)]),
        ("Segment the first one.", "Segment <region1>.", [box(FIRST)]),
        ("Is the other one an apple?", "Is <region1> an apple?", [box(SECOND)]),
        ("What is it?", "What is <region1>?", [box(FIRST)]),
        ("What about that one?", "What is <region1>?", [box(FIRST)]),
        ("Segment them.", "Segment <region1> and <region2> and <region3>.", [box(FIRST), box(SECOND), box(SIGN)]),
        ("What is <region2>?", "What is <region2>?", [box(FIRST), box(SECOND), box(SIGN)]),
        ("What does that sign say?", "What does <region1> say?", [box(SIGN)]),
        ("Cut out those apples.", "Cut out <region1> and <region2>.", [box(FIRST), box(SECOND)]),
        ("Is that sign above the first one?", "Is <region1> above <region2>?", [box(SIGN), box(FIRST)]),
        ("What is left of apple 2?", "What is left of <region1>?", [box(SECOND)]),
        ("Is apple 1 larger than the apple no. 2?", "Is <region1> larger than <region2>?", [box(FIRST), box(SECOND)]),
        ("Is apple 1 like apple 1?", "Is <region1> like <region1>?", [box(FIRST)]),
        ("What was the thing that I marked before?", "What was <region1>?", [point(LATER)]),
        ("Segment what I pointed at first.", "Segment <region1>.", [point(POINT)]),
        ("Compare the things I marked before.", "Compare <region1> and <region2>.", [point(POINT), point(LATER)]),
        ("What is my first mark?", "What is <region1>?", [point(POINT)]),
        ("Is it bigger than the dog?", "Is <region1> bigger than the dog?", [box(FIRST)]),
        ("What else is there?", "What is there other than <region1> and <region2> and <region3>?",
         [box(FIRST), box(SECOND), box(SIGN)]),
        ("Is there anything else in the picture?",
         "Is there anything in the picture other than <region1> and <region2> and <region3>?",
         [box(FIRST), box(SECOND), box(SIGN)]),
        ("How many other things are there?",
         "How many things are there other than <region1> and <region2> and <region3>?",
         [box(FIRST), box(SECOND), box(SIGN)]),
        # what stays as it is
        ("What else is there besides the dog?", "What else is there besides the dog?", []),
        ("Where is the dog? What else is there?", "Where is the dog? What else is there?", []),
        ("Where else is the dog?", "Where else is the dog?", []),
        ("Find the largest key and cut it out.", "Find the largest key and cut it out.", []),
        ("And the dog?", "And the dog?", []),
        ("And the fifth one?", "And the fifth one?", []),
        ("Find the second one from the left.", "Find the second one from the left.", []),
        ("What is apple 7?", "What is apple 7?", []),
        ("What does that house look like?", "What does that house look like?", []),
        ("Is it true that there is a dog?", "Is it true that there is a dog?", []),
    ],
)  # fmt: skip
def test_recall(question: str, asked: str, regions: list[Any]) -> None:
    assert recall(question, ["a"], MEMORY) == (asked, regions)


def test_else_is_what_was_neither_found_nor_pointed_at() -> None:
    pointed = remembered("What is this?", ["a"], [point(POINT)], THINGS[:1], None)
    asked, regions = recall("What else is there?", ["a"], pointed)
    assert (asked, regions) == ("What is there other than <region1> and <region2>?", [box(FIRST), point(POINT)])
    assert recall("What else is there?", ["b"], pointed) == ("What else is there?", [])
    many = [found("apple", [float(n), 1.0, n + 1.0, 2.0]) for n in range(MAX_FILTERS + 1)]
    full = remembered("List everything.", ["a"], [], many, None)
    assert recall("What else is there?", ["a"], full) == ("What else is there?", [])


ONE_APPLE = remembered("Where is the left apple?", ["a"], [], THINGS[:1], None)
OUTLINED = remembered("Outline the left apple.", ["a"], [], THINGS[:1], None)
TWO_APPLES = remembered("Read two apples.", ["a"], [], THINGS[:2], None)


@pytest.mark.parametrize(
    ("memory", "question", "asked", "count"),
    [
        (ONE_APPLE, "And the other one?", "Find the apple other than <region1>.", 1),
        (ONE_APPLE, "What about the other apple?", "Find the apple other than <region1>.", 1),
        (ONE_APPLE, "And the remaining ones?", "Find the apples other than <region1>.", 1),
        (ONE_APPLE, "The others?", "Find the apples other than <region1>.", 1),
        (ONE_APPLE, "And the rest of them?", "Find the apples other than <region1>.", 1),
        (OUTLINED, "And the other one?", "Outline the apple other than <region1>.", 1),
        (OUTLINED, "Is there another one?", "Is there another apple other than <region1>?", 1),
        (OUTLINED, "Are there any others?", "Are there any apples other than <region1>?", 1),
        (OUTLINED, "Find all the other apples.", "Find all the apples other than <region1>.", 1),
        (OUTLINED, "Where is the other apple hidden?", "Where is the apple other than <region1> hidden?", 1),
        (OUTLINED, "Is the other one bigger?", "Is the apple other than <region1> bigger than <region1>?", 1),
        (TWO_APPLES, "And the other one?", "What is <region1>?", 1),
        (TWO_APPLES, "And the other ones?", "Read the apples other than <region1> and <region2>.", 2),
        (TWO_APPLES, "And the remaining one?", "Read the apple other than <region1> and <region2>.", 2),
        # what stays as it is
        (ONE_APPLE, "And the other dog?", "And the other dog?", 0),
        (ONE_APPLE, "Cut it out from the rest of the picture.", "Cut <region1> out from the rest of the picture.", 1),
        (MEMORY, "And the others?", "And the others?", 0),
        (remembered("?", ["a"], [], [], None), "And the other one?", "And the other one?", 0),
    ],
)  # fmt: skip
def test_others_of_a_kind(memory: dict[str, Any], question: str, asked: str, count: int) -> None:
    told, regions = recall(question, ["a"], memory)
    assert (told, len(regions)) == (asked, count)


def test_nothing_is_recalled_about_other_pictures_or_without_memory() -> None:
    assert recall("And the second one?", ["b"], MEMORY) == ("And the second one?", [])
    assert recall("And the second one?", ["a"], None) == ("And the second one?", [])


def test_a_remembered_region_lies_on_its_picture_wherever_that_stands_now() -> None:
    assert recall("What is apple 2?", ["b", "a"], MEMORY)[1] == [{**box(SECOND), "image": 1}]


def test_regions_that_were_pointed_at_are_named_before_those_found() -> None:
    assert recall("What is <region1>?", ["a"], MEMORY | {"pointed": MARKED["pointed"]})[1] == [point(LATER)]


ONE = remembered("?", ["a"], [], [], None)
SEVERAL = remembered("Where is the dog?", ["c"], [], [], remembered("?", ["b"], [], [], ONE))


@pytest.mark.parametrize(
    ("question", "asked", "pictures"),
    [
        ("How many cats are in the other picture?", "How many cats are in the picture?", ["b"]),
        ("What is in the first image?", "What is in the picture?", ["a"]),
        ("And the second picture?", "Where is the dog?", ["b"]),
        ("Now the other image.", "Where is the dog?", ["b"]),
        ("In the previous photo, is there a dog?", "In the picture, is there a dog?", ["b"]),
        ("Is there a dog in all pictures?", "Is there a dog in all pictures?", ["a", "b", "c"]),
        ("Is there a dog in the picture?", "Is there a dog in the picture?", []),
        ("What is in the ninth picture?", "What is in the ninth picture?", []),
    ],
)  # fmt: skip
def test_turned_to(question: str, asked: str, pictures: list[str]) -> None:
    assert turned_to(question, SEVERAL) == (asked, pictures)


def test_pictures_of_one_turn_are_counted_among_themselves() -> None:
    both = remembered("?", ["b", "c"], [], [], SEVERAL)
    assert turned_to("What is in the second picture?", both) == ("What is in the second picture?", [])
    assert turned_to("And the other picture?", both) == ("?", ["a"])
    assert turned_to("And the other picture?", None) == ("And the other picture?", [])


def test_the_other_one_in_a_conversation(agent: Any, scene: Image.Image) -> None:
    chat = agent.thread("t")
    assert chat.ask("Cut out the left apple.", scene).text == "Here is the outline of the leftmost apple."
    assert chat.ask("And the other one?").text == "Here is the outline of the other apple."
    assert chat.ask("Is there another one?").text == "Yes, there is another apple in the picture."
    chat.ask("Where is the dog?")
    assert chat.ask("Are there any others?").text == "No, there is no other dog in the picture."


def test_a_whole_conversation(agent: Any, world: Any, thing: Any, scene: Image.Image) -> None:
    other = world.paint([thing("dog", (100, 60, 170, 130)), thing("owl", (10, 10, 60, 60))], seed=3)
    chat = agent.thread("t")
    chat.ask("Where are the apples?", scene)
    assert chat.ask("And the second one?").text == "This is an apple."
    assert chat.ask("What is right of apple 1?").regions[0].box == [90.0, 20.0, 120.0, 50.0]
    assert chat.ask("Where is the dog?", other).regions[0].box == [100.0, 60.0, 170.0, 130.0]
    assert chat.ask("Now the other picture.").regions[0].box == [10.0, 60.0, 70.0, 130.0]
    assert chat.ask("Is there an owl in the second picture?").status == "answered"
    assert chat.ask("What is this?", regions=["point:40,40"]).text == "This is an owl."
    assert chat.ask("Where is the dog?").status == "answered"
    assert chat.ask("Segment the one I marked before.").regions[0].label in {"owl", "region"}
    assert [turn.question for turn in chat.turns()][-1] == "Segment the one I marked before."
