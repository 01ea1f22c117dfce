"""What the state machines of the rates do not say: limits together, loops, threads, forks, clocks set back."""

import asyncio
import gc
import os
import signal
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frugal._mechanisms.level import Level
from frugal._mechanisms.pace import Concurrency, Pace
from frugal._mechanisms.request_rate import RequestRate
from frugal._mechanisms.token_rate import TokenRate
from frugal.errors import RequestTooLargeError


class Clock:
    """Time that passes when told, from a time of today: floats are coarse there."""

    def __init__(self) -> None:
        self.time = 1_780_000_000.0
        self.sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def now(self) -> float:
        """Tell the time."""
        return self.time

    async def sleep(self, seconds: float) -> None:
        """Wait for an advance."""
        waiter = asyncio.get_running_loop().create_future()
        self.sleepers.append((self.time + seconds, waiter))
        await waiter

    async def advance(self, seconds: float) -> None:
        """Let time pass, and what can go on go on."""
        await turns()
        self.time += seconds
        self.wake()
        await turns()

    def wake(self) -> None:
        """Wake whose time has come, on whatever loop."""
        for due, waiter in list(self.sleepers):
            if due <= self.time and not waiter.done():
                waiter.get_loop().call_soon_threadsafe(lambda waiter=waiter: waiter.done() or waiter.set_result(None))


async def turns() -> None:
    """Let everything that can go on, go on."""
    for _ in range(12):
        await asyncio.sleep(0)


def started(*coroutines):
    """Begin them, in order."""
    return [asyncio.ensure_future(coroutine) for coroutine in coroutines]


# ------------------------------------------------------------------- the level


@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["take", "add", "back", "time"]), st.integers(0, 30), st.integers(0, 5)),
        max_size=40,
    )
)
def test_a_level_drains_what_came_first_and_is_never_below_zero(steps):
    """Against a list of portions that a second drains one unit of; nothing is given back twice."""
    level, model, taken, now = Level(60, seconds=60), [], [], 0
    for what, amount, which in steps:
        if what == "time":
            now += amount
            for _ in range(amount):
                for portion in model:
                    if portion[0]:
                        portion[0] -= 1
                        break
        elif what == "back":
            if taken:
                real, portion = taken[which % len(taken)]
                level.give_back(amount, now, real)
                portion[0] -= min(amount, portion[0])
        else:
            model.append([amount])
            if what == "take":
                taken.append((level.take(amount, now), model[-1]))
            else:
                level.add(amount, now)
        assert level.at(now) == sum(portion[0] for portion in model)


@given(
    limit=st.integers(1, 10**7),
    share=st.floats(0, 1),
    more=st.floats(0, 1),
    start=st.floats(1_700_000_000, 2_000_000_000),
)
def test_after_the_wait_that_was_named_there_is_room(limit, share, more, start):
    """Whatever floats make of it: who wakes then must not be sent to sleep again for a billionth of a second."""
    level = Level(limit, seconds=60)
    level.add(limit * share, start)
    amount = limit * more
    seconds = level.wait(amount, start)
    assert 0 <= seconds <= 60
    assert level.wait(amount, start + seconds) == 0


def test_a_clock_that_is_set_back_neither_drains_nor_blocks():
    """Of the time between nothing is known; afterwards it drains on as before."""
    level = Level(60, seconds=60)
    level.add(60, 1000)
    assert level.at(400) == 60
    assert level.wait(10, 400) == 10
    assert level.at(410) == 50


# ------------------------------------------------------------------- tokens


async def test_a_large_request_is_not_starved_by_small_ones():
    """It goes in its turn, and the small ones that came later wait for it."""
    clock, order = Clock(), []
    rate = TokenRate(60, clock=clock)
    await rate.acquire(60)

    async def request(name, tokens):
        await rate.acquire(tokens)
        order.append(name)

    tasks = started(request("large", 50), *[request(f"small {n}", 1) for n in range(3)])
    await clock.advance(49)
    assert order == []
    await clock.advance(1)
    assert order == ["large"]
    await clock.advance(3)
    assert order == ["large", "small 0", "small 1", "small 2"]
    await asyncio.gather(*tasks)


async def test_a_request_above_the_limit_is_refused_at_once():
    """With what was asked, of whom, and the limit; the others are served."""
    rate = TokenRate(1_000, name="ask", clock=Clock())
    with pytest.raises(RequestTooLargeError) as caught:
        await rate.acquire(1_001)
    error = caught.value
    assert (error.function, error.requested, error.limit) == ("ask", 1_001, 1_000)
    assert "tpm=" in str(error)
    await rate.acquire(1_000)


async def test_a_correction_lets_the_next_go_earlier_and_a_debt_later():
    """What was reserved too much comes back at once; what was too little is waited for."""
    clock = Clock()
    rate = TokenRate(60, clock=clock)
    reserved = await rate.acquire(60)
    (next_one,) = started(rate.acquire(30))
    await turns()
    reserved.correct(30)
    await turns()
    held = await next_one
    held.correct(90)
    (after,) = started(rate.acquire(1))
    await clock.advance(60)
    assert not after.done()
    await clock.advance(1)
    assert (await after).tokens == 1


async def test_a_correction_after_the_minute_gives_nothing_twice():
    """What has drained by itself is not given back: a slow call's refund would let the next two go at once."""
    clock = Clock()
    rate = TokenRate(60, clock=clock)
    slow = await rate.acquire(60)
    await clock.advance(60)
    await rate.acquire(60)
    slow.correct(0)
    (waiting,) = started(rate.acquire(60))
    await clock.advance(59)
    assert not waiting.done()
    await clock.advance(1)
    await waiting


async def test_a_correction_to_what_was_reserved_changes_nothing():
    """And the last of several counts."""
    clock = Clock()
    rate = TokenRate(60, clock=clock)
    reserved = await rate.acquire(10)
    for tokens in (10, 4, 20, 5):
        reserved.correct(tokens)
    assert reserved.tokens == 5
    assert rate._level.at(clock.now()) >= 5


@pytest.mark.parametrize("tokens", [-1, float("nan"), float("inf")])
async def test_bad_amounts_are_refused(tokens):
    """In asking and in correcting; nothing is booked."""
    rate = TokenRate(60, clock=Clock())
    with pytest.raises(ValueError, match="tokens"):
        await rate.acquire(tokens)
    reserved = await rate.acquire(1)
    with pytest.raises(ValueError, match="tokens"):
        reserved.correct(tokens)
    with pytest.raises(TypeError):
        await rate.acquire(tokens=True)
    with pytest.raises(TypeError):
        await rate.acquire("1")
    assert rate._level.at(rate._clock.now()) == 1


async def test_a_caller_cancelled_in_the_moment_of_its_turn_holds_nothing():
    """What it was granted is for the next."""
    clock = Clock()
    rate = TokenRate(60, clock=clock)
    await rate.acquire(60)
    first, second = started(rate.acquire(60), rate.acquire(60))
    await turns()
    clock.time += 60
    clock.wake()
    while not first._fut_waiter.done():
        await asyncio.sleep(0)
    first.cancel()
    await turns()
    assert first.cancelled()
    assert second.done()
    assert asyncio.all_tasks() == {asyncio.current_task()}


def test_the_rate_is_shared_by_two_loops_and_none_waits_for_the_other():
    """The first in line stands on a loop that does not turn: the other is served in its own time."""
    clock = Clock()
    rate = TokenRate(60, clock=clock)
    stuck, running = asyncio.new_event_loop(), asyncio.new_event_loop()

    async def first_in_line():
        await rate.acquire(60)
        task = asyncio.ensure_future(rate.acquire(30))
        await turns()
        return task

    async def second_in_line():
        task = asyncio.ensure_future(rate.acquire(30))
        await clock.advance(30)
        assert not task.done(), "the tokens of the one before it are taken"
        await clock.advance(30)
        assert task.done()

    first = stuck.run_until_complete(first_in_line())
    running.run_until_complete(second_in_line())
    assert not first.done()
    assert stuck.run_until_complete(first).tokens == 30
    for loop in (stuck, running):
        loop.run_until_complete(turns())
        assert not asyncio.all_tasks(loop)
        loop.close()


def test_a_correction_on_one_loop_wakes_another():
    """Room that comes early is for whoever waits, wherever that is."""
    clock = Clock()
    rate = TokenRate(60, clock=clock)
    reserved = asyncio.run(rate.acquire(60))
    waits = threading.Event()

    async def other():
        task = asyncio.ensure_future(rate.acquire(60))
        await turns()
        waits.set()
        return await asyncio.wait_for(task, 10)

    found = []
    thread = threading.Thread(target=lambda: found.append(asyncio.run(other())))
    thread.start()
    assert waits.wait(10)
    reserved.correct(0)
    thread.join(10)
    assert found[0].tokens == 60


@pytest.mark.leaves_tasks("a loop is closed on a waiting caller, as after a crash")
def test_a_loop_that_was_closed_on_its_callers_is_not_waited_for():
    """Their place in the line passes on, with what it would have taken."""
    clock = Clock()
    rate = TokenRate(60, clock=clock)

    async def leave_one_waiting():
        await rate.acquire(60)
        coroutine = rate.acquire(60)
        coroutine.send(None)
        return coroutine

    loop = asyncio.new_event_loop()
    coroutine = loop.run_until_complete(leave_one_waiting())
    for task in asyncio.all_tasks(loop):
        task.cancel()
    loop.run_until_complete(turns())
    loop.close()

    async def go_on():
        task = asyncio.ensure_future(rate.acquire(60))
        await clock.advance(60)
        assert task.done()

    asyncio.run(go_on())
    coroutine.close()
    gc.collect()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_has_locks_and_lines_of_its_own():
    """A lock held at the fork, and those who wait in the parent, are not in the child's way."""
    rate, requests = TokenRate(60, clock=Clock()), RequestRate(60, clock=Clock())

    async def main():
        await rate.acquire(60)
        (waiting,) = started(rate.acquire(30))
        await turns()
        held, release = threading.Event(), threading.Event()

        def hold():
            with rate.lock, requests.lock:
                held.set()
                release.wait(10)

        holder = threading.Thread(target=hold)
        holder.start()
        held.wait(10)
        child = os.fork()
        if child == 0:
            code = 1
            signal.alarm(20)  # A child that hangs must not outlive the test.
            try:
                asyncio.run(requests.acquire())
                clock = rate._clock
                clock.time += 60
                asyncio.run(rate.acquire(60))
                code = 0
            finally:
                os._exit(code)
        release.set()
        holder.join()
        waiting.cancel()
        await turns()
        return (await asyncio.to_thread(os.waitpid, child, 0))[1]

    assert asyncio.run(main()) == 0


# ------------------------------------------------------------------- requests


async def test_requests_go_in_a_burst_and_then_one_by_one():
    """Six a minute: six at once, then one each ten seconds, first come first served."""
    clock, order = Clock(), []
    rate = RequestRate(6, clock=clock)

    async def request(number):
        await rate.acquire()
        order.append(number)

    tasks = started(*map(request, range(9)))
    await turns()
    assert order == [0, 1, 2, 3, 4, 5]
    await clock.advance(9.9)
    assert len(order) == 6
    await clock.advance(0.1)
    assert order[6:] == [6]
    await clock.advance(10)
    assert order[6:] == [6, 7]
    await clock.advance(10)
    assert order[6:] == [6, 7, 8]
    await asyncio.gather(*tasks)


async def test_a_newcomer_does_not_take_what_somebody_was_woken_for():
    """It comes in the very moment between the waking and the going, and goes to the end of the line."""
    clock = Clock()
    rate = RequestRate(1, clock=clock)
    await rate.acquire()
    (first,) = started(rate.acquire())
    await turns()
    clock.time += 60
    clock.wake()
    while rate._lanes.here()._waiters:
        await asyncio.sleep(0)
    assert not first.done()
    newcomer = rate.acquire()
    newcomer.send(None)  # Suspended; had it gone, this would raise StopIteration.
    newcomer.close()
    await turns()
    assert first.done()


async def test_less_than_one_request_a_minute_is_one_each_so_many_seconds():
    """Half a request a minute is one in two minutes."""
    clock = Clock()
    rate = RequestRate(0.5, clock=clock)
    await rate.acquire()
    (second,) = started(rate.acquire())
    await clock.advance(119)
    assert not second.done()
    await clock.advance(1)
    await second


def test_the_request_rate_is_one_for_two_loops():
    """What one loop has sent, the other waits for."""
    clock = Clock()
    rate = RequestRate(2, clock=clock)

    async def both():
        await rate.acquire()
        await rate.acquire()

    async def third():
        (task,) = started(rate.acquire())
        await clock.advance(29)
        assert not task.done()
        await clock.advance(1)
        assert task.done()

    asyncio.run(both())
    asyncio.run(third())


def test_threads_together_never_go_above_the_limit():
    """Four loops in four threads ask at once; exactly the burst goes."""
    clock = Clock()
    rate = RequestRate(50, clock=clock)
    barrier = threading.Barrier(4, timeout=10)
    went = []

    async def ask():
        barrier.wait()
        tasks = started(*[rate.acquire() for _ in range(30)])
        for _ in range(20):
            await turns()
        went.append(sum(task.done() for task in tasks))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await turns()

    threads = [threading.Thread(target=lambda: asyncio.run(ask())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(went) == 50


async def test_the_parts_of_aiolimiter_that_are_replaced_are_there():
    """An update that renames them must be seen here, and not in somebody's bill."""
    from aiolimiter import AsyncLimiter

    limiter = AsyncLimiter(1)
    await limiter.acquire()
    for name in ("_leak", "_wake_next", "_level", "_last_check", "_event_loop", "_waiters", "has_capacity"):
        assert hasattr(limiter, name), name
    rate = RequestRate(1, clock=Clock())
    assert repr(rate._lanes.here()) == "<the lane of one loop, 0 waiting>"


# ------------------------------------------------------------------- all together


async def test_aiolimiter_finds_the_parts_of_a_loop_that_it_asks_for():
    """Its stand-in tells the time of the clock and is never closed."""
    clock = Clock()
    lane = RequestRate(1, clock=clock)._lanes.here()
    assert lane._loop.time() == clock.now()
    assert not lane._loop.is_closed()


async def test_a_slot_waits_for_every_limit():
    """Two at once, and the tokens of the minute; the third is let in when both have room."""
    clock = Clock()
    pace = Pace(rpm=100, tpm=60, max_concurrency=2, clock=clock)
    first, second = pace.slot(30), pace.slot(30)
    await first.acquire()
    async with second:
        (third,) = started(pace.slot(10).acquire())
        await clock.advance(10)
        assert not third.done(), "two are at work"
        first.release()
        first.release()
        await turns()
        assert third.done()
        (fourth,) = started(pace.slot(0).acquire())
        await turns()
        assert not fourth.done()
    await turns()
    assert fourth.done()


async def test_a_slot_that_never_began_holds_nothing():
    """Cancelled while it waits for the requests, it gives tokens and place back."""
    clock = Clock()
    pace = Pace(rpm=1, tpm=60, max_concurrency=2, clock=clock)
    async with pace.slot(0):
        pass
    (waiting,) = started(pace.slot(60).acquire())
    await turns()
    waiting.cancel()
    await turns()
    assert pace.tokens is not None
    assert pace.tokens._level.at(clock.now()) == 0
    assert pace.concurrency is not None
    assert pace.concurrency.here()._value == 2
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_slot_that_is_too_large_is_refused_before_it_waits_for_anything():
    """Even when no place is free."""
    pace = Pace(tpm=60, max_concurrency=1, name="ask", clock=Clock())
    async with pace.slot(1) as slot:
        with pytest.raises(RequestTooLargeError, match="ask"):
            await pace.slot(61).acquire()
        slot.correct(5)
    assert pace.tokens is not None
    assert pace.tokens._level.at(pace.tokens._clock.now()) == 5


async def test_no_limits_at_all_hold_nobody():
    """A pace of nothing is no obstacle, whatever the tokens."""
    async with Pace().slot(10**12) as slot:
        slot.correct(1)


def test_concurrency_belongs_to_the_loop():
    """A place taken on a loop that died is not missed on the next."""
    concurrency = Concurrency(1)

    async def take():
        await asyncio.wait_for(concurrency.here().acquire(), 5)

    asyncio.run(take())
    asyncio.run(take())


@pytest.mark.parametrize(
    ("options", "error", "word"),
    [
        ({"rpm": 0}, ValueError, "rpm"),
        ({"rpm": -1}, ValueError, "rpm"),
        ({"rpm": float("nan")}, ValueError, "rpm"),
        ({"rpm": "60"}, TypeError, "rpm"),
        ({"tpm": 0}, ValueError, "tpm"),
        ({"tpm": float("inf")}, ValueError, "tpm"),
        ({"tpm": True}, TypeError, "tpm"),
        ({"max_concurrency": 0}, ValueError, "max_concurrency"),
        ({"max_concurrency": 1.5}, ValueError, "max_concurrency"),
    ],
)
def test_limits_are_checked(options, error, word):
    """The message names the option."""
    with pytest.raises(error, match=word):
        Pace(**options)
