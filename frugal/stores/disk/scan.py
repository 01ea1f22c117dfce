"""Rows by prefix: a disk store as a sorted sequence of keys, for whoever keeps more than single values.

Law: what was put before is seen; a row that is not ours is passed over. Reading goes through a connection of its own
that only reads, and every call may wait: it belongs in a thread.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Iterator, Sequence

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


_KEYS = "SELECT key FROM Cache WHERE key > ? AND key < ? AND raw = 1 AND typeof(key) = 'text' ORDER BY key"


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

    def get_nowait(self, key: str) -> bytes | None:
        """Return what `get` would, where that needs no waiting.

        Raises:
            BlockingIOError: it does.
        """
        try:
            found = self.store.get_nowait(key)
        except (sqlite3.Error, OSError, FrugalError) as error:
            raise BlockingIOError(str(error)) from error  # also where it fails: `get` says what is wrong
        return None if found is None else found.value

    def put(self, key: str, value: bytes, expires: float | None, tag: str | None) -> None:
        """Keep a row until `expires` (Unix seconds)."""
        # A label is a line, so a line break in a user's name must not begin another one.
        name = None if tag is None else tag.replace("\\", "\\\\").replace("\n", "\\n")
        self.store.set(key, value, expires, None if name is None else f"user {name}")

    def delete(self, key: str) -> None:
        """Drop a row."""
        self.store.discard(key)

    def iterate(self, prefix: str, after: str = "") -> Iterator[tuple[str, bytes]]:
        """Yield the rows whose key begins with `prefix` and is greater than `after`, by key."""
        self.store.flush()
        if self._place.inode is None:
            return
        last, end = max(prefix, after), _end(prefix)
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

    def keys(self, prefix: str, after: str = "") -> Sequence[str]:
        """Return the keys of these rows, but for those that this process put a moment ago; some may be over."""
        if self._place.inode is None:
            return ()
        try:
            connection = self._place.reading(1.0)
        except (sqlite3.Error, OSError, FrugalError) as error:
            _log.warning("%s cannot be read (%s); nothing new is taken in", self._place, error)
            return ()
        try:
            return [key for (key,) in connection.execute(_KEYS, (max(prefix, after), _end(prefix))).fetchall()]
        except sqlite3.Error as error:
            _log.warning("%s cannot be read (%s); nothing new is taken in", self._place, error)
            return ()
        finally:
            close(connection)


def _end(prefix: str) -> str:
    """Return what is greater than every key that begins with the prefix, and than no other greater one."""
    return prefix[:-1] + chr(ord(prefix[-1]) + 1)
