"""Moments: the spending over time, in equal steps of the calendar.

Law: steps follow each other without a gap, empty ones too, and add up to the whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from frugal._values.cost import Cost
from frugal._values.money import ZERO, Money
from frugal._values.record import UsageRow
from frugal._values.window import window_of, zone
from frugal.ledger import Ledger

__all__ = ["Moment", "moments"]

_DAY = 86_400
_UNITS = (("hour", 2 * _DAY), ("day", 92 * _DAY), ("week", 730 * _DAY))


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


def moments(ledger: Ledger, asked: dict[str, Any]) -> tuple[str, list[Moment]]:
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
    steps = []
    window = window_of(unit, begin, timezone)
    while window.start < finish:
        found = rows.get(window.label, [])
        costs = {row.group["model"]: row.cost for row in found if row.cost.known or row.cost.unpriced_calls}
        saved = sum((row.saved for row in found), ZERO)
        steps.append(Moment(window.label, window.start, window.end, costs, saved))
        window = window_of(unit, window.end, timezone)
    if unit == "hour":  # from the first hour with anything to the last
        some = [at for at, moment in enumerate(steps) if moment.label in rows]
        steps = steps[some[0] : some[-1] + 1]
    return unit, steps


def _midday(label: str, timezone: str) -> float:
    return datetime.fromisoformat(label).replace(hour=12, tzinfo=zone(timezone)).timestamp()
