"""Recipes that train any Ferret checkpoint on the user's own data, and what the user gives them.

A recipe is what the papers tell of a stage: which parts move, how fast, over how much. The model, the data and changes
to single settings come from the user:

    ferret train stage-2 --model ferret-7b --data mixture.json --set epochs=0.5

`mixture.json` is a list of sources, whose files are looked for beside it unless their paths are absolute:

    [{"reader": "lvis", "path": "lvis_v1_train.json", "images": "train2017", "weight": 1.0}, ...]
"""

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ferret.errors import TrainingError
from training.tuning.settings import Adapter, Part, Sharding, Source, TuneSettings

_ALL_BUT_VISION = (Part.PROJECTOR, Part.SAMPLER, Part.LANGUAGE, Part.EMBEDDINGS)

# Ferret-v2 tells parts and data of its stages, not rates and lengths. Stage I has those of LLaVA-1.5's pretraining,
# which it repeats; the others those of the released Ferret, higher where only new or small parts train.
RECIPES: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "stage-1": {"parts": (Part.PROJECTOR,), "learning_rate": 1e-3, "batch": 256, "epochs": 1.0},
        "stage-2": {"parts": (Part.PROJECTOR, Part.SAMPLER), "learning_rate": 1e-4, "batch": 128, "epochs": 1.0},
        "stage-3": {
            "parts": (Part.VISION, *_ALL_BUT_VISION), "learning_rate": 2e-5, "batch": 128, "epochs": 1.0,
        },
        "stage-3-lora": {
            "parts": (Part.PROJECTOR, Part.SAMPLER, Part.LANGUAGE), "adapter": Adapter.LORA, "rank": 64, "alpha": 16.0,
            "dropout": 0.05, "learning_rate": 2e-4, "batch": 128, "epochs": 1.0,
        },
        # ferret-spec 3.
        "ferret-v1": {
            "parts": _ALL_BUT_VISION, "learning_rate": 2e-5, "warmup": 0.03, "weight_decay": 0.0, "batch": 128,
            "epochs": 3.0, "length": 2048, "checkpointing": True, "sharding": Sharding.FULL,
        },
    }
)  # fmt: skip
"""The settings in which a recipe differs from the defaults of `TuneSettings`, or that make it what it is."""


def recipe_settings(recipe: str, model: str, data: Path, changes: Mapping[str, str]) -> TuneSettings:
    """A recipe with the user's model, mixture and changes.

    Args:
        recipe: a key of `RECIPES`.
        model: name or folder of the checkpoint to start from.
        data: file of the mixture.
        changes: settings as text; several parts are separated by commas, "none" takes `steps` away.

    Raises:
        TrainingError: the mixture cannot be used, there is no such setting, or a value does not fit it.
    """
    values: dict[str, Any] = {**RECIPES[recipe], "model": model, "sources": read_mixture(data)}
    for key, text in changes.items():
        if key not in TuneSettings.model_fields or key in ("model", "sources"):
            known = [name for name in TuneSettings.model_fields if name not in ("model", "sources")]
            raise TrainingError(f"there is no setting {key!r}: choose one of {', '.join(known)}")
        value: Any = text
        if key == "parts":
            value = [part.strip() for part in text.split(",")]
        elif key == "steps" and text == "none":
            value = None
        values[key] = value
    try:
        return TuneSettings.model_validate(values)
    except ValidationError as error:
        raise TrainingError(f"recipe {recipe!r}: {_first(error, 'setting')}") from error


def read_mixture(path: Path) -> tuple[Source, ...]:
    """The sources that a mixture file names, their paths made whole.

    Raises:
        TrainingError: the file, one of its entries, or a file that it names cannot be used; says which.
    """
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TrainingError(f"cannot read the mixture {str(path)!r}: {error.strerror}") from error
    except ValueError as error:
        raise TrainingError(f"the mixture {str(path)!r} is not JSON: {error}") from error
    if not isinstance(entries, list) or not entries:
        raise TrainingError(f"the mixture {str(path)!r} must be a list of sources, with at least one")
    return tuple(
        _source(entry, f"entry {number} of {str(path)!r}", path.parent) for number, entry in enumerate(entries, 1)
    )


def _source(entry: Any, where: str, beside: Path) -> Source:
    from training.readers.registry import READERS

    try:
        source = TypeAdapter(Source).validate_python(entry)
    except ValidationError as error:
        raise TrainingError(f"{where}: {_first(error, 'field')}") from error
    if source.reader not in READERS:
        raise TrainingError(f"{where}: there is no reader {source.reader!r}: choose one of {', '.join(READERS)}")
    source = source.model_copy(update={"path": beside / source.path, "images": beside / source.images})
    if not source.path.is_file():
        raise TrainingError(f"{where}: there is no file {str(source.path)!r}")
    if not source.images.is_dir():
        raise TrainingError(f"{where}: there is no folder of pictures {str(source.images)!r}")
    return source


def _first(error: ValidationError, what: str) -> str:
    """The first thing that is wrong, in a line."""
    detail = error.errors()[0]
    place = ".".join(map(str, detail["loc"]))
    message = detail["msg"].removeprefix("Value error, ")
    given = "" if detail["type"] in ("missing", "value_error") else f", not {detail['input']!r}"
    return f"{what} {place!r}: {message}{given}" if place else f"{message}{given}"
