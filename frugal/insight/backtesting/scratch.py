"""Scratch: what stands for the stores of a stack while it is tried out, and the user's functions apart from their own.

Law: nothing is read from or written to a store that a user named, neither by the stack nor by the functions that it
asks; and what has expired on virtual time takes no memory.
"""

from __future__ import annotations

import functools
import inspect
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from frugal._core.ambient import bypass
from frugal._mechanisms.tiers import Layer
from frugal._values.clock import clock
from frugal.ports import Codec
from frugal.stores import MemoryStore

__all__ = ["ENDLESS", "Scratch", "Stores", "apart"]

ENDLESS = 2**40
"""Entries of what stands for a disk: its bound is in bytes, and what the log's answers would take is not known."""


class _Swept(MemoryStore):
    """Keeps values for as long as they live: a long log has far more answers than live at one time."""

    __slots__ = ("_due",)

    def __init__(self, max_items: int) -> None:
        super().__init__(max_items)
        self._due: deque[tuple[float, str]] = deque()

    def set(self, key: str, value: Any, expires: float | None, tag: str | None = None) -> None:
        """Keep a value, and let go of those that have expired."""
        super().set(key, value, expires, tag)
        now = clock.now()
        if expires is not None:
            self._due.append((expires, key))
        while self._due and self._due[0][0] <= now:
            self.get(self._due.popleft()[1])  # which drops it, unless it was kept anew


class Stores:
    """The scratch stores of one backtest."""

    def __init__(self) -> None:
        self._shared: dict[Any, MemoryStore] = {}

    def of(self, key: Any, max_items: int) -> MemoryStore:
        """Return the store for what shares a key; a new one for `None`."""
        if key is None:
            return _Swept(max_items)
        found = self._shared.get(key)
        if found is None:
            found = self._shared[key] = _Swept(max_items)
        return found


@dataclass(frozen=True, slots=True)
class Scratch:
    """A layer in the place of another, with its time to live and its bound."""

    stores: Stores
    name: str
    ttl: float | None
    max_items: int
    key: Any

    def layer(self, codec: Codec) -> Layer:
        """Return the mechanism's layer; nothing is encoded, as nothing is written."""
        return Layer(name=self.name, store=self.stores.of(self.key, self.max_items), ttl=self.ttl)


def apart(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of the user's whose own caches are passed by: they would keep answers under a virtual time."""

    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        with bypass(store=False):
            found = function(*args, **kwargs)
        return _awaited(found) if inspect.isawaitable(found) else found

    return called


async def _awaited(found: Any) -> Any:
    with bypass(store=False):
        return await found
