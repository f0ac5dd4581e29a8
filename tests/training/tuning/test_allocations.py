"""Bytes are counted from the making of a storage to its end, whatever looks at it, computed or not."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from training.tuning.allocations import Allocations, Kind, Peak

MIB = 1 << 20


def floats(count: int) -> Tensor:
    return torch.empty(count, dtype=torch.float32)


def test_nothing_needs_nothing() -> None:
    with Allocations() as allocations:
        pass
    assert allocations.peak() == Peak("", dict.fromkeys(Kind, 0))


@pytest.mark.parametrize(
    ("make", "added"),
    [
        (lambda x: x * 2, 4000),
        (lambda x: x.view(10, 100).transpose(0, 1)[3:], 0),
        (lambda x: x.add_(1), 0),
        (lambda x: x.half(), 2000),
        (lambda x: x.float(), 0),  # it is that already
        (lambda x: torch.cat([x, x]), 8000),
        (lambda x: x.topk(10), 10 * (4 + 8)),
    ],
)
def test_what_an_operation_adds(make: Callable[[Tensor], object], added: int) -> None:
    x = floats(1000)
    with Allocations() as allocations:
        allocations.mark([x], Kind.WEIGHTS)
        kept = make(x)
    assert allocations.peak().total == 4000 + added
    del kept


def test_views_of_what_is_gone_keep_it() -> None:
    with Allocations() as allocations:
        first = floats(1000)[:1]
        second = floats(1000)
    assert allocations.peak().total == 8000
    del first, second


def test_the_peak_is_not_the_end() -> None:
    with Allocations() as allocations:
        allocations.phase("low")
        kept = floats(100)
        allocations.phase("high")
        passing = floats(1000)
        del passing
        allocations.phase("after")
        more = floats(200)
    peak = allocations.peak()
    assert (peak.phase, peak.total) == ("high", 4400)
    del kept, more


def test_kinds() -> None:
    weight = floats(1000)
    with Allocations() as allocations:
        allocations.mark([weight], Kind.WEIGHTS)
        allocations.mark([weight.view(10, 100)], Kind.GRADIENTS)  # the same bytes: marked already
        cast = weight.to(torch.bfloat16)
        activation = cast * 2
        allocations.mark_rest(Kind.ACTIVATIONS)
        gradient = floats(1000)
        allocations.mark([gradient], Kind.GRADIENTS)
        other = floats(10)
    expected = {
        Kind.WEIGHTS: 4000, Kind.COPIES: 2000, Kind.ACTIVATIONS: 2000, Kind.GRADIENTS: 4000, Kind.OPTIMIZER: 0,
        Kind.TEMPORARY: 40,
    }  # fmt: skip
    assert allocations.peak().bytes == expected
    del activation, other


def test_storages_that_are_emptied_and_refilled_hold_copies_of_weights() -> None:
    with Allocations() as allocations:
        gathered = floats(1000)
        gathered.untyped_storage().resize_(0)
        before = floats(500)
        gathered.untyped_storage().resize_(8000)
    assert allocations.peak().bytes[Kind.COPIES] == 8000
    assert allocations.peak().total == 10000
    del before


def test_one_context_after_the_other() -> None:
    weight, resize = floats(1000), torch.UntypedStorage.resize_
    for _ in range(2):
        with Allocations() as allocations:
            allocations.mark([weight], Kind.WEIGHTS)
        assert allocations.peak().total == 4000
    assert torch.UntypedStorage.resize_ is resize  # it watches no longer


@given(st.lists(st.tuples(st.integers(1, 1000), st.integers(0, 5)), max_size=40))
def test_any_order_of_making_and_letting_go(steps: list[tuple[int, int]]) -> None:
    kept: list[Tensor] = []
    highest = 0
    with Allocations() as allocations:
        for size, place in steps:
            if place < len(kept):
                del kept[place]
            kept.append(torch.empty(size, dtype=torch.uint8))
            highest = max(highest, sum(len(tensor) for tensor in kept))
    assert allocations.peak().total == highest


def test_shapes_alone_need_as_much_as_numbers() -> None:
    def step() -> Peak:
        model = nn.Sequential(nn.Linear(64, 256), nn.GELU(), nn.Linear(256, 64), nn.LayerNorm(64))
        with Allocations() as allocations:
            allocations.mark(model.parameters(), Kind.WEIGHTS)
            loss = model(torch.zeros(32, 64)).square().mean()
            allocations.mark_rest(Kind.ACTIVATIONS)
            loss.backward()
        return allocations.peak()

    computed = step()
    with FakeTensorMode():
        assert step() == computed
    assert computed.bytes[Kind.WEIGHTS] == 4 * (2 * 64 * 256 + 256 + 3 * 64)
