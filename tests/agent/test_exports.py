"""Regions in other tools' forms come back as they went, and what those tools change there has changed."""

import copy
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from agent.answers import Answer, AnswerRegion, Rle
from agent.brush_rle import decode_brush, encode_brush
from agent.exports import (
    from_coco,
    from_fiftyone,
    from_label_studio,
    from_supervision,
    to_coco,
    to_fiftyone,
    to_label_studio,
    to_supervision,
)
from ferret.errors import RequestError
from ferret.regions import decode_rle, encode_rle

SIZES = [(23, 17), (8, 5)]


def masks(size: tuple[int, int]) -> st.SearchStrategy[np.ndarray]:
    """Masks of every kind: empty, full, noise, rectangles."""
    width, height = size

    def rectangle(corners: tuple[int, int, int, int]) -> np.ndarray:
        mask = np.zeros((height, width), dtype=bool)
        x1, y1, x2, y2 = corners
        mask[min(y1, y2) : max(y1, y2), min(x1, x2) : max(x1, x2)] = True
        return mask

    columns, rows = st.integers(0, width), st.integers(0, height)
    noise = st.binary(min_size=width * height, max_size=width * height)
    return st.tuples(columns, rows, columns, rows).map(rectangle) | noise.map(
        lambda data: np.frombuffer(data, dtype=np.uint8).reshape(height, width) > 127
    )


@st.composite
def regions_of(draw: Any) -> list[AnswerRegion]:
    """Up to four regions on two pictures, with boxes of any floats, also beyond the picture and of no extent."""
    text = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
    made = []
    for index in draw(st.lists(st.integers(0, 999), max_size=4, unique=True)):
        image = draw(st.integers(0, 1))
        width, height = SIZES[image]
        x = sorted(draw(st.tuples(*[st.floats(-2, width + 2)] * 2)))
        y = sorted(draw(st.tuples(*[st.floats(-2, height + 2)] * 2)))
        mask = draw(st.none() | masks((width, height)))
        made.append(
            AnswerRegion(
                id=index,
                image=image,
                label=draw(text),
                box=[x[0], y[0], x[1], y[1]],
                mask=None if mask is None else Rle.model_validate(encode_rle(mask)),
                text=draw(st.none() | text),
                score=draw(st.floats(0, 1)),
                source=draw(st.sampled_from(["ferret", "detector", "sam", "ocr", "user"])),
            )
        )
    return made


REGION = AnswerRegion(
    id=3, image=0, label="dog", box=[0.1, 1 / 3, 7.7, 11.3], text="Rex\n2", score=1 / 3, source="detector"
)
MASKED = REGION.model_copy(update={"id": 4, "mask": Rle.model_validate(encode_rle(np.eye(17, 23, dtype=bool)))})


def on(regions: list[AnswerRegion], image: int) -> list[AnswerRegion]:
    return [region for region in regions if region.image == image]


@settings(max_examples=60)
@given(regions_of())
@example([])
@example([REGION, MASKED])
def test_every_form_leads_back(regions: list[AnswerRegion]) -> None:
    def through_json(value: Any) -> Any:
        return json.loads(json.dumps(value, allow_nan=False))

    assert from_coco(through_json(to_coco(regions, SIZES))) == regions
    for image, size in enumerate(SIZES):
        here = on(regions, image)
        assert from_supervision(to_supervision(regions, image)) == here
        assert from_label_studio(through_json(to_label_studio(regions, size, "a.png", image))) == here
        assert from_fiftyone(through_json(to_fiftyone(regions, size, image)), size) == here


# --- supervision -----------------------------------------------------------------------------------------------------


def test_supervision_can_filter_and_draw_them() -> None:
    import supervision as sv

    detections = to_supervision([REGION, MASKED])
    assert detections.mask is not None
    assert detections.mask.shape == (2, 17, 23)
    assert list(detections.data["class_name"]) == ["dog", "dog"]
    kept: Any = detections[detections.data["has_mask"]]
    assert from_supervision(kept) == [MASKED]
    picture = np.zeros((17, 23, 3), dtype=np.uint8)
    assert sv.MaskAnnotator().annotate(picture.copy(), detections).any()


def test_detections_of_others_get_what_they_lack() -> None:
    import supervision as sv

    (region,) = from_supervision(sv.Detections(np.array([[1, 2, 3, 4]]), class_id=np.array([7])), image=1, source="sam")
    assert (region.id, region.image, region.label, region.box) == (0, 1, "7", [1.0, 2.0, 3.0, 4.0])
    assert (region.score, region.source, region.mask, region.text) == (1.0, "sam", None, None)


# --- COCO ------------------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # within pycocotools
def test_coco_itself_reads_the_dataset(capsys: pytest.CaptureFixture[str]) -> None:
    from pycocotools.coco import COCO

    coco = COCO()
    coco.dataset = to_coco([REGION, MASKED], SIZES, ["a.png", "b.png"])
    coco.createIndex()
    capsys.readouterr()
    (first, second) = coco.loadAnns(coco.getAnnIds(imgIds=[1]))
    assert np.array_equal(coco.annToMask(second), np.eye(17, 23))
    assert (second["area"], first["bbox"][:2]) == (17.0, [0.1, 1 / 3])
    assert coco.loadImgs([2])[0] == {"id": 2, "width": 8, "height": 5, "file_name": "b.png"}
    assert coco.loadCats(coco.getCatIds())[0]["name"] == "dog"


def test_a_box_moved_in_coco_has_moved() -> None:
    dataset = to_coco([REGION], SIZES)
    dataset["annotations"][0]["bbox"] = [1, 2, 3, 4]
    (region,) = from_coco(dataset)
    assert region == REGION.model_copy(update={"box": [1.0, 2.0, 4.0, 6.0]})


@pytest.mark.parametrize(
    "segmentation",
    [
        [[1, 1, 4, 1, 4, 3, 1, 3]],
        [[1, 1, 4, 1, 4, 2, 1, 2], [1, 2, 4, 2, 4, 3, 1, 3]],
        {"size": [5, 8], "counts": [6, 2, 3, 2, 3, 2, 22]},
    ],
)
def test_polygons_and_plain_run_lengths_of_coco_become_masks(segmentation: Any) -> None:
    dataset = {
        "images": [{"id": 42, "width": 8, "height": 5}],
        "categories": [{"id": 9, "name": "cat"}],
        "annotations": [{"image_id": 42, "category_id": 9, "bbox": [1, 1, 3, 2], "segmentation": segmentation}],
    }
    (region,) = from_coco(dataset)
    assert region.mask is not None
    rows, columns = np.nonzero(decode_rle(region.mask.model_dump()))
    assert (set(rows.tolist()), set(columns.tolist()), len(rows)) == ({1, 2}, {1, 2, 3}, 6)
    assert (region.label, region.score, region.source, region.image) == ("cat", 1.0, "user", 0)


# --- Label Studio ----------------------------------------------------------------------------------------------------


def reference_brush(mask: np.ndarray) -> list[int]:
    """The bytes of rle-pack, written out run by run from its description, with the padding of Label Studio's
    converter."""
    values = np.repeat(mask.astype(np.uint8).ravel() * 255, 4).tolist()
    bits = format(len(values), "032b") + "00111" + "0010" + "0011" + "0111" + "1111"
    while values:
        run = next((i for i, value in enumerate(values) if value != values[0]), len(values))
        run = min(run, 65536)
        for kind, (most, size) in enumerate([(8, 3), (16, 4), (256, 8), (65536, 16)]):
            if run <= most:
                bits += "1" + format(kind, "02b") + format(run - 1, f"0{size}b") + format(values[0], "08b")
                break
        values = values[run:]
    bits += "0" * (8 - len(bits) % 8)
    return [int(bits[i : i + 8], 2) for i in range(0, len(bits), 8)]


@settings(max_examples=60)
@given(masks((23, 17)))
@example(np.zeros((1, 1), dtype=bool))
@example(np.ones((1, 1), dtype=bool))
@example(np.eye(130, 140, dtype=bool))
@example(np.zeros((130, 140), dtype=bool))  # one run of more than 2 ** 16 values
def test_the_brush_code_is_label_studios(mask: np.ndarray) -> None:
    code = encode_brush(mask)
    assert code == reference_brush(mask)
    assert np.array_equal(decode_brush(code, mask.shape[1], mask.shape[0]), mask)


def test_the_brush_code_of_the_editor_itself_is_read() -> None:
    """Single values, other sizes of lengths, and colour in front of the alpha channel."""
    pixels = [(9, 8, 7, 0), (255, 0, 0, 255), (255, 0, 0, 128)]
    bits = format(12, "032b") + "00111" + "0001" * 4
    values = [value for pixel in pixels for value in pixel]
    for i in range(0, 12, 4):
        bits += "0" + "00" + "11" + "".join(format(value, "08b") for value in values[i : i + 4])
    bits += "0" * (-len(bits) % 8)
    code = [int(bits[i : i + 8], 2) for i in range(0, len(bits), 8)]
    assert decode_brush(code, 3, 1).tolist() == [[False, True, True]]


@pytest.mark.parametrize(
    "damage", [lambda code: code[:6], lambda _: [], lambda code: code[:-2], lambda code: [300, *code]]
)
def test_a_damaged_brush_code_is_said(damage: Any) -> None:
    with pytest.raises(RequestError, match="brush mask"):
        decode_brush(damage(encode_brush(np.eye(9, 9, dtype=bool))), 9, 9)


def test_a_brush_code_of_another_size_is_said() -> None:
    with pytest.raises(RequestError, match="4 x 4"):
        decode_brush(encode_brush(np.eye(3, dtype=bool)), 4, 4)


def test_boxes_are_percent_and_keep_their_words() -> None:
    task = to_label_studio([REGION.model_copy(update={"box": [2.3, 3.4, 11.5, 6.8]})], SIZES[0], "s3://a.png")
    box, text = task["predictions"][0]["result"]
    assert [box["value"][side] for side in ("x", "y", "width", "height")] == pytest.approx([10, 20, 40, 20])
    assert box["value"]["rectanglelabels"] == ["dog"]
    assert (text["id"], text["type"], text["value"]["text"]) == (box["id"], "textarea", ["Rex\n2"])
    assert task["data"] == {"image": "s3://a.png"}


def test_what_people_correct_counts() -> None:
    task = to_label_studio([REGION, MASKED], SIZES[0], "a.png")
    results = copy.deepcopy(task["predictions"][0]["result"])
    results[0]["value"] |= {"x": 0, "y": 0, "width": 100, "height": 50, "rectanglelabels": ["cat"]}
    results[1]["value"]["text"] = ["two", "lines"]
    results[2]["value"]["rle"] = encode_brush(np.ones((17, 23), dtype=bool))
    task["annotations"] = [{"result": results}]
    first, second = from_label_studio(task)
    assert (first.label, first.box, first.text) == ("cat", [0.0, 0.0, 23.0, 8.5], "two\nlines")
    assert second.box == [0.0, 0.0, 23.0, 17.0]
    assert (first.id, second.id, first.source) == (3, 4, "detector")


@pytest.mark.parametrize(
    "value", [{"points": [[0, 0], [1, 1], [0, 1]]}, {"x": 1, "y": 1, "width": 5, "height": 5, "rotation": 30}]
)
def test_shapes_that_are_no_region_here_are_said(value: Any) -> None:
    result = {"id": "a", "type": "polygonlabels", "original_width": 9, "original_height": 9, "value": value}
    with pytest.raises(RequestError, match="upright rectangle"):
        from_label_studio({"predictions": [{"result": [result]}]})


def test_what_is_said_of_the_whole_picture_is_no_region() -> None:
    choice = {"id": "a", "type": "choices", "from_name": "kind", "to_name": "image", "value": {"choices": ["good"]}}
    assert from_label_studio({"annotations": [{"result": [choice]}]}) == []
    assert from_label_studio({"data": {}}) == []


# --- FiftyOne --------------------------------------------------------------------------------------------------------


def test_fiftyone_has_relative_boxes_and_masks_of_whole_pixels() -> None:
    mask = np.zeros((17, 23), dtype=bool)
    mask[4:9, 2:8] = True
    masked = MASKED.model_copy(update={"box": [2.5, 4.0, 8.0, 9.0], "mask": Rle.model_validate(encode_rle(mask))})
    plain, cut = to_fiftyone([REGION, masked], SIZES[0])["detections"]
    assert plain["bounding_box"] == pytest.approx([0.1 / 23, 1 / 3 / 17, 7.6 / 23, (11.3 - 1 / 3) / 17])
    assert cut["bounding_box"] == [2 / 23, 4 / 17, 6 / 23, 5 / 17]
    assert (plain["label"], plain["confidence"], plain["_cls"]) == ("dog", 1 / 3, "Detection")
    assert "mask" not in plain


def test_a_mask_of_others_is_stretched_over_its_box() -> None:
    full = Rle.model_validate(encode_rle(np.ones((17, 23))))
    (one,) = to_fiftyone([MASKED.model_copy(update={"mask": full})], SIZES[0])["detections"]
    foreign = {"label": "cat", "bounding_box": [0.25, 0.2, 0.5, 0.4], "mask": one["mask"]}
    (region,) = from_fiftyone({"detections": [foreign]}, SIZES[1], image=1)
    assert region.mask is not None
    rows, columns = np.nonzero(decode_rle(region.mask.model_dump()))
    assert (set(rows.tolist()), set(columns.tolist())) == ({1, 2}, {2, 3, 4, 5})
    assert region.box == pytest.approx([2.0, 1.0, 6.0, 3.0])
    assert (region.score, region.image) == (1.0, 1)


def test_a_box_moved_in_fiftyone_has_moved() -> None:
    value = to_fiftyone([REGION], SIZES[0])
    value["detections"][0]["bounding_box"] = [0.5, 0.5, 0.25, 0.25]
    (region,) = from_fiftyone(value, SIZES[0])
    assert region.box == [11.5, 8.5, 17.25, 12.75]


@pytest.mark.parametrize("older", [True, False])
def test_fiftyones_other_forms_of_binary_are_read(older: bool) -> None:
    import base64

    value = to_fiftyone([MASKED], SIZES[0])
    data = value["detections"][0]["mask"]["$binary"]["base64"]
    value["detections"][0]["mask"] = {"$binary": data, "$type": "00"} if older else base64.b64decode(data)
    assert from_fiftyone(value, SIZES[0]) == [MASKED]


# --- all of them -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "read",
    [
        lambda: from_coco({"images": []}),
        lambda: from_coco({"images": [], "categories": [], "annotations": [{"image_id": 1}]}),
        lambda: from_label_studio({"predictions": [{}]}),
        lambda: from_fiftyone({"detections": [{"bounding_box": [0, 0, 1]}]}, (9, 9)),
        lambda: from_fiftyone({"detections": [{"bounding_box": [0, 0, 1, 1], "mask": b"no zlib"}]}, (9, 9)),
        lambda: from_fiftyone({"detections": [{"bounding_box": [0, 0, 1, 1], "confidence": 7}]}, (9, 9)),
    ],
)
def test_what_is_no_such_form_is_said(read: Any) -> None:
    with pytest.raises(RequestError):
        read()


@pytest.mark.parametrize(
    ("write", "says"),
    [
        (lambda: to_label_studio([MASKED], (9, 9), "a.png"), "23 x 17"),
        (lambda: to_fiftyone([MASKED], (9, 9)), "23 x 17"),
        (lambda: to_coco([MASKED], []), "more pictures"),
        (lambda: to_coco([MASKED], SIZES, ["one.png"]), "1 names for 2"),
    ],
)
def test_what_does_not_fit_its_picture_is_said(write: Any, says: str) -> None:
    with pytest.raises(RequestError, match=says):
        write()


def test_an_answer_converts_itself_as_long_as_it_has_its_pictures() -> None:
    answer = Answer(question="q", text="t", status="answered", confidence=1.0, regions=[REGION, MASKED], seconds=0.0)
    with pytest.raises(RequestError, match=r"agent\.exports"):
        answer.to_coco()
    answer.with_pictures([Image.new("RGB", size) for size in SIZES])
    assert from_coco(answer.to_coco()) == answer.regions
    assert from_supervision(answer.to_supervision()) == answer.regions
    assert from_label_studio(answer.to_label_studio("a.png")) == answer.regions
    assert from_fiftyone(answer.to_fiftyone(), SIZES[0]) == answer.regions
    assert answer.to_fiftyone(1)["detections"] == []
    with pytest.raises(RequestError, match="no picture 2"):
        answer.to_fiftyone(2)
