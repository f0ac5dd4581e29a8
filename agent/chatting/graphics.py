"""Pictures in the terminal, where it can show them: kitty's protocol, iTerm2's, or sixels.

Which one is told by the environment alone, for asking a terminal and waiting for its answer hangs where there is none.
Within tmux and screen nothing is shown, for they keep such sequences to themselves.
"""

import base64
import io
from collections.abc import Mapping
from typing import Literal

import numpy as np
from PIL import Image

Protocol = Literal["kitty", "iterm2", "sixel"]

# The longer side of a picture as it is shown, in pixels.
LARGEST = 1000
# What kitty takes at once, in characters.
CHUNK = 4096

_KITTY = {"xterm-kitty", "xterm-ghostty"}
_ITERM2 = {"iTerm.app", "WezTerm", "mintty"}
_SIXEL = {"foot", "foot-extra", "mlterm", "mlterm-256color", "yaft-256color", "contour"}


def protocol_of(environment: Mapping[str, str]) -> Protocol | None:
    """What the terminal that set this environment can show; None when nothing is known of it."""
    term, program = environment.get("TERM", ""), environment.get("TERM_PROGRAM", "")
    if environment.get("TMUX") or environment.get("STY") or term.startswith(("screen", "tmux")):
        return None
    if environment.get("KITTY_WINDOW_ID") or term in _KITTY or program == "ghostty":
        return "kitty"
    if program in _ITERM2 or environment.get("LC_TERMINAL") == "iTerm2":
        return "iterm2"
    return "sixel" if term in _SIXEL else None


def shown(picture: Image.Image, protocol: Protocol) -> str:
    """What to write to the terminal so that it shows the picture at the cursor; very large ones are reduced."""
    small = picture.convert("RGB")
    small.thumbnail((LARGEST, LARGEST), Image.Resampling.LANCZOS)
    if protocol == "sixel":
        return _sixels(small)
    buffer = io.BytesIO()
    small.save(buffer, format="PNG")
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    if protocol == "iterm2":
        size = len(buffer.getvalue())
        return f"\x1b]1337;File=inline=1;size={size};preserveAspectRatio=1:{data}\a"
    chunks = [data[start : start + CHUNK] for start in range(0, len(data), CHUNK)]
    written = []
    for index, chunk in enumerate(chunks):
        # a=T: show at once; f=100: PNG; q=2: no reply, which would be read as typed text.
        keys = "a=T,f=100,q=2," if index == 0 else ""
        written.append(f"\x1b_G{keys}m={int(index < len(chunks) - 1)};{chunk}\x1b\\")
    return "".join(written)


def _sixels(picture: Image.Image) -> str:
    """DEC's sixels: bands of six rows, each drawn once for every colour in it, a character per column."""
    reduced = picture.quantize(255)
    palette = reduced.getpalette() or []
    pixels = np.asarray(reduced)  # [H, W] of indices
    height, width = pixels.shape
    parts = [f'\x1bP0;1;0q"1;1;{width};{height}']
    for color in np.unique(pixels).tolist():
        red, green, blue = (round(value * 100 / 255) for value in palette[3 * color : 3 * color + 3])
        parts.append(f"#{color};2;{red};{green};{blue}")
    for top in range(0, height, 6):
        band = pixels[top : top + 6]
        weights = (1 << np.arange(len(band)))[:, None]
        lines = [
            f"#{color}{_runs(((band == color) * weights).sum(axis=0))}" for color in np.unique(band).tolist()
        ]
        parts.append("$".join(lines) + "-")
    return "".join(parts) + "\x1b\\"


def _runs(columns: np.ndarray) -> str:
    """Columns of six pixels as characters, repeated ones by their number."""
    edges = np.flatnonzero(np.diff(columns)) + 1
    starts = [0, *edges.tolist()]
    written = []
    for start, end in zip(starts, [*starts[1:], len(columns)], strict=True):
        character, count = chr(63 + int(columns[start])), end - start
        written.append(f"!{count}{character}" if count > 3 else character * count)
    return "".join(written)
