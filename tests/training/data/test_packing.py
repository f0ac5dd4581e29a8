"""Packing: nothing lost, nothing too long, and every packed conversation answered as if it were alone."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from ferret.errors import TrainingError
from ferret.modeling import FerretForConditionalGeneration
from ferret.processing import FerretProcessor
from ferret.regions import Box, Point, Polygon
from training.data.encoding import IGNORED, Encoded, SampleEncoder, share_images
from training.data.packing import PADDING, PackedBatch, attention_mask, collate, pack
from training.data.pictures import Pictures
from training.readers import Sample, Turn

SIZE = (60, 40)
MakeSample = Callable[..., Sample]


def flat(length: int, number: int = 0, regions: int = 0) -> Encoded:
    """A sample of `length` tokens, two of them prefix."""
    ids = 1000 * number + np.arange(length)
    labels = np.where(np.arange(length) < 2, IGNORED, ids)
    thread = np.repeat([0, 1], [2, length - 2])
    points = torch.full((regions, 4, 2), float(number))
    return Encoded(ids, labels, thread, points, Path(f"{number}.png"), SIZE, (number,))


# -- distributing ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lengths", "length", "together", "expected"),
    [
        ([], 10, True, []),
        ([3], 3, True, [[3]]),
        ([3, 3], 5, True, [[3], [3]]),
        ([3, 3], 6, True, [[3, 3]]),
        ([3, 3], 6, False, [[3], [3]]),
        ([3, 7, 5, 5, 8], 10, True, [[7, 3], [5, 5], [8]]),
        ([3, 7, 5], 10, False, [[7], [5], [3]]),
    ],
)
def test_samples_fill_sequences(lengths: list[int], length: int, together: bool, expected: list[list[int]]) -> None:
    packed = pack([flat(size, number) for number, size in enumerate(lengths)], length, together=together)
    assert [np.bincount(one.sample).tolist() for one in packed] == expected


@settings(max_examples=50)
@given(lengths=st.lists(st.integers(3, 40), max_size=25), length=st.integers(40, 120))
def test_nothing_is_lost_or_too_long_and_no_two_sequences_would_fit_in_one(lengths: list[int], length: int) -> None:
    encoded = [flat(size, number, number % 3) for number, size in enumerate(lengths)]
    packed = pack(encoded, length)
    sizes = [len(one) for one in packed]
    assert sizes == sorted(sizes, reverse=True)
    assert all(size <= length for size in sizes)
    assert len(sizes) < 2 or sizes[-1] + sizes[-2] > length
    found: dict[int, tuple[int, int]] = {}
    for row, one in enumerate(packed):
        assert len(one.images) == one.sample[-1] + 1
        for place, path in enumerate(one.images):
            found[int(path.stem)] = row, place
    assert sorted(found) == list(range(len(encoded)))
    for number, (row, place) in found.items():
        one, mine = packed[row], packed[row].sample == place
        assert one.ids[mine].tolist() == encoded[number].ids.tolist()
        assert one.labels[mine].tolist() == encoded[number].labels.tolist()
        assert one.positions[mine].tolist() == list(range(len(encoded[number])))
        assert one.source[mine].tolist() == [PADDING, PADDING] + [number] * (len(encoded[number]) - 2)
        assert one.points[one.region_image == place].tolist() == encoded[number].points.tolist()
    again = pack(encoded, length)
    assert [one.ids.tolist() for one in again] == [one.ids.tolist() for one in packed]


def test_a_sample_longer_than_a_sequence_is_refused() -> None:
    with pytest.raises(TrainingError, match="sample of 11 tokens does not fit a sequence of 10"):
        pack([flat(5), flat(11)], 10)


# -- what sees what ----------------------------------------------------------------------------------------------------


@given(data=st.data())
def test_a_token_sees_its_prefix_and_its_thread_up_to_itself(data: st.DataObject) -> None:
    rows = []
    for _ in range(data.draw(st.integers(1, 3))):
        row: list[tuple[int, int]] = []
        for number in range(data.draw(st.integers(0, 3))):
            for thread in range(data.draw(st.integers(1, 4))):
                row += [(number, thread)] * data.draw(st.integers(1, 3))
        rows.append(row[:24] + [(PADDING, 0)] * max(0, 24 - len(row)))
    both = torch.tensor(rows)
    mask = attention_mask(both[..., 0], both[..., 1])
    assert (mask.shape, mask.dtype) == ((len(rows), 1, 24, 24), torch.bool)
    for batch, row in enumerate(rows):
        for here, (sample, thread) in enumerate(row):
            seen = [
                there <= here and other == sample and other_thread in (0, thread)
                for there, (other, other_thread) in enumerate(row)
            ]
            assert mask[batch, 0, here].tolist() == seen
            assert any(seen)  # attention over nothing would be no number


# -- batches -----------------------------------------------------------------------------------------------------------


def questions(kind: str) -> list[tuple[str, Turn]]:
    """Conversations of different lengths about two pictures, with regions and without."""
    box, point = Box(5, 5, 40, 30), Point(50, 10)
    shape = Polygon(((2, 2), (50, 4), (30, 38)))
    first = Turn("What is <region1> beside <region2>?", "a dog <box1> of the cat", (box, point), boxes=(box,))
    second = Turn("Is it <region1>?", "No.", (shape,))
    third = Turn("What is in the image?", "a man and a dog")
    if kind == "two pictures":
        return [("a.png", first), ("b.png", second)]
    if kind == "one picture":
        return [("a.png", first), ("a.png", second), ("a.png", third)]
    return [("a.png", first), ("b.png", third), ("a.png", second), ("b.png", first), ("c.png", third)]


@pytest.fixture(scope="module", params=["released", "nano"])
def checkpoint(
    request: pytest.FixtureRequest, released: FerretProcessor, released_model: FerretForConditionalGeneration
) -> tuple[FerretProcessor, FerretForConditionalGeneration]:
    if request.param == "released":
        return released, released_model
    from ferret.engine import Engine

    engine = Engine.load("ferret-nano", device="cpu")
    return engine.processor, engine.model


def per_thread(batch: PackedBatch, values: torch.Tensor) -> dict[tuple[int, int, int], torch.Tensor]:
    """Values [B, L, ...] of every conversation, by row, sample and thread."""
    rows, columns = (batch.thread > 0).nonzero(as_tuple=True)
    keys = [
        (int(row), int(batch.sample[row, column]), int(batch.thread[row, column]))
        for row, column in zip(rows, columns, strict=True)
    ]
    return {
        key: torch.stack([values[row, column] for k, row, column in zip(keys, rows, columns, strict=True) if k == key])
        for key in sorted(set(keys))
    }


@pytest.mark.parametrize("kind", ["two pictures", "one picture", "all sorts"])
@pytest.mark.parametrize("together", [True, False])
def test_packed_logits_and_losses_are_those_of_each_sample_alone(
    kind: str,
    together: bool,
    checkpoint: tuple[FerretProcessor, FerretForConditionalGeneration],
    sample: MakeSample,
) -> None:
    processor, untyped = checkpoint
    model: Any = untyped
    pictures = Pictures(processor.image_processor)
    encoder = SampleEncoder(processor, 700, pictures)
    given = [sample(turn, image=image) for image, turn in questions(kind)]
    encoded = encoder.encode(given, list(range(len(given))))
    shared = share_images(encoded, 1400) if together else encoded
    batch = collate(pack(shared, 1400, together=together), pictures, 0)
    assert batch.packed == together

    def logits(one: PackedBatch) -> torch.Tensor:
        with torch.inference_mode():
            found: torch.Tensor = model(**one.model_inputs()).logits
        return found

    sources = {key: int(values[0]) for key, values in per_thread(batch, batch.source).items()}
    assert sorted(sources.values()) == list(range(len(given)))
    packed, tokens = per_thread(batch, logits(batch)), per_thread(batch, batch.input_ids)
    alone_loss = 0.0
    for key, source in sources.items():
        single = collate(pack([encoded[source]], 700), pictures, 0)
        assert not single.packed
        inputs = processor(
            images=given[source].image,
            text=processor.conversation.render(_texts(processor, given[source])),
            regions=_regions(processor, given[source]),
        )
        assert torch.equal(inputs["input_ids"], single.input_ids)
        with torch.inference_mode():
            expected = model(**inputs).logits[0]
        prefix = encoded[source].prefix
        assert torch.equal(tokens[key], single.input_ids[0, prefix:])
        assert torch.allclose(packed[key], expected[prefix:], atol=2e-4)
        alone_loss += _loss(single, expected[None])
    assert _loss(batch, logits(batch)) == pytest.approx(alone_loss, rel=1e-4)


def _texts(processor: FerretProcessor, sample: Sample) -> list[str | None]:
    (turn,) = sample.turns
    question, _ = processor.refer(turn.question, turn.regions, [SIZE])
    answer = turn.answer_text(*SIZE, released=processor.conversation.released_coordinates)
    return [f"<image>\n{question}", answer]


def _regions(processor: FerretProcessor, sample: Sample) -> Any:
    (turn,) = sample.turns
    return processor.refer(turn.question, turn.regions, [SIZE])[1]


def _loss(batch: PackedBatch, logits: torch.Tensor) -> float:
    """Summed over the answers' tokens."""
    flat = logits[:, :-1].flatten(0, 1).float()
    return float(functional.cross_entropy(flat, batch.labels[:, 1:].flatten(), reduction="sum"))


def test_the_test_would_see_samples_that_see_each_other(
    released: FerretProcessor, released_model: FerretForConditionalGeneration, sample: MakeSample
) -> None:
    """With the ordinary causal mask, or with positions that run on, the logits of the second sample are others."""
    model: Any = released_model
    pictures = Pictures(released.image_processor)
    given = [sample(turn, image=image) for image, turn in questions("two pictures")]
    batch = collate(pack(SampleEncoder(released, 700, pictures).encode(given, [0, 1]), 1400), pictures, 0)
    inputs = batch.model_inputs()
    second = batch.sample[0] == 1
    length = batch.input_ids.shape[1]
    with torch.inference_mode():
        right = model(**inputs).logits[0, second]
        leaking = model(**(inputs | {"attention_mask": torch.ones(1, length).long()})).logits[0, second]
        swapped = model(**(inputs | {"region_image_index": 1 - inputs["region_image_index"]})).logits[0, second]
    assert (right - leaking).abs().max() > 0.1
    assert (right - swapped).abs().max() > 0.01


def test_a_batch_is_padded_to_its_longest_and_counts_its_pictures(
    released: FerretProcessor, sample: MakeSample
) -> None:
    pictures = Pictures(released.image_processor)
    given = [sample(turn, image=image) for image, turn in questions("all sorts")]
    encoded = SampleEncoder(released, 700, pictures).encode(given, [3, 1, 4, 1, 5])
    sequences = pack(encoded, 600)
    assert len({len(one) for one in sequences}) > 1
    batch = collate(sequences, pictures, 9)
    rows, length = batch.input_ids.shape
    assert (rows, length) == (len(sequences), max(map(len, sequences)))
    assert batch.pixel_values.shape == (5, 3, 112, 112)
    assert batch.region_points.shape == (5, 512, 2)
    assert batch.region_points.dtype == batch.pixel_values.dtype == torch.float32
    padding = batch.sample == PADDING
    assert padding.sum() == rows * length - sum(map(len, encoded)) == rows * length - batch.tokens
    assert (batch.input_ids[padding] == 9).all()
    assert (batch.labels[padding] == IGNORED).all()
    assert (batch.source[padding] == PADDING).all()
    assert batch.answer_tokens == sum(int((one.labels != IGNORED).sum()) for one in encoded)
    assert set(batch.source[~padding].tolist()) == {PADDING, 1, 3, 4, 5}
    # Every region token's picture, counted by the image tokens before it, is the one that its index names.
    starts = (batch.input_ids == released.image_token_id) & (
        functional.pad(batch.input_ids, (1, 0))[:, :-1] != released.image_token_id
    )
    number = starts.flatten().cumsum(0).view(rows, length) - 1
    assert number[batch.input_ids == released.region_token_id].tolist() == batch.region_image_index.tolist()
    paths = [path for one in sequences for path in one.images]
    assert all(
        torch.equal(pixels, pictures.pixels(path)) for pixels, path in zip(batch.pixel_values, paths, strict=True)
    )


def test_a_batch_without_regions_has_none_of_the_right_shape(released: FerretProcessor, sample: MakeSample) -> None:
    pictures = Pictures(released.image_processor)
    encoded = SampleEncoder(released, 700, pictures).encode([sample(Turn("q", "a"))], [0])
    batch = collate(pack(encoded, 700), pictures, 0)
    assert batch.region_points.shape == (0, 512, 2)
    assert (batch.region_image_index.shape, batch.region_image_index.dtype) == ((0,), torch.int64)


def test_nothing_is_learned_across_the_seams(released: FerretProcessor, sample: MakeSample) -> None:
    """The first token of a sample or thread is predicted by nobody."""
    pictures = Pictures(released.image_processor)
    given = [sample(turn, image=image) for image, turn in questions("all sorts")]
    encoded = SampleEncoder(released, 700, pictures).encode(given, [0] * 5)
    batch = collate(pack(share_images(encoded, 2000), 2000), pictures, 0)
    seam = (batch.sample.diff() != 0) | (batch.thread.diff() != 0)
    assert seam.sum() == 5 + 2  # five conversations behind the prefixes of three pictures
    assert (batch.labels[:, 1:][seam] == IGNORED).all()


def test_a_batch_moves_as_a_whole(released: FerretProcessor, sample: MakeSample) -> None:
    pictures = Pictures(released.image_processor)
    encoded = SampleEncoder(released, 700, pictures).encode([sample(Turn("q", "a"))], [0])
    moved = replace(collate(pack(encoded, 700), pictures, 0)).to(torch.device("meta"))
    assert moved.packed is False
    assert {value.device.type for value in moved.model_inputs().values()} == {"meta"}
    assert moved.labels.device.type == moved.source.device.type == "meta"
