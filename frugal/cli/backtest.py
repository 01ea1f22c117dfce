"""`frugal backtest`: what a stack would have done with past calls, before it is put to work."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from frugal.cli import options
from frugal.cli.documents import instant_document
from frugal.cli.endings import Trouble
from frugal.cli.opening import calls_in, nothing, opened
from frugal.cli.parts import Line
from frugal.cli.pricing import price_table
from frugal.cli.progress import progress
from frugal.cli.screen import Screen
from frugal.cli.stacks import stack_named, where_in
from frugal.cli.times import Period, instant, period
from frugal.cli.verdicts import verdict_document, verdict_parts
from frugal.errors import FrugalError
from frugal.insight.backtesting import Backtest, Log, read_log
from frugal.insight.backtesting import backtest as replay
from frugal.insight.backtesting.presets import PRESETS
from frugal.insight.backtesting.presets.plain import NAMES

__all__ = ["app"]

app = typer.Typer(add_completion=False)

_HOW = "How the log is read"
_NAMES = ", ".join(NAMES)
_STEPS = ("hour", "day", "week", "month")


def _completed_preset(incomplete: str) -> list[str]:
    return [name for name in PRESETS if name.startswith(incomplete)]


def _completed_column(incomplete: str) -> list[str]:
    return [f"{name}=" for name in NAMES if name.startswith(incomplete)]


def _completed_step(incomplete: str) -> list[str]:
    return [name for name in _STEPS if name.startswith(incomplete)]


@app.command()
def backtest(
    *,
    log: Annotated[
        Path | None,
        typer.Argument(
            metavar="LOG",
            help="CSV, JSON Lines or JSON, perhaps with .gz; the ledger's own records where it is left out.",
            show_default=False,
        ),
    ] = None,
    stack: Annotated[
        str,
        typer.Option(
            "--stack",
            metavar="MODULE:NAME",
            help="The decorators: `cheap = frugal.stack(...)` in stacks.py is stacks:cheap.",
        ),
    ],
    preset: Annotated[
        str | None,
        typer.Option(
            "--preset",
            metavar="TOOL",
            help=f"Whose export it is: {', '.join(PRESETS)}; by its columns where it is left out.",
            autocompletion=_completed_preset,
            rich_help_panel=_HOW,
        ),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(
            "--column",
            metavar="OURS=THEIRS",
            help=f"What a plain log calls a column of ours; repeatable. OURS: {_NAMES}.",
            autocompletion=_completed_column,
            rich_help_panel=_HOW,
        ),
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", help="The model of rows that name none.", rich_help_panel=_HOW)
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(
            "--start",
            metavar="WHEN",
            help="When sessions began, where the log has only seconds since then.",
            rich_help_panel=_HOW,
        ),
    ] = None,
    latency: Annotated[
        float | None,
        typer.Option(
            "--latency",
            min=0,
            metavar="SECONDS",
            help="How long requests take of which the log does not say it.",
            rich_help_panel=_HOW,
        ),
    ] = None,
    prices: Annotated[
        str | None,
        typer.Option(
            "--prices", metavar="FILE", help="Your prices, as JSON, above the shipped ones.", rich_help_panel=_HOW
        ),
    ] = None,
    since: options.Since = None,
    until: options.Until = None,
    by: Annotated[
        str | None,
        typer.Option(
            "--by",
            metavar="STEP",
            help="The bill by hour, day, week or month.",
            show_default="hour, or day where these are many",
            autocompletion=_completed_step,
        ),
    ] = None,
    ledger: options.LedgerDirectory = None,
    timezone: options.Timezone = "UTC",
    as_json: options.AsJson = False,
) -> None:
    """Show what a stack would have done with past calls.

    The decorators are the real ones; time is virtual, and the provider answers from the log. No ledger and no cache is
    read or written, and no model is asked.

    A plain log has a row for each request: time, model, input_tokens and output_tokens at least, under these or other
    usual names; --column says which column has what where the names are yours.
    """
    screen = Screen(as_json=as_json)
    asked = period(since, until, timezone)
    if by is not None and by not in _STEPS:
        raise Trouble(f"--by {by!r} is not known: take one of {', '.join(_STEPS)}.")
    if log is not None and ledger is not None:
        raise Trouble("LOG and --ledger both say what to replay: leave one out.")
    if latency is not None and not math.isfinite(latency):
        raise Trouble(f"--latency {latency} is no time: give seconds.")
    with redirect_stdout(sys.stderr):  # what a user's module prints is no part of the answer
        decorators = stack_named(stack)
    table = None if prices is None else price_table(prices)
    began = None if start is None else instant(start, timezone, "--start")
    how = {"preset": preset, "columns": _columns(column), "model": model, "start": began}
    read = _of_ledger(screen, ledger, asked) if log is None else _of_file(log, how, asked)
    if read is None:
        return
    with redirect_stdout(sys.stderr):
        found = _replayed(read, decorators, stack, {"latency": latency, "prices": table, "timezone": timezone})
    about = {"log": None if log is None else str(log), "stack": stack, "timezone": timezone}
    about |= {"since": instant_document(asked.since), "until": instant_document(asked.until)}
    screen.document({**about, **verdict_document(found), "left_out": dict(read.left_out)})
    if found.requests:
        screen.show(*verdict_parts(found, by, timezone, screen))
    else:
        screen.show(Line(f"No request to replay ({asked.words}). Widen --since and --until."))


def _columns(given: list[str] | None) -> dict[str, str] | None:
    """Read `--column`.

    Raises:
        Trouble: one is not `OURS=THEIRS`, or the name is not known.
    """
    found = {}
    for text in given or ():
        name, equals, column = text.partition("=")
        if not equals or not column:
            raise Trouble(f"--column {text!r} is not OURS=THEIRS, such as --column input_tokens=tokens_in.")
        if name not in NAMES:
            raise Trouble(f"--column {text!r}: {name!r} is not known: take {', '.join(NAMES)}.")
        found[name] = column
    return found or None


def _of_file(place: Path, how: dict[str, Any], asked: Period) -> Log:
    try:
        with progress("reading", None) as step:
            return _within(read_log(place.expanduser(), on_row=step, **how), asked)
    except ValueError as error:
        raise Trouble(str(error)) from None
    except OSError as error:
        raise Trouble(f"{str(place)!r} cannot be read: {error.strerror or error}.") from None


def _of_ledger(screen: Screen, ledger: Path | None, asked: Period) -> Log | None:
    with opened(ledger) as books:
        total = calls_in(books.totals(asked.since, asked.until))
        if not total and not screen.as_json:
            nothing(screen, books, asked)
            return None
        with progress("reading", total) as step:
            return read_log(books.records(asked.since, asked.until), preset="frugal", on_row=step)


def _within(log: Log, asked: Period) -> Log:
    """Return the requests of the asked time."""
    since, until = (None if at is None else at.timestamp() for at in (asked.since, asked.until))
    kept = [
        request
        for request in log.requests
        if (since is None or request.time >= since) and (until is None or request.time < until)
    ]
    return replace(log, requests=kept)


def _replayed(read: Log, decorators: Callable[[Any], Any], name: str, how: dict[str, Any]) -> Backtest:
    """Replay a log; what the stack itself did wrong is one line."""
    try:
        with progress("replaying", len(read)) as step:
            return replay(read, decorators, on_request=step, **how)
    except FrugalError:
        raise
    except Exception as error:
        notes = " ".join(getattr(error, "__notes__", ()))
        place = where_in(error)
        if not notes and not place:
            raise
        at = f" ({place})" if place else ""
        raise Trouble(f"stack {name!r} failed: {type(error).__name__}: {error}{at}. {notes}".strip()) from None
