"""Turns are run once, kept once, finished when they were cut off, and leave nothing behind that is not needed."""

import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from agent.artifacts import ArtifactStore
from agent.assistant import VisionAgent
from agent.events import AnswerReady
from agent.looks import Looks
from agent.threads import ThreadStore
from agent.turns import Turn
from ferret.errors import RequestError, WeightsError
from ferret.regions import Box


@pytest.fixture
def agent(lasting: Callable[..., VisionAgent]) -> VisionAgent:
    """An assistant with its threads in SQLite, and one with its threads in PostgreSQL."""
    return lasting()


def cut_off(agent: VisionAgent, name: str, question: str, *images: Any, after: str = "check") -> None:
    """Leaves a turn as a process leaves it that dies after that node."""
    chat = agent.thread(name)
    keeper = chat._keeper()
    opening = keeper.open(chat._runner(tokens=False))
    request = chat._request(opening, question, list(images), [])
    config = {**keeper._config(opening.number), "tokens": False}
    from agent.context import Context
    from agent.graph import RECURSION_LIMIT

    context = Context(agent.instruments, agent.threads.artifacts, agent.thresholds, agent.limits)
    options: dict[str, Any] = {"interrupt_after": [after]} if after else {"interrupt_before": ["understand"]}
    configured: Any = {"configurable": config, "recursion_limit": RECURSION_LIMIT}
    agent._durable_graph().invoke(request, configured, context=context, durability="sync", **options)
    opening.lock.release()


def told(turns: list[Turn]) -> list[tuple[int, str, str | None]]:
    return [(turn.number, turn.question, turn.answer.text if turn.answer else None) for turn in turns]


def rows(agent: VisionAgent, table: str) -> int:
    return int(agent.threads.database.read(f"SELECT COUNT(*) FROM {table}")[0][0])


def files(agent: VisionAgent, kind: str = "") -> list[str]:
    folder = agent.threads.artifacts.folder
    assert folder is not None
    return sorted(path.name for path in folder.glob("??/*") if path.name.startswith(kind))


# --- the record -------------------------------------------------------------------------------------------------------


def test_a_thread_lists_its_turns(agent: VisionAgent, scene: Image.Image) -> None:
    chat = agent.thread("t")
    assert chat.turns() == []
    chat.ask("Where are the apples?", scene)
    answer = chat.ask("And the second one?")
    first, second = chat.turns()
    assert (first.number, second.number) == (1, 2)
    assert second.answer is not None
    assert second.answer.model_dump() == answer.model_dump()
    assert (second.question, second.error) == ("And the second one?", None)
    assert second.images == (agent.threads.artifacts.put_image(scene),)
    assert second.regions[0]["numbers"] == [150.0, 20.0, 180.0, 50.0]


def test_a_thread_between_turns_is_one_checkpoint(agent: VisionAgent, scene: Image.Image) -> None:
    for name in ("one", "two"):
        for _ in range(3):
            agent.thread(name).ask("Segment the dog.", scene)
    assert agent.threads.names() == ["one", "two"]
    assert rows(agent, "checkpoints") == 2
    assert rows(agent, agent.threads.database.writes) == 0


@pytest.mark.slow
def test_after_two_hundred_turns_over_twenty_pictures_the_database_is_small(
    agent: VisionAgent, world: Any, thing: Any
) -> None:
    pictures = [
        world.paint([thing("dog", (10, 60, 70, 130)), thing("cat", (90, 60, 150, 130))], seed=n) for n in range(20)
    ]
    chat = agent.thread("t")
    for number in range(200):
        chat.ask(("Segment the dog.", "What do you see?", "Where is the cat?")[number % 3], pictures[number % 20])
    assert len(chat.turns()) == 200
    assert size(agent) < 5_000_000
    assert len(files(agent, "image-")) == 20
    agent.threads.collect(young=0)
    assert len(files(agent, "image-")) == 20


def size(agent: VisionAgent) -> int:
    """Bytes of the database while it is open: all files of SQLite, and what is alive in PostgreSQL, which clears dead
    rows away in its own time.
    """
    if not (agent.threads.folder / "threads.sqlite").exists():
        query = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace"
        tables = [name for (name,) in agent.threads.database.read(query)]
        alive = "SELECT COALESCE(SUM(pg_column_size(t.*)), 0) FROM {} t"
        return sum(int(agent.threads.database.read(alive.format(name))[0][0]) for name in tables)
    return sum(path.stat().st_size for path in agent.threads.folder.glob("threads.sqlite*"))


# --- turns that were cut off ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("after", ["", "understand", "perceive", "reason", "check", "answer"])
def test_a_turn_that_was_cut_off_is_resumed(agent: VisionAgent, world: Any, scene: Image.Image, after: str) -> None:
    agent.thread("t").ask("Where are the apples?", scene)
    cut_off(agent, "t", "And the second one?", after=after)
    assert told(agent.thread("t").turns()) == [(1, "Where are the apples?", "The two apples are here.")]
    world.calls.clear()
    answer = agent.thread("t").resume()
    assert answer is not None
    assert answer.text == "This is an apple."
    assert answer.overlay().width > 0
    assert "detector" not in world.calls
    assert agent.thread("t").resume() is None
    assert [turn.number for turn in agent.thread("t").turns()] == [1, 2]
    assert rows(agent, "checkpoints") == 1


def test_the_first_turn_of_a_thread_is_resumed(agent: VisionAgent, scene: Image.Image) -> None:
    cut_off(agent, "t", "Where is the dog?", scene)
    answer = agent.thread("t").resume()
    assert answer is not None
    assert answer.text == "The dog is here."


def test_the_next_question_finishes_the_one_that_was_cut_off(agent: VisionAgent, scene: Image.Image) -> None:
    cut_off(agent, "t", "Where are the apples?", scene)
    assert agent.thread("t").ask("And the second one?").text == "This is an apple."
    assert told(agent.thread("t").turns()) == [
        (1, "Where are the apples?", "The two apples are here."), (2, "And the second one?", "This is an apple."),
    ]  # fmt: skip


def test_a_new_thread_has_nothing_to_resume(agent: VisionAgent) -> None:
    assert agent.thread("t").resume() is None


def test_a_turn_that_cannot_be_finished_is_kept_without_an_answer(agent: VisionAgent, scene: Image.Image) -> None:
    agent.thread("t").ask("Where is the key?", scene)
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (60, 80, 3), dtype=np.uint8))
    cut_off(agent, "t", "Where is the dog?", noise, after="understand")
    lost = agent.threads.artifacts.put_image(noise)
    folder = agent.threads.artifacts.folder
    assert folder is not None
    (path,) = folder.glob(f"??/{lost}")
    path.unlink()
    agent.threads.artifacts = ArtifactStore(folder)  # a new process, which remembers no picture
    with pytest.raises(RequestError, match="is gone"):
        agent.thread("t").resume()
    last = agent.thread("t").turns()[-1]
    assert (last.number, last.question, last.answer) == (2, "Where is the dog?", None)
    assert last.error is not None
    assert "is gone" in last.error
    assert agent.thread("t").ask("Where is the dog?").text == "The dog is here."
    assert [turn.number for turn in agent.thread("t").turns()] == [1, 2, 3]


# --- turns that fail or are stopped -----------------------------------------------------------------------------------


@pytest.mark.parametrize("before", [False, True])
def test_a_turn_that_raises_is_taken_back(
    agent: VisionAgent, scene: Image.Image, monkeypatch: pytest.MonkeyPatch, before: bool
) -> None:
    chat = agent.thread("t")
    if before:
        chat.ask("Where are the apples?", scene)
    memory, kept = chat.memory(), told(chat.turns())

    def fail(*_: Any, **__: Any) -> None:
        raise WeightsError("the weights are gone")

    with monkeypatch.context() as patch:
        patch.setattr(type(agent.instruments.engine), "answer", fail)
        with pytest.raises(WeightsError):
            chat.ask("Where is the dog?", scene)
    assert (chat.memory(), told(chat.turns()), chat.resume()) == (memory, kept, None)
    assert rows(agent, "checkpoints") == before
    assert rows(agent, agent.threads.database.writes) == 0
    assert chat.ask("Where is the dog?", scene).text == "The dog is here."


@pytest.mark.parametrize(("instrument", "use"), [("engine", "answer"), ("detector", "detect")])
def test_ctrl_c_ends_the_turn_at_once_and_takes_it_back(
    agent: VisionAgent, scene: Image.Image, monkeypatch: pytest.MonkeyPatch, instrument: str, use: str
) -> None:
    chat = agent.thread("t")
    chat.ask("Where are the apples?", scene)
    memory, kept = chat.memory(), told(chat.turns())

    def interrupted(*_: Any, **__: Any) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        for _step in range(6000):
            time.sleep(0.01)

    agent.looks = Looks(remembered=0)
    with monkeypatch.context() as patch:
        patch.setattr(type(getattr(agent.instruments, instrument)), use, interrupted)
        begun = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            chat.ask("Where is the dog?")
        assert time.monotonic() - begun < 30.0
    assert (chat.memory(), told(chat.turns()), chat.resume()) == (memory, kept, None)
    assert rows(agent, "checkpoints") == 1
    assert chat.ask("Where is the dog?").text == "The dog is here."


def test_a_stream_that_is_closed_takes_its_turn_back(agent: VisionAgent, scene: Image.Image) -> None:
    chat = agent.thread("t")
    events = chat.stream("Where is the dog?", scene)
    next(events)
    events.close()  # type: ignore[attr-defined]
    assert (chat.turns(), chat.memory(), agent.threads.names()) == ([], {}, [])
    chat.ask("Where is the dog?", scene)
    assert len(chat.turns()) == 1


def test_a_stream_that_nobody_reads_holds_nobody_up(agent: VisionAgent, scene: Image.Image) -> None:
    agent.thread("t").stream("Where is the dog?", scene)
    assert agent.thread("t").ask("Where is the dog?", scene).text == "The dog is here."


def test_an_answer_that_was_told_is_kept_even_if_the_reader_stops_there(agent: VisionAgent, scene: Image.Image) -> None:
    for event in agent.thread("t").stream("Where is the dog?", scene):
        if isinstance(event, AnswerReady):
            break
    assert len(agent.thread("t").turns()) == 1


# --- side by side -----------------------------------------------------------------------------------------------------


def test_questions_to_one_thread_come_one_after_another(
    lasting: Callable[..., VisionAgent], scene: Image.Image
) -> None:
    agents = [lasting(), lasting()]  # as two processes
    agents[0].thread("t").ask("Where are the apples?", scene)
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda n: agents[n % 2].thread("t").ask("How many dogs are there?").text, range(6)))
    assert answers == ["There is 1 dog in the picture."] * 6
    turns = agents[0].thread("t").turns()
    assert [turn.number for turn in turns] == list(range(1, 8))
    assert rows(agents[0], "checkpoints") == 1


def test_a_thread_that_stays_busy_is_said(
    agent: VisionAgent, scene: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = agent.thread("t").stream("Where is the dog?", scene)
    next(events)
    lock = agent.threads.database.lock
    monkeypatch.setattr(agent.threads.database, "lock", lambda name: lock(name, patience=0.05))
    with pytest.raises(RequestError, match="busy with another question"):
        agent.thread("t").ask("Where is the key?", scene)
    assert agent.thread("u").ask("Where is the key?", scene).text == "The key is here."
    assert [event.answer.text for event in events if isinstance(event, AnswerReady)] == ["The dog is here."]


def test_thirty_two_threads_at_once_keep_their_pictures_regions_and_answers(
    agent: VisionAgent, world: Any, thing: Any
) -> None:
    names = ("dog", "cat", "owl", "key", "wolf", "tree", "banana", "apple")
    places = [(names[n % 8], (10.0 + 3 * n, 60.0, 70.0 + 3 * n, 100.0 + 2 * n)) for n in range(32)]
    pictures = [
        world.paint([thing(name, box), thing("sign", (5, 5, 60, 30), text=f"ROOM {n}")], seed=n % 30)
        for n, (name, box) in enumerate(places)
    ]
    ready = threading.Barrier(32)

    def talk(number: int) -> list[Any]:
        chat = agent.thread(f"thread {number}")
        ready.wait(60)
        name, box = places[number]
        first = chat.ask(f"Where is the {name}?", pictures[number])
        second = chat.ask("What does the sign say?")
        third = chat.ask("What is this?", regions=[Box(*box)])
        return [first.regions[0].box, second.text, third.text, third.regions[0].box, *(t.images for t in chat.turns())]

    with ThreadPoolExecutor(32) as pool:
        said = list(pool.map(talk, range(32)))
    for number, (name, box) in enumerate(places):
        article = "an" if name[0] in "aeiou" else "a"
        picture = (agent.threads.artifacts.put_image(pictures[number]),)
        assert said[number] == [
            list(box), f'The sign says "ROOM {number}".', f"This is {article} {name}.", list(box), *[picture] * 3,
        ]  # fmt: skip


# --- forgetting -------------------------------------------------------------------------------------------------------


def test_a_deleted_thread_is_gone(agent: VisionAgent, scene: Image.Image) -> None:
    for name in ("one", "two"):
        agent.thread(name).ask("Where is the dog?", scene)
    agent.threads.delete("one")
    assert agent.threads.names() == ["two"]
    assert (agent.thread("one").turns(), agent.thread("one").memory()) == ([], {})
    assert len(agent.thread("two").turns()) == 1
    with pytest.raises(RequestError, match="there is no thread 'one'; there are two"):
        agent.threads.delete("one")
    assert agent.thread("one").ask("Where is the dog?", scene).text == "The dog is here."


def test_artifacts_stay_as_long_as_a_thread_needs_them(agent: VisionAgent, world: Any, thing: Any) -> None:
    pictures = [world.paint([thing("dog", (10, 60, 70, 130))], seed=seed) for seed in range(3)]
    for number, name in enumerate(("one", "two")):
        agent.thread(name).ask("Segment the dog.", pictures[number])
        agent.thread(name).ask("Segment the dog.", pictures[2])  # both
    assert len(files(agent, "image-")) == 3
    agent.threads.collect(young=0)
    assert len(files(agent, "image-")) == 3
    agent.threads.delete("one")
    swept = agent.threads.collect(young=0)
    assert swept.removed > 0
    assert len(files(agent, "image-")) == 2
    assert (swept.kept, swept.kept_bytes) == (len(files(agent)), total(agent))
    assert agent.thread("two").ask("Segment the dog.").regions[0].mask is not None
    agent.threads.delete("two")
    agent.threads.collect(young=0)
    assert files(agent) == []


def total(agent: VisionAgent) -> int:
    folder = agent.threads.artifacts.folder
    assert folder is not None
    return sum(path.stat().st_size for path in folder.glob("??/*"))


def test_a_region_that_was_pointed_at_keeps_its_mask(agent: VisionAgent, scene: Image.Image, mask_of: Any) -> None:
    from ferret.regions import Mask

    agent.thread("t").ask("What is this?", scene, regions=[Mask(mask_of((10, 60, 70, 130)))])
    agent.threads.collect(young=0)
    agent.threads.artifacts = ArtifactStore(agent.threads.artifacts.folder)
    assert agent.thread("t").ask("Is <region1> a dog?").text == "Yes, this is a dog."


def test_what_a_turn_under_way_needs_is_not_collected(agent: VisionAgent, scene: Image.Image) -> None:
    cut_off(agent, "t", "Segment the dog.", scene)
    agent.threads.collect(young=0)
    agent.threads.artifacts = ArtifactStore(agent.threads.artifacts.folder)
    answer = agent.thread("t").resume()
    assert answer is not None
    assert answer.regions[0].mask is not None


def test_what_is_young_or_was_just_used_again_is_not_collected(agent: VisionAgent, scene: Image.Image) -> None:
    store = agent.threads.artifacts
    keys = [store.put_image(scene), store.put_json([1]), store.put_json([2])]
    assert agent.threads.collect().removed == 0
    folder = store.folder
    assert folder is not None
    for path in folder.glob("??/*"):
        os.utime(path, (time.time() - 7200, time.time() - 7200))
    assert store.put_json([2]) == keys[2]
    assert agent.threads.collect().removed == 2
    assert files(agent) == [keys[2]]


def test_collecting_beside_threads_at_work_takes_nothing_from_them(
    lasting: Callable[..., VisionAgent], world: Any, thing: Any
) -> None:
    """As fast as it goes, and with nothing counted as young for longer than a moment."""
    agents = [lasting(), lasting()]
    pictures = [world.paint([thing("dog", (10, 60, 70, 130))], seed=seed) for seed in range(4)]
    over = threading.Event()

    def collect() -> int:
        removed = 0
        while not over.is_set():
            removed += agents[1].threads.collect(young=1.0).removed
        return removed

    with ThreadPoolExecutor(1) as pool:
        collecting = pool.submit(collect)
        try:
            for number in range(24):
                chat = agents[0].thread("t")
                answer = chat.ask("Segment the dog.", pictures[number % 4])
                assert answer.regions[0].mask is not None
                if number % 6 == 5:
                    agents[0].threads.delete("t")
        finally:
            over.set()
        collecting.result()


# --- the setting ------------------------------------------------------------------------------------------------------


def test_the_environment_names_the_database(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FERRET_DATABASE", "mysql://root@host/name")
    with pytest.raises(RequestError, match="postgresql://user@host/name"):
        ThreadStore(tmp_path)
    monkeypatch.setenv("FERRET_DATABASE", "")
    assert ThreadStore(tmp_path).names() == []


def test_a_database_that_is_not_there_is_said_without_its_password(tmp_path: Path) -> None:
    pytest.importorskip("psycopg_pool", reason="the extra 'postgres' is not installed")
    url = f"postgresql://someone:secret@/name?host={tmp_path}"
    with pytest.raises(RequestError, match="cannot keep threads in the database") as caught:
        ThreadStore(tmp_path, url).names()
    assert "secret" not in str(caught.value)


def test_databases_have_artifacts_of_their_own_in_one_folder(tmp_path: Path) -> None:
    urls = [None, "postgresql://a:b@host/one", "postgresql://c@host:5432/one", "postgresql://host/two"]
    parts = [ThreadStore(tmp_path, url).artifacts.folder for url in urls]
    assert parts[1] == parts[2]
    assert len(set(parts)) == 3
