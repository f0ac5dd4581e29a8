"""Deadlines: an instrument's call that takes too long is given up, and the turn goes on without it.

A call runs on a thread of its own while the caller waits. At the deadline the caller gets a `ToolTimeoutError`, and the
call is ended as far as a process can end a part of itself: its thread is told to stop, which takes effect as soon as
the running piece of native code (one layer of a network, one strip of text) returns to Python. Native code that never
returns holds its instrument, and then every further look fails at once instead of piling up behind it: there is never
more than one call per instrument, abandoned ones included.

Waiting for one's turn at an instrument does not count against the deadline, for the calls in front have deadlines too;
loading the models does not either.
"""

import ctypes
import threading
import time
from collections.abc import Callable
from typing import Any, Generic, TypeVar, cast

from ferret.errors import ToolError

T = TypeVar("T")

# How long an abandoned call may take to end, in seconds, before others stop waiting for the instrument.
GRACE = 2.0
# How often a thread that waits to be stopped looks up; only after an order to stop that came a moment too late.
_MOMENT = 0.001


class ToolTimeoutError(ToolError):
    """An instrument took longer than it may, and was given up."""


class _StopCall(BaseException):
    """Raised inside a call that was given up. No instrument's `except Exception` can hold it back."""


class _Call(Generic[T]):
    """One call, from its start until its thread has ended."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._state = threading.Lock()  # in C, so that an order to stop cannot leave it held
        self._inside = True
        self._stopped = False
        self.result: T | None = None
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            try:
                self.result = self._work()
            except Exception as error:
                self.error = error
            with self._state:
                self._inside = False
            # An order to stop that was given while the work ended must not strike outside of it.
            for _ in range(1000 if self._stopped else 0):
                time.sleep(_MOMENT)
        except _StopCall:
            pass

    def stop(self, thread: threading.Thread) -> None:
        """Tells `thread`, which runs this call, to end it at its next step of Python."""
        with self._state:
            if self._inside and not self._stopped and thread.ident is not None:
                self._stopped = True
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(_StopCall))


class Worker:
    """The calls of one instrument: one at a time, each with a deadline. Safe to use from several threads."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._changed = threading.Condition()
        self._running: _Call[Any] | None = None
        self._given_up_at: float | None = None

    def run(self, work: Callable[[], T], seconds: float) -> T:
        """What `work` returns or raises, if it is done within `seconds` of its start.

        Raises:
            ToolTimeoutError: it is not, or the instrument is still held by a call that was given up before.
        """
        call = _Call(work)
        self._wait_for_turn(call)
        ended = threading.Event()

        def body() -> None:
            try:
                call.run()
            finally:
                self._leave()
                ended.set()

        thread = threading.Thread(target=body, name=f"{self.name} look", daemon=True)
        try:
            try:
                thread.start()
            except RuntimeError as error:  # the process has too many threads, or is about to end
                self._leave()
                raise ToolError(f"{self.name} cannot be started: {error}") from error
            in_time = ended.wait(seconds) or not self._give_up(call, thread)
        except BaseException:  # whoever asked has been stopped, maybe while the thread was getting under way
            self._give_up(call, thread)
            raise
        if not in_time:
            raise ToolTimeoutError(f"{self.name} took longer than {seconds:g} s and was given up")
        if call.error is not None:
            raise call.error
        return cast(T, call.result)

    @property
    def busy(self) -> bool:
        """Whether a call is under way, or has been given up and has not ended yet."""
        with self._changed:
            return self._running is not None

    def _wait_for_turn(self, call: "_Call[Any]") -> None:
        with self._changed:
            while self._running is not None:
                if self._given_up_at is None:
                    self._changed.wait()
                    continue
                left = self._given_up_at + GRACE - time.monotonic()
                if left <= 0:
                    raise ToolTimeoutError(f"{self.name} is still held by a look that took too long and was given up")
                self._changed.wait(left)
            self._running = call

    def _give_up(self, call: "_Call[Any]", thread: threading.Thread) -> bool:
        """Tells a call to end; False when it has just ended by itself."""
        with self._changed:
            if self._running is not call:
                return False
            self._given_up_at = time.monotonic()
            self._changed.notify_all()
        call.stop(thread)
        return True

    def _leave(self) -> None:
        with self._changed:
            self._running = self._given_up_at = None
            self._changed.notify_all()
