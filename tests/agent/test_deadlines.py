"""A call that takes too long is given up on time, ended where that is possible, and never piles up."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

import agent.deadlines
from agent.deadlines import ToolTimeoutError, Worker
from ferret.errors import ToolError


@pytest.fixture
def worker() -> Worker:
    return Worker("reader")


def until(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    """Waits for something to become true."""
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.005)
    return condition()


def test_what_is_done_in_time_is_returned(worker: Worker) -> None:
    assert worker.run(lambda: "read", 10.0) == "read"
    assert not worker.busy


def test_what_fails_is_raised(worker: Worker) -> None:
    def fail() -> None:
        raise ToolError("out of order")

    with pytest.raises(ToolError, match="out of order"):
        worker.run(fail, 10.0)
    assert worker.run(lambda: 1, 10.0) == 1


def test_a_call_that_takes_too_long_is_given_up_on_time_and_ended(worker: Worker) -> None:
    steps: list[float] = []

    def endless() -> None:
        while True:  # as a network is: one short native call after another
            time.sleep(0.001)
            steps.append(time.monotonic())

    begun = time.monotonic()
    with pytest.raises(ToolTimeoutError, match=r"reader took longer than 0\.1 s and was given up"):
        worker.run(endless, 0.1)
    assert time.monotonic() - begun < 5.0
    assert until(lambda: not worker.busy)
    done = len(steps)
    time.sleep(0.05)
    assert len(steps) == done
    assert worker.run(lambda: "again", 10.0) == "again"


def test_no_handler_of_errors_holds_a_stopped_call_back(worker: Worker) -> None:
    def stubborn() -> None:
        while True:
            try:
                time.sleep(0.001)
            except Exception:
                continue

    with pytest.raises(ToolTimeoutError):
        worker.run(stubborn, 0.05)
    assert until(lambda: not worker.busy)


def test_locks_are_let_go_by_a_stopped_call(worker: Worker) -> None:
    lock = threading.RLock()

    def holding() -> None:
        with lock:
            while True:
                time.sleep(0.001)

    with pytest.raises(ToolTimeoutError):
        worker.run(holding, 0.05)
    assert until(lambda: not worker.busy)
    assert lock.acquire(timeout=5)
    lock.release()


def test_a_call_that_cannot_be_ended_holds_its_instrument_and_nobody_piles_up_behind_it(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent.deadlines, "GRACE", 0.05)
    native = threading.Event()
    with pytest.raises(ToolTimeoutError, match="took longer"):
        worker.run(lambda: native.wait(30), 0.05)  # as one long native call: nothing gets in between
    count = threading.active_count()
    ran: list[int] = []
    for _ in range(5):
        begun = time.monotonic()
        with pytest.raises(ToolTimeoutError, match="still held"):
            worker.run(lambda: ran.append(1), 10.0)
        assert time.monotonic() - begun < 5.0
    assert (ran, threading.active_count()) == ([], count)
    native.set()
    assert until(lambda: not worker.busy)
    assert worker.run(lambda: "free", 10.0) == "free"


def test_calls_come_one_after_another_and_waiting_costs_no_time_of_ones_own(worker: Worker) -> None:
    inside, most = 0, 0

    def slow() -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        time.sleep(0.05)
        inside -= 1

    with ThreadPoolExecutor(6) as pool:
        calls = [pool.submit(worker.run, slow, 2.0) for _ in range(6)]
    assert [call.result() for call in calls] == [None] * 6
    assert most == 1


def test_a_stop_that_comes_as_the_call_ends_strikes_nothing_else(worker: Worker) -> None:
    given_up = 0
    for step in range(60):
        seconds = 0.001 + step * 0.0001
        try:
            worker.run(lambda: time.sleep(0.004), seconds)
        except ToolTimeoutError:
            given_up += 1
        assert until(lambda: not worker.busy)
        assert worker.run(lambda: "sound", 10.0) == "sound"
    assert given_up > 0
