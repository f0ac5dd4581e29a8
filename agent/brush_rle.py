"""Label Studio's run-length code of brush masks, which has nothing to do with COCO's.

The format is that of thi.ng's rle-pack, over the bytes of an RGBA picture, row by row from the top: a header of 32 bits
(how many values), 5 bits (bits a value, less one) and four times 4 bits (bits of the four kinds of run length, less
one), then runs: 1 bit (set: one value repeated; clear: as many single values), 2 bits (which kind of length), the
length less one, and the value or values. What is left of the last byte is zero. Label Studio reads the mask from the
alpha channel; its own converter repeats the mask in all four, as is done here, byte for byte.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferret.errors import RequestError
from ferret.masks import BoolMask

WORD = 8
LENGTHS = (3, 4, 8, 16)
CHANNELS = 4


def encode_brush(mask: NDArray[Any]) -> list[int]:
    """The bytes for a mask [H, W] (non-zero = inside)."""
    flat = (np.asarray(mask) != 0).ravel()
    bits = [f"{flat.size * CHANNELS:032b}", f"{WORD - 1:05b}", *(f"{length - 1:04b}" for length in LENGTHS)]
    edges = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    starts = np.concatenate(([0], edges)).astype(np.int64)
    runs = np.diff(np.concatenate((starts, [flat.size]))) * CHANNELS
    for run, inside in zip(runs.tolist(), flat[starts].tolist(), strict=True):
        left = run
        while left:
            part = min(left, 1 << LENGTHS[-1])
            kind = next(index for index, length in enumerate(LENGTHS) if part <= 1 << length)
            bits.append(f"1{kind:02b}{part - 1:0{LENGTHS[kind]}b}{255 * inside:0{WORD}b}")
            left -= part
    written = "".join(bits)
    # The converter appends a whole byte of zeros when nothing is left over.
    written += "0" * (8 - len(written) % 8)
    return list(np.packbits(np.frombuffer(written.encode(), dtype=np.uint8) - ord("0")).tobytes())


def decode_brush(code: Sequence[int], width: int, height: int) -> BoolMask:
    """The mask, bool [H, W], from the alpha channel that the bytes describe.

    Raises `RequestError` when they are damaged or are those of a picture of another size.
    """
    try:
        bits = "".join(f"{value:08b}" for value in bytes(code))
        read = _Reader(bits)
        count, word = read.number(32), read.number(5) + 1
        lengths = [read.number(4) + 1 for _ in range(4)]
        if count != width * height * CHANNELS:
            raise RequestError(
                f"the brush mask holds {count} values, but a picture of {width} x {height} has "
                f"{width * height * CHANNELS}: give the size that it was painted on"
            )
        values = np.zeros(count, dtype=np.bool_)
        place = 0
        while place < count:
            repeated = read.number(1)
            end = place + 1 + read.number(lengths[read.number(2)])
            if end > count:
                raise ValueError("a run goes beyond the end")
            if repeated:
                values[place:end] = read.number(word) != 0
            else:
                values[place:end] = [read.number(word) != 0 for _ in range(end - place)]
            place = end
    except (TypeError, ValueError) as error:
        if isinstance(error, RequestError):
            raise
        raise RequestError(f"the brush mask is damaged ({error}); export it again") from error
    return np.ascontiguousarray(values.reshape(height, width, CHANNELS)[:, :, 3])


class _Reader:
    def __init__(self, bits: str) -> None:
        self._bits = bits
        self._place = 0

    def number(self, size: int) -> int:
        """The next `size` bits, the highest first."""
        chunk = self._bits[self._place : self._place + size]
        if len(chunk) < size:
            raise ValueError("it ends in the middle of a run")
        self._place += size
        return int(chunk, 2)
