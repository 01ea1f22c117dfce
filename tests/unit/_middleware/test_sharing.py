"""Caches, flights and batches through the decorators: who gets which answer, and who pays for it."""

import asyncio
import gc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frugal import (
    BatchSizeMismatchError,
    OrderWarning,
    StackError,
    UnkeyableCallError,
    Usage,
    batched,
    budgeted,
    bypass,
    cached,
    current_call,
    deduplicated,
    disk,
    explain_call,
    invalidate,
    memory,
    metered,
    rate_limited,
    scope,
    usd,
)
from frugal.testing import FakeClock, FakeModel, FakeProviderError, MemoryLedger, virtual

HELLO = [{"role": "user", "content": "Hello there."}]


def asking(*decorators, **how):
    """Return a ledger, a provider, and a function under these decorators."""
    ledger, provider = MemoryLedger(), FakeModel(**how)

    async def ask(messages, *, model="gpt-4o", stream=False, temperature=1.0):
        return await provider(messages, model=model, stream=stream, temperature=temperature)

    for decorator in reversed(decorators):
        ask = decorator(ask)
    return ledger, provider, metered(ledger=ledger)(ask)


def outcomes(ledger):
    """Return the outcomes of all records, in order."""
    return [record.outcome for record in ledger.records]


# --------------------------------------------------------------------------- cached


@pytest.mark.parametrize("layers", [[memory], [disk], [memory, disk]])
async def test_a_hit_is_an_independent_copy_at_no_cost(layers):
    """And says what it saved, and whose answer it is."""
    ledger, provider, ask = asking(cached(layers=layers))
    first = await ask(HELLO)
    first.choices[0].message.content = "changed by its owner"
    second = await ask(HELLO)
    bought, hit = ledger.records
    assert len(provider.calls) == 1
    assert second.choices[0].message.content != "changed by its owner"
    assert second is not first
    assert type(second) is type(first)
    assert (hit.outcome, hit.cost.amount, hit.saved) == (layers[0].name, usd(0), bought.cost.amount)
    assert hit.source_id == bought.id
    assert ledger.cost.known == provider.charged


async def test_a_disk_layer_outlives_the_decorated_function():
    """Another decoration, as in another process, finds what was kept."""
    _ledger, _provider, ask = asking(cached(layers=[memory, disk]))
    await ask(HELLO)

    async def ask_again(messages, *, model="gpt-4o", stream=False, temperature=1.0):
        raise AssertionError("the answer was to be found")

    ask_again.__module__, ask_again.__qualname__ = ask.__module__, ask.__qualname__
    fresh = MemoryLedger()
    again = metered(ledger=fresh)(cached(layers=[memory, disk])(ask_again))
    assert (await again(HELLO)).choices[0].message.content.startswith("An answer")
    await again(HELLO)
    assert outcomes(fresh) == ["disk", "memory"]


@pytest.mark.parametrize(
    "change",
    [
        {"messages": [{"role": "user", "content": "Hello there!"}]},
        {"messages": [{"role": "system", "content": "x"}, *HELLO]},
        {"model": "gpt-4o-mini"},
        {"temperature": 1},
        {"temperature": 0.5},
    ],
)
async def test_whatever_differs_is_another_question(change):
    """The key is everything that the function received; `explain_call` names the part."""
    ledger, _provider, ask = asking(cached(layers=[memory]))
    await ask(HELLO)
    call = {"messages": HELLO, **change}
    await ask(call.pop("messages"), **call)
    assert outcomes(ledger) == ["provider", "provider"]
    call = {"messages": HELLO, **change}
    one, other = await explain_call(ask, HELLO), await explain_call(ask, call.pop("messages"), **call)
    assert all(name.partition("[")[0] in change for name in one.diff(other))
    assert one.diff(other)


async def test_an_argument_without_a_canonical_form_is_named():
    """Denied by default, with the fix."""
    _ledger, _provider, ask = asking(cached(layers=[memory]))
    with pytest.raises(UnkeyableCallError, match="lambda"):
        await ask([{"role": "user", "content": lambda: None}])


@pytest.mark.parametrize("finish", ["length", "content_filter"])
async def test_an_answer_cut_short_is_not_kept(finish):
    """Neither plain nor streamed."""
    ledger, _provider, ask = asking(cached(layers=[memory]), finish=finish)
    for _ in range(2):
        await ask(HELLO)
        async for _chunk in await ask(HELLO, stream=True):
            pass
    assert outcomes(ledger) == ["provider"] * 4


async def test_errors_and_unfinished_streams_are_not_kept():
    """The next caller asks the model."""
    ledger, _provider, ask = asking(cached(layers=[memory]), fail={0: 500})
    with pytest.raises(FakeProviderError):
        await ask(HELLO)
    await ask(HELLO)
    stream = await ask(HELLO, stream=True)
    await anext(stream)
    await stream.aclose()
    async for _ in await ask(HELLO, stream=True):
        pass
    assert outcomes(ledger) == ["failed", "provider", "cancelled", "provider"]


@pytest.mark.parametrize("shape", ["openai", "anthropic"])
@pytest.mark.parametrize("layers", [[memory], [disk]])
async def test_a_stream_is_replayed_chunk_by_chunk(shape, layers):
    """Equal to the first one, types included."""
    ledger, provider, ask = asking(cached(layers=layers), shape=shape)
    first = [chunk async for chunk in await ask(HELLO, stream=True)]
    again = [chunk async for chunk in await ask(HELLO, stream=True)]
    assert again == first
    assert list(map(type, again)) == list(map(type, first))
    assert outcomes(ledger) == ["provider", layers[0].name]
    assert ledger.cost.known == provider.charged


def answering(value, asked):
    """Return a tool that always gives one value."""

    async def tool(x):
        asked.append(x)
        return value

    return tool


async def test_nothing_false_is_a_miss():
    """`None`, `False` and what is empty are answers."""
    for value in (None, False, 0, "", [], {}):
        asked = []
        tool = cached(layers=[memory, disk])(answering(value, asked))
        assert await tool(repr(value)) == value
        assert await tool(repr(value)) == value
        assert asked == [repr(value)]


async def test_answers_live_as_long_as_their_layer_says():
    """Memory forgets, disk still knows and fills it back; then disk forgets."""
    with virtual(FakeClock()) as clock:
        ledger, _provider, ask = asking(cached(layers=[memory(ttl=10), disk(ttl=100)]))
        await ask(HELLO)
        clock.advance(11)
        await ask(HELLO)
        await ask(HELLO)
        clock.advance(90)
        await ask(HELLO)
    assert outcomes(ledger) == ["provider", "disk", "memory", "provider"]


async def test_stale_if_error_serves_an_older_answer():
    """Only while the function fails, and only so much older."""
    with virtual(FakeClock()) as clock:
        _ledger, provider, ask = asking(
            cached(layers=[memory(ttl=10)], stale_if_error=100), fail=lambda number: 500 if number else None
        )
        first = await ask(HELLO)
        clock.advance(50)
        assert await ask(HELLO) == first
        clock.advance(100)
        with pytest.raises(FakeProviderError):
            await ask(HELLO)
    assert len(provider.calls) == 3


async def test_bypass_and_invalidate():
    """One skips the lookup, the other drops one answer from every layer."""
    ledger, _provider, ask = asking(cached(layers=[memory, disk]))
    await ask(HELLO)
    with bypass("cached"):
        await ask(HELLO)
    await ask(HELLO)
    assert await invalidate(ask, HELLO)
    assert not await invalidate(ask, HELLO)
    await ask(HELLO)
    assert outcomes(ledger) == ["provider", "provider", "memory", "provider"]


async def test_per_user_keeps_users_apart():
    """And `None` is a user of its own, not the empty name."""
    ledger, _provider, ask = asking(cached(layers=[memory], per="user"))
    for user in ("ada", "bob", "ada", None, ""):
        with scope(user=user):
            await ask(HELLO)
    assert outcomes(ledger) == ["provider", "provider", "memory", "provider", "provider"]


async def test_ignore_and_key_and_cache_if():
    """What the user leaves out does not tell calls apart; what they refuse is not kept."""
    ledger, _provider, ask = asking(cached(layers=[memory], ignore=["temperature"]))
    await ask(HELLO, temperature=0.1)
    await ask(HELLO, temperature=0.9)
    assert outcomes(ledger) == ["provider", "memory"]
    ledger, _provider, ask = asking(cached(layers=[memory], key=lambda messages, **_: messages[-1]["content"]))
    await ask(HELLO, model="gpt-4o")
    await ask([{"role": "system", "content": "x"}, *HELLO], model="gpt-4o-mini")
    assert outcomes(ledger) == ["provider", "memory"]
    ledger, _provider, ask = asking(cached(layers=[memory], cache_if=lambda response: False))
    await ask(HELLO)
    await ask(HELLO)
    assert outcomes(ledger) == ["provider", "provider"]


# --------------------------------------------------------------------------- deduplicated


async def test_identical_calls_in_flight_share_one():
    """One provider call, one bill; the followers' copies are their own."""
    ledger, provider, ask = asking(deduplicated)
    answers = await asyncio.gather(*(ask(HELLO) for _ in range(5)))
    answers[0].choices[0].message.content = "changed"
    assert len(provider.calls) == 1
    assert sum(answer.choices[0].message.content == "changed" for answer in answers) == 1
    assert sorted(outcomes(ledger)) == ["provider", *["shared"] * 4]
    assert ledger.cost.known == provider.charged
    assert all(record.saved == provider.charged for record in ledger.records if record.outcome == "shared")


@settings(max_examples=60)
@given(leavers=st.sets(st.integers(0, 3)), fails=st.booleans(), streams=st.booleans(), budget=st.booleans())
def test_whoever_is_cancelled_the_money_is_right(leavers, fails, streams, budget):
    """Leader or follower, some or all: the others get their answer, and the flight is billed once, to its leader."""

    async def run():
        ledger, provider, ask = asking(deduplicated, *([budgeted(daily_usd=100)] if budget else []), gated=True)

        async def call():
            if streams:
                return [chunk async for chunk in await ask(HELLO, stream=True)]
            return await ask(HELLO)

        tasks = [asyncio.create_task(call()) for _ in range(4)]
        await provider.arrived(1)
        for number in leavers:
            tasks[number].cancel()
        await asyncio.sleep(0)
        provider.release(error=FakeProviderError(503) if fails else None)
        results = await asyncio.gather(*tasks, return_exceptions=True)
        for _ in range(5):
            await asyncio.sleep(0)
        gc.collect()
        for number, result in enumerate(results):
            if number in leavers:
                assert isinstance(result, asyncio.CancelledError)
            else:
                assert isinstance(result, FakeProviderError) == fails
        assert len(ledger.records) == 4
        assert len({record.call for record in ledger.records}) == 4
        total = ledger.cost
        assert total.low <= provider.charged <= total.high
        if len(leavers) < 4 and not fails:
            assert total.amount == provider.charged
        assert ledger.held == 0

    asyncio.run(run())


async def test_a_flight_outside_a_budget_is_held_once():
    """Followers hold nothing; the leader's hold ends with the flight."""
    ledger = MemoryLedger()
    provider = FakeModel(gated=True)

    @metered(ledger=ledger)
    @deduplicated
    @budgeted(daily_usd=1)
    async def ask(messages, *, model="gpt-4o", max_tokens=50):
        return await provider(messages, model=model)

    tasks = [asyncio.create_task(ask(HELLO)) for _ in range(4)]
    await provider.arrived(1)
    assert ledger.held == 1
    tasks[0].cancel()
    await asyncio.sleep(0)
    assert ledger.held == 1
    provider.release()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert ledger.held == 0
    assert ledger.cost.known == provider.charged


async def test_a_budget_outside_a_flight_keeps_its_hold_until_the_flight_ends():
    """The leader left, but the provider is still being asked on its account."""
    ledger = MemoryLedger()
    provider = FakeModel(gated=True)
    with pytest.warns(OrderWarning, match="hit"):

        @metered(ledger=ledger)
        @budgeted(daily_usd=1)
        @deduplicated
        async def ask(messages, *, model="gpt-4o", max_tokens=50):
            return await provider(messages, model=model)

    leader, follower = asyncio.create_task(ask(HELLO)), asyncio.create_task(ask(HELLO))
    await provider.arrived(1)
    leader.cancel()
    await asyncio.sleep(0)
    assert ledger.held == 2
    provider.release()
    await follower
    with pytest.raises(asyncio.CancelledError):
        await leader
    assert ledger.held == 0
    assert ledger.cost.known == provider.charged


async def test_late_joiners_get_a_stream_from_its_first_chunk():
    """One provider stream, whoever comes when."""
    ledger, provider, ask = asking(deduplicated)
    first = await ask(HELLO, stream=True)
    seen = [await anext(first), await anext(first)]
    late = [chunk async for chunk in await ask(HELLO, stream=True)]
    seen += [chunk async for chunk in first]
    assert late == seen
    assert len(provider.calls) == 1
    assert ledger.cost.known == provider.charged
    assert sorted(outcomes(ledger)) == ["provider", "shared"]


async def test_linger_shares_for_some_seconds_more():
    """And then no longer."""
    with virtual(FakeClock()) as clock:
        ledger, _provider, ask = asking(deduplicated(linger=5))
        await ask(HELLO)
        clock.advance(4)
        await ask(HELLO)
        clock.advance(2)
        await ask(HELLO)
    assert outcomes(ledger) == ["provider", "shared", "provider"]


# --------------------------------------------------------------------------- batched


def embedding(provider, ledger, **how):
    """Return a batched, metered embedding function."""

    @metered(ledger=ledger)
    @batched(**how)
    async def embed(texts, *, model="text-embedding-3-small"):
        reply = await create(texts, model=model)
        return [f"{reply.id} {text}" for text in texts]

    @metered(ledger=ledger)
    async def create(texts, *, model):
        return await provider(prompt="\n".join(texts), model=model)

    return embed


async def test_a_batch_is_charged_to_its_callers_exactly():
    """One record for each caller, none for the calls inside; the shares add up."""
    ledger, provider = MemoryLedger(), FakeModel(usage=Usage(input_tokens=101))
    embed = embedding(provider, ledger, max_size=3)
    await asyncio.gather(*(embed(text) for text in ("a", "bb", "a long text indeed, as texts go")))
    assert len(provider.calls) == 1
    assert outcomes(ledger) == ["batched"] * 3
    assert ledger.cost.known == provider.charged
    assert sum((record.usage.input_tokens for record in ledger.records), 0) == 101
    assert ledger.records[2].usage.input_tokens > ledger.records[0].usage.input_tokens


async def test_many_equals_single_calls_without_the_wait():
    """In order, split at the size, through the whole stack."""
    ledger, provider = MemoryLedger(), FakeModel()
    embed = embedding(provider, ledger, max_size=4, max_wait=3600)
    results = await embed.many([f"text {n}" for n in range(10)])
    assert [result.partition(" ")[2] for result in results] == [f"text {n}" for n in range(10)]
    assert len(provider.calls) == 3
    assert ledger.cost.known == provider.charged
    assert await embed.many([]) == []


async def test_many_through_flights_and_caches_never_waits_for_strangers():
    """Followers and hits join no batch, and must not hold it up."""
    ledger, provider = MemoryLedger(), FakeModel()
    embed = metered(ledger=ledger)(deduplicated(cached(layers=[memory])(embedding(provider, ledger, max_wait=3600))))
    assert len(set(await embed.many(["a", "b", "a", "c", "a"]))) == 3
    await embed.many(["a", "b", "d"])
    assert len(provider.calls) == 2
    assert ledger.cost.known == provider.charged


async def test_a_wrong_number_of_results_says_both_numbers():
    """Each caller is told, nobody hangs."""

    @batched(max_size=2)
    async def wrong(items):
        return items[:1]

    results = await asyncio.gather(wrong(1), wrong(2), return_exceptions=True)
    assert all(isinstance(result, BatchSizeMismatchError) for result in results)
    assert (results[0].expected, results[0].received) == (2, 1)


async def test_a_poisoned_item_fails_alone_when_batches_are_split():
    """The others get their results, and every attempt is paid for by those who were in it."""
    ledger, provider = MemoryLedger(), FakeModel()

    @metered(ledger=ledger)
    @batched(max_size=8, split=True)
    async def embed(texts, *, model="text-embedding-3-small"):
        await create(texts, model=model)
        if "poison" in texts:
            raise ValueError("cannot embed this")
        return texts

    @metered(ledger=ledger)
    async def create(texts, *, model):
        return await provider(prompt="\n".join(texts), model=model)

    items = ["a", "b", "poison", "c", "d", "e", "f", "g"]
    results = await asyncio.gather(*(embed(item) for item in items), return_exceptions=True)
    assert [isinstance(result, ValueError) for result in results] == [item == "poison" for item in items]
    assert ledger.cost.known == provider.charged
    assert outcomes(ledger).count("failed") == 1


async def test_a_caller_who_leaves_a_batch_still_pays_its_share():
    """The batch was sent with their item in it."""
    ledger, provider = MemoryLedger(), FakeModel(gated=True)
    embed = embedding(provider, ledger, max_size=2)
    staying, leaving = asyncio.create_task(embed("stay")), asyncio.create_task(embed("leave"))
    await provider.arrived(1)
    leaving.cancel()
    await asyncio.sleep(0)
    provider.release()
    await staying
    with pytest.raises(asyncio.CancelledError):
        await leaving
    for _ in range(5):
        await asyncio.sleep(0)
    assert len(ledger.records) == 2
    assert ledger.cost.known == provider.charged


def test_only_a_rate_limit_may_stand_under_batched():
    """Other rings would see one call with a list."""

    async def embed(items):
        return items

    batched(rate_limited(rpm=60)(embed))
    with pytest.raises(StackError, match="above @batched"):
        batched(cached(layers=[memory])(embed))


async def test_other_arguments_make_other_batches():
    """Items for two models are not sent together."""
    ledger, provider = MemoryLedger(), FakeModel()
    embed = embedding(provider, ledger, max_wait=0.01)
    await asyncio.gather(embed("a", model="text-embedding-3-small"), embed("b", model="text-embedding-3-large"))
    assert {call.model for call in provider.calls} == {"text-embedding-3-small", "text-embedding-3-large"}
    assert ledger.cost.known == provider.charged


async def test_another_decoration_of_a_batched_function_has_batches_of_its_own():
    """Whoever meters it pays for its items, and never for those of whom it does not know."""
    ledger, seen = MemoryLedger(), []

    @batched(max_size=2, max_wait=0)
    async def embed(texts):
        seen.append(texts)
        return texts

    recorded = metered(ledger=ledger)(embed)
    assert await asyncio.gather(embed("not recorded"), recorded("recorded")) == ["not recorded", "recorded"]
    assert seen == [["not recorded"], ["recorded"]]
    assert outcomes(ledger) == ["batched"]


async def test_an_item_that_nobody_meters_leads_its_batch_as_any_other_would():
    """By position or by name, alone or of many: the handler is in the call, the run and the scope of the first."""
    seen = []

    @batched(max_size=2, max_wait=3600)
    async def embed(texts):
        call = current_call()
        seen.append((texts, call.args, call.user, dict(call.tags)))
        return texts

    async def asked(user, **how):
        with scope(user=user, feature="search"):
            return await embed(**how)

    assert await asyncio.gather(asked("ada", texts="a"), embed("b")) == ["a", "b"]
    with scope(user="bob"):
        assert await embed.many(["c", "d", "e"]) == ["c", "d", "e"]
    assert await embed.many([]) == []
    assert seen == [
        (["a", "b"], (["a", "b"],), "ada", {"feature": "search"}),
        (["c", "d"], (["c", "d"],), "bob", {}),
        (["e"], (["e"],), "bob", {}),
    ]


async def test_an_item_that_nobody_meters_leaves_with_its_caller():
    """The others are answered; with the last of them the handler is cancelled."""
    entered, released, seen = asyncio.Event(), asyncio.Event(), []

    @batched(max_size=3)
    async def embed(texts):
        entered.set()
        try:
            await released.wait()
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise
        return texts

    leaving, *staying = [asyncio.create_task(embed(text)) for text in "abc"]
    await entered.wait()
    leaving.cancel()
    await asyncio.wait([leaving])
    released.set()
    assert leaving.cancelled()
    assert await asyncio.gather(*staying) == ["b", "c"]
    entered.clear()
    released.clear()
    together = asyncio.create_task(embed.many("abc"))
    await entered.wait()
    together.cancel()
    await asyncio.wait([together])
    await asyncio.sleep(0)
    assert together.cancelled()
    assert seen == ["cancelled"]


@pytest.mark.parametrize("layers", [[memory], [memory, disk]])
async def test_a_memory_hit_needs_no_flight_and_no_task(layers):
    """It is answered in the caller's own turn; nothing else may run in between."""
    ledger, provider, ask = asking(deduplicated, cached(layers=layers))
    assert await ask(HELLO) == await ask(HELLO)
    carried = ask(HELLO)
    with pytest.raises(StopIteration):
        carried.send(None)
    assert 1 == len(provider.calls)
    assert ["provider", "memory", "memory"] == outcomes(ledger)


async def test_a_hit_is_not_taken_at_once_where_the_lookup_is_bypassed():
    """The short way answers to the same switches as the long one."""
    ledger, provider, ask = asking(deduplicated, cached(layers=[memory]))
    await ask(HELLO)
    with bypass("cached"):
        await ask(HELLO)
    with bypass("deduplicated"):
        await ask(HELLO)
    assert 2 == len(provider.calls)
    assert ["provider", "provider", "memory"] == outcomes(ledger)


async def test_who_comes_while_another_flies_waits_for_that_answer():
    """Even if an older one is in memory: a flight under way means that somebody wanted a fresh one."""
    ledger, provider, ask = asking(deduplicated, cached(layers=[memory]), gated=True)
    earlier = asyncio.ensure_future(ask(HELLO))
    await provider.arrived(1)
    provider.release()
    await earlier
    with bypass("cached"):
        first = asyncio.ensure_future(ask(HELLO))
        await provider.arrived(2)
    second = asyncio.ensure_future(ask(HELLO))
    await asyncio.sleep(0)
    assert not second.done()
    provider.release()
    await asyncio.gather(first, second)
    assert ["provider", "provider", "shared"] == sorted(outcomes(ledger))


@pytest.mark.parametrize(
    ("facts", "outcome"),
    [
        ({}, "memory"),
        ({"durable": True}, "disk"),
        ({"durable": True, "name": "memory"}, "memory"),
        ({"name": "redis"}, "memory"),
    ],
)
async def test_a_store_of_a_users_own_is_called_by_what_it_is(facts, outcome):
    """In records a layer is memory or disk: by its name where that is one of them, else by whether it keeps bytes."""
    from frugal.stores import MemoryStore

    class Own(MemoryStore):
        __slots__ = ()

    for name, value in facts.items():
        setattr(Own, name, value)
    ledger, provider = MemoryLedger(), FakeModel()

    @metered(ledger=ledger)
    @cached(layers=[Own()])
    async def ask(prompt, *, model="gpt-4o"):
        return await provider(prompt, model=model)

    await ask("hello")
    await ask("hello")
    assert ["provider", outcome] == [record.outcome for record in ledger.records]
