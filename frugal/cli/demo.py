"""`frugal demo`: the main job, on a workload that is shipped, offline."""

from __future__ import annotations

import asyncio
import logging
import shlex
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer

from frugal._values.clock import clock as ambient
from frugal._values.money import Money
from frugal._values.record import BudgetStatus
from frugal.cli import options, wording
from frugal.cli.budget import budget_grid
from frugal.cli.documents import budget_document, money_document, row_document
from frugal.cli.endings import Trouble
from frugal.cli.opening import calls_in
from frugal.cli.parts import Line, Part
from frugal.cli.reports import added, dearest_first, saved_grid, usage_grid
from frugal.cli.screen import Screen
from frugal.cli.workload import DAYS, Week, live_through
from frugal.ledger import Ledger
from frugal.testing import FakeClock, virtual

__all__ = ["app"]

app = typer.Typer(add_completion=False)


@app.command()
def demo(*, ledger: options.LedgerDirectory = None, as_json: options.AsJson = False) -> None:
    """Show the main job on an offline workload.

    A week of a support desk: agents that call two providers' models under a budget, with tools, streams, a failure and
    an agent that cannot stop. Nothing leaves this machine. Its ledger stays, to look at with the other commands; a new
    directory takes it, a temporary one unless --ledger says otherwise.
    """
    screen = Screen(as_json=as_json)
    if ledger is not None:
        _refuse_a_used(ledger)
    place = Path(tempfile.mkdtemp(prefix="frugal-demo-")) / "ledger" if ledger is None else ledger
    with Ledger(place) as books, tempfile.TemporaryDirectory(prefix="frugal-demo-cache-") as cache:
        began = time.perf_counter()
        now = ambient.now()
        clock = FakeClock(now - (DAYS + 1) * 86_400)
        with _quiet():
            week = asyncio.run(live_through(books, clock, Path(cache), now=now))
        took = time.perf_counter() - began
        with virtual(clock):
            budgets = books.budgets()
        if screen.as_json:
            screen.document(_document(week, budgets))
        else:
            screen.show(*_parts(week, budgets, took))


def _refuse_a_used(place: Path) -> None:
    with Ledger(place) as books:
        if calls_in(books.totals()):
            raise Trouble(f"{str(place)!r} has records already, and the demo's are not real: name a new directory.")


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the warnings of budgets near their limits, which are meant here, off the screen."""
    log = logging.getLogger("frugal")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(before)


def _document(week: Week, budgets: Sequence[BudgetStatus]) -> dict[str, Any]:
    books = week.ledger
    return {
        "directory": books.directory,
        "total": row_document(books.totals()),
        "by_model": [row_document(row) for row in dearest_first(books.usage(by=("model",)))],
        "by_user": [row_document(row) for row in dearest_first(books.usage(by=("user",)))],
        "saved_by": {row.group["outcome"]: row_document(row) for row in saved_grid(books, {})[1]},
        "budgets": [budget_document(status) for status in budgets],
        "billed": money_document(week.billed),
        "refused": [{"what": what, "why": str(error)} for what, error in week.refused],
    }


def _parts(week: Week, budgets: Sequence[BudgetStatus], took: float) -> Iterator[Part]:
    books = week.ledger
    models, users = (books.usage(by=(name,)) for name in ("model", "user"))
    total = added(models)
    yield Line(f"A week of a support desk: {total.calls:,} calls, offline, in {took:.1f} s", "bold")
    yield Line()
    yield usage_grid("What was spent, by model", ("model",), dearest_first(models), total, 0, notes=False)
    yield Line()
    yield usage_grid("and by user", ("user",), dearest_first(users), total, 0)
    saved, _ = saved_grid(books, {})
    if saved is not None:
        yield Line()
        yield saved
    yield Line()
    yield budget_grid([status for status in budgets if status.window != "run"], 0)
    yield Line()
    yield from _happened(week)
    yield Line()
    yield Line("Where it is, and what to try next", "bold")
    yield Line(f"  {wording.clean(books.directory)}")
    where = shlex.quote(books.directory)
    for command in ("usage --by user,model", "top --by function", "records --limit 10"):
        yield Line(f"  frugal {command} --ledger {where}")


def _dollars(amount: Money | int) -> str:
    return wording.money(amount) if isinstance(amount, Money) else wording.count(amount)


def _happened(week: Week) -> Iterator[Part]:
    yield Line("What happened", "bold")
    tools = week.ledger.totals(kind="tool").calls
    yield Line(f"  {tools} calls of tools cost nothing, and are recorded all the same.")
    for what, error in week.refused:
        yield Line(
            f"  Stopped by budget {error.budget!r} at {_dollars(error.spent)} of {_dollars(error.limit)}: {what}."
        )
    yield Line(f"  {week.retried} calls failed at the provider and were made again; the failures cost nothing.")
    yield Line(f"  {week.left} stream was hung up on: its cost is an estimate, with bounds.")
    others = week.ledger.totals(kind="vector store").cost.known
    yield Line(f"  The providers billed {wording.money(week.billed)}, the vector store {wording.money(others)}.")
