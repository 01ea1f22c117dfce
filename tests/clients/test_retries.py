"""Retries inside the SDKs: every request is an attempt, and what was lost on the way is inside the bounds."""

import asyncio

import pytest
from faces import CHAT, FACES, GEMINI, HELLO, MESSAGES, opened
from loopback import Gate, Reply
from wires import Said

from frugal import (
    BudgetExceededError,
    Money,
    Usage,
    batched,
    budgeted,
    cached,
    explain_call,
    instrument,
    memory,
    metered,
)
from frugal.testing import MemoryLedger

every_face = pytest.mark.parametrize("face", FACES, ids=repr)
each_sdk = pytest.mark.parametrize("face", [CHAT, MESSAGES, GEMINI], ids=repr)


def only(ledger):
    """Return the one record that there must be."""
    assert 1 == len(ledger.records), [record.outcome for record in ledger.records]
    return ledger.records[0]


@every_face
async def test_refused_requests_are_attempts_and_cost_nothing(face, server, ledger):
    """A 429 and a 500 were not billed, so the cost stays exact; all three requests are counted."""
    server.plan(Reply(status=429), Reply(status=500))
    async with opened(face, server, retries=2) as client:
        instrument(client, face.path, metered(ledger=ledger))
        await face.ask(client)
    record = only(ledger)
    assert (3, 3) == (len(server.seen), record.attempts)
    assert ("provider", "exact", server.charged) == (record.outcome, record.cost.status, record.cost.amount)


LOST = {"timeout": Reply(hang=True), "cut": Reply(drop=True), "408": Reply(status=408)}


@pytest.mark.parametrize(
    ("face", "lost"),
    # google-genai does not ask again when a connection is cut.
    [(face, lost) for face in FACES for lost in LOST if (face, lost) != (GEMINI, "cut")],
    ids=lambda one: repr(one) if one in FACES else one,
)
async def test_a_request_lost_after_it_was_sent_may_have_been_billed(face, lost, server, ledger):
    """The answer's usage is as counted, its cost is the low end, and the high end covers what was lost."""
    server.plan(LOST[lost])
    async with opened(face, server, retries=2) as client:
        instrument(client, face.path, metered(ledger=ledger))
        await face.ask(client)
    record = only(ledger)
    assert (2, 2) == (len(server.seen), record.attempts)
    assert server.said.usage == record.usage
    assert ("provider", "estimated") == (record.outcome, record.cost.status)
    assert record.cost.low < record.cost.amount
    assert record.cost.low <= server.charged <= record.cost.high


@each_sdk
async def test_requests_all_of_which_are_lost_are_each_charged_at_the_hold(face, server, ledger):
    """Three time-outs may have been billed three times."""
    server.plan(*[Reply(hang=True)] * 3)
    async with opened(face, server, retries=2) as client:
        instrument(client, face.path, metered(ledger=ledger))
        with pytest.raises((*face.broken, face.status_error)):
            await face.ask(client, max_tokens=50) if face is not GEMINI else await face.ask(client)
    record = only(ledger)
    assert (3, 3) == (len(server.seen), record.attempts)
    assert ("failed", "estimated", Money(0)) == (record.outcome, record.cost.status, record.cost.low)
    assert Money(0) < record.cost.amount
    assert server.charged <= record.cost.high


@each_sdk
async def test_refused_to_the_end_costs_nothing(face, server, ledger):
    """The SDK's own error comes out after its last attempt, and all are counted."""
    server.plan(*[Reply(status=429)] * 3)
    async with opened(face, server, retries=2) as client:
        instrument(client, face.path, metered(ledger=ledger))
        with pytest.raises(face.status_error):
            await face.ask(client)
    record = only(ledger)
    assert ("failed", "exact", Money(0), 3) == (
        record.outcome, record.cost.status, record.cost.amount, record.attempts,
    )  # fmt: skip


@each_sdk
async def test_whoever_asks_again_the_same_requests_cost_the_same(face, server):
    """A time-out and then an answer: the SDK's retry and a loop of one's own give the same money."""
    totals = []
    for retries in (1, 0):
        ledger = MemoryLedger()
        server.plan(Reply(hang=True))
        async with opened(face, server, retries=retries) as client:
            instrument(client, face.path, metered(ledger=ledger))
            try:
                await face.ask(client)
            except face.broken:
                await face.ask(client)
        totals.append((ledger.cost.amount, ledger.cost.low, ledger.cost.high))
        assert 2 == sum(record.attempts for record in ledger.records)
    assert totals[0] == totals[1]


@pytest.mark.parametrize("face", [CHAT, MESSAGES], ids=repr)
async def test_cancelled_between_two_requests_owes_nothing(face, server, ledger, monkeypatch):
    """What was refused was not billed, and the next one was never sent."""
    waiting = asyncio.Event()

    async def wait(**_):
        waiting.set()
        await asyncio.Event().wait()

    server.plan(Reply(status=429))
    async with opened(face, server, retries=2) as client:
        monkeypatch.setattr(client, "_sleep_for_retry", wait)
        instrument(client, face.path, metered(ledger=ledger))
        task = asyncio.create_task(face.ask(client))
        await waiting.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    record = only(ledger)
    assert ("cancelled", "exact", Money(0), 1) == (
        record.outcome, record.cost.status, record.cost.amount, record.attempts,
    )  # fmt: skip


@every_face
async def test_cancelled_while_a_request_is_under_way_is_charged_at_the_hold(face, server, ledger):
    """It was sent, and nobody knows what became of it."""
    server.plan(Reply(gate=Gate()))
    async with opened(face, server) as client:
        instrument(client, face.path, metered(ledger=ledger))
        task = asyncio.create_task(face.ask(client))
        await server.got(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    record = only(ledger)
    assert ("cancelled", "estimated", 1) == (record.outcome, record.cost.status, record.attempts)
    assert record.cost.low <= server.charged <= record.cost.high


@each_sdk
async def test_a_budget_without_room_stops_the_sdks_retry_of_what_may_have_been_billed(face, server, ledger):
    """The second request is not sent; the caller gets the budget's error, whatever the SDK made of it."""
    server.plan(*[Reply(hang=True)] * 3)
    async with opened(face, server, retries=2) as client:
        instrument(client, face.path, budgeted(ledger=ledger, daily_usd=await _budget(face, client, 1.5)))
        with pytest.raises(BudgetExceededError):
            await face.ask(client, **_limit(face))
    assert 1 == len(server.seen)
    record = only(ledger)
    assert (1, False) == (record.attempts, record.overrun)
    assert 0 == ledger.held


@each_sdk
async def test_a_budget_with_room_holds_for_each_retry(face, server, ledger):
    """What may have been billed is held before more is sent, so nothing overruns."""
    server.plan(*[Reply(hang=True)] * 2)
    async with opened(face, server, retries=2) as client:
        instrument(client, face.path, budgeted(ledger=ledger, daily_usd=await _budget(face, client, 3.5)))
        await face.ask(client, **_limit(face))
    record = only(ledger)
    assert (3, False, "estimated") == (record.attempts, record.overrun, record.cost.status)
    assert record.cost.low <= server.charged <= record.cost.high


@each_sdk
async def test_a_refused_request_needs_no_more_room(face, server, ledger):
    """A 429 was not billed, so a budget for one call is enough."""
    server.plan(*[Reply(status=429)] * 2)
    async with opened(face, server, retries=2) as client:
        instrument(client, face.path, budgeted(ledger=ledger, daily_usd=await _budget(face, client, 1.5)))
        await face.ask(client, **_limit(face))
    assert ("exact", server.charged) == (only(ledger).cost.status, only(ledger).cost.amount)


def _limit(face):
    """Return the arguments that bound an answer's length."""
    if face is GEMINI:
        return {"config": {"max_output_tokens": 400}}
    return {"max_tokens": 400}


async def _budget(face, client, calls):
    """Return a budget that has room for so many calls' holds."""
    undo = instrument(client, face.path, budgeted(ledger=MemoryLedger(), daily_usd=100))
    asked = {"model": face.model, **face.request(HELLO), **_limit(face)}
    held = (await explain_call(face.method(client), **asked)).held
    undo()
    return held * calls


@each_sdk
async def test_a_hit_saves_what_the_answer_cost_and_not_what_was_lost_before_it(face, server, ledger):
    """A time-out on the way to an answer is no part of its price."""
    server.plan(Reply(hang=True))
    async with opened(face, server, retries=1) as client:
        instrument(client, face.path, metered(ledger=ledger), cached(layers=[memory]))
        await face.ask(client)
        await face.ask(client)
    bought, hit = ledger.records
    assert "memory" == hit.outcome
    assert bought.cost.low == hit.saved


async def test_the_members_of_a_batch_share_its_retries(server, ledger):
    """Each was asked for twice, and their shares add up to the bounds."""
    server.said = Said(usage=Usage(input_tokens=3))
    server.plan(Reply(hang=True))
    async with opened(CHAT, server, retries=1) as client:
        instrument(client)

        @metered(ledger=ledger)
        @batched(max_size=2)
        async def embed(texts, *, model="text-embedding-3-small"):
            return [one.embedding for one in (await client.embeddings.create(input=texts, model=model)).data]

        vectors = await embed.many(["one", "two"])
    assert [3, 3] == [len(vector) for vector in vectors]
    assert [2, 2] == [record.attempts for record in ledger.records]
    assert ledger.cost.low <= server.charged <= ledger.cost.high
