"""Budgets through the decorator: what is refused, what is charged when things go wrong, and what warns."""

import asyncio
from datetime import UTC, datetime

import pytest

from frugal import (
    Budget,
    BudgetExceededError,
    Ledger,
    LedgerUnavailableError,
    ModelPrice,
    PriceTable,
    UnknownPriceError,
    Usage,
    budgeted,
    metered,
    scope,
    usd,
)
from frugal.testing import FakeClock, FakeModel, FakeProviderError, virtual

HELLO = [{"role": "user", "content": "Hello there."}]


@pytest.fixture
def ledger(tmp_path):
    with Ledger(tmp_path / "ledger") as opened:
        yield opened


def records(ledger):
    """Return the records, oldest first."""
    return sorted(ledger.records(), key=lambda record: record.time)


async def settled(ledger):
    """Wait until everything is written, and return the records."""
    await ledger.flush()
    return records(ledger)


def asking(ledger, provider, **limits):
    """Return a budgeted function over a provider."""
    limits = limits or {"daily_usd": 1}

    @budgeted(ledger=ledger, **limits)
    async def ask(messages, *, model="gpt-4o", max_tokens=100, stream=False):
        return await provider(messages, model=model, max_tokens=max_tokens, stream=stream)

    return ask


async def test_budgeted_alone_records_as_well(ledger):
    """`@budgeted` without `@metered` records; with it, once."""
    provider = FakeModel()
    ask = asking(ledger, provider)
    await ask(HELLO)
    await metered(ask)(HELLO)
    found = await settled(ledger)
    assert len(found) == 2
    assert sum((record.cost.amount for record in found), usd(0)) == provider.charged


async def test_a_hundred_concurrent_calls_never_overspend(ledger):
    """Exactly as many pass as there is room for, whatever the interleaving."""
    provider = FakeModel(usage=Usage(input_tokens=20, output_tokens=100))
    each = FakeModel(usage=Usage(input_tokens=20, output_tokens=100))
    await each(HELLO, model="gpt-4o")
    ask = asking(ledger, provider, daily_usd=(each.charged * 10).usd)
    results = await asyncio.gather(*(ask(HELLO) for _ in range(100)), return_exceptions=True)
    refused = [result for result in results if isinstance(result, BudgetExceededError)]
    assert provider.charged <= each.charged * 10
    assert len(refused) == 100 - len(provider.calls) >= 90
    error = refused[0]
    assert (error.unit, error.limit, error.budget) == ("usd", each.charged * 10, "day")
    assert error.resets_at.tzinfo is not None
    status = await asyncio.to_thread(ledger.budget_status, Budget(usd=(each.charged * 10).usd))
    assert (status.usd.used, status.usd.held) == (provider.charged, usd(0))


async def test_all_budgets_are_held_together_or_not_at_all(ledger):
    """A refusal by the second budget leaves nothing held in the first."""
    ask = asking(ledger, FakeModel(), daily_usd=1, monthly_usd="0.000001")
    with pytest.raises(BudgetExceededError) as caught:
        await ask(HELLO)
    assert caught.value.budget == "month"
    status = await asyncio.to_thread(ledger.budget_status, Budget(usd=1))
    assert (status.usd.used, status.usd.held) == (usd(0), usd(0))
    assert [record.outcome for record in await settled(ledger)] == ["rejected"]


@pytest.mark.parametrize(
    ("budget", "first", "second"),
    [
        (Budget(usd="0.0015", per="user"), {"user": "ada"}, {"user": "bob"}),
        (Budget(usd="0.0015", per="tag:team"), {"team": "red"}, {"team": "blue"}),
        (Budget(usd="0.0015", window="run"), {"run": "one"}, {"run": "two"}),
    ],
)
async def test_each_subject_has_a_budget_of_its_own(ledger, budget, first, second):
    """What one user, team or run spends leaves the others their own."""
    provider = FakeModel(usage=Usage(input_tokens=20, output_tokens=100))

    @budgeted(budget, ledger=ledger)
    async def ask(messages, *, model="gpt-4o", max_tokens=100):
        return await provider(messages, model=model)

    with scope(**first):
        await ask(HELLO)
        with pytest.raises(BudgetExceededError):
            await ask(HELLO)
    with scope(**second):
        await ask(HELLO)


async def test_tokens_have_limits_too(ledger):
    """A budget in tokens refuses in tokens."""
    provider = FakeModel(usage=Usage(input_tokens=50, output_tokens=100))
    ask = asking(ledger, provider, daily_tokens=400)
    await ask(HELLO)
    await ask(HELLO)
    with pytest.raises(BudgetExceededError) as caught:
        await ask(HELLO)
    assert (caught.value.unit, caught.value.limit, caught.value.spent) == ("tokens", 400, 300)


@pytest.mark.parametrize("status", [400, 401, 429, 500, 503])
async def test_an_error_status_without_usage_costs_nothing(ledger, status):
    """And gives the whole hold back."""
    ask = asking(ledger, FakeModel(fail={0: status}))
    with pytest.raises(FakeProviderError):
        await ask(HELLO)
    (record,) = await settled(ledger)
    assert (record.outcome, record.cost.status, record.cost.amount) == ("failed", "exact", usd(0))
    figures = (await asyncio.to_thread(ledger.budget_status, Budget(usd=1))).usd
    assert (figures.used, figures.held) == (usd(0), usd(0))


@pytest.mark.parametrize("error", [408, 499, TimeoutError("too slow"), ConnectionResetError("cut off")])
async def test_a_call_timed_out_or_cut_off_is_charged_at_its_hold(ledger, error):
    """The provider may have billed: once, estimated, from nothing to what the request allows."""
    ask = asking(ledger, FakeModel(fail={0: error}))
    with pytest.raises((FakeProviderError, OSError)):
        await ask(HELLO)
    (record,) = await settled(ledger)
    assert (record.outcome, record.cost.status, record.cost.low) == ("failed", "estimated", usd(0))
    assert usd(0) < record.cost.amount <= record.cost.high
    figures = (await asyncio.to_thread(ledger.budget_status, Budget(usd=1))).usd
    assert (figures.used, figures.held) == (record.cost.amount, usd(0))


async def test_a_call_cancelled_before_it_was_entered_costs_nothing(ledger):
    """Waiting for the hold is not yet the call."""
    provider = FakeModel()
    ask = asking(ledger, provider)
    task = asyncio.create_task(ask(HELLO))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    (record,) = await settled(ledger)
    assert provider.calls == []
    assert (record.outcome, record.cost.amount) == ("cancelled", usd(0))
    figures = (await asyncio.to_thread(ledger.budget_status, Budget(usd=1))).usd
    assert (figures.used, figures.held) == (usd(0), usd(0))


async def test_a_call_cancelled_inside_is_charged_at_its_hold(ledger):
    """Once, and the hold is gone."""
    provider = FakeModel(gated=True)
    ask = asking(ledger, provider)
    task = asyncio.create_task(ask(HELLO))
    await provider.arrived(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    (record,) = await settled(ledger)
    assert (record.outcome, record.cost.status) == ("cancelled", "estimated")
    figures = (await asyncio.to_thread(ledger.budget_status, Budget(usd=1))).usd
    assert (figures.used, figures.held) == (record.cost.amount, usd(0))


async def test_an_unpriced_model_is_refused_before_the_call(ledger):
    """Nothing is sent for which no limit could hold."""
    provider = FakeModel()
    ask = asking(ledger, provider)
    with pytest.raises(UnknownPriceError):
        await ask(HELLO, model="no-such-model-at-all")
    assert provider.calls == []


async def test_estimate_supplies_a_figure_for_an_unpriced_model(ledger):
    """`estimate=` says what to hold where no price is known."""

    @budgeted(daily_usd=1, estimate=lambda call: usd("0.6"), ledger=ledger)
    async def ask(messages, *, model="no-such-model-at-all"):
        held = await asyncio.to_thread(ledger.budget_status, Budget(usd=1))
        assert held.usd.held == usd("0.6")
        return "an answer"

    assert await ask(HELLO) == "an answer"


async def test_a_warning_comes_once_for_each_window(ledger):
    """At 80 % of the day, with the budget's status."""
    warned = []
    provider = FakeModel(usage=Usage(input_tokens=0, output_tokens=100))
    ask = asking(ledger, provider, daily_usd="0.01", on_warning=warned.append)
    for _ in range(9):
        await ask(HELLO)
    assert len(warned) == 1
    assert warned[0].warning
    assert not warned[0].exceeded
    assert warned[0].usd.fraction >= 0.8


async def test_near_the_limit_the_suggested_model_takes_over(ledger):
    """Without a router it replaces the `model` argument."""
    provider = FakeModel(usage=Usage(output_tokens=100))
    ask = asking(ledger, provider, daily_usd="0.01", suggest="gpt-4o-mini")
    for _ in range(12):
        await ask(HELLO)
    asked = [call.model for call in provider.calls]
    assert asked[0] == "gpt-4o"
    assert asked[-1] == "gpt-4o-mini"
    assert asked == sorted(asked)


async def test_at_the_limit_on_exceeded_may_suggest_or_answer(ledger):
    """`"suggest"` goes on with the cheaper model if it fits; a function answers itself."""
    provider = FakeModel(usage=Usage(output_tokens=10))
    ask = asking(ledger, provider, daily_usd="0.0011", suggest="gpt-4o-mini", on_exceeded="suggest", warn_at=1.0)
    await ask(HELLO, max_tokens=50)
    await ask(HELLO, max_tokens=200)
    assert [call.model for call in provider.calls] == ["gpt-4o", "gpt-4o-mini"]
    answer = asking(ledger, provider, daily_usd="0.0000001", on_exceeded=lambda error, call: f"no {error.unit}")
    assert await answer(HELLO) == "no usd"


async def test_cap_output_sends_what_was_held(ledger):
    """So that no call can cost more than its hold."""
    seen = []

    @budgeted(daily_usd=1, cap_output=True, ledger=ledger)
    async def ask(messages, *, model="gpt-4o", max_tokens=None):
        seen.append(max_tokens)
        return await FakeModel()(messages, model=model)

    await ask(HELLO)
    await ask(HELLO, max_tokens=7)
    assert seen == [1024, 7]


async def test_a_true_cost_above_the_hold_is_booked_in_full_and_marked(ledger):
    """And later calls are refused."""
    provider = FakeModel(usage=Usage(output_tokens=5000))

    @budgeted(daily_usd="0.02", ledger=ledger)
    async def ask(messages, *, model="gpt-4o"):
        return await provider(messages, model=model)

    await ask(HELLO)
    (record,) = await settled(ledger)
    assert record.overrun
    assert record.cost.amount == provider.charged
    with pytest.raises(BudgetExceededError):
        await ask(HELLO)


async def test_a_stream_that_outgrows_its_budget_is_closed_when_told_to_stop(ledger):
    """With `on_exceeded="stop"`; else it goes on and is an overrun."""
    provider = FakeModel(answer="word " * 4000, chunks=100)

    def telling(on_exceeded, limit):
        @budgeted(daily_usd=limit, on_exceeded=on_exceeded, ledger=ledger)
        async def tell(messages, *, model="gpt-4o"):
            return await provider(messages, model=model, stream=True)

        return tell

    with pytest.raises(BudgetExceededError):
        async for _ in await telling("stop", "0.015")(HELLO):
            pass
    async for _ in await telling("raise", "0.05")(HELLO):
        pass
    stopped, grown = await settled(ledger)
    assert stopped.outcome == "failed"
    assert grown.outcome == "provider"


async def test_a_hundred_concurrent_calls_fit_a_budget_that_fits_them(ledger):
    """After some history a hold is what such a call costs, so typical traffic is not refused (2 % slack)."""
    usage = Usage(input_tokens=400, output_tokens=300)
    provider = FakeModel(usage=usage)
    price = PriceTable({"own": ModelPrice(input=1, output=4)})
    prompt = [{"role": "user", "content": "word " * 320}]
    one = price.cost("own", usage, at=0).amount
    limit = (one * 40 + one * 100 * 1.02).usd

    @metered(prices=price, ledger=ledger)
    @budgeted(daily_usd=limit, warn_at=1.0)
    async def ask(messages, *, model="own"):
        return await provider(messages, model=model)

    for _ in range(40):
        await ask(prompt)
    provider.gated = True
    calls = [asyncio.create_task(ask(prompt)) for _ in range(200)]
    while len(provider.waiting) + sum(call.done() for call in calls) < len(calls):
        await asyncio.sleep(0)
    provider.gated = False
    provider.release()
    results = await asyncio.gather(*calls, return_exceptions=True)
    passed = [result for result in results if not isinstance(result, Exception)]
    assert len(passed) in {100, 101, 102}
    spent = (await asyncio.to_thread(ledger.budget_status, Budget(usd=limit))).usd.used
    assert spent <= usd(limit)


async def test_windows_turn_in_the_budgets_own_zone(tmp_path):
    """A day in Taipei begins eight hours before a day in UTC."""
    clock = FakeClock(datetime(2026, 3, 1, 15, 30, tzinfo=UTC))  # 23:30 in Taipei
    with virtual(clock), Ledger(tmp_path / "zoned") as ledger:
        provider = FakeModel(usage=Usage(output_tokens=100))
        prompt = [{"role": "user", "content": "Hi"}]

        @budgeted(Budget(usd="0.0015", timezone="Asia/Taipei"), ledger=ledger)
        async def ask(messages, *, model="gpt-4o", max_tokens=100):
            return await provider(messages, model=model)

        await ask(prompt)
        with pytest.raises(BudgetExceededError) as caught:
            await ask(prompt)
        assert caught.value.resets_at == datetime(2026, 3, 1, 16, tzinfo=UTC)
        clock.advance(30 * 60)
        await ask(prompt)


async def test_a_ledger_that_cannot_be_written_refuses(tmp_path):
    """Budgets fail closed, and say what to do."""
    blocked = tmp_path / "file"
    blocked.write_text("not a directory")
    provider = FakeModel()
    ask = asking(Ledger(blocked / "ledger", patience=0.2), provider)
    with pytest.raises((LedgerUnavailableError, ValueError)):
        await ask(HELLO)
    assert provider.calls == []


async def test_a_function_that_names_no_model_is_held_for_by_the_model_that_answered(ledger, caplog):
    """A model that stands inside the function is learned from its first answer, said once, and then held for."""
    provider = FakeModel(gated=True)

    @budgeted(daily_usd="0.01", ledger=ledger)
    async def ask(prompt, *, max_tokens=100):
        return await provider(prompt, model="gpt-4o", max_tokens=max_tokens)

    first = asyncio.create_task(ask("Hello there."))
    await provider.arrived(1)
    provider.release()
    await first
    provider.gated = False
    answers = await asyncio.gather(*(ask("Hello there.") for _ in range(50)), return_exceptions=True)

    assert any(isinstance(answer, BudgetExceededError) for answer in answers)
    await ledger.flush()
    assert ledger.totals().cost.amount <= usd("0.01")
    assert 1 == sum("names no model in its arguments" in line for line in caplog.messages)


async def test_a_tool_that_costs_nothing_is_not_taken_for_a_model(ledger, caplog):
    """What never cost anything holds nothing, and nobody is told to name its model."""

    @budgeted(daily_usd="0.01", ledger=ledger)
    async def weather(city):
        return f"rain in {city}"

    assert ["rain in Oslo"] * 20 == [await weather("Oslo") for _ in range(20)]
    assert [] == caplog.messages
