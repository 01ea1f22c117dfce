"""`frugal estimate`: what a month would cost, for one model or for several side by side."""

from __future__ import annotations

from typing import Annotated

import typer

from frugal._values.money import Money
from frugal.cli import options, wording
from frugal.cli.documents import money_document, usage_document
from frugal.cli.parts import Bar, Cell, Column, Grid
from frugal.cli.pricing import completed_model, price_table, price_unknown
from frugal.cli.screen import Screen
from frugal.errors import UnknownPriceError
from frugal.prices import MonthlyEstimate, PriceTable, estimate_monthly

__all__ = ["app"]

app = typer.Typer(add_completion=False)


@app.command()
def estimate(
    *,
    models: Annotated[
        list[str], typer.Argument(metavar="MODEL...", help="Models to compare.", autocompletion=completed_model)
    ],
    input_tokens: Annotated[
        float, typer.Option("--input", min=0, help="Input tokens of a request, on average.")
    ] = 1000,
    output_tokens: Annotated[float, typer.Option("--output", min=0, help="Output tokens, on average.")] = 500,
    requests: Annotated[float, typer.Option("--requests", min=0, help="Requests a day.")] = 1000,
    cached_input: Annotated[
        float, typer.Option(min=0, max=1, help="Share of the input read at the cached price, 0 to 1.")
    ] = 0.0,
    answered: Annotated[
        float, typer.Option("--hit-rate", min=0, max=1, help="Share of requests that a cache of yours answers, 0 to 1.")
    ] = 0.0,
    tier: Annotated[str | None, typer.Option(help="Service tier: batch, flex, priority, ….")] = None,
    prices: Annotated[str | None, typer.Option(metavar="FILE", help="Your own prices, a JSON file.")] = None,
    as_json: options.AsJson = False,
) -> None:
    """Estimate what a month would cost.

    A month has 30 days. Several models are compared, the cheapest first.
    """
    screen = Screen(as_json=as_json)
    table = price_table(prices)
    found = {
        model: _month(table, model, input_tokens, output_tokens, requests, cached_input, answered, tier)
        for model in dict.fromkeys(models)
    }
    months = sorted(found.items(), key=lambda pair: (pair[1].cost, pair[0]))
    screen.document({"models": [{"model": model, **_document(month)} for model, month in months]})
    screen.show(
        _grid(
            months,
            f"A month of {wording.count(round(requests * 30))} requests, "
            f"each {input_tokens:g} tokens in and {output_tokens:g} out",
        )
    )


def _month(
    table: PriceTable,
    model: str,
    sent: float,
    made: float,
    requests: float,
    cached: float,
    answered: float,
    tier: str | None,
) -> MonthlyEstimate:
    try:
        return estimate_monthly(
            model,
            input_tokens=sent,
            output_tokens=made,
            requests_per_day=requests,
            cache_hit_rate=cached,
            response_hit_rate=answered,
            prices=table,
            tier=tier,
        )
    except UnknownPriceError as error:
        raise price_unknown(error) from None


def _document(month: MonthlyEstimate) -> dict[str, object]:
    money = ("cost", "input_cost", "cached_input_cost", "output_cost", "cost_per_request")
    return {
        "requests": month.requests,
        "usage": usage_document(month.usage),
        **{name: money_document(getattr(month, name)) for name in money},
    }


def _grid(months: list[tuple[str, MonthlyEstimate]], title: str) -> Grid:
    columns = (
        Column("model"),
        Column("input", right=True),
        Column("cached", right=True),
        Column("output", right=True),
        Column("a request", right=True),
        Column("a month", right=True),
        Column("", bar=True),
    )
    most = max(month.cost.pico for _, month in months)
    rows: list[list[Cell]] = [
        [
            wording.clean(model),
            _dollars(month.input_cost),
            _dollars(month.cached_input_cost),
            _dollars(month.output_cost),
            wording.money(month.cost_per_request),
            _dollars(month.cost),
            Bar(month.cost.pico / most if most else 0.0),
        ]
        for model, month in months
    ]
    return Grid(columns, rows, title)


def _dollars(amount: Money) -> str:
    if not amount:
        return "-"
    return f"${amount.usd:,.2f}" if amount.pico >= 10**12 else wording.money(amount)
