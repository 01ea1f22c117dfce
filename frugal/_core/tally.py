"""The tally: what one provider call cost with everything that an SDK sent for it.

Law: each request counts once, by what became of it (`_core/wire.py`), so a retry inside an SDK costs what it would
have cost in a loop of one's own. What is only known to have been sent, and not how it ended, widens the bounds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from frugal._core import billing
from frugal._core.billing import Bill
from frugal._core.estimate import DEFAULT_OUTPUT, Asked, estimate
from frugal._core.wire import Exchange, Wire
from frugal._values.cost import Cost
from frugal._values.usage import NO_USAGE
from frugal.ports import Reading

if TYPE_CHECKING:
    from frugal._core.call import Call
    from frugal._core.meter import Meter

__all__ = ["answered", "lost"]

SUM = "sum"
"""The source of a cost that adds up several answers: their tokens together have no one price."""


def answered(call: Call, meter: Meter, reading: Reading | None, stated: Any, source: Any) -> Bill:
    """Return what an answer cost, with all that was sent for it.

    Args:
        call: the call.
        meter: its prices and readers.
        reading: what the answer says.
        stated: what the user's own reader said.
        source: the SDK's object, which may know of retries.
    """
    bill = billing.answered(call, meter, reading, stated)
    wire = call.inner.wire if call.inner is not None else None
    if wire is None:
        return _unseen(call, meter, bill, source)
    answers = wire.answers
    if stated is None and (len(answers) > 1 or (answers and (reading is None or reading.usage is None))):
        told = [(one, read) for one in answers if (read := _of_a_model(one)) is not None]
        if told:
            whole = _sum([_bill(call, meter, one, read) for one, read in told])
            bill = replace(whole, kind="llm", reading=told[-1][1])
    return _with_losses(call, meter, wire, bill)


def lost(
    call: Call, meter: Meter, outcome: str, error: BaseException | None, reading: Reading | None, source: Any
) -> Bill:
    """Return what a call that gave no whole answer may have cost, by what was sent for it.

    Args:
        call: the call.
        meter: its prices and readers.
        outcome: `"failed"` or `"cancelled"`.
        error: what it failed with.
        reading: what its stream had said, or what the error says.
        source: the error or the SDK's object, which may know of retries.
    """
    wire = call.inner.wire if call.inner is not None else None
    if wire is None:
        return _unseen(call, meter, billing.lost(call, meter, outcome, error, reading), source)
    answers = wire.answers
    told = [(one, read) for one in answers if (read := _of_a_model(one)) is not None]
    if told and not (reading is not None and len(answers) == 1):
        bill = replace(_sum([_bill(call, meter, one, read) for one, read in told]), kind="llm", reading=told[-1][1])
    elif reading is not None or answers:  # as it says itself; or it was answered, and nobody can tell with what
        bill = billing.lost(call, meter, outcome, error, reading)
    else:
        bill = billing.NOTHING if call.model is not None or wire.losses else Bill(kind="tool")
    return _with_losses(call, meter, wire, bill)


def _unseen(call: Call, meter: Meter, bill: Bill, source: Any) -> Bill:
    """Return a bill with room for earlier requests of which only their number is known."""
    retries = meter.ports.retries(source)
    if not retries:
        return bill
    bound = estimate(call, meter.requests, meter.prices, learned=DEFAULT_OUTPUT).high.amount
    cost = bill.cost
    if bound is None or cost.amount is None or cost.low is None or cost.high is None:
        return replace(bill, attempts=1 + retries)
    high = cost.high + bound * retries
    wider = Cost.estimated(cost.amount, cost.low, high, cost.by_bucket, price_table=cost.price_table)
    return replace(bill, cost=wider, answer=cost, attempts=1 + retries)


def _of_a_model(one: Exchange) -> Reading | None:
    """Return what an answer says, where it is a model's."""
    read = one.reading()
    return read if read is not None and (read.usage or read.model or read.finish) else None


def _bill(call: Call, meter: Meter, one: Exchange, reading: Reading) -> Bill:
    """Return what one answer cost."""
    asked: Asked = one.sent(call.model) or call
    if reading.complete or reading.finish is not None:
        return billing.answered(asked, meter, reading, None)
    return _at_hold(call, meter, asked, reading)


def _at_hold(call: Call, meter: Meter, asked: Asked, reading: Reading | None) -> Bill:
    model = (reading.model if reading is not None else None) or asked.model or call.model
    if model is None:
        return replace(billing.NOTHING, cost=Cost.unpriced())
    bound = estimate(asked if asked.model else call, meter.requests, meter.prices, learned=DEFAULT_OUTPUT)
    return billing.at_hold(call, meter, model, bound, reading, certain=True)


def _with_losses(call: Call, meter: Meter, wire: Wire, bill: Bill) -> Bill:
    losses = [_at_hold(call, meter, one.sent(call.model) or call, None) for one in wire.losses]
    if not losses:
        return bill if wire.attempts == 1 else replace(bill, attempts=wire.attempts)
    # What the provider counted stays as it is: holds and reports learn from it.
    usage = bill.usage if bill.usage != NO_USAGE or bill.cost.known.pico else _sum(losses).usage
    whole = _sum([bill, *losses] if bill is not billing.NOTHING else losses)
    return replace(
        whole,
        usage=usage,
        kind="llm",
        provider=bill.provider,
        tier=bill.tier,
        answer=bill.cost,
        attempts=wire.attempts,
        reading=bill.reading,
    )


def _sum(bills: Sequence[Bill]) -> Bill:
    """Add up bills; one alone stays as it is."""
    if len(bills) == 1:
        return bills[0]
    total = Cost.total(bill.cost for bill in bills)
    changes: dict[str, Any] = {"source": SUM, "price_table": bills[-1].cost.price_table}
    if total.status == "mixed" and not total.unpriced_calls:
        changes["status"] = "estimated"
    usage = sum((bill.usage for bill in bills), NO_USAGE)
    return replace(bills[-1], usage=usage, cost=replace(total, **changes))
