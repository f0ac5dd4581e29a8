"""Thirty-two conversations at once over the embedded weights: each gets what it would have got alone."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from agent.answers import Answer
from agent.assistant import VisionAgent

MANY = 32
QUESTIONS = ("Where is the dog?", "How many things are there?", "Segment the dog.")


def told(answer: Answer) -> dict[str, Any]:
    return answer.model_dump(mode="json", exclude={"seconds", "evidence"})


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_conversations_at_once_are_as_conversations_alone(demo_picture: Path, tmp_path: Path) -> None:
    whole = Image.open(demo_picture).convert("RGB")
    # Every picture is another part of the scene, so all boxes and masks differ.
    pictures = [whole.crop((3 * n, n, whole.width - 2 * n, whole.height - n)) for n in range(MANY)]
    questions = [QUESTIONS[n % len(QUESTIONS)] for n in range(MANY)]
    alone = VisionAgent(folder=tmp_path / "alone")
    expected = [told(alone.ask(question, picture)) for question, picture in zip(questions, pictures, strict=True)]
    assert len({str(one) for one in expected}) > MANY // 2

    agent = VisionAgent(folder=tmp_path / "together")
    ready = threading.Barrier(MANY)

    def talk(number: int) -> dict[str, Any]:
        chat = agent.thread(f"thread {number}")
        ready.wait(60)
        return told(chat.ask(questions[number], pictures[number]))

    with ThreadPoolExecutor(MANY) as pool:
        assert list(pool.map(talk, range(MANY))) == expected
    for number in range(MANY):
        (turn,) = agent.thread(f"thread {number}").turns()
        assert turn.images == (agent.threads.artifacts.put_image(pictures[number]),)
        assert turn.answer is not None
        assert told(turn.answer) == expected[number]
    agent.threads.close()
