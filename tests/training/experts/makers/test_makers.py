"""Every maker: what it asks about a picture that offers everything, its exact answers, and when it keeps silent."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from training.experts.certainty import Facts, Picture, Sureness, find_facts
from training.experts.exchange import Asker, Coordinates, Exchange
from training.experts.makers import MAKERS, Maker
from training.experts.makers.steps import join_steps

MakePicture = Callable[..., Picture]
VOCABULARY = ("dog", "key", "sign", "wolf")  # only the wolf is absent
MAKER = {maker.task: maker for maker in MAKERS}


@pytest.fixture
def facts(make_picture: MakePicture) -> Facts:
    """A dog in the upper left, two keys below and right of it, a large sign on the right that says SALE."""
    return find_facts(full_picture(make_picture), VOCABULARY, Sureness())


def full_picture(make_picture: MakePicture) -> Picture:
    return make_picture(
        ("dog", (0, 0, 40, 20)), ("key", (0, 80, 20, 100)), ("key", (90, 84, 110, 100)), ("sign", (130, 0, 200, 30)),
        text=[("SALE", (140, 5, 190, 25))], masks=True,
    )  # fmt: skip


def asked(facts: Facts, task: str, coordinates: Coordinates = "unsaid", tries: int = 40) -> list[Exchange]:
    """What a maker gives over many dice."""
    found = [MAKER[task].make(Asker(facts, np.random.default_rng(seed), coordinates)) for seed in range(tries)]
    return [exchange for exchange in found if exchange is not None]


def answers(facts: Facts, task: str, coordinates: Coordinates = "unsaid") -> set[str]:
    return {exchange.answer for exchange in asked(facts, task, coordinates, tries=300)}


EXPECTED: dict[str, set[str]] = {
    "name_region": {"A dog.", "A key.", "A sign."},
    "check_name": {
        "Yes, it is a dog.", "Yes, it is a key.", "Yes, it is a sign.", "No, it is a dog, not a wolf.",
        "No, it is a dog, not a key.", "No, it is a dog, not a sign.", "No, it is a key, not a dog.",
        "No, it is a key, not a sign.", "No, it is a key, not a wolf.", "No, it is a sign, not a dog.",
        "No, it is a sign, not a key.", "No, it is a sign, not a wolf.",
    },
    "choose_name": {"A dog.", "A key.", "A sign."},
    "find_one": {"The dog <box1>.", "The sign <box1>."},
    "find_all": {"The 2 keys <box1> <box2>."},
    "find_absent": {"There is no wolf.", "There are no wolves."},
    "find_text": {'The text "SALE" <box1>.'},
    "list_all": {"A dog, 2 keys and a sign."},
    "list_places": {"The objects are: 1: dog <box1>, 2: sign <box2>, 3: key <box3>, 4: key <box4>."},
    "count_name": {"There is 1 dog.", "There are 2 keys.", "There is 1 sign."},
    "count_absent": {"There are no wolves."},
    "exist_yes": {"Yes, there is a dog.", "Yes, there are 2 keys.", "Yes, there is a sign."},
    "exist_no": {"No, there is no wolf."},
    "relate_names": {"The dog is left of the sign.", "The sign is right of the dog."},
    "check_relation": {
        "Yes, the dog is left of the sign.", "Yes, the sign is right of the dog.",
        "No, the dog is left of the sign.", "No, the sign is right of the dog.",
    },
    "read_line": {'It says "SALE".'},
    "read_thing": {'It says "SALE".', "There is no text on it."},
    "read_all": {'The text reads: "SALE".'},
    "segment_name": {"The dog <box1>.", "The 2 keys <box1> <box2>.", "The sign <box1>."},
    "segment_region": {"A dog <box1>.", "A key <box1>.", "A sign <box1>."},
    "segment_absent": {"There is no wolf to segment."},
    "compare_number": {
        "There is 1 dog and 2 keys, so more keys.", "There are 2 keys and 1 dog, so more keys.",
        "There is 1 dog and 1 sign, so as many of the one as of the other.",
        "There are no wolves and 1 dog, so more dogs.",
        "There is 1 sign and 1 dog, so as many of the one as of the other.",
        "There is 1 dog and no wolves, so more dogs.",
        "There is 1 sign and 2 keys, so more keys.", "There are 2 keys and 1 sign, so more keys.",
        "There is 1 sign and no wolves, so more signs.", "There are no wolves and 1 sign, so more signs.",
        "There are 2 keys and no wolves, so more keys.", "There are no wolves and 2 keys, so more keys.",
    },
}  # fmt: skip


@pytest.mark.parametrize("task", EXPECTED)
def test_exactly_these_answers(task: str, facts: Facts) -> None:
    assert answers(facts, task) == EXPECTED[task]


SOME: dict[str, str] = {
    "name_regions": "Here are the categories: 1: key, 2: dog.",
    "find_several": "There is no wolf. The 2 keys <box1> <box2>.",
    "describe_picture": (
        'The picture shows a sign, a dog and 2 keys. The sign is right of the dog. One can read "SALE".'
    ),
    "describe_region": 'It is a sign in the upper right of the picture. It is right of the dog. One can read "SALE".',
    "list_which": "A dog and 2 keys.",
    "count_several": "There are 2 keys and no wolves.",
    "relate_regions": "The first key is left of the second key.",
    "check_text": 'Yes, it says "SALE".',
    "compare_kind": "Yes: a key and another key.",
    "compare_size": "The dog is larger than the key.",
}


@pytest.mark.parametrize("task", SOME)
def test_this_answer_among_others(task: str, facts: Facts) -> None:
    assert SOME[task] in answers(facts, task)


def test_the_tables_above_leave_no_maker_out() -> None:
    assert set(EXPECTED) | set(SOME) == set(MAKER)
    assert len(MAKER) == len(MAKERS)


@pytest.mark.parametrize("maker", MAKERS, ids=lambda maker: maker.task)
@pytest.mark.parametrize("coordinates", ["asked", "unsaid", "refused"])
def test_questions_and_answers_hang_together(maker: Maker, coordinates: Coordinates, facts: Facts) -> None:
    made = asked(facts, maker.task, coordinates)
    assert made or (
        coordinates == "refused" and maker.task in {"list_places", "segment_name", "segment_region", "segment_absent"}
    )
    for exchange in made:
        assert exchange.intents == (maker.intent,)
        assert all(exchange.question.count(f"<region{n}>") == 1 for n in range(1, len(exchange.regions) + 1))
        assert all(exchange.answer.count(f"<box{n}>") == 1 for n in range(1, len(exchange.boxes) + 1))
        assert exchange.question.count("<region") == len(exchange.regions)
        assert exchange.answer.count("<box") == len(exchange.boxes)
        assert "{" not in exchange.question + exchange.answer
        assert "  " not in exchange.question + exchange.answer
        assert exchange.answer[-1] == "."
        assert not exchange.answer[0].islower()
        assert not (coordinates == "refused" and exchange.boxes)
        assert bool(exchange.absent) <= exchange.negative
        if coordinates == "asked" and exchange.about and not exchange.negative:
            assert exchange.boxes


EMPTY_SERVES = {"find_absent", "count_absent", "exist_no", "list_which", "read_all", "check_text", "segment_absent"}


@pytest.mark.parametrize("maker", MAKERS, ids=lambda maker: maker.task)
def test_an_empty_picture_is_only_asked_for_what_is_not_there(maker: Maker, make_picture: MakePicture) -> None:
    empty = find_facts(make_picture(), VOCABULARY, Sureness())
    made = asked(empty, maker.task)
    assert bool(made) is (maker.task in EMPTY_SERVES)
    assert all(exchange.negative for exchange in made)


@pytest.mark.parametrize("maker", MAKERS, ids=lambda maker: maker.task)
def test_where_experts_failed_nothing_is_asked(maker: Maker, make_picture: MakePicture) -> None:
    blind = replace(make_picture(), objects=None, lines=None)
    assert asked(find_facts(blind, VOCABULARY, Sureness()), maker.task) == []


@pytest.mark.parametrize("task", ["list_all", "list_places"])
def test_lists_need_everything_to_be_certain(task: str, make_picture: MakePicture) -> None:
    picture = make_picture(("dog", (0, 0, 40, 40)), ("key", (100, 50, 120, 80), 0.2))
    assert asked(find_facts(picture, VOCABULARY, Sureness()), task) == []


@pytest.mark.parametrize("task", ["read_all", "check_text", "find_text"])
def test_text_as_a_whole_needs_all_of_it_to_be_certain(task: str, make_picture: MakePicture) -> None:
    picture = make_picture(text=[("SALE", (0, 0, 40, 10)), ("faint", (0, 50, 40, 60), 0.6)])
    assert asked(find_facts(picture, VOCABULARY, Sureness()), task) == []


def test_segmenting_needs_masks(make_picture: MakePicture) -> None:
    picture = replace(full_picture(make_picture), masks=())
    found = find_facts(picture, VOCABULARY, Sureness())
    assert asked(found, "segment_name") == asked(found, "segment_region") == []


def test_the_masks_travel_with_the_marks(facts: Facts) -> None:
    for exchange in asked(facts, "segment_region"):
        assert exchange.boxes[0].mask == exchange.regions[0].mask is not None
    assert all(mark.mask is None for exchange in asked(facts, "read_line") for mark in exchange.regions)


def test_the_place_is_told_in_words_where_coordinates_are_refused(facts: Facts) -> None:
    assert answers(facts, "find_one", "refused") == {
        "The dog is in the upper left of the picture.", "The sign is in the upper right of the picture.",
    }  # fmt: skip
    assert answers(facts, "find_all", "refused") == {
        "The 2 keys are here: one in the lower left and one in the lower part."
    }


def test_half_of_the_checks_are_denied(facts: Facts) -> None:
    for task in ("check_name", "check_relation"):
        made = asked(facts, task, tries=400)
        assert 0.35 < sum(exchange.negative for exchange in made) / len(made) < 0.65


@pytest.mark.parametrize("count", [2, 3])
def test_steps_are_joined_with_their_regions_and_boxes_counted_on(count: int, facts: Facts) -> None:
    parts = [asked(facts, task, "asked")[0] for task in ("name_region", "exist_no", "find_all")][:count]
    forms = set()
    for seed in range(60):
        joined = join_steps(Asker(facts, np.random.default_rng(seed), "asked"), parts)
        assert joined.intents == ("refer", "exist", "ground")[:count]
        assert joined.regions == parts[0].regions
        assert joined.boxes == tuple(mark for part in parts for mark in part.boxes)
        assert joined.absent == ("wolf",)
        assert joined.negative
        assert "<box1>" in joined.answer
        assert ("<box2> <box3>" in joined.answer) is (count == 3)
        assert len(joined.about) == len({id(what) for part in parts for what in part.about})
        forms.add(joined.question.replace(parts[0].question, "1").replace(parts[1].question, "2"))
    assert len(forms) == 6
