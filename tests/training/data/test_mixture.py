"""Mixtures: what an epoch holds, the same for any number of processes, and nothing to set up however long it is."""

import math
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferret.errors import TrainingError
from training.data.mixture import Mixture, Place
from training.loop import Draw
from training.readers import Sample, Turn


@dataclass(frozen=True)
class Numbers:
    """Samples that are their own numbers."""

    name: str
    count: int

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Sample:
        return Sample(self.name, str(index), Path("a.png"), None, (Turn("q", "a"),))


def epoch(mixture: Mixture, number: int) -> list[Place]:
    return mixture.places(number * mixture.epoch_length, mixture.epoch_length)


@pytest.mark.parametrize(
    ("count", "weight", "times"),
    [
        (1, 1.0, {1: 1}),
        (1, 0.01, {1: 1}),  # no source vanishes
        (1, 2.5, {2: 1}),
        (10, 1.0, {1: 10}),
        (10, 3.0, {3: 10}),
        (10, 0.2, {1: 2}),
        (10, 2.3, {2: 7, 3: 3}),
        (1000, 0.999, {1: 999}),
        (1000, 1.001, {1: 999, 2: 1}),
    ],
)
def test_every_sample_comes_up_so_often_an_epoch(count: int, weight: float, times: dict[int, int]) -> None:
    mixture = Mixture([Numbers("a", count)], [weight], 0)
    for number in range(3):
        seen = Counter(place.sample for place in epoch(mixture, number))
        assert Counter(seen.values()) == times
        assert all(place.epoch == number for place in epoch(mixture, number))


@given(
    sources=st.lists(st.tuples(st.integers(1, 40), st.floats(0.01, 4)), min_size=1, max_size=4),
    seed=st.integers(0, 2**64),
)
def test_an_epoch_holds_of_every_source_its_share(sources: list[tuple[int, float]], seed: int) -> None:
    mixture = Mixture([Numbers("a", count) for count, _ in sources], [weight for _, weight in sources], seed)
    places = epoch(mixture, 2)
    assert mixture.epoch_length == len(places)
    for number, (count, weight) in enumerate(sources):
        seen = Counter(place.sample for place in places if place.source == number)
        assert abs(seen.total() - count * weight) <= max(0.5, 1 - count * weight) + 1e-9
        assert set(seen) <= set(range(count))
        often = [seen[sample] for sample in range(count)]
        assert max(often) - min(often) <= 1
        assert min(often) >= math.floor(weight)


def test_the_random_part_is_drawn_anew_every_epoch_and_reaches_everything() -> None:
    mixture = Mixture([Numbers("a", 100)], [0.2], 5)
    parts = [frozenset(place.sample for place in epoch(mixture, number)) for number in range(60)]
    assert all(len(part) == 20 for part in parts)
    assert len(set(parts)) == 60
    assert frozenset().union(*parts) == set(range(100))


def test_epochs_and_seeds_differ_in_order() -> None:
    stores, weights = [Numbers("a", 50), Numbers("b", 50)], [1.0, 1.0]
    mixture = Mixture(stores, weights, 0)
    orders = [[(p.source, p.sample) for p in epoch(mixture, number)] for number in range(5)]
    orders.append([(p.source, p.sample) for p in epoch(Mixture(stores, weights, 1), 0)])
    assert len({tuple(order) for order in orders}) == 6
    assert len({tuple(sorted(order)) for order in orders}) == 1


def test_sources_are_mixed_all_along() -> None:
    mixture = Mixture([Numbers("a", 3000), Numbers("b", 1000)], [1.0, 1.0], 0)
    places = epoch(mixture, 0)
    for first in range(0, 4000, 400):
        assert 60 <= sum(place.source for place in places[first : first + 400]) <= 140


def test_places_can_be_asked_for_in_any_pieces() -> None:
    mixture = Mixture([Numbers("a", 7), Numbers("b", 3)], [1.5, 0.4], 9)
    whole = mixture.places(0, 100)
    assert [mixture[index] for index in range(100)] == whole
    assert [place for first in range(0, 100, 9) for place in mixture.places(first, 9)][:100] == whole
    assert mixture.places(5, 0) == []


@pytest.mark.parametrize("ranks", [1, 2, 4])
def test_a_step_is_the_same_for_any_number_of_processes(ranks: int) -> None:
    stores = [Numbers("a", 30), Numbers("b", 11)]
    mixture = Mixture(stores, [1.0, 2.2], 3)
    batch, size = 16, 16 // ranks
    for step in range(7):
        shares = [
            mixture.draw(Draw(seed=step * ranks + rank, size=size, first=step * batch + rank * size))
            for rank in range(ranks)
        ]
        expected = [stores[place.source][place.sample] for place in mixture.places(step * batch, batch)]
        assert [sample for share in shares for sample in share] == expected


def test_a_billion_samples_cost_nothing() -> None:
    mixture = Mixture([Numbers("a", 3_000_000_000), Numbers("b", 10)], [1.1, 1.0], 0)
    begun = time.perf_counter()
    places = [mixture[10**12 + index] for index in range(100)]
    assert time.perf_counter() - begun < 2  # 20 ms each are a hundred times what it takes
    assert len(set(places)) == 100
    assert max(place.sample for place in places) > 10**9


@pytest.mark.parametrize(
    ("counts", "weights", "seed", "message"),
    [
        ([], [], 0, "at least one source"),
        ([5, 0], [1.0, 1.0], 0, "source 1 .* no sample"),
        ([5], [0.0], 0, "weight 0.0"),
        ([5], [-1.0], 0, "weight -1.0"),
        ([5], [math.inf], 0, "weight inf"),
        ([5], [math.nan], 0, "weight nan"),
        ([5], [1.0], -1, "seed must be 0 or more"),
    ],
)
def test_what_cannot_be_mixed(counts: list[int], weights: list[float], seed: int, message: str) -> None:
    with pytest.raises(TrainingError, match=message):
        Mixture([Numbers("a", count) for count in counts], weights, seed)


def test_nothing_stands_before_the_first_place() -> None:
    with pytest.raises(IndexError):
        Mixture([Numbers("a", 5)], [1.0], 0)[-1]
