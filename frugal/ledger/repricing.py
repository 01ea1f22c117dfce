"""Repricing: what the records would have cost by other prices, and putting that in the books.

Law: only what was computed from tokens is computed again; what the provider stated, what was estimated and
what was free stays. Written is only what can hurt no budget under way: unpriced records, and those of
windows that are over. Each is replaced with all of its counters, in the transaction that checks that it
still is what was priced.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from frugal._values.cost import Cost
from frugal._values.record import FREE_OUTCOMES
from frugal._values.usage import Usage
from frugal._values.window import window_of
from frugal.ledger.scopes import read_scopes
from frugal.ledger.store import Store
from frugal.ledger.walk import FOREVER, Cursor, page_of_records
from frugal.ledger.wire import RecordRow, cost_of, cost_row
from frugal.ledger.work import Desk
from frugal.ports import Prices

__all__ = ["Repriced", "reprice"]

_AT_ONCE = 200  # records that are replaced in one transaction


@dataclass(frozen=True, slots=True)
class Repriced:
    """Say what one record costs by other prices.

    Args:
        id: the record.
        model: its model.
        before: what it costs in the ledger.
        after: what it costs by those prices.
        written: whether the ledger now says so.
    """

    id: str
    model: str
    before: Cost
    after: Cost
    written: bool


def reprice(
    store: Store, prices: Prices, now: float, run: Callable[[Callable[[Desk], Any]], Any], *, apply: bool
) -> list[Repriced]:
    """Return the records whose cost differs by these prices; see `Ledger.reprice`."""
    found: list[Repriced] = []
    batch: list[tuple[RecordRow, RecordRow, Repriced]] = []

    def write() -> None:
        written = run(lambda desk: _replace(desk, batch)) if batch else set()
        for _, _, change in batch:
            done = change.id in written
            found.append(Repriced(change.id, change.model, change.before, change.after, done))
        batch.clear()

    open_since = _open_since(store, now)
    for row in _rows(store):
        change = _priced(row, prices)
        if change is None:
            continue
        instant = row.time / 1e6 if row.booked is None else row.booked
        if not apply or not (change.before.status == "unpriced" or instant < open_since):
            found.append(change)
            continue
        after = msgspec.structs.replace(row, cost=cost_row(change.after), prices=change.after.price_table)
        batch.append((row, after, change))
        if len(batch) >= _AT_ONCE:
            write()
    write()
    return found


def _priced(row: RecordRow, prices: Prices) -> Repriced | None:
    model = row.model or row.asked
    cost = cost_of(row.cost)
    if model is None or not row.usage or row.outcome in FREE_OUTCOMES:
        return None
    if cost.status not in ("exact", "unpriced") or cost.source not in ("", "table"):
        return None
    after = prices.cost(model, Usage(*row.usage), at=row.time / 1e6, provider=row.provider, tier=row.tier)
    if after.amount is None or (after.amount == cost.amount and after.by_bucket == cost.by_bucket):
        return None  # a price that is not known does not make a known cost unknown
    return Repriced(row.id, model, cost, after, written=False)


def _replace(desk: Desk, batch: list[tuple[RecordRow, RecordRow, Repriced]]) -> set[str]:
    desk.books.expect([before.id for before, _, _ in batch])
    written = set()
    for before, after, _ in batch:
        if desk.books.find(before.id) == before:
            desk.books.replace(before, after)
            written.add(before.id)
    return written


def _open_since(store: Store, now: float) -> float:
    """Return since when some budget's window is open; with no budget known, today."""
    with store.reading() as connection:
        scopes = {} if connection is None else read_scopes(connection, store.directory)
    starts = [window_of("day", now).start]
    starts += [window_of(scope.window, now, scope.timezone).start for scope in scopes if scope.window != "run"]
    return min(starts)


def _rows(store: Store) -> Iterator[RecordRow]:
    cursor: Cursor | None = None
    while True:
        with store.reading() as connection:
            if connection is None:
                return
            rows, cursor = page_of_records(connection, store.directory, 0, FOREVER, cursor)
        yield from rows
        if cursor is None:
            return
