"""One table over many runs: our number beside the published ones, and what it was measured with.

table = leaderboard([Path("runs/pope"), Path("runs/refcoco-val/result.json")])
markdown(table)
"""

from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel

from ferret.errors import TrainingError
from training.protocols.kept import write_whole
from training.protocols.runs import MetricRow, RunResult

_HEAD = ("benchmark", "split", "metric", "this run", "published", "answered", "weights", "hardware", "command")


class Row(BaseModel):
    """One number of the table, with its run; `answered` of `records` in the data were put to the model."""

    benchmark: str
    split: str
    metric: MetricRow
    answered: int
    records: int
    weights: str
    weights_mark: str
    judge: str | None
    hardware: str
    command: str
    run: str


class Leaderboard(BaseModel):
    """All numbers of all runs, runs of one benchmark and split side by side."""

    rows: list[Row]


def leaderboard(runs: Sequence[Path]) -> Leaderboard:
    """The table over runs, given as their folders or their `result.json`; every metric, also the details.

    Raises:
        TrainingError: there is no run, or one has no result.
    """
    if not runs:
        raise TrainingError("there is no run to put into a table: give folders of runs, or their result.json")
    results = sorted(
        ((RunResult.read(path), str(path)) for path in dict.fromkeys(runs)),
        key=lambda pair: (pair[0].benchmark, pair[0].split, pair[0].weights, pair[1]),
    )
    return Leaderboard(
        rows=[
            Row(
                benchmark=result.benchmark,
                split=result.split,
                metric=metric,
                answered=result.answered,
                records=result.questions + result.malformed,
                weights=result.weights,
                weights_mark=result.weights_mark,
                judge=result.judge,
                hardware=result.hardware,
                command=result.command,
                run=run,
            )
            for result, run in results
            for metric in result.metrics
        ]
    )


def markdown(table: Leaderboard) -> str:
    """The table without its details. A number over fewer records than the data has is marked with an asterisk."""
    lines = [f"| {' | '.join(_HEAD)} |", f"|{'---|' * len(_HEAD)}"]
    rows = [row for row in table.rows if not row.metric.detail]
    for row in rows:
        published = ", ".join(f"{figure.model} {figure.value:g}" for figure in row.metric.published)
        whole = row.answered == row.records
        cells = (
            row.benchmark,
            row.split,
            row.metric.name,
            f"{row.metric.value:.2f}{'' if whole else '*'}",
            published,
            str(row.answered) if whole else f"{row.answered} of {row.records}",
            f"{row.weights} {row.weights_mark}" + (f", judged by {row.judge}" if row.judge else ""),
            row.hardware,
            f"`{row.command}`",
        )
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    sources = sorted({figure.source for row in rows for figure in row.metric.published})
    notes = [f"Published: {'; '.join(sources)}."] if sources else []
    if any(row.answered != row.records for row in rows):
        notes.append(
            "\\* Not every record could be asked; the run's `result.json` lists them and says what became of them."
        )
    return "\n".join([*lines, *(f"\n{note}" for note in notes)]) + "\n"


def write_leaderboard(table: Leaderboard, folder: Path) -> None:
    """Write `leaderboard.md` and `leaderboard.json` into a folder.

    Raises:
        TrainingError: they cannot be written.
    """
    write_whole(folder / "leaderboard.md", markdown(table))
    write_whole(folder / "leaderboard.json", table.model_dump_json(indent=2) + "\n")
