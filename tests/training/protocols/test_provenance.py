"""Marks of weights and data, and names of machine and versions."""

import hashlib
import platform
from pathlib import Path

import pytest

from ferret.errors import TrainingError
from training.protocols.provenance import content_mark, data_hash, hardware, versions


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("model.safetensors", True),
        ("pytorch_model.bin", True),
        ("config.json", True),
        ("tokenizer.model", True),
        ("vision_tower/model.safetensors", True),
        ("README.md", False),
        ("checkpoint-10/model.safetensors", False),
    ],
)
def test_a_mark_changes_with_every_byte_of_the_model(tmp_path: Path, name: str, counts: bool) -> None:
    (tmp_path / "model.safetensors").write_bytes(bytes(100))
    before = content_mark(tmp_path)
    assert content_mark(tmp_path) == before
    assert len(before) == 12
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(bytes(5_000_000) + b"end")
    first = content_mark(tmp_path)
    assert (first != before) == counts
    path.write_bytes(bytes(5_000_000) + b"eND")
    assert (content_mark(tmp_path) != first) == counts


def test_a_data_file_is_hashed_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"{}")
    assert data_hash(tmp_path / "a.json") == hashlib.sha256(b"{}").hexdigest()
    with pytest.raises(TrainingError, match="cannot read"):
        data_hash(tmp_path / "none.json")


def test_of_a_folder_texts_and_their_names_count(tmp_path: Path) -> None:
    (tmp_path / "kind").mkdir()
    (tmp_path / "kind" / "1.txt").write_text("Is it?", encoding="utf-8")
    (tmp_path / "kind" / "2.txt").write_text("Is it?", encoding="utf-8")
    first = data_hash(tmp_path)
    (tmp_path / "kind" / "1.jpg").write_bytes(b"picture")
    assert data_hash(tmp_path) == first
    (tmp_path / "kind" / "2.txt").rename(tmp_path / "kind" / "3.txt")
    assert data_hash(tmp_path) != first


def test_machine_and_versions_are_named() -> None:
    assert platform.machine() in hardware("cpu")
    assert versions()["python"] == platform.python_version()
    assert {"torch", "transformers"} <= versions().keys()
