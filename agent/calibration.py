"""Calibration: from the score that the checks came to, to the probability of being right that was measured for it.

What the checks add up (`agent.checking`) orders answers well, but its scale is its own: of the answers with a score of
0.3, three in four may be right. So answers to held-out scenes were judged, and for each intent and status a rising
curve from score to the share of right answers was fitted (`training.calibration`) and stored beside the weights. The
curves hold for the weights, and for the thresholds, that they were measured with. With any others, and for intents that
nobody measured, the score stays what it is and the answer says so.
"""

import json
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from agent.answers import Status
from agent.intents import Intent
from ferret.errors import WeightsError
from tools.base import WEIGHTS_FOLDER
from tools.marks import embedded_marks

CALIBRATION = WEIGHTS_FOLDER / "calibration.json"
"""Where the curves of the embedded weights lie."""

_Unit = Annotated[float, Field(ge=0.0, le=1.0)]


class _StoredCurve(BaseModel):
    """One curve as it is stored: knots with rising scores and probabilities that never fall."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    scores: Annotated[tuple[_Unit, ...], Field(min_length=1)]
    probabilities: tuple[_Unit, ...]
    count: Annotated[int, Field(ge=1)]

    @model_validator(mode="after")
    def _rises(self) -> Self:
        if len(self.scores) != len(self.probabilities):
            raise ValueError(f"{len(self.scores)} scores for {len(self.probabilities)} probabilities")
        if any(later <= earlier for earlier, later in pairwise(self.scores)):
            raise ValueError("the scores do not rise")
        if any(later < earlier for earlier, later in pairwise(self.probabilities)):
            raise ValueError("the probabilities fall")
        return self


class _StoredCalibration(BaseModel):
    """The file: which weights it belongs to, and a curve for each "intent/status"."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    weights: dict[str, str]
    curves: dict[str, _StoredCurve]


@dataclass(frozen=True, slots=True)
class Calibration:
    """Curves by "intent/status", each as (scores, probabilities)."""

    curves: Mapping[str, tuple[tuple[float, ...], tuple[float, ...]]]

    def probability(self, intent: Intent, status: Status, score: float) -> float | None:
        """How probable an answer with this score is right, in 0..1; None where that was never measured.

        `score` in 0..1; between knots the curve is straight, beyond them it is level.
        """
        curve = self.curves.get(f"{intent.value}/{status}")
        if curve is None:
            return None
        scores, probabilities = curve
        after = bisect_right(scores, score)
        if after == 0:
            return probabilities[0]
        if after == len(scores):
            return probabilities[-1]
        share = (score - scores[after - 1]) / (scores[after] - scores[after - 1])
        return probabilities[after - 1] + share * (probabilities[after] - probabilities[after - 1])


def load_calibration(path: Path = CALIBRATION, marks: Mapping[str, str] | None = None) -> Calibration | None:
    """The curves of a file, or None when there is no file or it was measured with other weights.

    `marks` are those of the weights in use (`tools.marks`), by default the embedded ones.

    Raises `WeightsError` when the file is damaged.
    """
    if not path.is_file():
        return None
    try:
        stored = _StoredCalibration.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, ValidationError) as error:
        reason = " ".join(str(error).split())
        raise WeightsError(
            f"{str(path)!r} is no calibration ({reason}): fit it anew with 'python -m training.calibration fit'"
        ) from error
    if stored.weights != dict(embedded_marks() if marks is None else marks):
        return None
    return Calibration({key: (curve.scores, curve.probabilities) for key, curve in stored.curves.items()})
