"""How values read: money, tokens, shares, times, and what users wrote.

Law: what a user wrote reaches the terminal as text and nothing else: what would move the cursor, ring, change colours,
reorder or hide text is spelled out. An amount that is not zero never reads as zero.
"""

from __future__ import annotations

import unicodedata
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal

from frugal._values.cost import Cost
from frugal._values.money import Money
from frugal._values.window import zone

__all__ = ["NONE", "clean", "cost", "count", "left", "money", "named", "percent", "seconds", "short", "when"]

NONE = "(none)"
"""How an absent user, model or tag reads."""

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_JOINER = "\u200d"  # joins emoji, and hides nothing
_FINEST = Decimal("0.0001")


def clean(text: str) -> str:
    r"""Spell out what is not plainly visible.

    >>> clean("a\x1b[31mb")
    'a\\x1b[31mb'
    """
    if text.isprintable() and text.isascii():
        return text
    return "".join(
        sign.encode("unicode_escape").decode() if unicodedata.category(sign) in _HIDDEN and sign != _JOINER else sign
        for sign in text
    )


def named(text: str | None) -> str:
    """Return a name as it is shown; an absent one too."""
    return clean(text) if text else NONE


def short(function: str | None) -> str:
    """Return a function's name without where it stands.

    >>> short("app.agents.make.<locals>.ask")
    'ask'
    """
    return named((function or "").rpartition("<locals>.")[2].rpartition(".")[2])


def money(amount: Money | None, *, estimated: bool = False) -> str:
    """Return dollars with four decimals.

    >>> money(Money(12_345_678_900_000)), money(Money(1)), money(None)
    ('$12.3457', '<$0.0001', 'unpriced')
    """
    if amount is None:
        return "unpriced"
    mark = "~" if estimated else ""
    sign = "-" if amount.pico < 0 else ""
    dollars = abs(amount.usd).quantize(_FINEST, ROUND_HALF_EVEN)
    if not dollars and amount.pico:
        return f"{mark}{sign}<$0.0001" if not sign else f"{mark}>-$0.0001"
    return f"{mark}{sign}${dollars:,.4f}"


def cost(value: Cost) -> str:
    """Return a cost: `~` where it is estimated, in whole or in part, and how many calls have no price."""
    bounded = value.low != value.high
    said = money(value.amount, estimated=bounded)
    if value.amount is not None and value.unpriced_calls:
        said += "+?"
    return said


_STEPS = ((10**9, "B"), (10**6, "M"), (10**3, "k"))


def count(number: int) -> str:
    """Return a count: whole below a hundred thousand, else with three digits.

    >>> count(99_999), count(1_234_567), count(999_999_999)
    ('99,999', '1.23M', '1.00B')
    """
    if abs(number) < 100_000:
        return f"{number:,}"
    for size, letter in _STEPS:
        if abs(number) >= size * 0.9995:
            share = number / size
            return f"{share:.{2 if abs(share) < 9.995 else 1 if abs(share) < 99.95 else 0}f}{letter}"
    return f"{number:,}"


def percent(share: float) -> str:
    """Return a share; never "0%" for something, never "100%" for less than all.

    >>> percent(0.001), percent(0.9999), percent(0.123)
    ('<1%', '>99%', '12%')
    """
    if 0 < share < 0.01:
        return "<1%"
    if 0.99 < share < 1:
        return ">99%"
    return f"{share:.0%}"


def seconds(duration: float) -> str:
    """Return a duration.

    >>> seconds(0.0123), seconds(2.5), seconds(75)
    ('12ms', '2.5s', '75s')
    """
    if duration < 0.9995:
        return f"{duration * 1e3:.0f}ms"
    return f"{duration:.1f}s" if duration < 60 else f"{duration:,.0f}s"


def when(instant: datetime, timezone: str = "UTC", *, now: datetime | None = None) -> str:
    """Return an instant on the wall clock of a zone, without what is the same now."""
    there = instant.astimezone(zone(timezone))
    if now is not None and there.year == now.astimezone(zone(timezone)).year:
        return f"{there:%m-%d %H:%M:%S}"
    return f"{there:%Y-%m-%d %H:%M:%S}"


def left(until: datetime, now: datetime) -> str:
    """Return how long it is until then, in two steps.

    >>> from datetime import UTC, timedelta
    >>> now = datetime(2026, 1, 1, tzinfo=UTC)
    >>> left(now + timedelta(days=2, hours=3, minutes=4), now)
    '2d 3h'
    """
    minutes = max(0, int((until - now).total_seconds() // 60))
    days, rest = divmod(minutes, 1440)
    hours, minutes = divmod(rest, 60)
    if days:
        return f"{days}d {hours}h"
    return f"{hours}h {minutes}min" if hours else f"{minutes}min"
