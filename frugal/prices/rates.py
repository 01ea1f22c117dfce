"""Rates: a quote turned into integers, and the arithmetic of one call.

Law: a cost is a sum of tokens times whole pico-dollars. Where a price is finer than a pico-dollar a token,
all rates stand over one common denominator, and the sum is rounded once, at the end, half to even; the
parts by bucket always add up to it.
"""

from __future__ import annotations

from fractions import Fraction
from math import lcm

from frugal._values.cost import UNPRICED, Cost, ascertained
from frugal._values.money import PICO_PER_USD, Money
from frugal._values.usage import BUCKETS, Usage
from frugal.prices.quote import Quote, Rate

__all__ = ["Rates", "half_even"]

_PICO_PER_TOKEN = PICO_PER_USD // 10**6
"""Pico-dollars a token in one dollar a million tokens."""

_REQUEST = "requests"
"""The part of a cost that is charged for the request itself."""


def half_even(numerator: int, denominator: int) -> int:
    """Divide, rounding half to even."""
    return round(Fraction(numerator, denominator))


# The hot path makes its parts by hand: what the constructor checks is true here by construction (whole numbers), and
# the check costs more than the arithmetic.
_new = object.__new__
_pico = Money.__dict__["pico"].__set__


class Rates:
    """Price usage at one model's rates, from `start` until `end`.

    Args:
        quote: the rates in dollars per million tokens.
        table: which prices these are, for the cost.
        start: the first Unix second at which they hold.
        end: the Unix second at which they cease.
    """

    __slots__ = ("_bands", "_denominator", "_fee", "_flat", "_plain", "_table", "end", "start")

    def __init__(self, quote: Quote, table: str, start: float, end: float) -> None:
        self.start = start
        self.end = end
        self._table = table
        bands = [(above, quote.band(above)) for above in quote.starts]
        fee = quote.per_request * PICO_PER_USD
        self._denominator = lcm(
            fee.denominator,
            *(
                (side * _PICO_PER_TOKEN).denominator
                for _, band in bands
                for rate in band.values()
                if rate is not None
                for side in (rate.amount, rate.low, rate.high)
            ),
        )
        self._fee = int(fee * self._denominator)
        self._bands = tuple((above, tuple(self._whole(band[bucket]) for bucket in BUCKETS)) for above, band in bands)
        # Whole pico-dollars by bucket where a rate is exact: the only thing an ordinary call looks at.
        self._plain = tuple(
            (above, tuple(r[0] if r is not None and r[1] == r[2] else None for r in rates))
            for above, rates in self._bands
        )
        self._flat = self._plain[0][1] if len(bands) == 1 and self._denominator == 1 else None

    def _whole(self, rate: Rate | None) -> tuple[int, int, int] | None:
        if rate is None:
            return None
        scale = _PICO_PER_TOKEN * self._denominator
        return int(rate.amount * scale), int(rate.low * scale), int(rate.high * scale)

    def cost(self, usage: Usage) -> Cost:
        """Return what that usage costs."""
        plain = self._flat
        if plain is None:
            if self._denominator != 1:
                return self._careful(usage)
            size = usage.total_input_tokens
            for above, rates in reversed(self._plain):
                if size > above:
                    plain = rates
                    break
        counts = (
            usage.input_tokens,
            usage.cache_read_tokens,
            usage.cache_write_5m_tokens,
            usage.cache_write_1h_tokens,
            usage.input_audio_tokens,
            usage.input_image_tokens,
            usage.output_tokens,
            usage.reasoning_tokens,
            usage.output_audio_tokens,
        )
        total = self._fee
        parts: dict[str, Money] = {}
        if total:
            parts[_REQUEST] = Money(total)
        for bucket, count, rate in zip(BUCKETS, counts, plain, strict=True):  # type: ignore[arg-type]
            if count:
                if rate is None:
                    return self._careful(usage)
                part = count * rate
                total += part
                money = _new(Money)
                _pico(money, part)
                parts[bucket] = money
        whole = _new(Money)
        _pico(whole, total)
        return ascertained(whole, whole, whole, "exact", parts, "table", self._table)

    def _careful(self, usage: Usage) -> Cost:
        """Price usage that meets a guess, an unknown rate, or a fraction of a pico-dollar."""
        size = usage.total_input_tokens
        rates = next(rates for above, rates in reversed(self._bands) if size > above)
        spent: dict[str, int] = {_REQUEST: self._fee} if self._fee else {}
        low = high = self._fee
        for bucket, count, rate in zip(BUCKETS, usage, rates, strict=True):
            if count:
                if rate is None:
                    return UNPRICED
                spent[bucket] = count * rate[0]
                low += count * rate[1]
                high += count * rate[2]
        parts: dict[str, Money] = {}
        running = done = 0
        for bucket, part in spent.items():
            running += part
            upto = half_even(running, self._denominator)
            parts[bucket] = Money(upto - done)
            done = upto
        amount = Money(done)
        if low == high:
            return Cost.exact(amount, parts, source="table", price_table=self._table)
        return Cost.estimated(
            amount,
            Money(half_even(low, self._denominator)),
            Money(half_even(high, self._denominator)),
            parts,
            price_table=self._table,
        )

    def known(self, bucket: str, size: int) -> Fraction | None:
        """Return the pico-dollars a token of that bucket in a request of `size` input tokens."""
        rates = next(rates for above, rates in reversed(self._bands) if size > above)
        rate = rates[BUCKETS.index(bucket)]
        return None if rate is None else Fraction(rate[0], self._denominator)

    @property
    def fee(self) -> Fraction:
        """Pico-dollars for each request."""
        return Fraction(self._fee, self._denominator)
