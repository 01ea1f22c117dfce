"""`Broadcast` against a list: readers come, read, are cancelled, leave; the source yields, ends or fails."""

import asyncio
import gc
from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from frugal._mechanisms.broadcast import Broadcast, End, Ending, Subscription


class SourceError(Exception):
    """What the source raises."""


@dataclass(eq=False)
class Reader:
    """One subscriber and what it has read."""

    subscription: Subscription[int]
    chunks: list[int] = field(default_factory=list)
    reading: "asyncio.Task[int] | None" = None
    end: str = ""


class BroadcastMachine(RuleBasedStateMachine):
    """Every chunk waits for a rule to let it come."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.complaints: list[str] = []
        self.loop.set_exception_handler(lambda _, context: self.complaints.append(context["message"]))
        self.asked: asyncio.Future[int | None] | None = None
        self.pulled = 0
        self.wanted = 0
        self.closed = 0
        self.endings: list[Ending] = []
        self.readers: list[Reader] = []
        self.loop.run_until_complete(self.open())

    async def open(self) -> None:
        """Make the broadcast on the loop."""
        self.broadcast = Broadcast(self.source(), on_close=self.on_close)

    async def source(self):
        """Yield what the rules let come."""
        try:
            while True:
                self.asked = self.loop.create_future()
                chunk = await self.asked
                if chunk is None:
                    return
                self.pulled += 1
                yield chunk
        finally:
            self.closed += 1

    async def on_close(self, ending: Ending) -> None:
        """Note how it ended."""
        self.endings.append(ending)

    def turn(self) -> None:
        """Let everything go on that can."""

        async def spin() -> None:
            for _ in range(8):
                await asyncio.sleep(0)

        self.loop.run_until_complete(spin())
        for reader in self.readers:
            if reader.reading is not None and reader.reading.done():
                task, reader.reading = reader.reading, None
                if task.cancelled():
                    continue
                error = task.exception()
                if error is None:
                    reader.chunks.append(task.result())
                else:
                    reader.end = "whole" if isinstance(error, StopAsyncIteration) else type(error).__name__

    def idle(self) -> list[Reader]:
        """Return the readers that could read."""
        return [r for r in self.readers if r.reading is None and not r.end]

    @rule()
    def subscribe(self) -> None:
        """A reader comes."""
        if self.broadcast.joinable:
            self.readers.append(Reader(self.broadcast.subscribe()))

    @precondition(lambda self: self.idle())
    @rule(data=st.data(), settle=st.booleans())
    def read(self, data: st.DataObject, settle: bool) -> None:
        """A reader asks for its next chunk."""
        reader = data.draw(st.sampled_from(self.idle()))
        self.wanted = max(self.wanted, len(reader.chunks) + 1)

        async def step() -> int:
            # Not a bare `__anext__`: a task that ends in StopAsyncIteration is a task like others.
            return await anext(reader.subscription)

        reader.reading = self.loop.create_task(step())
        if settle:
            self.turn()

    @rule(data=st.data())
    def cancel_a_read(self, data: st.DataObject) -> None:
        """Cancel one read, not its reader."""
        reading = [r.reading for r in self.readers if r.reading is not None]
        if reading:
            data.draw(st.sampled_from(reading)).cancel()
            self.turn()

    @precondition(lambda self: self.idle())
    @rule(data=st.data(), how=st.sampled_from(["leave", "aclose", "drop"]))
    def leave(self, data: st.DataObject, how: str) -> None:
        """One of them leaves."""
        reader = data.draw(st.sampled_from(self.idle()))
        reader.end = "left"
        if how == "leave":
            reader.subscription.leave()
        elif how == "aclose":
            self.loop.run_until_complete(reader.subscription.aclose())
        else:
            del reader.subscription
            gc.collect()  # A cancelled read may have left it in the cycle of its own traceback.
        self.turn()

    @precondition(lambda self: self.asked is not None and not self.asked.done())
    @rule(what=st.sampled_from(["chunk", "chunk", "chunk", "end", "error"]))
    def answer(self, what: str) -> None:
        """Let one go on."""
        assert self.asked is not None
        if what == "chunk":
            self.asked.set_result(self.pulled)
        elif what == "end":
            self.asked.set_result(None)
        else:
            self.asked.set_exception(SourceError())
        self.turn()

    @invariant()
    def every_reader_sees_every_chunk_from_the_first(self) -> None:
        """No gap, no repetition, nobody early, and the end only after everything."""
        for reader in self.readers:
            assert reader.chunks == list(range(len(reader.chunks)))
            if reader.end in ("whole", "SourceError"):
                assert len(reader.chunks) == self.pulled
                assert self.endings[0].chunks == self.pulled

    @invariant()
    def nothing_is_pulled_that_nobody_asked_for(self) -> None:
        """The fastest reader sets the pace."""
        assert self.pulled <= self.wanted

    @invariant()
    def the_end_is_told_once_and_truly(self) -> None:
        """What is told fits what the readers saw."""
        assert len(self.endings) <= 1
        for ending in self.endings:
            ends = {r.end for r in self.readers}
            assert ("whole" in ends) <= (ending.end is End.EXHAUSTED)
            assert ("SourceError" in ends) <= (ending.end is End.FAILED)
            if ending.end is End.ABANDONED:
                assert ends == {"left"}

    def teardown(self) -> None:
        """Let everybody end, and look for what is left."""
        self.turn()
        for reader in self.readers:
            if reader.reading is not None:
                reader.reading.cancel()
        self.turn()
        for reader in self.idle():
            self.loop.run_until_complete(reader.subscription.aclose())
            reader.end = "left"
        self.turn()
        assert not asyncio.all_tasks(self.loop), "a task was left over"
        if self.readers:
            assert len(self.endings) == 1, "a source was left open"
            assert self.closed == (self.asked is not None), "a source that was begun was not closed"
        self.readers.clear()
        del self.broadcast
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.close()
        assert self.complaints == []


BroadcastMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestBroadcast = BroadcastMachine.TestCase
