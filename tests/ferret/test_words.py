"""Articles, plurals and the agreement of names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferret.words import bare_name, counted, is_or_are, plural, same_name, with_article


@pytest.mark.parametrize(
    ("name", "article", "many"),
    [
        ("dog", "a dog", "dogs"),
        ("owl", "an owl", "owls"),
        ("hourglass done", "an hourglass done", "hourglasses done"),
        ("unicorn", "a unicorn", "unicorns"),
        ("umbrella", "an umbrella", "umbrellas"),
        ("glasses", "glasses", "glasses"),
        ("wine glass", "a wine glass", "wine glasses"),
        ("french fries", "french fries", "french fries"),
        ("scissors", "scissors", "scissors"),
        ("bread", "bread", "bread"),
        ("shaved ice", "shaved ice", "shaved ice"),
        ("ice cream", "an ice cream", "ice creams"),
        ("fish", "a fish", "fish"),
        ("computer mouse", "a computer mouse", "computer mice"),
        ("goose", "a goose", "geese"),
        ("tooth", "a tooth", "teeth"),
        ("kitchen knife", "a kitchen knife", "kitchen knives"),
        ("maple leaf", "a maple leaf", "maple leaves"),
        ("game die", "a game die", "game dice"),
        ("snowman", "a snowman", "snowmen"),
        ("bento box", "a bento box", "bento boxes"),
        ("candy", "a candy", "candies"),
        ("monkey", "a monkey", "monkeys"),
        ("brush", "a brush", "brushes"),
        ("torch", "a torch", "torches"),
        ("bus", "a bus", "buses"),
        ("tomato", "a tomato", "tomatoes"),
        ("taco", "a taco", "tacos"),
        ("cactus", "a cactus", "cacti"),
        ("t rex", "a t rex", "t rexes"),
    ],
)
def test_article_and_plural(name: str, article: str, many: str) -> None:
    assert with_article(name) == article
    assert plural(name) == many


def test_no_name_stays_no_name() -> None:
    assert plural("") == ""


@pytest.mark.parametrize(
    ("count", "name", "text"),
    [
        (0, "dog", "0 dogs"),
        (1, "dog", "1 dog"),
        (2, "goose", "2 geese"),
        (1, "jeans", "1 jeans"),
        (3, "bread", "3 bread"),
    ],
)
def test_counted(count: int, name: str, text: str) -> None:
    assert counted(count, name) == text


def test_the_verb_follows_the_number_of_the_name() -> None:
    assert (is_or_are("dog"), is_or_are("glasses"), is_or_are("wine glass")) == ("is", "are", "is")


@pytest.mark.parametrize(
    ("said", "bare"),
    [
        ("A dog.", "dog"),
        ("  the  Hot-Dog!", "hot dog"),
        ('"an owl"', "owl"),
        ("apple", "apple"),
        ("a", "a"),
        ("", ""),
        ("another dog", "another dog"),
    ],
)
def test_bare_name(said: str, bare: str) -> None:
    assert bare_name(said) == bare


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("dog", "A dog.", True),
        ("dogs", "the dog", True),
        ("dog", "hot dog", False),
        ("glass", "glasses", True),
        ("mouse", "computer mouse", False),
        ("", "", False),
        (".", "a dog", False),
    ],
)
def test_same_name(first: str, second: str, same: bool) -> None:
    assert same_name(first, second) is same
    assert same_name(second, first) is same


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz", min_size=2, max_size=12))
def test_a_word_agrees_with_its_article_and_its_plural(word: str) -> None:
    assert same_name(word, plural(word))
    if word not in {"an", "the", "some", "one", "this", "that"}:
        assert same_name(word, with_article(word))
