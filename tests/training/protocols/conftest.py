"""What the tests of running benchmarks share: the embedded model, pictures, and small files of every real format."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageOps

from ferret.engine import Engine

WIDTH, HEIGHT = 180, 120
NAMES = ("COCO_val2014_000000000001.jpg", "COCO_val2014_000000000002.jpg")
MME_KINDS = (
    "existence", "count", "position", "color", "posters", "celebrity", "scene", "landmark", "artwork", "OCR",
    "commonsense_reasoning", "numerical_calculation", "text_translation", "code_reasoning",
)  # fmt: skip

WriteBenchmark = Callable[[str, Path], list[str]]


@pytest.fixture(scope="session")
def nano() -> Engine:
    """The embedded model on the processor."""
    return Engine.load("ferret-nano", device="cpu")


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory, demo_picture: Path) -> Path:
    """A folder with an illustrated scene and its mirror image, of 180 x 120 pixels, named as COCO names pictures."""
    folder = tmp_path_factory.mktemp("pictures")
    scene = Image.open(demo_picture).convert("RGB").resize((WIDTH, HEIGHT))
    for name, picture in zip(NAMES, (scene, ImageOps.mirror(scene)), strict=True):
        picture.save(folder / name)
    return folder


@pytest.fixture
def write_benchmark(pictures: Path) -> WriteBenchmark:
    """`write_benchmark("pope", folder)`: files of the real format in the folder, and the command's arguments."""

    def write(name: str, folder: Path) -> list[str]:
        data = folder / "data"
        data.mkdir(exist_ok=True)
        files = writers[name](data)
        return [name, *map(str, files), *([] if name == "mme" else ["--images", str(pictures)])]

    def mme(data: Path) -> list[Path]:
        for kind in MME_KINDS:
            (data / kind).mkdir()
            (data / kind / "0001.jpg").write_bytes((pictures / NAMES[0]).read_bytes())
            text = "Is there a dog in the image?\tYes\n"  # what ferret-nano answers in a word
            (data / kind / "0001.txt").write_text(text + text.replace("Yes", "No").replace("dog", "bus"), "utf-8")
        return [data]

    writers: Mapping[str, Callable[[Path], list[Path]]] = {
        "lvis": _lvis,
        "refcoco": _refcoco,
        "flickr30k": _flickr,
        "pope": _pope,
        "vqa": _vqa,
        "captions": _captions,
        "ferret-bench": _ferret_bench,
        "mme": mme,
    }
    return write


def _json(path: Path, content: Any) -> Path:
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def _lines(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def _lvis(data: Path) -> list[Path]:
    shape = [[int(40 <= x < 70 and 70 <= y < 90) for y in range(HEIGHT)] for x in range(WIDTH)]  # [W][H]
    row = {
        "image_path": f"val2017/{NAMES[0]}", "width": WIDTH, "height": HEIGHT, "sample_point": [55, 80],
        "bbox": [40, 70, 30, 20], "bbox_norm": [0.22, 0.58, 0.39, 0.75], "name": "dog", "synonyms": ["dog", "puppy"],
        "neg_class": "bus", "free_shape_bbox_raw": [40.0, 70.0, 69.0, 89.0], "free_shape_segment_mask": shape,
    }  # fmt: skip
    return [_lines(data / "lvis_eval.jsonl", [row | {"id": number} for number in range(3)])]


def _refcoco(data: Path) -> list[Path]:
    images = [
        {"id": number, "file_name": NAMES[number % 2], "width": WIDTH, "height": HEIGHT, "caption": caption,
         "original_id": 1, "dataset_name": "refcoco", "tokens_negative": [[0, 3]]}
        for number, caption in enumerate(["the dog", "left, house", "the unicorn"])
    ]  # fmt: skip
    boxes = [{"image_id": number, "bbox": [40.0, 70.0, 30.0, 20.0], "id": number, "area": 600} for number in range(3)]
    content = {"info": {}, "licenses": [], "images": images, "annotations": boxes, "categories": []}
    return [_json(data / "finetune_refcoco_testA.json", content)]


def _flickr(data: Path) -> list[Path]:
    sentence = {
        "id": 0, "file_name": NAMES[0], "width": str(WIDTH), "height": str(HEIGHT), "caption": "A dog by a house .",
        "tokens_positive_eval": [[[0, 5]], [[9, 16]]], "sentence_id": 0, "original_img_id": 1,
    }  # fmt: skip
    boxes = [
        {"image_id": image, "bbox": [40, 70, 30, 20], "tokens_positive": [span]}
        for image in range(2)
        for span in ([0, 5], [9, 16])
    ]
    content = {"images": [sentence, sentence | {"id": 1, "file_name": NAMES[1]}], "annotations": boxes}
    return [_json(data / "final_flickr_mergedGT_val.json", content)]


def _pope(data: Path) -> list[Path]:
    rows = [
        {"question_id": number, "image": NAMES[number % 2], "text": f"Is there {thing} in the image?", "label": label}
        for number, (thing, label) in enumerate(
            [("a dog", "yes"), ("a bus", "no"), ("a house", "yes"), ("a tie", "no")]
        )
    ]
    return [_lines(data / "coco_pope_random.json", rows)]


def _vqa(data: Path) -> list[Path]:
    asked = [
        {"image_id": number, "question": "How many dogs are there?", "question_id": 10 + number} for number in (1, 2)
    ]
    answers = [{"answer": "1", "answer_confidence": "yes", "answer_id": number} for number in range(1, 11)]
    told = [
        {"question_id": entry["question_id"], "image_id": entry["image_id"], "answer_type": "number",
         "question_type": "how many", "multiple_choice_answer": "1", "answers": answers}
        for entry in asked
    ]  # fmt: skip
    questions = {"data_subtype": "val2014", "data_type": "mscoco", "questions": asked}
    return [
        _json(data / "v2_OpenEnded_mscoco_val2014_questions.json", questions),
        _json(data / "v2_mscoco_val2014_annotations.json", {"annotations": told}),
    ]


def _captions(data: Path) -> list[Path]:
    images = [{"id": number, "file_name": name, "width": WIDTH, "height": HEIGHT} for number, name in enumerate(NAMES)]
    said = [("A dog stands by a house.", 0), ("A dog and a sign.", 0), ("A house with apples.", 1)]
    annotations = [{"id": number, "image_id": image, "caption": text} for number, (text, image) in enumerate(said)]
    return [_json(data / "captions_val2014.json", {"images": images, "annotations": annotations})]


def _ferret_bench(data: Path) -> list[Path]:
    folders = {"refer_desc": "refer_caption", "refer_reason": "refer_reason", "ground_conv": "ground_conv"}
    for category, name in folders.items():
        texts = {
            "question": "What is [0.220, 0.580, 0.390, 0.750]?",
            "context": f"scene of {category}",
            "answer": "a dog",
        }
        for file, text in texts.items():
            row = {"question_id": 1, "image": NAMES[0], "category": category, "text": text}
            _lines(data / name / f"{file}.jsonl", [row])
    _json(data / "rule.json", {category: {"role": "Assistant", "prompt": "Rate."} for category in folders})
    return [data]
