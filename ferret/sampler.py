"""The spatial-aware visual sampler: any region, of any shape, to one vector (Ferret, section 3.2; ferret-spec 1.2).

A region is a set of points. `sample_points` draws a fixed number of them from a mask; `SpatialAwareSampler` reads the
encoder's map at each, then twice keeps a spread-out subset (farthest-point sampling) and pools into every kept point
its nearest neighbours, and at last flattens what is left into one vector.

The work is arranged as ferret-spec section 9 suggests. In each stage the published form gathers 24 copies of every
point and applies two linear maps to each copy. Both maps act on points alone and nothing non-linear lies between them,
so they are composed and applied once per point, or, in the first stage, once per cell of the feature map, since
bilinear reading is linear too; only the results are gathered. The numbers are the same up to rounding.
"""

from collections.abc import Sequence
from typing import cast

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from ferret.configuration import SamplerShape
from ferret.errors import RegionError

POINT_SEED = 0


def sample_pixels(
    mask: np.ndarray | torch.Tensor, num_points: int, generator: torch.Generator | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Draws pixels of a region (ferret-spec 1.2, items 1 and 2).

    Args:
        mask: bool [H, W], the region in the pixels of its image.
        num_points: how many to draw.
        generator: continues this CPU generator's draws, as the released code does with the default one, which makes a
            region's points depend on the regions before it. Without it every region is drawn from one fixed seed.

    Returns:
        (xy, index): int64 [num_points, 2] columns and rows, and int64 [num_points], the rank of each among the region's
        pixels counted column by column (the released code keeps its masks as [W, H]).

    Raises:
        RegionError: the region has no pixel.
    """
    array = mask.detach().cpu().numpy() if isinstance(mask, torch.Tensor) else np.asarray(mask)
    if array.ndim != 2:
        raise RegionError(f"a region mask must be [height, width], not {list(array.shape)!r}")
    x, y = np.nonzero(array.T)
    count = len(x)
    if count == 0:
        raise RegionError("the region covers no pixel of the image: make it larger or move it inside")
    if generator is None:
        generator = torch.Generator().manual_seed(POINT_SEED)
    if count > num_points:
        index = torch.randperm(count, generator=generator)[:num_points]
    else:
        index = torch.arange(count)
        if count < num_points:
            index = torch.cat([index, torch.randint(0, count, (num_points - count,), generator=generator)])
    xy = torch.from_numpy(np.stack([x, y], axis=1).astype(np.int64))
    return xy[index], index


def sample_points(
    mask: np.ndarray | torch.Tensor, num_points: int, generator: torch.Generator | None = None
) -> torch.Tensor:
    """The points of a region as the model takes them: float32 [num_points, 2], (x / W, y / H) with x, y pixel indices.

    Arguments and errors as `sample_pixels`.
    """
    xy, _ = sample_pixels(mask, num_points, generator)
    height, width = mask.shape
    return xy.to(torch.float32) / torch.tensor([width, height], dtype=torch.float32)


@torch.no_grad()
def farthest_points(points: torch.Tensor, count: int, start: torch.Tensor | None = None) -> torch.Tensor:
    """Greedy farthest-point sampling, all regions at once.

    Args:
        points: float32 [R, P, 2].
        count: A, how many to keep.
        start: int64 [R], the first pick of each region; the first point when not given.

    Returns:
        int64 [R, A], indices in the order of picking; of equally far points the first is picked.
    """
    regions, total, _ = points.shape
    x, y = points[..., 0].contiguous(), points[..., 1].contiguous()  # [R, P]
    nearest = torch.full((regions, total), 1e10, dtype=points.dtype, device=points.device)
    picks = torch.empty((regions, count), dtype=torch.long, device=points.device)
    pick = (
        torch.zeros(regions, 1, dtype=torch.long, device=points.device)
        if start is None
        else start.to(points.device).reshape(regions, 1)
    )
    for step in range(count):
        picks[:, step : step + 1] = pick
        if step + 1 < count:
            distance = (x - x.gather(1, pick)).square_() + (y - y.gather(1, pick)).square_()
            torch.minimum(nearest, distance, out=nearest)
            pick = nearest.argmax(dim=1, keepdim=True)
    return picks


@torch.no_grad()
def nearest_points(anchors: torch.Tensor, points: torch.Tensor, count: int) -> torch.Tensor:
    """The `count` nearest of `points` [R, P, 2] to each of `anchors` [R, A, 2], as int64 [R, A, count], unsorted.

    The squared distance is taken in the expanded form |a|^2 - 2ab + |b|^2: its rounding decides between equally distant
    points, and regions on a pixel grid are full of those (ferret-spec 1.2, tie sensitivity).
    """
    distance = torch.matmul(anchors, points.transpose(1, 2)).mul_(-2.0)
    distance += anchors.square().sum(-1, keepdim=True)
    distance += points.square().sum(-1).unsqueeze(1)
    return distance.topk(count, dim=-1, largest=False, sorted=False).indices


def sample_map(features: torch.Tensor, where: torch.Tensor, image_index: torch.Tensor) -> torch.Tensor:
    """Reads maps bilinearly, the corners of the unit square being the centres of the corner cells.

    Equal to `grid_sample(align_corners=True)` inside the map, without a copy of the map for every region.

    Args:
        features: [N, H, W, C].
        where: float32 [R, P, 2], (row, column) as fractions of the map, 0 to 1.
        image_index: int64 [R], which of the N maps.

    Returns:
        [R, P, C].
    """
    count, rows, columns, width = features.shape
    row = (where[..., 0] * (rows - 1)).clamp(0, rows - 1)  # [R, P]
    column = (where[..., 1] * (columns - 1)).clamp(0, columns - 1)
    top, left = row.floor(), column.floor()
    down, right = row - top, column - left  # weights of the lower and of the right neighbour
    above = image_index.view(-1, 1) * (rows * columns) + top.long() * columns
    below = above + (top < rows - 1) * columns
    first = left.long()
    second = first + (left < columns - 1)
    cells = torch.stack([above + first, above + second, below + first, below + second], dim=-1)  # [R, P, 4]
    weights = torch.stack([(1 - down) * (1 - right), (1 - down) * right, down * (1 - right), down * right], dim=-1)
    # A weighted sum of four rows each: one fused pass, forward and backward, where gathering four times takes twelve.
    read = functional.embedding_bag(
        cells.flatten(0, 1),
        features.reshape(count * rows * columns, width),
        per_sample_weights=weights.flatten(0, 1).to(features.dtype),
        mode="sum",
    )
    return read.view(*where.shape[:2], width)


class SamplerStage(nn.Module):
    """One stage: each anchor takes in its nearest neighbours (ferret-spec 1.2, item 6).

    For a point with features f at position p let l = [f, p]. The stage computes, for every anchor a and neighbour j,
    LayerNorm(relu(U [V (l_j - l_a) + v, l_a] + u)) and pools it over j. With U = [U1, U2] the argument is
    m_j - m_a + U2 l_a + U1 v + u where m = U1 V l, so one vector m per point is all that has to be gathered.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        self.difference = nn.Linear(width + 2, width + 2)  # V, v
        self.aggregate = nn.Linear(2 * (width + 2), width)  # U, u
        self.norm = nn.LayerNorm(width)

    def composed(self) -> torch.Tensor:
        """U1 V: float32 [C, C + 2], from a point to what it contributes to every anchor near it."""
        return self.aggregate.weight.float()[:, : self.width + 2] @ self.difference.weight.float()

    def contributions(self, features: torch.Tensor, points: torch.Tensor) -> torch.Tensor:
        """m of every point: [R, P, C] from features [R, P, C] and points [R, P, 2]."""
        if features.shape[0] * features.shape[1] >= self.width:
            return _on_local(self.composed(), features, points)
        # With fewer points than channels, composing the maps costs more than applying one after the other.
        difference = _on_local(self.difference.weight.float(), features, points)
        return functional.linear(difference, self.aggregate.weight.float()[:, : self.width + 2])

    def anchor_terms(self, features: torch.Tensor, anchors: torch.Tensor) -> torch.Tensor:
        """U2 l_a + U1 v + u: [R, A, C] from the anchors' features [R, A, C] and positions [R, A, 2]."""
        first, second = self.aggregate.weight.float().split(self.width + 2, dim=1)
        constant = first @ self.difference.bias.float() + self.aggregate.bias.float()
        terms: torch.Tensor = _on_local(second, features, anchors) + constant
        return terms

    def pool(
        self, contributions: torch.Tensor, terms: torch.Tensor, picks: torch.Tensor, neighbours: torch.Tensor, mode: str
    ) -> torch.Tensor:
        """What each anchor gathers, [R, A, C], from m [R, P, C], anchor terms [R, A, C], indices [R, A], [R, A, k]."""
        offset = terms - take(contributions, picks)
        gathered = take(contributions, neighbours.flatten(1)).unflatten(1, neighbours.shape[1:])  # [R, A, k, C]
        weight, bias = self.norm.weight.float(), self.norm.bias.float()
        local = functional.layer_norm(
            functional.relu(gathered + offset.unsqueeze(2)), (self.width,), weight, bias, self.norm.eps
        )
        return local.amax(dim=2) if mode == "max" else local.mean(dim=2)


class SpatialAwareSampler(nn.Module):
    """Region points and feature maps to one vector a region (ferret-spec 1.2, items 3 to 7).

    Args:
        vision_size: C, width of the feature map.
        hidden_size: D, width of the vectors returned.
        shape: point counts, neighbours, pooler and axis order.

    Everything is computed in float32, whatever the dtype of the weights and under autocast too: neighbours differ by
    fractions of a cell, which half precision would round away.
    """

    def __init__(self, vision_size: int, hidden_size: int, shape: SamplerShape | None = None) -> None:
        super().__init__()
        self.shape = shape or SamplerShape()
        self.stages = nn.ModuleList(SamplerStage(vision_size) for _ in self.shape.stage_points)
        self.flatten = nn.Linear(vision_size * self.shape.stage_points[-1], vision_size)
        self.output = nn.Linear(vision_size, hidden_size)

    def forward(
        self,
        features: torch.Tensor,
        points: torch.Tensor,
        image_index: torch.Tensor,
        starts: Sequence[torch.Tensor | None] | None = None,
    ) -> torch.Tensor:
        """Describes R regions of N images.

        Args:
            features: [N, C, H, W], or [N, T, C] for a square map in row-major order.
            points: float32 [R, P, 2], as `sample_points` gives them.
            image_index: int64 [R], which image each region lies on.
            starts: for each stage the first farthest-point pick of each region, int64 [R]. The first point by default:
                the points are already in a random but fixed order, and the result is the same every time.

        Returns:
            [R, D] in the dtype of `features`.
        """
        maps = as_grid(features)
        device_type = features.device.type
        with torch.autocast(device_type=device_type, enabled=False):
            described = self._describe(maps.float(), points.float(), image_index, starts)
        return described.to(features.dtype)

    def _describe(
        self,
        maps: torch.Tensor,
        points: torch.Tensor,
        image_index: torch.Tensor,
        starts: Sequence[torch.Tensor | None] | None,
    ) -> torch.Tensor:
        regions, total, _ = points.shape
        where = points if self.shape.transposed else points.flip(-1)  # (row, column) at which the map is read
        # With more points than cells the first stage's map is applied to the cells: reading the map is linear as well.
        on_cells = regions * total > maps.shape[:3].numel()
        features = None if on_cells else sample_map(maps, where, image_index)  # [R, P, C]
        for number, module in enumerate(self.stages):
            stage = cast(SamplerStage, module)
            picks = farthest_points(points, self.shape.stage_points[number], None if starts is None else starts[number])
            anchors = take(points, picks)  # [R, A, 2]
            neighbours = nearest_points(anchors, points, self.shape.neighbors[number])  # [R, A, k]
            if features is None:
                composed, width = stage.composed(), stage.width
                cells = functional.linear(maps, composed[:, :width])
                contributions = sample_map(cells, where, image_index) + functional.linear(points, composed[:, width:])
                anchor_features = sample_map(maps, take(where, picks), image_index)
            else:
                contributions = stage.contributions(features, points)
                anchor_features = take(features, picks)
            terms = stage.anchor_terms(anchor_features, anchors)
            features = stage.pool(contributions, terms, picks, neighbours, self.shape.pooler)  # [R, A, C]
            points = anchors
        assert features is not None
        flat = functional.linear(features.reshape(regions, -1), self.flatten.weight.float(), self.flatten.bias.float())
        return functional.linear(flat, self.output.weight.float(), self.output.bias.float())


def _on_local(weight: torch.Tensor, features: torch.Tensor, points: torch.Tensor) -> torch.Tensor:
    """weight [O, C + 2] applied to [features, points] without joining them."""
    width = features.shape[-1]
    return functional.linear(features, weight[:, :width]) + functional.linear(points, weight[:, width:])


def as_grid(features: torch.Tensor, grid: tuple[int, int] | None = None) -> torch.Tensor:
    """A map as [N, H, W, C], from [N, C, H, W] or from [N, T, C] row-major tokens, square unless `grid` says."""
    if features.ndim == 4:
        return features.permute(0, 2, 3, 1)
    if grid is None:
        side = round(features.shape[1] ** 0.5)
        grid = (side, side)
    if grid[0] * grid[1] != features.shape[1]:
        raise ValueError(
            f"{features.shape[1]} vision tokens do not fill a {grid[0]} x {grid[1]} map: pass [N, C, H, W]"
        )
    maps: torch.Tensor = features.unflatten(1, grid)
    return maps


def take(values: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
    """Rows of each region: [R, P, C] at int64 [R, A] gives [R, A, C]."""
    regions, total, width = values.shape
    base = torch.arange(regions, device=values.device).unsqueeze(1) * total
    return values.reshape(regions * total, width).index_select(0, (index + base).reshape(-1)).view(regions, -1, width)
