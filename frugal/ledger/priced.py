"""What a ledger needs prices for: what is recorded by hand, and what might have been.

Law: its own prices go before the default ones; without either, what has a model or tokens is unpriced, never free.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar

from frugal._values.cost import FREE, UNPRICED, Cost
from frugal._values.money import Money, usd
from frugal._values.record import CascadeRow
from frugal._values.usage import Usage
from frugal.ledger.cascading import cascades_of
from frugal.ledger.reports import Instant
from frugal.ledger.store import Store
from frugal.ledger.upkeep import Upkeep
from frugal.ledger.writer import Writer
from frugal.ports import Clock, Prices

__all__ = ["Priced"]


class Priced(Upkeep):
    """Price what no decorated call priced.

    Args:
        store: where the ledger is.
        writer: writes it.
        clock: its clock.
        retention_days: how many days of single records `compact` keeps; `None` for all.
    """

    default_prices: ClassVar[Any] = None
    """Gives the prices of ledgers that have none of their own: a callable without arguments, or `None`."""

    def __init__(self, store: Store, writer: Writer, clock: Clock, retention_days: float | None) -> None:
        super().__init__(store, writer, clock, retention_days)
        self.prices: Prices | None = None
        """What prices records by hand."""

    def _cost(
        self,
        model: str | None,
        usage: Usage | None,
        cost: Cost | Money | str | float | Decimal | None,
        now: float,
    ) -> Cost:
        if isinstance(cost, Cost):
            return cost
        if cost is not None:
            return Cost.exact(cost if isinstance(cost, Money) else usd(cost), source="stated")
        if model is None or usage is None:
            return UNPRICED if model is not None or usage else FREE
        prices = self._prices()
        return UNPRICED if prices is None else prices.cost(model, usage, at=now)

    def _prices(self) -> Prices | None:
        if self.prices is None and self.default_prices is not None:
            found: Prices = type(self).default_prices()
            return found
        return self.prices

    def cascades(
        self,
        since: Instant | None = None,
        until: Instant | None = None,
        *,
        prices: Prices | None = None,
        user: str | None = None,
        function: str | None = None,
        run: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> list[CascadeRow]:
        """Say what cascades cost, against always asking their strongest model.

        Single records are read, so what `compact` has folded is not told of.

        Args:
            since: from when; Unix seconds or a datetime, a naive one in UTC.
            until: until before when.
            prices: say what the strongest model would have cost; the ledger's own when `None`.
            user: only this user's; `""` for what has none. Likewise the others.
            function: only this function's.
            run: only this run's.
            tags: only what has these tags.

        Returns:
            A row for each function and plan, the one that saved the most first; `saved` is signed.

        Raises:
            LedgerUnavailableError: the ledger cannot be read now.
            StoreCorruptedError: a row is corrupt.
            TypeError: neither you nor the ledger has prices.
        """
        found = prices or self._prices()
        if found is None:
            raise TypeError("cascades() has no prices to compare with; give prices=PriceTable().")
        return cascades_of(self.records(since, until, user=user, function=function, run=run, tags=tags), found)
