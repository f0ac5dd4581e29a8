"""A small world whose truth is known, and stand-ins for the models that see it, so that the controller is tested alone.

The stand-ins keep to the protocols of `ferret.engine` and `tools.base`; each can be told to be wrong, doubtful or
broken. The whole path with the real weights is tested in test_whole_path.py.
"""

import math
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from PIL import Image, ImageDraw

from agent.assistant import VisionAgent
from agent.instruments import Instruments
from agent.settings import Thresholds
from ferret.engine import Generation, Prompt
from ferret.errors import ToolError
from ferret.images import image_hash
from ferret.regions import Box, Region
from ferret.words import plural, same_name, with_article
from tools.base import Detection, Segment, TextLine

LABELS = ("apple", "banana", "cat", "dog", "glasses", "hot dog", "key", "owl", "sign", "tree", "wolf")
SIZE = (240, 180)


@dataclass
class Thing:
    """One thing in the world. `seen` is the detector's score for it (0: it misses it), `taken_for` the label it
    gives.
    """

    name: str
    box: tuple[float, float, float, float]
    text: str = ""
    seen: float = 0.9
    taken_for: str = ""
    also: tuple[tuple[str, float], ...] = ()


@dataclass
class World:
    """What is on each picture, and what the stand-ins did."""

    things: dict[str, list[Thing]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)
    # What Ferret sees although it is not there: name -> box.
    dreams: dict[str, tuple[float, float, float, float]] = field(default_factory=dict)
    # What Ferret calls a thing, by its true name, and how sure it is.
    misnames: dict[str, str] = field(default_factory=dict)
    sureness: float = 0.95

    def paint(self, things: Sequence[Thing], size: tuple[int, int] = SIZE, seed: int = 0) -> Image.Image:
        """A picture of the things; `seed` tells pictures of equal things apart."""
        image = Image.new("RGB", size, (200, 210, 220 + seed))
        draw = ImageDraw.Draw(image)
        for number, thing in enumerate(things):
            draw.rectangle(thing.box, fill=(40 * number % 256, 90, 255 - 40 * number % 256))
        self.things[image_hash(image)] = list(things)
        return image

    def on(self, image: Image.Image) -> list[Thing]:
        return self.things.get(image_hash(image), [])

    def use(self, tool: str) -> None:
        self.calls.append(tool)
        if tool in self.broken:
            raise ToolError(f"{tool} is out of order")


class FakeDetector:
    labels = LABELS

    def __init__(self, world: World) -> None:
        self.world = world

    def detect(self, image: Image.Image) -> list[Detection]:
        self.world.use("detector")
        found = [
            Detection(label, thing.seen, Box(*thing.box), ((label, thing.seen), *thing.also))
            for thing in self.world.on(image)
            if thing.seen > 0 and (label := thing.taken_for or thing.name)
        ]
        return sorted(found, key=lambda detection: -detection.score)


class FakeReader:
    def __init__(self, world: World) -> None:
        self.world = world

    def read(self, image: Image.Image, region: Box | None = None) -> list[TextLine]:
        self.world.use("ocr")
        lines = []
        for thing in self.world.on(image):
            x1, y1, x2, y2 = thing.box
            # Small text is read only from close by.
            if thing.text and (region is not None or x2 - x1 >= 30):
                box = Box(x1 + 2, y1 + 2, x2 - 2, y2 - 2)
                if region is None or (
                    region.x1 <= (x1 + x2) / 2 <= region.x2 and region.y1 <= (y1 + y2) / 2 <= region.y2
                ):
                    corners = ((box.x1, box.y1), (box.x2, box.y1), (box.x2, box.y2), (box.x1, box.y2))
                    lines.append(TextLine(thing.text, 0.95, box, corners))
        return lines


class FakeSegmenter:
    def __init__(self, world: World) -> None:
        self.world = world

    def segment(
        self, image: Image.Image, regions: Sequence[Region], granularity: str = "best"
    ) -> list[Segment]:
        self.world.use("sam")
        segments = []
        for region in regions:
            bounds = region.bounds(*image.size)
            thing = thing_at(self.world.on(image), bounds)
            box = Box(*thing.box) if thing else bounds
            if granularity == "smallest":  # the upper half is a part
                box = Box(box.x1, box.y1, box.x2, (box.y1 + box.y2) / 2)
            elif granularity == "largest":
                everything = [Box(*one.box) for one in self.world.on(image)] or [box]
                box = Box(
                    min(one.x1 for one in everything), min(one.y1 for one in everything),
                    max(one.x2 for one in everything), max(one.y2 for one in everything),
                )  # fmt: skip
            segments.append(Segment(box.to_mask(*image.size), 0.9, box))
        return segments


class FakeEngine:
    """Answers in the trained forms, from the truth."""

    processor = SimpleNamespace(conversation=SimpleNamespace(stop="</s>"))

    def __init__(self, world: World) -> None:
        self.world = world

    def answer(self, image: Image.Image, prompts: Sequence[Prompt], max_new_tokens: int = 256) -> list[Generation]:
        assert max_new_tokens > 0
        self.world.use("ferret")
        return [Generation(self._say(image, prompt), (1,), (-0.05,), self.world.sureness) for prompt in prompts]

    def score(self, image: Image.Image, prompt: Prompt, continuations: Sequence[str]) -> list[float]:
        self.world.use("ferret")
        said = self._say(image, prompt)
        rest = (1 - self.world.sureness) / max(len(continuations), 1)
        return [math.log(self.world.sureness if text == f"{said}</s>" else rest) for text in continuations]

    def _say(self, image: Image.Image, prompt: Prompt) -> str:
        things = self.world.on(image)
        if prompt.regions:
            thing = thing_at(things, prompt.regions[0].bounds(*image.size))
            name = self.world.misnames.get(thing.name, thing.name) if thing else "tree"
            return with_article(name)
        asked = re.fullmatch(
            r"(?:Where (?:is|are) the|Find all|Is there(?: an?)?|How many) (.+?)(?: are there)?[.?]", prompt.question
        )
        assert asked is not None, prompt.question
        name = asked[1]
        boxes = [thing.box for thing in things if same_name(thing.name, name)]
        boxes += [box for dream, box in self.world.dreams.items() if same_name(dream, name)]
        if not boxes:
            return f"There is no {name}."
        bins = " ".join(_bins(box, image.size) for box in boxes)
        return f"{name if len(boxes) == 1 else plural(name)} {bins}"


def thing_at(things: Sequence[Thing], bounds: Box) -> Thing | None:
    """The smallest thing that holds the middle of a box."""
    x, y = (bounds.x1 + bounds.x2) / 2, (bounds.y1 + bounds.y2) / 2
    held = [t for t in things if t.box[0] <= x <= t.box[2] and t.box[1] <= y <= t.box[3]]
    return min(held, key=lambda t: (t.box[2] - t.box[0]) * (t.box[3] - t.box[1]), default=None)


def _bins(box: tuple[float, float, float, float], size: tuple[int, int]) -> str:
    width, height = size
    x1, y1, x2, y2 = box
    return f"[{int(x1 / width * 1000)}, {int(y1 / height * 1000)}, {int(x2 / width * 1000)}, {int(y2 / height * 1000)}]"


@pytest.fixture
def world() -> World:
    """An empty world."""
    return World()


@pytest.fixture
def thing() -> type[Thing]:
    """How things are made: `thing("dog", (10, 10, 60, 70))`."""
    return Thing


@pytest.fixture
def loaders(world: World) -> dict[str, Callable[[], Any]]:
    """The stand-ins, as `Instruments` takes them."""
    return {
        "ferret": lambda: FakeEngine(world),
        "detector": lambda: FakeDetector(world),
        "ocr": lambda: FakeReader(world),
        "sam": lambda: FakeSegmenter(world),
    }


# For voices that can all be trusted, as these can.
TRUSTING = Thresholds(
    floor=0.1, doubtful_low=0.2, doubtful_high=0.6, present=0.5, listed=0.5, ferret_weight=1.0, sure=0.35,
    unconfirmed=0.6, small=0.0, near=0.0,
)  # fmt: skip


@pytest.fixture
def agent(loaders: dict[str, Callable[[], Any]], tmp_path: Path) -> VisionAgent:
    """An assistant over the stand-ins, with its threads in SQLite."""
    return VisionAgent(instruments=Instruments(loaders=loaders), folder=tmp_path / "state", thresholds=TRUSTING)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A PostgreSQL server of this run's own, reached through a socket in a temporary folder: its URL."""
    pytest.importorskip("psycopg_pool", reason="the extra 'postgres' is not installed")
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    if not programs:
        pytest.skip("there is no PostgreSQL server here (Debian's package postgresql)")
    import psycopg

    folder = Path(tempfile.mkdtemp(prefix="ferret-pg-"))
    # The server refuses to run as root.
    user = next((name for name in ("postgres", "nobody") if _is_user(name)), None) if os.geteuid() == 0 else None
    if user is not None:
        shutil.chown(folder, user)
    options: dict[str, Any] = {"user": user, "cwd": folder, "env": {"PATH": os.environ["PATH"], "LC_ALL": "C"}}
    making: list[str | Path] = [programs[-1] / "initdb", *"-D data -A trust -U ferret -E UTF8 -N".split()]
    subprocess.run(making, check=True, capture_output=True, **options)
    serving: list[str | Path] = [programs[-1] / "postgres", "-D", "data", "-k", folder, "-c", "listen_addresses=", "-F"]
    server = subprocess.Popen(serving, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
    url = f"postgresql://ferret@/postgres?host={folder}"
    try:
        for _ in range(200):
            try:
                psycopg.connect(url).close()
                break
            except psycopg.OperationalError:
                time.sleep(0.1)
        yield url
    finally:
        server.send_signal(signal.SIGQUIT)  # at once: nothing of it is needed any more
        server.wait(30)
        shutil.rmtree(folder)


def _is_user(name: str) -> bool:
    return any(entry.pw_name == name for entry in pwd.getpwall())


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> str | None:
    """Where threads are kept: None for a file, else the URL of a PostgreSQL database, in a part that is empty."""
    if request.param == "sqlite":
        return None
    server: str = request.getfixturevalue("postgres_server")
    import psycopg

    name = f"t{uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}")
    return f"{server}&options=-csearch_path%3D{name}"


@pytest.fixture
def lasting(
    loaders: dict[str, Callable[[], Any]], tmp_path: Path, database: str | None
) -> Iterator[Callable[..., VisionAgent]]:
    """Makes assistants over the stand-ins that keep their threads in one place, each as a new process would."""
    made: list[VisionAgent] = []

    def make(**options: Any) -> VisionAgent:
        instruments = Instruments(loaders=loaders)
        options = {"folder": tmp_path / "state", "database": database, "thresholds": TRUSTING} | options
        made.append(VisionAgent(instruments=instruments, **options))
        return made[-1]

    yield make
    for agent in made:
        agent.threads.close()


@pytest.fixture
def scene(world: World) -> Image.Image:
    """A dog, two apples, a key in front of a tree, and a sign."""
    return world.paint(
        [
            Thing("dog", (10, 60, 70, 130)),
            Thing("apple", (90, 20, 120, 50), seen=0.95),
            Thing("apple", (150, 20, 180, 50), seen=0.85),
            Thing("tree", (130, 70, 230, 175)),
            Thing("key", (150, 100, 170, 120)),
            Thing("sign", (20, 10, 75, 40), text="OPEN 24h"),
        ]
    )


@pytest.fixture
def scene_file(scene: Image.Image, tmp_path: Path) -> Path:
    """The scene as a file."""
    path = tmp_path / "scene.png"
    scene.save(path)
    return path


@pytest.fixture
def mask_of() -> Callable[[tuple[int, int, int, int]], np.ndarray]:
    """A mask of the scene's size from a box in whole pixels."""

    def make(box: tuple[int, int, int, int]) -> np.ndarray:
        mask = np.zeros((SIZE[1], SIZE[0]), dtype=bool)
        mask[box[1] : box[3], box[0] : box[2]] = True
        return mask

    return make
