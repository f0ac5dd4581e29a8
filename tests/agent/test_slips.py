"""Slips of the pen: what is mended, what is left alone, and that a slip changes no plan."""

from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from agent.lexicon import Lexicon
from agent.planning import plan_question
from agent.slips import ORDINARY, VOCABULARY, mended

SCENES = Lexicon((Path(__file__).parent / "scene_names.txt").read_text(encoding="utf-8").splitlines())


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("", ""),
        ("teh dog", "the dog"),
        ("TEH DOG", "the DOG"),
        ("Waht is tihs?", "What is this?"),
        ("the lagest key", "the largest key"),
        ("the seccond bird form the left", "the second bird from the left"),
        ("the forth star from the rihgt", "the fourth star from the right"),
        ("evry bird", "every bird"),
        ("the diference betwen them", "the difference between them"),
        ("Otuline the star adn read the sign", "Outline the star and read the sign"),
        ("more dogs then cats", "more dogs than cats"),
        ("Is the dog bigger then the cat?", "Is the dog bigger than the cat?"),
        ("Find the dog, than cut it out", "Find the dog, then cut it out"),
        ("How many are their?", "How many are there?"),
        ("how may apples", "how many apples"),
        ("infront of the house", "in front of the house"),
        ("is the the dog here", "is the dog here"),
        ("What dose <region1> show?", "What does <region1> show?"),
    ],
)
def test_slips_are_mended(written: str, meant: str) -> None:
    text, read = mended(written, SCENES)
    assert text == meant
    assert bool(read) == (written != meant)


@pytest.mark.parametrize(
    "text",
    [
        "Find the dog and cut it out.",
        "Where is the clover?",
        "Is there a closet in the county?",
        "Find the curtain and the lotion.",
        "Then read the sign.",
        "Find the dog, then cut it out.",
        "Find their dog",
        "Where is Bown and where is Lara?",
        "Find the zeppelin left of the 2nd tree",
        "What is the T-Rex doing?",
        "<region1> and <region2>",
        "Find the chart, the ship, the sing-along and the hoe.",
        "Where is the rabbit's carrot?",
        "Count the sailors and the waiters.",
    ],
)
def test_what_is_no_slip_is_left_alone(text: str) -> None:
    assert mended(text, SCENES) == (text, ())


def test_names_are_never_mended() -> None:
    for name in SCENES.names:
        assert mended(f"find the {name}", SCENES)[0] == f"find the {name}"
        assert mended(f"{name} please", SCENES)[0] == f"{name} please"


def test_what_was_mended_is_told() -> None:
    assert mended("find teh lagest key", SCENES)[1] == (("teh", "the"), ("lagest", "largest"))
    plan = plan_question("Find the lagest key.", 0, 1, SCENES)
    assert '"lagest" is taken for "largest"' in plan.reasons[0]


QUESTIONS = [
    ("How many apples are left of the tree?", "many"),
    ("Find the largest key and cut it out.", "largest"),
    ("Which bird is closest to the house?", "closest"),
    ("Outline every star that is not yellow.", "Outline"),
    ("What is the difference between the fox and the wolf?", "difference"),
    ("Where is the second bird from the left?", "second"),
    ("Describe the picture.", "Describe"),
    ("Segment all fish below the ship.", "Segment"),
    ("Is the ball under the table?", "under"),
    ("What is written on the sign?", "written"),
]


@given(st.sampled_from(QUESTIONS), st.data())
def test_a_slip_changes_no_plan(question: tuple[str, str], data: st.DataObject) -> None:
    text, word = question
    at = data.draw(st.integers(1, len(word) - 2))
    letter = data.draw(st.sampled_from("aeirst"))
    slip = data.draw(
        st.sampled_from(
            [
                word[:at] + word[at + 1] + word[at] + word[at + 2 :],
                word[:at] + word[at + 1 :],
                word[:at] + word[at] + word[at:],
                *([word[:at] + letter + word[at:]] if len(word) > 4 else []),
            ]
        )
    )
    low = slip.lower()
    assume(low not in ORDINARY and low not in VOCABULARY and not SCENES.spells(low))
    assume(len(slip) > 3)
    made, meant = plan_question(text.replace(word, slip, 1), 0, 1, SCENES), plan_question(text, 0, 1, SCENES)
    assert made.steps == meant.steps


@given(st.text(max_size=60))
def test_any_text_can_be_mended(text: str) -> None:
    changed, _ = mended(text, SCENES)
    assert changed.count("<") == text.count("<")
