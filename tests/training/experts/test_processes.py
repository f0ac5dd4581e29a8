"""Work spread over processes: all of it is done, and a piece that kills its process is the only one lost."""

import os

import pytest

from ferret.errors import ToolError
from training.experts.processes import each_in_processes

DIE = "__import__('os')._exit(3)"


@pytest.mark.parametrize("items", [[], ["1 + 1"], ["1", "2", "3"]])
def test_one_process_works_here_and_in_order(items: list[str]) -> None:
    assert list(each_in_processes(eval, items, 1)) == [(item, eval(item)) for item in items]
    assert list(each_in_processes(eval, ["__import__('os').getpid()"], 1)) == [
        ("__import__('os').getpid()", os.getpid())
    ]


def test_several_processes_do_everything_once_and_elsewhere() -> None:
    items = [f"({number}, __import__('os').getpid())" for number in range(12)]
    found = [result for _, result in each_in_processes(eval, items, 2) if result is not None]
    assert sorted(number for number, _ in found) == list(range(12))
    processes = {process for _, process in found}
    assert os.getpid() not in processes
    assert 1 <= len(processes) <= 2


def test_what_the_work_raises_stops_it() -> None:
    with pytest.raises(ZeroDivisionError):
        list(each_in_processes(eval, ["1", "1 / 0", "2"], 2))


@pytest.mark.slow
def test_a_piece_that_ends_its_process_is_lost_alone() -> None:
    items = ["1", DIE, *map(str, range(2, 8))]
    found = list(each_in_processes(eval, items, 2))
    assert dict(found) == {item: None if item == DIE else int(item) for item in items}
    assert len(found) == len(items)


@pytest.mark.slow
def test_when_everything_dies_it_is_not_the_pieces() -> None:
    with pytest.raises(ToolError, match="memory is short"):
        list(each_in_processes(eval, [DIE, f" {DIE}", f"{DIE} "], 2))


@pytest.mark.slow
def test_a_worker_keeps_to_its_share_of_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    ask = "__import__('os').environ['OMP_NUM_THREADS']"
    ((_, threads),) = each_in_processes(eval, [ask], 2)
    assert threads == str(max(1, (os.cpu_count() or 1) // 2))
