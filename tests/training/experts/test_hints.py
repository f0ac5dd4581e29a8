"""Hints: right ones say nothing false, partial ones lack what matters, wrong ones are wrong about it."""

import re
from collections.abc import Callable

import numpy as np
import pytest

from ferret.coordinates import box_to_bins
from ferret.words import with_article
from training.experts.certainty import Facts, Picture, Sureness, find_facts
from training.experts.exchange import Exchange
from training.experts.hints import Kind, write_hints

MakePicture = Callable[..., Picture]
VOCABULARY = ("dog", "wolf", "cat", "hammer", "key", "sign")
ITEM = re.compile(r"([a-z][^;:.]*?) \[(\d+), (\d+), (\d+), (\d+)\]")


@pytest.fixture
def facts(make_picture: MakePicture) -> Facts:
    picture = make_picture(
        ("dog", (10, 10, 60, 60)),
        ("key", (100, 10, 150, 40)),
        ("sign", (20, 70, 90, 98)),
        text=[("SALE", (30, 75, 70, 90))],
    )
    return find_facts(picture, VOCABULARY, Sureness())


def items(hints: str) -> set[tuple[str, ...]]:
    return {(match[1].split(": ")[-1], *match.groups()[1:]) for match in ITEM.finditer(hints)}


def true_items(facts: Facts) -> set[tuple[str, ...]]:
    found = [(with_article(thing.name), thing.box) for thing in facts.things]
    found += [(f'text "{line.text}"', line.box) for line in facts.lines or ()]
    return {(phrase, *map(str, box_to_bins(box, *facts.size))) for phrase, box in found}


def about(facts: Facts, *names: str) -> Exchange:
    return Exchange(("refer",), "?", "!", about=tuple(facts.by_name[name][0] for name in names))


def drawn(facts: Facts, exchange: Exchange, kind: Kind) -> list[set[tuple[str, ...]]]:
    found = [write_hints(facts, exchange, kind, np.random.default_rng(seed)) for seed in range(60)]
    return [items(text) for text in found if text is not None]


def test_no_hints_are_no_sentence(facts: Facts) -> None:
    assert write_hints(facts, about(facts, "dog"), "none", np.random.default_rng(0)) is None


def test_right_hints_are_all_labels(facts: Facts) -> None:
    for found in drawn(facts, about(facts, "dog"), "right"):
        assert found == true_items(facts)


def test_partial_hints_lack_some_of_what_is_asked_about_and_nothing_else(facts: Facts) -> None:
    exchange = about(facts, "dog", "key")
    asked = {item for item in true_items(facts) if item[0] in {"a dog", "a key"}}
    seen = drawn(facts, exchange, "partial")
    assert len(seen) == 60
    for found in seen:
        assert found < true_items(facts)
        assert true_items(facts) - asked <= found
    assert {len(asked & found) for found in seen} == {0, 1}


def test_wrong_hints_are_wrong_about_what_is_asked(facts: Facts) -> None:
    (asked,) = (item for item in true_items(facts) if item[0] == "a dog")
    seen = drawn(facts, about(facts, "dog"), "wrong")
    assert len(seen) > 40
    renamed = moved = 0
    for found in seen:
        (false,) = found - true_items(facts)
        assert asked not in found
        renamed += false[1:] == asked[1:]
        moved += false[0] == "a dog"
    assert renamed > 10
    assert moved > 10
    assert renamed + moved == len(seen)


def test_wrong_hints_put_what_is_absent_into_the_picture(facts: Facts) -> None:
    exchange = Exchange(("exist",), "Is there a wolf?", "No.", absent=("wolf",), negative=True)
    for found in drawn(facts, exchange, "wrong"):
        (false,) = found - true_items(facts)
        assert false[0] == "a wolf"


def test_wrong_hints_misread_text(facts: Facts) -> None:
    assert facts.lines is not None
    exchange = Exchange(("read",), "?", "!", about=facts.lines)
    for found in drawn(facts, exchange, "wrong"):
        ((text, *place),) = found - true_items(facts)
        assert text.startswith('text "')
        assert text != 'text "SALE"'
        assert ('text "SALE"', *place) in true_items(facts)


@pytest.mark.parametrize("kind", ["partial", "wrong"])
def test_where_nothing_is_asked_about_hints_cannot_fail(kind: Kind, facts: Facts) -> None:
    assert drawn(facts, Exchange(("list",), "?", "!"), kind) == []


def test_an_empty_picture_has_empty_hints(make_picture: MakePicture) -> None:
    found = find_facts(make_picture(), VOCABULARY, Sureness())
    hints = write_hints(found, Exchange(("list",), "?", "!"), "right", np.random.default_rng(0))
    assert hints is not None
    assert "nothing was found" in hints


def test_a_crowd_is_cut_but_not_what_matters(make_picture: MakePicture) -> None:
    crowd = [("key", (x, y, x + 15, y + 15)) for x in range(0, 180, 18) for y in range(0, 80, 18)]
    found = find_facts(make_picture(*crowd, ("dog", (0, 85, 190, 99))), VOCABULARY, Sureness())
    exchange = about(found, "dog")
    for some in drawn(found, exchange, "right"):
        assert len(some) == 16
        assert some < true_items(found)
        assert any(item[0] == "a dog" for item in some)
