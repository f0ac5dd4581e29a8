"""Pixels, masks and observations, kept by the hash of their content outside the graph's state.

The state and its checkpoints carry ids alone, so a thread's database grows with its turns and not with its pixels. The
same picture asked about a hundred times is stored once.
"""

import hashlib
import json
import os
import re
import tempfile
import threading
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ferret.errors import RequestError
from ferret.images import image_hash
from ferret.regions import decode_rle, encode_rle

_ID = re.compile(r"(image|mask|json)-[0-9a-f]{64}")


class ArtifactStore:
    """One place for artifacts: in memory when `folder` is None, else files named by their hash.

    Safe for several threads, and for several processes on one folder: files are written whole or not at all, and a file
    that exists already holds the same bytes.
    """

    def __init__(self, folder: str | Path | None = None, *, remembered: int = 8) -> None:
        self.folder = None if folder is None else Path(folder)
        self._bytes: dict[str, bytes] = {}
        self._pictures: dict[str, Image.Image] = {}
        self._remembered = remembered
        self._lock = threading.Lock()

    def put_image(self, image: Image.Image) -> str:
        """Keeps an RGB picture; returns its id, the same for the same pixels and size."""
        key = f"image-{image_hash(image)}"
        with self._lock:
            self._remember(key, image)
        if self.folder is not None and not self._path(key).exists():
            buffer = BytesIO()
            image.save(buffer, format="PNG", compress_level=1)
            self._write(key, buffer.getvalue())
        return key

    def image(self, key: str) -> Image.Image:
        """The RGB picture kept under `key`; `RequestError` when it is not there."""
        with self._lock:
            if key in self._pictures:
                return self._pictures[key]
        with Image.open(BytesIO(self._read(key, "image"))) as stored:
            image = stored.convert("RGB")
        with self._lock:
            self._remember(key, image)
        return image

    def put_mask(self, mask: NDArray[np.bool_]) -> str:
        """Keeps a mask, bool [H, W], as COCO RLE; returns its id."""
        return self._put("mask", encode_rle(mask))

    def mask(self, key: str) -> NDArray[np.bool_]:
        """The mask kept under `key`, bool [H, W]."""
        return decode_rle(self.mask_rle(key))

    def mask_rle(self, key: str) -> dict[str, Any]:
        """The mask kept under `key` as `{"size": [h, w], "counts": str}`."""
        rle: dict[str, Any] = json.loads(self._read(key, "mask"))
        return rle

    def put_json(self, value: Any) -> str:
        """Keeps plain JSON, such as what an instrument saw; returns its id."""
        return self._put("json", value)

    def json(self, key: str) -> Any:
        """The JSON kept under `key`."""
        return json.loads(self._read(key, "json"))

    def _put(self, kind: str, value: Any) -> str:
        data = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        key = f"{kind}-{hashlib.sha256(data).hexdigest()}"
        self._write(key, data)
        return key

    def _remember(self, key: str, image: Image.Image) -> None:
        """Under the lock. In memory every picture stays; beside a folder only the latest few, decoded."""
        self._pictures.pop(key, None)
        self._pictures[key] = image
        if self.folder is not None:
            while len(self._pictures) > self._remembered:
                self._pictures.pop(next(iter(self._pictures)))

    def _path(self, key: str) -> Path:
        assert self.folder is not None
        digest = key.partition("-")[2]
        return self.folder / digest[:2] / key

    def _write(self, key: str, data: bytes) -> None:
        if self.folder is None:
            with self._lock:
                self._bytes[key] = data
            return
        path = self._path(key)
        if path.exists():
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, partial = tempfile.mkstemp(dir=path.parent, prefix=".partial-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            Path(partial).replace(path)
        except BaseException:
            Path(partial).unlink(missing_ok=True)
            raise

    def _read(self, key: str, kind: str) -> bytes:
        # The pattern keeps an id from ever naming a path outside the folder.
        if not _ID.fullmatch(key) or not key.startswith(f"{kind}-"):
            raise RequestError(f"{key!r} is not the id of a stored {kind}")
        try:
            data = self._bytes[key] if self.folder is None else self._path(key).read_bytes()
        except (KeyError, FileNotFoundError):
            raise RequestError(f"the stored {kind} {key!r} is gone; give the picture again") from None
        return data
