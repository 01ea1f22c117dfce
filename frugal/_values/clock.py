"""The one place where frugal reads the time or waits for it.

Law: every time to live, wait, rate and window asks `clock`, so a test (or a backtest) that puts another clock in
its place owns them all. Times are Unix seconds in UTC.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

__all__ = ["AmbientClock", "SystemClock", "clock", "replaced"]


class _Clock(Protocol):
    def now(self) -> float: ...

    async def sleep(self, seconds: float) -> None: ...


class SystemClock:
    """Tell the machine's time."""

    __slots__ = ()

    now = staticmethod(time.time)

    async def sleep(self, seconds: float) -> None:
        """Wait on the running event loop for that many seconds."""
        await asyncio.sleep(seconds)

    def __repr__(self) -> str:
        return "SystemClock()"


class AmbientClock:
    """Tell the time of whichever clock is in place: the machine's, unless a test replaced it.

    The replacement is for the whole process, not for a context: writer threads and other event loops must see
    the same time as the code under test.
    """

    __slots__ = ("_real", "current", "now")

    def __init__(self) -> None:
        self._real = SystemClock()
        self.put(self._real)

    def put(self, current: _Clock) -> None:
        """Put a clock in place."""
        self.current = current
        # Every call asks for the time several times: it is asked of the clock in place itself.
        self.now: Callable[[], float] = current.now
        """Returns Unix seconds."""

    async def sleep(self, seconds: float) -> None:
        """Wait for that many seconds of the clock in place."""
        await self.current.sleep(seconds)

    @property
    def is_real(self) -> bool:
        """Whether the machine's clock is in place."""
        return self.current is self._real

    def __repr__(self) -> str:
        return f"AmbientClock({self.current!r})"


clock = AmbientClock()
"""The ambient clock."""


@contextmanager
def replaced(replacement: _Clock) -> Iterator[None]:
    """Put `replacement` in the place of the machine's clock for the duration of the block."""
    before = clock.current
    clock.put(replacement)
    try:
        yield
    finally:
        clock.put(before)
