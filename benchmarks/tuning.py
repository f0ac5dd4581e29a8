"""Tuning with packed sequences against a plain transformers `Trainer`: python benchmarks/tuning.py

The same checkpoint of random weights, the same samples in the same kinds and lengths (short questions, regions, long
descriptions), the same precision, the same parts training, at most as many tokens at once. Ours packs them and computes
the logits of answers; the `Trainer` pads each batch to its longest sample, as it does when one writes no code. Each
side runs in processes of its own, in turn; of a CPU the processor time counts, of a GPU that of the clock. The peak is
that of tensors: what the allocator has given out, in a run of its own. The aim is 1.5 times the samples a second at no
more memory.

On a GPU the share of its arithmetic that a 7B model makes use of (MFU) is measured too: the operations of forward and
backward pass without recomputation, over what the GPU could do in that time.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from measure import report
from PIL import Image
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from transformers import Trainer, TrainerCallback, TrainingArguments

from ferret.checkpoints import load_model, load_processor
from ferret.configuration import FerretConfig
from ferret.image_processing import FerretImageProcessor
from ferret.modeling import FerretForConditionalGeneration
from ferret.processing import FerretProcessor
from ferret.prompts import IMAGE_TOKEN, REGION_TOKEN
from training.data.encoding import SampleEncoder
from training.data.packing import collate, pack
from training.data.pictures import Pictures
from training.data.pipeline import DataPipeline
from training.loop import Draw, train
from training.nano import nano_tokenizer
from training.optimizers import adamw
from training.tuning.plan import expected_sequences, memory_plan
from training.tuning.rehearsal import Sequences, batch_of, build_on_meta, shapes_alone
from training.tuning.settings import Optimizer, Part, Source, TuneSettings
from training.tuning.task import TuneTask, loop_settings

SIDE, PATCH = 192, 16  # 144 tokens a picture
WIDTH, LAYERS = 768, 3  # wide rather than deep, so that attention's share is not far from that of a large model
BATCH, LENGTH, ROWS = 32, 1024, 8
SAMPLES = 256
PARTS = (Part.PROJECTOR, Part.SAMPLER, Part.LANGUAGE, Part.EMBEDDINGS)
WORDS = "a the red blue small large dog cat car house tree person stands beside under near and with looks at".split()
PEAKS = {"H200": 989e12, "H100": 989e12, "A100": 312e12, "L40S": 362e12}
"""Dense bfloat16 operations a second that makers state, by what a GPU's name contains."""


def prepare(folder: Path) -> None:
    """Write a checkpoint, pictures and a file of samples."""
    tokenizer = nano_tokenizer()
    config = FerretConfig(
        vision_config={
            "model_type": "clip_vision_model", "hidden_size": 256, "intermediate_size": 1024, "num_hidden_layers": 4,
            "num_attention_heads": 4, "image_size": SIDE, "patch_size": PATCH,
        },
        text_config={
            "model_type": "llama", "hidden_size": WIDTH, "intermediate_size": 2048, "num_hidden_layers": LAYERS,
            "num_attention_heads": 12, "vocab_size": len(tokenizer), "max_position_embeddings": LENGTH,
        },
        sampler={"num_points": 128, "stage_points": [32, 8], "neighbors": 12},
        image_token_id=tokenizer.convert_tokens_to_ids(IMAGE_TOKEN),
        region_token_id=tokenizer.convert_tokens_to_ids(REGION_TOKEN),
    )  # fmt: skip
    torch.manual_seed(0)
    model: Any = FerretForConditionalGeneration(config)
    model.save_pretrained(folder / "checkpoint")
    FerretProcessor(
        FerretImageProcessor(size={"height": SIDE, "width": SIDE}), tokenizer, "ferret_nano",
        num_image_tokens=config.num_image_tokens, num_region_points=config.sampler_shape.num_points,
    ).save_pretrained(folder / "checkpoint")  # fmt: skip
    rng = np.random.default_rng(0)
    (folder / "images").mkdir()
    for number in range(SAMPLES):
        pixels = np.broadcast_to(rng.integers(0, 256, (1, 1, 3), dtype=np.uint8), (240, 320, 3))
        Image.fromarray(np.ascontiguousarray(pixels)).save(folder / "images" / f"{number}.png")
    records = [record(rng, number) for number in range(SAMPLES)]
    (folder / "data.json").write_text(json.dumps(records))


def record(rng: np.random.Generator, number: int) -> dict[str, Any]:
    """Released Ferret JSON: half of the records short questions, three tenths about regions, the rest descriptions."""

    def words(low: int, high: int) -> str:
        return " ".join(rng.choice(WORDS, int(rng.integers(low, high + 1))))

    box = [40, 30, 200, 180]
    roll = rng.random()
    if roll < 0.5:
        question, answer, boxes = words(6, 14), words(1, 3), [[], []]
    elif roll < 0.8:
        question, answer, boxes = f"{words(4, 10)} <bbox_location0>", words(8, 25), [[box], []]
    else:
        question, boxes = words(6, 12), [[], [box, box, box]]
        answer = " ".join(f"{words(40, 115)} <bbox_location{place}>" for place in range(3))
    turns = [{"from": "human", "value": f"<image>\n{question}"}, {"from": "gpt", "value": answer}]
    return {
        "id": number, "image": f"{number}.png", "image_w": 320, "image_h": 240, "conversations": turns,
        "box_x1y1x2y2": boxes,
    }  # fmt: skip


def tune_settings(folder: Path, steps: int) -> TuneSettings:
    """Our run."""
    source = Source(reader="ferret", path=folder / "data.json", images=folder / "images")
    return TuneSettings(
        model=str(folder / "checkpoint"), sources=(source,), parts=PARTS, steps=steps, batch=BATCH, micro_batch=ROWS,
        length=LENGTH, checkpointing=False, save_seconds=1e9,
    )  # fmt: skip


class Watched:
    """What is measured of a run: `tick` is called before its first step and after each one."""

    def __init__(self, memory: bool) -> None:
        self.memory = memory
        self.times: list[float] = []
        self.profiler: Any = None
        self.peak = 0
        if memory and not torch.cuda.is_available():
            self.profiler = torch.profiler.profile(
                activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True, acc_events=True
            )
            self.profiler.start()

    def tick(self) -> None:
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self.times.append(time.perf_counter() if torch.cuda.is_available() else time.process_time())
        if len(self.times) == 2:  # the first step makes the optimizer's moments
            with torch.profiler.record_function("measured: begin"):
                pass
            if torch.cuda.is_available():
                torch.cuda.reset_peak_memory_stats()
        if len(self.times) == 3:
            self.peak = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else self._recorded()

    def _recorded(self) -> int:
        if self.profiler is None:
            return 0
        self.profiler.stop()
        events = sorted(self.profiler.profiler.kineto_results.events(), key=lambda event: event.start_ns())
        held = peak = 0
        begun = False
        for event in events:
            begun = begun or event.name() == "measured: begin"
            if event.name() == "[memory]":
                held += event.nbytes()
                peak = max(peak, held) if begun else 0
        return peak

    def seconds(self) -> float:
        """Of a step, the first left out."""
        return (self.times[-1] - self.times[1]) / (len(self.times) - 2)


class WatchedTask(TuneTask):
    """Our task, watched."""

    watched: Watched

    def setup(self, device: torch.device) -> nn.Module:
        module = super().setup(device)
        own_memory(module)
        return module

    def batch(self, draw: Draw) -> Any:
        self.watched.tick()
        return super().batch(draw)

    def finish(self, module: nn.Module, folder: Path) -> None:
        del module, folder


def own_memory(module: nn.Module) -> None:
    """Weights of a file lie in its pages; as what is measured is the allocator, they move into its memory."""
    for parameter in module.parameters():
        parameter.data = parameter.data.clone()


def run_ours(folder: Path, steps: int, watched: Watched) -> float:
    """Our loop; samples a step."""
    settings = tune_settings(folder, steps)
    task = WatchedTask(settings, folder / "stores")
    task.watched = watched
    with tempfile.TemporaryDirectory() as runs:
        train(task, loop_settings(settings, steps), Path(runs))  # type: ignore[arg-type]
    return BATCH


def run_trainer(folder: Path, steps: int, watched: Watched) -> float:
    """The `Trainer` of transformers; samples a step."""
    model: Any = load_model(folder / "checkpoint", dtype=torch.float32)
    processor = load_processor(folder / "checkpoint", model.config)
    own_memory(model)
    model.model.vision_tower.requires_grad_(False)
    store = DataPipeline(tune_settings(folder, steps), processor, model.config, folder / "stores").stores[0]
    pictures = Pictures(processor.image_processor)
    encoder = SampleEncoder(processor, LENGTH, pictures)
    longest = max(len(encoder.encode([store[number]], [0])[0]) for number in range(len(store)))
    rows = max(1, ROWS * LENGTH // longest)
    accumulated = max(1, round(BATCH / rows))

    def pad(samples: list[Any]) -> dict[str, torch.Tensor]:
        pictures.clear()
        encoded = encoder.encode(samples, [0] * len(samples))
        batch = collate(pack(encoded, LENGTH, together=False), pictures, 0)
        return {**batch.model_inputs(), "labels": batch.labels}

    class Ticks(TrainerCallback):
        def on_step_end(self, *_: Any, **__: Any) -> None:
            watched.tick()

    with tempfile.TemporaryDirectory() as runs:
        arguments = TrainingArguments(
            runs, max_steps=steps, per_device_train_batch_size=rows, gradient_accumulation_steps=accumulated,
            learning_rate=2e-5, weight_decay=0.0, bf16=True, optim="adamw_torch_fused", report_to="none",
            save_strategy="no", logging_strategy="no", disable_tqdm=True, remove_unused_columns=False,
            use_cpu=not torch.cuda.is_available(), dataloader_drop_last=True,
        )  # fmt: skip
        order = [store[number] for number in range(len(store))]
        trainer = Trainer(model, arguments, data_collator=pad, train_dataset=order, callbacks=[Ticks()])  # type: ignore[arg-type]
        watched.tick()
        trainer.train()
    return rows * accumulated


SIDES: dict[str, Callable[[Path, int, Watched], float]] = {"ours": run_ours, "trainer": run_trainer}


def measured(side: str, folder: Path, steps: int, memory: bool) -> dict[str, float]:
    """One side in a process of its own: samples a second, or the peak in bytes."""
    words = [sys.executable, __file__, "--side", side, "--folder", str(folder), "--steps", str(steps)]
    done = subprocess.run([*words, *(["--memory"] if memory else [])], check=True, capture_output=True, text=True)
    result: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return result


def compare_sides(steps: int, rounds: int) -> None:
    """Measure both and print the table line."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder)
        peaks = {side: measured(side, folder, 3, memory=True)["peak"] for side in SIDES}
        pairs = [
            {side: measured(side, folder, steps, memory=False)["samples_per_second"] for side in SIDES}
            for _ in range(rounds)
        ]
    ratios = sorted(pair["ours"] / pair["trainer"] for pair in pairs)
    report(
        "python benchmarks/tuning.py",
        f"packed tuning makes {statistics.median(ratios):.2f} times the samples a second of transformers' Trainer "
        f"({ratios[0]:.2f} to {ratios[-1]:.2f} in {rounds} rounds; {statistics.median(p['ours'] for p in pairs):.1f} "
        f"against {statistics.median(p['trainer'] for p in pairs):.1f}) with {peaks['ours'] / peaks['trainer']:.2f} "
        f"times its memory ({peaks['ours'] / 2**20:.0f} against {peaks['trainer'] / 2**20:.0f} MiB)",
    )


def step_operations(settings: TuneSettings, config: FerretConfig, sequences: Sequences) -> int:
    """Additions and multiplications of forward and backward pass, without what is recomputed."""
    module: Any = build_on_meta(settings.model_copy(update={"checkpointing": False}), config)
    with shapes_alone():
        module.to_empty(device="cpu").ferret.tie_weights()
        batch = batch_of(config, sequences)
        with FlopCounterMode(display=False) as counter, torch.autocast("cpu", torch.bfloat16):
            losses, _ = module(batch)
            losses.sum().backward()
    return counter.get_total_flops()


def utilisation(
    settings: TuneSettings, config: FerretConfig, sequences: Sequences, device: torch.device, steps: int = 5
) -> tuple[float, float]:
    """(seconds a step, operations a step) of a model of random weights, the optimizer's step included."""
    module: Any = build_on_meta(settings, config).to_empty(device=device)
    module.ferret.tie_weights()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.normal_(0, 0.02)
        for buffer in module.buffers():
            buffer.zero_()
    trained = [parameter for parameter in module.parameters() if parameter.requires_grad]
    optimizer = adamw(settings.optimizer, [{"params": trained}], settings.learning_rate, (0.9, 0.999))
    batch = batch_of(config, sequences).to(device)
    times = []
    for _ in range(steps + 2):
        with torch.autocast(device.type, torch.bfloat16):
            losses, _sources = module(batch)
            (losses.sum() / len(losses)).backward()
        optimizer.step()
        optimizer.zero_grad()
        if device.type == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter())
    taken = (times[-1] - times[1]) / steps
    return taken, float(step_operations(settings, config, sequences))


def report_utilisation() -> None:
    """The model FLOPs utilisation of this GPU with the released 7B shape, as much of it training as fits."""
    name = torch.cuda.get_device_name()
    peak = next((value for part, value in PEAKS.items() if part in name), None)
    if peak is None:
        print(f"the peak arithmetic of a {name} is not known here: no MFU", file=sys.stderr)
        return
    config = FerretConfig()
    common = {"model": "7b", "sources": (), "parts": PARTS, "micro_batch": 1, "batch": 1}
    for more in ({}, {"optimizer": Optimizer.ADAMW_8BIT}, {"adapter": "lora", "parts": PARTS[:3]}):
        settings = TuneSettings.model_validate({**common, **more})
        if memory_plan(settings, config, world_size=1, device_bytes=None).fits:
            break
    else:
        print("a 7B model does not fit this GPU: no MFU", file=sys.stderr)
        return
    sequences = expected_sequences(settings.model_copy(update={"batch": 64}), config, 1)
    taken, operations = utilisation(settings, config, sequences, torch.device("cuda"))
    kind = f"adapter {settings.adapter.value}, {settings.optimizer.value}"
    report(
        "python benchmarks/tuning.py",
        f"7B on one {name} ({kind}): MFU {operations / taken / peak:.1%}, {sequences.tokens / taken:.0f} tokens a "
        f"second; needed {torch.cuda.max_memory_allocated() / 2**30:.1f} GiB",
    )


def main() -> None:
    """Measure and print the table lines."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--steps", type=int, default=4)
    options.add_argument("--side", choices=SIDES, help="one side alone, for the processes started here")
    options.add_argument("--folder", type=Path)
    options.add_argument("--memory", action="store_true")
    chosen = options.parse_args()
    if chosen.side is None:
        compare_sides(chosen.steps, chosen.rounds)
        if torch.cuda.is_available():
            report_utilisation()
        return
    torch.set_num_threads(1)
    watched = Watched(chosen.memory)
    samples = SIDES[chosen.side](chosen.folder, chosen.steps, watched)
    print(json.dumps({"samples_per_second": samples / watched.seconds(), "peak": watched.peak}))


if __name__ == "__main__":
    main()
