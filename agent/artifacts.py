"""Pixels, masks and observations, kept by the hash of their content outside the graph's state.

The state and its checkpoints carry ids alone, so a thread's database grows with its turns and not with its pixels. The
same picture asked about a hundred times is stored once.

Beside a folder there are also looks: what an instrument saw, under a key made of all that it depends on
(`agent.looks`). A look stays as long as its picture.
"""

import hashlib
import json
import os
import re
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ferret.errors import RequestError
from ferret.images import image_hash
from ferret.regions import decode_rle, encode_rle

_ID = re.compile(r"(image|mask|json|look)-[0-9a-f]{64}")
_IDS = re.compile(rb"(?:image|mask|json)-[0-9a-f]{64}")
# What an unfinished file and one about to go are called; nobody needs them after this many seconds.
_PARTIAL, _GOING = ".partial-", ".going-"


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep removed and left, in files and bytes."""

    removed: int
    removed_bytes: int
    kept: int
    kept_bytes: int


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
        if self.folder is not None and not self._in_use(key):
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
        return self.put_mask_rle({**encode_rle(mask)})

    def put_mask_rle(self, rle: dict[str, Any]) -> str:
        """Keeps a mask that is already `{"size": [h, w], "counts": str}`; returns its id."""
        return self._put("mask", rle)

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

    def holds(self, key: str) -> bool:
        """Whether an artifact is kept; from now on it counts as young again (`sweep`)."""
        return key in self._bytes if self.folder is None else bool(_ID.fullmatch(key)) and self._in_use(key)

    def put_look(self, digest: str, image: str, seen: Any) -> None:
        """Keeps what was seen on the picture `image`, as JSON, under a SHA-256 in hex of all that it depends on."""
        self._write(f"look-{digest}", _packed({"image": image, "seen": seen}))

    def look(self, digest: str) -> Any:
        """What was kept under that digest; None when nothing was, or it is damaged."""
        with suppress(RequestError, ValueError, KeyError, TypeError):
            return json.loads(self._read(f"look-{digest}", "look"))["seen"]
        return None

    def sweep(self, contents: Callable[[], Iterable[bytes]], young: float) -> Swept:
        """Removes from the folder what nobody needs: no id of it in `contents`, nor in what those ids name.

        `contents` is called after the folder was looked through, so that what is kept meanwhile is not missed. Files
        that were written or used within the last `young` seconds stay. A store in memory has nothing to remove.
        """
        if self.folder is None:
            return Swept(0, 0, 0, 0)
        oldest = time.time() - young
        files = [path for path in self.folder.glob("??/*-*") if path.is_file()]
        old = {path.name: path for path in files if _age(path) < oldest}
        needed = {match.decode() for piece in contents() for match in _IDS.findall(piece)}
        looks = [path for path in files if path.name.startswith("look-")]
        needed |= {path.name for path in looks if self._image_of(path) in needed}
        for key in [key for key in needed if key.startswith(("json-", "look-"))]:
            with suppress(OSError):
                needed |= {match.decode() for match in _IDS.findall(self._path(key).read_bytes())}
        removed = [size for name, path in old.items() if name not in needed and (size := _removed(path, oldest)) >= 0]
        left = [length for path in files if (length := _size(path)) is not None]
        return Swept(len(removed), sum(removed), len(left), sum(left))

    def _image_of(self, look: Path) -> str | None:
        with suppress(OSError, ValueError, KeyError, TypeError):
            image: str = json.loads(look.read_bytes())["image"]
            return image
        return None

    def _put(self, kind: str, value: Any) -> str:
        data = _packed(value)
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
        if self._in_use(key):
            return
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, partial = tempfile.mkstemp(dir=path.parent, prefix=_PARTIAL)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                if key.startswith("image-"):  # all else can be made again from the picture and the question
                    file.flush()
                    os.fsync(file.fileno())
            Path(partial).replace(path)
        except BaseException:
            Path(partial).unlink(missing_ok=True)
            raise

    def _in_use(self, key: str) -> bool:
        """Whether the file is there; from now on it counts as young again."""
        try:
            os.utime(self._path(key))
        except FileNotFoundError:
            return False
        return True

    def _read(self, key: str, kind: str) -> bytes:
        # The pattern keeps an id from ever naming a path outside the folder.
        if not _ID.fullmatch(key) or not key.startswith(f"{kind}-"):
            raise RequestError(f"{key!r} is not the id of a stored {kind}")
        try:
            data = self._bytes[key] if self.folder is None else self._path(key).read_bytes()
        except (KeyError, FileNotFoundError):
            raise RequestError(f"the stored {kind} {key!r} is gone; give the picture again") from None
        return data


def _packed(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _age(path: Path) -> float:
    """When a file was last written or used, in seconds since 1970; now when it has just gone."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return time.time()


def _size(path: Path) -> int | None:
    """The bytes of a file; None when it is gone, which it may be at any moment."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None


def _removed(path: Path, oldest: float) -> int:
    """Removes a file and returns its size; -1 when somebody has used it since `oldest`, or it is gone already."""
    # Under another name nobody can begin to use it any more, so its age is final.
    going = path.with_name(_GOING + path.name)
    try:
        path.replace(going)
        state = going.stat()
        if state.st_mtime >= oldest:
            going.replace(path)
            return -1
        going.unlink()
    except FileNotFoundError:
        return -1
    return state.st_size
