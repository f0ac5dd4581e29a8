"""Signs: boards with rendered words, the part of the illustrated world that has to be read.

The fonts are the ones that come with matplotlib (DejaVu, STIX), so a seed draws the same sign on every machine.
"""

from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from training.backgrounds import random_colour

Array = np.ndarray

WORDS: tuple[str, ...] = tuple(
    """OPEN CLOSED EXIT ENTER SALE STOP SLOW PARK TAXI HOTEL CAFE BAKERY MARKET MUSEUM LIBRARY SCHOOL STATION PLATFORM
    TICKETS INFO HELP WELCOME HELLO THANKS PLEASE WAIT PUSH PULL FREE NEW BEST FRESH HOT COLD ICE TEA COFFEE MILK BREAD
    FISH FRUIT PIZZA SOUP MENU LUNCH DINNER NORTH SOUTH EAST WEST LEFT RIGHT UP DOWN GATE DOOR ROOM FLOOR STAIRS LIFT
    TOILET WATER FIRE DANGER CAUTION WARNING QUIET PRIVATE PUBLIC STAFF ONLY KEEP OUT NO YES GO TURN BRIDGE RIVER LAKE
    BEACH FOREST GARDEN FARM ZOO CITY TOWN HARBOUR AIRPORT BUS TRAIN BOAT BIKE RENT BUY SELL CASH CARD OFFICE BANK POST
    SHOP STORE BOOKS TOYS SHOES MUSIC CINEMA THEATRE GYM POOL SPA CLINIC DENTIST PHARMACY BARBER SALON LAUNDRY REPAIR
    TOOLS PAINT GLASS WOOD STEEL PAPER RED BLUE GREEN GOLD SILVER SUN MOON STAR WINTER SUMMER SPRING AUTUMN MONDAY
    FRIDAY SUNDAY TODAY TOMORROW OFFER LUCKY HAPPY BIG SMALL FAST EASY SMART""".split()
)  # fmt: skip


@lru_cache(maxsize=1)
def font_files() -> tuple[Path, ...]:
    """The upright text fonts that come with matplotlib, in a fixed order."""
    import matplotlib

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    wanted = ("DejaVuSans", "DejaVuSerif", "DejaVuSansMono", "STIXGeneral")
    return tuple(path for path in sorted(folder.glob("*.ttf")) if path.stem.split("-")[0] in wanted)


@lru_cache(maxsize=256)
def _font(index: int, size: int) -> ImageFont.FreeTypeFont:
    files = font_files()
    return ImageFont.truetype(str(files[index % len(files)]), size)


def random_text(rng: np.random.Generator) -> str:
    """One to three words, sometimes a number, in capitals, title case or small letters."""
    words = [WORDS[int(rng.integers(len(WORDS)))] for _ in range(int(rng.choice([1, 2, 3], p=[0.6, 0.3, 0.1])))]
    if rng.random() < 0.2:
        words[-1] = str(int(rng.integers(1, 1000)))
    text = " ".join(words)
    style = rng.random()
    return text if style < 0.6 else text.title() if style < 0.85 else text.lower()


def draw_sign(rng: np.random.Generator, text: str, font_size: int) -> Array:
    """A board with `text` on it as premultiplied RGBA `uint8 [h, w, 4]`; the letters are `font_size` pixels high."""
    font = _font(int(rng.integers(1 << 30)), font_size)
    lines = text.split(" ") if " " in text and rng.random() < 0.4 else [text]
    boxes = [font.getbbox(line) for line in lines]
    pad_x, pad_y = int(font_size * rng.uniform(0.25, 0.9)), int(font_size * rng.uniform(0.2, 0.7))
    width = int(max(box[2] for box in boxes)) + 2 * pad_x
    line_height = int(font_size * 1.25)
    height = line_height * len(lines) + 2 * pad_y
    board = random_colour(rng)
    ink = random_colour(rng)
    for _ in range(12):  # letters must stand out from the board
        if abs(int(ink.astype(int).sum()) - int(board.astype(int).sum())) > 260:
            break
        ink = random_colour(rng)
    else:
        ink = np.full(3, 0 if board.astype(int).sum() > 380 else 255, np.uint8)
    canvas = Image.new("RGBA", (width, height))
    draw = ImageDraw.Draw(canvas)
    radius = int(min(width, height) * rng.choice([0, 0.1, 0.3]))
    border = int(rng.choice([0, 1, 2, 3])) * max(1, font_size // 14)
    edge = tuple(int(v) for v in (ink if rng.random() < 0.6 else random_colour(rng)))
    fill = tuple(int(v) for v in board)
    draw.rounded_rectangle((0, 0, width - 1, height - 1), radius, fill, edge if border else None, max(border, 1))
    for row, (line, box) in enumerate(zip(lines, boxes, strict=True)):
        x = (width - box[2]) / 2
        draw.text((x, pad_y + row * line_height), line, tuple(int(v) for v in ink), font)
    sign = np.asarray(canvas)
    alpha = sign[..., 3:].astype(np.uint16)
    return np.concatenate([(sign[..., :3] * alpha // 255).astype(np.uint8), sign[..., 3:]], -1)


def sign_to_size(sign: Array, longer_side: int) -> Array:
    """Resize a sign so that its longer side is `longer_side` pixels."""
    scale = longer_side / max(sign.shape[:2])
    size = (max(1, round(sign.shape[1] * scale)), max(1, round(sign.shape[0] * scale)))
    return cv2.resize(sign, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
