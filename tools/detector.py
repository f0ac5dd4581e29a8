"""The detector: which kinds of object lie where. YOLO through ultralytics, or through ONNX without it.

    Detector().detect(image)                 # the embedded weights
    Detector("yolo11n.pt").detect(image)     # any ultralytics checkpoint, loaded without running its pickle
    Detector("yolo11n.onnx").detect(image)   # an export, through onnxruntime

The picture is resized to fit the network's size and padded to a multiple of its stride (letterbox); boxes come back in
pixels of the original. Overlapping boxes of one class are suppressed, and so are nearly identical boxes of two classes:
one object has one name, the others stay as its further `scores`. With several `scales` the picture is looked at once
for each, and the looks are fused (tools/fusing.py): more is found and less of it wrong, in as many times the time.
"""

from __future__ import annotations

import ast
import json
import os
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ferret.errors import WeightsError
from ferret.regions import Box
from tools.base import WEIGHTS_FOLDER, Detection, Instrument, ToolStatus, pick_device, weights_path
from tools.fusing import fuse, iou

EMBEDDED = WEIGHTS_FOLDER / "detector.safetensors"
SUFFIXES = (".safetensors", ".pt", ".onnx")
STRIDE = 32
MOST_ENLARGED = 8.0
FAINT = 0.04
"""What a look is less sure of than this is not even compared with what another look sees."""
FILL = 114
"""Grey of the padding, as in ultralytics' training."""


@dataclass(frozen=True)
class DetectorSettings:
    """How detections are chosen. Stored in the JSON beside the weights, each overridden by an argument of
    `Detector`."""

    imgsz: int = 640
    """Longer side of what the network sees, in pixels."""
    scales: tuple[float, ...] = (1.0,)
    """The picture is looked at once for each, this many times `imgsz` large, to whole strides. A network with an input
    of fixed size looks once."""
    score_threshold: float = 0.25
    iou_threshold: float = 0.6
    """Of two boxes of one class that overlap more than this, the weaker goes."""
    duplicate_iou: float = 0.8
    """Of two boxes of different classes that overlap more than this, the weaker goes."""
    max_detections: int = 100
    top_k: int = 5
    """How many names are told per detection."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "scales", tuple(self.scales))  # a list, where it comes from JSON
        if not self.scales or not all(0 < scale <= MOST_ENLARGED for scale in self.scales):
            raise WeightsError(f"scales is {self.scales!r}: give numbers above 0 and up to {MOST_ENLARGED}")
        for name in ("score_threshold", "iou_threshold", "duplicate_iou"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise WeightsError(f"{name} is {getattr(self, name)!r}: give a number from 0 to 1")
        for name in ("imgsz", "max_detections", "top_k"):
            if getattr(self, name) < 1:
                raise WeightsError(f"{name} is {getattr(self, name)!r}: give a positive number")

    @property
    def sizes(self) -> tuple[int, ...]:
        """Longer side of what the network sees at each look, in pixels."""
        return tuple(
            self.imgsz if scale == 1 else max(1, round(self.imgsz * scale / STRIDE)) * STRIDE for scale in self.scales
        )


@dataclass(frozen=True)
class Letterbox:
    """How an image was fitted into the network's input; `to_original` and `to_input` undo one another."""

    scale_x: float
    scale_y: float
    left: int
    top: int

    def to_original(self, boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Corner boxes [N, 4] in pixels of the network's input, to pixels of the image."""
        shift, scale = self._shift_and_scale()
        return ((boxes - shift) / scale).astype(np.float32)

    def to_input(self, boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Corner boxes [N, 4] in pixels of the image, to pixels of the network's input."""
        shift, scale = self._shift_and_scale()
        return (boxes * scale + shift).astype(np.float32)

    def _shift_and_scale(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return np.array([self.left, self.top] * 2, float), np.array([self.scale_x, self.scale_y] * 2, float)


def letterbox(
    pixels: NDArray[np.uint8], size: int, stride: int = STRIDE, square: bool = False
) -> tuple[NDArray[np.uint8], Letterbox]:
    """Resize uint8 [H, W, 3] so that its longer side is `size`, and pad with grey on all sides alike.

    The padded sides are the next multiples of `stride`, or both `size` when `square`.
    """
    import cv2

    height, width = pixels.shape[:2]
    scale = size / max(height, width)
    new_w, new_h = max(1, round(width * scale)), max(1, round(height * scale))
    if (new_w, new_h) != (width, height):
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        pixels = np.asarray(cv2.resize(pixels, (new_w, new_h), interpolation=method), dtype=np.uint8)
    full_w = size if square else -(-new_w // stride) * stride
    full_h = size if square else -(-new_h // stride) * stride
    left, top = (full_w - new_w) // 2, (full_h - new_h) // 2
    canvas = np.full((full_h, full_w, 3), FILL, dtype=np.uint8)
    canvas[top : top + new_h, left : left + new_w] = pixels
    return canvas, Letterbox(new_w / width, new_h / height, left, top)


@dataclass(frozen=True)
class RawDetections:
    """What a network says before anything is suppressed: corner boxes float32 [N, 4], class scores float32 [N, C]."""

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]


class DetectorNetwork(Protocol):
    """A loaded detector: names of its classes, and a forward pass."""

    names: tuple[str, ...]
    settings: DetectorSettings
    square: bool
    """Whether the input must be a square of `settings.imgsz`."""

    def __call__(self, pixels: NDArray[np.uint8]) -> RawDetections:
        """Run on one letterboxed image, uint8 [H, W, 3] RGB; boxes are in its pixels."""
        ...


class Detector(Instrument[DetectorNetwork]):
    """Finds objects of the kinds that its weights know.

    Args:
        weights: None for the embedded weights; else a `.safetensors` with its `.json` beside it (as training writes
            them), an ultralytics `.pt`, or an `.onnx` export of one.
        device: torch device, by default a GPU where there is one; ONNX runs on the CPU.
        settings: values of `DetectorSettings` to use instead of those stored with the weights.

    Raises:
        WeightsError: no such file, or no such setting.
    """

    name = "detector"

    def __init__(
        self, weights: str | os.PathLike[str] | None = None, *, device: str | None = None, **settings: Any
    ) -> None:
        super().__init__()
        self.path = EMBEDDED if weights is None else weights_path(weights, SUFFIXES, "detector")
        self.device = device
        unknown = settings.keys() - {field.name for field in fields(DetectorSettings)}
        if unknown:
            raise WeightsError(f"the detector has no setting {sorted(unknown)[0]!r}")
        DetectorSettings(**settings)  # refused here rather than at the first picture
        self._overrides = settings

    @property
    def labels(self) -> tuple[str, ...]:
        """Every name that the weights know. For our own weights read from the JSON, without loading the network.

        Raises:
            ToolError: the weights are missing or damaged.
        """
        if self._model is None and self.path.suffix == ".safetensors" and self.path.with_suffix(".json").is_file():
            return _read_description(self.path)[1]
        return self._run(lambda network: network.names)

    def detect(self, image: Image.Image) -> list[Detection]:
        """Find objects, best score first.

        Args:
            image: any size, RGB.

        Raises:
            ToolError: the weights cannot be loaded or the network fails.
        """
        pixels = np.asarray(image.convert("RGB"), dtype=np.uint8)
        return self._run(lambda network: self._detect(network, pixels))

    def _detect(self, network: DetectorNetwork, pixels: NDArray[np.uint8]) -> list[Detection]:
        height, width = pixels.shape[:2]
        settings = _override(network.settings, self._overrides)
        sizes = (network.settings.imgsz,) if network.square else settings.sizes
        if len(sizes) == 1:
            raw = _look(network, pixels, sizes[0], settings)
        else:
            faint = replace(settings, score_threshold=min(FAINT, settings.score_threshold))
            looks = [_look(network, pixels, size, faint) for size in sizes]
            fused = RawDetections(*fuse([(look.boxes, look.scores) for look in looks]))
            kept = select(fused, settings)
            raw = RawDetections(fused.boxes[kept], fused.scores[kept])
        found = []
        for index in range(len(raw.boxes)):
            box = Box(*(float(value) for value in raw.boxes[index])).clipped(width, height)
            if box.area <= 0:
                continue
            order = np.argsort(-raw.scores[index], kind="stable")[: settings.top_k]
            scores = tuple((network.names[k], float(raw.scores[index, k])) for k in order if raw.scores[index, k] > 0)
            found.append(Detection(scores[0][0], scores[0][1], box, scores))
        return found

    def describe(self) -> ToolStatus:
        shown = "embedded" if self.path == EMBEDDED else str(self.path)
        remedy = "run 'ferret train detector', or give the path of an ultralytics checkpoint or ONNX export"
        needed = [self.path] + ([self.path.with_suffix(".json")] if self.path.suffix == ".safetensors" else [])
        absent = [path.name for path in needed if not path.is_file()]
        if absent:
            return ToolStatus(self.name, False, shown, "", f"{' and '.join(absent)} in {self.path.parent}", remedy)
        ability = "finds and names objects"
        if self.path.suffix == ".safetensors":
            try:
                ability = f"finds and names {len(_read_description(self.path)[1])} kinds of object"
            except WeightsError as error:
                return ToolStatus(self.name, False, shown, "", str(error), remedy)
        return ToolStatus(self.name, True, shown, ability)

    def _load(self) -> DetectorNetwork:
        if self.path.suffix == ".onnx":
            return _OnnxNetwork(self.path)
        if self.path.suffix == ".pt":
            return _load_checkpoint(self.path, pick_device(self.device))
        return _load_safetensors(self.path, pick_device(self.device))


def _look(
    network: DetectorNetwork, pixels: NDArray[np.uint8], size: int, settings: DetectorSettings
) -> RawDetections:
    """What one look sees, in pixels of the picture, each thing once."""
    canvas, fit = letterbox(pixels, size, square=network.square)
    raw = network(canvas)
    kept = select(raw, settings)
    return RawDetections(fit.to_original(raw.boxes[kept]), raw.scores[kept])


def select(raw: RawDetections, settings: DetectorSettings) -> list[int]:
    """Indices of the detections to keep, best first: threshold, suppression within a class, then across classes."""
    best = raw.scores.max(axis=1, initial=0.0)
    classes = raw.scores.argmax(axis=1) if len(best) else np.zeros(0, dtype=np.intp)
    sound = np.isfinite(raw.boxes).all(axis=1) & (raw.boxes[:, 2:] > raw.boxes[:, :2]).all(axis=1)
    candidates = np.flatnonzero(sound & (best >= settings.score_threshold))
    candidates = candidates[np.argsort(-best[candidates], kind="stable")][: 30 * settings.max_detections]
    kept: list[int] = []
    for index in candidates:
        if len(kept) == settings.max_detections:
            break
        if kept:
            overlap = iou(raw.boxes[index], raw.boxes[kept])
            limit = np.where(classes[kept] == classes[index], settings.iou_threshold, settings.duplicate_iou)
            if bool((overlap > limit).any()):
                continue
        kept.append(int(index))
    return kept


def _override(settings: DetectorSettings, values: dict[str, Any]) -> DetectorSettings:
    stored = {field.name: getattr(settings, field.name) for field in fields(settings)}
    return DetectorSettings(**{**stored, **values})


def _read_description(path: Path) -> tuple[dict[str, Any], tuple[str, ...], DetectorSettings]:
    """The JSON beside our own weights: model description, class names and settings."""
    source = path.with_suffix(".json")
    try:
        values = json.loads(source.read_text())
        described, names = values["yaml"], tuple(values["names"])
        known = {field.name for field in fields(DetectorSettings)}
        settings = DetectorSettings(**{key: value for key, value in values.items() if key in known})
    except (OSError, ValueError, KeyError, TypeError) as error:
        if isinstance(error, WeightsError):
            raise
        raise WeightsError(f"{source} does not describe a detector ({error!r}): it needs 'yaml' and 'names'") from error
    if not all(isinstance(name, str) for name in names) or described.get("nc") != len(names):
        raise WeightsError(
            f"{source} names {len(names)} kinds, its network has {described.get('nc')!r}: they must agree"
        )
    return described, names, settings


class _TorchNetwork:
    """An ultralytics model; RGB in 0..1 in, boxes and class scores out."""

    square = False

    def __init__(self, model: Any, names: tuple[str, ...], settings: DetectorSettings, device: str) -> None:
        self.names, self.settings, self._device = names, settings, device
        self._model = model.float().eval().to(device)
        self._model.fuse(verbose=False)

    def __call__(self, pixels: NDArray[np.uint8]) -> RawDetections:
        import torch

        with torch.inference_mode():
            batch = torch.from_numpy(pixels).to(self._device).permute(2, 0, 1)[None].float() / 255
            out = self._model(batch)
        out = out[0] if isinstance(out, tuple | list) else out
        return _decode(out[0].float().cpu().numpy(), len(self.names))


class _OnnxNetwork:
    """An ONNX export by ultralytics, on the CPU; class names and size come from its metadata."""

    def __init__(self, path: Path) -> None:
        os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # read at import
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime raises many types of its own, all derived from Exception alone
            raise WeightsError(f"{path} cannot be read as ONNX: {error}") from error
        metadata = self._session.get_modelmeta().custom_metadata_map
        try:
            table = ast.literal_eval(metadata["names"])
            self.names = tuple(str(table[index]) for index in range(len(table)))
        except (KeyError, ValueError, SyntaxError, TypeError) as error:
            raise WeightsError(f"{path} carries no class names: export it with ultralytics") from error
        entry = self._session.get_inputs()[0]
        self._input = entry.name
        sides = [side for side in entry.shape[2:] if isinstance(side, int)]
        self.square = bool(sides)
        size = sides[0] if sides else int(max(ast.literal_eval(metadata.get("imgsz", "[640]"))))
        self.settings = DetectorSettings(imgsz=size)

    def __call__(self, pixels: NDArray[np.uint8]) -> RawDetections:
        batch = np.ascontiguousarray(pixels.transpose(2, 0, 1)[None], dtype=np.float32) / 255
        out = np.asarray(self._session.run(None, {self._input: batch})[0], dtype=np.float32)
        return _decode(out[0], len(self.names))


def _decode(out: NDArray[np.float32], classes: int) -> RawDetections:
    """Both output forms of ultralytics: [4 + C, A] with centre boxes, or [N, 6] corner boxes with score and class."""
    if out.shape[0] == 4 + classes:
        centre, half = out[:2].T, out[2:4].T / 2
        return RawDetections(np.hstack([centre - half, centre + half]), np.ascontiguousarray(out[4:].T))
    if out.ndim == 2 and out.shape[1] == 6:
        scores = np.zeros((len(out), classes), dtype=np.float32)
        scores[np.arange(len(out)), np.clip(out[:, 5].astype(int), 0, classes - 1)] = out[:, 4]
        return RawDetections(np.ascontiguousarray(out[:, :4]), scores)
    raise WeightsError(f"the network's output of shape {out.shape!r} is no detection over {classes} classes")


def _load_safetensors(path: Path, device: str) -> DetectorNetwork:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from tools.detector_model import build_detector

    described, names, settings = _read_description(path)
    model = build_detector(described)
    try:
        model.load_state_dict(load_file(path))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise WeightsError(f"{path} does not hold the detector that its JSON describes: {error}") from error
    return _TorchNetwork(model, names, settings, device)


def _load_checkpoint(path: Path, device: str) -> DetectorNetwork:
    """An ultralytics checkpoint, through its restricted unpickler: known classes only, no code."""
    from tools.detector_model import import_ultralytics

    tasks = import_ultralytics()
    try:
        checkpoint, _ = tasks.torch_safe_load(str(path), safe_only=True)
        model = checkpoint.get("ema") or checkpoint["model"]
        names = model.names if isinstance(model.names, dict) else dict(enumerate(model.names))
        arguments = checkpoint.get("train_args") or {}
    except Exception as error:  # the unpickler raises whatever a crafted file makes it raise
        raise WeightsError(f"{path} is no ultralytics checkpoint that can be read safely: {error}") from error
    if not isinstance(model, tasks.DetectionModel):
        raise WeightsError(f"{path} holds a {type(model).__name__}: give a detection model")
    size = arguments.get("imgsz", 640)
    settings = DetectorSettings(imgsz=int(size if isinstance(size, int) else max(size)))
    return _TorchNetwork(model, tuple(str(names[index]) for index in range(len(names))), settings, device)
