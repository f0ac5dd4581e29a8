"""`ferret instructions IMAGES --out FOLDER`: instruction data over a user's own pictures, labelled by the experts."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from training.experts.labelling import Progress

app = typer.Typer(no_args_is_help=True, help="Write instruction data over your own pictures.")


@app.command("instructions")
def instructions(
    images: Annotated[
        Path, typer.Argument(help="A folder of pictures, or a text file that lists them.", show_default=False)
    ],
    out: Annotated[
        Path,
        typer.Option(help="Folder for the instructions; a build that was stopped goes on in it.", show_default=False),
    ],
    processes: Annotated[int, typer.Option(min=1, help="How many work at once.")] = 1,
    seed: Annotated[int, typer.Option(min=0, help="Of everything that is drawn.")] = 0,
    per_picture: Annotated[int, typer.Option(min=1, help="Questions a picture, at most.")] = 10,
    detector: Annotated[
        str | None, typer.Option(metavar="FILE", help="Weights of the detector; the embedded ones by default.")
    ] = None,
    segmenter: Annotated[
        str | None, typer.Option(metavar="FILE", help="Weights of the segmenter; the embedded ones by default.")
    ] = None,
    reader: Annotated[str, typer.Option(metavar="BACKEND", help="auto, rapidocr or easyocr.")] = "auto",
    labels: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where labels are kept, for several builds to share.")
    ] = None,
    retry_failed: Annotated[bool, typer.Option(help="Look again at what failed before.")] = False,
) -> None:
    """Label pictures with detector, text reader and segmenter, and write what they saw as instructions to train on."""
    from training.experts.build import build_instructions, table_of
    from training.experts.panel import ExpertSettings
    from training.experts.writing import WritingSettings

    with _bars() as (label_progress, write_progress):
        report = build_instructions(
            images,
            out,
            labels=labels,
            experts=ExpertSettings(detector, segmenter, reader),
            writing=WritingSettings(seed=seed, per_picture=per_picture),
            processes=processes,
            retry_failed=retry_failed,
            progress=(label_progress, write_progress),
        )
    typer.echo(table_of(report))


@contextmanager
def _bars() -> "Iterator[tuple[Progress, Progress]]":
    """What moves the first and the second of two bars on standard error; a mistake of the user shows none."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    from training.progress import standard_error

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    bar = Bar(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=standard_error())
    labelled, written = bar.add_task("pictures labelled", total=None), bar.add_task("shards written", total=None)

    def move_labelled(done: int, total: int) -> None:
        bar.start()  # as the first sign of work; started again, nothing happens
        bar.update(labelled, completed=done, total=total)

    try:
        yield move_labelled, lambda done, total: bar.update(written, completed=done, total=total)
    finally:
        if bar.live.is_started:
            bar.stop()


if __name__ == "__main__":
    app()
