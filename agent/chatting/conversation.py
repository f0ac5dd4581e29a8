"""A conversation in the terminal: questions, and commands that begin with a slash."""

import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from agent.answers import Answer
from agent.chatting.graphics import protocol_of, shown
from agent.chatting.lines import line_reader
from agent.chatting.screen import color_of, colored, plain, show_choice, show_turn
from agent.events import AnswerReady, ChoiceNeeded, Event
from agent.streaming import in_thread
from ferret.errors import FerretError, RegionError
from ferret.images import load_image
from ferret.regions import parse_region

if TYPE_CHECKING:
    from agent.assistant import AgentThread

# What a region begins with, in a reply.
FORMS = ("point", "box", "polygon", "scribble", "mask")

HELP = """\
Ask anything about the pictures; asked back which one you mean, give its number, say which, or point at it. Commands:
  /image FILE      talk about this picture from now on
  /region SPEC     point at something for the next question: box:X1,Y1,X2,Y2, point:X,Y, mask:FILE.png, ...
                   (without SPEC: point at nothing)
  /regions         list what you point at, and the regions of the last answer
  /show            show the last answer's picture, here if the terminal can, else in a file
  /save FILE.png   write the last answer's picture
  /undo            take the last question back
  /threads [NAME]  list the conversations, or go on with another one
  /help            show this
  /quit            leave; the conversation is kept
Tab completes, the arrow keys bring back what was typed before, Ctrl-C stops an answer."""


class Chat:
    """One conversation at a time, each over one thread. `read` gives the next line (EOFError ends it); `console` shows
    what is said.

    Raises `ImageError` when one of `images` cannot be read.
    """

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
        self._commands: dict[str, Callable[[str], None]] = {
            "image": self._image,
            "region": self._region,
            "regions": self._regions,
            "show": self._show,
            "save": self._save,
            "undo": self._undo,
            "threads": self._threads,
            "help": self._help,
        }
        known = [*self._commands, "quit"]
        # A pipe cannot reply: what comes next in it is the next question.
        self._asks_back = self.console.is_terminal and (read is not None or sys.stdin.isatty())
        self._asked = False
        self._read = read or line_reader(known, thread.agent.threads.names, thread.agent.threads.folder)

    def run(self) -> None:
        """Reads and answers until /quit or the end of the input."""
        self._note(f"thread {self.thread.name}; /help lists commands")
        self._attempt(self._pick_up)
        while True:
            try:
                line = self._read().strip()
            except EOFError:
                break
            except KeyboardInterrupt:
                self._note("/quit or Ctrl-D leaves")
                continue
            if line in {"/quit", "/exit"}:
                break
            if line:
                self.handle(line)
        self._note(f"kept; go on with: ferret chat --thread {self.thread.name}")

    def handle(self, line: str) -> None:
        """Answers one line; what is wrong with it is said, and the conversation goes on."""
        if not line.startswith("/"):
            self._attempt(lambda: self._reply(line) if self._asked and not line.endswith("?") else self._ask(line))
            return
        name, _, rest = line[1:].partition(" ")
        if name in self._commands:
            self._attempt(lambda: self._commands[name](rest.strip()))
        else:
            known = ", ".join(f"/{command}" for command in self._commands)
            self._complain(f"there is no /{name}; there are {known}, /quit")

    def _attempt(self, work: Callable[[], None]) -> None:
        try:
            work()
        except FerretError as error:
            self._complain(str(error))
        except KeyboardInterrupt:
            self._note("stopped")

    def _ask(self, question: str) -> None:
        images, regions, asks_back = self.images, self.regions, self._asks_back
        self._take(lambda: self.thread.stream(question, images, regions=regions, asks_back=asks_back))
        self.images, self.regions = [], []

    def _reply(self, line: str) -> None:
        """To what the thread has asked: the number of a choice, a region, or words."""
        if line.isdecimal():
            self._take(lambda: self.thread.reply(int(line)))
        elif line.partition(":")[0] in FORMS:
            region = parse_region(line)
            self._take(lambda: self.thread.reply(region))
        else:
            self._take(lambda: self.thread.reply(words=line))

    def _take(self, start: Callable[[], Iterator[Event]]) -> None:
        self._end_with(show_turn(self.console, in_thread(start)))

    def _end_with(self, last: AnswerReady | ChoiceNeeded) -> None:
        """From now on /show, /save and /regions speak of this answer, or of these choices."""
        self._asked = isinstance(last, ChoiceNeeded)
        self.answer = last.choice if isinstance(last, ChoiceNeeded) else last.answer

    def _image(self, path: str) -> None:
        image = load_image(str(Path(path).expanduser()))
        self.images, self.regions = [str(Path(path).expanduser())], []
        self._note(f"{path}: {image.width} x {image.height} pixels")

    def _region(self, spec: str) -> None:
        if not spec:
            self.regions = []
            self._note("you point at nothing")
            return
        region = parse_region(spec)
        pictures = self._pictures()
        if pictures and region.image >= len(pictures):
            count = "only 1 picture is" if len(pictures) == 1 else f"only {len(pictures)} pictures are"
            raise RegionError(f"the region is on picture {region.image + 1}, but {count} given; count them from @1")
        if pictures:
            region.checked(*pictures[region.image].size)
        self.regions.append(spec)
        self._note(f"<region{len(self.regions)}> for the next question")

    def _regions(self, _: str) -> None:
        for number, spec in enumerate(self.regions, 1):
            self.console.print(f"<region{number}>  {spec}", markup=False)
        for region in self.answer.regions if self.answer else []:
            box = ",".join(f"{value:g}" for value in region.box)
            picture = f"@{region.image + 1}" if region.image else ""
            read = f"  \u201c{region.text}\u201d" if region.text else ""
            line = f"{region.id + 1:>3}  {region.label}  box:{box}{picture}  {region.score:.0%}{read}"
            self.console.print(Text(plain(line), style=color_of(region.id)))
        memory = self.thread.memory()
        names = [thing["name"] for thing in memory.get("things", []) if thing["picture"] in memory["images"]]
        if names:
            self._note(f"by name: {', '.join(names)}")

    def _show(self, _: str) -> None:
        if (answer := self._shown()) is None:
            return
        protocol = protocol_of(os.environ) if self.console.is_terminal else None
        if protocol is not None:
            self.console.file.write(shown(answer.overlay(), protocol) + "\n")
            self.console.file.flush()
            return
        name = re.sub(r"[^\w.-]", "_", self.thread.name)[:80].lstrip(".")
        path = self.thread.agent.threads.folder / "overlays" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        self._note(f"written: {answer.save(path)}")

    def _save(self, path: str) -> None:
        if (answer := self._shown()) is not None:
            answer.save(Path(path).expanduser())
            self._note(f"written: {path}")

    def _undo(self, _: str) -> None:
        turn = self.thread.undo()
        if turn is None:
            self._complain("there is nothing to take back")
            return
        self._note(f"taken back: {turn.question}")
        self._recall()

    def _threads(self, name: str) -> None:
        if name:
            self.thread = self.thread.agent.thread(name)
            self.images, self.regions, self.answer = [], [], None
            self._note(f"thread {name}")
            self._pick_up()
            return
        for one in self.thread.agent.threads.names():
            self._note(f"{'*' if one == self.thread.name else ' '} {one}")

    def _help(self, _: str) -> None:
        self.console.print(HELP, markup=False)

    def _pick_up(self) -> None:
        """Where the thread was left: a turn that was cut off is finished, and the last one is shown again."""
        try:
            self.thread.resume()
        except Exception as error:  # whatever it is: the turn is kept without an answer, and the next can be asked
            self._complain(f"the last question could not be finished: {error}")
        self._recall()
        if self.answer is not None:
            self._note(f"> {self.answer.question}")
            self.console.print(colored(self.answer))
        if (asked := self.thread.waiting()) is not None:
            show_choice(self.console, asked)
            self._end_with(asked)

    def _recall(self) -> None:
        """Makes the thread's last answer the one that /show, /save and /regions speak of."""
        turns = [turn for turn in self.thread.turns() if turn.answer is not None]
        self.answer, self._asked = None, False
        if turns and turns[-1].answer is not None:
            artifacts = self.thread.agent.threads.artifacts
            self.answer = turns[-1].answer.with_pictures([artifacts.image(key) for key in turns[-1].images])

    def _shown(self) -> Answer | None:
        if self.answer is None:
            self._complain("there is no answer yet; ask something first")
        return self.answer

    def _pictures(self) -> list[Any]:
        """What the next question will be about."""
        if self.images:
            return [load_image(image) for image in self.images]
        artifacts = self.thread.agent.threads.artifacts
        return [artifacts.image(key) for key in self.thread.memory().get("images", [])]

    def _note(self, text: str) -> None:
        self.console.print(Text(plain(text), style="dim"))

    def _complain(self, text: str) -> None:
        self.console.print(Text(plain(text), style="red"))
