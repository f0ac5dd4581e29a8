"""The benchmark compares like with like: its published form gives the numbers of the sampler timed against it."""

import runpy
import sys
from pathlib import Path

import pytest
import torch

from ferret.configuration import SamplerShape
from ferret.sampler import SpatialAwareSampler, sample_points


@pytest.mark.parametrize("pooler", ["max", "mean"])
@pytest.mark.parametrize("transposed", [False, True])
def test_published_and_folded_forms_agree(
    pooler: str, transposed: bool, repo_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(repo_root / "benchmarks"))
    benchmark = runpy.run_path(str(repo_root / "benchmarks" / "sampler.py"))
    sys.modules.pop("measure", None)
    shape = SamplerShape(num_points=64, stage_points=(24, 8), neighbors=(6, 6), pooler=pooler, transposed=transposed)
    sampler = SpatialAwareSampler(vision_size=10, hidden_size=7, shape=shape).eval()
    maps = torch.randn(2, 10, 5, 5)
    points = torch.stack([sample_points(mask, shape.num_points) for mask in benchmark["boxes"](3)])
    image_index = torch.tensor([0, 1, 1])
    with torch.inference_mode():
        published = benchmark["unfolded"](sampler, maps, points, image_index)
        assert torch.allclose(sampler(maps, points, image_index), published, atol=1e-5)
