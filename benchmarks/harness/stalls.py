"""How long would the loop have let something wait, for every millisecond of a while?

A callback stands in the loop for every millisecond. Where the loop comes late, each of the milliseconds that fell into
the gap is counted, with the wait that it would have had, whether or not a callback could be made for it: a stall of
100 ms is a hundred waits from 100 ms down to 1, not one.
"""

from __future__ import annotations

import asyncio
import time
from types import TracebackType

__all__ = ["Stalls", "within"]

TICK = 0.001


class Stalls:
    """Watch the running loop inside a `with`.

    After it, `waits` holds the seconds that each millisecond waited, and `own` no more of each than the processors
    spent on this process meanwhile: what is only in `waits` is the machine's, or a wait for a disk or a lock.
    """

    def __init__(self) -> None:
        self.waits: list[float] = []
        self.own: list[float] = []
        self._loop = asyncio.get_running_loop()
        self._due = self._busy = 0.0
        self._handle: asyncio.TimerHandle | None = None

    def __enter__(self) -> Stalls:
        self._due = time.monotonic() + TICK  # the clock of asyncio's loops
        self._busy = time.process_time()
        self._handle = self._loop.call_at(self._due, self._tick)
        return self

    def _tick(self) -> None:
        self._count()
        self._handle = self._loop.call_at(self._due, self._tick)

    def _count(self) -> None:
        now, busy = time.monotonic(), time.process_time()
        spare = max(0.0, now - self._due - (busy - self._busy))
        self._busy = busy
        while self._due <= now:
            wait = now - self._due
            self.waits.append(wait)
            self.own.append(max(0.0, wait - spare))
            self._due += TICK

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._handle is not None:
            self._handle.cancel()
        self._count()


def within(waits: list[float], share: float) -> float:
    """Return the wait within which that share of the milliseconds stayed, in seconds."""
    ordered = sorted(waits)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
