"""Pace: how fast calls may go; requests a minute, tokens a minute, and so many at once.

Law: nobody starts before every limit has room for it, and a caller that leaves before it starts holds nothing
of any of them. Concurrency belongs to the running loop; the rates are shared by the process.
"""

from __future__ import annotations

import asyncio
from types import TracebackType

from frugal._mechanisms.loops import PerLoop
from frugal._mechanisms.request_rate import RequestRate
from frugal._mechanisms.token_rate import Reserved, TokenRate
from frugal._values.clock import clock as ambient
from frugal.ports import Clock

__all__ = ["Concurrency", "Pace", "Slot"]


class Concurrency:
    """Let so many run at once on each loop; first come, first served.

    Args:
        limit: how many.

    >>> import asyncio
    >>> async def main():
    ...     semaphore = Concurrency(2).here()
    ...     async with semaphore:
    ...         return semaphore.locked()
    >>> asyncio.run(main())
    False
    """

    __slots__ = ("_semaphores", "limit")

    def __init__(self, limit: int) -> None:
        if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
            raise ValueError(f"max_concurrency is {limit!r}: give a whole number, 1 or more")
        self.limit = limit
        self._semaphores: PerLoop[asyncio.Semaphore] = PerLoop(lambda: asyncio.Semaphore(limit))

    def here(self) -> asyncio.Semaphore:
        """Return the running loop's semaphore."""
        return self._semaphores.here()


class Pace:
    """Hold calls to several limits at once.

    Args:
        rpm: requests per minute; `None` for no limit.
        tpm: tokens per minute; `None` for no limit.
        max_concurrency: calls at once on one loop; `None` for no limit.
        name: the function's name, for errors.
        clock: measures the minutes.

    >>> import asyncio
    >>> async def main():
    ...     pace = Pace(rpm=500, tpm=30_000, max_concurrency=8)
    ...     async with pace.slot(4_000) as slot:
    ...         slot.correct(1_250)  # What the answer says that it used.
    >>> asyncio.run(main())
    """

    __slots__ = ("concurrency", "requests", "tokens")

    def __init__(
        self,
        *,
        rpm: float | None = None,
        tpm: float | None = None,
        max_concurrency: int | None = None,
        name: str = "",
        clock: Clock = ambient,
    ) -> None:
        self.requests = None if rpm is None else RequestRate(rpm, clock=clock)
        self.tokens = None if tpm is None else TokenRate(tpm, name=name, clock=clock)
        self.concurrency = None if max_concurrency is None else Concurrency(max_concurrency)

    def slot(self, tokens: float = 0) -> Slot:
        """Return the place of one call, to be entered once.

        Args:
            tokens: the most it is expected to use; of no account without `tpm`.

        Returns:
            An asynchronous context manager, or `acquire` and `release` where a block does not fit (a stream).
        """
        return Slot(self, tokens)


class Slot:
    """One call's place under the limits of a `Pace`."""

    __slots__ = ("_pace", "_reserved", "_semaphore", "_tokens")

    def __init__(self, pace: Pace, tokens: float) -> None:
        self._pace = pace
        self._tokens = tokens
        self._semaphore: asyncio.Semaphore | None = None
        self._reserved: Reserved | None = None

    async def acquire(self) -> None:
        """Wait until every limit has room.

        Concurrency first, requests last: what drains with time is taken as late as can be, just before the
        call goes out.

        Raises:
            asyncio.CancelledError: the caller was cancelled, and holds nothing. RequestTooLargeError: it asks
            for more than a whole minute's tokens, which is told before any wait. TypeError: `tokens` is not a
            number. ValueError: `tokens` is negative or not finite.
        """
        pace = self._pace
        if pace.tokens is not None:
            pace.tokens.check(self._tokens)
        if pace.concurrency is not None:
            semaphore = pace.concurrency.here()
            await semaphore.acquire()
            self._semaphore = semaphore
        try:
            if pace.tokens is not None:
                self._reserved = await pace.tokens.acquire(self._tokens)
            if pace.requests is not None:
                await pace.requests.acquire()
        except BaseException:
            self.correct(0)  # It was never sent.
            self.release()
            raise

    def correct(self, tokens: float) -> None:
        """Book what the call truly used in the place of what it asked for; the last correction counts.

        Args:
            tokens: the true usage, input and output.

        Raises:
            ValueError: `tokens` is not a finite number, 0 or more.
        """
        if self._reserved is not None:
            self._reserved.correct(tokens)

    def release(self) -> None:
        """Let the next call of this loop go; once is enough, and more than once does no harm."""
        semaphore, self._semaphore = self._semaphore, None
        if semaphore is not None:
            semaphore.release()

    async def __aenter__(self) -> Slot:
        await self.acquire()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()
