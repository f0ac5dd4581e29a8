"""Visual Genome: regions and their phrases, relationships of two boxes, sizes from the release's own table."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ferret.errors import TrainingError
from ferret.regions import Box
from training.readers import Report, Sample

Write = Callable[[str, Any], Path]
Read = Callable[..., tuple[list[Sample], Report]]

DATA = [
    {"width": 800, "url": "https://cs.stanford.edu/people/rak248/VG_100K_2/1.jpg", "height": 600, "image_id": 1,
     "coco_id": None, "flickr_id": None},
]  # fmt: skip


@pytest.fixture
def put(write: Write) -> Write:
    """Writes a file beside the table of pictures."""
    write("image_data.json", DATA)
    return write


def region(number: int = 1382, **more: Any) -> dict[str, Any]:
    return {
        "region_id": number, "width": 82, "height": 139, "image_id": 1, "phrase": "the clock is green\n", "y": 57,
        "x": 421, "synsets": [],
    } | more  # fmt: skip


def relationship(**more: Any) -> dict[str, Any]:
    return {
        "predicate": "ON", "relationship_id": 15927, "synsets": ["along.r.01"],
        "object": {"h": 262, "object_id": 1058534, "synsets": [], "w": 81, "y": 320, "x": 119, "name": "sidewalk"},
        "subject": {"h": 192, "object_id": 5046, "synsets": [], "w": 40, "y": 338, "x": 421, "names": ["shade"]},
    } | more  # fmt: skip


@pytest.mark.parametrize("key", ["id", "image_id"])
def test_regions_are_described(key: str, put: Write, read: Read) -> None:
    path = put("region_descriptions.json", [{"regions": [region(), region(1383, phrase="a </s> tree")], key: 1}])
    samples, report = read("vg-regions", path)
    assert [sample.id for sample in samples] == ["1382", "1383"]
    assert (samples[0].image, samples[0].size) == (Path("images/VG_100K_2/1.jpg"), (800, 600))
    (turn,) = samples[0].turns
    assert "<region1>" in turn.question
    assert (turn.answer, turn.regions) == ("the clock is green", (Box(421, 57, 503, 196),))
    assert samples[1].turns[0].answer == "a s tree"
    assert (report.used, report.seen) == (2, 2)


def test_two_boxes_are_related(put: Write, read: Read) -> None:
    (sample,), report = read(
        "vg-relations", put("relationships.json", [{"image_id": 1, "relationships": [relationship()]}])
    )
    (turn,) = sample.turns
    assert (sample.id, turn.answer) == ("15927", "shade on sidewalk")
    assert turn.regions == (Box(421, 338, 461, 530), Box(119, 320, 200, 582))
    assert {"<region1>", "<region2>"} <= set(turn.question.replace("?", " ").replace(",", " ").split())
    assert report.used == 1


def test_the_seed_decides_the_wording(put: Write, read: Read) -> None:
    path = put("region_descriptions.json", [{"id": 1, "regions": [region(n) for n in range(30)]}])
    questions = [[sample.turns[0].question for sample in read("vg-regions", path, seed=seed)[0]] for seed in (0, 0, 1)]
    assert questions[0] == questions[1] != questions[2]
    assert len(set(questions[0])) > 2


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (region(phrase="  "), "phrase"),
        (region(width=0), "covers nothing"),
        (region(x=800), "covers nothing"),
        (region(height=-3), "inverted"),
        (region(y="57"), "y: "),
        (7, "valid dictionary"),
    ],
)
def test_malformed_regions_are_reported(bad: Any, reason: str, put: Write, read: Read) -> None:
    path = put("region_descriptions.json", [{"id": 1, "regions": [region(), bad]}])
    samples, report = read("vg-regions", path)
    assert len(samples) == report.used == report.malformed == 1
    assert (report.examples[0].file, report.examples[0].where) == (path, "[0].regions[1]")
    assert reason in report.examples[0].reason


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (relationship(predicate=""), "predicate"),
        (relationship(object={"x": 0, "y": 0, "w": 5, "h": 5}), "neither name nor names"),
        (relationship(object={"x": 0, "y": 0, "w": 5, "h": 5, "names": []}), "neither name nor names"),
        (relationship(subject={"x": 0, "y": 0, "w": 0, "h": 5, "name": "a"}), "covers nothing"),
        (relationship(subject=None), "subject"),
    ],
)
def test_malformed_relationships_are_reported(bad: Any, reason: str, put: Write, read: Read) -> None:
    _, report = read(
        "vg-relations", put("relationships.json", [{"image_id": 1, "relationships": [bad, relationship()]}])
    )
    assert (report.used, report.malformed) == (1, 1)
    assert report.examples[0].where == "[0].relationships[0]"
    assert reason in report.examples[0].reason


@pytest.mark.parametrize("entry", [{"id": 2, "regions": [region()]}, {"id": 1}, {"regions": []}, None])
def test_lists_without_a_picture_are_reported(entry: Any, put: Write, read: Read) -> None:
    samples, report = read("vg-regions", put("region_descriptions.json", [entry]))
    assert samples == []
    assert [example.where for example in report.examples] == ["[0]"]


@pytest.mark.parametrize("change", [{"url": ""}, {"width": 0}, {"image_id": None}])
def test_malformed_pictures_are_reported_in_their_own_file(change: Any, write: Write, read: Read) -> None:
    data = write("image_data.json", [DATA[0] | change])
    _, report = read("vg-regions", write("region_descriptions.json", []))
    assert [(example.file, example.where) for example in report.examples] == [(data, "[0]")]


def test_the_table_of_pictures_must_be_there(write: Write, read: Read) -> None:
    with pytest.raises(TrainingError, match=r"image_data\.json"):
        read("vg-regions", write("region_descriptions.json", []))
