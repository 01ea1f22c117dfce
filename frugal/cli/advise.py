"""`frugal advise`: what would have cost less, and what would not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import typer

from frugal._values.record import Record
from frugal.cli import options, wording
from frugal.cli.documents import instant_document, money_document
from frugal.cli.opening import calls_in, nothing, opened
from frugal.cli.paragraphs import paragraph
from frugal.cli.parts import Column, Grid, Line, Part
from frugal.cli.progress import progress
from frugal.cli.screen import Screen
from frugal.cli.times import Period, period
from frugal.insight.advice import Advice
from frugal.insight.advice.advising import advice_of, table_of

__all__ = ["app"]

app = typer.Typer(add_completion=False)


@app.command()
def advise(
    *,
    since: options.Since = None,
    until: options.Until = None,
    ledger: options.LedgerDirectory = None,
    timezone: options.Timezone = "UTC",
    as_json: options.AsJson = False,
) -> None:
    """Show what would have cost less, and what would not.

    Every figure is measured on the ledger's own records; where these cannot tell, it says so. Two tips may save the
    same dollar.
    """
    screen = Screen(as_json=as_json)
    asked = period(since, until, timezone)
    with opened(ledger) as books:
        total = calls_in(books.totals(asked.since, asked.until))
        if not total and not screen.as_json:
            nothing(screen, books, asked)
            return
        seen = Counter[str]()
        with progress("looking", total) as step:
            records = _counted(books.records(asked.since, asked.until), step, seen)
            found = advice_of(records, table_of(books, None))
    screen.document(
        {
            "since": instant_document(asked.since),
            "until": instant_document(asked.until),
            "records": total,
            "looked_at": seen.total(),
            "advice": [_document(advice) for advice in found],
        }
    )
    screen.show(*_parts(found, asked, screen, total - seen.total()))


def _counted(records: Iterable[Record], step: Callable[[], None], seen: Counter[str]) -> Iterator[Record]:
    for record in records:
        step()
        seen[record.kind] += 1
        yield record


def _parts(found: list[Advice], asked: Period, screen: Screen, folded: int) -> list[Part]:
    columns = (
        Column("saves", right=True),
        Column("tip", fold=True),
        Column("category", keep=True),
        Column("effort", keep=True),
        Column("priority", right=True),
    )
    rows = [[_saving(advice), advice.title, advice.category, advice.effort, str(advice.priority)] for advice in found]
    styles = {at: style for at, advice in enumerate(found) if (style := _style(advice))}
    notes = [
        "-  nothing; ?  not enough evidence; below zero, it costs more than it saves.",
        "Two tips may save the same dollar: what they save does not add up.",
    ]
    if folded > 0:
        notes.append(f"{folded:,} older calls are folded into daily sums, which tell nothing of single calls.")
    parts: list[Part] = [Grid(columns, rows, f"Advice, {asked.words}", notes=notes, styles=styles)]
    for advice in found:
        if advice.saving or advice.triggered:
            parts += [Line(), Line(f"{advice.title}: {_saving(advice)}", _style(advice) or "bold")]
            parts += paragraph(wording.clean(advice.evidence), screen)
    return parts


def _saving(advice: Advice) -> str:
    if advice.saving is None:
        return "?"
    return wording.money(advice.saving) if advice.saving else "-"


def _style(advice: Advice) -> str:
    if not advice.saving:
        return ""
    return "green" if advice.pays else "red"


def _document(advice: Advice) -> dict[str, Any]:
    return {
        "tip": advice.tip,
        "title": advice.title,
        "category": advice.category,
        "saving": money_document(advice.saving),
        "evidence": advice.evidence,
        "sample": advice.sample,
        "effort": advice.effort,
        "priority": advice.priority,
        "triggered": advice.triggered,
    }
