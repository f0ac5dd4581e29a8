"""The sprites that travel with the package: complete, aligned, premultiplied, licensed; and damage is named."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ferret.errors import TrainingError
from training import art
from training.art import ART_FOLDER, COLUMNS, SPRITE_SIZE, STYLES, Split, atlas_path, load_art, load_categories
from training.art_build import DRAWING_SIZE, EXIF_COPYRIGHT, LEAST_INK, VISIBLE_ALPHA

SPLITS: tuple[Split, ...] = ("train", "test")


def test_categories_are_unique_single_characters() -> None:
    categories = load_categories()
    assert len(categories) == 364
    assert len({category.name for category in categories}) == len(categories)
    assert len({category.codepoint for category in categories}) == len(categories)
    assert all(len(category.codepoint) == 1 for category in categories)
    assert all(category.name == category.name.strip().lower() for category in categories)


@pytest.mark.parametrize("split", SPLITS)
def test_art_has_one_cell_for_every_style_and_category(split: Split) -> None:
    loaded = load_art(split)
    count = len(load_categories())
    assert loaded.sprites.shape == (len(STYLES[split]), count, SPRITE_SIZE, SPRITE_SIZE, 4)
    assert loaded.sprites.dtype == np.uint8
    assert loaded.present.shape == (len(STYLES[split]), count)
    assert loaded.present.dtype == np.bool_
    assert loaded.styles == STYLES[split]
    assert loaded.names == tuple(category.name for category in load_categories())


def test_no_style_is_in_both_splits() -> None:
    assert not set(STYLES["train"]) & set(STYLES["test"])


@pytest.mark.parametrize(
    ("style", "count"),
    [
        ("noto", 364), ("twemoji", 364), ("emojione", 274), ("fluent", 364), ("fluentflat", 364), ("notov1", 274),
        ("fxemoji", 189), ("emojionev1", 218), ("streamline", 169), ("openmoji", 364),
    ],
)  # fmt: skip
def test_how_much_each_style_draws(style: str, count: int) -> None:
    split: Split = "test" if style in STYLES["test"] else "train"
    loaded = load_art(split)
    assert loaded.present[loaded.styles.index(style)].sum() == count


@pytest.mark.parametrize(
    ("name", "drawn"),
    # The older style spells two names otherwise, and its "cricket" is the game.
    [("robot", True), ("bullseye", True), ("lion", True), ("cricket", False), ("brain", False)],
)
def test_the_older_style_never_substitutes(name: str, drawn: bool) -> None:
    loaded = load_art("train")
    assert loaded.present[loaded.styles.index("emojione"), loaded.names.index(name)] == drawn


def test_every_category_is_drawn_in_at_least_two_styles_to_learn_from() -> None:
    assert (load_art("train").present.sum(0) >= 2).all()


@pytest.mark.parametrize("split", SPLITS)
def test_colours_are_premultiplied(split: Split) -> None:
    sprites = load_art(split).sprites
    for style in sprites:
        assert (style[..., :3].max(-1) <= style[..., 3]).all()


@pytest.mark.parametrize("split", SPLITS)
def test_absent_drawings_are_all_zero_and_present_ones_have_ink(split: Split) -> None:
    loaded = load_art(split)
    ink = loaded.sprites[..., 3].mean((2, 3)) / 255
    assert (ink[loaded.present] >= LEAST_INK * 0.99).all()
    assert not loaded.sprites[~loaded.present].any()


@pytest.mark.parametrize("split", SPLITS)
def test_drawings_fill_their_cells_at_one_scale_and_are_centred(split: Split) -> None:
    loaded = load_art(split)
    for style, names in zip(loaded.sprites, loaded.present, strict=True):
        for sprite in style[names]:
            rows = np.flatnonzero((sprite[..., 3] > 0).any(1))
            columns = np.flatnonzero((sprite[..., 3] > 0).any(0))
            height, width = rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1
            # Fainter edges than the cropping counts may fall short of the full width by a pixel or two.
            assert DRAWING_SIZE - 3 <= max(height, width) <= DRAWING_SIZE
            assert abs(rows[0] - (SPRITE_SIZE - 1 - rows[-1])) <= 3
            assert abs(columns[0] - (SPRITE_SIZE - 1 - columns[-1])) <= 3


@pytest.mark.parametrize("style", sorted({*STYLES["train"]} - {"streamline"}))  # whose outlines are drawn in ink
def test_outlines_have_no_dark_rim(style: str) -> None:
    # Half covered pixels of a plain, bright drawing are as bright as the drawing once alpha is divided out.
    loaded = load_art("train")
    for name in ("droplet", "star", "banana"):
        sprite = loaded.sprites[loaded.styles.index(style), loaded.names.index(name)].astype(float)
        brightness, alpha = sprite[..., :3].max(-1), sprite[..., 3]
        rim, inside = (alpha > 60) & (alpha < 190), alpha == 255
        assert np.median(brightness[rim] / alpha[rim]) > 0.85 * np.median(brightness[inside] / 255)


def test_no_two_drawings_are_the_same() -> None:
    drawings = [
        sprite.tobytes()
        for split in SPLITS
        for style, names in zip(load_art(split).sprites, load_art(split).present, strict=True)
        for sprite in style[names]
    ]
    assert len(set(drawings)) == len(drawings)


@pytest.mark.parametrize(
    ("name", "channel"),
    # From the first cells to the last, so that a shift of the grid by one would be seen.
    [("frog", 1), ("cactus", 1), ("tomato", 0), ("strawberry", 0), ("fire engine", 0), ("droplet", 2), ("jeans", 2)],
)
def test_cells_hold_what_their_names_say(name: str, channel: int) -> None:
    index = load_categories().index(next(category for category in load_categories() if category.name == name))
    for split in SPLITS:
        loaded = load_art(split)
        for style, sprites in enumerate(loaded.sprites):
            if loaded.present[style, index]:
                colour = sprites[index, ..., :3].astype(np.int64).sum((0, 1))
                assert colour.argmax() == channel, (loaded.styles[style], colour)


def test_arrays_are_shared_and_read_only() -> None:
    assert load_art("test") is load_art("test")
    with pytest.raises(ValueError, match="read-only"):
        load_art("test").sprites[0, 0, 0, 0, 0] = 1
    with pytest.raises(ValueError, match="read-only"):
        load_art("test").present[0, 0] = False


def test_an_unknown_split_is_refused() -> None:
    with pytest.raises(TrainingError, match="'validation'"):
        load_art("validation")  # type: ignore[arg-type]


def write_nothing(path: Path) -> None:
    """Leaves the file missing."""


def write_empty(path: Path) -> None:
    path.write_bytes(b"")


def write_text(path: Path) -> None:
    path.write_text("not an image")


def write_truncated(path: Path) -> None:
    path.write_bytes(atlas_path("test", "openmoji").read_bytes()[:5000])


def write_other_size(path: Path) -> None:
    Image.new("RGBA", (SPRITE_SIZE, SPRITE_SIZE), "red").save(path, "WEBP")


def write_without_alpha(path: Path) -> None:
    Image.new("RGB", (COLUMNS * SPRITE_SIZE, SPRITE_SIZE), "red").save(path, "WEBP")


@pytest.mark.parametrize(
    "damage",
    [write_nothing, write_empty, write_text, write_truncated, write_other_size, write_without_alpha],
    ids=lambda damage: damage.__name__,
)
def test_a_damaged_atlas_is_named_with_its_mending(damage, tmp_path: Path) -> None:
    path = tmp_path / "train-noto.webp"
    damage(path)
    cells = np.zeros((COLUMNS, SPRITE_SIZE, SPRITE_SIZE, 4), np.uint8)
    with pytest.raises(TrainingError, match=r"train-noto\.webp.*python -m training\.art"):
        art.read_atlas(path, cells)


@pytest.mark.parametrize("text", [None, "", "{}", '[{"name": "ghost"}]', "[1]", '[{"name": "x", "codepoint": "U+zz"}]'])
def test_a_damaged_table_of_categories_is_named(
    text: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if text is not None:
        (tmp_path / "categories.json").write_text(text)
    monkeypatch.setattr(art, "ART_FOLDER", tmp_path)
    with pytest.raises(TrainingError, match=r"categories\.json"):
        load_categories.__wrapped__()


def test_every_atlas_is_listed_with_its_licence_and_carries_the_notice() -> None:
    listed = (ART_FOLDER / "LICENSES.md").read_text(encoding="utf-8")
    licences = {
        "noto": "Open Font License",
        "twemoji": "CC-BY 4.0",
        "emojione": "CC-BY 4.0",
        "fluent": "MIT License",
        "fluentflat": "MIT License",
        "notov1": "Apache License 2.0",
        "fxemoji": "Apache License 2.0",
        "emojionev1": "CC BY-SA 4.0",
        "streamline": "CC BY 4.0",
        "openmoji": "CC BY-SA 4.0",
    }
    for split in SPLITS:
        for style in STYLES[split]:
            path = atlas_path(split, style)
            assert f"`{path.name}`" in listed
            with Image.open(path) as image:
                assert licences[style] in image.getexif()[EXIF_COPYRIGHT]


def test_the_atlases_are_small_and_there_are_no_others() -> None:
    atlases = set(ART_FOLDER.glob("*.webp"))
    assert atlases == {atlas_path(split, style) for split in SPLITS for style in STYLES[split]}
    assert sum(path.stat().st_size for path in atlases) < 9_500_000


def test_the_margin_threshold_is_faint() -> None:
    # What cropping ignores must be invisible, or drawings would be cut.
    assert VISIBLE_ALPHA / 255 < 0.1
