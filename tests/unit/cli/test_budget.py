"""`frugal budget`."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from frugal import Budget, BudgetExceededError, Ledger, budgeted, scope, usd
from frugal._values.record import BudgetFigure, BudgetStatus
from frugal.cli.budget import budget_grid
from frugal.cli.parts import Bar
from frugal.cli.screen import Screen
from frugal.testing import FakeModel


@pytest.fixture
def spent(tmp_path: Path) -> Path:
    """Return a ledger whose budgets stand at different heights."""
    place = tmp_path / "spent"

    async def spend() -> None:
        async with Ledger(place) as ledger:
            model = FakeModel()

            @budgeted(
                Budget(tokens=60, window="day", per="user", name="tokens"),
                Budget(usd="5", window="month", name="all"),
                ledger=ledger,
                cap_output=True,
            )
            async def ask(messages: Any, *, model_name: str = "gpt-4o", max_tokens: int = 20) -> Any:
                return await model(messages, model=model_name, max_tokens=max_tokens)

            for user, calls in (("ada", 1), ("grace", 20)):
                with scope(user=user):
                    for _ in range(calls):
                        try:
                            await ask("Hello", model_name="gpt-4o")
                        except BudgetExceededError:
                            break

    asyncio.run(spend())
    return place


def status(name: str, used: str, *, held: str = "0", exceeded: bool = False, subject: str = "") -> BudgetStatus:
    figure = BudgetFigure(usd(used), usd(held), usd(10), usd(10) - usd(used), float(usd(used)) / 10)
    return BudgetStatus(
        name, "day", subject, figure, None, warning=False, exceeded=exceeded, resets_at=datetime(2099, 1, 1, tzinfo=UTC)
    )


def test_its_figures_are_the_ledgers(frugal: Callable[..., Any], spent: Path) -> None:
    """Every budget that calls claimed, with used, held, limit, what is left, and when it resets."""
    document = frugal("budget", "--json", "--ledger", spent).document
    with Ledger(spent) as ledger:
        known = {(one.name, one.subject): one for one in ledger.budgets()}
    assert {(one["name"], one["subject"]) for one in document["budgets"]} == set(known)
    assert {"ada", "grace"} <= {subject for _, subject in known}
    for one in document["budgets"]:
        true = known[one["name"], one["subject"]]
        for unit in ("usd", "tokens"):
            figure = getattr(true, unit)
            assert (one[unit] is None) is (figure is None)
            if figure is not None:
                for name in ("used", "held", "limit", "remaining"):
                    value = getattr(figure, name)
                    assert one[unit][name] == value if isinstance(value, int) else one[unit][name]["pico"] == value.pico
        assert one["resets_at"] == true.resets_at.isoformat()


def test_the_check_passes_while_nothing_is_exceeded(frugal: Callable[..., Any], spent: Path) -> None:
    """A budget under its limit is well."""
    assert frugal("budget", "--check", "--name", "all", "--ledger", spent).code == 0


def test_the_check_fails_with_1_when_one_is_exceeded(
    frugal: Callable[..., Any], spent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And says which, whose, and until when, in one line."""
    over = [status("desk", "10", exceeded=True, subject="ada"), status("other", "1")]
    monkeypatch.setattr(Ledger, "budgets", lambda self: over)
    ran = frugal("budget", "--check", "--ledger", spent)
    assert ran.code == 1
    assert ran.err.count("\n") == 1
    assert all(word in ran.err for word in ("'desk'", "ada", "2099-01-01"))
    assert frugal("budget", "--ledger", spent).code == 0  # only asked is it a check
    assert frugal("budget", "--check", "--json", "--ledger", spent).code == 1


def test_a_ledger_without_budgets_says_how_to_have_one(frugal: Callable[..., Any], recorded: Any) -> None:
    """There is something to do next."""
    assert "@budgeted" in frugal("budget", "--ledger", recorded({"cost": "1"})).out


def test_a_name_that_is_not_there_is_refused(frugal: Callable[..., Any], spent: Path) -> None:
    """So a slip of the pen in a check does not pass for ever."""
    ran = frugal("budget", "--check", "--name", "desc", "--ledger", spent)
    assert ran.code == 2
    assert "all" in ran.err


def test_what_is_held_stands_in_the_bar() -> None:
    """Used and held are told apart."""
    grid = budget_grid([status("desk", "4", held="2")], 0)
    bar = next(cell for cell in grid.rows[0] if isinstance(cell, Bar))
    assert (bar.share, bar.held) == (0.4, 0.2)
    assert "held" in [column.name for column in grid.columns]


def test_a_budget_of_many_users_shows_the_fullest() -> None:
    """A hundred users do not bury the other budgets."""
    many = [status("each", str(number / 10), subject=f"user-{number}") for number in range(100)]
    grid = budget_grid([*many, status("all", "1")], 8)
    assert [row[1] for row in grid.rows[:3]] == ["user-99", "user-98", "user-97"]
    assert len(grid.rows) == 9
    assert "92 more of 'each'" in grid.notes[0]


def test_it_fits_80_columns() -> None:
    """With long names, subjects, holds and large sums."""
    console = Console(width=80, record=True, force_terminal=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    with console.file:
        long = status("the whole support desk", "9.1234", held="0.5", subject="somebody-with-a-long-name@example.org")
        Screen(console=console).show(budget_grid([long], 0))
        shown = console.export_text()
    assert all(word in shown for word in ("$9.1234", "$0.50", "$10.00", "91%", "ok"))
