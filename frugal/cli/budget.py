"""`frugal budget`: every budget that was seen, how it stands, and a check for cron jobs and CI."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer

from frugal._values.clock import clock
from frugal._values.money import Money
from frugal._values.record import BudgetFigure, BudgetStatus
from frugal._values.window import zone
from frugal.cli import options, wording
from frugal.cli.documents import budget_document, instant_document
from frugal.cli.endings import CHECK_FAILED, Trouble
from frugal.cli.opening import calls_in, nothing, opened
from frugal.cli.parts import Bar, Cell, Column, Grid
from frugal.cli.screen import Screen
from frugal.cli.times import check_zone

__all__ = ["app", "budget_grid"]

app = typer.Typer(add_completion=False)


@app.command()
def budget(
    *,
    check: Annotated[bool, typer.Option("--check", help="Exit with 1 when one is exceeded.")] = False,
    name: Annotated[str | None, typer.Option(help="Only budgets of this name.")] = None,
    subject: Annotated[str | None, typer.Option("--of", help="Only this user's, model's, run's, ….")] = None,
    limit: options.Limit = None,
    ledger: options.LedgerDirectory = None,
    timezone: Annotated[
        str | None,
        typer.Option(metavar="ZONE", help="Whose wall clock the resets are told in.", show_default="the budget's"),
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Show every budget: used, held, left, and when it resets.

    Budgets are those that calls have claimed in this ledger lately, for each user, model, function, tag or run that
    they are for. With --check the exit code is 1 when one is exceeded (used up), and 0 when none is.
    """
    screen = Screen(as_json=as_json)
    if timezone is not None:
        check_zone(timezone)
    with opened(ledger) as books:
        known = books.budgets()
        found = [
            status
            for status in known
            if (name is None or status.name == name) and (subject is None or status.subject == subject)
        ]
        if screen.as_json:
            screen.document({"now": instant_document(clock.now()), "budgets": [budget_document(one) for one in found]})
        elif found:
            screen.show(budget_grid(found, 8 if limit is None else limit, timezone))
        elif known:
            raise Trouble(
                "no budget of that name and subject was seen; there are: "
                + ", ".join(sorted({wording.clean(status.name) for status in known})) + "."
            )  # fmt: skip
        elif not calls_in(books.totals()):
            nothing(screen, books)
        else:
            screen.line("No budget was claimed in this ledger lately: put @budgeted(daily_usd=50) on a function.")
    over = [status for status in found if status.exceeded]
    if check and over:
        first = over[0]
        of = f" of {first.subject}" if first.subject else ""
        more = f" and {len(over) - 1} more are" if len(over) > 1 else " is"
        until = f"; it resets at {first.resets_at.isoformat()}" if first.resets_at else ""
        raise Trouble(f"budget {first.name!r}{of}{more} exceeded{until}. Wait, or raise the limit.", CHECK_FAILED)


_STATES = (
    (lambda status: status.exceeded, "over", "red"),
    (lambda status: status.warning, "warn", "yellow"),
    (lambda status: True, "ok", "green"),
)


def budget_grid(found: Sequence[BudgetStatus], each: int, timezone: str | None = None) -> Grid:
    """Return budgets as a table, a row for each unit; of each budget, the fullest first.

    Args:
        found: the budgets.
        each: of how many subjects (users, runs, …) each budget is shown; 0 for all.
        timezone: the zone for the resets; how long it is until then when `None`.
    """
    by_name: dict[tuple[str, str], list[BudgetStatus]] = {}
    for status in sorted(found, key=lambda status: status.window == "run"):  # runs are many, and soon over
        by_name.setdefault((status.name, status.window), []).append(status)
    some: list[BudgetStatus] = []
    notes = []
    for (name, _), statuses in by_name.items():
        statuses.sort(key=lambda status: (-status.fraction, status.subject))
        some += statuses[:each] if each else statuses
        if each and len(statuses) > each:
            notes.append(f"and {len(statuses) - each:,} more of {wording.clean(name)!r}: --limit 0 shows all.")
    shown = [(status, figure) for status in some for figure in _figures(status)]
    columns = [
        Column("budget", keep=True),
        Column("of"),
        Column("used", right=True),
        Column("held", right=True),
        Column("limit", right=True),
        Column("", right=True),
        Column("", bar=True),
        Column("resets in" if timezone is None else "resets at", keep=True),
        Column("", keep=True),
    ]
    single = {name for (name, _), statuses in by_name.items() if all(not status.subject for status in statuses)}
    rows = [_row(status, figure, timezone, everyone=status.name in single) for status, figure in shown]
    if any(figure.held for _, figure in shown):
        notes.append("held: for calls under way; the lighter part of the bar.")
    else:
        _leave_out(3, columns, rows)
    if not any(status.subject for status in some):
        _leave_out(1, columns, rows)
    return Grid(columns, rows, "Budgets", notes=notes)


def _leave_out(at: int, columns: list[Column], rows: list[list[Cell]]) -> None:
    columns.pop(at)
    for row in rows:
        row.pop(at)


def _figures(status: BudgetStatus) -> list[BudgetFigure]:
    return [figure for figure in (status.usd, status.tokens) if figure is not None]


def _held(figure: BudgetFigure) -> float:
    return _number(figure.held) / _number(figure.limit) if _number(figure.limit) else 0.0


def _row(status: BudgetStatus, figure: BudgetFigure, timezone: str | None, *, everyone: bool) -> list[Cell]:
    word, style = next((word, style) for test, word, style in _STATES if test(status))
    return [
        wording.clean(status.name),
        "all" if everyone else wording.named(status.subject),
        _amount(figure.used),
        _amount(figure.held) if figure.held else "-",
        _amount(figure.limit),
        wording.percent(figure.fraction),
        Bar(figure.fraction, _held(figure), style),
        _resets(status, timezone),
        word,
    ]


def _resets(status: BudgetStatus, timezone: str | None) -> str:
    if status.resets_at is None:
        return "-"
    now = datetime.fromtimestamp(clock.now(), UTC)
    if timezone is None:
        return wording.left(status.resets_at, now)
    return f"{status.resets_at.astimezone(zone(timezone)):%m-%d %H:%M}"


def _amount(value: Money | int) -> str:
    if not isinstance(value, Money):
        return wording.count(value)
    cents = value.pico % 10**10 == 0  # a whole number of cents reads better without more decimals
    return f"${value.usd:,.2f}" if cents else wording.money(value)


def _number(value: Money | int) -> int:
    return value.pico if isinstance(value, Money) else value
