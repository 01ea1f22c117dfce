"""`frugal forget`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from frugal import Ledger
from frugal._middleware.cached import labels
from frugal.stores import DiskStore


def test_the_name_goes_and_the_money_stays(frugal: Callable[..., Any], fresh_week: Path) -> None:
    """Under a random name, with books that are right."""
    with Ledger(fresh_week) as ledger:
        before, of_ada = ledger.totals().cost, ledger.totals(user="ada").cost
    said = frugal("forget", "ada", "--yes", "--json", "--ledger", fresh_week).document
    with Ledger(fresh_week) as ledger:
        assert ledger.totals().cost == before
        assert ledger.totals(user="ada").calls == 0
        assert ledger.totals(user=said["name"]).cost == of_ada
        assert ledger.audit()


def test_kept_answers_go_with_it(frugal: Callable[..., Any], recorded: Callable[..., Path], tmp_path: Path) -> None:
    """Those that were kept for that user, and no others."""
    store = DiskStore(tmp_path / "answers")
    store.set("one", b"for ada", None, labels("app.ask", "ada"))
    store.set("two", b"for grace", None, labels("app.ask", "grace"))
    store.close()
    place = recorded({"user": "ada", "cost": "1"})
    ran = frugal("forget", "ada", "--yes", "--cache", tmp_path / "answers", "--ledger", place)
    assert "1 kept answer removed" in ran.out
    assert store.get("one") is None
    assert store.get("two") is not None
    store.close()


def test_nobody_is_forgotten_unasked(frugal: Callable[..., Any], week: Path) -> None:
    """Where nobody can be asked, --yes must be said."""
    ran = frugal("forget", "ada", "--ledger", week)
    assert ran.code == 2
    assert "--yes" in ran.err
    with Ledger(week) as ledger:
        assert ledger.totals(user="ada").calls


def test_an_unknown_user_is_no_error(frugal: Callable[..., Any], week: Path) -> None:
    """To have nothing to forget is well."""
    ran = frugal("forget", "nobody", "--ledger", week)
    assert ran.code == 0
    assert "nothing to forget" in ran.out
