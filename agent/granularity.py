"""How much of what lies under a mark a question means: a part, the whole thing, or a group."""

import re
from collections.abc import Sequence

from agent.intents import Granularity, Intent, Step

_OF_REGIONS = frozenset({Intent.REFER, Intent.DESCRIBE, Intent.SEGMENT})
_WORDS = (
    (Granularity.GROUP, r"\b(?:group|bunch|cluster|pile)\b|\ball of (?:these|those|them) together\b"),
    (Granularity.WHOLE, r"\b(?:the )?(?:whole|entire|complete|full) (?:thing|object|item|one|figure)\b|\bas a whole\b"),
    (Granularity.PART, r"\b(?:this|that|just the|only the) (?:small |little )?part\b|\bpart of (?:it|this)\b"),
)  # fmt: skip
_PATTERNS = tuple((granularity, re.compile(words, re.IGNORECASE)) for granularity, words in _WORDS)


def with_granularity(steps: Sequence[Step], question: str) -> tuple[Step, ...]:
    """The steps, those about marks alone told how much of what lies there is meant, where the question says so."""
    meant = next((granularity for granularity, pattern in _PATTERNS if pattern.search(question)), None)
    if meant is None:
        return tuple(steps)
    return tuple(
        step.model_copy(update={"granularity": meant})
        if step.intent in _OF_REGIONS and step.regions and not (step.targets and step.intent is not Intent.REFER)
        else step
        for step in steps
    )
