"""The pictures of the notebooks, drawn from the project's own training art: `python examples/pictures/draw.py`.

A picture is a sky over hills, things at their places (kind, style of drawing, centre and size in pixels), and signs.
The same tables give the same picture; `scene.png` is older than this script and is not drawn by it.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from training.art import SPRITE_SIZE, Art, load_art
from training.signs import font_files

SIZE = 640, 420
FONT = "DejaVuSans-Bold"


@dataclass(frozen=True)
class Thing:
    """One sprite: its kind, the style that draws it, its centre and the side of its square, in pixels."""

    kind: str
    style: str
    x: int
    y: int
    side: int


@dataclass(frozen=True)
class Sign:
    """A board with a word or two, around its centre; `height` of the letters, in pixels."""

    text: str
    x: int
    y: int
    height: int = 24
    board: str = "#fdf0d5"
    ink: str = "#7a2e1d"


@dataclass(frozen=True)
class Picture:
    """Colours of the sky (top, bottom) and of the hills (far to near), and what stands before them, back to front."""

    sky: tuple[str, str]
    hills: tuple[str, ...]
    parts: tuple[Thing | Sign, ...]


DAY, MEADOW = ("#8fc7f5", "#d9eefc"), ("#9ccc78", "#84bb62", "#6ea64f")
PICTURES = {
    "farm": Picture(DAY, MEADOW, (
        Thing("sun", "noto", 70, 62, 92),
        Thing("house", "noto", 545, 150, 150),
        Thing("evergreen tree", "noto", 410, 150, 120),
        Thing("tractor", "noto", 240, 190, 120),
        Thing("cow", "noto", 90, 255, 100),
        Thing("cow", "twemoji", 330, 300, 100),
        Thing("cow", "noto", 520, 310, 96),
        Thing("rooster", "noto", 200, 345, 84),
        Thing("duck", "noto", 425, 362, 72),
        Thing("pig", "noto", 75, 365, 80),
    )),
    "market": Picture(("#ffd9a0", "#fff3dc"), ("#e0c9a6", "#d2b48c"), (
        Sign("FISH", 110, 120, 26, "#cfe8f7", "#12406b"),
        Sign("FRESH FRUIT", 330, 80, 26),
        Sign("BAKERY", 545, 130, 26, "#f7d6d0", "#6b1212"),
        Thing("fish", "noto", 75, 215, 88),
        Thing("fish", "twemoji", 165, 220, 80),
        Thing("banana", "noto", 300, 190, 88),
        Thing("red apple", "noto", 385, 190, 76),
        Thing("bread", "noto", 510, 220, 86),
        Thing("birthday cake", "noto", 595, 225, 80),
        Thing("dog", "noto", 560, 340, 104),
        Thing("penguin", "noto", 110, 340, 104),
        Thing("bicycle", "noto", 330, 345, 120),
    )),
    "orchard": Picture(DAY, MEADOW, (
        Thing("evergreen tree", "noto", 335, 165, 170),
        Thing("red apple", "noto", 60, 240, 66),
        Thing("red apple", "twemoji", 145, 330, 62),
        Thing("red apple", "noto", 225, 265, 60),
        Thing("red apple", "noto", 470, 285, 66),
        Thing("red apple", "twemoji", 560, 245, 58),
        Thing("key", "noto", 90, 130, 84),
        Thing("key", "noto", 380, 350, 128),
        Thing("key", "twemoji", 580, 360, 66),
        Thing("dog", "noto", 235, 368, 90),
        Sign("BEWARE", 110, 390, 22),
        Sign("PICNIC", 545, 130, 22, "#dff3d8", "#1d4d17"),
    )),
    "park": Picture(DAY, MEADOW, (
        Thing("kite", "noto", 150, 80, 96),
        Thing("balloon", "noto", 480, 85, 100),
        Thing("dog", "noto", 120, 270, 130),
        Thing("bicycle", "noto", 320, 215, 120),
        Thing("dog", "twemoji", 520, 290, 100),
        Thing("soccer ball", "noto", 330, 355, 72),
        Thing("duck", "noto", 215, 365, 70),
        Sign("NO SWIMMING", 500, 385, 22),
    )),
    "beach": Picture(("#7cc4f2", "#c9ecff"), ("#3b8fc9", "#f1deb0", "#e8cf95"), (
        Thing("sailboat", "noto", 150, 165, 130),
        Thing("umbrella", "noto", 480, 210, 140),
        Thing("crab", "noto", 230, 345, 84),
        Thing("dog", "noto", 380, 330, 100),
        Thing("pineapple", "noto", 560, 340, 92),
        Thing("sunglasses", "noto", 90, 330, 84),
    )),
}  # fmt: skip


def drawn(picture: Picture, art: Art) -> Image.Image:
    """The picture as RGB, `SIZE` pixels large."""
    width, height = SIZE
    top, bottom = (np.array(Image.new("RGB", (1, 1), colour))[0, 0].astype(float) for colour in picture.sky)
    steps = np.linspace(0, 1, height)[:, None, None]
    rows = np.round(top * (1 - steps) + bottom * steps).astype(np.uint8)
    canvas = Image.fromarray(np.broadcast_to(rows, (height, width, 3)).copy())
    draw = ImageDraw.Draw(canvas)
    for number, colour in enumerate(picture.hills):
        level = height * (0.52 + 0.42 * number / len(picture.hills))
        ridge = [(x, level + 14 * np.sin(x / 90 + 2.1 * number)) for x in range(width + 1)]
        draw.polygon([*ridge, (width, height), (0, height)], fill=colour)
    for part in picture.parts:
        if isinstance(part, Sign):
            _draw_sign(draw, part)
        else:
            _paste(canvas, part, art)
    return canvas


def _draw_sign(draw: ImageDraw.ImageDraw, sign: Sign) -> None:
    font = ImageFont.truetype(next(path for path in font_files() if path.stem == FONT), sign.height)
    left, top, right, bottom = draw.textbbox((sign.x, sign.y), sign.text, font, anchor="mm")
    edges = (left - 16, top - 12, right + 16, bottom + 12)
    draw.rounded_rectangle(edges, 9, fill=sign.board, outline=sign.ink, width=2)
    draw.text((sign.x, sign.y), sign.text, sign.ink, font, anchor="mm")


def _paste(canvas: Image.Image, thing: Thing, art: Art) -> None:
    sprite = art.sprites[art.styles.index(thing.style), art.names.index(thing.kind)]
    assert sprite.shape == (SPRITE_SIZE, SPRITE_SIZE, 4)
    size = (thing.side, thing.side)
    colour, alpha = (
        np.asarray(Image.fromarray(part).resize(size, Image.Resampling.LANCZOS), dtype=np.float32)
        for part in (np.ascontiguousarray(sprite[..., :3]), np.ascontiguousarray(sprite[..., 3]))
    )
    place = (thing.x - thing.side // 2, thing.y - thing.side // 2)
    under = np.asarray(canvas.crop((*place, place[0] + size[0], place[1] + size[1])), dtype=np.float32)
    over = colour + under * (1 - alpha[..., None] / 255)  # the sprite's colours are multiplied by its alpha already
    canvas.paste(Image.fromarray(np.clip(np.round(over), 0, 255).astype(np.uint8)), place)


def main() -> None:
    """Draw all pictures beside this file."""
    art = load_art("train")
    for name, picture in PICTURES.items():
        drawn(picture, art).save(Path(__file__).with_name(f"{name}.png"), optimize=True)


if __name__ == "__main__":
    main()
