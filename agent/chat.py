"""A conversation in the terminal: questions, and commands that begin with a slash."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from agent.answers import Answer
from agent.overlay import region_color
from ferret.errors import FerretError
from ferret.images import load_image

if TYPE_CHECKING:
    from agent.assistant import AgentThread

HELP = """\
Ask anything about the pictures. Commands:
  /image FILE      talk about this picture from now on
  /region SPEC     point at something for the next question: box:X1,Y1,X2,Y2, point:X,Y, mask:FILE.png, ...
  /regions         show what you point at, and the regions of the last answer
  /save FILE.png   write the last answer as a picture
  /help            show this
  /quit            leave; the conversation is kept"""


class Chat:
    """One conversation over one thread. `read` gives the next line (EOFError ends it); `console` shows what is said."""

    def __init__(
        self,
        thread: "AgentThread",
        images: Sequence[str] = (),
        *,
        console: Console | None = None,
        read: Callable[[], str] | None = None,
    ) -> None:
        self.thread = thread
        for image in images:
            load_image(image)  # a wrong file is better said now than at the first question
        self.images = list(images)
        self.regions: list[str] = []
        self.answer: Answer | None = None
        self.console = console or Console(highlight=False)
        self._read = read or self._prompt
        self._commands: dict[str, Callable[[str], None]] = {
            "image": self._image,
            "region": self._region,
            "regions": lambda _: self._show_regions(),
            "save": self._save,
            "help": lambda _: self.console.print(HELP, markup=False),
        }

    def run(self) -> None:
        """Reads and answers until /quit or the end of the input."""
        self._enable_editing()
        self.console.print(f"thread {self.thread.name}; /help lists commands", style="dim", markup=False)
        while True:
            try:
                line = self._read().strip()
            except (EOFError, KeyboardInterrupt):
                break
            if line in {"/quit", "/exit"}:
                break
            if line:
                self.handle(line)
        self.console.print(f"kept; go on with: ferret chat --thread {self.thread.name}", style="dim", markup=False)

    def handle(self, line: str) -> None:
        """Answers one line; what is wrong with it is said, and the conversation goes on."""
        try:
            if line.startswith("/"):
                name, _, rest = line[1:].partition(" ")
                if name not in self._commands:
                    known = ", ".join(f"/{command}" for command in self._commands)
                    self.console.print(f"there is no /{name}; there are {known}, /quit", style="red", markup=False)
                    return
                self._commands[name](rest.strip())
            else:
                self._ask(line)
        except FerretError as error:
            self.console.print(str(error), style="red", markup=False)
        except KeyboardInterrupt:
            self.console.print("stopped", style="dim")

    def _ask(self, question: str) -> None:
        with self.console.status("looking"):
            answer = self.thread.ask(question, self.images, regions=self.regions)
        self.answer, self.images, self.regions = answer, [], []
        self.console.print(colored(answer))
        if answer.status == "unsure":
            self.console.print(f"not sure: {answer.confidence:.0%}", style="dim")

    def _image(self, path: str) -> None:
        image = load_image(path)
        self.images, self.regions = [path], []
        self.console.print(f"{path}: {image.width} x {image.height} pixels", style="dim", markup=False)

    def _region(self, spec: str) -> None:
        from ferret.regions import parse_region

        parse_region(spec)
        self.regions.append(spec)
        self.console.print(f"<region{len(self.regions)}> for the next question", style="dim", markup=False)

    def _show_regions(self) -> None:
        for number, spec in enumerate(self.regions, 1):
            self.console.print(f"<region{number}>  {spec}", markup=False)
        for region in self.answer.regions if self.answer else []:
            box = ",".join(f"{value:g}" for value in region.box)
            line = Text(f"{region.id + 1:>3}  {region.label}  box:{box}  {region.score:.0%}")
            line.stylize("rgb({},{},{})".format(*region_color(region.id)))
            self.console.print(line)

    def _save(self, path: str) -> None:
        if self.answer is None:
            self.console.print("nothing to save yet; ask something first", style="red")
            return
        self.answer.save(path)
        self.console.print(f"written: {path}", style="dim", markup=False)

    def _prompt(self) -> str:
        return self.console.input("[bold]> [/bold]")

    def _enable_editing(self) -> None:
        """Arrow keys and history where the terminal has them."""
        try:
            import readline  # noqa: F401
        except ImportError:
            return


def colored(answer: Answer) -> Text:
    """The prose with its linked phrases in the colours that their regions have in the overlay."""
    text = Text(answer.text)
    for span in answer.spans:
        if span.regions:
            text.stylize("bold rgb({},{},{})".format(*region_color(span.regions[0])), span.start, span.end)
    return text
