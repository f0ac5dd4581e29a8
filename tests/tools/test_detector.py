"""The detector: geometry, suppression, the three kinds of weights, and refusals."""

import json
import pickle
import struct
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ferret.errors import ToolError, WeightsError
from tools.detector import Detector, DetectorSettings, RawDetections, letterbox, select

NAMES = ("cat", "tea cup", "sign")


@given(
    width=st.integers(1, 700),
    height=st.integers(1, 700),
    size=st.sampled_from([32, 96, 256, 320]),
    square=st.booleans(),
    corners=st.lists(st.floats(0, 1), min_size=4, max_size=4),
)
def test_letterbox_round_trip(width: int, height: int, size: int, square: bool, corners: list[float]) -> None:
    canvas, fit = letterbox(np.zeros((height, width, 3), np.uint8), size, square=square)
    rows, columns = canvas.shape[:2]
    assert rows % 32 == columns % 32 == 0
    assert max(rows, columns) == size
    if square:
        assert rows == columns
    box = np.array([corners], np.float32) * [width, height, width, height]
    inside = fit.to_input(box)
    assert (inside >= -1e-3).all()
    assert (inside <= np.array([columns, rows] * 2) + 1e-3).all()
    np.testing.assert_allclose(fit.to_original(inside), box, atol=2e-2)


def test_letterbox_keeps_the_picture_and_pads_with_grey() -> None:
    pixels = np.full((30, 60, 3), 7, np.uint8)
    canvas, fit = letterbox(pixels, 64)
    assert canvas.shape == (32, 64, 3)
    (x1, y1, x2, y2) = fit.to_input(np.array([[0, 0, 60, 30]], np.float32))[0]
    assert (x1, y1, x2, y2) == (0, 0, 64, 32)
    assert (canvas == 7).all()
    canvas, fit = letterbox(pixels, 64, square=True)
    assert (canvas[:16] == 114).all()
    assert (canvas[16:48] == 7).all()


def raw(*rows: tuple[tuple[float, float, float, float], tuple[float, ...]]) -> RawDetections:
    boxes = np.array([box for box, _ in rows], np.float32).reshape(-1, 4)
    return RawDetections(
        boxes, np.array([scores for _, scores in rows], np.float32).reshape(-1, len(rows[0][1]) if rows else 2)
    )


BASE, SHIFTED, NEXT = (0.0, 0.0, 10.0, 10.0), (0.0, 0.0, 10.0, 7.0), (20.0, 0.0, 30.0, 10.0)


@pytest.mark.parametrize(
    ("found", "kept"),
    [
        (raw(), []),
        (raw((BASE, (0.1, 0.2))), []),  # below the threshold
        (raw((BASE, (0.5, 0.0)), (NEXT, (0.9, 0.0))), [1, 0]),  # best first
        (raw((BASE, (0.5, 0.0)), (SHIFTED, (0.9, 0.0))), [1]),  # one class, IoU 0.7
        (raw((BASE, (0.5, 0.0)), (SHIFTED, (0.0, 0.9))), [1, 0]),  # two classes, IoU 0.7
        (raw((BASE, (0.5, 0.0)), (BASE, (0.0, 0.9))), [1]),  # two names for one thing
        (raw((BASE, (0.6, 0.0)), (BASE, (0.6, 0.0))), [0]),  # a tie goes to the first
        (raw(((5.0, 5.0, 5.0, 9.0), (0.9, 0.0)), ((9.0, 0.0, 3.0, 9.0), (0.9, 0.0))), []),  # empty, inverted
        (raw(((float("nan"), 0.0, 5.0, 9.0), (0.9, 0.0)), (BASE, (0.0, 0.5))), [1]),
    ],
)
def test_select(found: RawDetections, kept: list[int]) -> None:
    assert select(found, DetectorSettings(iou_threshold=0.6, duplicate_iou=0.8)) == kept


def test_select_stops_at_the_most_detections() -> None:
    found = raw(*(((20.0 * i, 0.0, 20.0 * i + 10, 10.0), (0.5 + i / 100,)) for i in range(10)))
    assert select(found, DetectorSettings(max_detections=3)) == [9, 8, 7]


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60), st.floats(0, 1), st.integers(0, 2)), max_size=30))
def test_what_is_kept_does_not_overlap(items: list[tuple[int, int, float, int]]) -> None:
    settings = DetectorSettings()
    boxes = np.array([(x, y, x + 20, y + 20) for x, y, _, _ in items], np.float32).reshape(-1, 4)
    scores = np.zeros((len(items), 3), np.float32)
    for row, (_, _, score, kind) in enumerate(items):
        scores[row, kind] = score
    kept = select(RawDetections(boxes, scores), settings)
    assert len(set(kept)) == len(kept)
    for i in kept:
        for j in kept:
            if i < j and scores[i].argmax() == scores[j].argmax():
                side = np.clip(20 - np.abs(boxes[i, :2] - boxes[j, :2]), 0, None)
                assert side.prod() / (800 - side.prod()) <= settings.iou_threshold + 1e-6


def test_own_weights(detector_weights: Path, picture: Image.Image) -> None:
    detector = Detector(detector_weights, device="cpu", score_threshold=0.0, max_detections=20, top_k=2)
    assert detector.available()
    assert "3 kinds" in detector.describe().ability
    assert detector.labels == NAMES
    found = detector.detect(picture)
    assert 0 < len(found) <= 20
    assert [d.score for d in found] == sorted((d.score for d in found), reverse=True)
    for detection in found:
        assert detection.box == detection.box.checked(*picture.size)
        assert detection.scores[0] == (detection.label, detection.score)
        assert len(detection.scores) == 2
        assert detection.scores[0][1] >= detection.scores[1][1]
    assert detector.labels == NAMES  # from the loaded network, too
    assert detector.detect(picture) == found
    assert Detector(detector_weights, device="cpu", score_threshold=0.999).detect(picture) == []


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (33, 31)])
def test_odd_sizes(detector_weights: Path, size: tuple[int, int]) -> None:
    detector = Detector(detector_weights, device="cpu", score_threshold=0.0)
    for detection in detector.detect(Image.new("RGB", size, "teal")):
        detection.box.checked(*size)


def test_looks_at_the_same_size_see_the_same(detector_weights: Path, picture: Image.Image) -> None:
    once = Detector(detector_weights, device="cpu", score_threshold=0.0)
    twice = Detector(detector_weights, device="cpu", score_threshold=0.0, scales=[1, 1])
    seen, fused = once.detect(picture), twice.detect(picture)
    assert seen
    assert [d.label for d in fused] == [d.label for d in seen]
    assert [d.score for d in fused] == pytest.approx([d.score for d in seen])


def test_several_looks(detector_weights: Path) -> None:
    detector = Detector(detector_weights, device="cpu", score_threshold=0.0, scales=[0.5, 1.3])
    for detection in detector.detect(Image.new("RGB", (97, 41), "teal")):
        detection.box.checked(97, 41)


def test_threads_share_one_detector(detector_weights: Path, picture: Image.Image) -> None:
    detector = Detector(detector_weights, device="cpu", score_threshold=0.0)
    expected = detector.detect(picture)
    answers: list[bool] = []
    threads = [threading.Thread(target=lambda: answers.append(detector.detect(picture) == expected)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [True] * 4


def test_a_checkpoint_sees_what_its_state_dict_sees(
    detector_weights: Path, picture: Image.Image, tmp_path: Path
) -> None:
    from safetensors.torch import load_file

    from tools.detector_model import build_detector

    model = build_detector(json.loads(detector_weights.with_suffix(".json").read_text())["yaml"])
    model.load_state_dict(load_file(detector_weights))
    model.names = dict(enumerate(NAMES))
    torch.save({"model": model.half(), "ema": None, "train_args": {"imgsz": 96}}, tmp_path / "best.pt")
    detector = Detector(tmp_path / "best.pt", device="cpu", score_threshold=0.0)
    assert detector.labels == NAMES
    expected = Detector(detector_weights, device="cpu", score_threshold=0.0).detect(picture)
    assert detector.detect(picture) == expected


class Bomb:
    """Runs a command when unpickled by an unrestricted unpickler."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[str]]:
        import os

        return os.mkdir, (str(self.target),)


def test_a_crafted_checkpoint_runs_nothing(tmp_path: Path, picture: Image.Image) -> None:
    torch.save({"model": Bomb(tmp_path / "ran")}, tmp_path / "evil.pt")
    (tmp_path / "plain.pt").write_bytes(pickle.dumps(Bomb(tmp_path / "ran")))
    for name in ("evil.pt", "plain.pt"):
        with pytest.raises(ToolError, match="read safely"):
            Detector(tmp_path / name, device="cpu").detect(picture)
    assert not (tmp_path / "ran").exists()


def field(number: int, value: bytes | int) -> bytes:
    """One field of a protocol buffer."""

    def varint(n: int) -> bytes:
        out = b""
        while n > 127:
            out, n = out + bytes([n & 127 | 128]), n >> 7
        return out + bytes([n])

    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def constant_onnx(path: Path, output: np.ndarray, names: dict[int, str] | None, side: int) -> None:
    """An ONNX model with the input and output of an ultralytics export, which sees the same whatever it is shown."""

    def tensor_type(shape: tuple[int, ...]) -> bytes:
        dims = b"".join(field(1, field(1, n)) for n in shape)
        return field(2, field(1, field(1, 1) + field(2, dims)))

    values = b"".join(field(1, n) for n in output.shape) + field(2, 1) + field(8, b"seen")
    values += field(9, struct.pack(f"<{output.size}f", *output.ravel().tolist()))
    node = field(1, b"seen") + field(2, b"output0") + field(4, b"Identity")
    graph = field(1, node) + field(2, b"g") + field(5, values)
    graph += field(11, field(1, b"images") + tensor_type((1, 3, side, side)))
    graph += field(12, field(1, b"output0") + tensor_type(output.shape))
    model = field(1, 8) + field(7, graph) + field(8, field(1, b"") + field(2, 17))
    if names is not None:
        model += field(14, field(1, b"names") + field(2, str(names).encode()))
    path.write_bytes(model)


def test_onnx_with_all_classes(tmp_path: Path) -> None:
    # Three candidates of four numbers and two classes, centre form, on a canvas 64 x 64 that holds a picture 128 x 64.
    candidates = np.array([[32, 32, 16, 8, 0.9, 0.1], [33, 32, 16, 8, 0.5, 0.0], [8, 24, 8, 8, 0.2, 0.6]], np.float32)
    constant_onnx(tmp_path / "model.onnx", candidates.T[None], {0: "cat", 1: "dog"}, 64)
    detector = Detector(tmp_path / "model.onnx")
    found = detector.detect(Image.new("RGB", (128, 64)))
    assert detector.labels == ("cat", "dog")
    assert [(d.label, round(d.score, 3)) for d in found] == [("cat", 0.9), ("dog", 0.6)]
    assert found[0].box.coordinates == pytest.approx((48, 24, 80, 40))
    assert found[1].box.coordinates == pytest.approx((8, 8, 24, 24))
    assert [name for name, _ in found[1].scores] == ["dog", "cat"]


def test_onnx_with_suppression_inside(tmp_path: Path) -> None:
    rows = np.zeros((1, 5, 6), np.float32)
    rows[0, 0] = [10, 10, 30, 20, 0.75, 1]
    constant_onnx(tmp_path / "model.onnx", rows, {0: "cat", 1: "dog", 2: "sign"}, 64)
    (only,) = Detector(tmp_path / "model.onnx").detect(Image.new("RGB", (64, 64)))
    assert (only.label, only.score, only.box.coordinates) == ("dog", 0.75, (10, 10, 30, 20))
    assert only.scores == (("dog", 0.75),)


def test_onnx_that_is_no_detector(tmp_path: Path, picture: Image.Image) -> None:
    constant_onnx(tmp_path / "nameless.onnx", np.zeros((1, 6, 3), np.float32), None, 64)
    with pytest.raises(ToolError, match="no class names"):
        Detector(tmp_path / "nameless.onnx").detect(picture)
    constant_onnx(tmp_path / "other.onnx", np.zeros((1, 10), np.float32), {0: "cat"}, 64)
    with pytest.raises(ToolError, match="no detection over 1 classes"):
        Detector(tmp_path / "other.onnx").detect(picture)
    (tmp_path / "text.onnx").write_text("no model at all")
    with pytest.raises(ToolError, match="cannot be read as ONNX"):
        Detector(tmp_path / "text.onnx").detect(picture)


def test_refused_at_once(tmp_path: Path, detector_weights: Path) -> None:
    with pytest.raises(WeightsError, match="no detector weights at"):
        Detector(tmp_path / "absent.pt")
    with pytest.raises(WeightsError, match="unknown kind"):
        Detector(tmp_path / "model.bin")
    with pytest.raises(WeightsError, match="no setting 'threshold'"):
        Detector(detector_weights, threshold=0.5)
    with pytest.raises(WeightsError, match=r"score_threshold is 1\.5"):
        Detector(detector_weights, score_threshold=1.5)
    with pytest.raises(WeightsError, match=r"scales is \(1, 0\)"):
        Detector(detector_weights, scales=[1, 0])
    with pytest.raises(WeightsError, match=r"scales is \(\)"):
        Detector(detector_weights, scales=())
    with pytest.raises(WeightsError, match="imgsz is 0"):
        Detector(detector_weights, imgsz=0)


@pytest.mark.parametrize(
    ("description", "message"),
    [
        (None, "JSON|json"),
        ("{", "does not describe a detector"),
        ('{"names": ["cat"]}', "does not describe a detector"),
        ('{"yaml": {"nc": 2}, "names": ["cat"]}', "names 1 kinds, its network has 2"),
        ('{"yaml": {"nc": 1, "backbone": [], "head": []}, "names": ["cat"]}', "does not build"),
        ('{"yaml": {"nc": 1}, "names": ["cat"], "iou_threshold": 3}', "iou_threshold is 3"),
    ],
)
def test_damaged_descriptions(
    description: str | None, message: str, tmp_path: Path, detector_weights: Path, picture: Image.Image
) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(detector_weights.read_bytes())
    if description is not None:
        path.with_suffix(".json").write_text(description)
    detector = Detector(path, device="cpu")
    with pytest.raises(ToolError, match=message):
        detector.detect(picture)


def test_damaged_weights(tmp_path: Path, detector_weights: Path, picture: Image.Image) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(detector_weights.read_bytes()[:1000])
    path.with_suffix(".json").write_text(detector_weights.with_suffix(".json").read_text())
    with pytest.raises(ToolError, match="does not hold the detector"):
        Detector(path, device="cpu").detect(picture)


def test_what_is_missing_is_told(tmp_path: Path, detector_weights: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(detector_weights.read_bytes())
    status = Detector(path).describe()
    assert not status.available
    assert "model.json" in status.missing
    assert "ferret train detector" in status.remedy
