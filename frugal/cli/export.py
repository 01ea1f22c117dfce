"""`frugal export`: the records as a file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from frugal._values.record import Record
from frugal.cli import options
from frugal.cli.documents import instant_document
from frugal.cli.endings import writing_to
from frugal.cli.opening import calls_in, opened
from frugal.cli.progress import progress
from frugal.cli.screen import Screen
from frugal.cli.times import period
from frugal.cli.wording import clean
from frugal.ledger.exporting import FORMATS
from frugal.ledger.exporting import export as write

__all__ = ["app"]

app = typer.Typer(add_completion=False)


@app.command()
def export(
    *,
    path: Annotated[Path, typer.Argument(metavar="FILE", help=f"The file to write: {' or '.join(FORMATS)}.")],
    since: options.Since = None,
    until: options.Until = None,
    user: options.OnlyUser = None,
    model: options.OnlyModel = None,
    provider: options.OnlyProvider = None,
    function: options.OnlyFunction = None,
    kind: options.OnlyKind = None,
    outcome: options.OnlyOutcome = None,
    run: options.OnlyRun = None,
    tag: options.OnlyTag = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")] = False,
    ledger: options.LedgerDirectory = None,
    timezone: options.Timezone = "UTC",
    as_json: options.AsJson = False,
) -> None:
    """Write the records to a file: CSV or JSON Lines.

    The file's suffix says which. It appears whole or not at all, and only its owner can read it.
    """
    screen = Screen(as_json=as_json)
    asked = period(since, until, timezone)
    only = options.filters(
        user=user, model=model, provider=provider, function=function, kind=kind, outcome=outcome, run=run, tag=tag
    )
    with writing_to(path, force=force, suffixes=FORMATS), opened(ledger) as books:
        # How far it is, at most: counting what a tag or a run has would read every record, as writing does.
        counted = {name: value for name, value in only.items() if name not in ("run", "tags")}
        total = calls_in(books.totals(asked.since, asked.until, **counted))
        with progress("exporting", total) as step:
            number = write(path, _counted(books.records(asked.since, asked.until, **only), step))
    screen.document(
        {
            "file": str(path),
            "records": number,
            "since": instant_document(asked.since),
            "until": instant_document(asked.until),
        }
    )
    screen.line(f"{number:,} record{'' if number == 1 else 's'} in {clean(str(path))}")


def _counted(records: Iterable[Record], step: Callable[[], None]) -> Iterator[Record]:
    for record in records:
        step()
        yield record
