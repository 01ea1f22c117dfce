"""The meter: prices each provider call at the innermost step and commits the journal at the outermost exit.

Law: whatever happens to a call — an answer, an error, a cancellation, a stream left half read — a record exists with
its cost known, bounded, or said to be unpriced; and metering never fails the user's call.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from frugal._core import billing
from frugal._core.attempt import Attempt
from frugal._core.recording import announce, settle
from frugal._core.rehearsal import rehearsal
from frugal._values.clock import clock
from frugal._values.facts import Spent
from frugal._values.usage import Usage
from frugal.errors import StackError
from frugal.ports import LedgerStore, Prices, Reading, RequestReader, Telemetry, Ticket, UsageReader

if TYPE_CHECKING:
    from frugal._core.call import Call

__all__ = ["Meter", "Metering", "Ports"]

_log = logging.getLogger("frugal")

_ENOUGH = 8
"""Observations before a learned figure is used."""


@dataclass(frozen=True, slots=True)
class Ports:
    """The adapters that a meter uses where the user named no other."""

    ledger: Callable[[], LedgerStore]
    prices: Callable[[], Prices]
    reader: UsageReader
    requests: RequestReader
    telemetry: Telemetry
    of_error: Callable[[BaseException], Reading | None] = lambda error: None
    retries: Callable[[Any], int] = lambda source: 0


@dataclass(frozen=True, slots=True)
class Metering:
    """What one decorator says about metering."""

    ports: Ports
    ledger: LedgerStore | None = None
    prices: Prices | None = None
    read: Callable[[Any], Any] | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    reader: UsageReader | None = None


class Meter:
    """Price and record the calls of one pipeline."""

    __slots__ = ("_ledger", "_prices", "_ratios", "ports", "read", "requests", "tags", "telemetry", "usual")

    def __init__(self, parts: list[Metering]) -> None:
        reader = next((part.reader for part in parts if part.reader is not None), None)
        self.ports = parts[0].ports if reader is None else replace(parts[0].ports, reader=reader)
        ledgers = {id(part.ledger): part.ledger for part in parts if part.ledger is not None}
        if len(ledgers) > 1:
            raise StackError(
                f"one stack has {len(ledgers)} ledgers: {', '.join(map(repr, ledgers.values()))}. "
                "A dollar stands in one ledger: give the same ledger= to each decorator, or to one of them."
            )
        self._ledger = next(iter(ledgers.values()), None)
        self._prices = next((part.prices for part in parts if part.prices is not None), None)
        self.read = next((part.read for part in parts if part.read is not None), None)
        self.tags = {name: str(value) for part in reversed(parts) for name, value in part.tags.items()}
        self.requests = self.ports.requests
        self.telemetry = self.ports.telemetry
        self._ratios: dict[str | None, deque[float]] = {}
        self.usual: str | None = None
        """The model that last answered a call which named none."""

    @classmethod
    def of(cls, stack: tuple[Any, ...]) -> Meter | None:
        """Return the meter that a stack asks for, or `None` when nothing in it meters."""
        parts = [item.metering for item in stack if getattr(item, "metering", None) is not None]
        return cls(parts) if parts else None

    @property
    def ledger(self) -> LedgerStore:
        """The ledger; the default one is looked up at each call, never at decoration."""
        around = rehearsal.get()
        if around is not None:  # a function that was decorated outside and is called inside, too
            return around.ports.ledger()
        return self._ledger if self._ledger is not None else self.ports.ledger()

    @property
    def prices(self) -> Prices:
        """The prices."""
        return self._prices if self._prices is not None else self.ports.prices()

    def model_of(self, arguments: Mapping[str, Any]) -> str | None:
        """Return the model that the arguments name under any provider's spelling."""
        return self.requests.model(arguments)

    def ratio(self, call: Call) -> float | None:
        """Return how many input tokens the provider counted for each one that was estimated; `None` unlearned.

        The largest of the last observations: an estimate by length is off by a factor that belongs to the language
        and the tokeniser, and so to the function and the model.
        """
        seen = self._ratios.get(call.model)
        return max(seen) if seen is not None and len(seen) >= _ENOUGH else None

    def observe(self, call: Call, usage: Usage) -> None:
        """Learn from a call whose input was both estimated and counted."""
        sizes = call.memo.get("input tokens")
        if sizes is not None and sizes[0] and usage.total_input_tokens:
            seen = self._ratios.setdefault(call.model, deque(maxlen=64))
            seen.append(usage.total_input_tokens / sizes[0])

    def met(self, call: Call, spent: Spent) -> None:
        """Learn the model of a function that names none, so that its next call can be held for."""
        if call.model is not None or spent.model is None or spent.kind != "llm" or not spent.cost.known.pico:
            return
        if self.usual is None and call.holds:
            _log.warning(
                "frugal: %s names no model in its arguments, so budgets could hold nothing for its first calls. "
                "Name it in one (model=%r) and hand it on, or give budgeted(estimate=).", call.function, spent.model,
            )  # fmt: skip
        self.usual = spent.model

    def open(self, call: Call) -> Call:
        """Begin the telemetry of a call."""
        parent = None
        if call.parent is not None:
            parent = call.parent.span
            if call.parent.inner is not None and call.model is not None:
                call.parent.inner.under_way += 1
        span = self.telemetry.begin_call(call.function, call.facts, parent)
        return call if span is None else call._with(span=span)  # noqa: SLF001 the core's own

    def attempt(self, call: Call) -> Attempt:
        """Begin one provider call."""
        return Attempt(self, call)

    def commit(self, call: Call, error: BaseException | None) -> Ticket | None:
        """Commit the journal of a call; return what to wait for, or `None` when nothing is owed."""
        journal = call.journal
        if journal.committed or journal.inherited:
            return None
        if journal.open:  # what is still under way will have cost something, too
            journal.late = partial(self.commit, call, _bare(error))
            return None
        journal.committed = True
        outside = call.parent.inner if call.parent is not None else None
        if outside is not None and call.model is not None:
            outside.under_way -= 1
        try:
            settlement = settle(call, error, clock.now())
            if outside is not None and outside.collects:
                spent = [fact for fact in journal.of(Spent) if fact.outcome != "composite"]
                outside.collect([*spent, *journal.collected], settlement.releases)
                self.telemetry.end_call(call.span, (), journal, error)
                return None
            self.telemetry.end_call(call.span, settlement.records, journal, error)
            if outside is not None or call.scope is not None:
                announce(call, settlement.records)
            ticket = self.ledger.commit(settlement)
        except Exception:
            _log.exception("frugal: a call of %s could not be recorded", call.function)
            return None
        return None if settlement.free or not any(map(billing.is_paid, settlement.records)) else ticket


def _bare(error: BaseException | None) -> BaseException | None:
    """Return an error of the same kind without frames: they may hold the very stream whose end is waited for."""
    try:
        return None if error is None else type(error).__new__(type(error))
    except Exception:  # of a class that wants to be made in its own way
        return Exception()
