"""When: what `--since`, `--until` and `--timezone` mean.

Law: a date or a time without an offset is of the wall clock of the asked zone, and a day that long ago is a day of that
calendar, whether it has 23 hours or 25.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from frugal._values.clock import clock
from frugal._values.window import window_of, zone
from frugal.cli.endings import Trouble

__all__ = ["Period", "instant", "period"]

_AGO = re.compile(r"(\d{1,6})\s*(s|min|m|h|d|w)", re.IGNORECASE)
_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600}
_DAYS = {"d": 1, "w": 7}
_WINDOWS = {"today": "day", "week": "week", "month": "month"}


@dataclass(frozen=True, slots=True)
class Period:
    """Hold the asked time; `None` for no border."""

    since: datetime | None
    until: datetime | None
    timezone: str

    @property
    def words(self) -> str:
        """How it reads."""
        zoned = "" if self.timezone == "UTC" else f", {self.timezone}"
        since, until = (None if at is None else _told(at) for at in (self.since, self.until))
        if since and until:
            return f"from {since} until {until}{zoned}"
        if since:
            return f"since {since}{zoned}"
        return f"until {until}{zoned}" if until else f"all time{zoned}"


def period(since: str | None, until: str | None, timezone: str) -> Period:
    """Read the options.

    Raises:
        Trouble: one cannot be read, or nothing lies between them.
    """
    check_zone(timezone)
    found = Period(
        None if since is None else instant(since, timezone, "--since"),
        None if until is None else instant(until, timezone, "--until"),
        timezone,
    )
    if found.since is not None and found.until is not None and found.since >= found.until:
        raise Trouble(f"--since {since} is not before --until {until}: exchange them, or leave one out.")
    return found


def check_zone(timezone: str) -> None:
    """Refuse a zone that this machine does not know.

    Raises:
        Trouble: it does not.
    """
    try:
        zone(timezone)
    except ValueError as error:
        raise Trouble(f"--timezone: {error}") from None


def instant(text: str, timezone: str = "UTC", option: str = "--since") -> datetime:
    """Read an instant.

    Args:
        text: an ISO date or datetime, `7d` (that long ago; `s`, `m`, `h`, `d`, `w`), `now`, `today`, `yesterday`, or
            `week` and `month`, where the current ones began.
        timezone: whose wall clock.
        option: what it was given to, for the message.

    Returns:
        An aware datetime in that zone.

    Raises:
        Trouble: it is none of these.
    """
    where, now, word = zone(timezone), clock.now(), text.strip().lower()
    if word == "now":
        return datetime.fromtimestamp(now, where)
    if word in _WINDOWS:
        return datetime.fromtimestamp(window_of(_WINDOWS[word], now, timezone).start, where)
    if word == "yesterday":
        today = window_of("day", now, timezone)
        return datetime.fromtimestamp(window_of("day", today.start - 1, timezone).start, where)
    try:
        ago = _AGO.fullmatch(word)
        if ago is not None:
            return _back(now, int(ago[1]), ago[2], timezone)
        at = datetime.fromisoformat(text.strip())
        return (at if at.tzinfo else at.replace(tzinfo=where)).astimezone(UTC).astimezone(where)
    except (ValueError, OverflowError):
        raise Trouble(
            f"{option} is {text!r}: give a date such as 2026-01-31, a time such as 2026-01-31T09:30, "
            "how long ago such as 7d or 12h, or today, yesterday, week, month."
        ) from None


def _back(now: float, number: int, unit: str, timezone: str) -> datetime:
    where = zone(timezone)
    if unit in _DAYS:
        wall = datetime.fromtimestamp(now, where) - timedelta(days=number * _DAYS[unit])  # on the wall clock
        return wall.astimezone(UTC).astimezone(where)
    return datetime.fromtimestamp(now - number * _SECONDS[unit], where)


def _told(at: datetime) -> str:
    return f"{at:%Y-%m-%d}" if (at.hour, at.minute, at.second) == (0, 0, 0) else f"{at:%Y-%m-%d %H:%M}"
