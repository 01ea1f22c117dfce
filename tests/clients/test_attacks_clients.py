"""Attacks on the seam between the SDKs and the wire: cuts, cancellations, odd bodies, many loops and many tasks."""

import asyncio
import json

import httpx2
import openai
import pytest
from faces import CHAT, FACES, GEMINI, HELLO, MESSAGES, RESPONSES, opened
from loopback import Gate, Loopback, Reply
from wires import Said, chat_events, gemini_events, message_events, response_events, sse

from frugal import Usage, budgeted, cached, deduplicated, instrument, memory, metered
from frugal.testing import MemoryLedger

every_face = pytest.mark.parametrize("face", FACES, ids=repr)
EVENTS = {CHAT: chat_events, RESPONSES: response_events, MESSAGES: message_events, GEMINI: gemini_events}
FLOWING = {"stream_options": {"include_usage": True}}


def events_of(face, said=None):
    """Return the events of a stream, as the server sends them."""
    said = said or Said(model=face.model)
    return EVENTS[face](said, FLOWING)


def only(ledger):
    """Return the one record that there must be."""
    assert 1 == len(ledger.records), [record.outcome for record in ledger.records]
    return ledger.records[0]


def bounded(record, server):
    """Say whether what the provider charged lies within a record's bounds."""
    return record.cost.low <= server.charged <= record.cost.high


@every_face
async def test_a_stream_cancelled_before_any_of_its_events_is_bounded(face, ledger):
    """Wherever its consumer waits when it is cancelled, a record is there, and nothing stays held."""
    for event in range(len(events_of(face))):
        server, own = Loopback(), MemoryLedger()
        try:
            server.plan(Reply(gate=(gate := Gate()), billed=False))
            async with opened(face, server) as client:
                instrument(client, face.streams, metered(ledger=own), budgeted(ledger=own, daily_usd=1))

                async def consume(client=client):
                    async for _ in await face.stream(client):
                        pass

                task = asyncio.create_task(consume())
                gate.open(event)
                await gate.reached(event)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                del task
            record = only(own)
            assert ("cancelled", 0) == (record.outcome, own.held), event
            assert bounded(record, server), event
        finally:
            server.close()


@every_face
@pytest.mark.parametrize("clean", [False, True], ids=["cut", "ended"])
async def test_a_stream_that_the_server_ends_early_is_bounded_and_not_kept(face, clean, server):
    """Cut off or properly ended, but before its end: never exact on less than what was counted, and never replayed."""
    events = events_of(face)
    async with opened(face, server) as client:
        for stop in range(len(events)):
            server.seen.clear()
            ledger = MemoryLedger()
            undo = instrument(client, face.streams, metered(ledger=ledger), cached(layers=[memory]))
            for _ in range(2):
                reply = Reply(events=events[:stop]) if clean else Reply(events=events, cut=stop)
                server.plan(reply)
                try:
                    async for _ in await face.stream(client):
                        pass
                except (*face.broken, face.status_error, openai.APIError, httpx2.RemoteProtocolError):
                    pass
            undo()
            # Chat says why it ended two events before its last, Messages one.
            if stop < len(events) - {CHAT: 2, MESSAGES: 1}.get(face, 0):
                assert 2 == len(server.seen), stop
            assert ledger.cost.low <= server.charged <= ledger.cost.high, stop


@pytest.mark.parametrize("face", [CHAT, MESSAGES], ids=repr)
async def test_an_error_event_in_the_middle_is_bounded_and_passes(face, server, ledger):
    """The SDK raises its own error; what was written before may have been billed."""
    events = events_of(face)[:5]
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    events.append(sse(error, "error" if face is MESSAGES else None))
    server.plan(*[Reply(events=events, billed=False)] * 2)
    raised = []
    async with opened(face, server) as client:
        for put in (False, True):
            if put:
                server.seen.clear()
                instrument(client, face.streams, metered(ledger=ledger))
            with pytest.raises((openai.APIError, MESSAGES.status_error)) as caught:
                async for _ in await face.stream(client):
                    pass
            raised.append((type(caught.value), str(caught.value)))
    assert raised[0] == raised[1]
    record = only(ledger)
    assert ("failed", "estimated") == (record.outcome, record.cost.status)
    assert record.cost.low < record.cost.high
    assert bounded(record, server)


ERROR = {"error": {"message": "Provider returned error", "code": 502, "type": "upstream"}}


@pytest.mark.parametrize("face", [CHAT, RESPONSES, MESSAGES], ids=repr)
async def test_an_error_in_a_body_with_status_200_costs_nothing_and_is_not_kept(face, server, ledger):
    """Some proxies send one so; the SDK makes an empty answer of it, which nobody wants again."""
    server.plan(*[Reply(body={**ERROR, "type": "error"} if face is MESSAGES else ERROR)] * 2)
    async with opened(face, server) as client:
        instrument(client, face.path, metered(ledger=ledger), cached(layers=[memory]))
        for _ in range(2):
            await face.ask(client)
    assert 2 == len(server.seen)
    assert [("exact", 0)] * 2 == [(record.cost.status, record.cost.amount.pico) for record in ledger.records]


async def test_figures_sent_twice_count_once(server, ledger):
    """Some servers repeat the usage, or send it growing with every chunk."""
    events = chat_events(Said(model=CHAT.model), FLOWING)
    figures = events[-2]
    growing = []
    for number, event in enumerate(events[:-2]):
        chunk = json.loads(event[6:])
        chunk["usage"] = {"prompt_tokens": 64, "completion_tokens": number, "total_tokens": 64 + number}
        growing.append(sse(chunk))
    for sent in ([*events[:-2], figures, figures, events[-1]], [*growing, figures, events[-1]]):
        server.plan(Reply(events=sent))
    async with opened(CHAT, server) as client:
        instrument(client, CHAT.path, metered(ledger=ledger))
        for _ in range(2):
            async for _ in await CHAT.stream(client):
                pass
    assert [server.said.usage] * 2 == [record.usage for record in ledger.records]
    assert server.charged == ledger.cost.amount


@every_face
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
async def test_compressed_answers_are_exact(face, streamed, server, ledger):
    """Through the SDK, and where only the wire was watched."""
    server.plan(*[Reply(zipped=True)] * 2)
    async with opened(face, server) as client:
        undo = instrument(client, face.streams if streamed else face.path, metered(ledger=ledger))
        if streamed:
            async for _ in await face.stream(client):
                pass
        else:
            await face.ask(client)
        undo()
        instrument(client)

        @metered(ledger=ledger)
        async def ask(question):
            if streamed:
                return "".join([face.piece(chunk) async for chunk in await face.stream(client, question)])
            return face.text(await face.ask(client, question))

        assert server.said.text == await ask(HELLO)
    assert ["exact"] * 2 == [record.cost.status for record in ledger.records]
    assert server.charged == ledger.cost.amount


@every_face
async def test_a_hundred_tasks_on_one_client_each_have_their_own(face, server, ledger):
    """Every request, refused, lost or answered, belongs to the task that made it."""
    server.planned.extend(Reply(status=429) if number % 3 == 0 else Reply(drop=number % 7 == 0) for number in range(70))
    async with opened(face, server, retries=2) as client:
        instrument(client, face.path, metered(ledger=ledger), budgeted(ledger=ledger, daily_usd=100))
        tasks = [face.ask(client, f"{HELLO} {number}") for number in range(100)]
        answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert 100 == len(ledger.records)
    assert len(server.seen) == sum(record.attempts for record in ledger.records)
    whole = sum(not isinstance(answer, Exception) for answer in answers)
    assert whole == sum(record.outcome == "provider" for record in ledger.records)
    assert ledger.cost.low <= server.charged <= ledger.cost.high
    assert 0 == ledger.held


@every_face
async def test_a_hundred_equal_streams_are_one_request(face, server, ledger):
    """However many read it at once, each reads all of it."""
    server.plan(Reply(gate=(gate := Gate())))
    async with opened(face, server) as client:
        instrument(client, face.streams, metered(ledger=ledger), deduplicated)

        async def read():
            return "".join([face.piece(chunk) async for chunk in await face.stream(client)])

        tasks = [asyncio.create_task(read()) for _ in range(100)]
        await server.got(1)
        gate.open()
        assert [server.said.text] * 100 == await asyncio.gather(*tasks)
        del tasks
    assert 1 == len(server.seen)
    assert server.charged == ledger.cost.amount


def test_one_instrumented_client_serves_two_loops(server, ledger):
    """A loop for each `asyncio.run`; flights, caches and the watch go with it."""
    http = httpx2.AsyncClient(verify=False, limits=httpx2.Limits(max_keepalive_connections=0))
    client = CHAT.open(server, http_client=http)
    instrument(client, CHAT.path, metered(ledger=ledger), deduplicated, cached(layers=[memory]))
    for number in range(2):
        server.plan(Reply(gate=(gate := Gate())))

        async def twice(number=number, gate=gate):
            tasks = [asyncio.create_task(CHAT.ask(client, f"{HELLO} {number}")) for _ in range(2)]
            await server.got(number + 1)
            gate.open()
            return await asyncio.gather(*tasks)

        one, other = asyncio.run(twice())
        assert server.said.text == CHAT.text(one) == CHAT.text(other)
    asyncio.run(http.aclose())
    assert 2 == len(server.seen)
    assert ["provider", "provider", "shared", "shared"] == sorted(record.outcome for record in ledger.records)


@every_face
async def test_an_answer_without_figures_is_estimated_and_says_so(face, server, ledger):
    """A server that counts nothing is not a server that costs nothing."""
    server.said = Said(usage=Usage(input_tokens=20, output_tokens=14))
    from wires import chat, gemini, message, response

    whole = {CHAT: chat, RESPONSES: response, MESSAGES: message, GEMINI: gemini}[face](
        Said(model=face.model, usage=server.said.usage), {}
    )
    whole.pop("usage", None)
    whole.pop("usageMetadata", None)
    server.plan(Reply(body=whole))
    async with opened(face, server) as client:
        instrument(client, face.path, metered(ledger=ledger))
        await face.ask(client)
    server.seen[0].billed = server.said.usage
    record = only(ledger)
    assert "estimated" == record.cost.status
    assert bounded(record, server)
