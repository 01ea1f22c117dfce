"""Laws of backtests: whatever the log and whatever the stack, the parts add up to the whole."""

import asyncio
from collections import Counter
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from frugal import (
    BudgetExceededError,
    Usage,
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
    scope,
    semantic_cached,
    stack,
)
from frugal.insight.backtesting.hours import VirtualLoop, run
from frugal.testing import FakeModel, MemoryLedger

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


_EQUAL = {"time": 1_768_478_400, "model": "gpt-4o", "input_tokens": 0, "output_tokens": 0, "prompt": "Hi", "key": "a"}


@example(log=[{**_EQUAL, "status": 429}, {**_EQUAL, "cost": "0.001"}], chosen={0, 1})  # the second joins a failure
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


NOON = 1_768_478_400.0
TRAFFIC = st.lists(
    st.tuples(
        st.integers(0, 4_000),  # when
        st.integers(0, 4),  # what is asked
        st.sampled_from(["ada", "bob"]),
        st.sampled_from(["gpt-4o", "gpt-4o-mini"]),
        st.booleans(),  # streamed
    ),
    min_size=1,
    max_size=25,
)
TRIED: list[Any] = [
    lambda: deduplicated,
    lambda: cached(layers=[memory(ttl=600, max_items=3)]),
    lambda: budgeted(daily_usd="0.05", per="user"),
    lambda: budgeted(run_usd="0.02"),
    lambda: rate_limited(max_concurrency=2),
]
"""Made anew for each life: what a layer keeps, it keeps for all that it decorates."""


def used(text: str) -> Usage:
    """Return what a question takes: the same each time."""
    size = len(text)
    return Usage(input_tokens=700 + 100 * size, cache_read_tokens=17 * size, output_tokens=90 + size)


def latency_of(question: int) -> float:
    """Return how long a question takes: never as long as anything else, so that no two things happen at once."""
    return 30.5 + 17 * question


def lived(traffic: list[Any], decorators: Any) -> tuple[int, Counter[str]]:
    """Make the calls of a traffic in production: with a ledger, against a provider, at their times."""
    ledger = MemoryLedger()
    models = [
        FakeModel(usage=lambda text, answer, model: used(text), latency=latency_of(number)) for number in range(5)
    ]

    @metered(ledger=ledger)
    @decorators
    async def ask(messages: Any, *, model: str, max_tokens: int | None = None, stream: bool = False) -> Any:
        return await models[len(messages[0]["content"])](messages, model=model, stream=stream)

    async def one(at: int, question: int, user: str, model: str, stream: bool) -> None:
        await asyncio.sleep(at)
        with scope(user=user, run=f"{user}'s"):
            try:
                answer = await ask(
                    [{"role": "user", "content": "?" * question}], model=model, max_tokens=100, stream=stream
                )
                if stream:
                    async for _ in answer:
                        pass
            except BudgetExceededError:
                pass

    async def main(loop: VirtualLoop) -> None:
        await asyncio.gather(*(one(*call) for call in traffic))

    run(main, NOON)
    return (
        sum(record.cost.known.pico for record in ledger.records),
        Counter(record.outcome for record in ledger.records),
    )


@given(traffic=TRAFFIC, chosen=st.sets(st.integers(0, len(TRIED) - 1)))
@settings(max_examples=60, deadline=None)
def test_a_backtest_does_what_production_does(traffic: list[Any], chosen: set[int]) -> None:
    """One traffic, lived through with a ledger and a provider, and replayed from its log: each outcome and cent."""
    traffic = sorted({call[0]: call for call in traffic}.values())  # one at a time begins
    decorators = stack(*(TRIED[number]() for number in sorted(chosen)))
    cost, outcomes = lived(traffic, decorators)
    log = [
        {
            "time": NOON + at, "model": model, "user": user, "session": f"{user}'s", "stream": stream,
            "messages": [{"role": "user", "content": "?" * question}], "max_tokens": 100,
            "input_tokens": used("?" * question).total_input_tokens,
            "cached_tokens": used("?" * question).cache_read_tokens,
            "output_tokens": used("?" * question).output_tokens, "latency": latency_of(question),
        }
        for at, question, user, model, stream in traffic
    ]  # fmt: skip
    found = backtest(log, decorators)
    assert cost == found.cost.known.pico
    assert outcomes == Counter(found.outcomes)
