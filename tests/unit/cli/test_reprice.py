"""`frugal reprice`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from frugal import Ledger, Usage


@pytest.fixture
def prices(tmp_path: Path) -> Path:
    """Return a file with a price for a model that nobody lists."""
    file = tmp_path / "prices.json"
    file.write_text('{"unheard-of": {"input": "1", "output": "2"}}')
    return file


def test_nothing_is_written_unasked(frugal: Callable[..., Any], recorded: Callable[..., Path], prices: Path) -> None:
    """The differences are shown; --apply puts them in the books, and the books stay right."""
    place = recorded({"model": "unheard-of", "usage": Usage(input_tokens=1_000_000)})
    shown = frugal("reprice", "--prices", prices, "--json", "--ledger", place).document
    assert (shown["records"], shown["written"], shown["difference"]["usd"]) == (1, 0, "1")
    assert "--apply" in frugal("reprice", "--prices", prices, "--ledger", place).out
    with Ledger(place) as ledger:
        assert ledger.totals().cost.amount is None
    assert "1 records were written" in frugal("reprice", "--prices", prices, "--apply", "--ledger", place).out
    with Ledger(place) as ledger:
        assert str(ledger.totals().cost.amount) == "$1.0000"
        assert ledger.audit()


def test_equal_prices_differ_in_nothing(frugal: Callable[..., Any], week: Path) -> None:
    """What was priced by the shipped table still is."""
    assert "Nothing differs" in frugal("reprice", "--ledger", week).out
