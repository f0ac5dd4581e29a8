"""What the tests of the readers share: small files written on the spot, and a reader run over one of them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from training.readers import READERS, Report, Sample

Write = Callable[[str, Any], Path]
Read = Callable[..., tuple[list[Sample], Report]]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """`write("a.json", [...])`: the file that holds that as JSON, or a text or bytes as they are."""

    def write_file(name: str, content: Any) -> Path:
        path = tmp_path / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return path

    return write_file


@pytest.fixture
def read() -> Read:
    """`read("refcoco", path, seed=0)`: all samples of a file, pictures in the folder `images`, and the report."""

    def read_file(name: str, path: Path, seed: int = 0) -> tuple[list[Sample], Report]:
        report = Report()
        samples = list(READERS[name].read(path, images=Path("images"), report=report, seed=seed))
        assert {sample.source for sample in samples} <= {name}
        assert all(sample.turns for sample in samples)
        return samples, report

    return read_file
