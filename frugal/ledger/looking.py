"""Looking at single records.

Law: records are read page by page, each page by itself, so that a reader that stops half way holds nothing;
each record comes once, in order of time, joined with what `feedback` said of its call.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from frugal._values.record import Record
from frugal.errors import StoreCorruptedError
from frugal.ledger.scopes import run_records
from frugal.ledger.store import Store
from frugal.ledger.unit import read_row
from frugal.ledger.walk import FOREVER, Cursor, page_of_records
from frugal.ledger.wire import RecordRow, record_of, unpack

__all__ = ["FeedbackRow", "Look", "decode_feedback", "look", "look_rated"]

_PAGE = 200


class FeedbackRow(msgspec.Struct, omit_defaults=True):
    """Hold what was said of a call."""

    success: bool | None = None
    satisfaction: float | None = None


decode_feedback = msgspec.json.Decoder(FeedbackRow).decode


@dataclass(slots=True)
class Look:
    """Hold which records are wanted.

    Args:
        since: from when, in microseconds since 1970.
        until: until before when.
        equal: which fields of a record must have which value.
        model: which model must have served or been asked for.
        run: which run.
        call: which call.
        tags: which tags must have which value.
        newest_first: the order.
    """

    since: int = 0
    until: int = FOREVER
    equal: Mapping[str, str] = field(default_factory=dict)
    model: str | None = None
    run: str | None = None
    call: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    newest_first: bool = False

    def admits(self, row: RecordRow) -> bool:
        """Whether a record is wanted."""
        return (
            self.since <= row.time < self.until
            and all((getattr(row, name) or "") == value for name, value in self.equal.items())
            and (self.model is None or self.model in (row.model, row.asked))
            and (self.run is None or row.run == self.run)
            and (self.call is None or self.call == (row.call or row.id))
            and all(row.tags.get(name) == value for name, value in self.tags.items())
        )


def look(store: Store, wanted: Look) -> Iterator[Record]:
    """Yield the records that are wanted."""
    run = wanted.run
    if run is None and wanted.call is not None:
        with store.reading() as connection:
            first = None if connection is None else _find(connection, store.directory, wanted.call)
        run = None if first is None else first.run
        if first is not None and run is None:
            yield from _joined(store, [first], wanted)
            return
    if run is not None:
        with store.reading() as connection:
            rows = [] if connection is None else list(run_records(connection, store.directory, run))
        rows.sort(key=lambda row: row.time, reverse=wanted.newest_first)
        yield from _joined(store, rows, wanted)
        return
    cursor: Cursor | None = None
    while True:
        with store.reading() as connection:
            if connection is None:
                return
            rows, cursor = page_of_records(
                connection,
                store.directory,
                wanted.since,
                wanted.until,
                cursor,
                newest_first=wanted.newest_first,
            )
        yield from _joined(store, rows, wanted)
        if cursor is None:
            return


def look_rated(store: Store, wanted: Look) -> Iterator[Record]:
    """Yield the records of the calls of which `feedback` said something."""
    last = "feedback/"
    query = "SELECT key FROM Cache WHERE raw = 1 AND key > ? AND key < 'feedback0' ORDER BY key LIMIT ?"
    while True:
        with store.reading() as connection:
            keys = [] if connection is None else connection.execute(query, (last, _PAGE)).fetchall()
        for (key,) in keys:
            last = key
            one = Look(wanted.since, wanted.until, wanted.equal, wanted.model, wanted.run, last[9:], wanted.tags)
            yield from look(store, one)
        if len(keys) < _PAGE:
            return


def _find(connection: sqlite3.Connection, directory: str, id: str) -> RecordRow | None:
    key = "record/" + id
    found = connection.execute("SELECT mode, value FROM Cache WHERE raw = 1 AND key = ?", (key,)).fetchone()
    return None if found is None else read_row(directory, key, found[0], found[1], unpack)


def _joined(store: Store, rows: Sequence[RecordRow], wanted: Look) -> Iterator[Record]:
    rows = [row for row in rows if wanted.admits(row)]
    said = _said(store, sorted({row.call or row.id for row in rows}))
    for row in rows:
        feedback = said.get(row.call or row.id)
        try:
            yield record_of(row, (feedback.success, feedback.satisfaction) if feedback else (None, None))
        except ValueError as error:
            raise StoreCorruptedError(store.directory, "record/" + row.id, str(error)) from error


def _said(store: Store, calls: Sequence[str]) -> dict[str, FeedbackRow]:
    found: dict[str, FeedbackRow] = {}
    with store.reading() as connection:
        if connection is None:
            return found
        some = "SELECT 1 FROM Cache WHERE raw = 1 AND key > 'feedback/' AND key < 'feedback0' LIMIT 1"
        if connection.execute(some).fetchone() is None:
            return found
        for at in range(0, len(calls), _PAGE):
            keys = ["feedback/" + call for call in calls[at : at + _PAGE]]
            query = f"SELECT key, mode, value FROM Cache WHERE raw = 1 AND key IN ({', '.join('?' * len(keys))})"  # noqa: S608
            for key, mode, value in connection.execute(query, keys).fetchall():
                found[key[9:]] = read_row(store.directory, key, mode, value, decode_feedback)
    return found
