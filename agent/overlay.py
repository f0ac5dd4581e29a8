"""Overlay pictures: the regions of an answer in distinct colours, with labels beside them and the answer below.

Works at any picture size: small pictures are enlarged until their labels are readable, very large ones reduced. A label
never lies on a region nor on another label; where the picture has no free place beside a region, its label stands in a
margin at the picture's right, joined to the region by a line. Only Pillow and numpy are needed.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from agent.answers import Answer, AnswerRegion
from agent.caption import draw_caption
from ferret.errors import RequestError
from ferret.regions import decode_rle

Color = tuple[int, int, int]
Rectangle = tuple[float, float, float, float]

# Drawn at twice the size and reduced at the end, which smooths every edge.
SUPERSAMPLE = 2
# The longer side of one drawn picture, in pixels of the overlay.
SMALLEST, LARGEST = 900, 2048
PAPER: Color = (250, 250, 248)
FILL_OPACITY = 0.42
# Told apart on light and dark pictures alike, neighbours in the list far apart in hue.
PALETTE: tuple[Color, ...] = (
    (230, 57, 70), (29, 120, 215), (42, 157, 80), (244, 140, 6), (131, 56, 200), (0, 166, 178),
    (219, 39, 140), (128, 110, 20), (88, 101, 242), (160, 82, 45), (101, 163, 13), (71, 85, 105),
)  # fmt: skip


def region_color(index: int) -> Color:
    """The colour of the region with this id: the palette first, then it again in other shades."""
    red, green, blue = PALETTE[index % len(PALETTE)]
    shade = 1.0 / (1.0 + 0.35 * (index // len(PALETTE)))
    return round(red * shade), round(green * shade), round(blue * shade)


@lru_cache(maxsize=16)
def font(size: int) -> ImageFont.FreeTypeFont:
    """Pillow's own typeface at `size` pixels."""
    loaded = ImageFont.load_default(size)
    if not isinstance(loaded, ImageFont.FreeTypeFont):
        raise RequestError(
            "this Pillow was built without FreeType, so no text can be drawn; install Pillow's own wheel"
        )
    return loaded


@dataclass(frozen=True, slots=True)
class Label:
    """One label as it is placed: its rectangle on the canvas, and whether a line joins it to its region."""

    region: AnswerRegion
    text: str
    rectangle: Rectangle
    joined: bool


def draw_overlay(answer: Answer, pictures: Sequence[Image.Image]) -> Image.Image:
    """The pictures side by side with the answer's regions on them and the answer's text below, as an RGB image.

    Raises `RequestError` when the answer has a region on a picture that is not given.
    """
    if not pictures or any(region.image >= len(pictures) for region in answer.regions):
        raise RequestError(
            f"the answer speaks of more pictures than the {len(pictures)} given; give all of them in order"
        )
    panels = [
        _panel(picture, [region for region in answer.regions if region.image == index])
        for index, picture in enumerate(pictures)
    ]
    gap = 16 * SUPERSAMPLE
    width = sum(panel.width for panel in panels) + gap * (len(panels) - 1)
    height = max(panel.height for panel in panels)
    sheet = Image.new("RGB", (width, height), PAPER)
    left = 0
    for panel in panels:
        sheet.paste(panel, (left, 0))
        left += panel.width + gap
    colors = {region.id: region_color(region.id) for region in answer.regions}
    sheet = draw_caption(sheet, answer, colors, text_size=_text_size(sheet.width))
    return sheet.reduce(SUPERSAMPLE)


def _panel(picture: Image.Image, regions: Sequence[AnswerRegion]) -> Image.Image:
    """One picture enlarged, with its regions and labels."""
    longer = max(picture.size)
    scale = SUPERSAMPLE * min(max(longer, SMALLEST), LARGEST) / longer
    size = (max(round(picture.width * scale), 1), max(round(picture.height * scale), 1))
    canvas = picture.convert("RGB").resize(size, Image.Resampling.LANCZOS)
    line = max(round(min(size) / 260), 2 * SUPERSAMPLE)
    boxes = {region.id: _scaled(region, picture, size) for region in regions}
    # Large ones first, so that small ones on top of them stay whole.
    for region in sorted(regions, key=lambda one: -_area(boxes[one.id])):
        canvas = _draw_region(canvas, region, boxes[region.id], line)
    labels = place_labels(regions, boxes, size, text_size=_text_size(max(size)), gap=line + 3 * SUPERSAMPLE)
    needed = max([size[0], *(math.ceil(label.rectangle[2]) + line * 3 for label in labels)])
    needed_height = max([size[1], *(math.ceil(label.rectangle[3]) + line for label in labels)])
    if (needed, needed_height) != size:
        sheet = Image.new("RGB", (needed, needed_height), PAPER)
        sheet.paste(canvas, (0, 0))
        canvas = sheet
    draw = ImageDraw.Draw(canvas)
    for label in labels:
        _draw_label(draw, label, boxes[label.region.id], line)
    return canvas


def place_labels(
    regions: Sequence[AnswerRegion],
    boxes: dict[int, Rectangle],
    size: tuple[int, int],
    *,
    text_size: int,
    gap: float,
) -> list[Label]:
    """A place for every region's label, clear of all regions and of one another.

    `boxes` are the regions on the canvas by id, `size` its (width, height). Labels for which the canvas has no free
    place beside their region go to a column right of it, in the order of their regions from top to bottom.
    """
    width, height = size
    placed: list[Label] = []
    waiting: list[tuple[AnswerRegion, str, float, float]] = []
    taken = [_grown(box, gap / 2) for box in boxes.values()]
    for region in regions:
        text = label_text(region)
        if not text:
            continue
        w, h = _label_size(text, text_size)
        for rectangle, joined in _places_beside(boxes[region.id], w, h, gap):
            inside = rectangle[0] >= 0 and rectangle[1] >= 0 and rectangle[2] <= width and rectangle[3] <= height
            if inside and not any(_overlap(rectangle, other) for other in taken):
                placed.append(Label(region, text, rectangle, joined))
                taken.append(_grown(rectangle, gap / 4))
                break
        else:
            waiting.append((region, text, w, h))
    x, y = width + 3 * gap, gap
    for region, text, w, h in sorted(waiting, key=lambda one: (boxes[one[0].id][1], boxes[one[0].id][0], one[0].id)):
        middle = (boxes[region.id][1] + boxes[region.id][3]) / 2
        y = max(y, min(middle - h / 2, height - h - gap))
        placed.append(Label(region, text, (x, y, x + w, y + h), True))
        y += h + gap
    return placed


def label_text(region: AnswerRegion, longest: int = 32) -> str:
    """What stands on a region's label: its name, and what was read there."""
    read = " ".join(region.text.split()) if region.text else ""
    text = f"{region.label} \u201c{read}\u201d" if read and region.label else region.label or read
    return text if len(text) <= longest else f"{text[: longest - 1].rstrip()}\u2026"


def _places_beside(box: Rectangle, w: float, h: float, gap: float) -> list[tuple[Rectangle, bool]]:
    """Candidate rectangles around a box, the nearest first, each with whether it needs a joining line."""
    x1, y1, x2, y2 = box
    middle_x, middle_y = (x1 + x2 - w) / 2, (y1 + y2 - h) / 2
    places: list[tuple[Rectangle, bool]] = []
    for step in range(4):
        away = gap + step * (h + gap)
        rows = [(x, y) for y in (y1 - away - h, y2 + away) for x in (x1, middle_x, x2 - w)]
        columns = [(x, y) for x in (x2 + away, x1 - away - w) for y in (y1, middle_y, y2 - h)]
        places += [((x, y, x + w, y + h), step > 0) for x, y in rows + columns]
    return places


def _draw_region(canvas: Image.Image, region: AnswerRegion, box: Rectangle, line: int) -> Image.Image:
    color = region_color(region.id)
    if region.mask is not None:
        return _draw_mask(canvas, decode_rle(region.mask.model_dump()), color, line)
    draw = ImageDraw.Draw(canvas)
    if _is_point(region):
        x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        for radius, ink in ((4.0 * line, (255, 255, 255)), (3.2 * line, color), (1.4 * line, (255, 255, 255))):
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=ink)
        return canvas
    radius = min(4.0 * line, (box[2] - box[0]) / 4, (box[3] - box[1]) / 4)
    # A white rim keeps the outline visible on a background of its own colour.
    draw.rounded_rectangle(_grown(box, line * 0.5), radius, outline=(255, 255, 255), width=line * 2)
    draw.rounded_rectangle(box, radius, outline=color, width=line)
    return canvas


def _draw_mask(canvas: Image.Image, mask: np.ndarray, color: Color, line: int) -> Image.Image:
    """Half-transparent colour over the mask, bool [H, W] of the original, and its outline."""
    soft = Image.fromarray(mask.astype(np.uint8) * 255).resize(canvas.size, Image.Resampling.BICUBIC)
    inside = soft.point(lambda value: 255 if value >= 128 else 0)
    bounds = inside.getbbox()
    if bounds is None:
        return canvas
    reach = line + 2
    crop = (
        max(bounds[0] - reach, 0),
        max(bounds[1] - reach, 0),
        min(bounds[2] + reach, canvas.width),
        min(bounds[3] + reach, canvas.height),
    )
    shape = inside.crop(crop)
    tint = Image.new("RGB", shape.size, color)
    rim = shape.filter(ImageFilter.MaxFilter(2 * line + 1))
    rim_only = Image.fromarray(np.asarray(rim) & ~np.asarray(shape))
    patch = canvas.crop(crop)
    patch = Image.composite(Image.blend(patch, tint, FILL_OPACITY), patch, shape)
    patch.paste(tint, mask=rim_only)
    canvas.paste(patch, crop[:2])
    return canvas


def _draw_label(draw: ImageDraw.ImageDraw, label: Label, box: Rectangle, line: int) -> None:
    color = region_color(label.region.id)
    x1, y1, x2, y2 = label.rectangle
    if label.joined:
        start = (min(max((box[0] + box[2]) / 2, x1), x2), min(max((box[1] + box[3]) / 2, y1), y2))
        end = (min(max(start[0], box[0]), box[2]), min(max(start[1], box[1]), box[3]))
        draw.line((start, end), fill=(255, 255, 255), width=line * 2)
        draw.line((start, end), fill=color, width=line)
    draw.rounded_rectangle(label.rectangle, (y2 - y1) / 4, fill=color, outline=(255, 255, 255), width=SUPERSAMPLE)
    bright = 0.299 * color[0] + 0.587 * color[1] + 0.114 * color[2] > 165
    size = round((y2 - y1) / 1.55)
    draw.text(((x1 + x2) / 2, (y1 + y2) / 2), label.text, (20, 20, 20) if bright else (255, 255, 255), font(size), "mm")


def _label_size(text: str, text_size: int) -> tuple[float, float]:
    return font(text_size).getlength(text) + text_size, text_size * 1.55


def _text_size(longer_side: int) -> int:
    return max(round(longer_side / 46), 15 * SUPERSAMPLE)


def _is_point(region: AnswerRegion) -> bool:
    """A point that the user gave comes back as the small window around it."""
    x1, y1, x2, y2 = region.box
    return region.source == "user" and x2 - x1 <= 12 and y2 - y1 <= 12


def _scaled(region: AnswerRegion, picture: Image.Image, size: tuple[int, int]) -> Rectangle:
    """A region's box on the canvas, at least a pixel wide and inside it."""
    across, down = size[0] / picture.width, size[1] / picture.height
    x1, y1, x2, y2 = region.box
    left, top = min(max(x1 * across, 0), size[0] - 1), min(max(y1 * down, 0), size[1] - 1)
    return left, top, min(max(x2 * across, left + 1), size[0]), min(max(y2 * down, top + 1), size[1])


def _area(box: Rectangle) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _grown(box: Rectangle, by: float) -> Rectangle:
    return box[0] - by, box[1] - by, box[2] + by, box[3] + by


def _overlap(a: Rectangle, b: Rectangle) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
