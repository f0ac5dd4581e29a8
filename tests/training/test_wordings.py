"""The wordings: enough of them, well formed, split for good, and inside the declared vocabulary."""

import re
import string

import numpy as np
import pytest

from training.wordings import (
    REGION_PHRASES,
    WORDINGS,
    all_wordings,
    question_vocabulary,
    word_question,
    wordings,
    words_of,
)

NAMED = ("ground_one", "ground_all", "segment", "exist", "count")
POINTED = (*(family for family in WORDINGS if family.startswith("refer")), "read")


@pytest.mark.parametrize("family", WORDINGS)
def test_a_third_of_the_wordings_is_held_out(family: str) -> None:
    train, heldout = wordings(family, "train"), wordings(family, "heldout")
    assert not set(train) & set(heldout)
    assert set(train) | set(heldout) == set(WORDINGS[family])
    assert len(heldout) == len(WORDINGS[family]) // 3
    assert len(heldout) >= 3


@pytest.mark.parametrize("family", WORDINGS)
def test_wordings_are_distinct_and_use_known_fields(family: str) -> None:
    table = WORDINGS[family]
    assert len({text.lower() for text in table}) == len(table)
    fields = {field for text in table for _, field, _, _ in string.Formatter().parse(text) if field is not None}
    assert fields <= {"n", "ns", "a", "is", "does", "place", "r", "r2", "regions"}


@pytest.mark.parametrize("family", ["refer", "ground_one", "ground_all", "exist", "count", "list"])
def test_common_questions_have_many_wordings(family: str) -> None:
    assert len(WORDINGS[family]) >= 35


@pytest.mark.parametrize("family", NAMED)
@pytest.mark.parametrize("name", ["dog", "owl", "glasses", "computer mouse"])
def test_named_questions_name_the_thing(family: str, name: str) -> None:
    rng = np.random.default_rng(1)
    for _ in range(100):
        question = word_question(family, "train", rng, name=name)
        assert not re.search(r"[{}]", question)
        assert name.split()[0] in question
        assert not re.search(r"\ba (?=[aeio]|glasses)", question), question


def test_plural_names_take_plural_verbs() -> None:
    rng = np.random.default_rng(2)
    asked = {word_question("ground_one", "train", rng, name="glasses", dress=False) for _ in range(300)}
    assert "Where are the glasses?" in asked
    assert not any("is the glasses" in question for question in asked)


@pytest.mark.parametrize("family", POINTED)
def test_region_questions_name_each_region_at_most_once(family: str) -> None:
    rng = np.random.default_rng(3)
    asked = [word_question(family, "heldout", rng, regions=1) for _ in range(100)]
    assert all(question.count("<region1>") <= 1 for question in asked)
    assert any("<region1>" in question for question in asked)
    assert not any("<region2>" in question for question in asked)


def test_relating_questions_name_both_regions_in_order_of_the_answer() -> None:
    rng = np.random.default_rng(4)
    for _ in range(100):
        question = word_question("relate", "train", rng, regions=2)
        assert question.count("<region1>") == 1
        assert question.count("<region2>") >= 1


def test_dense_questions_number_their_regions() -> None:
    question = word_question("dense_refer", "train", np.random.default_rng(5), regions=3)
    assert "1: <region1>, 2: <region2>, 3: <region3>" in question


def test_dressing_never_touches_a_placeholder() -> None:
    rng = np.random.default_rng(6)
    for family in WORDINGS:
        for _ in range(300):
            question = word_question(family, "train", rng, name="dog", regions=2)
            bare = re.sub(r"<region\d+>", "", question)
            assert "<" not in bare
            assert ">" not in bare
            assert question == question.strip()
            assert "  " not in question


def test_undressed_questions_start_with_a_capital_and_end_with_a_mark() -> None:
    rng = np.random.default_rng(7)
    for family in set(WORDINGS) - {"dense_refer"}:
        question = word_question(family, "train", rng, name="dog", regions=2, dress=False)
        assert question[0].isupper() or question[0] == "<"
        assert question[-1] in ".?"


def test_region_phrases_follow_prepositions_not_nouns() -> None:
    rng = np.random.default_rng(8)
    phrases = [phrase.format("<region1>") for phrase in REGION_PHRASES]
    for _ in range(500):
        question = word_question("refer_point", "train", rng, regions=1, dress=False)
        assert not any(f"point {phrase}" in question for phrase in phrases)


def test_words_of() -> None:
    assert words_of('Is 12 in "it"?') == ["Is", "12", "in", '"', "it", '"', "?"]
    assert words_of("") == []


def test_every_question_stays_inside_the_vocabulary() -> None:
    names = ("dog", "owl", "glasses", "computer mouse", "bento box")
    vocabulary = question_vocabulary(names)
    rng = np.random.default_rng(9)
    for family in WORDINGS:
        for split in ("train", "heldout"):
            for _ in range(200):
                question = word_question(family, split, rng, name=names[int(rng.integers(len(names)))], regions=3)
                plain = re.sub(r"<region\d+>", "", question)
                assert set(words_of(plain)) <= vocabulary, set(words_of(plain)) - vocabulary


def test_all_wordings_holds_both_splits() -> None:
    everything = set(all_wordings())
    assert all(set(table) <= everything for table in WORDINGS.values())
