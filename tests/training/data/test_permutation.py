"""Orders without lists: bijections of any size, even, and different for every key."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.data.permutation import permuted


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 255, 256, 257, 100_000])
def test_every_number_comes_up_once(size: int) -> None:
    assert (np.sort(permuted(np.arange(size), size, 0)) == np.arange(size)).all()


@given(size=st.integers(1, 3000), seed=st.integers(0, 2**80), key=st.lists(st.integers(0, 2**32 - 1), max_size=3))
def test_it_is_a_bijection_for_every_key(size: int, seed: int, key: list[int]) -> None:
    order = permuted(np.arange(size), size, seed, *key)
    assert sorted(order.tolist()) == list(range(size))


@given(size=st.integers(1, 2**62), data=st.data())
def test_single_places_are_those_of_the_whole(size: int, data: st.DataObject) -> None:
    index = np.array(data.draw(st.lists(st.integers(0, size - 1), min_size=1, max_size=5)))
    together = permuted(index, size, 7, 1)
    alone = [permuted(index[place : place + 1], size, 7, 1)[0] for place in range(len(index))]
    assert together.tolist() == alone
    assert ((together >= 0) & (together < size)).all()


def test_none_of_none() -> None:
    assert permuted(np.arange(0), 5, 0).tolist() == []


def test_other_keys_give_other_orders() -> None:
    keys = [(0,), (1,), (0, 0), (0, 1), (1, 0), (2**32 + 5, 0), (5, 1)]
    orders = {tuple(permuted(np.arange(1000), 1000, *key)) for key in keys}
    assert len(orders) == len(keys)


@pytest.mark.parametrize("size", [2, 3, 5, 16])
def test_every_number_is_as_likely_at_every_place(size: int) -> None:
    trials = 1500
    seen = Counter(
        (place, int(n)) for key in range(trials) for place, n in enumerate(permuted(np.arange(size), size, key))
    )
    expected = trials / size
    for pair in ((place, number) for place in range(size) for number in range(size)):
        assert abs(seen[pair] - expected) < 6 * expected**0.5


def test_neighbours_are_torn_apart() -> None:
    """Of a shuffled order about half of the steps go up, and neighbours are a third of the size apart."""
    size = 100_000
    steps = np.diff(permuted(np.arange(size), size, 3))
    assert abs((steps > 0).mean() - 0.5) < 0.01
    assert abs(np.abs(steps).mean() / size - 1 / 3) < 0.01
