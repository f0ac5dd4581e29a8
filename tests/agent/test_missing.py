"""An answer says which evidence it should have rested on and does not have."""

from typing import Any

import pytest
from PIL import Image

from agent.assistant import VisionAgent


@pytest.mark.parametrize(
    ("broken", "question", "text", "status"),
    [
        # Ferret alone
        ("detector", "Where is the dog?", "The dog is here. This is without the detector, which failed.", "answered"),
        ("detector", "What do you see?",
         ("I see nothing that I know in the picture. This is without the detector, which failed."), "unsure"),
        # nobody who could be asked has found it
        ("detector", "Where is the owl?", "There is no owl in the picture. This is without the detector, which failed.",
         "unsure"),
        ("ocr", "Read the text.", "I cannot read it: the text reader failed.", "unsure"),
        ("ocr", "What does the sign say?", "I cannot read it: the text reader failed.", "unsure"),
        # the rest of the answer stands
        ("ocr", "Where is the dog?", "The dog is here.", "answered"),
        ("sam", "Segment the dog.", "The dog is here, but I could not outline it.", "unsure"),
    ],
)  # fmt: skip
def test_answers_without_an_instrument(
    agent: VisionAgent, world: Any, scene: Image.Image, broken: str, question: str, text: str, status: str
) -> None:
    agent.instruments.lexicon()
    world.broken.add(broken)
    answer = agent.ask(question, scene)
    assert (answer.text, answer.status) == (text, status)
    assert answer.basis is not None
    assert not answer.basis.calibrated


def test_the_rest_of_a_question_is_answered(agent: VisionAgent, world: Any, scene: Image.Image) -> None:
    world.broken.add("ocr")
    answer = agent.ask("What does the sign say and where is the dog?", scene)
    assert "The dog is here." in answer.text
    assert answer.text.endswith("This is without the text reader, which failed.")
    assert f"{broken_of(answer)}" == "['ocr is out of order']"
    assert all(answer.text[span.start : span.end] == span.text for span in answer.spans)


def broken_of(answer: Any) -> list[str]:
    return [one.summary for one in answer.evidence if "out of order" in one.summary][:1]


def test_weights_that_speak_freely_read_in_place_of_the_reader(
    agent: VisionAgent, world: Any, scene: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine: Any = agent.instruments.engine
    monkeypatch.setattr(agent.instruments, "speaks_freely", lambda: True)
    say = type(engine)._say

    def reads(self: Any, image: Image.Image, prompt: Any) -> str:
        return 'The sign says "OPEN".' if "written" in prompt.question else say(self, image, prompt)

    monkeypatch.setattr(type(engine), "_say", reads)
    world.broken.add("ocr")
    answer = agent.ask("What does it say?", scene, regions=["box:20,10,75,40"])
    assert answer.text == 'The text reads "OPEN". Ferret read this itself, because the text reader failed.'
    assert ("ocr", "ocr is out of order; Ferret read 1 line of text instead") in [
        (one.tool, one.summary) for one in answer.evidence
    ]
