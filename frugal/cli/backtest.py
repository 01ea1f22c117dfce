"""`frugal backtest`: what a stack would have done with past calls, before it is put to work."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from frugal._values.record import Record
from frugal.cli import options
from frugal.cli.endings import Trouble
from frugal.cli.opening import nothing, opened
from frugal.cli.pricing import price_table
from frugal.cli.progress import progress
from frugal.cli.screen import Screen
from frugal.cli.stacks import stack_named
from frugal.cli.times import instant, period
from frugal.cli.verdicts import verdict_document, verdict_parts
from frugal.insight.backtesting import backtest, read_log
from frugal.insight.backtesting.presets import PRESETS

__all__ = ["app"]

app = typer.Typer(add_completion=False)

_STEPS = ("hour", "day", "week", "month")


def _completed_preset(incomplete: str) -> list[str]:
    return [name for name in PRESETS if name.startswith(incomplete)]


def _completed_step(incomplete: str) -> list[str]:
    return [name for name in _STEPS if name.startswith(incomplete)]


@app.command("backtest")
def command(
    *,
    path: Annotated[
        Path | None,
        typer.Argument(metavar="[LOG]", help="A log: CSV, JSON Lines or JSON, perhaps .gz; else the ledger's records."),
    ] = None,
    stack: Annotated[str, typer.Option("--stack", metavar="MODULE:NAME", help="The stack, such as my_app:stack.")],
    preset: Annotated[
        str | None, typer.Option(help=f"Whose export it is: {', '.join(PRESETS)}.", autocompletion=_completed_preset)
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(metavar="OURS=THEIRS", help="A column's name in a plain log, such as input_tokens=tokens_in."),
    ] = None,
    model: Annotated[str | None, typer.Option(help="The model of rows that name none.")] = None,
    start: Annotated[
        str | None, typer.Option(metavar="WHEN", help="When sessions began, where the log has only seconds.")
    ] = None,
    latency: Annotated[
        float | None, typer.Option(min=0, help="Seconds of a request that does not say.", show_default="the median")
    ] = None,
    prices: Annotated[str | None, typer.Option(metavar="FILE", help="Your own prices, a JSON file.")] = None,
    since: options.Since = None,
    until: options.Until = None,
    by: Annotated[
        str | None,
        typer.Option(metavar="STEP", help="A table by hour, day, week or month.", autocompletion=_completed_step),
    ] = None,
    ledger: options.LedgerDirectory = None,
    timezone: options.Timezone = "UTC",
    as_json: options.AsJson = False,
) -> None:
    """Show what a stack would have done with past calls.

    The decorators are the real ones; time is virtual, and the provider answers from the log. No ledger and no cache is
    read or written, and no model is asked.
    """
    screen = Screen(as_json=as_json)
    asked = period(since, until, timezone)
    if by is not None and by not in _STEPS:
        raise Trouble(f"--by {by!r} is not known: take one of {', '.join(_STEPS)}.")
    if path is not None and (since or until or ledger):
        raise Trouble("--since, --until and --ledger choose records of a ledger: leave them or the log out.")
    found_stack = stack_named(stack)
    began = None if start is None else instant(start, timezone, "--start")
    table = None if prices is None else price_table(prices)
    try:
        if path is not None:
            log = read_log(path, preset=preset, columns=_columns(column), model=model, start=began)
        else:
            with opened(ledger) as books:
                log = read_log(_calls(books.records(asked.since, asked.until)))
                if not log.requests and not as_json:
                    nothing(screen, books, asked)
                    return
        with progress("replaying", len(log.requests)) as step:
            found = backtest(log, found_stack, latency=latency, prices=table, timezone=timezone, on_request=step)
    except (ValueError, TypeError) as error:
        notes = getattr(error, "__notes__", [])
        if notes or isinstance(error, TypeError):  # raised by a function of the user's, or it is no stack at all
            raise Trouble(f"--stack {stack}: {' '.join([f'{type(error).__name__}: {error}', *notes])}") from error
        raise Trouble(str(error)) from error
    screen.document({**verdict_document(found), "left_out": dict(log.left_out)})
    screen.show(*verdict_parts(found, by, timezone))


def _calls(records: Iterable[Record]) -> Iterator[Record]:
    """Leave out what was recorded by hand and asked no model: a vector store, a server's hour."""
    return (record for record in records if record.model or record.model_requested or record.kind == "tool")


def _columns(given: Iterable[str] | None) -> dict[str, str] | None:
    found = {}
    for text in given or ():
        ours, equals, theirs = text.partition("=")
        if not (ours and equals and theirs):
            raise Trouble(f"--column {text!r} is not OURS=THEIRS, such as --column input_tokens=tokens_in.")
        found[ours] = theirs
    return found or None
