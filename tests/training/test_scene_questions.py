"""Evaluation questions: held-out wordings, true truths, enough of each kind, the same every time."""

import re
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

from ferret.errors import TrainingError
from ferret.regions import Box, box_iou
from training.art import load_art
from training.scene_questions import FIRST_SEED, KINDS, evaluation_scenes, questions_about
from training.scenes import Scene, SceneMaker, SceneSettings
from training.wordings import WORDINGS, wordings

DrawScene = Callable[..., Scene]


@pytest.fixture
def zoo(draw_scene: DrawScene) -> Scene:
    return draw_scene(
        ("dog", (10, 10, 40, 40)),
        ("owl", (60, 10, 90, 30)),
        ("dog", (110, 50, 150, 90)),
        ("sign", (140, 10, 190, 30), "SALE"),
        seed=8,
    )


@pytest.fixture(scope="module")
def maker() -> SceneMaker:
    return SceneMaker(load_art("train"), SceneSettings(side=(128, 160), objects=(2, 6)))


def test_a_rich_scene_allows_every_kind_once(zoo: Scene) -> None:
    questions = questions_about(zoo, KINDS)
    assert tuple(question.kind for question in questions) == KINDS
    assert len({question.id for question in questions}) == len(KINDS)
    for question in questions:
        assert all(region.checked(200, 100) for region in question.regions)


@pytest.mark.parametrize("seed", range(6))
def test_truths_are_true(draw_scene: DrawScene, seed: int) -> None:
    scene = draw_scene(("dog", (10, 10, 40, 40)), ("owl", (60, 10, 90, 30)), ("dog", (110, 50, 150, 90)), seed=seed)
    boxes = {name: [Box(*o.box) for o in scene.objects if o.name == name] for name in ("dog", "owl")}
    for question in questions_about(scene, KINDS):
        truth = question.truth
        if question.kind.startswith("refer"):
            bounds = question.regions[0].bounds(200, 100)
            assert max(box_iou(bounds, box) for box in boxes[truth.name]) == max(
                box_iou(bounds, Box(*item.box)) for item in scene.objects
            )
        elif question.kind in {"ground_one", "segment"}:
            assert truth.name == "owl"
            assert list(truth.boxes) == boxes["owl"]
        elif question.kind == "ground_all":
            assert list(truth.boxes) == boxes["dog"]
        elif question.kind == "absent":
            assert truth.name not in boxes
        elif question.kind == "exist":
            assert truth.present == (seed % 2 == 0) == (truth.name in boxes)
        elif question.kind == "count":
            assert len(truth.boxes) == len(boxes.get(truth.name, []))
        elif question.kind in {"list", "dense_detect"}:
            assert sorted(truth.labels) == ["dog", "dog", "owl"]
        if question.kind == "segment":
            assert truth.mask is not None
            assert np.array_equal(truth.mask, scene.mask(1))


def test_wordings_are_held_out(draw_scene: DrawScene) -> None:
    """The core of every question matches a held-out wording, and no wording of training comes word for word."""
    trained = {text for family in WORDINGS for text in wordings(family, "train") if "{" not in text}
    heldout = {text for family in WORDINGS for text in wordings(family, "heldout")}
    fields = {"place": "( .*)?", "r": ".*", "r2": ".*", "regions": ".*", "is": "(is|are)", "does": "(does|do)"}
    fields |= dict.fromkeys(("n", "ns", "a"), "[a-z -]+")
    escaped = [re.escape(text.rstrip(".?")) for text in heldout]
    patterns = [text.replace(r"\{", "{").replace(r"\}", "}").format(**fields) for text in escaped]
    for seed in range(30):
        scene = draw_scene(("dog", (10, 10, 60, 60)), ("owl", (80, 10, 120, 40)), seed=seed)
        for question in questions_about(scene, KINDS):
            assert question.text not in trained
            assert any(re.search(pattern, question.text, re.IGNORECASE) for pattern in patterns), question.text


def test_what_one_kind_asks_does_not_depend_on_the_others(zoo: Scene) -> None:
    everything = {question.kind: question for question in questions_about(zoo, KINDS)}
    for kind in ("refer_box", "count", "read"):
        (alone,) = questions_about(zoo, [kind])
        assert (alone.text, alone.regions, alone.truth) == (
            everything[kind].text,
            everything[kind].regions,
            everything[kind].truth,
        )


def test_a_poor_scene_is_asked_what_it_allows(draw_scene: DrawScene) -> None:
    scene = draw_scene(("dog", (10, 10, 60, 60)), seed=1)
    kinds = {question.kind for question in questions_about(scene, KINDS)}
    assert kinds == set(KINDS) - {"ground_all", "relate", "read"}


def test_each_kind_is_asked_exactly_as_often_as_wanted(maker: SceneMaker) -> None:
    asked = [(scene, question) for scene, questions in evaluation_scenes(maker, 4) for question in questions]
    assert Counter(question.kind for _, question in asked) == dict.fromkeys(KINDS, 4)
    assert len({question.id for _, question in asked}) == len(asked)
    assert all(question.seed == scene.seed >= FIRST_SEED for scene, question in asked)
    signs = [scene for scene, question in asked if question.kind == "read"]
    assert all(any(item.text for item in scene.objects) for scene in signs)


def test_a_longer_evaluation_begins_with_the_shorter_one(maker: SceneMaker) -> None:
    kinds = ("exist", "ground_all")
    short = {question.id for _, questions in evaluation_scenes(maker, 2, kinds) for question in questions}
    long = {question.id for _, questions in evaluation_scenes(maker, 5, kinds) for question in questions}
    assert short < long


def test_unknown_kinds_and_impossible_scenes_are_refused(maker: SceneMaker) -> None:
    with pytest.raises(TrainingError, match="'sing'"):
        list(evaluation_scenes(maker, 1, ["sing"]))
    lonely = SceneMaker(maker.art, SceneSettings(side=(64, 64), objects=(1, 1), sign=0.0))
    with pytest.raises(TrainingError, match="ground_all"):
        list(evaluation_scenes(lonely, 1, ["ground_all"]))
