"""Repeats: what was asked again, while an answer was at hand or on its way.

Law: one lens counts no call twice, and the first of its kind never. Each of a repeated call's attempts is saved, and
counted as one call. What is in flight is no repeat of it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import TypeVar

from frugal._values.record import Record
from frugal.insight.advice.traffic import ASKED

__all__ = ["MOST", "NearRepeats", "Repeats", "Rides", "asked_of_a_model", "asked_of_a_tool", "trim"]

MOST = 100_000
"""Requests remembered at a time; older ones are forgotten, so that a long ledger needs no more memory."""

_ANSWERS = frozenset({"provider", "batched"})
_LATE = 600.0

K = TypeVar("K")
V = TypeVar("V")


def trim(kept: OrderedDict[K, V], most: int, over: Callable[[V], bool]) -> int:
    """Drop from the old end what is over, and what is too many.

    Returns:
        How many were dropped that were not over.
    """
    while kept:
        key, value = next(iter(kept.items()))
        if not over(value):
            break
        del kept[key]
    if len(kept) <= most:
        return 0
    kept.popitem(last=False)
    return 1


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
    riders: set[str] | None = None  # they began before it was ready: no repeats, but flights


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
                answer.riders = {record.call, *(answer.riders or ())}
                if record.outcome in _ANSWERS:  # it asked, too: whoever answers first is kept first, the last longest
                    answer.ready = min(answer.ready, end)
                    answer.until = max(answer.until, end + self.life)
            elif record.call not in (answer.riders or ()):
                self._count(record, answer, final=final)
            return
        if record.outcome in _ANSWERS:
            self._answers[key] = _Answer(record.call, end, end + self.life, key=record.key)
            self._answers.move_to_end(key)
            self.forgotten += trim(self._answers, self.most, lambda answer: answer.until <= start)

    def _count(self, record: Record, answer: _Answer, *, final: bool) -> None:
        self.repeats += final
        self.pico += record.cost.known.pico
        self.latency += record.latency
        self.unpriced += record.cost.unpriced_calls


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
            trim(self._exact, self.most, lambda until: until <= start)

    def _count(self, record: Record, answer: _Answer, *, final: bool) -> None:
        if record.key is not None and record.key != answer.key:
            until = self._exact.get(record.key)
            if until is None or record.time.timestamp() >= until:
                Repeats._count(self, record, answer, final=final)  # noqa: SLF001 slots forbid the bare super()


@dataclass(slots=True)
class _Flight:
    call: str
    until: float
    riders: set[str] | None = None


@dataclass(slots=True)
class Rides:
    """Count calls that asked what another one was just asking."""

    most: int = MOST
    known: int = 0
    rides: int = 0
    pico: int = 0
    unpriced: int = 0
    forgotten: int = 0
    _flights: OrderedDict[str, _Flight] = field(default_factory=OrderedDict)

    def see(self, record: Record, start: float) -> None:
        """Take the next record."""
        if record.key is None or not asked_of_a_model(record):
            return
        final = record.id == record.call
        self.known += final
        end = start + record.latency
        flight = self._flights.get(record.key)
        if flight is None or (start >= flight.until and record.call not in {flight.call, *(flight.riders or ())}):
            self._flights[record.key] = _Flight(record.call, end)
            self._flights.move_to_end(record.key)
            # A rider's later attempts may come after the flight has landed.
            self.forgotten += trim(self._flights, self.most, lambda flight: flight.until + _LATE <= start)
        elif record.call == flight.call:
            flight.until = max(flight.until, end)
        else:
            flight.riders = {record.call, *(flight.riders or ())}
            self.rides += final
            self.pico += record.cost.known.pico
            self.unpriced += record.cost.unpriced_calls
