"""`instrument` on live clients: put on, taken off in any order, followed into copies, and never in the way."""

import asyncio
import copy
import gc
import inspect
import pickle
import weakref

import openai
import pytest
from faces import CHAT, GEMINI, MESSAGES, opened
from google import genai

from frugal import (
    NotAsyncError,
    cached,
    deduplicated,
    explain,
    instrument,
    memory,
    metered,
    middleware,
    rate_limited,
    stack,
)

each_sdk = pytest.mark.parametrize("face", [CHAT, MESSAGES, GEMINI], ids=repr)


@each_sdk
async def test_undoing_leaves_no_trace(face, server, ledger):
    """The method, the HTTP client and the copies are the very ones they were."""
    async with opened(face, server) as client:
        await face.ask(client)
        owner = face.method(client, face.path.rpartition(".")[0])
        before = set(vars(client)), dict(vars(owner))
        http = getattr(client, "_client", None) or client._api_client._async_httpx_client
        sends = dict(vars(http))
        undo = instrument(client, face.path, metered(ledger=ledger))
        await face.ask(client)
        undo()
        undo()
        assert before == (set(vars(client)), dict(vars(owner)))
        assert sends.keys() == vars(http).keys()
        await face.ask(client)
    assert 1 == len(ledger.records)


def _ours(number, noted):
    """Return a ring that notes each call."""

    async def ring(call, proceed):
        noted.append(number)
        return await proceed(call)

    return middleware(ring)


def _theirs(number, noted):
    """Return a decorator that is not ours, and notes each call."""

    def decorate(function):
        async def outer(*args, **kwargs):
            noted.append(number)
            return await function(*args, **kwargs)

        return outer

    return decorate


@pytest.mark.parametrize("make", [_ours, _theirs])
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (1, 2, 0), (0, 2, 1), (2, 0, 1)], ids=str)
async def test_stacks_come_off_in_any_order(make, order, server):
    """After each undo, the calls go through what is left, once, and the last leaves the method as it was."""
    noted = []
    async with opened(CHAT, server) as client:
        plain = CHAT.method(client)
        undos = [instrument(client, CHAT.path, make(number, noted)) for number in range(3)]
        left = [2, 1, 0]
        for number in order:
            noted.clear()
            await CHAT.ask(client)
            assert left == noted
            undos[number]()
            left.remove(number)
        assert plain == CHAT.method(client)


@each_sdk
async def test_instrumenting_twice_records_once(face, server, ledger):
    """Two stacks on one method are one stack."""
    async with opened(face, server) as client:
        instrument(client, face.path, metered(ledger=ledger))
        instrument(client, face.path, cached(layers=[memory]))
        await face.ask(client)
        await face.ask(client)
        assert "cached" in str(explain(face.method(client)))
    assert ["provider", "memory"] == [record.outcome for record in ledger.records]
    assert 1 == len(server.seen)


@each_sdk
async def test_what_others_put_on_top_is_left_alone(face, server, ledger, caplog):
    """An undo that finds somebody else's wrapper takes nothing off, and says so."""
    async with opened(face, server) as client:
        undo = instrument(client, face.path, metered(ledger=ledger))
        owner = face.method(client, face.path.rpartition(".")[0])
        name = face.path.rpartition(".")[2]
        ours = face.method(client)

        async def theirs(*args, **kwargs):
            return await ours(*args, **kwargs)

        setattr(owner, name, theirs)
        undo()
        assert theirs is face.method(client)
        assert "take that off first" in caplog.text


@pytest.mark.parametrize("face", [CHAT, MESSAGES], ids=repr)
@pytest.mark.parametrize("maker", ["with_options", "copy"])
async def test_copies_of_a_client_are_instrumented_as_it_is(face, maker, server, ledger):
    """`with_options` makes another client, and what is asked through it must not go unrecorded."""
    async with opened(face, server) as client:
        undo = instrument(client, face.path, metered(ledger=ledger))
        other = getattr(client, maker)(timeout=5)
        assert type(client) is type(other)
        await face.ask(other)
        await face.ask(getattr(other, maker)(timeout=6))
        assert 2 == len(ledger.records)
        undo()
        await face.ask(other)
        await face.ask(client.with_options(timeout=7))
    assert 2 == len(ledger.records)
    assert server.charged == ledger.cost.amount * 2


async def test_copies_share_what_their_client_has(server, ledger):
    """Its cache, its flights and its limits are theirs too; otherwise a copy would slip past them."""
    async with opened(CHAT, server) as client:
        instrument(client, CHAT.path, stack(metered(ledger=ledger), deduplicated, cached(layers=[memory]),
                                            rate_limited(max_concurrency=1)))  # fmt: skip
        await CHAT.ask(client)
        await CHAT.ask(client.with_options(timeout=5))
    assert ["provider", "memory"] == [record.outcome for record in ledger.records]
    assert 1 == len(server.seen)


async def test_many_copies_leave_nothing_behind(server, ledger):
    """A copy for every request is common; each goes when it is done with."""
    async with opened(CHAT, server) as client:
        undo = instrument(client, CHAT.path, metered(ledger=ledger))
        copies = []
        for _ in range(20):
            other = client.with_options(timeout=5)
            copies.append(weakref.ref(other))
            del other
        gc.collect()
        assert [None] * 20 == [one() for one in copies]
        assert 1 == len(vars(client._client)["send"].frugal_users)
        undo()
        assert "send" not in vars(client._client)


@each_sdk
async def test_a_client_is_not_kept_alive_by_its_undo(face, server, ledger):
    """Once it is gone, undoing does nothing."""
    client = face.open(server)
    undo = instrument(client, face.path, metered(ledger=ledger))
    await face.ask(client)
    await face.close(client)
    gone = weakref.ref(client)
    del client
    gc.collect()
    assert gone() is None
    undo()


@each_sdk
async def test_two_clients_of_one_class_are_two(face, server, ledger):
    """What is put on one is not on the other."""
    async with opened(face, server) as one, opened(face, server) as other:
        instrument(one, face.path, metered(ledger=ledger))
        await face.ask(other)
        assert [] == ledger.records
        await face.ask(one)
    assert 1 == len(ledger.records)


async def test_a_view_made_before_is_made_anew(server, ledger):
    """`.with_raw_response` wraps the methods that a resource had when it was first read."""
    async with opened(CHAT, server) as client:
        for view in (client.chat.completions.with_raw_response, client.with_raw_response.chat.completions):
            await view.create(model=CHAT.model, **CHAT.request("Hello"))
        undo = instrument(client, CHAT.path, metered(ledger=ledger))
        for view in (client.chat.completions.with_raw_response, client.with_raw_response.chat.completions):
            await view.create(model=CHAT.model, **CHAT.request("Hello"))
        assert 2 == len(ledger.records)
        undo()
        for view in (client.chat.completions.with_raw_response, client.with_raw_response.chat.completions):
            await view.create(model=CHAT.model, **CHAT.request("Hello"))
    assert 2 == len(ledger.records)


async def test_a_method_of_a_class_is_instrumented_for_all_its_objects(server, ledger):
    """Clients made before and after; undo takes it off for all."""
    kind = openai.resources.chat.completions.AsyncCompletions
    before = vars(kind)["create"]
    async with opened(CHAT, server) as one:
        undo = instrument(kind, "create", metered(ledger=ledger))
        try:
            async with opened(CHAT, server) as other:
                await CHAT.ask(one)
                await CHAT.ask(other)
        finally:
            undo()
        await CHAT.ask(one)
    assert before is vars(kind)["create"]
    assert 2 == len(ledger.records)
    assert ["exact"] * 2 == [record.cost.status for record in ledger.records]


def test_a_sync_client_is_refused_with_the_way_out(server):
    """It would block the loop; the async client of the same SDK is named."""
    with openai.OpenAI(api_key="k", base_url=server.url) as client, pytest.raises(NotAsyncError, match="AsyncCompl"):
        instrument(client, "chat.completions.create", metered)
    with (
        genai.Client(api_key="k", http_options={"base_url": server.url}) as client,
        pytest.raises(NotAsyncError, match="AsyncModels"),
    ):
        instrument(client, "models.generate_content", metered)


@pytest.mark.parametrize("path", ["chat.completion.create", "chat.completions.make"])
async def test_a_path_that_leads_nowhere_is_said(path, server):
    """With what was looked for."""
    async with opened(CHAT, server) as client:
        with pytest.raises(AttributeError, match=path.replace(".", r"\.")):
            instrument(client, path, metered)


def test_a_decorator_in_the_place_of_the_path_is_said():
    """It is the commonest slip."""
    with pytest.raises(TypeError, match=r"chat\.completions\.create"):
        instrument(object(), metered)


def test_without_a_path_there_must_be_something_to_watch():
    """An object without an HTTP client cannot be watched."""
    with pytest.raises(AttributeError, match="no HTTP client"):
        instrument(object())


@each_sdk
async def test_an_instrumented_method_looks_as_it_did(face, server, ledger):
    """Its name, its documentation and its signature stay, and a task can be made of its call."""
    async with opened(face, server) as client:
        before = face.method(client)
        instrument(client, face.path, metered(ledger=ledger))
        after = face.method(client)
        assert (before.__name__, before.__doc__) == (after.__name__, after.__doc__)
        assert inspect.signature(before) == inspect.signature(after)
        assert inspect.iscoroutinefunction(before) == inspect.iscoroutinefunction(after)
        await asyncio.create_task(face.ask(client))
    assert 1 == len(ledger.records)


async def test_a_copied_client_keeps_working_and_a_pickled_one_says_why_not(server, ledger):
    """`copy.copy` shares the resources; a client never could be pickled."""
    async with opened(CHAT, server) as client:
        instrument(client, CHAT.path, metered(ledger=ledger))
        await CHAT.ask(copy.copy(client))
        assert 1 == len(ledger.records)
        with pytest.raises(TypeError):
            pickle.dumps(client)
