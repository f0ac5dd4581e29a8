"""The result of `ferret evaluate scenes` in the form of every other benchmark's, so that one table holds them all."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict

from ferret.errors import TrainingError
from training.protocols.provenance import hardware, versions
from training.protocols.result import Metric, Result
from training.protocols.runs import FaultRow, RunResult, Weights, metric_rows
from training.scene_evaluation import COLUMNS, KIND_TITLES, EvaluationSettings, Record, summarize
from training.scene_scores import ERROR


def scenes_result(
    settings: EvaluationSettings, records: Sequence[Record], *, weights: Weights, device: str, command: str
) -> RunResult:
    """The scores of the records in percent: for each art and column the mean over kinds, then every kind.

    Scenes are drawn, so `data` is a hash of what decides them, and no record can be malformed.

    Raises:
        TrainingError: there is no record.
    """
    asked = [record for record in records if record.art in settings.arts]
    if not asked:
        raise TrainingError("nothing was asked about scenes: there is no result")
    errors = [record.id for record in asked if record.status == ERROR]
    decides = json.dumps([asdict(settings.scenes), settings.arts, settings.kinds, settings.questions])
    return RunResult(
        benchmark="scenes",
        split="+".join(settings.arts),
        metrics=metric_rows(Result("scenes", "+".join(settings.arts), tuple(_metrics(settings, asked)))),
        questions=len(asked),
        answered=len(asked),
        malformed=0,
        left_out={},
        unasked=[],
        unasked_rule="every question can be asked",
        parsing_faults={"an error and no answer": FaultRow(count=len(errors), first=errors[:20])} if errors else {},
        mended=[],
        weights=weights.name,
        weights_mark=weights.mark,
        data={"scenes": hashlib.sha256(decides.encode()).hexdigest()},
        command=command,
        hardware=hardware(device),
        versions=versions(),
        seconds=round(sum(record.seconds for record in asked), 2),
    )


def _metrics(settings: EvaluationSettings, records: Sequence[Record]) -> list[Metric]:
    means, details = [], []
    for art, kinds in summarize(settings, records)["scores"].items():
        for column, title in COLUMNS.items():
            cells = {kind: cell[column] for kind, cell in kinds.items() if column in cell}
            if not cells:
                continue
            values = [100 * cell["mean"] for cell in cells.values()]
            count = sum(cell["count"] for cell in cells.values())
            means.append(Metric(f"{title}, art of {art}: mean of {len(cells)} kinds", sum(values) / len(values), count))
            details += [
                Metric(f"{title}, art of {art}: {KIND_TITLES[kind]}", value, cell["count"], detail=True)
                for (kind, cell), value in zip(cells.items(), values, strict=True)
            ]
    return means + details
