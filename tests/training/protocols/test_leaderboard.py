"""One table over runs: which numbers, in which order, and what marks those over fewer records than there are."""

import json
from pathlib import Path
from typing import Any

import pytest

from ferret.errors import TrainingError
from training.protocols.leaderboard import leaderboard, markdown, write_leaderboard
from training.protocols.runs import MetricRow, PublishedRow, RunResult

PUBLISHED = [PublishedRow(model="Ferret 7B", value=87.49, source="Zhang et al. 2024")]


def result(folder: Path, **changes: Any) -> Path:
    metrics = [
        MetricRow(name="acc@0.5", value=12.345, count=9, published=PUBLISHED, detail=False),
        MetricRow(name="acc@0.5, mean box", value=0.0, count=9, published=[], detail=True),
    ]
    made = RunResult(
        benchmark="refcoco", split="val", metrics=metrics, questions=9, answered=9, malformed=0, left_out={},
        unasked=[], unasked_rule="", parsing_faults={}, mended=[], weights="ferret-nano", weights_mark="0123456789ab",
        data={},
        command="ferret evaluate refcoco a.json", hardware="a processor", versions={}, seconds=1.0,
    ).model_copy(update=changes)  # fmt: skip
    made.write(folder)
    return folder


def rows(table: str) -> list[str]:
    return [line for line in table.splitlines()[2:] if line.startswith("|")]


def test_a_row_names_everything_that_a_number_rests_on(tmp_path: Path) -> None:
    table = markdown(leaderboard([result(tmp_path)]))
    assert table.splitlines()[0] == (
        "| benchmark | split | metric | this run | published | answered | weights | hardware | command |"
    )
    (row,) = rows(table)
    assert row == (
        "| refcoco | val | acc@0.5 | 12.35 | Ferret 7B 87.49 | 9 | ferret-nano 0123456789ab | a processor | "
        "`ferret evaluate refcoco a.json` |"
    )
    assert "Published: Zhang et al. 2024." in table
    assert "*" not in table


@pytest.mark.parametrize(
    ("changes", "answered"),
    [({"answered": 8}, "8 of 9"), ({"malformed": 2}, "9 of 11"), ({"questions": 12}, "9 of 12")],
)
def test_a_number_over_fewer_records_is_marked(tmp_path: Path, changes: dict[str, int], answered: str) -> None:
    table = markdown(leaderboard([result(tmp_path, **changes)]))
    assert f"| 12.35* | Ferret 7B 87.49 | {answered} |" in table
    assert "Not every record could be asked" in table


def test_runs_of_one_benchmark_stand_together_whatever_their_order(tmp_path: Path) -> None:
    folders = [
        result(tmp_path / "1", split="testA"),
        result(tmp_path / "2", benchmark="pope"),
        result(tmp_path / "3", weights="other"),
        result(tmp_path / "4"),
    ]
    ordered = markdown(leaderboard(folders))
    assert [[*line.split(" | ")[:2], line.split(" | ")[6]] for line in rows(ordered)] == [
        ["| pope", "val", "ferret-nano 0123456789ab"],
        ["| refcoco", "testA", "ferret-nano 0123456789ab"],
        ["| refcoco", "val", "ferret-nano 0123456789ab"],
        ["| refcoco", "val", "other 0123456789ab"],
    ]
    assert markdown(leaderboard([*folders[::-1], folders[0], tmp_path / "2" / "result.json"][:4])) == ordered


def test_judge_and_bars_in_names_are_written(tmp_path: Path) -> None:
    table = markdown(leaderboard([result(tmp_path, judge="gpt-4-0314", command="a | b")]))
    assert "0123456789ab, judged by gpt-4-0314 |" in table
    assert "`a \\| b`" in table


def test_the_files_hold_the_table_and_all_details(tmp_path: Path) -> None:
    table = leaderboard([result(tmp_path / "run")])
    write_leaderboard(table, tmp_path / "out")
    assert (tmp_path / "out" / "leaderboard.md").read_text(encoding="utf-8") == markdown(table)
    held = json.loads((tmp_path / "out" / "leaderboard.json").read_text(encoding="utf-8"))["rows"]
    assert [row["metric"]["name"] for row in held] == ["acc@0.5", "acc@0.5, mean box"]
    assert held[0]["metric"]["published"] == [PUBLISHED[0].model_dump()]
    assert held[0]["run"] == str(tmp_path / "run")


def test_no_run_and_no_result_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="there is no run"):
        leaderboard([])
    with pytest.raises(TrainingError, match="cannot read"):
        leaderboard([tmp_path])
