"""Backends: which one is taken, what is missing, and that neither downloads or runs what it should not."""

import hashlib
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from ferret.errors import ToolError
from tools import ocr_backends
from tools.ocr import TextReader
from tools.ocr_backends import EASYOCR_FILES, EasyOcrBackend, easyocr_folder, missing_easyocr, missing_rapidocr


def test_rapidocr_is_complete_and_the_default(tmp_path: Path) -> None:
    assert missing_rapidocr() == ""
    status = TextReader(easyocr_models=tmp_path).describe()
    assert status.available
    assert status.weights.startswith("rapidocr")


def test_without_rapidocr(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ocr_backends, "RAPIDOCR_FILES", {"Det": "absent.onnx"})
    reader = TextReader(easyocr_models=tmp_path)
    status = reader.describe()
    assert not status.available
    assert "absent.onnx" in status.missing
    assert "pip install" in status.remedy
    with pytest.raises(ToolError, match=r"rapidocr lacks absent\.onnx"):
        reader.load()


def test_easyocr_without_its_models(tmp_path: Path) -> None:
    reader = TextReader("easyocr", easyocr_models=tmp_path)
    status = reader.describe()
    assert not status.available
    for name in EASYOCR_FILES:
        assert name in status.missing
    with pytest.raises(ToolError, match="easyocr lacks"):
        reader.load()
    assert list(tmp_path.iterdir()) == []


def test_easyocr_with_other_files(tmp_path: Path) -> None:
    for name in EASYOCR_FILES:
        (tmp_path / name).write_bytes(b"not the released file")
    assert missing_easyocr(tmp_path) == ""
    with pytest.raises(ToolError, match="is not EasyOCR's released file"):
        TextReader("easyocr", easyocr_models=tmp_path).load()
    assert (tmp_path / "craft_mlt_25k.pth").read_bytes() == b"not the released file"


def test_easyocr_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EASYOCR_MODULE_PATH", "/models/easy")
    assert easyocr_folder() == Path("/models/easy/model")
    monkeypatch.delenv("EASYOCR_MODULE_PATH")
    monkeypatch.delenv("MODULE_PATH", raising=False)
    assert easyocr_folder() == Path.home() / ".EasyOCR" / "model"


class Bomb:
    """Makes a folder when unpickled by an unrestricted unpickler."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.target),)


def publish(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the files in `folder` the ones that the tool and EasyOCR expect."""
    import easyocr.config

    hashes, md5 = {}, {}
    for name in EASYOCR_FILES:
        content = (folder / name).read_bytes()
        hashes[name] = hashlib.sha256(content).hexdigest()
        md5[name] = hashlib.md5(content).hexdigest()
    monkeypatch.setattr(ocr_backends, "EASYOCR_FILES", hashes)
    monkeypatch.setitem(easyocr.config.detection_models["craft"], "md5sum", md5["craft_mlt_25k.pth"])
    english = easyocr.config.recognition_models["gen2"]["english_g2"]
    monkeypatch.setitem(english, "md5sum", md5["english_g2.pth"])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
def test_easyocr_runs_on_files_of_its_format(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Random values under the released names: nothing sensible is read, but every call is made and answered."""
    import torch
    from easyocr.config import recognition_models
    from easyocr.craft import CRAFT
    from easyocr.model.vgg_model import Model

    torch.manual_seed(0)
    torch.save(
        {f"module.{k}": v for k, v in CRAFT(pretrained=False).state_dict().items()}, tmp_path / "craft_mlt_25k.pth"
    )
    classes = len(recognition_models["gen2"]["english_g2"]["characters"]) + 1
    network = Model(input_channel=1, output_channel=256, hidden_size=256, num_class=classes)
    torch.save({f"module.{k}": v for k, v in network.state_dict().items()}, tmp_path / "english_g2.pth")
    publish(tmp_path, monkeypatch)
    search_path = list(sys.path)
    backend = EasyOcrBackend(tmp_path)
    assert sys.path == search_path
    assert "TORCH_FORCE_WEIGHTS_ONLY_LOAD" not in os.environ
    pixels = np.random.default_rng(0).integers(0, 256, (64, 128, 3), dtype=np.uint8)
    for quad in backend.find(pixels):
        assert quad.shape == (4, 2)
    answers = backend.read([pixels, pixels[:20, :50]])
    assert len(answers) == 2
    for text, score in answers:
        assert isinstance(text, str)
        assert 0.0 <= score <= 1.0
    assert TextReader("easyocr", easyocr_models=tmp_path).describe().weights.startswith("easyocr")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
def test_easyocr_never_runs_code_from_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even files that pass every comparison are read as tensors only."""
    import torch

    for name in EASYOCR_FILES:
        torch.save({"module.weight": Bomb(tmp_path / "ran")}, tmp_path / name)
    publish(tmp_path, monkeypatch)
    with pytest.raises(ToolError, match="ocr cannot be loaded"):
        TextReader("easyocr", easyocr_models=tmp_path).load()
    assert not (tmp_path / "ran").exists()
