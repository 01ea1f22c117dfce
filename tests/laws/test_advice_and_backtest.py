"""Laws of seeing and deciding: what advice says of a ledger is what a backtest of that ledger finds."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from frugal import Money, Usage, backtest, cached, deduplicated, memory, stack
from frugal._values.cost import Cost
from frugal._values.record import Record
from frugal.insight.advice.advising import advice_of
from frugal.prices import default_prices

NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)

CALLS = st.lists(
    st.tuples(
        st.integers(0, 9_000),
        st.sampled_from("abc"),
        st.integers(0, 400),
        st.integers(1, 9),
        st.sampled_from(["provider", "provider", "provider", "batched", "failed"]),
    ),
    min_size=12,
    max_size=40,
)


def recorded(calls: list[tuple[int, str, int, int, str]]) -> list[Record]:
    """Return the records of calls: when, of what, for how long, for how much, and how they ended.

    Latencies end between the beginnings, so that what is first is not left to chance.
    """
    return [
        Record(
            id=f"call-{number:03}",
            call=f"call-{number:03}",
            time=NOON + timedelta(seconds=at),
            function="app.ask",
            model_requested="gpt-4o",
            model="gpt-4o",
            outcome=outcome,
            usage=Usage(input_tokens=10, output_tokens=1),
            cost=Cost.exact(Money(pico * 10**6)),
            latency=latency + 0.5,
            key=key,
        )
        for number, (at, key, latency, pico, outcome) in enumerate(sorted(calls))
    ]


def saved(records: list[Record], decorators: Any) -> int:
    """Return what a stack saves on records, in pico-dollars."""
    return backtest(records, decorators).saved.pico


@given(calls=CALLS)
@settings(max_examples=60, deadline=None)
def test_what_a_cache_would_have_saved_is_what_it_saves_in_a_backtest(calls: list[Any]) -> None:
    """Repeats within the hour, to the pico-dollar: expired answers, calls in flight and failures as they are."""
    records = recorded(calls)
    advice = {each.tip: each for each in advice_of(records, default_prices())}
    hour = cached(layers=[memory(ttl=3600, max_items=10_000)])
    assert advice["exact_cache"].saving == Money(saved(records, hour))


@given(calls=CALLS)
@settings(max_examples=60, deadline=None)
def test_what_sharing_flights_would_have_saved_is_what_it_saves_in_a_backtest(calls: list[Any]) -> None:
    """Calls that asked what another was just asking."""
    records = recorded([(at, key, latency, pico, "provider") for at, key, latency, pico, _ in calls])
    advice = {each.tip: each for each in advice_of(records, default_prices())}
    assert advice["deduplication"].saving == Money(saved(records, stack(deduplicated)))
