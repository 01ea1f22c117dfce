"""Records by hand: a ledger that holds what a test says, for code that reads ledgers.

Law: what is written here is what a decorated function would have written: priced like it, free where its outcome costs
nothing, and counted in every sum.
"""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from frugal._values.clock import clock as ambient
from frugal._values.cost import FREE, Cost
from frugal._values.money import Money, usd
from frugal._values.record import FREE_OUTCOMES, OUTCOMES, Record
from frugal._values.usage import NO_USAGE, Usage
from frugal.ports import Clock, Settlement

if TYPE_CHECKING:
    from frugal.ledger import Ledger

__all__ = ["record", "recorded"]

_numbers = itertools.count(1)


def record(
    *,
    model: str | None = "gpt-4o",
    usage: Usage | None = None,
    cost: Cost | Money | str | float | Decimal | None = None,
    at: datetime | float | None = None,
    outcome: str = "provider",
    function: str = "app.ask",
    id: str | None = None,
    **facts: Any,
) -> Record:
    """Make a record as a call would have left it; what is not said is plausible.

    Args:
        model: the model that served; `None` for a tool.
        usage: the tokens; 1,000 in and 100 out for a call that asked a model.
        cost: what it cost, as a `Cost`, `Money` or dollars; by default the usage at today's prices of the model, and
            nothing for an outcome that costs nothing.
        at: when the call began, as an aware datetime or Unix seconds; now, by the ambient clock, when `None`.
        outcome: one of the outcomes that records have, such as `"provider"`, `"memory"` or `"rejected"`.
        function: the decorated function's qualified name.
        id: the record's id; a new one when `None`.
        facts: any other field of `Record`: `user`, `run`, `tags`, `saved`, `latency`, …

    Returns:
        The record.

    Raises:
        ValueError: the outcome is none, or `at` has no time zone.
        TypeError: a fact is not a field of `Record`.

    >>> record(user="ann", cost="0.25").cost.amount
    Money(pico=250000000000)
    """
    if outcome not in OUTCOMES:
        raise ValueError(f"outcome={outcome!r}: it is one of {', '.join(OUTCOMES)}.")
    if isinstance(at, datetime) and at.tzinfo is None:
        raise ValueError(f"at={at!r}: give an aware datetime, such as one with tzinfo=UTC.")
    time = at if isinstance(at, datetime) else datetime.fromtimestamp(ambient.now() if at is None else at, UTC)
    free = outcome in FREE_OUTCOMES
    if usage is None:
        usage = NO_USAGE if free or model is None else Usage(input_tokens=1_000, output_tokens=100)
    settled = _cost(cost, model, usage, time.timestamp(), free=free)
    name = f"call-{next(_numbers):08}" if id is None else id
    made: dict[str, Any] = {
        "id": name,
        "call": name,
        "time": time.astimezone(UTC),
        "kind": "llm" if model is not None else "tool",
        "function": function,
        "model_requested": model,
        "model": model,
        "outcome": outcome,
        "usage": usage,
        "cost": settled,
        "latency": 0.5,
        "price_table": settled.price_table,
        **facts,
    }
    return Record(**made)


def _cost(
    cost: Cost | Money | str | float | Decimal | None, model: str | None, usage: Usage, at: float, *, free: bool
) -> Cost:
    if isinstance(cost, Cost):
        return cost
    if cost is not None:
        return Cost.exact(cost if isinstance(cost, Money) else usd(cost))
    if free or model is None:
        return FREE
    from frugal.prices import default_prices  # noqa: PLC0415 only where something is priced

    return default_prices().cost(model, usage, at=at)


def recorded(
    directory: str | os.PathLike[str], records: Iterable[Record], *, clock: Clock | None = None, **options: Any
) -> Ledger:
    """Return a ledger in a directory that holds these records, for tests of what reads one.

    Everything that a ledger can be asked works: `usage()`, `trend()`, `totals()`, `records()`, `budget_status()`,
    `audit()`, and with it `advise()`, reports and the command line.

    Args:
        directory: where, such as pytest's `tmp_path`.
        records: what it holds; see `record`.
        clock: tells it the time; the ambient clock when `None`.
        options: anything else that `Ledger` takes.

    Returns:
        The ledger, open; close it, or use it in a `with` block.

    Raises:
        LedgerUnavailableError: the directory cannot be written.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     with recorded(directory, [record(user="ann", cost="0.25"), record(user="bob", cost="1")]) as ledger:
    ...         [(row.group["user"], str(row.cost.amount)) for row in ledger.usage(by="user")]
    [('ann', '$0.2500'), ('bob', '$1.0000')]
    """
    from frugal.ledger import Ledger  # noqa: PLC0415 what only fakes a model needs no ledger

    ledger = Ledger(directory, clock=clock, **options)
    said = []
    for one in records:
        ledger.commit(Settlement(records=(one,)))
        if one.success is not None or one.satisfaction is not None:
            said.append(one)
    ledger.flush_now()

    async def say() -> None:
        for one in said:
            await ledger.feedback(one.call, success=one.success, satisfaction=one.satisfaction)

    if said:  # on a loop of its own: one may be running here
        with ThreadPoolExecutor(1) as thread:
            thread.submit(asyncio.run, say()).result()
    return ledger
