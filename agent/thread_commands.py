"""The command `ferret threads`: the conversations that are kept, and what became of each.

It works on the store alone: no weights are looked at, and a conversation under way is left to go on.
"""

import json
from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ferret.errors import RequestError

if TYPE_CHECKING:
    from agent.threads import ThreadStore

app = typer.Typer(help="List, show and delete the conversations that are kept.", invoke_without_command=True)

Name = Annotated[str, typer.Argument(help="The thread's name, as ferret threads lists it.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.callback()
def threads(context: typer.Context, as_json: AsJson = False) -> None:
    """List the threads, each with the number of its turns and its last question."""
    if context.invoked_subcommand is not None:
        return
    from agent.threads import ThreadStore

    with closing(ThreadStore()) as store:
        kept = [(name, store.database.turns(name)) for name in store.names()]
    listed = [
        {"name": name, "turns": len(turns), "last_question": turns[-1][1]["question"] if turns else None}
        for name, turns in kept
    ]
    if as_json:
        _print_json({"threads": listed})
    elif not listed:
        typer.echo("no thread is kept; ferret chat, or ferret ask with --thread NAME, begins one")
    else:
        _print_table(listed)


def _print_table(listed: list[dict[str, Any]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from agent.chatting.screen import plain

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("thread", overflow="fold")
    table.add_column("turns", justify="right")
    table.add_column("last question", overflow="fold")
    for one in listed:
        # None of the words is markup, nor may it steer the terminal.
        asked = Text(plain(one["last_question"])) if one["turns"] else Text("(not answered yet)", style="dim")
        table.add_row(Text(plain(one["name"])), str(one["turns"]), asked)
    Console(highlight=False).print(table)


@app.command()
def show(name: Name, as_json: AsJson = False) -> None:
    """Show the turns of a thread: what was asked, and what was answered."""
    from agent.threads import ThreadStore

    with closing(ThreadStore()) as store:
        turns = _turns(store, name)
    if as_json:
        _print_json({"name": name, "turns": [{"number": number, **turn} for number, turn in turns]})
        return
    from agent.chatting.screen import plain

    for number, turn in turns:
        typer.echo(typer.style(plain(f"{number}  {turn['question']}"), bold=True))
        told = turn["answer"]["text"] if turn["answer"] is not None else f"(not answered: {turn.get('error')})"
        typer.echo(f"   {plain(told)}")
    if not turns:
        typer.echo("its first question is not answered yet")


@app.command()
def delete(
    name: Name, yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask whether it is meant.")] = False
) -> None:
    """Forget a thread; ferret threads collect then frees the pictures that it alone needed."""
    from agent.threads import ThreadStore

    with closing(ThreadStore()) as store:
        count = len(_turns(store, name))
        if not yes:
            turns = "1 turn" if count == 1 else f"{count} turns"
            typer.confirm(f"Forget thread {name!r} with its {turns}?", abort=True, err=True)
        store.delete(name)
    typer.echo(f"deleted: {name}", err=True)


@app.command()
def collect(as_json: AsJson = False) -> None:
    """Remove the pictures, masks and observations that no thread needs any more."""
    from dataclasses import asdict

    from agent.threads import ThreadStore

    with closing(ThreadStore()) as store:
        swept = store.collect()
    if as_json:
        _print_json(asdict(swept))
        return
    from rich.filesize import decimal

    typer.echo(
        f"removed {swept.removed} files ({decimal(swept.removed_bytes)}), "
        f"kept {swept.kept} ({decimal(swept.kept_bytes)}); what was used within the last hour stays in any case"
    )


def _turns(store: "ThreadStore", name: str) -> list[tuple[int, dict[str, Any]]]:
    if name not in store.names():
        raise RequestError(f"there is no thread {name!r}; ferret threads lists them")
    return store.database.turns(name)


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False))
