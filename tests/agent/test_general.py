"""Words for things in general."""

import pytest

from agent.general import is_general, names_nothing
from agent.lexicon import Lexicon

LEXICON = Lexicon(("apple", "ring", "framed picture", "item box"))


@pytest.mark.parametrize(
    ("phrase", "general", "nothing"),
    [
        ("", False, False),
        ("thing", True, True),
        ("Objects", True, True),
        ("other ones", True, True),
        ("largest thing", True, False),  # narrowed, it stands in a plan
        ("second largest thing", True, False),
        ("everything", True, True),
        ("different kinds of objects", False, True),
        ("all of it", False, True),
        ("scene", False, True),
        ("apple", False, False),
        ("red apple", False, False),
        ("item box", False, False),
        ("thing of beauty", False, False),
    ],
)
def test_words_for_things_in_general(phrase: str, general: bool, nothing: bool) -> None:
    assert is_general(phrase) is general
    assert names_nothing(phrase, LEXICON) is nothing


def test_a_word_that_is_a_name_names_something() -> None:
    assert not names_nothing("figures", Lexicon(("figure",)))
    assert names_nothing("images", Lexicon(("image",)))
