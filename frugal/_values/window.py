"""Calendar windows: the hour, day, week or month that an instant lies in, in a named time zone.

Law: windows of one kind and zone tile time without gap or overlap, across daylight saving, month ends and leap
years; `start ≤ instant < end`. Boundaries are computed on the wall clock and then placed on the time line, so a
day that loses an hour is 23 hours long.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from math import floor
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

__all__ = ["WINDOWS", "Window", "window_of", "zone"]

WINDOWS = ("hour", "day", "week", "month")
"""The calendar windows; `"run"` is a budget's window too, but not on the calendar."""


@dataclass(frozen=True, slots=True)
class Window:
    """Name one window of the calendar.

    Args:
        kind: `"hour"`, `"day"`, `"week"` or `"month"`.
        label: its name on the wall clock of its zone, such as `"2026-03-29"`; labels of one kind sort by time.
        start: its first instant, in Unix seconds.
        end: the first instant after it, in Unix seconds.
    """

    kind: str
    label: str
    start: float
    end: float


@lru_cache(maxsize=256)
def zone(name: str) -> tzinfo:
    """Return the time zone of that IANA name.

    Raises:
        ValueError: the name is not known on this machine.
    """
    if name in {"UTC", "Etc/UTC"}:
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError, TypeError):
        raise ValueError(
            f"{name!r} is not a time zone of this machine; give an IANA name such as 'Europe/Berlin', "
            "and install the tzdata package where the system has none."
        ) from None


_last: dict[tuple[str, str], Window] = {}


def window_of(kind: str, at: float, timezone: str = "UTC") -> Window:
    """Return the window that an instant lies in.

    Args:
        kind: `"hour"`, `"day"`, `"week"` (from Monday) or `"month"`.
        at: the instant, in Unix seconds.
        timezone: an IANA name.

    Returns:
        The window; `start ≤ at < end`.

    Raises:
        ValueError: the kind or the zone is unknown.

    >>> window_of("day", 0.0).label
    '1970-01-01'
    >>> (window_of("day", 1774746000.0, "Europe/Berlin").end - 1774738800.0) / 3600  # clocks go forward
    23.0
    """
    found = _last.get((kind, timezone))  # most calls ask for the window of the last call
    if found is not None and found.start <= at < found.end:
        return found
    if kind not in WINDOWS:
        raise ValueError(f"window is {kind!r}; it is one of {', '.join(WINDOWS)}.")
    window = _hour(at, timezone) if kind == "hour" else _days(kind, at, timezone)
    _last[(kind, timezone)] = window
    return window


def _days(kind: str, at: float, timezone: str) -> Window:
    where = zone(timezone)
    day = _moment(at, where).replace(hour=0, minute=0, second=0, tzinfo=None)
    if kind == "week":
        day -= timedelta(days=day.weekday())
        after = day + timedelta(days=7)
        label = f"{day:%G-W%V}"
    elif kind == "month":
        day = day.replace(day=1)
        after = (day + timedelta(days=32)).replace(day=1)
        label = f"{day:%Y-%m}"
    else:
        after = day + timedelta(days=1)
        label = f"{day:%Y-%m-%d}"
    return Window(kind, label, _instant(day, where), _instant(after, where))


def _moment(at: float, where: tzinfo) -> datetime:
    """Return the second that an instant lies in: a datetime would round its last moment into the next one."""
    return datetime.fromtimestamp(floor(at), where)


def _hour(at: float, timezone: str) -> Window:
    where = zone(timezone)
    local = _moment(at, where)
    # An hour is cut on the time line, by the offset now in force: the repeated hour of autumn is two windows,
    # told apart by their offset.
    into = timedelta(minutes=local.minute, seconds=local.second)
    start = local.astimezone(UTC) - into
    end = start + timedelta(hours=1)
    # A change of offset inside the hour (Lord Howe moves by 30 minutes) ends it early, or starts it late.
    if (end.astimezone(where).utcoffset() != local.utcoffset()) and end.astimezone(where).minute:
        end = _change(start, end, where)
    if start.astimezone(where).utcoffset() != local.utcoffset():
        start = _change(start, local.astimezone(UTC), where)
    label = f"{local:%Y-%m-%dT%H}{local:%z}"
    return Window("hour", label, start.timestamp(), end.timestamp())


def _change(low: datetime, high: datetime, where: tzinfo) -> datetime:
    """Return the first whole minute in (low, high] with the offset of `high`."""
    after = high.astimezone(where).utcoffset()
    step = timedelta(minutes=1)
    at = high.replace(second=0, microsecond=0)
    while at - step > low and (at - step).astimezone(where).utcoffset() == after:
        at -= step
    return at


def _instant(wall: datetime, where: tzinfo) -> float:
    """Place midnight on the time line; where midnight does not exist, the first instant that does."""
    at = wall.replace(tzinfo=where)
    # A wall time inside a gap is read with the offset before it (fold=0) and lands after the gap's start; where it
    # stands twice, the first is meant. The round trip through UTC normalises both.
    there = at.astimezone(UTC)
    if there.astimezone(where).replace(tzinfo=None) != wall:
        there = _change(there - timedelta(hours=3), there, where)
    return there.timestamp()
