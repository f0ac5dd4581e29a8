"""What a run that trains a Ferret checkpoint is made of, as typed settings that read like the table of a paper.

A recipe is a `TuneSettings`; `ferret train RECIPE --set key=value` replaces its fields. Nothing here imports torch, so
that a plan or a help text is instant.
"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Part(StrEnum):
    """A part of the model that can train by itself."""

    VISION = "vision"
    PROJECTOR = "projector"
    SAMPLER = "sampler"
    LANGUAGE = "language"
    """The decoder's layers and final norm."""
    EMBEDDINGS = "embeddings"
    """Word embeddings and the output head."""


class Adapter(StrEnum):
    """How the language model trains: all of it, low-rank matrices beside it, or those beside a 4-bit copy of it."""

    NONE = "none"
    LORA = "lora"
    QLORA = "qlora"


class Precision(StrEnum):
    """Arithmetic of the forward and backward pass. Weights that train, and their moments, stay float32."""

    FP32 = "fp32"
    BF16 = "bf16"


class Optimizer(StrEnum):
    """AdamW with float32 moments, or with moments in 8 bits (bitsandbytes)."""

    ADAMW = "adamw"
    ADAMW_8BIT = "adamw8bit"


class Sharding(StrEnum):
    """What is divided over the processes."""

    NONE = "none"
    """Nothing: every process holds everything, gradients are averaged (DDP)."""
    GRAD_OP = "shard-grad-op"
    """Gradients and moments (ZeRO-2)."""
    FULL = "full-shard"
    """Weights as well (ZeRO-3)."""


class Source(BaseModel):
    """One file of a mixture.

    Attributes:
        reader: a name in `training.readers.registry.READERS`.
        path: the file.
        images: folder of its pictures.
        weight: how many times each sample is seen in an epoch; of a fraction, that share is drawn anew each epoch.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    reader: str
    path: Path
    images: Path
    weight: Annotated[float, Field(gt=0)] = 1.0


class TuneSettings(BaseModel):
    """A run that trains a Ferret checkpoint.

    Attributes:
        model: name or folder of the checkpoint to start from.
        sources: the mixture of data.
        parts: what trains; everything else is frozen.
        adapter: how the language model trains, when it is among the parts.
        rank, alpha, dropout: of the adapter.
        epochs: times that the mixture is seen. `steps`, when given, decides instead.
        batch: samples a step, over all processes.
        micro_batch: sequences that go through the model at once on one process; the rest accumulates.
        length: tokens a sequence may have, the image's included.
        pack: put several samples in one sequence, each seeing itself alone. Otherwise sequences are padded.
        learning_rate: at its height.
        warmup: share of the steps over which the rate rises.
        weight_decay: of matrices.
        clip: largest norm of the gradient.
        precision, optimizer, sharding: see those.
        checkpointing: recompute activations in the backward pass instead of keeping them.
        seed: of the order of the data and of everything drawn.
        save_seconds: seconds between checkpoints.
        log_every: steps between lines of the log.
        processes: started here on a CPU, when no launcher (torchrun, accelerate launch) has started them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    sources: tuple[Source, ...]
    parts: tuple[Part, ...]
    adapter: Adapter = Adapter.NONE
    rank: Annotated[int, Field(gt=0)] = 64
    alpha: Annotated[float, Field(gt=0)] = 16.0
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.05
    epochs: Annotated[float, Field(gt=0)] = 1.0
    steps: Annotated[int, Field(gt=0)] | None = None
    batch: Annotated[int, Field(gt=0)] = 128
    micro_batch: Annotated[int, Field(gt=0)] = 4
    length: Annotated[int, Field(gt=0)] = 2048
    pack: bool = True
    learning_rate: Annotated[float, Field(gt=0)] = 2e-5
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.03
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    clip: Annotated[float, Field(gt=0)] = 1.0
    precision: Precision = Precision.BF16
    optimizer: Optimizer = Optimizer.ADAMW
    sharding: Sharding = Sharding.NONE
    checkpointing: bool = True
    seed: int = 0
    save_seconds: Annotated[float, Field(gt=0)] = 600.0
    log_every: Annotated[int, Field(gt=0)] = 10
    processes: Annotated[int, Field(gt=0)] = 1

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.parts:
            raise ValueError("nothing trains: name at least one of the parts")
        if self.adapter is not Adapter.NONE and Part.LANGUAGE not in self.parts:
            raise ValueError("an adapter needs the language model among the parts")
        if self.adapter is Adapter.QLORA and self.sharding is not Sharding.NONE:
            raise ValueError("4-bit weights cannot be divided over processes: set sharding=none, or adapter=lora")
        if self.batch % self.processes:
            raise ValueError(f"{self.processes} processes cannot share a batch of {self.batch}: choose a multiple")
        return self
