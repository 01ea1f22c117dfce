"""Figures: everything that stands on the page, read from the ledger.

Law: sums are the ledger's own, all of one moment; what is folded into "others" is still in the sum.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from frugal._values.money import usd
from frugal._values.record import Record, UsageRow
from frugal._values.window import zone
from frugal.insight.advice.advising import advice_of, table_of
from frugal.insight.advice.piece import Advice
from frugal.insight.reporting.moments import Moment, moments
from frugal.insight.reporting.names import named
from frugal.insight.reporting.parts import TAGS, Line, Part, layers, parts
from frugal.insight.reporting.scan import Latency, Scan
from frugal.insight.reporting.standing import Budgets, standing
from frugal.ledger import Ledger
from frugal.ports import Prices

__all__ = ["Figures", "gather"]

_TRIES = 5  # to read a ledger between two of its commits
_LARGE = usd(100)


@dataclass(frozen=True, slots=True)
class Figures:
    """Hold what is shown."""

    title: str
    directory: str
    made: datetime
    since: datetime | None
    until: datetime | None
    timezone: str
    total: UsageRow
    unit: str
    moments: list[Moment]
    parts: list[Part]
    layers: list[Line]
    latencies: list[tuple[str, Latency]]
    budgets: Budgets
    advice: list[Advice]
    notes: list[str]

    @property
    def decimals(self) -> int:
        """How many decimals dollars have: cents, where there are hundreds of them to add up."""
        return 2 if self.total.cost.known >= _LARGE else 4

    @property
    def first_and_last(self) -> str:
        """The days in which something was recorded, in words."""
        if not self.moments:
            return ""
        where = zone(self.timezone)
        days = [datetime.fromtimestamp(at, where) for at in (self.moments[0].start, self.moments[-1].end - 1)]
        first, last = (f"{day.day} {day:%B %Y}" for day in days)
        return first if first == last else f"{first} to {last}"


@dataclass(frozen=True, slots=True)
class _Sums:
    """What is read from counters rather than from records."""

    total: UsageRow
    parts: list[Part]
    unit: str
    moments: list[Moment]
    layers: list[Line]
    still: bool


def gather(
    ledger: Ledger,
    *,
    since: datetime | float | None,
    until: datetime | float | None,
    timezone: str,
    title: str,
    prices: Prices | Mapping[str, Any] | None,
    step: Callable[[], None] | None = None,
) -> Figures:
    """Read a ledger.

    Args:
        ledger: what to read.
        since: from when.
        until: until before when.
        timezone: whose calendar.
        title: what stands on top.
        prices: rates for advice.
        step: called for every record.
    """
    begin, end = _instant(since, timezone), _instant(until, timezone)
    asked: dict[str, Any] = {"since": begin, "until": end, "timezone": timezone}
    scan = Scan()
    records = scan.watch(_stepped(ledger.records(begin, end), step))
    advice = advice_of(records, table_of(ledger, prices))
    sums = _sums(ledger, asked, scan)
    return Figures(
        title=title,
        directory=ledger.directory,
        made=datetime.fromtimestamp(ledger.clock.now(), UTC),
        since=begin,
        until=end,
        timezone=timezone,
        total=sums.total,
        unit=sums.unit,
        moments=sums.moments,
        parts=sums.parts,
        layers=sums.layers,
        latencies=sorted(scan.latencies.items(), key=lambda item: -item[1].quantile(0.95)),
        budgets=standing(ledger.budgets()),
        advice=advice,
        notes=_notes(sums, scan),
    )


def _sums(ledger: Ledger, asked: dict[str, Any], scan: Scan) -> _Sums:
    """Read all sums of one moment: again, where somebody has written meanwhile."""
    total = ledger.totals(**asked)
    tries = 1
    while True:
        unit, steps = moments(ledger, asked)
        found = _Sums(total, parts(ledger, asked, scan, total), unit, steps, layers(ledger, asked), still=True)
        after = ledger.totals(**asked)
        if after == total:
            return found
        if tries == _TRIES:
            return replace(found, still=False)
        total, tries = after, tries + 1


def _stepped(records: Iterable[Record], step: Callable[[], None] | None) -> Iterator[Record]:
    for record in records:
        if step is not None:
            step()
        yield record


def _instant(at: datetime | float | None, timezone: str) -> datetime | None:
    """Return an aware datetime; a naive one is of that zone's wall clock."""
    if at is None:
        return None
    if isinstance(at, datetime):
        return at if at.tzinfo else at.replace(tzinfo=zone(timezone))
    return datetime.fromtimestamp(at, zone(timezone))


def _notes(sums: _Sums, scan: Scan) -> list[str]:
    said, cost = [], sums.total.cost
    if cost.unpriced_calls == 1:
        said.append("1 call of a model without a price is not in the sums (+?).")
    elif cost.unpriced_calls:
        said.append(f"{cost.unpriced_calls:,} calls of models without a price are not in the sums (+?).")
    if cost.low != cost.high:
        said.append("Costs marked ~ are estimated in part.")
    if not sums.still:
        said.append("Calls were recorded while this page was made; the newest may be in one sum and not in another.")
    if len(scan.tags) > TAGS:
        said.append(f"There are {len(scan.tags) - TAGS:,} tags more; frugal usage --by tag:NAME shows each.")
    return [*said, *(f"The tag {named(name)!r} has too many values to show." for name in sorted(scan.crowded))]
