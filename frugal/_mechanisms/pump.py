"""The one task that reads a shared source: a chunk each time it is asked for one, and at the end the closing.

Law: the source is consumed once, in one task and one context (what an SDK's stream may have opened in it is
closed in it); a chunk is pulled only when it was asked for; whoever opened the source is told how it ended,
once, after it was closed and before any reader learns of it.

Chunks stand in a linked list in which each reader holds its own place. Nothing here holds the beginning, so a
chunk lives until the last who may still want it has passed: no index to trim, nothing to copy.
"""

from __future__ import annotations

import asyncio
import contextvars
import enum
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Generic, TypeVar, cast

from frugal._mechanisms.loops import PerLoop

__all__ = ["End", "Ending", "Link", "Pump"]

T = TypeVar("T")

_running: PerLoop[set[asyncio.Task[None]]] = PerLoop(set)

_LOG = logging.getLogger("frugal")


class End(enum.Enum):
    """How a source can end."""

    EXHAUSTED = "exhausted"
    """Read to its end."""
    FAILED = "failed"
    """It raised."""
    ABANDONED = "abandoned"
    """Its last reader left before the end, or its task was cancelled."""


@dataclass(frozen=True, slots=True)
class Ending:
    """Tell how a source ended.

    Args:
        end: which way.
        chunks: how many chunks were pulled.
        error: what it raised, when it failed.
    """

    end: End
    chunks: int
    error: BaseException | None = None


class Link(Generic[T]):
    """A chunk and the way to the next; the first link carries no chunk."""

    __slots__ = ("chunk", "next")

    def __init__(self, chunk: T | None) -> None:
        self.chunk = chunk
        self.next: Link[T] | None = None


class Pump(Generic[T]):
    """Pull one source, link by link, for whoever asks.

    Belongs to the loop it was made on, and pulls in a copy of the context it was made in.

    Args:
        source: what is read; where it has an `aclose`, that is awaited at the end, however it came.
        on_close: awaited with the ending; what it raises is logged.
    """

    __slots__ = (
        "_context",
        "_demand",
        "_listeners",
        "_on_close",
        "_pulling",
        "_running",
        "_source",
        "_task",
        "_waiting",
        "_wanted",
        "chunks",
        "ending",
        "error",
        "loop",
        "stopped",
        "tail",
        "traceback",
    )

    def __init__(self, source: AsyncIterator[T], on_close: Callable[[Ending], Awaitable[None]] | None) -> None:
        self.loop = asyncio.get_running_loop()
        self.tail: Link[T] = Link(None)
        self.chunks = 0
        self.stopped = False
        self.ending: Ending | None = None
        self.error: BaseException | None = None  # What the readers raise at the end of the chunks.
        self.traceback: TracebackType | None = None
        self._context = contextvars.copy_context()
        self._source = source
        self._on_close = on_close
        self._listeners: list[Callable[[Ending], None]] = []
        self._waiting: dict[asyncio.Future[None], None] = {}
        self._demand: asyncio.Future[None] | None = None
        self._wanted = False
        self._pulling = False
        self._task: asyncio.Task[None] | None = None
        # The loop keeps tasks only weakly, and the readers may all be thrown away in one cycle with this.
        self._running = _running.here()

    def notify(self, listener: Callable[[Ending], None]) -> None:
        """Call a plain function when the source has ended; at once when it has already."""
        if self.ending is not None:
            listener(self.ending)
        else:
            self._listeners.append(listener)

    async def after(self, place: Link[T]) -> Link[T] | None:
        """Return the link after `place`, asking for it if it was not pulled yet; `None` at the end."""
        while place.next is None:
            if self.ending is not None:
                return None
            waiter = self.loop.create_future()
            self._waiting[waiter] = None
            self._ask()
            try:
                await waiter
            finally:
                self._waiting.pop(waiter, None)
        return place.next

    def stop(self) -> None:
        """Close the source now, whether or not somebody still reads it."""
        if self.stopped or self.ending is not None:
            return
        self.stopped = True
        self._ask()
        # A task that is cancelled before its first step never runs, and then nobody would close the source:
        # so it is cancelled inside a pull only, and told by the flag otherwise.
        if self._pulling and self._task is not None:
            self._task.cancel()

    async def ended(self) -> None:
        """Wait until the source is closed and whoever opened it was told."""
        if self.ending is None and self._task is not None:
            await asyncio.wait([self._task])

    def _ask(self) -> None:
        self._wanted = True
        if self._task is None:
            self._task = self.loop.create_task(self._run(), name="frugal-pump", context=self._context)
            self._running.add(self._task)
            self._task.add_done_callback(self._running.discard)
        elif self._demand is not None and not self._demand.done():
            self._demand.set_result(None)

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, {}
        for waiter in waiting:
            if not waiter.done():
                waiter.set_result(None)

    async def _run(self) -> None:
        error: BaseException | None = None
        end = End.ABANDONED
        try:
            end = await self._pull()
        except asyncio.CancelledError as cancelled:
            error = cancelled
        except BaseException as raised:  # It is for the readers, not for this task.
            error, end = raised, End.FAILED
        if end is End.ABANDONED:
            self.stopped = True
            # Whoever reads on all the same (the loop ends, or a flight is closed) is told: to a reader, an
            # end without an error is a whole stream.
            error = error or asyncio.CancelledError()
        told = await self._close(Ending(end, self.chunks, error if end is End.FAILED else None), error)
        if not (told or error is None or isinstance(error, Exception | asyncio.CancelledError)):
            raise error  # KeyboardInterrupt and SystemExit stop the loop, through a reader if there is one.

    async def _pull(self) -> End:
        pull = self._source.__anext__
        while True:
            while not self._wanted:
                self._demand = self.loop.create_future()
                await self._demand
            if self.stopped:
                return End.ABANDONED
            self._pulling = True
            try:
                chunk = await pull()
            except StopAsyncIteration:
                return End.EXHAUSTED
            finally:
                self._pulling = False
            self.chunks += 1
            self.tail.next = link = Link(chunk)
            self.tail = link
            # Whoever asked while this chunk was on its way asked for it; only a stop is still to be heard.
            self._wanted = self.stopped
            self._wake()

    async def _close(self, ending: Ending, error: BaseException | None) -> bool:
        """Close the source, tell whoever opened it, and then the readers; return whether there are any."""
        close = getattr(self._source, "aclose", None)
        try:
            if close is not None:
                await close()
        except Exception:
            _LOG.exception("closing a shared stream failed; what was read of it stands")
        try:
            if self._on_close is not None:
                await self._on_close(ending)
        except Exception:
            _LOG.exception("telling of the end of a shared stream failed; its readers are served")
        finally:
            self.ending = ending
            self.error, self.traceback = error, error.__traceback__ if error else None
            self._source = cast("AsyncIterator[T]", None)  # Its buffers are not ours to keep.
            for listener in self._listeners:
                listener(ending)
            self._listeners.clear()
            told = not all(waiter.done() for waiter in self._waiting)
            self._wake()
        return told
