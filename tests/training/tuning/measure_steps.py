"""Measures what steps of the loop allocate, as a process of its own: python measure_steps.py FOLDER < cases.json

Every case is a run of the real loop over the real model, three steps long. PyTorch's profiler records each allocation
and release that its allocator makes on the CPU from the loading of the model on; the peaks of the second
steps are written to standard output, in bytes. On a GPU it is what the allocator itself counts.
"""

import gc
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ferret.configuration import FerretConfig
from ferret.image_processing import FerretImageProcessor
from ferret.modeling import FerretForConditionalGeneration
from ferret.processing import FerretProcessor
from training.loop import Draw, Figure, Parts, train
from training.nano import nano_tokenizer
from training.tuning.model import blank_batch, load_tunable
from training.tuning.rehearsal import Sequences, batch_of
from training.tuning.settings import TuneSettings
from training.tuning.task import loop_settings

CONFIG: dict[str, Any] = {
    "vision_config": {
        "model_type": "clip_vision_model", "hidden_size": 256, "intermediate_size": 1024, "num_hidden_layers": 4,
        "num_attention_heads": 4, "image_size": 112, "patch_size": 14,
    },
    "text_config": {
        "model_type": "llama", "hidden_size": 512, "intermediate_size": 1376, "num_hidden_layers": 6,
        "num_attention_heads": 8, "vocab_size": 3000, "max_position_embeddings": 1024,
    },
    "sampler": {"num_points": 128, "stage_points": [64, 16], "neighbors": 12},
    "region_token_id": 5,
}  # fmt: skip
"""Small, but so large that tensors outweigh what surrounds them."""


class Steps:
    """A task whose batches are all of the same shapes, and which measures its second step."""

    def __init__(self, settings: TuneSettings, sequences: Sequences, parts: int, result: str) -> None:
        self.settings, self.sequences, self.parts, self.result = settings, sequences, parts, result
        self.drawn = 0

    def setup(self, device: torch.device) -> nn.Module:
        gc.collect()  # what is left of the run before would be counted when it goes
        if device.type == "cpu" and not self.drawn:  # a sharded run sets up a whole model once more at its end
            self.profiler = torch.profiler.profile(
                activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True, acc_events=True
            )
            self.profiler.start()
        self.tunable = load_tunable(self.settings, device)
        for parameter in self.tunable.module.parameters():  # files are mapped into memory, past the allocator
            if parameter.is_floating_point():
                parameter.data = parameter.data.clone()
        self.trained = {name for name, p in self.tunable.module.named_parameters() if p.requires_grad}
        return self.tunable.module

    def batch(self, draw: Draw) -> Parts:
        del draw
        self.drawn += 1
        if self.drawn > 1:
            (self.begin if self.drawn == 2 else self.end)()
        batch = batch_of(self.tunable.module.ferret.config, self.sequences)
        return Parts([batch] * self.parts, [1.0] * self.parts, blank_batch(self.tunable))

    def begin(self) -> None:
        if torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()
            return
        with torch.profiler.record_function("measured: begin"):
            pass

    def end(self) -> None:
        peak = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else self._recorded()
        Path(self.result).write_text(str(peak))

    def _recorded(self) -> int:
        profiler: Any = self.profiler
        profiler.stop()
        events = sorted(profiler.profiler.kineto_results.events(), key=lambda event: event.start_ns())
        held = peak = 0
        begun = False
        for event in events:
            begun = begun or event.name() == "measured: begin"
            if event.name() == "[memory]":
                held += event.nbytes()
                peak = max(peak, held) if begun else 0
        return peak

    def loss(self, batch: Any, progress: float) -> tuple[Tensor, Mapping[str, Figure]]:
        del progress
        module = self.tunable.module
        losses, _ = module(batch.to(next(module.parameters()).device))
        return losses.sum() / max(1, len(losses)), {}

    def learning_rate(self, name: str) -> float:
        return 1.0 if name in self.trained else 0.0

    def finish(self, module: nn.Module, folder: Path) -> None:
        pass


def checkpoint(folder: Path) -> Path:
    """A checkpoint of random weights."""
    config = FerretConfig(**CONFIG)
    model: Any = FerretForConditionalGeneration(config)
    model.save_pretrained(folder)
    images = FerretImageProcessor(size={"height": 112, "width": 112})
    points = config.sampler_shape.num_points
    FerretProcessor(
        images, nano_tokenizer(), "ferret_nano", num_image_tokens=config.num_image_tokens, num_region_points=points
    ).save_pretrained(folder)
    return folder


def main() -> None:
    """Measure the cases of standard input."""
    folder = Path(sys.argv[1])
    model = checkpoint(folder / "checkpoint")
    peaks = []
    for number, case in enumerate(json.load(sys.stdin)):
        settings = TuneSettings.model_validate({**case["settings"], "model": str(model)})
        run = folder / f"run-{number}"
        result = run.with_suffix(".txt")
        task: Any = Steps(settings, Sequences(**case["sequences"]), case["parts"], str(result))
        train(task, loop_settings(settings, 3), run)
        peaks.append(int(result.read_text()))
    sys.stdout.write(json.dumps({"peaks": peaks, "config": CONFIG}))


if __name__ == "__main__":
    main()
