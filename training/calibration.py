"""Confidence as a measured probability: curves from the assistant's score to the share of its right answers.

    ferret evaluate scenes --column assistant --art train --out runs/scenes
    python -m training.calibration fit runs/scenes --plot reliability.png      # writes tools/weights/calibration.json
    python -m training.calibration measure runs/fresh --plot reliability.png   # of answers that are calibrated already

The assistant's score orders its answers but has a scale of its own, which differs between kinds of answers. For each
"intent/status" a rising curve is fitted by isotonic regression (Ayer et al. 1955, pool adjacent violators) over blocks
of `BLOCK` answers, which keeps single answers from making steps; between blocks it is straight. Answers whose score is
a share (F1, IoU) take part by their share. What is reported is held out: a curve never saw the scenes that it is
measured on (cross-fitting by scene). The curves are stored with the marks of the weights that they belong to
(`tools.marks`), and the assistant uses them with no others.
"""

import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import numpy.typing as npt
import typer

from ferret.errors import TrainingError
from tools.base import WEIGHTS_FOLDER
from tools.marks import embedded_marks
from training.scene_evaluation import ASSISTANT, Record, read_records

CALIBRATION = WEIGHTS_FOLDER / "calibration.json"
BLOCK = 40
"""Answers in a block, at least; where there are fewer altogether, all are one block and their curve is level."""
LEAST = 15
"""An intent and status with fewer answers than these gets no curve: it was not measured."""
BINS = 15
FOLDS = 5
SHARES = frozenset({"ground_all", "list", "dense_detect", "segment"})
"""Kinds of questions whose score is a share; all others are right or wrong."""

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """A rising, piecewise straight line through knots, level beyond them; `count` answers made it."""

    scores: tuple[float, ...]
    probabilities: tuple[float, ...]
    count: int

    def __call__(self, scores: Values) -> Values:
        """Probabilities [N] of scores [N], both in 0..1."""
        return np.interp(scores, self.scores, self.probabilities)


@dataclass(frozen=True)
class Reliability:
    """How well stated confidences agree with what was right: one row of the report.

    `error` is the expected calibration error (Naeini et al. 2015; Guo et al. 2017) of the confidences, `before` that
    of the scores that they came from.
    """

    name: str
    count: int
    right: float
    confidence: float
    error: float
    before: float


# --- curves -----------------------------------------------------------------------------------------------------------


def fit_curve(scores: Sequence[float], rights: Sequence[float], block: int = BLOCK) -> Curve:
    """The rising curve nearest to the shares of right answers (least squares over blocks).

    Args:
        scores: N scores in 0..1.
        rights: for each 1 if right, 0 if wrong, or a share.
        block: answers in a block, at least; answers of one score are never divided.

    Raises:
        TrainingError: the lengths differ, there is nothing, or a number lies outside 0..1.
    """
    x, y = np.asarray(scores, float), np.asarray(rights, float)
    if x.shape != y.shape or not x.size:
        raise TrainingError(f"{x.size} scores and {y.size} judgements make no curve: give as many of each, 1 at least")
    if not all(((values >= 0) & (values <= 1)).all() for values in (x, y)):
        raise TrainingError("scores and judgements must lie in 0..1, and be numbers")
    distinct, which, counts = np.unique(x, return_inverse=True, return_counts=True)
    blocks: list[tuple[float, float, int]] = []  # sum of scores, sum of rights, answers
    open_block = (0.0, 0.0, 0)
    totals = np.bincount(which, weights=y)
    for score, total, count in zip(distinct, totals, counts, strict=True):
        open_block = (open_block[0] + score * count, open_block[1] + total, open_block[2] + int(count))
        if open_block[2] >= block:
            blocks.append(open_block)
            open_block = (0.0, 0.0, 0)
    if open_block[2]:  # what is left over joins the last block
        last = blocks.pop() if blocks else (0.0, 0.0, 0)
        blocks.append((last[0] + open_block[0], last[1] + open_block[1], last[2] + open_block[2]))
    pooled: list[tuple[float, float, int]] = []
    for one in blocks:
        pooled.append(one)
        while len(pooled) > 1 and pooled[-2][1] / pooled[-2][2] >= pooled[-1][1] / pooled[-1][2]:
            second, first = pooled.pop(), pooled.pop()
            pooled.append((first[0] + second[0], first[1] + second[1], first[2] + second[2]))
    knots = tuple(round(total / count, 6) for total, _, count in pooled)
    shares = tuple(round(min(right / count, 1.0), 6) for _, right, count in pooled)
    return Curve(knots, shares, int(x.size))


def curves_of(records: Iterable[Record], least: int = LEAST) -> dict[str, Curve]:
    """A curve for each "intent/status" with `least` answers or more; answers of several steps belong to none."""
    groups: dict[str, list[Record]] = {}
    for record in records:
        if "+" not in record.intent:
            groups.setdefault(key_of(record), []).append(record)
    return {
        key: fit_curve([_raw(record) for record in group], [record.score for record in group])
        for key, group in sorted(groups.items())
        if len(group) >= least
    }


def key_of(record: Record) -> str:
    """Under which the curve for an answer is kept."""
    return f"{record.intent}/{record.status}"


def apply_curves(curves: Mapping[str, Curve], records: Sequence[Record]) -> Values:
    """The calibrated confidence of each record [N]; the score itself where there is no curve."""
    found = []
    for record in records:
        curve = curves.get(key_of(record))
        score = np.array([_raw(record)])
        found.append(float((score if curve is None else curve(score))[0]))
    return np.array(found)


def cross_fitted(records: Sequence[Record], folds: int = FOLDS) -> Values:
    """The calibrated confidence of each record [N], by curves fitted on the other scenes alone."""
    fold = np.array([zlib.crc32(record.id.rpartition("-")[2].encode()) % folds for record in records])
    confidences = np.zeros(len(records))
    for held_out in range(folds):
        curves = curves_of(record for record, own in zip(records, fold, strict=True) if own != held_out)
        asked = np.flatnonzero(fold == held_out)
        confidences[asked] = apply_curves(curves, [records[int(index)] for index in asked])
    return confidences


def _raw(record: Record) -> float:
    assert record.raw is not None, "records without a score are left out when they are read"
    return record.raw


# --- measuring --------------------------------------------------------------------------------------------------------


def calibration_error(confidences: Values, rights: Values, bins: int = BINS) -> float:
    """Expected calibration error: over equal-width bins, the gap between the mean confidence and the share of right
    answers, weighted by the answers in the bin. Both arguments [N], in 0..1; 0 for nothing."""
    if not len(confidences):
        return 0.0
    which = np.minimum((confidences * bins).astype(int), bins - 1)
    gaps = np.bincount(which, weights=confidences - rights, minlength=bins)
    return float(np.abs(gaps).sum() / len(confidences))


def reliabilities(records: Sequence[Record], confidences: Values) -> list[Reliability]:
    """A row for the questions that are right or wrong, one for all, and one for each intent and status."""
    whole = [record.kind not in SHARES for record in records]
    keys = [key_of(record) if "+" not in record.intent else "several steps" for record in records]
    rows = [("right or wrong", np.array(whole, bool)), ("all", np.ones(len(records), bool))]
    rows += [(key, np.array([key == own for own in keys], bool)) for key in sorted(set(keys))]
    rights = np.array([record.score for record in records])
    raw = np.array([_raw(record) for record in records])
    return [
        Reliability(
            name,
            int(chosen.sum()),
            float(rights[chosen].mean()),
            float(confidences[chosen].mean()),
            calibration_error(confidences[chosen], rights[chosen]),
            calibration_error(raw[chosen], rights[chosen]),
        )
        for name, chosen in rows
        if chosen.any()
    ]


def table(rows: Sequence[Reliability]) -> str:
    """The rows as a markdown table."""
    lines = ["| | answers | right | confidence | error | of the score |", "|---|---|---|---|---|---|"]
    lines += [
        f"| {row.name} | {row.count} | {row.right:.3f} | {row.confidence:.3f} | {row.error:.3f} | {row.before:.3f} |"
        for row in rows
    ]
    return "\n".join(lines) + "\n"


def draw_reliability(path: Path, records: Sequence[Record], confidences: Values, bins: int = BINS) -> None:
    """A reliability diagram as a picture: the share of right answers over confidence, before and after, with how many
    answers lie in each bin.

    Raises:
        TrainingError: the picture cannot be written.
    """
    from matplotlib.figure import Figure

    chosen = np.array([record.kind not in SHARES for record in records])
    rights = np.array([record.score for record in records])[chosen]
    raw = np.array([_raw(record) for record in records])[chosen]
    figure = Figure(figsize=(9, 4.6), layout="constrained")
    panels = figure.subplots(2, 2, sharex=True, height_ratios=(3, 1))
    for column, (title, values) in enumerate((("score of the checks", raw), ("confidence", confidences[chosen]))):
        which = np.minimum((values * bins).astype(int), bins - 1)
        counts = np.bincount(which, minlength=bins)
        used = np.flatnonzero(counts)
        means = np.bincount(which, weights=values, minlength=bins)[used] / counts[used]
        shares = np.bincount(which, weights=rights, minlength=bins)[used] / counts[used]
        error = np.sqrt(np.maximum(shares * (1 - shares), 1e-9) / counts[used])
        above, below = panels[0, column], panels[1, column]
        above.plot([0, 1], [0, 1], color="0.7", linewidth=1)
        above.errorbar(means, shares, yerr=error, fmt="o-", markersize=4, linewidth=1.2)
        above.set(title=f"{title}: error {calibration_error(values, rights, bins):.3f}", xlim=(0, 1), ylim=(0, 1))
        above.set_ylabel("share of right answers")
        below.bar((np.arange(bins) + 0.5) / bins, counts, width=0.9 / bins, color="0.6")
        below.set(xlabel=title, ylabel="answers")
    try:
        figure.savefig(path, dpi=110)
    except (OSError, ValueError) as error_of_file:
        raise TrainingError(f"cannot write the diagram {str(path)!r} ({error_of_file}); give another name") from None


# --- files and commands -----------------------------------------------------------------------------------------------


def read_evaluations(folders: Sequence[Path]) -> list[Record]:
    """The assistant's answers in folders of `ferret evaluate scenes`.

    Raises:
        TrainingError: a folder holds none, none with a score, or was made with other weights than the embedded ones.
    """
    found: list[Record] = []
    for folder in folders:
        records = [record for record in read_records(folder) if record.column == ASSISTANT]
        scored = [record for record in records if record.raw is not None and record.intent]
        if not scored:
            raise TrainingError(
                f"{str(folder)!r} holds no answers of the assistant with their score; "
                f"ask with 'ferret evaluate scenes --column assistant --out {folder}'"
            )
        told = json.loads((folder / "run.json").read_text(encoding="utf-8")).get("weights")
        if told != dict(embedded_marks()):
            raise TrainingError(
                f"{str(folder)!r} was answered with other weights than those that are in place; evaluate anew"
            )
        found += scored
    return found


def write_calibration(path: Path, curves: Mapping[str, Curve]) -> None:
    """Store curves for the weights that are in place, to be read by `agent.calibration`."""
    stored = {
        key: {"scores": curve.scores, "probabilities": curve.probabilities, "count": curve.count}
        for key, curve in curves.items()
    }
    text = json.dumps({"weights": dict(embedded_marks()), "curves": stored}, indent=1)
    path.write_text(text + "\n", encoding="utf-8")


app = typer.Typer(no_args_is_help=True, add_completion=False, help="Make confidence a measured probability.")
Folders = Annotated[list[Path], typer.Argument(help="Folders of 'ferret evaluate scenes'.", show_default=False)]
Plot = Annotated[Path | None, typer.Option(help="Where the reliability diagram goes, as .png.")]


@app.command()
def fit(folders: Folders, out: Annotated[Path, typer.Option()] = CALIBRATION, plot: Plot = None) -> None:
    """Fit the curves on all answers, and report how well curves of other scenes would have done."""
    records = read_evaluations(folders)
    curves = curves_of(records)
    if not curves:
        raise TrainingError(f"{len(records)} answers are too few: ask for more, with --questions")
    write_calibration(out, curves)
    confidences = cross_fitted(records)
    if plot is not None:
        draw_reliability(plot, records, confidences)
    typer.echo(table(reliabilities(records, confidences)))


@app.command()
def measure(folders: Folders, plot: Plot = None) -> None:
    """Report how well the confidences that were told agree with what was right."""
    records = read_evaluations(folders)
    confidences = np.array([record.confidence for record in records])
    if plot is not None:
        draw_reliability(plot, records, confidences)
    typer.echo(table(reliabilities(records, confidences)))


if __name__ == "__main__":
    app()
