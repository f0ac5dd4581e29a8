"""AdamW with moments in 32 or in 8 bits, and its state as plain tensors."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ferret.errors import TrainingError
from training.checkpointing import Saved
from training.tuning.settings import Optimizer


def adamw(
    kind: Optimizer, groups: list[dict[str, Any]], rate: float, betas: tuple[float, float]
) -> torch.optim.Optimizer:
    """The optimizer over groups of parameters, each with its own weight decay.

    Raises:
        TrainingError: the package for 8 bits is not installed.
    """
    if kind is Optimizer.ADAMW:
        return torch.optim.AdamW(groups, lr=rate, betas=betas, fused=True)
    try:
        from bitsandbytes.optim.adamw import AdamW8bit
    except ImportError as error:
        raise TrainingError(
            f"the optimizer {kind.value!r} needs bitsandbytes: pip install 'ferret-agent[tune]'"
        ) from error
    optimizer: torch.optim.Optimizer = AdamW8bit(groups, lr=rate, betas=betas)
    return optimizer


def saved_state(optimizer: torch.optim.Optimizer, parameters: Mapping[str, nn.Parameter]) -> dict[str, Tensor]:
    """The state as tensors, `KEY.PARAMETER` each; whole numbers become tensors of one int64."""
    tensors: dict[str, Tensor] = {}
    for name, parameter in parameters.items():
        for key, value in optimizer.state.get(parameter, {}).items():
            tensors[f"{key}.{name}"] = value if isinstance(value, Tensor) else torch.tensor(value, dtype=torch.int64)
    return tensors


def load_state(
    optimizer: torch.optim.Optimizer, parameters: Mapping[str, nn.Parameter], saved: Saved, prefix: str
) -> None:
    """Put back what `saved_state` gave, from a checkpoint where its names have a prefix.

    Parameters that no step has used yet have no state, and get none.
    """
    found: dict[str, list[tuple[str, str]]] = {}
    for full in sorted(saved.names):
        if full.startswith(prefix):
            key, _, name = full.removeprefix(prefix).partition(".")
            found.setdefault(name, []).append((key, full))
    for name, parameter in parameters.items():
        state: dict[str, Any] = {}
        for key, full in found.get(name, ()):
            value = saved.read(full)
            if value.dtype == torch.int64:
                state[key] = int(value)
            elif value.shape == parameter.shape:  # moments have to lie in memory as their parameter does
                state[key] = torch.empty_like(parameter, dtype=value.dtype).copy_(value)
            else:
                state[key] = value.to(parameter.device)
        if state:
            optimizer.state[parameter] = state
