"""Reading: the trend, and questions that are wrong."""

from datetime import UTC, datetime, timedelta

import pytest

from frugal._values.money import Money


def test_the_trend_has_a_row_for_each_day_oldest_first(ledger, make, put, clock):
    """Empty days are there; days are those of the asked zone; days before are not."""
    noon = datetime.fromtimestamp(clock.at, UTC)
    put(make(), make(user="ann", time=noon - timedelta(days=2)), make(time=noon - timedelta(days=7)))
    rows = ledger.trend()
    assert [row.group["day"] for row in rows] == [f"2026-03-{day}" for day in range(22, 29)]
    assert [row.cost.amount.pico for row in rows] == [0, 0, 0, 0, 5, 0, 5]
    assert [row.calls for row in ledger.trend(3, user="ann")] == [1, 0, 0]
    assert ledger.trend(1, timezone="Pacific/Kiritimati")[0].group == {"day": "2026-03-29"}


def test_the_trend_crosses_the_night_that_loses_an_hour(ledger, make, put, clock):
    """A day of 23 hours is one row."""
    clock.at += 2 * 86_400
    first = datetime(2026, 3, 28, 23, 0, tzinfo=UTC)  # midnight of the 29th in Berlin
    put(*(make(time=first + timedelta(hours=hour)) for hour in range(24)))
    rows = ledger.trend(3, timezone="Europe/Berlin")
    assert [(row.group["day"], row.calls) for row in rows] == [("2026-03-28", 0), ("2026-03-29", 23), ("2026-03-30", 1)]


def test_a_month_of_days_is_no_week_of_days(ledger, make, put, clock):
    """Thirty days are found where they were kept, not only the last seven."""
    noon = datetime.fromtimestamp(clock.at, UTC)
    put(*(make(time=noon - timedelta(days=age)) for age in range(30)))
    assert sum(row.calls for row in ledger.trend(30)) == 30


@pytest.mark.parametrize(
    "ask",
    [
        lambda ledger: ledger.usage(by=("colour",)),
        lambda ledger: ledger.usage(timezone="Mars/Olympus"),
        lambda ledger: ledger.trend(0),
        lambda ledger: ledger.trend(timezone="Mars/Olympus"),
    ],
)
def test_questions_that_make_no_sense_are_refused(ledger, ask):
    """With what would."""
    with pytest.raises(ValueError, match=r"takes|zone|1 or more"):
        ask(ledger)


def test_a_naive_time_is_of_the_asked_zone(ledger, make, put):
    """Midnight in Berlin is not midnight in London."""
    put(make(time=datetime(2026, 3, 27, 23, 30, tzinfo=UTC)))
    day = datetime(2026, 3, 28)
    assert ledger.totals(day, timezone="Europe/Berlin").calls == 1
    assert ledger.totals(day).calls == 0
    assert ledger.totals(datetime(2026, 3, 27, 23, 30, tzinfo=UTC)).cost.amount == Money(5)
    assert ledger.totals(until=datetime(2026, 3, 27, 23, 30, tzinfo=UTC)).calls == 0


def test_sums_beyond_64_bits_are_exact(ledger, make, put):
    """Ten million dollars a call, in pico-dollars: nothing wraps and nothing is rounded."""
    from frugal._values.cost import Cost

    put(*(make(cost=Cost.exact(Money(10**19 + at))) for at in range(5)))
    assert ledger.totals().cost.amount == Money(5 * 10**19 + 10)
    assert ledger.audit().ok
