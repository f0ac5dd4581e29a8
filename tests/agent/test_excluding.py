"""What a request leaves out."""

import pytest

from agent.excluding import exclusion
from agent.lexicon import Lexicon
from agent.planning import plan_question
from ferret.errors import RequestError

NAMES = Lexicon(("dog", "cat", "tree", "apple", "sign"))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", None),
        ("except", None),
        ("the dog", None),
        ("where is the dog", None),
        ("everything except the dog", ("list everything", "the dog")),
        ("all but the dog and the cat", ("list everything", "the dog and the cat")),
        ("outline all trees other than the largest one", ("outline all trees", "the largest one")),
        ("what else is there besides the dog", ("what is there", "the dog")),
        ("what trees do you see apart from <r0>", ("what trees do you see", "<r0>")),
        ("how many trees are not apples", ("how many trees are there", "apples")),
        ("list all signs that are not apples", ("list all signs", "apples")),
        ("i want everything except the dog outlined", ("i want everything outlined", "the dog")),
        ("count everything, not counting the dog", ("count everything", "the dog")),
        # what is narrowed is read elsewhere
        ("find all apples except the red ones", None),
        ("find all apples but the ones near the tree", None),
        ("find the apples that are not on the tree", None),
        ("is the apple other than <r0> bigger than <r0>", None),
        # what lies somewhere, apart from some
        ("is anything but the dog in the water", ("are there things that are in the water", "the dog")),
        ("is there anything except the dog on the left", ("are there things that are on the left", "the dog")),
        ("is anything but the dog red", ("are there things that are red", "the dog")),
        ("what is in the water besides the dog", ("what is in the water", "the dog")),
        ("what besides the dog is in the water", ("what is in the water", "the dog")),
        ("what is besides the dog", None),
        ("find everything but the dog in the water", ("find everything", "the dog in the water")),
        ("segment all signs without the word \x110\x12", None),
        # nothing is left out
        ("what is besides the tree", None),
        ("find the dog but not the coordinates", None),
        ("is there nothing but trees", None),
        ("are there two dogs that are not the same", None),
        ("which apples are not visible", None),
    ],
)
def test_what_is_left_out(text: str, found: tuple[str, str] | None) -> None:
    assert exclusion(text, NAMES) == found


@pytest.mark.parametrize(
    "question",
    [
        "Find all but one apple.", "Find all apples but one.", "List everything except two dogs.",
        "Outline all the apples except for any one.", "Count all but one of the apples.", "Find all but one red apple.",
        "How many trees are there? Outline all trees but three.", "Find every apple except a few.",
    ],
)  # fmt: skip
def test_what_is_left_out_has_to_be_said(question: str) -> None:
    with pytest.raises(RequestError, match="does not say which"):
        plan_question(question, 0, 1, NAMES)


@pytest.mark.parametrize(
    "question",
    [
        "Find all apples but the largest.", "Find all but the red apple.", "Find all apples but the one near the tree.",
        "Is there anything but one apple?", "Find one apple.", "Find everything except an apple.",
        "Is everything red?", "Are all apples red?",
    ],
)  # fmt: skip
def test_what_can_be_told_is_no_refusal(question: str) -> None:
    assert plan_question(question, 0, 1, NAMES).steps


@pytest.mark.parametrize(
    "question", ["Is everything but the dog in the water?", "Are all apples except the largest red?"]
)
def test_whether_it_is_so_of_all_others_is_refused(question: str) -> None:
    with pytest.raises(RequestError, match="everything but some"):
        plan_question(question, 0, 1, NAMES)
