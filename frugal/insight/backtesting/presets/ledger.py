"""Our own log: a ledger's export, or its records.

Law: the records of one call are one request, which cost what they cost together; a hit is a request that would have
cost what it saved. Equal keys are equal requests, though no record holds a prompt.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields as fields_of
from typing import Any

from frugal._values.cost import Cost
from frugal._values.money import Money
from frugal._values.record import Record
from frugal._values.usage import BUCKETS, Usage
from frugal.insight.backtesting import cells
from frugal.insight.backtesting.logged import LeftOut
from frugal.insight.backtesting.presets.rows import Fields, Found, Line, Row, Rows, made

__all__ = ["ledger", "row_of"]

_HITS = frozenset({"memory", "disk", "semantic", "shared"})
_LOST = frozenset({"failed", "cancelled", "presumed"})
_LEFT_OUT = {
    "composite": "calls made of other calls, which are replayed themselves",
    "shadow": "shadow checks of a semantic cache",
    "rejected": "requests that were refused, so that nobody knows what they would have used",
}
_GUARDED = ("'=", "'+", "'-", "'@", "'\t", "'\r")
_CENT = "cost_pico"


def row_of(record: Record) -> Row:
    """Return a record as a row of an export."""
    row: dict[str, Any] = {field.name: getattr(record, field.name) for field in fields_of(record)}
    row.update(zip(BUCKETS, record.usage, strict=True))
    row.update(cost_status=record.cost.status, cost_source=record.cost.source, saved_pico=record.saved.pico)
    row["cost_by_bucket"] = {bucket: money.pico for bucket, money in record.cost.by_bucket.items()}
    for name in ("amount", "low", "high"):
        money = getattr(record.cost, name)
        row["cost_pico" if name == "amount" else f"cost_{name}_pico"] = None if money is None else money.pico
    return row


def ledger(rows: Rows) -> Iterator[Found]:
    """Read the rows of an export."""
    calls: dict[str, list[Row]] = {}
    for number, row in enumerate(rows, 1):
        reason = _no_request(row)
        if reason is not None:
            yield LeftOut(reason)
            continue
        name = cells.text(row.get("call")) or f"row {number}"
        calls.setdefault(name, []).append(row)
    answers = {name: _answer(name, records) for name, records in calls.items()}
    same: dict[Any, Any] = {}
    for name, records in calls.items():
        try:
            yield made(_fields(records, answers[name], answers), answers[name], same)
        except ValueError as error:
            raise ValueError(f"call {name!r}, {error}") from None


def _no_request(row: Row) -> str | None:
    kind = cells.text(row.get("kind")) or "llm"
    if kind != "llm":
        return f"records of kind {kind!r}, which are no calls of a model"
    return _LEFT_OUT.get(str(row.get("outcome")))


def _answer(name: str, records: list[Row]) -> Row:
    """Return the record that answered a call; its attempts have the call's name with a number."""
    return next((row for row in records if row.get("id") == name), records[-1])


def _fields(records: list[Row], answer: Row, answers: Mapping[str, Row]) -> Fields:
    outcome = str(answer.get("outcome"))
    source: Row = answers.get(str(answer.get("source_id")), {}) if outcome in _HITS else answer
    line, spent = Line(answer), Line(source)
    cost = Cost.total(map(_cost, records)) if len(records) > 1 else _cost(answer)
    if outcome in _HITS:
        cost = Cost.exact(Money(line.whole("saved_pico") or 0) + cost.known, price_table="log")
    asked = _said(answer, "model_requested")
    usage = Usage(*(spent.count(bucket) or 0 for bucket in BUCKETS))
    times = [time for time in (Line(row).instant("time") for row in records) if time is not None]
    return {
        "time": min(times, default=None),
        "model": asked or _said(answer, "model") or "unknown",
        "served": _said(answer, "model"),
        "provider": _said(source, "provider") or _said(answer, "provider"),
        "tier": _said(source, "tier"),
        "usage": usage,
        # What had no price then may have one now; what nobody counted has none at all.
        "cost": cost if cost.amount is not None or not usage else None,
        "identity": _said(answer, "key"),
        "function": _said(answer, "function"),
        "user": _said(answer, "user"),
        "session": _said(answer, "run"),
        "tags": line.labels("tags") or None,
        "latency": spent.number("latency"),
        "failed": 499 if outcome in _LOST else None,
        "pinned": answer.get("route_reason") == "pinned",
    }


def _said(row: Row, column: str) -> str | None:
    """Return a text, without the mark that keeps spreadsheets from taking it for a formula."""
    found = cells.text(row.get(column))
    return found[1:] if found is not None and found.startswith(_GUARDED) else found


def _cost(row: Row) -> Cost:
    line = Line(row)
    status = line.text("cost_status") or "exact"
    amount = line.whole(_CENT)
    if status == "unpriced" or amount is None:
        return Cost.unpriced()
    low, high = line.whole("cost_low_pico"), line.whole("cost_high_pico")
    buckets = line.document("cost_by_bucket")
    return Cost(
        Money(amount),
        Money(amount if low is None else low),
        Money(amount if high is None else high),
        status,
        {name: Money(int(pico)) for name, pico in buckets.items()} if isinstance(buckets, Mapping) else {},
        line.count("unpriced_calls") or 0,
        line.text("cost_source") or "",
        line.text("price_table") or "",
    )
