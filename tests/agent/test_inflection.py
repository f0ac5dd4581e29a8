"""Word forms."""

from pathlib import Path

import pytest

from agent.inflection import (
    article,
    indefinite,
    is_plural,
    join_words,
    number_word,
    ordinal,
    parse_number,
    parse_ordinal,
    plural,
    singular,
)

NAMES = (Path(__file__).parent / "scene_names.txt").read_text(encoding="utf-8").splitlines()

BOTH = [
    ("dog", "dogs"), ("wolf", "wolves"), ("tooth", "teeth"), ("mouse", "mice"), ("computer mouse", "computer mice"),
    ("goose", "geese"), ("kitchen knife", "kitchen knives"), ("scarf", "scarves"), ("leaf", "leaves"),
    ("game die", "game dice"), ("cactus", "cacti"), ("octopus", "octopuses"), ("bus", "buses"),
    ("battery", "batteries"),
    ("butterfly", "butterflies"), ("donkey", "donkeys"), ("potato", "potatoes"), ("avocado", "avocados"),
    ("wine glass", "wine glasses"), ("toolbox", "toolboxes"), ("watch", "watches"),
    ("toothbrush", "toothbrushes"),
    ("axe", "axes"), ("rose", "roses"), ("horse", "horses"), ("house", "houses"), ("briefcase", "briefcases"),
    ("snowman", "snowmen"), ("t rex", "t rexes"), ("yo yo", "yo yos"), ("hourglass done", "hourglasses done"),
    ("panda", "pandas"), ("taxi", "taxis"), ("sheep", "sheep"), ("fish", "fish"), ("deer", "deer"), ("jeans", "jeans"),
    ("glasses", "glasses"), ("scissors", "scissors"), ("french fries", "french fries"), ("person", "people"),
    ("bow-tie", "bow-ties"), ("Wolf", "Wolves"), ("box", "boxes"), ("quiz", "quizzes"), ("dress", "dresses"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "many"), BOTH)
def test_plural_and_singular(one: str, many: str) -> None:
    assert plural(one) == many
    assert singular(many) == one
    assert plural(many) == many
    assert singular(one) == one


@pytest.mark.parametrize(
    ("other", "one"),
    [("cactuses", "cactus"), ("octopi", "octopus"), ("mosquitos", "mosquito"), ("squids", "squid"), ("deers", "deer"),
     ("flamingoes", "flamingo"), ("cherries", "cherry"), ("grapes", "grape"), ("books", "book")],
)  # fmt: skip
def test_singular_of_other_plurals(other: str, one: str) -> None:
    assert singular(other) == one


@pytest.mark.parametrize("name", NAMES)
def test_every_name_comes_back_from_its_plural(name: str) -> None:
    many = plural(name)
    assert plural(many) == many
    assert singular(many) == singular(name)
    assert is_plural(many) or many == name


@pytest.mark.parametrize("word", ["", " ", "s", "as", "x", "'s", "🐶", "----", "s s"])
def test_odd_words_do_not_raise(word: str) -> None:
    assert isinstance(plural(word) + singular(word) + article(word) + indefinite(word), str)


@pytest.mark.parametrize(
    ("phrase", "expected"),
    [("dog", "a"), ("apple", "an"), ("hourglass", "an"), ("house", "a"), ("unicorn", "a"), ("umbrella", "an"),
     ("one-eyed cat", "a"), ("oil drum", "an"), ("ice cream", "an"), ("x-ray", "an"), ("xylophone", "a"),
     ("honest dog", "an"), ("unopened box", "an"), ("uniform", "a"), ("ukulele", "a"), ("Eagle", "an"), ("ewe", "a")],
)  # fmt: skip
def test_article(phrase: str, expected: str) -> None:
    assert article(phrase) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [("dog", "a dog"), ("scissors", "a pair of scissors"), ("glasses", "a pair of glasses"), ("grapes", "grapes"),
     ("broccoli", "broccoli"), ("french fries", "french fries"), ("locked", "locked"), ("wine glass", "a wine glass"),
     ("hot dog", "a hot dog"), ("american football", "an american football"), ("bus", "a bus")],
)  # fmt: skip
def test_indefinite(name: str, expected: str) -> None:
    assert indefinite(name) == expected


@pytest.mark.parametrize(
    ("phrase", "expected"),
    [("dogs", True), ("dog", False), ("jeans", True), ("fish", False), ("bus", False), ("glass", False),
     ("glasses", True), ("cactus", False), ("people", True), ("abacus", False), ("christmas", False)],
)  # fmt: skip
def test_is_plural(phrase: str, expected: bool) -> None:
    assert is_plural(phrase) is expected


def test_numbers() -> None:
    assert [number_word(number) for number in (0, 1, 2, 12, 20, 21)] == ["no", "one", "two", "twelve", "twenty", "21"]
    assert [parse_number(text) for text in ("3", "three", "No", "a couple of", "a  dozen", "thirty")] == [
        3, 3, 0, 2, 12, 30,
    ]  # fmt: skip
    assert [parse_number(text) for text in ("", "many", "-3", "3.5", "²", "1" * 40)] == [None] * 6
    for number in range(21):
        assert parse_number(number_word(number)) == number


def test_ordinals() -> None:
    assert [ordinal(index) for index in (0, 1, 9, 10, 11, 20, 21, 110)] == [
        "first", "second", "tenth", "11th", "12th", "21st", "22nd", "111th",
    ]  # fmt: skip
    for index in range(130):
        assert parse_ordinal(ordinal(index)) == index
    assert [parse_ordinal(text) for text in ("2nd", "0th", "", "second-hand", "nth")] == [1, None, None, None, None]


def test_join_words() -> None:
    assert [join_words(["a", "b", "c"][:count]) for count in range(4)] == ["", "a", "a and b", "a, b and c"]
    assert join_words(("a", "b"), "or") == "a or b"
