"""Ferret: an image, regions of it and text in; text with coordinates out (Ferret, section 3; ferret-spec 1.1 to 1.3).

The encoder's map goes two ways: projected, it takes the place of the image tokens; unprojected, the region sampler
reads it and its vectors take the place of (or are added to) the embeddings of the region tokens. Any encoder and any
decoder that transformers' `AutoModel` builds can be combined.
"""

from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import nn
from transformers import AutoConfig, AutoModel, AutoModelForImageTextToText
from transformers import initialization as init
from transformers.cache_utils import Cache
from transformers.generation.utils import GenerationMixin
from transformers.modeling_outputs import BaseModelOutputWithPast, CausalLMOutputWithPast
from transformers.modeling_utils import PreTrainedModel

from ferret.configuration import FerretConfig, as_pair
from ferret.projector import FerretProjector
from ferret.sampler import SpatialAwareSampler, as_grid
from ferret.vision import FerretVisionConfig, FerretVisionModel


@dataclass
class FerretModelOutput(BaseModelOutputWithPast):
    """Output of `FerretModel`, with the vectors that went into the text.

    Attributes:
        image_hidden_states: [N, T', D], the projected image tokens.
        region_hidden_states: [R, D], the sampler's vectors.
    """

    image_hidden_states: torch.Tensor | None = None
    region_hidden_states: torch.Tensor | None = None


@dataclass
class FerretCausalLMOutput(CausalLMOutputWithPast):
    """Output of `FerretForConditionalGeneration`; the two last fields as in `FerretModelOutput`."""

    image_hidden_states: torch.Tensor | None = None
    region_hidden_states: torch.Tensor | None = None


class FerretPreTrainedModel(PreTrainedModel):
    """Loading, saving and initialisation that the two models share."""

    config: FerretConfig
    base_model_prefix = "model"
    input_modalities = ["image", "text"]  # noqa: RUF012 - the type is that of transformers
    main_input_name = "input_ids"
    supports_gradient_checkpointing = True
    _skip_keys_device_placement = ["past_key_values"]  # noqa: RUF012
    _supports_sdpa = True
    _supports_flash_attn = True
    _supports_flex_attn = True
    _supports_attention_backend = True

    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        if isinstance(module, SpatialAwareSampler | FerretProjector):
            # Scaled by fan-in rather than by a fixed deviation: their widths range from 128 to 32768.
            for layer in module.modules():
                if isinstance(layer, nn.Linear):
                    init.kaiming_uniform_(layer.weight, a=5**0.5)
                    init.zeros_(layer.bias)


class FerretModel(FerretPreTrainedModel):
    """Encoder, projector, region sampler and language model, without the output head."""

    def __init__(self, config: FerretConfig) -> None:
        super().__init__(config)
        vision, text = cast(Any, config.vision_config), cast(Any, config.text_config)
        self.vision_tower = AutoModel.from_config(vision)
        self.projector = FerretProjector(
            vision.hidden_size,
            text.hidden_size,
            config.projector_type,
            config.projector_merge,
            config.projector_places,
        )
        self.region_sampler = SpatialAwareSampler(vision.hidden_size, text.hidden_size, config.sampler_shape)
        self.language_model = AutoModel.from_config(text)
        self.post_init()

    def get_input_embeddings(self) -> nn.Module:
        embeddings: nn.Module = self.language_model.get_input_embeddings()
        return embeddings

    def set_input_embeddings(self, value: nn.Module) -> None:
        self.language_model.set_input_embeddings(value)

    def get_image_features(self, pixel_values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Encodes images.

        Args:
            pixel_values: [N, 3, H, W], as the processor gives them.

        Returns:
            (feature_map, projected): [N, T, C] patches in row-major order before projection, which regions are read
            from, and [N, T', D] image tokens.
        """
        layer = self.config.vision_feature_layer
        pixel_values = pixel_values.to(self.vision_tower.dtype)
        outputs = self.vision_tower(pixel_values, output_hidden_states=layer != -1)
        tokens = outputs.last_hidden_state if layer == -1 else outputs.hidden_states[layer]
        grid = self.feature_grid(pixel_values, tokens.shape[1])
        extra = tokens.shape[1] - grid[0] * grid[1]  # class and register tokens come first
        feature_map = tokens[:, extra:]
        chosen = feature_map if self.config.vision_feature_select == "patch" else tokens
        return feature_map, self.projector(chosen, grid)

    def feature_grid(self, pixel_values: torch.Tensor, tokens: int) -> tuple[int, int]:
        """(rows, columns) of the encoder's map for these pixels, of which it made `tokens` tokens."""
        height, width = as_pair(cast(Any, self.config.vision_config).patch_size)
        rows, columns = pixel_values.shape[-2] // height, pixel_values.shape[-1] // width
        if rows * columns > tokens:
            raise ValueError(f"the encoder gave {tokens} tokens for a map of {rows} x {columns}: check its patch_size")
        return rows, columns

    def get_region_features(
        self,
        feature_map: torch.Tensor,
        region_points: torch.Tensor,
        region_image_index: torch.Tensor,
        grid: tuple[int, int] | None = None,
    ) -> torch.Tensor:
        """Describes regions.

        Args:
            feature_map: [N, T, C], from `get_image_features`.
            region_points: float32 [R, P, 2], (x / W, y / H).
            region_image_index: int64 [R], which of the N images.
            grid: (rows, columns) of the map when it is not square.

        Returns:
            [R, D].
        """
        maps = as_grid(feature_map, grid).permute(0, 3, 1, 2)
        described: torch.Tensor = self.region_sampler(maps, region_points, region_image_index)
        return described

    def embed(
        self,
        input_ids: torch.Tensor,
        image_tokens: torch.Tensor | None = None,
        region_features: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Text embeddings with images and regions put in their places.

        Args:
            input_ids: int64 [B, L], `image_token_id` once for each image token, `region_token_id` once for each region.
            image_tokens: [N, T', D]; images are matched to image tokens in row-major order.
            region_features: [R, D]; regions are matched to region tokens in row-major order.

        Returns:
            [B, L, D].

        Raises:
            ValueError: the counts of tokens and of what should fill them differ.
        """
        image_id, region_id = self.config.image_token_id, self.config.region_token_id
        lookup = input_ids.masked_fill(input_ids == image_id, 0) if image_id < 0 else input_ids
        embeds: torch.Tensor = self.get_input_embeddings()(lookup)
        if image_tokens is not None:
            image_tokens = image_tokens.to(embeds.device, embeds.dtype).flatten(0, 1)
            mask = self.get_placeholder_mask(input_ids, image_id, image_tokens, "image")
            embeds = embeds.masked_scatter(mask, image_tokens)
        if region_features is not None:
            region_features = region_features.to(embeds.device, embeds.dtype)
            mask = self.get_placeholder_mask(input_ids, region_id, region_features, "region")
            if self.config.region_feature_mode == "add":
                region_features = region_features + embeds[mask.squeeze(-1)]
            embeds = embeds.masked_scatter(mask, region_features)
        return embeds

    def get_placeholder_mask(
        self, input_ids: torch.Tensor, token_id: int, features: torch.Tensor, what: str
    ) -> torch.Tensor:
        """Where `features` [K, D] go: bool [B, L, 1], true at the K places of `token_id`."""
        mask = input_ids == token_id
        if (found := int(mask.sum())) != features.shape[0]:
            raise ValueError(f"the text has {found} {what} tokens but there are {features.shape[0]} {what} features")
        return mask.unsqueeze(-1)

    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        pixel_values: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        position_ids: torch.Tensor | None = None,
        region_points: torch.Tensor | None = None,
        region_image_index: torch.Tensor | None = None,
        past_key_values: Cache | None = None,
        inputs_embeds: torch.Tensor | None = None,
        **kwargs: Any,
    ) -> FerretModelOutput:
        """Runs the model; arguments as in `FerretForConditionalGeneration.forward`."""
        if (input_ids is None) == (inputs_embeds is None):
            raise ValueError("give exactly one of input_ids and inputs_embeds")
        image_tokens = region_features = None
        if pixel_values is not None:
            feature_map, image_tokens = self.get_image_features(pixel_values)
            if region_points is not None and region_points.shape[0]:
                if region_image_index is None:
                    region_image_index = torch.zeros(len(region_points), dtype=torch.long, device=feature_map.device)
                grid = self.feature_grid(pixel_values, feature_map.shape[1])
                region_features = self.get_region_features(feature_map, region_points, region_image_index, grid)
        elif region_points is not None and region_points.shape[0]:
            raise ValueError("region_points need the pixel_values that they lie on")
        if inputs_embeds is None:
            inputs_embeds = self.embed(cast(torch.Tensor, input_ids), image_tokens, region_features)
        elif image_tokens is not None:
            raise ValueError("pixel_values need input_ids: with inputs_embeds, put the image in with embed()")
        kwargs["return_dict"] = True
        outputs = self.language_model(
            inputs_embeds=inputs_embeds,
            attention_mask=attention_mask,
            position_ids=position_ids,
            past_key_values=past_key_values,
            **kwargs,
        )
        return FerretModelOutput(
            last_hidden_state=outputs.last_hidden_state,
            past_key_values=outputs.past_key_values,
            hidden_states=outputs.hidden_states,
            attentions=outputs.attentions,
            image_hidden_states=image_tokens,
            region_hidden_states=region_features,
        )


class FerretForConditionalGeneration(FerretPreTrainedModel, GenerationMixin):
    """Ferret with its output head: answers questions about regions, and grounds phrases, by generating text."""

    _tied_weights_keys: dict[str, str] = {"lm_head.weight": "model.language_model.embed_tokens.weight"}  # noqa: RUF012

    def __init__(self, config: FerretConfig) -> None:
        super().__init__(config)
        self.model = FerretModel(config)
        text = cast(Any, config.text_config)
        self.lm_head = nn.Linear(text.hidden_size, text.vocab_size, bias=False)
        # Language models name their embedding differently; tying needs the name that this one uses.
        embedding = self.get_input_embeddings()
        name = next(name for name, module in self.named_modules() if module is embedding)
        self._tied_weights_keys = {"lm_head.weight": f"{name}.weight"}
        self.post_init()

    def get_input_embeddings(self) -> nn.Module:
        embeddings: nn.Module = self.model.get_input_embeddings()
        return embeddings

    def set_input_embeddings(self, value: nn.Module) -> None:
        self.model.set_input_embeddings(value)

    def get_output_embeddings(self) -> nn.Module:
        head: nn.Module = self.lm_head
        return head

    def get_image_features(self, pixel_values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """See `FerretModel.get_image_features`."""
        features: tuple[torch.Tensor, torch.Tensor] = self.model.get_image_features(pixel_values)
        return features

    def get_region_features(
        self,
        feature_map: torch.Tensor,
        region_points: torch.Tensor,
        region_image_index: torch.Tensor,
        grid: tuple[int, int] | None = None,
    ) -> torch.Tensor:
        """See `FerretModel.get_region_features`."""
        described: torch.Tensor = self.model.get_region_features(feature_map, region_points, region_image_index, grid)
        return described

    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        pixel_values: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        position_ids: torch.Tensor | None = None,
        region_points: torch.Tensor | None = None,
        region_image_index: torch.Tensor | None = None,
        past_key_values: Cache | None = None,
        inputs_embeds: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        logits_to_keep: int | torch.Tensor = 0,
        **kwargs: Any,
    ) -> FerretCausalLMOutput:
        """Runs the model.

        Args:
            input_ids: int64 [B, L], with one `image_token_id` for each image token (not one for each image).
            pixel_values: [N, 3, H, W], the images of the batch in the order of their tokens.
            attention_mask: [B, L], or bool [B, 1, L, L] (true = may look) as sequence packing needs it. It goes to the
                language model as it is, and so do `position_ids` [B, L].
            region_points: float32 [R, P, 2], points of each region as (x / W, y / H), in the order of their tokens.
            region_image_index: int64 [R], which of the N images each region lies on; the first when not given.
            past_key_values: key-value cache of what came before.
            inputs_embeds: [B, L, D] instead of `input_ids`; images and regions must be in it (see `FerretModel.embed`).
            labels: int64 [B, L], -100 where no loss is wanted; the mean next-token cross-entropy is returned as `loss`.
            logits_to_keep: compute logits of the last so many positions only (0: of all), or at these indices.

        Returns:
            `logits` [B, L, V] and the other fields of `FerretCausalLMOutput`.
        """
        kwargs.pop("return_dict", None)
        outputs = self.model(
            input_ids=input_ids,
            pixel_values=pixel_values,
            attention_mask=attention_mask,
            position_ids=position_ids,
            region_points=region_points,
            region_image_index=region_image_index,
            past_key_values=past_key_values,
            inputs_embeds=inputs_embeds,
            **kwargs,
        )
        hidden = outputs.last_hidden_state
        keep = slice(-logits_to_keep, None) if isinstance(logits_to_keep, int) else logits_to_keep
        logits = self.lm_head(hidden[:, keep])
        loss = None
        if labels is not None:
            vocabulary = cast(Any, self.config.text_config).vocab_size
            loss = self.loss_function(logits=logits, labels=labels, vocab_size=vocabulary, **kwargs)
        return FerretCausalLMOutput(
            loss=loss,
            logits=logits,
            past_key_values=outputs.past_key_values,
            hidden_states=outputs.hidden_states,
            attentions=outputs.attentions,
            image_hidden_states=outputs.image_hidden_states,
            region_hidden_states=outputs.region_hidden_states,
        )

    def prepare_inputs_for_generation(  # type: ignore[override]  # transformers' own models narrow it likewise
        self,
        input_ids: torch.Tensor,
        inputs_embeds: torch.Tensor | None = None,
        is_first_iteration: bool | None = False,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """Images and regions belong to the prompt alone: after it they are in the key-value cache."""
        base: Any = super()
        inputs: dict[str, Any] = base.prepare_inputs_for_generation(
            input_ids, inputs_embeds=inputs_embeds, is_first_iteration=is_first_iteration, **kwargs
        )
        if not is_first_iteration and kwargs.get("use_cache", True):
            for name in ("pixel_values", "region_points", "region_image_index"):
                inputs.pop(name, None)
        return inputs


AutoConfig.register(FerretVisionConfig.model_type, FerretVisionConfig, exist_ok=True)
AutoModel.register(FerretVisionConfig, FerretVisionModel, exist_ok=True)
AutoConfig.register(FerretConfig.model_type, FerretConfig, exist_ok=True)
AutoModel.register(FerretConfig, FerretModel, exist_ok=True)
AutoModelForImageTextToText.register(FerretConfig, FerretForConditionalGeneration, exist_ok=True)
