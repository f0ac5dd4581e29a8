"""Draws the sprite atlases anew from their sources: a colour font and nine sets of SVG drawings.

Needs `resvg_py` (the "art" extra), which renders SVG. The sources are ordinary packages: Debian's
fonts-noto-color-emoji and, from npm, @twemoji/svg, openmoji and, of @iconify-json, emojione, emojione-v1, fluent-emoji,
fluent-emoji-flat, noto-v1, fxemoji and streamline-emojis. `art/LICENSES.md` names their authors and licences, and every
atlas carries the same notice in its EXIF "Copyright" field.
"""

import argparse
import io
import json
import re
import sys
import unicodedata
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from ferret.errors import TrainingError
from training.art import ART_FOLDER, COLUMNS, SPRITE_SIZE, STYLES, Category, atlas_path, load_categories

Drawer = Callable[[Category], Image.Image | None]
"""Draws a category as straight RGBA of any size and margins, or None where the style does not have it."""

DRAWING_SIZE = 124
"""Pixels that the longer side of every drawing fills, so that all styles come at one scale."""

RENDER_SIZE = 512
"""SVGs are rendered at this many pixels and then shrunk, so that cropping their margins costs no sharpness."""

VISIBLE_ALPHA = 16
"""Fainter pixels (soft shadows, rounding) do not count when the margins are cropped."""

LEAST_INK = 0.02
"""A drawing that covers less of its cell than this has been rendered wrongly."""

WEBP_QUALITY = 90
"""Artefacts are not visible at twice the size; the alpha channel is lossless."""

NOTO_STRIKE = 109
"""The one bitmap size, in points, that the colour font holds (136x128 pixels)."""

NOT_A_CHARACTER = "\U0010ffff"
"""No font maps it, so it shows what a font draws for a character that it lacks."""

NAMES_OF_2017: dict[str, str | None] = {"bullseye": "direct-hit", "robot": "robot-face", "cricket": None}
"""Unicode short names that older sets spell otherwise; their "cricket" is the game, not the insect."""

NAMES_OF_STREAMLINE = {"game-die": "game-dice", "backpack": "school-backpack"}
"""Unicode short names that Streamline's set spells otherwise."""

ICONIFY_SIDE = 16
"""The side of a drawing in Iconify's JSON where neither it nor its set says another."""

GROUND_SHADOW = re.compile(r'<[^>]*fill="#45413c"[^>]*opacity="\.15"/>')
"""The ellipse that Streamline's things stand on: no part of the thing, so neither its box nor its mask may hold it."""

OTHER_THINGS = {
    "fxemoji": {"keyboard"},  # a piano's
    "emojionev1": {"keyboard", "laptop", "desktop-computer", "shield"},  # a piano's, a screen, a tower, a road sign
    "streamline": {"turkey"},  # the flag
}
"""Names under which a set draws something else than Unicode's short name means."""

NOTICES = {
    "noto": "Noto Color Emoji, Copyright 2022 Google Inc., SIL Open Font License 1.1, http://scripts.sil.org/OFL",
    "twemoji": "Twemoji, Copyright Twitter, Inc and other contributors, CC-BY 4.0, "
    "https://creativecommons.org/licenses/by/4.0/",
    "emojione": "EmojiOne 2 by Emoji One (Ranks.com), through Emojitwo and Iconify, CC-BY 4.0, "
    "https://creativecommons.org/licenses/by/4.0/",
    "fluent": "Fluent Emoji, Copyright Microsoft Corporation, through Iconify, MIT License, "
    "https://github.com/microsoft/fluentui-emoji/blob/main/LICENSE",
    "fluentflat": "Fluent Emoji Flat, Copyright Microsoft Corporation, through Iconify, MIT License, "
    "https://github.com/microsoft/fluentui-emoji/blob/main/LICENSE",
    "notov1": "Noto Emoji (2013 to 2016), Copyright Google Inc., through Iconify, Apache License 2.0, "
    "https://www.apache.org/licenses/LICENSE-2.0",
    "fxemoji": "Firefox OS Emoji, Copyright Mozilla, through Iconify, Apache License 2.0, "
    "https://www.apache.org/licenses/LICENSE-2.0",
    "emojionev1": "EmojiOne 1 by Emoji One (Ranks.com), through Iconify, CC BY-SA 4.0, "
    "https://creativecommons.org/licenses/by-sa/4.0/",
    "streamline": "Streamline Emojis, Copyright Streamline (Webalys), through Iconify, CC BY 4.0, "
    "https://creativecommons.org/licenses/by/4.0/",
    "openmoji": "OpenMoji, the open-source emoji and icon project, CC BY-SA 4.0, "
    "https://creativecommons.org/licenses/by-sa/4.0/",
}
EXIF_COPYRIGHT = 0x8298


def render_svg(markup: str) -> Image.Image:
    """An SVG document as straight RGBA, `RENDER_SIZE` pixels wide."""
    import resvg_py

    # The drawings hold no text; without the system's fonts rendering is fast and the same everywhere.
    png = resvg_py.svg_to_bytes(svg_string=markup, width=RENDER_SIZE, skip_system_fonts=True)
    return Image.open(io.BytesIO(bytes(png))).convert("RGBA")


def noto_drawer(font_file: Path) -> Drawer:
    """Draws from the bitmaps of Noto Color Emoji."""
    font = ImageFont.truetype(str(font_file), NOTO_STRIKE, layout_engine=ImageFont.Layout.BASIC)

    def glyph(character: str) -> Image.Image:
        canvas = Image.new("RGBA", (256, 256))
        ImageDraw.Draw(canvas).text((40, 40), character, font=font, embedded_color=True)
        # Pasting through the glyph's own alpha onto nothing leaves the colours multiplied by it.
        return Image.frombytes("RGBa", canvas.size, canvas.tobytes()).convert("RGBA")

    missing = glyph(NOT_A_CHARACTER)

    def draw(category: Category) -> Image.Image | None:
        drawing = glyph(category.codepoint)
        return None if drawing.getbbox() is None or drawing == missing else drawing

    return draw


def hexcode_drawer(folder: Path, upper: bool) -> Drawer:
    """Draws from a folder of SVG files named by codepoint in hexadecimal."""

    def draw(category: Category) -> Image.Image | None:
        code = f"{ord(category.codepoint):x}"
        path = folder / f"{code.upper() if upper else code}.svg"
        return render_svg(path.read_text(encoding="utf-8")) if path.is_file() else None

    return draw


def icon_set_drawer(
    icons_file: Path, names_of: Callable[[Category], tuple[str, ...]], never: Collection[str] = ()
) -> Drawer:
    """Draws from a set of icons in Iconify's JSON.

    Args:
        icons_file: the set.
        names_of: what it may call a category; the first name that is there is drawn.
        never: short names under which the set draws something else.
    """
    icon_set: dict[str, Any] = json.loads(icons_file.read_text(encoding="utf-8"))
    usual = {side: icon_set.get(side, ICONIFY_SIDE) for side in ("width", "height")}
    icons: dict[str, Any] = icon_set["icons"]
    parents = {name: alias["parent"] for name, alias in icon_set.get("aliases", {}).items()}

    def draw(category: Category) -> Image.Image | None:
        names = () if short_name(category) in never else names_of(category)
        known = (icons.get(parents.get(name, name)) for name in names)
        icon = next((icon for icon in known if icon is not None), None)
        if icon is None:
            return None
        width, height = (icon.get(side, usual[side]) for side in ("width", "height"))
        body = GROUND_SHADOW.sub("", icon["body"])
        return render_svg(
            f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
            f'viewBox="0 0 {width} {height}" width="{width}" height="{height}">{body}</svg>'
        )

    return draw


def short_name(category: Category) -> str:
    """Unicode's short name as icon sets spell it: "monkey-face"."""
    return category.cldr.lower().replace(" ", "-")


def names_now(category: Category) -> tuple[str, ...]:
    """The short name of today, which Fluent Emoji goes by."""
    return (short_name(category),)


def names_of_2017(category: Category) -> tuple[str, ...]:
    """The short name of 2017, which EmojiOne and the first Noto go by."""
    name = short_name(category)
    spelt = NAMES_OF_2017.get(name, name)
    return () if spelt is None else (spelt,)


def streamline_names(category: Category) -> tuple[str, ...]:
    """What Streamline's set may call it: its name, the first of several drawings of it, its face."""
    return tuple(
        NAMES_OF_STREAMLINE.get(name, name) + variant
        for name in names_of_2017(category)
        for variant in ("", "-1", "-face", "-face-1")
    )


def character_names(category: Category) -> tuple[str, ...]:
    """The character's own name without gaps, which Firefox OS's drawings go by: "monkeyface"."""
    return ("".join(letter for letter in unicodedata.name(category.codepoint, "").lower() if letter.isalnum()),)


def fit_drawing(drawing: Image.Image) -> Image.Image:
    """A drawing cropped to what is visible of it, scaled to `DRAWING_SIZE` and centred in a sprite's cell.

    Args:
        drawing: straight RGBA of any size.

    Returns:
        Straight RGBA, `SPRITE_SIZE` square. Resampling works on premultiplied colours, so edges keep their colour.

    Raises:
        TrainingError: nothing, or next to nothing, is drawn.
    """
    alpha = drawing.getchannel("A")
    box = alpha.point([255 * (value >= VISIBLE_ALPHA) for value in range(256)]).getbbox()
    if box is None:
        raise TrainingError("the drawing is empty; check the version of its source package")
    cropped = drawing.crop(box)
    scale = DRAWING_SIZE / max(cropped.size)
    width, height = (max(1, round(side * scale)) for side in cropped.size)
    cell = Image.new("RGBA", (SPRITE_SIZE, SPRITE_SIZE))
    # Bicubic leaves no faint ring outside the outline, as Lanczos would, so masks stay tight.
    resized = cropped.resize((width, height), Image.Resampling.BICUBIC)
    cell.paste(resized, ((SPRITE_SIZE - width) // 2, (SPRITE_SIZE - height) // 2))
    histogram = cell.getchannel("A").histogram()
    ink = sum(value * count for value, count in enumerate(histogram)) / (255 * SPRITE_SIZE**2)
    if ink < LEAST_INK:
        raise TrainingError(f"the drawing covers only {ink:.1%} of its cell; check the version of its source package")
    return cell


def build_atlas(drawer: Drawer, categories: tuple[Category, ...]) -> tuple[Image.Image, list[str]]:
    """The atlas of one style as straight RGBA, and the names of the categories that the style does not have."""
    rows = -(-len(categories) // COLUMNS)
    atlas = Image.new("RGBA", (COLUMNS * SPRITE_SIZE, rows * SPRITE_SIZE))
    absent = []
    for index, category in enumerate(categories):
        drawing = drawer(category)
        if drawing is None:
            absent.append(category.name)
            continue
        try:
            cell = fit_drawing(drawing)
        except TrainingError as error:
            raise TrainingError(f"category {category.name!r}: {error}") from error
        row, column = divmod(index, COLUMNS)
        atlas.paste(cell, (column * SPRITE_SIZE, row * SPRITE_SIZE))
    return atlas, absent


def save_atlas(atlas: Image.Image, path: Path, notice: str) -> None:
    """Writes an atlas as WebP: lossy colours, lossless alpha, the licence's notice inside."""
    exif = Image.Exif()
    exif[EXIF_COPYRIGHT] = notice
    atlas.save(path, "WEBP", quality=WEBP_QUALITY, alpha_quality=100, method=6, exif=exif)


def main(arguments: list[str] | None = None) -> int:
    """The command line: draws every atlas and says what each style lacks. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m training.art", description="Draw the sprite atlases anew.")
    parser.add_argument("--sources", type=Path, required=True, help="the node_modules folder with the SVG packages")
    parser.add_argument("--font", type=Path, required=True, help="NotoColorEmoji.ttf with bitmap (CBDT) glyphs")
    parser.add_argument("--output", type=Path, default=ART_FOLDER, help="folder to write to (default: the package's)")
    options = parser.parse_args(arguments)
    icons = options.sources / "@iconify-json"
    inputs = {
        "noto": options.font,
        "twemoji": options.sources / "@twemoji" / "svg",
        "emojione": icons / "emojione" / "icons.json",
        "fluent": icons / "fluent-emoji" / "icons.json",
        "fluentflat": icons / "fluent-emoji-flat" / "icons.json",
        "notov1": icons / "noto-v1" / "icons.json",
        "fxemoji": icons / "fxemoji" / "icons.json",
        "emojionev1": icons / "emojione-v1" / "icons.json",
        "streamline": icons / "streamline-emojis" / "icons.json",
        "openmoji": options.sources / "openmoji" / "color" / "svg",
    }
    for style, path in inputs.items():
        if not path.exists():
            parser.error(f"the source of {style!r} is not at {str(path)!r}; install its package")
    drawers = {
        "noto": noto_drawer(inputs["noto"]),
        "twemoji": hexcode_drawer(inputs["twemoji"], upper=False),
        "emojione": icon_set_drawer(inputs["emojione"], names_of_2017),
        "fluent": icon_set_drawer(inputs["fluent"], names_now),
        "fluentflat": icon_set_drawer(inputs["fluentflat"], names_now),
        "notov1": icon_set_drawer(inputs["notov1"], names_of_2017),
        "fxemoji": icon_set_drawer(inputs["fxemoji"], character_names, OTHER_THINGS["fxemoji"]),
        "emojionev1": icon_set_drawer(inputs["emojionev1"], names_of_2017, OTHER_THINGS["emojionev1"]),
        "streamline": icon_set_drawer(inputs["streamline"], streamline_names, OTHER_THINGS["streamline"]),
        "openmoji": hexcode_drawer(inputs["openmoji"], upper=True),
    }
    categories = load_categories()
    options.output.mkdir(parents=True, exist_ok=True)
    for split, styles in STYLES.items():
        for style in styles:
            atlas, absent = build_atlas(drawers[style], categories)
            path = atlas_path(split, style, options.output)
            save_atlas(atlas, path, NOTICES[style])
            drawn = len(categories) - len(absent)
            megabytes = path.stat().st_size / 1e6
            sys.stdout.write(f"{path.name}: {drawn} of {len(categories)} categories, {megabytes:.2f} MB\n")
            if absent:
                sys.stdout.write(f"  not drawn: {', '.join(absent)}\n")
    return 0
