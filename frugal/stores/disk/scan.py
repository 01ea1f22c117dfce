"""Rows by prefix: a disk store as a sorted sequence of keys, for whoever keeps more than single values.

Law: what was put before is seen; a row that is not ours is passed over. Reading goes through a connection of its own
that only reads, and every call may wait: it belongs in a thread.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Iterator

from frugal.errors import FrugalError
from frugal.stores.disk.place import Place, close
from frugal.stores.disk.store import DiskStore

__all__ = ["DiskRows"]

_log = logging.getLogger("frugal")

_PAGE = 500
_SCAN = (
    "SELECT key, value FROM Cache WHERE key > ? AND key < ? AND raw = 1 AND mode = 1 AND typeof(value) = 'blob' "
    "AND typeof(key) = 'text' AND (expire_time IS NULL OR expire_time > ?) ORDER BY key LIMIT ?"
)


class DiskRows:
    """Keep rows of bytes by key in a directory.

    Args:
        directory: where.
        max_bytes: how large it may grow.

    >>> import tempfile
    >>> rows = DiskRows(tempfile.mkdtemp() + "/rows")
    >>> rows.put("a/1", b"one", None, None)
    >>> list(rows.iterate("a/"))
    [('a/1', b'one')]
    """

    def __init__(self, directory: str | os.PathLike[str], *, max_bytes: int = 2**31) -> None:
        self.store = DiskStore(directory, max_bytes=max_bytes)
        self._place = Place(directory)

    def get(self, key: str) -> bytes | None:
        """Return the row; `None` when it is not there, has expired, or cannot be read."""
        try:
            found = self.store.get(key)
        except (sqlite3.Error, OSError, FrugalError) as error:
            _log.warning("the row %r cannot be read (%s); it is a miss", key, error)
            return None
        return None if found is None else found.value

    def put(self, key: str, value: bytes, expires: float | None, tag: str | None) -> None:
        """Keep a row until `expires` (Unix seconds)."""
        # A label is a line, so a line break in a user's name must not begin another one.
        name = None if tag is None else tag.replace("\\", "\\\\").replace("\n", "\\n")
        self.store.set(key, value, expires, None if name is None else f"user {name}")

    def delete(self, key: str) -> None:
        """Drop a row."""
        try:
            self.store.delete(key)
        except (sqlite3.Error, OSError, FrugalError):
            _log.debug("whether %r was there cannot be read; it is dropped all the same", key)

    def iterate(self, prefix: str, after: str = "") -> Iterator[tuple[str, bytes]]:
        """Yield the rows whose key begins with `prefix` and is greater than `after`, by key."""
        self.store.flush()
        if self._place.inode is None:
            return
        # Greater than every key that begins with the prefix, and than none other.
        end = prefix[:-1] + chr(ord(prefix[-1]) + 1)
        last = max(prefix, after)
        try:
            connection = self._place.reading(1.0)
        except (sqlite3.Error, OSError, FrugalError) as error:
            _log.warning("%s cannot be read (%s); it is taken as empty", self._place, error)
            return
        try:
            while True:
                found = connection.execute(_SCAN, (last, end, self.store.now(), _PAGE)).fetchall()
                yield from found
                if len(found) < _PAGE:
                    return
                last = found[-1][0]
        except sqlite3.Error as error:
            _log.warning("%s cannot be read further (%s)", self._place, error)
        finally:
            close(connection)
