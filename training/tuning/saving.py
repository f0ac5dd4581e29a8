"""What comes out of a tuned run: a checkpoint that the engine loads, and adapters that can be merged into one.

A folder of adapters is peft's own (`adapter_config.json`, `adapter_model.safetensors`: `PeftModel.from_pretrained`
reads it), with the other parts that trained, whole, in `parts.safetensors`. Every folder appears whole or not at all.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from ferret.checkpoints import load_model, load_processor
from ferret.engine import find_weights
from ferret.errors import TrainingError
from ferret.modeling import FerretForConditionalGeneration
from ferret.processing import FerretProcessor
from training.tuning.model import quiet_peft

if TYPE_CHECKING:
    from peft import PeftModel

PARTS = "parts.safetensors"
_CONFIG, _WEIGHTS = "adapter_config.json", "adapter_model.safetensors"


def save_checkpoint(
    model: FerretForConditionalGeneration, processor: FerretProcessor, dtype: torch.dtype, folder: Path
) -> None:
    """Write a folder that `Engine.load` and `FerretProcessor.from_pretrained` load, replacing it if it is there.

    Args:
        model: converted to `dtype` in place.
        processor: that belongs to it.
        dtype: in which weights are stored.
        folder: to write.
    """
    plain: Any = model
    with _whole_or_not(folder) as place:
        plain.to(dtype).save_pretrained(place)
        processor.save_pretrained(place)


def save_adapters(adapters: "PeftModel", parts: frozenset[str], folder: Path) -> None:
    """Write adapters and the other parts that trained, float32 both, replacing the folder if it is there.

    Args:
        adapters: peft's view of the model.
        parts: names of the model's own parameters that trained.
        folder: to write.
    """
    model = adapters.get_base_model()
    # A layer that has an adapter beside it has moved to `base_layer`.
    named = {name.replace(".base_layer.", "."): parameter for name, parameter in model.named_parameters()}
    with _whole_or_not(folder) as place:
        # Offline: not asking the hub whether the vocabulary has grown.
        adapters.save_pretrained(str(place), save_embedding_layers=False)
        save_file({name: named[name].detach().cpu().contiguous() for name in sorted(parts)}, place / PARTS)


def load_adapters(model: FerretForConditionalGeneration, folder: Path) -> "PeftModel":
    """Put saved adapters beside the weights of the checkpoint that they were trained on, and its parts in their places.

    Raises:
        TrainingError: the folder holds no adapters, or those of another model.
    """
    for name in (_CONFIG, _WEIGHTS, PARTS):
        if not (folder / name).is_file():
            raise TrainingError(f"{str(folder)!r} holds no adapters of a tuned run: it has no {name}")
    from peft import PeftModel

    try:
        parts = load_file(folder / PARTS)
        own = dict(model.named_parameters())
        with torch.no_grad():
            for name, value in parts.items():
                own[name].copy_(value)
        with quiet_peft():
            adapters: PeftModel = PeftModel.from_pretrained(model, str(folder))
    except (KeyError, RuntimeError, ValueError, SafetensorError) as error:
        reason = str(error).strip().splitlines()[0]
        raise TrainingError(f"the adapters in {str(folder)!r} do not fit the model: {reason}") from error
    return adapters


def merge(model: str | Path, adapters: Path, target: Path) -> None:
    """Add adapters to the weights of the checkpoint that they were trained on, and write a plain checkpoint.

    Adapters that were trained beside 4-bit weights are added to the checkpoint's own, which are more exact.

    Args:
        model: name or folder of that checkpoint.
        adapters: folder that a tuned run wrote.
        target: folder to write, replaced if it is there.

    Raises:
        WeightsError: there is no such checkpoint, or it cannot be used.
        TrainingError: the adapters do not fit it.
    """
    folder = find_weights(model)
    start: Any = load_model(folder)
    processor = load_processor(folder, start.config)
    plain: Any = load_adapters(start, adapters).merge_and_unload()
    save_checkpoint(plain, processor, start.dtype, target)


@contextmanager
def _whole_or_not(folder: Path) -> Iterator[Path]:
    """A folder to write in, which takes the place of `folder` at the end."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as temporary:
        place = Path(temporary) / folder.name
        place.mkdir()
        yield place
        shutil.rmtree(folder, ignore_errors=True)
        place.rename(folder)
