"""Our own small image encoder: residual convolutions, a little attention, and a fine map to point into.

A picture of 224 pixels becomes a 28x28 map. Three convolutional stages halve the resolution from stride 4 to stride 16;
transformer blocks there see the whole picture; then the coarse map is added to the stride-8 one, so that each fine cell
knows both its texture and its surroundings (Lin et al. 2017, "Feature Pyramid Networks"). The region sampler needs the
fine map to tell overlapping objects apart; at stride 16 it cannot.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput


class FerretVisionConfig(PreTrainedConfig):
    """Sizes of the encoder. `hidden_size` is the width of the map that comes out, at 1/8 of `image_size`."""

    model_type = "ferret_vision"

    def __init__(
        self,
        image_size: int = 224,
        widths: tuple[int, int, int] = (64, 128, 256),
        blocks: tuple[int, int, int] = (1, 2, 2),
        attention_layers: int = 2,
        attention_heads: int = 4,
        hidden_size: int = 192,
        **kwargs: Any,
    ) -> None:
        self.image_size = image_size
        self.widths = tuple(widths)
        self.blocks = tuple(blocks)
        self.attention_layers = attention_layers
        self.attention_heads = attention_heads
        self.hidden_size = hidden_size
        self.patch_size = 8
        self.num_channels = 3
        super().__init__(**kwargs)


def _convolution(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    layer = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(outputs))


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions around a shortcut; [B, C, H, W] to the same shape."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = _convolution(width, width), _convolution(width, width)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(x + self.second(functional.relu(self.first(x))))


class AttentionBlock(nn.Module):
    """Pre-norm self-attention and MLP over the cells of the coarse map; [B, T, C] to the same shape."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm_attention, self.norm_mlp = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        batch, tokens, width = x.shape
        qkv = self.qkv(self.norm_attention(x)).view(batch, tokens, 3, self.heads, width // self.heads)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)  # each [B, heads, T, C / heads]
        mixed = functional.scaled_dot_product_attention(query, key, value)
        x = x + self.out(mixed.transpose(1, 2).reshape(batch, tokens, width))
        out: Tensor = x + self.mlp(self.norm_mlp(x))
        return out


class FerretVisionModel(PreTrainedModel):
    """The encoder as a transformers model.

    `forward(pixel_values [B, 3, S, S])` gives `last_hidden_state` [B, (S/8)^2, hidden_size], row-major.
    """

    config: FerretVisionConfig
    config_class = FerretVisionConfig
    base_model_prefix = "vision"
    main_input_name = "pixel_values"
    _supports_sdpa = True

    def __init__(self, config: FerretVisionConfig) -> None:
        super().__init__(config)
        first, second, third = config.widths
        self.stem = _convolution(3 * 16, first)
        self.stage1 = nn.Sequential(*[ResidualBlock(first) for _ in range(config.blocks[0])])
        self.down2 = _convolution(first, second, stride=2)
        self.stage2 = nn.Sequential(*[ResidualBlock(second) for _ in range(config.blocks[1])])
        self.down3 = _convolution(second, third, stride=2)
        self.stage3 = nn.Sequential(*[ResidualBlock(third) for _ in range(config.blocks[2])])
        side = config.image_size // 16
        self.position = nn.Parameter(torch.zeros(1, side * side, third))
        blocks = [AttentionBlock(third, config.attention_heads) for _ in range(config.attention_layers)]
        self.attention = nn.ModuleList(blocks)
        self.norm = nn.LayerNorm(third)
        self.coarse = nn.Linear(third, config.hidden_size)
        self.fine = nn.Conv2d(second, config.hidden_size, 1)
        self.smooth = _convolution(config.hidden_size, config.hidden_size)
        self.out_norm = nn.LayerNorm(config.hidden_size)
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Linear):
            nn.init.trunc_normal_(module.weight, std=0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(module, FerretVisionModel):
            nn.init.trunc_normal_(module.position, std=0.02)

    def forward(self, pixel_values: Tensor, output_hidden_states: bool = False, **_: Any) -> BaseModelOutput:
        """Encode pictures; `hidden_states`, when asked for, holds the output map alone."""
        x = pixel_values.to(self.position.dtype)
        x = functional.relu(self.stem(functional.pixel_unshuffle(x, 4)))  # [B, C1, S/4, S/4]
        middle = self.stage2(functional.relu(self.down2(self.stage1(x))))  # [B, C2, S/8, S/8]
        deep = self.stage3(functional.relu(self.down3(middle)))  # [B, C3, S/16, S/16]
        batch, _, height, columns = deep.shape
        tokens = deep.flatten(2).transpose(1, 2) + self.position
        for block in self.attention:
            tokens = block(tokens)
        coarse = self.coarse(self.norm(tokens)).transpose(1, 2).reshape(batch, -1, height, columns)
        fine = self.fine(middle) + functional.interpolate(coarse, scale_factor=2.0, mode="nearest")
        fine = fine + functional.relu(self.smooth(functional.relu(fine)))
        state = self.out_norm(fine.flatten(2).transpose(1, 2))  # [B, (S/8)^2, hidden]
        return BaseModelOutput(last_hidden_state=state, hidden_states=(state,) if output_hidden_states else None)
