"""What stays in memory of a collection: an index for each partition, and a few facts of each entry.

Law: an entry is in the index of its partition exactly while it is kept here. Nothing here touches a row, so
nothing waits for a disk. Not safe in threads: the collection holds the lock.
"""

from __future__ import annotations

import heapq
import logging
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

from frugal.indexes.rows import Entry
from frugal.ports import Index

__all__ = ["Kept", "Near", "Shelf"]

_log = logging.getLogger("frugal")

_RECENT, _ASKED = 256, 4_096


class Near(NamedTuple):
    """An entry near a query: what a policy needs to know of it."""

    id: int
    similarity: float
    answer: str
    right: int
    wrong: int


@dataclass(slots=True)
class Kept:
    """What is known of an entry without its row, which holds text, vector and answer."""

    partition: str
    answer: str
    expires: float | None
    user: str | None
    right: int = 0
    wrong: int = 0


class Shelf:
    """Entries by id, the least recently used first, and their vectors by partition.

    Args:
        index: makes the index of a partition.
    """

    def __init__(self, index: Callable[[], Index]) -> None:
        self._make = index
        self._indexes: dict[str, Index] = {}
        # A plain dictionary keeps the order of use as well, in half the memory of an ordered one.
        self._kept: dict[int, Kept] = {}
        self._ends: list[tuple[float, int]] = []
        self._recent: OrderedDict[int, Entry] = OrderedDict()
        self._asked: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def __contains__(self, id: int) -> bool:
        return id in self._kept

    def __iter__(self) -> Iterator[tuple[int, Kept]]:
        return iter(list(self._kept.items()))

    @property
    def indexes(self) -> list[Index]:
        """The indexes of all partitions."""
        return list(self._indexes.values())

    def oldest(self, count: int) -> list[int]:
        """Return the *count* least recently used entries."""
        return list(islice(self._kept, max(count, 0)))

    def get(self, id: int) -> Kept | None:
        """Return what is kept of an entry."""
        return self._kept.get(id)

    def near(self, partition: str, vector: Any, k: int) -> list[Near]:
        """Return up to *k* entries of a partition, nearest first."""
        index = self._indexes.get(partition)
        found = []
        for id, similarity in index.search(vector, k) if index is not None else ():
            kept = self._kept[id]
            found.append(Near(id, similarity, kept.answer, kept.right, kept.wrong))
        return found

    def take(self, entry: Entry) -> bool:
        """Keep an entry; False for one whose vector cannot be compared with its partition's."""
        index = self._indexes.get(entry.partition)
        if index is None:
            index = self._make()
        try:
            index.add(entry.id, entry.vector)
        except ValueError as error:
            _log.warning("an entry of another shape was left out: %s", error)
            return False
        self._indexes[entry.partition] = index
        self._asked[hash((entry.partition, entry.text))] = entry.id
        if len(self._asked) > _ASKED:
            del self._asked[next(iter(self._asked))]
        self._kept[entry.id] = Kept(entry.partition, entry.answer_class, entry.expires, entry.user)
        if entry.expires is not None:
            heapq.heappush(self._ends, (entry.expires, entry.id))
        return True

    def forget(self, id: int) -> None:
        """Drop an entry; nothing happens when it is not there."""
        self._recent.pop(id, None)
        kept = self._kept.pop(id, None)
        if kept is None:
            return
        index = self._indexes[kept.partition]
        index.remove(id)
        if not len(index):
            del self._indexes[kept.partition]

    def expire(self, now: float) -> list[int]:
        """Drop what has expired; return the ids."""
        gone = []
        while self._ends and self._ends[0][0] <= now:
            id = heapq.heappop(self._ends)[1]
            if id in self._kept:
                self.forget(id)
                gone.append(id)
        return gone

    def touch(self, id: int) -> None:
        """Mark an entry as used just now."""
        kept = self._kept.pop(id, None)
        if kept is not None:
            self._kept[id] = kept

    def remember(self, entry: Entry) -> None:
        """Keep an entry whole for a while: what was asked just now is asked again."""
        self._recent[entry.id] = entry
        self._recent.move_to_end(entry.id)
        if len(self._recent) > _RECENT:
            self._recent.popitem(last=False)

    def recent(self, id: int) -> Entry | None:
        """Return an entry that was kept whole."""
        return self._recent.get(id)

    def doubt(self) -> None:
        """Keep no entry whole: another process may have dropped its row."""
        self._recent.clear()

    def asked(self, partition: str, text: str) -> int | None:
        """Return which of the newest entries may have this very text."""
        return self._asked.get(hash((partition, text)))

    def is_quick(self, partition: str, now: float) -> bool:
        """Whether a partition can be searched and added to on an event loop's thread: it is small, and none is over."""
        index = self._indexes.get(partition)
        over = bool(self._ends) and self._ends[0][0] <= now  # many may be over at once, and are then dropped one by one
        return not over and (hasattr(self._make, "quick") if index is None else getattr(index, "quick", False))
