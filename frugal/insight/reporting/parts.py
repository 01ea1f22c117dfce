"""Parts: the spending by model, user, function and tag, and what each layer saved.

Law: the lines of a part add up to the ledger's total, to the pico-dollar; what is too much to show line by line is one
line more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from frugal._values.cost import Cost
from frugal._values.money import ZERO, Money
from frugal._values.record import UsageRow
from frugal.insight.reporting.names import functions, named
from frugal.insight.reporting.scan import Scan, Tally
from frugal.ledger import Ledger

__all__ = ["MOST", "TAGS", "Line", "Part", "layers", "parts", "together"]

MOST = 200
"""Lines of a part before the rest is added up into one."""

TAGS = 12
"""Tags that have a part; those that most calls have."""

_LAYERS = {
    "memory": "memory layer",
    "disk": "disk layer",
    "semantic": "semantic cache",
    "shared": "shared flights",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a table, and one bar of its chart.

    Args:
        name: of whom, or of what.
        shown: how that reads.
        calls: how many.
        tokens: how many.
        cost: what they cost.
        saved: what was saved.
        many: how many groups are added up in it.
    """

    name: str
    shown: str
    calls: int
    tokens: int
    cost: Cost
    saved: Money
    many: int = 1


@dataclass(frozen=True, slots=True)
class Part:
    """A section that groups the spending by something.

    Args:
        key: a name for ids.
        title: what stands above it.
        lines: the groups, the dearest first.
    """

    key: str
    title: str
    lines: list[Line]

    @property
    def tells(self) -> bool:
        """Whether it tells more than the total does: one line of what has no name tells nothing."""
        return bool(self.lines) and (self.key == "model" or any(line.name for line in self.lines))


def parts(ledger: Ledger, asked: dict[str, Any], scan: Scan, total: UsageRow) -> list[Part]:
    """Return the spending by what there is, each a part."""
    return [
        Part("model", "By model", _lines(ledger, "model", asked)),
        Part("user", "By user", _lines(ledger, "user", asked)),
        Part("function", "By function", _lines(ledger, "function", asked)),
        *_tags(scan, total),
    ]


def _line(name: str, row: UsageRow, shown: str | None = None) -> Line:
    return Line(name, named(name) if shown is None else shown, row.calls, row.usage.total_tokens, row.cost, row.saved)


def _lines(ledger: Ledger, by: str, asked: dict[str, Any]) -> list[Line]:
    rows = ledger.usage(by=(by,), **asked)
    names = [row.group[by] for row in rows]
    shown = functions(names) if by == "function" else {}
    return _dearest_first(_line(name, row, shown.get(name)) for name, row in zip(names, rows, strict=True))


def _dearest_first(lines: Iterable[Line]) -> list[Line]:
    """Return lines by what they cost; what is too much to show is one line more."""
    ranked = sorted(lines, key=lambda line: (-line.cost.known.pico, -line.saved.pico, -line.calls, line.name))
    few, many = ranked[:MOST], ranked[MOST:]
    return [*few, together(many)] if len(many) > 1 else ranked


def together(lines: Sequence[Line]) -> Line:
    """Return lines added up into one."""
    many = sum(line.many for line in lines)
    return Line(
        name="",
        shown=f"{many:,} others",
        calls=sum(line.calls for line in lines),
        tokens=sum(line.tokens for line in lines),
        cost=Cost.total(line.cost for line in lines),
        saved=sum((line.saved for line in lines), ZERO),
        many=many,
    )


def _tags(scan: Scan, total: UsageRow) -> list[Part]:
    """Return a part for each tag; what does not have it is a line of its own, so that the sum is the ledger's."""
    found: list[Part] = []
    for name, values in sorted(scan.tags.items(), key=_commonest)[:TAGS]:
        lines = [_tallied(value, tally) for value, tally in values.items()]
        rest = _rest(total, values.values())
        if rest.calls > 0 or rest.pico > 0:
            lines.append(_tallied("", rest))
        found.append(Part(f"tag-{len(found)}", f"By tag: {name}", _dearest_first(lines)))
    return found


def _commonest(tag: tuple[str, dict[str, Tally]]) -> tuple[int, str]:
    return -sum(tally.calls for tally in tag[1].values()), tag[0]


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


def layers(ledger: Ledger, asked: dict[str, Any]) -> list[Line]:
    """Return what each layer answered and saved."""
    rows = {row.group["outcome"]: row for row in ledger.usage(by=("outcome",), **asked)}
    return [_line(title, rows[name]) for name, title in _LAYERS.items() if name in rows]
