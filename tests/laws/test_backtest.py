"""Laws of backtests: whatever the log and whatever the stack, the parts add up to the whole."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from frugal import (
    backtest,
    batched,
    budgeted,
    by_complexity,
    cached,
    deduplicated,
    memory,
    metered,
    rate_limited,
    routed,
    semantic_cached,
    stack,
)

ROWS = st.fixed_dictionaries(
    {
        "time": st.integers(1_768_478_400, 1_768_500_000),
        "model": st.sampled_from(["gpt-4o", "gpt-4o-mini", "claude-sonnet-4-5", "nobodys-model"]),
        "input_tokens": st.integers(0, 5_000),
        "output_tokens": st.integers(0, 500),
    },
    optional={
        "prompt": st.sampled_from(["Hi", "Prove the theorem step by step", "2 + 2", "你好"]),
        "user": st.sampled_from(["ada", "bob"]),
        "session": st.sampled_from(["one", "two"]),
        "stream": st.booleans(),
        "latency": st.floats(0, 500),
        "status": st.sampled_from([200, 429, 500]),
        "cost": st.sampled_from(["0", "0.001", "3"]),
        "finish": st.sampled_from(["stop", "length"]),
        "max_tokens": st.integers(1, 1_000),
        "key": st.sampled_from(["a", "b"]),
    },
)


def embed(texts: list[str]) -> list[list[float]]:
    """Return a vector for each text."""
    return [[1.0, len(text) % 3] for text in texts]


RINGS: list[Any] = [
    metered,
    deduplicated,
    cached(layers=[memory(ttl=3_000)]),
    semantic_cached(threshold=0.9, embed=embed, veto=False),
    routed(by_complexity(simple=["gpt-4o-mini"], medium=["gpt-4o-mini"], complex=["gpt-4o"])),
    budgeted(daily_usd="0.05", per="user", suggest="gpt-4o-mini", on_exceeded="suggest"),
    budgeted(run_usd="0.01"),
    batched(max_size=3, max_wait=5),
    rate_limited(rpm=30, max_concurrency=3),
]
"""In the recommended order, so that any choice of them is in it."""


@given(log=st.lists(ROWS, max_size=20), chosen=st.sets(st.integers(0, len(RINGS) - 1)))
@settings(max_examples=60)
def test_the_parts_add_up_to_the_whole(log: list[dict[str, Any]], chosen: set[int]) -> None:
    """Rings, hours and outcomes; and a stack that only looks changes nothing."""
    found = backtest(log, stack(*(RINGS[number] for number in sorted(chosen))))
    assert found.requests == len(log) == sum(found.outcomes.values())
    assert found.saved == found.baseline.known - found.cost.known
    assert sum(money.pico for money in found.by_ring.values()) == found.saved.pico
    assert "other" not in found.by_ring
    assert found.refused == found.outcomes.get("rejected", 0)
    for name in ("requests", "refused"):
        assert sum(getattr(hour, name) for hour in found.by_hour) == getattr(found, name)
    assert sum(hour.saved.pico for hour in found.by_hour) == found.saved.pico
    if chosen <= {0, 8}:
        assert found.cost.known == found.baseline.known
