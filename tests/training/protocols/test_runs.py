"""A run's folder: what it is a run of, what its result holds, and by which rule unasked questions are scored."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from PIL import Image

from ferret.engine import Generation, Prompt
from ferret.errors import TrainingError
from training.protocols.pope import POPE, PopeQuestion
from training.protocols.questions import Benchmark
from training.protocols.runs import Run, RunResult, Weights
from training.readers.report import Report


@dataclass
class Speaker:
    """Says the same to everything."""

    said: str
    complete: bool = True
    device: str = "cpu"

    def answer_each(
        self, images: Sequence[Image.Image], prompts: Sequence[Prompt], max_new_tokens: int = 0
    ) -> list[Generation]:
        del images, max_new_tokens
        return [Generation(self.said, (), (), 0.5, complete=self.complete) for _ in prompts]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "a.png").parent.mkdir(exist_ok=True)
    Image.new("RGB", (9, 9)).save(tmp_path / "a.png")
    path = tmp_path / "coco_pope_random.json"
    path.write_text("{}\n", encoding="utf-8")
    return path


def run(data: Path, speaker: Speaker | None = None) -> Run[PopeQuestion]:
    """Three questions, of which the last is about a picture that is missing, and one malformed line."""
    report = Report()
    report.use(3)
    report.refuse(data, "line 4", "label: Input should be 'yes' or 'no'")
    labels = (("a.png", "yes"), ("a.png", "no"), ("gone.png", "no"))
    questions = tuple(
        PopeQuestion(data.parent / name, f"{number}?", label="yes" if label == "yes" else "no")
        for number, (name, label) in enumerate(labels)
    )
    return Run(
        Benchmark("pope", "random", questions),
        "pope",
        report,
        (data,),
        data.parent / "run",
        Weights("nano", "0123456789ab", lambda: speaker or Speaker("Yes.")),
        command="ferret evaluate pope",
    )


def test_a_result_holds_what_its_numbers_rest_on(data: Path) -> None:
    one = run(data)
    result = one.conclude(one.ask(), POPE)
    assert RunResult.read(one.folder) == RunResult.read(one.folder / "result.json") == result
    values = {metric.name: (metric.value, metric.count) for metric in result.metrics}
    assert values["accuracy"] == (50, 2)
    assert [figure.value for figure in result.metrics[0].published] == [90.24]
    assert (result.questions, result.answered, result.malformed) == (3, 2, 1)
    assert [row.where for row in result.unasked] == ["coco_pope_random.json, line 4", "question 2"]
    assert "gone.png' does not exist" in result.unasked[1].reason
    assert result.unasked_rule == (
        "left out: an empty answer would count as a yes; a malformed record has no truth and is left out"
    )
    assert result.mended == ["a denial by \"isn't\", 'cannot' or 'No!' counted as a yes; it counts as a no"]
    assert (result.weights, result.weights_mark, result.command) == ("nano", "0123456789ab", "ferret evaluate pope")
    assert result.data.keys() == {"coco_pope_random.json"}
    assert result.hardware
    assert result.versions["python"]
    assert result.parsing_faults == {}


@pytest.mark.parametrize(
    ("speaker", "faults"),
    [
        (Speaker("A dog."), {"neither yes nor no": 2}),
        (Speaker(" "), {"empty": 2}),
        (Speaker("", complete=False), {"empty": 2, "cut off at the limit of tokens": 2}),
    ],
)
def test_what_answers_lack_in_form_is_counted(data: Path, speaker: Speaker, faults: dict[str, int]) -> None:
    one = run(data, speaker)
    result = one.conclude(one.ask(), POPE)
    assert {fault: row.count for fault, row in result.parsing_faults.items()} == faults
    assert all(row.first == [0, 1] for row in result.parsing_faults.values())


@pytest.mark.parametrize(("counts", "accuracy"), [(False, 50), (True, 100 / 3)])
def test_the_protocol_says_what_becomes_of_an_unasked_question(data: Path, counts: bool, accuracy: float) -> None:
    one = run(data)
    result = one.conclude(one.ask(), replace(POPE, unasked_counts=counts))
    assert result.metrics[0].value == pytest.approx(accuracy)
    assert result.answered == 2


def test_a_finished_run_is_scored_again_without_asking(data: Path) -> None:
    one = run(data)
    first = one.conclude(one.ask(), POPE)
    again = run(data, Speaker("No."))
    assert again.conclude(again.ask(), POPE) == first


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("data", r"data coco_pope_random\.json \w{12} and not coco_pope_random\.json \w{12}"),
        ("weights", 'weights_mark "0123456789ab" and not "ba9876543210"'),
        ("split", 'split "random" and not "popular"'),
    ],
)
def test_another_run_is_not_continued(data: Path, change: str, message: str) -> None:
    run(data).ask()
    other = run(data)
    if change == "data":
        data.write_text("{} \n", encoding="utf-8")
    elif change == "weights":
        other = replace(other, weights=replace(other.weights, mark="ba9876543210"))
    else:
        other = replace(other, benchmark=Benchmark("pope", "popular", other.benchmark.questions))
    with pytest.raises(TrainingError, match=f"holds another run, with {message}: give another --out"):
        other.ask()


def test_a_folder_of_something_else_is_refused(data: Path) -> None:
    one = run(data)
    one.ask()
    (one.folder / "run.json").unlink()
    with pytest.raises(TrainingError, match="answers of unknown origin"):
        run(data).ask()
    (one.folder / "run.json").write_text("{}", encoding="utf-8")
    with pytest.raises(TrainingError, match=r"is not the start of a run .*identity: Field required"):
        run(data).ask()
    file = replace(run(data), folder=data)
    with pytest.raises(TrainingError, match="cannot"):
        file.ask()


def test_machines_that_took_part_are_all_named(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = run(data)
    for machine in ("first", "second", "first"):
        monkeypatch.setattr("training.protocols.runs.hardware", lambda _device, name=machine: name)
        (one.folder / "answers.jsonl").unlink(missing_ok=True)
        taken = one.ask()
    assert one.conclude(taken, POPE).hardware == "first + second"


def test_nothing_asked_is_no_result(data: Path) -> None:
    one = run(data)
    (data.parent / "a.png").write_bytes(b"no picture")
    with pytest.raises(TrainingError, match=r"none of the 3 questions could be asked, the first since .*a\.png"):
        one.conclude(one.ask(), POPE)
    assert not (one.folder / "result.json").exists()


@pytest.mark.parametrize("content", ["{}", "[]", '{"benchmark": "pope"}'])
def test_what_is_no_result_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "result.json").write_text(content, encoding="utf-8")
    with pytest.raises(TrainingError, match="is no result of a run"):
        RunResult.read(tmp_path)
    with pytest.raises(TrainingError, match="cannot read"):
        RunResult.read(tmp_path / "none")
