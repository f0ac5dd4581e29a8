"""Drawing the atlases anew: fitting, the layout of the grid, the lookup of names in each source, the command line."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ferret.errors import TrainingError
from training import art, art_build
from training.art import COLUMNS, SPRITE_SIZE, STYLES, Category, atlas_path, load_categories, read_atlas
from training.art_build import (
    DRAWING_SIZE,
    OTHER_THINGS,
    build_atlas,
    character_names,
    fit_drawing,
    hexcode_drawer,
    icon_set_drawer,
    names_now,
    names_of_2017,
    noto_drawer,
    render_svg,
    streamline_names,
)

NOTO_FONT = Path("/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf")
SQUARE = '<rect x="8" y="16" width="32" height="16" fill="{}"/>'
needs_font = pytest.mark.skipif(not NOTO_FONT.exists(), reason="Debian's fonts-noto-color-emoji is not installed")


def category(name: str, codepoint: str = "\U0001f436", cldr: str = "") -> Category:
    return Category(name, codepoint, "group", cldr or name)


def svg(body: str) -> str:
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64">{body}</svg>'


def picture(width: int, height: int, margin: int) -> Image.Image:
    image = Image.new("RGBA", (width + 2 * margin, height + 3 * margin))
    image.paste((200, 40, 90, 255), (margin, margin, margin + width, margin + height))
    return image


@given(width=st.integers(1, 200), ratio=st.floats(0.2, 5.0), margin=st.integers(0, 50))
def test_a_drawing_is_cropped_scaled_and_centred(width: int, ratio: float, margin: int) -> None:
    height = max(1, round(width * ratio))
    cell = np.asarray(fit_drawing(picture(width, height, margin)))
    assert cell.shape == (SPRITE_SIZE, SPRITE_SIZE, 4)
    rows, columns = np.flatnonzero(cell[..., 3].any(1)), np.flatnonzero(cell[..., 3].any(0))
    found_height, found_width = rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1
    assert max(found_height, found_width) == DRAWING_SIZE
    assert abs(found_width - DRAWING_SIZE * width / max(width, height)) <= 1
    assert abs(found_height - DRAWING_SIZE * height / max(width, height)) <= 1
    assert abs(rows[0] - (SPRITE_SIZE - 1 - rows[-1])) <= 1
    assert abs(columns[0] - (SPRITE_SIZE - 1 - columns[-1])) <= 1
    assert (cell[SPRITE_SIZE // 2, SPRITE_SIZE // 2] == (200, 40, 90, 255)).all()


@pytest.mark.parametrize(
    ("drawing", "message"),
    [
        (Image.new("RGBA", (64, 64)), "empty"),
        (Image.new("RGBA", (64, 64), (255, 255, 255, 5)), "empty"),
        (picture(1, 200, 3), "covers only"),
        (Image.new("RGBA", (64, 64), (0, 0, 0, 0)), "empty"),
    ],
)
def test_an_empty_rendering_is_refused(drawing: Image.Image, message: str) -> None:
    with pytest.raises(TrainingError, match=message):
        fit_drawing(drawing)


def test_edges_keep_their_colour_when_shrunk() -> None:
    # Black hides under full transparency; a careless resampling would bleed it into a dark rim.
    cell = np.asarray(fit_drawing(picture(511, 511, 33))).astype(int)
    visible = cell[cell[..., 3] > 30]
    assert np.abs(visible[:, :3] - (200, 40, 90)).max() <= 6


def test_an_atlas_survives_its_file_and_names_what_is_absent(tmp_path: Path) -> None:
    categories = tuple(category(f"thing {index}") for index in range(COLUMNS + 3))
    colours = np.random.default_rng(5).integers(0, 256, (len(categories), 3))

    def draw(wanted: Category) -> Image.Image | None:
        index = int(wanted.name.split()[1])
        if index in (4, COLUMNS + 1):
            return None
        return Image.new("RGBA", (50, 20 + index), (*map(int, colours[index]), 160))

    atlas, absent = build_atlas(draw, categories)
    assert absent == ["thing 4", f"thing {COLUMNS + 1}"]
    assert atlas.size == (COLUMNS * SPRITE_SIZE, 2 * SPRITE_SIZE)
    path = tmp_path / "atlas.webp"
    art_build.save_atlas(atlas, path, "by somebody")
    cells = np.full((len(categories), SPRITE_SIZE, SPRITE_SIZE, 4), 9, np.uint8)
    read_atlas(path, cells)
    for index in range(len(categories)):
        drawing = draw(categories[index])
        if drawing is None:
            assert not cells[index].any()
            continue
        expected = fit_drawing(drawing).convert("RGBa")
        assert (cells[index][..., 3] == np.asarray(expected)[..., 3]).all()
        middle = cells[index, 56:72, 56:72, :3].astype(float).mean((0, 1))
        assert np.abs(middle - colours[index] * 160 / 255).max() < 5
    with Image.open(path) as image:
        assert image.getexif()[art_build.EXIF_COPYRIGHT] == "by somebody"


def test_a_bad_drawing_is_named() -> None:
    with pytest.raises(TrainingError, match="'thing'"):
        build_atlas(lambda _: Image.new("RGBA", (4, 4)), (category("thing"),))


@pytest.mark.parametrize(("upper", "file"), [(False, "1f99c.svg"), (True, "1F99C.svg")])
def test_drawings_are_found_by_codepoint(upper: bool, file: str, tmp_path: Path) -> None:
    pytest.importorskip("resvg_py")
    (tmp_path / file).write_text(svg(SQUARE.format("#00ff00")))
    draw = hexcode_drawer(tmp_path, upper)
    drawing = draw(category("parrot", "\U0001f99c"))
    assert drawing is not None
    assert drawing.getbbox() == (64, 128, 320, 256)
    assert drawing.getpixel((200, 200)) == (0, 255, 0, 255)
    assert draw(category("dog", "\U0001f436")) is None


def test_drawings_are_found_by_short_name(tmp_path: Path) -> None:
    pytest.importorskip("resvg_py")
    icons = {
        "width": 64,
        "height": 64,
        "icons": {
            name: {"body": SQUARE.format(colour)}
            for name, colour in {
                "lion-face": "#ff0000",
                "robot-face": "#00ff00",
                "direct-hit": "#0000ff",
                "cricket-game": "#ffffff",
                "fire-engine": "#ff00ff",
            }.items()
        },
        "aliases": {"lion": {"parent": "lion-face"}, "cricket": {"parent": "cricket-game"}},
    }
    path = tmp_path / "icons.json"
    path.write_text(json.dumps(icons))
    draw = icon_set_drawer(path, names_of_2017)
    for cldr, colour in {
        "lion": (255, 0, 0, 255),
        "robot": (0, 255, 0, 255),
        "bullseye": (0, 0, 255, 255),
        "fire engine": (255, 0, 255, 255),
        "cricket": None,
        "brain": None,
    }.items():
        drawing = draw(category(cldr))
        assert (drawing and drawing.getpixel((200, 200))) == colour


def test_drawings_are_found_by_the_name_of_their_character(tmp_path: Path) -> None:
    pytest.importorskip("resvg_py")
    icons = {name: {"body": SQUARE.format("#ff0000")} for name in ("monkeyface", "keyboard")}
    path = tmp_path / "icons.json"
    path.write_text(json.dumps({"width": 64, "height": 64, "icons": icons}))  # a set without other names
    draw = icon_set_drawer(path, character_names, OTHER_THINGS["fxemoji"])
    assert draw(category("monkey", "\U0001f435")) is not None
    assert draw(category("keyboard", "\u2328")) is None  # of a piano there
    assert draw(category("dog", "\U0001f436")) is None
    assert draw(category("nameless", "\ue123")) is None


@pytest.mark.parametrize(
    ("cldr", "colour"),
    [
        ("panda", (255, 0, 0, 255)),  # a face of it
        ("fox", (0, 255, 0, 255)),  # the first of several faces
        ("pizza", (0, 0, 255, 255)),  # the first of several drawings
        ("backpack", (255, 255, 0, 255)),  # spelt otherwise
        ("turkey", None),  # the flag
        ("brain", None),
    ],
)
def test_several_drawings_of_a_thing_and_faces_stand_for_it(
    tmp_path: Path, cldr: str, colour: tuple[int, ...] | None
) -> None:
    pytest.importorskip("resvg_py")
    colours = {
        "panda-face": "#ff0000",
        "fox-face-1": "#00ff00",
        "fox-face-2": "#ffffff",
        "pizza-1": "#0000ff",
        "pizza-2": "#ffffff",
        "school-backpack": "#ffff00",
        "turkey": "#ff0000",
    }
    path = tmp_path / "icons.json"
    icons = {name: {"body": SQUARE.format(value)} for name, value in colours.items()}
    path.write_text(json.dumps({"width": 64, "height": 64, "icons": icons}))
    drawing = icon_set_drawer(path, streamline_names, OTHER_THINGS["streamline"])(category(cldr))
    assert (drawing and drawing.getpixel((200, 200))) == colour


def test_what_a_thing_stands_on_is_not_drawn(tmp_path: Path) -> None:
    pytest.importorskip("resvg_py")
    shadow = '<path fill="#45413c" d="M4 40h56v20H4z" opacity=".15"/>'
    path = tmp_path / "icons.json"
    path.write_text(
        json.dumps({"width": 64, "height": 64, "icons": {"dog": {"body": shadow + SQUARE.format("#45413c")}}})
    )
    drawing = icon_set_drawer(path, names_now)(category("dog"))
    assert drawing is not None
    assert drawing.tobytes() == render_svg(svg(SQUARE.format("#45413c"))).tobytes()


def test_a_drawing_of_another_size_than_its_set_fills_its_own(tmp_path: Path) -> None:
    pytest.importorskip("resvg_py")
    path = tmp_path / "icons.json"
    whole = {"body": '<path fill="#ff0000" d="M0 0h8v8H0z"/>', "width": 8, "height": 8}
    path.write_text(json.dumps({"icons": {"dog": whole}}))
    drawing = icon_set_drawer(path, names_now)(category("dog"))
    assert drawing is not None
    assert drawing.getbbox() == (0, 0, *drawing.size)


@needs_font
def test_the_font_draws_what_it_has_and_nothing_else() -> None:
    draw = noto_drawer(NOTO_FONT)
    dog = draw(category("dog", "\U0001f436"))
    assert dog is not None
    assert dog.getbbox() is not None
    assert draw(category("private", "\ue123")) is None


@needs_font
def test_the_command_draws_every_atlas(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("resvg_py")
    chosen = tuple(entry for entry in load_categories() if entry.name in ("dog", "brain", "rocket"))
    monkeypatch.setattr(art_build, "load_categories", lambda: chosen)
    folders = {name: tmp_path / "sources" / name for name in ("@twemoji/svg", "openmoji/color/svg")}
    for name, folder in folders.items():
        folder.mkdir(parents=True)
        for entry in chosen:
            code = f"{ord(entry.codepoint):x}"
            file = folder / f"{code.upper() if name.startswith('openmoji') else code}.svg"
            file.write_text(svg(SQUARE.format("#808080")))
    body = {"body": SQUARE.format("#123456")}
    icon_sets = "emojione emojione-v1 fluent-emoji fluent-emoji-flat noto-v1 fxemoji streamline-emojis"
    for name in icon_sets.split():
        icons = tmp_path / "sources" / "@iconify-json" / name / "icons.json"
        icons.parent.mkdir(parents=True)
        icons.write_text(json.dumps({"width": 64, "height": 64, "icons": {"rocket": body}, "aliases": {}}))
    output = tmp_path / "drawn"
    arguments = ["--sources", str(tmp_path / "sources"), "--font", str(NOTO_FONT), "--output", str(output)]
    assert art_build.main(arguments) == 0
    for split, styles in STYLES.items():
        for style in styles:
            cells = np.zeros((len(chosen), SPRITE_SIZE, SPRITE_SIZE, 4), np.uint8)
            read_atlas(atlas_path(split, style, output), cells)
            drawn = cells[..., 3].any(axis=(1, 2)).sum()
            assert drawn == (len(chosen) if style in ("noto", "twemoji", "openmoji") else 1)
    said = capsys.readouterr().out
    assert "train-emojione.webp: 1 of 3 categories" in said
    assert "not drawn: brain, dog" in said


def test_a_missing_source_ends_with_status_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        art_build.main(["--sources", str(tmp_path), "--font", str(tmp_path / "none.ttf")])
    assert stopped.value.code == 2
    assert "none.ttf" in capsys.readouterr().err
    assert art.ART_FOLDER.is_dir()
