"""Estimate: the cost of one call by hand, and of a month of them.

Law: money is exact until the end. Shares of tokens are kept as fractions, and each figure is rounded once,
half to even, to a pico-dollar; the parts of a month add up to its cost.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from itertools import pairwise

from frugal._values.cost import UNPRICED, Cost
from frugal._values.money import Money
from frugal._values.usage import Usage
from frugal.errors import InvalidUsageError, UnknownPriceError
from frugal.prices.pricetable import PriceTable, default_prices, seconds

__all__ = ["DAYS", "MonthlyEstimate", "calculate_cost", "estimate_monthly"]

DAYS = 30
"""Days in the month of an estimate."""

_ABSURD = 10**12
"""More tokens than any request has, and more requests than any day."""

_REASONABLE = 30
"""Powers of ten beyond which a number is a slip, and its exact fraction a burden."""

Number = int | float | str | Decimal
"""A count or a share; a float is read as the decimal number that it prints as."""


def calculate_cost(
    model: str,
    usage: Usage | None = None,
    *,
    input_tokens: int = 0,
    output_tokens: int = 0,
    cached_tokens: int = 0,
    prices: PriceTable | None = None,
    tier: str | None = None,
    at: float | datetime | None = None,
    provider: str | None = None,
    strict: bool = False,
) -> Cost:
    """Return what a call costs.

    Args:
        model: the model's name.
        usage: its tokens in buckets; or give the three counts that follow.
        input_tokens: all input, in tokens.
        output_tokens: all output, in tokens.
        cached_tokens: how many of the input tokens were read from the provider's cache.
        prices: the price table; the default one when not given.
        tier: the service tier, such as `"batch"`.
        at: when, in Unix seconds or as an aware datetime; now when not given.
        provider: who served it.
        strict: raise for an unknown model, instead of an unpriced cost.

    Returns:
        The cost; unpriced, never zero, for an unknown model.

    Raises:
        InvalidUsageError: a count is negative or not whole, more is cached than was sent, or both forms are
        given. UnknownPriceError: the model is unknown, and `strict` or the table asks for one.

    >>> str(calculate_cost("gpt-4o-mini", input_tokens=1_000, output_tokens=500, cached_tokens=200).amount)
    '$0.000435'
    """
    if usage is None:
        whole = Usage(input_tokens=input_tokens, cache_read_tokens=cached_tokens, output_tokens=output_tokens)
        if cached_tokens > input_tokens:
            raise InvalidUsageError(
                "cached_tokens", cached_tokens, f"it is part of input_tokens, which is only {input_tokens}",
                "Give the whole input, cached tokens included, as input_tokens=.",
            )  # fmt: skip
        usage = Usage(
            input_tokens=whole.input_tokens - cached_tokens,
            cache_read_tokens=cached_tokens,
            output_tokens=output_tokens,
        )
    elif input_tokens or output_tokens or cached_tokens:
        raise InvalidUsageError("usage", usage, "token counts were given beside it", "Give one or the other.")
    table = default_prices() if prices is None else prices
    cost = table.cost(model, usage, at=seconds(at), provider=provider, tier=tier)
    if strict and cost is UNPRICED:
        raise UnknownPriceError(model, table.near(model))
    return cost


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthlyEstimate:
    """Hold what a month of 30 days would use and cost.

    Args:
        requests: all requests of the month, answered by the model or by a cache of ours.
        usage: the tokens that the provider bills, each bucket rounded half to even.
        cost: what it bills for them.
        input_cost: the part for uncached input (and for the requests as such, where they have a price).
        cached_input_cost: the part for input read from its cache.
        output_cost: the part for output.
        cost_per_request: the mean over all requests.

    >>> month = estimate_monthly("gpt-4o-mini", input_tokens=1_000, output_tokens=200, requests_per_day=100)
    >>> month.requests, str(month.cost)
    (3000, '$0.8100')
    """

    requests: int
    usage: Usage
    cost: Money
    input_cost: Money
    cached_input_cost: Money
    output_cost: Money
    cost_per_request: Money


def estimate_monthly(
    model: str,
    *,
    input_tokens: Number,
    output_tokens: Number,
    requests_per_day: Number,
    cache_hit_rate: Number = 0,
    response_hit_rate: Number = 0,
    prices: PriceTable | None = None,
    tier: str | None = None,
    at: float | datetime | None = None,
    provider: str | None = None,
) -> MonthlyEstimate:
    """Estimate a month of 30 days.

    Args:
        model: the model's name.
        input_tokens: input of a request, on average, in tokens.
        output_tokens: output of a request, on average, in tokens.
        requests_per_day: requests a day, on average.
        cache_hit_rate: the share of the input that is read at the cached price, 0 to 1.
        response_hit_rate: the share of requests that a cache of ours answers, at no cost, 0 to 1.
        prices: the price table; the default one when not given.
        tier: the service tier, such as `"batch"`.
        at: at which day's prices, in Unix seconds or as an aware datetime; today's when not given.
        provider: who serves it.

    Returns:
        The estimate; money is computed from exact shares of tokens, not from the rounded usage.

    Raises:
        InvalidUsageError: a count is negative or not a number, or a share is not between 0 and 1.
        UnknownPriceError: the model, or one of its rates, is unknown.

    >>> month = estimate_monthly("gpt-4o-mini", input_tokens=1_000, output_tokens=500, requests_per_day=100)
    >>> month.requests, str(month.cost)
    (3000, '$1.3500')
    """
    sent = _count("input_tokens", input_tokens)
    made = _count("output_tokens", output_tokens)
    requests = _count("requests_per_day", requests_per_day) * DAYS
    cached = sent * _share("cache_hit_rate", cache_hit_rate)
    billed = requests * (1 - _share("response_hit_rate", response_hit_rate))
    table = default_prices() if prices is None else prices
    rates = table.rates(model, at=seconds(at), provider=provider, tier=tier)
    size = round(sent)  # a request's own size decides on which side of a long-context step it falls
    rate_in, rate_cached, rate_out = (
        rates.known(bucket, size) if rates else None
        for bucket in ("input_tokens", "cache_read_tokens", "output_tokens")
    )
    if rates is None or rate_in is None or rate_cached is None or (rate_out is None and made):
        raise UnknownPriceError(model, table.near(model))
    exact = (
        billed * ((sent - cached) * rate_in + rates.fee),
        billed * cached * rate_cached,
        billed * made * (rate_out or 0),
    )
    # Each part is what it adds to the rounded running total, so that the parts add up to the cost.
    steps = [round(sum(exact[:count], Fraction(0))) for count in range(4)]
    parts = [Money(after - before) for before, after in pairwise(steps)]
    return MonthlyEstimate(
        requests=round(requests),
        usage=Usage(
            input_tokens=round(billed * (sent - cached)),
            cache_read_tokens=round(billed * cached),
            output_tokens=round(billed * made),
        ),
        cost=Money(steps[3]),
        input_cost=parts[0],
        cached_input_cost=parts[1],
        output_cost=parts[2],
        cost_per_request=Money(round(Fraction(steps[3]) / requests)) if requests else Money(0),
    )


def _count(what: str, value: Number) -> Fraction:
    number = _number(what, value)
    if number < 0:
        raise InvalidUsageError(what, value, "it is negative")
    if number > _ABSURD:
        raise InvalidUsageError(what, value, "it is absurdly large")
    return number


def _share(what: str, value: Number) -> Fraction:
    number = _number(what, value)
    if not 0 <= number <= 1:
        raise InvalidUsageError(what, value, "it is a share, from 0 to 1", "Give 0.3 for 30 %.")
    return number


def _number(what: str, value: Number) -> Fraction:
    try:
        number = Decimal("NaN") if isinstance(value, bool) else Decimal(str(value))
    except (InvalidOperation, ValueError):
        number = Decimal("NaN")
    if not number.is_finite() or (number and abs(number.adjusted()) > _REASONABLE):
        raise InvalidUsageError(what, value, "it is not a number of reasonable size", "Give a number of 0 or more.")
    return Fraction(number)
