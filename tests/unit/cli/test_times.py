"""What --since and --until mean."""

from datetime import UTC, datetime

import pytest

from frugal.cli.endings import Trouble
from frugal.cli.times import instant, period
from frugal.testing import FakeClock, virtual

NOON = datetime(2026, 3, 30, 12, tzinfo=UTC)  # the day after Berlin's clocks went forward


@pytest.mark.parametrize(
    ("text", "timezone", "expected"),
    [
        ("2026-01-31", "UTC", "2026-01-31T00:00:00+00:00"),
        ("2026-01-31T09:30", "Europe/Berlin", "2026-01-31T09:30:00+01:00"),
        ("2026-01-31T09:30Z", "Europe/Berlin", "2026-01-31T10:30:00+01:00"),
        ("now", "UTC", "2026-03-30T12:00:00+00:00"),
        ("today", "UTC", "2026-03-30T00:00:00+00:00"),
        ("yesterday", "Europe/Berlin", "2026-03-29T00:00:00+01:00"),
        ("week", "UTC", "2026-03-30T00:00:00+00:00"),
        ("month", "Asia/Taipei", "2026-03-01T00:00:00+08:00"),
        ("12h", "UTC", "2026-03-30T00:00:00+00:00"),
        ("90m", "UTC", "2026-03-30T10:30:00+00:00"),
        ("7d", "UTC", "2026-03-23T12:00:00+00:00"),
        ("2d", "Europe/Berlin", "2026-03-28T14:00:00+01:00"),
        ("1W", "UTC", "2026-03-23T12:00:00+00:00"),
    ],
)
def test_instants_are_of_the_asked_calendar(text: str, timezone: str, expected: str) -> None:
    """Dates, times, words and "so long ago" name the instant that a person of that zone means."""
    with virtual(FakeClock(NOON)):
        assert expected == instant(text, timezone).isoformat()


@pytest.mark.parametrize("text", ["", "tomorrowish", "7", "7y", "-7d", "2026-13-01", "999999w", "99999999d", "[red]"])
def test_what_cannot_be_read_is_refused_with_examples(text: str) -> None:
    """The message names the option and says what it takes."""
    with pytest.raises(Trouble, match=r"--until is .*2026-01-31.*7d"):
        instant(text, option="--until")


def test_a_period_without_inside_is_refused() -> None:
    """Exchanged borders are a slip, not an empty report."""
    with pytest.raises(Trouble, match="is not before"):
        period("2026-02-01", "2026-01-01", "UTC")


def test_an_unknown_zone_is_refused() -> None:
    """The option is named."""
    with pytest.raises(Trouble, match="--timezone"):
        period(None, None, "Mars/Olympus")


def test_a_period_says_what_it_is() -> None:
    """Titles tell the asked time."""
    assert period(None, None, "UTC").words == "all time"
    assert period("2026-01-01", None, "Asia/Taipei").words == "since 2026-01-01, Asia/Taipei"
    assert period("2026-01-01", "2026-01-02T03:04", "UTC").words == "from 2026-01-01 until 2026-01-02 03:04"
