"""Ways of putting a question, class by class, and the whole plan that each must give (wordings.txt).

A line is "question | regions/images | plan", a section a class of wordings. The plan is written short: steps joined by
" ; ", each "intent[?][*number] things : relation or aspect {of: filter, of: filter} @image", where "?" is a yes or no,
"*" all of them, "<1>" the first region, "among things" the targets of a comparison without operands, "!" a negation;
a text that is looked for stands in quotation marks.
"""

from pathlib import Path

import pytest

from agent.intents import Filter, Intent, Operand, Plan, Step
from agent.lexicon import Lexicon
from agent.planning import plan_question

HERE = Path(__file__).parent
SCENES = Lexicon((HERE / "scene_names.txt").read_text(encoding="utf-8").splitlines())
WITH_OPERANDS = {Intent.RELATE, Intent.COMPARE}
WITH_QUANTITY = {Intent.GROUND, Intent.SEGMENT}


def table() -> list[tuple[str, str, int, int, str]]:
    """(class, question, regions, images, plan) of every line of wordings.txt."""
    rows, kind = [], ""
    for line in (HERE / "wordings.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            kind = line.strip("[]")
        elif line and not line.startswith("#"):
            question, given, plan = (part.strip() for part in line.split(" | "))
            regions, _, images = given.partition("/")
            rows.append((kind, question, int(regions), int(images or 1), plan))
    return rows


def _operand(operand: Operand) -> str:
    return f"<{operand + 1}>" if isinstance(operand, int) else operand


def _filter(one: Filter) -> str:
    way = one.relation or one.order or one.colour
    kind = way.value if way is not None else f'says "{one.text}"' if one.text is not None else "other than"
    words = [f"{'!' if one.negated else ''}{kind}"]
    words += [str(one.nth)] if one.nth > 1 else []
    words += [_operand(one.anchor)] if one.anchor is not None else []
    return f"{one.of}: {' '.join(words)}"


def said(step: Step) -> str:
    """A step in short."""
    head = step.intent.value + "?" * (step.yes_no and step.intent in {Intent.REFER, Intent.RELATE})
    if step.intent in WITH_QUANTITY and step.targets and step.quantity != "one":
        head += "*" if step.quantity == "all" else f"*{step.quantity}"
    things: list[str] = []
    if step.intent in WITH_OPERANDS and step.operands:
        things = [_operand(operand) for operand in step.operands]
    elif step.intent is Intent.COMPARE and step.targets:
        things = [f"among {step.targets[0]}", *step.targets[1:]]
    else:
        anchors = {one.anchor for one in step.filters}
        things = [*step.targets, *(f"<{index + 1}>" for index in step.regions if index not in anchors)]
    words = [head, ", ".join(things)] if things else [head]
    how = step.relation or step.aspect
    words += [":", how.value] if how is not None else []
    words += [f'"{step.text}"'] if step.text is not None else []
    if step.filters:
        words.append("{" + ", ".join(sorted(_filter(one) for one in step.filters)) + "}")
    words += [] if step.image == 0 else ["@all" if step.image is None else f"@{step.image + 1}"]
    return " ".join(words)


def short(plan: Plan) -> str:
    """A plan in short."""
    return " ; ".join(said(step) for step in plan.steps)


WORDINGS = table()


@pytest.mark.parametrize(("kind", "question", "regions", "images", "expected"), WORDINGS)
def test_the_plan(kind: str, question: str, regions: int, images: int, expected: str) -> None:
    assert short(plan_question(question, regions, images, SCENES)) == expected, kind


def test_every_step_has_its_reason() -> None:
    for _, question, regions, images, _ in WORDINGS:
        plan = plan_question(question, regions, images, SCENES)
        assert len(plan.reasons) == len(plan.steps)
        assert all(one.endswith(".") and "\n" not in one for one in plan.reasons)
        assert all("<r" not in one.replace("<region", "") and "<it>" not in one for one in plan.reasons)
