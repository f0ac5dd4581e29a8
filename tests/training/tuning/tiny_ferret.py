"""A Ferret of a few thousand random weights, and a small file of released Ferret JSON to tune it on."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from ferret.configuration import FerretConfig
from ferret.image_processing import FerretImageProcessor
from ferret.modeling import FerretForConditionalGeneration
from ferret.processing import FerretProcessor
from ferret.prompts import IMAGE_TOKEN, REGION_TOKEN
from training.nano import nano_tokenizer
from training.tuning.settings import TuneSettings

NAMES = "dog cat apple car tree house ball fish".split()


def write_checkpoint(folder: Path, dtype: torch.dtype = torch.float32) -> Path:
    """A CLIP encoder, a Llama with an output head of its own, and the nano tokenizer."""
    tokenizer = nano_tokenizer()
    config = FerretConfig(
        vision_config={
            "model_type": "clip_vision_model", "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2,
            "num_attention_heads": 2, "image_size": 28, "patch_size": 7,
        },
        text_config={
            "model_type": "llama", "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
            "num_attention_heads": 2, "vocab_size": len(tokenizer), "max_position_embeddings": 512,
            "initializer_range": 0.1,
        },
        sampler={"num_points": 16, "stage_points": [8, 4], "neighbors": 4},
        image_token_id=tokenizer.get_vocab()[IMAGE_TOKEN],
        region_token_id=tokenizer.get_vocab()[REGION_TOKEN],
    )  # fmt: skip
    torch.manual_seed(0)
    model: Any = FerretForConditionalGeneration(config)
    model.to(dtype).save_pretrained(folder)
    images = FerretImageProcessor(size={"height": 28, "width": 28})
    processor = FerretProcessor(
        images, tokenizer, "ferret_nano", num_image_tokens=config.num_image_tokens, num_region_points=16
    )
    processor.save_pretrained(folder)
    return folder


def write_data(folder: Path, *, regions: bool = True) -> Path:
    """Eight coloured pictures, each asked about; `data.json` and `mixture.json` of one source."""
    (folder / "images").mkdir(parents=True)
    records = []
    for number, name in enumerate(NAMES):
        picture = np.full((40, 60, 3), (number & 1) * 255, np.uint8)
        picture[..., 1], picture[..., 2] = (number >> 1 & 1) * 255, (number >> 2 & 1) * 255
        Image.fromarray(picture).save(folder / "images" / f"{number}.png")
        asked, answer = ("What is <bbox_location0>?", f"A {name}.") if regions else ("What is this?", f"A {name}.")
        turns = [{"from": "human", "value": f"<image>\n{asked}"}, {"from": "gpt", "value": answer}]
        boxes = [[[5, 5, 30, 30]] if regions else [], []]
        records.append(
            {
                "id": number, "image": f"{number}.png", "image_w": 60, "image_h": 40, "conversations": turns,
                "box_x1y1x2y2": boxes,
            }
        )  # fmt: skip
    (folder / "data.json").write_text(json.dumps(records))
    source = {"reader": "ferret", "path": "data.json", "images": "images"}
    (folder / "mixture.json").write_text(json.dumps([source]))
    return folder / "mixture.json"


def tiny_settings(model: Path, data: Path, **changes: Any) -> TuneSettings:
    """A short run over what `write_data` wrote, in float32, without anything drawn at random."""
    source = {"reader": "ferret", "path": data / "data.json", "images": data / "images"}
    values: dict[str, Any] = {
        "model": str(model), "sources": [source], "parts": ["projector", "sampler", "language", "embeddings"],
        "steps": 3, "batch": 8, "micro_batch": 2, "length": 120, "learning_rate": 5e-3, "rank": 4, "dropout": 0.0,
        "precision": "fp32", "log_every": 1, "save_seconds": 1e9, "checkpointing": False,
    }  # fmt: skip
    return TuneSettings.model_validate(values | changes)
