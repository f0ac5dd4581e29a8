"""From samples to tokens: what any Ferret checkpoint reads, which tokens it learns, and the points of its regions.

A conversation is written by the checkpoint's template and tokenised as its processor does it (ferret-spec 1.7, 1.8), so
that training sees what inference will. It falls into a prefix, which is the same for every conversation about one
picture (the template's beginning and the picture's tokens), and what follows, a *thread*. Conversations about one
picture that do not see each other can therefore share the picture: `share_images` puts several threads behind one
prefix.

Labels are those of the released training (ferret-spec 3): the assistant's text with the token that ends it, and -100
everywhere else. The released code cuts conversations before the picture is expanded, wherever the limit falls. Here the
length counts the picture's tokens, and whole turns are cut, so that no region or answer is torn.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ferret.errors import ImageError, RegionError, TrainingError
from ferret.processing import FerretProcessor
from ferret.prompts import place_regions, plain_text
from ferret.sampler import sample_points
from training.data.encoding_report import EncodingReport, Reason
from training.data.pictures import Pictures
from training.readers.sample import Sample, Turn

IGNORED = -100
"""Label of a token that is not learned."""

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False, slots=True)
class Encoded:
    """A picture and one or more conversations about it as L tokens.

    Attributes:
        ids: int64 [L], with the image token once for each vector of the picture.
        labels: int64 [L], `IGNORED` for what is not learned.
        thread: int64 [L], 0 for the prefix, then 1, 2, ... for each conversation in turn.
        points: float32 [R, P, 2], (x / width, y / height), of the regions in the order of their tokens.
        image: the picture's path.
        size: its (width, height) in pixels.
        sources: for every thread the number of the source that it came from.
    """

    ids: Ints
    labels: Ints
    thread: Ints
    points: torch.Tensor
    image: Path
    size: tuple[int, int]
    sources: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def prefix(self) -> int:
        """How many tokens the threads share."""
        return int(np.count_nonzero(self.thread == 0))

    @property
    def positions(self) -> Ints:
        """int64 [L]: every thread goes on where the prefix ends."""
        starts = np.searchsorted(self.thread, np.arange(len(self.sources) + 1))
        return np.arange(len(self.ids)) - np.where(self.thread == 0, 0, starts[self.thread] - self.prefix)


@dataclass(frozen=True, slots=True)
class _Written:
    """The text of a conversation behind the picture.

    Attributes:
        text: all turns.
        bounds: where in it each answer begins and ends, `[begin, end, begin, end, ...]` in characters.
        orders: for every turn, the regions of its tokens from left to right.
    """

    text: str
    bounds: tuple[int, ...]
    orders: tuple[tuple[int, ...], ...]


class SampleEncoder:
    """Encodes samples for one checkpoint.

    Args:
        processor: the checkpoint's.
        length: tokens that one conversation may have, its picture's included.
        pictures: where pictures are read.

    Raises:
        TrainingError: no text fits beside the picture.
    """

    def __init__(self, processor: FerretProcessor, length: int, pictures: Pictures) -> None:
        self.processor, self.length, self.pictures = processor, length, pictures
        self.report = EncodingReport()
        self._tokenizer: Any = processor.tokenizer
        self._template = processor.conversation
        self._prefix = np.array(processor.tokenize(self._template.begin + self._template.user[0]), dtype=np.int64)
        picture = np.full(processor.num_image_tokens, processor.image_token_id, dtype=np.int64)
        self._prefix = np.concatenate([self._prefix, picture])
        if length <= len(self._prefix):
            raise TrainingError(
                f"a length of {length} leaves no room for a question: picture and template alone take "
                f"{len(self._prefix)} tokens"
            )

    def encode(self, samples: Sequence[Sample], sources: Sequence[int]) -> list[Encoded]:
        """Encode samples, each as one thread; those that cannot be used are left out and counted in `report`.

        Args:
            samples: any number.
            sources: for each the number of its source, which is passed on.
        """
        kept: list[tuple[Sample, int, tuple[int, int], _Written]] = []
        for sample, source in zip(samples, sources, strict=True):
            try:
                size = self._size(sample)
                kept.append((sample, source, size, self._write(sample, size)))
            except ImageError as error:
                self.report.leave_out(sample, Reason.PICTURE, str(error))
            except RegionError as error:
                self.report.leave_out(sample, Reason.REGION, str(error))
            except _LeftOutError as error:
                self.report.leave_out(sample, error.reason, str(error))
        if not kept:
            return []
        tokens = self._tokenizer(
            [written.text for *_, written in kept],
            add_special_tokens=False,
            return_offsets_mapping=True,
            return_attention_mask=False,
            verbose=False,
        )
        encoded = []
        for (sample, source, size, written), ids, offsets in zip(
            kept, tokens["input_ids"], tokens["offset_mapping"], strict=True
        ):
            try:
                starts = np.array([start for start, _ in offsets], dtype=np.int64)
                encoded.append(self._finish(sample, source, size, written, np.array(ids, dtype=np.int64), starts))
            except RegionError as error:
                self.report.leave_out(sample, Reason.REGION, str(error))
            except _LeftOutError as error:
                self.report.leave_out(sample, error.reason, str(error))
        return encoded

    def _size(self, sample: Sample) -> tuple[int, int]:
        """The (width, height) in which the sample's regions are given."""
        width, height = real = self.pictures.size(sample.image)
        if sample.size is None or sample.size == real:
            return real
        # A picture that was scaled down keeps its regions' relative places; one that was turned or cropped does not.
        told_width, told_height = sample.size
        if abs(told_width * height - told_height * width) > max(told_width, told_height, width, height):
            raise _LeftOutError(
                Reason.SIZE,
                f"{str(sample.image)!r} is {width}x{height} pixels but its record says {told_width}x{told_height}",
            )
        return sample.size

    def _write(self, sample: Sample, size: tuple[int, int]) -> _Written:
        """As `ConversationTemplate.render`, remembering where the answers are."""
        template = self._template
        released = template.released_coordinates
        text, bounds, orders = "\n", [], []
        for number, turn in enumerate(sample.turns):
            for region in (*turn.regions, *(limit for limit in turn.within if limit is not None)):
                region.checked(*size)
            question = place_regions(turn.question, turn.regions, [size], released=released)
            answer = plain_text(turn.answer_text(*size, released=released))
            text += (template.user[0] if number else "") + question.text + template.user[1] + template.assistant
            begin = len(text)
            text += template.answer[0] + answer + template.answer[1]
            bounds += [begin, len(text)]
            orders.append(question.order)
        try:
            text.encode()
        except UnicodeEncodeError:
            raise _LeftOutError(Reason.TEXT, "the text holds half of a character (a lone surrogate)") from None
        return _Written(text, tuple(bounds), tuple(orders))

    def _finish(
        self, sample: Sample, source: int, size: tuple[int, int], written: _Written, ids: Ints, starts: Ints
    ) -> Encoded:
        """Cut, label and add points. `starts`, int64 [T]: where in the text each of the T tokens `ids` begins."""
        room = self.length - len(self._prefix)
        ends = np.searchsorted(starts, written.bounds[1::2])  # tokens up to the end of each turn
        turns = int(np.searchsorted(ends, room, side="right"))
        if not turns:
            raise _LeftOutError(
                Reason.LENGTH,
                f"the first turn takes {len(self._prefix) + int(ends[0])} tokens with the picture's, and "
                f"{self.length} are allowed",
            )
        ids, starts = ids[: ends[turns - 1]], starts[: ends[turns - 1]]
        learned = np.searchsorted(written.bounds, starts, side="right") % 2 == 1  # behind a beginning, not an end
        regions = sum(map(len, written.orders[:turns]))
        if np.count_nonzero(ids == self.processor.region_token_id) != regions or np.any(
            ids == self.processor.image_token_id
        ):
            raise _LeftOutError(Reason.TEXT, "the text holds tokens that stand for pictures or regions")
        points = [
            self._points(turn, index, size)
            for turn, order in zip(sample.turns[:turns], written.orders[:turns], strict=True)
            for index in order
        ]
        self.report.use(len(sample.turns) - turns)
        return Encoded(
            ids=np.concatenate([self._prefix, ids]),
            labels=np.concatenate([np.full(len(self._prefix), IGNORED), np.where(learned, ids, IGNORED)]),
            thread=np.repeat(np.array([0, 1]), [len(self._prefix), len(ids)]),
            points=torch.stack(points) if points else torch.zeros(0, self.processor.num_region_points, 2),
            image=sample.image,
            size=size,
            sources=(source,),
        )

    def _points(self, turn: Turn, index: int, size: tuple[int, int]) -> torch.Tensor:
        """As `FerretProcessor.region_points`, cut to what the region lies on: float32 [P, 2]."""
        mask = turn.region_mask(index, *size, released=self._template.released_coordinates)
        generator = torch.Generator().manual_seed(self.processor.region_seed)
        points: torch.Tensor = sample_points(mask, self.processor.num_region_points, generator)
        return points


class _LeftOutError(Exception):
    """A sample cannot be used, for a reason that is counted."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def share_images(encoded: Sequence[Encoded], length: int) -> list[Encoded]:
    """Put conversations about the same picture behind one prefix, as many as `length` tokens hold.

    They stay independent: a token sees the prefix and its own thread alone. The order is that of the first of each.
    """
    groups: list[list[Encoded]] = []
    open_groups: dict[Path, list[tuple[list[Encoded], int]]] = {}
    for one in encoded:
        candidates = open_groups.setdefault(one.image, [])
        added = len(one) - one.prefix
        for place, (group, total) in enumerate(candidates):
            if total + added <= length:
                group.append(one)
                candidates[place] = (group, total + added)
                break
        else:
            groups.append([one])
            candidates.append((groups[-1], len(one)))
    return [_joined(group) for group in groups]


def _joined(group: Sequence[Encoded]) -> Encoded:
    """One picture's conversations as one; the prefix is that of the first."""
    first = group[0]
    if len(group) == 1:
        return first
    threads, before = [first.thread], len(first.sources)
    for one in group[1:]:
        threads.append(one.thread[one.prefix :] + before)
        before += len(one.sources)
    return Encoded(
        ids=np.concatenate([first.ids, *(one.ids[one.prefix :] for one in group[1:])]),
        labels=np.concatenate([first.labels, *(one.labels[one.prefix :] for one in group[1:])]),
        thread=np.concatenate(threads),
        points=torch.cat([one.points for one in group]),
        image=first.image,
        size=first.size,
        sources=tuple(source for one in group for source in one.sources),
    )
