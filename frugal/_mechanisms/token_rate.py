"""Tokens per minute: a fair queue for requests of very different sizes.

Law: first come, first served, whatever the sizes (aiolimiter serves the small ones first, so that a large one
starves); a request that could never go is refused at once; who leaves the queue holds up nobody. What was
reserved is corrected by the true usage, and what was too little is a debt that the next ones wait for.

The queue is one for the process, and whoever looks at it serves it for all: a request in the front whose loop
does not turn for the moment is granted its tokens and waits for its loop, not the others for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import weakref
from collections import deque

from frugal._mechanisms.level import Level, Portion, Shared, positive
from frugal._mechanisms.loops import Alarm, PerLoop
from frugal._values.clock import clock as ambient
from frugal.errors import RequestTooLargeError
from frugal.ports import Clock

__all__ = ["Reserved", "TokenRate"]


class TokenRate(Shared):
    """Let so many tokens a minute go.

    Args:
        tpm: tokens per minute, which may also go at once after a quiet minute.
        name: the function's name, for errors.
        clock: measures the minute.

    >>> import asyncio
    >>> async def main():
    ...     reserved = await TokenRate(10_000).acquire(4_000)
    ...     reserved.correct(1_250)
    ...     return reserved
    >>> asyncio.run(main())
    Reserved(1250 tokens)
    """

    __slots__ = ("_clock", "_lanes", "_level", "_name", "_queue")

    def __init__(self, tpm: float, *, name: str = "", clock: Clock = ambient) -> None:
        super().__init__()
        self._clock = clock
        self._level = Level(positive("tpm", tpm), seconds=60)
        self._name = name
        self._queue: deque[_Turn] = deque()
        self._lanes: PerLoop[_Lane] = PerLoop(self._lane)

    def renew(self) -> None:
        """Begin anew in a forked child: those in the queue wait in the parent, and are served there."""
        super().renew()
        self._queue.clear()
        self._lanes = PerLoop(self._lane)

    def check(self, tokens: float) -> None:
        """Raise for a request that could never go.

        Raises:
            RequestTooLargeError: it asks for more than a whole minute's tokens.
            TypeError: `tokens` is not a number.
            ValueError: `tokens` is negative or not finite.
        """
        if isinstance(tokens, bool) or not isinstance(tokens, int | float):
            raise TypeError(f"a request for {tokens!r} tokens: give a number")
        if not 0 <= tokens < math.inf:
            raise ValueError(f"a request for {tokens!r} tokens: give a finite number, 0 or more")
        if tokens > self._level.limit:
            raise RequestTooLargeError(self._name, math.ceil(tokens), math.floor(self._level.limit))

    async def acquire(self, tokens: float) -> Reserved:
        """Wait for the turn of a request of so many tokens.

        Args:
            tokens: the most it is expected to use, input and output.

        Returns:
            What it holds, to be corrected when the true usage is known.

        Raises:
            asyncio.CancelledError: the caller was cancelled, has left the queue and holds nothing.
            RequestTooLargeError: it asks for more than a whole minute's tokens.
            TypeError: `tokens` is not a number.
            ValueError: `tokens` is negative or not finite.
        """
        self.check(tokens)
        with self.lock:
            now = self._clock.now()
            if not self._queue and not self._level.wait(tokens, now):
                return Reserved(self, tokens, self._level.take(tokens, now))
            turn = _Turn(tokens)
            self._queue.append(turn)
        lane = self._lanes.here()
        lane.waiting += 1
        try:
            self._serve()
            portion = await turn.future
        except BaseException:
            self._leave(turn)
            raise
        finally:
            lane.waiting -= 1
            if not lane.waiting:
                lane.alarm.cancel()
        return Reserved(self, tokens, portion)

    def correct(self, reserved: Reserved, tokens: float) -> None:
        """Book the true usage in the place of what was reserved; `Reserved.correct` calls it."""
        if isinstance(tokens, bool) or not isinstance(tokens, int | float) or not 0 <= tokens < math.inf:
            raise ValueError(f"corrected to {tokens!r} tokens: give a finite number, 0 or more")
        with self.lock:
            now = self._clock.now()
            held, reserved.tokens = reserved.tokens, tokens
            if tokens > held:
                self._level.add(tokens - held, now)
            elif tokens < held:
                self._level.give_back(held - tokens, now, reserved.portion)
        if tokens < held:
            self._nudge()

    # ------------------------------------------------------------------- the queue

    def _lane(self) -> _Lane:
        return _Lane(Alarm(self._serve, clock=self._clock))

    def _serve(self) -> None:
        """Grant what is due, in order and for every loop, and ring here when the next is."""
        queue, level, wait = self._queue, self._level, 0.0
        served: list[_Turn] = []
        with self.lock:
            now = self._clock.now()
            while queue:
                turn = queue[0]
                if not turn.left:
                    wait = level.wait(turn.tokens, now)
                    if wait:
                        break
                    turn.granted = level.take(turn.tokens, now)
                    served.append(turn)
                queue.popleft()
            ahead = bool(queue)
        here = asyncio.get_running_loop()
        for turn in served:
            if turn.loop is here:
                turn.wake()
            else:
                self._wake_there(turn)
        lane = self._lanes.here()
        if ahead and lane.waiting:
            lane.alarm.aim(wait)

    def _wake_there(self, turn: _Turn) -> None:
        try:
            turn.loop.call_soon_threadsafe(turn.wake)
        except RuntimeError:  # That loop was closed with its callers still waiting: they will not go.
            self._leave(turn)

    def _leave(self, turn: _Turn) -> None:
        """Give up a place in the queue, or what was granted in the very moment of leaving."""
        with self.lock:
            turn.left = True
            while self._queue and self._queue[0].left:
                self._queue.popleft()
        if turn.granted is None:
            self._nudge()
        else:
            Reserved(self, turn.tokens, turn.granted).correct(0)

    def _nudge(self) -> None:
        """Have every loop that waits look again, because there is room earlier than it thinks.

        Never at once, not even here: a correction may come from a finaliser, in the middle of anything.
        """
        if self._queue:
            for lane in self._lanes.everywhere():
                if lane.waiting and (loop := lane.loop()) is not None:
                    with contextlib.suppress(RuntimeError):  # Closed a moment ago; nobody waits there any more.
                        loop.call_soon_threadsafe(self._serve)


class Reserved:
    """What one request holds of the rate."""

    __slots__ = ("_rate", "portion", "tokens")

    def __init__(self, rate: TokenRate, tokens: float, portion: Portion) -> None:
        self._rate = rate
        self.tokens = tokens
        self.portion = portion

    def __repr__(self) -> str:
        return f"Reserved({self.tokens:g} tokens)"

    def correct(self, tokens: float) -> None:
        """Book what the request truly used in the place of what it reserved, from any thread.

        Args:
            tokens: the true usage; more than was reserved is a debt that the next requests wait for. Called
                again, the last one counts.

        Raises:
            ValueError: `tokens` is not a finite number, 0 or more.
        """
        self._rate.correct(self, tokens)


class _Lane:
    """One loop's share in the queue: how many wait there, and what rings for them."""

    __slots__ = ("alarm", "loop", "waiting")

    def __init__(self, alarm: Alarm) -> None:
        self.alarm = alarm
        self.loop = weakref.ref(asyncio.get_running_loop())
        self.waiting = 0


class _Turn:
    """One request in the queue."""

    __slots__ = ("future", "granted", "left", "loop", "tokens")

    def __init__(self, tokens: float) -> None:
        self.tokens = tokens
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Portion] = self.loop.create_future()
        self.granted: Portion | None = None
        self.left = False

    def wake(self) -> None:
        """Let it go, unless its caller left in the meantime."""
        if self.granted is not None and not self.future.done():
            self.future.set_result(self.granted)
