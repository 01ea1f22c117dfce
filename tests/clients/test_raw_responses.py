"""Raw responses: whoever reads the body, in whatever way, what it says is recorded, and the response is untouched."""

import gc

import anthropic
import openai
import pytest
from faces import CHAT, MESSAGES, RESPONSES, opened
from loopback import Gate, Reply

from frugal import Ledger, instrument, metered
from frugal.testing import MemoryLedger

each_face = pytest.mark.parametrize("face", [CHAT, RESPONSES, MESSAGES], ids=repr)
watched = pytest.mark.parametrize("watched", [True, False], ids=["watched", "unwatched"])


def resource(face, client):
    """Return the resource that has `create`."""
    return face.method(client, face.path.rpartition(".")[0])


def asked(face, **more):
    """Return the arguments of a question."""
    return {"model": face.model, **face.request("Was anything lost?"), **more}


def only(ledger):
    """Return the one record that there must be."""
    assert 1 == len(ledger.records), [record.outcome for record in ledger.records]
    return ledger.records[0]


async def by_parsing(face, response):
    """Let the SDK parse it."""
    return face.text(await response.parse())


async def by_bytes(face, response):
    """Take the bytes as they come."""
    return b"".join([piece async for piece in response.iter_bytes()])


async def by_json(face, response):
    """Decode the body."""
    return (await response.json())["model"]


async def by_reading(face, response):
    """Take the whole body."""
    return await response.read()


@each_face
@pytest.mark.parametrize("way", [by_parsing, by_bytes, by_json, by_reading])
async def test_a_body_that_its_caller_reads_is_exact(face, way, server, ledger):
    """`.with_streaming_response` reads nothing itself; the record comes when the body has been read."""
    async with opened(face, server) as client:
        instrument(client, face.path, metered(ledger=ledger))
        async with resource(face, client).with_streaming_response.create(**asked(face)) as response:
            assert isinstance(response, openai.AsyncAPIResponse | anthropic.AsyncAPIResponse)
            assert [] == ledger.records
            assert await way(face, response)
    record = only(ledger)
    assert ("provider", "exact", server.charged) == (record.outcome, record.cost.status, record.cost.amount)
    assert server.said.usage == record.usage


@each_face
@watched
@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gzip"])
async def test_a_raw_streams_lines_are_exact(face, watched, zipped, server, ledger):
    """Server-sent events read line by line, compressed or not, on an instrumented client and in a plain function."""
    server.plan(Reply(zipped=zipped))
    async with opened(face, server) as client:
        create = resource(face, client).with_streaming_response.create

        @metered(ledger=ledger)
        async def tell(question, *, model=face.model):
            async with create(**asked(face, **face.streaming)) as response:
                return [line async for line in response.iter_lines()]

        if watched:
            instrument(client)
        lines = await tell("Was anything lost?")
    assert any(line.startswith("data:") for line in lines)
    record = only(ledger)
    expected = ("provider", "exact" if watched else "estimated")
    assert expected == (record.outcome, record.cost.status)
    assert record.cost.low <= server.charged <= record.cost.high


@pytest.mark.parametrize("face", [CHAT, RESPONSES], ids=repr)
@watched
async def test_a_raw_response_of_a_stream_is_exact_once_it_is_read(face, watched, server, ledger):
    """`.with_raw_response` with `stream=True` hands the stream out later, by `parse()`."""
    async with opened(face, server) as client:

        @metered(ledger=ledger)
        async def tell(question, *, model=face.model):
            return await resource(face, client).with_raw_response.create(**asked(face, **face.streaming))

        if watched:
            instrument(client)
        raw = await tell("Was anything lost?")
        assert [] == ledger.records
        assert "text/event-stream" == raw.headers["content-type"]
        text = "".join([face.piece(chunk) async for chunk in raw.parse()])
    assert server.said.text == text
    record = only(ledger)
    assert ("provider", "exact", server.charged) == (record.outcome, record.cost.status, record.cost.amount)


@each_face
@pytest.mark.parametrize("how", ["left", "dropped"])
async def test_a_body_that_is_never_read_is_bounded(face, how, server, ledger):
    """Left unread or thrown away: the provider answered, and nobody knows what."""
    server.plan(Reply(gate=(gate := Gate())))
    gate.open(2)
    async with opened(face, server) as client:
        instrument(client, face.path, metered(ledger=ledger))
        if how == "left":
            async with resource(face, client).with_streaming_response.create(**asked(face, **face.streaming)):
                pass
        else:
            view = resource(face, client).with_raw_response
            await view.create(**asked(face, **face.streaming))
            gc.collect()
    record = only(ledger)
    assert ("cancelled", "estimated") == (record.outcome, record.cost.status)
    assert record.cost.low <= server.charged <= record.cost.high


async def test_an_encoding_that_is_not_known_is_estimated(server, ledger):
    """What cannot be read is never guessed at."""
    server.plan(Reply(headers={"content-encoding": "x-own"}))
    async with opened(CHAT, server) as client:
        instrument(client, CHAT.path, metered(ledger=ledger))
        async with client.chat.completions.with_streaming_response.create(**asked(CHAT)) as response:
            assert server.said.text == CHAT.text(await response.parse())
    record = only(ledger)
    assert "estimated" == record.cost.status
    assert record.cost.low <= server.charged <= record.cost.high


async def test_a_body_that_is_not_what_it_says_fails_as_it_did(server, ledger):
    """The HTTP client's own error comes out, and the record says that it failed."""
    server.plan(*[Reply(headers={"content-encoding": "gzip"})] * 2)
    async with opened(CHAT, server) as client:
        errors = []
        for _ in range(2):
            with pytest.raises(Exception) as caught:  # noqa: PT011  whatever the SDK makes of it
                async with client.chat.completions.with_streaming_response.create(**asked(CHAT)) as response:
                    await response.read()
            errors.append(type(caught.value))
            undo = instrument(client, CHAT.path, metered(ledger=ledger))
        undo()
    assert errors[0] is errors[1]
    assert only(ledger).outcome in {"failed", "cancelled"}


async def test_the_record_is_durable_before_the_block_is_left(server, tmp_path):
    """Reading to the end waits for the ledger, as a stream does."""
    with Ledger(tmp_path / "ledger") as ledger:
        async with opened(CHAT, server) as client:
            instrument(client, CHAT.path, metered(ledger=ledger))
            async with client.chat.completions.with_streaming_response.create(**asked(CHAT)) as response:
                await response.read()
                assert ["exact"] == [record.cost.status for record in ledger.records()]


async def test_two_calls_of_one_client_keep_their_bodies_apart(server):
    """Each body tells its own call."""
    ledgers = MemoryLedger(), MemoryLedger()
    async with opened(CHAT, server) as client:
        readers = []
        for ledger in ledgers:
            undo = instrument(client, CHAT.path, metered(ledger=ledger))
            readers.append(await client.chat.completions.with_raw_response.create(**asked(CHAT, **CHAT.streaming)))
            undo()
        for raw in reversed(readers):
            async for _ in raw.parse():
                pass
    assert [["exact"], ["exact"]] == [[record.cost.status for record in ledger.records] for ledger in ledgers]
