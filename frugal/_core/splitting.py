"""Splitting: what one attempt of a batch spent, shared out among the calls whose items were in it.

Law: the shares add up to what was spent, exactly. An attempt that was lost is charged at no more than what was held for
it, and no call's share is then more than what is held for that call, however the items' sizes compare: a guess passes
no budget.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from frugal._core.cover import HELD
from frugal._core.estimate import Estimate
from frugal._values.cost import Cost
from frugal._values.facts import Spent
from frugal._values.money import Money
from frugal._values.shares import split_cost, split_usage, split_whole
from frugal._values.usage import BUCKETS, Usage

if TYPE_CHECKING:
    from frugal._core.call import Call

__all__ = ["split_spent"]

_LOST = frozenset({"failed", "cancelled"})


def split_spent(spent: Spent, calls: Sequence[Call], weights: Sequence[int]) -> list[Spent]:
    """Split what was spent for several calls at once.

    Args:
        spent: what was spent.
        calls: the calls.
        weights: one for each call: the sizes of their items.

    Returns:
        Each call's share, in their order.
    """
    held = [call.memo[HELD] for call in calls if HELD in call.memo]
    if spent.outcome in _LOST and spent.cost.status == "estimated" and len(held) == len(calls):
        usages, costs = _usage_at_holds(spent.usage, held), _cost_at_holds(spent.cost, held)
    else:
        usages, costs = split_usage(spent.usage, weights), split_cost(spent.cost, weights)
    answers = [None for _ in weights] if spent.answer is None else split_cost(spent.answer, weights)
    return [
        replace(spent, usage=usage, cost=cost, answer=answer, hold=None)
        for usage, cost, answer in zip(usages, costs, answers, strict=True)
    ]


def _usage_at_holds(usage: Usage, held: Sequence[Estimate]) -> list[Usage]:
    columns = []
    for name in BUCKETS:
        column = [getattr(one.hold, name) for one in held]
        columns.append(split_whole(min(getattr(usage, name), sum(column)), column))
    return [Usage(*counts) for counts in zip(*columns, strict=True)]


def _cost_at_holds(cost: Cost, held: Sequence[Estimate]) -> list[Cost]:
    weights = [one.pico for one in held]
    assert cost.amount is not None  # noqa: S101 it is estimated
    assert cost.low is not None  # noqa: S101
    # What was read before it was lost is known to have been billed, held or not.
    most = max(Money(sum(weights)), cost.low)
    if cost.amount > most:
        cost = replace(cost, amount=most, by_bucket={})
    return split_cost(cost, weights)
