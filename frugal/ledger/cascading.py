"""Cascading: what cascades cost, against always asking their strongest model.

Law: a call counts whole or not at all: all its attempts on the one side, the strongest model's answer on the other.
Where that model answered, its answer is what it would have cost; where a cheaper one did, the same tokens at the
strongest model's price stand for it, and the call is counted as estimated. What cannot be compared is not judged.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

from frugal._values.money import Money
from frugal._values.plan import planned
from frugal._values.record import CascadeRow, Record
from frugal.ports import Prices

__all__ = ["Cascades", "cascades_of"]

_MOST = 100_000
"""Calls of which all attempts are waited for at a time; their records lie close together."""

_ANSWERED = frozenset({"provider", "batched"})
_Group = tuple[str, tuple[str, ...]]


@dataclass(slots=True)
class _Sum:
    calls: int = 0
    refused: int = 0
    spent: int = 0
    wasted: int = 0
    strongest: int = 0
    estimated: int = 0
    not_judged: int = 0


@dataclass(slots=True)
class _Call:
    group: _Group
    spent: int = 0
    wasted: int = 0
    refused: int = 0
    priced: bool = True
    strongest: int | None = None
    estimated: bool = False


class Cascades:
    """Add up the calls of cascades, record by record, in any order of a call's own.

    Args:
        prices: say what the strongest model would have cost.
    """

    def __init__(self, prices: Prices) -> None:
        self._prices = prices
        self._open: OrderedDict[str, _Call] = OrderedDict()
        self._sums: dict[_Group, _Sum] = {}

    def see(self, record: Record, start: float) -> None:
        """Take a record, and when its attempt started, in Unix seconds."""
        models = planned(record.route_reason)
        if not models or record.outcome == "shadow":
            return
        call = self._open.get(record.call)
        if call is None:
            call = self._open[record.call] = _Call((record.function, models))
            if len(self._open) > _MOST:
                self._close(self._open.popitem(last=False)[1])
        amount = record.cost.amount
        if amount is None:
            call.priced = False
            return
        call.spent += amount.pico
        if record.outcome == "escalated":
            call.refused += 1
            call.wasted += amount.pico
        elif record.id == record.call and record.outcome in _ANSWERED:
            call.strongest, call.estimated = self._counterfactual(record, models[-1], start)

    def _counterfactual(self, answer: Record, strongest: str, start: float) -> tuple[int | None, bool]:
        """Return what the strongest model's answer would have cost, and whether that is estimated."""
        if strongest in (answer.model_requested, answer.model):
            return answer.cost.known.pico, False
        if not answer.usage:
            return None, True
        amount = self._prices.cost(strongest, answer.usage, at=start).amount
        return None if amount is None else amount.pico, True

    def _close(self, call: _Call) -> None:
        into = self._sums.setdefault(call.group, _Sum())
        if call.strongest is None or not call.priced:
            into.not_judged += 1
            return
        into.calls += 1
        into.refused += call.refused
        into.spent += call.spent
        into.wasted += call.wasted
        into.strongest += call.strongest
        into.estimated += call.estimated

    def rows(self) -> list[CascadeRow]:
        """Return a row for each function and plan, the one that saved the most first."""
        while self._open:
            self._close(self._open.popitem(last=False)[1])
        found = [
            CascadeRow(
                function=function,
                models=models,
                calls=each.calls,
                refused=each.refused,
                cost=Money(each.spent),
                refused_cost=Money(each.wasted),
                strongest_cost=Money(each.strongest),
                estimated_calls=each.estimated,
                not_judged=each.not_judged,
            )
            for (function, models), each in self._sums.items()
        ]
        return sorted(found, key=lambda row: (-row.saved.pico, row.function, row.models))


def cascades_of(records: Iterable[Record], prices: Prices) -> list[CascadeRow]:
    """Return what the cascades of some records cost against their strongest models."""
    cascades = Cascades(prices)
    for record in records:
        cascades.see(record, record.time.timestamp())
    return cascades.rows()
