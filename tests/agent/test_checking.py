"""What the check buys: doubt is referred back, dreams are dropped, two voices name better than one."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.assistant import VisionAgent
from agent.checking import Checker, voted
from agent.settings import Limits, Thresholds
from agent.sightings import Sighting

DOG = (10.0, 60.0, 70.0, 130.0)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 4))
def test_a_vote_keeps_a_probability_and_moves_it_its_way(probability: float, confidence: float, loudest: float) -> None:
    up, down = (voted(probability, confidence, agrees, loudest) for agrees in (True, False))
    assert 0.0 <= down <= up <= 1.0
    assert sum(voted(0.5, confidence, agrees, loudest) for agrees in (True, False)) == pytest.approx(1.0)
    assert voted(probability, confidence, True, 0.0) == pytest.approx(min(max(probability, 1e-4), 1 - 1e-4))


def test_a_sure_detection_needs_no_question_back(agent: Any, world: Any, thing: Any) -> None:
    agent.ask("What do you see?", world.paint([thing("dog", DOG)]))
    assert world.calls == ["detector"]


def test_a_doubtful_detection_that_ferret_confirms_counts(agent: Any, world: Any, thing: Any) -> None:
    answer = agent.ask("What do you see?", world.paint([thing("dog", DOG, seen=0.3)]))
    assert answer.text == "I see a dog."
    assert answer.confidence > 0.5
    assert world.calls == ["detector", "ferret", "ferret"]


def test_a_doubtful_detection_is_what_both_take_it_for(agent: Any, world: Any, thing: Any) -> None:
    picture = world.paint([thing("dog", DOG), thing("tree", (130, 70, 230, 175), seen=0.4, taken_for="cat")])
    assert agent.ask("What do you see?", picture).text == "I see a dog and a tree."
    assert [region.source for region in agent.ask("Where is the tree?", picture).regions] == ["detector"]
    assert agent.ask("Is there a cat?", picture).status == "not_found"


def test_what_the_detector_misses_ferret_may_find_and_confirm(agent: Any, world: Any, thing: Any) -> None:
    answer = agent.ask("Where is the dog?", world.paint([thing("dog", DOG, seen=0.0)]))
    assert answer.status == "answered"
    (region,) = answer.regions
    assert region.source == "ferret"
    assert region.box == pytest.approx(DOG, abs=1.0)
    assert answer.confidence < 1.0


@pytest.mark.parametrize(
    ("scores", "kept"),
    [((0.9, 0.1), 1), ((0.9, 0.14, 0.13), 2), ((0.3, 0.1), 2), ((0.06, 0.055, 0.04), 2), ((0.04,), 0), ((), 0)],
)
def test_beside_what_is_certainly_there_a_faint_second_is_a_mistake(
    monkeypatch: pytest.MonkeyPatch, scores: tuple[float, ...], kept: int
) -> None:
    checker = object.__new__(Checker)  # with the limits alone: what was seen and heard is given
    checker.limits = Thresholds()
    places = [(60.0 * n, 0.0, 60.0 * n + 50, 50.0) for n in range(len(scores))]
    seen = [Sighting("dog", 0, place, score, "detector") for place, score in zip(places, scores, strict=True)]
    monkeypatch.setattr(checker, "names", lambda phrase: (phrase,))
    monkeypatch.setattr(checker, "_candidates", lambda *_: seen)
    monkeypatch.setattr(checker, "_weighed", lambda sighting: sighting)
    assert checker.present("dog", 0) == seen[:kept]


def test_what_ferret_dreams_up_is_not_found(agent: Any, world: Any, thing: Any) -> None:
    picture = world.paint([thing("dog", DOG), thing("tree", (130, 70, 230, 175))])
    world.dreams["cat"] = (150, 80, 200, 160)
    answer = agent.ask("Where is the cat?", picture)
    assert answer.status == "not_found"
    assert answer.regions == []


def test_two_voices_name_a_region(agent: Any, world: Any, thing: Any) -> None:
    picture = world.paint([thing("dog", DOG, seen=0.55, taken_for="wolf", also=(("dog", 0.40),))])
    answer = agent.ask("What is this?", picture, regions=["box:10,60,70,130"])
    assert answer.text == "This is a dog."


def test_a_sure_detector_outvotes_an_unsure_ferret(agent: Any, world: Any, thing: Any) -> None:
    world.misnames["dog"] = "wolf"
    world.sureness = 0.4
    picture = world.paint([thing("dog", DOG, seen=0.97, also=(("wolf", 0.02),))])
    answer = agent.ask("What is this?", picture, regions=["box:10,60,70,130"])
    assert answer.text == "This is a dog."


def test_disagreement_lowers_the_confidence(agent: Any, world: Any, thing: Any) -> None:
    picture = world.paint([thing("dog", DOG, seen=0.7)])
    agreed = agent.ask("What is this?", picture, regions=["box:10,60,70,130"])
    world.misnames["dog"] = "wolf"
    disagreed = agent.ask("What is this?", picture, regions=["box:10,60,70,130"])
    assert disagreed.confidence < agreed.confidence


def test_nobody_sure_means_unsure(agent: Any, world: Any, thing: Any) -> None:
    world.sureness = 0.2
    picture = world.paint([thing("dog", DOG, seen=0.0)])
    answer = agent.ask("What is this?", picture, regions=["box:10,60,70,130"])
    assert answer.status == "unsure"
    assert answer.text.startswith("I am not sure: this may be ")
    assert answer.confidence < 0.35


def test_one_thing_keeps_one_name(agent: Any, world: Any, thing: Any) -> None:
    picture = world.paint([thing("dog", DOG, seen=0.9), thing("dog", DOG, seen=0.7, taken_for="wolf")])
    assert agent.ask("What do you see?", picture).text == "I see a dog."


def test_a_word_that_no_model_knows_is_never_certain(agent: Any, world: Any, thing: Any) -> None:
    world.dreams["zyxgar"] = (150, 20, 200, 60)
    answer = agent.ask("Where is the zyxgar?", world.paint([thing("dog", DOG)]))
    assert answer.status == "unsure"


def test_without_checks_what_was_first_seen_is_believed(agent: Any, world: Any, thing: Any) -> None:
    picture = world.paint([thing("wolf", DOG, seen=0.2, taken_for="dog"), thing("key", (130, 70, 160, 100), seen=0.2)])
    trusting = VisionAgent(instruments=agent.instruments, folder=agent.threads.folder, limits=Limits(max_checks=0))
    assert agent.ask("Is there a dog?", picture).status == "not_found"
    assert trusting.ask("Is there a dog?", picture).status != "not_found"


def test_without_a_detector_ferret_answers_alone(agent: Any, world: Any, thing: Any) -> None:
    world.broken.add("detector")
    picture = world.paint([thing("dog", DOG)])
    answer = agent.ask("What is this?", picture, regions=["box:10,60,70,130"])
    assert answer.text == "This is a dog. This is without the detector, which failed."
    assert ("detector", "detector is out of order") in [(one.tool, one.summary) for one in answer.evidence]
    assert agent.ask("Is there a cat?", picture).status == "unsure"
