"""Texts that a question looks for, held out of its other words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.quotations import hold_texts, put_back


@pytest.mark.parametrize(
    ("question", "texts"),
    [
        ("", []),
        ("What does the sign say?", []),
        ("What does the sign on the left say, please?", []),
        ("Does the sign say anything?", []),
        ("Does it say something on the sign?", []),
        ("Read what it says and find the dog.", []),
        ("Say what you see.", []),
        ("Which sign says the most?", []),
        ("Is the sign that says exit?", []),
        ('Is there a sign that says " "?', []),
        ('Find the "dog".', []),
        ("Is the 'dog' on the table?", []),
        ('Does any sign say "open"?', ["open"]),
        ("Does any sign say 'don't walk'?", ["don't walk"]),
        ("Is there a sign that says NO PARKING?", ["NO PARKING"]),
        ("Which sign says open and where is it?", ["open"]),
        ("Where does it say exit in the picture?", ["exit"]),
        ("Is there a sign that says stop near the dog?", ["stop"]),
        ("Does it say keep off the grass?", ["keep off the grass"]),
        ('Is there an "EXIT" sign?', ["EXIT"]),
        ("Where is the word stop?", ["stop"]),
        ('Does one sign say "in" and another say "out"?', ["in", "out"]),
        ('Is the text on the sign "stop"?', ["stop"]),
        ('Is "exit" written anywhere?', ["exit"]),
        # where more is asked of what says so, the text ends
        ("Is the sign that says exit red?", ["exit"]),
        ("Is the sign that says keep left red?", ["keep left"]),
        ("Is the sign that says keep left left of the tree?", ["keep left"]),
        ("Is the sign that says one way on the left?", ["one way"]),
        ("Is the sign that says go bigger than the sign that says way out?", ["go", "way out"]),
        ("Does the sign that says do not touch touch the tree?", ["do not touch"]),
        ("Is the dog left of the sign that says stop?", ["stop"]),
        ("How many signs that say stop are left of the tree?", ["stop"]),
        ("What does the sign near the one that says stop say?", ["stop"]),
        ("Find every sign that doesn't say no entry.", ["no entry"]),
        ("Outline the board with no parking written on it.", ["no parking"]),
        ("Outline the sign that says exit and the dog.", ["exit"]),
        ("Find the tree with the apple on it.", []),
    ],
)
def test_texts_are_held(question: str, texts: list[str]) -> None:
    asked, held = hold_texts(question)
    assert held == texts
    assert all(f"\x11{number}\x12" in asked for number in range(len(texts)))


@pytest.mark.parametrize(
    ("question", "asked"),
    [
        ("Cut out the board with the words 'no parking' on it.", "Cut out the board with the words \x110\x12."),
        ("Outline the sign that has 'exit' written on it.", "Outline the sign that has \x110\x12."),
        ("Is 'exit' written on it?", "Is \x110\x12 written on it?"),
        ("Find the one with 'exit' on it that is red.", "Find the one with \x110\x12 on it that is red."),
    ],
)
def test_it_is_what_the_text_stands_on(question: str, asked: str) -> None:
    assert hold_texts(question) == (asked, [question.split("'")[1]])


@pytest.mark.parametrize(
    ("numbers", "text"), [(None, 'in "out"'), ([], "\x110\x12 \"\x111\x12\""), ([1], '\x110\x12 "out"')]
)
def test_some_are_put_back(numbers: list[int] | None, text: str) -> None:
    assert put_back('\x110\x12 "\x111\x12"', ["in", "out"], numbers) == text


@given(st.text(st.characters(exclude_characters="\x11\x12"), max_size=60))
def test_whatever_is_held_can_be_put_back(text: str) -> None:
    question = f"Is there a sign that says {text}?"
    asked, held = hold_texts(question)
    if '"' not in text and "'" not in text:
        assert " ".join(put_back(asked, held).split()) == " ".join(question.split())
