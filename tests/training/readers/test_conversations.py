"""LLaVA conversations: turns, pictures, and what is left out."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from training.readers import Report, Sample, Turn

Write = Callable[[str, Any], Path]
Read = Callable[..., tuple[list[Sample], Report]]


def said(*texts: str) -> list[dict[str, str]]:
    return [{"from": "gpt" if index % 2 else "human", "value": text} for index, text in enumerate(texts)]


def record(*texts: str, **more: Any) -> dict[str, Any]:
    return {"id": "000000033471", "image": "coco/train2017/000000033471.jpg", "conversations": said(*texts)} | more


@pytest.mark.parametrize("lines", [False, True])
def test_turns_without_the_image_token(lines: bool, write: Write, read: Read) -> None:
    content = [record("<image>\nWhat is it?", "A bus.", "Why?", "Because."), record("Where?\n<image>", " Here. ", id=4)]
    if lines:
        path = write("a.jsonl", "".join(json.dumps(entry) + "\n" for entry in content))
    else:
        path = write("a.json", content)
    samples, report = read("llava", path)
    assert [sample.id for sample in samples] == ["000000033471", "4"]
    assert (samples[0].image, samples[0].size) == (Path("images/coco/train2017/000000033471.jpg"), None)
    assert samples[0].turns == (Turn("What is it?", "A bus."), Turn("Why?", "Because."))
    assert samples[1].turns == (Turn("Where?", "Here."),)
    assert (report.used, report.seen) == (2, 2)


def test_a_record_without_id_is_called_by_its_place(write: Write, read: Read) -> None:
    content = {"image": "a.jpg", "conversations": said("q", "a")}
    assert read("llava", write("a.json", [content]))[0][0].id == "[0]"
    assert read("llava", write("a.jsonl", "\n" + json.dumps(content)))[0][0].id == "line 2"


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ({"id": "x", "conversations": said("Hi", "Hello")}, "no picture"),
        ({"id": "x", "conversations": said("Hello")[::-1]}, "no picture"),
        (record("<image>\nWhere is the cat?", "[0.12, 0.3, 0.512, 0.9]"), "boxes in shares of an unknown frame"),
    ],
)
def test_sound_records_that_teach_nothing_here_are_left_out(entry: Any, reason: str, write: Write, read: Read) -> None:
    samples, report = read("llava", write("a.json", [entry]))
    assert (samples, report.left_out, report.seen) == ([], {reason: 1}, 1)


def test_control_tokens_of_a_text_lose_their_effect(write: Write, read: Read) -> None:
    (sample,), _ = read("llava", write("a.json", [record("<image>\nIs <region1> it?", "Yes </s> <box1>")]))
    assert sample.turns == (Turn("Is region1 it?", "Yes s box1"),)


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ([], "valid dictionary"),
        (record(), "conversations"),
        (record("q"), "needs an answer"),
        (record("q", "a", "q"), "needs an answer"),
        (record("<image>", "a"), "message 0 is empty"),
        (record("q", ""), "message 1 is empty"),
        (record("<image><image> q", "a"), "image token"),
        (record("q", "a", "<image> q", "a"), "message 2 has an image token"),
        (record("q", "a", conversations=said("q", "a")[::-1]), "turn of 'human'"),
        (record("q", "a", conversations=[{"from": "human", "text": "q"}]), "conversations.0.value"),
        (record("q", "a", image=["a.jpg", "b.jpg"]), "image"),
        (record("q", "a", image="../a.jpg"), "inside the folder"),
        (record("q", "a", image=""), "inside the folder"),
        (record("q", "a", id=[1]), "id"),
    ],
)
def test_malformed_records_are_reported_and_the_next_is_read(entry: Any, reason: str, write: Write, read: Read) -> None:
    samples, report = read("llava", write("a.json", [entry, record("q", "a")]))
    assert len(samples) == report.used == report.malformed == 1
    assert report.examples[0].where == "[0]"
    assert reason in report.examples[0].reason
