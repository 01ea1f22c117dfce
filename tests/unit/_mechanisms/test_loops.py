"""State for each loop, and the alarm."""

import asyncio
import gc
import threading
import weakref

import pytest

from frugal._mechanisms.loops import Alarm, PerLoop


class Clock:
    """Time that passes when told."""

    def __init__(self) -> None:
        self.time = 100.0
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
        """Let time pass, and wake whose time has come."""
        await turns()
        self.time += seconds
        for due, waiter in self.sleepers:
            if due <= self.time and not waiter.done():
                waiter.set_result(None)
        await turns()


async def turns() -> None:
    """Let everything that can go on, go on."""
    for _ in range(6):
        await asyncio.sleep(0)


def test_a_loop_finds_its_own_state_again():
    """The same loop gets the same object, another loop another one."""
    states: PerLoop[list[int]] = PerLoop(list)

    async def twice():
        return states.here(), states.here()

    first, again = asyncio.run(twice())
    other, _ = asyncio.run(twice())
    assert first is again
    assert first is not other


def test_two_threads_have_two_states():
    """Loops that run at the same time in two threads do not see each other."""
    states: PerLoop[list[str]] = PerLoop(list)
    both = threading.Barrier(2, timeout=10)
    found: dict[str, list[str]] = {}

    async def note(name):
        states.here().append(name)
        await asyncio.to_thread(both.wait)
        found[name] = list(states.here())

    threads = [threading.Thread(target=lambda name=name: asyncio.run(note(name))) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {"a": ["a"], "b": ["b"]}


def test_no_loop_is_a_plain_error():
    """Outside a loop there is no state."""
    with pytest.raises(RuntimeError, match="no running event loop"):
        PerLoop(list).here()


def test_a_dead_loop_is_not_kept():
    """A loop that nobody holds goes, and its state with it."""
    states: PerLoop[list[int]] = PerLoop(list)

    async def visit():
        states.here()
        return weakref.ref(asyncio.get_running_loop())

    ref = asyncio.run(visit())
    gc.collect()
    assert ref() is None
    assert states._states == {}


def test_a_closed_loop_whose_state_holds_it_is_swept_out_by_the_next():
    """A pending future in the state ties it to its loop; the next loop to come lets both go."""
    states: PerLoop[list[object]] = PerLoop(list)

    async def leave_something():
        states.here().append(asyncio.get_running_loop().create_future())
        return weakref.ref(asyncio.get_running_loop())

    ref = asyncio.run(leave_something())
    gc.collect()
    assert ref() is not None
    assert states.everywhere() == []
    asyncio.run(leave_something())
    gc.collect()
    assert ref() is None


def test_another_loop_under_the_same_id_is_not_mistaken():
    """Ids are used again; the weak reference beside the state tells the loops apart."""
    states: PerLoop[list[int]] = PerLoop(list)

    class Other:
        """Stands where the loop's id says it is."""

        def is_closed(self):
            """Say that it runs."""
            return False

    async def visit():
        other = Other()
        states._states[id(asyncio.get_running_loop())] = (weakref.ref(other), [1])
        return states.here()

    assert asyncio.run(visit()) == []


async def test_an_alarm_rings_once_after_its_time():
    """It rings when the time has come, not before, and not again."""
    clock, rung = Clock(), []
    alarm = Alarm(lambda: rung.append(clock.time), clock=clock)
    alarm.aim(2)
    await clock.advance(1.5)
    assert rung == []
    assert alarm.is_set
    await clock.advance(0.5)
    await clock.advance(9)
    assert rung == [102]
    assert not alarm.is_set


async def test_an_alarm_aimed_again_rings_at_the_earlier_time():
    """An earlier aim replaces a later one; a later one is left to whoever is rung."""
    clock, rung = Clock(), []
    alarm = Alarm(lambda: rung.append(clock.time), clock=clock)
    alarm.aim(5)
    alarm.aim(2)
    alarm.aim(9)
    await clock.advance(2)
    await clock.advance(9)
    assert rung == [102]


async def test_a_cancelled_alarm_is_silent_and_leaves_no_task():
    """Cancelling takes its task along, even when the time had come in the same moment."""
    clock, rung = Clock(), []
    alarm = Alarm(lambda: rung.append(clock.time), clock=clock)
    alarm.aim(1)
    await turns()
    clock.time += 1
    clock.sleepers[0][1].set_result(None)
    alarm.cancel()
    alarm.cancel()
    await turns()
    assert rung == []
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_no_wait_at_all_rings_on_the_next_turn_without_the_clock():
    """Zero seconds must not hang on a clock that stands still."""
    clock, rung = Clock(), []
    Alarm(lambda: rung.append(clock.time), clock=clock).aim(0)
    assert rung == []
    await turns()
    assert rung == [100]
    assert clock.sleepers == []
