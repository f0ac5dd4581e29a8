"""Progress bars in notebooks."""

import builtins
from typing import Any

import pytest
from rich.console import Console
from rich.progress import Progress

from training.progress import standard_error
from training.run_folder import RunBar


class ZMQInteractiveShell:
    """What rich knows a notebook's kernel by."""


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builtins, "get_ipython", ZMQInteractiveShell, raising=False)
    assert Console().is_jupyter


def test_progress_is_written_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(console=standard_error()) as bar:
        bar.update(bar.add_task("pages", total=3), completed=3)
    told = capsys.readouterr()
    assert "pages" in told.err
    assert told.out == ""


@pytest.mark.usefixtures("notebook")
def test_a_bar_in_a_notebook_asks_for_no_widgets(capsys: pytest.CaptureFixture[str]) -> None:
    """Warnings are errors here, and without ipywidgets rich would warn."""
    with RunBar("stage", 3, 4, 0, visible=True) as bar:
        bar.show(3, 2.0, 0.5, {})
    told: Any = capsys.readouterr()
    assert "stage" in told.err
    assert "3/3" in told.err
    assert told.out == ""
