"""The state is plain JSON: regions go through it and come back."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.artifacts import ArtifactStore
from agent.state import gathered, region_from_json, region_to_json
from ferret.errors import RequestError
from ferret.regions import Box, Mask, Point, Polygon, Region, Scribble

number = st.floats(0, 500, allow_nan=False, allow_infinity=False)
points = st.lists(st.tuples(number, number), min_size=3, max_size=6).map(tuple)
regions: st.SearchStrategy[Region] = st.one_of(
    st.builds(Point, number, number, image=st.integers(0, 3)),
    st.builds(Box, number, number, number, number, image=st.integers(0, 3)),
    st.builds(Polygon, points, image=st.integers(0, 3)),
    st.builds(Scribble, points, image=st.integers(0, 3)),
)


@given(regions)
def test_regions_survive_json(region: Region) -> None:
    store = ArtifactStore()
    assert region_from_json(json.loads(json.dumps(region_to_json(region, store))), store) == region


def test_a_mask_leaves_its_pixels_in_the_store() -> None:
    store = ArtifactStore()
    mask = np.zeros((300, 400), dtype=bool)
    mask[20:200, 30:90] = True
    value = region_to_json(Mask(mask, image=1), store)
    assert len(json.dumps(value)) < 150
    assert region_from_json(value, store) == Mask(mask, image=1)


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"kind": "box", "image": 0},
        {"kind": "box", "image": 0, "numbers": [1, 2, 3]},
        {"kind": "circle", "image": 0, "numbers": [1, 2]},
        {"kind": "point", "image": 0, "numbers": ["a", "b"]},
        {"kind": "mask", "image": 0, "artifact": "mask-" + "0" * 64},
    ],
)
def test_what_is_no_region_is_a_request_error(value: dict[str, object]) -> None:
    with pytest.raises(RequestError):
        region_from_json(value, ArtifactStore())


def test_gathering_appends_and_none_empties() -> None:
    assert gathered(None, [{"a": 1}]) == [{"a": 1}]
    assert gathered([{"a": 1}], [{"b": 2}]) == [{"a": 1}, {"b": 2}]
    assert gathered([{"a": 1}], None) == []
