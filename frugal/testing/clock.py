"""A clock that only moves when told.

Law: `now()` never moves by itself; `advance` wakes every sleeper whose time has come, on the loop where it sleeps, in
the order in which they are due.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

from frugal._values.clock import replaced

__all__ = ["FakeClock", "virtual"]

_START = datetime(2026, 1, 15, 12, tzinfo=UTC)
"""Where a clock starts that was told nothing: a plain weekday noon, far from every window's border."""


class FakeClock:
    """Tell a time that a test sets.

    Args:
        start: an aware datetime or Unix seconds; by default a fixed noon in January 2026, UTC.

    Raises:
        ValueError: `start` is a naive datetime.

    >>> import asyncio
    >>> clock = FakeClock(0)
    >>> clock.advance(90)
    >>> clock.now()
    90.0
    """

    def __init__(self, start: datetime | float | None = None) -> None:
        if isinstance(start, datetime) and start.tzinfo is None:
            raise ValueError(f"FakeClock({start!r}): give an aware datetime, such as one with tzinfo=UTC.")
        begun = _START if start is None else start
        self._now = begun.timestamp() if isinstance(begun, datetime) else float(begun)
        self._sleepers: list[tuple[float, int, asyncio.AbstractEventLoop, asyncio.Future[None]]] = []
        self._watchers: list[tuple[int, asyncio.AbstractEventLoop, asyncio.Future[None]]] = []
        self._order = itertools.count()
        self._lock = threading.Lock()

    def now(self) -> float:
        """Return the time in Unix seconds."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Move on and wake whoever's time has come; they run when their loop next does.

        Args:
            seconds: how far.

        Raises:
            ValueError: `seconds` is negative.
        """
        if not seconds >= 0:
            raise ValueError(f"advance({seconds!r}): time does not run backwards; give 0 or more seconds.")
        with self._lock:
            self._now += seconds
            due = []
            while self._sleepers and self._sleepers[0][0] <= self._now:
                due.append(heapq.heappop(self._sleepers))
        for _, _, loop, waiter in due:
            with suppress(RuntimeError):  # its loop was closed in the meantime
                loop.call_soon_threadsafe(_wake, waiter)

    async def sleep(self, seconds: float) -> None:
        """Return once the clock has been advanced by that much."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        with self._lock:
            heapq.heappush(self._sleepers, (self._now + seconds, next(self._order), loop, waiter))
        self._tell()
        await waiter

    async def asleep(self, count: int = 1) -> None:
        """Return once that many sleep on this clock, on whatever loop; then `advance` wakes them.

        Args:
            count: how many sleepers.

        >>> async def main(clock):
        ...     task = asyncio.create_task(clock.sleep(60))
        ...     await clock.asleep()
        ...     clock.advance(60)
        ...     await task
        ...     return clock.now()
        >>> asyncio.run(main(FakeClock(0)))
        60.0
        """
        while self.sleepers < count:
            loop = asyncio.get_running_loop()
            waiter: asyncio.Future[None] = loop.create_future()
            with self._lock:
                self._watchers.append((count, loop, waiter))
            self._tell()  # somebody may have lain down meanwhile, on another thread
            await waiter

    def _tell(self) -> None:
        """Wake who waits for sleepers."""
        sleeping = self.sleepers
        with self._lock:
            told = [watcher for watcher in self._watchers if watcher[0] <= sleeping]
            self._watchers = [watcher for watcher in self._watchers if watcher[0] > sleeping]
        for _, loop, waiter in told:
            with suppress(RuntimeError):  # its loop was closed in the meantime
                loop.call_soon_threadsafe(_wake, waiter)

    @property
    def sleepers(self) -> int:
        """How many wait for the clock."""
        with self._lock:
            return sum(not waiter.done() for _, _, _, waiter in self._sleepers)

    @property
    def next_due(self) -> float | None:
        """When the next sleeper is due, in Unix seconds; `None` when nobody sleeps."""
        with self._lock:
            return min((due for due, _, _, waiter in self._sleepers if not waiter.done()), default=None)

    def __repr__(self) -> str:
        return f"FakeClock({datetime.fromtimestamp(self._now, UTC).isoformat()})"


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


@contextmanager
def virtual(clock: FakeClock) -> Iterator[FakeClock]:
    """Make `clock` the clock of everything inside: lives, waits, rates and windows.

    It is the clock of the whole process while the block lasts, other threads and loops included.

    Args:
        clock: the clock.

    Returns:
        A context manager that yields the clock.

    >>> with virtual(FakeClock(0)) as clock:
    ...     clock.advance(1)
    """
    with replaced(clock):
        yield clock
