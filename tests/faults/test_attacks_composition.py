"""Attacks on composition: rings that ask twice, callers that leave, and work that outlives both."""

import asyncio
import gc
import warnings

import pytest

from frugal import (
    Budget,
    BudgetExceededError,
    batched,
    budgeted,
    cached,
    cascade,
    deduplicated,
    memory,
    metered,
    middleware,
    rate_limited,
    routed,
    scope,
)
from frugal.testing import FakeClock, FakeModel, MemoryLedger, virtual

# What goes wrong here goes wrong in orders that lose something else, too; that they do is not at issue.
pytestmark = pytest.mark.filterwarnings("ignore::frugal.errors.OrderWarning")

A_DAY = Budget(usd="1")


async def hedged_run(call, proceed):
    """Ask twice at once, and wait for the loser's end."""
    races = [asyncio.ensure_future(proceed(call)) for _ in range(2)]
    try:
        done, _ = await asyncio.wait(races, return_when=asyncio.FIRST_COMPLETED)
        return await done.pop()
    finally:
        for race in races:
            race.cancel()
        await asyncio.gather(*races, return_exceptions=True)


hedged = middleware(hedged_run)


async def turns(count=20):
    """Give the loop its turns."""
    for _ in range(count):
        await asyncio.sleep(0)


async def collected(ledger):
    """Collect what was thrown away, and wait until the other thread that is told of it has accounted for it."""
    gc.collect()
    for _ in range(20_000):
        await asyncio.sleep(0)
        if ledger.records and len(asyncio.all_tasks()) == 1:
            return


@pytest.fixture
def ledger():
    return MemoryLedger()


def embedding(provider):
    """Return a handler of batches that asks a provider once for all of its items."""

    async def embed(texts, *, model="gpt-4o-mini", max_tokens=64):
        await provider("\n".join(texts), model=model)
        return list(texts)

    return embed


# --------------------------------------------------------------------------- one caller, several branches


async def test_a_call_that_stands_in_a_batch_twice_has_one_record_when_it_leaves(ledger):
    """Two items of one call share its id: two records of one id would be one in a ledger, and one share lost."""
    provider = FakeModel(gated=True)
    ask = metered(ledger=ledger)(hedged(batched(max_size=2)(embedding(provider))))
    task = asyncio.create_task(ask("hello"))
    await provider.arrived(1)
    task.cancel()
    await turns()
    provider.release()
    await turns()
    assert [2] == [record.attempts for record in ledger.records]
    assert ledger.cost.low <= provider.charged <= ledger.cost.high


async def test_a_branch_that_was_left_does_not_hide_the_one_that_answered(ledger):
    """A ring that leaves one flight and takes its answer from another has paid for both."""
    provider = FakeModel(gated=True, answer=lambda text: text)

    @middleware
    async def impatient(call, proceed):
        if call.arguments["patient"]:
            return await proceed(call)
        first = asyncio.ensure_future(proceed(call))
        await turns()
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        return await proceed(call.replace(prompt="in other words"))

    @metered(ledger=ledger)
    @impatient
    @deduplicated(ignore=("patient",))
    async def ask(prompt, *, patient=False, model="gpt-4o", max_tokens=64):
        return await provider(prompt, model=model)

    leader = asyncio.create_task(ask("hello"))
    await provider.arrived(1)
    follower = asyncio.create_task(ask("hello", patient=True))
    await provider.arrived(2)
    provider.release(1)
    await turns()
    provider.release(0)
    await asyncio.gather(leader, follower)
    assert ledger.cost.amount == provider.charged
    assert ["provider", "provider", "shared"] == sorted(record.outcome for record in ledger.records)


async def test_an_answer_that_comes_after_the_flight_has_landed_is_paid_for(ledger):
    """A ring under a flight may answer before the other call that it made has ended."""
    provider = FakeModel(gated=True)

    @middleware
    async def racing(call, proceed):
        races = [asyncio.ensure_future(proceed(call)) for _ in range(2)]
        done, _ = await asyncio.wait(races, return_when=asyncio.FIRST_COMPLETED)
        return done.pop().result()

    @metered(ledger=ledger)
    @deduplicated
    @racing
    async def ask(prompt, *, model="gpt-4o", max_tokens=64):
        return await provider(prompt, model=model)

    task = asyncio.create_task(ask("hello"))
    await provider.arrived(2)
    provider.release(0)
    await task
    provider.release(1)
    await turns()
    assert 2 == len(ledger.records)
    assert ledger.cost.amount == provider.charged


async def test_a_hold_of_a_branch_that_was_left_is_let_go(ledger):
    """Of two branches one may go on in a batch that was sent, and one leave a batch that was not: neither holds on."""
    provider = FakeModel(gated=True)

    @middleware
    async def hedged_once(call, proceed):
        return await (proceed(call) if call.args[0] == "plain" else hedged_run(call, proceed))

    ask = hedged_once(budgeted(A_DAY, ledger=ledger)(batched(max_size=2, max_wait=3600)(embedding(provider))))
    with virtual(FakeClock()):
        tasks = [asyncio.create_task(ask(text)) for text in ("plain", "hedged")]
        await provider.arrived(1)
        await turns()
        tasks[1].cancel()
        await turns()
        provider.release()
        await asyncio.wait(tasks)
        await turns()
    assert 0 == ledger.held
    assert 2 == len(ledger.records)


async def test_a_call_of_a_batchs_handler_that_comes_too_late_to_be_split_has_its_own_record(ledger):
    """A dollar stands in one record, also where the handler did not wait for all that it began."""
    provider, left = FakeModel(gated=True), []

    @metered(ledger=ledger)
    async def create(text, *, model="gpt-4o-mini"):
        return await provider(text, model=model)

    @metered(ledger=ledger)
    @batched(max_size=2)
    async def embed(texts):
        left.append(asyncio.create_task(create("one more")))
        await create("in time")
        return list(texts)

    tasks = [asyncio.create_task(embed(text)) for text in "ab"]
    await provider.arrived(2)
    provider.release(next(seen.number for seen in provider.calls if seen.text == "in time"))
    await asyncio.gather(*tasks)
    provider.release()
    await asyncio.gather(*left)
    assert ["batched", "batched", "provider"] == [record.outcome for record in ledger.records]
    assert ledger.cost.amount == provider.charged


# --------------------------------------------------------------------------- what is lost under one hold


@pytest.mark.parametrize("limit", ["0.004", "0.0016"])
async def test_two_attempts_lost_under_one_hold_are_charged_what_was_held_for_each(ledger, limit):
    """A hold is charged once: a cheaper model's attempts at what they could cost, and never past the limit."""
    provider = FakeModel(gated=True)

    @budgeted(Budget(usd=limit), ledger=ledger)
    @routed(lambda request: "gpt-4o-mini")
    @hedged
    async def ask(prompt, *, model="gpt-4o", max_tokens=64):
        return await provider(prompt, model=model)

    task = asyncio.create_task(ask("hello"))
    await provider.arrived(2)
    task.cancel()
    await turns()
    assert ["cancelled", "cancelled"] == [record.outcome for record in ledger.records]
    assert not any(record.overrun for record in ledger.records)
    one = ledger.records[0].cost.amount
    assert [one, one] == [record.cost.amount for record in ledger.records]
    assert 0 < ledger.cost.amount.usd < 0.0001  # two small answers of gpt-4o-mini, not two of gpt-4o


class Watched(MemoryLedger):
    """A ledger that notes the most that was ever spent and held in a budget."""

    most = 0

    def commit(self, settlement):
        ticket = super().commit(settlement)
        self.most = max(self.most, sum(record.cost.known.pico for record in self.records))
        return ticket


async def test_a_ring_that_asks_a_batch_twice_spends_no_more_than_is_held():
    """What stands in a batch is held before it is sent, a call's second item too."""
    ledger, provider = Watched(), FakeModel(gated=True)
    limit = Budget(usd="0.0001")  # an item is held at about $0.00004
    ask = budgeted(limit, ledger=ledger)(hedged(batched(max_size=1)(embedding(provider))))
    tasks = [asyncio.create_task(ask(f"hello {number}")) for number in range(3)]
    await turns()
    for number in provider.waiting:
        provider.release(number, TimeoutError())
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert any(isinstance(result, BudgetExceededError) for result in results)
    assert 0 < ledger.most <= limit.usd.pico
    assert 0 == ledger.held


async def test_an_item_without_money_for_a_further_attempt_leaves_its_batch_alone():
    """A batch that is split asks again; who has room for one attempt only is refused, and the others are served."""
    ledger, provider = Watched(), FakeModel(gated=True)

    @budgeted(Budget(usd="0.00006", per="user"), ledger=ledger)
    @batched(max_size=3, split=True)
    async def ask(texts, *, model="gpt-4o-mini", max_tokens=64):
        await provider("\n".join(texts), model=model)
        return [text.upper() for text in texts]

    async def asking(user, text):
        with scope(user=user):
            return await ask(text)

    poor = "a text that is long enough to be dear" * 2
    tasks = [asyncio.create_task(asking(*who)) for who in (("ann", "a"), ("poor", poor), ("bob", "b"))]
    await provider.arrived(1)
    provider.release(0, TimeoutError())
    await turns()
    provider.release()
    ann, refused, bob = await asyncio.gather(*tasks, return_exceptions=True)
    assert ("A", "B") == (ann, bob)
    assert isinstance(refused, BudgetExceededError)
    assert [["a", poor, "b"], ["a"], ["b"]] == [seen.text.split("\n") for seen in provider.calls]
    assert 0 == ledger.held


# --------------------------------------------------------------------------- streams that nobody reads on


@pytest.mark.parametrize("how", ["left by its ring", "left by its caller"])
async def test_a_stream_that_never_reached_its_caller_is_recorded(ledger, how):
    """A caller may be cancelled while a ring still has the stream in its hands; the provider was asked."""
    provider, holding = FakeModel(), asyncio.Event()

    @middleware
    async def holds(call, proceed):
        stream = await proceed(call)
        holding.set()
        if how == "left by its caller":
            await asyncio.sleep(3600)
        del stream
        raise TimeoutError

    @metered(ledger=ledger)
    @holds
    @deduplicated
    async def ask(prompt, *, model="gpt-4o", max_tokens=64, stream=True):
        return await provider(prompt, model=model, stream=stream)

    task = asyncio.create_task(ask("hello"))
    await holding.wait()
    task.cancel()
    await asyncio.wait([task])
    del task
    await collected(ledger)
    assert ["cancelled"] == [record.outcome for record in ledger.records]
    assert ledger.cost.low <= provider.charged <= ledger.cost.high
    assert ledger.cost.high.pico > 0


@pytest.mark.parametrize("after", range(1, 12))
async def test_a_shared_stream_left_by_a_ring_that_read_it_is_closed(ledger, caplog, after):
    """What waits for a stream's end keeps no frame that holds the stream, or neither would ever be let go."""
    provider = FakeModel()

    @metered(ledger=ledger)
    @routed(cascade(["gpt-4o-mini", "gpt-4o"], accept=lambda answer: True))
    @deduplicated
    async def ask(prompt, *, model="gpt-4o", max_tokens=64, stream=True):
        return await provider(prompt, model=model, stream=stream)

    task = asyncio.create_task(ask("hello"))
    await turns(2 * after)
    task.cancel()
    await asyncio.wait([task])
    del task
    await collected(ledger)
    assert 1 == len(asyncio.all_tasks())
    assert 1 == len(ledger.records)
    assert ledger.cost.low <= provider.charged <= ledger.cost.high
    assert [] == caplog.records


async def test_a_reader_cancelled_at_the_very_end_of_a_kept_stream_leaves_no_coroutine():
    """Two caches keep a stream one after the other; who is cancelled between them keeps nothing there, in silence."""
    provider, keeping = FakeModel(), asyncio.Event()

    async def slowly(answer):
        keeping.set()
        await asyncio.sleep(3600)

    @cached(layers=[memory])
    @cached(layers=[memory], cache_if=slowly)
    async def ask(prompt, *, model="gpt-4o", stream=True):
        return await provider(prompt, model=model, stream=stream)

    async def use():
        async for _ in await ask("hello"):
            pass

    task = asyncio.create_task(use())
    await keeping.wait()
    task.cancel()
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        await asyncio.wait([task])
        del task
        gc.collect()
    assert [] == seen


async def test_a_rate_limit_above_a_batch_frees_its_slots_when_all_callers_leave(ledger):
    """A slot belongs to the caller: work that goes on without it holds none."""
    provider = FakeModel(gated=True)
    with virtual(FakeClock()):
        ask = metered(ledger=ledger)(rate_limited(max_concurrency=2)(batched(max_size=2)(embedding(provider))))
        tasks = [asyncio.create_task(ask(text)) for text in "ab"]
        await provider.arrived(1)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        again = [asyncio.create_task(ask(text)) for text in "cd"]
        await provider.arrived(2)
        provider.release()
        assert ["c", "d"] == await asyncio.gather(*again)
    await turns()
    assert 4 == len(ledger.records)
    assert ledger.cost.low <= provider.charged <= ledger.cost.high
