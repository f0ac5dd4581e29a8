"""Threads last: on disk, small, and picked up by name."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from agent.assistant import VisionAgent
from agent.threads import ThreadStore, checked_thread_id
from ferret.errors import RequestError
from ferret.words import with_article


@pytest.fixture
def agent(lasting: Callable[..., VisionAgent]) -> VisionAgent:
    """An assistant with its threads in SQLite, and one with its threads in PostgreSQL."""
    return lasting()


def test_a_thread_remembers_its_picture_and_what_was_found(agent: VisionAgent, scene: Image.Image) -> None:
    chat = agent.thread("t")
    assert chat.ask("Where are the apples?", scene).text == "The two apples are here."
    second = chat.ask("And the second one?")
    assert second.text == "This is an apple."
    assert second.regions[0].box == [150.0, 20.0, 180.0, 50.0]
    assert second.question == "And the second one?"
    assert chat.ask("How many dogs are there?").text == "There is 1 dog in the picture."


def test_a_thread_goes_on_in_another_process(lasting: Callable[..., VisionAgent], scene: Image.Image) -> None:
    agent = lasting()
    agent.thread("t").ask("Where is the key?", scene)
    agent.threads.close()
    again = lasting()
    answer = again.thread("t").ask("Is there a dog?")
    assert answer.text == "Yes, there is a dog in the picture."
    assert answer.overlay().width > 0
    assert again.threads.names() == ["t"]


def test_threads_do_not_mix(agent: VisionAgent, world: Any, thing: Any) -> None:
    one, two = agent.thread("one"), agent.thread("two")
    one.ask("What do you see?", world.paint([thing("dog", (10, 60, 70, 130))]))
    two.ask("What do you see?", world.paint([thing("cat", (10, 60, 70, 130))], seed=1))
    assert one.ask("What do you see?").text == "I see a dog."
    assert two.ask("What do you see?").text == "I see a cat."


def test_one_agent_serves_several_threads_at_once(agent: VisionAgent, world: Any, thing: Any) -> None:
    names = ("dog", "cat", "owl", "key", "wolf", "tree")
    pictures = [world.paint([thing(name, (10, 60, 70, 130))], seed=seed) for seed, name in enumerate(names)]

    def talk(index: int) -> list[str]:
        chat = agent.thread(names[index])
        return [chat.ask("What do you see?", pictures[index]).text, chat.ask("What do you see?").text]

    with ThreadPoolExecutor(len(names)) as pool:
        told = list(pool.map(talk, range(len(names))))
    assert told == [[f"I see {with_article(name)}."] * 2 for name in names]


def test_a_region_given_once_can_be_named_later(agent: VisionAgent, scene: Image.Image) -> None:
    chat = agent.thread("t")
    chat.ask("What is this?", scene, regions=["box:10,60,70,130"])
    assert chat.ask("Is <region1> a dog?").text == "Yes, this is a dog."


def test_a_new_picture_replaces_the_old_one(agent: VisionAgent, world: Any, thing: Any, scene: Image.Image) -> None:
    chat = agent.thread("t")
    chat.ask("What do you see?", scene)
    chat.ask("What do you see?", world.paint([thing("owl", (10, 60, 70, 130))], seed=2))
    assert chat.ask("What do you see?").text == "I see an owl."


def test_a_thread_without_a_picture_says_so(agent: VisionAgent) -> None:
    with pytest.raises(RequestError, match="no picture yet"):
        agent.thread("t").ask("What do you see?")


def test_a_wrong_request_leaves_the_thread_as_it_was(agent: VisionAgent, scene: Image.Image) -> None:
    chat = agent.thread("t")
    chat.ask("Where is the dog?", scene)
    before = chat.memory()
    with pytest.raises(RequestError):
        chat.ask("What is this?", regions=["box:0,0,9999,5"])
    assert chat.memory() == before


def test_pixels_and_masks_stay_out_of_the_database(agent: VisionAgent) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (600, 800, 3), dtype=np.uint8))
    chat = agent.thread("t")
    for _ in range(5):
        chat.ask("What do you see?", noise)
    agent.threads.close()
    files = {path.name: path.stat().st_size for path in agent.threads.folder.rglob("*") if path.is_file()}
    assert sum(size for name, size in files.items() if name.startswith("threads.sqlite")) < 300_000
    assert len([name for name in files if name.startswith("image-")]) == 1


def test_a_new_thread_has_a_name_of_its_own(agent: VisionAgent) -> None:
    assert agent.thread().name != agent.thread().name


@pytest.mark.parametrize("name", ["", "   ", "a\nb", "x" * 201, "\x00", "\udcff"])
def test_odd_names_are_refused(name: str) -> None:
    with pytest.raises(RequestError, match="cannot name a thread"):
        checked_thread_id(name)


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RequestError, match="FERRET_HOME"):
        ThreadStore(tmp_path / "file" / "state").checkpointer()


def test_a_file_that_is_no_database_is_said(tmp_path: Path) -> None:
    (tmp_path / "threads.sqlite").write_bytes(b"this is no database, however long it goes on " * 100)
    with pytest.raises(RequestError, match="cannot keep threads"):
        ThreadStore(tmp_path).checkpointer()


def test_checkpoints_revive_plain_data_alone(agent: VisionAgent, scene: Image.Image) -> None:
    """A checkpoint that names a function to call is not obeyed."""
    import ormsgpack
    from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

    agent.thread("t").ask("Where is the dog?", scene)
    serde = agent.threads.checkpointer().serde
    assert isinstance(serde, JsonPlusSerializer)
    target = agent.threads.folder / "reached"
    crafted = ormsgpack.packb(ormsgpack.Ext(0, ormsgpack.packb(("pathlib", "Path.touch", (str(target),)))))
    revived = serde.loads_typed(("msgpack", crafted))
    assert not target.exists()
    assert not callable(revived)
    table = "checkpoints" if agent.threads.database.writes == "writes" else "checkpoint_blobs"
    kinds = {row[0] for row in agent.threads.database.read(f"SELECT DISTINCT type FROM {table}")}
    assert kinds <= {"msgpack", "null", "empty"}
    assert "msgpack" in kinds
