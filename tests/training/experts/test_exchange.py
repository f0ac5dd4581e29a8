"""Drafts number what they mention, exchanges can be counted on, and names agree with their verbs."""

import pytest

from ferret.regions import Box
from training.experts.certainty import Line, Thing
from training.experts.exchange import Draft, Exchange, Marked, an, it_is, the, there_is_no, verb

DOG, CAT, SALE = Thing("dog", Box(0, 0, 9, 9)), Thing("cat", Box(1, 1, 5, 5)), Line("SALE", Box(2, 2, 4, 4))


def test_a_draft_numbers_regions_and_boxes() -> None:
    draft = Draft(boxes_wanted=True)
    question = f"Is {draft.region(DOG)} or {draft.region(SALE)}?"
    answer = f"{draft.mention('a dog', [DOG])} and {draft.mention('both', [CAT, SALE])}."
    made = draft.exchange("refer", question, answer)
    assert made.question == "Is <region1> or <region2>?"
    assert made.answer == "A dog <box1> and both <box2> <box3>."
    assert made.regions == (Marked(DOG.box), Marked(SALE.box))
    assert made.boxes == (Marked(DOG.box), Marked(CAT.box), Marked(SALE.box))
    assert made.about == (DOG, SALE, CAT)
    assert not made.negative


def test_without_boxes_a_draft_still_knows_what_it_is_about() -> None:
    draft = Draft(boxes_wanted=False)
    made = draft.exchange("exist", "Is there a dog?", draft.mention("yes, a dog", [DOG]), absent=["cat"])
    assert (made.answer, made.boxes, made.about) == ("Yes, a dog", (), (DOG,))
    assert made.negative  # it asks for something that is absent


def test_an_exchange_counted_on_keeps_its_text_otherwise() -> None:
    exchange = Exchange(
        ("refer",), "Is <region1> <region2>?", "<box1> 1 <box2>", (Marked(DOG.box),) * 2, (Marked(DOG.box),) * 2
    )
    moved = exchange.counted_on(3, 10)
    assert (moved.question, moved.answer) == ("Is <region4> <region5>?", "<box11> 1 <box12>")
    assert moved.counted_on(0, 0) == moved


@pytest.mark.parametrize(
    ("name", "count", "indefinite", "definite", "verb_"),
    [
        ("dog", 1, "a dog", "the dog", "is"), ("dog", 3, "3 dogs", "the 3 dogs", "are"),
        ("glasses", 1, "glasses", "the glasses", "are"), ("glasses", 2, "glasses", "the glasses", "are"),
        ("bread", 2, "bread", "the bread", "is"), ("owl", 1, "an owl", "the owl", "is"),
    ],
)  # fmt: skip
def test_names_with_their_numbers(name: str, count: int, indefinite: str, definite: str, verb_: str) -> None:
    assert (an(name, count), the(name, count), verb(name, count)) == (indefinite, definite, verb_)


def test_absence_and_pronouns_agree() -> None:
    assert there_is_no("dog") == "there is no dog"
    assert there_is_no("glasses") == "there are no glasses"
    assert (it_is("dog"), it_is("glasses")) == ("it is", "they are")
