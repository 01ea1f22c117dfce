"""`frugal forget`: a user's name goes, the money stays."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from frugal.cli import options
from frugal.cli.answers import clear_answers
from frugal.cli.asking import sure
from frugal.cli.endings import Trouble
from frugal.cli.opening import calls_in, opened
from frugal.cli.screen import Screen
from frugal.cli.wording import clean

__all__ = ["app"]

app = typer.Typer(add_completion=False)


@app.command()
def forget(
    *,
    user: Annotated[str, typer.Argument(help="The user, as it stands in the ledger.")],
    caches: Annotated[
        list[Path] | None,
        typer.Option("--cache", metavar="DIR", help="Where disk layers keep answers, if not by default."),
    ] = None,
    yes: options.Yes = False,
    ledger: options.LedgerDirectory = None,
    as_json: options.AsJson = False,
) -> None:
    """Put a random name in the place of a user's.

    In every record, counter and budget of the ledger; what was spent stays. The answers that were kept for that user in
    the disk cache are removed. It cannot be undone.
    """
    screen = Screen(as_json=as_json)
    if not user:
        raise Trouble("the user is empty: records without a user have no name to forget.")
    with opened(ledger) as books:
        known = calls_in(books.totals(user=user))
        if known:
            sure(f"Forget user {user!r} in {books.directory} ({known:,} records)?", yes=yes)
        found = books.forget(user)
    answers = clear_answers(caches, user=user)
    screen.document({"records": found.records, "name": found.user if found.records else None, "answers": answers})
    if found.records:
        many = "record stands" if found.records == 1 else "records stand"
        screen.line(f"Forgotten: {found.records:,} {many} under {found.user} now.")
    else:
        screen.line(f"No record is of user {clean(user)!r}: nothing to forget in the ledger.")
    if answers:
        screen.line(f"{answers:,} kept answer{'' if answers == 1 else 's'} removed.")
