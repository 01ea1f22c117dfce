"""Repeats: what was asked again, while an answer was at hand or on its way.

Law: one lens counts no call twice, and the first of its kind never. Each of a repeated call's attempts is saved, and
counted as one call. What is in flight is no repeat of it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from frugal._values.record import Record
from frugal.insight.advice.traffic import ASKED

__all__ = ["MOST", "NearRepeats", "Repeats", "Rides", "asked_of_a_model", "asked_of_a_tool"]

MOST = 100_000
"""Requests remembered at a time; older ones are forgotten, so that a long ledger needs no more memory."""

_ANSWERS = frozenset({"provider", "batched"})


def asked_of_a_model(record: Record) -> bool:
    """Whether a provider was asked for it."""
    return record.outcome in ASKED and record.kind != "tool"


def asked_of_a_tool(record: Record) -> bool:
    """Whether a tool was run for it."""
    return record.outcome in ASKED and record.kind == "tool"


@dataclass(slots=True)
class _Answer:
    call: str
    ready: float
    until: float
    key: str | None = None
    riders: set[str] = field(default_factory=set)  # they began before it was ready: no repeats, but flights


@dataclass(slots=True)
class Repeats:
    """Count calls whose request was answered before, within a life.

    Args:
        digest: what makes two calls the same; `None` for a call that cannot be told.
        life: for how long an answer would have been kept, in seconds.
        wanted: which records count.
        most: how many requests are remembered at a time.
    """

    digest: Callable[[Record], Hashable | None]
    life: float = 3600
    wanted: Callable[[Record], bool] = asked_of_a_model
    most: int = MOST
    calls: int = 0
    known: int = 0
    repeats: int = 0
    pico: int = 0
    latency: float = 0.0
    unpriced: int = 0
    forgotten: int = 0
    _answers: OrderedDict[Hashable, _Answer] = field(default_factory=OrderedDict)

    def see(self, record: Record, start: float) -> None:
        """Take the next record."""
        if not self.wanted(record):
            return
        final = record.id == record.call
        self.calls += final
        key = self.digest(record)
        if key is None:
            return
        self.known += final
        end = start + record.latency
        answer = self._answers.get(key)
        if answer is not None and start < answer.until:
            if record.call == answer.call:
                answer.ready = max(answer.ready, end)
                return
            if start < answer.ready:
                answer.riders.add(record.call)
            elif record.call not in answer.riders:
                self._count(record, answer, final=final)
            return
        if record.outcome in _ANSWERS:
            self._keep(key, _Answer(record.call, end, end + self.life, key=record.key))

    def _count(self, record: Record, answer: _Answer, *, final: bool) -> None:
        self.repeats += final
        self.pico += record.cost.known.pico
        self.latency += record.latency
        self.unpriced += record.cost.unpriced_calls

    def _keep(self, key: Hashable, answer: _Answer) -> None:
        self._answers[key] = answer
        self._answers.move_to_end(key)
        if len(self._answers) > self.most:
            self._answers.popitem(last=False)
            self.forgotten += 1


@dataclass(slots=True)
class NearRepeats(Repeats):
    """Count calls whose request was answered before in other words: what an exact cache would not have known."""

    _exact: OrderedDict[str, float] = field(default_factory=OrderedDict)

    def see(self, record: Record, start: float) -> None:
        """Take the next record."""
        Repeats.see(self, record, start)
        if record.key is not None and record.outcome in _ANSWERS:
            self._exact[record.key] = start + record.latency + self.life
            self._exact.move_to_end(record.key)
            if len(self._exact) > self.most:
                self._exact.popitem(last=False)

    def _count(self, record: Record, answer: _Answer, *, final: bool) -> None:
        if record.key is not None and record.key != answer.key:
            until = self._exact.get(record.key)
            if until is None or record.time.timestamp() >= until:
                Repeats._count(self, record, answer, final=final)  # noqa: SLF001 slots forbid the bare super()


@dataclass(slots=True)
class _Flight:
    call: str
    until: float
    riders: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Rides:
    """Count calls that asked what another one was just asking."""

    most: int = MOST
    known: int = 0
    rides: int = 0
    pico: int = 0
    unpriced: int = 0
    _flights: OrderedDict[str, _Flight] = field(default_factory=OrderedDict)

    def see(self, record: Record, start: float) -> None:
        """Take the next record."""
        if record.key is None or not asked_of_a_model(record):
            return
        final = record.id == record.call
        self.known += final
        end = start + record.latency
        flight = self._flights.get(record.key)
        if flight is None or (start >= flight.until and record.call not in {flight.call, *flight.riders}):
            self._flights[record.key] = _Flight(record.call, end)
            self._flights.move_to_end(record.key)
            if len(self._flights) > self.most:
                self._flights.popitem(last=False)
        elif record.call == flight.call:
            flight.until = max(flight.until, end)
        else:
            flight.riders.add(record.call)
            self.rides += final
            self.pico += record.cost.known.pico
            self.unpriced += record.cost.unpriced_calls
