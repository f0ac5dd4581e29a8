"""How much memory a tuned run will need, before it is started, and what would make it fit.

The figures come from a rehearsal of one step as shapes alone (`training.tuning.rehearsal`), so every strategy that the
settings can name is planned by the code that carries it out: precision, accumulation, checkpointing, packing,
adapters, 8-bit moments, sharding. What a sequence holds depends on the data; it is assumed, and the plan says what.
"""

import io
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch

from ferret.configuration import FerretConfig
from ferret.errors import TrainingError
from training.tuning.allocations import Kind
from training.tuning.rehearsal import Rehearsal, Sequences, rehearse
from training.tuning.settings import Adapter, Optimizer, Part, Sharding, TuneSettings

TEXT = 256
"""Tokens of text a sample is taken to have, half of them learned; GRIT's conversations have about as many."""
REGIONS = 2
"""Regions a sample is taken to have."""
SPARE = 1 / 16
"""Share of the memory that is left for what is not tensors: kernels' workspaces and gaps between allocations."""

_LARGEST = 1024  # processes that are thought of at most
_EXPLAINED = {
    Kind.WEIGHTS: "weights as they are kept",
    Kind.GRADIENTS: "gradients",
    Kind.OPTIMIZER: "moments of the optimizer",
    Kind.COPIES: "weights cast, unpacked or gathered for the arithmetic",
    Kind.ACTIVATIONS: "kept by the forward pass for the backward pass",
    Kind.TEMPORARY: "logits, loss and other passing values",
}


@dataclass(frozen=True)
class Option:
    """Settings that need less.

    Attributes:
        changes: fields of `TuneSettings` and their new values, as `--set` takes them.
        processes: how many it is for.
        total: bytes a process.
        fits: whether that is little enough.
    """

    changes: Mapping[str, str]
    processes: int
    total: int
    fits: bool


@dataclass(frozen=True)
class MemoryPlan:
    """What a run needs at its highest, on each process.

    Attributes:
        rehearsal: the peak by kinds of bytes, and numbers of parameters.
        sequences: what is assumed to go through the model at once.
        processes: of the run.
        available: bytes that a process has.
        options: if it does not fit, what to change, the cheapest first; each with the changes before it, up to the
            first that fits, or with those that cost the least.
    """

    rehearsal: Rehearsal
    sequences: Sequences
    processes: int
    available: int
    options: tuple[Option, ...]

    @property
    def total(self) -> int:
        """Bytes a process at the peak."""
        return self.rehearsal.peak.total

    @property
    def fits(self) -> bool:
        """Whether the run fits."""
        return _fits(self.total, self.available)


def memory_plan(
    settings: TuneSettings,
    config: FerretConfig,
    *,
    world_size: int,
    device_bytes: int | None,
    sequences: Sequences | None = None,
) -> MemoryPlan:
    """Plan the memory of a run.

    Args:
        settings: of the run.
        config: of its checkpoint.
        world_size: number of processes, one a GPU.
        device_bytes: memory of a GPU; by default what the present one has free, without one an equal share of what
            the machine has.
        sequences: what goes through the model at once; by default `expected_sequences`.

    Raises:
        TrainingError: the settings do not go together.
    """
    if world_size < 1:
        raise TrainingError(f"a run has at least one process, not {world_size}")
    if settings.sharding is not Sharding.NONE and world_size == 1:
        raise TrainingError(
            f"{settings.sharding.value} divides nothing over one process: plan for several, for example processes=8"
        )
    available = available_bytes(world_size) if device_bytes is None else device_bytes
    load = sequences or expected_sequences(settings, config, world_size)
    rehearsal = rehearse(settings, config, load, world_size)
    fits = _fits(rehearsal.peak.total, available)
    options = () if fits else tuple(_options(settings, config, load, world_size, available))
    return MemoryPlan(rehearsal, load, world_size, available, options)


def expected_sequences(settings: TuneSettings, config: FerretConfig, world_size: int) -> Sequences:
    """What goes through the model at once if every sample has one picture, `REGIONS` and `TEXT`.

    Packed sequences are taken to be full. Others are as long as the longest in the batch, for which twice the text is
    taken.

    Raises:
        TrainingError: a sequence has no room for a picture.
    """
    room = settings.length - config.num_image_tokens
    if room < 2 + REGIONS:
        raise TrainingError(
            f"a sequence of {settings.length} tokens has no room for a picture of {config.num_image_tokens} and text: "
            "raise length"
        )
    share = math.ceil(settings.batch / world_size)
    images = 1
    tokens = min(settings.length, config.num_image_tokens + 2 * TEXT)
    if settings.pack:
        sample = config.num_image_tokens + min(TEXT, room)
        images = min(settings.length // sample, share)
        tokens = settings.length if share > images else images * sample
    rows = math.ceil(share / images)
    return Sequences(
        rows=min(rows, settings.micro_batch), tokens=tokens, images=images, regions=REGIONS * images,
        learned=(tokens - images * (config.num_image_tokens + REGIONS)) // 2, more=rows > settings.micro_batch,
    )  # fmt: skip


def available_bytes(world_size: int) -> int:
    """What a process has: the present GPU's free memory, or without one its share of the machine's."""
    if torch.cuda.is_available():
        return int(torch.cuda.mem_get_info()[0])
    import psutil  # type: ignore[import-untyped]

    return int(psutil.virtual_memory().available) // world_size


def _fits(total: float, available: int) -> bool:
    return total <= available * (1 - SPARE)


def _options(
    settings: TuneSettings, config: FerretConfig, load: Sequences, world_size: int, available: int
) -> Iterator[Option]:
    """First what changes nothing, or next to nothing, of what is learned, one on top of the other. If that is not
    enough, each of the ways on, on top of it."""
    changes: dict[str, str] = {}

    def option(more: Mapping[str, str], processes: int) -> Option:
        new = _changed(settings, {**changes, **more})
        total = rehearse(new, config, _fewer_rows(load, new.micro_batch), processes).peak.total
        return Option({**changes, **more}, processes, total, _fits(total, available))

    for more in _gentle(settings, load):
        tried = option(more, world_size)
        yield tried
        changes |= more
        if tried.fits:
            return
    language = Part.LANGUAGE in settings.parts
    if language and settings.adapter is Adapter.NONE:
        yield option({"adapter": Adapter.LORA.value}, world_size)
    if settings.adapter is not Adapter.QLORA:  # 4-bit weights cannot be divided
        if world_size > 1 and settings.sharding is Sharding.NONE:
            yield option({"sharding": Sharding.GRAD_OP.value}, world_size)
        whole = {"sharding": Sharding.FULL.value}
        least = _least_processes(settings, lambda count: option(whole, count), available)
        if least is not None:
            yield least
        if language:
            yield option({"adapter": Adapter.QLORA.value, "sharding": Sharding.NONE.value}, world_size)


def _gentle(settings: TuneSettings, load: Sequences) -> Iterator[dict[str, str]]:
    if not settings.checkpointing:
        yield {"checkpointing": "true"}
    if load.rows > 1:
        yield {"micro_batch": "1"}
    if settings.optimizer is not Optimizer.ADAMW_8BIT:
        yield {"optimizer": Optimizer.ADAMW_8BIT.value}


def _fewer_rows(load: Sequences, most: int) -> Sequences:
    return replace(load, rows=most, more=True) if load.rows > most else load


def _changed(settings: TuneSettings, changes: Mapping[str, str]) -> TuneSettings:
    return TuneSettings.model_validate({**settings.model_dump(), **changes})


def _least_processes(settings: TuneSettings, at: Callable[[int], Option], available: int) -> Option | None:
    """The fewest processes that share the batch evenly and fit when everything is divided over them."""
    counts = [count for count in range(2, min(_LARGEST, settings.batch) + 1) if settings.batch % count == 0]
    if not counts:
        return None
    few, many = at(counts[0]), at(counts[-1])
    if few.fits or len(counts) == 1 or not many.fits:
        return few if few.fits else many
    # What is divided falls as one over their number, the rest stays.
    divided = (few.total - many.total) / (1 / few.processes - 1 / many.processes)
    rest = many.total - divided / many.processes
    for count in counts[1:-1]:
        if _fits(rest + divided / count, available) and (found := at(count)).fits:
            return found
    return many


def as_json(plan: MemoryPlan) -> dict[str, Any]:
    """The plan in plain JSON types; sizes in bytes."""
    peak = plan.rehearsal.peak
    return {
        "processes": plan.processes, "parameters": plan.rehearsal.parameters, "trained": plan.rehearsal.trained,
        "sequences": asdict(plan.sequences), "peak": {kind.value: size for kind, size in peak.bytes.items()},
        "phase": peak.phase, "total": plan.total, "available": plan.available, "fits": plan.fits,
        "options": [asdict(option) for option in plan.options],
    }  # fmt: skip


def render(plan: MemoryPlan, width: int = 100) -> str:
    """The plan as a table to read."""
    from rich.console import Console
    from rich.table import Table

    peak, load = plan.rehearsal.peak, plan.sequences
    table = Table(title="Memory of each process", title_justify="left")
    table.add_column("what")
    table.add_column("GiB", justify="right")
    for kind, size in peak.bytes.items():
        table.add_row(_EXPLAINED[kind], _gibibytes(size))
    table.add_section()
    table.add_row(f"together, at the most (in the {peak.phase})", _gibibytes(plan.total))
    table.add_row("available", _gibibytes(plan.available))
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(table)
    console.print(
        f"{plan.rehearsal.parameters / 1e6:,.1f} million parameters, {plan.rehearsal.trained / 1e6:,.1f} of which "
        f"train, on {plan.processes} process(es). Assumed: {load.rows} sequence(s) of {load.tokens} tokens at once, "
        f"each with {load.images} picture(s), {load.regions} region(s) and {load.learned} tokens that are learned.",
        highlight=False,
    )  # fmt: skip
    if plan.fits:
        console.print("It fits.")
    else:
        better = Table(title="It does not fit. What would need less:", title_justify="left")
        for name in ("change", "GPUs", "GiB", "fits"):
            better.add_column(name, justify="left" if name == "change" else "right")
        for option in plan.options:
            words = " ".join(f"{key}={value}" for key, value in option.changes.items())
            better.add_row(words, str(option.processes), _gibibytes(option.total), "yes" if option.fits else "no")
        console.print(better)
    file: Any = console.file
    text: str = file.getvalue()
    return text


def _gibibytes(size: int) -> str:
    return f"{size / 2**30:,.2f}"
