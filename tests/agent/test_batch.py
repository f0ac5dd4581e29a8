"""Batches: one line in, one line out, whatever happens; and resumed where they stopped."""

import json
from pathlib import Path
from typing import Any

import pytest

from agent.answers import Answer
from agent.batch import BatchLine, BatchReport, run_batch
from ferret.errors import RequestError


@pytest.fixture
def files(scene_file: Path) -> tuple[Path, Path]:
    return scene_file.parent / "in.jsonl", scene_file.parent / "out.jsonl"


@pytest.fixture
def ask(agent: Any) -> Any:
    def answer(line: BatchLine) -> Answer:
        answer.asked.append(line.id)  # type: ignore[attr-defined]
        return agent.ask(line.question, line.images, regions=line.regions)

    answer.asked = []  # type: ignore[attr-defined]
    return answer


def write(path: Path, *lines: object) -> None:
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def question(identity: object, text: str = "Where is the dog?", **more: object) -> dict[str, object]:
    return {"id": identity, "question": text, "images": ["scene.png"], **more}


def test_every_line_is_answered_in_the_contract_s_form(files: tuple[Path, Path], ask: Any) -> None:
    source, out = files
    write(source, question("a", note="mine"), question(7, "What is this?", regions=["box:10,60,70,130"]))
    report = run_batch(source, out, ask)
    first, second = read(out)
    assert (report.answered, report.failed, report.skipped) == (2, 0, 0)
    assert first.pop("id") == "a"
    assert Answer.model_validate(first).text == "The dog is here."
    assert second["id"] == 7
    assert second["text"] == "This is a dog."


@pytest.mark.parametrize(
    ("line", "identity", "kind", "says"),
    [
        ("not json", None, "RequestError", "not JSON"),
        ("[1, 2]", None, "RequestError", "not a JSON object"),
        ("[" * 5000, None, "RequestError", "not JSON"),
        ({"question": "What?"}, None, "RequestError", "id"),
        ({"id": True, "question": "What?"}, None, "RequestError", "id"),
        ({"id": "x"}, "x", "RequestError", "question"),
        ({"id": "x", "question": "What?", "images": "a.png"}, "x", "RequestError", "images"),
        ({"id": "x", "question": "What?", "regions": [3]}, "x", "RequestError", "regions"),
        (question("x", ""), "x", "RequestError", "empty"),
        (question("x", images=["gone.png"]), "x", "ImageError", "gone.png"),
        (question("x", images=[]), "x", "RequestError", "no picture"),
        (question("x", regions=["box:1,2"]), "x", "RegionError", "takes 4"),
        (question("x", region="box:10,60,70,130"), "x", "RequestError", "write 'regions'"),
        ({"id": "x", "Question": "What?", "images": ["scene.png"]}, "x", "RequestError", "write 'question'"),
        (question("x", save="overlay.doc"), "x", "RequestError", "end its name"),
    ],
)
def test_a_bad_line_is_reported_and_the_work_goes_on(
    files: tuple[Path, Path], ask: Any, line: object, identity: object, kind: str, says: str
) -> None:
    source, out = files
    write(source, line, question("good"))
    report = run_batch(source, out, ask)
    assert (report.answered, report.failed) == (1, 1)
    bad, good = read(out)
    assert bad["id"] == identity
    assert bad["error"]["type"] == kind
    assert says in bad["error"]["message"]
    assert good["status"] == "answered"
    assert run_batch(source, out, ask).skipped == 2
    assert len(read(out)) == 2


def test_an_unforeseen_failure_does_not_stop_the_batch(files: tuple[Path, Path], ask: Any) -> None:
    source, out = files
    write(source, question("a"), question("b"))

    def failing(line: BatchLine) -> Answer:
        if line.id == "a":
            raise MemoryError
        return ask(line)  # type: ignore[no-any-return]

    run_batch(source, out, failing)
    assert [record.get("error", {}).get("type") for record in read(out)] == ["MemoryError", None]


def test_half_a_surrogate_pair_does_not_stop_the_batch(files: tuple[Path, Path], ask: Any) -> None:
    source, out = files
    write(source, question("\ud800"), question("a", "What is \udcff?"), question("b"))
    assert run_batch(source, out, ask).failed == 1
    assert [record["id"] for record in read(out)] == ["\ud800", "a", "b"]
    assert run_batch(source, out, ask).skipped == 3


@pytest.mark.parametrize("kept", [1, 5, 12, 200, -1])
def test_a_line_cut_off_anywhere_is_written_anew(files: tuple[Path, Path], ask: Any, kept: int) -> None:
    source, out = files
    write(source, question("a"))
    run_batch(source, out, ask)
    out.write_bytes(out.read_bytes()[:kept])
    assert run_batch(source, out, ask).answered == 1
    assert [record["id"] for record in read(out)] == ["a"]


def test_started_again_it_skips_what_is_done(files: tuple[Path, Path], ask: Any) -> None:
    source, out = files
    write(source, question("a"), question("b"))
    run_batch(source, out, ask)
    before = out.read_bytes()
    write(source, question("a"), question("b"), question("c"))
    report = run_batch(source, out, ask)
    assert (report.answered, report.skipped) == (1, 2)
    assert out.read_bytes().startswith(before)
    assert ask.asked == ["a", "b", "c"]


def test_a_line_that_was_cut_off_is_written_anew(files: tuple[Path, Path], ask: Any) -> None:
    source, out = files
    write(source, question("a"), question("b"))
    run_batch(source, out, ask)
    out.write_bytes(out.read_bytes()[:-40])
    run_batch(source, out, ask)
    assert [record["id"] for record in read(out)] == ["a", "b"]


def test_ids_of_text_and_number_are_different(files: tuple[Path, Path], ask: Any) -> None:
    source, out = files
    write(source, question("7"), question(7), question("7"))
    report = run_batch(source, out, ask)
    assert [record["id"] for record in read(out)] == ["7", 7]
    assert report.skipped == 1


def test_lines_are_written_as_they_are_answered(files: tuple[Path, Path], ask: Any) -> None:
    source, out = files
    write(source, question("a"), question("b"))
    sizes: list[int] = []

    def seen(report: BatchReport) -> None:
        sizes.append(len(out.read_bytes().splitlines()))
        assert report.total == 2

    run_batch(source, out, ask, seen)
    assert sizes == [1, 2]


def test_an_overlay_is_saved_where_a_line_says(files: tuple[Path, Path], ask: Any, tmp_path: Path) -> None:
    source, out = files
    write(source, question("a", save=str(tmp_path / "a.png")))
    run_batch(source, out, ask)
    assert (tmp_path / "a.png").stat().st_size > 0


def test_masks_beside_the_input_are_found(files: tuple[Path, Path], ask: Any, mask_of: Any, tmp_path: Path) -> None:
    from PIL import Image

    Image.fromarray(mask_of((10, 60, 70, 130))).save(tmp_path / "mask.png")
    source, out = files
    write(
        source,
        question("a", "What is this?", regions=["mask:mask.png"]),
        question("b", "What is this?", regions=["mask:mask.png@1"]),
    )
    run_batch(source, out, ask)
    assert [record["text"] for record in read(out)] == ["This is a dog."] * 2


def test_files_that_cannot_be_used_are_said(files: tuple[Path, Path], ask: Any, tmp_path: Path) -> None:
    source, out = files
    with pytest.raises(RequestError, match="does not exist"):
        run_batch(source, out, ask)
    write(source, question("a"))
    with pytest.raises(RequestError, match="the input itself"):
        run_batch(source, source, ask)
    with pytest.raises(RequestError, match="cannot write"):
        run_batch(source, tmp_path / "no" / "out.jsonl", ask)
    for notes in ("my notes\n", "my notes", '{"id": "a", "question": "Where is the dog?"}', '{"id": 1}\n'):
        out.write_text(notes)
        with pytest.raises(RequestError, match="not the output of a batch"):
            run_batch(source, out, ask)
        assert out.read_text() == notes
    out.unlink()
    out.hardlink_to(source)
    with pytest.raises(RequestError, match="the input itself"):
        run_batch(source, out, ask)


def test_blank_lines_are_no_lines(files: tuple[Path, Path], ask: Any) -> None:
    source, out = files
    write(source, "", question("a"), "   ", "")
    assert run_batch(source, out, ask).total == 1
