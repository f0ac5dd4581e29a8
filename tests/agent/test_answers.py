"""The answer object is the outside contract: its fields, its JSON, and what it refuses."""

import json
from pathlib import Path

import pytest
from PIL import Image
from pydantic import ValidationError

from agent.answers import Answer, AnswerRegion, Evidence, Rle, Span
from ferret.errors import RequestError

CONTRACT = {
    "question": "Where is the dog?",
    "text": "The dog is here.",
    "status": "answered",
    "confidence": 0.93,
    "spans": [{"text": "dog", "start": 4, "end": 7, "regions": [0]}],
    "regions": [
        {
            "id": 0,
            "image": 0,
            "label": "dog",
            "box": [31.0, 40.5, 120.0, 160.0],
            "mask": None,
            "text": None,
            "score": 0.93,
            "source": "ferret",
        }
    ],
    "evidence": [{"tool": "detector", "summary": "5 objects", "seconds": 0.02}],
    "seconds": 0.41,
}


def test_the_object_of_the_contract_round_trips() -> None:
    answer = Answer.model_validate(CONTRACT)
    assert answer.model_dump() == CONTRACT
    assert json.loads(answer.model_dump_json()) == CONTRACT
    assert list(answer.model_dump()) == list(CONTRACT)


def test_parts_have_the_names_of_the_contract() -> None:
    assert list(Span.model_fields) == ["text", "start", "end", "regions"]
    assert list(AnswerRegion.model_fields) == ["id", "image", "label", "box", "mask", "text", "score", "source"]
    assert list(Evidence.model_fields) == ["tool", "summary", "seconds"]
    assert list(Rle.model_fields) == ["size", "counts"]


@pytest.mark.parametrize(
    "change",
    [
        {"status": "maybe"},
        {"confidence": 1.5},
        {"confidence": -0.1},
        {"seconds": -1.0},
        {"spans": [{"text": "cat", "start": 4, "end": 7, "regions": [0]}]},
        {"spans": [{"text": "", "start": 4, "end": 4, "regions": [0]}]},
        {"spans": [{"text": "dog", "start": 4, "end": 7, "regions": [3]}]},
        {"regions": [CONTRACT["regions"][0] | {"box": [1.0, 2.0, 3.0]}]},
        {"regions": [CONTRACT["regions"][0] | {"source": "guess"}]},
        {"extra": 1},
    ],
)
def test_what_breaks_the_contract_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Answer.model_validate(CONTRACT | change)


def test_save_writes_a_picture(tmp_path: Path) -> None:
    answer = Answer.model_validate(CONTRACT).with_pictures([Image.new("RGB", (200, 200), "white")])
    assert answer.save(tmp_path / "overlay.png") == tmp_path / "overlay.png"
    with Image.open(tmp_path / "overlay.png") as saved:
        assert saved.mode == "RGB"
        assert saved.width >= 200


def test_an_answer_without_pictures_says_how_to_draw_it(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="draw_overlay"):
        Answer.model_validate(CONTRACT).save(tmp_path / "overlay.png")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("overlay.txt", "end its name"),
        ("no/overlay.png", "no folder"),
        ("d.png", "is a folder"),
        ("a\0.png", "another name"),
    ],
)
def test_save_refuses_what_it_cannot_write(tmp_path: Path, name: str, says: str) -> None:
    (tmp_path / "d.png").mkdir()
    answer = Answer.model_validate(CONTRACT).with_pictures([Image.new("RGB", (200, 200))])
    with pytest.raises(RequestError, match=says):
        answer.save(tmp_path / name)


def test_pictures_are_no_part_of_the_data() -> None:
    answer = Answer.model_validate(CONTRACT).with_pictures([Image.new("RGB", (200, 200))])
    assert answer.model_dump() == CONTRACT
