"""Cells: the sums of the records of one hour or day that have the same dims.

Law: adding the cells of some records, in any order and grouping, gives what adding the records gives;
taking a record away undoes adding it. Every part of a `Cost` is summed apart, and statuses are counted, so
that a cell's cost equals `Cost.total` over its records. Latencies are summed in whole microseconds for the
same reason.
"""

from __future__ import annotations

import msgspec

from frugal._values.cost import Cost
from frugal._values.money import Money
from frugal._values.usage import BUCKETS, Usage
from frugal.ledger.keys import HOUR
from frugal.ledger.wire import CostRow, RecordRow

__all__ = ["Cell", "cell_of", "dims"]

_WIDTH = len(BUCKETS)
_FREE = CostRow(0)


class Cell(msgspec.Struct, omit_defaults=True, gc=False):
    """Hold sums.

    Args:
        records: how many records.
        usage: tokens, in the order of `BUCKETS`; empty for none.
        amount: known costs, in pico-dollars.
        low: their lower bounds.
        high: their upper bounds.
        by: known costs by usage bucket.
        saved: what hits saved, in pico-dollars.
        latency: in microseconds.
        exact: how many records had an exact cost other than zero.
        estimated: how many had an estimated one.
        mixed: how many had a sum of several kinds.
        unknown: how many had no known cost.
        unpriced: how many calls had no price.
        moved: how many are booked in another hour than that of their time.
    """

    records: int = 0
    usage: list[int] = []
    amount: int = 0
    low: int = 0
    high: int = 0
    by: dict[str, int] = {}
    saved: int = 0
    latency: int = 0
    exact: int = 0
    estimated: int = 0
    mixed: int = 0
    unknown: int = 0
    unpriced: int = 0
    moved: int = 0

    def add(self, other: Cell, sign: int = 1) -> None:
        """Add another cell's sums, or take them away."""
        if other.usage:
            if self.usage:
                self.usage = [mine + sign * its for mine, its in zip(self.usage, other.usage, strict=True)]
            else:
                self.usage = [sign * its for its in other.usage]
        for name, pico in other.by.items():
            self.by[name] = self.by.get(name, 0) + sign * pico
        self.records += sign * other.records
        self.amount += sign * other.amount
        self.low += sign * other.low
        self.high += sign * other.high
        self.saved += sign * other.saved
        self.latency += sign * other.latency
        self.exact += sign * other.exact
        self.estimated += sign * other.estimated
        self.mixed += sign * other.mixed
        self.unknown += sign * other.unknown
        self.unpriced += sign * other.unpriced
        self.moved += sign * other.moved

    def count(self, row: RecordRow, sign: int = 1) -> None:
        """Add a record, or take it away: as `add(cell_of(row), sign)`, without making a cell of most that is free."""
        if row.usage or row.cost is not None or row.booked is not None:
            self.add(cell_of(row), sign)
            return
        self.records += sign
        self.saved += sign * row.saved
        self.latency += sign * round(row.latency * 1e6)

    @property
    def tokens(self) -> int:
        """All tokens."""
        return sum(self.usage)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing in it."""
        return not self.records and self.plain() == Cell()

    def plain(self) -> Cell:
        """Return an equal cell without zeros, so that equal sums compare equal."""
        usage = self.usage if any(self.usage) else []
        by = {name: pico for name, pico in self.by.items() if pico}
        return msgspec.structs.replace(self, usage=usage, by=by)

    def cost(self) -> Cost:
        """Return the sum of the costs, as `Cost.total` would."""
        kinds = [
            name
            for name, count in (
                ("exact", self.exact),
                ("estimated", self.estimated),
                ("mixed", self.mixed),
                ("unpriced", self.unknown),
            )
            if count
        ]
        if kinds == ["unpriced"] and not (self.amount or self.low or self.high):
            return Cost(None, None, None, "unpriced", {}, self.unpriced)
        status = kinds[0] if len(kinds) == 1 else ("mixed" if kinds else "exact")
        return Cost(
            Money(self.amount),
            Money(self.low),
            Money(self.high),
            status,
            {name: Money(pico) for name, pico in self.by.items()},
            self.unpriced,
        )

    def tally(self) -> Usage:
        """Return the tokens; sums beyond what one request can have are no fault here."""
        if not self.usage:
            return Usage()
        return Usage.unbounded(self.usage)


def dims(row: RecordRow) -> tuple[str, ...]:
    """Return a record's dims: user, model, provider, function, kind and outcome."""
    return (
        row.user or "",
        row.model or row.asked or "",
        row.provider or "",
        row.function,
        row.kind,
        row.outcome,
    )


def cell_of(row: RecordRow) -> Cell:
    """Return the cell of one record."""
    cost = row.cost or _FREE
    exact = estimated = mixed = unknown = 0
    amount = cost.amount
    low = amount if cost.low is None else cost.low
    high = amount if cost.high is None else cost.high
    if amount is None or low is None or high is None:
        amount = low = high = 0
        unknown = 1
    elif cost.status == "exact":
        exact = 1 if high else 0
    elif cost.status == "estimated":
        estimated = 1
    else:
        mixed = 1
    moved = row.booked is not None and int(row.booked // 3600) != row.time // HOUR
    return Cell(
        1,
        list(row.usage),
        amount,
        low,
        high,
        {} if unknown else dict(cost.by),
        row.saved,
        round(row.latency * 1e6),
        exact,
        estimated,
        mixed,
        unknown,
        cost.unpriced,
        1 if moved else 0,
    )
