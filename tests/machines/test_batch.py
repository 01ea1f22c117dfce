"""`Batch` under any order of submissions, flushes, answers, failures and cancellations.

Handlers wait on gates and timers on a fake clock, so Hypothesis chooses every interleaving. A poisoned item fails
whatever batch it is in; with `split` only its own caller may learn of it.
"""

import asyncio
from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from frugal._mechanisms.batch import Batch
from frugal.errors import BatchSizeMismatchError


class Clock:
    """Time that passes when told."""

    def __init__(self) -> None:
        self.time = 0.0
        self.sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def now(self) -> float:
        """Tell the time."""
        return self.time

    async def sleep(self, seconds: float) -> None:
        """Wait for an advance."""
        waiter = asyncio.get_running_loop().create_future()
        self.sleepers.append((self.time + seconds, waiter))
        await waiter

    def advance(self, seconds: float) -> None:
        """Let time pass, and wake whose time has come."""
        self.time += seconds
        for due, waiter in self.sleepers:
            if due <= self.time and not waiter.done():
                waiter.set_result(None)
        self.sleepers = [(due, waiter) for due, waiter in self.sleepers if not waiter.done()]


class HandlerError(Exception):
    """What a failing handler raises."""


@dataclass(frozen=True)
class Parcel:
    """An item."""

    number: int
    size: int
    poisoned: bool


@dataclass(eq=False)
class Attempt:
    """One call of the handler."""

    items: list[Parcel]
    gate: asyncio.Future[str]
    state: str = "running"


@dataclass(eq=False)
class Caller:
    """Who waits for one item, or for several through `many`."""

    items: list[Parcel]
    task: "asyncio.Task[list[tuple[str, int]]]"
    cancelled: bool = False
    enrolled_at: float | None = None
    attempts: list[Attempt] = field(default_factory=list)


class BatchMachine(RuleBasedStateMachine):
    """Size, tokens and wait are drawn once for each run."""

    @initialize(
        max_size=st.integers(1, 4),
        max_tokens=st.sampled_from([None, 5, 10]),
        split=st.sampled_from([False, True, "chosen"]),
    )
    def begin(self, max_size: int, max_tokens: int | None, split: bool | str) -> None:
        """Draw the limits of this run."""
        self.loop = asyncio.new_event_loop()
        self.complaints: list[str] = []
        self.loop.set_exception_handler(lambda _, context: self.complaints.append(context["message"]))
        self.clock = Clock()
        self.max_size, self.max_tokens, self.split = max_size, max_tokens, split
        self.batch: Batch[Parcel, tuple[str, int]] = Batch(
            self.handler,
            max_size=max_size,
            max_wait=1.0,
            max_tokens=max_tokens,
            size_of=(lambda parcel: parcel.size) if max_tokens else None,
            split=(lambda error: isinstance(error, HandlerError)) if split == "chosen" else bool(split),
            clock=self.clock,
        )
        self.attempts: list[Attempt] = []
        self.callers: list[Caller] = []
        self.count = 0

    async def handler(self, items, contexts):
        """Check what was sent, and wait for the gate."""
        items = list(items)
        assert items, "a batch of nothing"
        assert contexts == tuple(item.number for item in items), "the contexts of other items"
        assert len(items) <= self.max_size
        if self.max_tokens is not None and len(items) > 1:
            assert sum(item.size for item in items) <= self.max_tokens
        gone = {item for caller in self.callers if caller.cancelled for item in caller.items}
        assert not gone & set(items), "an item was sent whose caller had left"
        attempt = Attempt(items, self.loop.create_future())
        self.attempts.append(attempt)
        try:
            outcome = await attempt.gate
        except asyncio.CancelledError:
            attempt.state = "cancelled"
            raise
        attempt.state = outcome
        if outcome == "fails" or any(item.poisoned for item in items):
            raise HandlerError(items)
        if outcome == "cancels itself":
            raise asyncio.CancelledError
        answers = [("answer", item.number) for item in items]
        return answers[1:] if outcome == "loses one" else answers

    def turn(self, times: int = 8) -> None:
        """Let everything go on that can."""

        async def spin() -> None:
            for _ in range(times):
                await asyncio.sleep(0)

        self.loop.run_until_complete(spin())

    def parcel(self, size: int, poisoned: bool) -> Parcel:
        """Make an item."""
        self.count += 1
        return Parcel(self.count, size, poisoned)

    @rule(size=st.integers(0, 12), poisoned=st.sampled_from([False, False, True]))
    def submit(self, size: int, poisoned: bool) -> None:
        """Somebody submits one item."""
        parcel = self.parcel(size, poisoned)

        async def one() -> list[tuple[str, int]]:
            return [await self.batch.submit(parcel, context=parcel.number)]

        self.callers.append(Caller([parcel], self.loop.create_task(one())))

    @rule(sizes=st.lists(st.integers(0, 6), max_size=6))
    def many(self, sizes: list[int]) -> None:
        """Somebody submits several."""
        parcels = [self.parcel(size, poisoned=False) for size in sizes]
        contexts = [parcel.number for parcel in parcels]
        task = self.loop.create_task(self.batch.many(parcels, contexts=contexts))
        self.callers.append(Caller(parcels, task))

    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        """Cancel one caller."""
        waiting = [caller for caller in self.callers if not caller.task.done()]
        if waiting:
            caller = data.draw(st.sampled_from(waiting))
            caller.cancelled = caller.task.cancel()

    @rule(
        data=st.data(),
        outcome=st.sampled_from(["answers", "answers", "fails", "loses one", "cancels itself"]),
    )
    def answer(self, data: st.DataObject, outcome: str) -> None:
        """Let one go on."""
        running = [attempt for attempt in self.attempts if not attempt.gate.done()]
        if running:
            data.draw(st.sampled_from(running)).gate.set_result(outcome)

    @rule(seconds=st.sampled_from([0.5, 1.0]))
    def advance(self, seconds: float) -> None:
        """Let time pass, and wake whose time has come."""
        self.turn()
        self.clock.advance(seconds)

    @rule()
    def flush(self) -> None:
        """Send what is collected."""

        async def inside() -> None:
            self.batch.flush()

        self.loop.run_until_complete(inside())

    @rule(times=st.integers(1, 4))
    def let_the_loop_turn(self, times: int) -> None:
        """Take a few turns, not enough to settle."""
        self.turn(times)

    @rule()
    def settle(self) -> None:
        """After enough turns, and a full wait, nobody is merely collected, and no handler runs for nobody."""
        self.turn()
        self.clock.advance(1.0)
        self.turn()
        for deck in self.batch._decks.everywhere():
            assert deck.collecting is None, "a batch was not sent in time"
            assert not deck.alarm.is_set, "a timer runs for no batch"
        waited = {item for caller in self.callers if not caller.task.done() for item in caller.items}
        for attempt in self.attempts:
            if attempt.state == "running" and not attempt.gate.done():
                assert waited & set(attempt.items), "a handler works for nobody"

    @invariant()
    def each_has_its_own(self) -> None:
        """A caller ends with its own item's answer, its own batch's error, or its own cancellation."""
        for caller in getattr(self, "callers", []):
            if not caller.task.done():
                continue
            if caller.task.cancelled():
                by_handler = any(
                    a.state in ("cancels itself", "cancelled") and set(a.items) & set(caller.items)
                    for a in self.attempts
                )
                assert caller.cancelled or by_handler
                continue
            error = caller.task.exception()
            if error is None:
                assert caller.task.result() == [("answer", item.number) for item in caller.items]
                assert not any(item.poisoned for item in caller.items)
            elif isinstance(error, HandlerError):
                assert set(error.args[0]) & set(caller.items), "another batch's error"
                if self.split:
                    assert len(error.args[0]) == 1, "failed although it was not alone"
            else:
                assert isinstance(error, BatchSizeMismatchError)
                assert error.received == error.expected - 1
                if self.split is True:
                    assert error.expected == 1

    def teardown(self) -> None:
        """Let everybody end, and look for what is left."""
        if not hasattr(self, "batch"):
            return
        for _ in range(8):  # As often as a batch can be halved, and twice more.
            self.turn()
            self.clock.advance(1.0)
            self.turn()
            for attempt in self.attempts:
                if not attempt.gate.done():
                    attempt.gate.set_result("answers")
        self.turn()
        assert all(caller.task.done() for caller in self.callers), "somebody hangs"
        self.each_has_its_own()
        assert not asyncio.all_tasks(self.loop), "a task was left over"
        if not self.split:
            sent = [item for attempt in self.attempts for item in attempt.items]
            assert len(sent) == len(set(sent)), "an item was sent twice"
        self.callers.clear()
        self.loop.close()
        assert self.complaints == []


BatchMachine.TestCase.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
TestBatch = BatchMachine.TestCase
