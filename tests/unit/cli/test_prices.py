"""`frugal prices`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from frugal import PriceTable


def test_its_rates_are_the_price_tables(frugal: Callable[..., Any]) -> None:
    """Dollars per million tokens, exactly as listed, with the context window and the table's name."""
    document = frugal("prices", "gpt-4o", "claude-sonnet-4-5", "--json").document
    table = PriceTable()
    assert document["price_table"] == table.id
    for one in document["models"]:
        price = table.price(one["model"])
        assert one["input"] == f"{price.input:f}"
        assert one["output"] == f"{price.output:f}"
        assert one["context_window"] == table.context_window(one["model"])


def test_without_a_model_it_shows_the_ledgers(frugal: Callable[..., Any], week: Path) -> None:
    """What is in use is what one wants to know first."""
    document = frugal("prices", "--json", "--ledger", week).document
    assert [one["model"] for one in document["models"]] == ["claude-sonnet-4-5", "gpt-4o", "gpt-4o-mini"]


def test_an_unpriced_model_of_the_ledger_is_shown_as_such(
    frugal: Callable[..., Any], recorded: Callable[..., Path]
) -> None:
    """It is not left out, and no error."""
    ran = frugal("prices", "--ledger", recorded({"model": "unheard-of", "cost": "1"}))
    assert ran.code == 0
    assert "unpriced" in ran.out


def test_search_finds_by_a_part_of_the_name(frugal: Callable[..., Any]) -> None:
    """And says so when nothing is found."""
    found = frugal("prices", "--search", "haiku", "--json").document["models"]
    assert found
    assert all("haiku" in one["model"] for one in found)
    assert "No model" in frugal("prices", "--search", "no-such-thing").out


def test_a_tier_and_a_day_have_prices_of_their_own(frugal: Callable[..., Any]) -> None:
    """The batch tier of a model is cheaper."""
    plain, batch = (
        frugal("prices", "gpt-4o", *words, "--json").document["models"][0]
        for words in ((), ("--tier", "batch", "--at", "2026-01-31"))
    )
    assert float(batch["input"]) < float(plain["input"])
