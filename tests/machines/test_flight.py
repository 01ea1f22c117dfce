"""`Flight` under any order of arrivals, landings, failures and cancellations, within one turn of the loop too.

The machine never lets time pass by itself: work waits on a gate until a rule opens it, and the loop turns only
when a rule turns it, so Hypothesis chooses every interleaving that a real loop could show.
"""

import asyncio
import contextlib
from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from frugal._mechanisms.flight import Flight, Joined

KEYS = ("a", "b", "c")


class WorkError(Exception):
    """What failing work raises."""


@dataclass(eq=False)
class Execution:
    """One run of the work of a key."""

    key: str
    number: int
    gate: asyncio.Future[str]
    state: str = "running"
    unwinding: asyncio.Future[None] | None = None


@dataclass(eq=False)
class Waiter:
    """One caller."""

    key: str
    task: "asyncio.Task[Joined[str]]"
    cancelled: bool = False
    executions_before: int = 0


@dataclass
class World:
    """What has happened."""

    executions: list[Execution] = field(default_factory=list)
    waiters: list[Waiter] = field(default_factory=list)
    forgotten: set[str] = field(default_factory=set)


class FlightMachine(RuleBasedStateMachine):
    """Callers come and go, work lands, fails, is cancelled and takes its time to unwind."""

    waiters = Bundle("waiters")

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.complaints: list[str] = []
        self.loop.set_exception_handler(lambda _, context: self.complaints.append(context["message"]))
        self.flight: Flight[str] = Flight()
        self.world = World()

    def running(self, key: str | None = None) -> list[Execution]:
        """Return the executions that nobody ended."""
        return [e for e in self.world.executions if e.state == "running" and key in (None, e.key)]

    async def work(self, key: str) -> str:
        """Note this execution, and wait for its gate."""
        alone = not self.running(key)
        assert alone or key in self.world.forgotten, "two executions of one key at once"
        execution = Execution(key, len(self.world.executions), self.loop.create_future())
        self.world.executions.append(execution)
        try:
            answer = await execution.gate
        except asyncio.CancelledError:
            execution.state = "cancelled"
            execution.unwinding = self.loop.create_future()
            with contextlib.suppress(asyncio.CancelledError):
                await execution.unwinding
            raise
        except WorkError:
            execution.state = "failed"
            raise
        execution.state = "landed"
        return answer

    def turn(self, times: int) -> None:
        """Let everything go on that can."""

        async def spin() -> None:
            for _ in range(times):
                await asyncio.sleep(0)

        self.loop.run_until_complete(spin())

    @rule(target=waiters, key=st.sampled_from(KEYS))
    def join(self, key: str) -> Waiter:
        """A caller comes."""
        task = self.loop.create_task(self.flight.join(key, lambda: self.work(key)))
        waiter = Waiter(key, task, executions_before=len(self.world.executions))
        self.world.waiters.append(waiter)
        return waiter

    @rule(waiter=consumes(waiters))
    def cancel(self, waiter: Waiter) -> None:
        """Cancel one caller."""
        if not waiter.task.done():
            waiter.cancelled = waiter.task.cancel()

    @rule(data=st.data())
    def land(self, data: st.DataObject) -> None:
        """Let one execution land."""
        gated = [e for e in self.world.executions if not e.gate.done()]
        if gated:
            execution = data.draw(st.sampled_from(gated))
            execution.gate.set_result(f"{execution.key}{execution.number}")

    @rule(data=st.data())
    def fail(self, data: st.DataObject) -> None:
        """Let one execution fail."""
        gated = [e for e in self.world.executions if not e.gate.done()]
        if gated:
            data.draw(st.sampled_from(gated)).gate.set_exception(WorkError())

    @rule(data=st.data())
    def unwind(self, data: st.DataObject) -> None:
        """Let cancelled work end."""
        unwinding = [e for e in self.world.executions if e.unwinding and not e.unwinding.done()]
        if unwinding:
            slow = data.draw(st.sampled_from(unwinding)).unwinding
            assert slow is not None
            slow.set_result(None)

    @rule(key=st.sampled_from(KEYS))
    def forget(self, key: str) -> None:
        """Forget a key."""
        if self.flight.forget(key):
            self.world.forgotten.add(key)

    @rule(times=st.integers(1, 4))
    def let_the_loop_turn(self, times: int) -> None:
        """Take a few turns, not enough to settle."""
        self.turn(times)

    @rule()
    def settle(self) -> None:
        """After enough turns everyone is where they belong."""
        self.turn(8)
        for waiter in self.world.waiters:
            if waiter.cancelled:
                assert waiter.task.done(), "a cancelled waiter was kept waiting"
            elif not waiter.task.done():
                assert self.running(waiter.key), "somebody waits for nothing"
        for execution in self.running():
            if execution.key not in self.world.forgotten:
                waits = [w for w in self.world.waiters if w.key == execution.key and not w.task.done()]
                assert waits, "work goes on that nobody waits for"

    @invariant()
    def each_has_an_answer_of_its_own_key(self) -> None:
        """A caller ends with its own key's answer, the work's error, or its own cancellation."""
        leaders: set[str] = set()
        for waiter in self.world.waiters:
            if not waiter.task.done():
                continue
            if waiter.task.cancelled():
                assert waiter.cancelled, "a waiter met a cancellation that was not its own"
            elif (error := waiter.task.exception()) is not None:
                assert isinstance(error, WorkError)
            else:
                joined = waiter.task.result()
                execution = self.world.executions[int(joined.result[1:])]
                assert execution.key == waiter.key == joined.result[0]
                assert execution.state == "landed"
                if joined.led:
                    assert joined.result not in leaders, "two led one flight"
                    leaders.add(joined.result)

    def teardown(self) -> None:
        """Open every gate: nobody hangs, nothing is left, nothing complains."""
        for _ in range(3):
            self.turn(4)
            for execution in self.world.executions:
                if not execution.gate.done():
                    execution.gate.set_result(f"{execution.key}{execution.number}")
                if execution.unwinding and not execution.unwinding.done():
                    execution.unwinding.set_result(None)
        self.turn(8)
        assert all(waiter.task.done() for waiter in self.world.waiters), "somebody hangs"
        self.each_has_an_answer_of_its_own_key()
        assert not asyncio.all_tasks(self.loop), "a task was left over"
        for state in self.flight._flights.everywhere():
            assert (state.by_key, state.tasks, list(state.lingering)) == ({}, set(), [])
        self.world.waiters.clear()
        self.loop.close()
        assert self.complaints == []


FlightMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestFlight = FlightMachine.TestCase
