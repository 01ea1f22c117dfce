"""The SDKs' own readers of streams (`.stream()`): every way of reading them, bought, hit, shared and left."""

import asyncio

import anthropic
import pytest
from faces import CHAT, MESSAGES, RESPONSES, opened
from loopback import Gate, Reply
from openai.lib.streaming.chat import AsyncChatCompletionStream
from openai.lib.streaming.responses import AsyncResponseStream

from frugal import budgeted, cached, deduplicated, disk, explain, instrument, invalidate, memory, metered

CLASSES = {
    CHAT: AsyncChatCompletionStream,
    RESPONSES: AsyncResponseStream,
    MESSAGES: anthropic.AsyncMessageStream,
}
MANAGED = {CHAT: "chat.completions.stream", RESPONSES: "responses.stream", MESSAGES: "messages.stream"}


def entered(face, client, **more):
    """Return the SDK's own context manager."""
    streaming = {name: value for name, value in face.streaming.items() if name != "stream"}
    asked = {"model": face.model, **face.request("Was anything lost?"), **streaming, **more}
    return face.method(client, MANAGED[face])(**asked)


async def by_events(face, stream):
    """Read the events, and then the whole."""
    kinds = [event.type async for event in stream]
    assert kinds
    return await by_the_whole(face, stream)


async def by_the_whole(face, stream):
    """Wait for the whole answer alone."""
    if face is CHAT:
        return (await stream.get_final_completion()).choices[0].message.content
    if face is RESPONSES:
        return (await stream.get_final_response()).output_text
    message = await stream.get_final_message()
    assert message is stream.current_message_snapshot
    return message.content[0].text


async def by_text(face, stream):
    """Read the text as it comes."""
    if face is MESSAGES:
        return "".join([text async for text in stream.text_stream])
    await stream.until_done()
    return await by_the_whole(face, stream)


WAYS = (by_events, by_the_whole, by_text)
each_face = pytest.mark.parametrize("face", list(MANAGED), ids=repr)


@each_face
@pytest.mark.parametrize("way", WAYS)
async def test_every_way_of_reading_is_exact(face, way, server, ledger):
    """However the helper is read, the raw stream passes, and the helper is the SDK's own."""
    async with opened(face, server) as client:
        instrument(client, MANAGED[face], metered(ledger=ledger))
        manager = entered(face, client)
        assert type(manager).__module__.startswith(("openai.lib", "anthropic.lib"))
        async with manager as stream:
            assert CLASSES[face] is type(stream)
            assert server.said.text == await way(face, stream)
    (record,) = ledger.records
    assert ("provider", "exact", server.charged) == (record.outcome, record.cost.status, record.cost.amount)


BOUGHT = [(face, by_text, "stream") for face in MANAGED] + [(face, by_the_whole, "stream") for face in MANAGED]
BOUGHT += [(CHAT, by_events, "create"), (RESPONSES, by_events, "create")]  # whose helpers go through `create`


@pytest.mark.parametrize(("face", "first", "method"), BOUGHT, ids=lambda one: getattr(one, "__name__", str(one)))
async def test_a_hit_is_read_in_every_way(face, first, method, server, ledger, tmp_path):
    """One was bought, in whatever way it was read; the others come from memory and from disk, whole."""
    path = MANAGED[face] if method == "stream" else face.path
    async with opened(face, server) as client:
        for layers in ([memory, disk(tmp_path)], [disk(tmp_path)]):
            undo = instrument(client, path, metered(ledger=ledger), cached(layers=layers))
            for way in (first, *WAYS):
                async with entered(face, client) as stream:
                    assert CLASSES[face] is type(stream)
                    assert server.said.text == await way(face, stream)
            undo()
    assert ["provider", "memory", "memory", "memory", "disk", "disk", "disk", "disk"] == [
        record.outcome for record in ledger.records
    ]
    assert 1 == len(server.seen)


@each_face
@pytest.mark.parametrize("method", ["stream", "create"])
async def test_one_left_early_has_its_record_when_it_is_left(face, method, server, ledger):
    """The SDK closes the HTTP response past us; the hold is let go at once all the same."""
    gate = Gate()
    server.plan(Reply(gate=gate, billed=False))
    path = face.path if method == "create" and face is not MESSAGES else MANAGED[face]
    async with opened(face, server) as client:
        instrument(client, path, metered(ledger=ledger), budgeted(ledger=ledger, daily_usd=1))
        gate.open(6)
        async with entered(face, client) as stream:
            async for _ in stream:
                if await _two_pieces(gate):
                    break
        assert 0 == ledger.held
        (record,) = ledger.records
        assert ("cancelled", "estimated") == (record.outcome, record.cost.status)
        assert record.cost.low <= server.charged <= record.cost.high


async def _two_pieces(gate):
    """Say that enough has come."""
    await gate.reached(3)
    return True


@pytest.mark.parametrize("face", [CHAT, RESPONSES], ids=repr)
async def test_a_follower_that_leaves_does_not_close_the_leaders_stream(face, server, ledger):
    """Both have the stream of one request; one of them closes its helper, the other reads on."""
    gate = Gate()
    server.plan(Reply(gate=gate))
    async with opened(face, server) as client:
        instrument(client, face.path, metered(ledger=ledger), deduplicated)
        leaves, left = asyncio.Event(), asyncio.Event()

        async def stays():
            async with entered(face, client) as stream:
                return await by_the_whole(face, stream)

        async def goes():
            async with entered(face, client) as stream:
                await anext(stream)
                leaves.set()
            left.set()

        staying = asyncio.create_task(stays())
        await server.got(1)
        going = asyncio.create_task(goes())
        gate.open(3)
        await leaves.wait()
        await left.wait()
        gate.open()
        assert server.said.text == await staying
        await going
    assert ["provider", "shared"] == sorted(record.outcome for record in ledger.records)
    assert server.charged == ledger.cost.amount


@each_face
async def test_one_that_is_never_entered_asks_nothing(face, server, ledger):
    """Making it sends nothing, records nothing and warns of nothing."""
    async with opened(face, server) as client:
        instrument(client, MANAGED[face], metered(ledger=ledger))
        entered(face, client)  # and thrown away: a coroutine that nobody awaited would complain here
    assert [] == server.seen
    assert [] == ledger.records


@each_face
async def test_the_method_can_be_explained_and_its_answers_dropped(face, server, ledger):
    """It is a decorated function like any other."""
    async with opened(face, server) as client:
        instrument(client, MANAGED[face], metered(ledger=ledger), cached(layers=[memory]))
        method = face.method(client, MANAGED[face])
        assert ("metered", "cached") == explain(method).rings
        streaming = {name: value for name, value in face.streaming.items() if name != "stream"}
        asked = {"model": face.model, **face.request("Was anything lost?"), **streaming}
        for _ in range(2):
            async with method(**asked) as stream:
                await by_the_whole(face, stream)
            await invalidate(method, **asked)
    assert 2 == len(server.seen)


@each_face
async def test_a_function_that_returns_the_helper_is_metered_and_not_kept(face, server, ledger, caplog):
    """Only the client's own method can give a helper back; a function's answer of that kind is bought each time."""
    async with opened(face, server) as client:

        @metered(ledger=ledger)
        @cached(layers=[memory])
        async def tell(question, *, model=face.model):
            return entered(face, client)

        for _ in range(2):
            async with await tell("What was lost?") as stream:
                assert server.said.text == await by_the_whole(face, stream)
    assert ["exact"] * 2 == [record.cost.status for record in ledger.records]
    assert server.charged == ledger.cost.amount


async def test_an_error_inside_the_block_passes_and_closes(server, ledger):
    """What the caller raises is the caller's; the stream is closed and its record says so."""
    server.plan(Reply(gate=(gate := Gate())))
    async with opened(MESSAGES, server) as client:
        instrument(client, MANAGED[MESSAGES], metered(ledger=ledger))
        gate.open(4)

        async def breaks():
            async with entered(MESSAGES, client) as stream:
                await anext(stream)
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await breaks()
    (record,) = ledger.records
    assert "cancelled" == record.outcome
    assert record.cost.low <= server.charged <= record.cost.high
