"""Teaching attention where to look: the shortest way from a name to its place.

To answer "Where is the dog?" a language model has to find, among the image tokens, those of the dog. Left alone, small
models need a hundred thousand pictures before that lookup forms. Scenes know which tokens show what, so the attention
of some heads is told. When an answer begins that has to find something, the second layer looks at the name in the
question, and one head of the last layer but one at everything of that name, or at the first token of all if there is
none. Before each of a box's four coordinates the second layer looks at the name that the box belongs to, and one head
of the last layer at the box's object. What they do with what they see is left to the words' own loss.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from training.question_packs import SEARCH, Gaze

SHOWN = 0.25  # of a token's cells; with so many it shows an object
NOTHING = 0  # the token that is looked at when there is nothing to find


def token_objects(objects: Tensor, block: int, count: int) -> Tensor:
    """Which image tokens show which object, bool [N, T, count + 1], from the object under each cell, int64 [N, G, G].

    Objects count from 1; column 0 is the background. A token shows an object that fills a quarter of its cells, and
    every object is shown at least by the token that has most of it (as long as any cell does).
    """
    number, side = objects.shape[0], objects.shape[1] // block
    blocks = objects.view(number, side, block, side, block).transpose(2, 3).reshape(number, side**2, block**2)
    share = functional.one_hot(blocks, count + 1).float().mean(2)
    most = (share == share.amax(1, keepdim=True)) & (share > 0)
    return (share >= SHOWN) | most


def gaze_targets(gazes: Sequence[Sequence[Gaze]], count: int) -> tuple[Tensor, Tensor]:
    """The gazes of the rows of a batch at the picture, as (row, position, coordinate) int64 [M, 3] and objects bool
    [M, count + 1], whose column 0 means that none is there."""
    rows = [(row, gaze.position, gaze.coordinate) for row, one in enumerate(gazes) for gaze in one]
    objects = torch.zeros(len(rows), count + 1, dtype=torch.bool)
    for at, gaze in enumerate(gaze for one in gazes for gaze in one):
        objects[at, list(gaze.objects) or [NOTHING]] = True
    return torch.tensor(rows, dtype=torch.long).view(-1, 3), objects


def name_targets(gazes: Sequence[Sequence[Gaze]]) -> Tensor:
    """The gazes of the rows of a batch at names: (row, position that looks, position of a word) int64 [K, 3]."""
    rows = [(row, gaze.position, word) for row, one in enumerate(gazes) for gaze in one for word in gaze.names]
    return torch.tensor(rows, dtype=torch.long).view(-1, 3)


def name_loss(attentions: Sequence[Tensor], names: Tensor) -> Tensor:
    """How much attention misses the names that it should look at: the mean of -log over gazes and heads.

    Args:
        attentions: of each layer, [N, heads, L, L].
        names: of `name_targets`.
    """
    copying = attentions[1]
    if not len(names):
        return copying.sum() * 0
    row, position, word = names.unbind(-1)
    gazes, gaze = torch.unique(row * copying.shape[-1] + position, return_inverse=True)
    seen = copying[row, :, position, word].float()  # [K, heads]
    total = torch.zeros(len(gazes), seen.shape[1], device=seen.device).index_add(0, gaze, seen)
    return -total.clamp(min=1e-6).log().mean()


def gaze_loss(
    attentions: Sequence[Tensor], where: Tensor, wanted: Tensor, shown: Tensor, first: int
) -> tuple[Tensor, float]:
    """How much attention goes astray.

    Args:
        attentions: of each layer, [N, heads, L, L].
        where, wanted: of `gaze_targets`.
        shown: of `token_objects`.
        first: position of the first image token.

    Returns:
        The mean of -log of the attention on what is to be looked at, and the mean of that attention.
    """
    row, position, coordinate = where.unbind(-1)
    search = coordinate == SEARCH
    placing, finding = attentions[-1], attentions[-2]
    chosen = torch.where(
        search[:, None], finding[row, 0, position], placing[row, coordinate.clamp(max=SEARCH - 1), position]
    )  # [M, L]
    target = (wanted[:, 1:].unsqueeze(1) & shown[row][..., 1:]).any(-1)  # [M, T]
    seen = (chosen[:, first : first + target.shape[1]] * target).sum(-1)
    seen = seen + torch.where(wanted[:, 0], chosen[:, NOTHING], 0.0)
    possible = target.any(-1) | wanted[:, 0]
    seen = seen[possible].float()
    if not len(seen):
        return placing.sum() * 0, 0.0
    return -seen.clamp(min=1e-6).log().mean(), float(seen.detach().mean())
