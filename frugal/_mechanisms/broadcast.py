"""One source, any number of readers: the fan-out that lets a stream be shared while it is being read.

Law: every reader, the late ones too, sees every chunk from the first, and the error after them if there is
one; the source is read at the pace of the fastest. A reader that leaves hurts nobody; the last one to leave
closes the source.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Generic, TypeVar, cast

from frugal._mechanisms.pump import End, Ending, Link, Pump

__all__ = ["Broadcast", "End", "Ending", "Subscription"]

T = TypeVar("T")


class Broadcast(Generic[T]):
    """Let many readers share one asynchronous iterator.

    Belongs to the loop it was made on. The source is pulled by one task, in a copy of the context that the
    broadcast was made in; where it has an `aclose`, that is awaited in the same task.

    Args:
        source: what is read, once. on_close: awaited with how the source ended, after it was closed and
        before any reader learns of it; it
            should not raise (what it raises is logged).

    >>> import asyncio
    >>> async def letters():
    ...     for letter in "abc":
    ...         yield letter
    >>> async def main():
    ...     shared = Broadcast(letters())
    ...     first, second = shared.subscribe(), shared.subscribe()
    ...     return [letter async for letter in first], [letter async for letter in second]
    >>> asyncio.run(main())
    (['a', 'b', 'c'], ['a', 'b', 'c'])
    """

    __slots__ = ("_head", "_pump", "_readers")

    def __init__(
        self, source: AsyncIterator[T], *, on_close: Callable[[Ending], Awaitable[None]] | None = None
    ) -> None:
        self._pump: Pump[T] = Pump(source, on_close)
        self._head: Link[T] | None = self._pump.tail
        self._readers = 0

    def __repr__(self) -> str:
        pump = self._pump
        state = pump.ending.end.value if pump.ending else "closing" if pump.stopped else "open"
        return f"<Broadcast {state}, {pump.chunks} chunks, {self._readers} readers>"

    @property
    def joinable(self) -> bool:
        """Whether a newcomer still gets everything from the first chunk."""
        return self._head is not None and not self._pump.stopped

    @property
    def ending(self) -> Ending | None:
        """How the source ended; `None` while it has not."""
        return self._pump.ending

    def notify(self, listener: Callable[[Ending], None]) -> None:
        """Call a plain function when the source has ended, after `on_close`.

        Args:
            listener: called once, on the loop; at once when it has ended already.
        """
        self._pump.notify(listener)

    def subscribe(self) -> Subscription[T]:
        """Return a reader that begins with the first chunk.

        Returns:
            An asynchronous iterator; close it with `aclose()` where it is not read to its end.

        Raises:
            RuntimeError: the broadcast is sealed, or its last reader has left.
        """
        if self._head is None or self._pump.stopped:
            raise RuntimeError(f"{self!r} takes no more readers; check `joinable` first")
        self._readers += 1
        return Subscription(self, self._head)

    def seal(self) -> None:
        """Take no more readers, and keep no chunk that all readers have passed."""
        self._head = None
        if not self._readers:
            self._pump.stop()

    def abandon(self) -> None:
        """Close the source now, whoever still reads it; they are cancelled at the end of the chunks."""
        self._head = None
        self._pump.stop()

    async def aclose(self) -> None:
        """Do as `abandon` does, and wait until the source is closed."""
        self.abandon()
        await self._pump.ended()

    def _left(self) -> None:
        self._readers -= 1
        if not self._readers:
            self._pump.stop()


class Subscription(Generic[T]):
    """Read one broadcast from its first chunk; an asynchronous iterator.

    A read that was cancelled (by `asyncio.wait_for`, say) loses nothing: the next one returns the chunk. A
    subscription that is thrown away leaves when it is collected.
    """

    __slots__ = ("_broadcast", "_over", "_place", "_pump", "_reading")

    def __init__(self, broadcast: Broadcast[T], head: Link[T]) -> None:
        self._over = False
        self._broadcast = broadcast
        self._pump = broadcast._pump  # noqa: SLF001  A subscription is half of its broadcast.
        self._place: Link[T] = head
        self._reading = False

    @property
    def broadcast(self) -> Broadcast[T]:
        """What this reads."""
        return self._broadcast

    def __aiter__(self) -> Subscription[T]:
        return self

    async def __anext__(self) -> T:
        if self._over:
            raise StopAsyncIteration
        link = self._place.next
        if link is None:
            if self._reading:
                raise RuntimeError("this subscription is being read already; give each reader its own")
            self._reading = True
            try:
                link = await self._pump.after(self._place)
            finally:
                self._reading = False
            if link is None:
                return self._finish()
        self._place = link
        return cast("T", link.chunk)

    def leave(self) -> None:
        """Leave without waiting for the source to close, if this was its last reader."""
        if not self._over:
            self._over = True
            self._place = Link(None)
            self._broadcast._left()  # noqa: SLF001

    async def aclose(self) -> None:
        """Leave, and wait until the source is closed if this was its last reader."""
        self.leave()
        if self._pump.stopped:
            await self._pump.ended()

    def _finish(self) -> T:
        error = self._pump.error
        self.leave()
        if error is None:
            raise StopAsyncIteration
        # Each reader raises it from here on, so the traceback must not grow with every reader.
        raise error.with_traceback(self._pump.traceback)

    def __del__(self) -> None:
        if not self._over:
            # The collector runs wherever it likes, in another thread too, and after the loop was closed.
            with contextlib.suppress(RuntimeError):
                self._pump.loop.call_soon_threadsafe(self._broadcast._left)  # noqa: SLF001
