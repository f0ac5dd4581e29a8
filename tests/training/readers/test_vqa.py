"""VQA v2: two files that belong together, and the answer that most people gave."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ferret.errors import TrainingError
from training.readers import Report, Sample

Write = Callable[[str, Any], Path]
Read = Callable[..., tuple[list[Sample], Report]]

QUESTIONS = "v2_OpenEnded_mscoco_train2014_questions.json"
ANNOTATIONS = "v2_mscoco_train2014_annotations.json"


def question(number: int, text: Any = "What is this?", image: int = 458752) -> dict[str, Any]:
    return {"image_id": image, "question": text, "question_id": number}


def annotation(number: int, answer: Any = "net", image: int = 458752) -> dict[str, Any]:
    return {
        "question_type": "what is this", "multiple_choice_answer": answer, "image_id": image, "question_id": number,
        "answers": [{"answer": "net", "answer_confidence": "maybe", "answer_id": 1}], "answer_type": "other",
    }  # fmt: skip


@pytest.fixture
def vqa(write: Write) -> Callable[[list[Any], list[Any]], Path]:
    def put(questions: list[Any], annotations: list[Any]) -> Path:
        write(ANNOTATIONS, {"info": {}, "data_subtype": "train2014", "annotations": annotations, "license": {}})
        return write(QUESTIONS, {"info": {}, "data_subtype": "train2014", "questions": questions, "license": {}})

    return put


def test_questions_meet_their_answers(vqa: Callable[..., Path], read: Read) -> None:
    samples, report = read(
        "vqa", vqa([question(2), question(1, "Is it?", 9)], [annotation(1, "yes", 9), annotation(2)])
    )
    assert [(sample.id, sample.image.name) for sample in samples] == [
        ("1", "COCO_train2014_000000000009.jpg"),
        ("2", "COCO_train2014_000000458752.jpg"),
    ]
    (turn,) = samples[0].turns
    assert turn.question == "Is it? Answer with one word or a short phrase."
    assert (turn.answer, turn.regions, turn.boxes, samples[0].size) == ("yes", (), (), None)
    assert report.used == 2


@pytest.mark.parametrize(
    ("questions", "annotations", "places", "used"),
    [
        ([question(1)], [], ["questions, id 1"], 0),
        ([], [annotation(1)], ["annotations[0]"], 0),
        ([question(1)], [annotation(1), annotation(1)], ["annotations[1]"], 1),
        ([question(1)], [annotation(1, image=8)], ["annotations[0]"], 0),
        ([question(1)], [annotation(1, " ")], ["annotations[0]", "questions, id 1"], 0),
        ([question(1, "")], [annotation(1)], ["questions[0]", "annotations[0]"], 0),
        ([question(1, image=-1), question(2)], [annotation(2)], ["questions[0]"], 1),
        ([question(1), question(1)], [annotation(1)], ["questions[1]"], 1),
    ],
)
def test_what_does_not_fit_is_reported(
    questions: list[Any], annotations: list[Any], places: list[str], used: int, vqa: Callable[..., Path], read: Read
) -> None:
    samples, report = read("vqa", vqa(questions, annotations))
    assert [example.where for example in report.examples] == places
    assert len(samples) == report.used == used
    assert all(
        example.file.name == (ANNOTATIONS if example.where.startswith("annotations") else QUESTIONS)
        for example in report.examples
    )


@pytest.mark.parametrize("name", ["questions.json", "v2_OpenEnded_mscoco_test2015_questions.json"])
def test_the_split_is_read_off_the_name(name: str, write: Write, read: Read) -> None:
    with pytest.raises(TrainingError, match="does not say its split"):
        read("vqa", write(name, {"questions": []}))


def test_the_answers_must_lie_beside_the_questions(write: Write, read: Read) -> None:
    with pytest.raises(TrainingError, match=ANNOTATIONS):
        read("vqa", write(QUESTIONS, {"questions": []}))
