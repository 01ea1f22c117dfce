"""One provider call: what is seen of it between entering the function and its answer, its error, or its end.

Law: whatever becomes of it, it is written down once as `Spent`, and what could not be read of it is bounded.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from frugal._core import billing, collector, tally
from frugal._core.digests import digests_of
from frugal._core.stream import Ending
from frugal._core.wire import OVER, Exchange
from frugal._values.clock import clock
from frugal._values.cost import UNPRICED, Cost
from frugal._values.facts import Spent
from frugal._values.money import Money
from frugal._values.usage import Usage
from frugal.ports import Reading, Ticket

if TYPE_CHECKING:
    from frugal._core.call import Call
    from frugal._core.meter import Meter

__all__ = ["Attempt"]

_log = logging.getLogger("frugal")


class Attempt:
    """One provider call, from entering the function to its answer, its error, or the end of its stream."""

    __slots__ = ("_call", "_meter", "_reader", "_span", "_started", "_stated")

    def __init__(self, meter: Meter, call: Call) -> None:
        self._meter = meter
        self._call = call
        self._started = clock.now()
        self._reader: Any = None
        self._stated: Any = None
        # Now, not when it ends: a conversation may have grown by then.
        digests_of(call)
        self._span = meter.telemetry.begin_attempt(call.span, call.function, call.model)
        call.journal.open += 1

    def leave(self) -> None:
        """The function has returned, or raised."""
        if self._span is not None:
            self._meter.telemetry.leave_attempt(self._span)

    async def answered(self, response: Any) -> None:
        """Write down what a plain response cost."""
        stated = None
        try:
            stated = await self._stated_by(response)
        finally:  # also where the caller is cancelled meanwhile: the provider has answered
            try:
                reading = self._meter.ports.reader.read(response)
            except Exception:
                _log.exception("frugal: the usage of a response of %s could not be read", self._call.function)
                reading = None
            if reading is not None or stated is not None or not self._waits_for(response):
                self._answer(reading, stated, response, streamed=False)

    def _waits_for(self, response: Any) -> bool:
        """Say whether a response has a body that somebody will read later, and be told when that is over."""
        body_of = getattr(self._meter.ports.reader, "body", None)
        body = body_of(response) if body_of is not None else None
        if body is None:
            return False
        # Neither the response nor its body: whoever throws them away must be the last to hold them.
        known = SimpleNamespace(retries_taken=self._meter.ports.retries(response))
        inner = self._call.inner
        exchange = inner.wire.releasing(body) if inner is not None and inner.wire is not None else None
        collector.watch(body)
        return bool(body.then(partial(self._read_by_others, known, exchange)))

    def _read_by_others(
        self, known: Any, exchange: Exchange | None, how: str, error: BaseException | None, reading: Reading | None
    ) -> Ticket | None:
        """The body of a raw response has come to its end."""
        self._reader = _Read(reading)
        if exchange is not None:
            exchange.told = reading
        ending = Ending(how, error, known)
        if how == "dropped" and collector.is_here():  # not the place to account for it
            collector.later(partial(self.end, ending))
            return None
        return self.end(ending)

    async def _stated_by(self, response: Any) -> Any:
        """Return what the user's own reader says of a response."""
        read = self._meter.read
        if read is None:
            return None
        try:
            stated = read(response)
            if inspect.isawaitable(stated):
                stated = await stated
        except Exception:
            _log.exception("frugal: read= failed on a response of %s", self._call.function)
            return None
        return self._checked(stated)

    def _checked(self, stated: Any) -> Any:
        """Return what a user's reader said, where it can be used."""
        if stated is None or isinstance(stated, (Usage, Cost, Money)):
            return stated
        _log.error("frugal: read= of %s returned a %s; it returns a Usage, a Cost or None",
                   self._call.function, type(stated).__name__)  # fmt: skip
        return None

    def failed(self, error: BaseException) -> None:
        """Write down what a call that raised may have cost."""
        cancelled = isinstance(error, (asyncio.CancelledError, GeneratorExit))
        self._lose("cancelled" if cancelled else "failed", error, self._told_by(error), error, streamed=False)

    def _told_by(self, error: BaseException) -> Reading | None:
        """Return what an error says was used: some SDKs raise what they have already paid for."""
        try:
            return self._meter.ports.of_error(error)
        except Exception:
            _log.exception("frugal: the usage in an error of %s could not be read", self._call.function)
            return None

    # ------------------------------------------------------------------ as a stream's tap

    def chunk(self, chunk: Any, /) -> None:
        """See a chunk of the answer."""
        if self._reader is None:
            self._reader = self._meter.ports.reader.stream()
        self._reader.feed(chunk)
        if self._meter.read is not None:
            stated = self._meter.read(chunk)
            if inspect.isawaitable(stated):
                if inspect.iscoroutine(stated):
                    stated.close()
                raise TypeError("read= is async, and a stream's chunks are read as they pass; make it sync.")
            stated = self._checked(stated)
            self._stated = stated if stated is not None else self._stated

    def end(self, ending: Ending, /) -> Ticket | None:
        """Learn how the stream ended."""
        reading = self._read_to(ending)
        finished = reading is not None and reading.finish is not None and reading.usage is not None
        if ending.how == "end" or self._stated is not None or (finished and ending.how in {"closed", "dropped"}):
            return self._answer(reading, self._stated, ending.source, streamed=True)
        outcome = "failed" if ending.how == "failed" else "cancelled"
        return self._lose(outcome, ending.error, reading, ending.source, streamed=True)

    def _read_to(self, ending: Ending) -> Reading | None:
        """Return what is known of a stream at its end."""
        reading = self._reader.reading() if self._reader is not None else None
        if reading is None or reading.finish is None:
            # An SDK's manager may have been read through its own helpers, past us.
            reading = _better(self._snapshot(ending.source), reading)
        return reading

    def _snapshot(self, source: Any) -> Reading | None:
        snapshot = getattr(self._meter.ports.reader, "snapshot", None)
        if snapshot is None or source is None:
            return None
        try:
            found: Reading | None = snapshot(source)
        except Exception:
            _log.exception("frugal: the state of a stream of %s could not be read", self._call.function)
            return None
        return found

    # ------------------------------------------------------------------ the facts

    def _answer(self, reading: Reading | None, stated: Any, source: Any, *, streamed: bool) -> Ticket | None:
        bill = self._billed(partial(tally.answered, self._call, self._meter, reading, stated, source))
        reading = bill.reading or reading
        if self._is_composite(bill.kind):
            return self._write(outcome="composite", reading=reading, rolled_up=self._rolled_up(), streamed=streamed)
        if bill.cost.status == "exact":
            self._meter.observe(self._call, bill.usage)
        return self._write(outcome="provider", reading=reading, bill=bill, streamed=streamed)

    def _lose(
        self, outcome: str, error: BaseException | None, reading: Reading | None, source: Any, *, streamed: bool
    ) -> Ticket | None:
        inner = self._call.inner
        # A generator that is thrown away ends before the stream that it reads.
        if self._is_composite("llm") or (inner is not None and inner.under_way):
            return self._write(outcome=outcome, reading=reading, rolled_up=self._rolled_up(), error=error,
                               streamed=streamed)  # fmt: skip
        bill = self._billed(partial(tally.lost, self._call, self._meter, outcome, error, reading, source))
        reading = bill.reading or reading
        return self._write(outcome=outcome, reading=reading, bill=bill, error=error, streamed=streamed)

    def _billed(self, make: Callable[[], billing.Bill]) -> billing.Bill:
        """Return a bill; one that cannot be made (of strange arguments, by strange prices) is said to be unpriced."""
        try:
            return make()
        except Exception:
            _log.exception("frugal: a call of %s could not be priced", self._call.function)
            return billing.Bill(cost=UNPRICED)

    def _is_composite(self, kind: str) -> bool:
        """Say whether the decorated calls made inside have the cost.

        Tools that cost nothing do not make a model's answer composite: it would go unpriced.
        """
        inner = self._call.inner
        assert inner is not None  # noqa: S101 set by the innermost step
        journal = self._call.journal
        journal.collected += tuple(inner.spent)
        journal.releases += tuple(inner.releases)
        inner.collects = False  # what is still under way inside comes too late to be split, and has its own record
        return bool(inner.spent or inner.llm_calls or (inner.costs and kind == "tool"))

    def _rolled_up(self) -> Cost:
        inner = self._call.inner
        assert inner is not None  # noqa: S101
        return Cost.total([*inner.costs, *(spent.cost for spent in inner.spent)])

    def _write(
        self,
        *,
        outcome: str,
        reading: Reading | None,
        bill: billing.Bill | None = None,
        rolled_up: Cost | None = None,
        error: BaseException | None = None,
        streamed: bool = False,
    ) -> Ticket | None:
        call = self._call
        bill = bill or billing.NOTHING
        spent = Spent(
            outcome=outcome,
            started=self._started,
            latency=max(0.0, clock.now() - self._started),
            model_requested=call.model,
            model=(reading.model if reading is not None else None) or (call.model if bill.kind == "llm" else None),
            provider=bill.provider,
            tier=bill.tier,
            usage=bill.usage,
            cost=bill.cost,
            rolled_up=rolled_up,
            hold=call.holds[-1] if call.holds else None,
            kind=bill.kind if rolled_up is None else "llm",
            finish=reading.finish if reading is not None else None,
            complete=reading.complete if reading is not None else True,
            attempts=bill.attempts,
            streamed=streamed,
            error=type(error).__name__ if error is not None else None,
            answer=bill.answer,
        )
        if call.inner is not None:
            call.inner.wire = OVER
        call.journal.add(spent)
        if rolled_up is None:
            self._meter.met(call, spent)
        self._meter.telemetry.end_attempt(self._span, spent)
        return call.journal.ended()


class _Read:
    """Stands for the reader of a stream that others have read."""

    __slots__ = ("_reading",)

    def __init__(self, reading: Reading | None) -> None:
        self._reading = reading

    def reading(self) -> Reading | None:
        """Return what they read."""
        return self._reading


def _better(first: Reading | None, second: Reading | None) -> Reading | None:
    """Return the reading that knows more."""
    if first is None or (first.usage is None and second is not None and second.usage is not None):
        return second
    return first
