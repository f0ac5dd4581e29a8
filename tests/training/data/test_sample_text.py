"""Samples as text: whatever goes in comes out, to the bit; damage is an error of ours."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ferret.errors import TrainingError
from ferret.regions import Box, Mask, Point, Polygon, Region, Scribble
from training.data.sample_text import sample_from_line, sample_to_line
from training.readers import Sample, Turn

numbers = st.one_of(st.integers(-(2**40), 2**40), st.floats(allow_nan=False, allow_infinity=False))
images = st.integers(0, 3)
boxes = st.builds(Box, numbers, numbers, numbers, numbers, image=images)
corners = st.lists(st.tuples(numbers, numbers), max_size=5).map(tuple)
masks = st.builds(
    Mask, arrays(np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 12)), elements=st.booleans()), image=images
)
regions: st.SearchStrategy[Any] = st.one_of(
    boxes,
    masks,
    st.builds(Point, numbers, numbers, image=images),
    st.builds(Polygon, corners, image=images),
    st.builds(Scribble, corners, image=images),
)
# Any text at all, halves of surrogate pairs and line breaks of every kind among it.
texts = st.text(st.characters(), max_size=30).filter(lambda text: "<region" not in text and "<box" not in text)


@st.composite
def turns(draw: st.DrawFn) -> Turn:
    pointed = draw(st.lists(regions, max_size=3))
    limits = draw(st.lists(st.none() | regions, min_size=len(pointed), max_size=len(pointed)))
    found = draw(st.lists(boxes, max_size=3))
    within: list[Region | None] = limits if draw(st.booleans()) else []
    answer = draw(texts) + "".join(f" <box{number + 1}>" for number in range(len(found)))
    return Turn(draw(texts), answer, tuple(pointed), tuple(within), tuple(found))


samples = st.builds(
    Sample,
    st.just("ferret"),
    texts,
    st.sampled_from([Path("/pictures/a.png"), Path("/pictures/deep/größe 1.jpg")]),
    st.none() | st.tuples(st.integers(1, 9999), st.integers(1, 9999)),
    st.lists(turns(), min_size=1, max_size=3).map(tuple),
)


@given(samples)
def test_a_sample_comes_back_as_it_was(sample: Sample) -> None:
    folder = Path("/pictures")
    relative = Sample(sample.source, sample.id, sample.image.relative_to(folder), sample.size, sample.turns)
    line = sample_to_line(relative)
    assert b"\n" not in line
    assert sample_from_line(line, "ferret", folder) == sample


@pytest.mark.parametrize("value", [0.1, 1 / 3, 1e300, 5e-324, 639.9999999999999, -0.0, 2**53 + 1])
def test_numbers_come_back_to_the_bit(value: float) -> None:
    sample = Sample("a", "1", Path("a.png"), None, (Turn("q", "a", (Point(value, 0),)),))
    (region,) = sample_from_line(sample_to_line(sample), "a", Path()).turns[0].regions
    assert isinstance(region, Point)
    assert repr(region.x) == repr(value)


def test_numbers_of_numpy_keep_their_value() -> None:
    box = Box(np.float32(0.1), np.float64(0.2), np.int64(3), 4)  # type: ignore[arg-type]
    sample = Sample("a", "1", Path("a.png"), None, (Turn("q", "a", boxes=(box,)),))
    assert sample_from_line(sample_to_line(sample), "a", Path()).turns[0].boxes == (box,)


@pytest.mark.parametrize(
    "line",
    [
        b"", b"{}", b"[]", b"null", b'["1","a.png",null]', b'["1","a.png",[1],[]]', b'["1",2,null,[]]',
        b'["1","a.png",null,[["q"]]]', b'["1","a.png",null,[["q","a",[["box",0,[1,2]]],[],[]]]]', b"\xff",
        b'["1","a.png",null,[["q","a",[["mask",0,{"size":[1,1],"counts":"~"}]],[],[]]]]',
        b'["1","a.png",null,[["q <region1>","a",[],[],[]]]]', b'["1","a.png",null,[["q","a",[["blob",0,[]]],[],[]]]]',
    ],
)  # fmt: skip
def test_a_damaged_line_is_an_error_of_ours(line: bytes) -> None:
    with pytest.raises(TrainingError):
        sample_from_line(line, "a", Path())
