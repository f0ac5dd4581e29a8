"""The projector: vision tokens to the language model's width (ferret-spec 1.1; Ferret-v2 and Ferret-UI use the MLP)."""

import torch
from torch import nn


class FerretProjector(nn.Module):
    """Projects a map of vision tokens, optionally merging k x k neighbours into one token first.

    Args:
        vision_size: C, width of a vision token.
        hidden_size: D, width of the language model.
        projector_type: "linear" (one matrix) or "mlp2x_gelu" (two with a GELU between them).
        merge: k. Merging concatenates a k x k block of tokens row by row, so nothing is lost; k must divide both sides.
    """

    def __init__(self, vision_size: int, hidden_size: int, projector_type: str = "linear", merge: int = 1) -> None:
        super().__init__()
        self.merge = merge
        layers: list[nn.Module] = [nn.Linear(vision_size * merge * merge, hidden_size)]
        if projector_type == "mlp2x_gelu":
            layers += [nn.GELU(), nn.Linear(hidden_size, hidden_size)]
        self.layers = nn.Sequential(*layers)

    def forward(self, features: torch.Tensor, grid: tuple[int, int]) -> torch.Tensor:
        """[N, T, C] vision tokens, row-major over `grid` = (rows, columns), to [N, T / k^2, D]."""
        if self.merge > 1:
            features = merge_tokens(features, grid, self.merge)
        projected: torch.Tensor = self.layers(features)
        return projected


def merge_tokens(features: torch.Tensor, grid: tuple[int, int], merge: int) -> torch.Tensor:
    """Concatenates each k x k block of [N, rows * columns, C] tokens: [N, rows * columns / k^2, C * k^2], k = merge."""
    rows, columns = grid
    if rows % merge or columns % merge:
        raise ValueError(f"projector_merge {merge} does not divide the {rows} x {columns} feature map")
    blocks = features.unflatten(1, (rows // merge, merge, columns // merge, merge))  # [N, r, k, c, k, C]
    merged: torch.Tensor = blocks.transpose(2, 3).flatten(3).flatten(1, 2)
    return merged
