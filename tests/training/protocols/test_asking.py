"""Asking: in batches by picture, each answer kept, nothing asked twice, nothing unaskable hidden."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch
from PIL import Image

from ferret.engine import Engine, Generation, Prompt
from ferret.errors import RegionError, RequestError, ToolError, TrainingError
from ferret.regions import Point
from training.protocols.asking import Answer, Taken, ask_all, read_answers
from training.protocols.questions import Question, SizedQuestion


class Speaker:
    """Answers with the size of the picture and the question; refuses the word "long", and more than `room` at once."""

    def __init__(self, room: int = 99, fails_at: int = 99) -> None:
        self.batches: list[list[str]] = []
        self.room, self.fails_at = room, fails_at

    def answer_each(
        self, images: Sequence[Image.Image], prompts: Sequence[Prompt], max_new_tokens: int = 0
    ) -> list[Generation]:
        assert max_new_tokens == 1024
        if len(prompts) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory")
        if len(self.batches) == self.fails_at:
            raise KeyboardInterrupt
        self.batches.append([prompt.question for prompt in prompts])
        for prompt in prompts:
            if "long" in prompt.question:
                raise RequestError("the question takes too many tokens: make it shorter")
        return [
            Generation(f"{image.width} {prompt.question}", (1,), (-0.1,), 0.9, complete="cut" not in prompt.question)
            for image, prompt in zip(images, prompts, strict=True)
        ]


Ask = Callable[..., Taken]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Pictures a.png and b.png, 10 and 20 pixels wide."""
    for name, width in (("a", 10), ("b", 20)):
        Image.new("RGB", (width, 10)).save(tmp_path / f"{name}.png")
    return tmp_path


def asked(folder: Path, *names: str) -> list[Question]:
    """Questions, "a1" about a.png."""
    return [Question(folder / f"{name[0]}.png", name) for name in names]


def ask(questions: list[Question], folder: Path, speaker: Speaker, batch: int = 2) -> Taken:
    return ask_all(questions, folder / "answers.jsonl", lambda: speaker, batch=batch)


def texts(taken: Taken) -> dict[int, str]:
    return {number: answer.answer for number, answer in taken.answers.items()}


def test_questions_about_a_picture_stand_together_and_answers_in_order(folder: Path) -> None:
    speaker, seen = Speaker(), list[tuple[int, int]]()
    questions = asked(folder, "a1", "b1", "a2", "b2", "a3")
    taken = ask_all(
        questions, folder / "answers.jsonl", lambda: speaker, batch=2, progress=lambda *done: seen.append(done)
    )
    assert speaker.batches == [["a1", "a2"], ["a3", "b1"], ["b2"]]
    assert texts(taken) == {0: "10 a1", 1: "20 b1", 2: "10 a2", 3: "20 b2", 4: "10 a3"}
    assert taken.unasked == {}
    assert seen == [(0, 5), (2, 5), (4, 5), (5, 5)]


def test_every_answer_is_a_line(folder: Path) -> None:
    ask(asked(folder, "a1", "a2 cut"), folder, Speaker())
    lines = [json.loads(line) for line in (folder / "answers.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [line.pop("seconds") >= 0 for line in lines] == [True, True]
    assert lines[1] == {
        "id": 1, "image": "a.png", "question": "a2 cut", "answer": "10 a2 cut", "confidence": 0.9, "complete": False,
    }  # fmt: skip


@pytest.mark.parametrize("kept", range(6))
@pytest.mark.parametrize("torn", [0, 9])
def test_stopped_anywhere_it_goes_on_in_the_same_batches(folder: Path, kept: int, torn: int) -> None:
    questions = asked(folder, "a1", "b1", "a2", "b2", "a3")
    whole = Speaker()
    expected = ask(questions, folder, whole)
    path = folder / "answers.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:kept]) + b"".join(lines[kept : kept + 1])[:torn])
    speaker = Speaker()
    assert texts(ask(questions, folder, speaker)) == texts(expected)
    assert speaker.batches == whole.batches[kept // 2 :] if kept < 5 else speaker.batches == []
    assert len(path.read_bytes().splitlines()) == 5


def test_interrupted_it_keeps_what_was_answered(folder: Path) -> None:
    questions = asked(folder, "a1", "a2", "b1")
    with pytest.raises(KeyboardInterrupt):
        ask(questions, folder, Speaker(fails_at=1))
    speaker = Speaker()
    assert len(ask(questions, folder, speaker).answers) == 3
    assert speaker.batches == [["b1"]]


def test_with_nothing_left_to_ask_no_model_is_loaded(folder: Path) -> None:
    questions = asked(folder, "a1")
    ask(questions, folder, Speaker())

    def load() -> Speaker:
        raise AssertionError("loaded")

    assert len(ask_all(questions, folder / "answers.jsonl", load, batch=2).answers) == 1


def test_what_cannot_be_asked_is_told_with_its_reason_and_tried_again(folder: Path) -> None:
    (folder / "d.png").write_bytes(b"no picture")
    sized = SizedQuestion(folder / "b.png", "b2", width=20, height=11)
    questions = [*asked(folder, "a1", "c1", "d1", "b1 long", "b1"), sized]
    taken = ask(questions, folder, Speaker(), batch=6)
    assert texts(taken) == {0: "10 a1", 4: "20 b1"}
    assert {number: reason.split(": ")[0] for number, reason in taken.unasked.items()} == {
        1: f"{str(folder / 'c.png')!r} does not exist",
        2: f"{str(folder / 'd.png')!r} is not an image that can be read",
        3: "the question takes too many tokens",
        5: "'b.png' is 20x10, the data says 20x11",
    }
    Image.new("RGB", (30, 10)).save(folder / "c.png")
    assert texts(ask(questions, folder, Speaker(), batch=6))[1] == "30 c1"


def test_one_refused_question_takes_no_other_along(folder: Path) -> None:
    speaker = Speaker()
    taken = ask(asked(folder, "a1", "a2 long", "a3"), folder, speaker, batch=3)
    assert list(taken.answers) == [0, 2]
    assert speaker.batches == [["a1", "a2 long", "a3"], ["a1"], ["a2 long"], ["a3"]]


def test_a_batch_too_large_for_the_memory_says_so(folder: Path) -> None:
    with pytest.raises(ToolError, match="smaller --batch"):
        ask(asked(folder, "a1", "a2"), folder, Speaker(room=1))
    assert len(ask(asked(folder, "a1", "a2"), folder, Speaker(room=1), batch=1).answers) == 2


def test_another_folder_of_pictures_is_noticed_at_once(folder: Path) -> None:
    with pytest.raises(TrainingError, match=r"none of the pictures is there, .*c\.png.*--images"):
        ask(asked(folder, "c1", "d1"), folder, Speaker())


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{}", "line 1 is no answer"),
        ("[", "is no answer"),
        ("", "is no answer"),
        ('{"id": 1}', "image: Field required"),
        (("a.png", 9, "a1"), "answers another question"),
        (("a.png", -1, "a1"), "answers another question"),
        (("a.png", 0, "a2"), "answers another question"),
        (("b.png", 0, "a1"), "answers another question"),
    ],
)
def test_a_file_of_other_answers_is_refused(folder: Path, line: str | tuple[str, int, str], message: str) -> None:
    if isinstance(line, tuple):
        image, number, question = line
        line = json.dumps(
            {"id": number, "image": image, "question": question, "answer": "", "confidence": 0, "complete": True,
             "seconds": 0}
        )  # fmt: skip
    path = folder / "answers.jsonl"
    path.write_text(line + "\n", encoding="utf-8")
    with pytest.raises(TrainingError, match=message):
        read_answers(path, asked(folder, "a1"))


def test_the_embedded_model_is_asked_as_by_hand(nano: Engine, pictures: Path, tmp_path: Path) -> None:
    first, second = sorted(pictures.iterdir())
    point, outside = (Point(55, 80),), (Point(500, 80),)
    questions = [
        Question(first, "What is <region1>?", point),
        Question(second, "Is there a dog in the image?"),
        Question(first, "What is <region1>?", outside),
        Question(first, "Where is the house?"),
    ]
    taken = ask_all(questions, tmp_path / "answers.jsonl", lambda: nano, batch=4)
    assert sorted(taken.answers) == [0, 1, 3]
    assert "500" in taken.unasked[2]
    for number, answer in taken.answers.items():
        question = questions[number]
        picture = Image.open(question.image).convert("RGB")
        (alone,) = nano.answer(picture, [Prompt(question.text, question.regions)])
        assert answer.answer == alone.text
        assert answer == Answer(
            number, question.image.name, question.text, alone.text, round(alone.confidence, 4), True, answer.seconds
        )
    with pytest.raises(RegionError):
        nano.answer(Image.open(first).convert("RGB"), [Prompt("What is <region1>?", outside)])
