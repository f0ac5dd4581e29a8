"""Naming arms: which objects count as overlapped, and a reader that learns while nothing else moves."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from ferret.regions import Box, Mask, Point, Region
from training.ablations.figures import read_figures
from training.ablations.naming import KINDS, Namer, NamingTask, measures, place_of
from training.loop import Draw, LoopSettings, train
from training.nano import WEIGHTS
from training.scene_questions import FIRST_SEED
from training.scenes import Scene

Rectangle = tuple[int, int, int, int]
CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("other", "found"),
    [
        (None, []),
        ((150, 0, 200, 50), []),  # beside it
        ((0, 0, 15, 100), []),  # takes away an edge: the visible box shrinks and is the object's alone
        ((0, 0, 30, 50), []),  # exactly 15 %
        ((0, 0, 25, 61), ["overlapped"]),
        ((45, 45, 55, 55), ["centre covered"]),
        ((30, 30, 70, 71), ["overlapped", "centre covered"]),
        ((30, 30, 50, 70), []),
        ((50, 30, 51, 70), ["centre covered"]),
    ],
)
def test_what_lies_in_a_box_decides_the_measures(
    other: Rectangle | None, found: list[str], draw_scene: Callable[..., Scene]
) -> None:
    things = [("dog", (0, 0, 100, 100))] + ([("owl", other)] if other else [])
    scene = draw_scene(*things)
    for kind in KINDS:
        assert measures(scene, 0, kind) == [kind, *(f"{kind}, {what}" for what in found)]


def test_the_background_covers_nothing(draw_scene: Callable[..., Scene]) -> None:
    scene = draw_scene(("dog", (0, 0, 100, 100)))
    scene.ids[20:80, 20:80] = 0
    assert measures(scene, 0, "mask") == ["mask"]


MASK = np.zeros((50, 200), bool)
MASK[10:20, 100:150] = True


@pytest.mark.parametrize(
    ("region", "place"),
    [
        (Point(50, 25), (0.25, 0.5, 0, 0)),
        (Box(0, 0, 200, 50), (0.5, 0.5, 1, 1)),
        (Box(20, 10, 60, 15), (0.2, 0.25, 0.2, 0.1)),
        (Mask(MASK), (0.625, 0.3, 0.25, 0.2)),
    ],
)
def test_the_text_tells_the_box_of_a_region(region: Region, place: tuple[float, ...]) -> None:
    assert place_of(region, 200, 50) == pytest.approx(place)


def test_a_batch_is_a_function_of_its_draw_and_names_clear_objects() -> None:
    torch.manual_seed(0)
    task = NamingTask("sampler", scenes=1)
    module = task.setup(CPU)
    one, again, other = (task.batch(Draw(seed, 3)) for seed in (5, 5, 6))
    assert all(torch.equal(one[name], again[name]) for name in one)
    assert not torch.equal(one["pixels"], other["pixels"])
    regions = len(one["categories"])
    assert one["points"].shape == (regions, 128, 2)
    assert one["places"].shape == (regions, 4)
    assert regions % len(KINDS) == 0
    assert (one["points"] >= 0).all()
    assert (one["points"] < 1).all()
    assert set(one["index"].tolist()) == {0, 1, 2}
    loss, figures = task.loss(one, 0.0)
    loss.backward()
    learned = {name for name, weight in module.named_parameters() if weight.grad is not None}
    assert learned == {name for name, _ in module.named_parameters() if task.learning_rate(name) > 0}
    assert 0 <= figures["named"] <= 1


def test_what_is_asked_at_the_end_is_never_trained_on(monkeypatch: pytest.MonkeyPatch) -> None:
    task = NamingTask("mean-pool", scenes=3)
    task.setup(CPU)
    made: list[int] = []
    make = task._maker.make
    monkeypatch.setattr(task._maker, "make", lambda seed: made.append(seed) or make(seed))  # type: ignore[func-returns-value]
    task.batch(Draw(1, 4))
    assert max(made) < FIRST_SEED
    made.clear()
    figures = task.measure()
    assert made == [FIRST_SEED, FIRST_SEED + 1, FIRST_SEED + 2]
    assert {figures[kind].count for kind in KINDS} == {figures["mask"].count}
    assert task.measure() == figures


def test_a_few_steps_teach_the_reader_alone_and_leave_measures(tmp_path: Path) -> None:
    settings = LoopSettings(3, batch=2, learning_rate=0.01, warmup=1, average=0.5, processes=1, log_every=1)
    task = NamingTask("sampler", scenes=4)
    train(task, settings, tmp_path)
    figures = read_figures(tmp_path)
    assert set(KINDS) <= set(figures)
    assert all(0 <= one.mean <= 1 and one.count > 0 for one in figures.values())
    fresh, learned = Namer("sampler", WEIGHTS).state_dict(), task._namer.state_dict()
    for name, value in learned.items():
        if name.startswith("encoder."):  # running statistics too
            torch.testing.assert_close(value, fresh[name])
    moved = [name for name in learned if name.startswith("reader.") and not torch.equal(learned[name], fresh[name])]
    assert moved


@pytest.mark.slow
def test_a_reader_learns_to_name(tmp_path: Path) -> None:
    task = NamingTask("mean-pool", scenes=1)
    settings = LoopSettings(40, batch=4, learning_rate=0.01, warmup=5, clip=5.0, processes=1, log_every=10)
    train(task, settings, tmp_path)
    log = (tmp_path / "log.jsonl").read_text().splitlines()
    losses = [float(line.partition('"loss": ')[2].partition(",")[0]) for line in log]
    assert losses[-1] < losses[0] - 0.3
