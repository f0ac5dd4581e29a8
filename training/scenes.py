"""The scene generator: illustrated pictures with exact masks, boxes and text, a few hundred a second and core.

A scene is made from a seed alone: a background, then sprites from back to front (scaled, turned, flipped, tinted,
restyled, overlapping but never quite hidden), some of them signs with words. `SceneSettings` is the whole recipe; two
settings share a world and differ in how crowded or how tidy it is, which is what a curriculum needs.

    scene = SceneMaker(load_art("train"), SceneSettings()).make(seed=7)
    scene.image, scene.objects[0].name, scene.objects[0].box, scene.mask(0)
"""

from dataclasses import dataclass

import cv2
import numpy as np

from training.art import SHARES, Art
from training.backgrounds import paint_background, random_colour
from training.signs import draw_sign, random_text, sign_to_size

Array = np.ndarray
SIGN = "sign"


@dataclass(frozen=True)
class SceneObject:
    """One object of a scene. `box` is its visible part's (x1, y1, x2, y2) in pixels, edges not pixel centres."""

    name: str
    category: int
    box: tuple[float, float, float, float]
    visible: float
    style: str
    text: str | None = None


@dataclass(frozen=True)
class Scene:
    """A picture `uint8 [H, W, 3]` RGB, its objects back to front, and `ids` `uint8 [H, W]`: index of the topmost
    object + 1, or 0 for background."""

    image: Array
    objects: tuple[SceneObject, ...]
    ids: Array
    seed: int

    def mask(self, index: int) -> Array:
        """The visible pixels of object `index`, `bool [H, W]`."""
        mask: Array = self.ids == index + 1
        return mask


@dataclass(frozen=True)
class SceneSettings:
    """How scenes are made. Sizes of objects are fractions of the picture's geometric mean side."""

    objects: tuple[int, int] = (1, 10)
    scale: tuple[float, float] = (0.09, 0.55)
    side: tuple[int, int] = (256, 256)
    aspect: tuple[float, float] = (0.6, 1.7)
    min_visible: float = 0.45
    repeat: float = 0.3
    sign: float = 0.2
    restyle: float = 0.5
    turned: float = 0.5


def category_names(art: Art) -> tuple[str, ...]:
    """Every kind of object in the order of its category number: the sprites' names, then `sign`."""
    return (*art.names, SIGN)


class SceneMaker:
    """Makes scenes from one set of art. Not shared between threads only because numpy generators are not."""

    def __init__(self, art: Art, settings: SceneSettings | None = None) -> None:
        self.art = art
        self.settings = settings or SceneSettings()
        self.names = category_names(art)
        # Sprites are shrunk at most twice by the final warp, so that thin lines survive: hence a pyramid.
        self._pyramid = [art.sprites]
        while self._pyramid[-1].shape[2] > 16:
            last = self._pyramid[-1].astype(np.uint16)
            quarter = last[:, :, ::2, ::2] + last[:, :, 1::2, ::2] + last[:, :, ::2, 1::2] + last[:, :, 1::2, 1::2]
            self._pyramid.append(((quarter + 2) // 4).astype(np.uint8))
        shares = [SHARES.get(style, 1) for style in art.styles]
        self._styles_of = [np.repeat(np.arange(len(shares)), shares * there) for there in art.present.T]
        self._kinds = np.flatnonzero(art.present.any(0))

    def make(self, seed: int, settings: SceneSettings | None = None) -> Scene:
        """The scene of `seed`; the same seed and settings give the same bytes."""
        settings = settings or self.settings
        rng = np.random.default_rng(np.random.PCG64(seed))
        width, height = _canvas_size(rng, settings)
        image = paint_background(rng, width, height)
        ids = np.zeros((height, width), np.uint8)
        wanted = int(rng.integers(settings.objects[0], settings.objects[1] + 1))
        placed: list[tuple[int, str, int, str | None]] = []  # category, style, pixels of the whole sprite, text
        # A few kinds recur within a scene; counting and "all of a kind" need them.
        kinds = rng.choice(self._kinds, wanted)
        for index in range(1, wanted):
            if rng.random() < settings.repeat:
                kinds[index] = kinds[int(rng.integers(index))]
        left = np.zeros(wanted + 1, np.int64)  # visible pixels of each object placed so far, by number
        has_sign = rng.random() < settings.sign
        busy = np.sqrt(min(1.0, 7.0 / max(1, wanted)))  # crowded scenes have smaller objects
        for index in range(wanted):
            low, high = settings.scale
            size = float(np.exp(rng.uniform(np.log(low), np.log(max(low * 1.2, high * busy)))))
            pixels = size * np.sqrt(width * height)
            if has_sign and index == wanted - 1:
                text = random_text(rng)
                patch = self._sign_patch(rng, text, pixels)
                category, style = len(self.art.names), "sign"
            else:
                text = None
                category = int(kinds[index])
                patch, style = self._sprite_patch(rng, category, pixels, settings)
            if self._place(rng, image, ids, patch, placed, left, settings.min_visible):
                placed.append((category, style, int((patch[..., 3] > 127).sum()), text))
        image = _finish(rng, image)
        return Scene(image, tuple(self._describe(ids, placed)), ids, seed)

    def _sprite_patch(
        self, rng: np.random.Generator, category: int, pixels: float, settings: SceneSettings
    ) -> tuple[Array, str]:
        """One sprite drawn about `pixels` pixels long, as premultiplied RGBA `uint8 [h, w, 4]`."""
        style = int(rng.choice(self._styles_of[category]))
        side = self._pyramid[0].shape[2]
        level = 0
        while level + 1 < len(self._pyramid) and side / 2 >= pixels:
            level, side = level + 1, side // 2
        sprite = self._pyramid[level][style, category]
        if rng.random() < settings.restyle:
            sprite = restyle(rng, sprite)
        angle = 0.0
        if rng.random() < settings.turned:
            angle = float(rng.uniform(-40, 40)) if rng.random() < 0.75 else float(rng.uniform(-180, 180))
        stretch = float(np.exp(rng.normal(0, 0.08)))
        scale = pixels / side
        radians = np.deg2rad(angle)
        cos, sin = np.cos(radians), np.sin(radians)
        flip = -1.0 if rng.random() < 0.4 else 1.0
        matrix = scale * np.array([[cos * stretch * flip, -sin / stretch], [sin * stretch * flip, cos / stretch]])
        extent = np.abs(matrix).sum(1) * side
        out_w, out_h = max(3, int(np.ceil(extent[0])) + 2), max(3, int(np.ceil(extent[1])) + 2)
        shift = np.array([out_w / 2, out_h / 2]) - matrix @ np.array([side / 2, side / 2])
        patch = cv2.warpAffine(sprite, np.hstack([matrix, shift[:, None]]), (out_w, out_h), flags=cv2.INTER_LINEAR)
        return _trim(patch), self.art.styles[style]

    @staticmethod
    def _sign_patch(rng: np.random.Generator, text: str, pixels: float) -> Array:
        sign = sign_to_size(draw_sign(rng, text, 32), max(40, int(pixels * rng.uniform(1.0, 1.7))))
        if rng.random() < 0.6:
            return sign
        height, width = sign.shape[:2]
        matrix = cv2.getRotationMatrix2D((width / 2, height / 2), float(rng.uniform(-12, 12)), 1)
        extent = np.abs(matrix[:, :2]) @ np.array([width, height])
        matrix[:, 2] += extent / 2 - np.array([width, height]) / 2
        return _trim(cv2.warpAffine(sign, matrix, (int(extent[0]) + 1, int(extent[1]) + 1), flags=cv2.INTER_LINEAR))

    @staticmethod
    def _place(
        rng: np.random.Generator,
        image: Array,
        ids: Array,
        patch: Array,
        placed: list[tuple[int, str, int, str | None]],
        left: Array,
        min_visible: float,
    ) -> bool:
        """Composite `patch` at a spot where no earlier object is hidden too much; False if none was found."""
        height, width = ids.shape
        patch_h, patch_w = patch.shape[:2]
        solid = patch[..., 3] > 127
        if patch_h >= height or patch_w >= width or not solid.any():
            return False
        needed = np.zeros(len(left))
        needed[1 : len(placed) + 1] = [max(1.0, min_visible * whole) for _, _, whole, _ in placed]
        for _ in range(12):
            x, y = int(rng.integers(0, width - patch_w)), int(rng.integers(0, height - patch_h))
            under = ids[y : y + patch_h, x : x + patch_w]
            lost = np.bincount(under[solid], minlength=len(left))
            lost[0] = 0
            if (left - lost < needed)[lost > 0].any():
                continue
            view = image[y : y + patch_h, x : x + patch_w]
            alpha = patch[..., 3:].astype(np.uint16)
            view[:] = np.minimum(patch[..., :3] + (view * (255 - alpha) + 127) // 255, 255).astype(np.uint8)
            under[solid] = len(placed) + 1
            left -= lost
            left[len(placed) + 1] = int(solid.sum())
            return True
        return False

    def _describe(self, ids: Array, placed: list[tuple[int, str, int, str | None]]) -> list[SceneObject]:
        objects = []
        for index, (category, style, whole, text) in enumerate(placed):
            mask = ids == index + 1
            columns, rows = np.flatnonzero(mask.any(0)), np.flatnonzero(mask.any(1))
            box = (float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1))
            visible = float(mask.sum()) / max(whole, 1)
            objects.append(SceneObject(self.names[category], category, box, min(1.0, visible), style, text))
        return objects


def restyle(rng: np.random.Generator, sprite: Array) -> Array:
    """Redraw a premultiplied sprite `uint8 [h, w, 4]`: tint, grey, poster, outline, ink, blur or another light."""
    colour: Array = sprite[..., :3].astype(np.float32)
    alpha: Array = sprite[..., 3:].astype(np.float32)
    kind = rng.random()
    if kind < 0.22:  # tint towards one colour
        tint = random_colour(rng).astype(np.float32) / 255
        amount = float(rng.uniform(0.1, 0.45))
        colour = colour * (1 - amount) + colour.mean(-1, keepdims=True) * tint * amount * 1.4
    elif kind < 0.3:
        colour = np.repeat(colour @ np.array([[0.299], [0.587], [0.114]], np.float32), 3, -1)
    elif kind < 0.38:
        step = float(rng.choice([32, 48, 64]))
        colour = np.round(colour / step) * step
    elif kind < 0.46:  # outline in a dark or a light line
        width = max(1, sprite.shape[0] // int(rng.integers(16, 40)))
        colour, alpha = _outline(colour, alpha, width, 20.0 if rng.random() < 0.6 else 245.0)
    elif kind < 0.72:
        colour, alpha = _ink(rng, sprite)
    elif kind < 0.8:
        sigma = float(rng.uniform(0.4, 1.6)) * sprite.shape[0] / 64
        soft = cv2.GaussianBlur(sprite, (0, 0), sigma).astype(np.float32)
        colour, alpha = soft[..., :3], soft[..., 3:]
    else:  # contrast, brightness, and a slight turn of the channels
        gain = rng.uniform(0.65, 1.25, 3).astype(np.float32)
        colour = colour * gain + alpha * float(rng.uniform(-0.12, 0.12))
    return np.concatenate([np.clip(colour, 0, alpha), alpha], -1).astype(np.uint8)


def _outline(colour: Array, alpha: Array, width: int, ink: float) -> tuple[Array, Array]:
    """Colours and alpha with a line of `width` pixels around what is drawn, in a grey of `ink`."""
    brush = np.ones((2 * width + 1, 2 * width + 1), np.uint8)
    grown: Array = cv2.dilate(alpha, brush)[..., None]
    return colour + ink * (grown - alpha) / 255, np.maximum(alpha, grown)


def _ink(rng: np.random.Generator, sprite: Array) -> tuple[Array, Array]:
    """Colours and alpha as if drawn with a pen: dark lines around it and where its colours meet, and paler paints."""
    width = max(1, sprite.shape[0] // int(rng.integers(28, 60)))
    ink, paper = float(rng.uniform(0, 40)), float(rng.uniform(0, 0.7))
    alpha: Array = sprite[..., 3:].astype(np.float32)
    steps = cv2.morphologyEx(cv2.medianBlur(sprite, 3), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)).max(-1)
    lines: Array = cv2.dilate((steps > rng.uniform(60, 120)).astype(np.uint8), np.ones((width, width), np.uint8))
    painted = sprite[..., :3] * (1 - paper) + alpha * paper
    return _outline(np.where(lines[..., None] > 0, ink * alpha / 255, painted), alpha, width, ink)


def _trim(patch: Array) -> Array:
    solid = patch[..., 3] > 8
    columns, rows = np.flatnonzero(solid.any(0)), np.flatnonzero(solid.any(1))
    if not len(columns):
        return patch
    return patch[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _canvas_size(rng: np.random.Generator, settings: SceneSettings) -> tuple[int, int]:
    """Width and height: the longer side within `side`, the aspect ratio within `aspect`."""
    longer = int(rng.integers(settings.side[0], settings.side[1] + 1))
    aspect = float(np.exp(rng.uniform(np.log(settings.aspect[0]), np.log(settings.aspect[1]))))
    shorter = max(32, round(longer * min(aspect, 1 / aspect)))
    return (longer, shorter) if aspect >= 1 else (shorter, longer)


def _finish(rng: np.random.Generator, image: Array) -> Array:
    """What a camera, a scanner or a website does to a picture: light, softness, compression."""
    roll = rng.random()
    if roll < 0.12:
        image = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.3, 0.9)))
    elif roll < 0.27:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(35, 95))]
        image = np.asarray(cv2.imdecode(cv2.imencode(".jpg", image, quality)[1], cv2.IMREAD_COLOR), np.uint8)
    if rng.random() < 0.25:
        gain, lift = float(rng.uniform(0.75, 1.2)), float(rng.uniform(-25, 25))
        image = np.clip(image * gain + lift, 0, 255).astype(np.uint8)
    return image
