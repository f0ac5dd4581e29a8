"""The pictures of one draw: each is read, checked and made ready for the encoder once, however many ask for it."""

from pathlib import Path
from typing import Any

import torch

from ferret.images import load_image


class Pictures:
    """Pictures by path, kept until `clear`.

    Args:
        image_processor: the checkpoint's own, whose `pixel_values` are what the model takes.
    """

    def __init__(self, image_processor: Any) -> None:
        self._processor = image_processor
        self._ready: dict[Path, tuple[tuple[int, int], torch.Tensor]] = {}

    def size(self, path: Path) -> tuple[int, int]:
        """(width, height) of the upright picture, in pixels.

        Raises:
            ImageError: it is missing or cannot be read to its end.
        """
        return self._load(path)[0]

    def pixels(self, path: Path) -> torch.Tensor:
        """The picture as the vision encoder takes it: float32 [3, H, W]. Errors as `size`."""
        return self._load(path)[1]

    def clear(self) -> None:
        """Forget all pictures."""
        self._ready.clear()

    def _load(self, path: Path) -> tuple[tuple[int, int], torch.Tensor]:
        if path not in self._ready:
            picture = load_image(path)
            pixels: torch.Tensor = self._processor([picture], return_tensors="pt")["pixel_values"][0]
            self._ready[path] = (picture.size, pixels)
        return self._ready[path]
