"""Batches: calls that stood so close together that they could have gone out as one.

Law: tokens cost the same in a batch, so it saves what each request costs by itself: its fee, where a price has one,
and a prefix that need be sent but once.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from frugal._values.record import Record
from frugal._values.usage import NO_USAGE, Usage
from frugal.insight.advice.prefixes import headless, prefix_of
from frugal.ports import Prices

__all__ = ["Batches"]

_WAIT, _SIZE = 0.1, 10  # the defaults of `batched`
_OPEN = 10_000


@dataclass(slots=True)
class _Batch:
    since: float
    size: int


@dataclass(slots=True)
class Batches:
    """Count calls that would have joined an open batch.

    Args:
        prices: rates.
    """

    prices: Prices
    calls: int = 0
    embeddings: int = 0
    already: int = 0
    joined: int = 0
    pico: int = 0
    _open: OrderedDict[tuple[str, str, str], _Batch] = field(default_factory=OrderedDict)

    def see(self, record: Record, start: float) -> None:
        """Take the next record."""
        usage = record.usage
        if record.outcome == "batched":
            self.already += 1
        if record.outcome != "provider" or record.model is None or not usage or record.kind == "tool":
            return
        prefix = prefix_of(record)
        embeds = not usage.total_output_tokens
        if not embeds and prefix is None:
            return  # an answer each: nothing that one request would spare
        self.calls += 1
        self.embeddings += embeds
        name = (record.function, record.model, "" if prefix is None else prefix[0])
        batch = self._open.get(name)
        if batch is None or start - batch.since > _WAIT or batch.size >= _SIZE:
            self._open[name] = _Batch(start, 1)
            self._open.move_to_end(name)
            if len(self._open) > _OPEN:
                self._open.popitem(last=False)
            return
        batch.size += 1
        self.joined += 1
        self.pico += self._spared(record, 0 if prefix is None else prefix[1], start)

    def _spared(self, record: Record, length: int, at: float) -> int:
        def price(usage: Usage) -> int:
            cost = self.prices.cost(record.model or "", usage, at=at, provider=record.provider, tier=record.tier)
            return cost.known.pico

        fee = price(NO_USAGE)
        return fee + price(record.usage) - price(headless(record.usage, length)) if length else fee
