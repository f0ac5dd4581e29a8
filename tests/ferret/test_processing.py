"""The processor: prompts to ids, regions to points, pictures to pixels, and all of it saved and loaded."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.numpy import load_file
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoProcessor, PreTrainedTokenizerFast

from ferret.errors import ImageError, RegionError, RequestError
from ferret.image_processing import FerretImageProcessor
from ferret.processing import FerretProcessor, released_mask
from ferret.prompts import EOS_TOKEN
from ferret.regions import Box, Mask, Point, Region, Scribble
from ferret.sampler import sample_points
from ferret.tokenization import load_released_tokenizer, special_token

PARITY = Path(__file__).parents[1] / "fixtures" / "parity" / "misc"
PROMPTS = json.loads((PARITY / "tokenization.json").read_text())["prompts"]
RED = Image.new("RGB", (40, 20), "red")
TALL = Image.new("RGB", (10, 30), "blue")
QUESTION = "USER: <image>\nWhat is [1, 2, 3, 4] <region_fea>? ASSISTANT:"


@pytest.fixture(scope="module")
def released() -> FerretProcessor:
    return FerretProcessor(FerretImageProcessor(), load_released_tokenizer(PARITY / "tokenizer"), num_image_tokens=1)


@pytest.fixture(scope="module")
def ours() -> FerretProcessor:
    """A processor like that of weights trained here: whole words, a picture of 24 px, 4 tokens a picture."""
    special = ["<pad>", "<unk>", "<s>", EOS_TOKEN, "<image>", "<region_fea>"]
    words = [*special, *"USER : ASSISTANT What is this ? [ ] , red".split(), *map(str, range(10))]
    tokenizer = Tokenizer(models.WordPiece({word: i for i, word in enumerate(words)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens([special_token(token) for token in special])
    wrapped: Any = PreTrainedTokenizerFast
    return FerretProcessor(
        FerretImageProcessor(size={"height": 24, "width": 24}, image_mean=[0.5] * 3, image_std=[0.5] * 3),
        wrapped(tokenizer_object=tokenizer, bos_token="<s>", eos_token=EOS_TOKEN, unk_token="<unk>", pad_token="<pad>"),
        template="ferret_nano",
        num_image_tokens=4,
        num_region_points=32,
    )


@pytest.mark.parametrize("case", PROMPTS, ids=lambda case: repr(case["messages"]))
def test_released_prompts_to_the_id(released: FerretProcessor, case: dict[str, Any]) -> None:
    assert released.tokenize(released.conversation.render(case["messages"])) == case["input_ids"]


def test_an_image_takes_its_tokens(released: FerretProcessor, ours: FerretProcessor) -> None:
    assert released.image_token_id == -200
    ids = ours.tokenize("USER: <image>\nWhat is this? ASSISTANT:")
    assert ours.image_token_id == 4
    assert ours.region_token_id == 5
    assert ours.tokenizer.convert_ids_to_tokens(ids) == (
        ["<s>", "USER", ":"] + ["<image>"] * 4 + ["What", "is", "this", "?", "ASSISTANT", ":"]
    )


def test_one_prompt(ours: FerretProcessor) -> None:
    box = Box(4, 2, 30, 18)
    inputs = ours(RED, QUESTION, [box])
    assert set(inputs) == set(ours.model_input_names)
    assert inputs["input_ids"].dtype == torch.int64
    assert inputs["input_ids"].shape == inputs["attention_mask"].shape
    assert inputs["attention_mask"].all()
    assert inputs["pixel_values"].shape == (1, 3, 24, 24)
    assert inputs["region_points"].shape == (1, 32, 2)
    assert inputs["region_points"].dtype == torch.float32
    assert inputs["region_image_index"].tolist() == [0]
    x, y = (inputs["region_points"][0] * torch.tensor([40, 20])).unbind(-1)
    assert torch.equal(inputs["region_points"], sample_points(box.to_mask(40, 20), 32)[None])
    assert x.min() >= 4
    assert x.max() < 30
    assert y.min() >= 2
    assert y.max() < 18


def test_a_batch_is_padded_and_counts_images_through(ours: FerretProcessor) -> None:
    texts = ["<image><image>What is <region_fea> <region_fea>?", "What?", QUESTION]
    regions: list[list[Region]] = [[Point(1, 1, image=1), Point(39, 1)], [], [Box(1, 1, 9, 29)]]
    inputs = ours([RED, TALL, TALL], texts, regions)
    lengths = inputs["attention_mask"].sum(dim=1)
    assert lengths.tolist() == [len(ours.tokenize(text)) for text in texts]
    assert inputs["input_ids"][1, lengths[1] :].eq(0).all()
    assert inputs["region_image_index"].tolist() == [1, 0, 2]
    assert inputs["pixel_values"].shape[0] == 3
    nested = ours([[RED, TALL], [], [TALL]], texts, regions)
    assert torch.equal(nested["region_points"], inputs["region_points"])
    left = ours([RED, TALL, TALL], texts, regions, padding_side="left")
    assert left["attention_mask"][1, -int(lengths[1]) :].all()
    assert left["attention_mask"][1].sum() == lengths[1]
    assert left["input_ids"][1, -int(lengths[1]) :].tolist() == ours.tokenize("What?")


def test_a_regions_points_depend_on_nothing_but_the_region(ours: FerretProcessor) -> None:
    box, other = Box(4, 2, 30, 18), Scribble(((1, 1), (39, 19)))
    alone = ours(RED, QUESTION, [box])["region_points"][0]
    beside = ours(RED, "<image><region_fea> <region_fea>", [other, box])["region_points"][1]
    assert torch.equal(alone, beside)
    assert torch.equal(alone, ours(RED, QUESTION, [Mask(box.to_mask(40, 20))])["region_points"][0])


def test_sizes_are_those_of_the_originals(ours: FerretProcessor) -> None:
    original = ours(RED, QUESTION, [Box(4, 2, 30, 18)])["region_points"]
    shrunk = ours(RED.resize((8, 4)), QUESTION, [Box(4, 2, 30, 18)], sizes=[(40, 20)])["region_points"]
    assert torch.equal(original, shrunk)
    without = ours(text=QUESTION, regions=[Box(4, 2, 30, 18)], sizes=[(40, 20)])
    assert torch.equal(original, without["region_points"])
    assert "pixel_values" not in without


def test_parts_may_be_left_out(ours: FerretProcessor) -> None:
    assert set(ours(text="What?")) == {"input_ids", "attention_mask"}
    assert set(ours(RED)) == {"pixel_values"}
    arrays = ours(RED, QUESTION, [Point(1, 1)], return_tensors="np")
    assert all(isinstance(value, np.ndarray) for value in arrays.values())


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({}, RequestError, "nothing to process"),
        ({"images": RED, "text": "What?"}, RequestError, r"names 0 image\(s\).*but 1"),
        ({"images": RED, "text": "<image><image>"}, RequestError, "names 2"),
        ({"images": RED, "text": QUESTION}, RegionError, r"names 1 region\(s\).*but 0"),
        ({"images": RED, "text": "<image>", "regions": [Point(1, 1)]}, RegionError, "names 0"),
        ({"images": RED, "text": QUESTION, "regions": [Point(41, 1)]}, RegionError, "outside its image of 40x20"),
        ({"images": RED, "text": QUESTION, "regions": [Point(1, 1, image=1)]}, RegionError, "lies on image 2"),
        ({"images": RED, "text": [QUESTION], "regions": [[Point(1, 1)], []]}, RegionError, "a list for each"),
        ({"images": RED, "regions": [Point(1, 1)]}, RegionError, "without text"),
        ({"text": QUESTION, "regions": [Point(1, 1)]}, RegionError, "without images"),
        ({"images": "nowhere.png", "text": "<image>"}, ImageError, "does not exist"),
    ],
)
def test_requests_that_do_not_fit(ours: FerretProcessor, arguments: dict[str, Any], error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        ours(**arguments)


def test_referring_and_reading_back(ours: FerretProcessor, released: FerretProcessor) -> None:
    first, second = Box(0, 0, 40, 20), Point(20, 10)
    text, ordered = ours.refer("Is <region2> in it?", [first, second], [(40, 20)])
    assert text == "Is [500, 500] <region_fea> in it? [0, 0, 999, 999] <region_fea>"
    assert ordered == (second, first)
    assert released.refer("It?", [first], [(40, 20)])[0] == "It? [0, 0, 975, 950] <region_fea>"
    answer = ours.post_process_grounding("The dog [250, 250, 499, 499].", (40, 20))
    assert answer.text == "The dog."
    assert answer.boxes[0].coordinates == pytest.approx((10.02, 5.01, 19.98, 9.99))


GOLDEN_MASKS = load_file(PARITY / "dataset_masks.safetensors")  # [W, H], as the released code keeps them


@pytest.mark.parametrize(
    ("name", "region", "within"),
    [
        ("nomask_s0_region0", Box(20, 15, 40, 35), None),
        ("nomask_s0_region1", Box(50, 5, 69, 15), None),
        ("nomask_s2_region0", Point(32.37, 26.52), Box(20, 15, 40, 35)),
        ("nomask_s2_region1", Point(62.05, 12.37), Box(50, 5, 69, 15)),
        ("mask_s0_region0", Mask(GOLDEN_MASKS["seg0_hw"]), None),
        ("mask_s0_region1", Mask(GOLDEN_MASKS["seg1_hw"]), None),
    ],
)
def test_released_masks(name: str, region: Region, within: Box | None) -> None:
    mask = released_mask(region, 70, 50)
    if within is not None:  # in training a point's window is cut to the object's box
        mask = mask & released_mask(within, 70, 50)
    assert np.array_equal(mask, GOLDEN_MASKS[f"{name}_wh"].T != 0)


def test_released_boxes_stay_on_the_image(released: FerretProcessor) -> None:
    assert released_mask(Box(0, 0, 70, 50), 70, 50).all()
    assert released_mask(Box(69.5, 49.5, 70, 50), 70, 50).sum() == 1
    points = released.region_points(Box(20, 15, 40, 35), 70, 50)
    assert points.shape == (512, 2)
    assert (points.max(dim=0).values * torch.tensor([70, 50])).tolist() == pytest.approx([40, 35])


def test_it_survives_saving_and_loads_by_the_auto_class(ours: FerretProcessor, tmp_path: Path) -> None:
    ours.save_pretrained(tmp_path)
    loaded = AutoProcessor.from_pretrained(tmp_path, local_files_only=True)
    assert isinstance(loaded, FerretProcessor)
    before, after = ours(RED, QUESTION, [Point(3, 3)]), loaded(RED, QUESTION, [Point(3, 3)])
    for name, value in before.items():
        assert torch.equal(value, after[name])
    assert loaded.conversation == ours.conversation
    assert loaded.num_image_tokens == 4


def test_the_released_processor_survives_saving(released: FerretProcessor, tmp_path: Path) -> None:
    released.save_pretrained(tmp_path)
    loaded = FerretProcessor.from_pretrained(tmp_path, local_files_only=True)
    for case in PROMPTS:
        assert loaded.tokenize(case["prompt"]) == case["input_ids"]


def test_a_tokenizer_without_region_token_is_refused(ours: FerretProcessor) -> None:
    wrapped: Any = PreTrainedTokenizerFast
    bare = wrapped(tokenizer_object=Tokenizer(models.WordLevel({"a": 0}, unk_token="a")))
    with pytest.raises(RequestError, match="no '<region_fea>' token"):
        FerretProcessor(ours.image_processor, bare)


@pytest.mark.parametrize("module", ["regions", "masks", "images", "coordinates", "parsing", "prompts"])
def test_the_light_modules_need_no_torch(module: str) -> None:
    code = f"import sys, ferret.{module}; sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
