"""What a request leaves out."""

import pytest

from agent.excluding import exclusion
from agent.lexicon import Lexicon

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
