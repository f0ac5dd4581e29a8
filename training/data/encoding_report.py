"""What became of the samples drawn for training: encoded whole, cut short or left out; nothing vanishes unseen.

`training.readers.report` tells of records that never became samples; this tells of samples that no batch could hold.
"""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from training.readers.sample import Sample


class Reason(StrEnum):
    """Why a sample is left out."""

    PICTURE = "picture missing or unreadable"
    SIZE = "picture of another shape than its file says"
    REGION = "region malformed, empty or outside its picture"
    TEXT = "text that cannot be put into a prompt"
    LENGTH = "first turn too long"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """One sample that could not be used: where it came from, and why in words."""

    source: str
    id: str
    reason: Reason
    detail: str

    def __str__(self) -> str:
        return f"{self.source} {self.id}: {self.detail}"


@dataclass(slots=True)
class EncodingReport:
    """Counts over all draws of one process, and the first `keep` samples that were left out.

    A sample that is drawn in several epochs is counted in each, and kept among the examples once.

    Attributes:
        keep: how many of those left out are kept.
        encoded: samples that were encoded, cut ones included.
        cut: samples that lost turns at their end.
        turns_cut: turns that they lost.
        left_out: samples of which nothing was used, by reason.
        examples: the ones kept, in order.
    """

    keep: int = 100
    encoded: int = 0
    cut: int = 0
    turns_cut: int = 0
    left_out: Counter[Reason] = field(default_factory=Counter)
    examples: list[LeftOut] = field(default_factory=list)

    def use(self, turns_cut: int = 0) -> None:
        """Count a sample that was encoded without so many of its last turns."""
        self.encoded += 1
        if turns_cut:
            self.cut += 1
            self.turns_cut += turns_cut

    def leave_out(self, sample: Sample, reason: Reason, detail: str) -> None:
        """Count a sample of which nothing can be used, and keep it while there is room."""
        self.left_out[reason] += 1
        example = LeftOut(sample.source, sample.id, reason, detail)
        if len(self.examples) < self.keep and example not in self.examples:
            self.examples.append(example)

    def as_json(self) -> dict[str, Any]:
        """Everything as plain JSON types, for the run folder."""
        return {
            "encoded": self.encoded,
            "cut": self.cut,
            "turns_cut": self.turns_cut,
            "left_out": {reason.value: count for reason, count in self.left_out.items()},
            "examples": [str(example) for example in self.examples],
        }
