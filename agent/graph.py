"""The controller as a LangGraph graph.

    understand -> perceive (side by side) -> reason -> check -> clarify -> look_closer (side by side) -> answer

`understand` fixes the plan from words alone. `perceive` runs the instruments that the plan asks for, each as a task
of its own. `reason` asks Ferret; `check` tells pictures that nobody here knows anything about, holds Ferret and the
instruments against each other, and reads the things that the plan tells by their text. `clarify` asks the person which
one is meant, where the caller wants to be asked. `look_closer` cuts out or reads what passed the check, when the plan
asks for that.
`answer` puts it into words. `graph` is compiled without a checkpointer, for single questions and for LangGraph's own
server; threads compile their own with `build_graph(checkpointer)`.
"""

import os
import time
from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any

# Before langgraph is imported: its serializer then revives no arbitrary objects from a checkpoint.
os.environ.setdefault("LANGGRAPH_STRICT_MSGPACK", "true")

from langgraph.config import get_config, get_stream_writer
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import Send, interrupt

from agent.asking import Ask, Reply, ask_ferret, telling
from agent.checking import Checker
from agent.clarifying import checked_reply, choice_of, doubtful
from agent.closer import closer_looks
from agent.composing import compose
from agent.context import Context, default_context
from agent.events import Token, text_pieces
from agent.findings import Finding
from agent.inscriptions import readings
from agent.intents import Plan
from agent.memory import nameable, remembered
from agent.missing import with_missing_evidence
from agent.perception import Observed, looks_for, shaped, take_looks
from agent.reasoning import questions_for
from agent.recalling import recall, turned_to
from agent.request import prepare
from agent.state import AskInput, AskOutput, Json, Look, State, region_from_json
from agent.verdicts import findings_of
from agent.world import judge_pictures
from ferret.errors import RequestError
from ferret.regions import Region

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver
    from langgraph.graph.state import CompiledStateGraph
    from PIL.Image import Image

# Far above what a plan of the longest kind takes, far below langgraph's default.
RECURSION_LIMIT = 25


def understand(state: State, runtime: Runtime[Context]) -> Json:
    """Question and regions to a plan; everything of the turn before is emptied."""
    context = _context(runtime)
    started = time.time()
    memory = state.get("memory")
    request = prepare(
        state.get("question", ""),
        state.get("images", []),
        state.get("regions", []),
        context.artifacts,
        context.limits,
        nameable=nameable(memory),
    )
    asked = request["question"]
    turned, pictures = turned_to(asked, memory)
    if pictures == request["images"]:
        asked = turned
    if not request["regions"]:
        asked, recalled = recall(asked, request["images"], memory)
        request["regions"] = [*recalled]
    known = context.instruments.lexicon()
    plan = context.planner.plan(asked, len(request["regions"]), len(request["images"]), known)
    plan = plan.model_copy(update={"question": request["question"]})
    steps = [step.model_dump(mode="json") for step in plan.steps]
    get_stream_writer()({"kind": "plan", "steps": steps, "reasons": [*plan.reasons]})
    fresh: Json = {**request, "plan": plan.model_dump(mode="json"), "started": started}
    fresh |= {"asks_back": bool(state.get("asks_back")), "observations": None, "replies": [], "findings": []}
    return fresh


def to_instruments(state: State) -> Sequence[Send] | str:
    """One task per look that the plan asks for."""
    plan = Plan.model_validate(state["plan"])
    return [Send("perceive", look) for look in looks_for(plan, state["images"], state["regions"])] or "reason"


def perceive(sent: Json, runtime: Runtime[Context]) -> Json:
    """One look of one instrument at one picture, and the closer ones that it calls for; `sent` is a `Look`, and no part
    of the state.
    """
    look = Look(**sent)  # type: ignore[typeddict-item]
    return {"observations": _looked(look, _context(runtime))}


def _looked(look: Look, context: Context) -> list[Json]:
    """The observations of a look, which is told of as it begins and ends."""
    tell = get_stream_writer()
    tell({"kind": "tool_started", "tool": look["tool"], "image": look["image"]})
    observations = take_looks(look, context)
    seen = observations[-1] | {"seconds": round(sum(one["seconds"] for one in observations), 4)}
    tell({"kind": "tool_finished", **{key: seen[key] for key in ("tool", "image", "summary", "seconds", "error")}})
    return observations


def reason(state: State, runtime: Runtime[Context]) -> Json:
    """Ferret's own answers to what the plan needs to know."""
    context = _context(runtime)
    asks = questions_for(
        Plan.model_validate(state["plan"]),
        _regions(state, context),
        state["regions"],
        len(state["images"]),
        context.instruments,
    )
    if not asks:
        return {"replies": []}
    tell, begun = get_stream_writer(), time.perf_counter()
    tell({"kind": "tool_started", "tool": "ferret", "image": asks[0].image})
    pictures = _pictures(state, context)
    with _listening(pictures):
        replies = ask_ferret(asks, pictures, context)
    seen = _spoken(len(asks), begun)
    tell({"kind": "tool_finished", **{key: seen[key] for key in ("tool", "image", "summary", "seconds", "error")}})
    return {"replies": [reply.to_json() for reply in replies.values()], "observations": [seen]}


def check(state: State, runtime: Runtime[Context]) -> Json:
    """What is left after Ferret and the instruments have been held against each other."""
    context = _context(runtime)
    tell = get_stream_writer()
    checker = _checker(state, context)
    judged = judge_pictures(checker.plan, checker.pictures, state["regions"], checker.observed, context)
    outside = {seen["image"] for seen in judged if seen["outside"]}
    begun = time.perf_counter()
    with _listening(checker.pictures):
        checker.prepare(outside)
        read = _read_closely(checker, state["images"], outside, context)
        findings = findings_of(checker, outside)
    for sighting in dict.fromkeys(sighting for finding in findings for sighting in finding.sightings):
        shown = {"image": sighting.image, "label": sighting.label, "box": list(sighting.box), "score": sighting.score}
        tell({"kind": "region", **shown, "source": sighting.source})
    spoken = [_spoken(checker.asked, begun) | {"weighed": checker.kept()}] if checker.asked else []
    return {
        "findings": [finding.to_json() for finding in findings],
        "observations": [*judged, *read, *spoken],
        "replies": [reply.to_json() for reply in checker.replies.values()],
    }


def _read_closely(checker: Checker, images: Sequence[str], outside: Collection[int], context: Context) -> list[Json]:
    """Reads the things that the plan tells by their text, where that was not read yet. A look that fails is the last:
    the next would keep everybody waiting as well.
    """
    taken: list[Json] = []
    for look in readings(checker, images, outside):
        taken += _looked(look, context)
        if taken[-1]["failure"]:
            break
    for seen in taken:
        checker.observed.add(seen)
    return taken


def clarify(state: State, runtime: Runtime[Context]) -> Json:
    """The findings with what the person chose, where one thing was meant and several are there.

    It begins anew with every reply, and is told the earlier ones again.
    """
    checker, findings = _checker(state, _context(runtime)), [Finding.from_json(value) for value in state["findings"]]
    plan = checker.plan
    for number, index in doubtful(plan, findings):
        group = findings[number].groups[index]
        note: str | None = None
        while True:
            choice = choice_of(group, state["question"])
            reply = interrupt({"choice": choice.model_dump(mode="json"), "note": note})
            try:
                chosen = checked_reply(reply, group, plan.steps[number], checker)
                break
            except RequestError as error:
                note = str(error)
        groups = list(findings[number].groups)
        groups[index] = chosen
        findings[number] = replace(findings[number], groups=tuple(groups))
    return {"findings": [finding.to_json() for finding in findings]}


def to_closer_looks(state: State) -> Sequence[Send] | str:
    """One task per mask or text that the plan asks for and that is not there yet."""
    findings = [Finding.from_json(value) for value in state["findings"]]
    looks = closer_looks(Plan.model_validate(state["plan"]), findings, state["images"], state["regions"])
    return [Send("look_closer", look) for look in looks] or "answer"


def to_person(state: State) -> Sequence[Send] | str:
    """First to the person, if there is something to choose and somebody who wants to be asked."""
    findings = [Finding.from_json(value) for value in state["findings"]]
    if state.get("asks_back") and doubtful(Plan.model_validate(state["plan"]), findings):
        return "clarify"
    return to_closer_looks(state)


def answer(state: State, runtime: Runtime[Context]) -> Json:
    """The findings in words: prose, spans, regions, evidence."""
    context = _context(runtime)
    plan = Plan.model_validate(state["plan"])
    composed = compose(
        plan,
        [Finding.from_json(value) for value in state["findings"]],
        Observed(state["observations"], context.artifacts),
        [picture.size for picture in _pictures(state, context)],
        context.instruments.lexicon(),
        context,
    )
    seconds = round(max(time.time() - state["started"], 0.0), 3)
    composed = with_missing_evidence(composed, plan, state["observations"])
    ready = composed.model_copy(update={"question": state["question"], "seconds": seconds})
    tell = get_stream_writer()
    for piece in text_pieces(ready):
        tell(piece.model_dump())
    told = ready.model_dump(mode="json")
    memory = remembered(state["question"], state["images"], state["regions"], told["regions"], state.get("memory"))
    return {"answer": told, "memory": memory}


def build_graph(
    checkpointer: "BaseCheckpointSaver[Any] | None" = None,
) -> "CompiledStateGraph[State, Context, AskInput, AskOutput]":
    """The graph, compiled; with a checkpointer its threads last."""
    # What `Send` hands over is typed by itself; langgraph's types know nodes over the state alone.
    one_look: Any = perceive
    # No schema of the context: LangGraph's server sends an empty one with every run, which would be made into it.
    builder: StateGraph[State, Context, AskInput, AskOutput] = StateGraph(
        State, input_schema=AskInput, output_schema=AskOutput
    )
    builder.add_node("understand", understand)
    builder.add_node("perceive", one_look)
    builder.add_node("reason", reason)
    builder.add_node("check", check)
    builder.add_node("clarify", clarify)
    builder.add_node("look_closer", one_look)
    builder.add_node("answer", answer)
    builder.add_edge(START, "understand")
    builder.add_conditional_edges("understand", to_instruments, ["perceive", "reason"])
    builder.add_edge("perceive", "reason")
    builder.add_edge("reason", "check")
    builder.add_conditional_edges("check", to_person, ["clarify", "look_closer", "answer"])
    builder.add_conditional_edges("clarify", to_closer_looks, ["look_closer", "answer"])
    builder.add_edge("look_closer", "answer")
    builder.add_edge("answer", END)
    return builder.compile(checkpointer=checkpointer)


def _context(runtime: Runtime[Context]) -> Context:
    return runtime.context if isinstance(runtime.context, Context) else default_context()


def _checker(state: State, context: Context) -> Checker:
    return Checker(
        Plan.model_validate(state["plan"]),
        _regions(state, context),
        state["regions"],
        _pictures(state, context),
        Observed(state["observations"], context.artifacts),
        {reply["key"]: Reply.from_json(reply) for reply in state["replies"]},
        context.instruments.lexicon(),
        context,
    )


def _pictures(state: State, context: Context) -> list[Any]:
    return [context.artifacts.image(key) for key in state["images"]]


def _marks(state: State, context: Context) -> list[Json]:
    """The regions given, as JSON; marks of which a part or the whole is meant, as the masks that the segmenter made."""
    observed = Observed(state["observations"], context.artifacts)
    return shaped(Plan.model_validate(state["plan"]), state["regions"], observed)


def _regions(state: State, context: Context) -> list[Region]:
    return [region_from_json(value, context.artifacts) for value in _marks(state, context)]


def _listening(pictures: Sequence["Image"]) -> AbstractContextManager[None]:
    """While Ferret answers, its words as `token` events, for a run whose configuration asks for `tokens`."""
    if not get_config().get("configurable", {}).get("tokens"):
        return nullcontext()
    tell = get_stream_writer()

    def heard(ask: Ask, piece: str) -> None:
        boxes = [list((ask.thing or region).bounds(*pictures[ask.image].size).coordinates) for region in ask.regions]
        tell(Token(image=ask.image, question=ask.question, boxes=boxes, text=piece).model_dump())

    return telling(heard)


def _spoken(count: int, begun: float) -> Json:
    """Ferret's turn as an observation."""
    summary = f"{count} question{'s' * (count != 1)} answered"
    seconds = round(time.perf_counter() - begun, 4)
    return {
        "tool": "ferret",
        "image": 0,
        "key": "ferret",
        "summary": summary,
        "seconds": seconds,
        "count": count,
        "error": None,
    }


graph = build_graph()
