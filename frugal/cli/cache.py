"""`frugal cache stats` and `frugal cache clear`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from frugal._values.money import ZERO
from frugal._values.record import UsageRow
from frugal.cli import options, wording
from frugal.cli.answers import bytes_in, clear_answers, places
from frugal.cli.asking import sure
from frugal.cli.documents import instant_document, money_document
from frugal.cli.endings import Trouble
from frugal.cli.opening import calls_in, nothing, opened
from frugal.cli.parts import Cell, Column, Grid, Line, Part
from frugal.cli.policies import policies, policy_documents, policy_grid
from frugal.cli.reports import LAYERS, shown
from frugal.cli.screen import Screen
from frugal.cli.times import period

__all__ = ["app"]

app = typer.Typer(add_completion=False, help="Show what the caches answered, or clear them.", no_args_is_help=False)

Caches = Annotated[
    list[Path] | None,
    typer.Option("--cache", metavar="DIR", help="Where disk layers keep answers, if not by default; repeatable."),
]

_ASKED = frozenset({"provider", "batched", *LAYERS})
"""Outcomes of calls that were answered; a refused or failed call says nothing of a cache."""


@app.command()
def stats(
    *,
    since: options.Since = None,
    until: options.Until = None,
    user: options.OnlyUser = None,
    model: options.OnlyModel = None,
    function: options.OnlyFunction = None,
    caches: Caches = None,
    ledger: options.LedgerDirectory = None,
    timezone: options.Timezone = "UTC",
    as_json: options.AsJson = False,
) -> None:
    """Show what each layer answered, by function, and what that saved."""
    screen = Screen(as_json=as_json)
    asked = period(since, until, timezone)
    only = options.filters(user=user, model=model, function=function)
    with opened(ledger) as books:
        rows = books.usage(asked.since, asked.until, by=("function", "outcome"), timezone=timezone, **only)
        by_function: dict[str, list[UsageRow]] = {}
        for row in rows:
            if row.group["function"] and row.group["outcome"] in _ASKED:
                by_function.setdefault(row.group["function"], []).append(row)
        found = places(caches)
        if screen.as_json:
            screen.document(
                {
                    "since": instant_document(asked.since),
                    "until": instant_document(asked.until),
                    "functions": [_document(name, some) for name, some in by_function.items()],
                    "semantic": policy_documents(policies(found)),
                    "directories": [{"directory": str(place), "bytes": bytes_in(place)} for place in found],
                }
            )
            return
        if not by_function:
            nothing(screen, books, asked, filtered=bool(only))
        else:
            screen.show(_grid(by_function, f"Answers by layer, {asked.words}"))
    measured = policies(found)
    if measured:
        screen.show(policy_grid(measured))
    lines: list[Part] = [
        Line(f"On disk: {bytes_in(place) / 2**20:.1f} MiB in {wording.clean(str(place))}") for place in found
    ]
    screen.show(*lines)


@app.command()
def clear(
    *,
    user: Annotated[str | None, typer.Option(help="Only what was kept for this user.")] = None,
    function: Annotated[str | None, typer.Option(help="Only this function's, by its whole name.")] = None,
    caches: Caches = None,
    yes: options.Yes = False,
    as_json: options.AsJson = False,
) -> None:
    """Remove the answers that disk layers keep: all, one user's, or one function's.

    The ledger stays as it is. What running processes keep in memory stays until it expires.
    """
    screen = Screen(as_json=as_json)
    found = places(caches)
    if caches and len(found) < len(caches):
        missing = next(place for place in caches if not place.expanduser().is_dir())
        raise Trouble(f"there is no cache at {str(missing)!r}: name the directory that disk(...) was given.")
    whose = " and ".join(f"of {kind} {value!r}" for kind, value in (("user", user), ("function", function)) if value)
    if found:
        sure(f"Remove the kept answers {whose or '(all)'} in {', '.join(map(str, found))}?", yes=yes)
    number = clear_answers(caches, user=user, function=function)
    screen.document({"removed": number, "directories": [str(place) for place in found]})
    if found:
        screen.line(f"{number:,} kept answer{'' if number == 1 else 's'} removed.")
    else:
        screen.line("Nothing is kept on disk: no disk layer has written an answer yet.")


def _layers(rows: Sequence[UsageRow]) -> dict[str, int]:
    counts = dict.fromkeys(LAYERS, 0)
    for row in rows:
        if row.group["outcome"] in counts:
            counts[row.group["outcome"]] += calls_in(row)
    return counts


def _document(name: str, rows: Sequence[UsageRow]) -> dict[str, Any]:
    answered = sum(calls_in(row) for row in rows)
    layers = _layers(rows)
    return {
        "function": name,
        "answered": answered,
        "hits": layers,
        "hit_rate": sum(layers.values()) / answered,
        "saved": money_document(sum((row.saved for row in rows), ZERO)),
    }


def _grid(by_function: dict[str, list[UsageRow]], title: str) -> Grid:
    found = {name: _layers(some) for name, some in sorted(by_function.items())}
    columns = (
        Column("function"),
        Column("answered", right=True),
        *(Column(layer, right=True, spare=not any(each[layer] for each in found.values())) for layer in LAYERS),
        Column("hits", right=True),
        Column("saved", right=True),
    )
    rows: list[list[Cell]] = []
    for name, layers in found.items():
        some = by_function[name]
        answered = sum(calls_in(row) for row in some)
        saved = sum((row.saved for row in some), ZERO)
        counts = [wording.count(layers[layer]) if layers[layer] else "-" for layer in LAYERS]
        rows.append(
            [shown("function", name), wording.count(answered), *counts,
             wording.percent(sum(layers.values()) / answered), wording.money(saved) if saved else "-"]
        )  # fmt: skip
    return Grid(columns, rows, title)
