"""COCO captions: one sample a sentence."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from training.readers import Report, Sample

Write = Callable[[str, Any], Path]
Read = Callable[..., tuple[list[Sample], Report]]


def captions(*annotations: Any) -> dict[str, Any]:
    image = {"id": 391895, "width": 640, "height": 360, "file_name": "COCO_val2014_000000391895.jpg", "license": 3}
    return {"info": {}, "licenses": [], "images": [image], "annotations": list(annotations)}


def caption(number: int, text: Any = "A man on a bike.\n", image: int = 391895) -> dict[str, Any]:
    return {"image_id": image, "id": number, "caption": text}


def test_one_sample_a_sentence(write: Write, read: Read) -> None:
    samples, report = read("captions", write("captions_val2014.json", captions(caption(5), caption(4, "Hills."))))
    assert [(sample.id, sample.turns[0].answer) for sample in samples] == [("5", "A man on a bike."), ("4", "Hills.")]
    assert (samples[0].image, samples[0].size) == (Path("images/COCO_val2014_000000391895.jpg"), (640, 360))
    assert report.used == 2


def test_the_seed_decides_the_wording(write: Write, read: Read) -> None:
    path = write("a.json", captions(*(caption(number) for number in range(30))))
    questions = [[sample.turns[0].question for sample in read("captions", path, seed=seed)[0]] for seed in (0, 0, 1)]
    assert questions[0] == questions[1] != questions[2]
    assert len(set(questions[0])) > 2


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (None, "valid dictionary"),
        (caption(1, ""), "caption"),
        (caption(1, 7), "caption"),
        (caption(1, image=3), "refers to 3 of images"),
        ({"id": 1, "caption": "x"}, "image_id"),
    ],
)
def test_malformed_captions_are_reported(bad: Any, reason: str, write: Write, read: Read) -> None:
    samples, report = read("captions", write("a.json", captions(bad, caption(2))))
    assert len(samples) == report.used == report.malformed == 1
    assert report.examples[0].where == "annotations[0]"
    assert reason in report.examples[0].reason
