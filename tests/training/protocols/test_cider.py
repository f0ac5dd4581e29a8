"""CIDEr: words, cases reckoned by hand, and what holds for every caption."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferret.errors import TrainingError
from training.protocols.cider import caption_words, cider_scores

WORDS = st.lists(st.sampled_from(["dog", "cat", "runs", "red", "a"]), min_size=1, max_size=8).map(" ".join)
OTHER = ["a bus on the street"]


@pytest.mark.parametrize(
    ("caption", "words"),
    [
        ("", []),
        ("...", []),
        ("A dog.", ["a", "dog"]),
        ("The dog's t-shirt", ["the", "dog", "'s", "t-shirt"]),
        ("It isn\u2019t, can't", ["it", "is", "n't", "ca", "n't"]),
        ("dogs' toys at 5 o'clock", ["dogs", "toys", "at", "5", "o'clock"]),
        ("2.5 of 1,000 dogs,cats.", ["2.5", "of", "1,000", "dogs", "cats"]),
        ('"Red" (big) bus - here', ["red", "big", "bus", "here"]),
        ("Ein Hündchen", ["ein", "hündchen"]),
    ],
)
def test_words(caption: str, words: list[str]) -> None:
    assert caption_words(caption) == words


def test_one_shared_word_of_two() -> None:
    # Two pictures. "dog" stands in one of them and "big", "red" nowhere else: each has the weight ln 2. Of the single
    # words one of two is shared, a cosine of 1/2; of the pairs none; longer sequences there are none. (1/2) / 4 * 10.
    score = cider_scores(["big dog", ""], [["red dog"], ["cat"]])[0]
    assert score.cider == pytest.approx(1.25)
    assert score.cider_d == pytest.approx(1.25)


def test_a_word_of_every_picture_weighs_nothing() -> None:
    score = cider_scores(["the dog", "the"], [["the cat"], ["the bird"]])
    assert [one.cider for one in score] == [0, 0]


def test_repeating_a_word_pays_in_cider_only() -> None:
    # Words: (3 ln 2) against (ln 2): the cosine is 1. Cut at the reference it is 1/3, and the length differs by two.
    plain, clipped = (
        getattr(cider_scores(["dog dog dog", ""], [["dog"], ["cat"]])[0], name) for name in ("cider", "cider_d")
    )
    assert plain == pytest.approx(2.5)
    assert clipped == pytest.approx(2.5 / 3 * math.exp(-4 / 72))


def test_a_rarer_word_weighs_more() -> None:
    # "dog" stands in two of three pictures, "red" in one: weights ln 3/2 and ln 3.
    references = [["red dog"], ["dog"], ["cat"]]
    dog, red = (cider_scores([said, "", ""], references)[0].cider for said in ("dog", "red"))
    common, rare = math.log(3 / 2), math.log(3)
    assert dog == pytest.approx(2.5 * common / math.hypot(common, rare))
    assert red == pytest.approx(2.5 * rare / math.hypot(common, rare))


def test_references_are_averaged() -> None:
    references = [["red dog", "tall tree"], ["cat"]]
    assert cider_scores(["red dog", ""], references)[0].cider == pytest.approx(5 / 2)


def test_a_caption_that_is_its_only_reference_has_ten() -> None:
    score = cider_scores(["a small dog runs", ""], [["A small dog runs."], ["a cat"]])[0]
    assert [score.cider, score.cider_d] == pytest.approx([10, 10])


@pytest.mark.parametrize(
    ("captions", "references", "message"),
    [
        ([], [], "at least two"),
        (["a"], [["a"]], "at least two"),
        (["a"], [["a"], ["b"]], r"1 caption\(s\) for 2"),
        (["a", "b"], [["a"], []], "no reference"),
    ],
)
def test_what_cannot_be_scored_is_refused(captions: list[str], references: list[list[str]], message: str) -> None:
    with pytest.raises(TrainingError, match=message):
        cider_scores(captions, references)


@given(WORDS, st.lists(WORDS, min_size=1, max_size=4))
def test_scores_lie_between_nothing_and_ten(caption: str, references: list[str]) -> None:
    score = cider_scores([caption, ""], [references, OTHER])[0]
    assert 0 <= score.cider_d <= score.cider + 1e-9
    assert score.cider <= 10 + 1e-9


@given(WORDS, st.lists(WORDS, min_size=2, max_size=4))
def test_the_order_of_references_is_of_no_matter(caption: str, references: list[str]) -> None:
    turned = references[1:] + references[:1]
    first, second = (cider_scores([caption, ""], [order, OTHER])[0] for order in (references, turned))
    assert first.cider_d == pytest.approx(second.cider_d)
    assert first.cider == pytest.approx(second.cider)


@given(WORDS)
def test_letter_case_and_marks_are_of_no_matter(caption: str) -> None:
    references = [["a red dog runs"], OTHER]
    assert cider_scores([caption, ""], references) == cider_scores([f"{caption.upper()}!", "."], references)
