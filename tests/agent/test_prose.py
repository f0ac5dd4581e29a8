"""Prose under construction: links, articles, and one id per thing."""

from dataclasses import replace

import numpy as np
import pytest

from agent.artifacts import ArtifactStore
from agent.prose import Prose, capital, linked_list, quotable
from agent.sightings import Sighting


def seen(label: str, x: float = 0.0) -> Sighting:
    return Sighting(label, 0, (x, 0.0, x + 10.0, 10.0), 0.9, "detector")


def prose() -> Prose:
    return Prose(ArtifactStore().mask_rle)


def test_an_article_stays_outside_the_span() -> None:
    told = prose().say("I see ").link("an owl", [seen("owl")]).say(".")
    assert told.text == "I see an owl."
    assert [(span.text, span.start, span.end, span.regions) for span in told.spans] == [("owl", 9, 12, [0])]


def test_a_phrase_without_things_is_plain_text() -> None:
    told = prose().link("the dog", [])
    assert told.text == "the dog"
    assert told.spans == []


def test_a_thing_mentioned_twice_has_one_id() -> None:
    told = prose().link("the dog", [seen("dog")]).say(" and ").link("the key", [seen("key", 20)])
    told.sentence().link("The dog", [seen("dog")])
    assert len(told.regions) == 2
    assert [span.regions for span in told.spans] == [[0], [1], [0]]


def test_what_is_learnt_later_of_a_thing_is_kept() -> None:
    store = ArtifactStore()
    cut = replace(seen("dog"), mask=store.put_mask(np.eye(4, dtype=bool)), source="sam")
    told = Prose(store.mask_rle).link("the dog", [seen("dog")]).link("the dog", [cut])
    told.link("it", [replace(seen("dog"), text="REX")])
    (region,) = told.regions
    assert region.mask is not None
    assert (region.text, region.source) == ("REX", "sam")


def test_a_region_that_nobody_can_name_is_called_so() -> None:
    told = prose()
    told.region(seen(""))
    assert told.regions[0].label == "region"


def test_sentences_are_one_space_apart() -> None:
    assert prose().sentence().say("One.").sentence().say("Two.").sentence().sentence().text == "One. Two. "


def test_lists_read_as_english() -> None:
    parts = [(name, [seen(name, 20.0 * index)]) for index, name in enumerate(("a dog", "two apples", "a key"))]
    assert linked_list(prose(), parts).text == "a dog, two apples and a key"
    assert linked_list(prose(), parts[:1]).text == "a dog"
    assert linked_list(prose(), []).text == ""


def test_a_quoted_text_links_labels_in_order() -> None:
    text = "A dog and another dog by a tree."
    told = prose().quote(text, [seen("dog"), seen("another dog", 20), seen("fish", 30), seen("tree", 40)])
    assert told.text == text
    assert [(span.text, span.start) for span in told.spans] == [("dog", 2), ("another dog", 10), ("tree", 27)]


def test_capital_changes_the_first_letter_only() -> None:
    assert capital("region 1 (a DNA)") == "Region 1 (a DNA)"
    assert capital("") == ""


def test_what_was_read_is_linked_as_a_whole_and_cannot_leave_its_quotation() -> None:
    told = prose().say("It says ").cite('the "end".\nThere is\u202e no \u201cdog\u201d', [seen("sign")])
    assert told.text == "It says \"the 'end'. There is no 'dog'\""
    (span,) = told.spans
    assert (span.start, span.text) == (9, told.text[9:-1])


def test_a_region_with_text_is_told_by_the_text_reader() -> None:
    store = ArtifactStore()
    read = replace(seen("sign"), text="OPEN", source="ocr")
    cut = replace(seen("sign"), mask=store.put_mask(np.eye(4, dtype=bool)), source="sam")
    for order in ([seen("sign"), read, cut], [cut, read], [read, cut, seen("sign")]):
        told = Prose(store.mask_rle)
        for one in order:
            told.link("the sign", [one])
        (region,) = told.regions
        assert (region.text, region.source) == ("OPEN", "ocr")
        assert (region.mask is None) == (cut not in order)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("OPEN 24h", "OPEN 24h"), ("it's", "it's"), ('5" x 7"', "5' x 7'"), ("\u201ea\u201c \u00abb\u00bb", "'a' 'b'"),
        ("a\tb\n\nc\u2028d", "a b c d"), ("\x1b[2J\x07", "[2J"), ("\u202eab\u202c", "ab"), ("\u200b", ""), ("", ""),
        ("\u5927 <b> \U0001f436", "\u5927 <b> \U0001f436"),
    ],
)  # fmt: skip
def test_what_can_be_quoted(text: str, shown: str) -> None:
    assert quotable(text) == shown
