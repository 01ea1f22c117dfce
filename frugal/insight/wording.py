"""How figures read in sentences: money, shares, counts, durations.

Law: an amount that is not zero never reads as zero, and a share that is not all never reads as all.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

from frugal._values.cost import Cost
from frugal._values.money import Money

__all__ = ["compact", "cost", "count", "money", "percent", "plural", "seconds", "short"]


def money(amount: Money | None, decimals: int = 4) -> str:
    """Return dollars with that many decimals.

    >>> money(Money(12_345_678_900_000)), money(Money(-1)), money(None), money(Money(12_345_678_900_000), 2)
    ('$12.3457', '>-$0.0001', 'unpriced', '$12.35')
    """
    if amount is None:
        return "unpriced"
    sign = "-" if amount.pico < 0 else ""
    finest = Decimal(1).scaleb(-decimals)
    dollars = abs(amount.usd).quantize(finest, ROUND_HALF_EVEN)
    if not dollars and amount:
        return f">-${finest}" if sign else f"<${finest}"
    return f"{sign}${dollars:,.{decimals}f}"


def cost(value: Cost, decimals: int = 4) -> str:
    """Return a cost: `~` where it is estimated, `+?` where calls without a price are not in it."""
    said = ("~" if value.low != value.high else "") + money(value.amount, decimals)
    return f"{said}+?" if value.amount is not None and value.unpriced_calls else said


_STEPS = ((10**9, "B"), (10**6, "M"), (10**3, "k"))


def compact(number: int) -> str:
    """Return a count: whole below a hundred thousand, else with three digits.

    >>> compact(99_999), compact(1_234_567), compact(999_999_999)
    ('99,999', '1.23M', '1.00B')
    """
    if abs(number) < 100_000:
        return f"{number:,}"
    for size, letter in _STEPS:
        if abs(number) >= size * 0.9995:
            share = number / size
            return f"{share:.{2 if abs(share) < 9.995 else 1 if abs(share) < 99.95 else 0}f}{letter}"
    return f"{number:,}"


def count(number: int) -> str:
    """Return a whole number with its thousands apart."""
    return f"{number:,}"


def percent(share: float) -> str:
    """Return a share; never "0%" for something, never "100%" for less than all.

    >>> percent(0.4), percent(0.001), percent(0.999), percent(0.125)
    ('40%', '<1%', '>99%', '12%')
    """
    if 0 < share < 0.01:
        return "<1%"
    return ">99%" if 0.99 < share < 1 else f"{share:.0%}"


def seconds(duration: float) -> str:
    """Return a duration.

    >>> seconds(0.0123), seconds(2.5), seconds(7200)
    ('12 ms', '2.5 s', '2.0 h')
    """
    if duration < 0.9995:
        return f"{duration * 1e3:.0f} ms"
    if duration < 90:
        return f"{duration:.1f} s"
    return f"{duration / 60:.0f} min" if duration < 5400 else f"{duration / 3600:,.1f} h"


def plural(number: int, word: str) -> str:
    """Return a count with its noun.

    >>> plural(1, "call"), plural(2000, "call")
    ('1 call', '2,000 calls')
    """
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"


def short(function: str) -> str:
    """Return a function's name without where it stands.

    >>> short("app.agents.make.<locals>.ask")
    'ask'
    """
    return function.rpartition("<locals>.")[2].rpartition(".")[2] or "(none)"
