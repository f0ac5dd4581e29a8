"""Several samples in one sequence, and sequences in one batch, so that little of what is computed is padding.

A token sees its own sample's prefix and its own thread, nothing else, and positions restart with every sample; so the
logits of a packed sample are those of the sample alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ferret.errors import TrainingError
from training.data.encoding import IGNORED, Encoded
from training.data.pictures import Pictures

PADDING = -1
"""The sample, and the source, of a token that only fills its row."""

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False, slots=True)
class PackedSequence:
    """One or more samples, L tokens in all.

    Attributes:
        ids, labels: int64 [L], as in `Encoded`.
        positions: int64 [L], from 0 in every sample; every thread goes on where its sample's prefix ends.
        sample: int64 [L], which of this sequence's samples, from 0.
        thread: int64 [L], which thread of the sample, 0 for its prefix.
        source: int64 [L], number of the source; `PADDING` for a prefix, which may belong to several.
        images: the pictures in the order of their tokens.
        points: float32 [R, P, 2], regions in the order of their tokens.
        region_image: int64 [R], which of `images` each region lies on.
    """

    ids: Ints
    labels: Ints
    positions: Ints
    sample: Ints
    thread: Ints
    source: Ints
    images: tuple[Path, ...]
    points: torch.Tensor
    region_image: Ints

    def __len__(self) -> int:
        return len(self.ids)


def pack(encoded: Sequence[Encoded], length: int, *, together: bool = True) -> list[PackedSequence]:
    """Distribute samples over sequences of at most `length` tokens, the longest sequence first.

    First-fit decreasing, which makes at most 11/9 of the fewest possible sequences and two thirds of one (Dosa 2007).
    The same samples in the same order give the same sequences.

    Args:
        encoded: samples.
        length: of a sequence, in tokens.
        together: whether a sequence may hold more than one sample.

    Raises:
        TrainingError: a sample is longer than `length`.
    """
    rows: list[tuple[list[Encoded], int]] = []
    for one in sorted(encoded, key=len, reverse=True):
        if len(one) > length:
            raise TrainingError(f"a sample of {len(one)} tokens does not fit a sequence of {length}")
        fitting = (place for place, (_, total) in enumerate(rows) if together and total + len(one) <= length)
        place = next(fitting, None)
        if place is None:
            rows.append(([one], len(one)))
        else:
            members, total = rows[place]
            members.append(one)
            rows[place] = (members, total + len(one))
    rows.sort(key=lambda row: row[1], reverse=True)
    return [_sequence(members) for members, _ in rows]


def _sequence(members: Sequence[Encoded]) -> PackedSequence:
    numbers = range(len(members))
    return PackedSequence(
        ids=np.concatenate([one.ids for one in members]),
        labels=np.concatenate([one.labels for one in members]),
        positions=np.concatenate([one.positions for one in members]),
        sample=np.repeat(np.arange(len(members)), [len(one) for one in members]),
        thread=np.concatenate([one.thread for one in members]),
        source=np.concatenate([np.array([PADDING, *one.sources])[one.thread] for one in members]),
        images=tuple(one.image for one in members),
        points=torch.cat([one.points for one in members]),
        region_image=np.repeat(np.array(numbers, dtype=np.int64), [len(one.points) for one in members]),
    )


def attention_mask(sample: torch.Tensor, thread: torch.Tensor) -> torch.Tensor:
    """What each token may look at: bool [B, 1, L, L], from int64 [B, L] `sample` and `thread`.

    A token sees, of its own sample, the prefix and its own thread, up to itself. Padding sees padding, so that no row
    is without anything to see.
    """
    length = sample.shape[1]
    past = torch.ones(length, length, dtype=torch.bool, device=sample.device).tril()
    own = sample[:, :, None] == sample[:, None, :]
    visible = (thread[:, :, None] == thread[:, None, :]) | (thread[:, None, :] == 0)
    return (past & own & visible)[:, None]


@dataclass(frozen=True, eq=False)
class PackedBatch:
    """B sequences padded on the right to the longest, L, on one device.

    Attributes:
        input_ids: int64 [B, L].
        labels: int64 [B, L], `IGNORED` (-100) where nothing is learned; the label of a token is the token itself, so
            the one before it predicts it.
        position_ids: int64 [B, L].
        sample, thread: int64 [B, L]; `sample` is `PADDING` behind the end of a row.
        source: int64 [B, L], number of the source of every token of a conversation, else `PADDING`.
        pixel_values: float32 [N, 3, H, W].
        region_points: float32 [R, P, 2]; R may be 0.
        region_image_index: int64 [R].
        packed: whether some row holds more than one conversation.
    """

    input_ids: torch.Tensor
    labels: torch.Tensor
    position_ids: torch.Tensor
    sample: torch.Tensor
    thread: torch.Tensor
    source: torch.Tensor
    pixel_values: torch.Tensor
    region_points: torch.Tensor
    region_image_index: torch.Tensor
    packed: bool

    @property
    def answer_tokens(self) -> int:
        """How many tokens are learned."""
        return int((self.labels != IGNORED).sum())

    @property
    def tokens(self) -> int:
        """How many tokens are not padding."""
        return int((self.sample != PADDING).sum())

    def to(self, device: torch.device) -> "PackedBatch":
        """The same batch on `device`."""
        moved: dict[str, Any] = {
            field.name: value.to(device, non_blocking=True)
            for field in fields(self)
            if isinstance(value := getattr(self, field.name), torch.Tensor)
        }
        return replace(self, **moved)

    def model_inputs(self) -> dict[str, torch.Tensor]:
        """Keyword arguments of `FerretForConditionalGeneration.forward`, without `labels`.

        The attention mask is made here, on the batch's device: bool [B, 1, L, L] when conversations share a row, which
        transformers' "sdpa" attention takes (its "eager" attention adds masks, and would add this one as 0 and 1); else
        int64 [B, L], with which attention is causal and can run without a mask in memory.
        """
        mask = attention_mask(self.sample, self.thread) if self.packed else (self.sample != PADDING).long()
        return {
            "input_ids": self.input_ids,
            "attention_mask": mask,
            "position_ids": self.position_ids,
            "pixel_values": self.pixel_values,
            "region_points": self.region_points,
            "region_image_index": self.region_image_index,
        }


def collate(sequences: Sequence[PackedSequence], pictures: Pictures, pad_id: int) -> PackedBatch:
    """Tensors of one or more sequences, on the CPU.

    Args:
        sequences: at least one.
        pictures: where their pictures are read.
        pad_id: token that fills the rows.

    Raises:
        ImageError: a picture cannot be read.
    """
    length = max(map(len, sequences))

    def padded(name: str, fill: int) -> torch.Tensor:
        rows = [np.pad(getattr(one, name), (0, length - len(one)), constant_values=fill) for one in sequences]
        return torch.from_numpy(np.stack(rows))

    first = np.cumsum([0, *(len(one.images) for one in sequences)])  # the batch's number of each row's first picture
    index = np.concatenate([one.region_image + start for one, start in zip(sequences, first, strict=False)])
    return PackedBatch(
        input_ids=padded("ids", pad_id),
        labels=padded("labels", IGNORED),
        position_ids=padded("positions", 0),
        sample=padded("sample", PADDING),
        thread=padded("thread", 0),
        source=padded("source", PADDING),
        pixel_values=torch.stack([pictures.pixels(path) for one in sequences for path in one.images]),
        region_points=torch.cat([one.points for one in sequences]),
        region_image_index=torch.from_numpy(index),
        packed=any(len(one.images) > 1 or one.thread.max() > 1 for one in sequences),
    )
