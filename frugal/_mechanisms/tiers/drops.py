"""What was dropped, so that nothing that was under way at the time brings it back.

Law: a ticket is void for a key if it was taken before a drop of that key ended, or of everything. What is forgotten to
save memory makes tickets void, never valid.
"""

from __future__ import annotations

import itertools
from collections import Counter

__all__ = ["Drops"]

_KNOWN = 4096


class Drops:
    """Tell whether a key was dropped since a ticket was taken."""

    __slots__ = ("_at", "_count", "_everything", "_floor", "_serial", "_under_way")

    def __init__(self) -> None:
        self._count = itertools.count(1)
        self._serial = 0
        self._floor = 0  # tickets below it are void, whatever their key
        self._at: dict[str, int] = {}
        self._under_way: Counter[str] = Counter()
        self._everything = 0

    def ticket(self) -> int:
        """Return a ticket of now."""
        return self._serial

    def void(self, key: str, ticket: int) -> bool:
        """Return whether a drop of the key began or ended since the ticket was taken, or is under way."""
        return bool(
            self._everything
            or (self._under_way and key in self._under_way)
            or ticket < self._floor
            or ticket < self._at.get(key, 0)
        )

    def begin(self, key: str | None) -> None:
        """Note that a key, or everything, is being dropped."""
        if key is None:
            self._everything += 1
        else:
            self._under_way[key] += 1

    def end(self, key: str | None) -> None:
        """Note that it has been."""
        self._serial = serial = next(self._count)
        if key is None:
            self._everything -= 1
            self._floor = serial
            return
        if self._under_way[key] > 1:
            self._under_way[key] -= 1
        else:
            del self._under_way[key]
        self._at.pop(key, None)
        self._at[key] = serial
        if len(self._at) > _KNOWN:
            self._floor = max(self._floor, self._at.pop(next(iter(self._at))))
