"""What a region tells: each arm against a plain reference, and each deaf to what it must not hear."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from ferret.configuration import SamplerShape
from training.ablations.evidence import EVIDENCE, CoordinateReader, Evidence, MeanPool, RegionReader

C, D, SIDE = 6, 10, 5
SHAPE = SamplerShape(num_points=16, stage_points=(8, 3), neighbors=(4, 2))


def reader(evidence: Evidence, seed: int = 0) -> RegionReader:
    torch.manual_seed(seed)
    return RegionReader(evidence, C, D, SHAPE)


def given_regions(regions: int = 4, images: int = 2, seed: int = 1) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(images, SIDE * SIDE, C, generator=generator)
    points = torch.rand(regions, SHAPE.num_points, 2, generator=generator)
    places = torch.rand(regions, 4, generator=generator)
    return features, points, places, torch.arange(regions) % images


def mean_by_grid_sample(layer: MeanPool, features: Tensor, points: Tensor, index: Tensor) -> Tensor:
    """As ferret-spec 1.1 has it, word by word: adapt every cell, read bilinearly, take the mean."""
    adapted = layer.output(features).transpose(1, 2).unflatten(-1, (SIDE, SIDE))[index]  # [R, D, H, W]
    read = functional.grid_sample(adapted, points.unsqueeze(1) * 2 - 1, align_corners=True)  # [R, D, 1, P]
    return read.mean((2, 3))


def test_mean_pool_is_the_plain_mean_of_bilinear_samples() -> None:
    features, points, places, index = given_regions()
    module = reader("mean-pool")
    assert isinstance(module.reader, MeanPool)
    expected = mean_by_grid_sample(module.reader, features, points, index)
    torch.testing.assert_close(module(features, points, places, index), expected)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 6), st.integers(0, 10**6))
def test_mean_pool_of_any_points_is_that_mean(regions: int, seed: int) -> None:
    features, points, _, index = given_regions(regions, 3, seed)
    module = MeanPool(C, D)
    expected = mean_by_grid_sample(module, features, points, index)
    torch.testing.assert_close(module(features, points, index), expected, atol=1e-5, rtol=1e-5)


def test_transposed_reads_the_map_with_its_axes_exchanged() -> None:
    features, points, places, index = given_regions()
    straight, transposed = reader("sampler"), reader("transposed")
    transposed.load_state_dict(straight.state_dict())
    exchanged = features.unflatten(1, (SIDE, SIDE)).transpose(1, 2).flatten(1, 2)
    read = transposed(features, points, places, index)
    torch.testing.assert_close(read, straight(exchanged, points, places, index))
    assert not torch.allclose(read, straight(features, points, places, index), atol=1e-3)


@settings(max_examples=30, deadline=None)
@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 0.6), st.floats(0, 0.6))
def test_coordinates_begin_by_looking_at_their_place(x: float, y: float, width: float, height: float) -> None:
    torch.manual_seed(0)
    side = 14
    features = torch.randn(1, side * side, C, requires_grad=True)
    CoordinateReader(C, D)(features, torch.tensor([[x, y, width, height]]), torch.tensor([0])).square().sum().backward()
    assert features.grad is not None
    heard = features.grad.norm(dim=-1)[0]  # which cells the answer depends on most
    row, column = divmod(int(heard.argmax()), side)
    assert abs(column / (side - 1) - x) < 0.15
    assert abs(row / (side - 1) - y) < 0.15


@pytest.mark.parametrize("evidence", EVIDENCE)
def test_a_reader_hears_its_own_evidence_alone(evidence: Evidence) -> None:
    features, points, places, index = given_regions()
    module = reader(evidence)
    before = module(features, points, places, index)
    assert before.shape == (4, D)
    assert before.dtype == torch.float32
    others_points, others_places = module(features, points.flip(0), places, index), module(
        features, points, places.flip(0), index
    )
    ignored, heard = (others_points, others_places) if evidence == "coordinates" else (others_places, others_points)
    torch.testing.assert_close(ignored, before)
    assert not torch.allclose(heard, before, atol=1e-4)


@pytest.mark.parametrize("evidence", EVIDENCE)
def test_a_region_is_read_from_its_own_picture(evidence: Evidence) -> None:
    features, points, places, _ = given_regions()
    module = reader(evidence)
    index = torch.tensor([0, 1, 1, 0])
    together = module(features, points, places, index)
    for region, image in enumerate(index.tolist()):
        one = slice(region, region + 1)
        alone = module(features[image : image + 1], points[one], places[one], torch.tensor([0]))
        torch.testing.assert_close(together[one], alone, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("evidence", EVIDENCE)
def test_autocast_leaves_positions_fine(evidence: Evidence) -> None:
    features, points, places, index = given_regions()
    module = reader(evidence)
    expected = module(features, points, places, index)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(module(features, points, places, index), expected)


@pytest.mark.parametrize("evidence", EVIDENCE)
def test_every_weight_learns(evidence: Evidence) -> None:
    features, points, places, index = given_regions(8)
    module = reader(evidence)
    module(features, points, places, index).square().sum().backward()
    silent = [name for name, weight in module.named_parameters() if weight.grad is None or not weight.grad.any()]
    assert silent == []
