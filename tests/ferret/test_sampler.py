"""The region sampler against recorded outputs of the released code, and the properties that we ask of it."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file
from torch.nn import functional

from ferret.checkpoints import convert_name
from ferret.configuration import SamplerShape
from ferret.errors import RegionError
from ferret.sampler import (
    SpatialAwareSampler,
    as_grid,
    farthest_points,
    nearest_points,
    sample_map,
    sample_pixels,
    sample_points,
)

PARITY = Path(__file__).parents[1] / "fixtures" / "parity" / "sampler"
SMALL = SamplerShape(num_points=24, stage_points=(10, 4), neighbors=(5, 3))


@pytest.fixture(scope="module")
def recorded() -> dict[str, torch.Tensor]:
    return load_file(PARITY / "case_max_fp32.safetensors")


def released_sampler(pooler: str) -> SpatialAwareSampler:
    sampler = SpatialAwareSampler(32, 64, SamplerShape(pooler=pooler, transposed=True))
    state = {}
    for name, tensor in load_file(PARITY / "weights.safetensors").items():
        ours = convert_name(f"model.region_geo_sampler.{name}")
        assert ours is not None
        state[ours.removeprefix("model.region_sampler.")] = tensor.squeeze(-1) if tensor.ndim == 3 else tensor
    sampler.load_state_dict(state)
    return sampler.eval()


def masks(recorded: dict[str, torch.Tensor]) -> list[torch.Tensor]:
    """The recorded masks, [W, H] as the released code has them, turned to [H, W], in order."""
    return [recorded[name].T.bool() for name in sorted(recorded) if name.startswith("mask_")]


# -- parity with the released code -------------------------------------------------------------------------------------


def test_draws_replay_the_released_ones_from_their_seed(recorded: dict[str, torch.Tensor]) -> None:
    generator = torch.Generator().manual_seed(1234)
    for row, mask in enumerate(masks(recorded)):
        state = generator.get_state()
        xy, index = sample_pixels(mask, 512, generator)
        assert torch.equal(index, recorded["sampled_pixel_index"][row])
        assert bool(mask[xy[:, 1], xy[:, 0]].all())
        generator.set_state(state)
        assert torch.equal(sample_points(mask, 512, generator), recorded["sampled_points_xy"][row])
    for stage, size in ((0, 512), (1, 128)):
        start = torch.randint(0, size, (7,), generator=generator)
        assert torch.equal(start, recorded[f"stage{stage}_fps_start"])


def test_picks_and_neighbours_are_the_released_ones(recorded: dict[str, torch.Tensor]) -> None:
    points = recorded["sampled_points_xy"]
    for stage, (anchors, neighbours) in enumerate(((128, 24), (32, 24))):
        picks = farthest_points(points, anchors, recorded[f"stage{stage}_fps_start"])
        assert torch.equal(picks, recorded[f"stage{stage}_fps_index"])
        kept = points.gather(1, picks.unsqueeze(-1).expand(-1, -1, 2))
        found = nearest_points(kept, points, neighbours)
        # Which of several points at one place is taken does not matter, so places are compared, not indices.
        expected = recorded[f"stage{stage}_knn_index"]
        for region in range(len(points)):
            ours, theirs = points[region][found[region]], points[region][expected[region]]
            assert torch.equal(ours.sort(dim=1).values, theirs.sort(dim=1).values)
        points = kept


@pytest.mark.parametrize("pooler", ["max", "mean"])
def test_outputs_agree_with_the_released_sampler(pooler: str, recorded: dict[str, torch.Tensor]) -> None:
    sampler = released_sampler(pooler)
    expected = load_file(PARITY / f"case_{pooler}_fp32.safetensors")["output"]
    starts = [recorded["stage0_fps_start"], recorded["stage1_fps_start"]]
    with torch.inference_mode():
        output = sampler(recorded["feature_map"], recorded["sampled_points_xy"], recorded["region_image_index"], starts)
        assert (output - expected).abs().max() < 1e-5
        # One region has fewer points than the maps have cells, and takes the other order of reading and mapping.
        for row in range(len(expected)):
            one = slice(row, row + 1)
            alone = sampler(
                recorded["feature_map"],
                recorded["sampled_points_xy"][one],
                recorded["region_image_index"][one],
                [start[one] for start in starts],
            )
            assert (alone - expected[one]).abs().max() < 1e-5


# -- drawing points ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (np.zeros((4, 5), bool), "covers no pixel"),
        (torch.zeros(4, 5, dtype=torch.bool), "covers no pixel"),
        (np.ones((2, 4, 5), bool), "must be"),
    ],
)
def test_unusable_masks_are_named(mask: np.ndarray | torch.Tensor, message: str) -> None:
    with pytest.raises(RegionError, match=message):
        sample_points(mask, 8)


def test_one_pixel_fills_every_point() -> None:
    mask = np.zeros((4, 5), bool)
    mask[3, 2] = True
    points = sample_points(mask, 8)
    assert points.dtype == torch.float32
    assert torch.equal(points, torch.tensor([[2 / 5, 3 / 4]]).expand(8, 2))


def test_as_many_pixels_as_points_keep_their_order() -> None:
    xy, index = sample_pixels(np.ones((2, 3), bool), 6)
    assert index.tolist() == [0, 1, 2, 3, 4, 5]
    assert xy.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1], [2, 0], [2, 1]]  # column by column


@settings(max_examples=50)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 40), st.integers(0, 2**20))
def test_points_lie_in_the_region_and_are_the_same_every_time(height: int, width: int, count: int, bits: int) -> None:
    mask = np.array([(bits >> (i % 20)) & 1 for i in range(height * width)], bool).reshape(height, width)
    mask[bits % height, bits % width] = True
    xy, index = sample_pixels(mask, count)
    assert xy.shape == (count, 2)
    assert mask[xy[:, 1], xy[:, 0]].all()
    if count >= mask.sum():
        assert set(index.tolist()) == set(range(int(mask.sum())))
    else:
        assert len(set(index.tolist())) == count  # without replacement
    assert torch.equal(xy, sample_pixels(torch.from_numpy(mask), count)[0])


def test_points_of_a_region_do_not_depend_on_its_neighbours() -> None:
    big, small = np.ones((30, 40), bool), np.eye(10, dtype=bool)
    alone = sample_points(small, 32)
    sample_points(big, 32)
    assert torch.equal(sample_points(small, 32), alone)


# -- the parts ---------------------------------------------------------------------------------------------------------


def test_farthest_points_spread_out() -> None:
    line = torch.stack([torch.linspace(0, 1, 11), torch.zeros(11)], dim=-1).unsqueeze(0)
    assert farthest_points(line, 3).tolist() == [[0, 10, 5]]
    assert farthest_points(line, 2, torch.tensor([7])).tolist() == [[7, 0]]


@pytest.mark.parametrize(("rows", "columns"), [(5, 5), (3, 7), (1, 4)])
def test_maps_are_read_as_grid_sample_reads_them(rows: int, columns: int) -> None:
    features = torch.randn(2, rows, columns, 6)
    where = torch.rand(3, 9, 2)
    where[0, 0] = torch.tensor([1.0, 1.0])
    where[0, 1] = torch.tensor([0.0, 0.0])
    index = torch.tensor([1, 0, 1])
    grid = (where.flip(-1) * 2 - 1).unsqueeze(1)
    expected = functional.grid_sample(features.permute(0, 3, 1, 2)[index], grid, align_corners=True)
    assert torch.allclose(sample_map(features, where, index), expected[:, :, 0].transpose(1, 2), atol=1e-6)


def test_a_map_that_is_not_square_needs_its_shape() -> None:
    with pytest.raises(ValueError, match="do not fill"):
        as_grid(torch.zeros(1, 12, 4))
    assert as_grid(torch.zeros(1, 12, 4), (3, 4)).shape == (1, 3, 4, 4)
    assert as_grid(torch.zeros(1, 4, 3, 5)).shape == (1, 3, 5, 4)


# -- the whole ---------------------------------------------------------------------------------------------------------


def make(transposed: bool = False, pooler: str = "max", vision: int = 8) -> SpatialAwareSampler:
    shape = SamplerShape(SMALL.num_points, SMALL.stage_points, SMALL.neighbors, pooler, transposed)
    return SpatialAwareSampler(vision, 6, shape)


def test_axis_order() -> None:
    """Ours reads the map where the point is; the released order reads it mirrored on the diagonal."""
    features = torch.randn(1, 8, 5, 5)
    points = torch.rand(2, 24, 2)
    index = torch.zeros(2, dtype=torch.long)
    ours, released = make(), make(transposed=True)
    released.load_state_dict(ours.state_dict())
    with torch.inference_mode():
        assert torch.allclose(
            ours(features, points, index), released(features.transpose(2, 3), points, index), atol=1e-6
        )
        assert not torch.allclose(ours(features, points, index), released(features, points, index), atol=1e-3)


def test_only_what_lies_under_a_region_changes_its_vector() -> None:
    """A wide map: the left half of the picture is described by the left half of the map."""
    sampler = make()
    features = torch.randn(1, 8, 3, 9)
    points = torch.rand(1, 24, 2) * torch.tensor([0.4, 1.0])
    index = torch.zeros(1, dtype=torch.long)
    changed = features.clone()
    changed[..., 5:] += 1
    with torch.inference_mode():
        assert torch.equal(sampler(features, points, index), sampler(changed, points, index))
        changed[..., 1] += 1
        assert not torch.allclose(sampler(features, points, index), sampler(changed, points, index))


@pytest.mark.parametrize("pooler", ["max", "mean"])
def test_a_batch_is_its_regions_one_by_one(pooler: str) -> None:
    sampler = make(pooler=pooler)
    features, points = torch.randn(3, 25, 8), torch.rand(7, 24, 2)
    index = torch.tensor([2, 0, 0, 1, 2, 1, 1])
    with torch.inference_mode():
        together = sampler(features, points, index)
        alone = torch.cat([sampler(features, points[i : i + 1], index[i : i + 1]) for i in range(7)])
    assert together.shape == (7, 6)
    assert torch.allclose(together, alone, atol=1e-5)


def test_both_orders_of_composition_give_the_same_gradients() -> None:
    """Two regions have more points than 36 cells, so the cells are mapped; one has fewer, so what is read is mapped."""
    sampler = make()
    features = torch.randn(1, 8, 6, 6)
    points, index = torch.rand(2, 24, 2), torch.zeros(2, dtype=torch.long)

    def gradients(batches: list[slice]) -> dict[str, torch.Tensor]:
        maps = features.clone().requires_grad_()
        sampler.zero_grad()
        for batch in batches:
            sampler(maps, points[batch], index[batch]).square().sum().backward()
        found = {name: parameter.grad for name, parameter in sampler.named_parameters()} | {"map": maps.grad}
        return {name: gradient.clone() for name, gradient in found.items() if gradient is not None}

    together, alone = gradients([slice(0, 2)]), gradients([slice(0, 1), slice(1, 2)])
    assert set(together) == {"map", *dict(sampler.named_parameters())}
    for name, gradient in together.items():
        assert gradient.abs().max() > 0, name
        assert torch.allclose(gradient, alone[name], rtol=1e-3, atol=1e-5), name


def test_bfloat16_costs_only_the_rounding_of_inputs_and_weights() -> None:
    sampler = make()
    features, points = torch.randn(2, 25, 8), torch.rand(4, 24, 2)
    index = torch.tensor([0, 1, 1, 0])
    exact = sampler(features.bfloat16().float(), points, index)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = sampler(features.bfloat16(), points, index)
        mixed.float().sum().backward()
    assert mixed.dtype == torch.bfloat16
    assert torch.equal(mixed, exact.bfloat16())
    half = make().bfloat16()
    half.load_state_dict(sampler.state_dict())
    assert torch.allclose(half(features.bfloat16(), points, index).float(), exact, atol=0.1)


def test_starts_change_the_vector_and_default_to_the_first_point() -> None:
    sampler = make()
    features, points, index = torch.randn(1, 25, 8), torch.rand(2, 24, 2), torch.zeros(2, dtype=torch.long)
    first = torch.zeros(2, dtype=torch.long)
    with torch.inference_mode():
        default = sampler(features, points, index)
        assert torch.equal(default, sampler(features, points, index, [first, first]))
        assert not torch.equal(default, sampler(features, points, index, [first + 9, None]))
