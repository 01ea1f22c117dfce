"""Figures: everything that stands on the page, read from the ledger.

Law: sums are the ledger's own; what is folded into "others" is still in the sum.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from frugal._values.cost import Cost
from frugal._values.money import ZERO, Money
from frugal._values.record import BudgetStatus, Record, UsageRow
from frugal._values.window import window_of, zone
from frugal.insight.advice.advising import advice_of, table_of
from frugal.insight.advice.piece import Advice
from frugal.insight.reporting.names import functions, named
from frugal.insight.reporting.scan import Latency, Scan, Tally
from frugal.ledger import Ledger
from frugal.ports import Prices

__all__ = ["Figures", "Line", "Moment", "Part", "gather"]

_LAYERS = {
    "memory": "memory layer",
    "disk": "disk layer",
    "semantic": "semantic cache",
    "shared": "shared flights",
}
_DAY = 86_400
_UNITS = (("hour", 2 * _DAY), ("day", 92 * _DAY), ("week", 730 * _DAY))


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a table, and one bar of its chart; `shown` is how its name reads."""

    name: str
    shown: str
    calls: int
    tokens: int
    cost: Cost
    saved: Money


@dataclass(frozen=True, slots=True)
class Part:
    """A section that groups the spending by something.

    Args:
        key: a name for ids.
        title: what stands above it.
        lines: the groups, the dearest first.
        note: what has to be said.
    """

    key: str
    title: str
    lines: list[Line]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Moment:
    """One hour, day, week or month: what each model cost in it."""

    label: str
    start: float
    end: float
    costs: Mapping[str, Cost]
    saved: Money

    @property
    def cost(self) -> Cost:
        """What it cost in all."""
        return Cost.total(self.costs.values())


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
    budgets: list[BudgetStatus]
    advice: list[Advice]
    notes: list[str]


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
    total = ledger.totals(**asked)
    scan = Scan()
    records = scan.watch(_stepped(ledger.records(begin, end), step))
    advice = advice_of(records, table_of(ledger, prices))
    parts = [
        Part("model", "By model", _lines(ledger, "model", asked)),
        Part("user", "By user", _lines(ledger, "user", asked)),
        Part("function", "By function", _lines(ledger, "function", asked)),
        *_tags(scan, total),
    ]
    unit, moments = _moments(ledger, asked)
    crowded = [f"The tag {name!r} has too many values to show." for name in sorted(scan.crowded)]
    return Figures(
        title=title,
        directory=ledger.directory,
        made=datetime.fromtimestamp(ledger.clock.now(), UTC),
        since=begin,
        until=end,
        timezone=timezone,
        total=total,
        unit=unit,
        moments=moments,
        parts=parts,
        layers=_layers(ledger, asked),
        latencies=sorted(scan.latencies.items(), key=lambda item: -item[1].quantile(0.95)),
        budgets=ledger.budgets(),
        advice=advice,
        notes=[*_notes(total), *crowded],
    )


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


def _line(name: str, row: UsageRow, shown: str | None = None) -> Line:
    return Line(name, named(name) if shown is None else shown, row.calls, row.usage.total_tokens, row.cost, row.saved)


def _lines(ledger: Ledger, by: str, asked: dict[str, Any]) -> list[Line]:
    rows = ledger.usage(by=(by,), **asked)
    names = [row.group[by] for row in rows]
    shown = functions(names) if by == "function" else {}
    return _dearest_first(_line(name, row, shown.get(name)) for name, row in zip(names, rows, strict=True))


def _dearest_first(lines: Iterable[Line]) -> list[Line]:
    return sorted(lines, key=lambda line: (-line.cost.known.pico, -line.saved.pico, -line.calls, line.name))


def _tags(scan: Scan, total: UsageRow) -> list[Part]:
    """Return a part for each tag; what does not have it is a line of its own, so that the sum is the ledger's."""
    parts: list[Part] = []
    for name, values in sorted(scan.tags.items()):
        lines = [_tallied(value, tally) for value, tally in values.items()]
        rest = _rest(total, values.values())
        if rest.calls > 0 or rest.pico > 0:
            lines.append(_tallied("", rest))
        parts.append(Part(f"tag-{len(parts)}", f"By tag: {name}", _dearest_first(lines)))
    return parts


def _rest(total: UsageRow, tallies: Iterable[Tally]) -> Tally:
    """Return what the tallies leave of a total."""
    cost = total.cost
    low, high = cost.low or ZERO, cost.high or ZERO
    rest = Tally(
        total.calls, total.usage.total_tokens, cost.known.pico, low.pico, high.pico, cost.unpriced_calls,
        cost.amount is not None, total.saved,
    )  # fmt: skip
    for each in tallies:
        rest.calls -= each.calls
        rest.tokens -= each.tokens
        rest.pico -= each.pico
        rest.low -= each.low
        rest.high -= each.high
        rest.unpriced -= each.unpriced
        rest.saved -= each.saved
    return rest


def _tallied(value: str, tally: Tally) -> Line:
    if tally.priced:
        status = "mixed" if tally.unpriced else "exact" if tally.low == tally.high else "estimated"
        cost = Cost(Money(tally.pico), Money(tally.low), Money(tally.high), status, unpriced_calls=tally.unpriced)
    else:
        cost = Cost(None, None, None, "unpriced", unpriced_calls=tally.unpriced)
    return Line(value, named(value), tally.calls, tally.tokens, cost, tally.saved)


def _layers(ledger: Ledger, asked: dict[str, Any]) -> list[Line]:
    rows = {row.group["outcome"]: row for row in ledger.usage(by=("outcome",), **asked)}
    return [_line(title, rows[name]) for name, title in _LAYERS.items() if name in rows]


def _moments(ledger: Ledger, asked: dict[str, Any]) -> tuple[str, list[Moment]]:
    """Return the time from the first to the last record in equal steps, empty ones too."""
    timezone = asked["timezone"]
    days = ledger.usage(by=("day",), **asked)
    if not days:
        return "day", []
    first, last = (_midday(days[at].group["day"], timezone) for at in (0, -1))
    unit = next((name for name, most in _UNITS if last - first < most), "month")
    rows: dict[str, list[UsageRow]] = {}
    for row in ledger.usage(by=(unit, "model"), **asked):
        rows.setdefault(row.group[unit], []).append(row)
    begin = window_of("day", first, timezone).start
    finish = window_of("day", last, timezone).end
    moments = []
    window = window_of(unit, begin, timezone)
    while window.start < finish:
        found = rows.get(window.label, [])
        costs = {row.group["model"]: row.cost for row in found if row.cost.known or row.cost.unpriced_calls}
        saved = sum((row.saved for row in found), ZERO)
        moments.append(Moment(window.label, window.start, window.end, costs, saved))
        window = window_of(unit, window.end, timezone)
    if unit == "hour":  # from the first hour with anything to the last
        some = [at for at, moment in enumerate(moments) if moment.label in rows]
        moments = moments[some[0] : some[-1] + 1]
    return unit, moments


def _midday(label: str, timezone: str) -> float:
    return datetime.fromisoformat(label).replace(hour=12, tzinfo=zone(timezone)).timestamp()


def _notes(total: UsageRow) -> list[str]:
    said = []
    if total.cost.unpriced_calls == 1:
        said.append("1 call of a model without a price is not in the sums (+?).")
    elif total.cost.unpriced_calls:
        said.append(f"{total.cost.unpriced_calls:,} calls of models without a price are not in the sums (+?).")
    if total.cost.low != total.cost.high:
        said.append("Costs marked ~ are estimated in part.")
    return said
