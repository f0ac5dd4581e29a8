"""`ferret evaluate BENCHMARK`: the public benchmarks, our scenes, and one table over all runs.

    ferret evaluate pope coco_pope_random.json --images val2014 --model ferret-nano --out runs/pope-random
    ferret evaluate leaderboard runs/*

A run is a folder (see `training.protocols.runs`); the same command goes on where it was stopped.
"""

import os
import shlex
import sys
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ferret.errors import RequestError
from training.art import STYLES, Split
from training.protocols.answers import mended
from training.protocols.captions import CAPTIONS, read_captions
from training.protocols.ferret_bench import judged_by, read_ferret_bench
from training.protocols.flickr30k import FLICKR30K, read_flickr30k
from training.protocols.judge import HttpJudge, Judge, KeptJudge, RecordedJudge
from training.protocols.leaderboard import leaderboard, markdown, write_leaderboard
from training.protocols.lvis import LVIS, Kind, read_lvis
from training.protocols.mme import MME, read_mme
from training.protocols.pope import POPE, read_pope
from training.protocols.provenance import content_mark
from training.protocols.questions import AnyQuestion, Benchmark, Protocol
from training.protocols.refcoco import REFCOCO, read_refcoco
from training.protocols.runs import Run, RunResult, Weights
from training.protocols.scenes import scenes_result
from training.protocols.vqa import VQA, read_vqa
from training.readers.report import Report
from training.scene_evaluation import (
    ASSISTANT,
    MODEL,
    Assistant,
    EvaluationSettings,
    evaluate_scenes,
    progress_bar,
)

AssistantFactory = Callable[[str], Assistant]
"""From the model's name or folder to a function that answers with the contract's answer object."""

JUDGE_KEY = "FERRET_JUDGE_KEY"

evaluate = typer.Typer(no_args_is_help=True, help="Measure the model and the assistant on a benchmark.")


class KindChoice(StrEnum):
    """By what regions are given."""

    POINT = "point"
    BOX = "box"
    FREE_FORM = "free-form"


class ArtChoice(StrEnum):
    """Which drawings the scenes are made of."""

    TRAIN = "train"
    TEST = "test"
    BOTH = "both"


class ColumnChoice(StrEnum):
    """Who answers."""

    MODEL = MODEL
    ASSISTANT = ASSISTANT
    BOTH = "both"


Data = Annotated[Path, typer.Argument(help="The benchmark's file.", show_default=False)]
Folder = Annotated[Path, typer.Argument(help="The benchmark's folder.", show_default=False)]
Images = Annotated[Path, typer.Option("--images", help="Folder of the pictures.", show_default=False)]
Name = Annotated[str, typer.Option("--model", metavar="NAME_OR_FOLDER", help="Embedded model name or a folder.")]
Out = Annotated[Path, typer.Option("--out", help="Folder of the run; one that was stopped goes on in it.")]
Batch = Annotated[int, typer.Option("--batch", min=1, help="Questions that are run together.")]
NANO, TOGETHER = "ferret-nano", 16


def _epilog(name: str) -> str | None:
    """What the reading of answers mends, for the end of a command's help."""
    faults = mended(name)
    return f"Mended faults of the released evaluation: {'. '.join(faults)}." if faults else None


@evaluate.callback()
def _evaluate() -> None:
    """Measure the model and the assistant on a benchmark."""


@evaluate.command("lvis")
def lvis(
    data: Data,
    images: Images,
    out: Out,
    kind: Annotated[KindChoice, typer.Option(help="What is pointed with.")] = KindChoice.BOX,
    model: Name = NANO,
    batch: Batch = TOGETHER,
) -> None:
    """LVIS referring, lvis_eval.jsonl: is the region a this or a that? Accuracy."""
    report = _report()
    form: Kind = kind.value
    benchmark = read_lvis(data, images=images, kind=form, report=report)
    _measured("lvis", benchmark, LVIS, report, (data,), out, model, batch, {"images": images, "kind": form})


@evaluate.command("refcoco", epilog=_epilog("refcoco"))
def refcoco(data: Data, images: Images, out: Out, model: Name = NANO, batch: Batch = TOGETHER) -> None:
    """RefCOCO, RefCOCO+ or RefCOCOg, MDETR's finetune_refcoco*_SPLIT.json: acc@0.5 of the first, mean and any box."""
    report = _report()
    benchmark = read_refcoco(data, images=images, report=report)
    _measured("refcoco", benchmark, REFCOCO, report, (data,), out, model, batch, {"images": images})


@evaluate.command("flickr30k", epilog=_epilog("flickr30k"))
def flickr30k(data: Data, images: Images, out: Out, model: Name = NANO, batch: Batch = TOGETHER) -> None:
    """Flickr30k Entities, MDETR's final_flickr_mergedGT_SPLIT.json: R@1, R@5, R@10 by merged boxes."""
    report = _report()
    benchmark = read_flickr30k(data, images=images, report=report)
    _measured("flickr30k", benchmark, FLICKR30K, report, (data,), out, model, batch, {"images": images})


@evaluate.command("pope", epilog=_epilog("pope"))
def pope(data: Data, images: Images, out: Out, model: Name = NANO, batch: Batch = TOGETHER) -> None:
    """POPE, coco_pope_SPLIT.json: is there a THING? Accuracy, precision, recall, F1 and the share of yes."""
    report = _report()
    benchmark = read_pope(data, images=images, report=report)
    _measured("pope", benchmark, POPE, report, (data,), out, model, batch, {"images": images})


@evaluate.command("vqa", epilog=_epilog("vqa"))
def vqa(
    data: Annotated[Path, typer.Argument(help="v2_OpenEnded_mscoco_SPLIT_questions.json.", show_default=False)],
    annotations: Annotated[Path, typer.Argument(help="v2_mscoco_SPLIT_annotations.json.", show_default=False)],
    images: Images,
    out: Out,
    model: Name = NANO,
    batch: Batch = TOGETHER,
) -> None:
    """VQA v2: short answers to open questions. VQA accuracy."""
    report = _report()
    benchmark = read_vqa(data, annotations, images=images, report=report)
    _measured("vqa", benchmark, VQA, report, (data, annotations), out, model, batch, {"images": images})


@evaluate.command("captions")
def captions(data: Data, images: Images, out: Out, model: Name = NANO, batch: Batch = TOGETHER) -> None:
    """COCO captions, captions_SPLIT.json: a sentence about every picture. CIDEr."""
    report = _report()
    benchmark = read_captions(data, images=images, report=report)
    _measured("captions", benchmark, CAPTIONS, report, (data,), out, model, batch, {"images": images})


@evaluate.command("mme")
def mme(
    data: Folder,
    out: Out,
    images: Annotated[
        Path | None, typer.Option(help="Folder of the pictures, where they are kept apart.", show_default=False)
    ] = None,
    model: Name = NANO,
    batch: Batch = TOGETHER,
) -> None:
    """MME: fourteen kinds of yes-or-no questions. acc and acc+."""
    report = _report()
    benchmark = read_mme(data, images=images or data, report=report)
    _measured("mme", benchmark, MME, report, (data,), out, model, batch, {"images": images})


@evaluate.command("ferret-bench", epilog=_epilog("ferret-bench"))
def ferret_bench(
    data: Folder,
    images: Images,
    out: Out,
    judge: Annotated[
        str | None,
        typer.Option(
            envvar="FERRET_JUDGE_URL",
            metavar="URL",
            help=f"Endpoint that speaks OpenAI's chat completions, up to /chat/completions; its key in {JUDGE_KEY}.",
        ),
    ] = None,
    judge_model: Annotated[
        str, typer.Option(envvar="FERRET_JUDGE_MODEL", help="The judge's name at its endpoint.")
    ] = "gpt-4-0314",
    reviews: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Reviews given before, in place of a judge.", show_default=False),
    ] = None,
    model: Name = NANO,
    batch: Batch = TOGETHER,
) -> None:
    """Ferret-Bench: describe regions, reason about them, talk with boxes; a judge compares with reference answers.

    Without a judge the answers alone are taken; the same command with a judge goes on from there.
    """
    report = _report()
    benchmark = read_ferret_bench(data, images=images, report=report)
    options: dict[str, object] = {"images": images}
    asked: Judge | None = None
    if reviews is not None:
        asked = RecordedJudge.read(reviews)
        options |= {"reviews": reviews}
    elif judge is not None:
        asked = KeptJudge(HttpJudge(judge, judge_model, os.environ.get(JUDGE_KEY, "")), out / "reviews.jsonl")
        options |= {"judge": judge, "judge-model": judge_model}
    protocol = judged_by(asked) if asked is not None else None
    name = asked.name if asked is not None else None
    _measured("ferret-bench", benchmark, protocol, report, (data,), out, model, batch, options, judge=name)


@evaluate.command("scenes")
def scenes(
    context: typer.Context,
    out: Annotated[
        Path, typer.Option(help="Folder for records and tables; a run that was stopped goes on in it.")
    ] = Path("runs/scenes"),
    questions: Annotated[int, typer.Option(min=1, help="Questions of each kind.")] = 1000,
    art: Annotated[ArtChoice, typer.Option(help="Drawings trained on, never trained on, or both.")] = ArtChoice.BOTH,
    column: Annotated[
        ColumnChoice, typer.Option(help="The model alone, the whole assistant, or both.")
    ] = ColumnChoice.BOTH,
    model: Name = NANO,
) -> None:
    """Held-out illustrated scenes: refer, ground, exist, count, list, detect, segment, relate, read."""
    from ferret.engine import Engine

    factory: AssistantFactory | None = context.find_root().obj
    if factory is None and column is ColumnChoice.ASSISTANT:
        raise typer.BadParameter(
            "no assistant is at hand here; call it as `ferret evaluate scenes`", param_hint="--column"
        )
    weights = _weights(model)
    engine = Engine.load(model) if column is not ColumnChoice.ASSISTANT else None
    assistant = factory(model) if factory is not None and column is not ColumnChoice.MODEL else None
    arts: tuple[Split, ...] = tuple(split for split in STYLES if art.value in (split, "both"))
    settings = EvaluationSettings(name=f"{model} {weights.mark}", questions=questions, arts=arts)
    bar, advance = progress_bar()
    with bar:
        records = evaluate_scenes(settings, out, model=engine, assistant=assistant, progress=advance)
    options = {"questions": questions, "art": art.value, "column": column.value}
    command = _command("scenes", (), out, model, options)
    device = str(engine.device) if engine is not None else _default_device()
    scenes_result(settings, records, weights=weights, device=device, command=command).write(out)
    typer.echo((out / "scenes.md").read_text(encoding="utf-8"))


@evaluate.command("leaderboard")
def table(
    runs: Annotated[list[Path], typer.Argument(help="Folders of runs, or their result.json.", show_default=False)],
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder for leaderboard.md and leaderboard.json.", show_default=False),
    ] = None,
) -> None:
    """One table over runs: published number, ours, weights, hardware, command."""
    found = leaderboard(runs)
    if out is not None:
        write_leaderboard(found, out)
    typer.echo(markdown(found), nl=False)


def _measured(
    name: str,
    benchmark: Benchmark[AnyQuestion],
    protocol: Protocol[AnyQuestion] | None,
    report: Report,
    data: tuple[Path, ...],
    out: Path,
    model: str,
    batch: int,
    options: Mapping[str, object],
    *,
    judge: str | None = None,
) -> None:
    """Run a benchmark and show its table; without a protocol the answers alone are taken."""
    for folder in data:
        if folder.is_dir() and out.resolve().is_relative_to(folder.resolve()):
            raise RequestError(f"--out {str(out)!r} lies in the data {str(folder)!r}: give a folder elsewhere")
    run = Run(
        benchmark=benchmark,
        name=name,
        report=report,
        data=data,
        folder=out,
        weights=_weights(model),
        command=_command(name, data, out, model, options),
        batch=batch,
    )
    bar, advance = progress_bar()
    with bar:
        taken = run.ask(advance)
    if protocol is None:
        _say(f"{len(taken.answers)} answers are kept in {str(out)!r}; give --judge or --reviews to have them scored")
        return
    result = run.conclude(taken, protocol, judge)
    _tell(result)
    typer.echo(markdown(leaderboard([out])), nl=False)


def _tell(result: RunResult) -> None:
    """On standard error, what makes the numbers less than whole."""
    if result.unasked:
        first = result.unasked[0]
        _say(f"{len(result.unasked)} record(s) could not be asked, the first is {first.where}: {first.reason}")
        _say(f"the rule for them: {result.unasked_rule}")
    for fault, row in result.parsing_faults.items():
        _say(f"{row.count} of {result.answered} answers: {fault}")


def _say(message: str) -> None:
    typer.echo(message, err=True)


def _report() -> Report:
    """A report that keeps every record that could not be read, for the result lists them."""
    return Report(keep=sys.maxsize)


def _weights(model: str) -> Weights:
    from ferret.engine import Engine, find_weights

    folder = find_weights(model)
    return Weights(folder.resolve().name, content_mark(folder), lambda: Engine.load(model))


def _default_device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _command(name: str, data: tuple[Path, ...], out: Path, model: str, options: Mapping[str, object]) -> str:
    """The line that gives the same run, less what only sets the pace."""
    words = ["ferret", "evaluate", name, *map(str, data)]
    for option, value in {**options, "model": model, "out": out}.items():
        if value is not None:
            words += [f"--{option}", str(value)]
    return shlex.join(words)
