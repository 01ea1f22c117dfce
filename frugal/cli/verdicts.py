"""What a backtest found, for people and for programs.

Law: every figure is the backtest's own; what could not be judged stands below them, in full.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from frugal._values.cost import FREE, Cost
from frugal._values.money import Money
from frugal._values.window import window_of, zone
from frugal.cli import wording
from frugal.cli.documents import cost_document, instant_document, money_document
from frugal.cli.paragraphs import paragraph
from frugal.cli.parts import Bar, Cell, Column, Grid, Line, Part
from frugal.cli.screen import Screen
from frugal.insight.backtesting import Backtest, BudgetHit, Hour

__all__ = ["verdict_document", "verdict_parts"]

_MOST_HOURS = 48  # shown by the hour where nobody says by what; more are shown by the day
_HITS = 24  # windows of budgets that are shown

_OUTCOMES = {
    "cached": ("memory", "disk"),
    "semantic_cached": ("semantic",),
    "deduplicated": ("shared",),
    "batched": ("batched",),
    "budgeted": ("rejected",),
}
"""The outcomes that are a ring's doing; of a router's, no outcome tells."""


def verdict_parts(found: Backtest, by: str | None, timezone: str, screen: Screen) -> Iterator[Part]:
    """Yield it for people.

    Args:
        found: what was found.
        by: the step of its table; by the hour or, where these are many, by the day when `None`.
        timezone: whose calendar.
        screen: where it is shown.
    """
    for line in paragraph(_summary(found), screen, ""):
        yield Line(line.text, "bold")
    yield Line()
    yield _rings(found)
    if found.budgets:
        yield Line()
        yield _budgets(found, timezone)
    if found.by_hour:
        yield Line()
        yield _times(found, by, timezone)
    if found.not_judged:
        yield Line()
        yield Line("What could not be judged", "bold")
        for note in found.not_judged:
            yield from paragraph(wording.clean(note), screen, "- ")


def _summary(found: Backtest) -> str:
    before, after = wording.cost(found.baseline), wording.cost(found.cost)
    said = (
        f"saves {wording.money(found.saved)} ({_share(found.saved, found.baseline.known)})"
        if found.saved.pico >= 0
        else f"costs {wording.money(-1 * found.saved)} more"
    )
    many = f"{found.requests:,} request{'' if found.requests == 1 else 's'}"
    refused = f"; {found.refused:,} {'is' if found.refused == 1 else 'are'} refused" if found.refused else ""
    return f"{many}: {before} without the stack, {after} with it; it {said}{refused}"


def _share(part: Money, whole: Money) -> str:
    return wording.percent(part.pico / whole.pico) if whole.pico else "0%"


def _rings(found: Backtest) -> Grid:
    columns = (
        Column("ring", keep=True),
        Column("requests", right=True),
        Column("saves", right=True),
        Column("of all", right=True),
        Column("", bar=True),
    )
    most = max((abs(money.pico) for money in found.by_ring.values()), default=0)
    rows: list[list[Cell]] = [
        [
            wording.clean(ring),
            _by(ring, found),
            wording.money(money) if money else "-",
            _share(money, found.baseline.known) if money.pico >= 0 else "-",
            Bar(abs(money.pico) / most if most else 0.0, style="green" if money.pico >= 0 else "red"),
        ]
        for ring, money in found.by_ring.items()
    ]
    styles = {at: "red" for at, money in enumerate(found.by_ring.values()) if money.pico < 0}
    ended = ", ".join(f"{number:,} {outcome}" for outcome, number in sorted(found.outcomes.items()))
    share = _share(found.saved, found.baseline.known) if found.saved.pico >= 0 else "-"
    total: list[Cell] = ["total", wording.count(found.requests), wording.money(found.saved), share, ""]
    notes = [f"How they ended: {ended}."] if ended else []
    return Grid(columns, rows, total=total, notes=notes, styles=styles)


def _by(ring: str, found: Backtest) -> str:
    number = sum(found.outcomes.get(outcome, 0) for outcome in _OUTCOMES.get(ring, ()))
    return wording.count(number) if number else "-"


def _budgets(found: Backtest, timezone: str) -> Grid:
    columns = (
        Column("budget"),
        Column("whose"),
        Column("near its limit", keep=True),
        Column("at it", keep=True),
        Column("refused", right=True),
    )
    most = sorted(found.budgets, key=lambda hit: -hit.refused)[:_HITS]
    rows = [_hit(hit, timezone) for hit in found.budgets if hit in most]
    more = len(found.budgets) - len(rows)
    notes = [f"and {more:,} windows more: --json has them all."] if more > 0 else []
    return Grid(columns, rows, "Budgets", notes=notes)


def _hit(hit: BudgetHit, timezone: str) -> list[Cell]:
    def told(at: datetime | None) -> str:
        return "-" if at is None else f"{at.astimezone(zone(timezone)):%Y-%m-%d %H:%M}"

    return [
        wording.clean(hit.budget),
        wording.clean(hit.subject) or "everyone",
        told(hit.warned_at),
        told(hit.refused_at),
        wording.count(hit.refused) if hit.refused else "-",
    ]


class _Step(NamedTuple):
    """What happened in one step of a table."""

    requests: int = 0
    refused: int = 0
    before: Cost = FREE
    after: Cost = FREE

    def plus(self, hour: Hour) -> _Step:
        """Return it with an hour more."""
        return _Step(
            self.requests + hour.requests,
            self.refused + hour.refused,
            Cost.total((self.before, hour.baseline)),
            Cost.total((self.after, hour.cost)),
        )


def _times(found: Backtest, by: str | None, timezone: str) -> Grid:
    step = by or ("hour" if len(found.by_hour) <= _MOST_HOURS else "day")
    sums: dict[str, _Step] = {}
    for hour in found.by_hour:
        label = window_of(step, hour.start.timestamp(), timezone).label
        sums[label] = sums.get(label, _Step()).plus(hour)
    most = max((each.before.known.pico for each in sums.values()), default=0)
    refused = (Column("refused", right=True),) if found.refused else ()
    columns = (
        Column(step, keep=True), Column("requests", right=True), *refused, Column("without", right=True),
        Column("with", right=True), Column("saved", right=True), Column("", bar=True),
    )  # fmt: skip
    rows = [[label, *_cells(each, found, most)] for label, each in sums.items()]
    return Grid(columns, rows, f"The bill by {step}" + ("" if timezone == "UTC" else f" ({timezone})"))


def _cells(step: _Step, found: Backtest, most: int) -> Sequence[Cell]:
    saved = step.before.known - step.after.known
    return (
        wording.count(step.requests),
        *((wording.count(step.refused) if step.refused else "-",) if found.refused else ()),
        wording.cost(step.before),
        wording.cost(step.after),
        wording.money(saved) if saved else "-",
        Bar(step.after.known.pico / most if most else 0.0),
    )


def verdict_document(found: Backtest) -> dict[str, Any]:
    """Return it for programs."""
    return {
        "requests": found.requests,
        "refused": found.refused,
        "baseline": cost_document(found.baseline),
        "cost": cost_document(found.cost),
        "saved": money_document(found.saved),
        "by_ring": {ring: money_document(money) for ring, money in found.by_ring.items()},
        "by_hour": [
            {
                "start": instant_document(hour.start),
                "requests": hour.requests,
                "refused": hour.refused,
                "baseline": cost_document(hour.baseline),
                "cost": cost_document(hour.cost),
                "saved": money_document(hour.saved),
            }
            for hour in found.by_hour
        ],
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
