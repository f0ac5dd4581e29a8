"""A small Segment Anything model, built from segment_anything's own modules.

The image encoder is the paper's windowed ViT (Kirillov et al. 2023, "Segment Anything", section 3) behind a short stack
of convolutions: early convolutions let a small transformer learn from few steps (Xiao et al. 2021, "Early Convolutions
Help Transformers See Better"), and their fine maps sharpen the masks (sam_modules.py). The prompt encoder and the
two-way transformer are the originals. Training and the `Segmenter` tool share this file, so that a weights file is
always a state dict of `build_sam(shape)`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from torch import Tensor, nn

from ferret.errors import WeightsError

if TYPE_CHECKING:
    from segment_anything.modeling import Sam

    from tools.sam_modules import FineDecoder


@dataclass(frozen=True)
class SamShape:
    """Sizes of a SAM, stored beside its weights as JSON. Image and patch sizes are in pixels."""

    image_size: int = 256
    patch: int = 16
    encoder_dim: int = 160
    depth: int = 5
    heads: int = 5
    window: int = 0
    """Side of an attention window, in patches; 0 makes every block global."""
    global_blocks: tuple[int, ...] = ()
    prompt_dim: int = 128
    decoder_depth: int = 2
    decoder_mlp: int = 512

    def __post_init__(self) -> None:
        if self.image_size % self.patch:
            raise WeightsError(f"image_size {self.image_size!r} is not a multiple of patch {self.patch!r}")
        if self.encoder_dim % self.heads or self.prompt_dim % 8:
            raise WeightsError(
                f"encoder_dim {self.encoder_dim!r} must divide by heads {self.heads!r}, and prompt_dim "
                f"{self.prompt_dim!r} by 8"
            )
        if self.patch & (self.patch - 1) or self.patch < 8:
            raise WeightsError(f"the convolutional stem needs a patch of 8, 16, 32, ...; got {self.patch!r}")
        object.__setattr__(self, "global_blocks", tuple(self.global_blocks))

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> SamShape:
        """Read a shape from the JSON beside a weights file; keys that are not sizes are ignored."""
        known = cls.__dataclass_fields__
        try:
            return cls(**{key: value for key, value in values.items() if key in known})
        except TypeError as error:
            raise WeightsError(f"not the shape of a SAM: {error}") from error

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def build_sam(shape: SamShape) -> Sam:
    """Build a SAM with random weights, in evaluation mode.

    `preprocess` takes RGB in 0..255 and pads to a square; `image_encoder` maps [B, 3, S, S] to
    [B, 4 prompt_dim, S/patch, S/patch], the embedding and two finer maps; masks come out at four times the patch grid.
    """
    from segment_anything.modeling import PromptEncoder, Sam, TwoWayTransformer

    from tools.sam_modules import FineDecoder, FineEncoder

    grid = shape.image_size // shape.patch
    encoder = FineEncoder(
        img_size=shape.image_size,
        patch_size=shape.patch,
        embed_dim=shape.encoder_dim,
        depth=shape.depth,
        num_heads=shape.heads,
        mlp_ratio=4,
        out_chans=shape.prompt_dim,
        qkv_bias=True,
        norm_layer=partial(nn.LayerNorm, eps=1e-6),
        use_rel_pos=True,
        window_size=shape.window,
        global_attn_indexes=shape.global_blocks,
    )
    sam = Sam(
        image_encoder=encoder,
        prompt_encoder=PromptEncoder(
            embed_dim=shape.prompt_dim,
            image_embedding_size=(grid, grid),
            input_image_size=(shape.image_size, shape.image_size),
            mask_in_chans=16,
        ),
        mask_decoder=FineDecoder(
            num_multimask_outputs=3,
            transformer=TwoWayTransformer(
                depth=shape.decoder_depth, embedding_dim=shape.prompt_dim, mlp_dim=shape.decoder_mlp, num_heads=8
            ),
            transformer_dim=shape.prompt_dim,
            iou_head_depth=3,
            iou_head_hidden_dim=shape.prompt_dim,
        ),
        pixel_mean=[123.675, 116.28, 103.53],
        pixel_std=[58.395, 57.12, 57.375],
    )
    sam.eval()
    return sam


def decode_prompts(
    sam: Sam, embeddings: Tensor, sparse: Tensor, dense: Tensor, image_index: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Decode prompts on several images in one batch; the released decoder takes one image at a time.

    Args:
        embeddings: `image_encoder` outputs, float [B, 4 C, h, w].
        sparse, dense: `prompt_encoder` outputs for N prompts, float [N, T, C] and [N, C, h, w].
        image_index: int64 [N], the image that each prompt belongs to; None when N == B, or when B == 1.

    Returns:
        Mask logits float [N, 4, 4h, 4w] and predicted IoU float [N, 4]. Output 0 is the single-mask answer (for a
        box or several points), outputs 1..3 are the answers to an ambiguous point, as in the released decoder.
    """
    decoder = cast("FineDecoder", sam.mask_decoder)
    of_prompts = embeddings.expand(len(sparse), -1, -1, -1) if image_index is None else embeddings[image_index]
    return decoder.decode(of_prompts, sam.prompt_encoder.get_dense_pe(), sparse, dense)
