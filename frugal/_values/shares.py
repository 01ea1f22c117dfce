"""Shares: splitting whole numbers, usage and cost among many, without losing a unit.

Law: the shares add up to the whole, exactly; each lies within one unit of its proportion, and what does not divide goes
to the earliest.
"""

from __future__ import annotations

from collections.abc import Sequence

from frugal._values.cost import Cost
from frugal._values.money import Money
from frugal._values.usage import BUCKETS, Usage

__all__ = ["split_cost", "split_usage", "split_whole"]


def split_whole(whole: int, weights: Sequence[int]) -> list[int]:
    """Split a whole number in proportion to weights.

    Args:
        whole: what is split; 0 or more.
        weights: one for each share, 0 or more; equal shares when all are 0.

    Returns:
        One share for each weight; they add up to `whole`.

    >>> split_whole(10, [1, 1, 1])
    [4, 3, 3]
    """
    total = sum(weights)
    if not total:
        weights, total = [1] * len(weights), len(weights)
    shares = [whole * weight // total for weight in weights]
    rest = whole - sum(shares)
    for index, weight in enumerate(weights):
        if not rest:
            break
        if weight:
            shares[index] += 1
            rest -= 1
    return shares


def split_usage(usage: Usage, weights: Sequence[int]) -> list[Usage]:
    """Split token counts in proportion to weights, bucket by bucket."""
    columns = [split_whole(getattr(usage, name), weights) for name in BUCKETS]
    return [Usage(*counts) for counts in zip(*columns, strict=True)]


def split_cost(cost: Cost, weights: Sequence[int]) -> list[Cost]:
    """Split a cost in proportion to weights; an unpriced one stays unpriced for each."""
    if cost.amount is None or cost.low is None or cost.high is None:
        return [cost for _ in weights]
    amounts = split_whole(cost.amount.pico, weights)
    buckets = {name: split_whole(money.pico, weights) for name, money in cost.by_bucket.items()}
    if buckets and sum(money.pico for money in cost.by_bucket.values()) == cost.amount.pico:
        # Buckets divide with remainders of their own; the largest takes up the difference, so that each share's
        # buckets add up to it. The differences cancel out over the shares.
        largest = buckets[max(buckets, key=lambda name: sum(buckets[name]))]
        for index, amount in enumerate(amounts):
            largest[index] += amount - sum(column[index] for column in buckets.values())
    # By the amounts, of which it is a part: so no share of it is above its amount, nor below nothing. The upper bound
    # is split as its distance from the amount, and stays on its own side.
    lows = split_whole(cost.low.pico, amounts)
    above = split_whole(cost.high.pico - cost.amount.pico, weights)
    return [
        Cost(
            Money(amount),
            Money(lows[index]),
            Money(amount + above[index]),
            cost.status,
            {name: Money(column[index]) for name, column in buckets.items()},
            0,
            cost.source,
            cost.price_table,
        )
        for index, amount in enumerate(amounts)
    ]
