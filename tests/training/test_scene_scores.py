"""The judges of the scene evaluation: tables that begin with the edges."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferret.masks import encode_rle
from ferret.regions import Box
from training.scene_scores import (
    SCORERS,
    Reply,
    Truth,
    denies,
    f1,
    judge,
    match_boxes,
    mean_and_error,
    names_in,
    number_in,
    reply_of_assistant,
    reply_of_model,
    score_absent,
    score_count,
    score_dense_detect,
    score_exist,
    score_ground_all,
    score_ground_one,
    score_list,
    score_read,
    score_refer,
    score_relate,
    score_segment,
)

NAMES = ("dog", "hot dog", "mouse", "computer mouse", "apple", "glasses", "wine glass", "key", "goose")
LEFT, RIGHT = Box(0, 0, 40, 40), Box(60, 0, 100, 40)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", []),
        ("nothing", []),
        ("A dog.", ["dog"]),
        ("a hot dog and two dogs", ["hot dog", "dog"]),
        ("Hot-dogs", ["hot dog"]),
        ("3 computer mice, a mouse", ["computer mouse", "mouse"]),
        ("wine glasses and glasses", ["wine glass", "glasses"]),
        ("2 geese and a key", ["goose", "key"]),
        ("doghouse keyboard", []),
    ],
)
def test_names_in(text: str, names: list[str]) -> None:
    assert names_in(text, NAMES) == names


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("", None),
        ("a dog", None),
        ("0 dogs", 0),
        ("There are no dogs.", 0),
        ("I see 12 apples and 3 keys", 12),
        ("Three!", 3),
    ],
)
def test_number_in(text: str, number: int | None) -> None:
    assert number_in(text) == number


@pytest.mark.parametrize(
    ("text", "no"),
    [
        ("No.", True),
        ("No, there is no dog.", True),
        ("There is no dog here.", True),
        ("There are no dogs.", True),
        ("I don't see a dog.", True),
        ("0 dogs", True),
        ("Yes, a dog.", False),
        ("10 dogs", False),
        ("The notebook is here.", False),
        ("There is a dog.", False),
        ("", False),
    ],
)
def test_denies(text: str, no: bool) -> None:
    assert denies(text) is no


@pytest.mark.parametrize(
    ("hits", "predicted", "actual", "score"),
    [(0, 0, 0, 1.0), (0, 0, 2, 0.0), (0, 3, 0, 0.0), (1, 1, 1, 1.0), (1, 2, 1, 2 / 3), (2, 2, 4, 2 / 3)],
)
def test_f1(hits: int, predicted: int, actual: int, score: float) -> None:
    assert f1(hits, predicted, actual) == pytest.approx(score)


def test_each_box_is_matched_once_and_the_best_first() -> None:
    near, nearer = Box(0, 0, 40, 30), Box(0, 0, 40, 39)
    assert match_boxes([near, nearer], [LEFT]) == [(1, 0)]
    assert match_boxes([LEFT, RIGHT], [RIGHT, LEFT]) == [(0, 1), (1, 0)]
    assert match_boxes([LEFT], [RIGHT]) == []
    assert match_boxes([], [LEFT]) == []
    assert match_boxes([LEFT], [LEFT], lambda _i, _j: False) == []


@given(st.lists(st.integers(0, 9), max_size=6), st.lists(st.integers(0, 9), max_size=6))
def test_matching_is_one_to_one(predicted: list[int], actual: list[int]) -> None:
    boxes = [Box(10 * n, 0, 10 * n + 15, 10) for n in range(10)]
    pairs = match_boxes([boxes[i] for i in predicted], [boxes[i] for i in actual])
    assert len({i for i, _ in pairs}) == len({j for _, j in pairs}) == len(pairs)
    assert all(predicted[i] == actual[j] for i, j in pairs)
    assert len(pairs) == sum(min(predicted.count(n), actual.count(n)) for n in range(10))


@pytest.mark.parametrize(
    ("reply", "score"),
    [
        (Reply(""), 0),
        (Reply("a dog"), 1),
        (Reply("Dogs."), 1),
        (Reply("This is a dog."), 1),
        (Reply("It is a hot dog."), 0),
        (Reply("That is the thing.", phrases=("dog",)), 1),
        (Reply("This is a key, not a dog.", phrases=("key",)), 0),
        (Reply("There is no dog."), 0),
        (Reply("a key"), 0),
    ],
)
def test_score_refer(reply: Reply, score: float) -> None:
    assert score_refer(reply, Truth(name="dog"), NAMES) == score


def test_score_ground_one_takes_the_first_box() -> None:
    truth = Truth(name="dog", boxes=(LEFT,))
    assert score_ground_one(Reply("dog", boxes=(LEFT, RIGHT)), truth, NAMES) == 1
    assert score_ground_one(Reply("dog", boxes=(RIGHT, LEFT)), truth, NAMES) == 0
    assert score_ground_one(Reply("dog"), truth, NAMES) == 0


def test_score_ground_all_is_f1() -> None:
    truth = Truth(boxes=(LEFT, RIGHT))
    assert score_ground_all(Reply("", boxes=(RIGHT, LEFT)), truth, NAMES) == 1
    assert score_ground_all(Reply("", boxes=(RIGHT,)), truth, NAMES) == pytest.approx(2 / 3)
    assert score_ground_all(Reply("", boxes=(RIGHT, RIGHT)), truth, NAMES) == 0.5
    assert score_ground_all(Reply(""), truth, NAMES) == 0


@pytest.mark.parametrize(("status", "score"), [("not_found", 1), ("answered", 0), ("unsure", 0), ("error", 0)])
def test_score_absent(status: str, score: float) -> None:
    assert score_absent(Reply("There is no dog.", status), Truth(present=False), NAMES) == score


@pytest.mark.parametrize(
    ("reply", "present", "score"),
    [
        (Reply("Yes, a dog."), True, 1),
        (Reply("Yes, a dog."), False, 0),
        (Reply("No, there is no dog."), True, 0),
        (Reply("No."), False, 1),
        (Reply("Nothing like that.", "not_found"), False, 1),
        (Reply("Perhaps.", "unsure"), True, 0),
        (Reply("Perhaps.", "unsure"), False, 0),
    ],
)
def test_score_exist(reply: Reply, present: bool, score: float) -> None:
    assert score_exist(reply, Truth(name="dog", present=present), NAMES) == score


@pytest.mark.parametrize(
    ("reply", "count", "score"),
    [
        (Reply("2 dogs"), 2, 1),
        (Reply("There are two dogs."), 2, 1),
        (Reply("2 dogs"), 1, 0),
        (Reply("Dogs.", boxes=(LEFT, RIGHT)), 2, 1),
        (Reply("There is no dog.", "not_found"), 0, 1),
        (Reply("None of them.", "not_found"), 0, 1),
        (Reply("0 dogs"), 0, 1),
    ],
)
def test_score_count(reply: Reply, count: int, score: float) -> None:
    assert score_count(reply, Truth(boxes=(LEFT,) * count), NAMES) == score


def test_score_list_compares_sets_of_names() -> None:
    truth = Truth(labels=("dog", "dog", "key"))
    assert score_list(Reply("2 dogs and a key"), truth, NAMES) == 1
    assert score_list(Reply("a dog"), truth, NAMES) == pytest.approx(2 / 3)
    assert score_list(Reply("nothing"), truth, NAMES) == 0


def test_score_dense_detect_needs_name_and_box() -> None:
    truth = Truth(boxes=(LEFT, RIGHT), labels=("dog", "key"))
    assert score_dense_detect(Reply("", boxes=(LEFT, RIGHT), labels=("1: dog", "keys")), truth, NAMES) == 1
    assert score_dense_detect(Reply("", boxes=(LEFT, RIGHT), labels=("key", "dog")), truth, NAMES) == 0
    assert score_dense_detect(Reply("", boxes=(LEFT,), labels=("dog",)), truth, NAMES) == pytest.approx(2 / 3)


def test_score_segment_is_iou() -> None:
    mask = np.zeros((4, 6), np.bool_)
    mask[:2, :4] = True
    half = mask.copy()
    half[1] = False
    truth = Truth(mask=mask)
    assert score_segment(Reply("", mask=mask), truth, NAMES) == 1
    assert score_segment(Reply("", mask=half), truth, NAMES) == 0.5
    assert score_segment(Reply("", mask=mask.T), truth, NAMES) == 0
    assert score_segment(Reply(""), truth, NAMES) == 0


@pytest.mark.parametrize(
    ("text", "relation", "score"),
    [
        ("left of", "left of", 1),
        ("It is to the left of the dog.", "left of", 1),
        ("right of", "left of", 0),
        ("They overlap.", "overlapping", 1),
        ("overlapping", "overlapping", 1),
        ("above, not below", "below", 0),
        ("", "above", 0),
    ],
)
def test_score_relate(text: str, relation: str, score: float) -> None:
    assert score_relate(Reply(text), Truth(text=relation), NAMES) == score


@pytest.mark.parametrize(
    ("reply", "score"),
    [
        (Reply('"BIG SALE"'), 1),
        (Reply("It says “BIG  SALE”."), 1),
        (Reply('It says "BIG" "SALE".'), 1),
        (Reply("BIG SALE"), 1),
        (Reply("There is a sign.", read=("BIG", "SALE")), 1),
        (Reply('"big sale"'), 0),
        (Reply('"SALE"'), 0),
        (Reply(""), 0),
    ],
)
def test_score_read(reply: Reply, score: float) -> None:
    assert score_read(reply, Truth(text="BIG SALE"), NAMES) == score


def test_the_reply_of_a_model_names_its_boxes() -> None:
    reply = reply_of_model("The objects are: 1: dog [0, 0, 400, 400], 2: key [600, 0, 999, 400]", 100, 100, 0.5)
    assert reply.confidence == 0.5
    assert reply.status == "answered"
    truth = Truth(boxes=(LEFT, RIGHT), labels=("dog", "key"))
    assert score_dense_detect(reply, truth, NAMES) == 1
    assert reply_of_model("There is no dog.", 100, 100).status == "not_found"
    nameless = reply_of_model("[0, 0, 400, 400]", 100, 100)
    assert nameless.labels == ("",)
    assert score_ground_one(nameless, Truth(boxes=(LEFT,)), NAMES) == 1


def test_the_reply_of_an_assistant_leaves_out_what_the_user_gave() -> None:
    mask = np.eye(5, dtype=np.bool_)
    region = {
        "id": 0,
        "image": 0,
        "label": "dog",
        "box": None,
        "mask": None,
        "text": None,
        "score": 1.0,
        "source": "user",
    }
    answer = {
        "text": "The sign says SALE.",
        "status": "answered",
        "confidence": 0.25,
        "spans": [{"text": "sign", "start": 4, "end": 8, "regions": [0]}],
        "regions": [
            region | {"box": [1.0, 2.0, 3.0, 4.0], "text": "SALE"},
            region | {"box": [0.0, 0.0, 40.0, 40.0], "source": "ferret"},
            region | {"mask": encode_rle(mask), "source": "sam"},
        ],
    }
    reply = reply_of_assistant(answer)
    assert reply.boxes == (LEFT,)
    assert reply.labels == ("dog",)
    assert reply.phrases == ("sign",)
    assert reply.read == ("SALE",)
    assert reply.confidence == 0.25
    assert reply.mask is not None
    assert (reply.mask == mask).all()
    assert (reply.raw, reply.intent) == (None, "")
    told = reply_of_assistant(answer | {"basis": {"score": 0.4, "intents": ["ground", "read"], "calibrated": True}})
    assert (told.raw, told.intent) == (0.4, "ground+read")


def test_mean_and_error() -> None:
    assert mean_and_error([1.0]) == (1.0, 0.0)
    assert mean_and_error([0.0, 1.0]) == pytest.approx((0.5, 0.5))
    mean, error = mean_and_error([1.0] * 900 + [0.0] * 100)
    assert mean == pytest.approx(0.9)
    assert error == pytest.approx((0.9 * 0.1 / 999) ** 0.5)


def test_every_kind_scores_an_empty_reply_without_failing() -> None:
    truth = Truth(name="dog", text="left of", boxes=(LEFT,), labels=("dog",))
    for kind in SCORERS:
        assert 0.0 <= judge(kind, Reply(""), truth, NAMES) <= 1.0


def test_an_error_scores_nothing_even_where_its_text_would() -> None:
    truth = Truth(name="dog", boxes=(LEFT,), labels=("dog",))
    right = Reply("Yes, 1 dog", boxes=(LEFT,), labels=("dog",))
    for kind in ("refer_box", "exist", "count", "list", "ground_one", "dense_detect"):
        assert judge(kind, right, truth, NAMES) == 1
        assert judge(kind, replace(right, status="error"), truth, NAMES) == 0
