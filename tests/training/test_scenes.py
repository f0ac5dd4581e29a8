"""Scenes: made of a seed alone, with labels that are exactly what the picture shows."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.art import SHARES, Art, load_art
from training.scenes import SIGN, Scene, SceneMaker, SceneSettings, category_names, restyle

SEEDS = st.integers(0, 2**40 - 1)
KINDS = 24
RED = (200, 30, 40)


@pytest.fixture(scope="module")
def maker() -> SceneMaker:
    """A maker that knows the first kinds only, which is quick to set up."""
    art = load_art("train")
    return SceneMaker(Art(art.sprites[:, :KINDS], art.present[:, :KINDS], art.styles, art.names[:KINDS]))


@pytest.fixture(scope="module")
def boards() -> SceneMaker:
    """A maker of red boards, twice as wide as high, in pictures that are left as they are drawn."""
    sprites = np.zeros((1, 1, 128, 128, 4), np.uint8)
    sprites[0, 0, 32:96] = (*RED, 255)
    plain = SceneSettings(objects=(1, 1), scale=(0.2, 0.5), sign=0, restyle=0, turned=0)
    return SceneMaker(Art(sprites, np.ones((1, 1), bool), ("flat",), ("board",)), plain)


def check(scene: Scene, maker: SceneMaker, wanted: SceneSettings) -> None:
    """Everything that has to hold of any scene."""
    height, width = scene.ids.shape
    assert scene.image.shape == (height, width, 3)
    assert scene.image.dtype == scene.ids.dtype == np.uint8
    assert len(scene.objects) <= wanted.objects[1]
    assert set(np.unique(scene.ids)) - {0} == set(range(1, len(scene.objects) + 1))
    covered = np.zeros((height, width), int)
    for index, item in enumerate(scene.objects):
        mask = scene.mask(index)
        covered += mask
        rows, columns = np.nonzero(mask)
        assert item.box == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        assert wanted.min_visible <= item.visible <= 1
        assert maker.names[item.category] == item.name
        assert (item.style == SIGN) == (item.name == SIGN) == (item.text is not None)
        assert item.style in (*maker.art.styles, SIGN)
    assert covered.max(initial=0) <= 1
    assert (covered == (scene.ids > 0)).all()


def test_categories_are_the_sprites_and_then_signs() -> None:
    names = category_names(load_art("train"))
    assert names == (*load_art("test").names, "sign")
    assert len(set(names)) == 365


def test_a_seed_gives_the_same_scene_whatever_was_made_before(maker: SceneMaker) -> None:
    first, other = maker.make(5), maker.make(6)
    again = SceneMaker(maker.art).make(5)
    assert first.image.tobytes() == again.image.tobytes()
    assert first.ids.tobytes() == again.ids.tobytes()
    assert first.objects == again.objects
    assert first.seed == again.seed == 5
    assert first.image.tobytes() != other.image.tobytes()
    assert first.objects != other.objects


def test_settings_of_the_call_come_before_those_of_the_maker(maker: SceneMaker) -> None:
    wanted = SceneSettings(side=(96, 96), aspect=(1, 1))
    assert maker.make(1).ids.shape != (96, 96)
    assert maker.make(1, wanted).ids.shape == (96, 96)
    assert SceneMaker(maker.art, wanted).make(1).image.tobytes() == maker.make(1, wanted).image.tobytes()


@settings(max_examples=40)
@given(SEEDS)
def test_labels_are_what_the_picture_shows(maker: SceneMaker, seed: int) -> None:
    check(maker.make(seed), maker, maker.settings)


@pytest.mark.parametrize(
    "wanted",
    [
        SceneSettings(objects=(0, 0)),
        SceneSettings(objects=(1, 1)),
        SceneSettings(objects=(60, 60), scale=(0.05, 0.3)),
        SceneSettings(objects=(20, 20), scale=(0.3, 0.9), min_visible=0.0),
        SceneSettings(objects=(20, 20), scale=(0.3, 0.9), min_visible=1.0),
        SceneSettings(side=(32, 32), sign=1.0),
        SceneSettings(side=(33, 47), scale=(0.01, 0.02)),
        SceneSettings(side=(64, 64), scale=(2.0, 3.0)),
        SceneSettings(side=(300, 300), aspect=(0.1, 0.1)),
        SceneSettings(sign=1.0, repeat=1.0, restyle=1.0, turned=1.0),
    ],
    ids=["none", "one", "crowd", "hidden", "apart", "tiny", "specks", "too large", "narrow", "all"],
)
def test_edges_of_the_settings(maker: SceneMaker, wanted: SceneSettings) -> None:
    for seed in range(8):
        check(maker.make(seed, wanted), maker, wanted)


@settings(max_examples=40)
@given(SEEDS, st.integers(64, 300), st.integers(0, 60), st.floats(0.4, 1.0), st.floats(1.0, 2.0))
def test_size_and_aspect_keep_to_the_settings(
    boards: SceneMaker, seed: int, side: int, more: int, low: float, high: float
) -> None:
    wanted = replace(boards.settings, side=(side, side + more), aspect=(low, high))
    height, width = boards.make(seed, wanted).ids.shape
    assert side <= max(width, height) <= side + more
    shorter = min(width, height)
    aspect = (width + 0.5, height - 0.5) if width > height else (width - 0.5, height + 0.5)
    assert shorter == 32 or (low - 0.02 <= (width + 0.5) / (height - 0.5) and aspect[0] / aspect[1] <= high + 0.05)


def test_one_object_is_one_object(maker: SceneMaker) -> None:
    one = SceneSettings(objects=(1, 1), scale=(0.2, 0.4))
    assert {len(maker.make(seed, one).objects) for seed in range(20)} == {1}


def test_what_lies_on_top_is_seen_whole(maker: SceneMaker) -> None:
    scenes = [maker.make(seed, SceneSettings(objects=(8, 8))) for seed in range(30)]
    assert all(scene.objects[-1].visible == 1 for scene in scenes)
    # Objects do overlap: how much is visible is a measurement, not a constant.
    assert sum(scene.objects[0].visible < 1 for scene in scenes) > 5


def test_kinds_recur(maker: SceneMaker) -> None:
    def repeats(share: float) -> int:
        wanted = SceneSettings(objects=(6, 6), scale=(0.1, 0.2), sign=0, repeat=share)
        scenes = [maker.make(seed, wanted) for seed in range(20)]
        return sum(len(scene.objects) - len({item.name for item in scene.objects}) for scene in scenes)

    assert repeats(0.0) < repeats(0.5) < repeats(1.0)


def test_signs_carry_text_and_come_last(maker: SceneMaker) -> None:
    wanted = SceneSettings(objects=(3, 3), sign=1.0, scale=(0.2, 0.4))
    signs = [maker.make(seed, wanted).objects[-1] for seed in range(20)]
    assert {item.name for item in signs} == {SIGN}
    assert {item.category for item in signs} == {KINDS}
    assert all(item.text and item.text.strip() == item.text for item in signs)
    assert len({item.text for item in signs}) > 10
    assert not any(item.text for seed in range(20) for item in maker.make(seed, replace(wanted, sign=0)).objects)


def test_every_kind_and_style_that_is_drawn_comes_up_and_no_other(maker: SceneMaker) -> None:
    present = np.zeros((2, 3), bool)
    present[0, 0] = present[1, 1] = True  # the first style draws the first kind only, nobody draws the third
    few = SceneMaker(Art(maker.art.sprites[:2, :3], present, maker.art.styles[:2], maker.art.names[:3]))
    wanted = SceneSettings(objects=(5, 5), scale=(0.1, 0.2), sign=0)
    seen = {(item.style, item.category) for seed in range(10) for item in few.make(seed, wanted).objects}
    assert seen == {(maker.art.styles[0], 0), (maker.art.styles[1], 1)}


def test_the_picture_shows_the_sprite_where_the_mask_is(boards: SceneMaker) -> None:
    exact = 0
    for seed in range(30):
        scene = boards.make(seed)
        (item,) = scene.objects
        x1, y1, x2, y2 = (int(edge) for edge in item.box)
        assert 1.3 < (x2 - x1) / (y2 - y1) < 3.0  # upright, hardly stretched
        assert scene.mask(0)[y1:y2, x1:x2].mean() > 0.97
        inside = scene.image[y1 + 2 : y2 - 2, x1 + 2 : x2 - 2]
        exact += bool((inside == RED).all())
    assert exact > 15  # the others are blurred, compressed or lit as a whole


def test_objects_are_scaled_by_the_settings(boards: SceneMaker) -> None:
    def length(scale: float) -> float:
        scene = boards.make(3, replace(boards.settings, side=(400, 400), scale=(scale, scale * 1.001)))
        x1, _, x2, _ = scene.objects[0].box
        return (x2 - x1) / float(np.sqrt(scene.ids.size))

    assert length(0.3) == pytest.approx(0.3, rel=0.3)
    assert length(0.6) / length(0.3) == pytest.approx(2, rel=0.1)


def test_turned_boards_are_not_upright(boards: SceneMaker) -> None:
    wanted = replace(boards.settings, turned=1.0, scale=(0.4, 0.5))
    scenes = [boards.make(seed, wanted) for seed in range(30)]
    full = [scene.mask(0).sum() / np.prod(np.subtract(o.box[2:], o.box[:2])) for scene in scenes for o in scene.objects]
    assert np.mean(full) < 0.8


@settings(max_examples=120)
@given(SEEDS, st.integers(0, 2), st.integers(0, KINDS - 1), st.sampled_from([128, 64, 16]))
def test_restyling_keeps_the_sprite_premultiplied(
    maker: SceneMaker, seed: int, style: int, kind: int, side: int
) -> None:
    sprite = maker.art.sprites[style, kind, :: 128 // side, :: 128 // side]
    before = sprite.copy()
    other = restyle(np.random.default_rng(seed), sprite)
    assert other.shape == sprite.shape
    assert other.dtype == np.uint8
    assert (other[..., :3] <= other[..., 3:]).all()
    assert (sprite == before).all()


def test_restyling_shows(maker: SceneMaker) -> None:
    sprite = maker.art.sprites[0, 0]
    other = [restyle(np.random.default_rng(seed), sprite) for seed in range(60)]
    assert sum((picture != sprite).any() for picture in other) > 50
    grown = [picture for picture in other if (picture[..., 3] > 127).sum() > 1.02 * (sprite[..., 3] > 127).sum()]
    assert grown  # outlined
    assert any((picture[..., :3] == picture[..., :1]).all() for picture in other)  # grey


def test_what_is_drawn_in_ink_has_dark_lines_where_its_colours_meet() -> None:
    sprite = np.zeros((64, 64, 4), np.uint8)
    sprite[8:56, 8:32] = (230, 60, 60, 255)
    sprite[8:56, 32:56] = (250, 220, 80, 255)
    others = [restyle(np.random.default_rng(seed), sprite) for seed in range(120)]
    lined = [other for other in others if other[16:48, 31:33, :3].max() <= 40]
    assert 0.1 * len(others) < len(lined) < 0.4 * len(others)
    for other in lined:
        assert other[30:34, 16:20, :3].max() > 150  # the paint between the lines stays
        assert (other[6, 20, :3] <= 40).all() or other[6, 20, 3] == 0


def test_styles_come_as_often_as_their_shares_say() -> None:
    styles = ("noto", "fluent")
    sprites = np.zeros((2, 1, 128, 128, 4), np.uint8)
    sprites[..., 16:112, 16:112, :] = 255
    both = SceneMaker(Art(sprites, np.ones((2, 1), bool), styles, ("board",)))
    wanted = SceneSettings(objects=(6, 6), scale=(0.1, 0.15), sign=0)
    drawn = [item.style for seed in range(60) for item in both.make(seed, wanted).objects]
    shares = SHARES["noto"] / (SHARES["noto"] + SHARES.get("fluent", 1))
    assert drawn.count("noto") / len(drawn) == pytest.approx(shares, abs=0.09)
