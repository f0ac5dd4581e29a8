"""The networks behind the text reader: rapidocr and EasyOCR behind one small protocol, both without network access.

Neither may download anything: rapidocr is given its bundled files by path, EasyOCR is told not to. EasyOCR unpickles
its files with code execution allowed, so they are compared with the published SHA-256 first, and torch is told to
load tensors only while it reads them.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ferret.errors import ToolError
from tools.base import sha256_of

BACKENDS = ("auto", "rapidocr", "easyocr")

RAPIDOCR_FILES = {
    "Det": "PP-OCRv6_det_small.onnx",
    "Rec": "PP-OCRv6_rec_small.onnx",
    "Cls": "ch_ppocr_mobile_v2.0_cls_mobile.onnx",
}
"""What rapidocr's wheel carries, by the section of its configuration."""

EASYOCR_FILES = {
    "craft_mlt_25k.pth": "4a5efbfb48b4081100544e75e1e2b57f8de3d84f213004b14b85fd4b3748db17",
    "english_g2.pth": "e2272681d9d67a04e2dff396b6e95077bc19001f8f6d3593c307b9852e1c29e8",
}
"""EasyOCR's released English models and their SHA-256."""

_force_lock = threading.Lock()


class Backend(Protocol):
    """A text detector and a text recogniser."""

    def find(self, pixels: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        """Quadrilaterals around words or lines: corners [4, 2] clockwise from the top left, in pixels of [H, W, 3]
        RGB."""
        ...

    def read(self, strips: Sequence[NDArray[np.uint8]]) -> list[tuple[str, float]]:
        """Text and score 0..1 of upright strips, uint8 [h, w, 3] RGB."""
        ...


def open_backend(name: str, easyocr_models: Path) -> Backend:
    """Load a backend; `auto` takes rapidocr where it is installed, else EasyOCR.

    Raises:
        ToolError: it is not installed, or its models are missing or are not the published ones.
    """
    if name == "easyocr" or (name == "auto" and missing_rapidocr() and not missing_easyocr(easyocr_models)):
        return EasyOcrBackend(easyocr_models)
    return RapidOcrBackend()


def missing_rapidocr() -> str:
    """What rapidocr lacks to run, in words; empty when nothing."""
    for package in ("rapidocr", "onnxruntime"):
        if importlib.util.find_spec(package) is None:
            return f"the package {package}"
    absent = [name for name in RAPIDOCR_FILES.values() if not (_rapidocr_models() / name).is_file()]
    return f"{', '.join(absent)} in {_rapidocr_models()}" if absent else ""


def missing_easyocr(folder: Path) -> str:
    """What EasyOCR lacks to run, in words; empty when nothing."""
    if importlib.util.find_spec("easyocr") is None:
        return "the package easyocr"
    absent = [name for name in EASYOCR_FILES if not (folder / name).is_file()]
    return f"{' and '.join(absent)} in {folder}" if absent else ""


def easyocr_folder() -> Path:
    """Where EasyOCR itself keeps its models."""
    home = os.environ.get("EASYOCR_MODULE_PATH") or os.environ.get("MODULE_PATH")
    return Path(home or "~/.EasyOCR").expanduser() / "model"


def _rapidocr_models() -> Path:
    spec = importlib.util.find_spec("rapidocr")
    if spec is None or spec.origin is None:
        raise ToolError("the package rapidocr is not installed: pip install 'rapidocr>=3.10'")
    return Path(spec.origin).parent / "models"


class RapidOcrBackend:
    """PP-OCR on onnxruntime, with the models that rapidocr's wheel carries."""

    def __init__(self) -> None:
        missing = missing_rapidocr()
        if missing:
            raise ToolError(f"rapidocr lacks {missing}: pip install --force-reinstall 'rapidocr>=3.10'")
        os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # onnxruntime reads it at import
        from rapidocr import RapidOCR

        paths = {f"{part}.model_path": str(_rapidocr_models() / name) for part, name in RAPIDOCR_FILES.items()}
        threads = _threads()
        self._engine: Any = RapidOCR(
            params={
                **paths,
                "Global.log_level": "error",
                "Global.use_preprocess_img": False,
                "Global.use_vertical_padding": False,
                # Sizes are chosen by the reader: never enlarge here.
                "Det.limit_side_len": 32,
                "Det.limit_type": "min",
                "EngineConfig.onnxruntime.intra_op_num_threads": threads,
                "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            }
        )

    def find(self, pixels: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        result = self._engine(_bgr(pixels), use_det=True, use_cls=False, use_rec=False)
        return [] if result.boxes is None else [np.asarray(quad, dtype=np.float32) for quad in result.boxes]

    def read(self, strips: Sequence[NDArray[np.uint8]]) -> list[tuple[str, float]]:
        if not strips:
            return []
        result = self._engine.recognize_txt([_bgr(strip) for strip in strips])
        return [(str(text), float(score)) for text, score in zip(result.txts, result.scores, strict=True)]


class EasyOcrBackend:
    """CRAFT and EasyOCR's English recogniser, from a folder that holds the released files."""

    def __init__(self, folder: Path) -> None:
        missing = missing_easyocr(folder)
        if missing:
            raise ToolError(f"easyocr lacks {missing}: put EasyOCR's released models there")
        for name, expected in EASYOCR_FILES.items():
            if sha256_of(folder / name) != expected:
                raise ToolError(f"{folder / name} is not EasyOCR's released file (another SHA-256): replace it")
        search_path = list(sys.path)
        with _tensors_only(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it quantizes with an interface of torch that is about to go
            import easyocr

            try:
                self._reader: Any = easyocr.Reader(
                    ["en"],
                    gpu=_has_gpu(),
                    model_storage_directory=str(folder),
                    user_network_directory=str(folder),
                    download_enabled=False,
                    verbose=False,
                )
            finally:
                sys.path[:] = search_path  # it adds the folder of models to where modules are looked for

    def find(self, pixels: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            upright, turned = self._reader.detect(pixels, optimal_num_chars=None)
        quads = [np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]], dtype=np.float32) for x1, x2, y1, y2 in upright[0]]
        return quads + [np.asarray(quad, dtype=np.float32) for quad in turned[0]]

    def read(self, strips: Sequence[NDArray[np.uint8]]) -> list[tuple[str, float]]:
        found = []
        for strip in strips:
            height, width = strip.shape[:2]
            grey = np.ascontiguousarray(np.rint(strip @ np.array([0.299, 0.587, 0.114])).astype(np.uint8))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                ((_, text, score),) = self._reader.recognize(grey, [[0, width, 0, height]], [], detail=1)
            found.append((str(text), float(score)))
        return found


def _bgr(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(pixels[..., ::-1])


def _threads() -> int:
    """Threads for onnxruntime: as OpenMP is told, else all cores."""
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    return int(wanted) if wanted.isdigit() and int(wanted) > 0 else -1


def _has_gpu() -> bool:
    import torch

    return bool(torch.cuda.is_available())


@contextmanager
def _tensors_only() -> Iterator[None]:
    """Make every `torch.load` refuse code, even one that asks for `weights_only=False`."""
    name = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"
    with _force_lock:
        before = os.environ.get(name)
        os.environ[name] = "1"
        try:
            yield
        finally:
            if before is None:
                del os.environ[name]
            else:
                os.environ[name] = before
