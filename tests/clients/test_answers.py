"""Whole answers and streams of every SDK, through `instrument`: exact figures, and the SDK's own objects."""

import asyncio
import gc

import pytest
import wires
from faces import CHAT, FACES, GEMINI, MESSAGES, RESPONSES, opened
from loopback import Gate, Reply

from frugal import Usage, instrument, metered

every_face = pytest.mark.parametrize("face", FACES, ids=repr)


def only(ledger):
    """Return the one record that there must be."""
    assert 1 == len(ledger.records), [record.outcome for record in ledger.records]
    return ledger.records[0]


@every_face
async def test_an_answer_is_recorded_to_the_pico_dollar(face, server, ledger):
    """Usage, cost and the model served are what the provider counted, and one request is one attempt."""
    async with opened(face, server) as client:
        instrument(client, face.path, metered(ledger=ledger))
        answer = await face.ask(client)
    record = only(ledger)
    assert server.said.text == face.text(answer)
    assert server.said.usage == record.usage
    assert ("provider", "exact", server.charged, 1) == (
        record.outcome, record.cost.status, record.cost.amount, record.attempts,
    )  # fmt: skip
    assert wires.SERVED.get(face.model, face.model) == record.model
    assert face.model == record.model_requested


@every_face
async def test_an_answer_comes_back_as_the_sdks_own_object(face, server, ledger):
    """Its class and its methods are those that the SDK gives without us."""
    async with opened(face, server) as client:
        without = await face.ask(client)
        instrument(client, face.path, metered(ledger=ledger))
        answer = await face.ask(client)
    assert type(without) is type(answer)
    assert isinstance(answer, face.answer)
    assert without.model_dump(exclude={"sdk_http_response"}) == answer.model_dump(exclude={"sdk_http_response"})


@every_face
async def test_a_stream_read_to_its_end_is_recorded_to_the_pico_dollar(face, server, ledger):
    """The figures of its last chunks are read, and the record is there when iteration ends."""
    async with opened(face, server) as client:
        instrument(client, face.streams, metered(ledger=ledger))
        text = "".join([face.piece(chunk) async for chunk in await face.stream(client)])
    record = only(ledger)
    assert server.said.text == text
    assert server.said.usage == record.usage
    assert ("provider", "exact", server.charged) == (record.outcome, record.cost.status, record.cost.amount)


@every_face
async def test_a_streams_chunks_are_those_that_the_sdk_gives(face, server, ledger):
    """One by one, in their classes."""
    async with opened(face, server) as client:
        without = [chunk async for chunk in await face.stream(client)]
        instrument(client, face.streams, metered(ledger=ledger))
        chunks = [chunk async for chunk in await face.stream(client)]
    assert [type(chunk) for chunk in without] == [type(chunk) for chunk in chunks]
    plain = [chunk.model_dump(exclude={"sdk_http_response"}) for chunk in without]
    assert plain == [chunk.model_dump(exclude={"sdk_http_response"}) for chunk in chunks]


@every_face
async def test_a_stream_keeps_its_class_and_its_attributes(face, server, ledger):
    """`isinstance`, the HTTP response and the stream's own methods are within reach."""
    async with opened(face, server) as client:

        async def seen():
            stream = await face.stream(client)
            async for _ in stream:
                pass
            return stream.__class__, {name for name in dir(stream.__class__) if hasattr(stream, name)}

        kind, names = await seen()
        instrument(client, face.streams, metered(ledger=ledger))
        kind_with, names_with = await seen()
    assert kind is kind_with
    assert names <= names_with


@every_face
@pytest.mark.parametrize("left", ["closed", "dropped", "cancelled"])
async def test_a_stream_left_early_is_bounded(face, left, server, ledger):
    """However it is left, the record says `cancelled`, and what the provider charged lies within its bounds."""
    gate = Gate()
    server.plan(Reply(gate=gate, billed=False))
    async with opened(face, server) as client:
        instrument(client, face.streams, metered(ledger=ledger))
        waiting = asyncio.Event()

        async def consume():
            stream = await face.stream(client)
            seen = 0
            async for chunk in stream:
                seen += bool(face.piece(chunk))
                if seen == 2:
                    waiting.set()
                    if left != "cancelled":
                        return stream
            return stream

        task = asyncio.create_task(consume())
        gate.open(3 if face is GEMINI else 7 if face is RESPONSES else 5)
        await waiting.wait()
        if left == "cancelled":
            await gate.reached(3)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        elif left == "closed":
            await (await task).aclose()
        else:
            await task
        del task  # and the stream with it, while the loop can still close the SDK's generators
        if left == "dropped":
            gc.collect()
    record = only(ledger)
    assert ("cancelled", "estimated") == (record.outcome, record.cost.status)
    assert record.cost.low <= server.charged <= record.cost.high


@pytest.mark.parametrize("face", [CHAT, MESSAGES, GEMINI], ids=repr)
async def test_a_stream_without_figures_is_estimated_and_says_so(face, server, ledger):
    """Nothing is silently free: what the request and the text allow are its bounds."""
    server.said = wires.Said(counted=False, usage=Usage(input_tokens=30, output_tokens=14))
    async with opened(face, server) as client:
        instrument(client, face.streams, metered(ledger=ledger))
        async for _ in await face.stream(client, **({"stream_options": {}} if face is CHAT else {})):
            pass
    record = only(ledger)
    assert "estimated" == record.cost.status
    assert record.cost.low <= server.charged <= record.cost.high
    assert record.cost.low < record.cost.high


@every_face
@pytest.mark.parametrize("status", [400, 401, 429, 500])
async def test_an_error_status_costs_nothing_and_passes_unchanged(face, status, server, ledger):
    """The SDK's own error comes out, of the class and with the attributes that it has without us."""
    server.plan(Reply(status=status), Reply(status=status))
    async with opened(face, server) as client:
        with pytest.raises(face.status_error) as without:
            await face.ask(client)
        instrument(client, face.path, metered(ledger=ledger))
        with pytest.raises(face.status_error) as caught:
            await face.ask(client)
    assert type(without.value) is type(caught.value)
    assert str(without.value) == str(caught.value)
    assert caught.value.__cause__ is None or type(caught.value.__cause__) is type(without.value.__cause__)
    record = only(ledger)
    assert ("failed", "exact", 0, 1) == (
        record.outcome, record.cost.status, record.cost.amount.pico, record.attempts,
    )  # fmt: skip


@every_face
async def test_a_request_that_found_nobody_costs_nothing(face, server, ledger):
    """Where no connection stood, nobody was there to bill."""
    nowhere = "http://127.0.0.1:9" + ("" if face in {MESSAGES, GEMINI} else "/v1")
    async with opened(face, server, base_url=nowhere) as client:
        instrument(client, face.path, metered(ledger=ledger))
        with pytest.raises(face.broken):
            await face.ask(client)
    record = only(ledger)
    assert ("failed", "exact", 0, 0) == (
        record.outcome, record.cost.status, record.cost.amount.pico, record.attempts,
    )  # fmt: skip
