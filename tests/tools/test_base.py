"""How instruments load, lock and fail."""

import threading
from pathlib import Path

import pytest

from ferret.errors import RegionError, ToolError, WeightsError
from tools.base import Instrument, ToolStatus, sha256_of, weights_path


class Counter(Instrument[list[int]]):
    """An instrument whose model is a list, and whose loading can be made to fail."""

    name = "counter"

    def __init__(self, failures: int = 0) -> None:
        super().__init__()
        self.loads, self.failures = 0, failures

    def describe(self) -> ToolStatus:
        return ToolStatus(self.name, self.failures == 0, "none", "counts")

    def _load(self) -> list[int]:
        self.loads += 1
        if self.loads <= self.failures:
            raise OSError("disk\ngone")
        return []

    def count(self) -> int:
        def work(model: list[int]) -> int:
            seen = len(model)
            threading.Event().wait(0.001)  # room for another thread to come between, were there no lock
            model.append(seen)
            return len(model)

        return self._run(work)

    def fail(self, error: Exception) -> None:
        def work(_: list[int]) -> None:
            raise error

        self._run(work)


def test_loads_once_and_at_first_use() -> None:
    counter = Counter()
    assert counter.loads == 0
    assert [counter.count(), counter.count()] == [1, 2]
    assert counter.loads == 1


def test_threads_take_turns() -> None:
    counter = Counter()
    threads = [threading.Thread(target=counter.count) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counter.loads == 1
    assert counter.count() == 21


def test_unload_frees_the_model() -> None:
    counter = Counter()
    counter.count()
    counter.unload()
    assert counter.count() == 1
    assert counter.loads == 2


def test_a_failed_load_is_a_tool_error_and_is_tried_again() -> None:
    counter = Counter(failures=1)
    assert not counter.available()
    with pytest.raises(ToolError, match=r"^counter cannot be loaded: OSError: disk gone$"):
        counter.load()
    counter.load()
    assert counter.loads == 2


def test_a_failure_at_work_is_a_tool_error() -> None:
    with pytest.raises(ToolError, match="counter failed: RuntimeError: out of memory"):
        Counter().fail(RuntimeError("out of memory"))


@pytest.mark.parametrize("error", [RegionError("box is inverted"), ToolError("no such backend")])
def test_errors_of_ours_pass_through(error: Exception) -> None:
    with pytest.raises(type(error)) as caught:
        Counter().fail(error)
    assert caught.value is error


def test_weights_path(tmp_path: Path) -> None:
    there = tmp_path / "Model.PT"
    there.write_bytes(b"x")
    assert weights_path(there, (".pt",), "detector") == there
    with pytest.raises(WeightsError, match=r"unknown kind.*\.pt, \.onnx"):
        weights_path(tmp_path / "model.bin", (".pt", ".onnx"), "detector")
    with pytest.raises(WeightsError, match="no detector weights at"):
        weights_path(tmp_path / "absent.pt", (".pt",), "detector")
    (tmp_path / "folder.pt").mkdir()
    with pytest.raises(WeightsError, match="no detector weights at"):
        weights_path(tmp_path / "folder.pt", (".pt",), "detector")


def test_sha256(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")
    assert sha256_of(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
