"""The sub-commands of `ferret` that belong to training: `train RECIPE`, `evaluate BENCHMARK`, `instructions IMAGES`.

The command line of the assistant loads this module by name when one of the two is called, and hands over, as the
context's object, a function from a model's name to an assistant (`AssistantFactory`): this package knows no agent.
Run by itself, `python -m training.cli evaluate scenes`, it measures the model alone.
"""

from pathlib import Path
from typing import Annotated

import typer

from ferret.errors import TrainingError
from training.ablations.cli import ablations
from training.catalogue import TUNED, listing
from training.experts.cli import instructions
from training.protocols.cli import evaluate

app = typer.Typer(no_args_is_help=True, help="Train the models and measure them.")
app.add_typer(evaluate, name="evaluate")
app.command("instructions")(instructions)
evaluate.command("ablations")(ablations)


@app.command("train", help=f"Train by a recipe; started again, a run goes on where it stopped.\n\n\b\n{listing()}")
def train(
    recipe: Annotated[str, typer.Argument(help="One of the recipes above.")] = "",
    runs: Annotated[Path, typer.Option(help="Folder of the runs; one that was stopped goes on in it.")] = Path("runs"),
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change a setting, of every stage, e.g. steps=200."),
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="Checkpoint to tune, by name or folder, for recipes that tune one.")
    ] = None,
    data: Annotated[Path | None, typer.Option(help="The mixture to tune on: a JSON list of sources.")] = None,
    shard_grad_op: Annotated[
        bool, typer.Option("--shard-grad-op", help="Divide gradients and moments over all processes (ZeRO-2).")
    ] = False,
    full_shard: Annotated[
        bool, typer.Option("--full-shard", help="Divide the weights over all processes as well (ZeRO-3).")
    ] = False,
    plan: Annotated[bool, typer.Option("--plan", help="Only tell how much memory the run would take.")] = False,
    list_recipes: Annotated[bool, typer.Option("--list", help="Only list the recipes.")] = False,
) -> None:
    if list_recipes:
        typer.echo(listing())
        return
    if not recipe:
        raise TrainingError("name a recipe: 'ferret train --list' lists them")
    changes = _changes(settings or [])
    if shard_grad_op and full_shard:
        raise TrainingError("--shard-grad-op and --full-shard exclude each other: --full-shard divides more")
    if shard_grad_op or full_shard:
        changes["sharding"] = "full-shard" if full_shard else "shard-grad-op"
    if recipe in TUNED:
        if model is None or data is None:
            raise TrainingError(f"{recipe} tunes a checkpoint on data of yours: give --model and --data")
        _tune(recipe, model, data, changes, runs, plan)
        return
    if model is not None or data is not None or plan or shard_grad_op or full_shard:
        known = ", ".join(TUNED)
        raise TrainingError(
            f"--model, --data, --plan and sharding are for recipes that tune a checkpoint ({known}), not for {recipe!r}"
        )
    from training.recipes import run_recipe

    run_recipe(recipe, runs, changes)


def _tune(recipe: str, model: str, data: Path, changes: dict[str, str], runs: Path, plan: bool) -> None:
    from training.tuning.recipes import recipe_settings

    settings = recipe_settings(recipe, model, data, changes)
    if plan:
        from ferret.engine import find_weights
        from training.distributed import process_count
        from training.tuning.model import load_config
        from training.tuning.plan import memory_plan, render

        config = load_config(find_weights(model))
        world_size = process_count(settings.processes)
        typer.echo(render(memory_plan(settings, config, world_size=world_size, device_bytes=None)))
        return
    from training.tuning.task import tune

    tune(settings, runs / recipe, runs / "stores", {"recipe": recipe})


def _changes(pairs: list[str]) -> dict[str, str]:
    """Settings given as KEY=VALUE."""
    changes: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise TrainingError(f"{key!r} is not KEY=VALUE: write for example --set steps=200")
        changes[key.strip()] = value.strip()
    return changes


if __name__ == "__main__":
    app()
