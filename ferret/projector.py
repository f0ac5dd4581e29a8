"""The projector: vision tokens to the language model's width (ferret-spec 1.1; Ferret-v2 and Ferret-UI use the MLP).

A small language model learns to name what it sees long before it can tell where that lies: a place has to be worked out
from the positions of many tokens. `places` takes this work from it: a linear head says for every image token which box
the object under it fills, and writes the box into the token in the code that the embeddings of numbers can be given, so
that to answer with coordinates is to copy them. None of the released models has it.
"""

import math

import torch
from torch import nn

PLACE_GAIN = 1.5  # the length of a code is this times the root of 4 P


class FerretProjector(nn.Module):
    """Projects a map of vision tokens, optionally merging k x k neighbours into one token first.

    Args:
        vision_size: C, width of a vision token.
        hidden_size: D, width of the language model.
        projector_type: "linear" (one matrix) or "mlp2x_gelu" (two with a GELU between them).
        merge: k. Merging concatenates a k x k block of tokens row by row, so nothing is lost; k must divide both sides.
        places: P, frequencies of the code in which boxes are written into the last 8 P dimensions; 0 writes none.
    """

    def __init__(
        self, vision_size: int, hidden_size: int, projector_type: str = "linear", merge: int = 1, places: int = 0
    ) -> None:
        super().__init__()
        self.merge, self.places = merge, places
        layers: list[nn.Module] = [nn.Linear(vision_size * merge * merge, hidden_size)]
        if projector_type == "mlp2x_gelu":
            layers += [nn.GELU(), nn.Linear(hidden_size, hidden_size)]
        self.layers = nn.Sequential(*layers)
        if places:
            self.box = nn.Linear(hidden_size, 4)
            self.place_gain = nn.Parameter(torch.tensor(PLACE_GAIN))

    def forward(self, features: torch.Tensor, grid: tuple[int, int]) -> torch.Tensor:
        """[N, T, C] vision tokens, row-major over `grid` = (rows, columns), to [N, T / k^2, D]."""
        projected = self.project(features, grid)
        return self.write_places(projected) if self.places else projected

    def project(self, features: torch.Tensor, grid: tuple[int, int]) -> torch.Tensor:
        """As `forward`, before boxes are written."""
        if self.merge > 1:
            features = merge_tokens(features, grid, self.merge)
        projected: torch.Tensor = self.layers(features)
        return projected

    def write_places(self, projected: torch.Tensor) -> torch.Tensor:
        """`project`'s tokens with the code of their box added in the last dimensions, [N, T', D].

        Boxes are learned from boxes: no gradient of the words goes through the code, whose high frequencies would make
        noise of it.
        """
        code = place_code(self.box(projected).float().sigmoid().detach(), self.places).flatten(-2).to(projected.dtype)
        padded = nn.functional.pad(code * self.place_gain, (projected.shape[-1] - code.shape[-1], 0))
        return projected + padded.to(projected.dtype)


def place_code(fractions: torch.Tensor, places: int) -> torch.Tensor:
    """Sines and cosines of positions: [...] from 0 to 1 to [..., 2 P], of P frequencies from half a turn to thirty."""
    steps = torch.linspace(0, math.log(60.0), places, device=fractions.device)
    angles = fractions.float().unsqueeze(-1) * torch.exp(steps) * math.pi
    return torch.cat([angles.sin(), angles.cos()], -1)


def merge_tokens(features: torch.Tensor, grid: tuple[int, int], merge: int) -> torch.Tensor:
    """Concatenates each k x k block of [N, rows * columns, C] tokens: [N, rows * columns / k^2, C * k^2], k = merge."""
    rows, columns = grid
    if rows % merge or columns % merge:
        raise ValueError(f"projector_merge {merge} does not divide the {rows} x {columns} feature map")
    blocks = features.unflatten(1, (rows // merge, merge, columns // merge, merge))  # [N, r, k, c, k, C]
    merged: torch.Tensor = blocks.transpose(2, 3).flatten(3).flatten(1, 2)
    return merged
