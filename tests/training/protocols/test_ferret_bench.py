"""Ferret-Bench: the questions of its folder, what the judge reads, and the scores."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from PIL import Image

from ferret.errors import ToolError, TrainingError
from ferret.regions import Box
from training.protocols.ferret_bench import (
    FOLDERS,
    BenchQuestion,
    judge_prompt,
    judged_by,
    read_ferret_bench,
    review_answers,
    score_ferret_bench,
)
from training.protocols.judge import RecordedJudge
from training.protocols.questions import Benchmark
from training.readers.report import Report

QUESTIONS = {
    "refer_desc": "What is [0.250, 0.100, 1.002, 0.500] to [0.000, 0.000, 0.500, 0.500]?",
    "refer_reason": "Why is [0.250, 0.100, 0.500, 0.500] there?",
    "ground_conv": "What is there? Give coordinates.",
}
ANSWERS = ["It [1, 2, 3, 4] is near.", "To sit [1, 2, 3, 4] on.", "A dog [100, 200, 300, 400]."]
Reader = Benchmark[BenchQuestion]


def lines(file: Path, *rows: Mapping[str, object]) -> None:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One question of each category, about a picture of 400 x 200."""
    Image.new("RGB", (400, 200)).save(tmp_path / "1.jpg")
    for category, name in FOLDERS.items():
        (tmp_path / name).mkdir()
        texts = {"question": QUESTIONS[category], "context": f"scene {category}", "answer": f"reference {category}"}
        for file, text in texts.items():
            row = {"question_id": 7, "image": "1.jpg", "category": category, "text": text}
            lines(tmp_path / name / f"{file}.jsonl", row)
    rules = {category: {"role": "Assistant", "prompt": f"rate {category}"} for category in FOLDERS}
    (tmp_path / "rule.json").write_text(json.dumps(rules), encoding="utf-8")
    return tmp_path


@pytest.fixture
def benchmark(folder: Path) -> Reader:
    return read_ferret_bench(folder, images=folder, report=Report())


def judge(benchmark: Reader, *replies: str) -> RecordedJudge:
    prompts = [judge_prompt(question, answer) for question, answer in benchmark.answered(ANSWERS)]
    return RecordedJudge(dict(zip(prompts, replies, strict=True)))


def test_boxes_of_questions_become_regions(benchmark: Reader) -> None:
    described, reasoned, talked = benchmark.questions
    assert described.text == "What is <region1> to <region2>?"
    assert described.regions == (Box(100, 20, 400, 100), Box(0, 0, 200, 100))
    assert reasoned.text == "Why is <region1> there?"
    assert (talked.text, talked.regions) == (QUESTIONS["ground_conv"], ())


def test_the_judge_reads_scene_question_reference_and_answer_in_this_order(benchmark: Reader) -> None:
    prompt = judge_prompt(benchmark.questions[0], ANSWERS[0])
    parts = ["scene refer_desc", QUESTIONS["refer_desc"], "[Assistant 1]", "reference refer_desc", "[Assistant 2]",
             "It is near.", "rate refer_desc"]  # fmt: skip
    places = [prompt.index(part) for part in parts]
    assert places == sorted(places)


def test_answers_are_judged_without_boxes_or_with_relative_ones(benchmark: Reader) -> None:
    assert "\nTo sit on.\n" in judge_prompt(benchmark.questions[1], ANSWERS[1])
    assert "\nA dog [0.100, 0.200, 0.300, 0.400].\n" in judge_prompt(benchmark.questions[2], ANSWERS[2])


def test_scores_are_what_the_model_got_of_what_the_references_got(benchmark: Reader) -> None:
    reviews = review_answers(benchmark, ANSWERS, judge(benchmark, "9 6\nwhy", "8 8\n", "7 3.5"))
    result = score_ferret_bench(benchmark, reviews)
    assert {metric.name: metric.value for metric in result.metrics} == pytest.approx(
        {"average": 72.2, "refer_desc": 66.7, "refer_reason": 100, "ground_conv": 50, "unreadable": 0}
    )
    assert [figure.value for figure in result["average"].published][:2] == [64.5, 66.3]


def test_a_review_that_cannot_be_read_counts_as_minus_one_and_is_told(folder: Path) -> None:
    for file, text in (("question", "Why?"), ("context", "scene"), ("answer", "reference")):
        row = {"image": "1.jpg", "category": "ground_conv", "text": text}
        lines(folder / "ground_conv" / f"{file}.jsonl", *({**row, "question_id": number} for number in (1, 2)))
    benchmark = read_ferret_bench(folder, images=folder, report=Report())
    said = [*ANSWERS, "Another."]
    prompts = [judge_prompt(question, answer) for question, answer in benchmark.answered(said)]
    recorded = RecordedJudge(dict(zip(prompts, ["9 9", "9 9", "9 5", "I will not."], strict=True)))
    result = score_ferret_bench(benchmark, review_answers(benchmark, said, recorded))
    assert result["ground_conv"].value == 50  # (5 - 1) / (9 - 1)
    assert result["unreadable"].value == 25


def test_a_category_whose_references_got_nothing_has_no_score(benchmark: Reader) -> None:
    reviews = review_answers(benchmark, ANSWERS, judge(benchmark, "9 9", "no", "9 9"))
    with pytest.raises(ToolError, match="references of 'refer_reason' -1 in all"):
        score_ferret_bench(benchmark, reviews)


def test_reviews_of_other_questions_are_refused(benchmark: Reader) -> None:
    reviews = review_answers(benchmark, ANSWERS, judge(benchmark, "9 9", "9 9", "9 9"))
    for wrong in (reviews[:2], reviews[::-1], []):
        with pytest.raises(TrainingError, match="are not those of the 3 questions"):
            score_ferret_bench(benchmark, wrong)


def test_a_judge_that_fails_is_not_a_bad_answer(benchmark: Reader) -> None:
    with pytest.raises(ToolError, match="no review is recorded"):
        review_answers(benchmark, ANSWERS, RecordedJudge({}))


def test_the_protocol_scores_with_its_judge_and_counts_what_cannot_be_read(benchmark: Reader) -> None:
    judged = judge(benchmark, "9 6\nwhy", "8 8\n", "7 3.5")
    protocol = judged_by(judged)
    assert protocol.score(benchmark, ANSWERS)["average"].value == 72.2
    assert protocol.fault(benchmark.questions[0], ANSWERS[0]) is None
    refusing = judged_by(judge(benchmark, "I will not.", "8 8\n", "7 3.5"))
    assert refusing.fault(benchmark.questions[0], ANSWERS[0]) == "a review without two scores"


def told(folder: Path, images: Path) -> list[tuple[str, str]]:
    """What reading reports, after the file that it is of."""
    report = Report()
    read_ferret_bench(folder, images=images, report=report)
    return [
        (f"{example.file.parent.name}/{example.file.name}, {example.where}", example.reason)
        for example in report.examples
    ]


def test_a_question_that_lacks_something_is_reported_and_the_others_are_asked(folder: Path) -> None:
    row = {"question_id": 8, "image": "1.jpg", "category": "ground_conv", "text": "text"}
    lines(folder / "ground_conv" / "context.jsonl", row)
    reason = "question 7 of 'ground_conv' has no context or answer in 'ground_conv'"
    assert told(folder, folder) == [("ground_conv/question.jsonl, line 1", reason)]


def test_a_box_that_is_none_and_a_picture_that_is_not_there_are_reported(folder: Path) -> None:
    row = {"question_id": 7, "image": "1.jpg", "category": "refer_reason", "text": "Why [0.500, 0.100, 0.500, 0.200]?"}
    lines(folder / "refer_reason" / "question.jsonl", row)
    ((where, reason),) = told(folder, folder)
    assert where == "refer_reason/question.jsonl, line 1"
    assert "has no area" in reason
    # Without its picture a question about a region has no region; the one without a region can be asked still.
    assert ["does not exist" in reason for _, reason in told(folder, folder / "none")] == [True, True]


def test_a_folder_that_lacks_a_file_is_refused(folder: Path) -> None:
    (folder / "ground_conv" / "context.jsonl").unlink()
    with pytest.raises(TrainingError, match=r"cannot read .*context\.jsonl"):
        told(folder, folder)
    (folder / "rule.json").write_text("{}", encoding="utf-8")
    with pytest.raises(TrainingError, match="refer_desc: Field required"):
        told(folder, folder)
