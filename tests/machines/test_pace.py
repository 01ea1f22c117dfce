"""`TokenRate` and `RequestRate` against naive models, on a fake clock and under cancellation.

A token a second and whole numbers everywhere: the model moves second by second and knows exactly who goes when.
"""

import asyncio
from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from frugal._mechanisms.request_rate import RequestRate
from frugal._mechanisms.token_rate import Reserved, TokenRate

LIMIT = 60


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

    def advance(self, seconds: float) -> None:
        """Let time pass, and wake whose time has come."""
        self.time += seconds
        for due, waiter in self.sleepers:
            if due <= self.time and not waiter.done():
                waiter.set_result(None)
        self.sleepers = [(due, waiter) for due, waiter in self.sleepers if not waiter.done()]


@dataclass(eq=False)
class Model:
    """A queue and a bucket of portions, the oldest draining first."""

    queue: list["Request"] = field(default_factory=list)
    portions: list[list[int]] = field(default_factory=list)

    @property
    def level(self) -> int:
        """What is in."""
        return sum(portion[0] for portion in self.portions)

    def second(self) -> None:
        """Let one second drain, and serve."""
        for portion in self.portions:
            if portion[0]:
                portion[0] -= 1
                break
        self.serve()

    def serve(self) -> None:
        """Let go whoever has room, in order."""
        while self.queue and self.level + self.queue[0].tokens <= LIMIT:
            request = self.queue.pop(0)
            request.goes = True
            request.portion = [request.tokens]
            self.portions.append(request.portion)


@dataclass(eq=False)
class Request:
    """One caller, in the model and in truth."""

    tokens: int
    task: "asyncio.Task[Reserved]"
    goes: bool = False
    portion: list[int] = field(default_factory=list)
    left: bool = False
    booked: int | None = None


class TokenRateMachine(RuleBasedStateMachine):
    """Large and small requests come, leave, and are corrected up and down."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.complaints: list[str] = []
        self.loop.set_exception_handler(lambda _, context: self.complaints.append(context["message"]))
        self.clock = Clock()
        self.rate = TokenRate(LIMIT, clock=self.clock)
        self.model = Model()
        self.requests: list[Request] = []

    def turn(self) -> None:
        """Let everything go on that can."""

        async def spin() -> None:
            for _ in range(8):
                await asyncio.sleep(0)

        self.loop.run_until_complete(spin())
        for request in self.requests:
            gone = request.task.done() and not request.task.cancelled()
            assert gone == (request.goes and not request.left), "went when it had no turn, or did not when it had"
        waiting = [lane.waiting for lane in self.rate._lanes.everywhere()]
        assert sum(waiting) == len(self.model.queue)

    @rule(tokens=st.one_of(st.integers(0, LIMIT), st.sampled_from([1, LIMIT])))
    def arrive(self, tokens: int) -> None:
        """Somebody comes."""
        request = Request(tokens, self.loop.create_task(self.rate.acquire(tokens)))
        self.requests.append(request)
        self.model.queue.append(request)
        self.model.serve()
        self.turn()

    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        """One of them leaves."""
        if self.model.queue:
            request = data.draw(st.sampled_from(self.model.queue))
            request.task.cancel()
            request.left = True
            self.model.queue.remove(request)
            self.model.serve()
            self.turn()

    @rule(seconds=st.integers(1, 70))
    def pass_time(self, seconds: int) -> None:
        """Let time pass."""
        for _ in range(seconds):
            somebody_waits = bool(self.model.queue)
            self.clock.advance(1)
            self.model.second()
            if somebody_waits:
                self.turn()
        self.turn()

    @rule(data=st.data(), tokens=st.integers(0, LIMIT + 20))
    def correct(self, data: st.DataObject, tokens: int) -> None:
        """Book a true usage, up or down."""
        gone = [request for request in self.requests if request.goes and not request.left]
        if gone:
            request = data.draw(st.sampled_from(gone))
            held = request.tokens if request.booked is None else request.booked
            request.task.result().correct(tokens)
            request.booked = tokens
            if tokens > held:
                self.model.portions.append([tokens - held])
            else:
                request.portion[0] -= min(held - tokens, request.portion[0])
            self.model.serve()
            self.turn()

    def teardown(self) -> None:
        """Everyone goes in the end, and nothing is left."""
        for _ in range(LIMIT * (len(self.requests) + 2)):
            if not self.model.queue:
                break
            self.clock.advance(1)
            self.model.second()
            self.turn()
        assert all(request.task.done() for request in self.requests), "somebody hangs"
        assert not asyncio.all_tasks(self.loop), "a task was left over"
        assert not self.rate._queue
        self.requests.clear()
        self.loop.close()
        assert self.complaints == []


class RequestRateMachine(RuleBasedStateMachine):
    """Requests of one, on one loop: who goes is the model's first in line."""

    @initialize(rpm=st.sampled_from([1, 3, 60, 0.5]))
    def begin(self, rpm: float) -> None:
        """Draw the limits of this run."""
        self.loop = asyncio.new_event_loop()
        self.clock = Clock()
        self.rate = RequestRate(rpm, clock=self.clock)
        self.burst, self.every = max(1, int(rpm)), 60 / rpm
        self.tasks: list[asyncio.Task[None]] = []
        self.line: list[asyncio.Task[None]] = []
        self.free_at: list[float] = []  # When each of those who went will have drained.

    def turn(self) -> None:
        """Let everything go on that can."""

        async def spin() -> None:
            for _ in range(12):
                await asyncio.sleep(0)

        self.loop.run_until_complete(spin())
        while self.line:
            level = sum(1 for due in self.free_at if due > self.clock.now() + 1e-3)
            if level >= self.burst:
                break
            self.free_at.append(max([self.clock.now(), *self.free_at]) + self.every)
            assert self.line.pop(0).done(), "the first in line did not go in its turn"
        assert not any(task.done() for task in self.line), "somebody went before their turn"

    @rule(count=st.integers(1, 5))
    def arrive(self, count: int) -> None:
        """Somebody comes."""
        for _ in range(count):
            self.line.append(self.loop.create_task(self.rate.acquire()))
        self.tasks += self.line[-count:]
        self.turn()

    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        """One of them leaves."""
        if self.line:
            task = data.draw(st.sampled_from(self.line))
            task.cancel()
            self.line.remove(task)
            self.turn()

    @rule(part=st.sampled_from([0.5, 1.0, 2.0]))
    def pass_time(self, part: float) -> None:
        """Let time pass."""
        for _ in range(int(part * 2)):
            self.clock.advance(self.every / 2)
            self.turn()

    def teardown(self) -> None:
        """Let everybody end, and look for what is left."""
        if not hasattr(self, "loop"):
            return
        while self.line:
            self.pass_time(1.0)
        self.turn()
        assert all(task.done() for task in self.tasks)
        assert not asyncio.all_tasks(self.loop), "a task was left over"
        self.tasks.clear()
        self.loop.close()


TokenRateMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestTokenRate = TokenRateMachine.TestCase
RequestRateMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestRequestRate = RequestRateMachine.TestCase
