"""Flickr30k Entities as MDETR's merged JSON: phrases with boxes, alone and in their sentence."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ferret.regions import Box
from training.readers import Report, Sample

Write = Callable[[str, Any], Path]
Read = Callable[..., tuple[list[Sample], Report]]

CAPTION = "Two men in green shirts are standing in a yard ."
MEN, SHIRTS, YARD = [0, 7], [11, 23], [40, 46]


def sentence(number: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "file_name": "1000092795.jpg", "height": "500", "width": "333", "id": number, "caption": CAPTION,
        "dataset_name": "flickr", "tokens_negative": [[0, len(CAPTION)]], "sentence_id": 1,
        "original_img_id": 1000092795, "tokens_positive_eval": [[MEN], [SHIRTS]],
    } | more  # fmt: skip


def entity(spans: Any, bbox: Any = (10.0, 20.0, 30.0, 40.0), image: int = 0) -> dict[str, Any]:
    return {
        "area": 1200.0, "iscrowd": 0, "image_id": image, "category_id": 1, "id": 5, "bbox": list(bbox),
        "tokens_positive": spans,
    }  # fmt: skip


def flickr(images: list[Any], annotations: list[Any]) -> dict[str, Any]:
    return {"info": [], "licenses": [], "images": images, "annotations": annotations, "categories": []}


TWO = flickr([sentence()], [entity([SHIRTS], (1, 2, 3, 4)), entity([MEN])])


def test_all_phrases_are_asked_for_in_small_letters(write: Write, read: Read) -> None:
    (sample,), report = read("flickr30k", write("final_flickr_mergedGT_val.json", TWO))
    assert (sample.id, sample.image, sample.size) == ("0", Path("images/1000092795.jpg"), (333, 500))
    (turn,) = sample.turns
    assert turn.question == "What are the locations of two men, green shirts?"
    assert turn.answer == "two men <box1>, green shirts <box2>"
    assert turn.boxes == (Box(10, 20, 40, 60), Box(1, 2, 4, 6))
    assert (report.used, report.seen) == (2, 2)


def test_a_sentence_is_said_with_its_boxes(write: Write, read: Read) -> None:
    (sample,), _ = read("flickr30k-captions", write("final_flickr_mergedGT_val.json", TWO))
    (turn,) = sample.turns
    assert turn.question.endswith("Include the coordinates for each mentioned object.")
    assert turn.answer == "Two men <box1> in green shirts <box2> are standing in a yard ."
    assert turn.boxes == (Box(10, 20, 40, 60), Box(1, 2, 4, 6))


def test_phrases_may_share_a_box_and_have_several(write: Write, read: Read) -> None:
    content = flickr([sentence()], [entity([MEN, YARD]), entity([MEN], (1, 2, 3, 4))])
    (sample,), report = read("flickr30k-captions", write("final_flickr_separateGT_val.json", content))
    assert sample.turns[0].answer == "Two men <box1> <box2> in green shirts are standing in a yard <box3> ."
    assert sample.turns[0].boxes == (Box(10, 20, 40, 60), Box(1, 2, 4, 6), Box(10, 20, 40, 60))
    assert report.used == 2


def test_control_tokens_of_a_sentence_do_not_move_its_spans(write: Write, read: Read) -> None:
    content = flickr([sentence(caption="<s> a cat <box1>")], [entity([[4, 9]])])
    path = write("a.json", content)
    assert read("flickr30k-captions", path)[0][0].turns[0].answer == "s a cat <box1> box1"
    assert read("flickr30k", path)[0][0].turns[0].answer == "a cat <box1>"


@pytest.mark.parametrize("name", ["flickr30k", "flickr30k-captions"])
def test_sentences_without_boxes_are_left_out(name: str, write: Write, read: Read) -> None:
    samples, report = read(name, write("a.json", flickr([sentence(), sentence(1)], [entity([MEN])])))
    assert len(samples) == 1
    assert report.left_out == {"sentence without a box": 1}


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (entity([]), "tokens_positive"),
        (entity([[0]]), "tokens_positive.0"),
        (entity([[7, 7]]), "span [7, 7]"),
        (entity([[-7, 7]]), "span [-7, 7]"),
        (entity([[0, 99]]), "span [0, 99]"),
        (entity([[7, 8]]), "text is empty"),
        (entity([MEN], (10, 20, 0, 5)), "covers nothing"),
        (entity([MEN], image=9), "refers to 9 of images"),
        ({"bbox": 3}, "Field required"),
    ],
)
@pytest.mark.parametrize("name", ["flickr30k", "flickr30k-captions"])
def test_malformed_boxes_are_reported_and_the_others_stay(
    name: str, bad: Any, reason: str, write: Write, read: Read
) -> None:
    (sample,), report = read(name, write("a.json", flickr([sentence()], [bad, entity([SHIRTS])])))
    assert len(sample.turns[0].boxes) == report.used == report.malformed == 1
    assert report.examples[0].where == "annotations[0]"
    assert reason in report.examples[0].reason


@pytest.mark.parametrize("height", ["0", "5.5", "", None, "99999"])
def test_malformed_sentences_take_their_boxes_along(height: Any, write: Write, read: Read) -> None:
    samples, report = read("flickr30k", write("a.json", flickr([sentence(height=height)], [entity([MEN])])))
    assert samples == []
    assert [example.where for example in report.examples] == ["images[0]", "annotations[0]"]
