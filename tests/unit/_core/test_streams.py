"""Streams: whatever becomes of one, the caller sees the SDK's object and a record says what it cost."""

import asyncio
import gc

import pytest

from frugal import current_call, metered, usd
from frugal.testing import FakeModel, FakeProviderError, MemoryLedger

HELLO = [{"role": "user", "content": "Tell me a long story about a ledger that lost nothing."}]
SHAPES = ("openai", "anthropic")


class SdkStream:
    """A stream as SDKs make them: iterable, a context manager, with attributes and a close of its own."""

    def __init__(self, chunks):
        self.chunks = chunks
        self.closed = False
        self.request_id = "req-1"

    def __aiter__(self):
        return self

    async def __anext__(self):
        return await self.chunks.__anext__()

    async def __aenter__(self):
        return self

    async def __aexit__(self, *error):
        await self.close()

    async def close(self):
        self.closed = True
        await self.chunks.aclose()


def setting(shape="openai", **how):
    """Return a ledger, a provider, and a metered function that streams from it."""
    ledger, provider = MemoryLedger(), FakeModel(shape, answer="once upon a time " * 20, chunks=8, **how)

    @metered(ledger=ledger)
    async def tell(messages, *, model="claude-sonnet-4-5" if shape == "anthropic" else "gpt-4o", sdk=False):
        stream = await provider(messages, model=model, stream=True)
        return SdkStream(stream) if sdk else stream

    return ledger, provider, tell


def only(ledger):
    """Return the one record that there must be."""
    assert len(ledger.records) == 1
    return ledger.records[0]


@pytest.mark.parametrize("shape", SHAPES)
async def test_a_stream_read_to_its_end_costs_what_the_provider_charged(shape):
    """The usage of the last chunks is read, and the record is there when iteration ends."""
    ledger, provider, tell = setting(shape)
    async for _ in await tell(HELLO):
        assert ledger.records == []
    record = only(ledger)
    assert (record.outcome, record.cost.status, record.cost.amount) == ("provider", "exact", provider.charged)


@pytest.mark.parametrize("shape", SHAPES)
async def test_a_stream_closed_early_is_bounded(shape):
    """Its record says `cancelled`, and the truth lies between low and high."""
    ledger, provider, tell = setting(shape)
    stream = await tell(HELLO)
    await anext(stream)
    await stream.aclose()
    record = only(ledger)
    assert (record.outcome, record.cost.status) == ("cancelled", "estimated")
    assert record.cost.low <= provider.charged <= record.cost.high


async def test_a_stream_thrown_away_leaves_a_record():
    """Collecting it is enough; nobody has to close it."""
    ledger, _provider, tell = setting()
    stream = await tell(HELLO)
    await anext(stream)
    del stream
    gc.collect()
    assert only(ledger).outcome == "cancelled"


async def test_a_stream_that_breaks_says_failed():
    """The error reaches the caller after the chunks before it."""
    ledger, provider, tell = setting(cut=3)
    stream = await tell(HELLO)
    chunks = [await anext(stream) for _ in range(3)]
    with pytest.raises(FakeProviderError, match="cut"):
        await anext(stream)
    record = only(ledger)
    assert len(chunks) == 3
    assert record.outcome == "failed"
    assert record.cost.low <= provider.charged <= record.cost.high


async def test_a_stream_without_usage_is_estimated_from_its_text():
    """Nothing is silently free."""
    ledger, provider, tell = setting(usage_in_stream=False)
    async for _ in await tell(HELLO):
        pass
    record = only(ledger)
    assert (record.outcome, record.cost.status) == ("provider", "estimated")
    assert usd(0) < record.cost.amount
    assert record.cost.low <= provider.charged <= record.cost.high


async def test_the_proxy_is_the_sdks_object_to_whoever_asks():
    """`isinstance`, attributes, `async with` and `close` work as on the object itself."""
    ledger, provider, tell = setting()
    stream = await tell(HELLO, sdk=True)
    assert isinstance(stream, SdkStream)
    assert stream.request_id == "req-1"
    async with stream as entered:
        chunks = [chunk async for chunk in entered]
    assert stream.closed
    assert len(chunks) > 8
    assert only(ledger).cost.amount == provider.charged


async def test_a_stream_left_inside_its_context_manager_is_closed_and_recorded():
    """Leaving the block early closes the SDK's stream too."""
    ledger, _provider, tell = setting()
    stream = await tell(HELLO, sdk=True)
    async with stream as entered:
        await anext(entered)
    assert stream.closed
    assert only(ledger).outcome == "cancelled"


async def test_a_stream_ends_once_however_often_it_is_closed():
    """Closing after the end, twice, writes nothing more."""
    ledger, provider, tell = setting()
    stream = await tell(HELLO, sdk=True)
    async for _ in stream:
        pass
    await stream.close()
    await stream.aclose()
    assert only(ledger).cost.amount == provider.charged


async def test_no_context_variable_is_left_set_between_chunks():
    """The consumer is not inside the call; the producer is."""
    _ledger, _provider, tell = setting()
    inside = []

    @metered(ledger=_ledger)
    async def outer(messages):
        async for chunk in await tell(messages):
            inside.append(current_call().function)
            yield chunk

    async for _ in outer(HELLO):
        with pytest.raises(LookupError):
            current_call()
    assert set(inside) == {inside[0]}
    assert inside[0].endswith("outer")


async def cancelled_at(step, shape):
    """Cancel a consumer at its step-th await; return the ledger, the provider and whether it was in time."""
    ledger, provider, tell = setting(shape)
    steps = 0

    async def pause():
        nonlocal steps
        steps += 1
        if steps == step:
            task.cancel()
        await asyncio.sleep(0)

    async def consume():
        await pause()
        stream = await tell(HELLO)
        await pause()
        async for _ in stream:
            await pause()

    task = asyncio.create_task(consume())
    done = False
    try:
        await task
        done = True
    except asyncio.CancelledError:
        gc.collect()
        await asyncio.sleep(0)
    return ledger, provider, done


@pytest.mark.parametrize("shape", SHAPES)
async def test_cancellation_at_every_await_of_a_consumer_leaves_a_bounded_record(shape):
    """Wherever the consumer is cancelled, what the provider charged lies within the record."""
    step, done = 0, False
    while not done:
        step += 1
        ledger, provider, done = await cancelled_at(step, shape)
        if not provider.calls:
            assert ledger.records == []
            continue
        record = only(ledger)
        assert record.cost.low <= provider.charged <= record.cost.high, step
    assert step > 8


@pytest.mark.parametrize("shape", SHAPES)
async def test_cancellation_inside_the_provider_at_every_chunk_is_recorded(shape):
    """A stream cancelled while it waits for its next chunk is `cancelled`, whichever chunk that is."""
    for number in range(8):
        ledger, provider, _tell = setting(shape)
        waiting = asyncio.Event()

        async def slowly(source, stop=number, waiting=waiting):
            at = 0
            async for chunk in source:
                if at == stop:
                    waiting.set()
                    await asyncio.Event().wait()
                at += 1
                yield chunk

        @metered(ledger=ledger)
        async def slow(messages, *, model="gpt-4o", provider=provider, slowly=slowly):
            return slowly(await provider(messages, model=model, stream=True))

        async def consume(slow=slow):
            async for _ in await slow(HELLO):
                pass

        task = asyncio.create_task(consume())
        await waiting.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        record = only(ledger)
        assert record.outcome == "cancelled"
        assert record.cost.low <= provider.charged <= record.cost.high
