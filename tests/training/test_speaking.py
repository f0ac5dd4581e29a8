"""Learning to speak: many questions on one picture, each as if it were asked alone."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from ferret.errors import TrainingError
from ferret.modeling import FerretForConditionalGeneration
from ferret.regions import Box
from ferret.sampler import sample_points
from training.instructions import DEFAULT_WEIGHTS, Instruction, make_instructions
from training.looking import name_vectors
from training.loop import Draw
from training.nano import nano_tokenizer, new_nano, to_model_size, to_pixels
from training.scenes import Scene, SceneSettings
from training.speaking import CURRICULUM, Lesson, Packed, SpeakTask, pack_questions, packed_mask

SIZE = (200, 100)
START = 3 + 49  # `<s> USER :` and the picture
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def model() -> FerretForConditionalGeneration:
    torch.manual_seed(0)
    return new_nano().eval()


@pytest.fixture(scope="module")
def task() -> SpeakTask:
    torch.manual_seed(0)
    task = SpeakTask(start=None, output=Path("nowhere"), questions=4)
    task.setup(CPU)
    return task


@pytest.fixture
def zoo(draw_scene: Callable[..., Scene]) -> Scene:
    return draw_scene(
        ("dog", (5, 10, 60, 70)),
        ("dog", (70, 40, 110, 95)),
        ("owl", (90, 5, 130, 45)),
        ("sign", (140, 10, 195, 35), "BEST BREAD"),
        ("cat", (140, 50, 190, 90)),
    )


def words(ids: np.ndarray) -> list[str]:
    tokens: list[str] = nano_tokenizer().convert_ids_to_tokens(ids.tolist())
    return tokens


def logits_of(model: FerretForConditionalGeneration, scene: Scene, packed: Packed, mask: Tensor) -> Tensor:
    """Logits [L, V] of a packed row under an attention mask [1, 1, L, L]."""
    points = torch.stack(packed.points) if packed.points else None
    with torch.inference_mode():
        output = model(
            input_ids=torch.from_numpy(packed.ids)[None],
            pixel_values=to_pixels([to_model_size(scene.image)]),
            attention_mask=mask,
            position_ids=torch.from_numpy(packed.positions)[None],
            region_points=points,
            region_image_index=None if points is None else torch.zeros(len(points), dtype=torch.long),
        )
    logits: Tensor = output.logits[0]
    return logits


# --- packing ---------------------------------------------------------------------------------------------------------


def test_a_token_sees_the_picture_and_its_own_question_so_far() -> None:
    mask = packed_mask(torch.tensor([[0, 0, 1, 1, 2, 2], [0, 1, 1, 2, -1, -1]]))
    assert mask.shape == (2, 1, 6, 6)
    assert mask.dtype == torch.bool
    assert mask[0, 0].int().tolist() == [
        [1, 0, 0, 0, 0, 0],
        [1, 1, 0, 0, 0, 0],
        [1, 1, 1, 0, 0, 0],
        [1, 1, 1, 1, 0, 0],
        [1, 1, 0, 0, 1, 0],
        [1, 1, 0, 0, 1, 1],
    ]
    # Nothing that counts looks at the padding, and the padding looks at something, so that its softmax is finite.
    assert not mask[1, 0, :4, 4:].any()
    assert mask[1, 0].any(-1).all()


def test_questions_stand_one_behind_the_other() -> None:
    first = Instruction("list", "What is there?", (), "a dog")
    second = Instruction("ground_one", "Where is the dog?", (), "dog [1, 20, 300, 999]")
    packed = pack_questions([first, second], SIZE, 250)
    assert words(packed.ids[:START]) == ["<s>", "USER", ":", *["<image>"] * 49]
    one = ["What", "is", "there", "?", "ASSISTANT", ":", "a", "dog", "</s>"]
    two = "Where is the dog ? ASSISTANT : dog [ 1 , 20 , 300 , 999 ] </s>".split()
    assert words(packed.ids[START:]) == one + two
    assert packed.segments.tolist() == [0] * START + [1] * len(one) + [2] * len(two)
    assert packed.positions.tolist() == [
        *range(START + len(one)),
        *range(START, START + len(two)),
    ]
    assert packed.tasks == ["list", "ground_one"]
    learned = packed.labels != -100
    assert words(packed.ids[learned]) == one[6:] + two[7:]
    assert (packed.labels[learned] == packed.ids[learned]).all()


def test_an_answer_weighs_as_the_root_of_its_length() -> None:
    long = Instruction("ground_one", "Where is the dog?", (), "dog [1, 20, 300, 999]")
    packed = pack_questions([Instruction("list", "What?", (), "a dog"), long], SIZE, 250)
    assert packed.weights[packed.labels == -100].sum() == 0
    for segment, length in ((1, 3), (2, 11)):
        mine = packed.weights[(packed.segments == segment) & (packed.labels != -100)]
        assert len(mine) == length
        assert mine.sum() == pytest.approx(length**0.5)
        assert np.ptp(mine) == 0


@pytest.mark.parametrize(
    ("answer", "soft"),
    [
        ("a dog", []),
        ("2 dogs", []),
        ("dog [1, 20, 300, 999]", ["1", "20", "300", "999"]),
        ("2 dogs [5, 6, 7, 8] [0, 0, 9, 9]", ["5", "6", "7", "8", "0", "0", "9", "9"]),
        ("The objects are: 1: dog [4, 3, 2, 1], 2: owl [9, 9, 9, 9]", ["4", "3", "2", "1", "9", "9", "9", "9"]),
        ('"BEST 42"', []),
    ],
)
def test_only_numbers_in_brackets_of_answers_are_soft(answer: str, soft: list[str]) -> None:
    question = "Where is the dog near [1, 2, 3, 4]?"
    packed = pack_questions([Instruction("any", question, (), answer)], SIZE, 250)
    assert words(packed.ids[packed.soft]) == soft
    assert (packed.labels[packed.soft] != -100).all()


def test_what_does_not_fit_is_left_out() -> None:
    short = Instruction("list", "What?", (), "a dog")  # 7 tokens
    long = Instruction("describe", "Describe the picture.", (), "The picture shows " + "a dog and " * 30 + "an owl.")
    one = len(pack_questions([short], SIZE, 250).ids) - START
    for length, tasks in ((2 * one, ["list", "list"]), (2 * one - 1, ["list"]), (one, ["list"]), (one - 1, [])):
        packed = pack_questions([short, long, short], SIZE, length)
        assert packed.tasks == tasks
        assert len(packed.ids) == START + one * len(tasks)
        assert max(packed.segments) == len(tasks)


def test_no_question_leaves_the_picture_alone() -> None:
    packed = pack_questions([], SIZE, 250)
    assert len(packed.ids) == START
    assert packed.tasks == packed.points == []


def test_regions_come_in_the_order_in_which_they_are_named() -> None:
    left, right = Box(0, 0, 50, 50), Box(120, 10, 200, 90)
    packed = pack_questions([Instruction("relate", "Is <region2> near <region1>?", (left, right), "above")], SIZE, 250)
    for points, region in zip(packed.points, (right, left), strict=True):
        assert torch.equal(points, sample_points(region.to_mask(*SIZE), 128))
    assert words(packed.ids).count("<region_fea>") == 2


def test_asked_together_is_asked_alone(model: FerretForConditionalGeneration, zoo: Scene) -> None:
    items = make_instructions(zoo, np.random.default_rng(2), 12, {**DEFAULT_WEIGHTS, "dense_refer": 5.0, "relate": 5.0})
    assert sum(len(item.regions) for item in items) >= 8  # read from the cells, where one alone is read point by point
    packed = pack_questions(items, SIZE, 2000)
    assert len(packed.tasks) == len(items)
    segments = torch.from_numpy(packed.segments)
    together = logits_of(model, zoo, packed, packed_mask(segments[None]))
    worst = 0.0
    for number, item in enumerate(items, 1):
        single = pack_questions([item], SIZE, 2000)
        length = len(single.ids)
        alone = logits_of(model, zoo, single, torch.ones(1, 1, length, length, dtype=torch.bool).tril())
        mine = together[segments == number]
        torch.testing.assert_close(mine, alone[START:], atol=1e-4, rtol=0)
        worst = max(worst, float(alone[START:].std()))
    assert worst > 0.1  # the numbers compared are not all alike
    # Without the mask the questions do disturb each other.
    causal = torch.ones(1, 1, len(segments), len(segments), dtype=torch.bool).tril()
    disturbed = logits_of(model, zoo, packed, causal)[segments == len(items)]
    assert (disturbed - together[segments == len(items)]).abs().max() > 1e-2


def test_a_plain_causal_model_gives_the_same(model: FerretForConditionalGeneration, zoo: Scene) -> None:
    (item,) = make_instructions(zoo, np.random.default_rng(3), 1, {"dense_refer": 1.0})
    packed = pack_questions([item], SIZE, 500)
    masked = logits_of(model, zoo, packed, packed_mask(torch.from_numpy(packed.segments)[None]))
    with torch.inference_mode():
        plain = model(
            input_ids=torch.from_numpy(packed.ids)[None],
            pixel_values=to_pixels([to_model_size(zoo.image)]),
            region_points=torch.stack(packed.points),
        ).logits[0]
    torch.testing.assert_close(masked, plain, atol=1e-4, rtol=0)


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
    assert losses[-1] < 0.8 * losses[0]
    asked = {name.removeprefix("refer_") for tasks in batch["tasks"] for name in tasks}
    assert {*asked, "named"} == {name for name in figures if not name.endswith("@")}
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
    right = torch.zeros(1, 49, names.shape[1])
    right[0, :14:7], right[0, 35:] = names[3], names[7]
    loss, named = task._naming(right * 4, owners, names[[3, 7]] * 4, torch.tensor([3, 7]))
    crossed, none = task._naming(right * 4, owners, names[[7, 3]] * 4, torch.tensor([3, 7]))
    elsewhere, _ = task._naming(right.flip(1) * 4, owners, names[[3, 7]] * 4, torch.tensor([3, 7]))
    assert (named, none) == (1.0, 0.0)
    assert loss < 0.01 < crossed
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
