"""Weights of the shipped format with random values, made once per session, and small pictures."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

NAMES = ("cat", "tea cup", "sign")


@pytest.fixture(scope="session")
def detector_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A detector as training writes it: half precision, and the model description in the JSON beside it."""
    import torch
    from safetensors.torch import save_file

    from tools.detector_model import build_detector, model_yaml

    torch.manual_seed(0)
    yaml = model_yaml("yolo11", len(NAMES))
    state = {k: v.half() if v.is_floating_point() else v for k, v in build_detector(yaml).state_dict().items()}
    path = tmp_path_factory.mktemp("weights") / "tiny-detector.safetensors"
    save_file({k: v.contiguous() for k, v in state.items()}, path)
    path.with_suffix(".json").write_text(json.dumps({"yaml": yaml, "names": NAMES, "imgsz": 96}))
    return path


@pytest.fixture(scope="session")
def sam_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SAM as training writes it, smaller still."""
    import torch
    from safetensors.torch import save_file

    from tools.sam_model import SamShape, build_sam

    torch.manual_seed(0)
    shape = SamShape(image_size=64, patch=8, encoder_dim=32, depth=2, heads=2, prompt_dim=32, decoder_mlp=64)
    state = {k: v.half() for k, v in build_sam(shape).state_dict().items()}
    path = tmp_path_factory.mktemp("weights") / "tiny-sam.safetensors"
    save_file({k: v.contiguous() for k, v in state.items()}, path)
    path.with_suffix(".json").write_text(json.dumps(shape.to_dict()))
    return path


@pytest.fixture(scope="session")
def picture() -> Image.Image:
    """A picture 90 x 60 with structure everywhere."""
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (60, 90, 3), dtype=np.uint8))
