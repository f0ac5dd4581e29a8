"""The published figures of Ferret and Ferret-v2, by benchmark, split and metric.

All but those marked otherwise stand in tables 1 to 3 of Zhang et al. 2024, which restates the figures of Ferret.
Figures that could not be found in two places, or at all, are left out (ferret-spec 4, "Published numbers").
"""

from collections.abc import Mapping

from training.protocols.result import Published

_TABLES = "Zhang et al. 2024 (arXiv:2404.07973)"
_QUOTED = "You et al. 2023 (arXiv:2310.07704), as quoted by others; size of the model not stated"
_MODELS = ("Ferret 7B", "Ferret 13B", "Ferret-v2 7B", "Ferret-v2 13B")
Four = tuple[float | None, float | None, float | None, float | None]

_FIGURES: Mapping[tuple[str, str, str], Four] = {
    ("lvis", "point", "accuracy"): (67.94, 68.35, 74.55, 75.09),
    ("lvis", "box", "accuracy"): (79.42, 80.46, 86.59, 87.74),
    ("lvis", "free-form", "accuracy"): (69.77, 70.98, 76.13, 76.35),
    ("refcoco", "val", "acc@0.5"): (87.49, 89.48, 92.79, 92.64),
    ("refcoco", "testA", "acc@0.5"): (91.35, 92.41, 94.68, 94.95),
    ("refcoco", "testB", "acc@0.5"): (82.45, 84.36, 88.69, 88.86),
    ("refcoco+", "val", "acc@0.5"): (80.78, 82.81, 87.35, 87.39),
    ("refcoco+", "testA", "acc@0.5"): (87.38, 88.14, 92.75, 92.05),
    ("refcoco+", "testB", "acc@0.5"): (73.14, 75.17, 79.3, 81.36),
    ("refcocog", "val", "acc@0.5"): (83.93, 85.83, 89.42, 89.43),
    ("refcocog", "test", "acc@0.5"): (84.76, 86.34, 89.27, 89.99),
    ("flickr30k", "val", "R@1"): (80.39, 81.13, 85.52, 85.33),
    ("flickr30k", "test", "R@1"): (82.21, 84.76, 85.83, 86.25),
    ("ferret-bench", "all", "refer_desc"): (68.7, 70.6, 79.9, 79.6),
    ("ferret-bench", "all", "refer_reason"): (67.3, 68.7, 81.7, 79.4),
    ("ferret-bench", "all", "ground_conv"): (57.5, 59.7, 65.2, 65.7),
    ("ferret-bench", "all", "average"): (64.5, 66.3, 75.6, 74.9),
    ("mme", "all", "perception"): (None, None, 1510.3, 1521.4),
}
# VQAv2's 81.5 and 81.8 are left out: they are of a split whose answers are not public, so nothing here compares.

_QUOTED_FIGURES: Mapping[tuple[str, str, str], float] = {
    ("pope", "random", "accuracy"): 90.24,
    ("pope", "popular", "accuracy"): 84.90,
}


def published(benchmark: str, split: str, metric: str) -> tuple[Published, ...]:
    """What the papers give for a metric of a benchmark's split; empty where they give nothing sure."""
    key = (benchmark, split, metric)
    if key in _QUOTED_FIGURES:
        return (Published("Ferret", _QUOTED_FIGURES[key], _QUOTED),)
    figures = _FIGURES.get(key, (None, None, None, None))
    return tuple(
        Published(model, value, _TABLES) for model, value in zip(_MODELS, figures, strict=True) if value is not None
    )
