"""The two connections that read: one that never waits, for an event loop's thread, and one that may.

Law: reading writes nothing. The quick connection opens no file, waits for no lock and takes no large value: it says
`BlockingIOError`, and whoever asked goes to a thread. So it says, too, for a moment after a read that took long: then
other threads want the interpreter, and each return from SQLite waits up to 5 ms for it. While a directory cannot be
read, that is known for a second without asking it again.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterable, Sequence
from typing import Protocol

from frugal.stores.disk import rows
from frugal.stores.disk.place import TROUBLE, Place, close, is_broken
from frugal.stores.disk.rows import Row

__all__ = ["ENOUGH", "Readers"]

ENOUGH = 1000
"""Reads after which it is worth a transaction to note them."""

_TIMEOUT = 0.25  # seconds, off the loop's thread
_KNOWN = 1.0  # seconds
_LONG, _MOMENT = 0.0005, 0.02  # seconds: a read is a long one, and for how long the next ones are then not tried


class _Watcher(Protocol):
    def suspect(self, error: Exception) -> None: ...

    def wake(self) -> None: ...

    def tell(self, operation: str, error: Exception) -> None: ...


class Readers:
    """Read one directory.

    Args:
        place: where.
        turn: the lock of whoever opens and closes.
        watcher: told that the file seems broken, that there are reads to note, and that reading fails.
    """

    def __init__(self, place: Place, turn: threading.RLock, watcher: _Watcher) -> None:
        self.touched: set[int] = set()
        self._place = place
        self._turn = turn
        self._watcher = watcher
        self._fast = threading.Lock()
        self._slow = threading.Lock()
        self._connections: tuple[sqlite3.Connection, sqlite3.Connection] | None = None
        self._trouble: Exception | None = None
        self._trouble_until = 0.0
        self._busy_until = 0.0

    def read_nowait(self, key: str) -> Row | None:
        """Return the row of a key, without its value if that is large.

        Raises:
            BlockingIOError: it would have to wait, or to open the database.
            sqlite3.Error, OSError, FrugalError: it cannot be read now.
        """
        self._check()
        began = time.monotonic()
        if began < self._busy_until:
            raise BlockingIOError("reading takes long at the moment")
        if not self._fast.acquire(blocking=False):
            raise BlockingIOError("another thread reads")
        try:
            if self._connections is None:
                raise BlockingIOError("not open")
            return self._read(self._connections[0], key, large=False)
        except sqlite3.OperationalError as error:  # locked, most likely
            raise BlockingIOError(str(error)) from error
        finally:
            self._fast.release()
            ended = time.monotonic()
            if ended - began > _LONG:
                self._busy_until = ended + _MOMENT

    def read(self, key: str) -> Row | None:
        """Return the row of a key; may wait and open.

        Raises:
            sqlite3.Error, OSError, FrugalError: it cannot be read now.
        """
        return self.read_many([key]).get(key)

    def read_many(self, keys: Sequence[str]) -> dict[str, Row]:
        """Return the rows of those of many keys that are there; may wait and open.

        Raises:
            sqlite3.Error, OSError, FrugalError: they cannot be read now.
        """
        self._check()
        found: dict[str, Row] = {}
        try:
            if self.open():
                with self._slow:
                    if self._connections is not None:  # closed meanwhile, by a fork or because the file is broken
                        found = self._read_many(self._connections[1], keys)
        except TROUBLE as error:
            first, self._trouble = self._trouble is None, error
            self._trouble_until = time.monotonic() + _KNOWN
            if first:
                self._watcher.tell("get", error)
            raise
        self._trouble = None
        return found

    def _check(self) -> None:
        trouble = self._trouble
        if trouble is not None and time.monotonic() < self._trouble_until:
            raise trouble.with_traceback(None)

    def _read(self, connection: sqlite3.Connection, key: str, *, large: bool) -> Row | None:
        try:
            row = rows.read(connection, key, large=large)
        except TROUBLE as error:
            self._look_at(error)
            raise
        if row is not None:
            self._note((row,))
        return row

    def _read_many(self, connection: sqlite3.Connection, keys: Sequence[str]) -> dict[str, Row]:
        try:
            found = rows.read_many(connection, keys)
        except TROUBLE as error:
            self._look_at(error)
            raise
        self._note(found.values())
        return found

    def _look_at(self, error: Exception) -> None:
        """Have the file looked at where an error says that it is broken."""
        if is_broken(error):
            self._watcher.suspect(error)

    def _note(self, used: Iterable[Row]) -> None:
        """Note that rows were used."""
        for row in used:
            if len(self.touched) < 4 * ENOUGH:
                self.touched.add(row.id)
        if len(self.touched) >= ENOUGH:
            self._watcher.wake()

    def open(self) -> bool:
        """Open what is not open; return whether there is anything to read.

        Raises:
            sqlite3.Error, OSError, FrugalError: it cannot be opened now.
        """
        if self._connections is not None:
            return True
        with self._turn:
            if self._connections is None and self._place.inode is not None:
                try:
                    fast = self._place.reading(_TIMEOUT)
                    fast.execute("PRAGMA busy_timeout = 0")
                    self._connections = fast, self._place.reading(_TIMEOUT)
                except TROUBLE as error:
                    if is_broken(error):
                        self._watcher.suspect(error)
                    raise
            return self._connections is not None

    def close(self) -> None:
        """Close the connections once nobody reads with them; called with the turn."""
        connections, self._connections = self._connections, None
        for lock, connection in zip((self._fast, self._slow), connections or (), strict=False):
            with lock:
                close(connection)

    def forgive(self) -> None:
        """Try again at once: the directory is in order."""
        self._trouble = None

    def hold(self) -> None:
        """Let nobody read until `release`."""
        self._fast.acquire()
        self._slow.acquire()

    def release(self) -> None:
        """Let them read again."""
        self._slow.release()
        self._fast.release()
