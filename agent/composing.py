"""Composing: findings to the answer object, with prose, spans, regions, evidence and one status."""

from collections.abc import Sequence

from agent.answers import Answer, Basis, Evidence
from agent.closer import with_closer_looks
from agent.context import Context
from agent.findings import Finding
from agent.intents import Plan
from agent.lexicon import Lexicon
from agent.perception import Observed
from agent.prose import Prose
from agent.sentences import tell
from agent.telling import Telling, Verdict, together


def compose(
    plan: Plan,
    findings: Sequence[Finding],
    observed: Observed,
    sizes: Sequence[tuple[int, int]],
    lexicon: Lexicon,
    context: Context,
) -> Answer:
    """The answer to a plan's question; `sizes` are (width, height) of all pictures. Its `seconds` are still 0."""
    prose = Prose(context.artifacts.mask_rle)

    def covers(phrase: str, name: str) -> bool:
        return name in lexicon.match(phrase).names or name.lower() == phrase.lower()

    verdicts: list[Verdict] = []
    measured: list[Verdict] = []
    calibration = context.calibration()
    for step, finding in zip(plan.steps, with_closer_looks(plan, findings, observed), strict=True):
        telling = Telling(step, finding, sizes, context.thresholds, covers)
        status, score = tell(prose.sentence(), telling)
        score = min(max(score, 0.0), 1.0)
        verdicts.append((status, score))
        if finding.outside:  # an answer that claims nothing is not probable to any degree
            measured.append((status, score))
        elif calibration is not None and not step.filters and step.text is None:  # neither was ever measured
            probability = calibration.probability(step.intent, status, score)
            measured += [(status, probability)] if probability is not None else []
    status, score = together(verdicts)
    calibrated = len(measured) == len(verdicts) and calibration is not None
    confidence = together(measured)[1] if calibrated else score
    return Answer(
        question=plan.question,
        text=prose.text,
        status=status,
        confidence=round(confidence, 4),
        spans=prose.spans,
        regions=prose.regions,
        evidence=[Evidence(**one) for one in observed.evidence()],
        seconds=0.0,
        basis=Basis(
            intents=[step.intent.value for step in plan.steps], score=round(score, 4), calibrated=calibrated
        ),
    )
