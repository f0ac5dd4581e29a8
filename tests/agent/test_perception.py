"""Which instruments a plan calls for, and what happens when one fails."""

from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

from agent.artifacts import ArtifactStore
from agent.context import Context
from agent.instruments import Instruments, ToolName
from agent.intents import Filter, Intent, Plan, Relation, Step
from agent.perception import Observed, looks_for, pictures_of, take_look
from ferret.errors import RequestError

BOX = {"kind": "box", "image": 0, "numbers": [1.0, 2.0, 30.0, 40.0]}
ON_SECOND = {"kind": "point", "image": 1, "numbers": [5.0, 6.0]}


def plan(*steps: Step) -> Plan:
    return Plan(question="q", steps=steps)


@pytest.mark.parametrize(
    ("step", "regions", "looks"),
    [
        (Step(intent=Intent.REFER, regions=(0,)), [BOX], [("detector", 0)]),
        (Step(intent=Intent.REFER, regions=(1,)), [BOX, ON_SECOND], [("detector", 1)]),
        (Step(intent=Intent.GROUND, targets=("dog",)), [], [("detector", 0)]),
        (Step(intent=Intent.COUNT, targets=("dog",), image=None), [], [("detector", 0), ("detector", 1)]),
        (Step(intent=Intent.COUNT, targets=("dog",), image=1), [], [("detector", 1)]),
        (Step(intent=Intent.READ), [], [("ocr", 0)]),
        (Step(intent=Intent.READ, regions=(0,)), [BOX], [("ocr", 0)]),
        (Step(intent=Intent.READ, targets=("sign",)), [], [("ocr", 0), ("detector", 0)]),
        (Step(intent=Intent.SEGMENT, targets=("dog",)), [], [("detector", 0)]),
        (
            Step(intent=Intent.SEGMENT, targets=("sign",), filters=(Filter(of="sign", text="exit"),)), [],
            [("ocr", 0), ("detector", 0)],
        ),
        (
            Step(
                intent=Intent.COUNT, targets=("dog",), image=1,
                filters=(Filter(of="dog", relation=Relation.NEAR, anchor="sign"), Filter(of="sign", text="exit")),
            ), [], [("ocr", 1), ("detector", 1)],
        ),
        (Step(intent=Intent.SEGMENT, regions=(0,)), [BOX], [("detector", 0)]),
        (Step(intent=Intent.COMPARE, operands=(0, 1)), [BOX, ON_SECOND], [("detector", 0), ("detector", 1)]),
        (Step(intent=Intent.DESCRIBE, image=7), [], [("detector", 0), ("detector", 1)]),
    ],
)  # fmt: skip
def test_looks(step: Step, regions: list[Any], looks: list[tuple[str, int]]) -> None:
    assert [(look["tool"], look["image"]) for look in looks_for(plan(step), ["a", "b"], regions)] == looks


def test_one_look_serves_several_steps() -> None:
    steps = [Step(intent=intent, targets=("dog",)) for intent in (Intent.GROUND, Intent.COUNT, Intent.EXIST)]
    assert len(looks_for(plan(*steps), ["a"], [])) == 1


def test_regions_beyond_the_given_ones_are_left_out() -> None:
    assert pictures_of(Step(intent=Intent.REFER, regions=(5,)), 1, [BOX]) == [0]


def test_a_failing_instrument_becomes_an_observation(
    world: Any, loaders: dict[str, Callable[[], Any]], scene: Image.Image
) -> None:
    context = Context(Instruments(loaders=loaders), ArtifactStore())
    key = context.artifacts.put_image(scene)
    look = looks_for(plan(Step(intent=Intent.LIST)), [key], [])[0]
    world.broken.add("detector")
    seen = take_look(look, context)
    assert seen["error"] == "detector is out of order"
    observed = Observed([seen], context.artifacts)
    assert observed.detections(0) == []
    assert observed.at(look["key"]) is None
    assert observed.evidence()[0]["summary"] == "detector is out of order"


def test_an_observation_is_small_and_its_content_is_kept_by_hash(
    loaders: dict[str, Callable[[], Any]], scene: Image.Image
) -> None:
    context = Context(Instruments(loaders=loaders), ArtifactStore())
    look = looks_for(plan(Step(intent=Intent.LIST)), [context.artifacts.put_image(scene)], [])[0]
    first, second = take_look(look, context), take_look(look, context)
    assert first["artifact"] == second["artifact"]
    assert first["summary"] == "6 objects"
    assert len(str(first)) < 400
    assert [thing.label for thing in Observed([first], context.artifacts).detections(0, 0.93)] == ["apple"]


def test_an_unknown_instrument_is_refused() -> None:
    with pytest.raises(RequestError, match="telescope"):
        Instruments(loaders={"telescope": lambda: None})


@pytest.mark.parametrize(
    ("error", "tool", "image", "looked"),
    [(None, "detector", 0, True), ("out of order", "detector", 0, False), (None, "ocr", 0, False),
     (None, "detector", 1, False)],
)  # fmt: skip
def test_a_look_counts_when_it_was_taken_and_did_not_fail(
    error: str | None, tool: ToolName, image: int, looked: bool
) -> None:
    artifacts = ArtifactStore()
    seen = {"tool": "detector", "image": 0, "key": "detector:0:", "artifact": artifacts.put_json([]), "error": error}
    assert Observed([seen], artifacts).looked(tool, image) is looked
