"""Records as JSON, both ways.

Law: a record read back equals the record written, to the pico-dollar and the microsecond; what JSON or
UTF-8 cannot carry (a lone surrogate, a NaN) is replaced before it is written, never refused, so that no
record is lost for it; a row that does not have this shape is corrupt, not guessed at.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from frugal._values.cost import FREE, Cost
from frugal._values.money import ZERO, Money
from frugal._values.record import Record
from frugal._values.usage import NO_USAGE, Usage

__all__ = [
    "CostRow",
    "RecordRow",
    "clean",
    "cost_of",
    "cost_row",
    "instant_of",
    "moment",
    "pack",
    "record_of",
    "row_of",
    "unpack",
]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_US = timedelta(microseconds=1)

_encode = msgspec.json.Encoder().encode


class CostRow(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """Hold a cost: amounts in pico-dollars; `low` and `high` only where they differ from `amount`."""

    amount: int | None = None
    low: int | None = None
    high: int | None = None
    status: str = "exact"
    by: dict[str, int] = {}
    unpriced: int = 0
    source: str = ""
    table: str = ""


class RecordRow(msgspec.Struct, omit_defaults=True, gc=False):
    """Hold a record; fields that a later version adds are ignored by this one."""

    id: str
    time: int
    call: str | None = None
    parent: str | None = None
    kind: str = "llm"
    function: str = ""
    asked: str | None = None
    model: str | None = None
    provider: str | None = None
    outcome: str = "provider"
    usage: list[int] = []
    cost: CostRow | None = None
    rolled: CostRow | None = None
    saved: int = 0
    overrun: bool = False
    latency: float = 0.0
    user: str | None = None
    run: str | None = None
    tags: dict[str, str] = {}
    reason: str | None = None
    similarity: float | None = None
    answer: str | None = None
    prices: str = ""
    key: str | None = None
    attempts: int = 1
    tier: str | None = None
    booked: float | None = None
    digests: dict[str, str] = {}


_decode = msgspec.json.Decoder(RecordRow).decode


def instant_of(time: datetime) -> int:
    """Return whole microseconds since 1970, before which there was no call; a naive time is taken as UTC."""
    return max(((time if time.tzinfo else time.replace(tzinfo=UTC)) - _EPOCH) // _US, 0)


def moment(microseconds: int) -> datetime:
    """Return the aware UTC time of that many microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=microseconds)


def cost_row(cost: Cost) -> CostRow | None:
    """Return the row of a cost; `None` for nothing."""
    if cost is FREE:
        return None
    if cost.amount is None or cost.low is None or cost.high is None:
        amount = low = high = None
    else:
        amount = cost.amount.pico
        low = None if cost.low.pico == amount else cost.low.pico
        high = None if cost.high.pico == amount else cost.high.pico
    by = {name: money.pico for name, money in cost.by_bucket.items()} if cost.by_bucket else {}
    return CostRow(amount, low, high, cost.status, by, cost.unpriced_calls, cost.source, cost.price_table)


def cost_of(row: CostRow | None) -> Cost:
    """Return the cost of a row; raises `ValueError` when it contradicts itself."""
    if row is None:
        return FREE
    by = {name: Money(pico) for name, pico in row.by.items()}
    if row.amount is None:
        return Cost(None, None, None, row.status, by, row.unpriced, row.source, row.table)
    low = row.amount if row.low is None else row.low
    high = row.amount if row.high is None else row.high
    return Cost(Money(row.amount), Money(low), Money(high), row.status, by, row.unpriced, row.source, row.table)


def _finite(number: float | None, otherwise: float | None) -> float | None:
    return otherwise if number is None or not math.isfinite(number) else number


def row_of(record: Record) -> RecordRow:
    """Return the row of a record."""
    usage = record.usage
    rolled = record.rolled_up
    return RecordRow(
        record.id,
        instant_of(record.time),
        None if record.call == record.id else record.call,
        record.parent,
        record.kind,
        record.function,
        record.model_requested,
        record.model,
        record.provider,
        record.outcome,
        [] if usage is NO_USAGE else list(usage),
        cost_row(record.cost),
        None if rolled is None else (cost_row(rolled) or CostRow(0)),
        record.saved.pico,
        bool(record.overrun),
        _finite(record.latency, 0.0) or 0.0,
        record.user,
        record.run,
        dict(record.tags) if record.tags else {},
        record.route_reason,
        None if record.similarity is None else _finite(record.similarity, None),
        record.source_id,
        record.price_table,
        record.key,
        record.attempts,
        record.tier,
        None if record.booked is None else _finite(record.booked, None),
        dict(record.digests) if record.digests else {},
    )


def record_of(row: RecordRow, feedback: tuple[bool | None, float | None] = (None, None)) -> Record:
    """Return the record of a row, with what `feedback` said of its call.

    Raises:
        ValueError: the figures contradict each other.
    """
    return Record(
        id=row.id,
        call=row.id if row.call is None else row.call,
        parent=row.parent,
        time=moment(row.time),
        kind=row.kind,
        function=row.function,
        model_requested=row.asked,
        model=row.model,
        provider=row.provider,
        outcome=row.outcome,
        usage=Usage(*row.usage) if row.usage else NO_USAGE,
        cost=cost_of(row.cost),
        rolled_up=None if row.rolled is None else cost_of(row.rolled),
        saved=Money(row.saved) if row.saved else ZERO,
        overrun=row.overrun,
        latency=row.latency,
        user=row.user,
        run=row.run,
        tags=row.tags,
        route_reason=row.reason,
        similarity=row.similarity,
        source_id=row.answer,
        price_table=row.prices,
        key=row.key,
        attempts=row.attempts,
        tier=row.tier,
        booked=row.booked,
        digests=row.digests,
        success=feedback[0],
        satisfaction=feedback[1],
    )


def pack(row: RecordRow) -> str:
    """Return the JSON text of a row; lone surrogates become the replacement character, in the row too."""
    try:
        return _encode(row).decode()
    except UnicodeEncodeError:
        for name in row.__struct_fields__:
            setattr(row, name, clean(getattr(row, name)))
        return _encode(row).decode()


def unpack(text: str | bytes) -> RecordRow:
    """Return the row of a JSON text.

    Raises:
        msgspec.MsgspecError: it is not the JSON of a record.
    """
    return _decode(text)


def clean(value: Any) -> Any:
    """Return a value without lone surrogates, which UTF-8 cannot carry."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, Mapping):
        return {clean(name): clean(part) for name, part in value.items()}
    if isinstance(value, CostRow):
        value.by, value.source, value.table = clean(value.by), clean(value.source), clean(value.table)
    return value
