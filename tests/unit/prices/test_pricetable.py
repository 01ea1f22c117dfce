"""PriceTable: the user's prices first, and never a wrong number."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from frugal._values.money import Money
from frugal._values.usage import Usage
from frugal.errors import InvalidPriceError, UnknownPriceError
from frugal.ports import Prices
from frugal.prices import ModelPrice, PriceTable, default_prices

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ONE = Usage(input_tokens=1)

SOURCE_2024 = {
    "gpt-4o": {"input": 5, "output": 15, "cached_input": "2.5"},
    "gpt-4o-mini": {"input": "0.15", "output": "0.60", "cached_input": "0.075"},
    "gpt-4-turbo": {"input": 10, "output": 30},
    "gpt-3.5-turbo": {"input": "0.50", "output": "1.50"},
    "claude-3-opus": {"input": 15, "output": 75},
    "claude-3-sonnet": {"input": 3, "output": 15},
    "claude-3-haiku": {"input": "0.25", "output": "1.25"},
    "text-embedding-3-small": {"input": "0.02"},
    "text-embedding-3-large": {"input": "0.13"},
}


def amount(table: PriceTable, model: str, usage: Usage = ONE, **how: object) -> Money | None:
    """Return what usage costs on the test's day."""
    return table.cost(model, usage, at=how.pop("at", NOW.timestamp()), **how).amount


def test_a_users_price_goes_before_all_others() -> None:
    """The 2024 prices of a user win over today's, for dated aliases and routes too."""
    table = PriceTable(SOURCE_2024)
    for name in ("gpt-4o", "GPT-4o", "gpt-4o-2024-08-06", "openai/gpt-4o", "azure/gpt-4o", "gpt-4o-20240513"):
        assert amount(table, name) == Money(5_000_000)
    assert amount(table, "gpt-4o", provider="openai") == Money(5_000_000)
    assert amount(table, "gpt-4.1") == Money(2_000_000)
    assert all(amount(table, name) for name in SOURCE_2024)


def test_a_price_for_one_provider_is_not_for_another() -> None:
    """`azure/gpt-4o` prices what Azure serves, under each of Azure's names."""
    table = PriceTable({"azure/gpt-4o": {"input": 9}})
    assert amount(table, "gpt-4o", provider="azure") == Money(9_000_000)
    assert amount(table, "gpt-4o", provider="azure.ai.openai") == Money(9_000_000)
    assert amount(table, "azure/gpt-4o-2024-08-06") == Money(9_000_000)
    assert amount(table, "gpt-4o") == Money(2_500_000)


def test_a_price_may_be_given_for_who_has_none() -> None:
    """A server unknown to the price lists is priced by the user alone."""
    table = PriceTable({"ollama/llama3": ModelPrice(input=0, output=0)})
    assert table.cost("llama3", ONE, at=0, provider="ollama").status == "exact"
    assert table.cost("llama3", ONE, at=0).status == "unpriced"


def test_an_unknown_model_is_unpriced_and_never_zero() -> None:
    """Without strictness the cost has no amount; with it the error names what was meant."""
    assert default_prices().cost("gpt-4o-minni", ONE, at=0).amount is None
    with pytest.raises(UnknownPriceError) as caught:
        PriceTable(strict=True).cost("gpt-4o-minni", ONE, at=0)
    assert "gpt-4o-mini" in caught.value.near


def test_a_model_that_lists_no_token_rate_is_unpriced_even_for_no_tokens() -> None:
    """Speech by the hour is not free because it counts no tokens."""
    assert default_prices().cost("whisper-1", Usage(), at=0).status == "unpriced"


def test_a_model_that_lists_nothing_is_free_only_when_it_says_so() -> None:
    """An empty price list is no price; `:free` in the name is."""
    assert default_prices().cost("gemma-3-27b-it", ONE, at=0, provider="google").amount is None
    free = next(name for name in default_prices().models() if name.endswith(":free"))
    assert default_prices().cost(free, ONE, at=0).amount == Money(0)


def test_prices_change_on_their_day() -> None:
    """A dated price holds from midnight UTC of its day, in one table and whatever was asked before."""
    table = PriceTable()
    change = datetime(2025, 6, 10, tzinfo=UTC)
    before, after = (change - timedelta(seconds=1)).timestamp(), change.timestamp()
    found = [amount(table, "o3", at=at) for at in (before, after, before, after)]
    assert found == [Money(10_000_000), Money(2_000_000)] * 2


def test_prices_change_with_the_hour() -> None:
    """A time-of-day price holds in its slot of each UTC day, at the start and not at the end."""
    table = PriceTable()
    hours = [datetime(2026, 11, 23, hour, minute, tzinfo=UTC) for hour, minute in ((0, 59), (1, 0), (3, 59), (4, 0))]
    found = [amount(table, "deepseek-v4-flash", at=at.timestamp()) for at in hours]
    assert found == [Money(150_000), Money(300_000), Money(300_000), Money(150_000)]
    tomorrow = hours[1] + timedelta(days=1)
    assert amount(table, "deepseek-v4-flash", at=tomorrow.timestamp()) == Money(300_000)


def test_tiers_have_their_own_prices() -> None:
    """Batch, flex, priority and fast are exact where they are listed; the ordinary tier has many names."""
    table = default_prices()
    for tier in (None, "default", "standard", "auto", "on_demand", ""):
        assert amount(table, "gpt-5.4", tier=tier) == Money(2_500_000)
    listed = {"batch": 1_250_000, "flex": 1_250_000, "priority": 5_000_000, "fast": 5_000_000}
    for tier, pico in listed.items():
        cost = table.cost("gpt-5.4", ONE, at=NOW.timestamp(), tier=tier)
        assert (cost.status, cost.amount) == ("exact", Money(pico))


def test_a_users_tier_is_a_price_or_a_factor() -> None:
    """batch="0.5" halves everything; priority=ModelPrice(...) replaces it; an unlisted one is an estimate."""
    price = ModelPrice(input=10, output=20, batch="0.5", priority=ModelPrice(input=30, output=40))
    table = PriceTable({"m": price}, base=False)
    assert amount(table, "m", tier="batch") == Money(5_000_000)
    assert amount(table, "m", tier="priority") == Money(30_000_000)
    assert table.cost("m", ONE, at=0, tier="flex").status == "estimated"


def test_a_price_can_be_looked_at() -> None:
    """price() shows dollars a million tokens at a day; an unknown model raises with near names."""
    shown = default_prices().price("claude-sonnet-4-5", NOW)
    assert shown == ModelPrice(
        input=3, output=15, cached_input="0.3", cache_write_5m="3.75", cache_write_1h=6, context_window=200_000,
        long_context={
            200_000: ModelPrice(
                input=6, output="22.5", cached_input="0.6", cache_write_5m="7.5", cache_write_1h=12
            )
        },
    )  # fmt: skip
    with pytest.raises(UnknownPriceError):
        default_prices().price("nonesuch")
    with pytest.raises(ValueError, match="time zone"):
        default_prices().price("gpt-4o", datetime(2026, 1, 1))


def test_what_is_shown_prices_the_same() -> None:
    """A table made of the shown price gives the same cost."""
    usage = Usage(input_tokens=250_000, cache_read_tokens=7, cache_write_5m_tokens=5, output_tokens=3)
    for name in ("gpt-5.4", "claude-sonnet-4-5", "gemini-2.5-pro", "sonar-pro"):
        copied = PriceTable({name: default_prices().price(name, NOW)}, base=False)
        assert amount(copied, name, usage) == amount(default_prices(), name, usage)


def test_a_context_window_is_known_where_it_is_listed() -> None:
    """The user's figure wins, then the list's; unknown is None."""
    assert default_prices().context_window("gpt-4o") == 128_000
    assert PriceTable({"gpt-4o": ModelPrice(input=1, context_window=9)}).context_window("gpt-4o-2024-08-06") == 9
    assert default_prices().context_window("nonesuch") is None


def test_with_prices_makes_another_table() -> None:
    """The first table stays as it was, and both say in their id which prices they are."""
    first = PriceTable({"m": {"input": 1}})
    second = first.with_prices({"m": {"input": 2}, "n": {"input": 3}})
    assert (amount(first, "m"), amount(second, "m"), amount(second, "n")) == (
        Money(1_000_000),
        Money(2_000_000),
        Money(3_000_000),
    )
    assert len({first.id, second.id, default_prices().id}) == 3
    assert first.id == PriceTable({"M ": ModelPrice(input="1")}).id
    assert default_prices().id.startswith("genai-prices-")


def test_a_cost_says_which_table_gave_it() -> None:
    """The id stands on every priced cost, for the record."""
    table = PriceTable({"m": {"input": 1}})
    assert table.cost("m", ONE, at=0).price_table == table.id


def test_a_wrong_price_is_refused_at_once() -> None:
    """A mapping is checked when the table is made."""
    with pytest.raises(InvalidPriceError):
        PriceTable({"m": {"input": -1}})


@pytest.mark.parametrize("at", [float("nan"), float("inf")])
def test_no_instant_is_no_price(at: float) -> None:
    """A time that is not a number is an error, not the first price."""
    with pytest.raises(ValueError, match="Unix seconds"):
        PriceTable().cost("gpt-4o", ONE, at=at)


def test_memory_of_names_is_bounded() -> None:
    """Names from responses cannot fill the memory."""
    table = PriceTable({"m": {"input": 1}}, base=False)
    for number in range(10_000):
        table.cost(f"model {number}", ONE, at=0)
    assert len(table._slots) <= 4096
    assert amount(table, "m") == Money(1_000_000)


def test_it_is_a_price_port() -> None:
    """The table satisfies the port, and warms without complaint."""
    port: Prices = default_prices()
    default_prices().warm("gpt-4o", "nonesuch")
    assert port.cost("gpt-4o", ONE, at=NOW.timestamp()).amount == Money(2_500_000)


def test_nothing_of_the_library_is_imported_or_kept() -> None:
    """Importing frugal.prices reads nothing; asking it imports neither genai-prices nor pydantic."""
    code = (
        "import sys, frugal.prices as p;"
        "from frugal.prices.catalogue import catalogue; assert catalogue._data is None;"
        "assert p.calculate_cost('gpt-4o', input_tokens=1).amount;"
        "print([m for m in sys.modules if m.partition('.')[0] in {'genai_prices', 'pydantic', 'socket_'}])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
