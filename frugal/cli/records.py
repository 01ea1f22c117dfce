"""`frugal records`: single records, and everything that is known of one call."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Annotated

import typer

from frugal._values.clock import clock
from frugal._values.record import Record
from frugal._values.usage import BUCKETS
from frugal.cli import options, wording
from frugal.cli.documents import record_document
from frugal.cli.endings import Trouble
from frugal.cli.opening import nothing, opened
from frugal.cli.parts import Cell, Column, Grid, Line, Part
from frugal.cli.screen import Screen
from frugal.cli.times import period

__all__ = ["app"]

app = typer.Typer(add_completion=False)


@app.command()
def records(
    *,
    call: Annotated[
        str | None, typer.Argument(metavar="[CALL]", help="Show everything about this call, by its id.")
    ] = None,
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
    oldest_first: Annotated[bool, typer.Option("--oldest-first", help="Begin with the oldest.")] = False,
    ids: Annotated[bool, typer.Option("--ids", help="Show ids, to look one up with.")] = False,
    limit: options.Limit = None,
    ledger: options.LedgerDirectory = None,
    timezone: options.Timezone = "UTC",
    as_json: options.AsJson = False,
) -> None:
    """Show single records, the newest first.

    Twenty of them, unless --limit says otherwise. Prompts and answers are never recorded.
    """
    screen = Screen(as_json=as_json)
    asked = period(since, until, timezone)
    only = options.filters(
        user=user, model=model, provider=provider, function=function, kind=kind, outcome=outcome, run=run, tag=tag
    )
    most = (None if call else 20) if limit is None else limit or None
    with opened(ledger) as books:
        found: Iterator[Record] = islice(
            books.records(asked.since, asked.until, newest_first=not (oldest_first or call), call=call, **only), most
        )
        if screen.as_json:
            screen.documents("records", (record_document(record) for record in found))
            return
        shown = list(found)
        if call is not None and not shown:
            raise Trouble(f"no record is of a call {call!r}: frugal records --ids shows the ids.")
        if not shown:
            nothing(screen, books, asked, filtered=bool(only))
        elif call is not None:
            screen.show(*_whole(shown, timezone))
        else:
            screen.show(_grid(shown, timezone, ids=ids, more=len(shown) == most))


def _grid(shown: Sequence[Record], timezone: str, *, ids: bool, more: bool) -> Grid:
    columns = [
        Column("call", keep=True) if ids else Column("time", keep=True),
        Column("function"),
        Column("model"),
        Column("user"),
        Column("outcome", keep=True),
        Column("tokens", right=True),
        Column("cost", right=True),
        Column("took", right=True),
    ]
    now = datetime.fromtimestamp(clock.now(), UTC)
    rows: list[list[Cell]] = [
        [
            wording.clean(record.call) if ids else wording.when(record.time, timezone, now=now),
            wording.short(record.function) if record.function else wording.clean(record.kind),
            wording.clean(record.model or record.model_requested or "-"),
            wording.clean(record.user or "-"),
            record.outcome,
            wording.count(record.usage.total_tokens) if record.usage else "-",
            _cost(record),
            wording.seconds(record.latency),
        ]
        for record in shown
    ]
    styles = {at: "red" for at, record in enumerate(shown) if record.outcome in ("failed", "rejected")}
    styles |= {at: "green" for at, record in enumerate(shown) if record.saved}
    notes = ["More: --limit N. All about one: frugal records CALL, with its id from --ids."] if more else []
    return Grid(columns, rows, "Records", notes=notes, styles=styles)


def _cost(record: Record) -> str:
    if record.outcome == "composite" or (record.kind == "tool" and not record.cost.known):
        return "-"
    return wording.cost(record.cost)


def _whole(shown: Sequence[Record], timezone: str) -> list[Part]:
    parts: list[Part] = []
    for number, record in enumerate(shown):
        if parts:
            parts.append(Line())
        title = f"Call {wording.clean(record.call)}" + (f", record {number + 1}" if len(shown) > 1 else "")
        facts = [(name, value) for name, value in _facts(record, timezone) if value]
        rows = [[name, wording.clean(value)] for name, value in facts]
        parts.append(Grid((Column("fact", keep=True), Column("value", fold=True)), rows, title))
    return parts


def _facts(record: Record, timezone: str) -> Iterator[tuple[str, str]]:
    yield "id", record.id
    yield "time", wording.when(record.time, timezone)
    yield "kind", record.kind
    yield "function", record.function
    yield "outcome", record.outcome + (" (overrun: it cost more than was held)" if record.overrun else "")
    yield "model asked for", record.model_requested or ""
    yield "model that served", record.model or ""
    yield "provider", record.provider or ""
    yield "tier", record.tier or ""
    yield "route", record.route_reason or ""
    for bucket, tokens in zip(BUCKETS, record.usage, strict=True):
        yield bucket.replace("_", " "), f"{tokens:,}" if tokens else ""
    cost = record.cost
    yield "cost", f"{cost.amount if cost.amount is not None else 'unpriced'} ({cost.status})"
    if cost.low != cost.high:
        yield "between", f"{cost.low} and {cost.high}"
    yield "prices", record.price_table
    yield "inside it", f"{record.rolled_up.amount}" if record.rolled_up is not None else ""
    yield "saved", str(record.saved) if record.saved else ""
    yield "took", wording.seconds(record.latency)
    yield "attempts", str(record.attempts) if record.attempts > 1 else ""
    yield "user", record.user or ""
    yield "run", record.run or ""
    yield "tags", ", ".join(f"{name}={value}" for name, value in sorted(record.tags.items()))
    yield "inside call", record.parent or ""
    yield "answer of call", record.source_id or ""
    yield "similarity", "" if record.similarity is None else f"{record.similarity:.4f}"
    yield "key", record.key or ""
    yield "success", "" if record.success is None else str(record.success).lower()
    yield "satisfaction", "" if record.satisfaction is None else f"{record.satisfaction:g}"
