"""Reading signs: what is drawn here is read by the networks that ship, nothing is imitated."""

import threading

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from ferret.errors import RegionError
from ferret.regions import Box, box_iou
from tools.base import TextLine
from tools.ocr import TextReader

BOARD, INK = (245, 238, 205), (40, 30, 90)


@pytest.fixture(scope="module")
def reader() -> TextReader:
    return TextReader()


def board(
    lines: list[str], height: int, board_colour: object = BOARD, ink: object = INK, turn: float = 0
) -> Image.Image:
    """A sign with letters of `height` pixels on a transparent ground, turned counter-clockwise by degrees."""
    font = ImageFont.load_default(4 * height)
    boxes = [font.getbbox(line) for line in lines]
    width = int(max(box[2] for box in boxes)) + 4 * height
    sign = Image.new("RGBA", (width, int(5.2 * height * len(lines)) + 3 * height))
    draw = ImageDraw.Draw(sign)
    draw.rounded_rectangle((0, 0, sign.width - 1, sign.height - 1), 2 * height, board_colour)  # type: ignore[arg-type]
    for row, (line, box) in enumerate(zip(lines, boxes, strict=True)):
        draw.text(((width - box[2]) / 2, 1.3 * height + 5.2 * height * row), line, ink, font)  # type: ignore[arg-type]
    turned = sign.rotate(turn, Image.Resampling.BICUBIC, expand=True)
    return turned.resize((turned.width // 4, turned.height // 4), Image.Resampling.LANCZOS)


def scene(*signs: tuple[Image.Image, tuple[int, int]], size: tuple[int, int] = (420, 320)) -> Image.Image:
    """Signs on a picture of sky, hill and sun."""
    image = Image.new("RGB", size, (150, 200, 235))
    draw = ImageDraw.Draw(image)
    draw.ellipse((-size[0] // 2, size[1] // 2, size[0], 2 * size[1]), (90, 150, 70))
    draw.ellipse((size[0] - 90, 20, size[0] - 40, 70), (250, 220, 60))
    for sign, place in signs:
        image.paste(sign, place, sign)
    return image


def texts(lines: list[TextLine]) -> list[str]:
    return [line.text for line in lines]


@pytest.mark.parametrize(
    ("lines", "height", "turn"),
    [
        (["EXIT"], 24, 0),
        (["Fresh fruit"], 18, 0),
        (["NO BIKE LANE"], 22, 0),
        (["FRESH", "BREAD"], 20, 0),
        (["Platform 9"], 20, 11),
        (["museum"], 30, -12),
        (["TAXI"], 10, 0),
        (["QUIET ZONE"], 11, 6),
        (["LIBRARY"], 60, 0),
        (["MARKET"], 24, 90),
        (["HARBOUR"], 24, 180),
    ],
)
@pytest.mark.parametrize("whole", [True, False])
def test_one_sign(reader: TextReader, lines: list[str], height: int, turn: float, whole: bool) -> None:
    sign = board(lines, height, turn=turn)
    image = scene((sign, (60, 90)), size=(max(420, sign.width + 100), max(320, sign.height + 120)))
    box = Box(60, 90, 60 + sign.width, 90 + sign.height)
    found = reader.read(image, None if whole else box)
    assert texts(found) == lines
    for line in found:
        assert line.score > 0.5
        assert line.box == line.box.checked(*image.size)
        centre = line.box.center
        assert box.x1 < centre.x < box.x2
        assert box.y1 < centre.y < box.y2


@pytest.mark.parametrize(
    ("colour", "ink"), [("navy", "white"), ("black", "yellow"), ("firebrick", "bisque"), ("white", "silver")]
)
def test_colours(reader: TextReader, colour: str, ink: str) -> None:
    assert texts(reader.read(scene((board(["Tea House"], 20, colour, ink), (100, 120))))) == ["Tea House"]


def test_a_box_chooses_the_sign(reader: TextReader) -> None:
    left, right = board(["COFFEE"], 20), board(["TICKETS"], 20, "white", "black")
    image = scene((left, (20, 200)), (right, (40 + left.width, 200)), size=(460, 320))
    assert texts(reader.read(image, Box(20, 200, 20 + left.width, 200 + left.height))) == ["COFFEE"]
    box = Box(40 + left.width, 200, 40 + left.width + right.width, 200 + right.height)
    (line,) = reader.read(image, box)
    assert line.text == "TICKETS"
    assert box_iou(line.box, box) > 0.3
    assert sorted(" ".join(texts(reader.read(image))).split()) == ["COFFEE", "TICKETS"]
    assert reader.read(image, Box(0, 0, 60, 60)) == []


def test_the_polygon_follows_the_text(reader: TextReader) -> None:
    (line,) = reader.read(scene((board(["MUSEUM"], 26, turn=12), (80, 100))))
    (x1, y1), (x2, y2) = line.polygon[0], line.polygon[1]
    assert np.degrees(np.arctan2(y1 - y2, x2 - x1)) == pytest.approx(12, abs=3)
    (line,) = reader.read(scene((board(["MUSEUM"], 26, turn=180), (80, 100))))
    assert line.polygon[0][0] > line.polygon[1][0]  # it begins on the right


@pytest.mark.parametrize(
    "image",
    [
        Image.new("RGB", (1, 1)),
        Image.new("RGB", (1, 400), "white"),
        Image.new("RGB", (900, 2)),
        Image.new("RGB", (60000, 1)),
        Image.new("RGB", (300, 300), "white"),
        scene(),
    ],
)
def test_where_nothing_is_written(reader: TextReader, image: Image.Image) -> None:
    assert reader.read(image) == []
    assert reader.read(image, Box(0, 0, image.width, image.height)) == []


def test_shapes_are_no_words(reader: TextReader) -> None:
    image = Image.new("RGB", (400, 300), "white")
    draw = ImageDraw.Draw(image)
    draw.ellipse((40, 40, 120, 120), outline="black", width=12)
    draw.line((200, 40, 200, 130), "black", 12)
    draw.arc((260, 40, 340, 120), 50, 310, "black", 12)
    draw.rectangle((60, 180, 130, 250), outline="black", width=10)
    draw.line((220, 220, 300, 220), "black", 9)
    assert reader.read(image) == []


def test_the_same_picture_twice(reader: TextReader) -> None:
    image = scene((board(["FIVE", "STARS"], 14, turn=5), (100, 100)))
    assert reader.read(image) == reader.read(image.copy())


def test_threads_share_one_reader(reader: TextReader) -> None:
    words = ["NORTH", "SOUTH", "EAST", "WEST"]
    answers: dict[str, list[str]] = {}

    def work(text: str) -> None:
        answers[text] = texts(reader.read(scene((board([text], 20), (90, 100)), size=(260, 200))))

    threads = [threading.Thread(target=work, args=(text,)) for text in words]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {text: [text] for text in words}


def test_regions_off_the_image_are_refused(reader: TextReader) -> None:
    with pytest.raises(RegionError):
        reader.read(scene(), Box(0, 0, 421, 10))


def test_an_unknown_backend_is_refused() -> None:
    with pytest.raises(ValueError, match="no text reader 'tesseract': choose one of auto, rapidocr, easyocr"):
        TextReader("tesseract")


@pytest.mark.slow
def test_most_random_signs_are_read(reader: TextReader) -> None:
    """Words, sizes, colours, turns and places at random: at least nine in ten are read exactly, found or pointed at."""
    words = (
        "OPEN Closed exit FRESH bread Hotel MARKET station 42 North gate Coffee LIBRARY keep out 7 lemon ZOO".split()
    )
    rng = np.random.default_rng(7)
    count, right = 20, [0, 0]
    for _ in range(count):
        text = " ".join(rng.choice(words, rng.integers(1, 4)))
        while True:
            colour, ink = (tuple(int(v) for v in rng.integers(0, 256, 3)) for _ in range(2))
            if abs(sum(colour) - sum(ink)) > 270:
                break
        sign = board([text], int(rng.integers(11, 40)), colour, ink, float(rng.uniform(-12, 12)))
        width, height = sign.width + int(rng.integers(10, 300)), sign.height + int(rng.integers(10, 300))
        x, y = int(rng.integers(0, width - sign.width)), int(rng.integers(0, height - sign.height))
        image = scene((sign, (x, y)), size=(width, height))
        box = Box(x, y, x + sign.width, y + sign.height)
        for kind, region in enumerate((None, box)):
            right[kind] += " ".join(texts(reader.read(image, region))) == text
    assert min(right) >= 0.9 * count, right
