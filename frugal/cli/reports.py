"""What usage reports have in common: rows to tables, sums of rows, and what was saved by which layer.

Law: a sum shown is the sum of the exact amounts, never of what was rounded to be shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from frugal._values.cost import Cost
from frugal._values.money import ZERO, Money
from frugal._values.record import UsageRow
from frugal._values.usage import NO_USAGE
from frugal._values.window import WINDOWS
from frugal.cli import wording
from frugal.cli.parts import Bar, Cell, Column, Grid, Part
from frugal.ledger import Ledger

__all__ = ["LAYERS", "added", "dearest_first", "notes_on", "saved_grid", "shown", "usage_grid"]

LAYERS = {
    "memory": "memory layer",
    "disk": "disk layer",
    "semantic": "semantic cache",
    "shared": "shared flights",
}
"""The outcomes that save, in the order in which a call meets them."""


def added(rows: Iterable[UsageRow], group: Mapping[str, str] | None = None) -> UsageRow:
    """Return the sum of rows."""
    rows = list(rows)
    outcomes: dict[str, int] = {}
    for row in rows:
        for outcome, number in row.outcomes.items():
            outcomes[outcome] = outcomes.get(outcome, 0) + number
    return UsageRow(
        group=group or {},
        calls=sum(row.calls for row in rows),
        usage=sum((row.usage for row in rows), NO_USAGE),
        cost=Cost.total(row.cost for row in rows),
        saved=sum((row.saved for row in rows), ZERO),
        outcomes=outcomes,
        latency=sum(row.latency for row in rows),
    )


def dearest_first(rows: Iterable[UsageRow]) -> list[UsageRow]:
    """Return rows by what they cost, then saved, then by their number of calls."""
    return sorted(rows, key=lambda row: (-row.cost.known.pico, -row.saved.pico, -row.calls, tuple(row.group.values())))


def in_order(rows: Sequence[UsageRow], by: Sequence[str]) -> list[UsageRow]:
    """Return rows as they are read: by time where that is asked for, else the dearest first."""
    return list(rows) if any(name in WINDOWS for name in by) else dearest_first(rows)


def shown(name: str, value: str) -> str:
    """Return the value of a group as it is shown."""
    return wording.short(value) if name == "function" else wording.named(value)


def usage_grid(
    title: str, by: Sequence[str], rows: Sequence[UsageRow], total: UsageRow, limit: int, *, notes: bool = True
) -> Grid:
    """Return rows as a table.

    Args:
        title: what stands above it.
        by: what was grouped by.
        rows: the rows, in their order.
        total: their sum.
        limit: how many are shown; 0 for all.
        notes: whether to say what has to be said of the sum.
    """
    few = len(by) < 3  # of many groups, there is no room for bars
    columns = [Column(wording.clean(name), keep=name in WINDOWS) for name in by]
    columns += [Column("calls", right=True), Column("tokens", right=True), Column("cost", right=True)]
    columns += [Column("saved", right=True, spare=not total.saved)] + (
        [Column("share", right=True, spare=True), Column("", bar=True)] if few else []
    )
    most = max((row.cost.known.pico for row in rows), default=0)
    some = rows[:limit] if limit else rows

    def cells(row: UsageRow, names: Sequence[str]) -> list[Cell]:
        said: list[Cell] = [*names, wording.count(row.calls), wording.count(row.usage.total_tokens)]
        said += [wording.cost(row.cost), wording.money(row.saved) if row.saved else "-"]
        if few:
            said.append(wording.percent(_share(row.cost.known, total.cost.known)))
        return said

    lines: list[list[Cell]] = []
    for row in some:
        line = cells(row, [shown(name, row.group.get(name, "")) for name in by])
        lines.append([*line, Bar(row.cost.known.pico / most if most else 0.0)] if few else line)
    last = [*cells(total, ["total", *[""] * (len(by) - 1)]), *([""] if few else [])] if by else None
    below = notes_on(total) if notes else []
    if len(some) < len(rows):
        below.insert(0, f"and {len(rows) - len(some):,} more, counted in the total: --limit 0 shows all.")
    return Grid(columns, lines, title, last, below)


def _share(part: Money, whole: Money) -> float:
    return part.pico / whole.pico if whole.pico else 0.0


def notes_on(total: UsageRow) -> list[str]:
    """Return what has to be said of a sum of costs."""
    said = []
    cost = total.cost
    if cost.low is not None and cost.high is not None and cost.low != cost.high:
        said.append(f"~ estimated in part: between {wording.money(cost.low)} and {wording.money(cost.high)} in all.")
    if cost.unpriced_calls:
        number = cost.unpriced_calls
        said.append(
            f"+? {number:,} call{'s' if number > 1 else ''} of models without a price: not in the sum. "
            "frugal reprice --prices FILE prices them."
        )
    return said


def saved_grid(ledger: Ledger, asked: Mapping[str, object]) -> tuple[Grid | None, list[UsageRow]]:
    """Return what each layer saved, as a table (`None` when none did) and as rows."""
    rows = {
        row.group["outcome"]: row
        for row in ledger.usage(by=("outcome",), **asked)  # type: ignore[arg-type]  # checked by the ledger
    }
    found = [rows[name] for name in LAYERS if name in rows]
    if not found:
        return None, []
    total = added(found)
    calls = sum(row.calls for row in rows.values())
    columns = (
        Column("saved by", keep=True),
        Column("calls", right=True),
        Column("of all", right=True),
        Column("saved", right=True),
        Column("", bar=True),
    )
    most = max(row.saved.pico for row in found)

    def cells(name: str, row: UsageRow) -> list[Cell]:
        share = row.calls / calls if calls else 0.0
        return [name, wording.count(row.calls), wording.percent(share), wording.money(row.saved)]

    lines = [
        [*cells(LAYERS[row.group["outcome"]], row), Bar(row.saved.pico / most if most else 0.0, style="green")]
        for row in found
    ]
    return Grid(columns, lines, total=[*cells("total", total), ""]), found


def parts_of(*parts: Part | None) -> list[Part]:
    """Return the parts that are there."""
    return [part for part in parts if part is not None]
