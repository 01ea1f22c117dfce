"""`frugal compact`: old records become daily sums."""

from __future__ import annotations

from typing import Annotated

import typer

from frugal.cli import options
from frugal.cli.asking import sure
from frugal.cli.opening import opened
from frugal.cli.screen import Screen

__all__ = ["app"]

app = typer.Typer(add_completion=False)


@app.command()
def compact(
    *,
    keep_days: Annotated[float, typer.Option("--keep-days", min=1, help="Days whose single records stay.")],
    yes: options.Yes = False,
    ledger: options.LedgerDirectory = None,
    as_json: options.AsJson = False,
) -> None:
    """Fold old records into daily sums.

    The money stays, by user, model, provider, function, kind and outcome; hours, runs, tags and single records of those
    days are gone. It cannot be undone: frugal export writes them to a file first.
    """
    screen = Screen(as_json=as_json)
    with opened(ledger) as books:
        sure(f"Fold the records of {books.directory} that are older than {keep_days:g} days?", yes=yes)
        found = books.compact(keep_days)
    screen.document({"days": found.days, "records": found.records})
    if found.days:
        days = "1 day" if found.days == 1 else f"{found.days:,} days"
        screen.line(f"{found.records:,} records of {days} are daily sums now.")
    else:
        screen.line(f"Nothing is older than {keep_days:g} days.")
