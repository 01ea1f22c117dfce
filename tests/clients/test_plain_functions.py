"""Functions of one's own that use a client: what is known of them, with the client watched and without."""

import asyncio

import pytest
from faces import CHAT, FACES, GEMINI, MESSAGES, RESPONSES, opened
from loopback import Gate, Reply
from wires import SERVED, Said

from frugal import Money, Usage, instrument, metered, scope

every_face = pytest.mark.parametrize("face", FACES, ids=repr)


def only(ledger):
    """Return the one record that there must be."""
    assert 1 == len(ledger.records), [record.outcome for record in ledger.records]
    return ledger.records[0]


@every_face
async def test_a_function_that_returns_text_is_exact_where_its_client_is_watched(face, server, ledger):
    """It names no model and gives back no figures; both were on the wire."""
    async with opened(face, server) as client:
        instrument(client)

        @metered(ledger=ledger)
        async def ask(question):
            return face.text(await face.ask(client, question))

        assert server.said.text == await ask("What was lost?")
    record = only(ledger)
    assert ("llm", "provider", "exact", server.charged) == (
        record.kind, record.outcome, record.cost.status, record.cost.amount,
    )  # fmt: skip
    assert server.said.usage == record.usage
    assert SERVED.get(face.model, face.model) == record.model


@every_face
async def test_a_function_that_reads_a_stream_itself_is_exact_where_its_client_is_watched(face, server, ledger):
    """The stream never leaves the function; its bytes passed all the same."""
    async with opened(face, server) as client:
        instrument(client)

        @metered(ledger=ledger)
        async def ask(question):
            return "".join([face.piece(chunk) async for chunk in await face.stream(client, question)])

        @metered(ledger=ledger)
        async def tell(question):
            async for chunk in await face.stream(client, question):
                if face.piece(chunk):
                    yield face.piece(chunk)

        assert server.said.text == await ask("What was lost?")
        assert server.said.text == "".join([piece async for piece in tell("What was lost?")])
    assert [("exact", server.said.usage)] * 2 == [(record.cost.status, record.usage) for record in ledger.records]
    assert server.charged == ledger.cost.amount


@every_face
async def test_several_requests_in_one_function_are_added_up(face, server, ledger):
    """A function that asks twice and returns the last answer has spent both."""
    async with opened(face, server) as client:
        instrument(client)

        @metered(ledger=ledger)
        async def think(question):
            draft = face.text(await face.ask(client, question))
            return await face.ask(client, f"Shorten: {draft}")

        await think("What was lost?")
    record = only(ledger)
    assert ("exact", server.charged, 2) == (record.cost.status, record.cost.amount, record.attempts)
    assert server.said.usage + server.said.usage == record.usage


@every_face
async def test_what_was_answered_before_a_function_failed_is_exact(face, server, ledger):
    """The function's own error says nothing of money; the wire does."""
    async with opened(face, server) as client:
        instrument(client)

        @metered(ledger=ledger)
        async def ask(question):
            raise ValueError(face.text(await face.ask(client, question)))

        with pytest.raises(ValueError, match="tenth of a cent"):
            await ask("What was lost?")
    record = only(ledger)
    assert ("failed", "exact", server.charged) == (record.outcome, record.cost.status, record.cost.amount)


async def test_a_request_that_lost_a_race_is_inside_the_bounds(server, ledger):
    """Two are asked, the slower is cancelled: it may have been billed."""
    gate = Gate()
    server.plan(Reply(gate=gate))
    async with opened(CHAT, server) as client:
        instrument(client)

        @metered(ledger=ledger)
        async def race(question):
            slow = asyncio.ensure_future(CHAT.ask(client, question))
            await server.got(1)
            fast = await CHAT.ask(client, question)
            slow.cancel()
            await asyncio.wait([slow])
            return fast

        await race("What was lost?")
    record = only(ledger)
    assert ("estimated", 2) == (record.cost.status, record.attempts)
    assert record.cost.low <= server.charged <= record.cost.high


async def test_decorated_calls_inside_keep_their_own_requests(server, ledger):
    """What an inner call sent is its own; the function around it is composite and costs nothing."""
    async with opened(CHAT, server, retries=1) as client:
        instrument(client)
        server.plan(Reply(status=429))

        @metered(ledger=ledger)
        async def inner(question):
            return CHAT.text(await CHAT.ask(client, question))

        @metered(ledger=ledger)
        async def outer(question):
            return await inner(question) + await inner(f"{question} Really?")

        await outer("What was lost?")
    first, second, whole = ledger.records
    assert [2, 1] == [first.attempts, second.attempts]
    assert ("composite", Money(0), server.charged) == (whole.outcome, whole.cost.amount, whole.rolled_up.amount)


async def test_a_function_that_no_call_of_a_model_is_made_in_is_still_a_tool(server, ledger):
    """Watching a client changes nothing for who does not use it, nor for what is no answer of a model."""
    async with opened(CHAT, server) as client:
        instrument(client)

        @metered(ledger=ledger)
        async def add(a, b):
            return a + b

        assert 3 == await add(1, 2)
    assert ("tool", "exact", Money(0)) == (only(ledger).kind, only(ledger).cost.status, only(ledger).cost.amount)


async def test_a_watched_client_outside_any_call_is_left_alone(server):
    """Nobody is served, so nobody is told."""
    async with opened(CHAT, server) as client:
        undo = instrument(client)
        with scope() as run:
            assert server.said.text == CHAT.text(await CHAT.ask(client))
        undo()
        assert "send" not in vars(client._client)
    assert [] == run.calls


# --- without a watch: what the SDKs say of themselves -------------------------------------------------------------


@pytest.mark.parametrize("face", [CHAT, RESPONSES, MESSAGES], ids=repr)
async def test_the_retries_that_an_error_counts_are_attempts(face, server, ledger):
    """Their number is known and their fate is not: the cost may be up to what they could have been billed."""
    server.plan(*[Reply(status=429)] * 3)
    async with opened(face, server, retries=2) as client:

        @metered(ledger=ledger)
        async def ask(question, *, model=face.model):
            return await face.ask(client, question)

        with pytest.raises(face.status_error):
            await ask("What was lost?")
    record = only(ledger)
    assert ("failed", 3, "estimated") == (record.outcome, record.attempts, record.cost.status)
    assert Money(0) == record.cost.amount < record.cost.high


@pytest.mark.parametrize("face", [CHAT, RESPONSES, MESSAGES], ids=repr)
async def test_the_retries_that_a_stream_counts_are_attempts(face, server, ledger):
    """Its HTTP request says how many came before it."""
    server.plan(Reply(status=500))
    async with opened(face, server, retries=2) as client:

        @metered(ledger=ledger)
        async def ask(question, *, model=face.model):
            return await face.stream(client, question)

        async for _ in await ask("What was lost?"):
            pass
    record = only(ledger)
    assert (2, "estimated") == (record.attempts, record.cost.status)
    assert record.cost.low == record.cost.amount < record.cost.high
    assert record.cost.low <= server.charged <= record.cost.high


@pytest.mark.parametrize("face", [CHAT, MESSAGES], ids=repr)
async def test_the_retries_that_a_raw_response_counts_are_attempts(face, server, ledger):
    """`retries_taken` is there to be read."""
    server.plan(Reply(status=500))
    async with opened(face, server, retries=2) as client:

        @metered(ledger=ledger)
        async def ask(question, *, model=face.model):
            resource = face.method(client, face.path.rpartition(".")[0])
            return await resource.with_raw_response.create(model=model, **face.request(question))

        raw = await ask("What was lost?")
    assert 1 == raw.retries_taken
    record = only(ledger)
    assert (2, "estimated") == (record.attempts, record.cost.status)
    assert record.cost.low <= server.charged <= record.cost.high


async def test_text_without_a_watch_is_estimated_and_says_so(server, ledger):
    """Nothing is known but the text."""
    server.said = Said(usage=Usage(input_tokens=12, output_tokens=14))
    async with opened(GEMINI, server) as client:

        @metered(ledger=ledger)
        async def ask(question, *, model=GEMINI.model):
            return GEMINI.text(await GEMINI.ask(client, question))

        await ask("What was lost, and who is to tell the ledger of it?")
    record = only(ledger)
    assert "estimated" == record.cost.status
    assert record.cost.low <= server.charged <= record.cost.high
