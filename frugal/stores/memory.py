"""The store in memory: the least recently used leaves when it is full.

Law: never more than `max_items` values, however they were set; setting a key again is not a new value; `None` is a
value; what has expired is not there. Values are kept as they are given: whoever shares them makes the copies. The
bookkeeping of recency is cachetools', in constant time.
"""

from __future__ import annotations

import os
import threading
import weakref
from typing import Any, NamedTuple

from cachetools import Cache, LRUCache

from frugal._values.clock import clock as ambient
from frugal.ports import Clock, Stored

__all__ = ["MemoryStore"]


class _Kept(NamedTuple):
    stored: Stored
    expires: float
    tag: str | None


def _labels(kept: _Kept) -> frozenset[str]:
    return frozenset() if kept.tag is None else frozenset(kept.tag.split("\n"))


class MemoryStore:
    """Keep values in this process.

    Args:
        max_items: how many values at the most.
        clock: tells what has expired.

    Raises:
        ValueError: `max_items` is not a whole number above 0.

    >>> store = MemoryStore(max_items=2)
    >>> store.set("a", None, expires=None)
    >>> store.get("a")
    Stored(value=None, expires=None)
    """

    __slots__ = ("__weakref__", "_clock", "_kept", "_lock", "max_items")

    def __init__(self, max_items: int = 1000, *, clock: Clock = ambient) -> None:
        if isinstance(max_items, bool) or not isinstance(max_items, int) or max_items < 1:
            raise ValueError(f"max_items={max_items!r}: give a whole number of values, 1 or more.")
        self.max_items = max_items
        self._clock = clock
        self._kept: LRUCache[str, _Kept] = LRUCache(max_items)
        self._lock = threading.Lock()
        _stores.add(self)

    def get(self, key: str) -> Stored | None:
        """Return the value, or `None` when it is not there or has expired."""
        with self._lock:
            try:
                kept = self._kept[key]
            except KeyError:
                return None
            if kept.expires > self._clock.now():
                return kept.stored
            del self._kept[key]
            return None

    def set(self, key: str, value: Any, expires: float | None, tag: str | None = None) -> None:
        """Keep a value until `expires` (Unix seconds); `tag` may be several labels, one a line."""
        kept = _Kept(Stored(value, expires), float("inf") if expires is None else expires, tag)
        with self._lock:
            self._kept[key] = kept

    def delete(self, key: str) -> bool:
        """Drop one value; return whether it was there."""
        with self._lock:
            kept = self._kept.pop(key, None)
        return kept is not None and kept.expires > self._clock.now()

    def clear(self, tag: str | None = None) -> int:
        """Drop all values, or those with all the labels of `tag`; return how many."""
        with self._lock:
            if tag is None:
                count = len(self._kept)
                self._kept.clear()
                return count
            wanted = set(tag.split("\n"))
            # cachetools' own __getitem__ counts as a use, and looking is not using.
            found = [key for key in self._kept if wanted <= _labels(Cache.__getitem__(self._kept, key))]
            for key in found:
                del self._kept[key]
        return len(found)

    def __len__(self) -> int:
        return len(self._kept)

    def __repr__(self) -> str:
        return f"MemoryStore(max_items={self.max_items})"

    def _in_child(self) -> None:
        # A fork copies a lock that another thread holds, which nobody will release, over a list half changed.
        if self._lock.locked():
            self._kept = LRUCache(self.max_items)
        self._lock = threading.Lock()


_stores: weakref.WeakSet[MemoryStore] = weakref.WeakSet()


def _in_child() -> None:
    for store in list(_stores):
        store._in_child()  # noqa: SLF001  # the hook of its own module


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
