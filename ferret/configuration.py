"""What a Ferret model is made of: one configuration for encoder, projector, region sampler and language model.

`FerretConfig` follows the conventions of transformers 5: the encoder and the language model keep configurations of
their own (any `model_type` that `AutoConfig` knows), and `save_pretrained`/`from_pretrained` write and read one
`config.json`. The defaults are the shape of the released Ferret 7B (ferret-spec 1.1).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal

from transformers import AutoConfig, PreTrainedConfig

POOLERS = ("max", "mean")

# The parts of the released Ferret 7B: CLIP-ViT-L/14 at 336 pixels and Vicuna v1.3 (ferret-spec 1.1).
_DEFAULT_VISION = {
    "model_type": "clip_vision_model",
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "image_size": 336,
    "patch_size": 14,
    "projection_dim": 768,
}
_DEFAULT_TEXT = {"model_type": "llama", "vocab_size": 32001, "max_position_embeddings": 2048}

# Language models whose head does more than one matrix product. FerretForConditionalGeneration applies a plain head, so
# their logits would be silently wrong.
_UNSUPPORTED_HEADS = ("final_logit_softcapping", "logits_scaling", "logit_scale")


@dataclass(frozen=True)
class SamplerShape:
    """The constants of the spatial-aware sampler (ferret-spec 1.2, items 2, 4 and 6).

    Attributes:
        num_points: points drawn from each region before the first stage.
        stage_points: anchors kept by farthest-point sampling, one number a stage.
        neighbors: neighbours pooled into each anchor, one number a stage.
        pooler: "max" (the released recipe) or "mean", over the neighbours.
        transposed: read the feature map at the mirrored position (row by x, column by y), as the released weights were
            trained to; weights trained here read it where the point is.
    """

    num_points: int = 512
    stage_points: tuple[int, ...] = (128, 32)
    neighbors: tuple[int, ...] = (24, 24)
    pooler: str = "max"
    transposed: bool = False

    def __post_init__(self) -> None:
        if self.pooler not in POOLERS:
            raise ValueError(f"unknown sampler pooler {self.pooler!r}: choose one of {', '.join(POOLERS)}")
        if not self.stage_points or len(self.stage_points) != len(self.neighbors):
            raise ValueError(
                f"sampler stage_points {self.stage_points!r} and neighbors {self.neighbors!r} "
                "must name one number a stage"
            )
        available = self.num_points
        for anchors, neighbors in zip(self.stage_points, self.neighbors, strict=True):
            if not (1 <= anchors <= available and 1 <= neighbors <= available):
                raise ValueError(
                    f"sampler stage of {anchors} anchors and {neighbors} neighbours does not fit {available} points: "
                    "no stage can have more of either than the stage before it keeps"
                )
            available = anchors

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "SamplerShape":
        """A shape from `FerretConfig.sampler`; one number for `neighbors` serves every stage."""
        unknown = set(values) - {"num_points", "stage_points", "neighbors", "pooler", "transposed"}
        if unknown:
            raise ValueError(f"unknown sampler settings {sorted(unknown)!r}")
        stages = tuple(int(n) for n in values.get("stage_points", cls.stage_points))
        given = values.get("neighbors", cls.neighbors)
        neighbors = tuple(int(n) for n in given) if isinstance(given, Sequence) else (int(given),) * len(stages)
        return cls(
            num_points=int(values.get("num_points", cls.num_points)),
            stage_points=stages,
            neighbors=neighbors,
            pooler=str(values.get("pooler", cls.pooler)),
            transposed=bool(values.get("transposed", cls.transposed)),
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types, for `config.json`."""
        values = asdict(self)
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


class FerretConfig(PreTrainedConfig):
    """Configuration of `FerretForConditionalGeneration`.

    Args:
        vision_config: configuration of the encoder, or its dict with a `model_type`.
        text_config: configuration of the language model, or its dict with a `model_type`.
        sampler: the constants of the region sampler, see `SamplerShape`.
        projector_type: "linear" (Ferret v1) or "mlp2x_gelu" (Ferret-v2, Ferret-UI).
        projector_merge: k; k x k neighbouring vision tokens are concatenated before projecting, so that a 28x28 map
            gives 7x7 image tokens with k = 4.
        projector_places: P; the projector writes the box of the object under each image token into the token's last 8 P
            dimensions (see `ferret.projector`). 0, as in all released models, writes none.
        region_feature_mode: "replace" (Ferret v1: the sampler's vector takes the place of the region token's embedding)
            or "add" (it is added to it).
        vision_feature_layer: index into the encoder's hidden states; -1 is its final output, normalisation included.
        vision_feature_select: "patch" drops class and register tokens from what the language model sees, "full" keeps
            them. The region sampler always reads the patches alone.
        image_token_id: the id that stands for one image token; -200 when the vocabulary has none.
        region_token_id: the id of `<region_fea>`.
    """

    model_type = "ferret"
    sub_configs: ClassVar[dict[str, Any]] = {"vision_config": AutoConfig, "text_config": AutoConfig}

    vision_config: dict[str, Any] | PreTrainedConfig | None = None
    text_config: dict[str, Any] | PreTrainedConfig | None = None
    sampler: dict[str, Any] | None = None
    projector_type: Literal["linear", "mlp2x_gelu"] = "linear"
    projector_merge: int = 1
    projector_places: int = 0
    region_feature_mode: Literal["replace", "add"] = "replace"
    vision_feature_layer: int = -2
    vision_feature_select: Literal["patch", "full"] = "patch"
    image_token_id: int = -200
    region_token_id: int = 32000
    tie_word_embeddings: bool = False

    def __post_init__(self, **kwargs: Any) -> None:
        if "mm_vision_tower" in kwargs:
            raise ValueError(
                "this config.json is in the released Ferret format: load the folder with ferret.checkpoints.load_model"
            )
        self.vision_config = _sub_config(self.vision_config, _DEFAULT_VISION)
        self.text_config = _sub_config(self.text_config, _DEFAULT_TEXT)
        self.sampler = SamplerShape.from_dict(self.sampler or {}).to_dict()
        for name, allowed in (
            ("projector_type", ("linear", "mlp2x_gelu")),
            ("region_feature_mode", ("replace", "add")),
            ("vision_feature_select", ("patch", "full")),
        ):
            if getattr(self, name) not in allowed:
                raise ValueError(f"unknown {name} {getattr(self, name)!r}: choose one of {', '.join(allowed)}")
        if self.projector_merge < 1 or (self.projector_merge > 1 and self.vision_feature_select == "full"):
            raise ValueError(
                f"projector_merge {self.projector_merge!r} must be at least 1, "
                "and 1 when vision_feature_select is 'full'"
            )
        if not 0 <= 8 * self.projector_places <= self.text_config.hidden_size:
            raise ValueError(
                f"projector_places {self.projector_places!r} needs 8 dimensions each, and the language model has "
                f"{self.text_config.hidden_size}"
            )
        for name in _UNSUPPORTED_HEADS:
            if getattr(self.text_config, name, None) not in (None, 1, 1.0):
                raise ValueError(
                    f"the language model {self.text_config.model_type!r} changes its logits by {name!r}, which a plain "
                    "output head cannot: choose another language model"
                )
        if not self.tie_word_embeddings and self.text_config.tie_word_embeddings:
            self.tie_word_embeddings = True
        super().__post_init__(**kwargs)

    @property
    def sampler_shape(self) -> SamplerShape:
        """The sampler's constants, typed."""
        return SamplerShape.from_dict(self.sampler or {})

    @property
    def feature_grid(self) -> tuple[int, int]:
        """(rows, columns) of the encoder's map for an image of the configured size."""
        vision = self.vision_config
        assert isinstance(vision, PreTrainedConfig)
        height, width = as_pair(vision.image_size)
        rows, columns = as_pair(vision.patch_size)
        return height // rows, width // columns

    @property
    def num_image_tokens(self) -> int:
        """How many tokens one image takes in the language model's input."""
        rows, columns = self.feature_grid
        if self.vision_feature_select == "full":
            return rows * columns + 1
        return math.ceil(rows / self.projector_merge) * math.ceil(columns / self.projector_merge)


def as_pair(size: int | Sequence[int]) -> tuple[int, int]:
    """(rows, columns) of a size that transformers gives as one number or as two."""
    if isinstance(size, int):
        return size, size
    rows, columns = size
    return int(rows), int(columns)


def _sub_config(given: dict[str, Any] | PreTrainedConfig | None, default: dict[str, Any]) -> PreTrainedConfig:
    if isinstance(given, PreTrainedConfig):
        return given
    values = dict(default if given is None else given)
    model_type = values.pop("model_type", default["model_type"])
    if model_type == "ferret_vision":
        from ferret.vision import FerretVisionConfig  # here, for it needs torch

        return FerretVisionConfig(**values)
    config: PreTrainedConfig = AutoConfig.for_model(model_type, **values)
    return config
