"""The task that tunes a Ferret checkpoint: its data, its model and what is left of it at the end, for the loop."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

from ferret.checkpoints import load_processor
from ferret.engine import find_weights
from training.distributed import first_process_first
from training.loop import Draw, Figure, LoopSettings, Parts, train
from training.run_folder import replace_json
from training.tuning.settings import TuneSettings

if TYPE_CHECKING:
    from training.data.packing import PackedBatch

MODEL, ADAPTERS = "model", "adapters"
"""Folders that a finished run leaves in its folder: the tuned checkpoint, and the adapters that were merged into it."""
REPORT = "data.json"
"""What became of the samples that the first process drew."""


@dataclass
class TuneTask:
    """A `training.loop.Task` over a mixture of data and any Ferret checkpoint.

    Attributes:
        settings: of the run.
        stores: folder of the samples as read; runs may share it.
    """

    settings: TuneSettings
    stores: Path

    def setup(self, device: torch.device) -> nn.Module:
        from training.data.pipeline import DataPipeline
        from training.tuning.model import blank_batch, load_tunable

        self._tunable = load_tunable(self.settings, device)
        module = self._tunable.module
        self._pipeline = DataPipeline(self.settings, self._tunable.processor, module.ferret.config, self.stores)
        self._trained = frozenset(name for name, parameter in module.named_parameters() if parameter.requires_grad)
        self._blank = blank_batch(self._tunable)
        return module

    def batch(self, draw: Draw) -> Parts:
        batches = self._pipeline.micro_batches(draw)
        return Parts(batches, [float(batch.answer_tokens) for batch in batches], self._blank)

    def loss(self, batch: "PackedBatch", progress: float) -> tuple[Tensor, Mapping[str, Figure]]:
        """The mean over the batch's learned tokens; figures: the loss of each source."""
        del progress
        module = self._tunable.module
        losses, sources = module(batch.to(next(module.parameters()).device))
        names = self._pipeline.names
        sums = torch.zeros(2, len(names), device=losses.device)
        sums.index_add_(1, sources, torch.stack([losses.detach(), torch.ones_like(losses)]))
        figures = {
            f"loss/{name}": (total, count) for name, total, count in zip(names, *sums.tolist(), strict=True) if count
        }
        return losses.sum() / max(1, len(losses)), figures

    def learning_rate(self, name: str) -> float:
        return 1.0 if name in self._trained else 0.0

    def facts(self) -> dict[str, Any]:
        """More for `run.json`: the settings as one can read them, the hashes of the data, and what was read of it."""
        return {
            "tuning": self.settings.model_dump(mode="json"), "data": self._pipeline.hashes(),
            "sources": self._pipeline.report()["sources"],
        }  # fmt: skip

    def finish(self, module: nn.Module, folder: Path) -> None:
        from training.tuning.model import TunedFerret, trained_parameters
        from training.tuning.saving import merge, save_adapters, save_checkpoint

        assert isinstance(module, TunedFerret)
        tunable = self._tunable
        if tunable.adapters is None:
            save_checkpoint(module.ferret, tunable.processor, tunable.dtype, folder / MODEL)
        else:
            save_adapters(tunable.adapters, trained_parameters(module.ferret, self.settings), folder / ADAPTERS)
            merge(self.settings.model, folder / ADAPTERS, folder / MODEL)
        replace_json(folder / REPORT, self._pipeline.report())


def loop_settings(settings: TuneSettings, steps: int) -> LoopSettings:
    """The loop's settings for a run of `steps`: as the released training, the rate falls to nothing and the weights
    that ship are the last ones (ferret-spec 3)."""
    return LoopSettings(
        steps, settings.batch, settings.learning_rate, warmup=math.ceil(settings.warmup * steps), floor=0.0,
        weight_decay=settings.weight_decay, clip=settings.clip, decay=0.999, average=0.0,
        precision=settings.precision, optimizer=settings.optimizer, sharding=settings.sharding,
        processes=settings.processes, seed=settings.seed, log_every=settings.log_every,
        save_seconds=settings.save_seconds,
    )  # fmt: skip


def step_count(settings: TuneSettings, stores: Path) -> int:
    """How many steps a run makes, which for epochs depends on its data.

    Raises:
        WeightsError: there is no such checkpoint, or it cannot be used.
        TrainingError: the data cannot be used.
    """
    if settings.steps is not None:
        return settings.steps
    from training.data.pipeline import DataPipeline
    from training.tuning.model import load_config

    folder = find_weights(settings.model)
    config = load_config(folder)
    length = DataPipeline(settings, load_processor(folder, config), config, stores).epoch_length
    return max(1, math.ceil(settings.epochs * length / settings.batch))


def tune(settings: TuneSettings, folder: Path, stores: Path, facts: Mapping[str, Any] | None = None) -> None:
    """Train a checkpoint in a run folder, going on where it was stopped; leaves the tuned one in its folder `MODEL`.

    Args:
        settings: of the run.
        folder: of the run.
        stores: where samples are kept as read; runs may share it.
        facts: more about the run for `run.json`.

    Raises:
        WeightsError: there is no such checkpoint, or it cannot be used.
        TrainingError: the settings, the data or the folder cannot be used.
    """
    with first_process_first():
        steps = step_count(settings, stores)
    task = cast(Any, TuneTask(settings, stores))
    train(task, loop_settings(settings, steps), folder, facts)
