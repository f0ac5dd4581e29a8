"""Asking the person which one is meant."""

from typing import Any

import pytest
from PIL import Image

from agent.answers import Answer
from agent.assistant import AgentThread, VisionAgent
from agent.events import AnswerReady, ChoiceNeeded, Event
from ferret.errors import RequestError
from ferret.regions import Box

LEFT, RIGHT, TREE = (10.0, 20.0, 60.0, 90.0), (150.0, 30.0, 200.0, 110.0), (100.0, 40.0, 130.0, 160.0)


@pytest.fixture
def two_dogs(world: Any, thing: Any) -> Image.Image:
    picture: Image.Image = world.paint([thing("dog", LEFT), thing("dog", RIGHT, seen=0.85), thing("tree", TREE)])
    return picture


def last(events: Any) -> Event:
    *_, event = events
    assert isinstance(event, AnswerReady | ChoiceNeeded)
    return event


def asked(chat: AgentThread, question: str, *pictures: Image.Image) -> Answer:
    event = last(chat.stream(question, *pictures, asks_back=True))
    assert isinstance(event, ChoiceNeeded), event
    return event.choice


def boxes(event: Event) -> list[tuple[float, ...]]:
    assert isinstance(event, AnswerReady), event
    return [tuple(region.box) for region in event.answer.regions]


def test_the_person_is_asked_with_choices_that_can_be_shown(agent: VisionAgent, two_dogs: Image.Image) -> None:
    choice = asked(agent.thread("t"), "Where is the dog?", two_dogs)
    assert choice.text == "Which dog do you mean: 1 or 2?"
    assert [(region.label, tuple(region.box)) for region in choice.regions] == [("1", LEFT), ("2", RIGHT)]
    assert choice.overlay().width >= two_dogs.width


@pytest.mark.parametrize(
    ("reply", "words", "chosen"),
    [
        (2, "", [RIGHT]),
        ("point:170,60", "", [RIGHT]),
        (Box(*LEFT), "", [LEFT]),
        ("box:90,35,135,165", "", [(90.0, 35.0, 135.0, 165.0)]),  # another than was offered
        (None, "the left one", [LEFT]),
        (None, "the one on the right", [RIGHT]),
        (None, "right of the tree", [RIGHT]),
        (None, "the largest", [RIGHT]),
        (None, "the small one", [LEFT]),
        (None, "the bigger one, please", [RIGHT]),
        (None, "number 2, please", [RIGHT]),
        (None, "the second one", [RIGHT]),
        (None, "the last one", [RIGHT]),
        (None, "both", [LEFT, RIGHT]),
        (None, "none of them", []),
        (None, "", [LEFT, RIGHT]),
    ],
)
def test_replies(
    agent: VisionAgent, two_dogs: Image.Image, reply: Any, words: str, chosen: list[tuple[float, ...]]
) -> None:
    chat = agent.thread("t")
    asked(chat, "Where is the dog?", two_dogs)
    assert sorted(boxes(last(chat.reply(reply, words=words)))) == sorted(chosen)
    assert chat.waiting() is None
    assert [turn.question for turn in chat.turns()] == ["Where is the dog?"]


def test_a_reply_is_understood_with_what_the_check_has_settled(agent: VisionAgent, world: Any, thing: Any) -> None:
    things = [thing("dog", LEFT), thing("dog", RIGHT, seen=0.85), thing("tree", TREE, seen=0.3)]
    chat = agent.thread("t")
    asked(chat, "Where is the dog?", world.paint(things))
    before = len(world.calls)
    assert boxes(last(chat.reply(words="the one nearest the tree"))) == [RIGHT]
    assert len(world.calls) == before  # Ferret is not asked again


A, B, C = (10.0, 20.0, 40.0, 50.0), (90.0, 20.0, 130.0, 60.0), (210.0, 20.0, 230.0, 40.0)


@pytest.mark.parametrize(
    ("words", "chosen"),
    [
        ("one", [A]), ("number one", [A]), ("#2", [B]), ("apple 2", [B]), ("the third one please", [C]), ("last", [C]),
        ("the small one", [C]), ("the big apple", [B]), ("the smaller of the two", [C]), ("left", [A]),
        ("the far left one", [A]), ("I mean the left apple", [A]), ("the top one", [C]), ("the middle one", [B]),
        ("the one in the middle", [B]), ("second from the left", [B]), ("the one closer to the tree", [B]),
        ("closest to the tree", [B]), ("the one furthest from the dog", [C]), ("to the right of the tree", [C]),
        ("1 and 3", [A, C]), ("one, two", [A, B]), ("the first and the third", [A, C]),
        ("the left and the right one", [A, C]), ("the first two", [A, B]), ("the last two", [B, C]),
        ("the two on the left", [A, B]), ("not the left one", [B, C]), ("all but 2", [A, C]),
        ("everything except the largest", [A, C]), ("all three", [A, B, C]), ("any of them", [A, B, C]),
        ("I don't care", [A, B, C]), ("it doesn't matter", [A, B, C]), ("whatever", [A, B, C]), ("either", [A, B, C]),
        ("neither", []), ("none of these", []),
    ],
)  # fmt: skip
def test_replies_among_three(
    agent: VisionAgent, world: Any, thing: Any, words: str, chosen: list[tuple[float, ...]]
) -> None:
    things = [thing("apple", A), thing("apple", B, seen=0.88), thing("apple", C, seen=0.86)]
    picture = world.paint([*things, thing("tree", (150, 10, 180, 90)), thing("dog", (20, 100, 80, 150))])
    chat = agent.thread("t")
    asked(chat, "Where is the apple?", picture)
    assert sorted(boxes(last(chat.reply(words=words)))) == chosen


@pytest.mark.parametrize(
    "words", ["that one", "the other one", "yes", "the former", "the first four", "1 and 7", "not the purple one", "0"]
)
def test_replies_that_choose_nothing_are_asked_again(agent: VisionAgent, world: Any, thing: Any, words: str) -> None:
    picture = world.paint([thing("apple", A), thing("apple", B, seen=0.88), thing("apple", C, seen=0.86)])
    chat = agent.thread("t")
    asked(chat, "Where is the apple?", picture)
    assert isinstance(last(chat.reply(words=words)), ChoiceNeeded)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("the one that says exit", 'The sign says "EXIT".'),
        ("the open sign", 'The sign says "OPEN 24h".'),
        ("the one saying open", 'The sign says "OPEN 24h".'),
        ("the lower one", 'The sign says "EXIT".'),
        ("the one below", 'The sign says "EXIT".'),
        ("the latter", 'The sign says "EXIT".'),
        ("neither", "There is no sign that you mean in the picture."),
    ],
)
def test_signs_are_chosen_by_what_they_say(agent: VisionAgent, world: Any, thing: Any, words: str, text: str) -> None:
    first, second = (10, 10, 80, 40), (90, 100, 160, 140)
    signs = [thing("sign", first, text="OPEN 24h"), thing("sign", second, text="EXIT", seen=0.8)]
    chat = agent.thread("t")
    asked(chat, "Read the sign.", world.paint(signs))
    event = last(chat.reply(words=words))
    assert isinstance(event, AnswerReady)
    assert event.answer.text == text


def test_the_other_one_is_the_one_that_was_not_chosen(agent: VisionAgent, two_dogs: Image.Image) -> None:
    chat = agent.thread("t")
    asked(chat, "Cut out the dog.", two_dogs)
    assert boxes(last(chat.reply(words="the left one"))) == [LEFT]
    other = chat.ask("And the other one?")
    assert other.text == "Here is the outline of the other dog."
    assert [tuple(region.box) for region in other.regions] == [RIGHT]


@pytest.mark.parametrize(
    ("reply", "words", "note"), [(7, "", "there is no choice 7"), (None, "the purple one", "which dog")]
)
def test_what_cannot_be_understood_is_asked_again(
    agent: VisionAgent, two_dogs: Image.Image, reply: Any, words: str, note: str
) -> None:
    chat = agent.thread("t")
    asked(chat, "Where is the dog?", two_dogs)
    again = last(chat.reply(reply, words=words))
    assert isinstance(again, ChoiceNeeded)
    assert note in str(again.note)
    assert boxes(last(chat.reply(1))) == [LEFT]


def test_what_was_chosen_is_used_by_all_that_follows(agent: VisionAgent, two_dogs: Image.Image) -> None:
    chat = agent.thread("t")
    choice = asked(chat, "Cut out the dog and read the sign.", two_dogs)
    assert len(choice.regions) == 2
    event = last(chat.reply(2))
    assert isinstance(event, AnswerReady)
    assert event.answer.text.startswith("Here is the outline of the dog.")
    assert [region.source for region in event.answer.regions] == ["sam"]
    assert chat.ask("What is it?").regions[0].box == event.answer.regions[0].box


@pytest.mark.parametrize(
    "question", ["Where are the dogs?", "Where is a dog?", "How many dogs are there?", "Is the dog left of the tree?",
                 "Where is the tree?", "Where is the left dog?"],
)  # fmt: skip
def test_who_need_not_ask_does_not(agent: VisionAgent, two_dogs: Image.Image, question: str) -> None:
    assert isinstance(last(agent.thread("t").stream(question, two_dogs, asks_back=True)), AnswerReady)


def test_nobody_is_asked_who_does_not_want_to_be(agent: VisionAgent, two_dogs: Image.Image) -> None:
    chat = agent.thread("t")
    asked(chat, "Where is the dog?", two_dogs)
    assert len(chat.ask("Find the dog.").regions) == 2
    assert len(agent.ask("Where is the dog?", two_dogs).regions) == 2


def test_a_new_question_ends_the_waiting_and_loses_no_turn(agent: VisionAgent, two_dogs: Image.Image) -> None:
    chat = agent.thread("t")
    asked(chat, "Where is the dog?", two_dogs)
    chat.ask("Where is the tree?")
    turns = chat.turns()
    assert [turn.question for turn in turns] == ["Where is the dog?", "Where is the tree?"]
    assert turns[0].answer is not None
    assert len(turns[0].answer.regions) == 2
    with pytest.raises(RequestError, match="asked nothing"):
        last(chat.reply(1))


def test_a_reply_may_come_in_another_process(agent: VisionAgent, two_dogs: Image.Image) -> None:
    asked(agent.thread("t"), "Where is the dog?", two_dogs)
    agent.threads.close()
    again = VisionAgent(instruments=agent.instruments, folder=agent.threads.folder)
    chat = again.thread("t")
    assert chat.resume() is None  # it waits, and was not cut off
    waiting = chat.waiting()
    assert waiting is not None
    assert waiting.choice.text == "Which dog do you mean: 1 or 2?"
    assert boxes(last(chat.reply(1))) == [LEFT]


def test_a_region_beyond_the_picture_is_refused(agent: VisionAgent, two_dogs: Image.Image) -> None:
    chat = agent.thread("t")
    asked(chat, "Where is the dog?", two_dogs)
    with pytest.raises(RequestError):
        last(chat.reply("box:1,2"))
    assert chat.waiting() is not None
