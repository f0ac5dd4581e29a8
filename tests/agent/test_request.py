"""Everything that a caller may get wrong is found before anything is looked at, and said in one line."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from agent.artifacts import ArtifactStore
from agent.request import flat_images, prepare
from agent.settings import Limits
from ferret.errors import ImageError, RegionError, RequestError
from ferret.regions import Box, Mask, Point

PICTURE = Image.new("RGB", (100, 80), "white")


def ask(question: str = "What is this?", images: Any = (PICTURE,), regions: Any = (), **options: Any) -> Any:
    return prepare(question, images, regions, ArtifactStore(), Limits(), **options)


@pytest.mark.parametrize(
    ("request_", "error", "says"),
    [
        ({"question": ""}, RequestError, "empty"),
        ({"question": " \n\t"}, RequestError, "empty"),
        ({"question": "why " * 2000}, RequestError, "characters"),
        ({"question": "What is \udcff?"}, RequestError, "UTF-8"),
        ({"images": ()}, RequestError, "no picture"),
        ({"images": (PICTURE,) * 17}, RequestError, "too many"),
        ({"images": ("nowhere.png",)}, ImageError, "nowhere.png"),
        ({"images": ("https://example.org/a.png",)}, ImageError, "network"),
        ({"regions": ("box:1,2,3",)}, RegionError, "takes 4"),
        ({"regions": ("box:50,10,20,60",)}, RegionError, "inverted"),
        ({"regions": ("box:0,0,200,60",)}, RegionError, "outside"),
        ({"regions": ("point:nan,3",)}, RegionError, "finite"),
        ({"regions": (Point(float("nan"), 3),)}, RegionError, "finite"),
        ({"regions": ("box:1,2,30,40@2",)}, RegionError, "only 1 picture"),
        ({"regions": (Box(1, 2, 30, 40, image=4),), "images": (PICTURE, PICTURE)}, RegionError, "only 2 pictures"),
        ({"regions": (Mask(np.ones((5, 5), dtype=bool)),)}, RegionError, "5x5"),
        ({"regions": (42,)}, RegionError, "not a region"),
        ({"regions": (Box(1, 2, 30, 40, image="b"),)}, RegionError, "picture 'b'"),  # type: ignore[arg-type]
        ({"regions": ({"kind": "point", "image": None, "numbers": [1, 2]},)}, RegionError, "picture None"),
        ({"regions": ("point:1,1",) * 65}, RequestError, "too many"),
        ({"question": "What is <region2>?", "regions": ("point:1,1",)}, RegionError, "only one"),
        ({"question": "What is <region1>?"}, RegionError, "no region"),
        ({"question": "What is <region0>?", "regions": ("point:1,1",)}, RegionError, "counting from 1"),
    ],
)
def test_a_wrong_request_is_said_in_one_line(request_: dict[str, Any], error: type[RequestError], says: str) -> None:
    with pytest.raises(error, match=says) as caught:
        ask(**request_)
    assert "\n" not in str(caught.value)


def test_the_prepared_request_is_plain_and_stays_as_it_is() -> None:
    store = ArtifactStore()
    first = prepare("  What\nis <region1>? ", [PICTURE], ["box:1,2,30,40"], store, Limits())
    assert first["question"] == "What is <region1>?"
    assert first["regions"] == [{"kind": "box", "image": 0, "numbers": [1.0, 2.0, 30.0, 40.0]}]
    assert prepare(first["question"], first["images"], first["regions"], store, Limits()) == first


def test_remembered_regions_may_be_named() -> None:
    assert ask("What is <region2>?", nameable=2)["regions"] == []
    with pytest.raises(RegionError):
        ask("What is <region3>?", nameable=2)


def test_a_file_whose_name_looks_like_an_id_is_read_as_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "image-" + "0" * 64
    PICTURE.save(tmp_path / name, format="PNG")
    monkeypatch.chdir(tmp_path)
    assert ask(images=(name,))["images"] != [name]


def test_pictures_come_one_by_one_or_as_a_list() -> None:
    assert flat_images(["a.png", ["b.png", "c.png"], ()]) == ["a.png", "b.png", "c.png"]
    assert len(flat_images([np.zeros((4, 4, 3), dtype=np.uint8)])) == 1
