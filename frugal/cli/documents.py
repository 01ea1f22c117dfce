"""How values stand in JSON, for programs.

Law: money stands twice, as whole pico-dollars and as exact dollars in a string, so that no reader has to round; what
is not known is `null`, never zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from frugal._values.cost import Cost
from frugal._values.money import PICO_PER_USD, Money
from frugal._values.record import BudgetFigure, BudgetStatus, Record, UsageRow
from frugal._values.usage import BUCKETS, Usage

__all__ = ["budget_document", "cost_document", "instant_document", "money_document", "record_document", "row_document"]


def money_document(amount: Money | None) -> dict[str, Any] | None:
    """Return an amount twice, exactly.

    >>> money_document(Money(12_500_000_000))
    {'pico': 12500000000, 'usd': '0.0125'}
    """
    if amount is None:
        return None
    whole, rest = divmod(abs(amount.pico), PICO_PER_USD)
    decimals = f"{rest:012d}".rstrip("0")
    sign = "-" if amount.pico < 0 else ""
    return {"pico": amount.pico, "usd": f"{sign}{whole}" + (f".{decimals}" if decimals else "")}


def cost_document(cost: Cost) -> dict[str, Any]:
    """Return a cost with its bounds."""
    return {
        "amount": money_document(cost.amount),
        "low": money_document(cost.low),
        "high": money_document(cost.high),
        "status": cost.status,
        "unpriced_calls": cost.unpriced_calls,
        "by_bucket": {bucket: money_document(money) for bucket, money in cost.by_bucket.items()},
    }


def usage_document(usage: Usage) -> dict[str, int]:
    """Return the tokens by bucket, and their sum."""
    return {**dict(zip(BUCKETS, usage, strict=True)), "total_tokens": usage.total_tokens}


def instant_document(at: datetime | float | None) -> str | None:
    """Return an instant as ISO 8601."""
    if at is None:
        return None
    return (at if isinstance(at, datetime) else datetime.fromtimestamp(at, UTC)).isoformat()


def row_document(row: UsageRow) -> dict[str, Any]:
    """Return a group of a usage report."""
    return {
        "group": dict(row.group),
        "calls": row.calls,
        "usage": usage_document(row.usage),
        "cost": cost_document(row.cost),
        "saved": money_document(row.saved),
        "outcomes": dict(row.outcomes),
        "latency": row.latency,
    }


_PLAIN = (
    *("id", "call", "parent", "kind", "function", "model_requested", "model", "provider", "outcome", "overrun"),
    *("latency", "user", "run", "route_reason", "similarity", "source_id", "price_table", "key", "attempts"),
    *("tier", "booked", "success", "satisfaction"),
)


def record_document(record: Record) -> dict[str, Any]:
    """Return everything that a record says."""
    return {
        "time": record.time.isoformat(),
        **{name: getattr(record, name) for name in _PLAIN},
        "usage": usage_document(record.usage),
        "cost": {**cost_document(record.cost), "source": record.cost.source},
        "rolled_up": None if record.rolled_up is None else cost_document(record.rolled_up),
        "saved": money_document(record.saved),
        "tags": dict(record.tags),
        "digests": dict(record.digests),
    }


def budget_document(status: BudgetStatus) -> dict[str, Any]:
    """Return how a budget stands."""
    return {
        "name": status.name,
        "window": status.window,
        "subject": status.subject,
        "usd": _figure(status.usd),
        "tokens": _figure(status.tokens),
        "fraction": status.fraction,
        "warning": status.warning,
        "exceeded": status.exceeded,
        "resets_at": instant_document(status.resets_at),
        "suggest": status.suggest,
    }


def _figure(figure: BudgetFigure | None) -> Mapping[str, Any] | None:
    if figure is None:
        return None
    amounts = {name: getattr(figure, name) for name in ("used", "held", "limit", "remaining")}
    shown = {name: money_document(value) if isinstance(value, Money) else value for name, value in amounts.items()}
    return {**shown, "fraction": figure.fraction}
