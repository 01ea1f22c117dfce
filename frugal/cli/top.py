"""`frugal top`: who and what costs most."""

from __future__ import annotations

from collections import Counter
from typing import Any

import typer

from frugal._values.record import UsageRow
from frugal.cli import options
from frugal.cli.documents import instant_document, row_document
from frugal.cli.opening import calls_in, nothing, opened
from frugal.cli.parts import Line, Part
from frugal.cli.reports import added, dearest_first, notes_on, usage_grid
from frugal.cli.screen import Screen
from frugal.cli.times import Period, period
from frugal.cli.wording import clean
from frugal.ledger import Ledger

__all__ = ["app"]

app = typer.Typer(add_completion=False)

_DIMENSIONS = ("user", "model", "function")
_SCANNED = 50_000  # records among which tags are looked for unasked; they have no sums of their own
_TAGS = 5


@app.command()
def top(
    *,
    since: options.Since = None,
    until: options.Until = None,
    by: options.By = None,
    user: options.OnlyUser = None,
    model: options.OnlyModel = None,
    function: options.OnlyFunction = None,
    kind: options.OnlyKind = None,
    limit: options.Limit = None,
    ledger: options.LedgerDirectory = None,
    timezone: options.Timezone = "UTC",
    as_json: options.AsJson = False,
) -> None:
    """Show who and what costs most.

    The dearest users, models, functions and tags, each in a table of its own, or what --by names instead.
    """
    screen = Screen(as_json=as_json)
    asked = period(since, until, timezone)
    only = options.filters(user=user, model=model, function=function, kind=kind)
    arguments: dict[str, Any] = {"since": asked.since, "until": asked.until, "timezone": timezone, **only}
    shown = 5 if limit is None else limit
    with opened(ledger) as books:
        total = books.totals(**arguments)
        notes: list[str] = []
        names = options.groups(by, ())
        if not names:
            tags, notes = _tags(books, asked, only, calls_in(total))
            names = (*_DIMENSIONS, *(f"tag:{name}" for name in tags))
        tables = _tables(books, names, arguments)
        if screen.as_json:
            screen.document(
                {
                    "since": instant_document(asked.since),
                    "until": instant_document(asked.until),
                    "timezone": timezone,
                    "total": row_document(total),
                    "top": {
                        name: [row_document(row) for row in (rows[:shown] if shown else rows)]
                        for name, rows in tables.items()
                    },
                }
            )
        elif not calls_in(total):
            nothing(screen, books, asked, filtered=bool(only))
        else:
            screen.show(*_parts(tables, total, asked, shown, notes))


def _tags(ledger: Ledger, asked: Period, only: dict[str, Any], records: int) -> tuple[list[str], list[str]]:
    """Return the names of the tags that most records have."""
    if records > _SCANNED:
        return [], ["Tags are read record by record, so they are shown when asked for: --by tag:NAME."]
    found: Counter[str] = Counter()
    for record in ledger.records(asked.since, asked.until, **only):
        found.update(list(record.tags))
    names = [name for name, _ in sorted(found.items(), key=lambda item: (-item[1], item[0]))]
    more = [f"and {len(names) - _TAGS} tags more: --by tag:NAME."] if len(names) > _TAGS else []
    return names[:_TAGS], more


def _tables(ledger: Ledger, names: tuple[str, ...], arguments: dict[str, Any]) -> dict[str, list[UsageRow]]:
    tables = {name: dearest_first(ledger.usage(by=(name,), **arguments)) for name in names if name[:4] != "tag:"}
    tagged = tuple(name for name in names if name[:4] == "tag:")
    if tagged:  # one reading of the records for all of them
        rows = ledger.usage(by=tagged, **arguments)
        for name in tagged:
            parts: dict[str, list[UsageRow]] = {}
            for row in rows:
                parts.setdefault(row.group[name], []).append(row)
            tables[name] = dearest_first(added(some, {name: value}) for value, some in parts.items())
    return {name: tables[name] for name in names}


def _parts(
    tables: dict[str, list[UsageRow]], total: UsageRow, asked: Period, limit: int, notes: list[str]
) -> list[Part]:
    parts: list[Part] = []
    for name, rows in tables.items():
        if {row.group[name] for row in rows} == {""}:
            continue  # a table with one row that says "(none)" tells nothing
        if parts:
            parts.append(Line())
        parts.append(usage_grid(f"Top by {clean(name)}, {asked.words}", (name,), rows, total, limit, notes=False))
    parts += [Line(note, "dim") for note in (*notes_on(total), *notes)]
    return parts
