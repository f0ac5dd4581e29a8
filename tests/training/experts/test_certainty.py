"""What labels come to: which may be asked about, what they cast doubt on, and what is certainly not there."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from ferret.regions import Box
from training.experts.certainty import Facts, Picture, Sureness, find_facts
from training.experts.labels import ObjectLabel

MakePicture = Callable[..., Picture]
VOCABULARY = ("dog", "wolf", "fox", "cat", "hammer", "key", "bird", "eagle")
A, B, C = (10.0, 10.0, 60.0, 60.0), (100.0, 10.0, 150.0, 60.0), (20.0, 70.0, 40.0, 90.0)


def facts(picture: Picture) -> Facts:
    return find_facts(picture, VOCABULARY, Sureness())


def names(picture: Picture) -> list[str]:
    return [thing.name for thing in facts(picture).things]


@pytest.mark.parametrize(
    ("things", "certain", "reason"),
    [
        ([], [], None),
        ([("dog", A)], ["dog"], None),
        ([("dog", A, 0.59)], [], "object: score too low"),
        ([("dog", (10, 10, 15, 60))], [], "object: too small"),
        ([("dog", A), ("cat", (11, 10, 60, 60))], [], "object: two boxes for one thing"),
        ([("dog", A), ("cat", (11, 10, 60, 60), 0.5)], [], "object: two boxes for one thing"),
        ([("dog", A), ("cat", (11, 10, 60, 60), 0.4)], ["dog"], "object: weaker label of a thing"),
        ([("dog", A), ("dog", (20, 20, 40, 40), 0.8)], [], "object: two boxes for one thing"),
        ([("dog", A), ("cat", (20, 20, 40, 40), 0.8)], ["dog", "cat"], None),  # a small thing before a large one
        ([("dog", A), ("dog", B)], ["dog", "dog"], None),
        ([("do<g", A)], [], "object: a name that data cannot hold"),
        ([("<region1>", A)], [], "object: a name that data cannot hold"),
    ],
)
def test_which_objects_are_certain(
    things: list[tuple[str, tuple[float, ...]]], certain: list[str], reason: str | None, make_picture: MakePicture
) -> None:
    picture = make_picture(*things)
    assert names(picture) == certain
    assert (reason in facts(picture).rejected) if reason else not facts(picture).rejected
    assert facts(picture).rejected.total() == len(things) - len(certain)


@pytest.mark.parametrize(
    ("rival", "certain", "doubted", "near"),
    [(0.5, False, True, False), (0.3, True, True, False), (0.1, True, False, True)],
)
def test_another_name_for_one_box(rival: float, certain: bool, doubted: bool, near: bool) -> None:
    label = ObjectLabel("dog", 0.9, A, (("wolf", rival),))
    found = facts(Picture("a", "0", (200, 100), (label,), ()))
    assert bool(found.things) is certain
    assert ("wolf" in found.doubted) is doubted
    assert ("wolf" in found.near.get("dog", ())) is near
    assert ("wolf" in found.absentees) is not doubted


def test_what_is_faint_is_neither_counted_nor_absent(make_picture: MakePicture) -> None:
    found = facts(make_picture(("dog", A), ("dog", B, 0.06), ("cat", C, 0.06), ("key", (160, 70, 190, 95))))
    assert found.settled == ("key",)
    assert found.single == found.countable == ("key",)
    assert not found.all_things
    assert not {"dog", "cat", "key"} & set(found.absentees)
    assert {"hammer", "fox", "bird"} <= set(found.absentees)


def test_further_names_of_doubtful_boxes_are_not_absent(make_picture: MakePicture) -> None:
    picture = make_picture(("dog", A))
    faint = ObjectLabel("hammer", 0.2, B, (("key", 0.01),))
    found = facts(replace(picture, objects=(*(picture.objects or ()), faint)))
    assert not {"hammer", "key"} & set(found.absentees)


def test_wider_and_narrower_names_are_not_set_against_each_other(make_picture: MakePicture) -> None:
    found = facts(make_picture(("eagle", A), ("bird", B)))
    assert found.settled == ()
    alone = facts(make_picture(("eagle", A)))
    assert alone.settled == ("eagle",)
    assert "bird" not in alone.absentees


def test_absent_names_are_mostly_near_what_is_there(make_picture: MakePicture) -> None:
    found = facts(make_picture(("fox", A)))
    rng = np.random.default_rng(0)
    drawn = [found.absent(rng) for _ in range(400)]
    assert set(drawn) == {"dog", "wolf", "cat", "hammer", "key", "bird", "eagle"}
    assert sum(name in {"dog", "wolf", "cat"} for name in drawn) > 250
    everything = find_facts(make_picture(("fox", A)), ("fox",), Sureness())
    assert everything.absent(rng) is None


def test_without_a_detector_nothing_is_absent(make_picture: MakePicture) -> None:
    found = facts(replace(make_picture(), objects=None))
    assert found.absent(np.random.default_rng(0)) is None
    assert not found.all_things


@pytest.mark.parametrize(
    ("text", "certain", "reason"),
    [
        ([("SALE", A)], ["SALE"], None),
        ([("SALE", A, 0.8)], [], "text: score too low"),
        ([("S", A)], [], "text: too short, or with signs that data cannot hold"),
        ([("<image>", A)], [], "text: too short, or with signs that data cannot hold"),
        ([("<bbox_location0>", A)], [], "text: too short, or with signs that data cannot hold"),
        ([("tab\tbed", A)], [], "text: too short, or with signs that data cannot hold"),
        ([("SALE", A), ("SAL", A)], [], "text: two lines in one place"),
        ([("SALE", A), ("OPEN", B)], ["SALE", "OPEN"], None),
    ],
)
def test_which_text_is_certain(
    text: list[tuple[str, tuple[float, ...]]], certain: list[str], reason: str | None, make_picture: MakePicture
) -> None:
    found = facts(make_picture(text=text))
    assert [line.text for line in found.lines or ()] == certain
    assert found.all_text is (reason is None)
    assert (reason in found.rejected) if reason else not found.rejected


def test_text_that_was_not_read_is_not_absent(make_picture: MakePicture) -> None:
    found = facts(replace(make_picture(("dog", A)), lines=None))
    assert found.lines is None
    assert not found.all_text
    assert found.lines_on(Box(*A)) is None


def test_lines_on_a_thing(make_picture: MakePicture) -> None:
    found = facts(
        make_picture(text=[("IN", (20, 20, 40, 30)), ("HALF", (50, 40, 90, 50)), ("OUT", (120, 70, 150, 80))])
    )
    assert [line.text for line in found.lines_on(Box(10, 10, 45, 35)) or ()] == ["IN"]
    assert found.lines_on(Box(160, 0, 200, 50)) == ()
    assert found.lines_on(Box(10, 10, 60, 60)) is None  # one reaches in
    doubtful = facts(make_picture(text=[("IN", (20, 20, 40, 30), 0.7)]))
    assert doubtful.lines_on(Box(10, 10, 45, 35)) is None


def test_masks_that_do_not_fit_are_not_used(make_picture: MakePicture) -> None:
    picture = make_picture(("dog", A), ("cat", B), masks=True)
    first, second = picture.masks
    poor = replace(picture, masks=(replace(first, score=0.2), replace(second, box=A)))
    assert [thing.mask is not None for thing in facts(picture).things] == [True, True]
    assert [thing.mask is not None for thing in facts(poor).things] == [False, False]
    assert facts(poor).rejected == {"mask: poor, or beside its box": 2}
    assert facts(picture).things[0].area == 2500


def test_order(make_picture: MakePicture) -> None:
    found = facts(make_picture(("dog", B), ("cat", C), ("dog", A)))
    assert [thing.box.coordinates for thing in found.things] == [A, B, C]
    assert [thing.box.coordinates for thing in found.by_name["dog"]] == [A, B]
    assert list(found.by_name) == ["cat", "dog"]
