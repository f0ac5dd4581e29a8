"""`ferret evaluate ablations`: the claims of the papers, tested in the world of our scenes.

    ferret evaluate ablations --out runs/ablations
    ferret evaluate ablations --claims regions,axes --seeds 0,1 --steps-scale 0.5 --out runs/ablations-half

Several processes may work in one folder at the same time, each with seeds of its own.
"""

from pathlib import Path
from typing import Annotated

import typer

from ferret.errors import TrainingError

app = typer.Typer(help="Test the claims of the papers by training arms against each other.")


@app.command("ablations")
def ablations(
    out: Annotated[
        Path, typer.Option(help="Folder of the arms and the report; what was stopped goes on in it.")
    ] = Path("runs/ablations"),
    claims: Annotated[
        str, typer.Option(help="Which, with commas: regions, axes, joint, dense, hints; all by default.")
    ] = "",
    seeds: Annotated[str, typer.Option(help="Which, with commas; two at least for a verdict.")] = "0,1,2",
    steps_scale: Annotated[float, typer.Option(help="How much longer than by default an arm learns.")] = 1.0,
) -> None:
    """Train every arm of the claims with every seed, and write results.json, ablations.md and ablations.png."""
    numbers = _seeds(seeds)
    from training.ablations.claims import Size, chosen
    from training.ablations.running import run_ablations

    names = [name.strip() for name in claims.split(",") if name.strip()]
    run_ablations(chosen(names), numbers, out, Size().scaled(steps_scale))
    typer.echo((out / "ablations.md").read_text(encoding="utf-8"), nl=False)


def _seeds(text: str) -> list[int]:
    try:
        return [int(seed) for seed in text.split(",")]
    except ValueError:
        raise TrainingError(f"{text!r} is not a list of seeds: write for example --seeds 0,1,2") from None


if __name__ == "__main__":
    app()
