"""What a region tells the model: the arms of the claims about region features.

Each reads the frozen encoder's map and gives one vector a region, which is then compared with the names.

| evidence | what it is |
|---|---|
| `sampler` | the spatial-aware sampler of the paper (section 3.2), as shipped |
| `transposed` | the same, reading the map with its axes exchanged as the released code does (ferret-spec 1.2, item 4) |
| `mean-pool` | one linear map, then the plain mean over the region's points (ferret-spec 1.1, "alternative") |
| `coordinates` | no region feature: the numbers that stand in the text, and attention that looks there |
"""

from dataclasses import replace
from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional

from ferret.configuration import SamplerShape
from ferret.projector import place_code
from ferret.sampler import SpatialAwareSampler, as_grid, sample_map

Evidence = Literal["sampler", "transposed", "mean-pool", "coordinates"]
EVIDENCE: tuple[Evidence, ...] = get_args(Evidence)

HEADS = 4
PLACES = 12  # frequencies of the code of places
NARROW = 3.0  # how narrowly fresh heads look: three quarters of their attention on the twenty nearest cells
FIRST = 0.1  # of a fresh last layer: features begin about as long as word embeddings, so that nothing is certain yet


class RegionReader(nn.Module):
    """Regions and maps to vectors, by one kind of evidence.

    Args:
        evidence: one of `EVIDENCE`.
        vision_size: C, width of the map.
        hidden_size: D, width of the vectors.
        shape: of the sampler, axes in their right order.
    """

    def __init__(self, evidence: Evidence, vision_size: int, hidden_size: int, shape: SamplerShape) -> None:
        super().__init__()
        self.evidence = evidence
        self.reader: SpatialAwareSampler | MeanPool | CoordinateReader
        if evidence == "mean-pool":
            self.reader = MeanPool(vision_size, hidden_size)
        elif evidence == "coordinates":
            self.reader = CoordinateReader(vision_size, hidden_size)
        else:
            self.reader = SpatialAwareSampler(
                vision_size, hidden_size, replace(shape, transposed=evidence == "transposed")
            )
        with torch.no_grad():
            self.reader.output.weight.mul_(FIRST)

    def forward(self, features: Tensor, points: Tensor, places: Tensor, image_index: Tensor) -> Tensor:
        """Describes R regions of N images, in float32.

        Args:
            features: [N, T, C], a square map in row-major order.
            points: float32 [R, P, 2], (x, y) as fractions, for all but `coordinates`.
            places: float32 [R, 4], (centre x, centre y, width, height) as fractions, for `coordinates` alone.
            image_index: int64 [R], which image each region lies on.

        Returns:
            [R, D].
        """
        with torch.autocast(features.device.type, enabled=False):  # positions are finer than half precision
            told = places if self.evidence == "coordinates" else points
            described: Tensor = self.reader(features.float(), told.float(), image_index)
        return described


class MeanPool(nn.Module):
    """A linear map of every cell, then the mean of what lies at the region's points (ferret-spec 1.1).

    The mean of points comes first here: both are linear, so the vectors are the same.
    """

    def __init__(self, vision_size: int, hidden_size: int) -> None:
        super().__init__()
        self.output = nn.Linear(vision_size, hidden_size)

    def forward(self, features: Tensor, points: Tensor, image_index: Tensor) -> Tensor:
        """[R, D] from maps [N, T, C], points [R, P, 2] as (x, y) and the image of each region, int64 [R]."""
        read = sample_map(as_grid(features), points.flip(-1), image_index)  # [R, P, C]
        described: Tensor = self.output(read.mean(1))
        return described


class CoordinateReader(nn.Module):
    """Numbers alone: attention over the cells, asked by the code of a place (no feature of the region goes in).

    It does in one step what a language model has to do with coordinates in the text. So that it is no straw man, its
    heads begin by looking at the place's centre, as a model that knows what numbers mean; how far around it, and for
    what, is learned.
    """

    def __init__(self, vision_size: int, hidden_size: int) -> None:
        super().__init__()
        code = 2 * PLACES  # of one number
        self.width = 2 * code  # of a head: the code of x and of y
        self.query = nn.Linear(4 * code, HEADS * self.width)
        self.key = nn.Linear(2 * code + vision_size, HEADS * self.width)
        self.output = nn.Linear(HEADS * vision_size, hidden_size)
        with torch.no_grad():
            for layer in (self.query, self.key):  # heads compare the code of the centre with the code of a cell
                layer.weight.mul_(FIRST)
                layer.weight[:, : self.width] += NARROW**0.5 * torch.eye(self.width).repeat(HEADS, 1)

    def forward(self, features: Tensor, places: Tensor, image_index: Tensor) -> Tensor:
        """[R, D] from maps [N, T, C], places [R, 4] and the image of each region, int64 [R]."""
        query = self.query(place_code(places, PLACES).flatten(-2)).unflatten(-1, (HEADS, self.width))  # [R, H, W]
        key = self.key(torch.cat([self._cells(features), features], -1)).unflatten(-1, (HEADS, self.width))
        key = key.transpose(1, 2)  # [N, H, T, W]
        looked = features.new_zeros(len(places), HEADS, features.shape[-1])
        for image, cells in enumerate(features):  # picture by picture: a copy of the keys for every region costs more
            mine = (image_index == image).nonzero().squeeze(-1)
            value = cells.expand(HEADS, -1, -1)
            seen = functional.scaled_dot_product_attention(query[mine].transpose(0, 1), key[image], value)  # [H, ., C]
            looked = looked.index_copy(0, mine, seen.transpose(0, 1))
        described: Tensor = self.output(looked.flatten(1))
        return described

    @staticmethod
    def _cells(features: Tensor) -> Tensor:
        """The code of where each cell lies, [N, T, 4 P]; the corner cells are the corners, as for the sampler."""
        side = as_grid(features).shape[1]
        line = torch.linspace(0, 1, side, device=features.device)
        rows, columns = torch.meshgrid(line, line, indexing="ij")
        code = place_code(torch.stack([columns, rows], -1).flatten(0, 1), PLACES).flatten(-2)  # [T, 4 P]
        return code.expand(len(features), -1, -1)
