"""`frugal records`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from frugal import Ledger


def test_the_newest_come_first_and_the_limit_holds(frugal: Callable[..., Any], week: Path) -> None:
    """Twenty, unless more are asked for."""
    newest = frugal("records", "--json", "--ledger", week).document["records"]
    every = frugal("records", "--limit", "0", "--oldest-first", "--json", "--ledger", week).document["records"]
    assert len(newest) == 20
    times = [record["time"] for record in every]
    assert times == sorted(times)
    assert [record["id"] for record in newest] == [record["id"] for record in every[::-1][:20]]
    with Ledger(week) as ledger:
        assert sum(record["cost"]["amount"]["pico"] for record in every) == ledger.totals().cost.known.pico


def test_filters_choose(frugal: Callable[..., Any], week: Path) -> None:
    """Each filter leaves only what it says."""
    found = frugal(
        "records", "--user", "grace", "--outcome", "shared", "--tag", "feature=hours", "--json", "--ledger", week
    ).document["records"]
    assert {(record["user"], record["outcome"], record["tags"]["feature"]) for record in found} == {
        ("grace", "shared", "hours")
    }


def test_all_about_one_call(frugal: Callable[..., Any], week: Path) -> None:
    """The id that --ids shows gives everything that is known."""
    one = frugal("records", "--outcome", "cancelled", "--json", "--ledger", week).document["records"][0]
    assert one["call"] in frugal("records", "--outcome", "cancelled", "--ids", "--ledger", week).out
    out = frugal("records", one["call"], "--ledger", week).out
    for words in ("cancelled", "linus", "feature=billing", "between", "(estimated)", one["key"]):
        assert words in out


def test_no_prompt_is_anywhere(frugal: Callable[..., Any], week: Path) -> None:
    """What people asked is not in the ledger, so it is not shown."""
    out = frugal("records", "--limit", "0", "--json", "--ledger", week).out
    assert "telephone" not in out
    assert "invoice" not in out
