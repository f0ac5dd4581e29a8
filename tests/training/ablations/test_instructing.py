"""Instruction arms: equal questions, a still encoder, and two stages that hand over what they learned."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from ferret.errors import TrainingError
from training.ablations.claims import ARMS, DENSE_COST, GROUND, LEARNED, REFER, InstructArm, Size
from training.ablations.figures import read_figures
from training.ablations.instructing import QUESTIONS, DenseTask, InstructTask
from training.ablations.running import settings_of
from training.ablations.sight import ENCODER
from training.loop import Draw, LoopSettings, train
from training.nano import WEIGHTS

CPU = torch.device("cpu")
SIZE = Size(naming=2, dense=2, instruct=2, batch=2, scenes=2)
SHORT = LoopSettings(2, batch=2, learning_rate=1e-3, warmup=1, average=0.5, processes=1, log_every=1)
INSTRUCT = [arm for arm in ARMS.values() if isinstance(arm, InstructArm)]


def task_of(name: str, folder: Path = Path(), start: Path | None = None) -> InstructTask:
    task = ARMS[name].task(SIZE, folder, start, WEIGHTS)
    assert isinstance(task, InstructTask)
    return task


@cache
def asked_by(name: str) -> tuple[tuple[str, ...], ...]:
    """The tasks of 32 pictures of an arm."""
    task = task_of(name)
    task.setup(CPU)
    return tuple(tuple(tasks) for seed in range(4) for tasks in task.batch(Draw(seed, 8))["tasks"])


@pytest.mark.parametrize("arm", INSTRUCT, ids=lambda arm: arm.name)
def test_no_question_is_cut_and_only_the_tasks_of_the_arm_are_asked(arm: InstructArm) -> None:
    asked = asked_by(arm.name)
    assert {len(tasks) for tasks in asked} == {QUESTIONS}
    assert {name for tasks in asked for name in tasks} == set(arm.tasks)


@pytest.mark.parametrize(
    ("arm", "some", "among"),
    [
        ("joint", ("refer_point", "refer_box", "refer_mask"), (*REFER, *GROUND)),
        ("joint-longer", ("ground_one", "ground_absent"), (*REFER, *GROUND)),
        ("hints", ("refer_hint",), (*REFER, "refer_hint")),
    ],
)
def test_half_of_the_questions_are_of_either_kind(arm: str, some: tuple[str, ...], among: tuple[str, ...]) -> None:
    asked = [name for tasks in asked_by(arm) for name in tasks if name in among]
    share = sum(name in some for name in asked) / len(asked)
    assert share == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(len(asked)))


@pytest.mark.parametrize("name", ["joint", "grounding", "no-dense"])
def test_the_encoder_stays_as_it_is_and_the_rest_learns(name: str) -> None:
    torch.manual_seed(0)
    task = task_of(name)
    module = task.setup(CPU)
    for parameter_name, parameter in module.named_parameters():
        parameter.requires_grad_(task.learning_rate(parameter_name) > 0)
    loss, figures = task.loss(task.batch(Draw(3, 2)), 0.9)
    loss.backward()
    assert "named" not in figures  # names are learned from words alone
    learned = {n for n, p in module.named_parameters() if p.grad is not None and p.grad.any()}
    assert not any(n.startswith(ENCODER) for n in learned)
    assert any(n.startswith("model.projector.") for n in learned)
    assert any(n.startswith("model.language_model.layers.") for n in learned)
    assert any(n.startswith("model.region_sampler.") for n in learned) == (name != "grounding")


def test_dense_labels_teach_projector_and_sampler_alone(tmp_path: Path) -> None:
    task = DenseTask(output=tmp_path / LEARNED)
    train(task, SHORT, tmp_path)
    learned, shipped = load_file(tmp_path / LEARNED), load_file(WEIGHTS / "model.safetensors")
    assert all(torch.equal(learned[n], v.to(learned[n].dtype)) for n, v in shipped.items() if n.startswith(ENCODER))
    assert not any(".layers." in name and "language_model" in name for name in learned)
    torch.manual_seed(SHORT.seed)
    fresh = DenseTask()
    fresh.setup(CPU)
    before: dict[str, Any] = fresh._looker.model.state_dict()
    moved = {name.split(".")[1] for name, value in learned.items() if not torch.equal(value, before[name])}
    assert moved == {"projector", "region_sampler"}
    assert read_figures(tmp_path) == {}


def test_instructions_start_from_what_dense_labels_left(tmp_path: Path) -> None:
    torch.manual_seed(1)
    dense = DenseTask(output=tmp_path / LEARNED)
    dense.finish(dense.setup(CPU), tmp_path)
    torch.manual_seed(2)
    state = task_of("joint", start=tmp_path / LEARNED).setup(CPU).state_dict()
    assert all(torch.equal(state[name], value) for name, value in load_file(tmp_path / LEARNED).items())
    with pytest.raises(TrainingError, match="is missing"):
        task_of("joint", start=tmp_path / "other").setup(CPU)


def test_arms_without_dense_labels_may_learn_as_long_as_those_cost() -> None:
    size = Size(dense=300, instruct=200)
    assert ARMS["joint"].steps(size) == 200
    assert ARMS["joint-longer"].steps(size) == 400
    assert ARMS["no-dense"].steps(size) == 200 + round(300 * DENSE_COST)
    assert settings_of(ARMS["no-dense"], size, 4).seed == 4


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "measures"),
    [
        ("no-dense", {"refer", "ground"}),
        ("hints", {"refer, hint", "refer, no hint", "read, OCR lines"}),
    ],
)
def test_a_few_steps_leave_measures(name: str, measures: set[str], tmp_path: Path) -> None:
    train(task_of(name), SHORT, tmp_path)
    found = read_figures(tmp_path)
    assert found.keys() - {"refer, wrong hint"} == measures
    assert found["refer" if name == "no-dense" else "refer, hint"].count == (6 if name == "no-dense" else 2)
