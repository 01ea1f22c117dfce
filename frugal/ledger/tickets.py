"""Tickets: how those who wait learn what became of their work.

Law: whoever waits is woken once: when the work is durable, when it failed for good, or when patience ran
out; on the loop (or thread) that waits. All that one commit finished is told to each loop in a single
wake-up. A loop that has closed meanwhile is passed over.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterable
from typing import Any, Protocol

__all__ = ["Ticket", "ring"]


class Watch(Protocol):
    """Wakes those whose patience has run out even if the writer itself is stuck."""

    def __call__(self, loop: asyncio.AbstractEventLoop, /) -> set[Ticket]:
        """Return the set of those that wait on that loop."""
        ...


class Ticket:
    """Follow one piece of work through the writer.

    Reading and writing its few attributes needs no lock: `done` is set before the waiters are read, and a
    waiter is added before `done` is read.

    Args:
        watch: who sees to it that no wait is longer than patience.
    """

    __slots__ = ("_waiters", "_watch", "abandoned", "born", "done", "error", "hopeless", "result")

    def __init__(self, watch: Watch | None = None) -> None:
        self.born = time.monotonic()
        self.done = False
        self.abandoned = False
        self.hopeless = False  # patience had run out before this came
        self.result: Any = None
        self.error: BaseException | None = None
        self._watch = watch
        self._waiters: list[tuple[asyncio.AbstractEventLoop | None, Any]] = []

    async def wait(self) -> bool:
        """Return true once durable, false when patience ran out or the work failed."""
        if not self.done and not self.hopeless:
            loop = asyncio.get_running_loop()
            future = loop.create_future()
            watched = self._watch(loop) if self._watch is not None else set()
            watched.add(self)
            self._waiters.append((loop, future))
            try:
                if not self.done:
                    await future
            finally:
                watched.discard(self)
        return self.done and self.error is None

    def join(self, timeout: float | None = None) -> bool:
        """Wait like `wait`, blocking the thread for that many seconds at the most."""
        if not self.done and not self.hopeless:
            event = threading.Event()
            self._waiters.append((None, event))
            if not self.done:
                event.wait(timeout)
        return self.done and self.error is None

    def waiters(self) -> list[tuple[asyncio.AbstractEventLoop | None, Any]]:
        """Return who waits, and forget them."""
        found, self._waiters = self._waiters, []
        return found


def ring(tickets: Iterable[Ticket]) -> None:
    """Wake all who wait for these tickets, with one call for each loop."""
    loops: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}
    for ticket in tickets:
        for loop, waiter in ticket.waiters():
            if loop is None:
                waiter.set()
            else:
                loops.setdefault(loop, []).append(waiter)
    for loop, futures in loops.items():
        try:
            loop.call_soon_threadsafe(_wake, futures)
        except RuntimeError:  # the loop has closed, and its waiters with it
            continue


def _wake(futures: list[asyncio.Future[None]]) -> None:
    for future in futures:
        if not future.done():
            future.set_result(None)
