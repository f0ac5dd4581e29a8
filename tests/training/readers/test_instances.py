"""COCO and LVIS instances: names for regions, boxes for names, masks of all three kinds, and incomplete pictures."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ferret.masks import encode_rle
from ferret.regions import Box, Point
from training.readers import Report, Sample
from training.readers.instances import GROUP, MAX_LISTED

Write = Callable[[str, Any], Path]
Read = Callable[..., tuple[list[Sample], Report]]

SQUARE = np.zeros((20, 40), dtype=np.bool_)
SQUARE[5:15, 10:20] = True
# Down the columns: 10 columns of 20, then 5 off, 10 on, ...
PLAIN = [205, *[10, 10] * 9, 10, 405]
POLYGON = [10, 5, 20, 5, 20, 15, 10, 15]


def thing(number: int, x: float, y: float, category: int = 1, image: int = 7, **more: Any) -> dict[str, Any]:
    """An annotation of 4x3 pixels, or what `more` says."""
    return {"id": number, "image_id": image, "category_id": category, "bbox": [x, y, 4, 3], "area": 12.0} | more


def coco(*annotations: Any) -> dict[str, Any]:
    return {
        "info": {},
        "licenses": [],
        "images": [{"id": 7, "width": 40, "height": 20, "file_name": "000000000007.jpg", "license": 1}],
        "annotations": list(annotations),
        "categories": [{"id": 1, "name": "dog", "supercategory": "animal"}, {"id": 3, "name": "fire hydrant"}],
    }


def test_names_for_regions(write: Write, read: Read) -> None:
    (sample,), report = read("instances-refer", write("coco.json", coco(thing(1, 0, 0), thing(2, 20, 10, 3))))
    assert (sample.id, sample.image, sample.size) == ("7/0", Path("images/000000000007.jpg"), (40, 20))
    (turn,) = sample.turns
    assert turn.question == (
        "Please classify the objects in the following locations. 1: <region1>, 2: <region2>"
    )  # ferret-spec 5, to the letter
    first = turn.regions[0].bounds(40, 20).x1 < 15
    names = ("dog", "fire hydrant") if first else ("fire hydrant", "dog")
    assert turn.answer == f"Here are the categories: 1: {names[0]}, 2: {names[1]}"
    assert (report.used, report.seen) == (2, 2)


def test_names_belong_to_their_regions_in_every_order(write: Write, read: Read) -> None:
    path = write("coco.json", coco(thing(1, 0, 0), thing(2, 20, 10, 3)))
    orders = set()
    for seed in range(12):
        turn = read("instances-refer", path, seed=seed)[0][0].turns[0]
        orders.add(turn.answer)
        dog = turn.regions[0 if "1: dog" in turn.answer else 1]
        assert isinstance(dog, Box | Point)
        assert dog.bounds(40, 20).x1 < 10
    assert len(orders) == 2


def test_many_objects_come_in_groups_and_each_once(write: Write, read: Read) -> None:
    count = 2 * GROUP + 1
    path = write("coco.json", coco(*(thing(n, n, 0) for n in range(count))))
    for seed in range(4):
        samples, report = read("instances-refer", path, seed=seed)
        assert [len(sample.turns[0].regions) for sample in samples] == [GROUP, GROUP, 1]
        assert [sample.id for sample in samples] == ["7/0", "7/1", "7/2"]
        assert report.used == count
        boxes = [region for sample in samples for region in sample.turns[0].regions if isinstance(region, Box)]
        assert len(set(boxes)) == len(boxes)


def test_boxes_in_raster_order(write: Write, read: Read) -> None:
    path = write("coco.json", coco(thing(1, 20, 8), thing(2, 5, 8, 3), thing(3, 30, 2)))
    (sample,), report = read("instances-detect", path)
    (turn,) = sample.turns
    assert turn.question == "Please localize visible objects in the image in a raster scan order."
    assert turn.answer == "The objects are: 1: dog <box1>, 2: fire hydrant <box2>, 3: dog <box3>"
    assert turn.boxes == (Box(30, 2, 34, 5), Box(5, 8, 9, 11), Box(20, 8, 24, 11))
    assert report.used == 3


@pytest.mark.parametrize(
    "segmentation",
    [
        [POLYGON],
        [[10, 5, 15, 5, 15, 15, 10, 15], [15, 5, 20, 5, 20, 15, 15, 15]],
        {"size": [20, 40], "counts": PLAIN},
        dict(encode_rle(SQUARE)),
    ],
    ids=["polygon", "two parts", "run lengths", "packed"],
)
def test_every_kind_of_mask(segmentation: Any, write: Write, read: Read) -> None:
    path = write("coco.json", coco(thing(1, 0, 0, bbox=[8, 4, 14, 12], segmentation=segmentation)))
    kinds = set()
    for seed in range(8):
        turn = read("instances-refer", path, seed=seed)[0][0].turns[0]
        kinds.add(type(turn.regions[0]))
        if isinstance(turn.regions[0], Box):
            assert (turn.region_mask(0, 40, 20) == SQUARE).all()
        else:
            assert turn.region_mask(0, 40, 20).any()
            assert not (turn.region_mask(0, 40, 20) & ~SQUARE).any()
    assert kinds == {Box, Point}


@pytest.mark.parametrize("segmentation", [None, []])
def test_no_mask_is_no_fault(segmentation: Any, write: Write, read: Read) -> None:
    path = write("coco.json", coco(thing(1, 0, 0, segmentation=segmentation)))
    assert read("instances-refer", path)[1].used == 1


def test_corners_beyond_the_border_are_pulled_in(write: Write, read: Read) -> None:
    beyond = [-0.4, -0.2, 1e300, -0.2, 1e300, 20.3, -0.4, 20.3]
    path = write("coco.json", coco(thing(1, 0, 0, bbox=[-0.4, -0.2, 41, 21], segmentation=[beyond])))
    for seed in range(4):
        turn = read("instances-refer", path, seed=seed)[0][0].turns[0]
        if isinstance(turn.regions[0], Box):
            assert turn.region_mask(0, 40, 20).all()


@pytest.mark.parametrize(
    ("segmentation", "reason"),
    [
        ([[0, 0, 4, 0]], "segmentation"),
        ([[0, 0, 4, 0, 4, 3, 1]], "odd count"),
        ([[0, 0, 4, 0, 4, None]], "segmentation"),
        ([[30, 15, 35, 15, 35, 19]], "outside its box"),
        ({"size": [20, 40], "counts": [1, 2]}, "run lengths cover 3 pixels"),
        ({"size": [20, 40], "counts": [-5, 805]}, "segmentation"),
        ({"size": [40, 20], "counts": PLAIN}, "of size"),
        ({"size": [1 << 40, 1 << 40], "counts": "1"}, "of size"),
        ({"size": [20, 40], "counts": "\u00ff"}, "run lengths"),
        ({"size": [20, 40], "counts": [800]}, "mask is empty"),
    ],
)
def test_malformed_masks_are_reported_where_masks_are_used(
    segmentation: Any, reason: str, write: Write, read: Read
) -> None:
    path = write("coco.json", coco(thing(1, 0, 0, segmentation=segmentation), thing(2, 8, 8)))
    samples, report = read("instances-refer", path)
    assert len(samples[0].turns[0].regions) == report.used == report.malformed == 1
    assert report.examples[0].where == "annotations[0]"
    assert reason in report.examples[0].reason


MALFORMED = [
    (None, "valid dictionary"),
    ({"image_id": 7}, "Field required"),
    (thing(1, 0, 0, image=8), "refers to 8 of images"),
    (thing(1, 0, 0, category=2), "refers to 2 of categories"),
    (thing(1, 0, 0, bbox=[0, 0, 4]), "bbox"),
    (thing(1, 0, 0, bbox=[0, 0, 0, 3]), "covers nothing"),
    (thing(1, 0, 0, bbox=[5, 5, -4, 3]), "inverted"),
    (thing(1, 0, 0, image_id="7"), "image_id"),
]


@pytest.mark.parametrize(("annotation", "reason"), MALFORMED)
@pytest.mark.parametrize("name", ["instances-refer", "instances-detect"])
def test_malformed_annotations_are_reported(name: str, annotation: Any, reason: str, write: Write, read: Read) -> None:
    _, report = read(name, write("coco.json", coco(thing(2, 8, 8), annotation)))
    assert (report.malformed, report.seen) == (1, 2)
    assert report.examples[0].where == "annotations[1]"
    assert reason in report.examples[0].reason


def test_crowds_are_left_out(write: Write, read: Read) -> None:
    crowd = thing(1, 0, 0, iscrowd=1, segmentation={"size": [20, 40], "counts": [800]})
    path = write("coco.json", coco(crowd, thing(2, 8, 8)))
    samples, report = read("instances-refer", path)
    assert len(samples) == report.used == report.left_out["crowd"] == 1
    samples, report = read("instances-detect", path)
    assert samples == []
    assert report.left_out == {"crowd": 1, "beside a crowd": 1}


def test_lists_that_would_be_short_or_too_long_are_left_out(write: Write, read: Read) -> None:
    short = write("short.json", coco(thing(1, 0, 0), thing(2, 0, 0, bbox=[0, 0, 0, 0])))
    samples, report = read("instances-detect", short)
    assert (samples, report.malformed, report.left_out) == ([], 1, {"beside a malformed annotation": 1})
    for count, fits in ((MAX_LISTED, True), (MAX_LISTED + 1, False)):
        samples, report = read("instances-detect", write("a.json", coco(*(thing(n, n, 0) for n in range(count)))))
        assert bool(samples) is fits
        assert report.seen == count


def test_lvis_paths_and_names(write: Write, read: Read) -> None:
    content = coco(thing(1, 0, 0))
    content["images"] = [
        {
            "id": 7, "width": 40, "height": 20, "neg_category_ids": [5], "not_exhaustive_category_ids": [],
            "coco_url": "http://images.cocodataset.org/train2017/000000391895.jpg",
        }
    ]  # fmt: skip
    content["categories"] = [
        {"id": 1, "name": "bass_(horn)", "synonyms": ["bass_horn"], "synset": "bass_horn.n.01", "frequency": "r"}
    ]
    (sample,), _ = read("instances-detect", write("lvis.json", content))
    assert sample.image == Path("images/train2017/000000391895.jpg")
    assert sample.turns[0].answer == "The objects are: 1: bass <box1>"


@pytest.mark.parametrize(
    "image",
    [{"id": 7}, {"id": 7, "width": 40, "height": 20}, {"id": 7, "width": 40, "height": 20, "file_name": "/a.jpg"}],
)
def test_malformed_pictures_take_their_annotations_along(image: Any, write: Write, read: Read) -> None:
    content = coco(thing(1, 0, 0)) | {"images": [image]}
    samples, report = read("instances-refer", write("coco.json", content))
    assert samples == []
    assert [example.where for example in report.examples] == ["images[0]", "annotations[0]"]


def test_a_number_given_twice_is_reported(write: Write, read: Read) -> None:
    content = coco(thing(1, 0, 0))
    content["images"] *= 2
    samples, report = read("instances-refer", write("coco.json", content))
    assert len(samples) == 1
    assert str(report.examples[0]).endswith("images[1]: id 7 is there already")
