"""One execution and those who wait for it: the inside of a flight.

Law: a waiter is told once, of a result or of an error, or leaves; the last one to leave before that cancels
the task and forgets the key in the same step, so that no newcomer can find work that is being cancelled. What
ends a task before its first step, or against its will, is told like everything else: nobody waits for ever.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Hashable
from contextvars import ContextVar
from types import TracebackType
from typing import Any

from frugal._mechanisms.broadcast import Broadcast, End, Ending, Subscription

__all__ = ["Flights", "Outcome", "Work"]

_LOG = logging.getLogger("frugal")

Outcome = tuple[Any, BaseException | None, TracebackType | None]
"""What a waiter is told: its share of the result, or the error and the traceback to raise it from."""

_inside: ContextVar[tuple[object, ...]] = ContextVar("frugal_inside_flights", default=())
"""The tokens of the works that this code is part of: to join one of them would be to wait for oneself."""


class Flights:
    """The flights of one loop."""

    __slots__ = ("by_key", "lingering", "tasks")

    def __init__(self) -> None:
        self.by_key: dict[Hashable, Work] = {}
        self.tasks: set[asyncio.Task[None]] = set()  # The loop itself keeps tasks only weakly.
        self.lingering: deque[tuple[float, Work]] = deque()

    def sweep(self, now: float) -> None:
        """Let go of what has lingered long enough."""
        while self.lingering and self.lingering[0][0] <= now:
            self.lingering.popleft()[1].forget()


class Work:
    """One execution and those who wait for it."""

    __slots__ = (
        "abandoned",
        "error",
        "flights",
        "key",
        "landed",
        "linger",
        "result",
        "task",
        "token",
        "waiters",
    )

    def __init__(self, flights: Flights, key: Hashable, linger: Callable[[], float] | None) -> None:
        self.flights = flights
        self.key = key
        self.linger = linger
        self.token = object()
        self.task: asyncio.Task[None] | None = None
        self.waiters: set[asyncio.Future[Outcome]] = set()
        self.landed = False
        self.abandoned = False
        self.result: Any = None
        self.error: BaseException | None = None

    async def run(self, start: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        """Do the work, and tell whoever waits by then."""
        _inside.set((*_inside.get(), self.token))
        try:
            result = await start()
        except BaseException as error:
            told = self.fail(error)
            if not told and not isinstance(error, Exception | asyncio.CancelledError):
                raise  # KeyboardInterrupt and SystemExit stop the loop, through a waiter if there is one.
        else:
            self.land(result)

    def ended(self, task: asyncio.Task[None]) -> None:
        """Clean up after the task, which may have been cancelled before its first step."""
        self.flights.tasks.discard(task)
        if not self.landed:
            self.fail(asyncio.CancelledError())

    def land(self, result: Any) -> None:
        """Give the result to every waiter, and keep it for as long as newcomers may have it."""
        if isinstance(result, Broadcast):
            if self.abandoned:
                result.abandon()
            elif not result.joinable:
                self.fail(RuntimeError(f"the work returned {result!r}, which nobody can read any more"))
                return
        self.landed = True
        self.result = result
        waited, self.waiters = self.waiters, set()
        served = [waiter for waiter in waited if not waiter.done()]
        for waiter in served:
            waiter.set_result((self.share(), None, None))
        if self.abandoned:
            return
        if not isinstance(result, Broadcast):
            self.expire()
            return
        if waited and not served:  # All were cancelled in this very moment, and have yet to leave.
            result.abandon()
        result.notify(self.stream_ended)

    def fail(self, error: BaseException) -> bool:
        """Raise the error in every waiter, keep it for nobody else, and return whether anybody was told."""
        self.landed = True
        self.forget()
        if self.abandoned:
            if not isinstance(error, asyncio.CancelledError):
                _LOG.info("the work of a flight that nobody waited for any more failed", exc_info=error)
        elif not self.waiters:
            self.error = error  # An eager task, ahead of the caller that started it.
        waited, self.waiters = self.waiters, set()
        told = [waiter for waiter in waited if not waiter.done()]
        for waiter in told:
            waiter.set_result((None, error, error.__traceback__))
        return bool(told)

    @property
    def joinable(self) -> bool:
        """Whether a newcomer can still have what this work gives."""
        return not isinstance(self.result, Broadcast) or self.result.joinable

    @property
    def waits_for_caller(self) -> bool:
        """Whether the running code is part of this work, which is not done."""
        stream = isinstance(self.result, Broadcast) and self.result.ending is None
        return (stream or not self.landed) and self.token in _inside.get()

    def share(self) -> Any:
        """Return what one caller gets."""
        return self.result.subscribe() if isinstance(self.result, Broadcast) else self.result

    def leave(self, waiter: asyncio.Future[Outcome]) -> None:
        """Let one waiter go; the last one out cancels the work and forgets the key."""
        self.waiters.discard(waiter)
        if waiter.done() and not waiter.cancelled():
            share = waiter.result()[0]  # Landed in the very moment that its caller was cancelled.
            if isinstance(share, Subscription):
                share.leave()
        elif not self.waiters and not self.landed:
            self.abandoned = True
            self.forget()
            if self.task is not None and not self.task.get_loop().is_closed():
                self.task.cancel()

    def stream_ended(self, ending: Ending) -> None:
        """Let newcomers have what was read to its end for a while, and anything else not at all."""
        if ending.end is End.EXHAUSTED:
            self.expire()
        else:
            self.forget()

    def expire(self) -> None:
        """Forget the result when its time has come, which is now unless it lingers."""
        if self.linger is None or self.flights.by_key.get(self.key) is not self:
            self.forget()
        else:
            self.flights.lingering.append((self.linger(), self))

    def forget(self) -> None:
        """Let the next caller of the key start a flight of its own."""
        if self.flights.by_key.get(self.key) is self:
            self.flights.by_key.pop(self.key, None)
        if isinstance(self.result, Broadcast):
            self.result.seal()
