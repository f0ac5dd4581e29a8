"""The assistant as an object: load once, ask many times, in single questions or in threads that remember.

agent = VisionAgent()
answer = agent.ask("What is this?", "scene.png", regions=[Box(10, 20, 90, 120)])
chat = agent.thread("my-thread")
chat.ask("Where are the apples?", "scene.png")
chat.ask("And the dog?")
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from agent.answers import Answer
from agent.artifacts import ArtifactStore
from agent.asker import Asker, Images
from agent.clarifying import ALL_OF_THEM
from agent.context import Context
from agent.events import AnswerReady, ChoiceNeeded, Event, read_event
from agent.graph import RECURSION_LIMIT, build_graph, graph
from agent.instruments import Instruments
from agent.looks import Looks
from agent.memory import nameable
from agent.planner import PlannerSource, chosen_planner
from agent.recalling import turned_to
from agent.request import RegionSource, checked_question, flat_images, parsed_region, prepare
from agent.settings import Limits, Thresholds
from agent.state import AskInput, region_to_json
from agent.streaming import in_background
from agent.threads import ThreadStore, checked_thread_id
from agent.turns import Opening, Runner, Turn, TurnKeeper
from agent.undoing import undo
from ferret.errors import RequestError
from ferret.images import ImageSource

if TYPE_CHECKING:
    from langgraph.graph.state import CompiledStateGraph
    from langgraph.types import Command


class VisionAgent(Asker):
    """An assistant that can be pointed at any part of a picture. Offline; models are loaded on first use, once.

    `model` is the name or folder of Ferret's weights (default: the embedded ones), `device` a torch device (default: a
    GPU where there is one). `planner` is a chat model, or its name, that makes the plans instead of the offline rules
    (`agent.planner`; default: what the environment says, else the rules). `folder` is where threads are kept, or
    their artifacts alone, beside the PostgreSQL `database` of that URL (`agent.threads`). Several threads may share one
    agent.

    Raises `WeightsError` when the model is not known, `RequestError` when there is no such planner.
    """

    def __init__(
        self,
        model: str | None = None,
        *,
        device: str | None = None,
        instruments: Instruments | None = None,
        thresholds: Thresholds | None = None,
        limits: Limits | None = None,
        planner: PlannerSource = None,
        folder: str | Path | None = None,
        database: str | None = None,
    ) -> None:
        if instruments is not None and (model is not None or device is not None):
            raise RequestError("give either instruments or a model and device; instruments bring their own")
        self.thresholds = thresholds or Thresholds()
        self.limits = limits or Limits()
        self.planner = chosen_planner(planner)
        self.instruments = instruments or Instruments(model, device)
        self.instruments.check_model()
        self.threads = ThreadStore(folder, database)
        self.looks = Looks()
        self._thread_graph: tuple[object, CompiledStateGraph[Any, Any, Any, Any]] | None = None

    def _turn(
        self,
        question: str,
        images: list[ImageSource],
        regions: Sequence[RegionSource],
        *,
        tokens: bool,
        steps: bool = True,
    ) -> Iterator[Event]:
        artifacts = ArtifactStore()
        request = prepare(question, images, regions, artifacts, self.limits)
        return self._events(graph, request, artifacts, {"tokens": tokens}, request["images"], steps)

    def thread(self, name: str | None = None) -> "AgentThread":
        """A conversation that is kept under `name` (a new one without): it remembers its pictures and what was
        found.
        """
        return AgentThread(self, checked_thread_id(name) if name is not None else uuid4().hex[:12])

    def sibling(self, model: str) -> "VisionAgent":
        """An agent with other weights for Ferret that shares this one's instruments, settings and threads."""
        agent = VisionAgent(
            instruments=self.instruments.sibling(model),
            thresholds=self.thresholds,
            limits=self.limits,
            planner=self.planner,
            folder=self.threads.folder,
        )
        agent.threads = self.threads
        agent.looks = self.looks
        return agent

    def _durable_graph(self) -> "CompiledStateGraph[Any, Any, Any, Any]":
        checkpointer = self.threads.checkpointer()
        known = self._thread_graph
        if known is None or known[0] is not checkpointer:  # a store that was closed opens another
            known = self._thread_graph = checkpointer, build_graph(checkpointer)
        return known[1]

    def _events(
        self,
        runner: "CompiledStateGraph[Any, Any, Any, Any]",
        request: "AskInput | Command[Any] | None",
        artifacts: ArtifactStore,
        config: dict[str, Any],
        images: list[str],
        steps: bool,
    ) -> Iterator[Event]:
        """The events of one run; without a request it goes on where its thread was cut off. It ends with the answer, or
        with what the person is asked; without `steps` there is nothing before.
        """
        context = Context(self.instruments, artifacts, self.thresholds, self.limits, self.planner, self.looks)
        options: dict[str, Any] = {"durability": "sync"} if "thread_id" in config else {}
        pictures = [artifacts.image(key) for key in images]
        answer: Any = None
        for mode, value in runner.stream(
            request,
            {"recursion_limit": RECURSION_LIMIT, "configurable": config},
            context=context,
            # To hand out what nodes tell meanwhile, langgraph has to run even a single one on another thread.
            stream_mode=["custom", "updates"] if steps else ["updates"],
            **options,
        ):
            if mode == "custom":
                yield read_event(value)
            elif "__interrupt__" in value:
                asked = value["__interrupt__"][-1].value
                choice = Answer.model_validate(asked["choice"]).with_pictures(pictures)
                yield ChoiceNeeded(choice=choice, note=asked["note"])
                return
            elif "answer" in value:
                answer = value["answer"]["answer"]
        if answer is None:  # its step had ended already when the run before this one was cut off
            answer = runner.get_state({"configurable": config}).values["answer"]
        yield AnswerReady(answer=Answer.model_validate(answer).with_pictures(pictures))


class AgentThread(Asker):
    """One conversation. Its turns are kept on disk; the same name picks it up again, in any process.

    Its turns come one after another, whoever asks: a question waits for the one before, and finishes it first if a
    process that died left it behind. A turn that raises or is stopped by its caller leaves the thread as it was.
    """

    def __init__(self, agent: VisionAgent, name: str) -> None:
        self.agent = agent
        self.name = name

    def stream(
        self,
        question: str,
        *images: Images,
        regions: Sequence[RegionSource] = (),
        asks_back: bool = False,
    ) -> Iterator[Event]:
        """As `Asker.stream`. With `asks_back`, the last event may be `ChoiceNeeded`, where the question speaks of one
        thing and several are there: go on with `reply`. Another question ends the waiting, and all are meant.
        """
        return self._turn(question, flat_images(images), regions, tokens=True, asks_back=asks_back)

    def astream(
        self,
        question: str,
        *images: Images,
        regions: Sequence[RegionSource] = (),
        asks_back: bool = False,
    ) -> AsyncIterator[Event]:
        """As `stream`, without blocking the event loop (`Asker.astream`)."""
        return in_background(lambda: self.stream(question, *images, regions=regions, asks_back=asks_back))

    def areply(self, reply: int | RegionSource | None = None, *, words: str = "") -> AsyncIterator[Event]:
        """As `reply`, without blocking the event loop."""
        return in_background(lambda: self.reply(reply, words=words))

    def waiting(self) -> ChoiceNeeded | None:
        """What the person was asked and has not yet replied to, in whatever process that was."""
        asked = self._keeper().waiting()
        return ChoiceNeeded.model_validate(asked) if asked is not None else None

    def reply(self, reply: int | RegionSource | None = None, *, words: str = "") -> Iterator[Event]:
        """Goes on with the turn that waits, as `stream` does.

        `reply` is the number of a choice, or a region (a `ferret.regions` object or a spec such as "point:40,90"), of
        one of them or of what is meant instead; `words` say which ("the left one", "both"). Neither: all of them. What
        cannot be understood is asked again.

        Raises `RequestError` when no turn waits, or the region is none.
        """
        value: dict[str, Any] = {"words": words} if words else ALL_OF_THEM
        if isinstance(reply, int):
            value = {"number": reply}
        elif reply is not None:
            artifacts = self.agent.threads.artifacts
            value = {"region": region_to_json(parsed_region(reply, artifacts), artifacts)}
        return self._keeper().reply(value, self._runner(tokens=True))

    def _turn(
        self,
        question: str,
        images: list[ImageSource],
        regions: Sequence[RegionSource],
        *,
        tokens: bool,
        steps: bool = True,
        asks_back: bool = False,
    ) -> Iterator[Event]:
        """Without pictures the question is about those of the thread."""
        checked_question(question)
        keeper, run = self._keeper(), self._runner(tokens, steps)
        opening = keeper.open(run)
        try:
            request = self._request(opening, question, images, regions)
            request["asks_back"] = asks_back
        except BaseException:
            opening.lock.release()
            raise
        return keeper.run(opening, request, run)

    def resume(self) -> Answer | None:
        """Finishes the turn that a process which died left behind, from the last step that it reached.

        None when there is none. Whatever keeps the turn from being finished is raised; it is kept without an answer.
        """
        answer = self._keeper().resume(self._runner(tokens=False, steps=False))
        if answer is None:
            return None
        artifacts = self.agent.threads.artifacts
        return answer.with_pictures([artifacts.image(key) for key in self.turns()[-1].images])

    async def aresume(self) -> Answer | None:
        """As `resume`, without blocking the event loop."""
        return await asyncio.to_thread(self.resume)

    def undo(self) -> Turn | None:
        """Takes the last turn back: the thread is as it was before that question. The turn; None when there is none.

        A turn that was cut off, or that waits for a reply, is the last one too: it is finished, or given up, first.
        """
        return undo(self._keeper(), self._runner(tokens=False, steps=False))

    def turns(self) -> list[Turn]:
        """The turns so far, in order, each once; one that is under way or was cut off is not among them yet."""
        return self._keeper().turns()

    def memory(self) -> dict[str, Any]:
        """What the thread remembers (`agent.memory`): `images` as artifact ids, the regions `pointed` at and
        `found`.
        """
        return self._keeper().memory()

    def _request(
        self, opening: Opening, question: str, images: list[ImageSource], regions: Sequence[RegionSource]
    ) -> AskInput:
        memory = opening.memory
        pictures = images or turned_to(question, memory)[1] or memory.get("images", [])
        if not pictures:
            raise RequestError(f"thread {self.name!r} has no picture yet; give one with the question")
        artifacts, limits = self.agent.threads.artifacts, self.agent.limits
        return prepare(question, pictures, regions, artifacts, limits, nameable=nameable(memory))

    def _keeper(self) -> TurnKeeper:
        return TurnKeeper(self.agent.threads.database, self.agent._durable_graph(), self.name)

    def _runner(self, tokens: bool, steps: bool = True) -> Runner:
        def run(
            request: "AskInput | Command[Any] | None", config: dict[str, Any], images: list[str]
        ) -> Iterator[Event]:
            durable, artifacts = self.agent._durable_graph(), self.agent.threads.artifacts
            return self.agent._events(durable, request, artifacts, {**config, "tokens": tokens}, images, steps)

        return run
