"""In which order the samples of several sources are seen: one seeded order over the whole run, shared by all processes.

The released training shuffles and repeats its lists in every process by itself, unseeded, so that processes hold
different lists (ferret-spec 8, item 10). Here the sample at place i of the run is a function of seed and i alone. It is
computed, not looked up, so an epoch of a billion samples costs nothing to set up, and a run goes on anywhere.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from ferret.errors import TrainingError
from training.data.permutation import permuted
from training.readers.sample import Sample

if TYPE_CHECKING:
    from training.loop import Draw  # brings torch, which an order does not need


class Samples(Protocol):
    """What holds the samples of a source, as `training.data.store.SampleStore` does."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Sample: ...


class Place(NamedTuple):
    """What stands at one place of the run: the number of a source, of a sample in it, and of the epoch."""

    source: int
    sample: int
    epoch: int


class Mixture:
    """Samples of several sources, each so often an epoch.

    A source of weight 2.3 shows every sample twice an epoch and 30 % of them, drawn anew for each epoch, a third time;
    a source of weight 0.2 shows a fifth, drawn anew. Every source shows at least one sample an epoch. `epoch_length`
    tells how many samples an epoch has.

    Args:
        stores: one for each source.
        weights: one for each source, more than 0.
        seed: of the order, at least 0.

    Raises:
        TrainingError: a store is empty, a weight is not a positive number, or the seed is negative.
    """

    def __init__(self, stores: Sequence[Samples], weights: Sequence[float], seed: int) -> None:
        if seed < 0:
            raise TrainingError(f"seed must be 0 or more, not {seed}")
        if not stores:
            raise TrainingError("a mixture needs at least one source")
        self.stores, self.seed = tuple(stores), seed
        self._repeats: list[int] = []
        counts = []
        for number, (store, weight) in enumerate(zip(stores, weights, strict=True)):
            if not len(store):
                raise TrainingError(f"source {number} of the mixture holds no sample")
            if not (math.isfinite(weight) and weight > 0):
                raise TrainingError(f"source {number} of the mixture has the weight {weight}: give a number above 0")
            whole = math.floor(weight)
            extra = round((weight - whole) * len(store))
            self._repeats.append(whole)
            counts.append(max(whole * len(store) + extra, 1))
        self._first = np.cumsum([0, *counts])  # place of each source's first sample before shuffling

    @property
    def epoch_length(self) -> int:
        """Samples an epoch."""
        return int(self._first[-1])

    def __getitem__(self, index: int) -> Place:
        """What stands at place `index` of the run, from 0; there is no last."""
        if index < 0:
            raise IndexError(f"place {index} lies before the run's first")
        return self.places(index, 1)[0]

    def places(self, first: int, size: int) -> list[Place]:
        """What stands at the places `first` to `first + size - 1`."""
        index = np.arange(first, first + size, dtype=np.int64)
        epochs = index // self.epoch_length
        places = []
        for epoch in np.unique(epochs).tolist():
            slots = permuted(index[epochs == epoch] % self.epoch_length, self.epoch_length, self.seed, epoch)
            sources = np.searchsorted(self._first, slots, side="right") - 1
            samples = slots - self._first[sources]
            for source in np.unique(sources).tolist():
                mine = sources == source
                samples[mine] = self._samples(source, epoch, samples[mine])
            places += [Place(*pair, epoch) for pair in zip(sources.tolist(), samples.tolist(), strict=True)]
        return places

    def draw(self, draw: "Draw") -> list[Sample]:
        """The samples of one process's share of a step: those at `draw.first` and after it, `draw.size` of them."""
        return [self.stores[place.source][place.sample] for place in self.places(draw.first, draw.size)]

    def _samples(self, source: int, epoch: int, slots: np.ndarray) -> np.ndarray:
        """Which sample each slot of a source shows: whole rounds first, then the epoch's random part."""
        size = len(self.stores[source])
        part = slots >= self._repeats[source] * size
        samples = slots % size
        # The first few of a permutation are a random subset without repetition.
        samples[part] = permuted(samples[part], size, self.seed, epoch, source)
        return samples
