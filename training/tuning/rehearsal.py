"""One step of a tuned run as shapes alone: what it allocates, without computing or holding any of it.

The model is built on the meta device and divided by the code that divides it in a run; forward pass, backward pass and
optimizer are PyTorch's own, on fake tensors (`torch._subclasses.fake_tensor`): a 13B model is rehearsed in seconds on a
machine that could not load it. Small whole-number tensors keep their values, for the loss and the placing of pictures
and regions are of as many rows as there are tokens of a kind. The shapes are those of a CPU; kernels of a GPU
differ in what they allocate for themselves, not in what they return.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch._subclasses import fake_tensor
from torch.nn import functional

from ferret.configuration import FerretConfig, as_pair
from ferret.errors import TrainingError
from ferret.modeling import FerretForConditionalGeneration
from training.data.encoding import IGNORED
from training.data.packing import PackedBatch
from training.distributed import local, shard
from training.optimizers import adamw
from training.tuning.allocations import Allocations, Kind, Peak
from training.tuning.model import TunedFerret, trained_parameters
from training.tuning.settings import Adapter, Optimizer, Part, Precision, Sharding, TuneSettings

_KEPT_VALUES = 1 << 18
"""Fake tensors of at most so many elements keep the values that they are made with."""


@dataclass(frozen=True)
class Sequences:
    """What goes through the model at once on one process: equal rows.

    Attributes:
        rows: sequences.
        tokens: of a row, those of pictures included.
        images: of a row; more than one if rows are packed.
        regions: of a row.
        learned: tokens of a row whose loss is taken.
        more: whether further ones accumulate in the same step.
    """

    rows: int
    tokens: int
    images: int
    regions: int
    learned: int
    more: bool


@dataclass(frozen=True)
class Rehearsal:
    """What came of a rehearsal.

    Attributes:
        peak: the most that a process held at once.
        parameters: of the model, adapters included.
        trained: how many of them train.
    """

    peak: Peak
    parameters: int
    trained: int


def rehearse(settings: TuneSettings, config: FerretConfig, sequences: Sequences, world_size: int) -> Rehearsal:
    """Rehearse a step that is not the first, as one of `world_size` processes.

    Args:
        settings: of the run.
        config: of the checkpoint.
        sequences: what goes through the model at once.
        world_size: number of processes.

    Raises:
        TrainingError: settings do not go together, or this process is one of several already.
    """
    sharded = settings.sharding is not Sharding.NONE
    with _processes(world_size) if sharded else nullcontext():
        module: nn.Module = build_on_meta(settings, config)
        # A byte of a 4-bit layer is two parameters.
        sizes = {p: p.numel() * (2 if p.dtype is torch.uint8 else 1) for p in module.parameters()}
        trained = sum(size for parameter, size in sizes.items() if parameter.requires_grad)
        if not trained:
            raise TrainingError("nothing trains: every parameter is frozen")
        if sharded:
            processes: Any = SimpleNamespace(num_processes=world_size, device=torch.device("cpu"))
            module = shard(module, settings.sharding, settings.precision, processes)
        with shapes_alone():
            peak = _step(settings, module, sequences, resident=world_size > 1 and not sharded)
    return Rehearsal(peak, sum(sizes.values()), trained)


def _step(settings: TuneSettings, module: nn.Module, sequences: Sequences, resident: bool) -> Peak:
    """A step of `module`; gradients are `resident` if they lie in the buffers of DDP."""
    module.to_empty(device="cpu")
    module.ferret.tie_weights()  # type: ignore[operator,union-attr]
    trained = [parameter for parameter in module.parameters() if parameter.requires_grad]
    own = [nn.Parameter(local(parameter.detach())) for parameter in trained]
    with fake_tensor.unset_fake_temporarily():
        optimizer = adamw(settings.optimizer, [{"params": own}], settings.learning_rate, (0.9, 0.999))
    for parameter in own:
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    for parameter, mine in zip(trained, own, strict=True):
        mine.grad = None
        if resident or sequences.more:
            parameter.grad = torch.zeros_like(parameter)
    batch = batch_of(module.ferret.config, sequences)  # type: ignore[union-attr]
    states = [value for state in optimizer.state.values() for value in state.values() if isinstance(value, Tensor)]
    with Allocations() as allocations:
        allocations.mark([*module.parameters(), *module.buffers()], Kind.WEIGHTS)
        allocations.mark(states, Kind.OPTIMIZER)
        allocations.mark([p.grad for p in trained if p.grad is not None], Kind.GRADIENTS)
        with torch.autocast("cpu", torch.bfloat16, enabled=settings.precision is Precision.BF16):
            allocations.phase("forward pass")
            losses, _ = module(batch)
            loss = losses.sum() / max(1, len(losses))
        allocations.mark_rest(Kind.ACTIVATIONS)
        allocations.phase("backward pass")
        loss.backward()
        del losses, loss
        for parameter, mine in zip(trained, own, strict=True):
            mine.grad = None if parameter.grad is None else local(parameter.grad)
        allocations.mark([mine.grad for mine in own if mine.grad is not None], Kind.GRADIENTS)
        allocations.phase("step of the optimizer")
        nn.utils.clip_grad_norm_(own, settings.clip)
        optimizer.step()
        if settings.optimizer is Optimizer.ADAMW_8BIT and not torch.cuda.is_available():
            # bitsandbytes' step on a CPU: both moments, the gradient and two more, of one parameter, in float32.
            torch.empty(5 * max(mine.numel() for mine in own))
    return allocations.peak()


def build_on_meta(settings: TuneSettings, config: FerretConfig) -> TunedFerret:
    """What `load_tunable` makes of a checkpoint, without its weights."""
    from transformers.initialization import no_init_weights

    with torch.device("meta"), no_init_weights():
        model: Any = FerretForConditionalGeneration(config)
    trained = trained_parameters(model, settings)
    lower = torch.bfloat16 if settings.precision is Precision.BF16 else torch.float32
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name in trained)
        parameter.data = parameter.data.to(torch.float32 if name in trained else lower)
    if settings.adapter is not Adapter.NONE:
        from training.tuning.model import _adapted

        _adapted(model, settings)
    if settings.adapter is Adapter.QLORA:
        for layer in model.model.language_model.modules():
            if hasattr(layer, "base_layer"):
                layer.base_layer = _FourBit(layer.base_layer, lower)
    if settings.checkpointing:
        switch = getattr(model, "activation_checkpointing_enable", None) or model.gradient_checkpointing_enable
        switch({"use_reentrant": False})
    model.train()
    if Part.VISION not in settings.parts:
        model.model.vision_tower.eval()
    return TunedFerret(model)


class _FourBit(nn.Module):
    """The shape of bitsandbytes' `Linear4bit` with quantised scales, which real weights alone can become.

    A byte holds two weights; 64 weights share a scale of one byte, and 256 scales share a float.
    """

    def __init__(self, layer: nn.Linear, compute: torch.dtype) -> None:
        super().__init__()
        self.in_features, self.out_features, self.compute = layer.in_features, layer.out_features, compute
        count = layer.weight.numel()
        self.weight = nn.Parameter(torch.empty(-(-count // 2), dtype=torch.uint8, device="meta"), requires_grad=False)
        self.register_buffer("scales", torch.empty(-(-count // 64), dtype=torch.uint8, device="meta"))
        self.register_buffer("shared", torch.empty(-(-count // 16384), device="meta"))
        self.bias = layer.bias

    def forward(self, x: Tensor) -> Tensor:
        bias = None if self.bias is None else self.bias.to(self.compute)
        shape = (self.out_features, self.in_features)
        product: Tensor = _FourBitProduct.apply(x.to(self.compute), self.weight, shape, bias)
        return product.to(x.dtype)


class _FourBitProduct(torch.autograd.Function):
    """x [..., I] times weights [O, I] that are unpacked for it, and once more for the backward pass."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, packed: Tensor, shape: tuple[int, int], bias: Tensor | None) -> Tensor:
        ctx.packed, ctx.shape = packed, shape
        return functional.linear(x, _unpacked(packed, shape, x.dtype), bias)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        return gradient @ _unpacked(ctx.packed, ctx.shape, gradient.dtype), None, None, None


def _unpacked(packed: Tensor, shape: tuple[int, int], dtype: torch.dtype) -> Tensor:
    return packed.new_empty(shape, dtype=dtype)


def batch_of(config: Any, sequences: Sequences) -> PackedBatch:
    """A batch of these shapes, in which nothing is said of empty pictures.

    Raises:
        TrainingError: the pictures and regions do not fit the rows.
    """
    each = sequences.tokens // sequences.images
    row: list[int] = []
    numbers: list[int] = []
    for image in range(sequences.images):
        last = image + 1 == sequences.images
        total = sequences.tokens - len(row) if last else each
        regions = sequences.regions * (image + 1) // sequences.images - sequences.regions * image // sequences.images
        text = total - config.num_image_tokens - regions
        if text < 0:
            raise TrainingError(
                f"a sequence of {sequences.tokens} tokens has no room for {sequences.images} picture(s) of "
                f"{config.num_image_tokens} and {sequences.regions} region(s): make it longer"
            )
        row += [config.image_token_id] * config.num_image_tokens + [config.region_token_id] * regions + [0] * text
        numbers += [image] * total
    ids = torch.tensor([row] * sequences.rows)
    like = torch.tensor([[0] * sequences.tokens] * sequences.rows)
    labels = [IGNORED] * (sequences.tokens - sequences.learned) + [0] * sequences.learned
    images, regions = sequences.rows * sequences.images, sequences.rows * sequences.regions
    height, width = as_pair(config.vision_config.image_size)
    return PackedBatch(
        input_ids=ids, labels=torch.tensor([labels] * sequences.rows), position_ids=like,
        sample=torch.tensor([numbers] * sequences.rows), thread=like, source=like,
        pixel_values=torch.zeros(images, 3, height, width),
        region_points=torch.zeros(regions, config.sampler_shape.num_points, 2),
        region_image_index=torch.zeros(regions, dtype=torch.long), packed=sequences.images > 1,
    )  # fmt: skip


@contextmanager
def shapes_alone() -> Iterator[None]:
    """Inside, new tensors are shapes; small ones that are made from values keep them."""
    before = fake_tensor.CONSTANT_NUMEL_LIMIT
    fake_tensor.CONSTANT_NUMEL_LIMIT = _KEPT_VALUES
    try:
        with fake_tensor.FakeTensorMode(allow_non_fake_inputs=True):
            yield
    finally:
        fake_tensor.CONSTANT_NUMEL_LIMIT = before


@contextmanager
def _processes(count: int) -> Iterator[None]:
    """Inside, this process takes itself for the first of `count`, which all fall silent when they are spoken to."""
    from torch.testing._internal.distributed.fake_pg import FakeStore

    if dist.is_initialized():
        raise TrainingError("a sharded run is planned by a process of its own: plan it before it is launched")
    dist.init_process_group("fake", rank=0, world_size=count, store=FakeStore())
    try:
        yield
    finally:
        dist.destroy_process_group()
