"""The sub-commands of `ferret` that belong to training: `ferret train RECIPE` and `ferret evaluate BENCHMARK`.

The command line of the assistant loads this module by name when one of the two is called, and hands over, as the
context's object, a function from a model's name to an assistant (see `AssistantFactory`): this package knows no agent.
Run by itself, `python -m training.cli evaluate scenes`, it measures the model alone.
"""

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ferret.errors import TrainingError
from training.art import STYLES, Split
from training.scene_evaluation import (
    ASSISTANT,
    MODEL,
    Assistant,
    EvaluationSettings,
    evaluate_scenes,
    progress_bar,
    weights_mark,
)

AssistantFactory = Callable[[str], Assistant]
"""From the model's name or folder to a function that answers with the contract's answer object."""

app = typer.Typer(no_args_is_help=True, help="Train the models and measure them.")
evaluate = typer.Typer(no_args_is_help=True, help="Measure the model and the assistant on a benchmark.")
app.add_typer(evaluate, name="evaluate")


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


@app.command("train")
def train(
    recipe: Annotated[str, typer.Argument(help="nano, detector, sam, or embedded for all three.")],
    runs: Annotated[Path, typer.Option(help="Folder of the runs; one that was stopped goes on in it.")] = Path("runs"),
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change a setting of every stage, e.g. steps=200."),
    ] = None,
) -> None:
    """Train what ships with the package; started again, it goes on where it stopped."""
    from training.recipes import run_recipe

    pairs = [pair.partition("=") for pair in settings or []]
    for key, equals, _ in pairs:
        if not equals:
            raise TrainingError(f"{key!r} is not KEY=VALUE: write for example --set steps=200")
    run_recipe(recipe, runs, {key.strip(): value.strip() for key, _, value in pairs})


@evaluate.callback()
def _evaluate() -> None:
    """Measure the model and the assistant on a benchmark."""


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
    model: Annotated[str, typer.Option(help="Embedded model name or a folder.")] = "ferret-nano",
) -> None:
    """Held-out illustrated scenes: refer, ground, exist, count, list, detect, segment, relate, read."""
    from ferret.engine import Engine, find_weights

    factory: AssistantFactory | None = context.find_root().obj
    if factory is None and column is ColumnChoice.ASSISTANT:
        raise typer.BadParameter(
            "no assistant is at hand here; call it as `ferret evaluate scenes`", param_hint="--column"
        )
    engine = Engine.load(model) if column is not ColumnChoice.ASSISTANT else None
    assistant = factory(model) if factory is not None and column is not ColumnChoice.MODEL else None
    arts: tuple[Split, ...] = tuple(split for split in STYLES if art.value in (split, "both"))
    name = f"{model} {weights_mark(find_weights(model))}"
    settings = EvaluationSettings(name=name, questions=questions, arts=arts)
    bar, advance = progress_bar()
    with bar:
        evaluate_scenes(settings, out, model=engine, assistant=assistant, progress=advance)
    typer.echo((out / "scenes.md").read_text(encoding="utf-8"))


if __name__ == "__main__":
    app()
