"""ferret-nano as it travels with the package, on scenes of seeds that training never draws."""

import pytest
from PIL import Image

from ferret.engine import Engine, Prompt
from ferret.regions import Box
from training.art import load_art
from training.scenes import Scene, SceneMaker, SceneSettings

SETTINGS = SceneSettings(
    objects=(1, 4), side=(240, 360), scale=(0.2, 0.5), sign=0.0, repeat=0.0, restyle=0.2, turned=0.3
)


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    maker = SceneMaker(load_art("train"), SETTINGS)
    return [maker.make((1 << 62) + seed) for seed in range(40)]


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine.load("ferret-nano", device="cpu")


def test_it_names_what_is_pointed_at_and_knows_what_is_absent(scenes: list[Scene], engine: Engine) -> None:
    named = wanted = denied = 0
    for scene in scenes:
        here = {item.name for item in scene.objects}
        absent = next(name for name in ("bus", "owl", "lemon", "piano", "tent") if name not in here)
        pointing = [Prompt("What is <region1>?", (Box(*item.box),)) for item in scene.objects]
        *said, no = engine.answer(Image.fromarray(scene.image), [*pointing, Prompt(f"Where is the {absent}?")])
        wanted += len(said)
        named += sum(item.name in one.text for item, one in zip(scene.objects, said, strict=True))
        denied += "no" in no.text.split()
    # Measured 0.66 and 0.95 when the weights were added. Its boxes are not tested: they are right once in ten times.
    assert named >= 0.55 * wanted, (named, wanted)
    assert denied >= 0.8 * len(scenes), denied
