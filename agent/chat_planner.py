"""A chat model as the planner: asked in words, its plan checked, mended once, and made by the offline rules if need be.

    VisionAgent(planner="openai:gpt-5-mini")             # any name that langchain's init_chat_model knows
    VisionAgent(planner=ChatOllama(model="qwen3"))       # any chat model of langchain
    FERRET_PLANNER_URL=http://localhost:8080/v1 FERRET_PLANNER=qwen3 ferret ask ...   # an OpenAI-compatible server

The model is asked once a turn, before anything is looked at, and is told words and numbers alone (`agent.chat_prompt`).
Its reply is held against the schema and against what was given (`agent.chat_reply`); a reply that is not usable goes
back once with what is wrong. What is still not usable, an error, or a deadline that has passed ends in the plan of the
offline rules, which says so in its reasons. Names need the extra `planner`: pip install 'ferret-agent[planner]'.
"""

import importlib.util
import logging
import queue
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from agent.chat_prompt import messages, plan_schema, repair
from agent.chat_reply import Trouble, TroubleKind, read_reply
from agent.intents import Plan
from agent.lexicon import Lexicon
from agent.planning import plan_question
from agent.settings import PLANNER_SECONDS
from agent.wording import clean
from ferret.errors import RequestError

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import BaseMessage

_log = logging.getLogger(__name__)
# Replies that are asked for: the plan, and its repair.
ROUNDS = 2
# What a server calls a model that was not named: servers of one model take any name.
_UNNAMED = "default"
# How a server says that it does not take the request in this form: such a model is asked without a schema beside it.
_REFUSED_FORM = frozenset({400, 404, 422, 501})


class ChatPlanner:
    """Plans by a chat model. Several threads may share one.

    Args:
        model: a name for langchain's `init_chat_model`, or a chat model; None: whatever the server at `url` serves.
        url: address of an OpenAI-compatible server, such as "http://localhost:8080/v1"; `model` is then the name that
            it knows the model by.
        key: what the server at `url` wants to be told. A key for another service is never sent there.
        seconds: how long a plan may take, repair included.

    Raises `RequestError` when there is neither model nor address, the address is none, or the extra is not installed.
    """

    def __init__(
        self,
        model: "str | BaseChatModel | None",
        *,
        url: str | None = None,
        key: str | None = None,
        seconds: float = PLANNER_SECONDS,
    ) -> None:
        if url is not None and (urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).netloc):
            raise RequestError(f"{url!r} is no address of a planner; give one such as 'http://localhost:8080/v1'")
        if model is None and url is None:
            raise RequestError("there is no chat model to plan; name one, such as 'openai:gpt-5-mini'")
        if not seconds > 0:
            raise RequestError(f"a planner cannot answer within {seconds!r} seconds; give it some, such as 20")
        self.seconds = seconds
        self._url, self._key = url, key
        self._name = _UNNAMED if model is None else model if isinstance(model, str) else None
        self._model = None if model is None or isinstance(model, str) else model
        self._building = threading.Lock()
        self._takes_schema = True
        if self._name is not None:
            _check_extra(self._name, url)

    def plan(self, question: str, region_count: int, image_count: int, lexicon: Lexicon) -> Plan:
        """As `agent.planner.Planner.plan`: the model's plan, or the offline one with the reason why.

        Raises `RequestError` too when no such model can be set up.
        """
        asked = clean(question)
        made = self._in_time(_Task(asked, region_count, image_count, lexicon.names, self._built()))
        if isinstance(made, Plan):
            return made
        _log.warning("The chat model's plan was not usable: %s. The offline rules made the plan.", made)
        offline = plan_question(question, region_count, image_count, lexicon)
        why = f"The chat model's plan was not usable, because {made}; the offline rules planned to"
        reasons = tuple(f"{why} {step.intent.value}." for step in offline.steps)
        return offline.model_copy(update={"reasons": reasons})

    def _in_time(self, task: "_Task") -> Plan | Trouble:
        """The rounds in a thread of their own, which is left behind when the time is over: no library's own deadline
        is certain to hold, and nothing that the model says may mix with the streams of the graph.
        """
        done: queue.SimpleQueue[Plan | Trouble] = queue.SimpleQueue()

        def work() -> None:
            try:
                done.put(self._rounds(task))
            except BaseException as error:  # a thread has nobody to raise to: all ends in the offline plan
                done.put(Trouble(TroubleKind.FAILED, detail=type(error).__name__))

        threading.Thread(target=work, name="planner", daemon=True).start()
        try:
            return done.get(timeout=self.seconds)
        except queue.Empty:
            task.over.set()
            return Trouble(TroubleKind.LATE, detail=f"{self.seconds:g} s")

    def _rounds(self, task: "_Task") -> Plan | Trouble:
        more: list[BaseMessage] = []
        trouble = Trouble(TroubleKind.NO_REPLY)
        for _ in range(ROUNDS):
            made = read_reply(self._say(task, more), task.question, task.region_count, task.image_count)
            if isinstance(made, Plan):
                return made
            trouble = made
            if task.over.is_set():
                break
            more = [*more, *repair(trouble.said, trouble.faults)]
        return trouble

    def _say(self, task: "_Task", more: "list[BaseMessage]") -> "BaseMessage":
        """The model's next message; the schema travels beside the words where the model takes one."""
        if self._takes_schema:
            try:
                structured = task.model.with_structured_output(plan_schema(), include_raw=True)
                reply: Any = structured.invoke(task.messages(more, with_schema=False))
                raw: BaseMessage = reply["raw"]
                return raw
            except NotImplementedError:
                self._takes_schema = False
            except Exception as error:
                if getattr(error, "status_code", None) not in _REFUSED_FORM or task.over.is_set():
                    raise
                self._takes_schema = False
        return task.model.invoke(task.messages(more, with_schema=True))

    def _built(self) -> "BaseChatModel":
        with self._building:
            if self._model is None:
                assert self._name is not None
                self._model = _build(self._name, self._url, self._key, self.seconds)
            return self._model


class _Task:
    """One question on its way to the model. `over` is set when nobody waits for the plan any more."""

    def __init__(
        self, question: str, region_count: int, image_count: int, names: tuple[str, ...], model: "BaseChatModel"
    ) -> None:
        self.question = question
        self.region_count = region_count
        self.image_count = image_count
        self.names = names
        self.model = model
        self.over = threading.Event()

    def messages(self, more: "list[BaseMessage]", *, with_schema: bool) -> "list[BaseMessage]":
        talk = messages(self.question, self.region_count, self.image_count, self.names, with_schema=with_schema)
        return [*talk, *more]


def _check_extra(name: str, url: str | None) -> None:
    """Raises `RequestError` when what names a model by is not installed; imports nothing."""
    needed = ["langchain", *(["langchain_openai"] if url is not None or name.startswith("openai:") else [])]
    missing = [package for package in needed if importlib.util.find_spec(package) is None]
    if missing:
        raise RequestError(
            f"the planner {name!r} needs {missing[0].replace('_', '-')}; pip install 'ferret-agent[planner]'"
        )


def _build(name: str, url: str | None, key: str | None, seconds: float) -> "BaseChatModel":
    from langchain.chat_models import init_chat_model

    settings: dict[str, Any] = {"temperature": 0, "timeout": seconds, "max_retries": 1}
    if url is not None:
        # Some key must be given, or the client would send the one of the environment, which is for another service.
        settings |= {"model_provider": "openai", "base_url": url, "api_key": key or "none"}
    try:
        model: BaseChatModel = init_chat_model(name, **settings)
    except Exception as error:  # every provider raises its own; the rest of a message may hold what it was given
        told = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise RequestError(f"the planner {name!r} cannot be set up: {told}") from error
    return model
