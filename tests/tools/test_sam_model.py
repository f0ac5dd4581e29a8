"""The small SAM: shapes, and the batched decoder against the released one."""

import pytest
import torch

from ferret.errors import WeightsError
from tools.sam_model import SamShape, build_sam, decode_prompts

TINY = SamShape(image_size=64, patch=8, encoder_dim=32, depth=2, heads=2, prompt_dim=32, decoder_mlp=64)


@pytest.mark.parametrize(
    "shape",
    [
        TINY,
        SamShape(image_size=64, patch=16, encoder_dim=32, depth=2, heads=2, prompt_dim=32),
        SamShape(image_size=96, patch=8, encoder_dim=32, depth=2, heads=2, window=5, global_blocks=(1,), prompt_dim=32),
    ],
)
def test_shapes(shape: SamShape) -> None:
    sam = build_sam(shape)
    grid = shape.image_size // shape.patch
    with torch.inference_mode():
        embedding = sam.image_encoder(torch.zeros(2, 3, shape.image_size, shape.image_size))
    assert embedding.shape == (2, 4 * shape.prompt_dim, grid, grid)
    assert sam.prompt_encoder.mask_input_size == (4 * grid, 4 * grid)


def test_default_is_small() -> None:
    assert sum(p.numel() for p in build_sam(SamShape()).parameters()) < 3_000_000


def test_shape_survives_json() -> None:
    import json

    shape = SamShape(window=8, global_blocks=(1, 3))
    assert SamShape.from_dict({**json.loads(json.dumps(shape.to_dict())), "zoom": 2.0}) == shape


@pytest.mark.parametrize(
    "values",
    [
        {"image_size": 100},
        {"patch": 12, "image_size": 240},
        {"patch": 4},
        {"heads": 7},
        {"prompt_dim": 20},
    ],
)
def test_impossible_shapes_are_refused(values: dict[str, int]) -> None:
    with pytest.raises(WeightsError):
        SamShape.from_dict(values)


def test_decoding_several_images_equals_the_released_decoder_one_by_one() -> None:
    torch.manual_seed(0)
    sam = build_sam(TINY)
    index = torch.tensor([1, 0, 1, 1])
    with torch.inference_mode():
        embeddings = sam.image_encoder(torch.randn(2, 3, 64, 64))
        boxes = torch.tensor([[2.0, 3, 30, 40], [10, 10, 60, 60], [0, 0, 64, 64], [5, 20, 9, 28]])
        sparse, dense = sam.prompt_encoder(points=None, boxes=boxes, masks=None)
        masks, scores = decode_prompts(sam, embeddings, sparse, dense, index)
        assert masks.shape == (4, 4, 32, 32)
        for row, image in enumerate(index):
            for multiple, outputs in ((False, slice(0, 1)), (True, slice(1, None))):
                expected, sure = sam.mask_decoder(
                    image_embeddings=embeddings[image : image + 1],
                    image_pe=sam.prompt_encoder.get_dense_pe(),
                    sparse_prompt_embeddings=sparse[row : row + 1],
                    dense_prompt_embeddings=dense[row : row + 1],
                    multimask_output=multiple,
                )
                torch.testing.assert_close(masks[row : row + 1, outputs], expected, atol=1e-5, rtol=1e-4)
                torch.testing.assert_close(scores[row : row + 1, outputs], sure, atol=1e-5, rtol=1e-4)


def test_the_finer_maps_sharpen_the_masks() -> None:
    torch.manual_seed(0)
    sam = build_sam(TINY)
    picture, speck = torch.zeros(1, 3, 64, 64), torch.zeros(1, 3, 64, 64)
    speck[..., 20, 20] = 5.0  # smaller than a patch
    with torch.inference_mode():
        sparse, dense = sam.prompt_encoder(points=None, boxes=torch.tensor([[10.0, 10, 50, 50]]), masks=None)
        plain, marked = (sam.image_encoder(pixels) for pixels in (picture, speck))
        marked[:, :32] = plain[:, :32]  # only the finer maps know of the speck
        change = [decode_prompts(sam, found, sparse, dense)[0] for found in (plain, marked)]
    moved = (change[0] - change[1]).abs().amax(dim=(0, 1)) > 1e-6
    rows, columns = moved.nonzero().unbind(1)
    assert moved.any()
    assert rows.min() >= 8 and rows.max() <= 12 and columns.min() >= 8 and columns.max() <= 12  # noqa: PT018


def test_every_parameter_that_prompts_reach_gets_a_gradient() -> None:
    sam = build_sam(TINY).train()
    embeddings = sam.image_encoder(torch.randn(1, 3, 64, 64))
    points = (torch.tensor([[[10.0, 10.0]], [[50.0, 20.0]]]), torch.ones(2, 1))
    sparse, dense = sam.prompt_encoder(points=points, boxes=None, masks=None)
    masks, scores = decode_prompts(sam, embeddings, sparse, dense)
    (masks.mean() + scores.mean()).backward()
    missing = {name for name, p in sam.named_parameters() if p.grad is None}
    # Only what other prompts use may be untouched: background points, box corners, mask inputs.
    assert {name.rsplit(".", 2)[0] for name in missing} <= {
        "prompt_encoder.point_embeddings",
        "prompt_encoder.mask_downscaling",
    }
