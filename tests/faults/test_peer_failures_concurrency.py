"""The probes that popular libraries fail, put to our mechanisms.

Each was run against the library named in its docstring, which hung, cancelled the innocent, or handed one caller's
object to another. The probe is the same here; only the result is not.
"""

import asyncio
import contextlib

import pytest

from frugal._mechanisms.batch import Batch
from frugal._mechanisms.flight import Flight
from frugal._mechanisms.pace import Pace
from frugal._mechanisms.token_rate import TokenRate


class Clock:
    """Time that stands still, so that nothing but what is tested lets anybody go on."""

    time = 0.0

    def now(self) -> float:
        """Tell the time."""
        return self.time

    async def sleep(self, seconds: float) -> None:
        """Wait until cancelled."""
        await asyncio.get_running_loop().create_future()


async def turns() -> None:
    """Let everything that can go on, go on."""
    for _ in range(10):
        await asyncio.sleep(0)


class GatedHandler:
    """A batch handler that waits to be let go."""

    def __init__(self) -> None:
        self.release = asyncio.Event()
        self.batches: list[list[int]] = []

    async def __call__(self, items, contexts):
        """Answer when released."""
        self.batches.append(list(items))
        await self.release.wait()
        return [item * 10 for item in items]


async def test_async_batcher_one_of_four_callers_cancelled_mid_batch():
    """async-batcher: InvalidStateError inside the batch, and two other callers hang for ever."""
    handler = GatedHandler()
    batch = Batch(handler, max_size=4, clock=Clock())
    tasks = [asyncio.create_task(batch.submit(n)) for n in range(4)]
    await turns()
    assert handler.batches == [[0, 1, 2, 3]]
    tasks[1].cancel()
    await turns()
    handler.release.set()
    await turns()
    assert [task.done() for task in tasks] == [True] * 4
    assert tasks[1].cancelled()
    assert [tasks[n].result() for n in (0, 2, 3)] == [0, 20, 30]


async def test_async_batcher_and_ray_a_cancelled_caller_does_not_wedge_what_comes_after():
    """Ray Serve (ray#50046): cancelled requests wedge the batch; later ones wait for ever."""
    handler = GatedHandler()
    batch = Batch(handler, max_size=2, clock=Clock())
    first = [asyncio.create_task(batch.submit(n)) for n in range(2)]
    await turns()
    for task in first:
        task.cancel()
    await turns()
    handler.release.set()
    assert await asyncio.gather(batch.submit(7), batch.submit(8)) == [70, 80]


async def test_ray_a_cancelled_handler_hangs_nobody():
    """Results were set without looking whether anybody still waited, and a cancelled handler set none."""

    async def handler(items, contexts):
        raise asyncio.CancelledError

    batch = Batch(handler, max_size=2, clock=Clock())
    tasks = [asyncio.create_task(batch.submit(n)) for n in range(2)]
    await turns()
    assert [task.cancelled() for task in tasks] == [True, True]


async def test_aiodataloader_one_of_two_awaiters_of_a_key_cancelled():
    """aiodataloader: both are cancelled, and the key is poisoned: every later load is cancelled too."""
    flight: Flight[str] = Flight()
    release = asyncio.Event()

    async def load():
        await release.wait()
        return "value"

    first, second = (asyncio.create_task(flight.join("key", load)) for _ in range(2))
    await turns()
    first.cancel()
    await turns()
    release.set()
    assert first.cancelled()
    assert (await second).result == "value"
    assert (await flight.join("key", load)).result == "value"


async def test_aiodataloader_a_cancelled_item_of_a_batch_poisons_nothing():
    """The same through a batch: the other is served, and so is whoever asks for the same item again."""
    handler = GatedHandler()
    batch = Batch(handler, max_size=2, clock=Clock())
    first, second = (asyncio.create_task(batch.submit(5)) for _ in range(2))
    await turns()
    first.cancel()
    await turns()
    handler.release.set()
    assert await second == 50
    assert await asyncio.gather(batch.submit(5), batch.submit(6)) == [50, 60]


@pytest.mark.parametrize("victim", [0, 1, 2, 3])
async def test_cashews_one_caller_cancelled_of_a_protected_key(victim):
    """In cashews' `thunder_protection`, cancelling ONE follower cancels the leader and all the other followers."""
    flight: Flight[str] = Flight()
    release = asyncio.Event()
    executions = 0

    async def work():
        nonlocal executions
        executions += 1
        await release.wait()
        return "answer"

    tasks = [asyncio.create_task(flight.join("key", work)) for _ in range(4)]
    await turns()
    tasks[victim].cancel()
    await turns()
    assert [task.done() for task in tasks] == [n == victim for n in range(4)]
    release.set()
    await turns()
    assert [task.cancelled() for task in tasks] == [n == victim for n in range(4)]
    assert {task.result().result for task in tasks if not task.cancelled()} == {"answer"}
    assert executions == 1


async def test_async_lru_the_leader_cancelled():
    """async-lru passes: the follower gets the value. So it must here."""
    flight: Flight[str] = Flight()
    release = asyncio.Event()

    async def work():
        await release.wait()
        return "value"

    leader, follower = (asyncio.create_task(flight.join("key", work)) for _ in range(2))
    await turns()
    leader.cancel()
    release.set()
    joined = await follower
    assert (joined.result, joined.led) == ("value", False)
    assert leader.cancelled()


async def test_async_lru_all_waiters_cancelled_takes_the_work_along():
    """async-lru passes: nobody is left, and nothing runs on for nobody."""
    flight: Flight[str] = Flight()
    ended = []

    async def work():
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    tasks = [asyncio.create_task(flight.join("key", work)) for _ in range(3)]
    await turns()
    for task in tasks:
        task.cancel()
    await turns()
    assert ended == [True]
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_timeout_of_one_caller_is_a_timeout_of_one_caller():
    """What the probes do by hand is what `asyncio.timeout` does to a real request."""
    flight: Flight[str] = Flight()
    release = asyncio.Event()

    async def work():
        await release.wait()
        return "in time for the patient"

    async def hasty():
        async with asyncio.timeout(0):
            return await flight.join("key", work)

    patient = asyncio.create_task(flight.join("key", work))
    await turns()
    with pytest.raises(TimeoutError):
        await hasty()
    release.set()
    assert (await patient).result == "in time for the patient"


async def test_aiolimiter_a_large_amount_among_small_ones():
    """aiolimiter: waiters are ordered by amount, so 9 of 10 units got nothing while small ones went by."""

    class Ticking(Clock):
        """Advances by hand."""

        def __init__(self) -> None:
            self.sleepers: list[tuple[float, asyncio.Future[None]]] = []

        async def sleep(self, seconds: float) -> None:
            """Wait for a tick."""
            waiter = asyncio.get_running_loop().create_future()
            self.sleepers.append((self.time + seconds, waiter))
            await waiter

        async def tick(self) -> None:
            """Let a second pass."""
            await turns()
            self.time += 1
            for due, waiter in self.sleepers:
                if due <= self.time and not waiter.done():
                    waiter.set_result(None)
            await turns()

    clock = Ticking()
    rate = TokenRate(600, clock=clock)  # Ten a second.
    await rate.acquire(600)
    large = asyncio.create_task(rate.acquire(90))
    small: list[asyncio.Task[object]] = []
    for _ in range(9):
        small.append(asyncio.create_task(rate.acquire(5)))
        await clock.tick()
    assert large.done(), "starved by small ones"
    assert not any(task.done() for task in small), "somebody barged in"
    for task in small:
        task.cancel()
    await turns()


@pytest.mark.parametrize("at", range(1, 12))
async def test_cancelled_at_any_await_nobody_else_is_hurt(at):
    """A caller through flight, pace and batch together, cancelled after every possible number of turns."""
    clock = Clock()
    flight: Flight[int] = Flight()
    pace = Pace(rpm=10, tpm=1_000, max_concurrency=2, clock=clock)

    async def handler(items, contexts):
        await asyncio.sleep(0)
        return [item * 10 for item in items]

    batch = Batch(handler, max_size=2, max_wait=0, clock=clock)

    async def call(item):
        async def through():
            async with pace.slot(10):
                return await batch.submit(item)

        return (await flight.join(item, through)).result

    tasks = [asyncio.create_task(call(item)) for item in (1, 1, 2)]
    for _ in range(at):
        await asyncio.sleep(0)
    tasks[0].cancel()
    with contextlib.suppress(asyncio.CancelledError):
        assert await tasks[0] == 10
    assert await asyncio.gather(*tasks[1:]) == [10, 20]
    await turns()
    assert asyncio.all_tasks() == {asyncio.current_task()}
