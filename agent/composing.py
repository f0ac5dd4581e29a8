"""Composing: findings to the answer object, with prose, spans, regions, evidence and one status."""

from collections.abc import Sequence

from agent.answers import Answer, Evidence, Status
from agent.closer import with_closer_looks
from agent.context import Context
from agent.findings import Finding
from agent.intents import Plan
from agent.lexicon import Lexicon
from agent.perception import Observed
from agent.prose import Prose
from agent.sentences import tell
from agent.telling import Telling, together


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

    verdicts: list[tuple[Status, float]] = []
    for step, finding in zip(plan.steps, with_closer_looks(plan, findings, observed), strict=True):
        telling = Telling(step, finding, sizes, context.thresholds, covers)
        verdicts.append(tell(prose.sentence(), telling))
    status, confidence = together(verdicts)
    return Answer(
        question=plan.question,
        text=prose.text,
        status=status,
        confidence=round(min(max(confidence, 0.0), 1.0), 4),
        spans=prose.spans,
        regions=prose.regions,
        evidence=[Evidence(**one) for one in observed.evidence()],
        seconds=0.0,
    )
