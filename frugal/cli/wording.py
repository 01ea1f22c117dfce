"""How values read in a terminal: money, tokens, shares, times, and what users wrote.

Law: what a user wrote reaches the terminal as text and nothing else. An amount that is not zero never reads as zero.
"""

from __future__ import annotations

from datetime import datetime

from frugal._values.visible import visible as clean
from frugal._values.window import zone
from frugal.insight.wording import compact as count
from frugal.insight.wording import cost, money, percent
from frugal.insight.wording import short as last_name

__all__ = ["NONE", "clean", "cost", "count", "left", "money", "named", "percent", "seconds", "short", "when"]

NONE = "(none)"
"""How an absent user, model or tag reads."""


def named(text: str | None) -> str:
    """Return a name as it is shown; an absent one too."""
    return clean(text) if text else NONE


def short(function: str | None) -> str:
    """Return a function's name without where it stands.

    >>> short("app.agents.make.<locals>.ask")
    'ask'
    """
    return named(last_name(function)) if function else NONE


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
