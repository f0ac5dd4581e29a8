"""Learning to speak: many questions on one picture, each as if it were asked alone."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from ferret.errors import TrainingError
from training.looking import name_vectors
from training.loop import Draw
from training.nano import WORD_LENGTH, new_nano
from training.scenes import Scene, SceneSettings
from training.speaking import CURRICULUM, Lesson, SpeakTask

SIZE = (200, 100)
START = 3 + 49  # `<s> USER :` and the picture
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def task() -> SpeakTask:
    torch.manual_seed(0)
    task = SpeakTask(start=None, output=Path("nowhere"), questions=4)
    task.setup(CPU)
    return task


# --- the task --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("progress", [0.0, 0.1799, 0.18, 0.5, 0.75, 0.999, 1.0])
def test_lessons_follow_the_progress(task: SpeakTask, progress: float) -> None:
    lesson = task.lesson(progress)
    index = CURRICULUM.index(lesson)
    assert progress < lesson.until or index == len(CURRICULUM) - 1
    assert index == 0 or progress >= CURRICULUM[index - 1].until


def test_pictures_fill_up(task: SpeakTask) -> None:
    ends = [lesson.until for lesson in CURRICULUM]
    assert ends == sorted(ends)
    assert ends[-1] == 1.0
    most = [lesson.objects[1] for lesson in CURRICULUM]
    assert most == sorted(most)
    asked: list[SceneSettings] = []
    made = task._maker

    class Spy:
        names = made.names

        def make(self, seed: int, settings: SceneSettings) -> Scene:
            asked.append(settings)
            return made.make(seed, settings)

    other = SpeakTask(start=None, questions=2, curriculum=(Lesson(0.5, (1, 1)), Lesson(1.0, (3, 4))))
    other._maker = Spy()  # type: ignore[assignment]
    other.batch(Draw(0, 2, 0.2))
    other.batch(Draw(0, 2, 0.9))
    assert [settings.objects for settings in asked] == [(1, 1)] * 2 + [(3, 4)] * 2
    assert {settings.side for settings in asked} == {other.settings.side}


def test_a_batch_is_padded_and_depends_on_its_seed(task: SpeakTask) -> None:
    batch, again, other = task.batch(Draw(7, 3, 0.9)), task.batch(Draw(7, 3, 0.9)), task.batch(Draw(8, 3, 0.9))
    rows, length = batch["ids"].shape
    assert rows == 3
    assert length <= START + task.length
    assert batch["pixels"].shape == (3, 3, 224, 224)
    assert batch["points"].shape == (len(batch["index"]), 128, 2)
    assert [len(tasks) for tasks in batch["tasks"]] == batch["segments"].max(1).values.tolist()
    for name in ("labels", "weights", "segments", "positions", "soft"):
        assert batch[name].shape == (rows, length)
    padding = batch["segments"] == -1
    assert padding.any()
    assert (batch["ids"][padding] == 0).all()
    assert (batch["labels"][padding] == -100).all()
    assert not batch["weights"][padding].any()
    assert int((batch["ids"] == 5).sum()) == len(batch["points"])  # a region token for each region, row by row
    looks = len(batch["look_index"])
    assert 0 < looks <= 4 * rows
    assert batch["look_points"].shape == (looks, 128, 2)
    assert batch["categories"].shape == (looks,)
    assert batch["owners"].shape == (rows, 28, 28)
    for image, category in zip(batch["look_index"], batch["categories"], strict=True):
        assert (batch["owners"][image] == category).any()
    assert batch["index"].tolist() == sorted(batch["index"].tolist())
    for name, value in batch.items():
        assert torch.equal(value, again[name]) if isinstance(value, Tensor) else value == again[name]
    assert not torch.equal(batch["pixels"], other["pixels"])


def test_a_few_steps_on_one_batch_lower_the_loss(task: SpeakTask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.speaking.SceneMaker", lambda *_: task._maker)
    module = task.setup(CPU)
    assert module.training
    for name, parameter in module.named_parameters():
        parameter.requires_grad_(task.learning_rate(name) > 0)
    before = {name: value.clone() for name, value in module.state_dict().items() if "vision_tower" in name}
    optimizer = torch.optim.AdamW([p for p in module.parameters() if p.requires_grad], lr=1e-3)
    batch = task.batch(Draw(1, 2, 0.1))
    losses = []
    for _ in range(5):
        optimizer.zero_grad()
        loss, figures = task.loss(dict(batch), 0.1)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        assert all(0 <= share <= 1 for share in figures.values())
    assert losses[-1] < 0.9 * losses[0]
    asked = {name.removeprefix("refer_") for tasks in batch["tasks"] for name in tasks}
    assert {*asked, "named", "token_iou", "gazed"} == {name for name in figures if not name.endswith("@")}
    # The encoder stays as it was at first, its running means included; all else has learned.
    assert all(torch.equal(value, module.state_dict()[name]) for name, value in before.items())
    assert all(p.grad is not None for name, p in module.named_parameters() if "projector" in name)
    # Later it learns as well, but its running means stay.
    task.loss(dict(batch), task.unfreeze)[0].backward()
    assert all(p.grad is not None for name, p in module.named_parameters() if "vision_tower" in name)
    assert all(torch.equal(value, module.state_dict()[name]) for name, value in before.items() if "running" in name)


def test_vectors_that_are_their_names_cost_little(task: SpeakTask) -> None:
    names = name_vectors(task._model, *task._names)
    background = len(names)
    owners = torch.full((1, 28, 28), background)
    owners[0, :8, :4], owners[0, 20:, :] = 3, 7
    boxes = torch.tensor([0.0, 0.0, 1.0, 1.0]).expand(1, 28, 28, 4)
    box: Any = task._model.model.projector.box  # says nothing of what it is shown here, and always the same box

    def looking(tokens: Tensor, regions: Tensor, categories: list[int]) -> tuple[float, float]:
        batch = {"owners": owners, "boxes": boxes, "categories": torch.tensor(categories)}
        with torch.no_grad():
            box.weight.zero_()
            box.bias.copy_(torch.tensor([-20.0, -20.0, 20.0, 20.0]))
            loss, figures = task._looking(tokens, regions, batch)
        assert figures["token_iou"] == pytest.approx(1.0, abs=1e-3)
        return float(loss), figures["named"]

    sure = 1.5 * WORD_LENGTH
    right = torch.zeros(1, 49, names.shape[1])
    right[0, :14:7], right[0, 35:] = names[3], names[7]
    loss, named = looking(right * sure, names[[3, 7]] * sure, [3, 7])
    crossed, none = looking(right * sure, names[[7, 3]] * sure, [3, 7])
    elsewhere, _ = looking(right.flip(1) * sure, names[[3, 7]] * sure, [3, 7])
    assert (named, none) == (1.0, 0.0)
    assert loss < 0.3 < crossed  # what is left is their length
    assert loss < elsewhere


def test_a_coordinate_that_is_nearly_right_costs_little(task: SpeakTask) -> None:
    spread = task._spread
    torch.testing.assert_close(spread.sum(1), torch.ones(1000))
    assert (spread.argmax(1) == torch.arange(1000)).all()
    assert spread[500, 504] > spread[500, 510] > spread[500, 530] >= 0
    assert spread[0, 0] > spread[500, 500]  # at the edge there is one side only


def test_without_the_first_stage_it_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="run 'ferret train nano', whose"):
        SpeakTask(start=tmp_path / "look.safetensors").setup(CPU)


def test_it_starts_from_the_first_stage_and_writes_where_it_is_told(
    task: SpeakTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.speaking.SceneMaker", lambda *_: task._maker)
    torch.manual_seed(5)
    looked = {k: v.contiguous() for k, v in new_nano().state_dict().items() if k != "lm_head.weight"}
    save_file(looked, tmp_path / "look.safetensors")
    torch.manual_seed(6)
    speaker = SpeakTask(start=tmp_path / "look.safetensors", output=tmp_path / "out")
    module = speaker.setup(CPU)
    state = module.state_dict()
    assert all(torch.equal(state[name], value) for name, value in looked.items())
    assert torch.equal(state["lm_head.weight"], looked["model.language_model.embed_tokens.weight"])
    speaker.finish(module.eval(), tmp_path / "run")
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= {
        file.name for file in (tmp_path / "out").iterdir()
    }
    assert not (tmp_path / "run").exists()
