"""The strip below an overlay: the question, and the answer with its linked phrases in their regions' colours."""

import re
from collections.abc import Mapping

from PIL import Image, ImageDraw, ImageFont

from agent.answers import Answer

Color = tuple[int, int, int]

PAPER: Color = (250, 250, 248)
INK: Color = (32, 33, 36)
FAINT: Color = (112, 117, 125)
# A longer text is cut here, so that a caption never outgrows its picture.
MAX_LINES = 8

_WORD = re.compile(r"\S+\s*")


def draw_caption(sheet: Image.Image, answer: Answer, colors: Mapping[int, Color], *, text_size: int) -> Image.Image:
    """`sheet` with a strip below it. `colors` are the regions' by id; `text_size` is in pixels of the sheet."""
    face = ImageFont.load_default(text_size)
    margin = text_size
    room = sheet.width - 2 * margin
    inks = _inks(answer, colors)
    question = _wrapped(answer.question, face, room)
    lines = _wrapped(answer.text, face, room)
    step = round(text_size * 1.45)
    height = 2 * margin + step * (len(question) + len(lines)) + text_size // 3
    result = Image.new("RGB", (sheet.width, sheet.height + height), PAPER)
    result.paste(sheet, (0, 0))
    draw = ImageDraw.Draw(result)
    y = sheet.height + margin
    for start, end in question:
        draw.text((margin, y), answer.question[start:end].rstrip(), FAINT, face)
        y += step
    y += text_size // 3
    for start, end in lines:
        _draw_line(draw, (margin, y), answer.text, start, end, inks, face)
        y += step
    return result


def _inks(answer: Answer, colors: Mapping[int, Color]) -> list[Color]:
    """The colour of every character of the answer's text."""
    inks = [INK] * len(answer.text)
    for span in answer.spans:
        if span.regions:
            inks[span.start : span.end] = [colors[span.regions[0]]] * (span.end - span.start)
    return inks


def _wrapped(text: str, face: ImageFont.FreeTypeFont | ImageFont.ImageFont, room: float) -> list[tuple[int, int]]:
    """Where the lines of `text` start and end, each no wider than `room` (a single longer word stands alone)."""
    lines: list[tuple[int, int]] = []
    for word in _WORD.finditer(text):
        if lines and "\n" not in text[lines[-1][1] - 1 : lines[-1][1]]:
            start, _ = lines[-1]
            if face.getlength(text[start : word.end()].rstrip()) <= room:
                lines[-1] = (start, word.end())
                continue
        lines.append((word.start(), word.end()))
    return lines[:MAX_LINES]


def _draw_line(
    draw: ImageDraw.ImageDraw,
    at: tuple[int, int],
    text: str,
    start: int,
    end: int,
    inks: list[Color],
    face: ImageFont.FreeTypeFont | ImageFont.ImageFont,
) -> None:
    """One line, piece by piece where the colour changes; linked phrases are underlined."""
    x, y = float(at[0]), at[1]
    position = start
    while position < end:
        stop = position + 1
        while stop < end and inks[stop] == inks[position]:
            stop += 1
        piece = text[position:stop].replace("\n", " ")
        draw.text((x, y), piece, inks[position], face)
        length = face.getlength(piece)
        if inks[position] != INK:
            size = getattr(face, "size", 12)
            drawn = face.getlength(piece.rstrip())
            draw.line(
                (x, y + size * 1.2, x + drawn, y + size * 1.2), fill=inks[position], width=max(round(size / 12), 1)
            )
        x += length
        position = stop
