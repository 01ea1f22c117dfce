"""One answered query as one row of bytes: its vector and its answer lie together, or neither is there.

Law: a row is written whole and checked whole (a checksum over all of it). Whatever is not exactly what we
wrote is refused with `ValueError`; nothing in a row is ever executed.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from frugal.indexes.vectors import Vector, pack, unpack
from frugal.ports import Clock

__all__ = ["Entry", "MemoryRows", "Rows", "decode", "encode"]

_MAGIC = b"FRE1"
_HEAD = 16


class Rows(Protocol):
    """Durable rows of bytes by key, shared by all processes that open the same place; `put` and `delete` never wait.

    A write is atomic: another process, or this one after a crash, sees the old row or the new one.
    """

    def get(self, key: str) -> bytes | None:
        """Return the row; None when it is not there or has expired."""
        ...

    def get_nowait(self, key: str) -> bytes | None:
        """Return what `get` would, where that needs no waiting.

        Raises:
            BlockingIOError: it does.
        """
        ...

    def put(self, key: str, value: bytes, expires: float | None, tag: str | None) -> None:
        """Keep a row until *expires* (Unix seconds); *tag* finds it again for a user's deletion."""
        ...

    def delete(self, key: str) -> None:
        """Drop a row; nothing happens when it is not there."""
        ...

    def iterate(self, prefix: str, after: str = "") -> Iterator[tuple[str, bytes]]:
        """Yield the rows whose key begins with *prefix* and is greater than *after*, by key."""
        ...

    def keys(self, prefix: str, after: str = "") -> Sequence[str]:
        """Return the keys of these rows, without those that were put here a moment ago."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """One answered query.

    Args:
        id: unique among all processes, increasing with time.
        partition: digest of everything but the query that must be equal.
        text: the query, for the veto.
        vector: the query's, of length one.
        answer: the response, encoded.
        answer_class: names the class of equal answers that this one belongs to.
        created: Unix seconds.
        expires: Unix seconds; None for never.
        user: whose call it was.
        source: the id of the call that made the answer, for the record of a hit.
        saved: what the call cost, in pico-dollars; None when unpriced.
    """

    id: int
    partition: str
    text: str
    vector: Vector = field(repr=False)
    answer: bytes = field(repr=False)
    answer_class: str
    created: float
    expires: float | None = None
    user: str | None = None
    source: str = ""
    saved: int | None = None


def encode(entry: Entry) -> bytes:
    """Return *entry* as bytes."""
    about = json.dumps(
        [
            entry.id,
            entry.partition,
            entry.text,
            entry.answer_class,
            entry.created,
            entry.expires,
            entry.user,
            entry.source,
            entry.saved,
        ],
        ensure_ascii=False,
        separators=(",", ":"),
    ).encode("utf-8", "surrogatepass")
    vector = pack(entry.vector)
    body = b"".join((len(about).to_bytes(4, "little"), len(vector).to_bytes(4, "little"), about, vector, entry.answer))
    return _MAGIC + zlib.crc32(body).to_bytes(4, "little") + body


def decode(row: bytes) -> Entry:
    """Return the entry whose bytes *row* are.

    Raises:
        ValueError: they are not exactly what `encode` wrote.
    """
    if row[:4] != _MAGIC or len(row) < _HEAD or zlib.crc32(row[8:]).to_bytes(4, "little") != row[4:8]:
        raise ValueError("not an entry of ours, or damaged")
    middle = _HEAD + int.from_bytes(row[8:12], "little")
    end = middle + int.from_bytes(row[12:16], "little")
    about = json.loads(row[_HEAD:middle].decode("utf-8", "surrogatepass"))
    if not isinstance(about, list) or len(about) != 9 or type(about[0]) is not int:
        raise ValueError("not an entry of ours, or of a newer version")
    id, partition, text, answer_class, created, expires, user, source, saved = about
    return Entry(
        id=id,
        partition=str(partition),
        text=str(text),
        vector=unpack(row[middle:end]),
        answer=row[end:],
        answer_class=str(answer_class),
        created=float(created),
        expires=None if expires is None else float(expires),
        user=user if user is None else str(user),
        source=str(source),
        saved=saved if type(saved) is int else None,
    )


class MemoryRows:
    """Rows that live as long as the process, for a cache without a directory."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rows: dict[str, tuple[bytes, float | None]] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def get(self, key: str) -> bytes | None:
        """Return the row; None when it is not there or has expired."""
        row = self._rows.get(key)
        if row is None or (row[1] is not None and row[1] <= self._clock.now()):
            return None
        return row[0]

    get_nowait = get

    def put(self, key: str, value: bytes, expires: float | None, tag: str | None) -> None:
        """Keep a row until *expires* (Unix seconds)."""
        del tag  # The collection itself knows whose entries it keeps.
        self._rows[key] = (value, expires)

    def delete(self, key: str) -> None:
        """Drop a row; nothing happens when it is not there."""
        self._rows.pop(key, None)

    def iterate(self, prefix: str, after: str = "") -> Iterator[tuple[str, bytes]]:
        """Yield the rows whose key begins with *prefix* and is greater than *after*, by key."""
        for key in self.keys(prefix, after):
            row = self.get(key)
            if row is not None:
                yield key, row

    def keys(self, prefix: str, after: str = "") -> Sequence[str]:
        """Return the keys of these rows."""
        return sorted(key for key in list(self._rows) if key.startswith(prefix) and key > after)
