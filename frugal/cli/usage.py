"""`frugal usage`: what was used, what it cost, what was saved, by anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from frugal._values.record import UsageRow
from frugal.cli import options
from frugal.cli.documents import instant_document, row_document
from frugal.cli.endings import Trouble
from frugal.cli.opening import calls_in, nothing, opened
from frugal.cli.parts import Line, Part
from frugal.cli.reports import added, in_order, parts_of, saved_grid, usage_grid
from frugal.cli.screen import Screen
from frugal.cli.times import Period, period
from frugal.cli.watching import watch
from frugal.cli.wording import clean
from frugal.ledger import Ledger

__all__ = ["app"]

app = typer.Typer(add_completion=False)


@dataclass(frozen=True, slots=True)
class _Question:
    asked: Period
    by: tuple[str, ...]
    only: Mapping[str, Any]
    limit: int

    @property
    def arguments(self) -> dict[str, Any]:
        asked = self.asked
        return {"since": asked.since, "until": asked.until, "timezone": asked.timezone, **self.only}


@app.command()
def usage(
    *,
    since: options.Since = None,
    until: options.Until = None,
    by: options.By = None,
    user: options.OnlyUser = None,
    model: options.OnlyModel = None,
    provider: options.OnlyProvider = None,
    function: options.OnlyFunction = None,
    kind: options.OnlyKind = None,
    outcome: options.OnlyOutcome = None,
    run: options.OnlyRun = None,
    tag: options.OnlyTag = None,
    limit: options.Limit = None,
    watching: Annotated[bool, typer.Option("--watch", help="Stay, and show it anew; Ctrl-C ends it.")] = False,
    interval: Annotated[float, typer.Option(min=0.1, help="Seconds between two looks of --watch.")] = 2.0,
    ledger: options.LedgerDirectory = None,
    timezone: options.Timezone = "UTC",
    as_json: options.AsJson = False,
) -> None:
    """Show what was used, what it cost and what was saved.

    Grouped by model unless --by says otherwise. Hits and followers cost nothing, and are shown by the layer that
    answered them.
    """
    screen = Screen(as_json=as_json)
    only = options.filters(
        user=user, model=model, provider=provider, function=function, kind=kind, outcome=outcome, run=run, tag=tag
    )
    groups = options.groups(by, ("model",))
    with opened(ledger) as books:
        if watching:
            if not screen.is_terminal:
                raise Trouble(
                    "--watch needs a terminal to stay in: leave it out, or call frugal usage again and again."
                )
            watch(lambda: _parts(books, _asked(since, until, timezone, groups, only, limit)), screen, interval=interval)
            return
        question = _asked(since, until, timezone, groups, only, limit)
        if screen.as_json:
            screen.document(_document(books, question))
            return
        parts = _parts(books, question)
        if parts:
            screen.show(*parts)
        else:
            nothing(screen, books, question.asked, filtered=bool(only))


def _asked(
    since: str | None, until: str | None, timezone: str, by: tuple[str, ...], only: Mapping[str, Any], limit: int | None
) -> _Question:
    return _Question(period(since, until, timezone), by, only, 50 if limit is None else limit)


def _parts(ledger: Ledger, question: _Question) -> Sequence[Part]:
    rows = in_order(ledger.usage(by=question.by, **question.arguments), question.by)
    if not rows:
        return []
    title = f"Usage by {clean(', '.join(question.by))}, {question.asked.words}"
    saved, _ = saved_grid(ledger, question.arguments)
    total = added(rows)
    grid = usage_grid(title, question.by, rows, total, question.limit)
    return parts_of(grid, Line() if saved else None, saved, _refused(total))


def _refused(total: UsageRow) -> Line | None:
    """Say where to read what cascades saved: that takes every record, and this takes sums alone."""
    number = total.outcomes.get("escalated", 0)
    if not number:
        return None
    said = "1 answer was" if number == 1 else f"{number:,} answers were"
    return Line(f"{said} refused by a cascade, and paid for: frugal advise says what that saved, or lost.")


def _document(ledger: Ledger, question: _Question) -> dict[str, Any]:
    rows = in_order(ledger.usage(by=question.by, **question.arguments), question.by)
    _, saved = saved_grid(ledger, question.arguments)
    total = ledger.totals(**question.arguments)
    return {
        "since": instant_document(question.asked.since),
        "until": instant_document(question.asked.until),
        "timezone": question.asked.timezone,
        "by": list(question.by),
        "rows": [row_document(row) for row in rows],
        "total": row_document(total),
        "records": calls_in(total),
        "saved_by": {row.group["outcome"]: row_document(row) for row in saved},
    }
