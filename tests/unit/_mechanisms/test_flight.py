"""What the state machine of `Flight` does not say: contexts, lingering, loops, errors, streams."""

import asyncio
import gc
import logging
import multiprocessing
import sys
import threading
import traceback
from contextvars import ContextVar

import pytest

from frugal._mechanisms.broadcast import Broadcast, Subscription
from frugal._mechanisms.flight import Flight, Joined

who: ContextVar[str] = ContextVar("who", default="nobody")


class Clock:
    """Time that passes when told; nobody sleeps by it here."""

    time = 0.0

    def now(self) -> float:
        """Tell the time."""
        return self.time

    async def sleep(self, seconds: float) -> None:
        """Wait for an advance."""
        raise AssertionError("a flight waits for no clock")


async def turns() -> None:
    """Let everything that can go on, go on."""
    for _ in range(8):
        await asyncio.sleep(0)


class Gated:
    """Work that waits to be let go, and notes what befell it."""

    def __init__(self) -> None:
        self.gates: list[asyncio.Future[object]] = []
        self.cancelled = 0

    async def __call__(self) -> object:
        """Wait for the gate."""
        self.gates.append(asyncio.get_running_loop().create_future())
        try:
            return await self.gates[-1]
        except asyncio.CancelledError:
            self.cancelled += 1
            raise


async def test_the_work_runs_in_the_context_of_whoever_started_it():
    """Ambient facts are the first caller's, and what the work sets stays in its own copy."""
    flight: Flight[str] = Flight()
    release = asyncio.Event()

    async def work():
        await release.wait()
        seen = who.get()
        who.set("the work")
        return seen

    async def call(name):
        who.set(name)
        joined = await flight.join("k", work)
        return joined, who.get()

    first, second = asyncio.create_task(call("ann")), asyncio.create_task(call("bob"))
    await turns()
    release.set()
    assert await first == (Joined("ann", led=True), "ann")
    assert await second == (Joined("ann", led=False), "bob")


async def test_a_cancelled_waiter_is_let_go_at_once():
    """It does not wait for work that takes long to notice."""
    flight: Flight[str] = Flight()
    unwind = asyncio.Event()

    async def stubborn():
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await unwind.wait()
            raise

    task = asyncio.create_task(flight.join("k", stubborn))
    await turns()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(asyncio.all_tasks()) == 2
    unwind.set()
    await turns()
    assert len(asyncio.all_tasks()) == 1


async def test_who_comes_while_the_work_is_being_cancelled_starts_afresh():
    """The last one out left a tick ago; the newcomer gets an answer, not that cancellation."""
    flight: Flight[object] = Flight()
    work = Gated()
    first = asyncio.create_task(flight.join("k", work))
    await turns()
    first.cancel()
    await asyncio.sleep(0)
    second = asyncio.create_task(flight.join("k", work))
    await turns()
    work.gates[1].set_result("fresh")
    assert await second == Joined("fresh", led=True)
    assert work.cancelled == 1


async def test_an_error_reaches_all_with_a_traceback_that_does_not_grow():
    """Ten waiters raise one error; none of them sees the frames of another."""
    flight: Flight[object] = Flight()
    work = Gated()
    tasks = [asyncio.create_task(flight.join("k", work)) for _ in range(10)]
    await turns()
    work.gates[0].set_exception(ValueError("no"))
    depths = set()
    for task in tasks:
        with pytest.raises(ValueError, match="no") as caught:
            await task
        depths.add(len(traceback.extract_tb(caught.value.__traceback__)))
    assert len(depths) <= 2, "the leader's own frame may differ; nothing may pile up"
    assert work.gates[0].done()


async def test_an_error_is_not_kept():
    """The next caller tries again."""
    flight: Flight[object] = Flight(linger=60)

    async def fail():
        raise ValueError("once")

    async def succeed():
        return "then"

    with pytest.raises(ValueError, match="once"):
        await flight.join("k", fail)
    assert await flight.join("k", succeed) == Joined("then", led=True)


async def test_a_failed_call_leaves_no_cycle_behind():
    """What the work held is freed without the collector: requests are large."""

    class Error(Exception):
        """Can be watched."""

    flight: Flight[object] = Flight()

    async def fail():
        raise Error

    gc.collect()
    gc.disable()
    try:
        for _ in range(3):
            with pytest.raises(Error):
                await flight.join("k", fail)
        await turns()
        left = [thing for thing in gc.get_objects() if isinstance(thing, Error)]
        assert len(left) <= 1, "pytest holds the last one"
    finally:
        gc.enable()


async def test_nobody_complains_of_errors_that_nobody_retrieved(caplog):
    """A waiter cancelled in the moment of failure leaves no 'never retrieved' behind."""
    flight: Flight[object] = Flight()
    work = Gated()
    task = asyncio.create_task(flight.join("k", work))
    await turns()
    work.gates[0].set_exception(ValueError("no"))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    del task
    gc.collect()
    await turns()
    assert [record for record in caplog.records if record.name == "asyncio"] == []


async def test_work_that_fails_after_everyone_left_is_logged(caplog):
    """Not swallowed silently."""
    flight: Flight[object] = Flight()

    async def spiteful():
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise ValueError("while unwinding") from None

    task = asyncio.create_task(flight.join("k", spiteful))
    await turns()
    task.cancel()
    with caplog.at_level(logging.INFO, logger="frugal"):
        await turns()
    assert task.cancelled()
    assert "nobody waited for" in caplog.text
    assert "while unwinding" in caplog.text


async def test_work_that_cancels_itself_hangs_nobody():
    """Its cancellation reaches its waiters, as it would have reached a direct caller."""
    flight: Flight[object] = Flight()

    async def cancels_itself():
        raise asyncio.CancelledError

    tasks = [asyncio.create_task(flight.join("k", cancels_itself)) for _ in range(2)]
    await turns()
    assert [task.cancelled() for task in tasks] == [True, True]


async def test_work_that_is_cancelled_before_its_first_step_hangs_nobody():
    """Somebody who cancels every task may hit the work and not its waiter."""
    flight: Flight[object] = Flight()
    task = asyncio.create_task(flight.join("k", Gated()))
    await asyncio.sleep(0)
    (work,) = asyncio.all_tasks() - {task, asyncio.current_task()}
    work.cancel()
    await turns()
    assert task.cancelled()


async def test_work_that_joins_its_own_flight_is_told():
    """It would have waited for itself for ever."""
    flight: Flight[object] = Flight()

    async def outer():
        return await flight.join("k", outer)

    with pytest.raises(RuntimeError, match="wait for itself"):
        await flight.join("k", outer)


async def test_work_may_join_another_flight_and_its_own_key_afterwards():
    """Only what cannot end is refused."""
    flight: Flight[object] = Flight()
    later: list[asyncio.Task[Joined[object]]] = []

    async def leaf():
        return "leaf"

    async def again():
        await turns()
        return await flight.join("k", leaf)

    async def outer():
        later.append(asyncio.create_task(again()))
        return (await flight.join("other", leaf)).result

    assert await flight.join("k", outer) == Joined("leaf", led=True)
    assert await later[0] == Joined("leaf", led=True)


async def test_a_result_lingers_for_its_seconds_and_not_longer():
    """Latecomers share it while it lingers; then it is gone, from memory too."""
    clock = Clock()
    flight: Flight[object] = Flight(linger=10, clock=clock)
    numbers = iter(range(9))

    async def work():
        return next(numbers)

    assert await flight.join("k", work) == Joined(0, led=True)
    clock.time = 9.9
    assert await flight.join("k", work) == Joined(0, led=False)
    clock.time = 10.0
    assert await flight.join("other", work) == Joined(1, led=True)
    (state,) = flight._flights.everywhere()
    assert set(state.by_key) == {"other"}
    assert await flight.join("k", work) == Joined(2, led=True)


async def test_a_forgotten_key_starts_anew_and_its_waiters_are_served():
    """`forget` is for the next caller, not against the present ones."""
    flight: Flight[object] = Flight(linger=60)
    work = Gated()
    first = asyncio.create_task(flight.join("k", work))
    await turns()
    assert flight.forget("k")
    assert not flight.forget("k")
    second = asyncio.create_task(flight.join("k", work))
    await turns()
    work.gates[0].set_result("old")
    work.gates[1].set_result("new")
    assert (await first).result == "old"
    assert (await second).result == "new"
    assert (await flight.join("k", work)).result == "new"
    (state,) = flight._flights.everywhere()
    assert len(state.lingering) == 1, "what was forgotten must not linger in memory"


@pytest.mark.parametrize("fate", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_in_the_work_stops_the_loop(fate):
    """Through its waiter, or by itself when nobody waits any more."""

    async def interrupted():
        raise fate

    with pytest.raises(fate):
        asyncio.run(Flight().join("k", interrupted))

    async def interrupted_late():
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise fate from None

    async def leave():
        task = asyncio.create_task(Flight().join("k", interrupted_late))
        await turns()
        task.cancel()
        await turns()

    loop = asyncio.new_event_loop()
    complaints = []
    loop.set_exception_handler(lambda _, context: complaints.append(context["message"]))
    left = loop.create_task(leave())
    with pytest.raises(fate):
        loop.run_until_complete(left)
    loop.run_until_complete(left)
    gc.collect()
    loop.close()
    assert len(complaints) <= 1, "asyncio may say once that nobody retrieved it"


async def test_work_that_swallows_its_cancellation_has_wasted_its_answer():
    """Nobody is there to take it, a stream is closed, and the key was free long before."""
    flight: Flight[object] = Flight(linger=60)
    closed = []

    async def on_close(ending):
        closed.append(ending.end.value)

    async def deaf(answer):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return answer()

    for answer in (lambda: "too late", lambda: Broadcast(_letters(), on_close=on_close)):
        task = asyncio.create_task(flight.join("k", lambda answer=answer: deaf(answer)))
        await turns()
        task.cancel()
        await turns()
        assert task.cancelled()
        assert not flight.forget("k")
    assert closed == ["abandoned"]
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_has_says_whether_a_caller_would_follow():
    """While the work runs, and while its stream can be joined; not before and not after."""
    flight: Flight[object] = Flight()
    work = Gated()
    assert not flight.has("k")
    task = asyncio.create_task(flight.join("k", work))
    await turns()
    assert flight.has("k")
    work.gates[0].set_result("done")
    await task
    assert not flight.has("k")
    stream = await flight.join("k", _opens(_letters()))
    assert flight.has("k")
    stream.result.leave()
    assert not flight.has("k")
    await turns()


async def test_aclose_cancels_what_is_in_flight():
    """Nobody waits on, nothing runs on, and the flight can be used again."""
    flight: Flight[object] = Flight()
    work = Gated()
    task = asyncio.create_task(flight.join("k", work))
    await turns()
    await flight.aclose()
    await turns()
    assert task.cancelled()
    assert work.cancelled == 1
    assert asyncio.all_tasks() == {asyncio.current_task()}
    again = asyncio.create_task(flight.join("k", work))
    await turns()
    work.gates[1].set_result("again")
    assert (await again).result == "again"


@pytest.mark.parametrize("seconds", [-1, float("nan")])
def test_linger_is_checked(seconds):
    """Seconds are 0 or more."""
    with pytest.raises(ValueError, match="linger"):
        Flight(linger=seconds)


# ------------------------------------------------------------------- loops, threads, processes


async def _work():
    await asyncio.sleep(0)
    return "done"


def test_one_flight_serves_two_runs_of_asyncio():
    """Nothing of the first loop is in the way of the second."""
    flight: Flight[str] = Flight()
    for _ in range(2):
        assert asyncio.run(flight.join("k", _work)) == Joined("done", led=True)


@pytest.mark.leaves_tasks("work is running when the first loop closes, as after a crash")
def test_a_loop_that_died_in_flight_is_not_waited_for():
    """The key of a flight of a dead loop is free on the next."""
    flight: Flight[object] = Flight()

    async def abandon():
        asyncio.get_running_loop().create_task(flight.join("k", Gated()))
        await turns()

    asyncio.run(abandon())
    assert asyncio.run(flight.join("k", _work)) == Joined("done", led=True)


def test_two_loops_in_two_threads_fly_apart():
    """One key, two loops, two executions; neither waits for the other."""
    flight: Flight[int] = Flight()
    both = threading.Barrier(2, timeout=10)
    results: list[Joined[int]] = []

    async def work():
        await asyncio.to_thread(both.wait)
        return threading.get_ident()

    async def main():
        results.extend(await asyncio.gather(flight.join("k", work), flight.join("k", work)))

    threads = [threading.Thread(target=lambda: asyncio.run(main())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(joined.led for joined in results) == [False, False, True, True]
    assert len({joined.result for joined in results}) == 2


def _in_a_child(flight: "Flight[str]", queue: "multiprocessing.SimpleQueue[object]") -> None:
    queue.put(asyncio.run(flight.join("k", _work)))


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="this system does not fork")
def test_a_forked_child_flies_by_itself():
    """The parent's flights are not the child's, even in the middle of one."""
    flight: Flight[object] = Flight()
    queue = multiprocessing.get_context("fork").SimpleQueue()

    async def main():
        work = Gated()
        task = asyncio.create_task(flight.join("k", work))
        await turns()
        child = multiprocessing.get_context("fork").Process(target=_in_a_child, args=(flight, queue))
        child.start()
        found = await asyncio.to_thread(queue.get)
        await asyncio.to_thread(child.join, 30)
        work.gates[0].set_result("parent")
        return found, await task

    assert asyncio.run(main()) == (Joined("done", led=True), Joined("parent", led=True))


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with 3.12")
async def test_eager_tasks_make_no_difference():
    """Work that ends inside `create_task`, well or badly, is answered like any other."""
    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
    flight: Flight[object] = Flight()

    async def at_once():
        return 1

    async def fail_at_once():
        raise ValueError("now")

    assert await flight.join("k", at_once) == Joined(1, led=True)
    with pytest.raises(ValueError, match="now"):
        await flight.join("k", fail_at_once)


# ------------------------------------------------------------------- streams


async def _letters(text="abc"):
    for letter in text:
        await asyncio.sleep(0)
        yield letter


def _opens(source):
    async def open_it():
        return Broadcast(source)

    return open_it


async def test_callers_of_one_stream_share_it_and_late_ones_see_all_of_it():
    """Each has a subscription of its own; the source is opened once."""
    flight: Flight[object] = Flight()
    first, second = await asyncio.gather(
        flight.join("k", _opens(_letters())), flight.join("k", _opens(_letters("never")))
    )
    assert (first.led, second.led) == (True, False)
    assert isinstance(first.result, Subscription)
    assert first.result is not second.result
    assert await anext(first.result) == "a"
    late = await flight.join("k", _opens(_letters("never")))
    assert [letter async for letter in late.result] == ["a", "b", "c"]
    assert [letter async for letter in second.result] == ["a", "b", "c"]
    assert [letter async for letter in first.result] == ["b", "c"]


async def test_a_stream_keeps_its_key_until_its_end_and_no_longer():
    """After the end, or after everyone left, the next caller opens a stream of its own."""
    flight: Flight[object] = Flight()
    whole = await flight.join("k", _opens(_letters()))
    assert [letter async for letter in whole.result] == ["a", "b", "c"]
    left = await flight.join("k", _opens(_letters("xyz")))
    assert left.led
    assert await anext(left.result) == "x"
    left.result.leave()
    fresh = await flight.join("k", _opens(_letters("new")))
    assert fresh.led
    assert "".join([letter async for letter in fresh.result]) == "new"
    (state,) = flight._flights.everywhere()
    assert state.by_key == {}


async def test_a_stream_that_was_read_to_its_end_lingers_as_a_result_does():
    """Latecomers replay it; one that failed is not kept."""
    clock = Clock()
    flight: Flight[object] = Flight(linger=10, clock=clock)

    async def broken():
        yield "a"
        raise ValueError("cut off")

    first = await flight.join("k", _opens(_letters()))
    assert [letter async for letter in first.result] == ["a", "b", "c"]
    late = await flight.join("k", _opens(_letters("never")))
    assert not late.led
    assert [letter async for letter in late.result] == ["a", "b", "c"]
    clock.time = 10
    cut = await flight.join("k", _opens(broken()))
    assert cut.led
    with pytest.raises(ValueError, match="cut off"):
        [letter async for letter in cut.result]
    assert (await flight.join("k", _work)) == Joined("done", led=True)


async def test_a_stream_that_nobody_took_is_closed():
    """All callers were cancelled in the very moment that it opened."""
    flight: Flight[object] = Flight()
    closed = []

    async def on_close(ending):
        closed.append(ending.end.value)

    gate = asyncio.get_running_loop().create_future()

    async def open_it():
        await gate
        return Broadcast(_letters(), on_close=on_close)

    for cancel_first in (True, False):
        gate = asyncio.get_running_loop().create_future()
        tasks = [asyncio.create_task(flight.join("k", open_it)) for _ in range(2)]
        await turns()
        gate.set_result(None)
        if not cancel_first:
            await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await turns()
        assert all(task.cancelled() for task in tasks)
    (state,) = flight._flights.everywhere()
    assert state.by_key == {}
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert closed.count("abandoned") == len(closed) >= 1


async def test_a_stream_that_is_over_already_is_an_error_and_no_hang():
    """Work that returns a broadcast which nobody can read is told so."""
    flight: Flight[object] = Flight()

    async def sealed():
        broadcast = Broadcast(_letters())
        broadcast.seal()
        return broadcast

    with pytest.raises(RuntimeError, match="nobody can read"):
        await flight.join("k", sealed)
    await turns()


async def test_aclose_ends_streams_and_their_readers_know():
    """A reader of a stream that was cut must not take it for whole."""
    flight: Flight[object] = Flight()
    joined = await flight.join("k", _opens(_letters()))
    assert await anext(joined.result) == "a"
    await flight.aclose()
    with pytest.raises(asyncio.CancelledError):
        await anext(joined.result)
