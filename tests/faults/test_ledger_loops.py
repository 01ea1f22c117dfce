"""One ledger, several event loops, and those who leave before they are answered."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from datetime import UTC, datetime

import pytest

from frugal._values.budget import Budget
from frugal._values.cost import FREE, Cost
from frugal._values.money import Money
from frugal._values.record import Record
from frugal.errors import BudgetExceededError, LedgerUnavailableError
from frugal.ledger import Ledger
from frugal.ledger.line import LINGER
from frugal.ports import Claim, Settlement


def record(id, **facts):
    return Record(**{"id": id, "call": id, "time": datetime.now(UTC), "cost": Cost.exact(Money(5)), **facts})


def claim(limit=10**6):
    return Claim(
        name="cap",
        window="month",
        timezone="UTC",
        per=None,
        subject="",
        run=None,
        limit_pico=limit,
        limit_tokens=None,
        warn_at=0.8,
    )


@pytest.fixture
def ledger(tmp_path):
    with Ledger(tmp_path / "ledger") as ledger:
        yield ledger


async def many(ledger, name, count=50):
    tickets = [ledger.commit(Settlement(records=(record(f"{name}-{at}"),))) for at in range(count)]
    assert all(await asyncio.gather(*(ticket.wait() for ticket in tickets)))


def test_two_loops_one_after_the_other(ledger):
    """`asyncio.run` twice: nothing of the first loop is kept."""
    asyncio.run(many(ledger, "first"))
    asyncio.run(many(ledger, "second"))
    assert ledger.totals().calls == 100


def test_two_loops_in_two_threads_and_a_thread_without_one(ledger):
    """Each is woken on its own loop, and who has none waits on the thread."""
    threads = [threading.Thread(target=asyncio.run, args=(many(ledger, name),)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    assert ledger.commit(Settlement(records=(record("plain"),))).join(10)
    for thread in threads:
        thread.join(10)
    assert ledger.totals().calls == 101


def test_a_loop_that_closed_before_the_answer_is_passed_over(ledger):
    """A waiter whose loop is gone disturbs nobody."""
    loop = asyncio.new_event_loop()
    with ledger._writer._turn:  # the writer cannot begin
        ticket = ledger.commit(Settlement(records=(record("left"),)))
        ticket._waiters.append((loop, loop.create_future()))
        loop.close()
    assert ticket.join(5)
    asyncio.run(many(ledger, "after"))


async def test_a_cancelled_reservation_leaves_no_hold(ledger):
    """Whether it is cancelled before, while or after it is granted, what it held is let go."""
    for turns in (0, 1, 2, 5, 20):
        waiting = [
            asyncio.create_task(ledger.reserve([claim()], pico=10, tokens=0, draft=record(f"{turns}-{at}")))
            for at in range(20)
        ]
        for _ in range(turns):
            await asyncio.sleep(0)
        for task in waiting:
            task.cancel()
        granted = [
            done
            for done in await asyncio.gather(*waiting, return_exceptions=True)
            if not isinstance(done, BaseException)
        ]
        await ledger.commit(Settlement(records=(), releases=tuple(grant.id for grant in granted))).wait()
        await ledger.flush()
    assert ledger.budget_status(Budget(usd=1, window="month")).usd.held == Money(0)
    assert ledger.audit().ok
    assert not ledger._writer.held


async def test_free_records_linger_and_paid_ones_do_not(ledger):
    """Free records wait for company; one that cost something takes them along at once."""
    await many(ledger, "open", 1)
    began = time.monotonic()
    free = ledger.commit(Settlement(records=(record("free", outcome="memory", cost=FREE),)))
    assert not free.done
    assert await free.wait()
    assert time.monotonic() - began >= LINGER
    free = ledger.commit(Settlement(records=(record("free2", outcome="memory", cost=FREE),)))
    assert await ledger.commit(Settlement(records=(record("paid"),))).wait()
    assert free.done


async def test_refusals_do_not_disturb_what_shares_their_transaction(ledger):
    """Holds, refusals and records of one transaction: each gets its own answer, in order."""
    work = []
    for at in range(60):
        work.append(ledger.reserve([claim(100)], pico=10, tokens=0, draft=record(f"draft-{at}")))
        work.append(ledger.commit(Settlement(records=(record(f"free-{at}", cost=FREE),))).wait())
    answers = await asyncio.gather(*work, return_exceptions=True)
    grants, written = answers[::2], answers[1::2]
    assert all(written)
    assert [isinstance(grant, BudgetExceededError) for grant in grants] == [False] * 10 + [True] * 50
    refusal = grants[10]
    assert (refusal.budget, refusal.limit, refusal.held, refusal.requested) == (
        "cap",
        Money(100),
        Money(100),
        Money(10),
    )
    assert refusal.resets_at.tzinfo is not None


async def test_a_document_that_cannot_be_changed_leaves_the_others_alone(ledger):
    """What a caller's function raises is the caller's, and the transaction is done without it."""

    def explode(document):
        raise ZeroDivisionError

    good, bad, other = await asyncio.gather(
        ledger.update_state("a", lambda document: {"n": 1}),
        ledger.update_state("a", explode),
        ledger.commit(Settlement(records=(record("other"),))).wait(),
        return_exceptions=True,
    )
    assert (good, other) == ({"n": 1}, True)
    assert isinstance(bad, ZeroDivisionError)
    assert ledger.load_state("a") == {"n": 1}


async def test_documents_lose_no_change(ledger):
    """A hundred changes at once add up."""
    await asyncio.gather(
        *(ledger.update_state("count", lambda document: {"n": (document or {"n": 0})["n"] + 1}) for _ in range(100))
    )
    assert ledger.load_state("count") == {"n": 100}


def test_a_ledger_that_is_thrown_away_writes_what_it_had(tmp_path):
    """Without `close`, collection of the object ends its thread and loses nothing."""
    ledger = Ledger(tmp_path / "ledger")
    for at in range(100):
        ledger.commit(Settlement(records=(record(f"r{at}", outcome="memory", cost=FREE),)))
    thread = ledger._writer._thread
    del ledger
    gc.collect()
    thread.join(5)
    assert not thread.is_alive()
    assert Ledger(tmp_path / "ledger").totals().calls == 100


async def test_a_closed_ledger_opens_again(tmp_path):
    """`close` is not the end: the next use opens the directory again."""
    ledger = Ledger(tmp_path / "ledger")
    await many(ledger, "first", 3)
    await ledger.aclose()
    await many(ledger, "second", 3)
    ledger.close()
    ledger.close()
    assert ledger.totals().calls == 6


async def test_the_books_do_not_slow_each_other_down(ledger):
    """A thousand concurrent commits share a few transactions."""
    done = 0
    true = ledger._writer._transactions.do

    def counted(pieces, owner):
        nonlocal done
        done += 1
        return true(pieces, owner)

    ledger._writer._transactions.do = counted
    await many(ledger, "r", 1000)
    assert done <= 50


async def test_a_writer_that_is_stuck_is_waited_for_no_longer_than_patience(tmp_path, caplog):
    """A disk that does not come back (a dead network drive, say) blocks nobody for ever."""
    ledger = Ledger(tmp_path / "ledger", patience=0.05)
    with ledger._writer._turn:
        began = time.monotonic()
        ticket = ledger.commit(Settlement(records=(record("one"),)))
        assert not await ticket.wait()
        with pytest.raises(LedgerUnavailableError, match="did not answer within"):
            await ledger.reserve([claim()], pico=1, tokens=0, draft=record("draft"))
        assert time.monotonic() - began < 5
    assert await asyncio.to_thread(ticket.join, 10)
    await ledger.flush()
    assert ledger.budget_status(Budget(usd=1, window="month")).usd.held == Money(0)
    assert "has not answered" in caplog.text
    await ledger.aclose()


async def test_a_writer_that_fails_for_no_reason_goes_on(ledger, caplog):
    """Whatever is raised where nothing should be: the work is kept and done."""
    true, fails = ledger._writer._work, [MemoryError(), KeyError("odd")]

    def odd(pieces):
        if fails:
            raise fails.pop()
        true(pieces)

    ledger._writer._work = odd
    assert await ledger.commit(Settlement(records=(record("one"),))).wait()
    assert ledger.totals().calls == 1
    assert caplog.text.count("the ledger's writer failed") == 2
