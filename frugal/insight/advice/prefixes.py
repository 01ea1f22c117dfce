"""Prefixes: what is sent again and again before the question, and what a provider's prompt cache makes of it.

A record says so in its digests: `prefix`, the digest of what stays equal (system prompt and tools), and
`prefix_tokens`, how long that is. Rates are those of the price table on the day of the call.

Law: signed. A prefix that is written to the cache and not read again in time costs more than it saves, and counts so.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field, replace

from frugal._values.cost import Cost
from frugal._values.record import Record
from frugal._values.usage import Usage
from frugal.insight.advice.repeats import MOST, asked_of_a_model, trim
from frugal.ports import Prices

__all__ = ["Prefixes", "headless", "least_of", "prefix_of"]

_LEAST = 1_024
_LEAST_OF = (
    *(("3-haiku", 2_048), ("3-5-haiku", 2_048), ("haiku-3", 2_048), ("haiku", 4_096)),
    *(("3-opus", _LEAST), ("opus-3", _LEAST), ("opus-4-0", _LEAST), ("opus-4-1", _LEAST), ("opus-4-2", _LEAST)),
    *(("opus", 4_096), ("sonnet-4-6", 2_048)),
)
"""Tokens below which a model caches no prefix, by a part of its name; the first that fits. Source: Anthropic's
documentation of prompt caching (read in November 2026; of Sonnet 4.6 it is 1,024 there, and 2,048 were measured,
anthropics/anthropic-sdk-python#1194). OpenAI's begin at 1,024."""

_LIFE = 300.0
"""Seconds that a prefix stays in a provider's cache after it was last read."""

_GROUPS = 1_000  # functions told apart; code has fewer


def least_of(model: str) -> int:
    """Return how many tokens a prefix must have at the least for a model's cache to keep it.

    >>> least_of("gpt-4o"), least_of("claude-haiku-4-5"), least_of("claude-opus-4-1-20250805")
    (1024, 4096, 1024)
    """
    return next((least for part, least in _LEAST_OF if part in model), _LEAST)


def prefix_of(record: Record) -> tuple[str, int] | None:
    """Return the digest of a record's prefix and its length in tokens; `None` where it says nothing of it."""
    digest, length = record.digests.get("prefix"), record.digests.get("prefix_tokens", "")
    return (digest, int(length)) if digest and length.isdecimal() and length.isascii() else None


def headless(usage: Usage, length: int) -> Usage:
    """Return a usage without its first so many tokens of input: what is cached stands at the front."""
    left, changes = length, {}
    for bucket in ("cache_read_tokens", "cache_write_1h_tokens", "cache_write_5m_tokens", "input_tokens"):
        there: int = getattr(usage, bucket)
        changes[bucket] = there - min(there, left)
        left -= min(there, left)
    return replace(usage, **changes)


@dataclass(slots=True)
class _Group:
    warm: int = 0
    pico: int = 0


@dataclass(slots=True)
class Prefixes:
    """Measure prefixes: what they cost, what caching them would save, and what caching saved so far.

    Args:
        prices: rates.
        most: how many prefixes are remembered at a time.
    """

    prices: Prices
    most: int = MOST
    known: int = 0
    cached_calls: int = 0
    discount: int = 0
    surcharge: int = 0
    sent: int = 0
    groups: dict[str, _Group] = field(default_factory=dict)
    _warm: OrderedDict[tuple[str | None, str | None, str], float] = field(default_factory=OrderedDict)

    def see(self, record: Record, start: float) -> None:
        """Take the next record."""
        if not asked_of_a_model(record) or record.model is None or not record.usage:
            return
        usage, found = record.usage, prefix_of(record)
        written = usage.cache_write_5m_tokens + usage.cache_write_1h_tokens
        if found is None and not (written or usage.cache_read_tokens):
            return
        paid = self._price(record, usage, start)
        if paid.amount is None:
            return
        if written or usage.cache_read_tokens:
            self._look_back(record, usage, paid, written, start)
        if found is None:
            return
        digest, length = found
        self.known += 1
        self._weigh(record, usage, paid, length, start)
        name = (record.provider, record.model, digest)
        warm = start < self._warm.get(name, 0.0)
        self._warm[name] = start + record.latency + _LIFE
        self._warm.move_to_end(name)
        trim(self._warm, self.most, lambda until: until <= start)
        cold = min(length - usage.cache_read_tokens - written, usage.input_tokens)
        if cold >= least_of(record.model):
            self._look_ahead(record, usage, paid, cold, start, warm=warm)

    def _price(self, record: Record, usage: Usage, at: float) -> Cost:
        return self.prices.cost(record.model or "", usage, at=at, provider=record.provider, tier=record.tier)

    def _look_back(self, record: Record, usage: Usage, paid: Cost, written: int, at: float) -> None:
        """Count what reading from the cache and writing to it made of the cost."""
        self.cached_calls += 1
        unread = replace(usage, input_tokens=usage.input_tokens + usage.cache_read_tokens, cache_read_tokens=0)
        unwritten = replace(
            usage, input_tokens=usage.input_tokens + written, cache_write_5m_tokens=0, cache_write_1h_tokens=0
        )
        self.discount += self._price(record, unread, at).known.pico - paid.known.pico
        self.surcharge += paid.known.pico - self._price(record, unwritten, at).known.pico

    def _weigh(self, record: Record, usage: Usage, paid: Cost, length: int, at: float) -> None:
        """Count what the prefix cost."""
        without = headless(usage, length)
        self.sent += paid.known.pico - self._price(record, without, at).known.pico

    def _look_ahead(self, record: Record, usage: Usage, paid: Cost, cold: int, at: float, *, warm: bool) -> None:
        """Count what the call would have cost with its prefix in the cache, or on the way there."""
        rest = usage.input_tokens - cold
        if warm:
            other = replace(usage, input_tokens=rest, cache_read_tokens=usage.cache_read_tokens + cold)
            saved = paid.known.pico - self._price(record, other, at).known.pico
        else:
            other = replace(usage, input_tokens=rest, cache_write_5m_tokens=usage.cache_write_5m_tokens + cold)
            cost = self._price(record, other, at)
            # Where no rate for writing is listed, the provider caches by itself and asks nothing for it.
            saved = paid.known.pico - (cost.low.pico if cost.low is not None else paid.known.pico)
        group = self.groups.get(record.function)
        if group is None:
            if len(self.groups) >= _GROUPS:
                return
            group = self.groups[record.function] = _Group()
        group.warm += warm
        group.pico += saved
