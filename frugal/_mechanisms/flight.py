"""One flight for each key: callers that ask for the same thing at the same time share one execution.

Law, which is Go's singleflight with the cancellation that it leaves out: one execution for each key and loop
while anybody waits for it; every waiter gets its result or its error; a waiter that is cancelled, the one
that started it or any other, goes at once and hurts nobody; the last one out cancels the work and forgets the
key, so that whoever comes next starts afresh and never meets another's cancellation. An error is not kept.
Nothing waits across loops.

A result that is a `Broadcast` (a stream) keeps its key until the stream has ended: each caller gets a
subscription of its own, the late ones from the first chunk.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, NamedTuple, TypeVar

from frugal._mechanisms.broadcast import Broadcast
from frugal._mechanisms.loops import PerLoop
from frugal._mechanisms.work import Flights, Outcome, Work
from frugal._values.clock import clock as ambient
from frugal.ports import Clock

__all__ = ["Flight", "Joined"]

T = TypeVar("T")


class Joined(NamedTuple, Generic[T]):
    """What a caller of `Flight.join` gets."""

    result: T
    """The same object for all, or a `Subscription` of this caller's own where the work gave a `Broadcast`."""
    led: bool
    """Whether this caller's work is what ran."""


class Flight(Generic[T]):
    """Share one execution among the callers of one key.

    Args:
        linger: seconds for which a successful result is handed to latecomers; 0 for none. What lingers is let
            go at the first `join` after its time, by no timer.
        clock: measures `linger`.

    >>> import asyncio
    >>> flight, sent = Flight(), []
    >>> async def ask() -> str:
    ...     sent.append("one request")
    ...     return "an answer"
    >>> async def main():
    ...     return await asyncio.gather(flight.join("key", ask), flight.join("key", ask))
    >>> asyncio.run(main())
    [Joined(result='an answer', led=True), Joined(result='an answer', led=False)]
    >>> sent
    ['one request']
    """

    __slots__ = ("_clock", "_flights", "_linger")

    def __init__(self, *, linger: float = 0, clock: Clock = ambient) -> None:
        if not linger >= 0:
            raise ValueError(f"linger is {linger!r}: give seconds, 0 or more")
        self._linger = linger
        self._clock = clock
        self._flights: PerLoop[Flights] = PerLoop(Flights)

    async def join(self, key: Hashable, start: Callable[[], Coroutine[Any, Any, T]]) -> Joined[T]:
        """Return the result of the flight under this key, starting it if there is none.

        Args:
            key: what makes two calls the same.
            start: begins the work; called once for each flight, in a task of its own that runs in a copy of
                this caller's context. The task is cancelled when nobody waits for it any more.

        Returns:
            The result, and whether it was this caller's work that ran.

        Raises:
            asyncio.CancelledError: this caller was cancelled, or the work cancelled itself.
            RuntimeError: the work joined its own flight, and would have waited for itself.
            BaseException: what the work raised, to each of its waiters.
        """
        landing, led = self.board(key, start)
        return Joined(await landing, led)

    def board(
        self, key: Hashable, start: Callable[[], Coroutine[Any, Any, T]]
    ) -> tuple[Coroutine[Any, Any, Any], bool]:
        """Take a seat in the flight under this key, starting it if there is none: `join` in two steps.

        A caller that awaits the first part itself waits in one coroutine less, and thousands wait at a time.

        Args:
            key: as for `join`.
            start: as for `join`.

        Returns:
            What to await at once, which gives and raises what `join` does, and whether it is this caller's work.

        Raises:
            RuntimeError: as `join`.
        """
        flights = self._flights.here()
        if flights.lingering:
            flights.sweep(self._clock.now())
        work = flights.by_key.get(key)
        if work is not None and work.joinable:
            if work.waits_for_caller:
                raise RuntimeError(
                    f"the work of a flight joined its own key {work.key!r}, and would wait for itself for ever. "
                    "Give the inner call another key, or do not deduplicate it."
                )
            return self._wait(work), False
        work = flights.by_key[key] = Work(flights, key, self._until if self._linger else None)
        task = work.task = asyncio.get_running_loop().create_task(work.run(start))
        if not work.landed:  # As an eager task may have by now.
            flights.tasks.add(task)
            task.add_done_callback(work.ended)
        return self._wait(work), True

    def has(self, key: Hashable) -> bool:
        """Say whether a caller of this key would follow rather than lead, on the running loop."""
        work = self._flights.here().by_key.get(key)
        return work is not None and work.joinable

    def waiting(self, key: Hashable) -> int:
        """Return how many wait for this key's work on the running loop."""
        work = self._flights.here().by_key.get(key)
        return len(work.waiters) if work is not None else 0

    def forget(self, key: Hashable) -> bool:
        """Let the next caller of this key start a flight of its own, on every loop.

        Args:
            key: what to forget; those who wait for its work already still get its result.

        Returns:
            Whether there was anything to forget.
        """
        gone = [flights.by_key.pop(key, None) for flights in self._flights.everywhere()]
        return any(work is not None for work in gone)

    async def aclose(self) -> None:
        """Cancel this loop's flights and wait until their work has ended; its waiters are cancelled."""
        flights = self._flights.here()
        works = [*flights.by_key.values(), *(work for _, work in flights.lingering)]
        flights.lingering.clear()
        flights.by_key.clear()
        tasks = flights.tasks - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        for work in works:
            if isinstance(work.result, Broadcast):
                await work.result.aclose()

    def _until(self) -> float:
        return self._clock.now() + self._linger

    async def _wait(self, work: Work) -> Any:
        """Wait for the work as one of its waiters, who alone is cancelled when the caller is."""
        if work.landed:
            error, work.error = work.error, None
            traceback = error.__traceback__ if error else None
            share = None if error else work.share()
        else:
            waiter: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
            work.waiters.add(waiter)
            try:
                share, error, traceback = await waiter
            except BaseException:
                work.leave(waiter)
                raise
            del waiter
        if error is None:
            return share
        try:
            # Every waiter raises from where the work raised, or the traceback would grow with each of them.
            raise error.with_traceback(traceback)
        finally:
            del error, traceback  # The frame is in the traceback: a cycle would keep both.
