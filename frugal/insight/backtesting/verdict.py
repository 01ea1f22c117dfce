"""What a backtest says.

Law: what the rings saved adds up to what was saved, and the hours add up to the whole, to the pico-dollar.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from frugal._values.cost import FREE, Cost
from frugal._values.money import Money

__all__ = ["Backtest", "BudgetHit", "Hour"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hour:
    """Hold the requests that began in one hour.

    Args:
        start: the hour's beginning, aware.
        requests: how many.
        refused: how many of them were refused.
        baseline: what they cost with no ring at all.
        cost: what they cost through the stack.
    """

    start: datetime
    requests: int = 0
    refused: int = 0
    baseline: Cost = FREE
    cost: Cost = FREE

    @property
    def saved(self) -> Money:
        """What the stack saved on them; below zero where it cost more."""
        return self.baseline.known - self.cost.known


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetHit:
    """Say when one budget came near its limit, and when it was at it, in one of its windows.

    Args:
        budget: its name.
        subject: whose it is; `""` for everyone's.
        warned_at: when it first warned; `None` where it never did.
        refused_at: when it first refused; `None` where it never did.
        refused: how many requests it refused.
        resets_at: when the window ends; `None` for a run's.
    """

    budget: str
    subject: str = ""
    warned_at: datetime | None = None
    refused_at: datetime | None = None
    refused: int = 0
    resets_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Backtest:
    """Hold what a stack would have done with a log.

    Args:
        requests: how many requests were replayed.
        refused: how many of them the stack refused.
        baseline: what they cost with no ring at all, each asked of the model that it was asked of in the log.
        cost: what they cost through the stack.
        saved: the difference; below zero where the stack costs more.
        by_ring: what each ring saved, by its name, signed; a refused request saves what it would have cost, under
            the ring that refused it.
        by_hour: the hours in which there were requests, oldest first.
        not_judged: what could not be judged, and why.
        budgets: when which budget was near its limit and at it, in the order of time.
        outcomes: how many requests ended how, as records say it.
    """

    requests: int
    refused: int
    baseline: Cost
    cost: Cost
    saved: Money
    by_ring: Mapping[str, Money] = field(default_factory=dict)
    by_hour: tuple[Hour, ...] = ()
    not_judged: tuple[str, ...] = ()
    budgets: tuple[BudgetHit, ...] = ()
    outcomes: Mapping[str, int] = field(default_factory=dict)
