"""How figures read in sentences: money, shares, counts, durations.

Law: an amount that is not zero never reads as zero, and a share that is not all never reads as all.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

from frugal._values.cost import Cost
from frugal._values.money import Money

__all__ = ["cost", "count", "money", "percent", "plural", "seconds", "short"]

_FINEST = Decimal("0.0001")


def money(amount: Money | None) -> str:
    """Return dollars with four decimals.

    >>> money(Money(12_345_678_900_000)), money(Money(-1)), money(None)
    ('$12.3457', '>-$0.0001', 'unpriced')
    """
    if amount is None:
        return "unpriced"
    sign = "-" if amount.pico < 0 else ""
    dollars = abs(amount.usd).quantize(_FINEST, ROUND_HALF_EVEN)
    if not dollars and amount:
        return ">-$0.0001" if sign else "<$0.0001"
    return f"{sign}${dollars:,.4f}"


def cost(value: Cost) -> str:
    """Return a cost: `~` where it is estimated, `+?` where calls without a price are not in it."""
    said = ("~" if value.low != value.high else "") + money(value.amount)
    return f"{said}+?" if value.amount is not None and value.unpriced_calls else said


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
