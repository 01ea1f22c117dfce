"""Cost: what a call cost, and how well that is known.

Law: a cost that is not known is never zero. `exact` has low = amount = high, `estimated` has low ≤ amount ≤
high, `unpriced` has no amount. A sum adds what is priced and counts the rest, and `mixed` says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from frugal._values.money import ZERO, Money

__all__ = ["FREE", "UNPRICED", "Cost", "ascertained"]

STATUSES = ("exact", "estimated", "unpriced", "mixed")


@dataclass(frozen=True, slots=True)
class Cost:
    """Hold what something cost.

    Args:
        amount: the cost, or `None` when no price is known.
        low: the least it can have been.
        high: the most it can have been.
        status: `"exact"`, `"estimated"`, `"unpriced"`, or `"mixed"` for a sum of several kinds.
        by_bucket: the parts by usage bucket; they add up to `amount` where it was computed from tokens.
        unpriced_calls: how many calls in a sum had no price.
        source: `"table"` when computed from prices, `"provider"` when the provider stated the dollars,
            `"estimate"` when it was inferred, `""` for sums.
        price_table: which price table gave the rates.

    Raises:
        ValueError: the status is unknown, or the bounds contradict the amount.

    >>> Cost.exact(Money(5)) + Cost.unpriced()
    Cost(amount=Money(pico=5), low=Money(pico=5), high=Money(pico=5), status='mixed', by_bucket={}, \
unpriced_calls=1, source='', price_table='')
    """

    amount: Money | None
    low: Money | None
    high: Money | None
    status: str
    by_bucket: Mapping[str, Money] = field(default_factory=dict)
    unpriced_calls: int = 0
    source: str = ""
    price_table: str = ""

    def __post_init__(self) -> None:
        if self.status not in STATUSES:
            raise ValueError(f"status is {self.status!r}; it is one of {', '.join(STATUSES)}.")
        amount, low, high = self.amount, self.low, self.high
        if amount is None or low is None or high is None:
            if self.status != "unpriced" or not (amount is low is high is None):
                raise ValueError("only an unpriced cost has no amount, and then it has no bounds either.")
        elif self.status == "unpriced" or not low <= amount <= high:
            raise ValueError(f"a cost of {amount} cannot lie between {low} and {high} as {self.status!r}.")

    def __str__(self) -> str:
        if self.amount is None:
            return "unpriced"
        bounds = f" ({self.low} to {self.high})" if self.low != self.high else ""
        rest = f" and {self.unpriced_calls} unpriced" if self.unpriced_calls else ""
        return f"{'~' if bounds else ''}{self.amount}{bounds}{rest}"

    @classmethod
    def exact(
        cls,
        amount: Money,
        by_bucket: Mapping[str, Money] | None = None,
        *,
        source: str = "",
        price_table: str = "",
    ) -> Cost:
        """Make a cost that is known exactly.

        Args:
            amount: the cost.
            by_bucket: its parts by usage bucket.
            source: `"table"`, `"provider"`, or `""`.
            price_table: which price table gave the rates.

        Returns:
            The cost, with low and high equal to the amount.
        """
        if type(amount) is not Money:
            return cls(amount, amount, amount, "exact", by_bucket or {}, 0, source, price_table)
        return ascertained(amount, amount, amount, "exact", by_bucket or {}, source, price_table)

    @classmethod
    def estimated(
        cls,
        amount: Money,
        low: Money,
        high: Money,
        by_bucket: Mapping[str, Money] | None = None,
        *,
        source: str = "estimate",
        price_table: str = "",
    ) -> Cost:
        """Make a cost that is only bounded.

        Args:
            amount: the likely cost.
            low: the least it can have been.
            high: the most it can have been.
            by_bucket: the parts of the amount by usage bucket.
            source: what it was inferred from.
            price_table: which price table gave the rates.

        Returns:
            The cost.

        Raises:
            ValueError: the amount lies outside its bounds.
        """
        return cls(amount, low, high, "estimated", by_bucket or {}, 0, source, price_table)

    @classmethod
    def unpriced(cls) -> Cost:
        """Make the cost of one call whose price nobody knows.

        Returns:
            The cost, without an amount and counted as one unpriced call.
        """
        return UNPRICED

    @property
    def known(self) -> Money:
        """What is known to have been spent: the amount, or nothing when unpriced."""
        return ZERO if self.amount is None else self.amount

    def __add__(self, other: Cost | int) -> Cost:
        if isinstance(other, Cost):
            return Cost.total((self, other))
        return self if other == 0 else NotImplemented  # sum() starts at 0

    __radd__ = __add__

    @classmethod
    def total(cls, costs: Iterable[Cost]) -> Cost:
        """Add costs; the sum of none is an exact zero.

        A cost of nothing at all (`FREE`) does not change the status of a sum.

        Args:
            costs: the costs.

        Returns:
            What is priced, added up, with the unpriced calls counted beside it.
        """
        amount = low = high = unpriced = 0
        statuses: set[str] = set()
        buckets: dict[str, int] = {}
        for cost in costs:
            unpriced += cost.unpriced_calls
            if cost.amount is None or cost.low is None or cost.high is None:
                statuses.add("unpriced")
                continue
            if cost.high.pico or cost.status != "exact":
                statuses.add(cost.status)
            amount += cost.amount.pico
            low += cost.low.pico
            high += cost.high.pico
            for name, money in cost.by_bucket.items():
                buckets[name] = buckets.get(name, 0) + money.pico
        if statuses == {"unpriced"} and not (amount or low or high):
            return cls(None, None, None, "unpriced", {}, unpriced)
        status = statuses.pop() if len(statuses) == 1 else ("mixed" if statuses else "exact")
        return cls(
            Money(amount),
            Money(low),
            Money(high),
            status,
            {name: Money(pico) for name, pico in buckets.items()},
            unpriced,
        )


_new = object.__new__
_amount, _low, _high, _status, _by_bucket, _unpriced_calls, _source, _price_table = (
    Cost.__dict__[name].__set__ for name in Cost.__slots__
)


def ascertained(
    amount: Money,
    low: Money,
    high: Money,
    status: str,
    by_bucket: Mapping[str, Money],
    source: str,
    price_table: str,
) -> Cost:
    """Make a cost whose bounds hold by construction; for the core, and nothing is checked.

    Args:
        amount: the cost.
        low: the least it can have been, at most the amount.
        high: the most it can have been, at least the amount.
        status: `"exact"` or `"estimated"`.
        by_bucket: the parts of the amount by usage bucket.
        source: what it was inferred from.
        price_table: which price table gave the rates.

    Returns:
        The cost.
    """
    cost = _new(Cost)
    _amount(cost, amount)
    _low(cost, low)
    _high(cost, high)
    _status(cost, status)
    _by_bucket(cost, by_bucket)
    _unpriced_calls(cost, 0)
    _source(cost, source)
    _price_table(cost, price_table)
    return cost


FREE = Cost.exact(ZERO)
"""The cost of a hit, of a follower, of a tool: nothing, exactly."""

UNPRICED = Cost(None, None, None, "unpriced", {}, 1)
"""The cost of one call whose price nobody knows."""
