"""What an answer says of evidence that it should rest on and does not have: an instrument failed, or took too long.

The evidence itself lists every failure with its reason. Here the prose and the verdict follow: an answer that nobody
could check as usual says so, "not found" without the instrument that finds is only "unsure", and a confidence that was
measured with all instruments does not stand for fewer.
"""

from collections.abc import Iterable

from agent.answers import Answer
from agent.intents import Intent, Plan
from agent.state import Json

_CALLED = {"detector": "the detector", "ocr": "the text reader"}
_WHY = {"failed": "failed", "timeout": "took too long"}


def with_missing_evidence(answer: Answer, plan: Plan, observations: Iterable[Json]) -> Answer:
    """The answer with what is to be said of failed looks among `observations`; as it is when all looks succeeded.

    A thing that could not be cut out is told of where it is named (`agent.sentences`).
    """
    failed = {one["tool"]: one for one in observations if one.get("failure") and one["tool"] in _CALLED}
    if not failed:
        return answer
    told: list[str] = []
    for tool, one in sorted(failed.items()):
        why = _WHY[one["failure"]]
        if one.get("instead"):
            told.append(f"Ferret read this itself, because {_CALLED[tool]} {why}.")
        else:
            told.append(f"This is without {_CALLED[tool]}, which {why}.")
    # Nobody can tell things by a text that was not read, nor leave out those that carry it.
    by_text = any(step.tells_by_text for step in plan.steps)
    unread = "ocr" in failed and not failed["ocr"].get("instead") and (answer.status != "answered" or by_text)
    changes: Json = {"text": f"{answer.text} {' '.join(told)}".strip()}
    if unread and all(step.intent is Intent.READ or step.tells_by_text for step in plan.steps):
        why = _WHY[failed["ocr"]["failure"]]
        changes = {"text": f"I cannot read it: {_CALLED['ocr']} {why}.", "spans": [], "confidence": 0.0}
    if answer.status == "not_found" or (unread and by_text):
        changes["status"] = "unsure"
    if answer.basis is not None:
        score = changes.get("confidence", answer.basis.score)
        changes |= {"basis": answer.basis.model_copy(update={"calibrated": False, "score": score}), "confidence": score}
    return answer.model_copy(update=changes)
