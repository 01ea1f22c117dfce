"""Virtual time: an event loop whose clock stands still while anything happens, and jumps when nothing can.

Law: time moves only to the next timer that is due, and only when nothing is ready and no thread is at work; so a year
passes in a second, in the same order at every run. While the network is asked, it passes as it does outside, where the
machine's time goes on as ever.
"""

from __future__ import annotations

import asyncio
import math
import selectors
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import Context, ContextVar
from typing import Any, TypeVar

from frugal._values.clock import clock as ambient

__all__ = ["VirtualLoop", "run"]

T = TypeVar("T")

_LEAST = 1e-6
"""Seconds that a wait takes at the least, where a float of Unix seconds tells them apart: time must move."""

_PATIENCE = 60.0
"""Real seconds that something real is waited for before time goes on without it."""


class _Selector(selectors.DefaultSelector):
    """Jumps where others would wait."""

    loop: VirtualLoop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what is ready; else move the clock to the next timer."""
        if timeout is not None and timeout <= 0:
            # Something is ready already. Where there is nothing to listen to but the loop's own pipe, which only wakes
            # sleepers, the kernel need not be asked.
            return super().select(0) if len(self.get_map()) > 1 else []
        if self.loop.threads or timeout is None:
            found = super().select(_PATIENCE)
        else:
            found = super().select(min(timeout, _PATIENCE) if self.loop.outside else 0)
        if not found:
            if timeout is None:
                raise RuntimeError(
                    f"{len(asyncio.all_tasks(self.loop))} tasks of the backtest wait for something that never comes: "
                    "one of the stack's decorators waits for what only production has."
                )
            self.loop.jump()
        return found


class VirtualLoop(asyncio.SelectorEventLoop):
    """Run tasks on virtual time.

    Args:
        start: the time at which it begins, in Unix seconds.

    >>> with asyncio.Runner(loop_factory=lambda: VirtualLoop(0.0)) as runner:
    ...     runner.run(asyncio.sleep(86_400))
    ...     runner.get_loop().time()
    86400.0
    """

    def __init__(self, start: float) -> None:
        self.now = start
        self.threads = 0
        self.outside = 0
        self.strangers = 0
        self._own = threading.get_ident()
        selector = _Selector()
        selector.loop = self
        super().__init__(selector)
        self._clock_resolution = self._least()

    def time(self) -> float:
        """Return the virtual time in Unix seconds."""
        return self.now

    def jump(self) -> None:
        """Move on to the next timer, however far: asyncio itself would go there by a day at a time."""
        timers: list[asyncio.TimerHandle] = self._scheduled  # type: ignore[attr-defined]  # no public name tells when
        self.now = max(timers[0].when(), self.now + self._least()) if timers else self.now + self._least()
        # Due is what is due within this: asyncio asks for "before now and a resolution", and adding a nanosecond to a
        # float of Unix seconds changes nothing.
        self._clock_resolution = self._least()

    def _least(self) -> float:
        """Return the seconds that are told apart at this time: some thousand years from now, a microsecond is none."""
        return max(_LEAST, 2 * math.ulp(self.now))

    def call_later(  # type: ignore[override]  # the checker's stub is generic over the callback's arguments
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Call back after so many virtual seconds."""
        wait = max(delay, self._clock_resolution) if delay > 0 else delay
        return super().call_later(wait, callback, *args, context=context)

    def run_in_executor(  # type: ignore[override]  # likewise
        self, executor: Any, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        """Run in a thread; time stands still until it is done."""
        future = super().run_in_executor(executor, func, *args)
        self.threads += 1
        future.add_done_callback(self._over)
        return future

    def call_soon_threadsafe(  # type: ignore[override]  # likewise
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        """Call back from another thread; one that was not begun by the loop is counted, for time went on meanwhile."""
        if not self.threads and threading.get_ident() != self._own:
            self.strangers += 1
        return super().call_soon_threadsafe(callback, *args, context=context)

    def _over(self, _: object) -> None:
        self.threads -= 1

    @contextmanager
    def asking_outside(self) -> Iterator[None]:
        """Let time pass as it does outside while the block lasts."""
        self.outside += 1
        try:
            yield
        finally:
            self.outside -= 1

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 asyncio's own
        """Wait, really, until the threads are gone."""
        self.threads += 1
        await super().shutdown_default_executor()


_here: ContextVar[VirtualLoop | None] = ContextVar("frugal_virtual_loop", default=None)


class _Clock:
    """The loop's time inside of backtests, and whatever time it is outside.

    One stands in the place of the machine's clock for as long as any backtest runs: they may run in several threads,
    and end in another order than they began.
    """

    def __init__(self) -> None:
        self._outside: Any = None
        self._lock = threading.Lock()
        self._backtests = 0

    def now(self) -> float:
        """Return Unix seconds."""
        loop = _here.get()
        return float(self._outside.now()) if loop is None else loop.now

    async def sleep(self, seconds: float) -> None:
        """Return after that many seconds."""
        if _here.get() is None:
            await self._outside.sleep(seconds)
        else:
            await asyncio.sleep(seconds)

    def __enter__(self) -> None:
        with self._lock:
            if not self._backtests and ambient.current is not self:
                self._outside = ambient.current
                ambient.put(self)
            self._backtests += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._backtests -= 1
            if not self._backtests and ambient.current is self:
                ambient.put(self._outside)


_clock = _Clock()


def run(make: Callable[[VirtualLoop], Coroutine[Any, Any, T]], start: float) -> T:
    """Run a coroutine from `start` on, on virtual time.

    Raises:
        RuntimeError: an event loop runs in this thread already.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        pass
    else:
        raise RuntimeError("backtest() runs an event loop of its own: in one, await asyncio.to_thread(backtest, …).")
    loop = VirtualLoop(start)
    token = _here.set(loop)  # before the runner copies the context
    try:
        with _clock, asyncio.Runner(loop_factory=lambda: loop) as runner:
            return runner.run(make(loop))
    finally:
        _here.reset(token)
