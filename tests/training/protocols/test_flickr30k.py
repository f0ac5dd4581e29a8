"""Flickr30k Entities: questions from MDETR's merged boxes and R@k by phrase."""

import json
from pathlib import Path
from typing import Any

import pytest

from ferret.errors import TrainingError
from ferret.regions import Box
from training.protocols.flickr30k import FlickrQuestion, read_flickr30k, score_flickr30k
from training.protocols.questions import Benchmark
from training.readers.report import Report

CAPTION = "A man, a dog and A man"
IMAGES = [
    # Sizes are text: they came from XML.
    {"id": 5, "file_name": "1.jpg", "width": "1000", "height": "1000", "caption": CAPTION, "sentence_id": 0,
     "original_img_id": 1, "tokens_positive_eval": [[[0, 5]], [[7, 12]], [[17, 22]]]},
    {"id": 6, "file_name": "1.jpg", "width": "1000", "height": "1000", "caption": "Rain .", "tokens_positive_eval": []},
]  # fmt: skip
ANNOTATIONS = [
    {"image_id": 5, "bbox": [0, 0, 100, 100], "tokens_positive": [[0, 5]]},
    {"image_id": 5, "bbox": [500, 500, 100, 100], "tokens_positive": [[7, 12]]},
    {"image_id": 5, "bbox": [550, 500, 150, 100], "tokens_positive": [[7, 12]]},
    {"image_id": 5, "bbox": [800, 0, 100, 100], "tokens_positive": [[17, 22]]},
]
FIRST, DOG, SECOND = "[0, 0, 100, 100]", "[500, 500, 700, 600]", "[800, 0, 900, 100]"


def write(folder: Path, name: str = "final_flickr_mergedGT_test.json", **changes: Any) -> Path:
    file = folder / name
    file.write_text(json.dumps({"images": IMAGES, "annotations": ANNOTATIONS} | changes), encoding="utf-8")
    return file


def read(path: Path, report: Report | None = None) -> Benchmark[FlickrQuestion]:
    return read_flickr30k(path, images=Path("flickr30k-images"), report=report or Report())


@pytest.fixture
def benchmark(tmp_path: Path) -> Benchmark[FlickrQuestion]:
    return read(write(tmp_path))


def test_a_sentence_is_one_question_about_its_phrases(benchmark: Benchmark[FlickrQuestion]) -> None:
    (question,) = benchmark.questions  # the sentence without a phrase is not asked about
    assert question.text == "What are the locations of a man, a dog, a man?"
    assert question.image == Path("flickr30k-images/1.jpg")
    assert question.boxes == (Box(0, 0, 100, 100), Box(500, 500, 700, 600), Box(800, 0, 900, 100))
    assert benchmark.split == "test"


@pytest.mark.parametrize(
    ("answer", "at_one", "bound"),
    [
        ("", 0, 0),
        (f"a man {FIRST}, a dog {DOG}, a man {SECOND}.", 3, 3),
        (f"a man {FIRST} and a dog {DOG} and a man {SECOND}.", 3, 3),
        (f"a man {SECOND}, a man {FIRST}", 0, 0),
        (f"A man {FIRST}, A DOG {DOG}", 2, 2),
        (f"dog {DOG}", 0, 0),
        (f"a big dog {DOG}", 0, 0),
        (f"a dog {FIRST}, a dog {DOG}", 0, 1),
        ("a dog [500, 500, 600, 600], a dog [600, 500, 700, 600]", 1, 1),  # half of the merged box is enough
        (f"a dog {DOG[:-1]}", 0, 0),
    ],
)
def test_a_box_counts_for_its_phrase_only(
    benchmark: Benchmark[FlickrQuestion], answer: str, at_one: int, bound: int
) -> None:
    result = score_flickr30k(benchmark, [answer])
    assert result["R@1"].value == pytest.approx(100 * at_one / 3)
    assert result["upper bound"].value == pytest.approx(100 * bound / 3)
    assert result["R@1"].count == 3


def test_ranks_look_at_so_many_boxes(benchmark: Benchmark[FlickrQuestion]) -> None:
    def recalls(wrong: int) -> list[int]:
        result = score_flickr30k(benchmark, [f"a dog {FIRST}, " * wrong + f"a dog {DOG}"])
        return [round(metric.value * 3 / 100) for metric in result.metrics]

    assert [recalls(wrong) for wrong in (0, 1, 4, 5, 9, 10)] == [
        [1, 1, 1, 1],
        [0, 1, 1, 1],
        [0, 1, 1, 1],
        [0, 0, 1, 1],
        [0, 0, 1, 1],
        [0, 0, 0, 1],
    ]


def test_published_figures_stand_beside_the_first_rank_only(benchmark: Benchmark[FlickrQuestion]) -> None:
    result = score_flickr30k(benchmark, [""])
    assert result["R@1"].published[0].value == 82.21
    assert result["R@5"].published == ()


def test_sentences_without_phrases_are_counted(tmp_path: Path) -> None:
    report = Report()
    read(write(tmp_path), report)
    assert (report.used, report.malformed, report.left_out) == (1, 0, {"sentence without a phrase": 1})


THIRD = IMAGES[0] | {"id": 7, "tokens_positive_eval": [[[0, 5]]]}


@pytest.mark.parametrize(
    ("changes", "where", "reason"),
    [
        ({"images": [*IMAGES, THIRD]}, "images, id 7", "the phrase 'a man' at [[0, 5]] has no box"),
        ({"images": [*IMAGES, THIRD | {"caption": "A"}]}, "images, id 7", "span [0, 5] does not lie"),
        ({"images": [*IMAGES, THIRD | {"width": "wide"}]}, "images[2]", "width: Input should be"),
        ({"annotations": [*ANNOTATIONS, ANNOTATIONS[0] | {"image_id": 9}]}, "annotations[4]", "refers to 9 of images"),
        ({"annotations": [*ANNOTATIONS, {"image_id": 5}]}, "annotations[4]", "bbox: Field required"),
    ],
)
def test_what_breaks_the_format_is_reported_and_the_rest_is_asked(
    tmp_path: Path, changes: dict[str, Any], where: str, reason: str
) -> None:
    report = Report()
    benchmark = read(write(tmp_path, **changes), report)
    assert len(benchmark.questions) == 1
    (example,) = report.examples
    assert example.where == where
    assert reason in example.reason


def test_a_file_that_holds_nothing_to_ask_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="holds no questions"):
        read(write(tmp_path, images=IMAGES[1:], annotations=[]))
    with pytest.raises(TrainingError, match=r"the first is .*images, id 5: the phrase 'a dog'"):
        read(write(tmp_path, annotations=ANNOTATIONS[:1]))


def test_separate_boxes_are_another_protocol(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="names no split of Flickr30k"):
        read(write(tmp_path, "final_flickr_separateGT_test.json"))
