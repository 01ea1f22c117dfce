"""The law of composition: in any order of the decorators, the money is right and the answers are the function's own."""

import asyncio
import gc
import itertools
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frugal import (
    BudgetExceededError,
    OrderWarning,
    batched,
    budgeted,
    by_complexity,
    cached,
    cascade,
    deduplicated,
    memory,
    metered,
    rate_limited,
    routed,
    scope,
    usd,
)
from frugal._core.order import LOSSES
from frugal.testing import FakeModel, FakeProviderError, MemoryLedger

RINGS = {
    "deduplicated": lambda: deduplicated,
    "cached": lambda: cached(layers=[memory]),
    "routed": lambda: routed(by_complexity(simple=["gpt-4o-mini"], medium=["gpt-4.1-mini"], complex=["gpt-4o"])),
    "budgeted": lambda: budgeted(daily_usd=100, run_usd=100),
    "rate_limited": lambda: rate_limited(max_concurrency=50),
    "cascade": lambda: routed(
        cascade(["gpt-4o-mini", "gpt-4o"], accept=lambda answer: "hard" not in str(answer)), override=True
    ),
    "metered": lambda: metered,
}
QUESTIONS = ("hello", "translate this", "a hard proof", "hello")

stacks = st.lists(st.sampled_from(sorted(RINGS)), unique=True, max_size=6)
workloads = st.lists(
    st.tuples(
        st.sampled_from(QUESTIONS),
        st.sampled_from(["plain", "stream", "half", "thrown"]),
        st.sampled_from([None, None, None, 500, 429]),
        st.booleans(),
    ),
    min_size=1,
    max_size=8,
)


def build(names, provider, ledger):
    """Return the provider under these decorators, outermost first."""

    async def ask(prompt, *, model="gpt-4o", stream=False, max_tokens=64):
        return await provider(prompt, model=model, stream=stream)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OrderWarning)
        for name in reversed(names):
            ask = RINGS[name]()(ask)
        return metered(ledger=ledger)(ask)


async def use(ask, prompt, how):
    """Use an answer in one of the ways in which people use them."""
    if how == "plain":
        return (await ask(prompt)).choices[0].message.content
    stream = await ask(prompt, stream=True)
    if how == "stream":
        return "".join([c.choices[0].delta.content or "" async for c in stream if c.choices])
    await anext(stream)
    if how == "half":
        await stream.aclose()
    return None


async def play(names, workload, *, collect=True):
    """Run a workload, some of it cancelled; return the ledger, the provider, the answers and the run's sum."""
    ledger = MemoryLedger()
    faults = iter([fault for _, _, fault, _ in workload])
    provider = FakeModel(answer=lambda text: f"re: {text}", fail=lambda number: next(faults, None))
    ask = build(names, provider, ledger)
    with scope() as run:
        tasks = []
        for prompt, how, _fault, cancel in workload:
            tasks.append(asyncio.create_task(use(ask, prompt, how)))
            if cancel:
                await asyncio.sleep(0)
                tasks[-1].cancel()
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        del tasks
        for _ in range(20):
            await asyncio.sleep(0)
        if collect:  # what was thrown away is known when it is collected
            gc.collect()
        for _ in range(20):
            await asyncio.sleep(0)
    return ledger, provider, answers, run


@settings(max_examples=150)
@given(names=stacks, workload=workloads)
def test_in_any_order_the_money_is_right(names, workload):
    """What is recorded is what the provider charged, or bounds it; every call has its record; no hold is left."""
    ledger, provider, answers, run = asyncio.run(play(names, workload))
    total = ledger.cost
    assert total.low <= provider.charged <= total.high
    if total.status == "exact":
        assert total.amount == provider.charged
    assert total.unpriced_calls == 0
    assert ledger.held == 0
    assert len({record.id for record in ledger.records}) == len(ledger.records)
    assert len({record.call for record in ledger.records}) == len(workload)
    assert run.cost.amount == total.amount
    for (prompt, how, _, _), answer in zip(workload, answers, strict=True):
        if isinstance(answer, BaseException):
            assert isinstance(answer, (FakeProviderError, asyncio.CancelledError, BudgetExceededError))
        elif how in {"plain", "stream"}:
            assert answer == f"re: {prompt}"


@pytest.mark.parametrize("size", [1, 2, 3])
def test_every_order_of_three_runs_or_says_why(size):
    """All permutations: each gives the right money for a plain workload with repeats."""
    workload = [(question, "plain", None, False) for question in QUESTIONS]
    for names in itertools.permutations(sorted(RINGS), size):
        ledger, provider, answers, _run = asyncio.run(play(list(names), workload, collect=False))
        assert answers == [f"re: {question}" for question in QUESTIONS], names
        assert ledger.cost.amount == provider.charged, names
        assert ledger.held == 0, names


@pytest.mark.parametrize(("outer", "inner"), [pair for pair in LOSSES if "semantic_cached" not in pair])
def test_an_order_that_loses_something_warns_with_the_fix(outer, inner):
    """Each row of the table is said at decoration, and only there."""
    rings = {**RINGS, "batched": lambda: batched}

    async def ask(items, *, model="gpt-4o"):
        return items

    with pytest.warns(OrderWarning, match=f"Put @{inner} above @{outer}"):
        rings[outer]()(rings[inner]()(ask))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        if inner != "batched":
            rings[inner]()(rings[outer]()(ask))


@pytest.mark.parametrize("names", list(itertools.permutations(["budgeted", "deduplicated", "cached"])))
def test_a_budget_holds_in_any_order(names):
    """However the rings stand, no more is spent than the limit where the request bounds its output."""

    async def run():
        ledger, provider = MemoryLedger(), FakeModel(answer="x" * 256)
        rings = {**RINGS, "budgeted": lambda: budgeted(daily_usd="0.005")}

        async def ask(prompt, *, model="gpt-4o", max_tokens=64):
            return await provider(prompt, model=model)

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", OrderWarning)
            for name in reversed(names):
                ask = rings[name]()(ask)
            ask = metered(ledger=ledger)(ask)
        results = await asyncio.gather(*(ask(f"question {n % 25}") for n in range(50)), return_exceptions=True)
        assert provider.charged <= usd("0.005")
        assert any(isinstance(result, BudgetExceededError) for result in results)
        assert ledger.cost.amount == provider.charged
        assert ledger.held == 0

    asyncio.run(run())
