"""Who makes the plan: the offline rules, or a chat model that was asked for.

A planner sees words and numbers alone: the question, how many regions and pictures were given, and the names that the
loaded weights know. It is asked before any picture is looked at, and what it returns is final for the turn.
"""

from typing import TYPE_CHECKING, Protocol, Union, runtime_checkable

from agent.intents import Plan
from agent.lexicon import Lexicon
from agent.planning import plan_question
from agent.settings import PlannerSettings, planner_settings
from ferret.errors import RequestError

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel


@runtime_checkable
class Planner(Protocol):
    """Anything that makes plans."""

    def plan(self, question: str, region_count: int, image_count: int, lexicon: Lexicon) -> Plan:
        """The steps that answer a question.

        Args:
            question: as asked; `<region1>` names the first region given.
            region_count: how many regions were given.
            image_count: how many pictures were given, at least one.
            lexicon: the names that the loaded weights know.

        Raises `RequestError` when the question cannot be served as it stands; every other one gets a plan.
        """
        ...


class OfflinePlanner:
    """The rules of `agent.planning`: deterministic, without any model."""

    def plan(self, question: str, region_count: int, image_count: int, lexicon: Lexicon) -> Plan:
        """As `Planner.plan`."""
        return plan_question(question, region_count, image_count, lexicon)


PlannerSource = Union[str, "BaseChatModel", Planner, None]
"""How a planner is named: a chat model's name for `init_chat_model` ("openai:gpt-5-mini"), a chat model, a planner of
one's own, or None for what the environment says (`agent.settings.planner_settings`), and for the offline rules when it
says nothing."""


def chosen_planner(source: PlannerSource = None, settings: PlannerSettings | None = None) -> Planner:
    """The planner that `source` names; a chat model is built when it is first asked.

    `settings` (default: the environment's) brings address, key and deadline, and the name when `source` is None.

    Raises `RequestError` when it names none, when a chat model needs the extra `planner`, or when a setting is wrong.
    """
    if isinstance(source, Planner):
        return source
    wanted = settings if settings is not None else planner_settings()
    if source is None and wanted.model is None and wanted.url is None:
        return OfflinePlanner()
    from agent.chat_planner import ChatPlanner

    if source is None or isinstance(source, str):
        return ChatPlanner(source or wanted.model, url=wanted.url, key=wanted.key, seconds=wanted.seconds)
    from langchain_core.language_models import BaseChatModel

    if isinstance(source, BaseChatModel):
        return ChatPlanner(source, seconds=wanted.seconds)
    raise RequestError(f"{source!r} is no planner; give a chat model or its name, such as 'openai:gpt-5-mini'")
