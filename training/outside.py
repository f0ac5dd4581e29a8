"""Pictures from outside the illustrated world, made by code: noise, gradients, fractals, clouds, screens, drawings.

What recognises outside pictures (`training.world`) learns from these what the embedded weights know nothing about, and
is measured on others. Every painter takes a random generator and a size and returns an image `uint8 [H, W, 3]` (RGB).

    paint_outside(np.random.default_rng(7), 320, 240)
"""

from collections.abc import Callable, Mapping

import cv2
import numpy as np

from training.backgrounds import random_colour

Array = np.ndarray
Painter = Callable[[np.random.Generator, int, int], Array]


def paint_outside(rng: np.random.Generator, width: int, height: int, kind: str | None = None) -> Array:
    """An outside picture `uint8 [height, width, 3]` of that kind (a key of `PAINTERS`), or of a random one."""
    chosen = kind if kind is not None else tuple(PAINTERS)[int(rng.integers(len(PAINTERS)))]
    return np.ascontiguousarray(PAINTERS[chosen](rng, width, height))


# --- noise ------------------------------------------------------------------------------------------------------------


def noise(rng: np.random.Generator, width: int, height: int) -> Array:
    """Independent cells of 1 to 24 pixels: uniform, normal, or black and white; in grey or in colour."""
    cell = int(rng.choice([1, 1, 1, 2, 3, 6, 12, 24]))
    channels = 3 if rng.random() < 0.6 else 1
    shape = (height // cell + 1, width // cell + 1, channels)
    kind = rng.integers(3)
    if kind == 0:
        cells = rng.integers(0, 256, shape).astype(np.float32)
    elif kind == 1:
        cells = rng.normal(rng.uniform(60, 190), rng.uniform(25, 90), shape).astype(np.float32)
    else:
        cells = (255 * (rng.random(shape) < rng.uniform(0.1, 0.9))).astype(np.float32)
    cells = np.repeat(_bytes(cells), 3 // channels, axis=2)
    how = cv2.INTER_CUBIC if rng.random() < 0.3 else cv2.INTER_NEAREST
    return np.asarray(cv2.resize(cells, (width + cell, height + cell), interpolation=how)[:height, :width], np.uint8)


def speckle(rng: np.random.Generator, width: int, height: int) -> Array:
    """One colour, or a gradient, under heavy salt and pepper, lines or bands of noise."""
    image = _blend(rng, width, height) if rng.random() < 0.5 else np.full((height, width, 3), random_colour(rng))
    hit: Array = rng.random((height, width))
    if rng.random() < 0.5:  # along rows, as a broken signal has it
        hit = cv2.blur(hit.astype(np.float32), (int(rng.integers(9, 60)), 1))
        hit = (hit - hit.min()) / max(float(np.ptp(hit)), 1e-6)
    share = rng.uniform(0.08, 0.45)
    image[hit < share / 2] = random_colour(rng) if rng.random() < 0.4 else 0
    image[hit > 1 - share / 2] = 255
    return image


# --- smooth -----------------------------------------------------------------------------------------------------------


def smooth(rng: np.random.Generator, width: int, height: int) -> Array:
    """A gradient between corners, around a middle, or of light blobs out of focus."""
    if rng.random() < 0.4:
        return _blend(rng, width, height)
    x, y = _grid(width, height)
    image = _blend(rng, width, height).astype(np.float32)
    for _ in range(int(rng.integers(1, 9))):
        far = np.hypot(x - rng.uniform(-0.2, 1.2), y - rng.uniform(-0.2, 1.2)) / rng.uniform(0.1, 0.9)
        light = np.exp(-(far**2))[..., None]
        image = image * (1 - light) + random_colour(rng) * light
    return _bytes(image)


def clouds(rng: np.random.Generator, width: int, height: int) -> Array:
    """Noise whose power falls with frequency, as in clouds, stone, water or a photograph's texture, coloured by it."""
    channels = [_fractal(rng, width, height, float(rng.uniform(0.8, 2.6))) for _ in range(int(rng.choice([1, 3])))]
    if len(channels) == 3:
        together = rng.uniform(0.2, 1.0)
        channels = [channel * (1 - together) + channels[0] * together for channel in channels]
        return _bytes(np.stack([255 * channel * rng.uniform(0.5, 1.1) for channel in channels], -1))
    return _coloured(rng, channels[0])


def terrain(rng: np.random.Generator, width: int, height: int) -> Array:
    """Ground, walls and skies as a camera has them: fractal heights lit from one side, a sky above, grain and blur."""
    field = _fractal(rng, width, height, float(rng.uniform(1.2, 2.4)))
    slope = np.gradient(field)[int(rng.integers(2))]
    light = 0.5 + slope / (6 * float(np.abs(slope).mean()) + 1e-6)
    image = _coloured(rng, field).astype(np.float32) * np.clip(light, 0.15, 1.5)[..., None]
    if rng.random() < 0.6:
        _, y = _grid(width, height)
        edge = rng.uniform(0.2, 0.7) + 0.25 * (_fractal(rng, width, height, 2.4)[:1] - 0.5)
        sky = _coloured(rng, _fractal(rng, width, height, 2.6)).astype(np.float32)
        image = np.where((y < edge)[..., None], sky * 0.4 + 140, image)
    return _through_a_lens(rng, image)


def regions(rng: np.random.Generator, width: int, height: int) -> Array:
    """A mosaic of textured areas with uneven borders and soft shadows, seen through a lens."""
    count = int(rng.integers(4, 40))
    x, y = _grid(width, height)
    bend = rng.uniform(0.02, 0.15)
    x = x + bend * (_fractal(rng, width, height, 2.0) - 0.5)
    y = y + bend * (_fractal(rng, width, height, 2.0) - 0.5)
    seeds = rng.random((count, 2))
    nearest = np.argmin([np.hypot(x - a, y - b) for a, b in seeds], axis=0)
    colours = np.stack([random_colour(rng) for _ in range(count)]).astype(np.float32)
    texture = _fractal(rng, width, height, float(rng.uniform(0.6, 1.6)))
    strength = rng.uniform(0.2, 0.9, count)[nearest][..., None]
    image = colours[nearest] * (1 - strength + strength * 2 * texture[..., None])
    shadow = _fractal(rng, width, height, 2.6)[..., None]
    return _through_a_lens(rng, image * (0.4 + 0.9 * shadow))


# --- figures of mathematics -------------------------------------------------------------------------------------------


def waves(rng: np.random.Generator, width: int, height: int) -> Array:
    """Waves that cross: moire, rings, interference."""
    x, y = _grid(width, height)
    field = np.zeros((height, width))
    for _ in range(int(rng.integers(2, 6))):
        far = np.hypot(x - rng.uniform(-0.5, 1.5), y - rng.uniform(-0.5, 1.5))
        along = x * rng.normal() + y * rng.normal()
        field += np.sin((far if rng.random() < 0.6 else along) * rng.uniform(15, 180))
    return _coloured(rng, (field - field.min()) / max(float(np.ptp(field)), 1e-6))


def julia(rng: np.random.Generator, width: int, height: int) -> Array:
    """A Julia set, coloured by how fast its points escape."""
    x, y = _grid(width, height)
    zoom = rng.uniform(0.8, 3.2)
    z = (x - 0.5) * zoom + rng.uniform(-0.3, 0.3) + 1j * ((y - 0.5) * zoom * height / width + rng.uniform(-0.3, 0.3))
    c = 0.7885 * np.exp(1j * rng.uniform(0, 2 * np.pi))
    escaped = np.zeros(z.shape)
    for _ in range(40):
        inside = np.abs(z) < 4
        z = np.where(inside, z * z + c, z)
        escaped += inside
    return _coloured(rng, escaped / 40)


def code(rng: np.random.Generator, width: int, height: int) -> Array:
    """Bar codes, square codes and labyrinths."""
    cell = int(rng.integers(3, 22))
    shape = (1 if rng.random() < 0.3 else height // cell + 1, width // cell + 1)
    cells = (255 * (rng.random(shape) < 0.5)).astype(np.uint8)
    grey = cv2.resize(cells, (width, height), interpolation=cv2.INTER_NEAREST)[..., None] / 255
    ink, paper = random_colour(rng) * 0.4, 255 - random_colour(rng) * 0.15
    return _bytes(grey * ink + (1 - grey) * paper)


# --- made by people ---------------------------------------------------------------------------------------------------


def screen(rng: np.random.Generator, width: int, height: int) -> Array:
    """A screen or a page: bars, panels, fields, buttons, and lines of words."""
    dark = rng.random() < 0.3
    image = np.full((height, width, 3), rng.integers(12, 45) if dark else rng.integers(228, 256), np.uint8)
    accent, ink = _triple(random_colour(rng)), (220,) * 3 if dark else (40,) * 3
    if rng.random() < 0.7:
        cv2.rectangle(image, (0, 0), (width, max(6, height // int(rng.integers(9, 18)))), accent, -1)
    for _ in range(int(rng.integers(1, 7))):
        x, y = int(rng.integers(0, width)), int(rng.integers(0, height))
        corner = (x + int(rng.integers(20, max(21, width // 2))), y + int(rng.integers(12, max(13, height // 2))))
        shade = _triple(np.clip(image[0, -1].astype(int) + rng.integers(-30, 30), 0, 255))
        cv2.rectangle(image, (x, y), corner, shade if rng.random() < 0.7 else accent, -1)
        cv2.rectangle(image, (x, y), corner, ink, 1)
    _write_lines(rng, image, ink)
    return image


def chart(rng: np.random.Generator, width: int, height: int) -> Array:
    """Axes with bars, curves, dots or slices, and numbers."""
    image = np.full((height, width, 3), rng.integers(235, 256), np.uint8)
    left, base = width // 8, height - height // 8
    count = int(rng.integers(3, 14))
    values = rng.uniform(0.1, 0.95, count) * (base - height // 10)
    xs = np.linspace(left, width * 0.95, count + 1).astype(int)
    kind = rng.integers(4)
    if kind == 3:
        centre, radius, angle = (width // 2, height // 2), min(width, height) // 3, 0.0
        for share in rng.dirichlet(np.ones(count)) * 360:
            colour = _triple(random_colour(rng))
            cv2.ellipse(image, centre, (radius, radius), 0, angle, angle + share, colour, -1, cv2.LINE_AA)
            angle += share
    for index in range(count if kind != 3 else 0):
        top, colour = int(base - values[index]), _triple(random_colour(rng))
        if kind == 0:
            cv2.rectangle(image, (int(xs[index]) + 2, top), (int(xs[index + 1]) - 2, base), colour, -1)
        elif kind == 1 and index:
            before = (int(xs[index - 1]), int(base - values[index - 1]))
            cv2.line(image, before, (int(xs[index]), top), (30, 80, 200), 2, cv2.LINE_AA)
        elif kind == 2:
            for x, y in zip(rng.integers(left, width, 8), rng.integers(height // 10, base, 8), strict=True):
                cv2.circle(image, (int(x), int(y)), int(rng.integers(2, 5)), colour, -1, cv2.LINE_AA)
    if kind != 3:
        cv2.line(image, (left, height // 12), (left, base), (40, 40, 40), 1)
        cv2.line(image, (left, base), (width, base), (40, 40, 40), 1)
        for x in xs[:-1]:
            number = str(int(rng.integers(0, 999)))
            cv2.putText(image, number, (int(x), base + 12), 0, 0.35, (60, 60, 60), 1, cv2.LINE_AA)
    return image


def drawing(rng: np.random.Generator, width: int, height: int) -> Array:
    """Pen strokes on paper that depict nothing: curves, hatching, scribbles, plans."""
    image = np.full((height, width, 3), 255 - random_colour(rng) // 10, np.uint8)
    ink = _triple(random_colour(rng) // 3)
    for _ in range(int(rng.integers(4, 40))):
        steps = int(rng.integers(4, 40))
        walk: Array = np.cumsum(rng.normal(0, max(width, height) / 18, (steps, 2)), 0) + rng.random(2) * (width, height)
        if rng.random() < 0.4:  # straight and square, as in a plan
            walk = np.repeat(walk, 2, 0)[1:]
            walk[1::2, 0] = walk[:-1:2, 0]
        walk = cv2.GaussianBlur(walk, (1, 5), 1.0) if rng.random() < 0.5 and steps > 6 else walk
        cv2.polylines(image, [walk.astype(np.int32)], False, ink, int(rng.integers(1, 4)), cv2.LINE_AA)
    if rng.random() < 0.3:
        _write_lines(rng, image, ink)
    return image


PAINTERS: Mapping[str, Painter] = {
    "noise": noise, "speckle": speckle, "smooth": smooth, "clouds": clouds, "terrain": terrain, "regions": regions,
    "waves": waves, "julia": julia, "code": code, "screen": screen, "chart": chart, "drawing": drawing,
}  # fmt: skip
"""Every kind of outside picture that code makes."""


# --- parts ------------------------------------------------------------------------------------------------------------


def _bytes(values: Array) -> Array:
    clipped: Array = np.clip(values, 0, 255).astype(np.uint8)
    return clipped


def _triple(colour: Array) -> tuple[int, int, int]:
    red, green, blue = (int(value) for value in colour)
    return red, green, blue


def _grid(width: int, height: int) -> tuple[Array, Array]:
    """x and y of every pixel in 0..1, each float [H, W]."""
    return np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))


def _blend(rng: np.random.Generator, width: int, height: int) -> Array:
    """A linear blend between the colours of four corners."""
    corners = np.stack([random_colour(rng) for _ in range(4)]).reshape(2, 2, 3)
    return np.asarray(cv2.resize(corners, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def _fractal(rng: np.random.Generator, width: int, height: int, exponent: float) -> Array:
    """Noise with amplitudes 1 / frequency ** exponent, float [H, W] in 0..1."""
    down, across = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None]
    frequency = np.hypot(down, across)
    frequency[0, 0] = 1.0
    waves_of = np.exp(2j * np.pi * rng.random(frequency.shape)) / frequency**exponent
    waves_of[0, 0] = 0
    field: Array = np.fft.irfft2(waves_of, (height, width))
    low, high = np.percentile(field, (1, 99))
    stretched: Array = np.clip((field - low) / max(high - low, 1e-9), 0, 1)
    return stretched


def _coloured(rng: np.random.Generator, field: Array) -> Array:
    """A field in 0..1 through a palette of two to five colours."""
    stops = np.stack([random_colour(rng) for _ in range(int(rng.integers(2, 6)))]).astype(np.float32)
    at = np.linspace(0, 1, len(stops))
    return _bytes(np.stack([np.interp(field, at, stops[:, channel]) for channel in range(3)], -1))


def _through_a_lens(rng: np.random.Generator, image: Array) -> Array:
    """Blur, falling light towards the corners, and grain, as photographs have them; any float image to bytes."""
    height, width = image.shape[:2]
    if rng.random() < 0.5:
        image = cv2.GaussianBlur(image.astype(np.float32), (0, 0), float(rng.uniform(0.3, 2.0)))
    x, y = _grid(width, height)
    image = image * (1 - rng.uniform(0, 0.5) * ((x - 0.5) ** 2 + (y - 0.5) ** 2))[..., None]
    return _bytes(image + rng.normal(0, rng.uniform(0, 12), (height, width, 1)))


def _write_lines(rng: np.random.Generator, image: Array, ink: tuple[int, int, int]) -> None:
    """Lines of made-up words, in columns, into `image` in place."""
    height, width = image.shape[:2]
    size = float(rng.uniform(0.3, 0.7))
    left = int(rng.integers(4, max(5, width // 3)))
    for y in range(int(rng.integers(14, 50)), height, int(rng.integers(14, 34))):
        words = ["".join(chr(int(c)) for c in rng.integers(97, 123, int(rng.integers(2, 10)))) for _ in range(8)]
        text = " ".join(words[: int(rng.integers(1, 9))])
        cv2.putText(image, text, (left, y), 0, size, ink, 1, cv2.LINE_AA)
