"""Errands: blocking work for many callers, done by one thread at a time.

Law: each item is done once, by the first job that starts after it came; all that wait when a job starts go with it, in
the order in which they came, and nobody waits for company. A caller gets its own result or its own error; one that is
cancelled goes at once, and its item is left out if no job has taken it yet. Nothing waits across loops. Knows nothing
of what the work is.

What is short may be done on the loop's own thread instead (`here`): not while a job is under way; and once it took
long, not again for as long, so that it never has more than half of the loop's time.

Why not a hop to a thread for each: a hop costs a tenth of a millisecond, and beside a busy loop a thread waits up to
5 ms for the interpreter each time it comes back from SQLite or NumPy. A thousand callers would pay that a thousand
times; so they share it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Generic, TypeVar

from frugal._mechanisms.loops import PerLoop
from frugal._values.threads import sealed, stopped

__all__ = ["Errands", "each"]

_SHORT = 0.0005  # seconds: a hop to a thread and back takes no less beside a busy loop

R = TypeVar("R")
T = TypeVar("T")


class _Lane(Generic[T]):
    """What waits on one loop, and whether a job is under way there."""

    __slots__ = ("busy", "rests_until", "waiting")

    def __init__(self) -> None:
        self.waiting: list[tuple[T, asyncio.Future[Any]]] = []
        self.busy = False
        self.rests_until = 0.0  # until when the loop's own thread does other things


class Errands(Generic[T]):
    """Do blocking work off the loop's thread, for many callers at once.

    Args:
        work: does it, in a thread: takes items and gives as many results in their order; one that is an exception is
            raised to its caller, and one that it raises itself is raised to all.
        most: items in one job.

    >>> import asyncio
    >>> lengths = Errands(lambda texts: [len(text) for text in texts])
    >>> async def main():
    ...     return await asyncio.gather(lengths.do("one"), lengths.do("three"))
    >>> asyncio.run(main())
    [3, 5]
    """

    __slots__ = ("_lanes", "_most", "_work")

    def __init__(self, work: Callable[[list[T]], Sequence[Any]], *, most: int = 256) -> None:
        self._work = work
        self._most = most
        self._lanes: PerLoop[_Lane[T]] = PerLoop(_Lane)

    @property
    def busy(self) -> bool:
        """Whether a job is under way, or about to be, on the running loop."""
        return self._lanes.here().busy

    async def do(self, item: T) -> Any:
        """Return what the work gives for an item.

        Raises:
            Exception: what the work raised, for this item or altogether.
            asyncio.CancelledError: this caller was cancelled, or the job was, as when its loop ends.
        """
        loop = asyncio.get_running_loop()
        lane = self._lanes.here()
        future: asyncio.Future[Any] = loop.create_future()
        lane.waiting.append((item, future))
        if not lane.busy:
            lane.busy = True
            loop.call_soon(self._start, lane, loop)  # so that whoever else comes in this turn goes along
        return await future

    def here(self, work: Callable[[], R]) -> R:
        """Do something on the loop's own thread, if its turn is now.

        Args:
            work: does it; raises `BlockingIOError` itself where it would have to wait.

        Raises:
            BlockingIOError: it is to go to the thread, with `do`.
        """
        lane = self._lanes.here()
        began = time.monotonic()
        if lane.busy or began < lane.rests_until:
            raise BlockingIOError("others are under way")
        try:
            return work()
        finally:
            ended = time.monotonic()
            if ended - began > _SHORT:
                lane.rests_until = ended + (ended - began)

    def _start(self, lane: _Lane[T], loop: asyncio.AbstractEventLoop) -> None:
        waiting = [pair for pair in lane.waiting if not pair[1].done()]
        taken, lane.waiting = waiting[: self._most], waiting[self._most :]
        if not taken:
            lane.busy = False
            return
        try:
            job = loop.run_in_executor(None, self._done, [item for item, _ in taken])
        except RuntimeError as error:  # the loop's threads are gone: it is closing
            lane.busy, lane.waiting = False, []
            _tell([future for _, future in waiting], [error] * len(waiting))
            return
        job.add_done_callback(partial(self._landed, lane, loop, [future for _, future in taken]))

    def _done(self, items: list[T]) -> Sequence[Any]:
        """Do the work; in a thread."""
        results = sealed(self._work, items)
        if len(results) != len(items):
            raise RuntimeError(f"the work of {len(items)} errands gave {len(results)} results")
        return results

    def _landed(
        self,
        lane: _Lane[T],
        loop: asyncio.AbstractEventLoop,
        futures: list[asyncio.Future[Any]],
        job: asyncio.Future[Sequence[Any]],
    ) -> None:
        if job.cancelled():
            for future in futures:
                future.cancel()
        else:
            error = job.exception()
            _tell(futures, [error] * len(futures) if error is not None else job.result())
        self._start(lane, loop)


def each(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """Make calls in turn, and give what each returned or raised: the work of errands that have nothing in common."""
    results: list[Any] = []
    for call in calls:
        try:
            results.append(call())
        except BaseException as error:  # a panic of a library in Rust is no `Exception`, and concerns one caller too
            results.append(error)
    return results


def _tell(futures: Sequence[asyncio.Future[Any]], results: Sequence[Any]) -> None:
    for future, result in zip(futures, results, strict=True):
        if future.done():
            continue
        if isinstance(result, StopIteration):  # which no future takes, and whoever follows must be told all the same
            future.set_exception(stopped(result))
        elif isinstance(result, BaseException):
            future.set_exception(result)
        else:
            future.set_result(result)
