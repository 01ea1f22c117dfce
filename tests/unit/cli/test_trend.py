"""`frugal trend`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from frugal import Ledger


def test_its_days_are_the_ledgers_trend(frugal: Callable[..., Any], week: Path) -> None:
    """Every day, the empty ones too, the oldest first."""
    document = frugal("trend", "--days", "9", "--json", "--ledger", week).document
    with Ledger(week) as ledger:
        trend = ledger.trend(9)
    assert [(row["group"], row["cost"]["amount"]["pico"]) for row in document["days"]] == [
        (dict(row.group), row.cost.known.pico) for row in trend
    ]
    assert document["days"][0]["calls"] == 0


def test_since_and_until_choose_the_days(frugal: Callable[..., Any], week: Path) -> None:
    """Borders on the calendar are days from the first to the one before the second."""
    document = frugal("trend", "--since", "2026-02-27", "--until", "2026-03-02", "--json", "--ledger", week).document
    assert [row["group"]["day"] for row in document["days"]] == ["2026-02-27", "2026-02-28", "2026-03-01"]


def test_a_zone_has_its_own_days(frugal: Callable[..., Any], week: Path) -> None:
    """The same money on another calendar."""
    here, there = (
        frugal("trend", "--days", "9", "--timezone", zone, "--json", "--ledger", week).document
        for zone in ("UTC", "Pacific/Kiritimati")
    )
    assert here["total"]["cost"] == there["total"]["cost"]


def test_it_says_the_rate(frugal: Callable[..., Any], week: Path) -> None:
    """A person learns what a month comes to."""
    assert "in 30 days at this rate" in frugal("trend", "--ledger", week).out
