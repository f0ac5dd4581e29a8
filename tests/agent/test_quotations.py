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
        ("Is the sign that says exit red?", []),
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
    ],
)
def test_texts_are_held(question: str, texts: list[str]) -> None:
    asked, held = hold_texts(question)
    assert held == texts
    assert all(f"\x11{number}\x12" in asked for number in range(len(texts)))


@given(st.text(st.characters(exclude_characters="\x11\x12"), max_size=60))
def test_whatever_is_held_can_be_put_back(text: str) -> None:
    question = f"Is there a sign that says {text}?"
    asked, held = hold_texts(question)
    if '"' not in text and "'" not in text:
        assert " ".join(put_back(asked, held).split()) == " ".join(question.split())
