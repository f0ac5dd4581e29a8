"""Where progress is shown: on standard error, in a terminal and in a notebook alike."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def standard_error() -> "Console":
    """A console for progress bars.

    In a notebook, rich would show them as widgets, which take ipywidgets: without it, a bar is a warning and nothing
    else. The notebook's own standard error shows them as a terminal does.
    """
    from rich.console import Console

    return Console(stderr=True, force_jupyter=False)
