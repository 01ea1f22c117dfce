"""`frugal audit`: are the books right? For people, and for cron jobs."""

from __future__ import annotations

import typer

from frugal.cli import options, wording
from frugal.cli.endings import CHECK_FAILED, Trouble
from frugal.cli.opening import opened
from frugal.cli.parts import Line
from frugal.cli.screen import Screen

__all__ = ["app"]

app = typer.Typer(add_completion=False)


@app.command()
def audit(*, ledger: options.LedgerDirectory = None, as_json: options.AsJson = False) -> None:
    """Add everything up again and compare with the counters.

    Exits with 1 when something does not add up.
    """
    screen = Screen(as_json=as_json)
    with opened(ledger) as books:
        found = books.audit()
        screen.document(
            {
                "ok": found.ok,
                "records": found.records,
                "problems": list(found.problems),
                "directory": books.directory,
            }
        )
        many = f"{found.records:,} record{'' if found.records == 1 else 's'}"
        if found.ok:
            screen.line(f"All is right: {many} add up to every counter and every budget.", "green")
        else:
            screen.show(*(Line(f"- {wording.clean(problem)}", "red") for problem in found.problems))
        place = books.directory
    if not found.ok:
        number = len(found.problems)
        raise Trouble(
            f"{number} thing{' does' if number == 1 else 's do'} not add up in {place}. "
            "Copy the directory before anything else, then restore it from a backup, or report the lines above.",
            CHECK_FAILED,
        )
