"""Taking the last turn of a thread back, as if it had not been asked.

Of the turns before, a thread keeps what they were, but only the memory that the last one left. So the memory is made
anew from them, by the same function that made it turn by turn.
"""

from typing import TYPE_CHECKING

from agent.memory import remembered
from agent.state import Json
from agent.turns import Runner, Turn, TurnKeeper

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig


def undo(keeper: TurnKeeper, run: Runner) -> Turn | None:
    """Takes the last turn back, and returns it; None when there is none. One that was cut off, or that waits for a
    reply, is the last one too: it is finished, or given up, first.

    Raises `RequestError` when a turn of the thread is under way and goes on for too long.
    """
    opening = keeper.open(run)
    try:
        turns = keeper.turns()
        if not turns:
            return None
        *kept, last = turns
        if not kept:
            keeper.database.delete(keeper.name)
            return last
        config: RunnableConfig = {"configurable": {"thread_id": keeper.name, "turn": kept[-1].number}}
        # First the memory: whoever is stopped in between can take the turn back once more.
        keeper.graph.update_state(config, _state_after(kept), as_node="answer")
        keeper.database.drop_turn(keeper.name, last.number)
        return last
    finally:
        opening.lock.release()


def _state_after(turns: list[Turn]) -> Json:
    """What the last of these turns left behind."""
    memory: Json | None = None
    for turn in turns:
        if turn.answer is not None:
            found = turn.answer.model_dump(mode="json")["regions"]
            memory = remembered(turn.question, turn.images, turn.regions, found, memory)
    last = turns[-1]
    return {
        "question": last.question,
        "images": list(last.images),
        "regions": list(last.regions),
        "answer": last.answer.model_dump(mode="json") if last.answer is not None else {},
        "memory": memory or {},
    }
