"""What is said of text that was read, and of text that is looked for."""

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from agent.assistant import VisionAgent
from agent.sightings import Sighting
from agent.texts import lines_with, stands_in

OPEN, EXIT, SMALL, BLANK = (10, 10, 80, 40), (90, 10, 160, 40), (170, 10, 190, 25), (10, 100, 80, 140)


@pytest.mark.parametrize(
    ("wanted", "text", "stands"),
    [
        ("", "OPEN", False),
        ("open", "", False),
        ("!", "OPEN", False),
        ("!", "!", True),
        ("open", "OPEN", True),
        ("OPEN", "open 24h", True),
        ("24 h", "OPEN 24h", True),
        ("open24h", "Open 24h", True),
        ("No Parking", "NOPARKING", True),
        ("noparking", "NO PARKING", True),
        ("no parking", "No-Parking!", True),
        ("don't walk", "DONT WALK", True),
        ("cafe", "CAFÉ", True),
        ("strasse", "Straße", True),
        ("出口", "出口", True),
        ("pen", "OPEN", False),
        ("open", "OPENING", False),
        ("parking no", "NO PARKING", False),
        ("no parking here", "NO PARKING", False),
    ],
)
def test_texts_are_compared_leniently_but_word_by_word(wanted: str, text: str, stands: bool) -> None:
    assert stands_in(wanted, text) is stands


@given(st.lists(st.from_regex(r"[a-z0-9]{1,6}", fullmatch=True), min_size=1, max_size=6), st.integers(0, 99))
def test_any_run_of_words_stands_in_its_text_however_it_is_written(words: list[str], seed: int) -> None:
    chance = random.Random(seed)
    first = chance.randrange(len(words))
    wanted = chance.choice(["", " ", "-"]).join(words[first : chance.randint(first + 1, len(words))])
    assert stands_in(wanted.upper(), " ".join(words))
    assert stands_in(wanted, "  ".join(words).title() + ".")


def line(text: str, image: int = 0) -> Sighting:
    return Sighting("text", image, (0.0, 0.0, 1.0, 1.0), 0.9, "ocr", text=text)


@pytest.mark.parametrize(
    ("wanted", "texts", "found"),
    [
        ("stop", [], []),
        ("stop", ["STOP", "GO", "stop here"], ["STOP", "stop here"]),
        ("no parking", ["NO", "PARKING", "AHEAD"], ["NO", "PARKING"]),
        ("mind the gap", ["MIND", "THE", "GAP"], ["MIND", "THE", "GAP"]),
        ("mind gap", ["MIND", "THE", "GAP"], []),
    ],
)
def test_lines_that_follow_each_other_are_read_together(wanted: str, texts: list[str], found: list[str]) -> None:
    assert [one.text for one in lines_with(wanted, [line(text) for text in texts])] == found


def test_lines_of_two_pictures_are_not() -> None:
    assert lines_with("no parking", [line("NO"), line("PARKING", image=1)]) == []


@pytest.fixture
def signs(world: Any, thing: Any) -> Image.Image:
    """Three signs that say something, one of them only from close by, and one that does not."""
    picture: Image.Image = world.paint(
        [
            thing("sign", OPEN, text="OPEN 24h"), thing("sign", EXIT, text="Exit", seen=0.88),
            thing("sign", SMALL, text="No  Parking", seen=0.87), thing("sign", BLANK, seen=0.86),
            thing("dog", (100, 100, 150, 150)),
        ]
    )  # fmt: skip
    return picture


@pytest.mark.parametrize(
    ("question", "text", "status", "boxes"),
    [
        ('Is there a sign that says "open 24H"?', 'Yes, one sign says "OPEN 24h".', "answered", [OPEN]),
        ("Does any sign say exit?", 'Yes, one sign says "Exit".', "answered", [EXIT]),
        ("Does any sign say noparking?", 'Yes, one sign says "No Parking".', "answered", [SMALL]),
        ("Which sign says exit?", 'The sign that says "Exit" is here.', "answered", [EXIT]),
        ("Does the sign on the left say open?", 'Yes, the leftmost sign says "OPEN 24h".', "answered", [OPEN]),
        ("Does the sign on the left say exit?", 'No, the leftmost sign says "OPEN 24h".', "not_found", [OPEN]),
        (
            "Is there a sign that says stop?", 'No, three signs say "OPEN 24h", "Exit" and "No Parking".',
            "not_found", [OPEN, EXIT, SMALL],
        ),
        (
            'Find the sign saying "stop".', 'No sign says "stop": three signs say "OPEN 24h", "Exit" and "No Parking".',
            "not_found", [OPEN, EXIT, SMALL],
        ),
        ("Does the dog say exit?", "There is no text that I can read on the dog.", "not_found", []),
        ("Does the owl say exit?", "No, there is no owl in the picture.", "not_found", []),
        ("Does the lowest sign say exit?", "There is no text that I can read on the lowest sign.", "not_found", []),
    ],
)  # fmt: skip
def test_signs_are_searched(
    agent: VisionAgent, signs: Image.Image, question: str, text: str, status: str, boxes: list[tuple[float, ...]]
) -> None:
    answer = agent.ask(question, signs)
    assert (answer.text, answer.status) == (text, status)
    linked = {index for span in answer.spans for index in span.regions}
    assert sorted(tuple(answer.regions[index].box) for index in linked) == sorted(boxes)


@pytest.mark.parametrize(
    ("question", "text", "status"),
    [
        ("Where does it say exit?", 'It says "Exit" here.', "answered"),
        ('Does it say "24h" anywhere?', 'Yes, the text reads "OPEN 24h".', "answered"),
        ("Is the word stop written anywhere?", 'No, the text reads "OPEN 24h" and "Exit".', "not_found"),
        ('Find the word "stop".', 'Nothing says "stop": the text reads "OPEN 24h" and "Exit".', "not_found"),
    ],
)
def test_the_whole_picture_is_searched(
    agent: VisionAgent, signs: Image.Image, question: str, text: str, status: str
) -> None:
    answer = agent.ask(question, signs)
    assert (answer.text, answer.status) == (text, status)


def test_a_region_is_searched(agent: VisionAgent, signs: Image.Image) -> None:
    region = ["box:90,10,160,40"]
    assert agent.ask("Does this say exit?", signs, regions=region).text == 'Yes, the text reads "Exit".'
    assert agent.ask("Does <region1> say open?", signs, regions=region).text == 'No, the text reads "Exit".'


def test_what_several_say_is_said_once(agent: VisionAgent, world: Any, thing: Any) -> None:
    twins = world.paint([thing("sign", OPEN, text="STOP"), thing("sign", EXIT, text="STOP", seen=0.88)])
    answer = agent.ask("Does any sign say stop?", twins)
    assert answer.text == 'Yes, the signs say "STOP".'
    assert [span.regions for span in answer.spans] == [[0, 1], [0, 1]]
    assert agent.ask("How many signs say stop?", twins).text == 'The two signs that say "STOP" are here.'
    assert agent.ask("Where does it say stop?", twins).text == 'It says "STOP" here.'


def test_a_text_without_a_sign_answers_for_it(agent: VisionAgent, world: Any, thing: Any) -> None:
    wall = world.paint([thing("tree", OPEN, text="EXIT")])
    assert agent.ask("Is there a sign that says exit?", wall).text == 'Yes, the text reads "EXIT".'
    assert agent.ask("Is there a sign that says exit?", world.paint([])).status == "not_found"


def test_the_words_of_the_question_are_quoted_plainly(agent: VisionAgent, signs: Image.Image) -> None:
    answer = agent.ask("Which sign says \u201cst\u200bop\u201d?", signs)
    assert answer.text.startswith('No sign says "st op": ')
