"""Which names may mean the same, which are near each other, and what can be counted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.experts.names import alike, countable, may_be_same

VOCABULARY = ("dog", "wolf", "fox", "hot dog", "police car", "racing car", "car", "eagle", "bird", "hammer", "animal")


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("dog", "dog", True), ("dog", "Dogs", True), ("a dog", "dog", True), ("mouse", "mice", True),
        ("dog", "wolf", False), ("dog", "puppy", True), ("wolf", "fox", False), ("eagle", "bird", True),
        ("eagle", "duck", False), ("car", "police car", True), ("police car", "racing car", False),
        ("hot dog", "dog", True), ("animal", "hammer", True), ("ring", "ring buoy", True), ("ring", "earring", False),
        ("cell phone", "telephone", True), ("cup", "wine glass", False), ("", "dog", True),
    ],
)  # fmt: skip
def test_names_that_may_mean_the_same(first: str, second: str, same: bool) -> None:
    assert may_be_same(first, second) is same
    assert may_be_same(second, first) is same


@given(st.sampled_from(VOCABULARY))
def test_what_is_alike_never_means_the_same(name: str) -> None:
    found = alike(name, VOCABULARY)
    assert set(found) <= set(VOCABULARY)
    assert not any(may_be_same(name, other) for other in found)


@pytest.mark.parametrize(
    ("name", "near"), [("wolf", ("dog", "fox")), ("police car", ("racing car",)), ("hammer", ()), ("something", ())]
)
def test_what_is_alike(name: str, near: tuple[str, ...]) -> None:
    assert alike(name, VOCABULARY) == near


@pytest.mark.parametrize(("name", "can"), [("dog", True), ("t rex", True), ("glasses", False), ("bread", False)])
def test_what_can_be_counted(name: str, can: bool) -> None:
    assert countable(name) is can
