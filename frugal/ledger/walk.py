"""The walk over time: from days to hours to records, no deeper than a question needs.

Law: what is yielded adds up to the records of the asked time, each once: a whole day by its cells, a part
of a day by its hours' cells, a part of an hour by its records. What `compact` folded away has no hours any
more and counts at the beginning of its day. Nothing is held but one day's cells; no statement stays open
between two steps.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import msgspec

from frugal.errors import StoreCorruptedError
from frugal.ledger.cells import Cell, cell_of, dims
from frugal.ledger.keys import DAY, HOUR, LAST, dims_of, hour_label, hour_start
from frugal.ledger.store import RECORD_RANGE
from frugal.ledger.unit import read_row
from frugal.ledger.wire import RecordRow, unpack

__all__ = ["FOREVER", "Cursor", "Step", "Walk", "page_of_records", "records_between"]

FOREVER = 10**18
"""A time after every record, in microseconds."""

_PAGE = 500  # records that are read at once

_cell = msgspec.json.Decoder(Cell).decode


class Step(NamedTuple):
    """Hold one part of the answer.

    Args:
        start: when it begins, in microseconds since 1970.
        dims: its dims.
        cell: its sums.
        row: the record, where it is a single one.
    """

    start: int
    dims: tuple[str, ...]
    cell: Cell
    row: RecordRow | None


class Walk:
    """Walk over a ledger's sums.

    Args:
        connection: to read with.
        directory: where it is, for messages.
        whole: whether a time (from, to) may be answered by one sum.
        still: whether sums that hold records booked in another hour are to be taken apart.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        directory: str,
        whole: Callable[[int, int], bool],
        *,
        still: bool = False,
    ) -> None:
        self._connection = connection
        self._directory = directory
        self._whole = whole
        self._still = still

    def steps(self, since: int = 0, until: int = FOREVER) -> Iterator[Step]:
        """Yield what happened in that time, oldest day first."""
        for label in self.labels("day", since, until):
            start = hour_start(label) * HOUR
            cells = None
            if since <= start and start + DAY <= until and self._whole(start, start + DAY):
                cells = self._trusted("day", label)
            if cells is not None:
                for dimensions, cell in cells:
                    yield Step(start, dimensions, cell, None)
                continue
            if since <= start < until:
                for dimensions, cell in self.cells("folded", label):
                    yield Step(start, dimensions, cell, None)
            yield from self._hours(max(since, start), min(until, start + DAY))

    def _hours(self, since: int, until: int) -> Iterator[Step]:
        for label in self.labels("hour", since, until):
            start = hour_start(label) * HOUR
            cells = None
            if since <= start and start + HOUR <= until and self._whole(start, start + HOUR):
                cells = self._trusted("hour", label)
            if cells is not None:
                for dimensions, cell in cells:
                    yield Step(start, dimensions, cell, None)
                continue
            for row in records_between(self._connection, self._directory, max(since, start), min(until, start + HOUR)):
                yield Step(row.time, dims(row), cell_of(row), row)

    def _trusted(self, grain: str, label: str) -> list[tuple[tuple[str, ...], Cell]] | None:
        cells = list(self.cells(grain, label))
        return None if self._still and any(cell.moved for _, cell in cells) else cells

    def labels(self, grain: str, since: int = 0, until: int = FOREVER) -> Iterator[str]:
        """Yield the hours or days that have cells and lie at least partly in that time, in order."""
        size = HOUR if grain == "hour" else DAY
        length = 13 if grain == "hour" else 10
        first = _label(since // size * size, length)
        at, end = f"{grain}/{first}", f"{grain}/{_label(until, length)}" if until < FOREVER else grain + "0"
        query = "SELECT key FROM Cache WHERE raw = 1 AND key >= ? AND key < ? ORDER BY key LIMIT 1"
        if until < FOREVER:
            end += LAST  # the last one may begin before `until`
        while (found := self._connection.execute(query, (at, end)).fetchone()) is not None:
            label = str(found[0])[len(grain) + 1 : len(grain) + 1 + length]
            try:
                start = hour_start(label) * HOUR
            except ValueError:
                raise StoreCorruptedError(self._directory, str(found[0]), "its key has no date") from None
            if start >= until:
                return
            yield label
            at = f"{grain}/{label}/{LAST}"

    def cells(self, grain: str, label: str) -> Iterator[tuple[tuple[str, ...], Cell]]:
        """Yield dims and cells of one hour or day."""
        prefix = f"{grain}/{label}/"
        query = "SELECT key, mode, value FROM Cache WHERE raw = 1 AND key >= ? AND key < ? ORDER BY key"
        for key, mode, value in self._connection.execute(query, (prefix, prefix + LAST)).fetchall():
            try:
                dimensions = dims_of(key[len(prefix) :])
            except msgspec.MsgspecError as error:
                raise StoreCorruptedError(self._directory, key, str(error)) from None
            yield dimensions, read_row(self._directory, key, mode, value, _cell)


def _label(microseconds: int, length: int) -> str:
    return hour_label(max(microseconds, 0) // HOUR)[:length]


class Cursor(NamedTuple):
    """Say where a page of records ends, so that the next one can begin there."""

    low: float
    high: float
    last: tuple[float, int]


def page_of_records(
    connection: sqlite3.Connection,
    directory: str,
    since: int,
    until: int,
    cursor: Cursor | None = None,
    *,
    newest_first: bool = False,
) -> tuple[list[RecordRow], Cursor | None]:
    """Return the next records of a time, and where to go on; `None` where that was all.

    Raises:
        StoreCorruptedError: a row is not a record of ours.
    """
    order, beyond = ("DESC", "<") if newest_first else ("ASC", ">")
    query = (
        f"SELECT store_time, rowid, key, mode, value FROM Cache INDEXED BY frugal_time WHERE {RECORD_RANGE}"  # noqa: S608
        f" AND store_time >= ? AND store_time <= ? AND (store_time, rowid) {beyond} (?, ?)"
        f" ORDER BY store_time {order}, rowid {order} LIMIT {_PAGE}"
    )
    if cursor is None:
        low, high = since / 1e6, math.nextafter(until / 1e6, -math.inf)
        cursor = Cursor(low, high, (high + 1, 0) if newest_first else (low - 1, 0))
    page: list[Any] = connection.execute(query, (cursor.low, cursor.high, *cursor.last)).fetchall()
    rows = [read_row(directory, key, mode, value, unpack) for _, _, key, mode, value in page]
    if len(page) < _PAGE:
        return rows, None
    last = page[-1][:2]
    # The bounds move along, or each page would begin by passing over all the pages before it.
    low, high = (cursor.low, last[0]) if newest_first else (last[0], cursor.high)
    return rows, Cursor(low, high, last)


def records_between(
    connection: sqlite3.Connection, directory: str, since: int = 0, until: int = FOREVER
) -> Iterator[RecordRow]:
    """Yield the records of a time, oldest first, page by page: no statement stays open in between."""
    cursor: Cursor | None = None
    while True:
        rows, cursor = page_of_records(connection, directory, since, until, cursor)
        yield from rows
        if cursor is None:
            return
