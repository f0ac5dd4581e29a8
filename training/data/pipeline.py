"""From the settings of a run to its batches: stores, their mixture, encoding, packing, micro-batches."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ferret.configuration import FerretConfig
from ferret.errors import ImageError, TrainingError
from ferret.processing import FerretProcessor
from training.data.encoding import SampleEncoder, share_images
from training.data.mixture import Mixture
from training.data.packing import PackedBatch, collate, pack
from training.data.pictures import Pictures
from training.data.store import SampleStore, build_store
from training.tuning.settings import Source, TuneSettings

if TYPE_CHECKING:
    from training.loop import Draw

_PROBES = 16  # samples of a source whose pictures are looked for before a run begins


class DataPipeline:
    """All the data of a run, for one checkpoint.

    Args:
        settings: of the run: sources, length, packing, micro-batch and seed.
        processor: the checkpoint's.
        config: the checkpoint's.
        stores_folder: where the stores of the sources are kept; runs may share it.

    Attributes:
        names: of the sources, all different, in their order; `PackedBatch.source` counts them.
        stores: of the sources.
        mixture: the order in which samples are seen.

    Raises:
        TrainingError: a source cannot be read, holds nothing to train on or has no pictures where they should be; no
            text fits the length; or processor and configuration are of different checkpoints.
    """

    def __init__(
        self, settings: TuneSettings, processor: FerretProcessor, config: FerretConfig, stores_folder: Path
    ) -> None:
        _check_together(processor, config)
        self.settings = settings
        self.names = _names(settings.sources)
        self._pictures = Pictures(processor.image_processor)
        positions = getattr(config.text_config, "max_position_embeddings", None) or settings.length
        # A packed sequence may be longer than the model's context, since positions restart; a sample may not.
        self._encoder = SampleEncoder(processor, min(settings.length, positions), self._pictures)
        pad = getattr(processor.tokenizer, "pad_token_id", None)
        self._pad_id = 0 if pad is None else int(pad)
        self.stores = tuple(build_store(source, stores_folder, seed=settings.seed) for source in settings.sources)
        for source, store in zip(settings.sources, self.stores, strict=True):
            _check_store(source, store)
            self._check_pictures(source, store)
        self.mixture = Mixture(self.stores, [source.weight for source in settings.sources], settings.seed)

    @property
    def epoch_length(self) -> int:
        """Samples an epoch, over all processes."""
        return self.mixture.epoch_length

    def micro_batches(self, draw: "Draw") -> list[PackedBatch]:
        """One process's share of a step, in batches of at most `settings.micro_batch` sequences, the longest first.

        How many there are depends on how the samples pack, so processes may have different numbers; if none of a
        share's samples can be used there is none. What was left out is in `report`.
        """
        self._pictures.clear()
        places = self.mixture.places(draw.first, draw.size)
        samples = [self.stores[place.source][place.sample] for place in places]
        encoded = self._encoder.encode(samples, [place.source for place in places])
        if self.settings.pack:
            encoded = share_images(encoded, self.settings.length)
        sequences = pack(encoded, self.settings.length, together=self.settings.pack)
        size = self.settings.micro_batch
        return [
            collate(sequences[first : first + size], self._pictures, self._pad_id)
            for first in range(0, len(sequences), size)
        ]

    def report(self) -> dict[str, Any]:
        """What became of the records of every source, and of the samples that this process drew; plain JSON types."""
        sources = {
            name: {
                "samples": len(store), "used": store.report.used, "malformed": store.report.malformed,
                "left_out": dict(store.report.left_out),
                "examples": [str(example) for example in store.report.examples],
            }
            for name, store in zip(self.names, self.stores, strict=True)
        }  # fmt: skip
        return {"sources": sources, "drawn": self._encoder.report.as_json()}

    def hashes(self) -> dict[str, str]:
        """For every source the SHA-256 in hex of what its samples depend on."""
        return {name: store.data_hash for name, store in zip(self.names, self.stores, strict=True)}

    def _check_pictures(self, source: Source, store: SampleStore) -> None:
        """A few missing pictures are counted; a wrong folder must not be found out at the end of a run."""
        numbers = sorted({len(store) * probe // _PROBES for probe in range(_PROBES)})
        fault: ImageError | None = None
        for number in numbers:
            try:
                self._pictures.size(store[number].image)
                return
            except ImageError as error:
                fault = fault or error
        raise TrainingError(
            f"{str(source.path)!r}: none of {len(numbers)} pictures tried in {str(source.images)!r} can be read, "
            f"the first: {fault}"
        )


def _check_store(source: Source, store: SampleStore) -> None:
    if not len(store):
        report = store.report
        first = f", the first: {report.examples[0]}" if report.examples else ""
        raise TrainingError(
            f"{str(source.path)!r} holds nothing to train on for {source.reader!r}: "
            f"{report.left_out.total()} record(s) left out, {report.malformed} malformed{first}"
        )


def _check_together(processor: FerretProcessor, config: FerretConfig) -> None:
    for what, ours, theirs in (
        ("tokens for a picture", processor.num_image_tokens, config.num_image_tokens),
        ("points for a region", processor.num_region_points, config.sampler_shape.num_points),
        ("as the image token", processor.image_token_id, config.image_token_id),
        ("as the region token", processor.region_token_id, config.region_token_id),
    ):
        if ours != theirs:
            raise TrainingError(
                f"the processor takes {ours} {what} but the model {theirs}: they are of different checkpoints"
            )


def _names(sources: tuple[Source, ...]) -> tuple[str, ...]:
    """The readers' names; with the file's where a reader serves twice, and with a number where that is not enough."""
    readers = Counter(source.reader for source in sources)
    names = [
        source.reader if readers[source.reader] == 1 else f"{source.reader}:{source.path.stem}" for source in sources
    ]
    counts = Counter(names)
    return tuple(
        name if counts[name] == 1 else f"{name}#{names[:place].count(name) + 1}" for place, name in enumerate(names)
    )
