"""From a user's pictures to a release of instructions: label, write, report; the whole of it resumable.

    build_instructions(Path("pictures"), Path("instructions"), processes=4)

The folder then holds the shards (release.py), the labels (labels.sqlite, unless they are kept elsewhere), `build.json`
with what it is a build of, and the report as `report.json` and `report.md`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ferret.errors import TrainingError
from training.experts.labelling import LabellingReport, Progress, label_pictures
from training.experts.panel import ExpertSettings
from training.experts.pictures import Pictures, find_pictures
from training.experts.release import Release, ReleaseReport, write_release
from training.experts.writing import WritingSettings

LABELS = "labels.sqlite"
_EXAMPLES = 100


def build_instructions(
    images: Path | Sequence[Path],
    out: Path,
    *,
    labels: Path | None = None,
    experts: ExpertSettings | None = None,
    writing: WritingSettings | None = None,
    processes: int = 1,
    retry_failed: bool = False,
    progress: tuple[Progress, Progress] | None = None,
) -> dict[str, Any]:
    """Write instructions over a user's own pictures, in the released Ferret's format.

    Args:
        images: a folder, a text file that lists pictures, or their paths.
        out: folder of the release; one that holds the same build is continued.
        labels: the file that keeps what the experts saw; by default in `out`. Builds may share one.
        experts: their weights, by default the embedded ones.
        writing: seed, number and balance of the questions.
        processes: how many work at once. The release does not depend on it.
        retry_failed: look again at what could not be read or labelled before.
        progress: called after each picture labelled, and after each shard written.

    Returns:
        The report, as `report.json` has it.

    Raises:
        TrainingError: there are no pictures, the folder holds another build, or it cannot be written.
        WeightsError: the experts' weights are missing or of another kind.
        ToolError: an expert lacks something or cannot be loaded.
    """
    writing = writing or WritingSettings()
    pictures = find_pictures(images)
    store = labels or out / LABELS
    label_progress, write_progress = progress or (None, None)
    _claim(out, pictures, experts or ExpertSettings(), writing)
    labelled = label_pictures(
        pictures, store, experts or ExpertSettings(), processes=processes, retry_failed=retry_failed,
        progress=label_progress,
    )  # fmt: skip
    release = Release(out, store, labelled.experts, writing)
    released = write_release(release, pictures, processes=processes, progress=write_progress)
    report = report_of(pictures, writing, labelled, released)
    _write(out / "report.json", json.dumps(report, indent=1) + "\n")
    _write(out / "report.md", table_of(report))
    return report


def _claim(out: Path, pictures: Pictures, experts: ExpertSettings, writing: WritingSettings) -> None:
    """Note what the folder is a build of; refuse one that holds another."""
    ours = {"pictures": str(pictures.root), "experts": asdict(experts), "writing": asdict(writing)}
    path = out / "build.json"
    try:
        out.mkdir(parents=True, exist_ok=True)
        theirs = json.loads(path.read_text(encoding="utf-8")) if path.exists() else ours
    except OSError as error:
        raise TrainingError(f"cannot use the folder {str(out)!r}: {error.strerror or error}") from None
    except ValueError:
        raise TrainingError(f"{str(path)!r} is damaged: give another folder with --out, or remove this one") from None
    if theirs != ours:
        other = next(name for name in ours if not isinstance(theirs, dict) or theirs.get(name) != ours[name])
        raise TrainingError(
            f"{str(out)!r} holds instructions made with other {other}: give another folder with --out, or remove "
            "this one"
        )
    _write(path, json.dumps(ours, indent=1) + "\n")


def report_of(
    pictures: Pictures, writing: WritingSettings, labelled: LabellingReport, released: ReleaseReport
) -> dict[str, Any]:
    """Everything that there is to say about a build, as plain data."""
    failed: dict[str, int] = {}
    for _, tool, _ in labelled.failures:
        failed[tool] = failed.get(tool, 0) + 1
    return {
        "images": str(pictures.root),
        "experts": [{"tool": expert.tool, "weights": expert.weights} for expert in labelled.experts],
        "writing": asdict(writing),
        "pictures": {
            "found": labelled.total,
            "unreadable": len(labelled.unreadable),
            "same as another": len(released.same),
            **{f"{tool} failed": number for tool, number in sorted(failed.items())},
            **released.counts.get("pictures", {}),
        },
        "files passed over": dict(sorted(pictures.passed_over.items())),
        **{
            heading: dict(sorted(values.items(), key=lambda item: (-item[1], item[0])))
            for heading, values in released.counts.items()
            if heading != "pictures"
        },
        "shards": released.shards,
        "examples": {
            "unreadable": [list(entry) for entry in labelled.unreadable[:_EXAMPLES]],
            "failed": [list(entry) for entry in labelled.failures[:_EXAMPLES]],
            "same as another": released.same[:_EXAMPLES],
        },
    }


def table_of(report: Mapping[str, Any]) -> str:
    """The counts of a report as tables in Markdown."""
    lines = [f"# Instructions over {report['images']}", ""]
    lines += [f"- {expert['tool']}: {expert['weights']}" for expert in report["experts"]] + [""]
    for heading, values in report.items():
        if isinstance(values, dict) and values and all(isinstance(value, int) for value in values.values()):
            lines += [f"| {heading} | |", "|---|--:|"]
            lines += [f"| {name} | {value} |" for name, value in values.items()]
            lines.append("")
    return "\n".join(lines)


def _write(path: Path, text: str) -> None:
    unnamed = path.with_name(f"{path.name}.part")
    try:
        unnamed.write_text(text, encoding="utf-8")
        unnamed.replace(path)
    except OSError as error:
        raise TrainingError(f"cannot write {str(path)!r}: {error.strerror or error}") from None
