"""PriceTable: prices what calls used, from the user's prices, our own table, and genai-prices, in that order.

Law: a cost that is not known is never a wrong number. A model that nobody lists is unpriced, a rate that
has to be inferred makes the cost estimated with bounds, and only what is listed is exact.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache, cached_property
from math import inf, isfinite
from typing import Any

from frugal._values.clock import clock
from frugal._values.cost import UNPRICED, Cost
from frugal._values.usage import Usage
from frugal.errors import UnknownPriceError
from frugal.prices import shipped, table
from frugal.prices.catalogue import catalogue
from frugal.prices.listing import Listing
from frugal.prices.model import ModelPrice
from frugal.prices.names import ALIASES, hosted, spellings
from frugal.prices.quote import Quote, to_model_price
from frugal.prices.quoting import quote_listing, quote_user, span, tier_named
from frugal.prices.rates import Rates

__all__ = ["PriceTable", "default_prices", "seconds"]

_REMEMBERED = 4096
"""Rates kept at a time; names come from responses, so their number must be bounded."""


class _Unpriced:
    """Stand in the place of rates for a model that has none."""

    __slots__ = ()
    start, end = -inf, inf

    def cost(self, usage: Usage) -> Cost:
        return UNPRICED


_UNPRICED = _Unpriced()


class PriceTable:
    """Price models by name.

    A model's name may carry a route (`openrouter/…`, `bedrock/us.anthropic.…-v1:0`, `models/…`) and a version
    (`-2024-08-06`); the exact name is tried first, then its family. A user's price goes before all others.

    Args:
        prices: `ModelPrice`, or a mapping of its arguments, by the model's name (`"gpt-4o"`, or
            `"azure/gpt-4o"` for one provider).
        strict: raise `UnknownPriceError` for an unknown model, instead of an unpriced cost.
        base: whether to know the installed and our own prices too.

    Raises:
        InvalidPriceError: a price is negative, not finite, or not a number.

    >>> table = PriceTable({"my-model": ModelPrice(input="0.15", output="0.60")})
    >>> str(table.cost("my-model", Usage(input_tokens=1_000, output_tokens=500), at=0).amount)
    '$0.00045'
    """

    def __init__(
        self,
        prices: Mapping[str, ModelPrice | Mapping[str, Any]] | None = None,
        *,
        strict: bool = False,
        base: bool = True,
    ) -> None:
        self._prices = {
            name.strip().lower(): price if isinstance(price, ModelPrice) else ModelPrice(**price)
            for name, price in (prices or {}).items()
        }
        self._strict = strict
        self._base = base
        self._slots: dict[tuple[str, str | None, str | None], Rates | _Unpriced] = {}

    def __repr__(self) -> str:
        return f"PriceTable({self._prices!r}, strict={self._strict}, base={self._base})"

    @cached_property
    def id(self) -> str:
        """Which prices these are: the library's version, our table's date, a digest of the user's prices."""
        parts = [f"genai-prices-{shipped.version()}", f"frugal-{table.DATE}"] if self._base else []
        if self._prices or not parts:
            digest = hashlib.sha256(repr(sorted(self._prices.items(), key=lambda p: p[0])).encode())
            parts.append(f"user-{digest.hexdigest()[:12]}")
        return "+".join(parts)

    # ----------------------------------------------------------------------- prices

    def cost(
        self, model: str, usage: Usage, *, at: float, provider: str | None = None, tier: str | None = None
    ) -> Cost:
        """Return what usage costs.

        Args:
            model: the model's name.
            usage: its tokens.
            at: when, in Unix seconds.
            provider: who served it; `None` for whoever the name says, or else makes it.
            tier: the service tier (`"batch"`, `"flex"`, `"priority"`, `"fast"`, …).

        Returns:
            The cost: exact, estimated with bounds, or unpriced.

        Raises:
            UnknownPriceError: nothing is known of the model, and the table is strict.
        """
        slot = self._slots.get((model, provider, tier))
        if slot is None or not slot.start <= at < slot.end:
            slot = self._resolve(model, provider, tier, at)
        cost = slot.cost(usage)
        if cost is UNPRICED and self._strict:
            raise UnknownPriceError(model, self.near(model))
        return cost

    def price(
        self,
        model: str,
        at: float | datetime | None = None,
        *,
        provider: str | None = None,
        tier: str | None = None,
    ) -> ModelPrice:
        """Return the price of a model, in dollars per million tokens.

        Args:
            model: the model's name.
            at: when, in Unix seconds or as an aware datetime; now when not given.
            provider: who serves it.
            tier: the service tier.

        Returns:
            What is listed, long-context steps included; rates that would be inferred are `None`.

        Raises:
            UnknownPriceError: nothing is known of the model.
        """
        found = self._quote(model, provider, tier_named(tier), seconds(at))
        shown = to_model_price(found[0], self.context_window(model, provider=provider)) if found else None
        if shown is None:
            raise UnknownPriceError(model, self.near(model))
        return shown

    def rates(self, model: str, *, at: float, provider: str | None = None, tier: str | None = None) -> Rates | None:
        """Return the rates of a model in pico-dollars a token; `None` for an unknown one.

        Args:
            model: the model's name.
            at: when, in Unix seconds.
            provider: who serves it.
            tier: the service tier.

        Returns:
            The rates, with the time for which they hold.
        """
        slot = self._resolve(model, provider, tier, at)
        return slot if isinstance(slot, Rates) else None

    def context_window(self, model: str, *, provider: str | None = None) -> int | None:
        """Return how many tokens a request to that model may hold; `None` when unknown.

        Args:
            model: the model's name.
            provider: who serves it.

        Returns:
            The context window, input and output together.
        """
        user = self._user(model, provider) if self._prices else None
        if user is not None and user.context_window is not None:
            return user.context_window
        found = catalogue.find(model, provider) if self._base else None
        return found.context_window if found else None

    # ----------------------------------------------------------------------- names

    def models(self) -> tuple[str, ...]:
        """Return the names of all known models; those of resellers as `provider/model`.

        Returns:
            The names, sorted.
        """
        return tuple(sorted({*self._prices, *(catalogue.names() if self._base else ())}))

    def near(self, model: str) -> tuple[str, ...]:
        """Return up to three known names that are most like this one.

        Args:
            model: a name, misspelt perhaps.

        Returns:
            The names, the likeliest first.
        """
        return catalogue.near(model, list(self.models()))

    def with_prices(self, prices: Mapping[str, ModelPrice | Mapping[str, Any]]) -> PriceTable:
        """Return a table that knows these prices as well; they go before those it had.

        Args:
            prices: what models cost, by their names.

        Returns:
            A new table.

        Raises:
            InvalidPriceError: a price is negative, not finite, or not a number.
        """
        merged: dict[str, ModelPrice | Mapping[str, Any]] = dict(self._prices)
        merged.update({name.strip().lower(): price for name, price in prices.items()})
        return PriceTable(merged, strict=self._strict, base=self._base)

    def warm(self, *models: str) -> None:
        """Read the installed data now, and resolve these models.

        It takes some milliseconds once, so call it before the event loop runs, or through
        `asyncio.to_thread`.

        Args:
            models: the names that will be asked for.
        """
        _ = self.id
        if self._base:
            _ = catalogue.data
        for model in models:
            self._resolve(model, None, None, clock.now())

    # ----------------------------------------------------------------------- resolving

    def _resolve(self, model: str, provider: str | None, tier: str | None, at: float) -> Rates | _Unpriced:
        if not isfinite(at):
            raise ValueError(f"at is {at!r}; give the Unix seconds of the call.")
        found = self._quote(model, provider, tier_named(tier), at)
        slot: Rates | _Unpriced = _UNPRICED
        # A model that lists no rate for tokens (speech by the hour) has no price for them, not even for none.
        if found is not None and (found[0].listed or found[0].per_request or found[0].free):
            slot = Rates(found[0], self.id, *found[1])
        if len(self._slots) >= _REMEMBERED:
            self._slots.clear()
        self._slots[model, provider, tier] = slot
        return slot

    def _quote(
        self, model: str, provider: str | None, tier: str | None, at: float
    ) -> tuple[Quote, tuple[float, float]] | None:
        user = self._user(model, provider)
        if user is not None:
            return quote_user(user, tier), (-inf, inf)
        found = self._listing(model, provider)
        if found is None:
            return None
        return quote_listing(found, at, tier), span(found, at, tier)

    def _listing(self, model: str, provider: str | None) -> Listing | None:
        return catalogue.find(model, provider) if self._base else None

    def _user(self, model: str, provider: str | None) -> ModelPrice | None:
        if not self._prices:
            return None
        name = model.strip().lower()
        known: Callable[[str], str | None] = catalogue.known if self._base else ALIASES.get
        server = (provider or "").strip().lower()
        hosts = [host for host in (server, known(server) if server else None) if host]
        routes: list[tuple[str | None, str]] = [*((host, name) for host in hosts), (None, name)]
        for step in (0, 1):
            for host, bare in routes:
                for spelled in spellings(bare):
                    found = self._prices.get(f"{host}/{spelled}") or self._prices.get(spelled)
                    if found is not None:
                        return found
            if step == 0:  # only now, because it may read the installed data
                routes = list(hosted(name, None, known))
        return None


def seconds(at: float | datetime | None) -> float:
    """Return Unix seconds: of an aware datetime, of a number as it is, or of now."""
    if at is None:
        return clock.now()
    if isinstance(at, datetime):
        if at.tzinfo is None:
            raise ValueError(f"at is {at!r}, which has no time zone; give an aware datetime.")
        return at.timestamp()
    return float(at)


@cache
def default_prices() -> PriceTable:
    """Return the table that is used where none is given."""
    return PriceTable()
