"""`frugal compact`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from frugal import Ledger


def test_old_records_become_sums_and_the_money_stays(frugal: Callable[..., Any], fresh_week: Path) -> None:
    """What was spent, by whom and on which model, is what it was."""
    with Ledger(fresh_week) as ledger:
        before = ledger.usage(by=("day", "user", "model"))
    said = frugal("compact", "--keep-days", "3", "--yes", "--json", "--ledger", fresh_week).document
    assert said["days"] >= 2
    assert said["records"] > 0
    with Ledger(fresh_week) as ledger:
        assert ledger.usage(by=("day", "user", "model")) == before
        assert ledger.audit()


def test_nothing_old_is_nothing_done(frugal: Callable[..., Any], fresh_week: Path) -> None:
    """It says so."""
    assert "Nothing is older" in frugal("compact", "--keep-days", "365", "--yes", "--ledger", fresh_week).out
