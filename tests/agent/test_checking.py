"""What the check buys: doubt is referred back, dreams are dropped, two voices name better than one."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import checking
from agent.asking import Ask, name_probabilities
from agent.assistant import VisionAgent
from agent.checking import Checker, voted
from agent.instruments import Instruments
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


Asked = list[tuple[int, tuple[float, ...], list[str]]]


@pytest.fixture
def weighed(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """Of what was in doubt: the picture, the place, and the names that Ferret was asked for."""
    asked: Asked = []

    def listening(ask: Ask, names: Sequence[str], *rest: Any) -> dict[str, float]:
        asked.append((ask.image, ask.regions[0].bounds(1000, 1000).coordinates, list(names)))
        return name_probabilities(ask, names, *rest)

    monkeypatch.setattr(checking, "name_probabilities", listening)
    return asked


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("Where is the dog?", ["cat", "dog", "owl"]),
        ("Where are the dog and the apple?", ["apple", "cat", "dog", "owl"]),
        ("Where is the dog, and how many dogs are there?", ["cat", "dog", "owl"]),
        ("Where is the zyxgar?", ["cat", "owl", "zyxgar"]),
        ("Is the dog left of the key?", ["cat", "dog", "key", "owl"]),
        # Few enough to be asked for one by one.
        ("Where are the animals?", ["cat", "dog", "owl", "wolf"]),
        # Of whatever is there, Ferret first says what it sees.
        ("What do you see?", ["cat", "owl", "tree"]),
        ("How many things are there?", ["cat", "owl", "tree"]),
        ("What do you see, and where is the dog?", ["cat", "dog", "owl", "tree"]),
        ("What does it say?", None),
    ],
)
def test_what_is_in_doubt_is_weighed_by_every_name_that_matters(
    agent: Any, world: Any, thing: Any, weighed: Asked, question: str, names: list[str] | None
) -> None:
    agent.ask(question, world.paint([thing("tree", DOG, seen=0.4, taken_for="cat", also=(("owl", 0.1),))]))
    assert weighed == ([] if names is None else [(0, DOG, names)])


def test_of_a_wide_word_ferret_says_the_name(
    agent: Any, world: Any, thing: Any, weighed: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "CANDIDATES", 3)
    picture = world.paint([thing("wolf", DOG, seen=0.4, taken_for="cat")])
    assert agent.ask("Where are the animals?", picture).status == "answered"
    assert weighed == [(0, DOG, ["cat", "wolf"])]


KEYS = [(10.0 + 60 * column, 10.0, 40.0 + 60 * column, 40.0) for column in range(3)]


@pytest.mark.parametrize(
    ("question", "limits", "places"),
    [
        ("Where is the dog?", Limits(), [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]),
        ("Where is the dog?", Limits(max_zooms=2), [(0, 0), (0, 1), (1, 0), (1, 1)]),
        ("Where is the dog?", Limits(max_zooms=0), []),
        ("Where is the dog?", Limits(max_checks=4), [(0, 0), (0, 1), (0, 2), (1, 0)]),
        ("Where is the dog in the second picture?", Limits(), [(1, 0), (1, 1), (1, 2)]),
        # Each is asked about twice: what it is, and whether it is one of these.
        ("What do you see?", Limits(max_checks=7), [(0, 0), (0, 1), (0, 2)]),
        ("What do you see?", Limits(max_checks=1), []),
        ("What do you see?", Limits(max_checks=0), []),
    ],
)
def test_the_surest_are_weighed_as_long_as_questions_are_left(
    agent: Any, world: Any, thing: Any, weighed: Asked, question: str, limits: Limits, places: list[tuple[int, int]]
) -> None:
    pictures = [
        world.paint([thing("key", place, seen=0.5 - 0.05 * rank) for rank, place in enumerate(KEYS)], seed=seed)
        for seed in (0, 1)
    ]
    agent.limits = limits
    answer = agent.ask(question, *pictures)
    assert [(image, place) for image, place, _ in weighed] == [(image, KEYS[rank]) for image, rank in places]
    assert ("ferret" in [one.tool for one in answer.evidence]) == bool(places or question.startswith("Where"))


def test_of_two_things_at_one_place_each_keeps_its_own_word(agent: Any, world: Any, thing: Any) -> None:
    world.misnames["dog"] = "wolf"
    picture = world.paint([thing("dog", DOG, seen=0.9), thing("dog", DOG, seen=0.4, taken_for="wolf")])
    answer = agent.ask("Where is the dog?", picture)
    assert (answer.status, [region.source for region in answer.regions]) == ("answered", ["detector"])


def test_what_both_find_improbable_ferret_alone_does_not_bring_back(agent: Any, world: Any, thing: Any) -> None:
    world.dreams["dog"], world.sureness = DOG, 0.999
    picture = world.paint([thing("tree", DOG, seen=0.25, taken_for="dog")])
    assert agent.ask("Where is the dog?", picture).status == "not_found"


def test_of_weights_that_speak_freely_the_answer_counts(
    agent: Any, world: Any, thing: Any, weighed: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Instruments, "speaks_freely", lambda _: True)
    picture = world.paint([thing("dog", DOG, seen=0.3), thing("tree", (130, 70, 230, 175), seen=0.3, taken_for="cat")])
    assert [agent.ask(f"Is there a {name}?", picture).status for name in ("dog", "cat")] == ["answered", "not_found"]
    assert agent.ask("List the animals.", picture).text == "I see a dog."
    assert weighed == []


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


def test_what_ferret_sees_across_two_things_is_no_third(agent: Any, world: Any, thing: Any) -> None:
    world.dreams["apple"] = (44, 20, 94, 90)
    apples = [thing("apple", (20, 20, 66, 60)), thing("apple", (64, 20, 110, 60))]
    assert agent.ask("How many apples are there?", world.paint(apples)).text.startswith("There are 2 apples")
    assert agent.ask("How many apples are there?", world.paint(apples[1:])).text.startswith("There are 2 apples")


@pytest.mark.parametrize(
    ("part", "count"),
    [
        ((10, 60, 70, 100), 1),  # the upper half of the dog
        ((40, 70, 100, 130), 1),  # half on it
        ((66, 60, 126, 130), 2),  # beside it
    ],
)
def test_ferrets_word_makes_no_second_thing_of_a_part(
    agent: Any, world: Any, thing: Any, part: tuple[int, int, int, int], count: int
) -> None:
    world.misnames["key"] = "dog"  # what both take for a dog there, and Ferret does not find when asked for dogs
    picture = world.paint([thing("dog", (10, 60, 70, 130)), thing("key", part, seen=0.3, taken_for="dog")])
    answer = agent.ask("How many dogs are there?", picture)
    assert len(answer.regions) == count, answer.text
