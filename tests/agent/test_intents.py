"""What a plan may hold, and what no planner can smuggle into one."""

from typing import Any

import pytest
from pydantic import ValidationError

from agent.intents import MAX_REGIONS, MAX_STEPS, MAX_TARGETS, Aspect, Filter, Intent, Plan, Relation, Step


def test_the_intents_are_those_of_the_design() -> None:
    assert [intent.value for intent in Intent] == [
        "refer", "ground", "describe", "list", "count", "exist", "relate", "read", "segment", "compare",
    ]  # fmt: skip


def test_a_step_needs_nothing_but_an_intent() -> None:
    step = Step(intent=Intent.DESCRIBE)
    assert (step.targets, step.regions, step.operands) == ((), (), ())
    assert (step.relation, step.aspect, step.quantity, step.yes_no, step.wants_coordinates, step.image) == (
        None, None, "one", False, False, 0,
    )  # fmt: skip


def test_a_plan_survives_json() -> None:
    steps = (
        Step(intent=Intent.GROUND, targets=("red apple", "key"), quantity=3, wants_coordinates=True, image=None),
        Step(intent=Intent.RELATE, regions=(1,), operands=(1, "dog"), relation=Relation.LEFT, yes_no=True),
        Step(
            intent=Intent.READ, targets=("sign",), text="No Parking", yes_no=True,
            filters=(
                Filter(of="sign", others=True, anchor="left sign"), Filter(of="sign", text="No", negated=True),
                Filter(of="left sign", text="x"),
            ),
        ),
        Step(intent=Intent.COMPARE, regions=(0, 1), operands=(0, 1), aspect=Aspect.KIND, quantity="all", image=2),
    )  # fmt: skip
    plan = Plan(question="?", steps=steps)
    assert Plan.model_validate_json(plan.model_dump_json()) == plan
    assert Plan.model_validate(plan.model_dump(mode="json")) == plan
    assert plan.intents == (Intent.GROUND, Intent.RELATE, Intent.READ, Intent.COMPARE)


@pytest.mark.parametrize(
    "fields",
    [
        {"intent": "delete"},
        {"intent": "refer", "tool": "shell"},
        {"intent": "refer", "regions": (-1,)},
        {"intent": "refer", "regions": tuple(range(MAX_REGIONS + 1))},
        {"intent": "ground", "targets": ("",)},
        {"intent": "ground", "targets": ("x" * 301,)},
        {"intent": "ground", "targets": ("x",) * (MAX_TARGETS + 1)},
        {"intent": "ground", "quantity": "few"},
        {"intent": "ground", "quantity": 0},
        {"intent": "ground", "quantity": 1},
        {"intent": "ground", "quantity": 1000},
        {"intent": "relate", "relation": "married to"},
        {"intent": "compare", "aspect": "beauty"},
        {"intent": "compare", "operands": (-1,)},
        {"intent": "refer", "image": -1},
        {"intent": "read", "text": ""},
        {"intent": "read", "text": "x" * 301},
        {"intent": "exist", "targets": ("sign",), "text": "open"},
        {"intent": "exist", "targets": ("sign",), "filters": ({"of": "sign", "text": ""},)},
        {"intent": "exist", "targets": ("sign",), "filters": ({"of": "sign", "text": "x" * 301},)},
        {"intent": "exist", "targets": ("sign",), "filters": ({"of": "dog", "text": "open"},)},
        {"intent": "exist", "targets": ("sign",), "filters": ({"of": "sign", "text": "open", "colour": "red"},)},
        {"intent": "exist", "targets": ("sign",), "filters": ({"of": "sign", "text": "open", "anchor": "dog"},)},
        {"intent": "exist", "targets": ("sign",), "filters": ({"of": "sign", "text": "open", "nth": 2},)},
        {"intent": "list", "targets": ("thing",), "filters": ({"of": "thing", "others": True},)},
        {"intent": "list", "targets": ("thing",), "filters": ({"of": "thing", "others": True, "anchor": "thing"},)},
        {
            "intent": "list", "targets": ("thing",),
            "filters": ({"of": "thing", "others": True, "anchor": "dog", "negated": True},),
        },
        {
            "intent": "list", "targets": ("thing",),
            "filters": ({"of": "thing", "others": True, "anchor": "dog", "colour": "red"},),
        },
    ],
)
def test_a_step_outside_the_bounds_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Step.model_validate(fields)


@pytest.mark.parametrize("count", [0, MAX_STEPS + 1])
def test_a_plan_has_some_steps_and_not_too_many(count: int) -> None:
    with pytest.raises(ValidationError):
        Plan(question="?", steps=(Step(intent=Intent.REFER),) * count)


def test_a_plan_cannot_be_changed_once_made() -> None:
    plan = Plan(question="?", steps=(Step(intent=Intent.REFER),))
    with pytest.raises(ValidationError):
        plan.steps[0].intent = Intent.COUNT
    with pytest.raises(ValidationError):
        plan.question = "!"


@pytest.mark.parametrize("relation", Relation)
def test_the_inverse_of_an_inverse_is_the_relation_itself(relation: Relation) -> None:
    inverse = relation.inverse
    if inverse is not None and relation is not Relation.ON:
        assert inverse.inverse is relation
