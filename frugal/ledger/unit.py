"""A unit of work: the rows that one transaction changes, as objects.

Law: what is read in a unit is what the transaction sees; what is changed is written when the unit is
flushed, in a few statements of many rows, and seen by everybody or nobody. Objects are kept from one unit
to the next for as long as no other connection wrote (`PRAGMA data_version`); after a failure nothing is
kept.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import msgspec

from frugal.errors import StoreCorruptedError

__all__ = ["Memory", "Unit", "read_row"]

T = TypeVar("T")

_encode = msgspec.json.Encoder().encode
_CHUNKS = (
    240,
    60,
    15,
    4,
    1,
)  # rows in one statement: few lengths, so that compiled statements are reused; 240 × 4 < 999
_KEPT = 20_000  # objects that a memory keeps at the most

# The columns are diskcache's own, filled as `Cache.set` would fill them.
_UPSERT = (
    "INSERT INTO Cache(key, raw, store_time, expire_time, access_time, access_count, tag, size, mode, filename, value)"
    " VALUES {rows} ON CONFLICT(key, raw) DO UPDATE SET store_time = excluded.store_time,"
    " access_time = excluded.access_time, tag = excluded.tag, mode = 1, size = 0, filename = NULL,"
    " value = excluded.value"
)
_ROW = "(?, 1, ?, NULL, 0, 0, ?, 0, 1, NULL, ?)"


class Memory:
    """Keep decoded rows between the units of one connection."""

    def __init__(self) -> None:
        self.rows: dict[str, Any] = {}
        self.version: int | None = None

    def clear(self) -> None:
        """Forget everything."""
        self.rows.clear()
        self.version = None


def read_row(directory: str, key: str, mode: int, value: Any, decoder: Callable[[Any], T]) -> T:
    """Return what a stored value says.

    Raises:
        StoreCorruptedError: it is pickled, in a file, or not of this shape.
    """
    if mode != 1 or type(value) is not str:
        raise StoreCorruptedError(directory, key, f"it is stored in mode {mode}, which is never ours")
    try:
        return decoder(value)
    except (msgspec.MsgspecError, ValueError, TypeError) as error:
        raise StoreCorruptedError(directory, key, str(error)) from error


class Unit:
    """Do the work of one transaction on one connection.

    Args:
        connection: inside `BEGIN IMMEDIATE`.
        memory: what the connection's last units knew.
        directory: where it is, for messages.
        now: the ledger's time, in Unix seconds.
    """

    def __init__(self, connection: sqlite3.Connection, memory: Memory, directory: str, now: float) -> None:
        self.sql = connection.execute
        self.directory = directory
        self.now = now
        self.pending: Callable[[], None] | None = None
        """What is still to be added to the unit before its rows are read by SQL or written."""
        self._memory = memory
        self._dirty: dict[str, tuple[str | None, float]] = {}
        self._gone: dict[str, None] = {}
        self._lighter: dict[str, Any] = {}
        (version,) = self.sql("PRAGMA data_version").fetchone()
        if version != memory.version or len(memory.rows) > _KEPT:
            memory.rows.clear()
            memory.version = version

    # ------------------------------------------------------------------ rows

    def load(self, key: str, decoder: Callable[[Any], T]) -> T | None:
        """Return the object of a row, to change in place and then `keep`; `None` where there is none."""
        rows = self._memory.rows
        if key in rows:
            found: T | None = rows[key]
            return found
        return self.fetch([key], decoder).get(key)

    def fetch(self, keys: Iterable[str], decoder: Callable[[Any], T]) -> dict[str, T]:
        """Load many rows at once, and return those that exist."""
        rows = self._memory.rows
        wanted = list(keys)
        missing = [key for key in wanted if key not in rows]
        for chunk, marks in _chunks(missing, "?"):
            query = f"SELECT key, mode, value FROM Cache WHERE raw = 1 AND key IN ({marks})"  # noqa: S608
            rows.update(dict.fromkeys(chunk))
            for key, mode, value in self.sql(query, chunk).fetchall():
                rows[key] = read_row(self.directory, key, mode, value, decoder)
        return {key: rows[key] for key in wanted if rows[key] is not None}

    def reload(self, key: str, decoder: Callable[[Any], T]) -> T | None:
        """Return the object of a row as it is written, where a lighter one was remembered."""
        self._memory.rows.pop(key, None)
        return self.load(key, decoder)

    def keep(
        self, key: str, row: Any, *, tag: str | None = None, time: float | None = None, lighter: Any = None
    ) -> None:
        """Have an object written as that row; it may still be changed until the unit is flushed.

        Args:
            key: the row's key.
            row: what is written, as JSON.
            tag: the row's tag.
            time: the row's time, in Unix seconds; the unit's own where none is given.
            lighter: what is remembered in its place once it is written, of a row that is seldom read in full.
        """
        self._memory.rows[key] = row
        self._gone.pop(key, None)
        if lighter is not None:
            self._lighter[key] = lighter
        self._dirty[key] = (tag, self.now if time is None else time)

    def drop(self, key: str) -> None:
        """Have a row deleted."""
        self._memory.rows[key] = None
        self._dirty.pop(key, None)
        self._lighter.pop(key, None)
        self._gone[key] = None

    def scan(self, prefix: str, decoder: Callable[[Any], T], *, limit: int = -1) -> Iterator[tuple[str, T]]:
        """Yield the rows whose keys start with `prefix`, in order, this unit's own changes included."""
        self.flush()
        query = "SELECT key, mode, value FROM Cache WHERE raw = 1 AND key >= ? AND key < ? ORDER BY key LIMIT ?"
        for key, mode, value in self.sql(query, (prefix, prefix + "\U0010ffff", limit)).fetchall():
            known = self._memory.rows.get(key)
            if known is None:
                known = self._memory.rows[key] = read_row(self.directory, key, mode, value, decoder)
            yield key, known

    def read(self, key: str, found: tuple[int, Any], decoder: Callable[[Any], T]) -> T:
        """Return what `(mode, value)` of a row say; raises `StoreCorruptedError`."""
        return read_row(self.directory, key, found[0], found[1], decoder)

    def existing(self, keys: list[str]) -> set[str]:
        """Return which of these rows stand already, without reading them."""
        found: set[str] = set()
        for chunk, marks in _chunks(keys, "?"):
            rows = self.sql(f"SELECT key FROM Cache WHERE raw = 1 AND key IN ({marks})", chunk)  # noqa: S608
            found.update(key for (key,) in rows.fetchall())
        return found

    # ------------------------------------------------------------------ writing

    def insert(self, rows: list[tuple[str, float, str | None, str]]) -> None:
        """Write rows `(key, time, tag, text)` now, without keeping them as objects."""
        for chunk, marks in _chunks(rows, _ROW):
            self.sql(_UPSERT.format(rows=marks), [part for row in chunk for part in row])

    def flush(self) -> None:
        """Write what was kept and delete what was dropped."""
        if self.pending is not None:
            self.pending()
        if self._dirty:
            rows = self._memory.rows
            self.insert([(key, time, tag, _encode(rows[key]).decode()) for key, (tag, time) in self._dirty.items()])
            self._dirty.clear()
            rows.update(self._lighter)
            self._lighter.clear()
        for chunk, marks in _chunks(list(self._gone), "?"):
            self.sql(f"DELETE FROM Cache WHERE raw = 1 AND key IN ({marks})", chunk)  # noqa: S608
        self._gone.clear()


def _chunks(items: list[T], mark: str) -> Iterator[tuple[list[T], str]]:
    """Cut a list into pieces of few different lengths, each with its marks for a statement."""
    at = 0
    for size in _CHUNKS:
        while len(items) - at >= size:
            yield items[at : at + size], _marks(mark, size)
            at += size


_made: dict[tuple[str, int], str] = {}


def _marks(mark: str, size: int) -> str:
    found = _made.get((mark, size))
    if found is None:
        found = _made[(mark, size)] = ", ".join([mark] * size)
    return found
