"""The rows of a cache, in diskcache's table: what is read, written, touched and evicted, in SQL.

Law: a row that is not bytes under a text, standing in the row itself, is refused before it is looked at. Times are
those of the clock that is handed in, so nothing here ages by another one. Reading writes nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import NamedTuple

__all__ = ["DELETE", "LARGE", "Row", "Write", "clear", "evict", "read", "read_many", "touch", "write"]

LARGE = 256 * 1024
"""Bytes above which a value is read and written by another thread than the loop's."""

_READ = (
    "SELECT rowid, expire_time, mode, filename, typeof(value), length(value), "
    "CASE WHEN length(value) <= ? THEN value END FROM Cache WHERE key = ? AND raw = 1"
)
_READ_MANY = (
    "SELECT rowid, expire_time, mode, filename, typeof(value), length(value), value, key FROM Cache"
    " WHERE raw = 1 AND key IN ({marks})"
)
_AT_ONCE = (240, 60, 15, 4, 1)  # keys in one statement: few lengths, so that compiled statements are reused
_WRITE = (
    "INSERT INTO Cache (key, raw, store_time, expire_time, access_time, access_count, tag, size, mode, filename, value)"
    " VALUES (?, 1, ?, ?, ?, 0, ?, 0, 1, NULL, ?) ON CONFLICT (key, raw) DO UPDATE SET"
    " store_time = excluded.store_time, expire_time = excluded.expire_time, access_time = excluded.access_time,"
    " tag = excluded.tag, size = 0, mode = 1, filename = NULL, value = excluded.value"
)
_EXPIRED_AT_ONCE = 32  # rows: a little with every transaction, so that it is never much


class Row(NamedTuple):
    """A row that was found."""

    id: int
    expires: float | None
    mode: int
    filename: str | None
    kind: str
    size: int
    value: bytes | None
    """`None` for one that is large, unless it was asked for."""


class Write(NamedTuple):
    """A row to write; without a value, one to delete."""

    value: bytes | None
    expires: float | None
    tag: str | None

    @property
    def size(self) -> int:
        """How many bytes wait to be written."""
        return 0 if self.value is None else len(self.value)

    def has(self, labels: Sequence[str] | None) -> bool:
        """Return whether it has all these labels; `None` asks for none."""
        return labels is None or (self.tag is not None and set(labels) <= set(self.tag.split("\n")))


DELETE = Write(None, None, None)
"""What deletes a row."""


def read(connection: sqlite3.Connection, key: str, *, large: bool) -> Row | None:
    """Return the row of a key; with the value of a large one only when asked."""
    rows = connection.execute(_READ, (2**62 if large else LARGE, key)).fetchall()
    return Row(*rows[0]) if rows else None


def read_many(connection: sqlite3.Connection, keys: Sequence[str]) -> dict[str, Row]:
    """Return the rows of those of many keys that are there, with their values, however large."""
    found: dict[str, Row] = {}
    at = 0
    for size in _AT_ONCE:
        while len(keys) - at >= size:
            statement = _READ_MANY.format(marks=", ".join(["?"] * size))
            for *row, key in connection.execute(statement, keys[at : at + size]).fetchall():
                found[key] = Row(*row)
            at += size
    return found


def write(connection: sqlite3.Connection, writes: Iterable[tuple[str, Write]], now: float) -> None:
    """Write and delete rows, and a few that have expired; called in a transaction."""
    kept, dropped = [], []
    for key, row in writes:
        if row.value is None:
            dropped.append((key,))
        else:
            kept.append((key, now, row.expires, now, row.tag, row.value))
    if kept:
        connection.executemany(_WRITE, kept)
    if dropped:
        connection.executemany("DELETE FROM Cache WHERE key = ? AND raw = 1", dropped)
    connection.execute(
        "DELETE FROM Cache WHERE rowid IN (SELECT rowid FROM Cache WHERE expire_time < ? LIMIT ?)",
        (now, _EXPIRED_AT_ONCE),
    )


def touch(connection: sqlite3.Connection, ids: Sequence[int], now: float) -> None:
    """Note that rows were used; called in a transaction."""
    connection.executemany("UPDATE Cache SET access_time = ? WHERE rowid = ?", [(now, id) for id in ids])


def evict(connection: sqlite3.Connection, max_bytes: int, now: float) -> None:
    """Delete what has expired, then what was used longest ago, until nine tenths are full; called in a transaction."""
    if _used(connection) <= max_bytes:
        return
    connection.execute("DELETE FROM Cache WHERE expire_time < ?", (now,))
    while (excess := _used(connection) - max_bytes * 9 // 10) > 0:
        oldest = connection.execute(
            "SELECT rowid, ifnull(length(value), 0) FROM Cache ORDER BY access_time LIMIT 256"
        ).fetchall()
        if not oldest:
            break
        doomed = []
        for id, size in oldest:
            doomed.append((id,))
            excess -= size
            if excess <= 0:
                break
        connection.executemany("DELETE FROM Cache WHERE rowid = ?", doomed)


def _used(connection: sqlite3.Connection) -> int:
    """Return the bytes of the pages in use, as SQLite's header has them."""
    ((pages,),) = connection.execute("PRAGMA page_count").fetchall()
    ((free,),) = connection.execute("PRAGMA freelist_count").fetchall()
    ((size,),) = connection.execute("PRAGMA page_size").fetchall()
    return int((pages - free) * size)


def clear(connection: sqlite3.Connection, labels: Sequence[str] | None, keys: Iterable[str]) -> list[str]:
    """Delete all rows, or those whose tag has all these labels, one a line; return their keys. Delete `keys` too."""
    where, values = "1", []
    if labels is not None:
        where = " AND ".join(["instr(char(10) || tag || char(10), ?) > 0"] * len(labels))
        values = [f"\n{label}\n" for label in labels]
    connection.execute("BEGIN IMMEDIATE")
    try:
        found = connection.execute(f"SELECT key FROM Cache WHERE {where}", values).fetchall()  # noqa: S608  # no value
        connection.execute(f"DELETE FROM Cache WHERE {where}", values)  # noqa: S608  # is part of the text
        connection.executemany("DELETE FROM Cache WHERE key = ? AND raw = 1", [(key,) for key in keys])
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    connection.executescript("PRAGMA incremental_vacuum")  # `execute` would step once, which is one page
    return [key for (key,) in found]
