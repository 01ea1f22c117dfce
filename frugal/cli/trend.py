"""`frugal trend`: the cost of each day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

import typer

from frugal._values.clock import clock
from frugal._values.record import UsageRow
from frugal._values.window import window_of
from frugal.cli import options, wording
from frugal.cli.documents import money_document, row_document
from frugal.cli.endings import Trouble
from frugal.cli.opening import calls_in, nothing, opened
from frugal.cli.parts import Bar, Cell, Column, Grid
from frugal.cli.reports import added, notes_on
from frugal.cli.screen import Screen
from frugal.cli.times import period
from frugal.ledger import Ledger

__all__ = ["app"]

app = typer.Typer(add_completion=False)

_MOST_DAYS = 3_660


@app.command()
def trend(
    *,
    days: Annotated[
        int | None, typer.Option(min=1, max=_MOST_DAYS, help="How many days, today included.", show_default="7")
    ] = None,
    since: options.Since = None,
    until: options.Until = None,
    user: options.OnlyUser = None,
    model: options.OnlyModel = None,
    provider: options.OnlyProvider = None,
    function: options.OnlyFunction = None,
    kind: options.OnlyKind = None,
    run: options.OnlyRun = None,
    tag: options.OnlyTag = None,
    ledger: options.LedgerDirectory = None,
    timezone: options.Timezone = "UTC",
    as_json: options.AsJson = False,
) -> None:
    """Show the cost of each of the last days.

    Empty days are shown too. --since and --until take the place of --days.
    """
    screen = Screen(as_json=as_json)
    only = options.filters(user=user, model=model, provider=provider, function=function, kind=kind, run=run, tag=tag)
    asked = period(since, until, timezone)
    if days is not None and since is not None:
        raise Trouble("--days and --since both say when to begin: leave one out.")
    labels = _labels(days or 7, asked.since, asked.until, timezone)
    with opened(ledger) as books:
        rows = _rows(books, labels, asked.until, timezone, only)
        total = added(rows)
        if screen.as_json:
            screen.document(
                {
                    "timezone": timezone,
                    "days": [row_document(row) for row in rows],
                    "total": row_document(total),
                    "mean_per_day": money_document(total.cost.known * (1 / len(rows))),
                }
            )
        elif not calls_in(total):
            nothing(screen, books, asked if since or until else None, filtered=bool(only))
        else:
            screen.show(_grid(rows, total, timezone))


def _labels(days: int, since: datetime | None, until: datetime | None, timezone: str) -> list[tuple[str, float]]:
    """Return the days that are asked for, with where they begin, the oldest first."""
    window = window_of("day", clock.now() if until is None else until.timestamp() - 1e-6, timezone)
    found = [(window.label, window.start)]
    while len(found) < days if since is None else window.start > since.timestamp():
        window = window_of("day", window.start - 1, timezone)
        found.append((window.label, window.start))
        if len(found) > _MOST_DAYS:
            raise Trouble(
                f"that are more than {_MOST_DAYS} days: bring --since nearer, or ask `frugal usage --by month`."
            )
    return found[::-1]


def _rows(
    ledger: Ledger, labels: Sequence[tuple[str, float]], until: datetime | None, timezone: str, only: dict[str, Any]
) -> list[UsageRow]:
    found = {row.group["day"]: row for row in ledger.usage(labels[0][1], until, by=("day",), timezone=timezone, **only)}
    return [found.get(label) or UsageRow({"day": label}) for label, _ in labels]


def _grid(rows: Sequence[UsageRow], total: UsageRow, timezone: str) -> Grid:
    columns = (
        Column("day", keep=True),
        Column("calls", right=True),
        Column("tokens", right=True),
        Column("cost", right=True),
        Column("saved", right=True),
        Column("", bar=True),
    )
    most = max(row.cost.known.pico for row in rows)
    lines: list[list[Cell]] = [
        [
            f"{datetime.fromisoformat(row.group['day']):%a} {row.group['day']}",
            wording.count(row.calls),
            wording.count(row.usage.total_tokens),
            wording.cost(row.cost) if row.calls else "-",
            wording.money(row.saved) if row.saved else "-",
            Bar(row.cost.known.pico / most if most else 0.0),
        ]
        for row in rows
    ]
    mean = total.cost.known * (1 / len(rows))
    notes = [f"{wording.money(mean)} a day, {wording.money(mean * 30)} in 30 days at this rate.", *notes_on(total)]
    last = [
        "total",
        wording.count(total.calls),
        wording.count(total.usage.total_tokens),
        wording.cost(total.cost),
        wording.money(total.saved) if total.saved else "-",
        "",
    ]
    zoned = "" if timezone == "UTC" else f" ({timezone})"
    return Grid(
        columns, lines, f"The last {len(rows)} days{zoned}" if len(rows) > 1 else f"One day{zoned}", last, notes
    )
