"""The store on disk: what is cached outlives the process and is shared by those on this machine.

Law: `set` and `delete` never wait for the disk, and what they did is seen at once. `get_nowait` is for an event loop's
thread: it reads only what it can have in microseconds. The rest (`get`, `clear`, `flush`, `close`) waits, and belongs
in a thread. What is not ours is refused, and nothing read is ever executed.
"""

from __future__ import annotations

import asyncio
import logging
import os
import weakref
from collections.abc import Callable, Sequence

from frugal._values.clock import clock as ambient
from frugal.errors import StoreCorruptedError
from frugal.ports import Clock, Stored
from frugal.stores.disk.engine import Engine
from frugal.stores.disk.place import Place
from frugal.stores.disk.rows import DELETE, Row, Write

__all__ = ["DiskStore"]

_log = logging.getLogger("frugal")
_engines: weakref.WeakValueDictionary[tuple[str, int], Engine] = weakref.WeakValueDictionary()

_LEAST = 64 * 1024  # an empty database has 40 KB


class DiskStore:
    """Keep bytes in a directory, by diskcache's layout and without its pickling.

    Args:
        directory: where; made, readable by its owner only, at the first write. Stores of one process in one
            directory share a writer, and the smallest of their `max_bytes`.
        max_bytes: how large the database may grow; beyond it, what was used longest ago goes.
        on_fault: called with the operation and the error when the disk fails in the background.
        clock: tells what has expired.

    Raises:
        ValueError: `max_bytes` is less than 64 KiB.

    >>> import tempfile
    >>> store = DiskStore(tempfile.mkdtemp() + "/answers")
    >>> store.set("key", b"an answer", expires=None)
    >>> store.get("key")
    Stored(value=b'an answer', expires=None)
    >>> store.close()
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        *,
        max_bytes: int = 2**30,
        on_fault: Callable[[str, Exception], None] | None = None,
        clock: Clock = ambient,
    ) -> None:
        if isinstance(max_bytes, bool) or not isinstance(max_bytes, int) or max_bytes < _LEAST:
            raise ValueError(f"max_bytes={max_bytes!r}: give a whole number of bytes, {_LEAST} or more.")
        self.max_bytes = max_bytes
        self._clock = clock
        place = Place(directory)
        self.directory = place.directory
        engine = _engines.setdefault((place.directory, id(clock)), Engine(place, clock))
        engine.max_bytes = min(engine.max_bytes, max_bytes)
        if on_fault is not None:
            engine.on_fault = on_fault
        self._engine = engine

    # ------------------------------------------------------------------ on a loop's thread

    def get_nowait(self, key: str) -> Stored | None:
        """Return the value, or `None` when it is not there or has expired; never waits, writes or opens a file.

        Raises:
            BlockingIOError: the answer is only to be had by waiting: call `get` in a thread.
            StoreCorruptedError: the row is not what we wrote.
            LedgerFormatError: the directory is not ours, or is newer.
            sqlite3.Error, OSError: it cannot be read now.
        """
        write = self._engine.pending.get(key)
        if write is not None:
            return self._queued(write)
        row = self._engine.readers.read_nowait(key)
        if row is not None and row.value is None and row.kind == "blob" and not self._is_over(row.expires):
            raise BlockingIOError("a large value")
        return self._stored(key, row)

    def set(self, key: str, value: bytes, expires: float | None, tag: str | None = None) -> None:
        """Keep bytes until `expires` (Unix seconds); queued at once, written soon.

        Args:
            key: a text.
            value: bytes.
            expires: when it ends, `None` for never.
            tag: finds it again for `clear`; may be several labels, one a line.

        Raises:
            TypeError: the value is not bytes, or the key is not a text.
        """
        if type(value) is not bytes:
            raise TypeError(f"a DiskStore keeps bytes, not {type(value).__name__}: encode it with a codec.")
        if type(key) is not str:
            raise TypeError(f"a DiskStore's keys are texts, not {type(key).__name__}.")
        if len(value) > self.max_bytes // 4:
            _log.warning(
                "a value of %d bytes is not kept in %s: its max_bytes is %d", len(value), self.directory, self.max_bytes
            )
            self._engine.put(key, DELETE)  # an older one must not stand in its place
            return
        self._engine.put(key, Write(value, expires, tag))

    def discard(self, key: str) -> None:
        """Drop one value, there or not; queued at once, written soon, and seen from now on.

        Args:
            key: a text.
        """
        self._engine.put(key, DELETE)

    # ------------------------------------------------------------------ in a thread

    def get(self, key: str) -> Stored | None:
        """Return the value, or `None` when it is not there or has expired; may wait for the disk.

        Raises:
            StoreCorruptedError: the row is not what we wrote.
            LedgerFormatError: the directory is not ours, or is newer.
            sqlite3.Error, OSError: it cannot be read now.
        """
        write = self._engine.pending.get(key)
        if write is not None:
            return self._queued(write)
        return self._stored(key, self._engine.readers.read(key))

    def get_many(self, keys: Sequence[str]) -> list[Stored | Exception | None]:
        """Return what `get` would for each of many keys, its error as a value; takes one look at the disk for all.

        Raises:
            LedgerFormatError: the directory is not ours, or is newer.
            sqlite3.Error, OSError: it cannot be read now.
        """
        queued = {key: write for key in keys if (write := self._engine.pending.get(key)) is not None}
        rows = self._engine.readers.read_many([key for key in dict.fromkeys(keys) if key not in queued])
        found: list[Stored | Exception | None] = []
        for key in keys:
            try:
                found.append(self._queued(queued[key]) if key in queued else self._stored(key, rows.get(key)))
            except StoreCorruptedError as error:
                found.append(error)
        return found

    async def get_soon(self, key: str) -> Stored | None:
        """Return the value without holding up the loop: at once, or from a thread.

        Raises:
            StoreCorruptedError: the row is not what we wrote.
            LedgerFormatError: the directory is not ours, or is newer.
            sqlite3.Error, OSError: it cannot be read now.
        """
        try:
            return self.get_nowait(key)
        except BlockingIOError:
            return await asyncio.to_thread(self.get, key)

    def delete(self, key: str) -> bool:
        """Drop one value; return whether it was there, for which it may wait for the disk.

        Raises:
            sqlite3.Error, OSError, FrugalError: whether it was there cannot be read now; it is dropped all the same.
        """
        try:
            write = self._engine.pending.get(key)
            if write is not None:
                return self._queued(write) is not None
            row = self._engine.readers.read(key)
            return row is not None and not self._is_over(row.expires)
        finally:
            self._engine.put(key, DELETE)

    def clear(self, tag: str | None = None) -> int:
        """Drop all values, or those with all the labels of `tag`; return how many. Waits for the disk.

        Raises:
            sqlite3.Error, OSError, FrugalError: it cannot be done now.
        """
        return self._engine.clear(tag)

    def flush(self, timeout: float = 10.0) -> bool:
        """Write what is queued, within that many seconds; return whether all of it was."""
        return self._engine.flush(timeout)

    def close(self) -> None:
        """Write what is queued and let go of the directory; the store can be used again afterwards."""
        self._engine.close(10.0)

    def now(self) -> float:
        """Return the time by which rows expire, in Unix seconds."""
        return self._clock.now()

    # ------------------------------------------------------------------ inside

    def _queued(self, write: Write) -> Stored | None:
        if write.value is None or self._is_over(write.expires):
            return None
        return Stored(write.value, write.expires)

    def _stored(self, key: str, row: Row | None) -> Stored | None:
        if row is None or self._is_over(row.expires):
            return None
        try:
            return Stored(self._engine.place.disk.fetch(row.mode, row.filename, row.value, read=False), row.expires)
        except StoreCorruptedError as error:
            raise StoreCorruptedError(self.directory, key, error.reason) from None

    def _is_over(self, expires: object) -> bool:
        return expires is not None and not (isinstance(expires, int | float) and expires > self._clock.now())

    def __repr__(self) -> str:
        return f"DiskStore({self.directory!r}, max_bytes={self.max_bytes})"
