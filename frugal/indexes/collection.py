"""A function's answered queries: found by meaning within a partition, kept in rows that outlive the process.

Law: the row is the truth and the index a memory of it. An entry is written as one row before it can be found,
and forgotten by the index before or when its row is found gone, whoever took it (this process, another, the
store's own eviction, a crash). So there is never a vector without an answer, and every answer in the store is
found again by the next process that opens it.

Several processes may share the rows. Ids grow with time, so `refresh` finds what others have added by reading
the keys since it last looked, less some seconds for clocks that differ. What others have deleted is noticed
when its row is read: at once, or after the next `doubt` for the few entries that are kept whole. An embedder's
identity is part of every key: another embedder is another collection, and starts empty.

Everything here is plain and safe in threads, and may wait for a disk, a lock or a long comparison. What takes
``wait=False`` then raises `BlockingIOError` instead, before it has changed anything: an event loop's thread tries
that first. `touch`, `doubt` and `len` never wait.
"""

from __future__ import annotations

import json
import logging
import random
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from frugal._values.clock import clock as ambient
from frugal.indexes.auto import AutoIndex
from frugal.indexes.rows import Entry, MemoryRows, Rows, decode, encode
from frugal.indexes.shelf import Near, Shelf
from frugal.indexes.vectors import direction
from frugal.ports import Clock, Index

__all__ = ["Collection"]

_log = logging.getLogger("frugal")

_TICKS, _NOISE = 1_000, 22
_SKEW = 10.0
_SAME = 1.0 - 1e-3
_TWINS = 4


class Collection:
    """Entries of one function under one embedder.

    Args:
        name: of the function (its identity, digested).
        embedder: the embedder's identity.
        rows: where entries live; None keeps them in memory only.
        max_items: entries in all partitions together; the least recently used goes first.
        clock: tells what has expired.
        index: makes the index of a partition.
    """

    def __init__(
        self,
        name: str,
        embedder: str,
        *,
        rows: Rows | None = None,
        max_items: int = 10_000,
        clock: Clock = ambient,
        index: Callable[[], Index] = AutoIndex,
    ) -> None:
        if max_items < 1:
            raise ValueError(f"max_items is {max_items}: a cache holds at least one entry")
        self.prefix = f"semantic/{name}/{embedder}/"
        self._rows: Rows = rows if rows is not None else MemoryRows(clock)
        self._max_items = max_items
        self._clock = clock
        self._shelf = Shelf(index)
        self._newest = 0
        self._looked = 0.0
        self._doubted = False
        self._gone: list[int] = []
        self._noise = random.SystemRandom()
        self._lock = threading.RLock()

    def __len__(self) -> int:
        return len(self._shelf)

    # ---------------------------------------------------------------- finding

    def near(self, partition: str, vector: Any, k: int, *, wait: bool = True) -> list[Near]:
        """Return up to *k* living entries of a partition, nearest first.

        Raises:
            ValueError: the vector cannot be compared with the partition's.
            BlockingIOError: it takes its time, and may not.
        """
        with self._turn(wait=wait):
            if not wait:
                self._see_that_it_is_quick(partition)
            self._expire()
            return self._shelf.near(partition, vector, k)

    @staticmethod
    def alike(near: Sequence[Near]) -> tuple[int, ...]:
        """Return which of the entries that `near` gave are so near that they may be of the very same text."""
        return tuple(each.id for each in near[:_TWINS] if each.similarity >= _SAME)

    def fetch(self, id: int, *, wait: bool = True) -> Entry | None:
        """Return an entry whole; None when it is gone, and then the index forgets it too.

        Raises:
            BlockingIOError: it has to be waited for, and may not.
        """
        with self._turn(wait=wait):
            if self._doubted:
                self._doubted = False
                self._shelf.doubt()
            entry = self._shelf.recent(id)
        if entry is None:
            row = self._rows.get(self._key(id)) if wait else self._rows.get_nowait(self._key(id))
            entry = self._decoded(self._key(id), row) if row is not None else None
        with self._turn(wait=wait):
            self._expire()
            if entry is None or id not in self._shelf:
                self._shelf.forget(id)
                return None
            self._shelf.remember(entry)
            return entry

    def doubt(self) -> None:
        """Have what was kept whole be read again when it is next fetched: others may have dropped it meanwhile."""
        self._doubted = True

    def touch(self, id: int) -> None:
        """Mark an entry as used just now, if that needs no waiting."""
        if self._lock.acquire(blocking=False):
            try:
                self._shelf.touch(id)
            finally:
                self._lock.release()

    # ---------------------------------------------------------------- changing

    def add(
        self,
        partition: str,
        text: str,
        vector: Any,
        *,
        answer: bytes,
        answer_class: str,
        ttl: float | None = None,
        user: str | None = None,
        source: str = "",
        saved: int | None = None,
        alike: Sequence[int] | None = None,
        wait: bool = True,
    ) -> int:
        """Keep an answered query, in the place of the same text's in that partition; return its id.

        Args:
            partition: digest of all else that must be equal.
            text: the query.
            vector: its vector.
            answer: the response, encoded.
            answer_class: the class of equal answers it belongs to.
            ttl: seconds to live; None for ever.
            user: whose call it was.
            source: the id of the call that made the answer.
            saved: what the call cost, in pico-dollars.
            alike: what `alike` gave for this vector, which saves looking again for the same text.
            wait: whether it may.

        Raises:
            ValueError: the vector cannot be compared with the partition's, or the ttl is not positive.
            BlockingIOError: it takes its time, and may not.
        """
        if ttl is not None and not ttl > 0:
            raise ValueError(f"ttl is {ttl} seconds: an entry must live for some time")
        now = self._clock.now()
        unit = direction(vector)
        with self._turn(wait=wait):
            if not wait:
                self._see_that_it_is_quick(partition)
            id = self._newest = max(self._new_id(now), self._newest + 1)
            entry = Entry(
                id=id,
                partition=partition,
                text=text,
                vector=unit,
                answer=answer,
                answer_class=answer_class,
                created=now,
                expires=None if ttl is None else now + ttl,
                user=user,
                source=source,
                saved=saved,
            )
            if not wait:
                self._keep(entry, alike or (), wait=False)  # nobody else comes between, and nothing is waited for
        if wait:
            self._keep(entry, alike, wait=True)
        return id

    def _keep(self, entry: Entry, alike: Sequence[int] | None, *, wait: bool) -> None:
        """Keep an entry in the place of those with the same text."""
        if alike is None:
            alike = self.alike(self.near(entry.partition, entry.vector, _TWINS))
        before = self._twins(entry, alike, wait=wait)
        # The row first: what is found must be there. Should the index then refuse it, the row must go again.
        self._rows.put(self._key(entry.id), encode(entry), entry.expires, entry.user)
        with self._lock:
            taken = self._shelf.take(entry)
            self._shelf.remember(entry)
        if not taken:
            self.remove(entry.id)
            raise ValueError(f"a vector of {entry.vector.size} numbers cannot stand beside those of its partition")
        for twin in before:
            self.remove(twin)
        self._evict()

    def note(self, id: int, *, right: bool) -> None:
        """Add one comparison to an entry's own record."""
        with self._lock:
            kept = self._shelf.get(id)
            if kept is None:
                return
            kept.right += right
            kept.wrong += not right
            record = json.dumps([kept.right, kept.wrong]).encode()
            expires, user = kept.expires, kept.user
        self._rows.put(self._key(id, "record"), record, expires, user)

    def remove(self, id: int) -> None:
        """Drop an entry; nothing happens when it is not there."""
        with self._lock:
            self._shelf.forget(id)
        self._rows.delete(self._key(id))
        self._rows.delete(self._key(id, "record"))

    def clear(self, user: str | None = None) -> int:
        """Drop all entries, or one user's; return how many."""
        self.refresh()
        with self._lock:
            gone = [id for id, kept in self._shelf if user is None or kept.user == user]
        for id in gone:
            self.remove(id)
        return len(gone)

    # ---------------------------------------------------------------- other processes, other runs

    def open(self) -> Collection:
        """Take in all that the rows hold; call it once, off the event loop."""
        self._looked = self._clock.now()
        self._take(self._rows.iterate(f"{self.prefix}entry/"))
        for key, row in self._rows.iterate(f"{self.prefix}record/"):
            record = _record(row)
            with self._lock:
                kept = self._shelf.get(_id_of(key))
                if kept is not None and record is not None:
                    kept.right, kept.wrong = record
            if kept is None or record is None:
                self._rows.delete(key)
        self._evict()
        return self

    def refresh(self) -> int:
        """Take in what other processes have added since; return how many entries were new."""
        # By when it was last looked for them, and not by this process's own newest: its answers take their time.
        horizon = max(0, int((self._looked - _SKEW) * _TICKS)) << _NOISE
        self._looked = self._clock.now()
        keys = self._rows.keys(f"{self.prefix}entry/", self._key(horizon))
        with self._lock:  # most are this process's own, and their rows need not be read
            unknown = [key for key in keys if _id_of(key) not in self._shelf]
        found = self._take((key, row) for key in unknown if (row := self._rows.get(key)) is not None)
        self._evict()
        return found

    def save(self, who: str, state: Mapping[str, object], *, days: float = 90.0) -> None:
        """Keep what a policy has learned, for process *who* (a token of its own)."""
        row = json.dumps(state, separators=(",", ":")).encode()
        self._rows.put(f"{self.prefix}policy/{who}", row, self._clock.now() + days * 86_400.0, None)

    def states(self) -> list[dict[str, object]]:
        """Return what the policies of all processes have learned; damaged ones are left out and logged."""
        found = []
        for key, row in self._rows.iterate(f"{self.prefix}policy/"):
            try:
                state = json.loads(row)
            except ValueError:
                state = None
            if isinstance(state, dict):
                found.append(state)
            else:
                _log.warning("the policy state %r is damaged and was ignored", key)
        return found

    @property
    def due(self) -> bool:
        """Whether `maintain` has something to do."""
        return bool(self._gone) or any(getattr(index, "due", False) for index in self._shelf.indexes)

    def maintain(self) -> None:
        """Drop expired rows and move what has grown to a faster index; takes seconds: call it in a thread."""
        self._evict()
        for index in self._shelf.indexes:
            if getattr(index, "due", False):
                index.move()  # type: ignore[attr-defined]  # what has `due` has `move`

    # ---------------------------------------------------------------- inside

    def _take(self, rows: Iterable[tuple[str, bytes]]) -> int:
        """Take in entries that are not known, and are not over."""
        found = 0
        for key, row in rows:
            with self._lock:
                known = _id_of(key) in self._shelf
            entry = None if known else self._decoded(key, row)
            if entry is None or (entry.expires is not None and entry.expires <= self._clock.now()):
                continue
            with self._lock:
                found += self._shelf.take(entry)
                self._newest = max(self._newest, entry.id)
        return found

    def _decoded(self, key: str, row: bytes) -> Entry | None:
        """Decode a row; a damaged one is dropped, for it can answer nothing."""
        try:
            entry = decode(row)
        except (ValueError, TypeError) as error:
            _log.warning("the row %r is damaged (%s) and was dropped", key, error)
            self._rows.delete(key)
            return None
        if self._key(entry.id) != key:
            _log.warning("the row %r is another one's copy and was dropped", key)
            self._rows.delete(key)
            return None
        return entry

    def _expire(self) -> None:
        self._gone += self._shelf.expire(self._clock.now())

    def _evict(self) -> None:
        """Drop the rows of what has expired, and what is too much."""
        with self._lock:
            self._expire()
            gone, self._gone = self._gone, []
            gone += self._shelf.oldest(len(self._shelf) - self._max_items)
        for id in gone:
            self.remove(id)

    def _twins(self, entry: Entry, alike: Sequence[int], *, wait: bool) -> list[int]:
        """Find the entries of the very same text; there is one, or one for each process that added it.

        One that came since `near` was asked, as calls that were made at once bring them, was kept whole just now.
        """
        ids = dict.fromkeys(alike)
        with self._turn(wait=wait):
            late = self._shelf.asked(entry.partition, entry.text)
        if late is not None:
            ids[late] = None
        found = [self.fetch(id, wait=wait) for id in ids]
        same = (entry.partition, entry.text)  # of `asked`, only a digest has been compared
        return [twin.id for twin in found if twin is not None and (twin.partition, twin.text) == same]

    @contextmanager
    def _turn(self, *, wait: bool) -> Iterator[None]:
        """Have the shelf for oneself."""
        if not self._lock.acquire(blocking=wait):
            raise BlockingIOError("another thread has the index")
        try:
            yield
        finally:
            self._lock.release()

    def _see_that_it_is_quick(self, partition: str) -> None:
        if not self._shelf.is_quick(partition, self._clock.now()):
            raise BlockingIOError("the index takes its time")

    def _new_id(self, now: float) -> int:
        return (int(now * _TICKS) << _NOISE) | self._noise.getrandbits(_NOISE)

    def _key(self, id: int, kind: str = "entry") -> str:
        return f"{self.prefix}{kind}/{id:020d}"


def _record(row: bytes) -> tuple[int, int] | None:
    try:
        right, wrong = json.loads(row)
    except (ValueError, TypeError):
        return None
    whole = type(right) is int and type(wrong) is int and right >= 0 and wrong >= 0
    return (right, wrong) if whole else None


def _id_of(key: str) -> int:
    tail = key.rpartition("/")[2]
    return int(tail) if tail.isdecimal() else -1
