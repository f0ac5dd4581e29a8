"""A Ferret checkpoint made ready to train: which parts move, low-rank adapters, 4-bit weights, and the way back.

What trains is held in float32, what is frozen in the precision of the run. Names of parameters are those of
`FerretForConditionalGeneration`, behind `ferret.`, so that every part can be told by name.
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoConfig

from ferret.checkpoints import convert_config, is_released, load_model, load_processor, read_json
from ferret.configuration import FerretConfig
from ferret.engine import find_weights
from ferret.errors import TrainingError, WeightsError
from ferret.modeling import FerretForConditionalGeneration
from ferret.processing import FerretProcessor
from training.data.encoding import IGNORED
from training.data.packing import PADDING, PackedBatch
from training.tuning.settings import Adapter, Part, Precision, TuneSettings

if TYPE_CHECKING:
    from peft import PeftModel


class TunedFerret(nn.Module):
    """A Ferret whose forward pass is the loss of every token that is learned."""

    def __init__(self, ferret: FerretForConditionalGeneration) -> None:
        super().__init__()
        self.ferret = ferret

    def blocks(self) -> Sequence[nn.Module]:
        """The layers of encoder and language model, for sharding."""
        model: Any = self.ferret.model
        halves = (model.vision_tower, model.language_model)
        return [m for half in halves for m in half.modules() if type(m).__name__ in (half._no_split_modules or ())]

    def forward(self, batch: PackedBatch) -> tuple[Tensor, Tensor]:
        """The cross-entropy of each learned token and the number of the source that it comes from.

        Only their logits are computed. The sampler takes part in every pass, if need be on a region of no effect:
        sharded weights have to be used by all processes alike.

        Args:
            batch: on the model's device.

        Returns:
            float32 [T] and int64 [T].
        """
        model: Any = self.ferret.model
        hidden = model(**batch.model_inputs(), use_cache=False).last_hidden_state
        where = batch.labels[:, 1:] != IGNORED
        logits = self.ferret.lm_head(hidden[:, :-1][where]).float()
        losses = functional.cross_entropy(logits, batch.labels[:, 1:][where], reduction="none")
        if not len(batch.region_points) and next(model.region_sampler.parameters()).requires_grad:
            losses = losses + 0 * self._idle_region(batch.region_points).sum()
        return losses, batch.source[:, 1:][where]

    def _idle_region(self, points: Tensor) -> Tensor:
        """What the sampler says of one region of an empty picture; `points` [0, P, 2] tell how many points it has."""
        model: Any = self.ferret.model
        rows, columns = model.config.feature_grid
        empty = torch.zeros(1, rows * columns, model.config.vision_config.hidden_size, device=points.device)
        points = points.new_zeros(1, *points.shape[1:])
        index = torch.zeros(1, dtype=torch.long, device=points.device)
        described: Tensor = model.get_region_features(empty, points, index, (rows, columns))
        return described


@dataclass(frozen=True, eq=False)
class Tunable:
    """A model ready to train.

    Attributes:
        module: what the loop trains; on its device.
        processor: of the checkpoint.
        dtype: in which the checkpoint keeps its weights.
        adapters: peft's view of the same weights; None without adapters.
    """

    module: TunedFerret
    processor: FerretProcessor
    dtype: torch.dtype
    adapters: "PeftModel | None" = None


def load_tunable(settings: TuneSettings, device: torch.device) -> Tunable:
    """Load the checkpoint of a run and freeze what does not train.

    Raises:
        WeightsError: there is no such checkpoint, or it cannot be used.
        TrainingError: an adapter does not fit the model, or a package that it needs is missing.
    """
    folder = find_weights(settings.model)
    model: Any = load_model(folder)
    dtype, processor = model.dtype, load_processor(folder, model.config)
    if settings.pack and model.model.language_model.config._attn_implementation == "eager":
        raise TrainingError(
            f"{type(model.model.language_model).__name__} has none of the attentions that packed samples need: "
            "set pack=false"
        )
    trained = trained_parameters(model, settings)
    lower = torch.bfloat16 if settings.precision is Precision.BF16 else torch.float32
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name in trained)
        parameter.data = parameter.data.to(torch.float32 if name in trained else lower)
    for layer in model.modules():  # what batch normalisation keeps beside its weights goes with them
        own = next(layer.parameters(recurse=False), None)
        for buffer in layer.buffers(recurse=False):
            if own is not None and buffer.is_floating_point():
                buffer.data = buffer.data.to(own.dtype)
    adapters = None
    if settings.adapter is Adapter.QLORA:
        _quantise(model.model.language_model, lower)
        model.model.language_model.to(device)
        model.is_loaded_in_4bit = True  # by which peft knows
    if settings.adapter is not Adapter.NONE:
        adapters = _adapted(model, settings)
    if settings.checkpointing:
        # The switch has had its new name since transformers 5.23.
        switch = getattr(model, "activation_checkpointing_enable", None) or model.gradient_checkpointing_enable
        switch({"use_reentrant": False})
    model.train()
    if Part.VISION not in settings.parts:
        model.model.vision_tower.eval()
    return Tunable(TunedFerret(model).to(device), processor, dtype, adapters)


def load_config(folder: Path) -> FerretConfig:
    """The configuration of a checkpoint, without its weights.

    Raises:
        WeightsError: the folder holds no Ferret.
    """
    values = read_json(folder / "config.json")
    if not is_released(values):
        config: FerretConfig = FerretConfig.from_pretrained(folder, local_files_only=True)
        return config
    beside = folder / "vision_tower"
    tower = beside if beside.is_dir() else folder / str(values["mm_vision_tower"])
    try:
        vision = AutoConfig.from_pretrained(tower, local_files_only=True)
    except (OSError, ValueError) as error:
        raise WeightsError(f"no encoder in {str(tower)!r}: put it into the sub-folder 'vision_tower'") from error
    return convert_config(values, getattr(vision, "vision_config", vision))


def trained_parameters(model: FerretForConditionalGeneration, settings: TuneSettings) -> frozenset[str]:
    """Names of the checkpoint's own parameters that train; those of adapters are not among them."""
    embeddings = {id(model.get_input_embeddings().weight), id(model.get_output_embeddings().weight)}
    own = set(settings.parts) - ({Part.LANGUAGE} if settings.adapter is not Adapter.NONE else set())
    return frozenset(
        name for name, parameter in model.named_parameters() if _part(name, id(parameter) in embeddings) in own
    )


def _part(name: str, embedding: bool) -> Part:
    if embedding:
        return Part.EMBEDDINGS
    prefixes = {"model.vision_tower.": Part.VISION, "model.projector.": Part.PROJECTOR}
    prefixes |= {"model.region_sampler.": Part.SAMPLER}
    return next((part for prefix, part in prefixes.items() if name.startswith(prefix)), Part.LANGUAGE)


def _adapted(model: Any, settings: TuneSettings) -> "PeftModel":
    """Put low-rank matrices beside every linear layer of the language model, in place."""
    from peft import LoraConfig, get_peft_model  # brings much of transformers

    inner = model.model.language_model
    # Whole names: a suffix alone would also match layers of the encoder or the sampler that are called the same.
    names = [f"model.language_model.{name}" for name, layer in inner.named_modules() if isinstance(layer, nn.Linear)]
    if not names:
        raise TrainingError(f"{type(inner).__name__} has no linear layers for adapters: set adapter=none")
    frozen = {name: parameter.requires_grad for name, parameter in model.named_parameters()}
    config = LoraConfig(
        r=settings.rank, lora_alpha=settings.alpha, lora_dropout=settings.dropout,  # type: ignore[arg-type]
        target_modules=names,
    )  # fmt: skip
    with quiet_peft():
        adapters: PeftModel = get_peft_model(model, config)
    for name, parameter in model.named_parameters():  # it freezes all that is not its own
        parameter.requires_grad_(frozen.get(name, "lora_" in name))
    return adapters


@contextmanager
def quiet_peft() -> Iterator[None]:
    """Without the warning that peft up to 0.21 causes by a property that transformers has renamed since."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
        yield


def _quantise(module: nn.Module, compute: torch.dtype) -> None:
    """Replace the linear layers inside by 4-bit ones (nf4, with quantised scales); they shrink when they are moved."""
    try:
        from bitsandbytes.nn.modules import Linear4bit, Params4bit
    except ImportError as error:
        raise TrainingError("the adapter 'qlora' needs bitsandbytes: pip install 'ferret-agent[tune]'") from error
    for parent in list(module.modules()):
        for name, layer in list(parent.named_children()):
            if type(layer) is nn.Linear:
                small = Linear4bit(
                    layer.in_features, layer.out_features, bias=layer.bias is not None, compute_dtype=compute,
                    compress_statistics=True, quant_type="nf4", device="meta",
                )  # fmt: skip
                small.weight = Params4bit(
                    layer.weight.data, requires_grad=False, quant_type="nf4", compress_statistics=True
                )
                if layer.bias is not None:
                    small.bias = nn.Parameter(layer.bias.data, requires_grad=False)
                setattr(parent, name, small)


def blank_batch(tunable: Tunable) -> PackedBatch:
    """A batch of nothing: an empty picture of which nothing is said. Every part of the model runs on it."""
    config: Any = tunable.module.ferret.config
    tokens = config.num_image_tokens + 1
    ids = torch.full((1, tokens), config.image_token_id)
    ids[0, -1] = 0
    like = torch.zeros_like(ids)
    pictures: Any = tunable.processor.image_processor
    pixels = pictures([Image.new("RGB", (8, 8))], return_tensors="pt")["pixel_values"]
    return PackedBatch(
        input_ids=ids, labels=torch.full_like(ids, IGNORED), position_ids=torch.arange(tokens)[None], sample=like,
        thread=like, source=torch.full_like(ids, PADDING), pixel_values=pixels,
        region_points=torch.zeros(0, config.sampler_shape.num_points, 2),
        region_image_index=torch.zeros(0, dtype=torch.long), packed=False,
    )  # fmt: skip
