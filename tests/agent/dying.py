"""Runs conversations in processes that are killed: python dying.py PLAN.json, told of in test_kills.py.

The libraries are loaded once; each life of a conversation is a fork of this process, which has no threads. It goes on
where the life before was cut off, and dies of SIGKILL: at a random moment, or just before or after a chosen write.
What it writes out is JSON: how many lives were cut short.
"""

import importlib.util
import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from agent.assistant import VisionAgent
from agent.instruments import Instruments
from agent.turns import Turn

# The stand-ins of this folder's tests.
_SPEC = importlib.util.spec_from_file_location("stand_ins", Path(__file__).with_name("conftest.py"))
assert _SPEC is not None
assert _SPEC.loader is not None
STAND_INS: ModuleType = importlib.util.module_from_spec(_SPEC)
sys.modules["stand_ins"] = STAND_INS
_SPEC.loader.exec_module(STAND_INS)

NAMES = ("dog", "cat", "owl", "key", "wolf", "tree")
# A turn crosses about so many writes, coming and going; a few more, so that every life gets somewhere in the end.
A_TURN = 32
QUESTIONS = (
    "Where are the apples?",
    "And the second one?",
    "Segment the {name}.",
    "What does the sign say?",
    "Where is the {name} and how many apples are there?",
)


class Conversation:
    """One thread's pictures and questions; the number tells all threads apart, in pixels and in answers."""

    def __init__(self, number: int) -> None:
        self.name = f"thread {number}"
        self.world = STAND_INS.World()
        kind, thing = NAMES[number % len(NAMES)], STAND_INS.Thing
        apples = [thing("apple", (90 + 30 * k, 20, 110 + 30 * k, 50), seen=0.95 - 0.05 * k) for k in range(2)]
        sign = thing("sign", (20, 10, 75, 40), text=f"ROOM {number}")
        self.picture = self.world.paint([thing(kind, (10 + number % 40, 60, 70, 130)), *apples, sign], seed=number % 30)
        self.questions = [question.format(name=kind) for question in QUESTIONS]

    def agent(self, folder: str | Path, database: str | None) -> VisionAgent:
        """A process' own assistant over this conversation's world."""
        parts: dict[str, Callable[[], Any]] = {
            "ferret": lambda: STAND_INS.FakeEngine(self.world),
            "detector": lambda: STAND_INS.FakeDetector(self.world),
            "ocr": lambda: STAND_INS.FakeReader(self.world),
            "sam": lambda: STAND_INS.FakeSegmenter(self.world),
        }
        return VisionAgent(
            instruments=Instruments(loaders=parts), folder=folder, database=database, thresholds=STAND_INS.TRUSTING
        )

    def go_on(self, agent: VisionAgent) -> None:
        """Finishes what was cut off, and asks what has not been asked yet."""
        chat = agent.thread(self.name)
        chat.resume()
        for number, question in enumerate(self.questions):
            if number >= len(chat.turns()):
                chat.ask(question, *([] if number else [self.picture]))


def told(turns: list[Turn]) -> list[Any]:
    """Turns without times, as JSON."""
    plain = []
    for turn in turns:
        assert turn.answer is not None, turn.error
        answer = turn.answer.model_dump(mode="json") | {"seconds": 0}
        answer["evidence"] = [one | {"seconds": 0} for one in answer["evidence"]]
        plain.append([turn.number, turn.question, list(turn.images), answer])
    return plain


def live(conversation: Conversation, plan: dict[str, Any], dies_at: int | None) -> int:
    """One life, in a child process; returns its id. It dies at its `dies_at`-th crossing of a write, if ever."""
    child = os.fork()
    if child:
        return child
    try:
        agent = conversation.agent(plan["folder"], plan["database"])
        if dies_at is not None:
            _mine(agent, dies_at)
        conversation.go_on(agent)
        agent.threads.close()
        os._exit(0)
    except BaseException:
        import traceback

        traceback.print_exc()
        os._exit(1)


def _mine(agent: VisionAgent, dies_at: int) -> None:
    """Has the process die at the `dies_at`-th time that it comes to, or from, writing to the database."""
    database = agent.threads.database
    crossed = 0

    def crossing() -> None:
        nonlocal crossed
        crossed += 1
        if crossed == dies_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def mined(write: Callable[..., Any]) -> Callable[..., Any]:
        def writing(*args: Any, **options: Any) -> Any:
            crossing()
            written = write(*args, **options)
            crossing()
            return written

        return writing

    for owner, name in ((database.saver, "put"), (database.saver, "put_writes"), (database, "change")):
        setattr(owner, name, mined(getattr(owner, name)))


@dataclass(frozen=True, slots=True)
class Life:
    """A life under way: whether it is to be cut short, and when, by `time.monotonic()`, unless it does so itself."""

    conversation: Conversation
    doomed: bool
    until: float


def main() -> None:
    """Has `lives` lives cut short, several at a time; then every conversation comes to its end."""
    plan = json.loads(Path(sys.argv[1]).read_text())
    chance = random.Random(plan["seed"])
    queue = [Conversation(number) for number in range(plan["threads"])]
    running: dict[int, Life] = {}
    threads, killed, step, longest = plan["threads"], 0, 0, plan["longest"]
    try:
        while killed < plan["lives"] or queue or running:
            while len(running) < plan["at_once"]:
                missing = plan["lives"] - killed - sum(life.doomed for life in running.values())
                if missing > 0 and not queue:  # all others are through, or were quicker than their ends
                    queue.append(Conversation(threads))
                    threads += 1
                if not queue:
                    break
                conversation = queue.pop(0)
                dies_at, until = None, float("inf")
                if missing > 0:
                    step += 1
                    if plan["at_writes"]:
                        dies_at = 1 + step % A_TURN
                    else:
                        until = time.monotonic() + chance.uniform(0.0, longest)
                running[live(conversation, plan, dies_at)] = Life(conversation, missing > 0, until)
            for child, life in list(running.items()):
                if time.monotonic() >= life.until:
                    os.kill(child, signal.SIGKILL)
                ended, status = os.waitpid(child, os.WNOHANG)
                if not ended:
                    continue
                del running[child]
                if os.WIFSIGNALED(status):
                    killed += 1
                    longest = min(1.1 * longest, plan["longest"])
                    queue.append(life.conversation)
                elif os.WEXITSTATUS(status):
                    sys.exit(f"a life of {life.conversation.name} failed")
                elif life.doomed:  # sooner, on a machine as quick as this one
                    longest *= 0.8
            time.sleep(0.002)
    finally:
        for child in running:  # they would keep whoever waits for what this process writes waiting for them too
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    sys.stdout.write(json.dumps({"killed": killed, "threads": threads}) + "\n")


if __name__ == "__main__":
    main()
