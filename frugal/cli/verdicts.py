"""What a backtest found, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from frugal._values.cost import Cost
from frugal._values.money import Money
from frugal._values.window import window_of, zone
from frugal.cli import wording
from frugal.cli.documents import cost_document, instant_document, money_document
from frugal.cli.parts import Bar, Cell, Column, Grid, Line, Part
from frugal.cli.reports import parts_of
from frugal.insight.backtesting import Backtest

__all__ = ["verdict_document", "verdict_parts"]

_HITS = 24  # windows of budgets that are shown


def verdict_parts(found: Backtest, by: str | None, timezone: str) -> list[Part]:
    """Return it for people, with a table by hour, day, week or month where that is asked for."""
    notes = [Line(f"  {wording.clean(text)}", "dim") for text in found.not_judged]
    hours = _by_step(found, by, timezone) if by is not None else None
    budgets = _budgets(found, timezone)
    return parts_of(
        Line(_summary(found), "bold"),
        _rings(found),
        Line() if budgets else None,
        budgets,
        Line() if hours else None,
        hours,
        *([Line(), Line("What could not be judged"), *notes] if notes else []),
    )


def _summary(found: Backtest) -> str:
    before, after = wording.cost(found.baseline), wording.cost(found.cost)
    much = _share(found.saved, found.baseline.known)
    said = (
        f"saves {wording.money(found.saved)} ({much})"
        if found.saved.pico >= 0
        else f"costs {wording.money(-1 * found.saved)} more"
    )
    many = f"{found.requests:,} request{'' if found.requests == 1 else 's'}"
    return f"{many}: {before} without the stack, {after} with it; it {said}"


def _share(part: Money, whole: Money) -> str:
    return wording.percent(part.pico / whole.pico) if whole.pico else "0%"


def _rings(found: Backtest) -> Grid:
    columns = (
        Column("ring", keep=True), Column("saves", right=True), Column("of all", right=True), Column("", bar=True),
    )  # fmt: skip
    most = max((abs(money.pico) for money in found.by_ring.values()), default=0)
    rows: list[list[Cell]] = [
        [
            wording.clean(ring),
            wording.money(money) if money else "-",
            _share(money, found.baseline.known) if money.pico >= 0 else "-",
            Bar(abs(money.pico) / most if most else 0.0, style="green" if money.pico >= 0 else "red"),
        ]
        for ring, money in found.by_ring.items()
    ]
    ended = ", ".join(f"{number:,} {outcome}" for outcome, number in sorted(found.outcomes.items()))
    total: list[Cell] = ["total", wording.money(found.saved), _share(found.saved, found.baseline.known), ""]
    notes = [f"How they ended: {ended}."] if ended else []
    return Grid(columns, rows, total=total, notes=notes)


def _budgets(found: Backtest, timezone: str) -> Grid | None:
    if not found.budgets:
        return None
    columns = (
        Column("budget"), Column("of"), Column("near its limit", keep=True), Column("at it", keep=True),
        Column("refused", right=True),
    )  # fmt: skip

    def told(at: datetime | None) -> str:
        return "-" if at is None else wording.when(at, timezone)

    rows: list[list[Cell]] = [
        [wording.clean(hit.budget), wording.clean(hit.subject or "-"), told(hit.warned_at), told(hit.refused_at),
         wording.count(hit.refused) if hit.refused else "-"]
        for hit in found.budgets
    ]  # fmt: skip
    more = len(rows) - _HITS
    notes = [f"and {more:,} windows more: --json has them all."] if more > 0 else []
    return Grid(columns, rows[:_HITS], "Budgets", notes=notes)


def _by_step(found: Backtest, by: str, timezone: str) -> Grid:
    sums: dict[str, tuple[int, Cost, Cost]] = {}
    for hour in found.by_hour:
        label = window_of(by, hour.start.timestamp(), timezone).label
        requests, before, after = sums.get(label, (0, Cost.total([]), Cost.total([])))
        sums[label] = (
            requests + hour.requests, Cost.total([before, hour.baseline]), Cost.total([after, hour.cost]),
        )  # fmt: skip
    most = max((before.known.pico for _, before, _ in sums.values()), default=0)
    columns = (
        Column(by, keep=True), Column("requests", right=True), Column("without", right=True),
        Column("with", right=True), Column("saved", right=True), Column("", bar=True),
    )  # fmt: skip
    rows: list[list[Cell]] = [
        [
            label,
            wording.count(requests),
            wording.cost(before),
            wording.cost(after),
            wording.money(before.known - after.known),
            Bar(before.known.pico / most if most else 0.0),
        ]
        for label, (requests, before, after) in sums.items()
    ]
    return Grid(columns, rows, f"By {by}" + ("" if timezone == "UTC" else f" ({zone(timezone)})"))


def verdict_document(found: Backtest) -> dict[str, Any]:
    """Return it for programs."""
    return {
        "requests": found.requests,
        "refused": found.refused,
        "baseline": cost_document(found.baseline),
        "cost": cost_document(found.cost),
        "saved": money_document(found.saved),
        "by_ring": {ring: money_document(money) for ring, money in found.by_ring.items()},
        "by_hour": [*_hours(found)],
        "budgets": [
            {
                "budget": hit.budget,
                "subject": hit.subject,
                "warned_at": instant_document(hit.warned_at),
                "refused_at": instant_document(hit.refused_at),
                "refused": hit.refused,
                "resets_at": instant_document(hit.resets_at),
            }
            for hit in found.budgets
        ],
        "outcomes": dict(found.outcomes),
        "not_judged": list(found.not_judged),
    }


def _hours(found: Backtest) -> Iterator[Mapping[str, Any]]:
    for hour in found.by_hour:
        yield {
            "start": instant_document(hour.start),
            "requests": hour.requests,
            "refused": hour.refused,
            "baseline": cost_document(hour.baseline),
            "cost": cost_document(hour.cost),
            "saved": money_document(hour.saved),
        }
