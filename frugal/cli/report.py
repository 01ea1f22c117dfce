"""`frugal report`: the ledger as one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from frugal.cli import options
from frugal.cli.documents import instant_document, row_document
from frugal.cli.endings import writing_to
from frugal.cli.opening import calls_in, opened
from frugal.cli.progress import progress
from frugal.cli.screen import Screen
from frugal.cli.times import period
from frugal.cli.wording import clean
from frugal.insight import report as write

__all__ = ["app"]

app = typer.Typer(add_completion=False)


@app.command()
def report(
    *,
    html: Annotated[Path, typer.Option("--html", metavar="FILE", help="The page to write.")],
    title: Annotated[str, typer.Option(help="What stands on top of it.")] = "What language models cost",
    since: options.Since = None,
    until: options.Until = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")] = False,
    ledger: options.LedgerDirectory = None,
    timezone: options.Timezone = "UTC",
    as_json: options.AsJson = False,
) -> None:
    """Write a page with charts, tables and advice: HTML.

    It stands by itself: nothing in it asks a network. It appears whole or not at all, and only its owner can read it.
    """
    screen = Screen(as_json=as_json)
    asked = period(since, until, timezone)
    with writing_to(html, force=force), opened(ledger) as books:
        total = books.totals(asked.since, asked.until, timezone)
        with progress("reading", calls_in(total)) as step:
            place = write(
                books, html, since=asked.since, until=asked.until, timezone=timezone, title=title, on_record=step
            )
    size = place.stat().st_size
    screen.document(
        {
            "file": str(place),
            "bytes": size,
            "records": calls_in(total),
            "since": instant_document(asked.since),
            "until": instant_document(asked.until),
            "total": row_document(total),
        }
    )
    number = calls_in(total)
    screen.line(f"{number:,} record{'' if number == 1 else 's'} on a page of {size / 1e6:.1f} MB: {clean(str(place))}")
