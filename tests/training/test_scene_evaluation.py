"""The evaluation as a whole: two columns, records that survive a stop, tables."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner

from ferret.engine import Generation, Prompt
from ferret.errors import RegionError, TrainingError
from ferret.images import image_hash
from ferret.masks import encode_rle
from ferret.regions import Region
from ferret.words import counted, with_article
from training import cli
from training.art import load_art
from training.instructions import box_text, name_list
from training.scene_evaluation import (
    ASSISTANT,
    MODEL,
    NOT_FOR_MODEL,
    EvaluationSettings,
    evaluate_scenes,
    markdown_table,
    read_records,
    weights_mark,
)
from training.scene_questions import KINDS, Question, evaluation_scenes
from training.scenes import SceneMaker, SceneSettings

SCENES = SceneSettings(side=(128, 160), objects=(2, 6))


def settings(**changes: Any) -> EvaluationSettings:
    return EvaluationSettings(**{"name": "known", "questions": 2, "arts": ("train",), "scenes": SCENES} | changes)


class KnowsAll:
    """A model and an assistant that look the truth up; they prove that right answers score 1, in the exact forms."""

    def __init__(self, questions: int = 2) -> None:
        self.truths: dict[tuple[str, str], Question] = {}
        for scene, asked in evaluation_scenes(SceneMaker(load_art("train"), SCENES), questions):
            key = image_hash(Image.fromarray(scene.image))
            self.truths |= {(key, question.text): question for question in asked}
        self.batches: list[int] = []
        self.asked = 0

    def answer(self, image: Image.Image, prompts: Sequence[Prompt], *, max_new_tokens: int = 64) -> list[Generation]:
        self.batches.append(len(prompts))
        texts = [self.text(self.truths[image_hash(image), prompt.question], image) for prompt in prompts]
        assert max_new_tokens > 100
        return [Generation(text, (), (), 0.75) for text in texts]

    @staticmethod
    def text(question: Question, image: Image.Image) -> str:
        truth, kind = question.truth, question.kind
        boxes = [box_text(box.coordinates, *image.size) for box in truth.boxes]
        if kind.startswith("refer"):
            return with_article(truth.name)
        if kind in {"ground_one", "ground_all"}:
            return f"{truth.name} {' '.join(boxes)}"
        if kind == "absent":
            return f"There is no {truth.name}."
        if kind == "exist":
            return f"Yes, {with_article(truth.name)}." if truth.present else f"No, there is no {truth.name}."
        if kind == "count":
            return f"{counted(len(boxes), truth.name)} {' '.join(boxes)}"
        if kind == "list":
            return name_list({name: truth.labels.count(name) for name in truth.labels})
        if kind == "dense_detect":
            parts = zip(truth.labels, boxes, strict=True)
            return "The objects are: " + ", ".join(f"{n}: {name} {box}" for n, (name, box) in enumerate(parts, 1))
        return truth.text

    def __call__(self, question: str, image: Image.Image, regions: Sequence[Region]) -> Mapping[str, Any]:
        self.asked += 1
        known = self.truths[image_hash(image), question]
        assert tuple(regions) == known.regions
        truth = known.truth
        found = [
            {"label": label, "box": list(box.coordinates), "mask": None, "text": None, "source": "detector"}
            for label, box in zip(truth.labels or (truth.name,) * len(truth.boxes), truth.boxes, strict=True)
        ]
        if truth.mask is not None:
            found[0]["mask"] = encode_rle(truth.mask)
        text = f'It says "{truth.text}".' if known.kind == "read" else self.text(known, image)
        status = "not_found" if known.kind == "absent" else "answered"
        return {"text": text, "status": status, "confidence": 1.0, "spans": [], "regions": found}


class KnowsNothing(KnowsAll):
    @staticmethod
    def text(question: Question, image: Image.Image) -> str:  # noqa: ARG004
        return "a unicycle"

    def __call__(self, *_asked: Any) -> Mapping[str, Any]:
        raise RegionError("the region 'x' is outside the picture; give one inside")


@pytest.fixture(scope="module")
def known() -> KnowsAll:
    return KnowsAll()


def test_right_answers_score_one_in_both_columns(known: KnowsAll, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    records = evaluate_scenes(
        settings(), tmp_path, model=known, assistant=known, progress=lambda done, total: seen.append((done, total))
    )
    wrong = [record for record in records if record.score != 1.0]
    assert wrong == []
    assert len(records) == 2 * (len(KINDS) + len(KINDS) - len(NOT_FOR_MODEL))
    assert seen[-1] == (len(records), len(records))
    assert {record.kind for record in records if record.column == MODEL} == set(KINDS) - NOT_FOR_MODEL
    assert max(known.batches) >= 8, "questions about one picture go to the model together"


def test_wrong_answers_score_nothing(tmp_path: Path) -> None:
    wrong = KnowsNothing(1)
    records = evaluate_scenes(settings(questions=1), tmp_path, model=wrong, assistant=wrong)
    by_model = {record.kind: record.score for record in records if record.column == MODEL}
    assert {kind for kind, score in by_model.items() if score} <= {"exist"}
    by_assistant = [record for record in records if record.column == ASSISTANT]
    assert all(record.score == 0 and record.status == "error" for record in by_assistant)
    assert by_assistant[0].answer.startswith("RegionError: the region 'x'")


def test_a_stopped_run_goes_on(known: KnowsAll, tmp_path: Path) -> None:
    whole = evaluate_scenes(settings(), tmp_path / "whole", model=known, assistant=None)
    evaluate_scenes(settings(questions=1), tmp_path / "parts", model=known, assistant=None)
    path = tmp_path / "parts" / "records.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(lines[:5]) + lines[5][:20], encoding="utf-8")  # killed while it wrote
    before = len(known.batches)
    parts = evaluate_scenes(settings(), tmp_path / "parts", model=known, assistant=None)
    assert {record.id for record in parts} == {record.id for record in whole}
    assert len(parts) == len(whole)
    assert known.batches[before:], "the missing answers were asked for"
    before = len(known.batches)
    again = evaluate_scenes(settings(), tmp_path / "parts", model=known, assistant=None)
    assert [record.id for record in again] == [record.id for record in parts]
    assert known.batches[before:] == []


def test_the_columns_can_be_filled_one_after_the_other(known: KnowsAll, tmp_path: Path) -> None:
    evaluate_scenes(settings(questions=1), tmp_path, model=known, assistant=None)
    records = evaluate_scenes(settings(questions=1), tmp_path, model=None, assistant=known)
    assert {record.column for record in records} == {MODEL, ASSISTANT}
    table = (tmp_path / "scenes.md").read_text(encoding="utf-8")
    assert "| refer, point | 1.000 ± 0.000 | 1.000 ± 0.000 | 1 |" in table
    assert "| segmentation, mean IoU |  | 1.000 ± 0.000 | 1 |" in table
    summary = json.loads((tmp_path / "scenes.json").read_text(encoding="utf-8"))
    assert summary["model"] == "known"
    assert summary["scores"]["train"]["exist"][ASSISTANT]["count"] == 1


def test_another_evaluation_is_not_mixed_in(known: KnowsAll, tmp_path: Path) -> None:
    evaluate_scenes(settings(questions=1, kinds=("exist",)), tmp_path, model=known, assistant=None)
    with pytest.raises(TrainingError, match="--out"):
        evaluate_scenes(settings(questions=1, name="other"), tmp_path, model=known, assistant=None)


def test_retrained_weights_are_told_apart(tmp_path: Path) -> None:
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(b"first")
    first = weights_mark(tmp_path)
    assert weights_mark(tmp_path) == first
    assert len(first) == 12
    weights.write_bytes(b"other")
    assert weights_mark(tmp_path) != first


def test_a_run_without_anyone_to_answer_is_refused(known: KnowsAll, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="model"):
        evaluate_scenes(settings(), tmp_path, model=None, assistant=None)
    with pytest.raises(TrainingError, match="0"):
        evaluate_scenes(settings(questions=0), tmp_path, model=known, assistant=None)


def test_a_damaged_record_is_named(tmp_path: Path) -> None:
    (tmp_path / "records.jsonl").write_text('{"id": 1}\n', encoding="utf-8")
    with pytest.raises(TrainingError, match="line 1"):
        read_records(tmp_path)
    assert read_records(tmp_path / "nowhere") == []


def test_the_table_groups_rows_by_art() -> None:
    cell = {"mean": 0.5, "error": 0.0125, "count": 100, "seconds": 0.1}
    scores = {"train": {"exist": {MODEL: cell, ASSISTANT: cell}}, "test": {"read": {ASSISTANT: cell}}}
    lines = markdown_table({"scores": scores}).splitlines()
    assert lines[0] == "| | model alone | whole assistant | questions |"
    assert lines[2].startswith("| **Art trained on** (noto")
    assert lines[3] == "| exist | 0.500 ± 0.013 | 0.500 ± 0.013 | 100 |"
    assert lines[4].startswith("| **Art never trained on** (openmoji)")
    assert lines[5] == "| read a sign, exact |  | 0.500 ± 0.013 | 100 |"


def test_the_command_says_what_it_takes() -> None:
    shown = CliRunner().invoke(cli.app, ["evaluate", "scenes", "--help"], env={"COLUMNS": "200", "NO_COLOR": "1"})
    assert shown.exit_code == 0
    for option in ("--questions", "--art", "--out", "--column", "--model"):
        assert option in shown.output


def test_the_command_asks_the_assistant_that_it_is_handed(tmp_path: Path) -> None:
    models: list[str] = []

    def factory(model: str) -> KnowsNothing:
        models.append(model)
        return KnowsNothing(1)

    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "config.json").write_text("{}", encoding="utf-8")
    arguments = ["evaluate", "scenes", "--questions", "1", "--art", "train", "--column", "assistant"]
    arguments += ["--model", str(mine), "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(cli.app, arguments, obj=factory)
    assert done.exit_code == 0, done.output
    assert models == [str(mine)]
    assert "Art trained on" in done.output
    alone = CliRunner().invoke(cli.app, arguments)
    assert alone.exit_code == 2
