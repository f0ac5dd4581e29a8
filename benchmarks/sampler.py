"""The region sampler against the form that the paper writes down: python benchmarks/sampler.py

The published form gathers the neighbours of every anchor and applies both linear maps to every gathered copy. Ours
applies them to the points and gathers the results. Same weights, same points, same neighbours, and the outputs are
compared first. One thread, the released shape: 1024 channels, a 24 x 24 map, 512 points, 128 and 32 anchors, 24
neighbours.
"""

import argparse

import numpy as np
import torch
from measure import compare, report

from ferret.sampler import SpatialAwareSampler, farthest_points, nearest_points, sample_map, sample_points, take

CHANNELS, SIDE, HIDDEN = 1024, 24, 4096


def unfolded(
    sampler: SpatialAwareSampler, maps: torch.Tensor, points: torch.Tensor, image_index: torch.Tensor
) -> torch.Tensor:
    """Step by step as Ferret, section 3.2, has it: [N, C, H, W] and [R, P, 2] to [R, D]."""
    shape = sampler.shape
    where = points if shape.transposed else points.flip(-1)
    features = sample_map(maps.permute(0, 2, 3, 1), where, image_index)  # [R, P, C]
    for stage, kept, near in zip(sampler.stages, shape.stage_points, shape.neighbors, strict=True):
        picks = farthest_points(points, kept)
        anchors = take(points, picks)  # [R, A, 2]
        neighbours = nearest_points(anchors, points, near)  # [R, A, k]
        local = torch.cat([features, points], dim=-1)  # [R, P, C + 2]
        around = take(local, neighbours.flatten(1)).unflatten(1, neighbours.shape[1:])  # [R, A, k, C + 2]
        centre = take(local, picks).unsqueeze(2)  # [R, A, 1, C + 2]
        joined = torch.cat([stage.difference(around - centre), centre.expand_as(around)], dim=-1)
        gathered = stage.norm(torch.relu(stage.aggregate(joined)))  # [R, A, k, C]
        features = gathered.amax(dim=2) if shape.pooler == "max" else gathered.mean(dim=2)
        points = anchors
    return sampler.output(sampler.flatten(features.flatten(1)))


def boxes(count: int) -> list[np.ndarray]:
    """Masks of random boxes, 30 to 230 pixels a side, on a picture of 640 x 480."""
    rng = np.random.default_rng(0)
    masks = []
    for _ in range(count):
        width, height = rng.integers(30, 231, size=2)
        x, y = rng.integers(0, 640 - width), rng.integers(0, 480 - height)
        mask = np.zeros((480, 640), dtype=bool)
        mask[y : y + height, x : x + width] = True
        masks.append(mask)
    return masks


@torch.inference_mode()
def main() -> None:
    """Measure and print the table lines."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--regions", type=int, nargs="+", default=[1, 8])
    chosen = options.parse_args()

    torch.set_num_threads(1)
    torch.manual_seed(0)
    sampler = SpatialAwareSampler(CHANNELS, HIDDEN).eval()
    maps = torch.randn(1, CHANNELS, SIDE, SIDE)
    for count in chosen.regions:
        points = torch.stack([sample_points(mask, sampler.shape.num_points) for mask in boxes(count)])
        image_index = torch.zeros(count, dtype=torch.int64)
        apart = (sampler(maps, points, image_index) - unfolded(sampler, maps, points, image_index)).abs().max().item()
        took = compare(
            lambda points=points, index=image_index: unfolded(sampler, maps, points, index),
            lambda points=points, index=image_index: sampler(maps, points, index),
            chosen.rounds,
        )
        report(
            "python benchmarks/sampler.py",
            f"sampler, {count} region{'s' * (count > 1)}: {took.ratio:.1f} times faster than the published form "
            f"({took.lowest:.1f} to {took.highest:.1f} in {chosen.rounds} rounds; outputs within {apart:.0e})",
        )


if __name__ == "__main__":
    main()
