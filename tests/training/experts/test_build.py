"""A whole build over labels that are there: the report adds up, and a folder holds one build."""

import json
import shutil
from pathlib import Path

import pytest

from ferret.errors import TrainingError
from training.experts.build import build_instructions, table_of
from training.experts.labelling import LabellingReport
from training.experts.writing import WritingSettings
from training.readers import READERS, Report


def test_a_build_its_report_and_what_may_be_built_over_it(
    scenes: Path, labelled: tuple[Path, LabellingReport], tmp_path: Path
) -> None:
    out, labels = tmp_path / "out", tmp_path / "labels.sqlite"
    shutil.copy(labelled[0], labels)
    report = build_instructions(scenes, out, labels=labels, writing=WritingSettings(per_picture=5))
    assert report == json.loads((out / "report.json").read_text())
    pictures = report["pictures"]
    assert (pictures["found"], pictures["unreadable"], pictures["same as another"]) == (5, 1, 1)
    assert pictures["with instructions"] + pictures.get("with nothing certain enough to ask about", 0) == 3
    assert report["files passed over"] == {"not named as a picture": 1}
    assert report["examples"]["unreadable"][0][0] == "broken.png"
    reading = Report()
    samples = list(READERS["ferret"].read(out / "instructions" / "00000.json", images=scenes, report=reading, seed=0))
    assert len(samples) == report["instructions"]["all"] == sum(report["tasks"].values())
    assert reading.malformed == 0
    assert all(sample.image.is_file() for sample in samples)
    table = table_of(report)
    assert (out / "report.md").read_text() == table
    assert f"| found | {pictures['found']} |" in table
    assert "| hints | |" in table

    again = build_instructions(scenes, out, labels=labels, writing=WritingSettings(per_picture=5))
    assert again == report
    for other in (WritingSettings(seed=1, per_picture=5), WritingSettings()):
        with pytest.raises(TrainingError, match="other writing"):
            build_instructions(scenes, out, labels=labels, writing=other)
    with pytest.raises(TrainingError, match="other pictures"):
        build_instructions(
            [scenes.parent / "x.png", scenes / "1.png"], out, labels=labels, writing=WritingSettings(per_picture=5)
        )
    (out / "build.json").write_text("{")
    with pytest.raises(TrainingError, match="damaged"):
        build_instructions(scenes, out, labels=labels)


def test_a_folder_that_is_a_file(scenes: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TrainingError, match="cannot use the folder"):
        build_instructions(scenes, tmp_path / "file")
