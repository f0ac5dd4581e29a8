"""The owner of loaded models, and the package's own door."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import tools
from ferret.errors import WeightsError
from tools.registry import Registry, registry

HEAVY = "torch transformers cv2 ultralytics easyocr onnxruntime rapidocr segment_anything"


def test_instruments_are_made_once() -> None:
    own = Registry()
    assert own.detector() is own.detector()
    assert own.segmenter() is own.segmenter()
    assert own.reader() is own.reader()
    assert own.reader() is not own.reader("easyocr")
    assert set(own.loaded()) == {("detector", ""), ("sam", ""), ("ocr", "auto"), ("ocr", "easyocr")}
    before = own.detector()
    own.clear()
    assert own.loaded() == ()
    assert own.detector() is not before


def test_other_weights_are_another_instrument(detector_weights: Path, sam_weights: Path) -> None:
    own = Registry()
    assert own.detector(str(detector_weights)) is not own.detector()
    assert own.segmenter(str(sam_weights)).path == sam_weights
    with pytest.raises(WeightsError):
        own.detector("absent.pt")
    assert ("detector", "absent.pt") not in own.loaded()


def test_threads_that_ask_at_once_get_the_same() -> None:
    own, made, got = Registry(), [], []

    def make() -> object:
        made.append(1)
        time.sleep(0.02)
        return object()

    threads = [threading.Thread(target=lambda: got.append(own.get("kind", "name", make))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert len({id(each) for each in got}) == 1


def test_a_slow_load_does_not_delay_another() -> None:
    own, started, release = Registry(), threading.Event(), threading.Event()

    def slow() -> str:
        started.set()
        assert release.wait(10)
        return "slow"

    thread = threading.Thread(target=own.get, args=("kind", "slow", slow))
    thread.start()
    assert started.wait(10)
    assert own.get("kind", "fast", lambda: "fast") == "fast"
    release.set()
    thread.join()
    assert set(own.loaded()) == {("kind", "slow"), ("kind", "fast")}


def test_a_failure_is_not_kept() -> None:
    own = Registry()

    def fail() -> str:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        own.get("kind", "name", fail)
    assert own.get("kind", "name", lambda: "made") == "made"


def test_clear_frees_what_others_hold(detector_weights: Path) -> None:
    own = Registry()
    detector = own.detector(str(detector_weights))
    detector.device = "cpu"
    detector.load()
    own.clear()
    assert detector._model is None
    detector.load()  # whoever holds it may go on


def test_describe_loads_nothing() -> None:
    own = Registry()
    assert [status.name for status in own.describe()] == ["detector", "sam", "ocr"]
    assert all(model._model is None for model in (own.detector(), own.segmenter(), own.reader()))
    for status in own.describe():
        assert status.available != bool(status.missing)
        assert bool(status.missing) == bool(status.remedy)


def test_the_package_opens_lazily() -> None:
    for name in tools.__all__:
        assert getattr(tools, name).__name__ == name
    assert set(tools.__all__) <= set(dir(tools))
    with pytest.raises(AttributeError, match="no attribute 'Telescope'"):
        tools.Telescope  # noqa: B018
    assert isinstance(registry, tools.Registry)


def test_nothing_heavy_is_imported_before_it_is_used() -> None:
    code = (
        f"import sys, tools.registry; tools.registry.registry.describe(); tools.Detector; "
        f"print([name for name in {HEAVY.split()!r} if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
