"""Counting: from played requests to what a backtest says, as they end.

Law: each dollar of difference is one ring's: the one that answered, refused, or chose another model. What a cache
spends on checking itself, and what calls inside the stack cost, counts against it. Only sums are kept, so that a long
log takes no more memory than itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from frugal._values.cost import FREE, Cost
from frugal._values.money import Money
from frugal._values.record import UNCOUNTED_OUTCOMES, BudgetStatus, Record
from frugal._values.window import window_of, zone
from frugal.errors import BudgetExceededError, NoEligibleModelError, RequestTooLargeError
from frugal.insight.backtesting.playing import Playing, playing
from frugal.insight.backtesting.verdict import Backtest, BudgetHit, Hour

__all__ = ["Tally"]

_RINGS = {
    "memory": "cached",
    "disk": "cached",
    "semantic": "semantic_cached",
    "shared": "deduplicated",
    "batched": "batched",
}
"""The ring that answered, by the outcome."""

_TOGETHER = 256  # costs added up at a time
_OPEN = 8  # hours whose costs may wait to be added up


class _Sum:
    """A sum of costs."""

    __slots__ = ("_pending", "_total")

    def __init__(self) -> None:
        self._total = FREE
        self._pending: list[Cost] = []

    def add(self, cost: Cost) -> None:
        """Add one."""
        self._pending.append(cost)
        if len(self._pending) >= _TOGETHER:
            self.fold()

    def fold(self) -> None:
        """Add up what was added one by one."""
        if self._pending:
            self._total = Cost.total((self._total, *self._pending))
            self._pending.clear()

    @property
    def total(self) -> Cost:
        """All of them together."""
        self.fold()
        return self._total


class _Hour:
    """The requests that began in one hour."""

    __slots__ = ("baseline", "cost", "refused", "requests")

    def __init__(self) -> None:
        self.requests = 0
        self.refused = 0
        self.baseline = _Sum()
        self.cost = _Sum()

    def fold(self) -> None:
        """Keep sums alone."""
        self.baseline.fold()
        self.cost.fold()


class Tally:
    """Add up what became of the requests.

    Args:
        timezone: whose hours.

    Raises:
        ValueError: the zone is not known.
    """

    def __init__(self, timezone: str) -> None:
        self._zone = zone(timezone)
        self._timezone = timezone
        self._hours: dict[float, _Hour] = {}
        self._touched: dict[float, _Hour] = {}
        self._rings: dict[str, int] = {}
        self._outcomes: Counter[str] = Counter()
        self._hits: dict[tuple[str, str, datetime | None], BudgetHit] = {}
        self.functions: set[str] = set()
        self.unpriced: Counter[str] = Counter()

    # ------------------------------------------------------------------ as it happens

    def begin(self, now: Playing) -> None:
        """Take in a request that is about to be made."""
        hour = self._hour(now)
        hour.requests += 1
        hour.baseline.add(now.baseline)
        if now.baseline.amount is None:
            self.unpriced[now.logged.model] += 1

    def take(self, records: Sequence[Record]) -> None:
        """Take in what was recorded while a request is played; some comes after the request has ended."""
        now = playing.get()
        if now is None:
            return
        hour = self._hour(now)
        counted = now.counted is not None
        if counted:
            self._count(now, -1)
        for record in records:
            hour.cost.add(record.cost)
            now.last = record
            if record.function not in self.functions:
                self._add(record.function.rpartition(".")[2], -record.cost.known.pico)
                continue
            if record.outcome == "shadow":
                self._add("semantic_cached", -record.cost.known.pico)
            else:
                now.spent += record.cost.known.pico
            if record.outcome not in UNCOUNTED_OUTCOMES:
                now.answer = record
        if counted:
            self._settle(now)

    def end(self, now: Playing) -> None:
        """Count a request that has ended."""
        if now.refusal is not None:
            self._hour(now).refused += 1
            if isinstance(now.refusal, BudgetExceededError):
                self._refused(now, now.refusal)
        self._settle(now)

    def warn(self, status: BudgetStatus, at: float) -> None:
        """Take in that a budget came near its limit."""
        key = status.name, status.subject, status.resets_at
        self._hits.setdefault(key, BudgetHit(budget=key[0], subject=key[1], resets_at=key[2], warned_at=_aware(at)))

    # ------------------------------------------------------------------ counting

    def _hour(self, now: Playing) -> _Hour:
        start = window_of("hour", now.logged.time, self._timezone).start
        found = self._touched.get(start)
        if found is None:
            if len(self._touched) >= _OPEN:
                for hour in self._touched.values():
                    hour.fold()
                self._touched.clear()
            found = self._touched[start] = self._hours.setdefault(start, _Hour())
        return found

    def _settle(self, now: Playing) -> None:
        outcome = now.answer.outcome if now.answer is not None else "rejected"
        now.counted = outcome, _ring(now), now.baseline.known.pico - now.spent
        self._count(now, 1)

    def _count(self, now: Playing, sign: int) -> None:
        assert now.counted is not None  # noqa: S101 it has been settled
        outcome, ring, pico = now.counted
        self._outcomes[outcome] += sign
        self._add(ring, sign * pico)

    def _add(self, ring: str, pico: int) -> None:
        if pico:
            self._rings[ring] = self._rings.get(ring, 0) + pico

    def _refused(self, now: Playing, error: BudgetExceededError) -> None:
        key = error.budget, error.subject, error.resets_at
        hit = self._hits.get(key) or BudgetHit(budget=key[0], subject=key[1], resets_at=key[2])
        self._hits[key] = replace(hit, refused=hit.refused + 1, refused_at=hit.refused_at or _aware(_ended(now)))

    # ------------------------------------------------------------------ at the end

    def verdict(self, notes: Sequence[str]) -> Backtest:
        """Return what a backtest says.

        Args:
            notes: what could not be judged.
        """
        hours = [(start, self._hours[start]) for start in sorted(self._hours)]
        baseline = Cost.total(hour.baseline.total for _, hour in hours)
        cost = Cost.total(hour.cost.total for _, hour in hours)
        rings = sorted(self._rings.items(), key=lambda pair: (-pair[1], pair[0]))
        return Backtest(
            requests=sum(hour.requests for _, hour in hours),
            refused=sum(hour.refused for _, hour in hours),
            baseline=baseline,
            cost=cost,
            saved=baseline.known - cost.known,
            by_ring={name: Money(pico) for name, pico in rings if pico},
            by_hour=tuple(self._said(start, hour) for start, hour in hours),
            not_judged=tuple(notes),
            budgets=tuple(sorted(self._hits.values(), key=_order)),
            outcomes={name: count for name, count in self._outcomes.most_common() if count},
        )

    def _said(self, start: float, hour: _Hour) -> Hour:
        return Hour(
            start=datetime.fromtimestamp(start, UTC).astimezone(self._zone),
            requests=hour.requests,
            refused=hour.refused,
            baseline=hour.baseline.total,
            cost=hour.cost.total,
        )


def _ring(one: Playing) -> str:
    """Return whose doing a difference is."""
    if one.refusal is not None:
        if isinstance(one.refusal, NoEligibleModelError):
            return "routed"
        return "rate_limited" if isinstance(one.refusal, RequestTooLargeError) else "budgeted"
    answer = one.answer
    if answer is None:
        return "other"
    if answer.outcome in _RINGS:
        return _RINGS[answer.outcome]
    if answer.outcome == "failed" and not one.asked:
        return "deduplicated"  # the failure of another's call, which it had joined
    if answer.model_requested != one.logged.model:
        # A budget's suggestion takes the place of the model where no router stands, and then there is no reason.
        return "routed" if answer.route_reason not in (None, "pinned") else "budgeted"
    return "other"


def _ended(one: Playing) -> float:
    """Return when a request was refused: it may have waited first."""
    return one.logged.time if one.last is None else one.last.time.timestamp() + one.last.latency


def _order(hit: BudgetHit) -> tuple[datetime, str, str]:
    return min(at for at in (hit.warned_at, hit.refused_at) if at is not None), hit.budget, hit.subject


def _aware(instant: float) -> datetime:
    return datetime.fromtimestamp(instant, UTC)
