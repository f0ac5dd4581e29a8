"""What the embedded SAM adds to segment_anything's own modules: a convolutional stem whose fine maps reach the masks.

A patch of 16 pixels says little about where an edge runs within it. As in SAM 2 (Ravi et al. 2024, "SAM 2: Segment
Anything in Images and Videos", section 4, mask decoder), the early, finer maps of the encoder are added while the
decoder brings its map back up. They travel inside the image embedding, folded to the patch grid, so that
segment_anything's `SamPredictor` carries them along without knowing.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from segment_anything.modeling import ImageEncoderViT, MaskDecoder
from segment_anything.modeling.common import LayerNorm2d
from torch import Tensor, nn
from torch.nn import functional


class ConvStem(nn.Module):
    """Stride-2 convolutions down to the patch grid; `patch` is a power of two, at least 8."""

    def __init__(self, patch: int, dim: int) -> None:
        super().__init__()
        steps = patch.bit_length() - 1
        self.widths = [max(24, dim >> (steps - 1 - i)) for i in range(steps)]
        self.widths[-1] = dim
        layers: list[nn.Module] = []
        channels = 3
        for width in self.widths:
            layers += [nn.Conv2d(channels, width, 3, stride=2, padding=1, bias=False), LayerNorm2d(width), nn.GELU()]
            channels = width
        layers.append(nn.Conv2d(channels, dim, 1))
        self.layers = nn.Sequential(*layers)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """[B, 3, S, S] to the patch grid [B, S/patch, S/patch, dim] (channels last) and the maps of twice and four
        times its side [B, C, ., .]."""
        maps = [pixels]
        for start in range(0, len(self.layers) - 1, 3):
            maps.append(self.layers[start : start + 3](maps[-1]))
        coarse: Tensor = self.layers[-1](maps[-1])
        return coarse.permute(0, 2, 3, 1), maps[-2], maps[-3]


class FineEncoder(ImageEncoderViT):
    """The paper's encoder behind a `ConvStem`; its embedding is followed by two finer maps, folded to the same grid."""

    def __init__(self, *, patch_size: int, embed_dim: int, out_chans: int, **sizes: Any) -> None:
        super().__init__(patch_size=patch_size, embed_dim=embed_dim, out_chans=out_chans, **sizes)
        self.patch_embed = stem = ConvStem(patch_size, embed_dim)
        self.twice = nn.Conv2d(stem.widths[-2], out_chans // 4, 1)
        self.four_times = nn.Conv2d(stem.widths[-3], out_chans // 8, 1)

    def forward(self, x: Tensor) -> Tensor:
        """[B, 3, S, S] to [B, C + C + 2 C, S/patch, S/patch]; the first C channels are what SAM calls the embedding."""
        x, twice, four_times = self.patch_embed(x)
        if self.pos_embed is not None:
            x = x + self.pos_embed
        for block in self.blocks:
            x = block(x)
        embedding = self.neck(x.permute(0, 3, 1, 2))
        twice = functional.pixel_unshuffle(self.twice(twice), 2)
        four_times = functional.pixel_unshuffle(self.four_times(four_times), 4)
        return torch.cat([embedding, twice, four_times], dim=1)


class FineDecoder(MaskDecoder):
    """The paper's decoder, which adds the finer maps of `FineEncoder` as it goes up."""

    def predict_masks(
        self, image_embeddings: Tensor, image_pe: Tensor, sparse_prompt_embeddings: Tensor,
        dense_prompt_embeddings: Tensor,
    ) -> tuple[Tensor, Tensor]:  # fmt: skip
        """As the paper's: one image [1, 4 C, h, w], N prompts; masks [N, M, 4h, 4w] and predicted IoU [N, M]."""
        count = len(sparse_prompt_embeddings)
        return self.decode(
            image_embeddings.expand(count, -1, -1, -1), image_pe, sparse_prompt_embeddings, dense_prompt_embeddings
        )

    def decode(self, embeddings: Tensor, position: Tensor, sparse: Tensor, dense: Tensor) -> tuple[Tensor, Tensor]:
        """The same for N prompts, each on an image of its own: embeddings [N, 4 C, h, w], position [1, C, h, w]."""
        count, width = len(sparse), self.transformer_dim
        source, twice, four_times = embeddings.split([width, width, 2 * width], dim=1)
        learned = torch.cat([self.iou_token.weight, self.mask_tokens.weight])
        tokens = torch.cat([learned.to(sparse.dtype).expand(count, -1, -1), sparse], dim=1)  # [N, 1+M+T, C]
        hidden, source = self.transformer(source + dense, position.expand(count, -1, -1, -1), tokens)
        source = source.transpose(1, 2).reshape(dense.shape)
        first, norm, activation, second, last_activation = self.output_upscaling
        up = activation(norm(first(source) + functional.pixel_shuffle(twice, 2)))
        up = last_activation(second(up) + functional.pixel_shuffle(four_times, 4))
        heads = cast(nn.ModuleList, self.output_hypernetworks_mlps)
        kernels = torch.stack([head(hidden[:, 1 + i]) for i, head in enumerate(heads)], dim=1)  # [N, M, C/8]
        masks = (kernels @ up.flatten(2)).reshape(count, -1, *up.shape[-2:])
        return masks, self.iou_prediction_head(hidden[:, 0])
