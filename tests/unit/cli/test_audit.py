"""`frugal audit`."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any


def test_a_ledger_in_order_is_code_0(frugal: Callable[..., Any], week: Path) -> None:
    """It says how many records were added up."""
    ran = frugal("audit", "--ledger", week)
    assert ran.code == 0
    assert "All is right" in ran.out
    assert frugal("audit", "--json", "--ledger", week).document["ok"] is True


def test_a_counter_that_lies_is_code_1(frugal: Callable[..., Any], fresh_week: Path) -> None:
    """What does not add up is listed, and a cron job learns of it."""
    with closing(sqlite3.connect(fresh_week / "cache.db", isolation_level=None)) as connection:
        removed = connection.execute(
            "DELETE FROM Cache WHERE rowid = (SELECT rowid FROM Cache WHERE key >= 'day/' AND key < 'day0' LIMIT 1)"
        )
        assert removed.rowcount == 1
    ran = frugal("audit", "--ledger", fresh_week)
    assert ran.code == 1
    assert ran.out.startswith("- ")
    assert ran.err.count("\n") == 1
    asked = frugal("audit", "--json", "--ledger", fresh_week)
    assert asked.code == 1
    assert asked.document["ok"] is False
    assert asked.document["problems"]


def test_an_empty_ledger_is_in_order(frugal: Callable[..., Any]) -> None:
    """Nothing adds up to nothing."""
    assert frugal("audit").code == 0
