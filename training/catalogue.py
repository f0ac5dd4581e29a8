"""The recipes of `ferret train`, a line each. Nothing here imports torch, so that a help text is instant."""

from collections.abc import Mapping

EMBEDDED: Mapping[str, str] = {
    "nano": "the embedded ferret-nano, in two stages: look, speak",
    "detector": "the embedded detector",
    "sam": "the embedded SAM",
    "embedded": "all that ships with the package: detector, sam and nano",
}
"""Recipes that make their data themselves."""

TUNED: Mapping[str, str] = {
    "stage-1": "Ferret-v2 stage I, image-caption alignment: projector",
    "stage-2": "Ferret-v2 stage II, dense alignment: projector and sampler",
    "stage-3": "Ferret-v2 stage III, instruction tuning: everything",
    "stage-3-lora": "stage III with LoRA in the language model",
    "ferret-v1": "the released Ferret: all but the encoder, fully sharded",
}
"""Recipes that train any Ferret checkpoint on the user's data."""


def listing() -> str:
    """All recipes with their lines, as one text."""
    width = max(map(len, (*EMBEDDED, *TUNED)))
    return "\n".join(f"{name:{width}}  {line}" for name, line in (*EMBEDDED.items(), *TUNED.items()))
