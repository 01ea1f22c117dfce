"""Laws of the values: money is exact, usage is disjoint, a cost is never silently zero, windows tile time."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from frugal import Cost, InvalidUsageError, Money, Usage, usd
from frugal._values.shares import split_cost, split_usage, split_whole
from frugal._values.usage import BUCKETS
from frugal._values.window import WINDOWS, window_of

money = st.integers(-(10**24), 10**24).map(Money)
positive = st.integers(0, 10**18).map(Money)
usages = st.builds(Usage, **{name: st.integers(0, 10**9) for name in BUCKETS})
exact = positive.map(Cost.exact)
estimated = (
    st.lists(st.integers(0, 10**15), min_size=3, max_size=3)
    .map(sorted)
    .map(lambda three: Cost.estimated(Money(three[1]), Money(three[0]), Money(three[2])))
)
costs = st.one_of(exact, estimated, st.just(Cost.unpriced()))
weights = st.lists(st.integers(0, 10**9), min_size=1, max_size=20)
ZONES = ("UTC", "Asia/Taipei", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu",
         "Africa/Casablanca", "America/Sao_Paulo", "Pacific/Apia")  # fmt: skip
instants = st.floats(datetime(1990, 1, 1, tzinfo=UTC).timestamp(), datetime(2040, 1, 1, tzinfo=UTC).timestamp())


@given(a=money, b=money, c=money)
def test_money_adds_like_integers(a, b, c):
    """Sums are exact, associative and commutative, and subtraction undoes them."""
    assert (a + b) + c == a + (b + c) == c + b + a
    assert a + b - b == a
    assert sum([a, b, c]) == a + b + c


@given(pico=st.integers(-(10**27), 10**27))
def test_money_survives_dollars_and_back(pico):
    """`usd` of the exact dollars is the same money, as a Decimal and as text."""
    amount = Money(pico)
    assert usd(amount.usd) == usd(str(amount.usd)) == usd(str(amount)) == amount


@given(dollars=st.floats(-1e9, 1e9))
def test_a_float_is_read_as_the_number_it_prints_as(dollars):
    """0.1 is a tenth, not what binary makes of it."""
    assert usd(dollars) == usd(repr(dollars)) == usd(Decimal(repr(dollars)))


@given(a=positive, numerator=st.integers(0, 10**6), digits=st.integers(0, 6))
def test_money_times_a_number_is_rounded_half_to_even(a, numerator, digits):
    """The product is the exact one, rounded once."""
    factor = Decimal(numerator).scaleb(-digits)
    assert (a * factor).pico == round(Fraction(a.pico) * Fraction(factor))


@pytest.mark.parametrize("wrong", ["", "abc", "nan", "inf", float("nan"), float("inf"), "1e99"])
def test_what_is_no_amount_is_refused(wrong):
    """Bad input never becomes a wrong number."""
    with pytest.raises(ValueError, match="money"):
        usd(wrong)


@pytest.mark.parametrize("wrong", [None, True, [], object()])
def test_what_is_no_number_is_refused(wrong):
    """Neither does another type."""
    with pytest.raises(TypeError):
        usd(wrong)


@given(a=usages, b=usages)
def test_usage_adds_bucket_by_bucket(a, b):
    """The sums of a sum are the sums of the sums."""
    total = a + b
    assert all(getattr(total, name) == getattr(a, name) + getattr(b, name) for name in BUCKETS)
    assert total.total_tokens == a.total_tokens + b.total_tokens == total.total_input_tokens + total.total_output_tokens


@pytest.mark.parametrize("wrong", [-1, 1.0, "1", None, True, 10**13])
@pytest.mark.parametrize("name", BUCKETS)
def test_usage_refuses_what_is_no_count(name, wrong):
    """Negative, fractional and absurd counts are errors that name the bucket."""
    with pytest.raises(InvalidUsageError, match=name):
        Usage(**{name: wrong})


@given(some=st.lists(costs, max_size=6), more=st.lists(costs, max_size=6))
def test_a_sum_of_costs_does_not_depend_on_how_it_is_grouped(some, more):
    """Amounts, bounds and the count of what is unpriced add up; nothing unpriced is lost."""
    whole = Cost.total([*some, *more])
    parts = Cost.total([Cost.total(some), Cost.total(more)])
    assert (whole.amount, whole.low, whole.high, whole.unpriced_calls) == (
        parts.amount, parts.low, parts.high, parts.unpriced_calls,
    )  # fmt: skip
    assert whole.unpriced_calls == sum(cost.status == "unpriced" for cost in [*some, *more])
    assert whole.known == sum((cost.known for cost in [*some, *more]), Money(0))


@given(cost=costs)
def test_a_cost_lies_between_its_bounds(cost):
    """And only an unpriced one has none."""
    if cost.status == "unpriced":
        assert cost.amount is cost.low is cost.high is None
    else:
        assert cost.low <= cost.amount <= cost.high


@given(whole=st.integers(0, 10**18), weights=weights)
def test_shares_add_up_and_are_in_proportion(whole, weights):
    """Not a unit is lost, and no share is off by more than one."""
    shares = split_whole(whole, weights)
    assert sum(shares) == whole
    total = sum(weights)
    assume(total)
    for share, weight in zip(shares, weights, strict=True):
        assert 0 <= share - whole * weight // total <= 1


@given(usage=usages, cost=costs, weights=weights)
def test_usage_and_cost_are_shared_out_exactly(usage, cost, weights):
    """The shares of a batch add up to what the batch used and cost, and each lies within its own bounds."""
    assert sum(split_usage(usage, weights), Usage()) == usage
    shares = split_cost(cost, weights)
    if cost.amount is None:
        assert all(share.amount is None for share in shares)
        return
    assert all(0 <= share.low.pico <= share.amount.pico <= share.high.pico for share in shares)
    total = Cost.total(shares)
    assert (total.amount, total.low, total.high) == (cost.amount, cost.low, cost.high)


@given(kind=st.sampled_from(WINDOWS), zone=st.sampled_from(ZONES), at=instants)
@example(kind="hour", zone="UTC", at=1104494399.9999995)  # which a datetime rounds into the next hour
@example(kind="day", zone="Europe/Berlin", at=1774738799.9999998)
def test_windows_tile_time(kind, zone, at):
    """Every instant lies in one window, and the next window begins where it ends."""
    window = window_of(kind, at, zone)
    assert window.start <= at < window.end
    assert window_of(kind, window.start, zone) == window
    after = window_of(kind, window.end, zone)
    assert after.start == window.end
    assert after.label != window.label
    before = window_of(kind, window.start - 1, zone)
    assert before.end == window.start


def test_the_day_that_loses_an_hour_is_23_hours_long():
    """Daylight saving is in the window, not beside it."""
    at = datetime(2026, 3, 29, 12, tzinfo=UTC).timestamp()
    window = window_of("day", at, "Europe/Berlin")
    assert window.end - window.start == timedelta(hours=23).total_seconds()
    at = datetime(2026, 10, 25, 12, tzinfo=UTC).timestamp()
    window = window_of("day", at, "Europe/Berlin")
    assert window.end - window.start == timedelta(hours=25).total_seconds()


def test_february_is_a_month_in_leap_years_too():
    """A month's borders are the calendar's."""
    at = datetime(2028, 2, 29, 23, 59, tzinfo=UTC).timestamp()
    window = window_of("month", at)
    assert window.label == "2028-02"
    assert window.end - window.start == timedelta(days=29).total_seconds()


@pytest.mark.parametrize(("kind", "zone"), [("year", "UTC"), ("day", "Mars/Olympus"), ("day", "../etc/passwd")])
def test_unknown_windows_and_zones_are_refused(kind, zone):
    """With a name that says what would do."""
    with pytest.raises(ValueError, match=r"is not|one of"):
        window_of(kind, 0.0, zone)
