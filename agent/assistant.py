"""The assistant as an object: load once, ask many times, in single questions or in threads that remember.

agent = VisionAgent()
answer = agent.ask("What is this?", "scene.png", regions=[Box(10, 20, 90, 120)])
chat = agent.thread("my-thread")
chat.ask("Where are the apples?", "scene.png")
chat.ask("And the dog?")
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from agent.answers import Answer
from agent.artifacts import ArtifactStore
from agent.context import Context
from agent.events import AnswerReady, Event, read_event
from agent.graph import RECURSION_LIMIT, build_graph, graph
from agent.instruments import Instruments
from agent.request import RegionSource, checked_question, flat_images, prepare
from agent.settings import Limits, Thresholds
from agent.state import AskInput
from agent.threads import ThreadStore, checked_thread_id
from ferret.errors import RequestError
from ferret.images import ImageSource

if TYPE_CHECKING:
    from langgraph.graph.state import CompiledStateGraph


class VisionAgent:
    """An assistant that can be pointed at any part of a picture. Offline; models are loaded on first use, once.

    `model` is the name or folder of Ferret's weights (default: the embedded ones), `device` a torch device (default: a
    GPU where there is one). `folder` is where threads are kept. Several threads may share one agent.

    Raises `WeightsError` when the model is not known.
    """

    def __init__(
        self,
        model: str | None = None,
        *,
        device: str | None = None,
        instruments: Instruments | None = None,
        thresholds: Thresholds | None = None,
        limits: Limits | None = None,
        folder: str | Path | None = None,
    ) -> None:
        if instruments is not None and (model is not None or device is not None):
            raise RequestError("give either instruments or a model and device; instruments bring their own")
        self.thresholds = thresholds or Thresholds()
        self.limits = limits or Limits()
        self.instruments = instruments or Instruments(model, device)
        self.instruments.check_model()
        self.threads = ThreadStore(folder)
        self._thread_graph: CompiledStateGraph[Any, Any, Any, Any] | None = None

    def ask(
        self, question: str, *images: ImageSource | Sequence[ImageSource], regions: Sequence[RegionSource] = ()
    ) -> Answer:
        """Answers one question about one or more pictures.

        `images` are paths, bytes, PIL pictures or uint8 arrays [H, W, 3]; `regions` are `ferret.regions` objects or
        specs such as "box:10,20,90,120", in pixels of the original; `<region1>` in the question names the first.

        Raises `RequestError` when the request cannot be served as it stands.
        """
        return _last(self.stream(question, *images, regions=regions))

    def stream(
        self, question: str, *images: ImageSource | Sequence[ImageSource], regions: Sequence[RegionSource] = ()
    ) -> Iterator[Event]:
        """As `ask`, but yields what happens as it happens; the last event is `AnswerReady`."""
        artifacts = ArtifactStore()
        request = prepare(question, flat_images(images), regions, artifacts, self.limits)
        return self._events(graph, request, artifacts, {})

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
            folder=self.threads.folder,
        )
        agent.threads = self.threads
        return agent

    def _durable_graph(self) -> "CompiledStateGraph[Any, Any, Any, Any]":
        if self._thread_graph is None:
            self._thread_graph = build_graph(self.threads.checkpointer())
        return self._thread_graph

    def _events(
        self,
        runner: "CompiledStateGraph[Any, Any, Any, Any]",
        request: AskInput,
        artifacts: ArtifactStore,
        config: dict[str, Any],
    ) -> Iterator[Event]:
        context = Context(self.instruments, artifacts, self.thresholds, self.limits)
        options: dict[str, Any] = {"durability": "sync"} if config else {}
        answer: Any = None
        for mode, value in runner.stream(
            request,
            {"recursion_limit": RECURSION_LIMIT, "configurable": config},
            context=context,
            stream_mode=["custom", "updates"],
            **options,
        ):
            if mode == "custom":
                yield read_event(value)
            elif "answer" in value:
                answer = value["answer"]["answer"]
        pictures = [artifacts.image(key) for key in request["images"]]
        yield AnswerReady(answer=Answer.model_validate(answer).with_pictures(pictures))


class AgentThread:
    """One conversation. Its turns are kept on disk; the same name picks it up again, in any process."""

    def __init__(self, agent: VisionAgent, name: str) -> None:
        self.agent = agent
        self.name = name

    def ask(
        self, question: str, *images: ImageSource | Sequence[ImageSource], regions: Sequence[RegionSource] = ()
    ) -> Answer:
        """As `VisionAgent.ask`; without pictures the question is about those of the thread."""
        return _last(self.stream(question, *images, regions=regions))

    def stream(
        self, question: str, *images: ImageSource | Sequence[ImageSource], regions: Sequence[RegionSource] = ()
    ) -> Iterator[Event]:
        """As `ask`, but yields what happens as it happens; the last event is `AnswerReady`."""
        checked_question(question)
        memory = self.memory()
        pictures = flat_images(images) or memory.get("images", [])
        if not pictures:
            raise RequestError(f"thread {self.name!r} has no picture yet; give one with the question")
        nameable = len(memory["pointed"] or memory["found"]) if memory else 0
        artifacts = self.agent.threads.artifacts
        request = prepare(question, pictures, regions, artifacts, self.agent.limits, nameable=nameable)
        config = {"thread_id": self.name}
        return self.agent._events(self.agent._durable_graph(), request, artifacts, config)

    def memory(self) -> dict[str, Any]:
        """What the thread remembers (`agent.memory`): `images` as artifact ids, the regions `pointed` at and
        `found`.
        """
        state = self.agent._durable_graph().get_state({"configurable": {"thread_id": self.name}}).values
        memory: dict[str, Any] = state.get("memory") or {}
        return memory


def _last(events: Iterator[Event]) -> Answer:
    for event in events:
        if isinstance(event, AnswerReady):
            return event.answer
    raise RuntimeError("the graph ended without an answer")
