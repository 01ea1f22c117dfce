"""Rates and quotes: the arithmetic of one call, and what stands in where no rate is listed."""

from __future__ import annotations

from math import inf

import pytest

from frugal._values.cost import Cost
from frugal._values.money import Money
from frugal._values.usage import Usage
from frugal.prices import ModelPrice
from frugal.prices.quote import from_model_price, to_model_price
from frugal.prices.rates import Rates


def cost(price: ModelPrice, **tokens: int) -> Cost:
    """Price tokens at a price."""
    return Rates(from_model_price(price), "test", -inf, inf).cost(Usage(**tokens))


def test_a_cost_is_the_sum_of_its_parts() -> None:
    """Each bucket costs its own rate, and the cost says which table gave it."""
    price = ModelPrice(input="5", output="15", cached_input="2.5")
    found = cost(price, input_tokens=1_000, cache_read_tokens=400, output_tokens=200)
    assert found == Cost.exact(
        Money(9_000_000_000),
        {
            "input_tokens": Money(5_000_000_000),
            "cache_read_tokens": Money(1_000_000_000),
            "output_tokens": Money(3_000_000_000),
        },
        source="table",
        price_table="test",
    )


@pytest.mark.parametrize("bucket", ["cache_read_tokens", "input_image_tokens"])
def test_cached_and_image_input_cost_what_input_costs(bucket: str) -> None:
    """Without a rate of their own they are exact at the input's."""
    assert cost(ModelPrice(input=2), **{bucket: 10}) == cost(ModelPrice(input=2), input_tokens=10).__class__.exact(
        Money(20_000_000), {bucket: Money(20_000_000)}, source="table", price_table="test"
    )


def test_reasoning_costs_what_output_costs() -> None:
    """Hidden tokens are billed as output unless they have a rate."""
    assert cost(ModelPrice(input=1, output=8), reasoning_tokens=10).amount == Money(80_000_000)
    assert cost(ModelPrice(input=1, output=8, reasoning=3), reasoning_tokens=10).amount == Money(30_000_000)


@pytest.mark.parametrize(
    ("bucket", "amount", "low", "high"),
    [
        ("cache_write_5m_tokens", 1_250_000, 1_000_000, 1_250_000),
        ("cache_write_1h_tokens", 2_000_000, 1_000_000, 2_000_000),
        ("input_audio_tokens", 1_000_000, 1_000_000, 60_000_000),
        ("output_audio_tokens", 4_000_000, 4_000_000, 240_000_000),
    ],
)
def test_a_bucket_without_a_rate_is_estimated_within_bounds(bucket: str, amount: int, low: int, high: int) -> None:
    """Audio and cache writes that nobody priced are never zero and never called exact."""
    found = cost(ModelPrice(input=1, output=4), **{bucket: 1})
    assert (found.status, found.source) == ("estimated", "estimate")
    assert (found.amount, found.low, found.high) == (Money(amount), Money(low), Money(high))


def test_an_hour_of_cache_costs_at_least_five_minutes_of_it() -> None:
    """A known five-minute rate is the floor of an unknown one-hour rate."""
    found = cost(ModelPrice(input=1, cache_write_5m="1.25"), cache_write_1h_tokens=1)
    assert (found.low, found.amount, found.high) == (Money(1_250_000), Money(2_000_000), Money(2_000_000))


def test_output_without_a_price_leaves_the_call_unpriced() -> None:
    """An embedder that answers in tokens has no price for them, and the whole cost is unknown."""
    assert cost(ModelPrice(input="0.02"), input_tokens=5, output_tokens=1).status == "unpriced"
    assert cost(ModelPrice(input="0.02"), input_tokens=5).amount == Money(100_000)


def test_a_long_context_is_a_cliff() -> None:
    """Above the step every token costs the step's rate; at the step the lower one still holds."""
    price = ModelPrice(input=3, output=15, long_context={200_000: ModelPrice(input=6, output="22.5")})
    at = cost(price, input_tokens=150_000, cache_read_tokens=50_000, output_tokens=1)
    above = cost(price, input_tokens=150_000, cache_read_tokens=50_001, output_tokens=1)
    assert at.amount == Money(200_000 * 3_000_000 + 15_000_000)
    assert above.amount == Money(200_001 * 6_000_000 + 22_500_000)


def test_a_fraction_of_a_pico_dollar_is_rounded_once_half_to_even() -> None:
    """A price of seven decimals is exact until the sum, and the parts still add up."""
    price = ModelPrice(input="0.0000005", output="0.0000005")  # half a pico-dollar a token
    assert [cost(price, input_tokens=n).amount.pico for n in (1, 2, 3, 5)] == [0, 1, 2, 2]
    both = cost(price, input_tokens=1, output_tokens=1)
    assert both.amount == Money(1)
    assert sum(part.pico for part in both.by_bucket.values()) == 1


def test_a_request_may_have_a_price_of_its_own() -> None:
    """A fee is charged once a request and named in the parts."""
    found = cost(ModelPrice(input=1, output=1, per_request="0.005"), input_tokens=1)
    assert found.by_bucket == {"requests": Money(5_000_000_000), "input_tokens": Money(1_000_000)}
    assert found.amount == Money(5_001_000_000)


def test_a_quote_shows_as_the_price_it_came_from() -> None:
    """Prices survive the way through a quote, steps and fees included."""
    price = ModelPrice(
        input=3, output=15, cached_input="0.3", per_request="0.005", context_window=10,
        long_context={200_000: ModelPrice(input=6, output=22, cached_input="0.6")},
    )  # fmt: skip
    assert to_model_price(from_model_price(price), 10) == price
