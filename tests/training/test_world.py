"""What recognises outside pictures learns to, on whatever features tell them apart, and keeps its false alarms."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ferret.errors import TrainingError
from tools.world import load_world
from training.art import Art
from training.outside import PAINTERS
from training.world import (
    Examples,
    fit_world,
    inked_art,
    outside_pictures,
    photographs,
    rates,
    regression,
    scenes,
    write_world,
)

MakeExamples = Callable[..., Examples]


@pytest.fixture
def make_examples() -> MakeExamples:
    """`make_examples(400, apart=2.0)`: two clouds in 6 dimensions whose middles lie `apart` deviations apart."""

    def make(count: int, apart: float, seed: int = 0) -> Examples:
        rng = np.random.default_rng(seed)
        outside = np.arange(count) % 2 == 1
        features = rng.normal(0, 1, (count, 6)) * [1, 2, 30, 0.1, 1, 1] + [5, 0, 900, 0, 0, 0]
        features[outside] += apart * np.array([1, 2, 30, 0, 0, 0]) / np.sqrt(3)
        kinds = tuple("noise" if one else "scenes" for one in outside)
        return Examples(features.astype(np.float32), outside, np.ones(count), kinds, 1)

    return make


@pytest.fixture(scope="module")
def art() -> Art:
    """Three discs in one style, so that no atlas need be read."""
    y, x = np.mgrid[-1:1:128j, -1:1:128j]
    disc = (np.hypot(x, y) < 0.9)[..., None]
    sprites = np.stack([disc * np.array(colour, np.uint8) for colour in _COLOURS])[None].astype(np.uint8)
    return Art(sprites, np.ones((1, 3), bool), ("discs",), ("red disc", "green disc", "blue disc"))


_COLOURS = ((200, 20, 20, 255), (20, 180, 20, 255), (20, 20, 210, 255))


def test_scenes_are_of_many_sizes_and_the_same_for_a_seed(art: Art) -> None:
    first, second = (list(scenes(art, 5, 7)) for _ in range(2))
    assert [one.image.tobytes() for one in first] == [one.image.tobytes() for one in second]
    assert len({one.image.size for one in first}) > 1
    assert {(one.kind, one.outside) for one in first} == {("scenes, discs", False)}


def test_the_background_changes_and_the_things_stay(art: Art) -> None:
    for seed in range(6):  # of each seed the first scene: later ones draw other numbers
        (plain,), (mixed,) = (list(scenes(art, 1, seed, mixed=share)) for share in (0.0, 1.0))
        before, after = (np.asarray(one.image).astype(int) for one in (plain, mixed))
        assert before.shape == after.shape
        drawn = np.abs(before - after).max(-1)
        if (drawn > 60).mean() > 0.2:  # another background rather than grain
            assert (drawn < 60).any()
            return
    pytest.fail("no scene was put before another background")


def test_inked_art_keeps_its_shapes_and_gets_dark_rims(art: Art) -> None:
    drawn = inked_art(art)
    assert (drawn.sprites[..., 3] == art.sprites[..., 3]).all()
    assert drawn.styles == ("discs, inked",)
    rim, middle = drawn.sprites[0, 0, 64, 8], drawn.sprites[0, 0, 64, 64]
    assert rim[:3].max() < 60 < middle[:3].max()
    assert (drawn.sprites[..., :3] <= drawn.sprites[..., 3:]).all()  # still premultiplied


def test_a_share_of_scenes_shows_inked_art(art: Art) -> None:
    plain, inked = (next(scenes(art, 1, 3, mixed=0.0, inked=share)) for share in (0.0, 1.0))
    assert plain.image.tobytes() != inked.image.tobytes()


def test_every_kind_of_outside_picture_is_made_as_often() -> None:
    kinds = [one.kind for one in outside_pictures(2 * len(PAINTERS), 5)]
    assert sorted(kinds) == sorted(2 * tuple(PAINTERS))


def test_photographs_are_seen_whole_and_in_parts(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for name, size in (("a.jpg", (300, 200)), ("deep/b.png", (40, 900))):
        Image.new("RGB", size, (10, 90, 200)).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no picture")
    seen = list(photographs(tmp_path, 3, 1))
    assert len(seen) == 6
    assert seen[0].image.size == (300, 200)
    assert all(one.outside and min(one.image.size) >= 32 for one in seen)


def test_a_folder_without_photographs_or_with_a_broken_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no pictures"):
        list(photographs(tmp_path, 1, 1))
    (tmp_path / "a.jpg").write_bytes(b"not a picture")
    with pytest.raises(TrainingError, match="take it out"):
        list(photographs(tmp_path, 1, 1))


def test_what_can_be_told_apart_is_told_apart(make_examples: MakeExamples) -> None:
    world, fresh = fit_world(make_examples(600, 6.0), false_alarms=0.01), make_examples(400, 6.0, seed=1)
    found = rates(world, fresh)
    assert found["scenes"][1] <= 0.03
    assert found["noise"][1] >= 0.97
    assert found["noise"][0] == found["scenes"][0] == 200


@pytest.mark.parametrize("alarms", [0.02, 0.1])
def test_false_alarms_are_kept_where_nothing_can_be_told(make_examples: MakeExamples, alarms: float) -> None:
    world = fit_world(make_examples(1000, 0.0), false_alarms=alarms)
    assert rates(world, make_examples(2000, 0.0, seed=1))["scenes"][1] <= alarms + 0.035


def test_weights_count(make_examples: MakeExamples) -> None:
    examples = make_examples(400, 1.0)
    heavy = replace(examples, weights=np.where(examples.outside, 10.0, 1.0))
    one = np.mean([regression(examples).probability(features) for features in examples.features])
    other = np.mean([regression(heavy).probability(features) for features in examples.features])
    assert other > one + 0.1


def test_one_side_alone_cannot_be_fitted(make_examples: MakeExamples) -> None:
    examples = make_examples(40, 1.0)
    for outside in (True, False):
        with pytest.raises(TrainingError, match="inside and from outside"):
            regression(replace(examples, outside=np.full(40, outside)))


def test_what_is_written_judges_as_what_was_fitted(make_examples: MakeExamples, tmp_path: Path) -> None:
    examples = make_examples(200, 3.0)
    world = fit_world(examples)
    write_world(tmp_path / "world.json", world)
    read = load_world(tmp_path / "world.json")
    assert read is not None
    for features in examples.features[:20]:
        assert read.probability(features) == pytest.approx(world.probability(features), abs=1e-3)
