"""What people call things, and what is left unknown."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.inflection import indefinite, plural
from agent.lexicon import Lexicon, Match, MatchKind, edit_distance, normalise

NAMES = (Path(__file__).parent / "scene_names.txt").read_text(encoding="utf-8").splitlines()
SCENES = Lexicon(NAMES)
COCO = Lexicon("person,car,cell phone,tv,couch,dining table,apple,hot dog,cat,truck,boat".split(","))

EXACT, VARIANT, GROUP, FUZZY, UNKNOWN = MatchKind


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_itself_in_every_dress(name: str) -> None:
    for phrase in (name, name.upper(), name.replace(" ", "-"), f"the {name}", f"  {name}. ", f"{name}'s"):
        assert SCENES.match(phrase) == Match(name, EXACT), phrase
    assert SCENES.match(plural(name)).name == name
    assert SCENES.match(indefinite(name)).name == name
    assert SCENES.match(f"small {name}") == Match(name, EXACT, modifiers=("small",))
    assert SCENES.match(f"{name} on the left") == Match(name, EXACT, modifiers=("on the left",))


@pytest.mark.parametrize(
    ("phrase", "name"),
    [
        ("car", "automobile"), ("cars", "automobile"), ("bike", "bicycle"), ("plane", "airplane"),
        ("aeroplane", "airplane"), ("burger", "hamburger"), ("bunny", "rabbit"), ("hippos", "hippopotamus"),
        ("rhino", "rhinoceros"), ("apple", "red apple"), ("cellphone", "mobile phone"), ("cell phone", "mobile phone"),
        ("gift", "wrapped gift"), ("present", "wrapped gift"), ("diamond", "gem stone"), ("tv", "television"),
        ("donuts", "doughnut"), ("mug of beer", "beer mug"), ("mugs of beer", "beer mug"), ("cherry", "cherries"),
        ("book", "books"), ("grape", "grapes"), ("french fry", "french fries"), ("hourglass", "hourglass done"),
        ("lock", "locked"), ("padlocks", "locked"), ("lightning bolt", "high voltage"), ("dice", "game die"),
        ("hotdog", "hot dog"), ("tshirt", "t shirt"), ("tee-shirt", "t shirt"), ("yoyo", "yo yo"),
        ("table tennis", "ping pong"), ("tyrannosaurus rex", "t rex"), ("Christmas Tree", "christmas tree"),
        ("sheep", "ram"), ("goldfishes", None), ("loaves of bread", "bread"), ("bars of soap", "soap"),
        ("chef's knife", "kitchen knife"), ("trash can", "wastebasket"), ("disco ball", "mirror ball"),
        ("pine tree", "evergreen tree"), ("saturn", "ringed planet"), ("mice", "mouse"), ("wrist watch", "watch"),
        ("scissor", "scissors"), ("pairs of scissors", "scissors"), ("eyeglasses", "glasses"),
    ],
)  # fmt: skip
def test_other_words(phrase: str, name: str | None) -> None:
    match = SCENES.match(phrase)
    assert match.name == name
    if name is not None:
        assert match.kind in (VARIANT, EXACT)


@pytest.mark.parametrize(
    ("phrase", "some", "none"),
    [
        ("animal", {"dog", "bird", "crab", "ant", "t rex"}, {"teddy bear", "hot dog", "rose"}),
        ("animals", {"dog", "whale"}, {"automobile"}),
        ("fruit", {"banana", "red apple", "grapes"}, {"carrot", "pizza"}),
        ("vehicles", {"automobile", "ship", "airplane", "bicycle"}, {"anchor", "wheel"}),
        ("piece of clothing", {"jeans", "coat"}, {"ring"}),
        ("musical instruments", {"guitar", "drum"}, {"bell"}),
        ("food", {"banana", "pizza", "broccoli", "doughnut"}, {"beer mug", "cow"}),
        ("phone", {"mobile phone", "telephone"}, {"camera"}),
        ("football", {"soccer ball", "american football"}, {"baseball"}),
        ("glass", {"wine glass", "cocktail glass"}, {"glasses"}),
        ("tree", {"palm tree", "evergreen tree", "christmas tree"}, {"tulip"}),
        ("big cat", {"lion", "tiger"}, {"dog"}),
    ],
)
def test_wider_words_cover_their_names(phrase: str, some: set[str], none: set[str]) -> None:
    match = SCENES.match(phrase)
    assert match.kind is GROUP
    assert match.name is None
    assert match.known
    assert some <= set(match.names)
    assert not none & set(match.names)
    assert set(match.names) <= set(NAMES)


@pytest.mark.parametrize(
    ("phrase", "name"),
    [("dgo", "dog"), ("elefant", "elephant"), ("umbrela", "umbrella"), ("hellicopter", "helicopter"), ("lino", "lion"),
     ("giraff", "giraffe"), ("bananna", "banana"), ("tigre", "tiger"), ("hosre", "horse"), ("scisors", "scissors"),
     ("brocoli", "broccoli"), ("gutiar", "guitar"), ("dinasour", "t rex"), ("the big elefant", "elephant")],
)  # fmt: skip
def test_slips_of_the_pen(phrase: str, name: str) -> None:
    match = SCENES.match(phrase)
    assert (match.name, match.kind) == (name, FUZZY)
    assert not SCENES.knows(phrase)


@pytest.mark.parametrize(
    "phrase",
    """cat;zeppelin;moose;sofa;fork;plate;clown;harp;lamb chop;stairs;globe;speaker;mirror;squirrel;cello;traffic light;
    xyzzy;;   ;!!!;the;a;🐶;wheat;shirtless man;bear trap;hot;red;beard;pear tree house;dog house keeper""".split(";"),
)
def test_what_has_no_name_stays_unknown(phrase: str) -> None:
    match = SCENES.match(phrase)
    assert (match.name, match.kind, match.names, match.known) == (None, UNKNOWN, (), False)


def test_an_unknown_phrase_says_what_is_written_like_it() -> None:
    assert "mouse" in SCENES.match("moose").alternatives


@pytest.mark.parametrize(
    ("phrase", "name", "modifiers"),
    [
        ("the big red dog", "dog", ("big", "red")),
        ("green apple", "red apple", ("green",)),
        ("red apple", "red apple", ()),
        ("hot dog", "hot dog", ()),
        ("large hot dogs", "hot dog", ("large",)),
        ("dog in the top left corner", "dog", ("in the top left corner",)),
        ("small black and white cow at the bottom", "cow", ("small", "black", "and", "white", "at the bottom")),
        ("largest key", "key", ("largest",)),
    ],
)
def test_what_only_says_how_a_thing_is_is_set_aside(phrase: str, name: str, modifiers: tuple[str, ...]) -> None:
    match = SCENES.match(phrase)
    assert (match.name, match.modifiers) == (name, modifiers)


@pytest.mark.parametrize(
    ("phrase", "names"),
    [("automobile", ("car",)), ("mobile phone", ("cell phone",)), ("television", ("tv",)), ("sofa", ("couch",)),
     ("people", ("person",)), ("red apple", ("apple",)), ("kitten", ("cat",)), ("vehicle", ("car", "truck", "boat")),
     ("banana", ()), ("sign", ())],
)  # fmt: skip
def test_the_words_lead_to_the_names_of_any_model(phrase: str, names: tuple[str, ...]) -> None:
    assert COCO.match(phrase).names == names


def test_a_lexicon_of_nothing_knows_nothing() -> None:
    empty = Lexicon(["", "  "])
    assert empty.names == ()
    assert not empty.match("dog").known
    assert empty.find("the dog") == ()


def test_find_takes_the_longest_phrases_in_order() -> None:
    assert SCENES.find("Look: a movie camera, the hot dog and a camera near the stop sign!") == (
        "movie camera", "hot dog", "camera", "stop sign",
    )  # fmt: skip
    assert SCENES.find("nothing of the kind") == ()


@pytest.mark.parametrize(
    ("left", "right", "limit", "distance"),
    [("", "", 2, 0), ("dog", "dog", 2, 0), ("dgo", "dog", 2, 1), ("dog", "dogs", 2, 1), ("kitten", "sitting", 3, 3),
     ("kitten", "sitting", 1, 2), ("a", "abcd", 2, 3), ("", "ab", 5, 2)],
)  # fmt: skip
def test_edit_distance(left: str, right: str, limit: int, distance: int) -> None:
    assert edit_distance(left, right, limit) == distance
    assert edit_distance(right, left, limit) == distance


@given(st.text(max_size=60))
def test_match_never_raises_and_never_invents_a_name(text: str) -> None:
    match = SCENES.match(text)
    assert set(match.names) <= set(NAMES)
    assert match == SCENES.match(text)
    assert normalise(normalise(text)) == normalise(text)
