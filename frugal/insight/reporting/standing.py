"""How budgets stand, in the order in which they are read.

Law: of many budgets the fullest are shown, and what is not shown is counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from frugal._values.record import BudgetStatus
from frugal.insight.reporting.names import named

__all__ = ["Budgets", "standing"]

_EACH = 6  # subjects of a budget before the rest is folded away
_MOST = 200  # that are folded away, before the rest is only counted


@dataclass(frozen=True, slots=True)
class Budgets:
    """Hold budgets with the names that they are shown by.

    Args:
        first: what is seen at once.
        folded: what is seen when asked for.
        left_out: how many more there are.
    """

    first: Sequence[tuple[str, BudgetStatus]]
    folded: Sequence[tuple[str, BudgetStatus]]
    left_out: int


def standing(statuses: Sequence[BudgetStatus]) -> Budgets:
    """Return budgets: those of the calendar before those of runs, and of each the fullest subjects first."""
    groups: dict[tuple[bool, str, str], list[BudgetStatus]] = {}
    for status in statuses:
        groups.setdefault((status.window == "run", status.name, status.window), []).append(status)
    first: list[tuple[str, BudgetStatus]] = []
    rest: list[tuple[str, BudgetStatus]] = []
    for (_, name, _), some in sorted(groups.items()):
        ranked = sorted(some, key=lambda status: (-status.fraction, status.subject or ""))
        alone = all(not status.subject for status in some)
        shown = [(named(name) if alone else f"{named(name)} · {named(one.subject or '')}", one) for one in ranked]
        first += shown[:_EACH]
        rest += shown[_EACH:]
    return Budgets(first, rest[:_MOST], max(0, len(rest) - _MOST))
