"""Estimates: a call by hand, and a month of calls."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from frugal._values.money import Money, usd
from frugal._values.usage import Usage
from frugal.errors import InvalidUsageError, UnknownPriceError
from frugal.prices import PriceTable, calculate_cost, estimate_monthly

TABLE = PriceTable(
    {
        "gpt-4o": {"input": 5, "output": 15, "cached_input": "2.5"},
        "text-embedding-3-small": {"input": "0.02"},
        "asked": {"input": 1, "output": 1, "per_request": "0.005"},
        "long": {"input": 1, "output": 1, "long_context": {}},
    },
    base=False,
)


def test_the_sources_example() -> None:
    """1,000 in of which 200 cached and 500 out of gpt-4o at the 2024 prices."""
    cost = calculate_cost("gpt-4o", input_tokens=1_000, output_tokens=500, cached_tokens=200, prices=TABLE)
    assert cost.amount == usd("0.004") + usd("0.0005") + usd("0.0075")
    assert cost == calculate_cost(
        "gpt-4o", Usage(input_tokens=800, cache_read_tokens=200, output_tokens=500), prices=TABLE
    )


@pytest.mark.parametrize(
    "counts",
    [
        {"input_tokens": -1},
        {"input_tokens": 1.5},
        {"input_tokens": None},
        {"input_tokens": True},
        {"output_tokens": 10**13},
        {"input_tokens": 10, "cached_tokens": 11},
        {"cached_tokens": -1},
        {"usage": Usage(), "input_tokens": 1},
    ],
)
def test_counts_that_contradict_are_refused(counts: dict[str, object]) -> None:
    """Negative, fractional, absurd, or more cached than sent: an error, never a number."""
    with pytest.raises(InvalidUsageError):
        calculate_cost("gpt-4o", prices=TABLE, **counts)


def test_an_unknown_model_is_unpriced_or_an_error() -> None:
    """The default is an unpriced cost; strict=True raises."""
    assert calculate_cost("nonesuch", input_tokens=1, prices=TABLE).amount is None
    with pytest.raises(UnknownPriceError):
        calculate_cost("nonesuch", input_tokens=1, prices=TABLE, strict=True)


def test_a_day_may_be_a_datetime() -> None:
    """at= takes an aware datetime or Unix seconds."""
    day = datetime(2025, 1, 1, tzinfo=UTC)
    by_day = calculate_cost("o3", input_tokens=1, at=day)
    assert by_day == calculate_cost("o3", input_tokens=1, at=day.timestamp())
    assert by_day.amount == Money(10_000_000)


def test_a_month_by_hand() -> None:
    """2,000 in, 500 out, 1,000 a day, 30 % cached, for 30 days."""
    month = estimate_monthly(
        "gpt-4o", input_tokens=2_000, output_tokens=500, requests_per_day=1_000, cache_hit_rate=0.3, prices=TABLE
    )
    assert month.requests == 30_000
    assert month.usage == Usage(input_tokens=42_000_000, cache_read_tokens=18_000_000, output_tokens=15_000_000)
    assert (month.input_cost, month.cached_input_cost, month.output_cost) == (usd(210), usd(45), usd(225))
    assert (month.cost, month.cost_per_request) == (usd(480), usd("0.016"))


def test_answers_of_a_cache_cost_nothing() -> None:
    """response_hit_rate takes whole requests off the bill, not off the count."""
    month = estimate_monthly(
        "gpt-4o", input_tokens=1_000, output_tokens=0, requests_per_day=10, response_hit_rate="0.25", prices=TABLE
    )
    assert (month.requests, month.usage.input_tokens) == (300, 225_000)
    assert (month.cost, month.cost_per_request) == (usd("1.125"), usd("0.00375"))


def test_averages_may_be_fractions() -> None:
    """Money is exact for fractional averages; tokens are rounded for show only."""
    month = estimate_monthly(
        "gpt-4o", input_tokens="0.1", output_tokens=Decimal("0.2"), requests_per_day=0.5, prices=TABLE
    )
    assert month.cost == Money(15 * 500_000 + 15 * 3_000_000)
    assert (month.usage.input_tokens, month.usage.output_tokens) == (2, 3)


def test_a_request_with_a_price_of_its_own_is_counted() -> None:
    """A fee is charged for every billed request."""
    month = estimate_monthly("asked", input_tokens=0, output_tokens=0, requests_per_day=100, prices=TABLE)
    assert month.cost == usd(15)


def test_an_embedder_has_no_output() -> None:
    """No output is needed of a model without an output price, and asking for some is an error."""
    month = estimate_monthly(
        "text-embedding-3-small", input_tokens=100, output_tokens=0, requests_per_day=100, prices=TABLE
    )
    assert month.cost == usd("0.006")
    with pytest.raises(UnknownPriceError):
        estimate_monthly(
            "text-embedding-3-small", input_tokens=100, output_tokens=1, requests_per_day=100, prices=TABLE
        )


def test_a_long_request_costs_its_own_step() -> None:
    """The size of one request, not of the month, decides on the long-context price."""
    how = {"output_tokens": 0, "requests_per_day": 1, "at": datetime(2026, 11, 23, tzinfo=UTC)}
    short = estimate_monthly("claude-sonnet-4-5", input_tokens=200_000, **how)
    long = estimate_monthly("claude-sonnet-4-5", input_tokens=200_001, **how)
    assert (short.cost, long.cost) == (usd(18), Money(200_001 * 30 * 6_000_000))


def test_no_requests_cost_nothing() -> None:
    """Zero a day is zero, not a division by it."""
    month = estimate_monthly("gpt-4o", input_tokens=1, output_tokens=1, requests_per_day=0, prices=TABLE)
    assert (month.requests, month.cost, month.cost_per_request) == (0, Money(0), Money(0))


@pytest.mark.parametrize(
    "wrong",
    [
        {"input_tokens": -1},
        {"output_tokens": float("nan")},
        {"requests_per_day": "many"},
        {"requests_per_day": True},
        {"requests_per_day": 10**13},
        {"cache_hit_rate": 1.01},
        {"cache_hit_rate": -0.1},
        {"response_hit_rate": 30},
        {"response_hit_rate": "1e-99"},
        {"input_tokens": None},
    ],
)
def test_a_month_of_nonsense_is_refused(wrong: dict[str, object]) -> None:
    """Counts are numbers of 0 or more, shares are between 0 and 1."""
    how = {"input_tokens": 1, "output_tokens": 1, "requests_per_day": 1} | wrong
    with pytest.raises(InvalidUsageError):
        estimate_monthly("gpt-4o", prices=TABLE, **how)


def test_a_month_of_an_unknown_model_is_an_error() -> None:
    """There is no estimate without a price."""
    with pytest.raises(UnknownPriceError):
        estimate_monthly("nonesuch", input_tokens=1, output_tokens=1, requests_per_day=1, prices=TABLE)
