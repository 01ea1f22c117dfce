"""`frugal prices`: what models cost, in dollars per million tokens."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

import typer

from frugal._values.clock import clock
from frugal.cli import options, wording
from frugal.cli.documents import instant_document
from frugal.cli.opening import opened
from frugal.cli.parts import Cell, Column, Grid
from frugal.cli.pricing import completed_model, price_table, price_unknown
from frugal.cli.screen import Screen
from frugal.cli.times import check_zone, instant
from frugal.errors import UnknownPriceError
from frugal.prices import ModelPrice, PriceTable

__all__ = ["app"]

app = typer.Typer(add_completion=False)

_RATES = ("input", "cached_input", "cache_write_5m", "cache_write_1h", "output", "reasoning")
_MORE = ("input_audio", "output_audio", "input_image", "per_request")


@app.command()
def prices(
    *,
    models: Annotated[
        list[str] | None, typer.Argument(metavar="[MODEL]...", help="Models.", autocompletion=completed_model)
    ] = None,
    search: Annotated[str | None, typer.Option(help="Every known model with this in its name.")] = None,
    provider: Annotated[str | None, typer.Option(help="Served by this provider.")] = None,
    tier: Annotated[str | None, typer.Option(help="Service tier: batch, flex, priority, ….")] = None,
    at: Annotated[str | None, typer.Option(metavar="WHEN", help="As of then, such as 2026-01-31.")] = None,
    own: Annotated[str | None, typer.Option("--prices", metavar="FILE", help="Your own prices, a JSON file.")] = None,
    limit: options.Limit = None,
    ledger: options.LedgerDirectory = None,
    timezone: options.Timezone = "UTC",
    as_json: options.AsJson = False,
) -> None:
    """Show what models cost.

    In dollars per million tokens. Without a model: those of the ledger.
    """
    screen = Screen(as_json=as_json)
    check_zone(timezone)
    table = price_table(own)
    moment = clock.now() if at is None else instant(at, timezone, "--at").timestamp()
    names, lenient = list(dict.fromkeys(models or [])), False
    if search is not None:
        names += [name for name in table.models() if search.lower() in name and name not in names]
    elif not names:
        lenient = True
        with opened(ledger) as books:
            names = [row.group["model"] for row in books.usage(by=("model",)) if row.group["model"]]
    found: dict[str, tuple[ModelPrice | None, int | None]] = {}
    for name in names:
        try:
            price = table.price(name, moment, provider=provider, tier=tier)
        except UnknownPriceError as error:
            if not lenient and name in (models or []):
                raise price_unknown(error) from None
            found[name] = (None, None)
        else:
            found[name] = (price, table.context_window(name, provider=provider))
    shown = 60 if limit is None else limit
    if screen.as_json:
        screen.document(_document(table, found, moment, provider, tier))
    elif not found:
        screen.line(
            f"No model has {wording.clean(search)!r} in its name."
            if search
            else "The ledger knows no models yet: name one, such as frugal prices gpt-4o, or --search mini."
        )
    else:
        screen.show(_grid(table, found, shown, tier))


def _document(
    table: PriceTable,
    found: dict[str, tuple[ModelPrice | None, int | None]],
    moment: float,
    provider: str | None,
    tier: str | None,
) -> dict[str, Any]:
    return {
        "price_table": table.id,
        "at": instant_document(moment),
        "unit": "dollars per million tokens",
        "provider": provider,
        "tier": tier,
        "models": [
            {
                "model": name,
                "known": price is not None,
                "context_window": window,
                **({} if price is None else _rates(price)),
            }
            for name, (price, window) in found.items()
        ],
    }


def _rates(price: ModelPrice) -> dict[str, Any]:
    rates: dict[str, Any] = {name: _exact(getattr(price, name)) for name in (*_RATES, *_MORE)}
    rates["long_context"] = [{"above": above, **_rates(dearer)} for above, dearer in price.long_context]
    return rates


def _exact(rate: Decimal | None) -> str | None:
    return None if rate is None else f"{rate:f}"


def _grid(
    table: PriceTable, found: dict[str, tuple[ModelPrice | None, int | None]], limit: int, tier: str | None
) -> Grid:
    columns = (
        Column("model", fold=True),
        Column("input", right=True),
        Column("cached", right=True),
        Column("write 5m", right=True),
        Column("output", right=True),
        Column("context", right=True),
    )
    rows: list[list[Cell]] = []
    notes, longer = ["Dollars per million tokens; - is not listed."], False
    names = list(found)[:limit] if limit else list(found)
    for name in names:
        price, window = found[name]
        size = "-" if window is None else wording.count(window)
        if price is None:
            rows.append([wording.clean(name), "unpriced", "-", "-", "-", size])
            continue
        rates = (price.input, price.cached_input, price.cache_write_5m, price.output)
        rows.append([wording.clean(name), *map(_rate, rates), size + ("+" if price.long_context else "")])
        longer = longer or bool(price.long_context)
    if len(names) < len(found):
        notes.insert(0, f"and {len(found) - len(names):,} more: --limit 0 shows all.")
    if longer:
        notes.append("+ costs more beyond a step of its input: --json has the steps.")
    notes.append(f"Price table {table.id}.")
    return Grid(columns, rows, f"Prices, {wording.clean(tier)} tier" if tier else "Prices", notes=notes)


def _rate(rate: Decimal | None) -> str:
    if rate is None:
        return "-"
    text = f"{rate:f}"
    whole, point, decimals = text.partition(".")
    return f"{whole}.{decimals.rstrip('0'):0<2}" if point else f"{whole}.00"
