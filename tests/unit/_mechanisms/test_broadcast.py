"""What the state machine of `Broadcast` does not say: contexts, memory, order of events, bad sources."""

import asyncio
import gc
import logging
import weakref
from contextvars import ContextVar

import pytest

from frugal._mechanisms.broadcast import Broadcast, End, Ending

who: ContextVar[str] = ContextVar("who", default="nobody")


async def turns() -> None:
    """Let everything that can go on, go on."""
    for _ in range(8):
        await asyncio.sleep(0)


async def letters(text: str = "abc"):
    """Yield them."""
    for letter in text:
        yield letter


async def test_the_source_is_read_and_closed_in_one_task_and_its_makers_context():
    """What a stream opens in its task and context can be closed there, whoever reads."""
    seen = set()

    async def source():
        try:
            for number in range(3):
                seen.add((asyncio.current_task(), who.get()))
                yield number
        finally:
            seen.add((asyncio.current_task(), who.get()))

    who.set("maker")
    shared = Broadcast(source())

    async def read(name):
        who.set(name)
        reader = shared.subscribe()
        first = await anext(reader)
        assert who.get() == name
        return reader, first

    readers = await asyncio.gather(read("ann"), read("bob"))
    rest = shared.subscribe()
    assert [number async for number in rest] == [0, 1, 2]
    for reader, first in readers:
        assert first == 0
        await reader.aclose()
    assert len(seen) == 1
    assert {name for _, name in seen} == {"maker"}


async def test_who_opened_it_is_told_before_any_reader_learns_of_the_end():
    """A record can be durable before an iteration returns."""
    told: list[Ending] = []
    gate = asyncio.Event()

    async def on_close(ending):
        await gate.wait()
        told.append(ending)

    shared = Broadcast(letters("a"), on_close=on_close)
    reader = shared.subscribe()
    assert await anext(reader) == "a"
    end = asyncio.ensure_future(anext(reader, "the end"))
    await turns()
    assert not end.done()
    gate.set()
    assert await end == "the end"
    assert told == [Ending(End.EXHAUSTED, 1)] == [shared.ending]


async def test_an_error_comes_after_the_chunks_to_each_reader():
    """Late readers too; once each, and then the iteration is over."""
    error = ValueError("cut off")

    async def source():
        yield 1
        raise error

    shared = Broadcast(source())
    for reader in (shared.subscribe(), shared.subscribe()):
        assert await anext(reader) == 1
        with pytest.raises(ValueError, match="cut off"):
            await anext(reader)
        assert await anext(reader, "over") == "over"
    assert shared.ending == Ending(End.FAILED, 1, error)


async def test_closing_the_last_reader_waits_until_the_source_is_closed():
    """`aclose` of one of several returns at once; of the last, when all is told."""
    events = []

    async def source():
        try:
            yield 1
            yield 2
        finally:
            await turns()
            events.append("closed")

    async def on_close(ending):
        events.append(ending.end)

    shared = Broadcast(source(), on_close=on_close)
    first, last = shared.subscribe(), shared.subscribe()
    assert await anext(first) == 1
    await first.aclose()
    assert events == []
    assert shared.joinable
    await last.aclose()
    await last.aclose()
    assert events == ["closed", End.ABANDONED]
    assert not shared.joinable
    with pytest.raises(RuntimeError, match="no more readers"):
        shared.subscribe()


async def test_a_source_that_was_never_asked_is_closed_all_the_same():
    """A reader that leaves before its first chunk leaves nothing open."""

    class Source:
        """Counts."""

        closed = 0

        def __aiter__(self):
            return self

        async def __anext__(self):
            raise AssertionError("nobody asked")

        async def aclose(self):
            self.closed += 1

    source = Source()
    await Broadcast(source).subscribe().aclose()
    assert source.closed == 1


async def test_a_source_that_swallows_its_cancellation_is_closed_all_the_same():
    """What it yields instead is for nobody."""

    async def source():
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                yield "defiance"

    shared = Broadcast(source())
    reader = shared.subscribe()
    read = asyncio.ensure_future(anext(reader))
    await turns()
    read.cancel()
    await turns()
    await reader.aclose()
    assert shared.ending is not None
    assert shared.ending.end is End.ABANDONED


async def test_a_source_without_aclose_will_do():
    """Any asynchronous iterator is a source."""

    class Source:
        """Counts to three."""

        count = 0

        def __aiter__(self):
            return self

        async def __anext__(self):
            self.count += 1
            if self.count > 3:
                raise StopAsyncIteration
            return self.count

    assert [number async for number in Broadcast(Source()).subscribe()] == [1, 2, 3]


async def test_what_fails_at_the_end_is_logged_and_readers_are_served(caplog):
    """Neither a source that cannot be closed nor a listener that raises spoils what was read."""

    class Source:
        """Cannot be closed."""

        async def __anext__(self):
            raise StopAsyncIteration

        async def aclose(self):
            raise OSError("cannot close")

    async def on_close(ending):
        raise ValueError("cannot listen")

    with caplog.at_level(logging.ERROR, logger="frugal"):
        assert [chunk async for chunk in Broadcast(Source(), on_close=on_close).subscribe()] == []
    assert "cannot close" in caplog.text
    assert "cannot listen" in caplog.text


async def test_a_sealed_broadcast_keeps_no_chunk_that_all_have_passed():
    """Late joiners cost memory; without them a chunk goes with its slowest reader."""

    class Chunk:
        """Can be watched."""

    watched: list[weakref.ref[Chunk]] = []

    async def source():
        while True:
            chunk = Chunk()
            watched.append(weakref.ref(chunk))
            yield chunk
            del chunk

    shared = Broadcast(source())
    fast, slow = shared.subscribe(), shared.subscribe()
    for _ in range(5):
        await anext(fast)
    await anext(slow)
    shared.seal()
    await anext(slow)
    gc.collect()
    assert [ref() is not None for ref in watched] == [False, True, True, True, True]
    for _ in range(3):
        await anext(slow)
    assert sum(ref() is not None for ref in watched) == 1
    await fast.aclose()
    await slow.aclose()


async def test_sealing_what_nobody_reads_closes_it():
    """There is nobody to come."""
    shared = Broadcast(letters())
    shared.seal()
    await shared.aclose()
    assert shared.ending == Ending(End.ABANDONED, 0)


async def test_two_reads_of_one_subscription_at_once_are_refused():
    """They would have got the same chunk."""
    shared = Broadcast(letters())
    reader = shared.subscribe()
    first = asyncio.ensure_future(anext(reader))
    await asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="give each reader its own"):
        await anext(reader)
    assert await first == "a"
    await reader.aclose()


async def test_a_listener_that_comes_after_the_end_is_told_at_once():
    """`notify` misses nothing."""
    shared = Broadcast(letters())
    told: list[Ending] = []
    shared.notify(told.append)
    assert [letter async for letter in shared.subscribe()] == ["a", "b", "c"]
    shared.notify(told.append)
    assert told == [Ending(End.EXHAUSTED, 3)] * 2


async def test_a_reader_cancelled_by_a_timeout_reads_on_where_it_was():
    """A cancelled read loses no chunk and hurts no other reader."""
    gate = asyncio.Event()

    async def source():
        await gate.wait()
        yield "a"
        yield "b"

    shared = Broadcast(source())
    hasty, patient = shared.subscribe(), shared.subscribe()
    waiting = asyncio.ensure_future(anext(patient))
    attempt = asyncio.ensure_future(anext(hasty))
    await turns()
    attempt.cancel()
    await turns()
    assert len(shared._pump._waiting) == 1, "who polls with timeouts must leave nothing behind"
    gate.set()
    assert await waiting == "a"
    assert [letter async for letter in hasty] == ["a", "b"]
    await patient.aclose()


@pytest.mark.parametrize("fate", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_in_the_source_stops_the_loop(fate):
    """Through its reader, and so without a word of an exception that nobody retrieved."""

    async def source():
        yield 1
        raise fate

    async def main():
        async for _ in Broadcast(source()).subscribe():
            pass

    with pytest.raises(fate):
        asyncio.run(main())


def test_an_interrupt_with_nobody_waiting_stops_the_loop_by_itself():
    """It is not kept for a reader that may never come back."""

    async def source():
        try:
            yield 1
            await asyncio.Event().wait()
        finally:
            raise KeyboardInterrupt

    async def leave():
        reader = Broadcast(source()).subscribe()
        assert await anext(reader) == 1
        read = asyncio.ensure_future(anext(reader))
        await turns()
        read.cancel()
        await turns()
        reader.leave()
        await turns()

    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda _, context: None)
    left = loop.create_task(leave())
    with pytest.raises(KeyboardInterrupt):
        loop.run_until_complete(left)
    loop.run_until_complete(left)
    gc.collect()
    loop.close()


async def test_its_repr_says_where_it_stands():
    """For whoever debugs."""
    shared = Broadcast(letters())
    reader = shared.subscribe()
    assert reader.broadcast is shared
    assert repr(shared) == "<Broadcast open, 0 chunks, 1 readers>"
    assert [letter async for letter in reader] == ["a", "b", "c"]
    assert repr(shared) == "<Broadcast exhausted, 3 chunks, 0 readers>"
