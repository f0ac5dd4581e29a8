"""The turns of one thread: each is run once, kept once, and finished if something cut it off.

A turn begins when the question's checkpoint is written, and has ended when its row is. What happens in between:

- the process dies (`kill -9`, a loss of power): the turn is pending. The next question, or `AgentThread.resume`,
  finishes it first, from the last step that was reached; the steps before are not run again.
- the person has to choose (`agent.clarifying`): the turn waits for `AgentThread.reply`, for as long as it takes. A new
  question ends the waiting: the turn is then finished with all that could be meant.
- the turn raises, or its caller stops it (Ctrl-C, a stream that is closed): its caller knows, so the turn is taken
  back, and the thread is as it was before.

A pending turn that cannot be finished (its picture is gone, its weights are) is kept as a turn without an answer, so
that it neither gets lost nor stands in the way of the next.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agent.answers import Answer
from agent.checkpoints import Database, ThreadLock
from agent.clarifying import ALL_OF_THEM
from agent.events import AnswerReady, ChoiceNeeded, Event
from agent.state import AskInput, Json
from ferret.errors import RequestError

if TYPE_CHECKING:
    from langgraph.graph.state import CompiledStateGraph
    from langgraph.types import Command

# Runs the graph over a thread: with a request, a reply (a `Command`), or None to go on; with its configuration; for
# these pictures.
Runner = Callable[["AskInput | Command[Any] | None", Json, list[str]], Iterator[Event]]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Turn:
    """One question of a thread and what came of it.

    `number` counts from 1, `images` are artifact ids (`ThreadStore.artifacts.image`), `regions` those asked about, as
    JSON of `agent.state.region_to_json`. `answer` is None for a turn that was cut off and could not be finished;
    `error` then says why.
    """

    number: int
    question: str
    images: tuple[str, ...]
    regions: tuple[Json, ...]
    answer: Answer | None
    error: str | None = None

    @classmethod
    def from_json(cls, number: int, value: Json) -> "Turn":
        """The turn as `TurnKeeper` keeps it."""
        answer = Answer.model_validate(value["answer"]) if value["answer"] is not None else None
        return cls(
            number, value["question"], tuple(value["images"]), tuple(value["regions"]), answer, value.get("error")
        )


@dataclass(frozen=True, slots=True)
class _Head:
    """A thread's last checkpoint: its id ("" when there is none), the turn that it belongs to, and the state in it."""

    checkpoint: str = ""
    turn: int = 0
    values: Json | None = None

    @property
    def state(self) -> Json:
        values = self.values or {}
        asked = values.get("__start__")  # a question that no step has taken up yet
        return {**values, **asked} if isinstance(asked, dict) else values

    @property
    def memory(self) -> Json:
        memory: Json = (self.values or {}).get("memory") or {}
        return memory


@dataclass(frozen=True, slots=True)
class Opening:
    """The place of a new turn, held until `lock` is released: its number, and what the turns before it left.

    `before` is the checkpoint that it follows, `memory` what may be referred back to (`agent.memory`).
    """

    lock: ThreadLock
    number: int
    before: str
    memory: Json


class TurnKeeper:
    """The turns of the thread `name` in a database. `graph` is compiled with that database's checkpointer."""

    def __init__(self, database: Database, graph: "CompiledStateGraph[Any, Any, Any, Any]", name: str) -> None:
        self.database = database
        self.graph = graph
        self.name = name

    def memory(self) -> Json:
        """What the last turn left to refer back to; empty for a new thread."""
        return self._head().memory

    def turns(self) -> list[Turn]:
        """The turns that have ended, in order."""
        return [Turn.from_json(number, value) for number, value in self.database.turns(self.name)]

    def open(self, run: Runner) -> Opening:
        """Waits for the turn before, whoever runs it, finishes it if it was cut off, and makes room for a new one.

        Raises:
            RequestError: the turn before goes on for too long.
        """
        lock = self.database.lock(self.name)
        try:
            head, last = self._head(), self.database.last_turn(self.name)
            if head.turn > last:
                with suppress(Exception):  # kept with that turn
                    self._finish(run)
                head, last = self._head(), self.database.last_turn(self.name)
            return Opening(lock, last + 1, head.checkpoint, head.memory)
        except BaseException:
            lock.release()
            raise

    def run(self, opening: Opening, request: AskInput, run: Runner) -> Iterator[Event]:
        """The events of a new turn. Its place is given up at the end."""
        done = False
        try:
            with closing(_stream(run(request, self._config(opening.number), request["images"]))) as events:
                for event in events:
                    if isinstance(event, AnswerReady):
                        self._record(opening.number)  # first: an answer that has been told must not get lost
                        done = True
                    done = done or isinstance(event, ChoiceNeeded)
                    yield event
        finally:
            try:
                if not done:
                    self._take_back(opening.before)
            finally:
                opening.lock.release()

    def waiting(self) -> Json | None:
        """What the turn under way asks the person, as JSON of `ChoiceNeeded`; None when it asks nothing."""
        if self._head().turn <= self.database.last_turn(self.name):
            return None
        tasks = self.graph.get_state({"configurable": {"thread_id": self.name}}).tasks
        asked = [interrupt.value for task in tasks for interrupt in task.interrupts]
        return asked[-1] if asked else None

    def reply(self, value: Json, run: Runner) -> Iterator[Event]:
        """The events of the turn that waits for a reply, from there on.

        Raises:
            RequestError: no turn waits for one.
        """
        from langgraph.types import Command

        lock = self.database.lock(self.name)
        try:
            if self.waiting() is None:
                raise RequestError(f"thread {self.name!r} has asked nothing; ask a question first")
            head = self._head()
            request: Command[Any] = Command(resume=value)
            with closing(_stream(run(request, self._config(head.turn), list(head.state["images"])))) as events:
                for event in events:
                    if isinstance(event, AnswerReady):
                        self._record(head.turn)
                    yield event
        finally:
            lock.release()

    def resume(self, run: Runner) -> Answer | None:
        """Finishes the turn that was cut off; None when there is none, or when it waits for a reply.

        Whatever keeps it from being finished is raised, after the turn has been kept without an answer.
        """
        lock = self.database.lock(self.name)
        try:
            return None if self.waiting() is not None else self._finish(run)
        finally:
            lock.release()

    def _finish(self, run: Runner) -> Answer | None:
        head = self._head()
        if head.turn <= self.database.last_turn(self.name):
            return None
        try:
            # `tasks`, not `next`: that leaves out steps whose results are stored but not yet part of the state.
            if self.graph.get_state({"configurable": {"thread_id": self.name}}).tasks:
                self._go_on(head, run)
        except Exception as error:
            failed = {key: head.state[key] for key in ("question", "images", "regions")}
            failed |= {"answer": None, "error": f"{type(error).__name__}: {error}"}
            self.database.record_failure(self.name, head.turn, failed, self._before(head.turn))
            raise
        return Answer.model_validate(self._record(head.turn)["answer"])

    def _go_on(self, head: _Head, run: Runner) -> None:
        """To the end of a turn; whatever it asks the person is answered by "all of them"."""
        from langgraph.types import Command

        request: Command[Any] | None = None
        waits = True
        while waits:
            waits = False
            for event in run(request, self._config(head.turn), list(head.state["images"])):
                waits = waits or isinstance(event, ChoiceNeeded)
            request = Command(resume=ALL_OF_THEM)

    def _record(self, number: int) -> Json:
        head = self._head()
        kept = {key: head.state[key] for key in ("question", "images", "regions", "answer")}
        self.database.record(self.name, number, kept, head.checkpoint)
        return kept

    def _take_back(self, before: str) -> None:
        try:
            self.database.discard(self.name, before)
        except Exception:  # what ended the turn is told; the turn itself will be finished later
            _log.warning("a turn of thread %r could not be taken back", self.name, exc_info=True)

    def _head(self) -> _Head:
        found = self.database.saver.get_tuple({"configurable": {"thread_id": self.name}})
        if found is None:
            return _Head()
        number: Any = found.metadata.get("turn", 0)  # langgraph keeps what is configured with each checkpoint
        return _Head(found.checkpoint["id"], int(number), found.checkpoint["channel_values"])

    def _before(self, number: int) -> str:
        """The last checkpoint that does not belong to this turn."""
        kept = list(self.database.saver.list({"configurable": {"thread_id": self.name}}))
        others = [one.checkpoint["id"] for one in kept if int(one.metadata.get("turn", 0)) != number]  # type: ignore[call-overload]
        return max(others, default="")

    def _config(self, number: int) -> Json:
        return {"thread_id": self.name, "turn": number}


def _stream(events: Iterator[Event]) -> Any:
    """Events of a generator, which is closed with this one."""
    yield from events
