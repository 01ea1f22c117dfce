"""`frugal reprice`: what the records would cost by other prices, and putting that in the books."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer

from frugal._values.cost import Cost
from frugal._values.money import ZERO, Money
from frugal._values.usage import Usage
from frugal.cli import options, wording
from frugal.cli.documents import cost_document, money_document
from frugal.cli.opening import calls_in, nothing, opened
from frugal.cli.parts import Cell, Column, Grid
from frugal.cli.pricing import price_table
from frugal.cli.progress import progress
from frugal.cli.screen import Screen
from frugal.ledger.repricing import Repriced
from frugal.ports import Prices

__all__ = ["app"]

app = typer.Typer(add_completion=False)


class _Counted:
    """Prices that count how often they are asked, for the progress bar."""

    def __init__(self, prices: Prices, step: Callable[[], None]) -> None:
        self._prices = prices
        self._step = step

    @property
    def id(self) -> str:
        return self._prices.id

    def cost(
        self, model: str, usage: Usage, *, at: float, provider: str | None = None, tier: str | None = None
    ) -> Cost:
        self._step()
        return self._prices.cost(model, usage, at=at, provider=provider, tier=tier)


@app.command()
def reprice(
    *,
    prices: Annotated[
        str | None, typer.Option(metavar="FILE", help="Your own prices, a JSON file, above the shipped.")
    ] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Write the differences.")] = False,
    ledger: options.LedgerDirectory = None,
    as_json: options.AsJson = False,
) -> None:
    """Compare the records with today's prices, or with other ones.

    Nothing is written without --apply; then only unpriced records and those of windows that are over, so that no budget
    under way changes. What a provider stated stays.
    """
    screen = Screen(as_json=as_json)
    table = price_table(prices)
    with opened(ledger) as books:
        records = calls_in(books.totals())
        with progress("repricing", records) as step:
            found = books.reprice(_Counted(table, step), apply=apply)
        if screen.as_json:
            screen.document(_document(found, table, apply=apply))
        elif not records:
            nothing(screen, books)
        elif not found:
            screen.line("Nothing differs: every record costs what these prices say.")
        else:
            screen.show(_grid(found, apply=apply))


def _before(found: Sequence[Repriced]) -> Money:
    return sum((change.before.known for change in found), ZERO)


def _after(found: Sequence[Repriced]) -> Money:
    return sum((change.after.known for change in found), ZERO)


def _document(found: Sequence[Repriced], table: Prices, *, apply: bool) -> dict[str, Any]:
    return {
        "price_table": table.id,
        "applied": apply,
        "records": len(found),
        "written": sum(change.written for change in found),
        "before": money_document(_before(found)),
        "after": money_document(_after(found)),
        "difference": money_document(_after(found) - _before(found)),
        "changes": [
            {
                "id": change.id,
                "model": change.model,
                "before": cost_document(change.before),
                "after": cost_document(change.after),
                "written": change.written,
            }
            for change in found
        ],
    }


def _grid(found: Sequence[Repriced], *, apply: bool) -> Grid:
    columns = (
        Column("model"),
        Column("records", right=True),
        Column("unpriced", right=True),
        Column("before", right=True),
        Column("after", right=True),
        Column("difference", right=True),
    )
    by_model: dict[str, list[Repriced]] = {}
    for change in found:
        by_model.setdefault(change.model, []).append(change)
    ordered = sorted(by_model.items(), key=lambda pair: (-abs((_after(pair[1]) - _before(pair[1])).pico), pair[0]))

    def cells(name: str, changes: Sequence[Repriced]) -> list[Cell]:
        unpriced = sum(change.before.amount is None for change in changes)
        before, after = _before(changes), _after(changes)
        plus = "+" if after > before else ""
        return [
            name,
            f"{len(changes):,}",
            f"{unpriced:,}" if unpriced else "-",
            wording.money(before),
            wording.money(after),
            plus + wording.money(after - before),
        ]

    written = sum(change.written for change in found)
    if not apply:
        note = "Nothing was written: --apply writes it."
    elif written == len(found):
        note = f"{written:,} records were written."
    else:
        note = f"{written:,} records were written; {len(found) - written:,} wait for the end of their budget's window."
    return Grid(
        columns,
        [cells(wording.named(model), changes) for model, changes in ordered],
        "Records that differ",
        cells("total", found),
        [note],
    )
