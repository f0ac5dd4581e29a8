"""How much of what lies under a mark is meant, and that it is made a region of."""

from typing import Any

import pytest
from PIL import Image

from agent.granularity import with_granularity
from agent.intents import Granularity, Intent, Step

SCENE = (10.0, 10.0, 230.0, 175.0)
DOG, UPPER = (10.0, 60.0, 70.0, 130.0), (10.0, 60.0, 70.0, 95.0)


@pytest.mark.parametrize(
    ("question", "granularity"),
    [
        ("What is this?", None), ("What is this part?", Granularity.PART), ("Which part is this?", None),
        ("Describe the whole thing here.", Granularity.WHOLE), ("What part of it is this?", Granularity.PART),
        ("Outline the entire object at <region1>.", Granularity.WHOLE), ("What is this group?", Granularity.GROUP),
        ("Segment this bunch.", Granularity.GROUP),
    ],
)  # fmt: skip
def test_words(question: str, granularity: Granularity | None) -> None:
    step = Step(intent=Intent.REFER, regions=(0,))
    (made,) = with_granularity([step], question)
    assert made == step.model_copy(update={"granularity": granularity})


@pytest.mark.parametrize(
    "step", [Step(intent=Intent.COUNT, regions=(0,)), Step(intent=Intent.REFER), Step(intent=Intent.READ, regions=(0,)),
             Step(intent=Intent.SEGMENT, targets=("dog",), regions=(0,))],
)  # fmt: skip
def test_only_what_is_about_marks(step: Step) -> None:
    assert with_granularity([step], "What is this part?") == (step,)


@pytest.mark.parametrize(
    ("question", "box"),
    [("What is this part?", UPPER), ("What is the whole thing here?", DOG), ("What is this group?", SCENE)],
)
def test_a_point_becomes_what_is_meant_and_comes_back_described(
    agent: Any, world: Any, scene: Image.Image, question: str, box: tuple[float, ...]
) -> None:
    answer = agent.ask(question, scene, regions=["point:40,90"])
    assert world.calls.count("sam") == 1
    assert answer.regions[0].mask is not None
    assert tuple(answer.regions[0].box) == box


def test_a_mark_stays_what_it_is_where_the_segmenter_fails(agent: Any, world: Any, scene: Image.Image) -> None:
    world.broken.add("sam")
    answer = agent.ask("What is this part?", scene, regions=["point:40,90"])
    assert answer.regions[0].mask is None
    assert answer.text.startswith("This is a dog.")


def test_a_box_says_itself_how_much_is_meant(agent: Any, world: Any, scene: Image.Image) -> None:
    agent.ask("What is this part?", scene, regions=["box:10,60,70,130"])
    assert "sam" not in world.calls
