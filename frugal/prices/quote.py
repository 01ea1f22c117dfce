"""Quote: every rate of one model at one instant and tier, and what stands in where no rate is known.

Law: a rate is exact, or it is a guess with a floor and a ceiling, or it is unknown; it is never silently
zero. The rules by which one bucket's rate follows from another's are written here, once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any, NamedTuple

from frugal._values.usage import BUCKETS
from frugal.prices.model import ModelPrice

__all__ = ["AUDIO_AT_MOST", "Cliffs", "Guess", "Quote", "Rate", "from_model_price", "to_model_price"]

Cliffs = tuple[tuple[int, Fraction | None], ...]
"""Dollars per million tokens by the input above which they hold, ascending; the first holds from -1.

`None` means that from there on no rate is listed, so that it is derived.
"""

AUDIO_AT_MOST = 60
"""No audio on the market costs more than 57 times the text of its model (amazon.nova-sonic)."""

_WRITE_5M = Fraction(5, 4)
_WRITE_1H = Fraction(2)
"""What a cache write costs, in inputs, wherever a provider charges for it by its life (Anthropic's docs)."""


class Rate(NamedTuple):
    """Hold one rate in dollars per million tokens; low equals high when it is known."""

    amount: Fraction
    low: Fraction
    high: Fraction

    @classmethod
    def exact(cls, amount: Fraction) -> Rate:
        """Make a rate that is known."""
        return cls(amount, amount, amount)


class Guess(NamedTuple):
    """Scale rates by a factor that is known only within bounds."""

    amount: Fraction
    low: Fraction
    high: Fraction


@dataclass(frozen=True, slots=True)
class Quote:
    """Hold the rates that are listed, before anything is derived from them.

    Args:
        listed: cliffs by usage bucket.
        per_request: dollars for each request.
        factor: a factor on what is listed, for a tier that has no rates of its own.
        factored: the buckets that it is on; none for all.
        free: it is known to cost nothing.
    """

    listed: Mapping[str, Cliffs]
    per_request: Fraction = Fraction(0)
    factor: Guess | None = None
    factored: frozenset[str] = frozenset()
    free: bool = False
    starts: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        found = {start for cliffs in self.listed.values() for start, _ in cliffs}
        object.__setattr__(self, "starts", tuple(sorted(found | {-1})))

    def band(self, start: int) -> dict[str, Rate | None]:
        """Return the rate of every bucket for requests whose input is just above `start` tokens."""
        if self.free:
            return dict.fromkeys(BUCKETS, Rate.exact(Fraction(0)))
        known = {
            bucket: self._scaled(bucket, rate)
            for bucket, cliffs in self.listed.items()
            if (rate := next(rate for above, rate in reversed(cliffs) if above <= start)) is not None
        }
        return {bucket: known.get(bucket) or _derived(bucket, known) for bucket in BUCKETS}

    def _scaled(self, bucket: str, rate: Fraction) -> Rate:
        factor = self.factor
        if factor is None or (self.factored and bucket not in self.factored):
            return Rate.exact(rate)
        return Rate(rate * factor.amount, rate * factor.low, rate * factor.high)


def _derived(bucket: str, known: Mapping[str, Rate]) -> Rate | None:
    parent, rule = _RULES[bucket]
    rate = known.get(parent) if parent else None
    return rule(rate, known) if rate is not None else None


_Rule = Callable[[Rate, Mapping[str, Rate]], Rate | None]


def _same(parent: Rate, _: Mapping[str, Rate]) -> Rate:
    return parent


def _read(parent: Rate, _: Mapping[str, Rate]) -> Rate:
    return Rate(parent.amount, Fraction(0), parent.high)


def _write_5m(parent: Rate, _: Mapping[str, Rate]) -> Rate:
    return Rate(parent.amount * _WRITE_5M, parent.low, parent.high * _WRITE_5M)


def _write_1h(parent: Rate, known: Mapping[str, Rate]) -> Rate:
    short = known.get("cache_write_5m_tokens", parent)
    return Rate(
        max(parent.amount * _WRITE_1H, short.amount),
        min(parent.low * _WRITE_1H, short.low),
        max(parent.high * _WRITE_1H, short.high),
    )


def _audio(parent: Rate, _: Mapping[str, Rate]) -> Rate:
    return Rate(parent.amount, parent.low, parent.high * AUDIO_AT_MOST)


_RULES: dict[str, tuple[str, _Rule]] = {
    "input_tokens": ("", _same),
    "cache_read_tokens": ("input_tokens", _read),
    "cache_write_5m_tokens": ("input_tokens", _write_5m),
    "cache_write_1h_tokens": ("input_tokens", _write_1h),
    "input_audio_tokens": ("input_tokens", _audio),
    "input_image_tokens": ("input_tokens", _same),
    "output_tokens": ("", _same),
    "reasoning_tokens": ("output_tokens", _same),
    "output_audio_tokens": ("output_tokens", _audio),
}
"""Which listed rate a missing one follows, and how; text input and output follow nothing."""

_FIELDS = {
    "input_tokens": "input",
    "cache_read_tokens": "cached_input",
    "cache_write_5m_tokens": "cache_write_5m",
    "cache_write_1h_tokens": "cache_write_1h",
    "input_audio_tokens": "input_audio",
    "input_image_tokens": "input_image",
    "output_tokens": "output",
    "reasoning_tokens": "reasoning",
    "output_audio_tokens": "output_audio",
}


def from_model_price(price: ModelPrice) -> Quote:
    """Read a user's price."""
    listed: dict[str, Cliffs] = {}
    steps = ((-1, price), *price.long_context)
    for bucket, name in _FIELDS.items():
        rates = [(start, getattr(step, name)) for start, step in steps]
        if any(rate is not None for _, rate in rates):
            # A step is a price of its own: what it leaves out follows its own input, not the step below.
            listed[bucket] = tuple((start, None if rate is None else Fraction(rate)) for start, rate in rates)
    # Whoever writes a price without a cached one says that cached input has no discount; a price list that is
    # silent does not.
    listed["cache_read_tokens"] = tuple(
        (start, Fraction(step.input if step.cached_input is None else step.cached_input)) for start, step in steps
    )
    return Quote(listed, Fraction(price.per_request or 0))


def to_model_price(quote: Quote, context_window: int | None) -> ModelPrice | None:
    """Show a quote as a price; `None` when it has no rate for text input."""
    shown = {start: _shown(quote, start) for start in quote.starts}
    first = shown.pop(-1)
    if "input" not in first:
        return None
    cliffs = {start: ModelPrice(**rates) for start, rates in shown.items() if "input" in rates}
    fee = _decimal(quote.per_request) if quote.per_request else None
    return ModelPrice(**first, per_request=fee, context_window=context_window, long_context=cliffs)


def _shown(quote: Quote, start: int) -> dict[str, Any]:
    """Return the listed rates of one band by field; derived ones are left out, so that they stay derived."""
    return {
        name: _decimal(rate.amount)
        for bucket, name in _FIELDS.items()
        if (bucket in quote.listed or quote.free) and (rate := quote.band(start)[bucket]) is not None
    }


def _decimal(exact: Fraction) -> Decimal:
    with localcontext(prec=60):
        return Decimal(exact.numerator) / Decimal(exact.denominator)
