"""Every notebook runs from its first cell to its last, in a folder of its own, and its outputs are stored with it."""

import base64
import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
NOTEBOOKS = sorted(EXAMPLES.glob("*.ipynb"))
STORIES = {
    "point_at_things", "ground_and_segment", "read_signs", "several_steps", "conversation", "your_own_tool",
    "fine_tune",
}  # fmt: skip
MOST_BYTES = 400_000
ADDRESSES = ("/work/", "/home/", "/root/", "/Users/")

every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def cells_of(path: Path) -> list[dict[str, Any]]:
    cells: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return cells


def test_there_are_notebooks() -> None:
    assert {path.stem for path in NOTEBOOKS} >= STORIES


@every_notebook
def test_stored_outputs_are_whole(path: Path) -> None:
    """It was run in one go, from a fresh start, without an error, and shows pictures that open."""
    code = [cell for cell in cells_of(path) if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell["outputs"]]
    assert [output for output in outputs if output["output_type"] == "error"] == []
    assert [output["text"] for output in outputs if output.get("name") == "stderr"] == []
    pictures = [output["data"]["image/png"] for output in outputs if "image/png" in output.get("data", {})]
    assert pictures
    for picture in pictures:
        Image.open(io.BytesIO(base64.b64decode(picture))).load()


@every_notebook
def test_it_is_small_and_tells_of_no_machine(path: Path) -> None:
    assert path.stat().st_size < MOST_BYTES
    text = path.read_text(encoding="utf-8")
    assert [address for address in ADDRESSES if address in text] == []


def test_pictures_are_small() -> None:
    pictures = sorted((EXAMPLES / "pictures").glob("*.png"))
    assert len(pictures) >= 6
    assert [picture.name for picture in pictures if picture.stat().st_size > 150_000] == []


@pytest.mark.slow
@pytest.mark.timeout(900)  # fine_tune trains; a minute on two free cores, several on a busy machine
@every_notebook
def test_notebook_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(path.parent / "pictures", tmp_path / "pictures")
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for number, cell in enumerate(cells_of(path)):
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), f"{path.name}, cell {number}", "exec"), namespace)
