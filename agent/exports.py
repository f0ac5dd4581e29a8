"""An answer's regions in the forms that other tools take, and back from them without loss.

    supervision     `sv.Detections` of one picture
    COCO            one dataset of all pictures; masks as COCO RLE
    Label Studio    one task with predictions; boxes in percent, masks in its own brush code (`agent.brush_rle`)
    FiftyOne        one serialised `Detections`; boxes relative, masks cut to their box (fiftyone itself is not needed)

Regions come back as they went (id, image, label, box, mask, text, score, source). What a format has no field for, and
the exact numbers of a box where it has another notion of boxes, travels in the place that it keeps for its users. Such
an exact box counts as long as the format's own numbers still say the same: a box that was moved over there has moved.
Regions that were made elsewhere are read too, and get what they lack from the arguments.
"""

import base64
import io
import zlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image
from pydantic import ValidationError

from agent.answers import AnswerRegion, Rle, Source
from agent.brush_rle import decode_brush, encode_brush
from ferret.errors import RequestError
from ferret.regions import Mask, decode_rle, encode_rle

if TYPE_CHECKING:
    import supervision

Json = dict[str, Any]
Size = tuple[int, int]
"""(width, height) of a picture in pixels."""

LABEL_STUDIO_BOX, LABEL_STUDIO_BRUSH, LABEL_STUDIO_TEXT, LABEL_STUDIO_PICTURE = "box", "brush", "text", "image"
# A mask of 64 megapixels, the largest picture that is read, and numpy's header.
_LARGEST_MASK = (64 << 20) + 1024


# --- supervision -----------------------------------------------------------------------------------------------------


def to_supervision(regions: Sequence[AnswerRegion], image: int = 0) -> "supervision.Detections":
    """The regions on one picture, their names in `data["class_name"]`; boxes and scores are float64 and exact.

    `mask` is bool [N, H, W] when any region has one; `data["has_mask"]` tells which have, the others are all False.
    """
    import supervision

    here = [region for region in regions if region.image == image]
    names = sorted({region.label for region in here})
    masks = [None if region.mask is None else decode_rle(region.mask.model_dump()) for region in here]
    shape = next((mask.shape for mask in masks if mask is not None), None)
    return supervision.Detections(
        xyxy=np.array([region.box for region in here], dtype=np.float64).reshape(-1, 4),
        mask=None if shape is None else np.stack([np.zeros(shape, np.bool_) if m is None else m for m in masks]),
        confidence=np.array([region.score for region in here], dtype=np.float64),
        class_id=np.array([names.index(region.label) for region in here], dtype=np.int64),
        data={
            "class_name": _objects([region.label for region in here]),
            "id": np.array([region.id for region in here], dtype=np.int64),
            "image": np.array([region.image for region in here], dtype=np.int64),
            "text": _objects([region.text for region in here]),
            "source": _objects([region.source for region in here]),
            "has_mask": np.array([region.mask is not None for region in here], dtype=np.bool_),
        },
    )


def from_supervision(
    detections: "supervision.Detections", *, image: int = 0, source: Source = "detector"
) -> list[AnswerRegion]:
    """The regions of `to_supervision`, or anybody's detections on picture `image`, which were seen by `source`."""
    data = detections.data
    regions = []
    for index in range(len(detections.xyxy)):
        own = {name: values[index] for name, values in data.items()}
        number = None if detections.class_id is None else int(detections.class_id[index])
        masked = detections.mask is not None and bool(own.get("has_mask", True))
        regions.append(
            _region(
                id=int(own.get("id", index)),
                image=int(own.get("image", image)),
                label=str(own.get("class_name", "object" if number is None else number)),
                box=[float(value) for value in detections.xyxy[index]],
                mask=encode_rle(np.asarray(detections.mask[index])) if masked and detections.mask is not None else None,
                text=own.get("text"),
                score=1.0 if detections.confidence is None else float(detections.confidence[index]),
                source=own.get("source", source),
            )
        )
    return regions


# --- COCO ------------------------------------------------------------------------------------------------------------


def to_coco(regions: Sequence[AnswerRegion], sizes: Sequence[Size], names: Sequence[str] = ()) -> Json:
    """A COCO dataset: `sizes` are those of all pictures in order, `names` their files (default: image1, image2, ...).

    Every id counts from 1, as COCO's own evaluation demands. Exact boxes, and what COCO has no field for, lie in each
    annotation's `attributes`.
    """
    files = names or [f"image{number}" for number in range(1, len(sizes) + 1)]
    if len(files) != len(sizes):
        raise RequestError(f"{len(files)} names for {len(sizes)} pictures; give one for each")
    _check_pictures(regions, len(sizes))
    categories = {name: number for number, name in enumerate(sorted({region.label for region in regions}), 1)}
    return {
        "images": [
            {"id": number, "width": size[0], "height": size[1], "file_name": name}
            for number, (size, name) in enumerate(zip(sizes, files, strict=True), 1)
        ],
        "categories": [{"id": number, "name": name, "supercategory": ""} for name, number in categories.items()],
        "annotations": [
            {
                "id": index,
                "image_id": region.image + 1,
                "category_id": categories[region.label],
                "bbox": _corner_and_size(region.box),
                "area": _area(region),
                "iscrowd": 0,
                "score": region.score,
                "segmentation": region.mask.model_dump() if region.mask else [],
                "attributes": _free(region),
            }
            for index, region in enumerate(regions, 1)
        ],
    }


def from_coco(dataset: Mapping[str, Any], *, source: Source = "user") -> list[AnswerRegion]:
    """The regions of `to_coco`, or of anybody's COCO dataset: polygons become masks, pictures count in their order."""
    try:
        images = {one["id"]: (index, one) for index, one in enumerate(dataset["images"])}
        names = {one["id"]: one["name"] for one in dataset["categories"]}
        regions = []
        for index, one in enumerate(dataset["annotations"]):
            place, picture = images[one["image_id"]]
            free = one.get("attributes", {})
            box = _x1y1x2y2(one["bbox"])
            if "box" in free and _corner_and_size(free["box"]) == one["bbox"]:
                box = free["box"]
            regions.append(
                _region(
                    id=free.get("id", index),
                    image=free.get("image", place),
                    label=names[one["category_id"]],
                    box=box,
                    mask=_coco_mask(one.get("segmentation"), picture),
                    text=free.get("text"),
                    score=one.get("score", 1.0),
                    source=free.get("source", source),
                )
            )
    except (KeyError, TypeError, ValueError) as error:
        raise _unreadable("COCO", error) from error
    return regions


def _coco_mask(segmentation: Any, picture: Mapping[str, Any]) -> Any:
    if not segmentation:
        return None
    if isinstance(segmentation, Mapping) and isinstance(segmentation["counts"], str):
        return dict(segmentation)
    from pycocotools import mask as coco

    parts = coco.frPyObjects(segmentation, picture["height"], picture["width"])
    merged = coco.merge(parts) if isinstance(parts, list) else parts
    return {"size": [int(side) for side in merged["size"]], "counts": merged["counts"].decode("ascii")}


# --- Label Studio ----------------------------------------------------------------------------------------------------


def to_label_studio(regions: Sequence[AnswerRegion], size: Size, name: str, image: int = 0) -> Json:
    """A Label Studio task for picture `image`, which Label Studio finds under `name` (a URL or path of its storage).

    Regions are predictions, to be corrected there: a box is a `rectanglelabels` result, a mask a `brushlabels` one,
    what was read a `textarea` beside it. The labelling configuration has to have these controls, over an image tag
    `image`: RectangleLabels `box`, BrushLabels `brush`, TextArea `text` (perRegion).
    """
    results: list[Json] = []
    width, height = size
    for region in regions:
        if region.image != image:
            continue
        common: Json = {
            "id": f"region{region.id}",
            "to_name": LABEL_STUDIO_PICTURE,
            "original_width": width,
            "original_height": height,
            "image_rotation": 0,
            "score": region.score,
        }
        value: Json
        if region.mask is None:
            shape, control = "rectanglelabels", LABEL_STUDIO_BOX
            value = {**_percent(region.box, size), "rotation": 0}
            around = None
        else:
            mask = _mask_of(region, size)
            shape, control = "brushlabels", LABEL_STUDIO_BRUSH
            value = {"format": "rle", "rle": encode_brush(mask)}
            around = _bounds(mask)
        labelled = {"type": shape, "from_name": control, "value": {**value, shape: [region.label]}}
        results.append({**common, **labelled, "meta": {"ferret": {**_free(region), "around": around}}})
        if region.text is not None:
            read = {"type": "textarea", "from_name": LABEL_STUDIO_TEXT, "value": {**value, "text": [region.text]}}
            results.append({**common, **read})
    return {"data": {LABEL_STUDIO_PICTURE: name}, "predictions": [{"model_version": "ferret", "result": results}]}


def from_label_studio(task: Mapping[str, Any], *, image: int = 0, source: Source = "user") -> list[AnswerRegion]:
    """The regions of a task: its first annotation if somebody has annotated it, else its first prediction.

    Raises `RequestError` for shapes that are no region here: turned rectangles, ellipses, polygons, key points.
    """
    try:
        made = task.get("annotations") or task.get("predictions") or [{"result": []}]
        regions: dict[str, list[Mapping[str, Any]]] = {}
        for result in made[0]["result"]:
            if "original_width" in result:  # what is said of the whole picture has no place in it
                regions.setdefault(result["id"], []).append(result)
        return [_from_results(index, parts, image, source) for index, parts in enumerate(regions.values())]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _unreadable("Label Studio", error) from error


def _from_results(index: int, parts: Sequence[Mapping[str, Any]], image: int, source: Source) -> AnswerRegion:
    first = next((part for part in parts if "meta" in part), parts[0])
    size = first["original_width"], first["original_height"]
    value = first["value"]
    free = first.get("meta", {}).get("ferret", {})
    mask = None
    if "rle" in value:
        pixels = decode_brush(value["rle"], *size)
        mask, around = encode_rle(pixels), _bounds(pixels)
        box = free["box"] if "box" in free and free["around"] == around else around or [0.0, 0.0, 0.0, 0.0]
    elif {"x", "y", "width", "height"} <= value.keys() and not value.get("rotation"):
        box = _from_percent(value, size)
        if "box" in free and all(value[side] == number for side, number in _percent(free["box"], size).items()):
            box = free["box"]
    else:
        raise RequestError(
            f"a region of type {first['type']!r} cannot be taken over; draw it in Label Studio as an upright rectangle "
            "or with the brush"
        )
    labels = [part["value"][part["type"]] for part in parts if part["type"].endswith("labels")]
    texts = [part["value"]["text"] for part in parts if part["type"] == "textarea"]
    return _region(
        id=free.get("id", index),
        image=free.get("image", image),
        label=labels[0][0] if labels and labels[0] else "object",
        box=box,
        mask=mask,
        text="\n".join([texts[0]] if isinstance(texts[0], str) else texts[0]) if texts else None,
        score=first.get("score", 1.0),
        source=free.get("source", source),
    )


def _percent(box: Sequence[float], size: Size) -> Json:
    numbers = zip(("x", "y", "width", "height"), _corner_and_size(box), (*size, *size), strict=True)
    return {side: number * 100 / whole for side, number, whole in numbers}


def _from_percent(value: Mapping[str, Any], size: Size) -> list[float]:
    x, y = value["x"] * size[0] / 100, value["y"] * size[1] / 100
    return [x, y, x + value["width"] * size[0] / 100, y + value["height"] * size[1] / 100]


# --- FiftyOne --------------------------------------------------------------------------------------------------------


def to_fiftyone(regions: Sequence[AnswerRegion], size: Size, image: int = 0) -> Json:
    """The regions on one picture as FiftyOne's JSON: `fiftyone.Detections.from_dict(value, extended=True)` reads it.

    `bounding_box` is relative [x, y, width, height]. For a region with a mask it is grown to whole pixels around box
    and mask, so that FiftyOne, which stretches a mask over its box, shows every pixel where it is.
    """
    detections: list[Json] = []
    for region in regions:
        if region.image != image:
            continue
        own = _free(region)
        one: Json = {"_cls": "Detection", "attributes": {}, "tags": [], "label": region.label}
        if region.mask is None:
            one["bounding_box"] = _relative(region.box, size)
        else:
            mask = _mask_of(region, size)
            left, top, right, bottom = crop = _whole_pixels(region.box, mask)
            one["bounding_box"] = _relative(crop, size)
            one["mask"] = {"$binary": {"base64": _packed(mask[top:bottom, left:right]), "subType": "00"}}
        one |= {"confidence": region.score, "region_id": own.pop("id"), **own}
        detections.append(one)
    return {"_cls": "Detections", "detections": detections}


def from_fiftyone(
    detections: Mapping[str, Any], size: Size, *, image: int = 0, source: Source = "detector"
) -> list[AnswerRegion]:
    """The regions of `to_fiftyone`, or of anybody's `Detections` as FiftyOne's `to_dict` or `to_json` writes them."""
    regions = []
    try:
        for index, one in enumerate(detections["detections"]):
            box = _from_relative(one["bounding_box"], size)
            mask = None
            if one.get("mask") is not None:
                mask = _placed(_unpacked(one["mask"]), box, size)
            if "box" in one:
                exact = one["box"] if mask is None else _whole_pixels(one["box"], mask)
                if _relative(exact, size) == list(one["bounding_box"]):
                    box = one["box"]
            confidence = one.get("confidence")
            regions.append(
                _region(
                    id=one.get("region_id", index),
                    image=one.get("image", image),
                    label=one.get("label") if one.get("label") is not None else "object",
                    box=box,
                    mask=None if mask is None else encode_rle(mask),
                    text=one.get("text"),
                    score=1.0 if confidence is None else confidence,
                    source=one.get("source", source),
                )
            )
    except (KeyError, TypeError, ValueError, AttributeError, zlib.error) as error:
        raise _unreadable("FiftyOne", error) from error
    return regions


def _packed(mask: np.ndarray) -> str:
    buffer = io.BytesIO()
    np.save(buffer, mask, allow_pickle=False)
    return base64.b64encode(zlib.compress(buffer.getvalue())).decode("ascii")


def _unpacked(mask: Any) -> np.ndarray:
    """FiftyOne's binary: raw bytes, or MongoDB's extended JSON in its present or its older form."""
    if isinstance(mask, Mapping):
        inner = mask["$binary"]
        mask = base64.b64decode(inner["base64"] if isinstance(inner, Mapping) else inner)
    plain = zlib.decompressobj().decompress(mask, _LARGEST_MASK)
    array: np.ndarray = np.load(io.BytesIO(plain), allow_pickle=False)
    if array.ndim != 2 or 0 in array.shape:
        raise RequestError(f"a mask has shape {array.shape!r}; it needs a height and a width")
    return np.asarray(array != 0, dtype=np.bool_)


def _placed(part: np.ndarray, box: Sequence[float], size: Size) -> np.ndarray:
    """A mask cut to its box, stretched over that box (to whole pixels) in a mask of the whole picture."""
    left, top = round(box[0]), round(box[1])
    width, height = max(round(box[2] - box[0]), 1), max(round(box[3] - box[1]), 1)
    if part.shape != (height, width):
        part = np.asarray(Image.fromarray(part).resize((width, height), Image.Resampling.NEAREST))
    whole = np.zeros((size[1], size[0]), dtype=np.bool_)
    x1, y1, x2, y2 = max(left, 0), max(top, 0), min(left + width, size[0]), min(top + height, size[1])
    if x2 > x1 and y2 > y1:
        whole[y1:y2, x1:x2] = part[y1 - top : y2 - top, x1 - left : x2 - left]
    return whole


def _relative(box: Sequence[float], size: Size) -> list[float]:
    x, y, width, height = _corner_and_size(box)
    return [x / size[0], y / size[1], width / size[0], height / size[1]]


def _from_relative(box: Sequence[float], size: Size) -> list[float]:
    x, y, width, height = box
    return [x * size[0], y * size[1], (x + width) * size[0], (y + height) * size[1]]


def _whole_pixels(box: Sequence[float], mask: np.ndarray) -> tuple[int, int, int, int]:
    """The pixels of the picture, at least one, that hold a box and a mask."""
    height, width = mask.shape
    x1, y1, x2, y2 = box
    around = _bounds(mask)
    if around is not None:
        x1, y1, x2, y2 = min(x1, around[0]), min(y1, around[1]), max(x2, around[2]), max(y2, around[3])
    left, top = min(max(int(np.floor(x1)), 0), width - 1), min(max(int(np.floor(y1)), 0), height - 1)
    return left, top, min(max(int(np.ceil(x2)), left + 1), width), min(max(int(np.ceil(y2)), top + 1), height)


# --- what they share -------------------------------------------------------------------------------------------------


def _free(region: AnswerRegion) -> Json:
    """What no format has a field for, and the exact box."""
    return {
        "id": region.id, "image": region.image, "box": region.box, "text": region.text, "source": region.source,
    }  # fmt: skip


def _region(**fields: Any) -> AnswerRegion:
    try:
        if fields["mask"] is not None:
            fields["mask"] = Rle.model_validate(fields["mask"])
        return AnswerRegion(**fields)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise RequestError(f"region {fields['id']!r} cannot be taken over: {where}: {first['msg']}") from error


def _corner_and_size(box: Sequence[float]) -> list[float]:
    x1, y1, x2, y2 = box
    return [x1, y1, x2 - x1, y2 - y1]


def _x1y1x2y2(box: Sequence[float]) -> list[float]:
    x, y, width, height = box
    return [x, y, x + width, y + height]


def _area(region: AnswerRegion) -> float:
    if region.mask is not None:
        return float(np.count_nonzero(decode_rle(region.mask.model_dump())))
    _, _, width, height = _corner_and_size(region.box)
    return width * height


def _mask_of(region: AnswerRegion, size: Size) -> np.ndarray:
    assert region.mask is not None
    if region.mask.size != [size[1], size[0]]:
        height, width = region.mask.size
        raise RequestError(
            f"region {region.id} has a mask of {width} x {height}, but its picture is said to be {size[0]} x {size[1]}"
        )
    return decode_rle(region.mask.model_dump())


def _bounds(mask: np.ndarray) -> list[float] | None:
    """The tight box around a mask; None around an empty one."""
    if not mask.any():
        return None
    return list(Mask(mask).bounds(mask.shape[1], mask.shape[0]).coordinates)


def _objects(values: Sequence[Any]) -> np.ndarray:
    """Values as an array that keeps them as they are, which numpy's own strings do not."""
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _check_pictures(regions: Sequence[AnswerRegion], count: int) -> None:
    if any(region.image >= count for region in regions):
        raise RequestError(f"the regions are on more pictures than the {count} given; give the sizes of all")


def _unreadable(form: str, error: Exception) -> RequestError:
    if isinstance(error, RequestError):
        return error
    return RequestError(f"this is not {form}'s form of regions ({type(error).__name__}: {error})")
