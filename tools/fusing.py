"""Several looks at one picture, at several sizes, fused into one: what they agree on counts more.

A network that is asked at two sizes makes other mistakes at each. Boxes of different looks that cover the same place
are one thing: its box is their mean, weighted by how sure each look was, and its scores are the mean over all looks, so
that what one look alone has seen counts for less. After weighted boxes fusion (Solovyev et al., 2021), with the scores
of all classes instead of the best one's.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

SAME_THING = 0.55
"""Boxes of two looks that overlap at least so much are of one thing: the value of the paper."""

Boxes = NDArray[np.float32]


def fuse(looks: Sequence[tuple[Boxes, Boxes]]) -> tuple[Boxes, Boxes]:
    """One set of detections out of several.

    Args:
        looks: each look's corner boxes float32 [N, 4], in pixels of the same picture, and class scores float32 [N, C],
            in which no thing stands twice (after suppression).

    Returns:
        Boxes float32 [M, 4] and scores float32 [M, C], the surest thing of any look first.
    """
    boxes = np.concatenate([boxes for boxes, _ in looks])
    scores = np.concatenate([scores for _, scores in looks])
    look = np.repeat(np.arange(len(looks)), [len(boxes) for boxes, _ in looks])
    best = scores.max(axis=1, initial=0.0)
    free = np.ones(len(boxes), dtype=bool)
    fused_boxes, fused_scores = [], []
    for index in np.argsort(-best, kind="stable"):
        if not free[index]:
            continue
        free[index] = False
        members = [int(index)]
        overlap = iou(boxes[index], boxes)
        for other in range(len(looks)):
            if other == look[index]:
                continue
            overlap_there = np.where(free & (look == other), overlap, -1.0)
            match = int(overlap_there.argmax())
            if overlap_there[match] >= SAME_THING:
                free[match] = False
                members.append(match)
        fused_boxes.append(np.average(boxes[members], axis=0, weights=best[members] + 1e-9))
        fused_scores.append(scores[members].sum(axis=0) / len(looks))
    return (
        np.asarray(fused_boxes, dtype=np.float32).reshape(-1, 4),
        np.asarray(fused_scores, dtype=np.float32).reshape(-1, scores.shape[1]),
    )


def iou(box: Boxes, others: Boxes) -> Boxes:
    """IoU float32 [N] of one corner box [4] with others [N, 4]."""
    sides = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    inter = np.clip(sides, 0, None).prod(axis=1)
    areas = (others[:, 2:] - others[:, :2]).prod(axis=1)
    return np.asarray(inter / np.maximum((box[2:] - box[:2]).prod() + areas - inter, 1e-9), dtype=np.float32)
