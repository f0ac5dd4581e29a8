"""Pictures: every form that is read, and everything that is refused before it is decoded."""

import io
import random
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ferret.errors import ImageError
from ferret.images import MAX_PIXELS, image_hash, load_image, warp_image


def noise(width: int = 13, height: int = 7, seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


def encoded(image: Image.Image, form: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def png_header(width: int, height: int) -> bytes:
    """A PNG that declares a size and holds next to nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


def test_the_same_picture_from_every_kind_of_source(tmp_path: Path) -> None:
    picture = noise()
    path = tmp_path / "a picture.png"
    picture.save(path)
    sources: list[Any] = [str(path), path, path.read_bytes(), picture, np.asarray(picture), Image.open(path)]
    for source in sources:
        loaded = load_image(source)
        assert loaded.mode == "RGB"
        assert image_hash(loaded) == image_hash(picture)


@pytest.mark.parametrize("form", ["PNG", "BMP", "TIFF", "PPM", "WEBP"])
def test_lossless_formats(form: str) -> None:
    picture = noise()
    options = {"lossless": True} if form == "WEBP" else {}
    assert image_hash(load_image(encoded(picture, form, **options))) == image_hash(picture)


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "YCbCr", "HSV"])
def test_other_modes_become_rgb(mode: str) -> None:
    loaded = load_image(Image.new("RGB", (13, 7), "white").convert(mode))
    assert loaded.mode == "RGB"
    assert loaded.size == (13, 7)
    assert loaded.getpixel((3, 3)) == (255, 255, 255)


def test_transparency_lies_over_white() -> None:
    image = Image.new("RGBA", (4, 4), (255, 0, 0, 0))
    image.putpixel((1, 1), (255, 0, 0, 255))
    image.putpixel((2, 2), (0, 0, 0, 128))
    loaded = load_image(encoded(image, "PNG"))
    assert loaded.getpixel((0, 0)) == (255, 255, 255)
    assert loaded.getpixel((1, 1)) == (255, 0, 0)
    assert loaded.getpixel((2, 2)) == (127, 127, 127)
    grey = Image.new("LA", (2, 2), (0, 0))
    assert load_image(grey).getpixel((0, 0)) == (255, 255, 255)
    palette = Image.new("P", (2, 2), 0)
    palette.putpalette([10, 20, 30])
    assert load_image(encoded(palette, "PNG", transparency=0)).getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.full((2, 3), 65535, np.uint16), 255),
        (np.full((2, 3), 25700, np.uint16), 100),
        (np.full((2, 3), 200, np.int32), 200),
        (np.full((2, 3), 1.0, np.float32), 255),
        (np.full((2, 3), 100.0, np.float32), 100),
    ],
)
def test_deep_greys_are_scaled_to_eight_bits(array: np.ndarray, expected: int) -> None:
    source = Image.fromarray(array)
    assert source.mode in ("I;16", "I", "F")
    loaded = load_image(encoded(source, "TIFF"))
    assert loaded.getpixel((0, 0)) == (expected,) * 3


def test_greys_of_any_range_are_stretched() -> None:
    loaded = load_image(Image.fromarray(np.array([[-5.0, 995.0, np.nan]], np.float32)))
    assert [loaded.getpixel((x, 0)) for x in range(2)] == [(0, 0, 0), (255, 255, 255)]


def test_orientation_is_applied() -> None:
    picture = noise()
    exif = Image.Exif()
    exif[0x0112] = 6  # turn a quarter to the right
    loaded = load_image(encoded(picture, "PNG", exif=exif))
    assert loaded.size == (7, 13)
    assert image_hash(loaded) == image_hash(picture.transpose(Image.Transpose.ROTATE_270))


def test_of_an_animation_the_first_frame_is_taken() -> None:
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert load_image(data).getpixel((0, 0)) == (255, 0, 0)


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.ones((2, 3), bool), (255, 255, 255)),
        (np.full((2, 3, 1), 7, np.uint8), (7, 7, 7)),
        (np.full((2, 3, 3), 0.5, np.float64), (128, 128, 128)),
        (np.full((2, 3, 3), 25700, np.uint16), (100, 100, 100)),
        (np.full((2, 3, 4), 255, np.uint8), (255, 255, 255)),
        (np.full((4, 6, 3), 9, np.uint8)[::2, ::2], (9, 9, 9)),
    ],
)
def test_arrays(array: np.ndarray, expected: tuple[int, ...]) -> None:
    loaded = load_image(array)
    assert loaded.size == (3, 2)
    assert loaded.getpixel((1, 1)) == expected


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((3, 2, 2), np.uint8), "shape"),
        (np.zeros(5, np.uint8), "shape"),
        (np.zeros((0, 5, 3), np.uint8), "no pixels"),
        (np.full((2, 2), 2.0), "outside 0..1"),
        (np.full((2, 2), np.nan), "outside 0..1"),
        (np.zeros((2, 2), np.int64), "type int64"),
        (np.zeros((2, 2), object), "type object"),
    ],
)
def test_arrays_that_are_no_pictures(array: np.ndarray, words: str) -> None:
    with pytest.raises(ImageError, match=words):
        load_image(array)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"hello", "not an image"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not an image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n", "not an image"),  # would start another program
        (encoded(noise(64, 64), "PNG")[:2000], "truncated"),
        (encoded(noise(64, 64), "JPEG")[:1000], "truncated"),
        (encoded(noise(64, 64), "PNG")[:20], "not an image"),
        (png_header(60000, 60000), "too many pixels: the limit is 64 megapixels"),
        (png_header(8001, 8000), "beyond the limit"),
        (png_header(100, 100), "truncated"),
    ],
    ids=lambda value: value[:12].hex() if isinstance(value, bytes) else value[:12],
)
def test_data_that_cannot_be_read(tmp_path: Path, data: bytes, words: str) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(data)
    for source in (data, path):
        with pytest.raises(ImageError, match=words) as caught:
            load_image(source)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "AVIF", "JPEG2000"])
def test_damaged_data_is_a_picture_or_an_image_error(form: str) -> None:
    draw = random.Random(form)
    sound = encoded(noise(24, 20), form)
    for _ in range(100):
        data = bytearray(sound[: draw.randrange(len(sound) // 2, len(sound))])
        for _ in range(4):
            data[draw.randrange(min(len(data), 200))] = draw.randrange(256)
        try:
            assert load_image(bytes(data)).mode == "RGB"
        except ImageError:
            continue


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("nowhere.png", "'nowhere.png' does not exist"),
        ("/", "is a folder"),
        ("", "no file name"),
        ("a\0b.png", "no file name"),
        ("x" * 5000, "cannot be read|does not exist"),
        ("https://example.org/a.png", "network is off"),
        ("FILE:///etc/passwd", "network is off"),
        ("data:image/png;base64,AAAA", "network is off"),
        (7, "is a int"),
        (None, "is a NoneType"),
    ],
)
def test_sources_that_are_no_files(source: Any, words: str) -> None:
    with pytest.raises(ImageError, match=words) as caught:
        load_image(source)
    assert "\n" not in str(caught.value)


def test_a_device_is_no_picture() -> None:
    with pytest.raises(ImageError, match="not a regular file"):
        load_image("/dev/null")


def test_a_file_too_large_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "large.png").open("wb") as file:
        file.write(encoded(noise(), "PNG"))
        file.truncate(2**40)  # takes no room on the disk
    with pytest.raises(ImageError, match="larger than 1024 MB"):
        load_image(tmp_path / "large.png")


def test_a_bomb_is_refused_from_memory_too() -> None:
    assert MAX_PIXELS == 64_000_000
    with pytest.raises(ImageError, match="beyond the limit"):
        load_image(Image.new("1", (8001, 8000)))


def test_loading_leaves_the_callers_picture_alone() -> None:
    picture = noise()
    loaded = load_image(picture)
    loaded.putpixel((0, 0), (1, 2, 3))
    assert image_hash(picture) == image_hash(noise())


def test_the_hash_is_of_size_and_pixels() -> None:
    picture = noise()
    assert image_hash(picture) == image_hash(picture.convert("RGBA"))
    assert image_hash(picture) != image_hash(noise(seed=1))
    data = picture.tobytes()
    assert image_hash(Image.frombytes("RGB", (13, 7), data)) != image_hash(Image.frombytes("RGB", (7, 13), data))


@pytest.mark.parametrize(
    ("size", "vertical_first"),
    [((120, 401), True), ((517, 233), False), ((50, 41), False), ((32, 73), True), ((100, 147), False)],
)
def test_warping_does_one_axis_after_the_other_in_a_fixed_order(size: tuple[int, int], vertical_first: bool) -> None:
    picture = noise(*size)
    target = (20, 48) if size == (32, 73) else (33, 20) if size == (100, 147) else (336, 336)
    bicubic = Image.Resampling.BICUBIC
    one_way = picture.resize((size[0], target[1]), bicubic).resize(target, bicubic)
    other_way = picture.resize((target[0], size[1]), bicubic).resize(target, bicubic)
    assert one_way.tobytes() != other_way.tobytes()
    assert warp_image(picture, *target).tobytes() == (one_way if vertical_first else other_way).tobytes()
