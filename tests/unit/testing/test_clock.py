"""The clock of tests: it moves when it is told, and what is no part of the time that is tested does not wait for it."""

import asyncio

from frugal import metered, semantic_cached
from frugal.testing import FakeClock, FakeModel, MemoryLedger, virtual


async def test_a_semantic_cache_answers_while_the_clock_stands_still(tmp_path):
    """Texts are gathered for a moment before they are embedded, and a moment is no time of the caller's."""
    ledger, provider = MemoryLedger(), FakeModel()

    @metered(ledger=ledger)
    @semantic_cached(embed=lambda texts: [[1.0, 0.0] for _ in texts], directory=tmp_path)
    async def ask(prompt, *, model="gpt-4o"):
        return await provider(prompt, model=model)

    with virtual(FakeClock()):
        await ask("what is an apple")
        await ask("what is an apple")
    assert ["provider", "semantic"] == [record.outcome for record in ledger.records]


async def test_a_test_waits_for_those_who_sleep():
    """It is told when so many have lain down, and no sooner."""
    clock = FakeClock(0)
    waiting = asyncio.create_task(clock.asleep(2))
    tasks = [asyncio.create_task(clock.sleep(10))]
    for _ in range(5):
        await asyncio.sleep(0)
    assert not waiting.done()
    tasks.append(asyncio.create_task(clock.sleep(20)))
    await waiting
    clock.advance(10)
    await tasks[0]
    assert (1, 20.0) == (clock.sleepers, clock.next_due)
    clock.advance(10)
    await tasks[1]


async def test_a_sleeper_on_another_loop_counts():
    """Code under test may run a loop of its own in a thread."""
    clock = FakeClock(0)
    thread = asyncio.create_task(asyncio.to_thread(lambda: asyncio.run(clock.sleep(5))))
    await clock.asleep()
    clock.advance(5)
    await thread
