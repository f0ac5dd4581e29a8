"""What all arms have in common and none learns: the encoder and the words of the shipped model.

An ablation in which the encoder learned along would measure how fast encoders learn. So every arm sees with the shipped
encoder, frozen, and names with the word embeddings that it was trained against. Everything between eye and word
(projector, region sampler, language model) begins anew with the arm's seed.
"""

from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from ferret.errors import TrainingError
from ferret.modeling import FerretForConditionalGeneration
from training.nano import number_tokens

ENCODER = "model.vision_tower."
WORDS = "model.language_model.embed_tokens.weight"


def give_sight(model: FerretForConditionalGeneration, weights: Path) -> None:
    """Copy encoder and word embeddings of the model in folder `weights` into `model`, whatever else differs.

    Words keep the mean length that they have in `model`, to which its other fresh parts are fitted. The embeddings of
    numbers stay as `training.nano.new_nano` makes them: they are a code, and learned ones would give away what arms
    have to learn.

    Raises:
        TrainingError: there are no such weights, or they are of another encoder or vocabulary.
    """
    path = weights / "model.safetensors"
    ours: dict[str, Any] = dict(model.state_dict())
    wanted = [name for name in ours if name.startswith(ENCODER) or name == WORDS]
    try:
        with safe_open(path, "pt") as file:
            found = set(file.keys())
            theirs = {name: file.get_tensor(name) for name in wanted if name in found}
    except (OSError, SafetensorError) as error:
        raise TrainingError(
            f"cannot read the encoder from {str(path)!r} ({error}): give a folder of ferret-nano"
        ) from None
    strange = [n for n in wanted if n not in theirs or theirs[n].shape != ours[n].shape]
    if strange:
        raise TrainingError(f"{str(path)!r} is of another encoder or vocabulary ({strange[0]}): train the arms on ours")
    with torch.no_grad():
        words = torch.ones(len(ours[WORDS]), dtype=torch.bool)
        words[number_tokens()] = False
        learned = theirs.pop(WORDS).float()[words].to(ours[WORDS].device)
        ours[WORDS][words] = learned * (ours[WORDS][words].norm(dim=-1).mean() / learned.norm(dim=-1).mean())
        for name, value in theirs.items():
            ours[name].copy_(value)
