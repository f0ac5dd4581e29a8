"""The command `ferret`: small commands over the public classes, and exit statuses that scripts can rely on.

0 answered (a "not found" is an answer), 2 the request is wrong, 1 anything else; errors are one line on standard error.
Heavy modules are imported inside the commands, so that `ferret --help` is quick.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stdout
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from agent import thread_commands
from agent.start_up import end_process, single_answer
from ferret.errors import FerretError, RequestError

if TYPE_CHECKING:
    from PIL.Image import Image

    from agent.answers import Answer
    from agent.batch import BatchLine, BatchReport
    from agent.events import Event, PlanReady
    from ferret.regions import Region

DEBUG = "FERRET_DEBUG"
# The context's object when the process is the command's own, and may end with it.
OWN_PROCESS = "own process"


class _Front(TyperGroup):
    """The command group, with every error as one line and an exit status."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        def run() -> Any:
            return super(_Front, self).main(args, prog_name, complete_var, False, windows_expand_args, **extra)

        if not standalone_mode:
            return run()
        sys.exit(_status_of(run))


def _status_of(run: Any) -> int:
    try:
        result = run()
    except Exception as error:
        if os.environ.get(DEBUG):
            raise
        message, status = _explained(error)
        typer.echo(f"ferret: {message}", err=True)
        return status
    return result if isinstance(result, int) else 0


def _explained(error: Exception) -> tuple[str, int]:
    """One line that says what went wrong, and the exit status."""
    message = " ".join(str(error).split())
    if isinstance(error, RequestError):
        return message, 2
    if hasattr(error, "format_message"):  # the command line itself is wrong: an unknown option, a missing argument
        context = getattr(error, "ctx", None)
        path = context.command_path if context is not None else "ferret"
        return f"{' '.join(error.format_message().split())} (see '{path} --help')", getattr(error, "exit_code", 2)
    if isinstance(error, typer.Abort):
        return "stopped", 1
    if isinstance(error, FerretError):
        return message, 1
    return f"{type(error).__name__}: {message or 'no message'} (set {DEBUG}=1 to see where)", 1


app = typer.Typer(
    name="ferret",
    cls=_Front,
    help="Point at any part of a picture, ask, and get an answer whose words are linked to regions.",
    add_completion=False,
    pretty_exceptions_enable=False,
    invoke_without_command=True,
)

Question = Annotated[str, typer.Argument(help="What to ask; <region1> names the first region.", show_default=False)]
Images = Annotated[list[str] | None, typer.Argument(help="Picture files.", show_default=False, metavar="IMAGE...")]
Regions = Annotated[
    list[str] | None,
    typer.Option(
        "--region",
        "-r",
        metavar="SPEC",
        help="point:X,Y, box:X1,Y1,X2,Y2, polygon:..., scribble:... or mask:FILE.png, in pixels; @2: second picture.",
    ),
]
Model = Annotated[str | None, typer.Option("--model", metavar="NAME_OR_FOLDER", help="Ferret's weights.")]
Thread = Annotated[str | None, typer.Option("--thread", metavar="ID", help="Keep the conversation under this name.")]


@app.callback()
def front(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.", is_eager=True)] = False,
) -> None:
    """Point at any part of a picture, ask, and get an answer whose words are linked to regions."""
    if version:
        from importlib.metadata import version as version_of

        typer.echo(f"ferret {version_of('ferret-agent')}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit


@app.command()
def ask(
    context: typer.Context,
    question: Question,
    images: Images = None,
    region: Regions = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as one JSON object.")] = False,
    save: Annotated[
        str | None, typer.Option("--save", metavar="OVERLAY.png", help="Write the overlay picture.")
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show the plan and why, on standard error, or in JSON as plan.")
    ] = False,
    model: Model = None,
    thread: Thread = None,
) -> None:
    """Ask one question about one or more pictures."""
    # Libraries that chatter must not spoil what a script reads.
    with single_answer(small_models=model is None), redirect_stdout(sys.stderr):
        from agent.answers import checked_picture_path
        from agent.assistant import VisionAgent

        if save is not None:
            checked_picture_path(save)
        agent = VisionAgent(model)
        asker = agent.thread(thread) if thread is not None else agent
        plan: PlanReady | None = None
        if explain:
            plan, answer = _planned_answer(asker.stream(question, images or [], regions=region or []))
        else:
            answer = asker.ask(question, images or [], regions=region or [])
        if save is not None:
            answer.save(save)
        agent.threads.close()
    if as_json:
        told = answer.model_dump(mode="json")
        if plan is not None:
            told["plan"] = plan.model_dump(mode="json", exclude={"kind"})
        typer.echo(json.dumps(told, ensure_ascii=False))
    else:
        if plan is not None:
            _explain(plan)
        _show(answer, save)
    if context.obj == OWN_PROCESS:
        end_process()


def _planned_answer(events: "Iterator[Event]") -> "tuple[PlanReady | None, Answer]":
    """The plan that a stream of events tells, unless it was told before a turn was cut off, and the answer."""
    plan = answer = None
    for event in events:
        if event.kind == "plan":
            plan = event
        elif event.kind == "answer":
            answer = event.answer
    if answer is None:
        raise RuntimeError("the graph ended without an answer")
    return plan, answer


def _explain(plan: "PlanReady") -> None:
    """The steps of a plan for people, each with its reason, on standard error."""
    for number, (step, why) in enumerate(zip(plan.steps, plan.reasons or [""] * len(plan.steps), strict=True), start=1):
        regions = [f"<region{index + 1}>" for index in step["regions"]]
        things = [f"<region{one + 1}>" if isinstance(one, int) else one for one in step["operands"] or step["targets"]]
        named = ", ".join(dict.fromkeys([*things, *regions]))
        line = " ".join(part for part in (step["intent"], named, step["relation"] or step["aspect"] or "") if part)
        typer.echo(typer.style(f"  {number}  {line}", dim=True), err=True)
        if why:
            typer.echo(typer.style(f"     {why}", dim=True), err=True)


def _show(answer: "Answer", save: str | None) -> None:
    """An answer for people: the prose, then its regions."""
    from agent.prose import quotable

    doubt = f"  (not sure: {answer.confidence:.0%})" if answer.status == "unsure" else ""
    typer.echo(answer.text + typer.style(doubt, dim=True))
    for region in answer.regions:
        place = ",".join(f"{number:g}" for number in region.box)
        picture = f"@{region.image + 1}" if region.image else ""
        read = f"  \u201c{quotable(region.text)}\u201d" if region.text else ""
        mask = "  mask" if region.mask else ""
        line = f"  {region.id + 1:>2}  {region.label:<16} box:{place}{picture}  {region.score:.0%}{read}{mask}"
        typer.echo(typer.style(line, dim=True))
    if save is not None:
        typer.echo(typer.style(f"  overlay: {save}", dim=True))


@app.command()
def chat(images: Images = None, model: Model = None, thread: Thread = None) -> None:
    """Talk about pictures in the terminal; /help lists what can be typed."""
    from agent.assistant import VisionAgent
    from agent.chatting.conversation import Chat

    agent = VisionAgent(model)
    try:
        Chat(agent.thread(thread), images or []).run()
    finally:
        agent.threads.close()


@app.command()
def batch(
    source: Annotated[Path, typer.Argument(help="One JSON object a line.", metavar="IN.jsonl", show_default=False)],
    out: Annotated[Path, typer.Option("--out", help="Where the answers go, one a line.", metavar="OUT.jsonl")],
    model: Model = None,
) -> None:
    """Answer many questions from a file; started again, it skips those that are done."""
    from agent.assistant import VisionAgent
    from agent.batch import run_batch

    agents: dict[str | None, VisionAgent] = {None: VisionAgent(model)}

    def answer(line: "BatchLine") -> "Answer":
        if line.model not in agents:
            assert line.model is not None
            agents[line.model] = agents[None].sibling(line.model)
        agent = agents[line.model]
        asker = agent.thread(line.thread) if line.thread is not None else agent
        return asker.ask(line.question, line.images, regions=line.regions)

    with redirect_stdout(sys.stderr):
        done = run_batch(source, out, answer, _progress)
    if sys.stderr.isatty() and done.total:
        typer.echo("", err=True)
    typer.echo(f"{done.answered} answered, {done.failed} failed, {done.skipped} done before: {out}", err=True)


def _progress(report: "BatchReport") -> None:
    if sys.stderr.isatty():
        typer.echo(f"\r{report.seen}/{report.total}  {report.failed} failed ", err=True, nl=False)
    elif report.seen % 100 == 0:
        typer.echo(f"{report.seen}/{report.total}", err=True)


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False, model: Model = None
) -> None:
    """Show versions, devices and weights, what is missing and how to get it."""
    with redirect_stdout(sys.stderr):
        from agent.doctor import as_json as dumped
        from agent.doctor import examine

        checks = examine(model)
    if as_json:
        typer.echo(dumped(checks))
        return
    group = ""
    for check in checks:
        if check.group != group:
            group = check.group
            typer.echo(typer.style(group, bold=True))
        mark = typer.style("ok", fg="green") if check.good else typer.style("--", fg="red")
        typer.echo(f"  {mark}  {check.name:<28} {check.detail}")
        if check.remedy and not check.good:
            typer.echo(f"      {'':<28} mend: {check.remedy}")


app.add_typer(thread_commands.app, name="threads")

_FORWARDED = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


@app.command(context_settings=_FORWARDED)
def train(context: typer.Context) -> None:
    """Train weights by a recipe: ferret train RECIPE (see ferret train --help)."""
    _forward("train", context.args)


@app.command(context_settings=_FORWARDED)
def evaluate(context: typer.Context) -> None:
    """Measure weights on a benchmark: ferret evaluate BENCHMARK (see ferret evaluate --help)."""
    if not context.args:
        raise RequestError("there is no benchmark; name one, as in 'ferret evaluate scenes'")
    _forward("evaluate", context.args)


@app.command(context_settings=_FORWARDED)
def instructions(context: typer.Context) -> None:
    """Write training data over your own pictures: ferret instructions IMAGES (see ferret instructions --help)."""
    _forward("instructions", context.args)


def _forward(command: str, arguments: list[str]) -> None:
    """Hands a sub-command to the training package, which this floor knows by name alone."""
    training = import_module("training.cli")
    result = training.app([command, *arguments], prog_name="ferret", standalone_mode=False, obj=_assistant)
    if isinstance(result, int) and result:
        raise typer.Exit(result)


def _assistant(model: str) -> "Callable[[str, Image, Sequence[Region]], dict[str, Any]]":
    """Answers questions with the whole assistant as plain answer objects, for training's measurements."""
    from agent.assistant import VisionAgent

    agent = VisionAgent(model)
    return lambda question, image, regions: agent.ask(question, image, regions=regions).model_dump()


def main() -> None:
    """Entry point of the `ferret` command."""
    app(obj=OWN_PROCESS)


if __name__ == "__main__":
    main()
