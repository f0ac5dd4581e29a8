"""Checkpoints: whole or not there, in either form, and what is wrong with one is said."""

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from ferret.errors import TrainingError
from training import checkpointing
from training.checkpointing import Saved, newest, write_share, write_whole

META = {"step": "3"}


def save_share(folder: Path, step: int, rank: int = 0, ranks: int = 1, **tensors: torch.Tensor) -> None:
    write_share(folder, step, tensors or {"a": torch.ones(2)}, META, rank, ranks, lambda: None)


def test_an_empty_folder_has_no_checkpoint(tmp_path: Path) -> None:
    assert newest(tmp_path) is None
    (tmp_path / "checkpoint.partial").write_bytes(b"half of it")
    assert newest(tmp_path) is None


def test_a_whole_checkpoint_replaces_the_one_before(tmp_path: Path) -> None:
    for number in range(3):
        write_whole(tmp_path, {"a": torch.full((2,), float(number))}, {"step": str(number)})
        path = newest(tmp_path, rank=1, ranks=2)
        assert path == tmp_path / "checkpoint.safetensors"
        saved = Saved(path)
        assert saved.metadata["step"] == str(number)
        assert saved.read("a").tolist() == [number, number]
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.safetensors"]


def test_a_sharded_checkpoint_replaces_the_one_before(tmp_path: Path) -> None:
    for step in (5, 10, 100_000_000):
        save_share(tmp_path, step)
        assert [path.name for path in tmp_path.iterdir()] == [f"checkpoint-{step:08d}"]
        assert newest(tmp_path) == tmp_path / f"checkpoint-{step:08d}" / "rank-0-of-1.safetensors"


@pytest.mark.parametrize("moment", range(3))
def test_processes_that_die_while_they_save_leave_the_one_before(tmp_path: Path, moment: int) -> None:
    save_share(tmp_path, 5, a=torch.zeros(2))
    waited: list[int] = []

    def wait() -> None:
        waited.append(1)
        if len(waited) > moment:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_share(tmp_path, 6, {"a": torch.ones(2)}, META, 0, 1, wait)
    path = newest(tmp_path)
    assert path is not None
    assert load_file(path)["a"].tolist() == ([1, 1] if moment == 2 else [0, 0])
    save_share(tmp_path, 7)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-00000007"]


def test_a_share_of_another_number_of_processes_is_refused(tmp_path: Path) -> None:
    save_share(tmp_path, 5)
    with pytest.raises(TrainingError, match="sharded over 1 processes, not 2: start 1"):
        newest(tmp_path, 0, 2)


def test_a_failed_write_leaves_the_whole_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_whole(tmp_path, {"a": torch.zeros(2)}, META)

    def full_disk(_: Any, path: Path, __: Any) -> None:
        path.write_bytes(b"half of it")
        raise OSError("no space left")

    monkeypatch.setattr(checkpointing, "save_file", full_disk)
    with pytest.raises(OSError, match="no space"):
        write_whole(tmp_path, {"a": torch.ones(2)}, META)
    assert load_file(tmp_path / "checkpoint.safetensors")["a"].tolist() == [0, 0]


def test_tensors_that_share_memory_or_lie_askew_come_back(tmp_path: Path) -> None:
    whole = torch.arange(12.0).reshape(3, 4)
    tensors = {"whole": whole, "row": whole[1], "turned": whole.T, "bits": torch.tensor(7), "none": torch.zeros(0, 4)}
    write_whole(tmp_path, tensors, META)
    for name, value in tensors.items():
        assert torch.equal(load_file(tmp_path / "checkpoint.safetensors")[name], value)


@settings(deadline=None)
@given(st.lists(st.integers(0, 4), max_size=3), st.sampled_from([torch.float32, torch.bfloat16, torch.uint8]))
def test_what_is_restored_keeps_its_place_and_layout(
    tmp_path_factory: pytest.TempPathFactory, shape: list[int], dtype: torch.dtype
) -> None:
    folder = tmp_path_factory.mktemp("saved")
    value = (torch.rand(shape) * 100).to(dtype)
    write_whole(folder, {"a": value}, META)
    into = torch.zeros(shape[::-1], dtype=dtype).permute(list(range(len(shape)))[::-1])
    before = (into.data_ptr(), into.stride())
    Saved(folder / "checkpoint.safetensors").restore("a", into)
    assert torch.equal(into, value)
    assert (into.data_ptr(), into.stride()) == before


def test_what_does_not_fit_is_told(tmp_path: Path) -> None:
    write_whole(tmp_path, {"a": torch.zeros(2)}, META)
    saved = Saved(tmp_path / "checkpoint.safetensors")
    with pytest.raises(TrainingError, match="lacks 'b': it is of another model"):
        saved.restore("b", torch.zeros(2))
    with pytest.raises(TrainingError, match=r"'a' in .* is \[2\], in the model \[3\]: use another folder"):
        saved.restore("a", torch.zeros(3))
    (tmp_path / "checkpoint.safetensors").write_bytes(b"half")
    with pytest.raises(TrainingError, match=r"cannot be read .*: remove it to begin anew"):
        Saved(tmp_path / "checkpoint.safetensors")


def test_a_file_without_metadata_is_read(tmp_path: Path) -> None:
    save_file({"a": torch.zeros(2)}, tmp_path / "a.safetensors")
    assert Saved(tmp_path / "a.safetensors").metadata == {}
