"""Catalogue, listings and quoting: the odd corners of the installed data."""

from __future__ import annotations

from datetime import date, time, timedelta, timezone
from decimal import Decimal
from math import inf

import pytest

from frugal._values.money import Money
from frugal._values.usage import Usage
from frugal.errors import UnknownPriceError
from frugal.prices import PriceTable, default_prices, shipped
from frugal.prices import catalogue as module
from frugal.prices.catalogue import Catalogue
from frugal.prices.listing import Listing, Node, Variant, When, clause, listing
from frugal.prices.quoting import quote_listing, span
from frugal.prices.rates import Rates

RULE: Node = ("ClauseEquals", {"equals": "m"})


def model(**fields: object) -> Listing:
    """Read a listing made by hand."""
    return listing("acme", ("ModelInfo", {"id": "m", "match": RULE, **fields}))


def sheet(**rates: object) -> Node:
    """Write a node of prices."""
    return "ModelPrice", {key: Decimal(str(rate)) for key, rate in rates.items()}


def priced_when(kind: str, rate: int, **fields: object) -> Node:
    """Write a node of prices under a condition."""
    return "ConditionalPrice", {"constraint": (kind, fields), "prices": sheet(input_mtok=rate)}


def test_a_slot_that_crosses_midnight_holds_on_both_sides() -> None:
    """16:30 to 00:30 holds at 23:00 and at 00:10, in the zone that it was written in."""
    zone = timezone(timedelta(hours=1))
    slot = {"start_time": time(17, 30, tzinfo=zone), "end_time": time(1, 30, tzinfo=zone)}
    day = ("ConditionalPrice", {"prices": sheet(input_mtok=2)})
    night = model(prices=[day, priced_when("TimeOfDateConstraint", 1, **slot)])
    hour = 3600
    found = [quote_listing(night, at, None).listed["input_tokens"][0][1] for at in (0, hour, 16 * hour, 17 * hour)]
    assert found == [1, 2, 2, 1]
    assert span(night, 2 * hour, None) == (0.5 * hour, 16.5 * hour)
    assert span(night, 0, None) == (-7.5 * hour, 0.5 * hour)


def test_an_unknown_condition_is_refused() -> None:
    """A kind of condition from the future is not taken for `always`."""
    with pytest.raises(ValueError, match="MoonPhase"):
        model(prices=[priced_when("MoonPhase", 1)])


def test_a_model_without_prices_has_none() -> None:
    """No sheets, no rates, no cost."""
    assert quote_listing(model(prices=[]), 0, None).listed == {}


def test_before_its_first_day_a_price_is_the_first() -> None:
    """As genai-prices does: when no condition holds, the first row does."""
    late = model(prices=[priced_when("StartDateConstraint", 7, start_date=date(2030, 1, 1))])
    assert quote_listing(late, 0, None).listed["input_tokens"] == ((-1, 7),)


def test_variants_override_key_by_key() -> None:
    """The first variant that fits wins for each of its keys; the rest stays standard."""
    base = model(prices=sheet(input_mtok=4, cache_read_mtok=1, output_mtok=8))
    fitted = Listing("acme", "m", base.match, None, base.sheets, (
        Variant({"processing": "batch"}, When(since=10), {"input_mtok": ((-1, 2),)}),
        Variant({"processing": "batch"}, When(), {"input_mtok": ((-1, 3),), "output_mtok": ((-1, 5),)}),
    ))  # fmt: skip
    early, late = (quote_listing(fitted, at, "batch").listed for at in (0, 10))
    assert [early[key][0][1] for key in ("input_tokens", "cache_read_tokens", "output_tokens")] == [3, 1, 5]
    assert [late[key][0][1] for key in ("input_tokens", "cache_read_tokens", "output_tokens")] == [2, 1, 5]


def test_cached_input_without_a_listed_rate_is_an_estimate() -> None:
    """A list that is silent about cached input does not say that it has no discount."""
    rates = Rates(quote_listing(model(prices=sheet(input_mtok=2)), 0, None), "t", -inf, inf)
    cost = rates.cost(Usage(cache_read_tokens=1))
    assert (cost.status, cost.low, cost.amount, cost.high) == (
        "estimated",
        Money(0),
        Money(2_000_000),
        Money(2_000_000),
    )


def test_the_id_of_a_model_is_one_of_its_names() -> None:
    """Even where the data's own rule does not match it."""
    assert Catalogue().find("aws/regional.anthropic.claude-opus-5", None).id == "regional.anthropic.claude-opus-5"


def test_a_model_without_input_price_cannot_be_shown() -> None:
    """price() of what is sold by the hour raises, and costs are unpriced."""
    with pytest.raises(UnknownPriceError):
        default_prices().price("whisper-1")


def test_data_that_cannot_be_read_even_when_imported_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken library is not silently a library without models."""
    broken = shipped.Host(
        ("Provider", {"id": "openai"}), [("ModelInfo", {"id": "gpt-4o", "match": ("ClauseOr", {"or_": [7]})})]
    )
    monkeypatch.setattr(shipped, "imported", lambda _: shipped.Shipped([broken]))
    catalogue = Catalogue(shipped.Shipped([broken]))
    for _ in range(2):
        with pytest.raises((TypeError, ValueError)):
            catalogue.find("openai/gpt-4o", None)


def test_names_are_forgotten_and_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The memory of names is bounded, and what it forgot is found again."""
    monkeypatch.setattr(module, "_REMEMBERED", 2)
    catalogue = Catalogue()
    found = [catalogue.find(name, None) for name in ("gpt-4o", "x", "y", "gpt-4o")]
    assert found[0] == found[3]
    assert len(catalogue._found) <= 2


def test_a_route_of_a_named_server_is_taken_off() -> None:
    """Azure serving `openai/gpt-4o` lists it as gpt-4o; mistral.-routes of others are not Bedrock's."""
    assert Catalogue().find("openai/gpt-4o", "azure").id == "gpt-4o"
    assert Catalogue().find("us.amazon.nova-lite-v1:0", "openrouter") is None


def test_a_table_shows_what_it_was_made_of() -> None:
    """The repr names the prices and the switches."""
    assert repr(PriceTable({"m": {"input": 1}}, strict=True)) == (
        "PriceTable({'m': ModelPrice(input='1')}, strict=True, base=True)"
    )
    PriceTable(base=False).warm("m")


def test_a_rule_is_read_with_its_kind() -> None:
    """Literals are folded to lower case, patterns are not."""
    assert clause(("ClauseEquals", {"equals": "GLM-4"})) == ("equals", "glm-4")
    assert clause(("ClauseRegex", {"regex": "^A"})) == ("regex", "^A")
