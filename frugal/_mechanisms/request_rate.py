"""Requests per minute, by aiolimiter, for a whole process.

Law: all loops and threads together start no more than the limit in a burst, and then one request each time
that another has drained; within a loop, first come, first served. Nothing waits across loops.

An `AsyncLimiter` belongs to one loop and to that loop's own time. So each loop has one for its waiting, with
two of its methods replaced: they ask the one level that the process shares, and the clock that was given.
What it keeps for itself is a copy that is refreshed before each use.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

from aiolimiter import AsyncLimiter

from frugal._mechanisms.level import Level, Shared, positive
from frugal._mechanisms.loops import Alarm, PerLoop
from frugal._values.clock import clock as ambient
from frugal.ports import Clock

__all__ = ["RequestRate"]


class RequestRate(Shared):
    """Let so many requests a minute begin.

    Args:
        rpm: requests per minute, which may also go at once after a quiet minute. Below 1 it is one request
        each
            `60 / rpm` seconds.
        clock: measures the minute.

    >>> import asyncio
    >>> rate = RequestRate(60)
    >>> asyncio.run(rate.acquire())
    """

    __slots__ = ("_lanes", "clock", "level")

    def __init__(self, rpm: float, *, clock: Clock = ambient) -> None:
        super().__init__()
        burst = max(1.0, positive("rpm", rpm))
        seconds = 60 * burst / rpm
        self.clock = clock
        self.level = Level(burst, seconds=seconds)
        self._lanes: PerLoop[_Lane] = PerLoop(lambda: _Lane(self, burst, seconds))

    async def acquire(self) -> None:
        """Wait for the turn of one request.

        Raises:
            asyncio.CancelledError: the caller was cancelled, and has taken nothing.
        """
        lane = self._lanes.here()
        # One at a time stands at the limiter: a newcomer could take what a woken waiter was woken for, and
        # send it to the end of the line.
        async with lane.line:
            await lane.acquire()


class _Lane(AsyncLimiter):
    """One loop's limiter over the level that the process shares."""

    __slots__ = ("_shared", "line")

    def __init__(self, shared: RequestRate, burst: float, seconds: float) -> None:
        super().__init__(burst, seconds)
        self._shared = shared
        self.line = asyncio.Lock()
        self._event_loop = cast("asyncio.AbstractEventLoop", _Timing(shared.clock, self._wake_next))

    def has_capacity(self, amount: float = 1) -> bool:
        """Take the amount if there is room; another thread must not come between question and taking.

        `acquire` asks once for each amount that it then has; what it adds to its own copy is overwritten.
        """
        shared = self._shared
        with shared.lock:
            now = shared.clock.now()
            if shared.level.wait(amount, now):
                return False
            shared.level.add(amount, now)
            return True

    def __repr__(self) -> str:
        return f"<the lane of one loop, {len(self._waiters)} waiting>"

    def _leak(self) -> None:
        shared = self._shared
        with shared.lock:
            self._last_check = shared.clock.now()
            self._level = max(0.0, shared.level.at(self._last_check) - shared.level.moment)


class _Timing:
    """The few parts of an event loop that an `AsyncLimiter` asks for, on the running loop and a clock."""

    __slots__ = ("_alarm", "_clock")

    def __init__(self, clock: Clock, wake: Callable[[], None]) -> None:
        self._clock = clock
        self._alarm = Alarm(wake, clock=clock)

    def is_closed(self) -> bool:
        return False  # A limiter is found by its loop, and never used from another.

    def time(self) -> float:
        return self._clock.now()

    def create_future(self) -> asyncio.Future[None]:
        return asyncio.get_running_loop().create_future()

    def call_soon(self, callback: Callable[..., object], *args: Any) -> asyncio.Handle:
        return asyncio.get_running_loop().call_soon(callback, *args)

    def call_at(self, when: float, _wake: Callable[[], object]) -> Alarm:
        self._alarm.aim(when - self._clock.now())
        return self._alarm
