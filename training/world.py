"""Recognising pictures from outside the illustrated world: fits and measures what `tools.world` judges by.

    python -m training.world fit --photographs FOLDER      # writes tools/weights/world.json
    python -m training.world measure --photographs OTHER   # other photographs than those of the fit

What lies inside are scenes of every size and crowdedness, a part of them before backgrounds of outside pictures and
with grain, so that it is the things that count. What lies outside is made by code (`training.outside`), and
photographs, of which none travel with the package: any folder of them will do, a hundred different ones at least. The
threshold lets `FALSE_ALARMS` of the scenes pass for outside pictures, by regressions that did not see them.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import cv2
import numpy as np
import numpy.typing as npt
import typer
from PIL import Image

from ferret.errors import FerretError, TrainingError
from ferret.images import load_image
from tools.marks import embedded_marks
from tools.world import CLIP, DETECTION_FLOOR, WORLD, World, encoder_features, load_world, picture_features
from training.art import STYLES, Art, load_art
from training.outside import PAINTERS, paint_outside
from training.progress import standard_error
from training.scenes import SceneMaker, SceneSettings

if TYPE_CHECKING:
    from ferret.engine import Engine
    from tools.detector import Detector

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
FALSE_ALARMS = 0.033
"""The share of the scenes of the fit that may be taken for outside pictures. They are made hard; of the scenes of
`ferret evaluate scenes` it is about half."""
DECAY, ENCODER_DECAY = 8.0, 100.0
"""How strongly weights are drawn to nothing (L2), and those of the encoder's many features: they carry less far to
drawings in other styles."""
VIEWS = 5
"""Views of a photograph that the fit sees: the whole, and parts of it at other sizes."""
FOLDS = 4

Pixels = npt.NDArray[np.uint8]
Features = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Picture:
    """A picture to judge: where it comes from, whether that lies outside, and how much it counts in the fit."""

    image: Image.Image
    kind: str
    outside: bool
    weight: float = 1.0


# --- pictures ---------------------------------------------------------------------------------------------------------


def scenes(art: Art, count: int, seed: int, mixed: float = 0.35, inked: float = 0.0) -> Iterator[Picture]:
    """Scenes of many sizes (120 to 900 pixels), crowded or not.

    A share `mixed` of them lies before other backgrounds, a share `inked` shows the art redrawn (see `inked_art`).
    """
    maker = SceneMaker(art)
    redrawn = SceneMaker(inked_art(art)) if inked else maker
    kind = f"scenes, {', '.join(art.styles)}"
    rng = np.random.default_rng(seed)
    made = number = 0
    while made < count:
        longer = int(np.exp(rng.uniform(np.log(120), np.log(900))))
        smallest = float(rng.uniform(0.09, 0.3))
        settings = SceneSettings(
            objects=(1, int(rng.integers(1, 11))),
            scale=(smallest, min(0.8, smallest * float(rng.uniform(1.3, 3)))),
            side=(longer, longer),
            restyle=float(rng.choice([0, 0.5, 1])),
            turned=float(rng.choice([0, 0.5, 1])),
            sign=0.15,
        )
        scene = (redrawn if rng.random() < inked else maker).make(seed * 1_000_003 + number, settings)
        number += 1
        if not scene.objects:
            continue
        image = _before_another(rng, scene.image, scene.ids) if rng.random() < mixed else scene.image
        made += 1
        yield Picture(Image.fromarray(image), kind, False)


def inked_art(art: Art) -> Art:
    """The same drawings in flat colours with dark lines around and between them: a manner that none of the art has, so
    that a picture does not count as outside for being drawn in another manner."""
    sprites = np.empty_like(art.sprites)
    for style, kind in np.ndindex(*art.present.shape):
        sprites[style, kind] = _inked(art.sprites[style, kind])
    return replace(art, sprites=sprites, styles=tuple(f"{style}, inked" for style in art.styles))


def _inked(sprite: Pixels) -> Pixels:
    """A premultiplied sprite uint8 [H, W, 4] in flat colours and with lines."""
    alpha = sprite[..., 3]
    share = np.maximum(alpha, 1)[..., None] / 255
    calm = cv2.medianBlur(np.clip(sprite[..., :3] / share, 0, 255).astype(np.uint8), 7)
    flat = (calm // 64 * 64 + 32).astype(np.uint8)
    grey = cv2.cvtColor(flat, cv2.COLOR_RGB2GRAY)
    brush = np.ones((3, 3), np.uint8)
    steps = (cv2.dilate(grey, brush) - cv2.erode(grey, brush) > 40) & (alpha > 200)
    rim = (alpha > 127) & (cv2.erode(alpha, np.ones((7, 7), np.uint8), borderValue=0) < 128)
    ink = cv2.GaussianBlur((rim | steps).astype(np.float32), (0, 0), 0.7)[..., None]
    drawn = (flat * (1 - ink) + 15 * ink) * (alpha[..., None] / 255)
    inked: Pixels = np.dstack([drawn, alpha]).astype(np.uint8)
    return inked


def outside_pictures(count: int, seed: int) -> Iterator[Picture]:
    """Outside pictures made by code, as many of each kind."""
    rng = np.random.default_rng(seed)
    kinds = tuple(PAINTERS)
    for number in range(count):
        width, height = (int(np.exp(rng.uniform(np.log(100), np.log(700)))) for _ in range(2))
        width = int(np.clip(width, height / 2.5, height * 2.5))
        kind = kinds[number % len(kinds)]
        yield Picture(Image.fromarray(paint_outside(rng, width, height, kind)), kind, True, 0.6)


def photographs(folder: Path, views: int, seed: int) -> Iterator[Picture]:
    """Every photograph in a folder and below it: the whole, then `views` - 1 parts of it, at other sizes, some grey.

    Raises:
        TrainingError: there is no picture, or one cannot be read.
    """
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not paths:
        raise TrainingError(f"there are no pictures ({', '.join(SUFFIXES)}) in {str(folder)!r}; give another folder")
    rng = np.random.default_rng(seed)
    for path in paths:
        try:
            whole = load_image(path)
        except FerretError as error:
            raise TrainingError(f"{error}; take it out of {str(folder)!r}") from error
        whole.thumbnail((960, 960))
        for view in range(views):
            yield Picture(whole if view == 0 else _part(rng, whole), "photographs", True, 2.0)


def _before_another(rng: np.random.Generator, image: Pixels, ids: Pixels) -> Pixels:
    """A scene's things before the background of an outside picture, or under grain, or both."""
    height, width = ids.shape
    pixels: npt.NDArray[Any] = image.astype(np.float32)
    if rng.random() < 0.6:
        kinds = ("noise", "speckle", "smooth", "smooth", "clouds", "clouds", "waves", "code", "screen")
        ground: npt.NDArray[Any] = paint_outside(rng, width, height, str(rng.choice(kinds))).astype(np.float32)
        if rng.random() < 0.6:
            ground = cv2.GaussianBlur(ground, (0, 0), float(rng.uniform(0.5, 8)))
        strength = float(rng.uniform(0.15, 1))
        ground = ground * strength + ground.mean((0, 1)) * (1 - strength)
        things = cv2.GaussianBlur((ids > 0).astype(np.float32), (0, 0), 0.6)[..., None]
        pixels = pixels * things + ground * (1 - things)
    if rng.random() < 0.6:
        cell = int(rng.choice([1, 1, 1, 2]))
        shape = (height // cell + 1, width // cell + 1, int(rng.choice([1, 3])))
        grain = rng.normal(0, rng.uniform(1, 9) * (1 if rng.random() < 0.8 else 2.5), shape).astype(np.float32)
        grain = grain.repeat(cell, 0).repeat(cell, 1)[:height, :width]
        pixels = pixels + grain
    clipped: Pixels = np.clip(pixels, 0, 255).astype(np.uint8)
    return clipped


def _part(rng: np.random.Generator, whole: Image.Image) -> Image.Image:
    share = rng.uniform(0.4, 0.95)
    width = max(8, int(whole.width * share))
    height = max(8, min(whole.height, int(whole.height * share * rng.uniform(0.8, 1.25))))
    x, y = int(rng.integers(0, whole.width - width + 1)), int(rng.integers(0, whole.height - height + 1))
    part = whole.crop((x, y, x + width, y + height))
    factor = rng.uniform(200, 800) / max(part.size)
    part = part.resize((max(32, int(width * factor)), max(32, int(height * factor))))
    return part.convert("L").convert("RGB") if rng.random() < 0.15 else part


# --- fitting ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Examples:
    """N pictures as the regression sees them: features [N, F], of which the first `encoder` are the encoder's, bool
    outside [N], weights [N], kinds [N]."""

    features: Features
    outside: npt.NDArray[np.bool_]
    weights: npt.NDArray[np.float64]
    kinds: tuple[str, ...]
    encoder: int

    def chosen(self, which: npt.NDArray[np.bool_]) -> "Examples":
        """Those of a mask [N]."""
        kinds = tuple(kind for kind, keep in zip(self.kinds, which, strict=True) if keep)
        return Examples(self.features[which], self.outside[which], self.weights[which], kinds, self.encoder)


def examples_of(pictures: Iterable[Picture], engine: "Engine", detector: "Detector") -> Examples:
    """Look at every picture once; only its features are kept.

    Raises:
        TrainingError: there is none.
    """
    features, rest = [], []
    for picture in pictures:
        found = detector.detect(picture.image)
        scores = [[score for _, score in thing.scores] or [thing.score] for thing in found]
        features.append(picture_features(engine, picture.image, scores))
        rest.append(replace(picture, image=_NOTHING))
    if not rest:
        raise TrainingError("there are no pictures to learn from or to measure; ask for some")
    outside = np.array([one.outside for one in rest])
    weights, kinds = np.array([one.weight for one in rest]), tuple(one.kind for one in rest)
    return Examples(np.stack(features), outside, weights, kinds, len(encoder_features(engine, _NOTHING)))


_NOTHING = Image.new("RGB", (1, 1))


def regression(examples: Examples) -> World:
    """The logistic regression of `examples`, by Newton's method; its threshold is one half.

    Raises:
        TrainingError: all of them lie inside, or all outside.
    """
    if examples.outside.all() or not examples.outside.any():
        raise TrainingError("there must be pictures from inside and from outside to tell them apart")
    x = examples.features.astype(np.float64)
    mean, scale = x.mean(0), 1 / (x.std(0) + 1e-6)
    x = np.column_stack([np.clip((x - mean) * scale, -CLIP, CLIP), np.ones(len(x))])
    y, weight = examples.outside.astype(np.float64), examples.weights
    pull = np.full(x.shape[1], DECAY)
    pull[: examples.encoder] = ENCODER_DECAY
    pull[-1] = 1e-6  # the bias is free
    found = np.zeros(x.shape[1])
    for _ in range(25):
        told = 0.5 * (1 + np.tanh(np.clip(x @ found, -30, 30) / 2))
        slope = x.T @ (weight * (told - y)) + pull * found
        bend = (x * (weight * told * (1 - told))[:, None]).T @ x + np.diag(pull)
        step = np.linalg.solve(bend, slope)
        found -= step
        if np.abs(step).max() < 1e-5:
            break
    return World(
        mean.astype(np.float32), scale.astype(np.float32), found[:-1].astype(np.float32), float(found[-1]), 0.5
    )


def fit_world(examples: Examples, false_alarms: float = FALSE_ALARMS) -> World:
    """The regression of all examples, with the threshold that lets `false_alarms` of those inside pass for outside."""
    world = regression(examples)
    fold = np.random.default_rng(0).permutation(len(examples.outside)) % FOLDS
    held_out: list[float] = []
    for own in range(FOLDS):
        judge = regression(examples.chosen(fold != own))
        asked = examples.chosen((fold == own) & ~examples.outside)
        held_out += [judge.probability(features) for features in asked.features]
    return replace(world, threshold=float(np.quantile(held_out, 1 - false_alarms)))


def rates(world: World, examples: Examples) -> dict[str, tuple[int, float]]:
    """For each kind of picture how many there are and which share is taken for outside."""
    taken = np.array([world.probability(features) >= world.threshold for features in examples.features])
    kinds = np.array(examples.kinds)
    return {kind: (int((kinds == kind).sum()), float(taken[kinds == kind].mean())) for kind in sorted(set(kinds))}


def write_world(path: Path, world: World) -> None:
    """Store a fit for the weights that are in place, to be read by `tools.world.load_world`."""
    vectors = {name: [float(f"{v:.6g}") for v in getattr(world, name)] for name in ("mean", "scale", "weights")}
    stored = {"for": dict(embedded_marks()), "bias": world.bias, "threshold": world.threshold, **vectors}
    path.write_text(json.dumps(stored) + "\n", encoding="utf-8")


# --- commands ---------------------------------------------------------------------------------------------------------

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Tell pictures from outside the illustrated world.")
Scenes = Annotated[int, typer.Option("--scenes", min=8, help="Scenes of each kind of art.")]
Made = Annotated[int, typer.Option("--outside", min=len(PAINTERS), help="Outside pictures made by code.")]


def _look(*sources: Iterable[Picture]) -> Examples:
    from rich.progress import track

    from ferret.engine import Engine
    from tools.detector import Detector

    engine, detector = Engine.load("ferret-nano"), Detector(score_threshold=DETECTION_FLOOR)
    # One after the other: thousands of pictures at once would fill the memory.
    return examples_of(track(chain(*sources), "pictures", console=standard_error()), engine, detector)


def _table(found: dict[str, tuple[int, float]]) -> str:
    lines = ["| | pictures | taken for outside |", "|---|---|---|"]
    return "\n".join(lines + [f"| {kind} | {count} | {share:.3f} |" for kind, (count, share) in found.items()])


@app.command()
def fit(
    photos: Annotated[Path | None, typer.Option("--photographs", help="A folder of photographs.")] = None,
    inside: Scenes = 2000,
    made: Made = 1200,
    out: Annotated[Path, typer.Option()] = WORLD,
) -> None:
    """Fit on scenes in trained art, outside pictures, and photographs where a folder of them is given."""
    shown = photographs(photos, VIEWS, 3) if photos is not None else ()
    examples = _look(scenes(load_art("train"), inside, 1, inked=0.3), outside_pictures(made, 2), shown)
    world = fit_world(examples)
    write_world(out, world)
    typer.echo(_table(rates(world, examples)))


@app.command()
def measure(
    photos: Annotated[Path | None, typer.Option("--photographs", help="Photographs that no fit has seen.")] = None,
    inside: Scenes = 300,
    made: Made = 360,
) -> None:
    """How much of what is taken for outside: fresh scenes, in art never trained on too, and fresh outside pictures."""
    world = load_world()
    if world is None:
        raise TrainingError("nothing was fitted for the weights in place: run 'python -m training.world fit' first")
    drawn = (scenes(load_art(split), inside, 101, mixed=0.0) for split in STYLES)
    shown = photographs(photos, 1, 103) if photos is not None else ()
    typer.echo(_table(rates(world, _look(*drawn, outside_pictures(made, 102), shown))))


if __name__ == "__main__":
    app()
