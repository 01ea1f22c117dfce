"""Billing: what one provider call cost, from its answer, or from the way it was lost.

Law (design, budgets): before the function is entered nothing is charged; an error status without usage costs nothing;
entered and then cancelled, timed out or cut off is charged at the hold, `estimated` from 0 to what the request
allows, unless the usage is known.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from frugal._core.cover import HELD
from frugal._core.estimate import DEFAULT_OUTPUT, Asked, Estimate, between, estimate, of_answer, tier_of
from frugal._core.wire import TIMED_OUT, never_left
from frugal._values.cost import FREE, UNPRICED, Cost
from frugal._values.money import ZERO, Money
from frugal._values.record import FREE_OUTCOMES, Record
from frugal._values.usage import NO_USAGE, Usage
from frugal.ports import Reading

if TYPE_CHECKING:
    from frugal._core.call import Call
    from frugal._core.meter import Meter

__all__ = ["NOTHING", "Bill", "answered", "at_hold", "is_paid", "lost"]

ERROR = "error"
"""How an answer ended that is a provider's error."""

_SPOKEN_BY_OTHERS = frozenset({"openai", "anthropic", "google"})
"""Providers whose shapes others speak too, so that the shape alone does not say who served."""

_TRANSPORT = ("timeout", "connection", "connect", "network", "protocol", "readerror", "writeerror", "incomplete",
              "disconnected", "closed", "payload", "transport")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bill:
    """What one provider call cost.

    Args:
        usage: what was counted for it.
        cost: what it cost.
        kind: `"llm"` or `"tool"`.
        provider: who served.
        tier: the tier that was served.
        answer: what the answer alone cost, where `cost` has more in it.
        attempts: how many requests were sent for it.
        reading: what was read where the SDK's HTTP client was watched, and the response itself says nothing.
    """

    usage: Usage = NO_USAGE
    cost: Cost = FREE
    kind: str = "llm"
    provider: str | None = None
    tier: str | None = None
    answer: Cost | None = None
    attempts: int = 1
    reading: Reading | None = None


NOTHING = Bill()


def is_paid(record: Record) -> bool:
    """Say whether a record must be durable before the caller goes on."""
    return record.outcome not in FREE_OUTCOMES and (record.cost.amount is None or record.cost.amount.pico != 0)


def answered(call: Asked, meter: Meter, reading: Reading | None, stated: Any) -> Bill:
    """Return what an answer cost.

    Args:
        call: what was asked for.
        meter: its prices and readers.
        reading: what was read from the response's shape.
        stated: what the user's own reader said: a `Usage`, a `Cost`, or `None`.
    """
    provider = reading.provider if reading is not None else None
    tier = (reading.tier if reading is not None else None) or tier_of(call, meter.requests)
    model = (reading.model if reading is not None else None) or call.model
    if isinstance(stated, Cost):
        usage = reading.usage if reading is not None and reading.usage is not None else NO_USAGE
        return Bill(usage, stated, "llm", provider, tier)
    if isinstance(stated, Money):
        return Bill(NO_USAGE, Cost.exact(stated, source="provider"), "llm", provider, tier)
    if reading is not None and reading.stated is not None:
        usage = stated if isinstance(stated, Usage) else reading.usage or NO_USAGE
        cost = Cost.exact(reading.stated, source="provider", price_table="provider")
        return Bill(usage, cost, "llm", provider, tier)
    if isinstance(stated, Usage):
        cost = UNPRICED if model is None else _priced(call, meter, model, stated, provider, tier)
        return Bill(stated, cost, "llm", provider, tier)
    if reading is None and model is None:
        return Bill(kind="tool")
    return _read(call, meter, reading or Reading(), model, provider, tier)


def _read(
    call: Asked, meter: Meter, reading: Reading, model: str | None, provider: str | None, tier: str | None
) -> Bill:
    """Return what an answer cost by what it says itself."""
    if reading.finish == ERROR and reading.usage is None and not reading.text_bytes:
        return Bill(provider=provider, tier=tier)  # an error, whatever status it came with
    if model is None:
        return Bill(kind="tool") if reading.usage is None else Bill(reading.usage, UNPRICED, "llm", provider, tier)
    if reading.usage is None or reading.partial:
        usage, cost = of_answer(call, meter.requests, meter.prices, model, reading.text_bytes, reading.usage)
        if reading.finish is None and not reading.complete:  # it never said why it ended: there may be more of it
            bound = estimate(call, meter.requests, meter.prices, learned=DEFAULT_OUTPUT)
            cost = between(cost, cost.low or ZERO, bound.high)
        return Bill(usage, cost, "llm", provider, tier)
    cost = _priced(call, meter, model, reading.usage, provider, tier)
    if reading.problem and cost.status == "exact":
        # The tokens are priced right, but they are not sure to be the whole bill.
        cost = replace(cost, status="estimated")
    return Bill(reading.usage, cost, "llm", provider, tier)


def _priced(call: Asked, meter: Meter, model: str, usage: Usage, provider: str | None, tier: str | None) -> Cost:
    """Price usage by the model that served; by the one asked for where the served name has no price."""
    cost = meter.prices.cost(model, usage, at=call.started, provider=provider, tier=tier)
    if cost.amount is None and provider in _SPOKEN_BY_OTHERS:
        cost = meter.prices.cost(model, usage, at=call.started, tier=tier)
    requested = call.model
    if cost.amount is None and requested is not None and requested != model:
        asked = meter.prices.cost(requested, usage, at=call.started, provider=provider, tier=tier)
        if asked.amount is not None:
            return replace(asked, status="estimated", source="estimate")
    return cost


def lost(call: Call, meter: Meter, outcome: str, error: BaseException | None, reading: Reading | None) -> Bill:
    """Return what a call that gave no whole answer may have cost."""
    if call.model is None and reading is None:
        return Bill(kind="tool")
    status = meter.requests.status(error) if error is not None else None
    provider = reading.provider if reading is not None else None
    tier = (reading.tier if reading is not None else None) or tier_of(call, meter.requests)
    refused = status is not None and status >= 400
    if reading is not None and reading.usage is not None and (reading.finish is not None or refused):
        return answered(call, meter, reading, None)
    if status is not None and status >= 400 and status not in TIMED_OUT and reading is None:
        return Bill(provider=provider, tier=tier)
    if error is not None and reading is None and never_left(error):  # nobody was there to bill
        return Bill(provider=provider, tier=tier)
    model = (reading.model if reading is not None else None) or call.model
    if model is None:
        return Bill(cost=UNPRICED, provider=provider, tier=tier)
    bound = estimate(call, meter.requests, meter.prices, learned=DEFAULT_OUTPUT)
    certain = outcome == "cancelled" or reading is not None or _cut_off(error, status)
    return at_hold(call, meter, model, bound, reading, certain=certain)


def at_hold(call: Call, meter: Meter, model: str, bound: Estimate, reading: Reading | None, *, certain: bool) -> Bill:
    """Charge at the hold where the provider may well have billed; else only say what it may have been."""
    if bound.cost.amount is None or bound.high.amount is None:
        return Bill(usage=bound.hold if certain else NO_USAGE, cost=UNPRICED)
    if not certain:
        return Bill(cost=between(FREE, ZERO, bound.high))
    # What is held for this very request: of several under one hold, each is charged its own part of it.
    held: Estimate = call.memo.get(HELD, bound)
    usage, amount = held.hold, held.cost if held.cost.amount is not None else bound.cost
    low, known = ZERO, reading.usage if reading is not None else None
    if known is not None:
        # What was read before the cut is a floor: the provider counted at least that.
        floor = meter.prices.cost(model, known, at=call.started)
        low = floor.known
        if floor.amount is not None and floor.amount > amount.known:
            amount, usage = floor, known
    provider = reading.provider if reading is not None else None
    return Bill(usage, between(amount, low, bound.high), "llm", provider)


def _cut_off(error: BaseException | None, status: int | None) -> bool:
    """Say whether a call was broken off rather than refused."""
    if status in TIMED_OUT or isinstance(error, (TimeoutError, ConnectionError, asyncio.CancelledError, EOFError)):
        return True
    seen = error
    for _ in range(4):  # SDKs wrap the transport's own error
        if seen is None:
            return False
        name = type(seen).__name__.lower()
        if isinstance(seen, (TimeoutError, ConnectionError)) or any(word in name for word in _TRANSPORT):
            return True
        seen = seen.__cause__ or seen.__context__
    return False
