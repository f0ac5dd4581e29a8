"""Instructions: every answer is true of the labels, whatever the labels; balance, hints, wishes, and determinism."""

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from ferret.errors import TrainingError
from ferret.regions import Box
from ferret.words import plural
from training.experts.certainty import Picture, Sureness
from training.experts.exchange import Exchange, Intent
from training.experts.labels import Corners, MaskLabel, ObjectLabel, TextLabel
from training.experts.names import may_be_same
from training.experts.release import record_of
from training.experts.wordings import COORDINATES_ASKED, COORDINATES_REFUSED
from training.experts.writing import (
    DEFAULT_WEIGHTS,
    HINT_SHARES,
    INTENTS,
    Instruction,
    WritingSettings,
    write_instructions,
)

MakePicture = Callable[..., Picture]
VOCABULARY = tuple(
    "dog,wolf,fox,cat,key,hammer,owl,eagle,bird,police car,car,glasses,bread,sign,hot dog,mouse,computer mouse".split(
        ","
    )
)
SURE = Sureness()
WIDTH, HEIGHT = 120, 80
FORMS = {form: name for name in VOCABULARY for form in (name, plural(name))}
NAMES = "|".join(sorted(map(re.escape, FORMS), key=len, reverse=True))


# -- an independent reading of what was written ------------------------------------------------------------------------


class Truth:
    """What may be said of a picture, read off its labels."""

    def __init__(self, picture: Picture) -> None:
        self.objects = picture.objects or ()
        self.lines = picture.lines or ()
        self.sure = [label for label in self.objects if label.score >= SURE.objects]

    def named(self, name: str) -> list[ObjectLabel]:
        return [label for label in self.sure if label.name == name]

    def names_at(self, box: Box) -> set[str]:
        return {label.name for label in self.sure if label.box == box.coordinates}

    def texts_at(self, box: Box) -> set[str]:
        return {line.text for line in self.lines if line.box == box.coordinates and line.score >= SURE.text}

    def is_absent(self, name: str) -> bool:
        """No label, however faint, has a name that could be meant; nor a further name that is more than an idea."""
        ideas = {other for label in self.objects for other, score in label.others if score >= 0.25 * label.score}
        return not any(may_be_same(name, other) for other in {*ideas, *(label.name for label in self.objects)})

    def says(self, text: str) -> bool:
        return any(line.text == text and line.score >= SURE.text for line in self.lines)


def check_boxes(turn: Exchange, truth: Truth) -> None:
    """Every box is on the picture, is that of a label, and stands behind that label's name or words."""
    for mark in (*turn.regions, *turn.boxes):
        mark.box.checked(WIDTH, HEIGHT)
        assert truth.names_at(mark.box) | truth.texts_at(mark.box)
    for number, mark in enumerate(turn.boxes, 1):
        phrase = re.sub(r"( <box\d+>)+$", "", turn.answer[: turn.answer.index(f" <box{number}>")])
        names = {form for name in truth.names_at(mark.box) for form in (name, plural(name))}
        texts = {f'"{text}"' for text in truth.texts_at(mark.box)}
        assert phrase.lower().endswith(tuple(name.lower() for name in names)) or phrase.endswith(tuple(texts)), turn


def check_claims(turn: Exchange, truth: Truth) -> None:
    """Whatever the answer claims of numbers, absence, kinds and text is so."""
    plain = re.sub(r" <box\d+>", "", turn.answer)
    for match in re.finditer(rf"\b[Tt]here (?:is|are) no ({NAMES})\b", plain):
        assert truth.is_absent(FORMS[match[1]]), turn
    for match in re.finditer(rf"\band no ({NAMES})\b", plain):
        assert truth.is_absent(FORMS[match[1]]), turn
    for match in re.finditer(rf"(?<![\w:])(\d+) ({NAMES})\b", re.sub(r"\d: ", "", plain)):
        assert len(truth.named(FORMS[match[2]])) == int(match[1]), turn
    for match in re.finditer(rf"[Ii]t is (?:an? )?({NAMES}), not (?:an? )?({NAMES})\b", plain):
        assert truth.named(match[1])
        assert not may_be_same(match[1], match[2])
    for match in re.finditer(
        rf"(?:shows|Yes, there is|Yes, there are|(?:it is|They are|It is)) (?:an? )?({NAMES})\b", plain
    ):
        assert truth.named(FORMS[match[1]]), turn
    for match in re.finditer(r'(?:says|reads:|read) ((?:"[^"]*"(?:, | and )?)+)', plain):
        assert all(truth.says(text) for text in re.findall(r'"([^"]*)"', match[1])), turn
    for match in re.finditer(r'does not say "([^"]*)"', plain):
        assert not any(match[1].lower() in line.text.lower() for line in truth.lines)
    if "There is no text in the picture." in plain:
        assert not truth.lines
    for match in re.finditer(rf"so more ({NAMES})\b", plain):
        numbers = {FORMS[name]: int(number) for number, name in re.findall(rf"(\d+) ({NAMES})\b", plain)}
        assert len(truth.named(FORMS[match[1]])) == max(numbers.values()), turn


RELATION = re.compile(
    rf"[Tt]he (?:first )?({NAMES}) (?:is|are) (left of|right of|above|below|overlapping|larger than|smaller than) "
    rf"the (?:second |first )?({NAMES})\b"
)


def check_relations(turn: Exchange, truth: Truth) -> None:
    """What is left, above, larger is so by the centres and areas of the only labels of those names."""
    for first, how, second in RELATION.findall(re.sub(r" <box\d+>", "", turn.answer)):
        candidates = [(a, b) for a in truth.named(FORMS[first]) for b in truth.named(FORMS[second]) if a is not b]
        if first == second:
            marked = [mark.box.coordinates for mark in turn.regions]
            candidates = [(a, b) for a, b in candidates if a.box in marked and b.box in marked]
        assert any(holds(Box(*a.box), how, Box(*b.box)) for a, b in candidates), turn
        if len(candidates) == 1:
            ((a, b),) = candidates
            assert holds(Box(*a.box), how, Box(*b.box)), turn


def holds(a: Box, how: str, b: Box) -> bool:
    return {
        "left of": a.center.x < b.center.x,
        "right of": a.center.x > b.center.x,
        "above": a.center.y < b.center.y,
        "below": a.center.y > b.center.y,
        "overlapping": a.x1 < b.x2 and b.x1 < a.x2 and a.y1 < b.y2 and b.y1 < a.y2,
        "larger than": a.area >= 1.5 * b.area,
        "smaller than": 1.5 * a.area <= b.area,
    }[how]


def check_lists(instruction: Instruction, truth: Truth) -> None:
    (turn,) = instruction.turns
    plain = re.sub(r" <box\d+>", "", turn.answer).lower()
    if instruction.task == "list_which":
        asked = {name for name in VOCABULARY if re.search(rf"\b{name}\b", turn.question, re.IGNORECASE)}
        said = {FORMS[name] for name in re.findall(rf"\b({NAMES})\b", plain)}
        assert said <= {label.name for label in truth.sure}
        assert all(truth.is_absent(name) for name in turn.absent)
        assert said | set(turn.absent) <= asked
        assert not set(turn.absent) & said
    if instruction.task in {"list_all", "list_places"}:
        numbers: Counter[str] = Counter()
        for number, name in re.findall(rf"(\d+:? |\ban? |\b)({NAMES})\b", plain):
            numbers[FORMS[name]] += int(number) if number.strip().isdigit() else 1
        present = {label.name for label in truth.sure}
        assert set(numbers) == present
    if instruction.task == "list_places":
        tops = [mark.box.y1 for mark in turn.boxes]
        assert tops == sorted(tops)
        assert len(tops) == len(truth.sure)


def check_form(instruction: Instruction) -> None:
    """Placeholders are numbered through and named once; wishes are in the question and heeded in the answer."""
    for turn in instruction.turns:
        assert sorted(map(int, re.findall(r"<region(\d+)>", turn.question))) == list(range(1, len(turn.regions) + 1))
        assert sorted(map(int, re.findall(r"<box(\d+)>", turn.answer))) == list(range(1, len(turn.boxes) + 1))
        assert turn.question.endswith(COORDINATES_ASKED) is (instruction.coordinates == "asked")
        assert turn.question.endswith(COORDINATES_REFUSED) is (instruction.coordinates == "refused")
        if instruction.coordinates == "refused":
            assert not turn.boxes
        if instruction.coordinates == "asked" and turn.about and not turn.negative:
            assert turn.boxes
    assert set(instruction.intents) <= set(INTENTS)
    assert json.dumps(record_of(instruction))


# -- random labels -----------------------------------------------------------------------------------------------------


@st.composite
def corners(draw: st.DrawFn) -> Corners:
    x1, y1 = draw(st.integers(0, WIDTH - 8)), draw(st.integers(0, HEIGHT - 8))
    width, height = draw(st.integers(5, min(60, WIDTH - x1))), draw(st.integers(5, min(50, HEIGHT - y1)))
    return x1 + 0.5, y1 + 0.0, x1 + width - 0.5, y1 + float(height)


SCORES = st.sampled_from([0.06, 0.3, 0.59, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99])


@st.composite
def pictures(draw: st.DrawFn) -> Picture:
    kinds = draw(st.lists(st.sampled_from(VOCABULARY), min_size=1, max_size=4))
    objects = []
    for box in draw(st.lists(corners(), max_size=9)):
        others = tuple(draw(st.lists(st.tuples(st.sampled_from(VOCABULARY), st.floats(0.01, 0.5)), max_size=2)))
        objects.append(ObjectLabel(draw(st.sampled_from(kinds)), draw(SCORES), box, others))
    objects.sort(key=lambda label: -label.score)
    words = st.sampled_from(["SALE", "OPEN", "milk & co", "<box1>", "x", "Go"])
    lines = [TextLabel(draw(words), draw(SCORES), box) for box in draw(st.lists(corners(), max_size=3))]
    masks = [
        MaskLabel(index, (HEIGHT, WIDTH), f"{index}", 0.9, label.box, int(Box(*label.box).area))
        for index, label in enumerate(objects)
        if label.score >= 0.6 and draw(st.booleans())
    ]
    number = draw(st.integers(0, 2**64))
    return Picture("a.png", f"{number:064x}", (WIDTH, HEIGHT), tuple(objects), tuple(lines), tuple(masks))


# What fails can be read from its message as it is; to make it smaller would take minutes.
@settings(max_examples=80, phases=(Phase.explicit, Phase.generate))
@given(picture=pictures())
def test_every_answer_is_true_of_the_labels(picture: Picture) -> None:
    truth = Truth(picture)
    written = write_instructions(picture, VOCABULARY, WritingSettings(per_picture=14))
    ids = [instruction.id for instruction in written.instructions]
    assert len(ids) == len(set(ids))
    for instruction in written.instructions:
        check_form(instruction)
        for turn in instruction.turns:
            check_boxes(turn, truth)
            check_claims(turn, truth)
            check_relations(turn, truth)
            assert all(truth.is_absent(name) for name in turn.absent)
        if instruction.intent == "list":
            check_lists(instruction, truth)
    for first, second in pairwise(written.instructions):
        if second.twin:
            assert not first.twin
            assert first.hints != "none"
            assert second.hints == "none"
            assert [turn.answer for turn in first.turns] == [turn.answer for turn in second.turns]
            assert len(first.turns[0].question) > len(second.turns[0].question)


# -- balance -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def rich(make_picture: MakePicture) -> Picture:
    return make_picture(
        ("dog", (0, 0, 40, 20)), ("dog", (60, 5, 90, 25)), ("cat", (100, 10, 125, 30)), ("key", (0, 80, 20, 100)),
        ("key", (40, 84, 60, 100)), ("owl", (80, 60, 120, 99)), ("sign", (140, 0, 199, 30)),
        text=[("SALE", (150, 5, 190, 25)), ("OPEN", (140, 60, 190, 80))], masks=True,
    )  # fmt: skip


def many(picture: Picture, settings: WritingSettings, count: int = 60) -> list[Instruction]:
    """What is written about so many pictures with the same labels."""
    found: list[Instruction] = []
    for number in range(count):
        one = replace(picture, hash=f"{number + 1:x}".ljust(64, "0"))
        found += write_instructions(one, VOCABULARY, settings).instructions
    return found


def test_intents_come_as_often_as_they_are_asked_for(rich: Picture) -> None:
    found = [instruction for instruction in many(rich, WritingSettings(per_picture=8)) if not instruction.twin]
    assert len(found) == 60 * 8
    intents = Counter(instruction.intent for instruction in found)
    assert set(intents) == set(INTENTS)
    assert all(0.4 < number / (len(found) / len(INTENTS)) < 1.8 for number in intents.values()), intents
    tasks = Counter(instruction.task for instruction in found)
    assert len(tasks) == 34  # every maker, steps and conversation


def test_hints_wishes_and_negatives_have_their_shares(rich: Picture) -> None:
    found = many(rich, WritingSettings())
    asked = [instruction for instruction in found if not instruction.twin]
    hints = Counter(instruction.hints for instruction in asked)
    assert all(0.4 < hints[kind] / len(asked) / share < 1.4 for kind, share in HINT_SHARES.items()), hints
    wishes = Counter(instruction.coordinates for instruction in asked)
    assert wishes["asked"] > wishes["refused"] > len(asked) / 20
    negative = sum(instruction.negative for instruction in asked) / len(asked)
    assert 0.1 < negative < 0.5
    assert 0.1 < (len(found) - len(asked)) / len(asked) < 0.3


@pytest.mark.parametrize("intent", INTENTS)
def test_one_intent_alone(intent: Intent, rich: Picture) -> None:
    weights: dict[Intent, float] = {other: float(other == intent) for other in INTENTS}
    found = many(rich, WritingSettings(per_picture=3, weights=weights), count=6)
    assert {instruction.intent for instruction in found} == {intent}
    if intent == "steps":
        assert {len(instruction.intents) for instruction in found} <= {2, 3}
        assert {instruction.task for instruction in found} == {"steps", "conversation"}


def test_a_picture_of_nothing_is_asked_little(make_picture: MakePicture) -> None:
    found = many(make_picture(), WritingSettings(), count=20)
    assert found
    assert all(instruction.negative for instruction in found)
    assert Counter(instruction.id.split("-")[0] for instruction in found).most_common(1)[0][1] <= 2  # one and its twin


def test_a_picture_without_labels_is_not_asked_about(make_picture: MakePicture) -> None:
    blind = replace(make_picture(), objects=None, lines=None)
    assert write_instructions(blind, VOCABULARY, WritingSettings()).instructions == ()


# -- determinism -------------------------------------------------------------------------------------------------------


def test_what_is_written_depends_on_seed_and_picture_alone(rich: Picture) -> None:
    def written(picture: Picture, seed: int) -> str:
        records = [
            record_of(each) for each in write_instructions(picture, VOCABULARY, WritingSettings(seed)).instructions
        ]
        return json.dumps([{key: value for key, value in record.items() if key != "image"} for record in records])

    assert written(rich, 0) == written(replace(rich, name="b/other.png"), 0)
    assert written(rich, 0) != written(rich, 1)
    assert written(rich, 0) != written(replace(rich, hash="1" * 64), 0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"per_picture": 0}, "questions a picture"),
        ({"seed": -1}, "negative"),
        ({"weights": {"sing": 1.0}}, "no intent 'sing'"),
        ({"weights": {}}, "weights"),
        ({"weights": dict.fromkeys(INTENTS, 0.0)}, "weights"),
        ({"weights": {**DEFAULT_WEIGHTS, "read": -1.0}}, "weights"),
        ({"weights": {**DEFAULT_WEIGHTS, "read": float("nan")}}, "weights"),
        ({"sure": Sureness(objects=1.5)}, "objects are sure"),
        ({"sure": Sureness(text=float("nan"))}, "text are sure"),
    ],
)
def test_settings_that_make_no_sense(changes: dict[str, object], message: str) -> None:
    with pytest.raises(TrainingError, match=message):
        WritingSettings(**changes)  # type: ignore[arg-type]
