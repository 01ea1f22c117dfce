"""`frugal usage`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from frugal import Ledger
from frugal.cli.documents import money_document


def test_its_figures_are_the_ledgers(frugal: Callable[..., Any], week: Path) -> None:
    """Rows, total and savings equal what the ledger says, to the pico-dollar."""
    document = frugal("usage", "--by", "user,model", "--json", "--ledger", week).document
    with Ledger(week) as ledger:
        total, rows = ledger.totals(), ledger.usage(by=("user", "model"))
        saved = {row.group["outcome"]: row.saved for row in ledger.usage(by=("outcome",)) if row.saved}
    assert document["total"]["cost"]["amount"] == money_document(total.cost.amount)
    assert document["total"]["calls"] == total.calls
    assert {tuple(row["group"].items()): row["cost"]["amount"]["pico"] for row in document["rows"]} == {
        tuple(row.group.items()): row.cost.known.pico for row in rows
    }
    assert {name: row["saved"]["pico"] for name, row in document["saved_by"].items()} == {
        name: money.pico for name, money in saved.items()
    }
    assert sum(row["cost"]["amount"]["pico"] for row in document["rows"]) == total.cost.known.pico


def test_the_dearest_come_first_but_days_stay_in_order(frugal: Callable[..., Any], week: Path) -> None:
    """People look for what is large, and read time forwards."""
    models = frugal("usage", "--json", "--ledger", week).document["rows"]
    costs = [row["cost"]["amount"]["pico"] for row in models]
    assert costs == sorted(costs, reverse=True)
    days = [row["group"]["day"] for row in frugal("usage", "--by", "day", "--json", "--ledger", week).document["rows"]]
    assert days == sorted(days)
    assert len(days) == 7


def test_savings_are_shown_by_layer(frugal: Callable[..., Any], week: Path) -> None:
    """Each layer that answered has its line."""
    out = frugal("usage", "--ledger", week).out
    for layer in ("memory layer", "disk layer", "shared flights"):
        assert layer in out


def test_filters_and_times_narrow_it(frugal: Callable[..., Any], week: Path) -> None:
    """What is asked for together adds up to what is asked for at once."""
    whole = frugal("usage", "--user", "ada", "--json", "--ledger", week).document["total"]
    with Ledger(week) as ledger:
        middle = ledger.trend(4)[0].group["day"]
    before, after = (
        frugal("usage", "--user", "ada", "--json", "--ledger", week, *words).document["total"]
        for words in (("--until", middle), ("--since", middle))
    )
    assert 0 < before["calls"] < whole["calls"]
    assert whole["calls"] == before["calls"] + after["calls"]
    tagged = frugal("usage", "--tag", "feature=refunds", "--by", "tag:feature", "--json", "--ledger", week).document
    assert [row["group"] for row in tagged["rows"]] == [{"tag:feature": "refunds"}]


def test_by_is_repeatable_and_takes_commas(frugal: Callable[..., Any], week: Path) -> None:
    """Both ways of naming several groups are one."""
    one = frugal("usage", "--by", "user,kind", "--json", "--ledger", week).document
    two = frugal("usage", "--by", "user", "--by", "kind", "--json", "--ledger", week).document
    assert one == two


def test_rows_beyond_the_limit_are_counted_and_said(frugal: Callable[..., Any], week: Path) -> None:
    """Nothing is left out silently."""
    out = frugal("usage", "--by", "user", "--limit", "2", "--ledger", week).out
    assert "and 4 more, counted in the total" in out


def test_an_empty_ledger_says_what_to_do_next(frugal: Callable[..., Any]) -> None:
    """The first thing that a new user sees helps, makes nothing on disk, and is no error."""
    ran = frugal("usage")
    assert ran.code == 0
    for words in ("@metered", "frugal demo", "--ledger", "FRUGAL_HOME"):
        assert words in ran.out


def test_an_empty_time_says_so(frugal: Callable[..., Any], week: Path) -> None:
    """A ledger with records elsewhere is not called empty."""
    out = frugal("usage", "--since", "2019-01-01", "--until", "2019-02-01", "--user", "x", "--ledger", week).out
    assert "2019-01-01" in out
    assert "filter" in out


def test_unpriced_calls_are_said_and_not_called_free(frugal: Callable[..., Any], recorded: Callable[..., Path]) -> None:
    """A model without a price is named as such."""
    from frugal import Usage

    place = recorded({"model": "unheard-of-model", "usage": Usage(input_tokens=5)})
    ran = frugal("usage", "--ledger", place)
    assert "unpriced" in ran.out
    assert "frugal reprice" in ran.out
    assert frugal("usage", "--json", "--ledger", place).document["total"]["cost"]["amount"] is None


def test_what_users_wrote_is_only_text(frugal: Callable[..., Any], recorded: Callable[..., Path]) -> None:
    """Markup and escapes in names reach neither terminal nor pipe."""
    evil = "[red]\x1b[2J\tx\n\u202e"
    place = recorded({"user": evil, "cost": "1", "tags": {"feature": evil}, "kind": evil})
    for words in (["usage", "--by", "user,kind,tag:feature"], ["top"], ["records"]):
        out = frugal(*words, "--ledger", place).out
        assert "[red]\\x1b[2J\\tx\\n\\u202e" in out
        assert not {"\x1b", "\t", "\u202e"} & set(out)
