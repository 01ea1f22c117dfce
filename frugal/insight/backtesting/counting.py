"""Counting: from played requests to what a backtest says.

Law: each dollar of difference is one ring's: the one that answered, refused, or chose another model. What a cache
spends on checking itself, and what calls inside the stack cost, counts against it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from frugal._values.cost import Cost
from frugal._values.money import Money
from frugal._values.record import UNCOUNTED_OUTCOMES, Record
from frugal._values.window import window_of, zone
from frugal.errors import BudgetExceededError, NoEligibleModelError, RequestTooLargeError
from frugal.insight.backtesting.playing import Playing
from frugal.insight.backtesting.stage import Warned
from frugal.insight.backtesting.verdict import Backtest, BudgetHit, Hour

__all__ = ["counted"]

_RINGS = {
    "memory": "cached",
    "disk": "cached",
    "semantic": "semantic_cached",
    "shared": "deduplicated",
    "batched": "batched",
}
"""The ring that answered, by the outcome."""


def counted(
    played: Sequence[Playing], warned: Iterable[Warned], functions: frozenset[str], notes: Sequence[str], timezone: str
) -> Backtest:
    """Return what a backtest says of its requests.

    Args:
        played: the requests, oldest first.
        warned: the budgets' warnings.
        functions: the names of the functions that the requests were made to.
        notes: what could not be judged.
        timezone: whose hours.
    """
    rings: dict[str, int] = {}
    hours: dict[float, list[Playing]] = {}
    outcomes: Counter[str] = Counter()
    for one in played:
        hours.setdefault(window_of("hour", one.logged.time, timezone).start, []).append(one)
        own = [record for record in one.records if record.function in functions]
        answer = _answer(own)
        outcomes[answer.outcome if answer is not None else "rejected"] += 1
        left = one.baseline.known.pico
        for record in one.records:
            if record.function not in functions:
                _add(rings, record.function.rpartition(".")[2], -record.cost.known.pico)
            elif record.outcome == "shadow":
                _add(rings, "semantic_cached", -record.cost.known.pico)
            else:
                left -= record.cost.known.pico
        if left:
            _add(rings, _ring(one, answer), left)
    baseline, cost = _sums(played)
    return Backtest(
        requests=len(played),
        refused=sum(one.refusal is not None for one in played),
        baseline=baseline,
        cost=cost,
        saved=baseline.known - cost.known,
        by_ring={name: Money(pico) for name, pico in sorted(rings.items(), key=lambda pair: -pair[1]) if pico},
        by_hour=tuple(_hour(start, hours[start], timezone) for start in sorted(hours)),
        not_judged=tuple(notes),
        budgets=tuple(_hits(played, warned)),
        outcomes=dict(outcomes.most_common()),
    )


def _add(rings: dict[str, int], name: str, pico: int) -> None:
    if pico:
        rings[name] = rings.get(name, 0) + pico


def _answer(records: Sequence[Record]) -> Record | None:
    return next((record for record in reversed(records) if record.outcome not in UNCOUNTED_OUTCOMES), None)


def _ring(one: Playing, answer: Record | None) -> str:
    """Return whose doing a difference is."""
    if one.refusal is not None:
        if isinstance(one.refusal, NoEligibleModelError):
            return "routed"
        return "rate_limited" if isinstance(one.refusal, RequestTooLargeError) else "budgeted"
    if answer is None:
        return "other"
    if answer.outcome in _RINGS:
        return _RINGS[answer.outcome]
    if answer.model_requested != one.logged.model:
        # A budget's suggestion takes the place of the model where no router stands, and then there is no reason.
        return "routed" if answer.route_reason not in (None, "pinned") else "budgeted"
    return "other"


def _sums(played: Sequence[Playing]) -> tuple[Cost, Cost]:
    baseline = Cost.total(one.baseline for one in played)
    return baseline, Cost.total(record.cost for one in played for record in one.records)


def _hour(start: float, played: Sequence[Playing], timezone: str) -> Hour:
    baseline, cost = _sums(played)
    return Hour(
        start=datetime.fromtimestamp(start, UTC).astimezone(zone(timezone)),
        requests=len(played),
        refused=sum(one.refusal is not None for one in played),
        baseline=baseline,
        cost=cost,
    )


def _hits(played: Sequence[Playing], warned: Iterable[Warned]) -> list[BudgetHit]:
    """Return what happened to each budget in each of its windows."""
    found: dict[tuple[str, str, datetime | None], BudgetHit] = {}
    for warning in warned:
        status = warning.status
        key = status.name, status.subject, status.resets_at
        found.setdefault(
            key, BudgetHit(budget=key[0], subject=key[1], resets_at=key[2], warned_at=_aware(warning.time))
        )
    for one in played:
        error = one.refusal
        if isinstance(error, BudgetExceededError):
            key = error.budget, error.subject, error.resets_at
            hit = found.get(key) or BudgetHit(budget=key[0], subject=key[1], resets_at=key[2])
            found[key] = replace(hit, refused=hit.refused + 1, refused_at=hit.refused_at or _aware(_ended(one)))
    return sorted(found.values(), key=lambda hit: min(at for at in (hit.warned_at, hit.refused_at) if at is not None))


def _ended(one: Playing) -> float:
    """Return when a request was refused: it may have waited first."""
    record = one.records[-1] if one.records else None
    return one.logged.time if record is None else record.time.timestamp() + record.latency


def _aware(instant: float) -> datetime:
    return datetime.fromtimestamp(instant, UTC)
