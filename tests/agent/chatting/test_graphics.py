"""Pictures in the terminal: which terminal gets which protocol, and that each carries the picture."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from agent.chatting.graphics import CHUNK, LARGEST, Protocol, protocol_of, shown


@pytest.mark.parametrize(
    ("environment", "protocol"),
    [
        ({}, None),
        ({"TERM": "xterm-256color"}, None),
        ({"TERM": "dumb"}, None),
        ({"TERM": "xterm-kitty"}, "kitty"),
        ({"TERM": "xterm-256color", "KITTY_WINDOW_ID": "1"}, "kitty"),
        ({"TERM_PROGRAM": "ghostty"}, "kitty"),
        ({"TERM_PROGRAM": "iTerm.app"}, "iterm2"),
        ({"TERM_PROGRAM": "WezTerm"}, "iterm2"),
        ({"LC_TERMINAL": "iTerm2"}, "iterm2"),
        ({"TERM": "foot"}, "sixel"),
        ({"TERM": "mlterm"}, "sixel"),
        ({"TERM": "xterm-kitty", "TMUX": "/tmp/tmux"}, None),
        ({"TERM": "screen.xterm-256color", "LC_TERMINAL": "iTerm2"}, None),
    ],
)
def test_the_environment_tells_what_a_terminal_can_show(environment: dict[str, str], protocol: str | None) -> None:
    assert protocol_of(environment) == protocol


def noise(width: int, height: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8))


def test_kitty_gets_a_png_in_chunks() -> None:
    picture = noise(60, 40)
    commands = re.findall(r"\x1b_G([^;]*);([^\x1b]*)\x1b\\", shown(picture, "kitty"))
    assert commands[0][0] == "a=T,f=100,q=2,m=1"
    assert {keys for keys, _ in commands[1:-1]} <= {"m=1"}
    assert commands[-1][0] == "m=0"
    assert all(len(data) <= CHUNK for _, data in commands)
    assert all(len(data) % 4 == 0 for _, data in commands)
    with Image.open(io.BytesIO(base64.b64decode("".join(data for _, data in commands)))) as read:
        assert np.array_equal(np.asarray(read), np.asarray(picture))


def test_a_small_picture_is_one_chunk() -> None:
    assert shown(Image.new("RGB", (2, 2)), "kitty").startswith("\x1b_Ga=T,f=100,q=2,m=0;")


def test_iterm2_gets_a_png_with_its_size() -> None:
    found = re.fullmatch(r"\x1b\]1337;File=inline=1;size=(\d+);[^:]*:([^\a]*)\a", shown(noise(60, 40), "iterm2"))
    assert found is not None
    data = base64.b64decode(found[2])
    assert len(data) == int(found[1])
    with Image.open(io.BytesIO(data)) as read:
        assert read.size == (60, 40)


def unsixel(code: str) -> np.ndarray:
    """The picture [H, W, 3] that sixels draw, in percent of each colour; -1 where nothing was drawn."""
    body = re.fullmatch(r'\x1bP0;1;0q"1;1;(\d+);(\d+)(.*)\x1b\\', code)
    assert body is not None
    width, height = int(body[1]), int(body[2])
    canvas = np.full((height + 6, width, 3), -1)
    colors: dict[int, list[int]] = {}
    x, y, color = 0, 0, -1
    for define, number, count, character, control in re.findall(
        r"#(\d+;2;\d+;\d+;\d+)|#(\d+)|!(\d+)(?=([?-~]))|([$\-?-~])", body[3]
    ):
        if define:
            index, _, *parts = map(int, define.split(";"))
            colors[index] = parts
        elif number:
            color = int(number)
        elif count:
            for bit in range(6):
                if ord(character) - 63 >> bit & 1:
                    canvas[y + bit, x : x + int(count) - 1] = colors[color]
            x += int(count) - 1  # the character itself comes next
        elif control == "$":
            x = 0
        elif control == "-":
            x, y = 0, y + 6
        else:
            for bit in range(6):
                if ord(control) - 63 >> bit & 1:
                    canvas[y + bit, x] = colors[color]
            x += 1
    return canvas[:height]


@pytest.mark.parametrize("size", [(1, 1), (5, 6), (9, 13), (30, 7)])
def test_sixels_draw_every_pixel(size: tuple[int, int]) -> None:
    colors = np.array([(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)], dtype=np.uint8)
    x, y = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
    pixels = colors[(x // 5 + y) % 4]  # runs of five, another colour in every row
    drawn = unsixel(shown(Image.fromarray(pixels), "sixel"))
    assert np.array_equal(drawn, np.round(pixels / 2.55).astype(int))


@pytest.mark.parametrize("protocol", ["kitty", "iterm2"])
def test_a_large_picture_is_reduced(protocol: Protocol) -> None:
    code = shown(Image.new("RGB", (3 * LARGEST, LARGEST)), protocol)
    data = base64.b64decode("".join(re.findall(r"[;:]([A-Za-z0-9+/=]{40,})", code)))
    with Image.open(io.BytesIO(data)) as read:
        assert read.size == (LARGEST, 333)
