"""Artifacts are kept once, by content, and read back bit by bit."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from agent.artifacts import ArtifactStore
from ferret.errors import RequestError


@pytest.fixture(params=["memory", "folder"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "artifacts" if request.param == "folder" else None)


def picture(seed: int, size: tuple[int, int] = (31, 17)) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def test_a_picture_comes_back_to_the_bit(store: ArtifactStore) -> None:
    image = picture(1)
    key = store.put_image(image)
    assert np.array_equal(np.asarray(store.image(key)), np.asarray(image))


def test_the_same_pixels_have_one_id(store: ArtifactStore) -> None:
    assert store.put_image(picture(1)) == store.put_image(picture(1).copy())
    assert store.put_image(picture(1)) != store.put_image(picture(2))


def test_masks_and_json_come_back(store: ArtifactStore) -> None:
    mask = np.zeros((17, 31), dtype=bool)
    mask[3:9, 4:20] = True
    assert np.array_equal(store.mask(store.put_mask(mask)), mask)
    value = {"a": [1, 2.5, None, "ü"], "b": {"c": True}}
    assert store.json(store.put_json(value)) == value


def test_order_of_keys_does_not_change_the_id(store: ArtifactStore) -> None:
    assert store.put_json({"a": 1, "b": 2}) == store.put_json({"b": 2, "a": 1})


@pytest.mark.parametrize("key", ["", "image-" + "0" * 64, "image-../../etc/passwd", "mask-" + "g" * 64, "json"])
def test_an_unknown_id_is_a_request_error(store: ArtifactStore, key: str) -> None:
    with pytest.raises(RequestError):
        store.image(key)


def test_a_key_of_another_kind_is_refused(store: ArtifactStore) -> None:
    with pytest.raises(RequestError, match="stored image"):
        store.image(store.put_json([1]))


def test_a_folder_is_shared_and_holds_each_artifact_once(tmp_path: Path) -> None:
    first, second = ArtifactStore(tmp_path), ArtifactStore(tmp_path)
    key = first.put_image(picture(3))
    assert second.put_image(picture(3)) == key
    assert np.array_equal(np.asarray(second.image(key)), np.asarray(picture(3)))
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1


def test_decoded_pictures_beside_a_folder_are_bounded(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path, remembered=2)
    keys = [store.put_image(picture(seed)) for seed in range(5)]
    assert [np.asarray(store.image(key)).shape for key in keys] == [(17, 31, 3)] * 5
    assert len(store._pictures) == 2
