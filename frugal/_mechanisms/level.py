"""The leaky bucket: what was taken lately, draining at a steady rate; and the lock that a process shares.

Law: the level never falls below zero, so what was not used is not saved up; what is given back is never more
than what has not drained by itself, or a slow call's correction would let the next ones go twice. Arithmetic
only: who holds the lock and who waits is another's business.
"""

from __future__ import annotations

import math
import os
import threading
import weakref
from collections import deque

__all__ = ["Level", "Portion", "Shared", "positive"]

_MOMENT = 1e-6
"""Seconds that do not count: at today's Unix times a float cannot tell less than a quarter of them."""


def positive(name: str, value: float) -> float:
    """Return a rate that was checked to be a finite number above 0.

    Raises:
        TypeError: it is not a number.
        ValueError: it is not above 0, or not finite.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name} is {value!r}: give a number")
    if not 0 < value < math.inf:
        raise ValueError(f"{name} is {value!r}: give a number above 0, or None for no limit.")
    return value


class Portion:
    """An amount that was put in, so far as it has not drained yet."""

    __slots__ = ("left", "own")

    def __init__(self, left: float, *, own: bool) -> None:
        self.left = left
        self.own = own


class Level:
    """Say when there is room for an amount.

    What came first drains first, portion by portion, because a correction has to know how much of what it
    corrects is still in.

    Args:
        limit: the most that may be in at once, which is the burst that is allowed.
        seconds: how long a full bucket takes to drain.

    `moment` is what drains in a time too short to tell, and so does not count.
    """

    __slots__ = ("_amount", "_last", "_portions", "_rate", "limit", "moment")

    def __init__(self, limit: float, *, seconds: float) -> None:
        self.limit = limit
        self._rate = limit / seconds
        self.moment = self._rate * _MOMENT
        self._amount = 0.0
        self._last = -math.inf
        self._portions: deque[Portion] = deque()

    def at(self, now: float) -> float:
        """Return the level at that time; above the limit it is a debt, which drains before anything goes."""
        if self._portions and now > self._last:
            self._drain((now - self._last) * self._rate)
        # Of a clock that was set back we only know that no time has passed for certain.
        self._last = now
        return self._amount

    def wait(self, amount: float, now: float) -> float:
        """Return the seconds until there is room, should nobody else take it; 0 when there is room now."""
        excess = self.at(now) + amount - self.limit
        return excess / self._rate if excess > self.moment else 0.0

    def add(self, amount: float, now: float) -> None:
        """Put in an amount that will not be corrected."""
        self.at(now)
        self._amount += amount
        if self._portions and not self._portions[-1].own:
            self._portions[-1].left += amount
        else:
            self._portions.append(Portion(amount, own=False))

    def take(self, amount: float, now: float) -> Portion:
        """Put in an amount, and return it for a later `give_back`."""
        self.at(now)
        self._amount += amount
        portion = Portion(amount, own=True)
        self._portions.append(portion)
        return portion

    def give_back(self, amount: float, now: float, portion: Portion) -> None:
        """Take out what was too much of a portion, but for what has drained of it."""
        self.at(now)
        amount = min(amount, portion.left)
        portion.left -= amount
        self._amount = max(0.0, self._amount - amount)

    def _drain(self, amount: float) -> None:
        portions = self._portions
        while portions and portions[0].left <= amount:
            portion = portions.popleft()
            amount -= portion.left
            self._amount -= portion.left
            portion.left = 0.0
        if portions:
            portions[0].left -= amount
            self._amount -= amount
        else:
            self._amount = 0.0  # Exactly, whatever the roundings of the day.


class Shared:
    """Guard state that all loops and threads of a process share, by a lock that a forked child gets anew.

    A fork copies a lock that another thread holds at that moment, and no thread that would release it. The
    lock can be taken again by its holder: a finaliser that runs in the middle may come back here.
    """

    __slots__ = ("__weakref__", "lock")

    def __init__(self) -> None:
        self.lock = threading.RLock()
        _shared.add(self)

    def renew(self) -> None:
        """Begin anew in a forked child, where this is the only thread."""
        self.lock = threading.RLock()


_shared: weakref.WeakSet[Shared] = weakref.WeakSet()


def _renew() -> None:
    for shared in list(_shared):
        shared.renew()


if hasattr(os, "register_at_fork"):  # Not on Windows, which does not fork.
    os.register_at_fork(after_in_child=_renew)
