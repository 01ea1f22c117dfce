"""What belongs to the running event loop: state kept for each loop, and a timer on the `Clock` port.

Law: nothing kept here is ever seen from another loop, and nothing here keeps a dead loop alive. So a
mechanism may be used from `asyncio.run` twice, from two loops in two threads and after a fork, and never
waits for a loop that no longer turns.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable
from typing import Generic, TypeVar

from frugal.ports import Clock

__all__ = ["Alarm", "PerLoop"]

S = TypeVar("S")


class PerLoop(Generic[S]):
    """Keep one state for each event loop.

    A `WeakKeyDictionary` would do, at several times the price, on a path that every call takes: so states are
    found by the loop's id, and a weak reference beside each tells whether that id still is that loop's.

    Args:
        make: builds the state of a loop that is seen for the first time.

    >>> import asyncio
    >>> seen = PerLoop(list)
    >>> async def note(word: str) -> list[str]:
    ...     seen.here().append(word)
    ...     return seen.here()
    >>> asyncio.run(note("first")), asyncio.run(note("second"))
    (['first'], ['second'])
    """

    __slots__ = ("_make", "_states")

    def __init__(self, make: Callable[[], S]) -> None:
        self._make = make
        self._states: dict[int, tuple[weakref.ref[asyncio.AbstractEventLoop], S]] = {}

    def here(self) -> S:
        """Return the state of the running loop.

        Returns:
            The same object for as long as the loop lives.

        Raises:
            RuntimeError: no loop is running in this thread.
        """
        loop = asyncio.get_running_loop()
        entry = self._states.get(id(loop))
        if entry is not None and entry[0]() is loop:
            return entry[1]
        return self._enter(loop)

    def everywhere(self) -> list[S]:
        """Return the states of all loops that are not closed."""
        entries = [(ref(), state) for ref, state in list(self._states.values())]
        return [state for loop, state in entries if loop is not None and not loop.is_closed()]

    def _enter(self, loop: asyncio.AbstractEventLoop) -> S:
        # A closed loop whose state holds a pending task is in a cycle with it through this very table, so its
        # weak reference would never die: the next loop to come sweeps it out.
        for number, (ref, _) in list(self._states.items()):
            other = ref()
            if other is None or other.is_closed():
                self._states.pop(number, None)
        state = self._make()
        number = id(loop)

        def forget(ref: weakref.ref[asyncio.AbstractEventLoop]) -> None:
            entry = self._states.get(number)
            if entry is not None and entry[0] is ref:
                self._states.pop(number, None)

        self._states[number] = (weakref.ref(loop, forget), state)
        return state


class Alarm:
    """Ring once, some seconds from now, on the running loop and on the clock that was given.

    The wait is relative, a single `clock.sleep`: a wall clock that jumps back an hour must not make anything
    wait for an hour. It may ring early for whoever aimed it again meanwhile; who is rung looks and aims anew.

    Args:
        ring: called on the loop, in the context of whoever aimed.
        clock: what is waited on.
    """

    __slots__ = ("_clock", "_ring", "_task", "_when")

    def __init__(self, ring: Callable[[], None], *, clock: Clock) -> None:
        self._ring = ring
        self._clock = clock
        self._task: asyncio.Task[None] | None = None
        self._when = 0.0

    @property
    def is_set(self) -> bool:
        """Whether it will ring."""
        return self._task is not None

    def aim(self, seconds: float) -> None:
        """Ring after that many seconds at the latest.

        Args:
            seconds: how long to wait; 0 or less rings on the loop's next turn.
        """
        when = self._clock.now() + seconds
        if self._task is not None and not self._task.done():
            if self._when <= when:
                return
            self._task.cancel()
        self._when = when
        waiting = self._wait(max(0.0, seconds))
        self._task = asyncio.get_running_loop().create_task(waiting, name="frugal-alarm")

    def cancel(self) -> None:
        """Do not ring."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()

    async def _wait(self, seconds: float) -> None:
        await (self._clock.sleep(seconds) if seconds else asyncio.sleep(0))
        self._task = None
        self._ring()
