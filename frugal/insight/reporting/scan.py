"""The scan: what only single records know, tags and how long calls took, read once.

Law: memory is bounded by the number of models and by fixed limits, not by the records; a tag with more values than
that is left out whole, and named, rather than shown in part.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from math import exp, log

from frugal._values.money import ZERO, Money
from frugal._values.record import UNCOUNTED_OUTCOMES, Record

__all__ = ["Latency", "Scan", "Tally"]

_TAGS, _VALUES, _SERIES = 50, 1_000, 200
_STEP = log(1.05)
_FASTEST = 1e-6  # seconds
_ANSWERED = {
    "provider": "",
    "batched": "",
    "memory": "memory layer",
    "disk": "disk layer",
    "semantic": "semantic cache",
}


@dataclass(slots=True)
class Tally:
    """Add up what a group cost."""

    calls: int = 0
    tokens: int = 0
    pico: int = 0
    low: int = 0
    high: int = 0
    unpriced: int = 0
    priced: bool = False
    saved: Money = ZERO

    def add(self, record: Record) -> None:
        """Take a record."""
        self.calls += record.outcome not in UNCOUNTED_OUTCOMES
        self.tokens += record.usage.total_tokens
        self.unpriced += record.cost.unpriced_calls
        self.saved += record.saved
        cost = record.cost
        if cost.amount is not None and cost.low is not None and cost.high is not None:
            self.priced = True
            self.pico += cost.amount.pico
            self.low += cost.low.pico
            self.high += cost.high.pico


@dataclass(slots=True)
class Latency:
    """Keep how long calls took, to 5 %."""

    calls: int = 0
    bins: dict[int, int] = field(default_factory=dict)

    def add(self, seconds: float) -> None:
        """Take a duration."""
        at = round(log(max(seconds, _FASTEST)) / _STEP)
        self.calls += 1
        self.bins[at] = self.bins.get(at, 0) + 1

    def quantile(self, share: float) -> float:
        """Return the duration that so many stayed within, in seconds."""
        left = share * self.calls
        for at in sorted(self.bins):
            left -= self.bins[at]
            if left <= 1e-9:
                return exp(at * _STEP)
        return 0.0


@dataclass(slots=True)
class Scan:
    """Look at records as they pass."""

    tags: dict[str, dict[str, Tally]] = field(default_factory=dict)
    crowded: set[str] = field(default_factory=set)
    latencies: dict[str, Latency] = field(default_factory=dict)

    def watch(self, records: Iterable[Record]) -> Iterator[Record]:
        """Pass records on, and look at them."""
        for record in records:
            self._tags(record)
            self._latency(record)
            yield record

    def _tags(self, record: Record) -> None:
        for name, value in record.tags.items():
            values = self.tags.get(name)
            if values is None:
                if name in self.crowded or len(self.tags) >= _TAGS:
                    self.crowded.add(name) if len(self.crowded) < _TAGS else None
                    continue
                values = self.tags[name] = {}
            tally = values.get(value)
            if tally is None:
                if len(values) >= _VALUES:
                    del self.tags[name]
                    self.crowded.add(name)
                    continue
                tally = values[value] = Tally()
            tally.add(record)

    def _latency(self, record: Record) -> None:
        layer = _ANSWERED.get(record.outcome)
        if layer is None or record.kind == "tool":
            return
        series = layer or record.model
        if not series:  # no model: neither a provider's answer nor a layer's
            return
        found = self.latencies.get(series)
        if found is None:
            if len(self.latencies) >= _SERIES:
                return
            found = self.latencies[series] = Latency()
        found.add(record.latency)
