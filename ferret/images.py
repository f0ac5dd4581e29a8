"""Reading pictures safely: one function from anything a caller may hold to an upright RGB image.

A file is judged before its pixels are decoded: it must exist, hold an image of a common raster format, and declare no
more pixels than `MAX_PIXELS` (a tiny file can declare 60000 x 60000 and take the machine's memory). Nothing is ever
fetched: a URL is refused. Only Pillow is needed.
"""

from __future__ import annotations

import hashlib
import io
import re
import warnings
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from ferret.errors import ImageError

MAX_PIXELS = 64_000_000
"""Most pixels that an image may have, counted from its header before anything is decoded."""

MAX_BYTES = 2**30
"""Largest file that is read: `MAX_PIXELS` of four 16-bit channels, uncompressed, take half of it."""

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "ICO", "AVIF", "JPEG2000")
"""Pillow's names of the formats that are read, as far as its build has them; none runs another program or a script."""

ImageSource: TypeAlias = str | Path | bytes | Image.Image | NDArray[Any]

_URL = re.compile(r"[a-z][a-z0-9+.-]+:(//|data)|data:", re.IGNORECASE)


def load_image(source: ImageSource) -> Image.Image:
    """Read an image as upright RGB, 8 bits a channel.

    Orientation tags are applied, transparency is laid over white, 16-bit and floating-point greys are scaled to 8
    bits, palettes and CMYK are converted, and of an animation the first frame is taken. An array is [H, W], [H, W, 1],
    [H, W, 3] or [H, W, 4] of uint8 (0..255), bool, uint16 (0..65535) or float (0..1).

    Raises:
        ImageError: there is no such file, it is a folder, empty, no image, truncated or too large, it is a URL (the
            network is not used), or the array has another shape, type or range.
    """
    if isinstance(source, np.ndarray):
        return _to_rgb(_from_array(source))
    return _to_rgb(open_checked(source))


def open_checked(source: str | Path | bytes | Image.Image) -> Image.Image:
    """Read an image in its own mode, upright, after the checks of `load_image`; the result is fully decoded.

    Raises:
        ImageError: as `load_image`.
    """
    if isinstance(source, Image.Image):
        name, image = "image", source
        _check_size(name, image.size)
        return _decode(name, image.copy() if getattr(image, "fp", None) is None else image)
    if isinstance(source, bytes | bytearray | memoryview):
        name, data = "image data", bytes(source)
    elif isinstance(source, str | Path):
        name = repr(str(source))
        data = _read_file(source, name)
    else:
        raise ImageError(f"image is a {type(source).__name__}: give a path, bytes, a PIL image or a numpy array")
    if not data:
        raise ImageError(f"{name} is empty: give a file that holds an image")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of sizes that are judged right below
            Image.init()  # so that all formats of this build are known
            image = Image.open(io.BytesIO(data), formats=[form for form in FORMATS if form in Image.OPEN])
    except Exception as error:  # on damaged data Pillow's decoders raise whatever comes to pass
        if isinstance(error, Image.DecompressionBombError):
            raise ImageError(f"{name} declares too many pixels: the limit is {_limit()}; scale it down") from error
        raise ImageError(f"{name} is not an image that can be read: give a PNG, JPEG, WebP or GIF") from error
    _check_size(name, image.size)
    return _decode(name, image)


def warp_image(image: Image.Image, width: int, height: int) -> Image.Image:
    """Resize to width x height by Pillow's bicubic filter, proportions not kept, the same to the bit in every Pillow.

    The filter works on one axis after the other and rounds to 8 bits in between, so the order shows in the last bits.
    Pillow 13 chose another order for tall images than its predecessors; its rule is written out here.
    """
    vertical_first = image.height > height and image.height - height > 2 * (image.width - width)
    between = (image.width, height) if vertical_first else (width, image.height)
    return image.resize(between, Image.Resampling.BICUBIC).resize((width, height), Image.Resampling.BICUBIC)


def image_hash(image: Image.Image) -> str:
    """SHA-256 in hex over an image's size and its RGB pixels: equal for equal pictures from any file."""
    rgb = image if image.mode == "RGB" else image.convert("RGB")
    digest = hashlib.sha256(f"{rgb.width}x{rgb.height}:".encode())
    digest.update(rgb.tobytes())
    return digest.hexdigest()


def _read_file(source: str | Path, name: str) -> bytes:
    text = str(source)
    if isinstance(source, str) and _URL.match(text):
        raise ImageError(f"{name} is a URL and the network is off: download the picture and give the file")
    if not text.strip() or "\0" in text:
        raise ImageError(f"{name} is no file name: give the path of an image")
    path = Path(source)
    try:
        if path.is_dir():
            raise ImageError(f"{name} is a folder: give one image file in it")
        if not path.exists():
            raise ImageError(f"{name} does not exist: check the path")
        if not path.is_file():
            raise ImageError(f"{name} is not a regular file: give an image file")
        if path.stat().st_size > MAX_BYTES:
            raise ImageError(f"{name} is larger than {MAX_BYTES // 2**20} MB: scale the picture down")
        return path.read_bytes()
    except OSError as error:
        raise ImageError(f"{name} cannot be read ({error.strerror or error}): check the path and its rights") from error


def _check_size(name: str, size: tuple[int, int]) -> None:
    width, height = size
    if width <= 0 or height <= 0:
        raise ImageError(f"{name} has no pixels ({width}x{height}): give another image")
    if width * height > MAX_PIXELS:
        raise ImageError(f"{name} is {width}x{height} pixels, beyond the limit of {_limit()}: scale it down")


def _limit() -> str:
    return f"{MAX_PIXELS // 1_000_000} megapixels"


def _decode(name: str, image: Image.Image) -> Image.Image:
    """Decode the first frame and turn it upright."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # damaged metadata beside sound pixels is no concern here
            image.seek(0)
            image.load()
            return ImageOps.exif_transpose(image)
    except Exception as error:  # as above
        raise ImageError(f"{name} is truncated or damaged: it cannot be decoded; save it anew") from error


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB":
        return image
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        return _from_array(_grey_levels(np.asarray(image))).convert("RGB")
    if image.mode in ("RGBA", "LA", "RGBa", "La", "PA") or "transparency" in image.info:
        layer = image.convert("RGBA")
        white = Image.new("RGBA", layer.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, layer).convert("RGB")
    return image.convert("RGB")


def _grey_levels(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Grey of more than 8 bits as 0..255: from 16 bits by their high byte, other ranges by what they hold."""
    if values.dtype.kind in "iu" and values.min() >= 0 and values.max() <= 65535:
        return (values.astype(np.uint32) // 257 if values.max() > 255 else values).astype(np.uint8)
    finite = np.nan_to_num(values.astype(np.float64))
    low, high = float(finite.min()), float(finite.max())
    if low >= 0.0 and high <= 1.0:
        return np.rint(finite * 255).astype(np.uint8)
    if low >= 0.0 and high <= 255.0:
        return np.rint(finite).astype(np.uint8)
    return np.rint((finite - low) / max(high - low, 1e-12) * 255).astype(np.uint8)


def _from_array(array: NDArray[Any]) -> Image.Image:
    values = array[..., 0] if array.ndim == 3 and array.shape[-1] == 1 else array
    if values.ndim not in (2, 3) or (values.ndim == 3 and values.shape[-1] not in (3, 4)):
        raise ImageError(f"image array has shape {array.shape!r}: give [H, W], [H, W, 3] or [H, W, 4]")
    _check_size("image array", (values.shape[1], values.shape[0]))
    if values.dtype == np.bool_:
        values = values.astype(np.uint8) * np.uint8(255)
    elif values.dtype == np.uint16:
        values = (values // 257).astype(np.uint8)
    elif values.dtype.kind == "f":
        if not (values.min() >= 0 and values.max() <= 1):  # written so that NaN fails as well
            raise ImageError("image array of floats holds values outside 0..1: scale them, or give uint8")
        values = np.rint(values * 255).astype(np.uint8)
    elif values.dtype != np.uint8:
        raise ImageError(f"image array has type {values.dtype!s}: give uint8, or floats from 0 to 1")
    return Image.fromarray(np.ascontiguousarray(values))
