"""The same look is taken once, by whatever it depends on; a look that takes too long does not hold up the answer."""

import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from agent.artifacts import ArtifactStore
from agent.assistant import VisionAgent
from agent.context import Context
from agent.instruments import Instruments
from agent.looks import Looks, fingerprint
from agent.perception import Observed, take_look
from agent.settings import Limits
from agent.state import Look
from ferret.errors import ToolError
from ferret.regions import Box
from tools.base import Instrument, TextLine, ToolStatus
from tools.detector import EMBEDDED, Detector


class CountingReader(Instrument[str]):
    """A reader with weights in a file, which reads them out."""

    name = "ocr"

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.reads = 0

    def describe(self) -> ToolStatus:
        return ToolStatus(self.name, True, "a file", "reads itself")

    def _load(self) -> str:
        return self.path.read_text()

    def read(self, image: Image.Image, region: Box | None = None) -> list[TextLine]:
        object.__setattr__(self, "reads", self.reads + 1)
        box = region or Box(0, 0, *image.size)
        corners = ((box.x1, box.y1), (box.x2, box.y1), (box.x2, box.y2), (box.x1, box.y2))
        return self._run(lambda text: [TextLine(text, 0.9, box, corners)])


def look_at(context: Context, image: Image.Image, tool: str = "ocr", *regions: Any) -> Look:
    return Look(
        tool=tool, image=0, artifact=context.artifacts.put_image(image), regions=list(regions), key=f"{tool}:0:"
    )


def with_reader(reader: CountingReader) -> Instruments:
    return Instruments(loaders={"ocr": lambda: reader})


def box(*numbers: float) -> dict[str, Any]:
    return {"kind": "box", "image": 0, "numbers": list(numbers)}


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "weights"
    path.write_text("first")
    return path


def texts(seen: dict[str, Any], artifacts: ArtifactStore) -> list[str | None]:
    return [line.text for line in Observed([seen], artifacts).lines(0)]


def test_a_look_is_taken_once(agent: VisionAgent, world: Any, scene: Image.Image) -> None:
    first = agent.ask("Where are the apples?", scene)
    second = agent.ask("How many apples are there?", scene.copy())
    assert world.calls.count("detector") == 1
    assert [one.summary for one in first.evidence] == [one.summary for one in second.evidence]
    assert [region.box for region in first.regions] == [region.box for region in second.regions]


@pytest.mark.parametrize(
    ("first", "second", "looks"),
    [
        ([], [], 1),
        ([box(1, 2, 30, 40)], [box(1, 2, 30, 40)], 1),
        ([], [box(1, 2, 30, 40)], 2),
        ([box(1, 2, 30, 40)], [box(1, 2, 30, 41)], 2),
    ],
)
def test_what_is_asked_for_tells_looks_apart(
    first: list[Any],
    second: list[Any],
    looks: int,
    world: Any,
    loaders: dict[str, Callable[[], Any]],
    scene: Image.Image,
) -> None:
    context = Context(Instruments(loaders=loaders), ArtifactStore())
    for regions in (first, second):
        take_look(look_at(context, scene, "ocr", *regions), context)
    assert world.calls == ["ocr"] * looks


def test_pictures_tell_looks_apart(world: Any, loaders: dict[str, Callable[[], Any]]) -> None:
    context = Context(Instruments(loaders=loaders), ArtifactStore())
    for seed in (1, 2, 1):
        take_look(look_at(context, world.paint([], seed=seed), "detector"), context)
    assert world.calls == ["detector"] * 2


def test_a_known_look_may_be_at_another_place_among_the_pictures(agent: VisionAgent, world: Any, thing: Any) -> None:
    dog = world.paint([thing("dog", (10, 60, 70, 130))])
    cat = world.paint([thing("cat", (10, 60, 70, 130))], seed=1)
    agent.ask("Where is the dog?", dog)
    assert [region.image for region in agent.ask("Where is the dog?", cat, dog).regions] == [1]


def test_masks_come_back_into_another_store(agent: VisionAgent, world: Any, scene: Image.Image) -> None:
    first, second = (agent.ask("Segment the dog.", scene) for _ in range(2))
    assert world.calls.count("sam") == 1
    assert first.regions[0].mask == second.regions[0].mask is not None


def test_failures_are_not_kept(agent: VisionAgent, world: Any, scene: Image.Image) -> None:
    world.broken.add("ocr")
    agent.ask("Read the text.", scene)
    world.broken.clear()
    assert '"OPEN 24h"' in agent.ask("Read the text.", scene).text


def test_memory_is_bounded(world: Any, loaders: dict[str, Callable[[], Any]]) -> None:
    context = Context(Instruments(loaders=loaders), ArtifactStore(), looks=Looks(remembered=2))
    for seed in (1, 2, 3, 3, 2, 1):
        take_look(look_at(context, world.paint([], seed=seed), "detector"), context)
    assert len(world.calls) == 4


def test_another_process_recalls_a_look_without_loading_the_model(tmp_path: Path, weights: Path) -> None:
    image = Image.fromarray(np.zeros((20, 30, 3), dtype=np.uint8))
    readers = [CountingReader(weights) for _ in range(2)]
    for reader in readers:
        context = Context(with_reader(reader), ArtifactStore(tmp_path / "kept"))
        assert texts(take_look(look_at(context, image), context), context.artifacts) == ["first"]
    assert [reader.reads for reader in readers] == [1, 0]
    assert readers[1]._model is None


def test_other_weights_see_anew(tmp_path: Path, weights: Path) -> None:
    image = Image.fromarray(np.zeros((20, 30, 3), dtype=np.uint8))
    for text in ("first", "second"):
        weights.write_text(text)
        reader = CountingReader(weights)
        context = Context(with_reader(reader), ArtifactStore(tmp_path / "kept"))
        assert texts(take_look(look_at(context, image), context), context.artifacts) == [text]


def test_a_damaged_look_is_taken_anew(tmp_path: Path, weights: Path) -> None:
    image = Image.fromarray(np.zeros((20, 30, 3), dtype=np.uint8))
    for damage in (False, True, True):
        for path in (tmp_path / "kept").glob("??/look-*") if damage else ():
            path.write_bytes(b"")
        reader = CountingReader(weights)
        context = Context(with_reader(reader), ArtifactStore(tmp_path / "kept"))
        assert texts(take_look(look_at(context, image), context), context.artifacts) == ["first"]
        assert reader.reads == 1


def test_a_fingerprint_is_of_weights_and_settings_alone(tmp_path: Path) -> None:
    copy = tmp_path / "copy.safetensors"
    shutil.copy(EMBEDDED, copy)
    shutil.copy(EMBEDDED.with_suffix(".json"), copy.with_suffix(".json"))
    one, other = Detector(), Detector()
    before = fingerprint(one)
    one._model = object()  # type: ignore[assignment]  # as after loading
    assert fingerprint(one) == before == fingerprint(other)
    assert len({before, fingerprint(Detector(copy)), fingerprint(Detector(score_threshold=0.5))}) == 3
    assert fingerprint(object()) is None


# --- deadlines --------------------------------------------------------------------------------------------------------


def test_an_answer_comes_in_time_without_an_instrument_that_hangs(
    agent: VisionAgent, world: Any, scene: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent.limits = replace(agent.limits, ocr_seconds=0.2)
    use = world.use

    def hang(tool: str) -> None:
        use(tool)
        while tool == "ocr":
            time.sleep(0.002)

    monkeypatch.setattr(world, "use", hang)
    begun = time.monotonic()
    answer = agent.ask("What does the sign say?", scene)
    assert time.monotonic() - begun < 10.0
    assert (answer.text, answer.status) == ("I cannot read it: the text reader took too long.", "unsure")
    told = {one.tool: one.summary for one in answer.evidence}
    assert told["ocr"] == "ocr took longer than 0.2 s and was given up"
    assert told["detector"] == "6 objects"
    monkeypatch.undo()
    assert agent.ask("What does the sign say?", scene).text == 'The sign says "OPEN 24h".'


@pytest.mark.parametrize(
    ("problem", "failure"), [(None, None), ("broken", "failed"), ("slow", "timeout")], ids=str
)
def test_how_a_look_failed_is_typed(
    problem: str | None, failure: str | None, world: Any, loaders: dict[str, Callable[[], Any]], scene: Image.Image
) -> None:
    context = Context(Instruments(loaders=loaders), ArtifactStore(), limits=Limits(detector_seconds=0.05))
    if problem == "broken":
        world.broken.add("detector")
    if problem == "slow":
        loaders["detector"]().world.use = lambda _: time.sleep(0.5)
    seen = take_look(look_at(context, scene, "detector"), context)
    assert (seen["failure"], seen["error"] is None) == (failure, failure is None)


def test_loading_is_not_measured(loaders: dict[str, Callable[[], Any]], scene: Image.Image) -> None:
    reader = loaders["ocr"]()
    reader.load = lambda: time.sleep(0.3)
    context = Context(
        Instruments(loaders={**loaders, "ocr": lambda: reader}), ArtifactStore(), limits=Limits(ocr_seconds=0.2)
    )
    assert take_look(look_at(context, scene), context)["error"] is None


def test_an_instrument_that_cannot_be_made_fails_as_any_other(
    loaders: dict[str, Callable[[], Any]], scene: Image.Image
) -> None:
    def missing() -> None:
        raise ToolError("there are no weights")

    context = Context(Instruments(loaders={**loaders, "ocr": missing}), ArtifactStore())
    assert take_look(look_at(context, scene), context)["error"] == "there are no weights"
