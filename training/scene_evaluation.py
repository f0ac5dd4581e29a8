"""`ferret evaluate scenes`: the model alone and the whole assistant, on held-out scenes in trained and in unseen art.

    ferret evaluate scenes --questions 1000 --art both --out runs/scenes

Two columns. "model" is `ferret.engine.Engine` by itself, asked exactly the question; it has no masks and cannot read,
so segmentation and reading are left blank. "assistant" is whatever answers with the contract's answer object; it is
handed in, since this package knows no agent. Every answer is one line of `records.jsonl`, so a run that was stopped
goes on where it stood; `scenes.json` and `scenes.md` are written from the records.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from PIL import Image

from ferret.errors import FerretError, TrainingError
from ferret.regions import Region
from tools.marks import embedded_marks
from tools.marks import weights_mark as weights_mark
from training.art import STYLES, Split, load_art
from training.instructions import object_names
from training.progress import standard_error
from training.scene_questions import KINDS, Question, evaluation_scenes
from training.scene_scores import ERROR, Reply, judge, mean_and_error, reply_of_assistant, reply_of_model
from training.scenes import Scene, SceneMaker, SceneSettings

if TYPE_CHECKING:
    from ferret.engine import Generation, Prompt

MODEL, ASSISTANT = "model", "assistant"
COLUMNS: Mapping[str, str] = {MODEL: "model alone", ASSISTANT: "whole assistant"}
NOT_FOR_MODEL = frozenset({"segment", "read"})
MAX_NEW_TOKENS = 256

KIND_TITLES: Mapping[str, str] = {
    "refer_point": "refer, point",
    "refer_box": "refer, box",
    "refer_mask": "refer, mask",
    "refer_scribble": "refer, scribble",
    "ground_one": "ground one, acc@0.5",
    "ground_all": "ground all of a kind, F1@0.5",
    "absent": "absent object answered `not_found`",
    "exist": "exist",
    "count": "count",
    "list": "list, F1 of names",
    "dense_detect": "dense detection, F1@0.5",
    "segment": "segmentation, mean IoU",
    "relate": "relate two regions",
    "read": "read a sign, exact",
}
ART_TITLES: Mapping[Split, str] = {"train": "Art trained on", "test": "Art never trained on"}


class Model(Protocol):
    """The part of `ferret.engine.Engine` that evaluation needs."""

    def answer(
        self, image: Image.Image, prompts: "Sequence[Prompt]", *, max_new_tokens: int = ...
    ) -> "list[Generation]":
        """One generation for each prompt about one image."""


class Assistant(Protocol):
    """The whole assistant: gives the contract's answer object as a mapping."""

    def __call__(self, question: str, image: Image.Image, regions: Sequence[Region]) -> Mapping[str, Any]:
        """Answer one question about one image."""


Progress = Callable[[int, int], None]
"""Told how many answers are recorded, and of how many."""


@dataclass(frozen=True, slots=True)
class EvaluationSettings:
    """What is asked. `name` says which weights answer, so that a half-done run is not continued with others."""

    name: str
    questions: int = 1000
    arts: tuple[Split, ...] = ("train", "test")
    kinds: tuple[str, ...] = KINDS
    scenes: SceneSettings = field(default_factory=SceneSettings)


@dataclass(frozen=True, slots=True)
class Record:
    """One answer and its score."""

    id: str
    art: Split
    column: str
    kind: str
    question: str
    answer: str
    status: str
    confidence: float
    score: float
    seconds: float
    raw: float | None = None
    """The assistant's score before calibration (0..1), where it tells; `training.calibration` fits on it."""
    intent: str = ""
    """What the assistant took the question for."""


# --- running ----------------------------------------------------------------------------------------------------------


def evaluate_scenes(
    settings: EvaluationSettings,
    folder: Path,
    *,
    model: Model | None,
    assistant: Assistant | None,
    progress: Progress | None = None,
) -> list[Record]:
    """Ask everything that `folder` does not hold yet, and write the tables.

    Args:
        settings: what is asked.
        folder: where records and tables go; made if missing, continued if it holds the same evaluation.
        model: answers the first column, or None to leave it out.
        assistant: answers the second, or None.
        progress: called after each scene.

    Returns:
        All records of the folder, old ones first.

    Raises:
        TrainingError: no column, fewer than one question, or the folder holds another evaluation.
    """
    if model is None and assistant is None:
        raise TrainingError("there is nothing to evaluate: give a model, an assistant or both")
    if settings.questions < 1:
        raise TrainingError(f"{settings.questions!r} questions a kind measure nothing; ask for 1 at least")
    folder.mkdir(parents=True, exist_ok=True)
    _claim(folder, settings)
    records = read_records(folder)
    done = {(record.art, record.column, record.id) for record in records}
    kinds_by_column = {
        column: frozenset(settings.kinds) - blank
        for column, blank, given in ((MODEL, NOT_FOR_MODEL, model), (ASSISTANT, frozenset[str](), assistant))
        if given is not None
    }
    total = sum(map(len, kinds_by_column.values())) * settings.questions * len(settings.arts)
    answered = sum(1 for r in records if r.art in settings.arts and r.kind in kinds_by_column.get(r.column, ()))
    if progress is not None:
        progress(answered, total)
    with (folder / "records.jsonl").open("a", encoding="utf-8") as file:
        for art in settings.arts:
            maker = SceneMaker(load_art(art), settings.scenes)
            for scene, questions in evaluation_scenes(maker, settings.questions, settings.kinds):
                fresh = _ask_scene(scene, questions, art, kinds_by_column, done, model, assistant)
                if not fresh:
                    continue
                file.writelines(json.dumps(asdict(record), ensure_ascii=False) + "\n" for record in fresh)
                file.flush()
                records += fresh
                answered += len(fresh)
                if progress is not None:
                    progress(answered, total)
    write_tables(folder, settings, records)
    return records


def _ask_scene(
    scene: Scene,
    questions: Sequence[Question],
    art: Split,
    kinds_by_column: Mapping[str, frozenset[str]],
    done: set[tuple[Split, str, str]],
    model: Model | None,
    assistant: Assistant | None,
) -> list[Record]:
    """The records of one scene that are missing, both columns."""
    open_questions = {
        column: [q for q in questions if q.kind in kinds and (art, column, q.id) not in done]
        for column, kinds in kinds_by_column.items()
    }
    image = Image.fromarray(scene.image)
    replies: list[tuple[str, Question, Reply, float]] = []
    if model is not None and open_questions[MODEL]:
        start = time.perf_counter()
        said = ask_model(model, image, open_questions[MODEL])
        seconds = (time.perf_counter() - start) / len(said)
        replies += [(MODEL, q, reply, seconds) for q, reply in zip(open_questions[MODEL], said, strict=True)]
    if assistant is not None:
        for question in open_questions[ASSISTANT]:
            start = time.perf_counter()
            reply = ask_assistant(assistant, image, question)
            replies.append((ASSISTANT, question, reply, time.perf_counter() - start))
    return [
        Record(
            id=question.id,
            art=art,
            column=column,
            kind=question.kind,
            question=question.text,
            answer=reply.text,
            status=reply.status,
            confidence=round(reply.confidence, 4),
            score=round(judge(question.kind, reply, question.truth, object_names()), 4),
            seconds=round(seconds, 4),
            raw=reply.raw,
            intent=reply.intent,
        )
        for column, question, reply, seconds in replies
    ]


def ask_model(model: Model, image: Image.Image, questions: Sequence[Question]) -> list[Reply]:
    """The model's replies to all questions about one image, as one batch."""
    from ferret.engine import Prompt

    prompts = [Prompt(question.text, question.regions) for question in questions]
    said = model.answer(image, prompts, max_new_tokens=MAX_NEW_TOKENS)
    return [reply_of_model(one.text, *image.size, one.confidence) for one in said]


def ask_assistant(assistant: Assistant, image: Image.Image, question: Question) -> Reply:
    """The assistant's reply; an error that it raises on purpose is a reply that scores nothing."""
    try:
        return reply_of_assistant(assistant(question.text, image, question.regions))
    except FerretError as error:
        return Reply(text=f"{type(error).__name__}: {error}", status=ERROR, confidence=0.0)


# --- files ------------------------------------------------------------------------------------------------------------


def _claim(folder: Path, settings: EvaluationSettings) -> None:
    """Note in `run.json` what the folder holds; refuse a folder that holds something else."""
    path = folder / "run.json"
    told = {"name": settings.name, "weights": dict(embedded_marks()), "scenes": asdict(settings.scenes)}
    ours = json.loads(json.dumps(told))
    if path.exists():
        theirs = json.loads(path.read_text(encoding="utf-8"))
        if theirs != ours:
            raise TrainingError(
                f"{str(folder)!r} holds an evaluation of {theirs.get('name')!r}, of other weights or other scenes; "
                "give another folder with --out, or remove this one"
            )
    path.write_text(json.dumps(ours, indent=2) + "\n", encoding="utf-8")


def read_records(folder: Path) -> list[Record]:
    """All records of a folder. A last line that was cut off in the middle of writing is taken out of the file.

    Raises:
        TrainingError: any other line is not a record.
    """
    path = folder / "records.jsonl"
    if not path.exists():
        return []
    text = path.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        path.write_text(whole, encoding="utf-8")
    records = []
    for number, line in enumerate(whole.splitlines(), 1):
        try:
            records.append(Record(**json.loads(line)))
        except (ValueError, TypeError) as error:
            raise TrainingError(f"{str(path)!r}, line {number} is not a record ({error}); remove the line") from error
    return records


def summarize(settings: EvaluationSettings, records: Sequence[Record]) -> dict[str, Any]:
    """Mean, standard error and count by art, kind and column, and the mean seconds an answer took."""
    scores: dict[str, dict[str, dict[str, dict[str, float]]]] = {}
    for art, kind, column, group in _groups(settings, records):
        mean, error = mean_and_error([record.score for record in group])
        seconds = sum(record.seconds for record in group) / len(group)
        cell = {"mean": mean, "error": error, "count": len(group), "seconds": seconds}
        scores.setdefault(art, {}).setdefault(kind, {})[column] = cell
    return {"model": settings.name, "questions": settings.questions, "scores": scores}


def _groups(settings: EvaluationSettings, records: Sequence[Record]) -> Iterator[tuple[Split, str, str, list[Record]]]:
    for art in settings.arts:
        for kind in settings.kinds:
            for column in COLUMNS:
                group = [r for r in records if (r.art, r.kind, r.column) == (art, kind, column)]
                if group:
                    yield art, kind, column, group


def write_tables(folder: Path, settings: EvaluationSettings, records: Sequence[Record]) -> None:
    """Write `scenes.json` and `scenes.md` from the records."""
    summary = summarize(settings, records)
    (folder / "scenes.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    (folder / "scenes.md").write_text(markdown_table(summary), encoding="utf-8")


def markdown_table(summary: Mapping[str, Any]) -> str:
    """The table of the README: a group of rows for each art, a column for the model alone and one for the assistant."""
    lines = [f"| | {' | '.join(COLUMNS.values())} | questions |", "|---|---|---|---|"]
    for art, kinds in summary["scores"].items():
        lines.append(f"| **{ART_TITLES[art]}** ({', '.join(STYLES[art])}) | | | |")
        for kind, cells in kinds.items():
            figures = [_figure(cells.get(column)) for column in COLUMNS]
            counts = sorted({str(cell["count"]) for cell in cells.values()})
            lines.append(f"| {KIND_TITLES[kind]} | {' | '.join(figures)} | {' / '.join(counts)} |")
    return "\n".join(lines) + "\n"


def _figure(cell: Mapping[str, float] | None) -> str:
    return "" if cell is None else f"{cell['mean']:.3f} ± {cell['error']:.3f}"


def progress_bar() -> tuple[AbstractContextManager[Any], Progress]:
    """A bar on standard error: a context to run in, and the callback to give to `evaluate_scenes`."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("answers"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    bar = Bar(*columns, console=standard_error())
    task = bar.add_task("answers", total=None)
    return bar, lambda done, total: bar.update(task, completed=done, total=total)
